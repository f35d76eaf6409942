/* Every line form with its exact position: the reader's events are written down as text and compared. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../replication/base/ini.h"
#include "../../replication/base/str.h"

struct events {
    struct strbuf b;
    char text[16384];
};

static void on_section(void *arg, const struct ini_where *at, const char *section)
{
    struct events *v = arg;
    if (section)
        strbuf_addf(&v->b, "%d:%d [%s]\n", at->line, at->column, section);
    else
        strbuf_adds(&v->b, "[bad]\n");
}

static void on_value(void *arg, const struct ini_where at[2], const char *name, const char *value)
{
    struct events *v = arg;
    assert_int_equal(at[0].line, at[1].line);
    strbuf_addf(&v->b, "%d:%d:%d %s=<%s>\n", at[0].line, at[0].column, at[1].column, name, value);
}

static void on_include(void *arg, bool begin)
{
    struct events *v = arg;
    strbuf_adds(&v->b, begin ? "(\n" : ")\n");
}

static void on_error(void *arg, const struct ini_where *at, const char *text)
{
    struct events *v = arg;
    strbuf_addf(&v->b, "%d:%d! %s\n", at->line, at->column, text);
}

static struct ini_sink sink_of(struct events *v)
{
    strbuf_init(&v->b, v->text, sizeof(v->text));
    return (struct ini_sink){on_section, on_value, on_include, on_error, v};
}

static void check(const char *in, size_t n, const char *expected)
{
    struct events v;
    const struct ini_sink sink = sink_of(&v);
    ini_read_string("memory", in, n, &sink);
    if (strcmp(v.text, expected) != 0)
        fail_msg("for <%s>\ngot:\n%s\nexpected:\n%s", in, v.text, expected);
}

static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } t[] = {
        {"", ""},
        {"\n\n  \n# c\n; c\n  # c\n", ""},
        {"[a]\nb=c\n", "1:1 [a]\n2:1:3 b=<c>\n"},
        {"[a]\r\nb = c\r\n", "1:1 [a]\n2:1:5 b=<c>\n"},
        {"[a]\nb=c", "1:1 [a]\n2:1:3 b=<c>\n"},
        {"\xef\xbb\xbf[a]\n", "1:1 [a]\n"},
        {"  [ node  pg1 ]  # x\n\t b\t=\t c d \n", "1:3 [node  pg1]\n2:3:8 b=<c d>\n"},
        {"[a] ; x\n", "1:1 [a]\n"},
        {"b=\n", "1:1:3 b=<>\n"},
        {"b=   \n", "1:1:6 b=<>\n"},
        /* comments */
        {"b=c # d\n", "1:1:3 b=<c>\n"},
        {"b=c#d\n", "1:1:3 b=<c#d>\n"},
        {"b= # d\n", "1:1:4 b=<>\n"},
        {"b=c ; d\n", "1:1:3 b=<c ; d>\n"},
        {"b=it's # d\n", "1:1:3 b=<it's>\n"},
        {"b=user='a #b' x # d\n", "1:1:3 b=<user='a #b' x>\n"},
        /* continuation lines are not a thing */
        {"b=c\n  d=e\n", "1:1:3 b=<c>\n2:3:5 d=<e>\n"},
        {"b=c\n  d\n", "1:1:3 b=<c>\n2:3! expected \"name = value\" or \"[section]\"\n"},
        /* quotes */
        {"b='c'\n", "1:1:3 b=<c>\n"},
        {"b=''\n", "1:1:3 b=<>\n"},
        {"b=' c # d '\n", "1:1:3 b=< c # d >\n"},
        {"b='it''s' # d\n", "1:1:3 b=<it's>\n"},
        {"b='it\\'s \\\\ \\n\\q'\n", "1:1:3 b=<it's \\ \nq>\n"},
        {"b='c' d\n", "1:7! text after the closing quote\n"},
        {"b='c'#d\n", "1:6! text after the closing quote\n"},
        {"b = 'c\n", "1:5! the quote is not closed\n"},
        {"b='c\\\n", "1:3! the quote is not closed\n"},
        {"b='c''\n", "1:3! the quote is not closed\n"},
        {"b=\"c\"\n", "1:3! values are quoted with single quotes, not \"\n"},
        {"b=a=b:c\n", "1:1:3 b=<a=b:c>\n"},
        /* variables */
        {"b=${TI_A}\n", "1:1:3 b=<one>\n"},
        {"b='x ${TI_A}y'\n", "1:1:3 b=<x oney>\n"},
        {"b=${TI_NONE:-d e}f\n", "1:1:3 b=<d ef>\n"},
        {"b=${TI_EMPTY:-d}\n", "1:1:3 b=<d>\n"},
        {"b=${TI_EMPTY}\n", "1:1:3 b=<>\n"},
        {"b=${TI_NONE:-}\n", "1:1:3 b=<>\n"},
        {"b=$${TI_A} $5 $\n", "1:1:3 b=<${TI_A} $5 $>\n"},
        {"b=${TI_QUOTED}\n", "1:1:3 b=<'x' # ${TI_A}>\n"}, /* what comes out is not read again */
        {"b=xx${TI_NONE}\n", "1:5! environment variable \"TI_NONE\" is not set\n"},
        {"b='x${TI_NONE}'\n", "1:5! environment variable \"TI_NONE\" is not set\n"},
        {"b=${TI_A\n", "1:3! \"${\" without \"}\" (write $${ for a plain \"${\")\n"},
        {"b=${}\n", "1:3! bad variable \"${}\": expected ${NAME} or ${NAME:-default}\n"},
        {"b=${1A}\n", "1:3! bad variable \"${1A}\": expected ${NAME} or ${NAME:-default}\n"},
        {"b=${A-b}\n", "1:3! bad variable \"${A-b}\": expected ${NAME} or ${NAME:-default}\n"},
        /* errors, after which reading goes on */
        {"[a\nb=c\n", "1:1! expected \"]\" at the end of the section\n[bad]\n2:1:3 b=<c>\n"},
        {"[a] b\n", "1:5! text after the section\n[bad]\n"},
        {"[]\n", "1:2! the section has no name\n[bad]\n"},
        {"[  ]\n", "1:2! the section has no name\n[bad]\n"},
        {"=c\n", "1:1! a name is missing before \"=\"\n"},
        {"  b c\n", "1:3! expected \"name = value\" or \"[section]\"\n"},
        {"b: c\n", "1:1! expected \"name = value\" or \"[section]\"\n"},
        {"include = x\n", "1:1! includes are not allowed here\n"},
        {"include_dir = x\nb=c\n", "1:1! includes are not allowed here\n2:1:3 b=<c>\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        check(t[i].in, strlen(t[i].in), t[i].out);
    check("b=c\0d\ne=f\n", 10, "1:4! a zero byte is not allowed\n2:1:3 e=<f>\n");
}

/* Nothing is ever cut: at the bound all is there, one byte more is an error at its place. */
static void bounds(void **state)
{
    (void)state;
    static char in[INI_LINE_BYTES_MAX + 64], out[INI_LINE_BYTES_MAX + 64];
    for (int over = 0; over < 2; over++) {
        const int name = INI_NAME_BYTES_MAX + over;
        snprintf(in, sizeof(in), "%0*d=v\n", name, 1);
        if (over)
            snprintf(out, sizeof(out), "1:1! the name is longer than %d bytes\n",
                     INI_NAME_BYTES_MAX);
        else
            snprintf(out, sizeof(out), "1:1:%d %0*d=<v>\n", name + 2, name, 1);
        check(in, strlen(in), out);

        snprintf(in, sizeof(in), "[%0*d]\n", name, 1);
        if (over)
            snprintf(out, sizeof(out), "1:2! the section is longer than %d bytes\n[bad]\n",
                     INI_NAME_BYTES_MAX);
        else
            snprintf(out, sizeof(out), "1:1 [%0*d]\n", name, 1);
        check(in, strlen(in), out);

        const int value = INI_VALUE_BYTES_MAX + over;
        snprintf(in, sizeof(in), "b=%0*d\n", value, 1);
        if (over)
            snprintf(out, sizeof(out), "1:3! the value is longer than %d bytes\n",
                     INI_VALUE_BYTES_MAX);
        else
            snprintf(out, sizeof(out), "1:1:3 b=<%0*d>\n", value, 1);
        check(in, strlen(in), out);

        snprintf(in, sizeof(in), "b=v #%0*d\nc=d\n", INI_LINE_BYTES_MAX - 5 + over, 1);
        if (over)
            snprintf(out, sizeof(out), "1:%d! the line is longer than %d bytes\n2:1:3 c=<d>\n",
                     INI_LINE_BYTES_MAX + 1, INI_LINE_BYTES_MAX);
        else
            snprintf(out, sizeof(out), "1:1:3 b=<v>\n2:1:3 c=<d>\n");
        check(in, strlen(in), out);
    }
}

/* ---- Files ---- */

static char folder[256];

static void put(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void check_file(const char *name, const char *expected)
{
    struct events v;
    char path[512];
    const struct ini_sink sink = sink_of(&v);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ini_read_file(path, &sink);
    assert_string_equal(v.text, expected);
}

static void includes(void **state)
{
    (void)state;
    put("a.conf", "[a]\ninclude = sub/b.conf # x\nc=d\n");
    char sub[512];
    snprintf(sub, sizeof(sub), "%s/sub", folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    put("sub/b.conf", "[b]\nx=1\ninclude = 'c.conf'\n");
    put("sub/c.conf", "y=2\n");
    check_file("a.conf", "1:1 [a]\n(\n1:1 [b]\n2:1:3 x=<1>\n(\n1:1:3 y=<2>\n)\n)\n3:1:3 c=<d>\n");

    put("sub/.hidden.conf", "bad\n");
    put("sub/notes.txt", "bad\n");
    put("d.conf", "include_dir = sub\n");
    check_file("d.conf", "(\n1:1 [b]\n2:1:3 x=<1>\n(\n1:1:3 y=<2>\n)\n)\n(\n1:1:3 y=<2>\n)\n");

    put("e.conf", "include =\n  include_dir = nowhere\n");
    struct events v;
    const struct ini_sink sink = sink_of(&v);
    char path[512];
    snprintf(path, sizeof(path), "%s/e.conf", folder);
    ini_read_file(path, &sink);
    assert_non_null(strstr(v.text, "1:10! a path is expected\n2:17! cannot open folder \""));
    assert_non_null(strstr(v.text, "nowhere\": No such file or directory\n"));

    const struct ini_sink again = sink_of(&v);
    snprintf(path, sizeof(path), "%s/missing.conf", folder);
    ini_read_file(path, &again);
    assert_non_null(strstr(v.text, "0:0! cannot read \""));
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p += strlen(word))
        n++;
    return n;
}

static void include_loops(void **state)
{
    (void)state;
    struct events v;
    char path[512];
    put("loop.conf", "a=1\ninclude = loop.conf\nb=2\n");
    struct ini_sink sink = sink_of(&v);
    snprintf(path, sizeof(path), "%s/loop.conf", folder);
    ini_read_file(path, &sink);
    assert_int_equal(count(v.text, "a=<1>"), INI_DEPTH_MAX);
    assert_int_equal(count(v.text, "b=<2>"), INI_DEPTH_MAX);
    assert_int_equal(count(v.text, "2:1! includes nest deeper than 8 files"), 1);

    /* Twice in each file would be 2^8 files: the count of files is bounded too. */
    put("loop2.conf", "include = loop2.conf\ninclude = loop2.conf\ninclude = loop2.conf\n");
    static char big[INI_FILES_MAX * 400];
    sink = sink_of(&v);
    strbuf_init(&v.b, big, sizeof(big));
    snprintf(path, sizeof(path), "%s/loop2.conf", folder);
    ini_read_file(path, &sink);
    assert_int_equal(count(big, "(\n"), INI_FILES_MAX - 1);
    assert_true(count(big, "more than 256 files") >= 1);
}

static void large_file(void **state)
{
    (void)state;
    char path[512];
    struct events v;
    const struct ini_sink sink = sink_of(&v);
    snprintf(path, sizeof(path), "%s/large.conf", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < INI_FILE_BYTES_MAX / 64 + 1; i++)
        fprintf(f, "#%062d\n", 1);
    fclose(f);
    ini_read_file(path, &sink);
    assert_non_null(strstr(v.text, "large.conf\": File too large"));
    assert_int_equal(truncate(path, INI_FILE_BYTES_MAX), 0);
    const struct ini_sink again = sink_of(&v);
    ini_read_file(path, &again);
    assert_string_equal(v.text, "");
}

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/test_ini.XXXXXX", tmp ? tmp : "/tmp");
    setenv("TI_A", "one", 1);
    setenv("TI_EMPTY", "", 1);
    setenv("TI_QUOTED", "'x' # ${TI_A}", 1);
    unsetenv("TI_NONE");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a.conf",     "d.conf",     "e.conf",           "loop.conf",     "loop2.conf", "large.conf",
        "sub/b.conf", "sub/c.conf", "sub/.hidden.conf", "sub/notes.txt", "sub",        "."};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        if (strcmp(names[i], ".") == 0)
            rmdir(folder);
        else
            remove(path);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),         cmocka_unit_test(bounds),     cmocka_unit_test(includes),
        cmocka_unit_test(include_loops), cmocka_unit_test(large_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
