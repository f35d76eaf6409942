/* What a name in a query or a command means for the verdict. */
#include <string.h>

#include "catalog_names.h"
#include "classify_scan.h"

static bool has_prefix(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

enum {
    SCAN_AHEAD_MAX =
        64, /* tokens of a set_config call that are read ahead: calls nest, and the time must stay linear */
    SCAN_SETTING_MAX =
        96, /* bytes of a string that might be the name of a setting, quotes included */
};

/* Without ASCII case, as setting names are compared; anywhere in the token, so that quoting and bodies of functions do
 * not matter. */
bool scan_names_sync_commit(struct slice s)
{
    static const char name[] = "synchronous_commit";
    size_t n = sizeof(name) - 1;
    for (size_t i = 0; i + n <= s.n; i++) {
        size_t k = 0;
        while (k < n && (s.p[i + k] | 0x20) == (name[k] | 0x20))
            k++;
        if (k == n)
            return true;
    }
    return false;
}

/* set_config('name', 'value', true) is over with the transaction; whatever else the last argument is, the session keeps
 * the value. cur is the function's name. */
static void look_at_set_config(struct scan *sc)
{
    struct lexer ahead = sc->lx;
    struct lex_token t, arg = {LEX_END, {NULL, 0}};
    struct slice name = {NULL, 0};
    unsigned depth = 1, args = 1, tokens = 0;
    for (int n = 0; depth > 0 && n < SCAN_AHEAD_MAX; n++) {
        t = lex_next(&ahead);
        if (t.kind == LEX_END || t.kind == LEX_ERROR)
            break;
        if (lex_is_punct(&t, '(') || lex_is_punct(&t, '['))
            depth++;
        else if (lex_is_punct(&t, ')') || lex_is_punct(&t, ']'))
            depth--;
        if (depth == 1 && lex_is_punct(&t, ',')) {
            if (args == 1 && tokens == 1 && arg.kind == LEX_STRING && arg.text.n > 2)
                name = (struct slice){arg.text.p + 1, arg.text.n - 2};
            if (args == 2 && tokens == 1 && lex_is(&arg, "null")) /* as RESET */
                sc->v.all_settings = sc->v.resets = true;
            args++;
            tokens = 0;
        } else if (depth > 0) {
            arg = t;
            tokens++;
        }
    }
    if (!name.n || scan_names_sync_commit(name))
        sc->v.sync_commit = true;
    const bool local =
        depth == 0 && args == 3 && tokens == 1 && arg.kind == LEX_IDENT && lex_is(&arg, "true");
    if (!local)
        scan_touch(sc, TOUCH_SETTINGS);
    else if (!name.n || memchr(name.p, '.', name.n) || sc->v.resets)
        scan_touch(sc, TOUCH_LOCAL);
    else
        return;
    scan_setting(sc, name);
}

static bool name_is(const struct scan_token *t, const char *name)
{
    return t->name.n == strlen(name) && memcmp(t->name.p, name, t->name.n) == 0;
}

/* Calls that leave something in the session, in whatever statement they are. True: what it leaves is known. */
static bool look_at_call(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (t->lex.kind == LEX_UIDENT) { /* it could be any of them */
        scan_touch(sc, TOUCH_ANY | TOUCH_SEED | TOUCH_FUNCTION);
        sc->v.all_settings = true;
        sc->v.sync_commit = true;
    } else if (has_prefix(t->name, "pg_advisory_") || has_prefix(t->name, "pg_try_advisory_")) {
        if (has_prefix(t->name, "pg_advisory_unlock"))
            sc->v.releases |= TOUCH_LOCKS;
        else if (!memmem(t->name.p, t->name.n, "_xact_", 6))
            scan_touch(sc, TOUCH_LOCKS);
    } else if (name_is(t, "set_config")) {
        look_at_set_config(sc);
    } else if (name_is(t, "pg_listening_channels")) {
        scan_touch(sc, TOUCH_LISTEN);
    } else if (name_is(t, "setseed")) {
        scan_touch(sc, TOUCH_SEED);
    } else if (name_is(t, "currval") || name_is(t, "lastval")) {
        scan_touch(sc, TOUCH_SEQUENCE);
    } else if (has_prefix(t->name, "dblink_connect") ||
               name_is(t, "pg_replication_origin_session_setup")) {
        scan_touch(sc, TOUCH_FUNCTION);
    } else {
        return false;
    }
    return true;
}

static void look_at_temp(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (catalog_names_may_prefix(t->name) && has_prefix(t->name, "pg_temp") &&
        (t->name.n == 7 || t->name.p[7] == '_')) {
        scan_touch(sc, TOUCH_TEMP);
        scan_deny(sc, CLASS_UNKNOWN, REASON_TEMP, t->lex.text);
    }
    if (t->word.id != WORD_TEMP && t->word.id != WORD_TEMPORARY)
        return;
    if (sc->prev_word == WORD_CREATE || sc->prev_word == WORD_REPLACE ||
        sc->prev_word == WORD_LOCAL || sc->prev_word == WORD_GLOBAL || sc->prev_word == WORD_INTO)
        scan_touch(sc, TOUCH_TEMP);
}

/* pg_prepared_statements, and the function behind it; and CREATE TABLE ... AS EXECUTE. */
static void look_at_names(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (UNLIKELY(t->name.n > 20 && has_prefix(t->name, "pg_prepared_statement")))
        scan_touch(sc, TOUCH_NAMES);
    if (UNLIKELY(t->word.id == WORD_EXECUTE && sc->prev_word == WORD_AS)) {
        scan_touch(sc, TOUCH_EXECUTE);
        sc->v.prepared = sc->next->lex.text;
    }
}

/* ", name (a, b) AS [[NOT] MATERIALIZED] ( SELECT": a further member of WITH. A function in FROM with a column definition
 * list looks alike up to the last parenthesis, but that list does not begin with these reserved words. cur is the name. */
static bool is_with_member(const struct scan *sc)
{
    struct lexer lx = sc->lx;
    struct lex_token t;
    do {
        t = lex_next(&lx);
        if (t.kind != LEX_IDENT && t.kind != LEX_QIDENT)
            return false;
        t = lex_next(&lx);
    } while (lex_is_punct(&t, ','));
    if (!lex_is_punct(&t, ')'))
        return false;
    t = lex_next(&lx);
    if (t.kind != LEX_IDENT || !lex_is(&t, "as"))
        return false;
    t = lex_next(&lx);
    if (t.kind == LEX_IDENT && lex_is(&t, "not"))
        t = lex_next(&lx);
    if (t.kind == LEX_IDENT && lex_is(&t, "materialized"))
        t = lex_next(&lx);
    if (!lex_is_punct(&t, '('))
        return false;
    t = lex_next(&lx);
    return lex_is_punct(&t, '(') ||
           (t.kind == LEX_IDENT && (lex_is(&t, "select") || lex_is(&t, "with")));
}

/* cur is a name before a parenthesis. True if the grammar makes something else than a function of it there. */
static bool is_no_call(const struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (t->word.flags & WORD_HARD)
        return true;
    if (sc->no_calls || sc->type_name)
        return true;
    if (t->word.id != WORD_NONE) /* the rest is for names that are no key words */
        return false;
    switch ((unsigned)sc->prev_word) {
    case WORD_WITH:
    case WORD_RECURSIVE:
    case WORD_ORDINALITY:
        return true;
    case WORD_TABLESAMPLE:
        return lex_is(&t->lex, "bernoulli") || lex_is(&t->lex, "system");
    default:
        return sc->closed_alias;
    }
}

/* The token before cur ends a value, a table or a name: an operator or a clause must follow, never a function. */
static bool behind_value(const struct scan *sc)
{
    switch ((unsigned)sc->prev_kind) {
    case LEX_IDENT:
        return sc->prev_word == WORD_NONE;
    case LEX_QIDENT:
    case LEX_STRING:
    case LEX_ESTRING:
    case LEX_USTRING:
    case LEX_BITS:
    case LEX_DOLLAR:
    case LEX_NUMBER:
    case LEX_PARAM:
        return true;
    case LEX_PUNCT:
        return sc->prev_byte == ']' || sc->closed_value;
    default:
        return false;
    }
}

/* cur is a soft word before a parenthesis. True where it cannot be a function's name. */
static bool is_grammar(const struct scan *sc)
{
    enum word_id prev = sc->prev_word, prev2 = sc->prev2_word;
    switch ((unsigned)sc->cur->word.id) {
    case WORD_BY:
        return prev == WORD_GROUP || prev == WORD_ORDER || prev == WORD_PARTITION;
    case WORD_FIRST:
    case WORD_NEXT:
        return prev == WORD_FETCH;
    case WORD_SETS:
        return prev == WORD_GROUPING;
    case WORD_ROLLUP:
    case WORD_CUBE:
        return prev == WORD_BY && prev2 == WORD_GROUP;
    case WORD_ZONE:
        return prev == WORD_TIME;
    case WORD_VARYING:
        return prev == WORD_BIT || prev == WORD_CHARACTER || prev == WORD_CHAR ||
               prev == WORD_NCHAR;
    case WORD_MATERIALIZED:
        return prev == WORD_AS || (prev == WORD_NOT && prev2 == WORD_AS);
    default: /* JOIN (, OVER (, FILTER (, LIKE (, ESCAPE ( and so on */
        return behind_value(sc);
    }
}

static void check_call(struct scan *sc, unsigned bits, bool known)
{
    const struct scan_token *t = sc->cur;
    if (is_no_call(sc))
        return;
    if ((bits & CATALOG_BIT_LOUD) || (!sc->cat && !known))
        sc->v.loud = true;
    if (bits & CATALOG_BIT_UNSAFE) {
        sc->v.nodal |= catalog_names_nodal(t->name);
        scan_deny(sc, CLASS_UNKNOWN, REASON_VOLATILE_FUNCTION, t->lex.text);
        return;
    }
    if ((bits & CATALOG_BIT_SAFE) && sc->prev_word != WORD_TABLESAMPLE)
        return;
    if ((t->word.flags & WORD_SOFT) && is_grammar(sc))
        return;
    if ((sc->prev_kind == LEX_PUNCT && sc->prev_byte == ',') && is_with_member(sc))
        return;
    sc->v.loud = true;
    scan_deny(sc, CLASS_UNKNOWN, REASON_UNKNOWN_FUNCTION, t->lex.text);
}

static void check_for(struct scan *sc)
{
    struct slice token = sc->cur->lex.text;
    switch ((unsigned)sc->next->word.id) {
    case WORD_UPDATE:
    case WORD_SHARE:
    case WORD_NO:
    case WORD_KEY:
        scan_deny(sc, CLASS_WRITE, REASON_LOCKING, token);
        return;
    case WORD_READ:       /* FOR READ ONLY: no lock */
    case WORD_ORDINALITY: /* XMLTABLE, JSON_TABLE */
        return;
    default:
        break;
    }
    if (scan_depth_bit(sc, sc->for_within) || sc->prev_word == WORD_COLLATION)
        return;
    scan_deny(sc, CLASS_UNKNOWN, REASON_LOCKING, token);
}

static void check_word(struct scan *sc)
{
    struct slice token = sc->cur->lex.text;
    switch ((unsigned)sc->cur->word.id) {
    case WORD_INSERT:
    case WORD_UPDATE:
    case WORD_DELETE:
    case WORD_MERGE:
        scan_deny(sc, CLASS_WRITE, REASON_DML, token);
        break;
    case WORD_INTO:
        scan_deny(sc, CLASS_WRITE, REASON_INTO, token);
        break;
    case WORD_FOR:
        check_for(sc);
        break;
    case WORD_LIKE:
    case WORD_ILIKE:
        if (sc->cat && (sc->cat->facts & CATALOG_FACT_LIKE))
            scan_deny(sc, CLASS_UNKNOWN, REASON_OPERATOR, token);
        break;
    default:
        break;
    }
}

void scan_rule_name(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    const bool call = scan_is_byte(sc->next, '(');
    if (t->bits & CATALOG_BIT_TIME)
        sc->v.tells_time = true;
    if (t->word.flags & WORD_RESERVED) { /* names nothing */
        if (t->word.id != WORD_OTHER)
            check_word(sc);
        return;
    }
    const bool known = call && look_at_call(sc);
    look_at_temp(sc);
    if (t->name.n == 0)
        scan_deny(sc, CLASS_UNKNOWN, REASON_NAME, t->lex.text);
    else if (call)
        check_call(sc, t->bits, known);
    look_at_names(sc);
    if (t->bits & CATALOG_BIT_PRIMARY) {
        sc->v.nodal |= catalog_names_nodal(t->name);
        scan_deny(sc, CLASS_UNKNOWN, REASON_PRIMARY_RELATION, t->lex.text);
    }
    if (t->bits & CATALOG_BIT_SPEAKS)
        sc->v.loud = true;
    check_word(sc);
}

void scan_rule_operator(struct scan *sc)
{
    const struct slice run = sc->cur->lex.text;
    if (catalog_operator_is_volatile(sc->cat, run))
        scan_deny(sc, CLASS_UNKNOWN, REASON_OPERATOR, run);
}

/* The bodies of SQL functions hold semicolons: BEGIN ATOMIC ...; END. */
static void count_body(struct scan *sc)
{
    if (sc->first != WORD_CREATE)
        return;
    if (scan_is(sc, WORD_BEGIN) && sc->next->word.id == WORD_ATOMIC)
        sc->body++;
    else if (sc->body && scan_is(sc, WORD_CASE))
        sc->body++;
    else if (sc->body && scan_is(sc, WORD_END))
        sc->body--;
}

static bool is_dml(enum word_id w)
{
    return w == WORD_INSERT || w == WORD_UPDATE || w == WORD_DELETE || w == WORD_MERGE ||
           w == WORD_WITH;
}

/* cur is a name before a parenthesis in a command. A function that is not in the catalog yet may do anything; in
 * INSERT INTO t (a) ON CONFLICT (a) no function is called. */
static void check_command_call(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (is_no_call(sc) || sc->table_name)
        return;
    if (t->bits & CATALOG_BIT_LOUD)
        sc->v.loud = true;
    const bool known = t->bits & (CATALOG_BIT_SAFE | CATALOG_BIT_UNSAFE);
    if (!known && t->word.id == WORD_NONE && is_dml(sc->first) &&
        !(sc->prev_word == WORD_ON && lex_is(&t->lex, "conflict")))
        sc->v.loud = true;
}

void scan_command_token(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    sc->table_name =
        sc->prev_word == WORD_INTO || (sc->table_name && (scan_is_dot(t) || sc->prev_byte == '.'));
    if (scan_is_ident(t)) {
        if (scan_is_byte(sc->next, '(')) {
            if (!look_at_call(sc))
                check_command_call(sc);
        }
        if (t->bits & (CATALOG_BIT_UNSAFE | CATALOG_BIT_PRIMARY))
            sc->v.nodal |= catalog_names_nodal(t->name);
        if (t->bits & CATALOG_BIT_SPEAKS)
            sc->v.loud = true;
        look_at_temp(sc);
        look_at_names(sc);
        count_body(sc);
    }
    /* Long strings are data; the bodies of DO and of functions are mostly dollar-quoted. */
    bool look = t->lex.kind == LEX_DOLLAR || t->lex.text.n < SCAN_SETTING_MAX;
    if (look && scan_names_sync_commit(t->lex.text))
        sc->v.sync_commit = true;
    scan_advance(sc);
}
