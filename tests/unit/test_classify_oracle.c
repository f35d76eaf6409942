/* Classification against PostgreSQL's own grammar (libpg_query), statement by statement: wherever the grammar sees a write,
 * the lexer must not have said read. The corpus is in tests/unit/data/corpus; a file with a line ";;" in it holds one
 * statement between two such lines, any other file one statement a line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glob.h>
#include <jansson.h>
#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/core/classify.h"
#include "../../proxy/core/sqllex.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/prng.h"
#include "classify_catalog.h"

enum {
    STATEMENTS_MAX = 20000,
    STATEMENTS_MIN = 1500,
    FILE_MAX = 1 << 22,
    MUTANTS = 12,
    TOKENS_MAX = 4096
};

struct corpus {
    char *text[STATEMENTS_MAX];
    int n;
};

/* What the grammar says about a text. */
struct opinion {
    bool parsed, writes;
    size_t n_statements;
    unsigned tx; /* enum class_bits, of transaction statements */
    bool read_only, temp, session_set;
    bool own_set; /* SET belongs to a function that is created or altered */
};

static struct corpus corpus;

static void load_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = malloc(FILE_MAX);
    assert_non_null(text);
    size_t n = fread(text, 1, FILE_MAX - 1, f);
    fclose(f);
    assert_true(n < FILE_MAX - 1);
    text[n] = '\0';
    const char *separator = strstr(text, "\n;;\n") ? "\n;;\n" : "\n";
    for (char *from = text; from < text + n;) {
        char *to = strstr(from, separator);
        size_t len = to ? (size_t)(to - from) : strlen(from);
        if (!to && len && from[len - 1] == '\n')
            len--;
        assert_true(corpus.n < STATEMENTS_MAX);
        corpus.text[corpus.n++] = strndup(from, len);
        from = to ? to + strlen(separator) : text + n;
    }
    free(text);
}

static int load_corpus(void **state)
{
    (void)state;
    const char *dir = getenv("TANIST_CORPUS");
    char pattern[512];
    snprintf(pattern, sizeof(pattern), "%s/*.sql", dir ? dir : "tests/unit/data/corpus");
    glob_t g;
    if (glob(pattern, 0, NULL, &g) != 0)
        return -1;
    for (size_t i = 0; i < g.gl_pathc; i++)
        load_file(g.gl_pathv[i]);
    globfree(&g);
    return 0;
}

static int drop_corpus(void **state)
{
    (void)state;
    for (int i = 0; i < corpus.n; i++)
        free(corpus.text[i]);
    return 0;
}

static const char *string_of(const json_t *node, const char *key)
{
    const char *s = json_string_value(json_object_get(node, key));
    return s ? s : "";
}

static bool call_is_safe(const json_t *call)
{
    const json_t *names = json_object_get(call, "funcname");
    size_t n = json_array_size(names);
    const char *name = string_of(json_object_get(json_array_get(names, n - 1), "String"), "sval");
    /* EXTRACT, OVERLAY and the like: the grammar itself names the built-in function. */
    if (strcmp(string_of(call, "funcformat"), "COERCE_SQL_SYNTAX") == 0)
        return true;
    if (strcmp(name, "like_escape") == 0 || strcmp(name, "similar_to_escape") == 0 ||
        strcmp(name, "xmlexists") == 0)
        return true;
    return catalog_function(classify_test_catalog(), slice_of(name)) == CATALOG_SAFE;
}

static bool copy_is_safe(const json_t *copy)
{
    return !json_object_get(copy, "is_from") && !json_object_get(copy, "filename") &&
           !json_object_get(copy, "is_program");
}

static bool sample_is_safe(const json_t *sample)
{
    const json_t *method = json_object_get(sample, "method");
    const char *name = string_of(json_object_get(json_array_get(method, 0), "String"), "sval");
    return json_array_size(method) == 1 &&
           (strcmp(name, "bernoulli") == 0 || strcmp(name, "system") == 0);
}

static bool relation_is_safe(const json_t *rel)
{
    const struct catalog *cat = classify_test_catalog();
    return !catalog_is_primary(cat, slice_of(string_of(rel, "relname"))) &&
           strncmp(string_of(rel, "schemaname"), "pg_temp", 7) != 0;
}

static unsigned tx_bits(const char *kind)
{
    static const struct {
        const char *kind;
        unsigned bits;
    } kinds[] = {
        {"TRANS_STMT_BEGIN", CLASS_TX_BEGIN},       {"TRANS_STMT_START", CLASS_TX_BEGIN},
        {"TRANS_STMT_COMMIT", CLASS_TX_COMMIT},     {"TRANS_STMT_ROLLBACK", CLASS_TX_ROLLBACK},
        {"TRANS_STMT_PREPARE", CLASS_TX_COMMIT},    {"TRANS_STMT_SAVEPOINT", CLASS_TX_SAVEPOINT},
        {"TRANS_STMT_RELEASE", CLASS_TX_SAVEPOINT}, {"TRANS_STMT_ROLLBACK_TO", CLASS_TX_SAVEPOINT},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].bits;
    }
    return 0;
}

/* One member of the tree. */
static void judge(struct opinion *o, const char *key, const json_t *value)
{
    size_t n = strlen(key);
    if (strcmp(key, "FuncCall") == 0)
        o->writes |= !call_is_safe(value);
    else if (strcmp(key, "CopyStmt") == 0)
        o->writes |= !copy_is_safe(value);
    else if (strcmp(key, "RangeTableSample") == 0)
        o->writes |= !sample_is_safe(value);
    else if (strcmp(key, "RangeVar") == 0 || strcmp(key, "relation") == 0)
        o->writes |= !relation_is_safe(value);
    else if (strcmp(key, "intoClause") == 0 || strcmp(key, "lockingClause") == 0)
        o->writes = true;
    else if (n > 4 && strcmp(key + n - 4, "Stmt") == 0)
        o->writes |= strcmp(key, "SelectStmt") != 0 && strcmp(key, "ExplainStmt") != 0;
    if (strcmp(key, "TransactionStmt") == 0)
        o->tx |= tx_bits(string_of(value, "kind"));
    if (strcmp(key, "VariableSetStmt") == 0) {
        const char *name = string_of(value, "name");
        bool local = json_object_get(value, "is_local") || strncmp(name, "TRANSACTION", 11) == 0;
        o->session_set |= !local;
    }
    o->own_set |= strcmp(key, "CreateFunctionStmt") == 0 || strcmp(key, "AlterFunctionStmt") == 0;
    if (strcmp(key, "relpersistence") == 0)
        o->temp |= strcmp(json_string_value(value), "t") == 0;
    if (strcmp(key, "defname") == 0)
        o->read_only |= strcmp(json_string_value(value), "transaction_read_only") == 0;
}

static void walk(struct opinion *o, const json_t *node)
{
    if (json_is_array(node)) {
        for (size_t i = 0; i < json_array_size(node); i++)
            walk(o, json_array_get(node, i));
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)node, key, value)
    {
        judge(o, key, value);
        walk(o, value);
    }
}

static struct opinion ask_oracle(const char *sql)
{
    struct opinion o = {0};
    PgQueryParseResult r = pg_query_parse(sql);
    if (!r.error) {
        json_error_t e;
        json_t *tree = json_loads(r.parse_tree, 0, &e);
        if (!tree) /* a string of the statement that is not UTF-8 */
            tree = json_object();
        else
            o.parsed = true;
        const json_t *stmts = json_object_get(tree, "stmts");
        o.n_statements = json_array_size(stmts);
        walk(&o, stmts);
        json_decref(tree);
    }
    pg_query_free_parse_result(r);
    return o;
}

static struct classification classify(const char *sql)
{
    struct classification c;
    classify_sql(slice_of(sql), classify_test_catalog(), NULL, &c);
    return c;
}

static void test_never_read_where_the_grammar_writes(void **state)
{
    (void)state;
    int wrong = 0, parsed = 0, safe = 0, needless = 0;
    const bool show = getenv("TANIST_ORACLE_VERBOSE") != NULL;
    for (int i = 0; i < corpus.n; i++) {
        const char *sql = corpus.text[i];
        struct opinion o = ask_oracle(sql);
        struct classification c = classify(sql);
        parsed += o.parsed;
        bool may_read = o.parsed && !o.writes;
        if (c.bits == CLASS_READ && !may_read) {
            print_error("read, but the grammar says %s: [%s]\n",
                        o.parsed ? "write" : "syntax error", sql);
            wrong++;
        }
        safe += may_read;
        if (may_read && c.bits != CLASS_READ) {
            needless++;
            if (show)
                print_message("# needless: %s at [%.*s]: [%s]\n", classify_reason_name(c.reason),
                              (int)c.token.n, c.token.n ? c.token.p : "", sql);
        }
    }
    print_message(
        "# %d statements, %d parsed, %d of them safe; %d of the safe go to the primary (%.1f %%)\n",
        corpus.n, parsed, safe, needless, 100.0 * needless / (safe ? safe : 1));
    assert_int_equal(wrong, 0);
    assert_true(corpus.n >= STATEMENTS_MIN);
    assert_true(safe >= STATEMENTS_MIN / 4);
    assert_true(needless * 100 < safe * 10);
}

/* What else the classification says of the corpus agrees with the grammar: number of statements, transaction control,
 * session settings, temporary objects. */
static void test_agrees_about_the_rest(void **state)
{
    (void)state;
    int wrong = 0;
    for (int i = 0; i < corpus.n; i++) {
        const char *sql = corpus.text[i];
        struct opinion o = ask_oracle(sql);
        struct classification c = classify(sql);
        if (!o.parsed)
            continue;
        bool ok = c.n_statements == o.n_statements && (c.bits & CLASS_TX) == o.tx;
        ok = ok && (!o.session_set || o.own_set || c.touches & TOUCH_SETTINGS);
        ok = ok && (!o.temp || c.touches & TOUCH_TEMP);
        ok = ok && (!(o.tx & CLASS_TX_BEGIN) || (c.tx.access != ACCESS_UNSPECIFIED) == o.read_only);
        if (ok)
            continue;
        print_error("%u statements not %zu, tx %x not %x, touches %x, temp %d: [%s]\n",
                    c.n_statements, o.n_statements, c.bits & CLASS_TX, o.tx, c.touches, o.temp,
                    sql);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static int tokens_of(const char *sql, struct slice *tokens)
{
    struct lexer lx;
    lex_init(&lx, slice_of(sql), false);
    int n = 0;
    for (; n < TOKENS_MAX; n++) {
        struct lex_token t = lex_next(&lx);
        if (t.kind == LEX_END || t.kind == LEX_ERROR)
            break;
        tokens[n] = t.text;
    }
    return n;
}

/* Statements spliced from the tokens of two others: a tail for a tail, a token for a token, an insertion, a gap. Most are no
 * SQL, and then whatever the lexer says is harmless, as every server refuses them; the others are shapes that nobody thought
 * of. */
static void test_spliced_statements(void **state)
{
    (void)state;
    static struct slice a[TOKENS_MAX], b[TOKENS_MAX];
    static char sql[1 << 16];
    struct prng rng;
    const char *seed = getenv("TANIST_SEED");
    prng_init(&rng, seed ? strtoull(seed, NULL, 10) : 20);
    int wrong = 0, parsed = 0, reads = 0, total = corpus.n * MUTANTS;
    for (int i = 0; i < total; i++) {
        int na = tokens_of(corpus.text[i % corpus.n], a);
        int nb = tokens_of(corpus.text[prng_below(&rng, (uint32_t)corpus.n)], b);
        if (na == 0 || nb == 0)
            continue;
        int cut = (int)prng_below(&rng, (uint32_t)na), from = (int)prng_below(&rng, (uint32_t)nb);
        uint32_t how = prng_below(&rng, 4);
        int take = how == 0 ? nb - from : how == 3 ? 0 : 1 + (int)prng_below(&rng, 4);
        int resume = how == 0 ? na : how == 2 ? cut : cut + 1 + (int)prng_below(&rng, 3);
        struct strbuf out;
        strbuf_init(&out, sql, sizeof(sql));
        for (int k = 0; k < cut; k++)
            strbuf_addf(&out, "%.*s ", (int)a[k].n, a[k].p);
        for (int k = from; k < from + take && k < nb; k++)
            strbuf_addf(&out, "%.*s ", (int)b[k].n, b[k].p);
        for (int k = resume; k < na; k++)
            strbuf_addf(&out, "%.*s ", (int)a[k].n, a[k].p);
        if (out.truncated)
            continue;
        struct classification c = classify(sql);
        if (c.bits != CLASS_READ)
            continue;
        reads++;
        struct opinion o = ask_oracle(sql);
        parsed += o.parsed;
        if (o.parsed && o.writes) {
            print_error("read, but the grammar says write: [%s]\n", sql);
            wrong++;
        }
    }
    print_message("# %d spliced statements, %d called a read, %d of these parsed\n", total, reads,
                  parsed);
    assert_int_equal(wrong, 0);
    assert_true(parsed > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_read_where_the_grammar_writes),
        cmocka_unit_test(test_agrees_about_the_rest),
        cmocka_unit_test(test_spliced_statements),
    };
    int rc = cmocka_run_group_tests_name("classify_oracle", tests, load_corpus, drop_corpus);
    pg_query_exit();
    return rc;
}
