/* Settings: values of every type, every error with its place, precedence, printing, diff. With a small table of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../replication/base/conf.h"
#include "../../replication/base/str.h"

struct main_conf {
    bool flag;
    int64_t workers;
    usec_t wait;
    usec_t naked;
    uint64_t size;
    int64_t percent;
    char text[32];
    char list[24];
    char secret[32];
    int mode;
    usec_t hidden;
};

struct extra_conf {
    int64_t extra;
};

struct node {
    char name[16];
    char host[32];
    int64_t port;
};

enum { NODES_MAX = 2 };

struct root {
    struct main_conf m;
    struct extra_conf x;
    int n_nodes;
    struct node nodes[NODES_MAX];
};

static const char *const modes[] = {"automatic", "manual", "follow", NULL};

#define AT(type, member) \
    .offset = offsetof(struct type, member), .size = sizeof(((struct type *)NULL)->member)

static const struct conf_setting main_rows[] = {
    {.name = "flag",
     .type = CONF_BOOL,
     .def = "on",
     AT(main_conf, flag),
     .flags = CONF_RELOAD,
     .doc = "A switch."},
    {.name = "workers",
     .type = CONF_INT,
     .def = "auto",
     AT(main_conf, workers),
     .min = 1,
     .max = 64,
     .flags = CONF_AUTO,
     .doc = "How many."},
    {.name = "wait",
     .type = CONF_DURATION,
     .def = "500ms",
     .unit = "ms",
     AT(main_conf, wait),
     .min = 10 * USEC_PER_MS,
     .max = 3600 * USEC_PER_SEC,
     .flags = CONF_RELOAD | CONF_NEVER,
     .doc = "How long. A second sentence makes this text long enough that it has to be wrapped "
            "somewhere in the sample "
            "file."},
    {.name = "naked", .type = CONF_DURATION, AT(main_conf, naked), .doc = "Needs a unit_or *not*."},
    {.name = "size",
     .type = CONF_BYTES,
     .def = "16MB",
     AT(main_conf, size),
     .min = 1024,
     .max = INT64_C(1) << 40},
    {.name = "percent",
     .type = CONF_PERCENT,
     .def = "70%",
     AT(main_conf, percent),
     .min = 1,
     .max = 100},
    {.name = "text", .type = CONF_STRING, .def = "it's # x", AT(main_conf, text)},
    {.name = "list", .type = CONF_STRING, AT(main_conf, list), .flags = CONF_REPEAT},
    {.name = "secret", .type = CONF_STRING, AT(main_conf, secret), .flags = CONF_SECRET},
    {.name = "mode", .type = CONF_ENUM, .def = "automatic", AT(main_conf, mode), .values = modes},
    {.name = "hidden",
     .type = CONF_DURATION,
     .def = "1min",
     AT(main_conf, hidden),
     .flags = CONF_HIDDEN},
};
static const struct conf_setting extra_rows[] = {
    {.name = "extra", .type = CONF_INT, .def = "7", AT(extra_conf, extra)},
};
static const struct conf_setting node_rows[] = {
    {.name = "host", .type = CONF_STRING, AT(node, host), .flags = CONF_REQUIRED, .doc = "Where."},
    {.name = "port", .type = CONF_INT, .def = "5432", AT(node, port), .min = 1, .max = 65535},
};

static void *main_get(void *root, const char *name, bool *is_new, struct err *e)
{
    (void)name;
    (void)e;
    *is_new = true; /* claims so every time: the loader must know better for an unnamed section */
    return &((struct root *)root)->m;
}

static const void *main_at(const void *root, int i, const char **name)
{
    *name = "";
    return i == 0 ? &((const struct root *)root)->m : NULL;
}

static void *extra_get(void *root, const char *name, bool *is_new, struct err *e)
{
    (void)name;
    (void)e;
    *is_new = false;
    return &((struct root *)root)->x;
}

static const void *extra_at(const void *root, int i, const char **name)
{
    *name = "";
    return i == 0 ? &((const struct root *)root)->x : NULL;
}

static void *node_get(void *root, const char *name, bool *is_new, struct err *e)
{
    struct root *r = root;
    for (int i = 0; i < r->n_nodes; i++) {
        if (strcmp(r->nodes[i].name, name) == 0)
            return &r->nodes[i];
    }
    if (r->n_nodes == NODES_MAX) {
        err_set(e, ERR_LIMIT, "more than %d nodes", NODES_MAX);
        return NULL;
    }
    struct node *n = &r->nodes[r->n_nodes++];
    str_copy(n->name, sizeof(n->name), name);
    *is_new = true;
    return n;
}

static const void *node_at(const void *root, int i, const char **name)
{
    const struct root *r = root;
    if (i >= r->n_nodes)
        return NULL;
    *name = r->nodes[i].name;
    return &r->nodes[i];
}

static const struct conf_section sections[] = {
    {.kind = "main",
     .settings = main_rows,
     .n_settings = (int)ARRAY_LEN(main_rows),
     .doc = "The main part.",
     .get = main_get,
     .at = main_at},
    {.kind = "main",
     .settings = extra_rows,
     .n_settings = (int)ARRAY_LEN(extra_rows),
     .get = extra_get,
     .at = extra_at},
    {.kind = "node",
     .named = true,
     .settings = node_rows,
     .n_settings = (int)ARRAY_LEN(node_rows),
     .doc = "A node.",
     .example_name = "pg1",
     .get = node_get,
     .at = node_at},
};
enum { N_SECTIONS = (int)ARRAY_LEN(sections) };

/* ---- Loading text through a file ---- */

static char path[512];
static struct conf_diags diags;
static struct root root;
static char printed[32768];

static void write_text(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int load(const char *text, const char *const *sets, int n_sets, bool environment)
{
    const struct conf_source src = {
        .file = text ? path : NULL, .sets = sets, .n_sets = n_sets, .environment = environment};
    if (text)
        write_text(text);
    memset(&root, 0, sizeof(root));
    return conf_load(&root, sections, N_SECTIONS, &src, &diags);
}

/* The diagnostics as printed, with the file's path as "F". */
static const char *diags_text(void)
{
    char raw[32768] = {0};
    FILE *f = fmemopen(raw, sizeof(raw), "w");
    assert_non_null(f);
    conf_diags_print(&diags, f);
    fclose(f);
    struct strbuf b;
    strbuf_init(&b, printed, sizeof(printed));
    const char *p = raw;
    for (const char *at; (at = strstr(p, path)) != NULL; p = at + strlen(path)) {
        strbuf_add(&b, p, (size_t)(at - p));
        strbuf_addc(&b, 'F');
    }
    strbuf_adds(&b, p);
    return printed;
}

static void expect_errors(const char *text, const char *expected)
{
    assert_int_equal(load(text, NULL, 0, false), ERR_INVALID);
    if (strcmp(diags_text(), expected) != 0)
        fail_msg("for <%s>\ngot:\n%s\nexpected:\n%s", text, printed, expected);
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(load(NULL, NULL, 0, false), 0);
    assert_true(root.m.flag);
    assert_int_equal(root.m.workers, -1);
    assert_int_equal(root.m.wait, 500000);
    assert_int_equal(root.m.naked, 0);
    assert_int_equal(root.m.size, 16 << 20);
    assert_int_equal(root.m.percent, 70);
    assert_string_equal(root.m.text, "it's # x");
    assert_string_equal(root.m.list, "");
    assert_int_equal(root.m.mode, 1);
    assert_int_equal(root.m.hidden, 60000000);
    assert_int_equal(root.x.extra, 7);
    assert_int_equal(root.n_nodes, 0);
}

static void values_from_a_file(void **state)
{
    (void)state;
    assert_int_equal(
        load("[MAIN]\nFlag = no\nworkers=3\nwait = 1min\nsize=1GB\npercent = 5\nextra=-8\n"
             "[node a]\nhost=ha\n[main]\nmode = Follow # x\nlist=a\nlist=b\n[node a]\nport=1\n"
             "[node b]\nhost='h b'\n",
             NULL, 0, false),
        0);
    assert_false(root.m.flag);
    assert_int_equal(root.m.workers, 3);
    assert_int_equal(root.m.wait, 60 * USEC_PER_SEC);
    assert_int_equal(root.m.size, 1 << 30);
    assert_int_equal(root.m.percent, 5);
    assert_int_equal(root.x.extra, -8);
    assert_int_equal(root.m.mode, 3);
    assert_string_equal(root.m.list, "a,b");
    assert_int_equal(root.n_nodes, 2);
    assert_string_equal(root.nodes[0].host, "ha");
    assert_int_equal(root.nodes[0].port, 1);
    assert_string_equal(root.nodes[1].host, "h b");
    assert_int_equal(root.nodes[1].port, 5432);
}

static const struct conf_setting *row(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(main_rows); i++) {
        if (strcmp(main_rows[i].name, name) == 0)
            return &main_rows[i];
    }
    fail_msg("no row %s", name);
    return NULL;
}

/* Good texts and what conf_value_text makes of them. */
static void good_values(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *out;
    } t[] = {
        {"flag", "on", "on"},
        {"flag", "OFF", "off"},
        {"flag", "True", "on"},
        {"flag", "false", "off"},
        {"flag", "yes", "on"},
        {"flag", "no", "off"},
        {"flag", "1", "on"},
        {"flag", " 0 ", "off"},
        {"workers", "1", "1"},
        {"workers", "64", "64"},
        {"workers", "AUTO", "auto"},
        {"workers", "+5", "5"},
        {"wait", "10", "10ms"},
        {"wait", "10ms", "10ms"},
        {"wait", "10 ms", "10ms"},
        {"wait", "10000us", "10ms"},
        {"wait", "10001us", "10001us"},
        {"wait", "1.5s", "1500ms"},
        {"wait", "0.5min", "30s"},
        {"wait", ".5min", "30s"},
        {"wait", "60min", "1h"},
        {"wait", "90s", "90s"},
        {"wait", "120s", "2min"},
        {"wait", "1h", "1h"},
        {"wait", "off", "off"},
        {"wait", "0", "off"},
        {"wait", "0s", "off"},
        {"naked", "0", "0"},
        {"naked", "2d", "2d"},
        {"naked", "1us", "1us"},
        {"size", "1024", "1kB"},
        {"size", "1025", "1025B"},
        {"size", "1025B", "1025B"},
        {"size", "1TB", "1TB"},
        {"size", "0.5MB", "512kB"},
        {"size", "1024 kB", "1MB"},
        {"percent", "1", "1%"},
        {"percent", "100%", "100%"},
        {"percent", "50 %", "50%"},
        {"mode", "manual", "manual"},
        {"mode", "FOLLOW", "follow"},
        {"text", "", ""},
        {"text", " keep it ", " keep it "},
        {"text", "1234567890123456789012345678901", "1234567890123456789012345678901"},
        {"secret", "s3cret", "********"},
        {"secret", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct err e = {0};
        char out[64];
        if (conf_set_value(row(t[i].name), &root.m, t[i].in, &e) != 0)
            fail_msg("%s = <%s>: %s", t[i].name, t[i].in, e.text);
        conf_value_text(row(t[i].name), &root.m, out, sizeof(out));
        if (strcmp(out, t[i].out) != 0)
            fail_msg("%s = <%s> gave <%s>, not <%s>", t[i].name, t[i].in, out, t[i].out);
    }
}

static void bad_values(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *why;
    } t[] = {
        {"flag", "maybe",
         "invalid value \"maybe\": expected on or off (or true, false, yes, no, 1, 0)"},
        {"flag", "", "invalid value \"\": expected on or off (or true, false, yes, no, 1, 0)"},
        {"workers", "0", "invalid value \"0\": outside the valid range (1 .. 64)"},
        {"workers", "65", "invalid value \"65\": outside the valid range (1 .. 64)"},
        {"workers", "-1", "invalid value \"-1\": outside the valid range (1 .. 64)"},
        {"workers", "1.5", "invalid value \"1.5\": expected a whole number or auto"},
        {"workers", "1.0", "invalid value \"1.0\": expected a whole number or auto"},
        {"workers", "5x", "invalid value \"5x\": expected a whole number or auto"},
        {"workers", "", "invalid value \"\": expected a whole number or auto"},
        {"workers", "-", "invalid value \"-\": expected a whole number or auto"},
        {"workers", "99999999999999999999",
         "invalid value \"99999999999999999999\": expected a whole number or auto"},
        {"wait", "9", "invalid value \"9\": outside the valid range (10ms .. 1h)"},
        {"wait", "9999us", "invalid value \"9999us\": outside the valid range (10ms .. 1h)"},
        {"wait", "2h", "invalid value \"2h\": outside the valid range (10ms .. 1h)"},
        {"wait", "-5s", "invalid value \"-5s\": cannot be negative"},
        {"wait", "5S",
         "invalid value \"5S\": expected a number with one of the units us, ms, s, min, h, d, or "
         "off"},
        {"wait", "5m",
         "invalid value \"5m\": expected a number with one of the units us, ms, s, min, h, d, or "
         "off"},
        {"wait", "soon",
         "invalid value \"soon\": expected a number with one of the units us, ms, s, min, h, d, or "
         "off"},
        {"wait", "1s 2s",
         "invalid value \"1s 2s\": expected a number with one of the units us, ms, s, min, h, d, "
         "or off"},
        {"naked", "5",
         "invalid value \"5\": expected a number with one of the units us, ms, s, min, h, d"},
        {"naked", "off",
         "invalid value \"off\": expected a number with one of the units us, ms, s, min, h, d"},
        {"naked", "-1s", "invalid value \"-1s\": cannot be negative"},
        {"naked", "9223372036854775807d",
         "invalid value \"9223372036854775807d\": the number is too large"},
        {"size", "1023", "invalid value \"1023\": outside the valid range (1kB .. 1TB)"},
        {"size", "2TB", "invalid value \"2TB\": outside the valid range (1kB .. 1TB)"},
        {"size", "5mb",
         "invalid value \"5mb\": expected a number with one of the units B, kB, MB, GB, TB"},
        {"size", "-1MB", "invalid value \"-1MB\": cannot be negative"},
        {"percent", "0", "invalid value \"0\": outside the valid range (1% .. 100%)"},
        {"percent", "101%", "invalid value \"101%\": outside the valid range (1% .. 100%)"},
        {"percent", "5p", "invalid value \"5p\": expected a percentage such as 70%"},
        {"percent", "0.5", "invalid value \"0.5\": expected a percentage such as 70%"},
        {"mode", "manuel",
         "invalid value \"manuel\": did you mean \"manual\"? (one of automatic, manual, follow)"},
        {"mode", "quorum", "invalid value \"quorum\": expected one of automatic, manual, follow"},
        {"mode", "", "invalid value \"\": expected one of automatic, manual, follow"},
        {"text", "12345678901234567890123456789012",
         "invalid value \"12345678901234567890123456789012\": longer than 31 bytes"},
        {"secret", "a-secret-that-is-too-long-for-its-place",
         "invalid value: longer than 31 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct err e = {0};
        struct main_conf before;
        char why[ERR_TEXT_MAX];
        memset(&root, 0x5a, sizeof(root));
        memcpy(&before, &root.m, sizeof(before));
        snprintf(why, sizeof(why), "%s: %s", t[i].name, t[i].why);
        if (conf_set_value(row(t[i].name), &root.m, t[i].in, &e) == 0)
            fail_msg("%s = <%s> was accepted", t[i].name, t[i].in);
        assert_string_equal(e.text, why);
        assert_memory_equal(&before, &root.m, sizeof(before)); /* a refused value changes nothing */
    }
}

/* ---- Errors with their place ---- */

static void errors_with_places(void **state)
{
    (void)state;
    expect_errors("x = 1\n", "F:1:1: error: setting \"x\" stands before the first section\n");
    expect_errors(
        "[main]\n  wiat = 5s\n",
        "F:2:3: error: unknown setting \"wiat\" in section [main]: did you mean \"wait\"?\n");
    expect_errors("[main]\nfoo = 5s\n",
                  "F:2:1: error: unknown setting \"foo\" in section [main]\n");
    expect_errors("[main]\nport = 1\n", "F:2:1: error: unknown setting \"port\" in section [main]: "
                                        "it belongs to section [node NAME]\n");
    expect_errors("[mian]\nwait = 1\nfoo=2\n",
                  "F:1:1: error: unknown section [mian]: did you mean [main]?\n");
    expect_errors("[warehouse]\n", "F:1:1: error: unknown section [warehouse]\n");
    expect_errors("[main x]\n", "F:1:1: error: section [main] takes no name\n");
    expect_errors(" [node]\nhost=x\n", "F:1:2: error: section [node] needs a name: [node NAME]\n");
    expect_errors("[node a]\nport=2\n", "error: [node a]: \"host\" must be set\n");
    expect_errors("[node a]\nhost = ''\n",
                  "F:2:8: error: host: invalid value \"\": must not be empty\n");
    expect_errors("[node a]\nhost=x\n[node b]\nhost=x\n[node c]\nhost=x\n",
                  "F:5:1: error: section [node c]: more than 2 nodes\n");
    expect_errors("[main]\nlist=1234567890\nlist=1234567890\nlist=1234567890\n",
                  "F:4:6: error: list: invalid value \"1234567890,1234567890,1234567890\": longer "
                  "than 23 bytes\n");
    expect_errors("[main\nwait=1\n", "F:1:1: error: expected \"]\" at the end of the section\n");
    expect_errors("[main]\nsecret='open\n", "F:2:8: error: the quote is not closed\n");
    expect_errors("[main]\nsecret = 12345678901234567890123456789012\n",
                  "F:2:10: error: secret: invalid value: longer than 31 bytes\n");
}

static void all_errors_in_one_pass(void **state)
{
    (void)state;
    expect_errors(
        "[main]\nwait = 5 parsecs # x\n\tsize=\t'1 XB'\nmode = atomatic\njunk\n[nodes "
        "a]\nfoo=1\n[node a]\n"
        "port = 70000\n",
        "F:2:8: error: wait: invalid value \"5 parsecs\": expected a number with one of the units "
        "us, ms, s, min, "
        "h, d, or off\n"
        "F:3:8: error: size: invalid value \"1 XB\": expected a number with one of the units B, "
        "kB, MB, GB, TB\n"
        "F:4:8: error: mode: invalid value \"atomatic\": did you mean \"automatic\"? (one of "
        "automatic, manual, "
        "follow)\n"
        "F:5:1: error: expected \"name = value\" or \"[section]\"\n"
        "F:6:1: error: unknown section [nodes]: did you mean [node]?\n"
        "F:9:8: error: port: invalid value \"70000\": outside the valid range (1 .. 65535)\n"
        "error: [node a]: \"host\" must be set\n");
    assert_int_equal(diags.n_errors, 7);
}

static void too_many_errors(void **state)
{
    (void)state;
    char text[16 + (CONF_DIAGS_MAX + 5) * 4];
    struct strbuf b;
    strbuf_init(&b, text, sizeof(text));
    strbuf_adds(&b, "[main]\n");
    for (int i = 0; i < CONF_DIAGS_MAX + 3; i++)
        strbuf_adds(&b, "x\n");
    assert_int_equal(load(text, NULL, 0, false), ERR_INVALID);
    assert_int_equal(diags.n, CONF_DIAGS_MAX);
    assert_int_equal(diags.n_errors, CONF_DIAGS_MAX + 3);
    assert_true(diags.more);
    assert_non_null(strstr(diags_text(), "(more errors; only the first 100 are shown)\n"));
}

static void missing_file(void **state)
{
    (void)state;
    const struct conf_source src = {.file = "/nowhere/at/all.conf"};
    assert_int_equal(conf_load(&root, sections, N_SECTIONS, &src, &diags), ERR_INVALID);
    assert_string_equal(
        diags_text(),
        "/nowhere/at/all.conf: error: cannot read \"/nowhere/at/all.conf\": No such file or "
        "directory\n");
}

static void semantic_diagnostics(void **state)
{
    (void)state;
    assert_int_equal(load(NULL, NULL, 0, false), 0);
    conf_diag_add(&diags, true, "node", "a", "odd %d", 5);
    conf_diag_add(&diags, false, "main", "", "wrong");
    conf_diag_add(&diags, false, NULL, NULL, "all wrong");
    assert_int_equal(diags.n_errors, 2);
    assert_string_equal(diags_text(),
                        "warning: [node a]: odd 5\nerror: [main]: wrong\nerror: all wrong\n");
}

/* An included file starts outside any section, and the section of the includer goes on afterwards. */
static void includes_keep_the_section(void **state)
{
    (void)state;
    char other[600], text[1024];
    snprintf(other, sizeof(other), "%s.inc", path);
    FILE *f = fopen(other, "w");
    assert_non_null(f);
    fputs("oops = 1\n[node a]\nhost = x\n[strange]\nfoo=1\n", f);
    fclose(f);
    snprintf(text, sizeof(text), "[main]\nworkers=2\ninclude = %s.inc\nwait = 3s\n", path);
    assert_int_equal(load(text, NULL, 0, false), ERR_INVALID);
    assert_string_equal(diags_text(),
                        "F.inc:1:1: error: setting \"oops\" stands before the first section\n"
                        "F.inc:4:1: error: unknown section [strange]\n");
    assert_int_equal(root.m.wait, 3 * USEC_PER_SEC);
    assert_int_equal(root.m.workers, 2);
    assert_string_equal(root.nodes[0].host, "x");
    unlink(other);
}

static void precedence(void **state)
{
    (void)state;
    static const char *const sets[] = {"main.wait=4s", "main.list=s1", "main.list=s2",
                                       "node.pg1.host=h.x=1", "node pg.2.host=i"};
    setenv("TANIST_MAIN_WAIT", "3s", 1);
    setenv("TANIST_MAIN_SIZE", "3kB", 1);
    setenv("TANIST_MAIN_EXTRA", "33", 1);
    setenv("TANIST_MAIN_LIST", "e1", 1);
    static const char text[] = "[main]\nwait=2s\nsize=2kB\nextra=22\npercent=22\nlist=f1\nlist="
                               "f2\n[node pg1]\nhost=f\nport=9\n";
    assert_int_equal(load(text, sets, 5, true), 0);
    assert_int_equal(root.m.wait, 4 * USEC_PER_SEC);
    assert_int_equal(root.m.size, 3 * 1024);
    assert_int_equal(root.x.extra, 33);
    assert_int_equal(root.m.percent, 22);
    assert_true(root.m.flag);
    assert_string_equal(root.m.list, "s1,s2"); /* a level replaces what lower ones gathered */
    assert_string_equal(root.nodes[0].host, "h.x=1");
    assert_int_equal(root.nodes[0].port, 9);
    assert_string_equal(root.nodes[1].name, "pg.2");

    assert_int_equal(load(text, NULL, 0, false), 0);
    assert_int_equal(root.m.wait, 2 * USEC_PER_SEC);
    assert_string_equal(root.m.list, "f1,f2");

    setenv("TANIST_MAIN_SIZE", "x", 1);
    assert_int_equal(load(NULL, NULL, 0, true), ERR_INVALID);
    assert_string_equal(
        diags_text(),
        "environment: TANIST_MAIN_SIZE: error: size: invalid value \"x\": expected a number with "
        "one of the units B, kB, MB, GB, TB\n");
    unsetenv("TANIST_MAIN_WAIT");
    unsetenv("TANIST_MAIN_SIZE");
    unsetenv("TANIST_MAIN_EXTRA");
    unsetenv("TANIST_MAIN_LIST");
}

static void bad_sets(void **state)
{
    (void)state;
    static const char *const sets[] = {"wait",        "wait=1s",         "main.wait",
                                       "main.wiat=1", " main . wait =9", "node.host=1",
                                       ".a=1",        "mani.wait=1s",    "=x"};
    assert_int_equal(load(NULL, sets, (int)ARRAY_LEN(sets), false), ERR_INVALID);
    assert_string_equal(
        diags_text(),
        "--set:1:1: error: \"wait\": expected section.name=value\n"
        "--set:2:1: error: \"wait=1s\": expected section.name=value\n"
        "--set:3:1: error: \"main.wait\": expected section.name=value\n"
        "--set:4:6: error: unknown setting \"wiat\" in section [main]: did you mean \"wait\"?\n"
        "--set:5:15: error: wait: invalid value \"9\": outside the valid range (10ms .. 1h)\n"
        "--set:6:1: error: section [node] needs a name: [node NAME]\n"
        "--set:7:1: error: \".a=1\": expected section.name=value\n"
        "--set:8:1: error: unknown section [mani]: did you mean [main]?\n"
        "--set:9:1: error: \"=x\": expected section.name=value\n");
}

/* ---- Printing ---- */

static char out[32768];

static const char *print(void (*fn)(const struct conf_section *, int, FILE *))
{
    memset(out, 0, sizeof(out));
    FILE *f = fmemopen(out, sizeof(out), "w");
    assert_non_null(f);
    fn(sections, N_SECTIONS, f);
    fclose(f);
    return out;
}

static const char *dump(void)
{
    memset(out, 0, sizeof(out));
    FILE *f = fmemopen(out, sizeof(out), "w");
    assert_non_null(f);
    conf_print_dump(&root, sections, N_SECTIONS, f);
    fclose(f);
    return out;
}

static void sample(void **state)
{
    (void)state;
    const char *text = print(conf_print_sample);
    assert_non_null(strstr(
        text, "\n# The main part.\n[main]\n\n# A switch. (on or off; default on)\n#flag = on\n"));
    assert_non_null(strstr(text, "\n# How many. (number, 1 .. 64, or auto; default auto; change "
                                 "needs a restart)\n#workers = auto\n"));
    assert_non_null(strstr(text, "#text = 'it''s # x'\n"));
    assert_non_null(strstr(text, "automatic | manual | follow"));
    assert_non_null(strstr(text, "#[node pg1]\n"));
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "#naked = 0\n"));
    assert_non_null(strstr(text, "#list = ''\n"));
    for (const char *p = text, *nl; (nl = strchr(p, '\n')) != NULL; p = nl + 1)
        assert_true(nl - p <= 100);

    /* As it is, and with every '#' before a setting of [main] taken away, it gives the defaults. */
    assert_int_equal(load(text, NULL, 0, false), 0);
    char *bare = strdup(text);
    assert_non_null(bare);
    *strstr(bare, "\n# A node.") = '\0';
    size_t n = 0;
    for (size_t i = 0; bare[i]; i++) {
        const bool setting =
            bare[i] == '#' && (i == 0 || bare[i - 1] == '\n') && bare[i + 1] != ' ';
        if (!setting)
            bare[n++] = bare[i];
    }
    bare[n] = '\0';
    assert_non_null(strstr(bare, "\nwait = 500ms\n"));
    if (load(bare, NULL, 0, false) != 0)
        fail_msg("%s", diags_text());
    for (size_t i = 0; i < ARRAY_LEN(main_rows); i++)
        assert_true(conf_value_is_default(&main_rows[i], &root.m));
    free(bare);
}

static void dump_reads_back(void **state)
{
    (void)state;
    static const char text[] = "[main]\nworkers=5\ntext='a\\\\b ''c'' $${X} "
                               "#\\n'\nsecret=hush\nlist=x,y\nhidden=2s\nextra=1\n"
                               "wait=off\n[node a]\nhost='h h'\n";
    assert_int_equal(load(text, NULL, 0, false), 0);
    const struct root before = root;
    char *dumped = strdup(dump());
    assert_non_null(dumped);
    assert_null(strstr(dumped, "hush"));
    assert_non_null(strstr(dumped, "#secret = ********\n"));
    assert_non_null(strstr(dumped, "text = 'a\\\\b ''c'' $${X} #\\n'\n"));
    assert_non_null(strstr(dumped, "hidden = 2s\n"));
    assert_non_null(strstr(dumped, "\n[node a]\nhost = 'h h'\nport = 5432\n"));
    if (load(dumped, NULL, 0, false) != 0)
        fail_msg("%s", diags_text());
    assert_string_equal(root.m.text, before.m.text);
    assert_int_equal(root.m.workers, 5);
    assert_int_equal(root.m.wait, 0);
    assert_int_equal(root.x.extra, 1);
    assert_string_equal(root.m.list, "x,y");
    assert_string_equal(root.nodes[0].host, "h h");
    assert_string_equal(root.m.secret, "");
    free(dumped);
}

static void manual_page(void **state)
{
    (void)state;
    const char *text = print(conf_print_scdoc);
    assert_non_null(strstr(
        text,
        "## [main]\n\nThe main part\\.\n\n*flag* (on or off; default on)\n\tA switch\\.\n\n"));
    assert_non_null(strstr(text, "\tNeeds a unit\\_or \\*not\\*\\.\n"));
    assert_non_null(strstr(text, "## [node NAME]\n"));
    assert_null(strstr(text, "*hidden*"));
}

static void on_diff(const char *section, const char *name, const struct conf_setting *s, void *arg)
{
    strbuf_addf(arg, "%s/%s/%s ", section, name, s ? s->name : "-");
}

static void diff(void **state)
{
    (void)state;
    static struct root old;
    char text[256];
    struct strbuf b;
    strbuf_init(&b, text, sizeof(text));
    assert_int_equal(
        load("[main]\nwait=2s\ntext=a\n[node a]\nhost=x\n[node b]\nhost=y\n", NULL, 0, false), 0);
    old = root;
    conf_diff(&old, &root, sections, N_SECTIONS, on_diff, &b);
    assert_string_equal(text, "");
    /* Bytes behind a string's end are no difference. */
    old.m.text[10] = 'z';
    assert_int_equal(
        load("[main]\nwait=3s\ntext=a\nextra=9\n[node c]\nhost=z\n[node a]\nhost=x\nport=1\n", NULL,
             0, false),
        0);
    conf_diff(&old, &root, sections, N_SECTIONS, on_diff, &b);
    assert_string_equal(text, "main//wait main//extra node/a/port node/b/- node/c/- ");
}

static int make_path(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof(path), "%s/test_conf.XXXXXX", tmp ? tmp : "/tmp");
    const int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(values_from_a_file),
        cmocka_unit_test(good_values),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(errors_with_places),
        cmocka_unit_test(all_errors_in_one_pass),
        cmocka_unit_test(too_many_errors),
        cmocka_unit_test(missing_file),
        cmocka_unit_test(semantic_diagnostics),
        cmocka_unit_test(includes_keep_the_section),
        cmocka_unit_test(precedence),
        cmocka_unit_test(bad_sets),
        cmocka_unit_test(sample),
        cmocka_unit_test(dump_reads_back),
        cmocka_unit_test(manual_page),
        cmocka_unit_test(diff),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
