#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/core/sqllex.h"
#include "../../proxy/core/sqlwords.h"
#include "../../replication/base/attrs.h"

/* One letter for each kind, so that a row says what a text is made of. */
static const char letters[LEX_KIND_NR] = {
    [LEX_END] = '.',    [LEX_ERROR] = '!',  [LEX_IDENT] = 'i',   [LEX_QIDENT] = 'q',
    [LEX_UIDENT] = 'u', [LEX_STRING] = 's', [LEX_ESTRING] = 'e', [LEX_USTRING] = 'v',
    [LEX_BITS] = 'b',   [LEX_DOLLAR] = 'd', [LEX_NUMBER] = 'n',  [LEX_PARAM] = 'p',
    [LEX_OP] = 'o',     [LEX_PUNCT] = '(',  [LEX_SEMI] = ';',    [LEX_COMMENT] = 'c',
};

static void kinds_of(struct slice sql, bool backslash, bool raw, char *out, size_t cap)
{
    struct lexer lx;
    lex_init(&lx, sql, backslash);
    const char *last = sql.p;
    for (size_t n = 0; n + 1 < cap; n++) {
        struct lex_token t = raw ? lex_next_raw(&lx) : lex_next(&lx);
        assert_true(t.kind < LEX_KIND_NR);
        assert_true(t.text.p >= last && t.text.p + t.text.n <= sql.p + sql.n);
        last = t.text.p + t.text.n;
        out[n] = t.kind == LEX_PUNCT ? t.text.p[0] : letters[t.kind];
        out[n + 1] = '\0';
        if (t.kind == LEX_END || t.kind == LEX_ERROR)
            return;
        assert_true(t.text.n > 0);
    }
    fail_msg("too many tokens: %.*s", (int)sql.n, sql.p);
}

struct row {
    const char *sql, *kinds;
};

static const struct row rows[] = {
    {"", "."},
    {" \t\r\n\f\v ", "."},
    {"select 1", "in."},
    {"SELECT a.b, \"c d\" FROM t", "ii.i,qii."},
    {"\"a\"\"b\"", "q."},
    {"\"a", "!"},
    {"\"a\"\"", "!"},
    {"U&\"d\\0061t\"", "u."},
    {"u&'x' UESCAPE '!'", "vis."},
    {"u & 'x'", "ios."},
    {"u&x", "ioi."},
    {"'a''b'", "s."},
    {"'a\\'", "s."},
    {"'a", "!"},
    {"'", "!"},
    {"E'a\\'b'", "e."},
    {"e'a\\\\'", "e."},
    {"E'a\\", "!"},
    {"E'a\\'", "!"},
    {"xE'a'", "is."}, /* the word is xE */
    {"N'a\\'", "s."},
    {"B'01' x'ff'", "bb."},
    {"b'0", "!"},
    {"'a'\n'b'", "s."},
    {"'a' 'b'", "ss."},
    {"'a' -- c\n 'b'", "s."},
    {"'a' /* c */\n 'b'", "ss."},
    {"E'a'\n'\\'; delete'", "e."}, /* goes on with backslashes */
    {"'a'\n'\\'; delete'", "s;i!"},
    {"B'0'\n'1'", "b."},
    {"U&'a'\n'b' i", "vi."},
    {"$$a;b$$", "d."},
    {"$tag$ $$ $tag2$ ' $tag$", "d."},
    {"$tag$ $tag", "!"},
    {"$a$b$a$c", "di."},
    {"$1 $23", "pp."},
    {"$1a", "pi."},
    {"$", "!"},
    {"$ $", "!"},
    {"$a", "!"},
    {"$1$", "p!"},
    {"a$b$c", "i."},
    {"a$$b", "i."},
    {"1 1.5 .5 1. 1e5 1.5e-3 1E+2", "nnnnnnn."},
    {"1..10", "n.n."},
    {"1.e", "ni."},
    {"1else", "ni."},
    {"1e", "ni."},
    {"1e+", "nio."},
    {"t.1", "in."},
    {"0x1F", "ni."},
    {"1from", "ni."},
    {"a+b", "ioi."},
    {"a - -b", "iooi."},
    {"a--b", "i."},
    {"a --b\n c", "ii."},
    {"a --b\r c", "ii."},
    {"a+--b\n1", "ion."},
    {"a/*b*/c", "ii."},
    {"a+/*b*/c", "ioi."},
    {"a*/*b*/c", "ioi."},
    {"/* /* */ */ a", "i."},
    {"/* /* */ a", "!"},
    {"/*/ a", "!"},
    {"/**/a", "i."},
    {"/***/a", "i."},
    {"/*/**/*/a", "i."},
    {"//**/a", "oi."},
    {"/*", "!"},
    {"/", "o."},
    {"-", "o."},
    {"--", "."},
    {"*/ a", "oi."},
    {"a::int :b :=", "ioioio."},
    {"a[1:2]", "i[non]."},
    {"f(x, y);", "i(i,i);."},
    {";;", ";;."},
    {"<= => <> != @@ ?| ~~* |/ #>> `", "oooooooooo."},
    {"\xc3\xa9t\xc3\xa9 = 1", "ion."},
    {"a\\b", "i!"},
    {"{", "!"},
    {"a \x01", "i!"},
    {"a \x7f", "i!"},
};

static void test_kinds(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char kinds[128];
        kinds_of(slice_of(rows[i].sql), false, false, kinds, sizeof(kinds));
        if (strcmp(kinds, rows[i].kinds) != 0) {
            print_error("[%s] is %s, not %s\n", rows[i].sql, kinds, rows[i].kinds);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    char kinds[8];
    kinds_of((struct slice){.p = "a\0b", .n = 3}, false, false, kinds, sizeof(kinds));
    assert_string_equal(kinds, "i!");
    struct lexer lx;
    lex_init(&lx, (struct slice){.p = NULL, .n = 0}, false);
    assert_int_equal(lex_next(&lx).kind, LEX_END);
}

static void test_backslash_strings(void **state)
{
    (void)state;
    static const struct row off[] = {
        {"'a\\'b'", "s."},     {"'a\\'", "!"},    {"N'a\\'b'", "s."},
        {"'a'\n'\\'b'", "s."}, {"\"a\\\"", "q."}, {"U&'a'", "!"},
        {"U&\"a\\\"", "u."},   {"B'\\'", "b."},   {"$$\\$$ a", "di."},
    };
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        char kinds[32];
        kinds_of(slice_of(off[i].sql), true, false, kinds, sizeof(kinds));
        if (strcmp(kinds, off[i].kinds) != 0)
            fail_msg("[%s] is %s, not %s", off[i].sql, kinds, off[i].kinds);
    }
}

/* Every prefix of every row ends by itself, reads nothing behind its end (the copy is exact, for the sanitizer), and agrees
 * with the whole up to the last token but one. */
static void test_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].sql);
        for (size_t cut = 0; cut <= n; cut++) {
            char *copy = malloc(cut ? cut : 1);
            assert_non_null(copy);
            memcpy(copy, rows[i].sql, cut);
            char kinds[128];
            for (int raw = 0; raw < 2; raw++)
                kinds_of((struct slice){.p = copy, .n = cut}, i & 1, raw, kinds, sizeof(kinds));
            free(copy);
        }
    }
}

static void test_error_stays(void **state)
{
    (void)state;
    struct lexer lx;
    lex_init(&lx, slice_of("a 'b"), false);
    assert_int_equal(lex_next(&lx).kind, LEX_IDENT);
    for (int i = 0; i < 3; i++) {
        struct lex_token t = lex_next(&lx);
        assert_int_equal(t.kind, LEX_ERROR);
        assert_true(slice_eq(t.text, "'b"));
    }
}

static void test_comments_and_hints(void **state)
{
    (void)state;
    char kinds[32];
    kinds_of(slice_of("/* a */ select -- b\n 1 /* c"), false, true, kinds, sizeof(kinds));
    assert_string_equal(kinds, "cicn!");
    static const struct {
        const char *sql, *hint;
    } hints[] = {
        {"/* tanist: primary */ select 1", "primary"},
        {"select 1 -- tanist:replica  \n", "replica"},
        {"/*tanist:  max_lag = 5s\t*/ /* tanist: second */", "max_lag = 5s"},
        {"select '/* tanist: primary */'", ""},
        {"/* not tanist: primary */", ""},
        {"/* tanist */", ""},
        {"--\n/**/", ""},
        {"/* tanist: */", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        struct lexer lx;
        lex_init(&lx, slice_of(hints[i].sql), false);
        while (lex_next(&lx).kind != LEX_END)
            ;
        if (!slice_eq(lx.hint, hints[i].hint))
            fail_msg("[%s] has hint [%.*s]", hints[i].sql, (int)lx.hint.n, lx.hint.p);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *name; /* NULL: not known */
    } names[] = {
        {"SeLect", "select"},
        {"\"SeLect\"", "SeLect"},
        {"\"a\"\"b\"", NULL},
        {"\"\"", NULL},
        {"u&\"abc\"", NULL},
        {"'abc'", NULL},
        {"\xc3\x89t", "\xc3\x89t"},
        {"a23456789012345678901234567890123456789012345678901234567890123", ""},
        {"a234567890123456789012345678901234567890123456789012345678901234", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct lexer lx;
        lex_init(&lx, slice_of(names[i].sql), false);
        struct lex_token t = lex_next(&lx);
        char buf[LEX_NAME_MAX + 1];
        struct slice name;
        bool known = lex_name(&t, buf, &name);
        assert_int_equal(known, names[i].name != NULL);
        if (known && names[i].name[0])
            assert_true(slice_eq(name, names[i].name));
    }
    struct lexer lx;
    lex_init(&lx, slice_of("SELECT \"select\" \"SELECT\" 'select' selec selects"), false);
    static const bool is_select[] = {true, true, false, false, false, false};
    for (size_t i = 0; i < ARRAY_LEN(is_select); i++) {
        struct lex_token t = lex_next(&lx);
        assert_int_equal(lex_is(&t, "select"), is_select[i]);
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(word_find(slice_of("select")).id, WORD_SELECT);
    assert_int_equal(word_find(slice_of("select")).flags, WORD_RESERVED | WORD_HARD | WORD_QUIET);
    assert_int_equal(word_find(slice_of("coalesce")).flags, WORD_HARD);
    assert_int_equal(word_find(slice_of("filter")).flags, WORD_SOFT);
    assert_int_equal(word_find(slice_of("vacuum")).flags, WORD_UTILITY);
    static const char *const absent[] = {"",  "s",   "selec", "selects", "SELECT",
                                         "_", "zzz", "left",  "now",     "\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        assert_int_equal(word_find(slice_of(absent[i])).id, WORD_NONE);
        assert_int_equal(word_find(slice_of(absent[i])).flags, 0);
    }
}

/* A megabyte of each thing that might be scanned more than once ends soon enough for a unit test. */
static void test_linear(void **state)
{
    (void)state;
    static const char *const parts[] = {"/*",    "'a'\n", "$a$ ", "((((", "a.b.",
                                        "E'\\'", "--\n",  "$a ",  "''",   "\"\""};
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t n = strlen(parts[i]), at = 0;
        while (at + n <= SIZE) {
            memcpy(text + at, parts[i], n);
            at += n;
        }
        struct lexer lx;
        lex_init(&lx, (struct slice){.p = text, .n = at}, false);
        struct lex_token t;
        do
            t = lex_next(&lx);
        while (t.kind != LEX_END && t.kind != LEX_ERROR);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_backslash_strings),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_error_stays),
        cmocka_unit_test(test_comments_and_hints),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_linear),
    };
    return cmocka_run_group_tests_name("sqllex", tests, NULL, NULL);
}
