#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../replication/base/log.h"
#include "../../replication/base/str.h"

static int ends[2];
static char text[65536];

/* What was written since the last call: the pipe is read until it would block. */
static const char *written(void)
{
    size_t n = 0;
    for (;;) {
        const ssize_t got = read(ends[0], text + n, sizeof(text) - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    text[n] = '\0';
    return text;
}

/* The line without its time, whose form is checked. */
static const char *without_time(const char *line, const char *before)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    const size_t n = strlen(before);
    assert_memory_equal(line, before, n);
    for (size_t i = 0; form[i]; i++) {
        const char c = line[n + i];
        if (form[i] == 'd')
            assert_in_range(c, '0', '9');
        else if (form[i] == 'T')
            assert_true(c == 'T' || c == ' ');
        else
            assert_int_equal(c, form[i]);
    }
    return line + n + strlen(form);
}

static void logfmt(void **state)
{
    (void)state;
    log_set_format(LOG_LOGFMT);
    LOG_AT(LOG_NOTICE, "failover.done",
           LOG_KV({"cluster", "prod"}, {"none", NULL}, {"empty", ""}, {"sp", "a b"}), "all %d", 5);
    assert_string_equal(
        without_time(written(), "ts="),
        " level=notice event=failover.done cluster=prod empty=\"\" sp=\"a b\" msg=\"all 5\"\n");
    log_warning("x", "one");
    assert_string_equal(without_time(written(), "ts="), " level=warning event=x msg=one\n");
}

static void escapes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *logfmt, *json;
    } t[] = {
        {"plain-1.2:3/4,5", "plain-1.2:3/4,5", "plain-1.2:3/4,5"},
        {"a=b", "\"a=b\"", "a=b"},
        {"a\"b", "\"a\\\"b\"", "a\\\"b"},
        {"a\\b", "\"a\\\\b\"", "a\\\\b"},
        {"a\nevent=fake\r\tb", "\"a\\nevent=fake\\r\\tb\"", "a\\nevent=fake\\r\\tb"},
        {"\x1b[0m\x7f", "\"\\x1b[0m\\x7f\"", "\\u001b[0m\\u007f"},
        {"\xc3\xa4", "\"\xc3\xa4\"", "\xc3\xa4"},
        {"\xe4!", "\"\\xe4!\"", "\\ufffd!"},
    };
    char expected[256];
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        log_set_format(LOG_LOGFMT);
        LOG_AT(LOG_INFO, "e", LOG_KV({"k", t[i].in}), "m");
        snprintf(expected, sizeof(expected), " level=info event=e k=%s msg=m\n", t[i].logfmt);
        assert_string_equal(without_time(written(), "ts="), expected);
        log_set_format(LOG_JSON);
        LOG_AT(LOG_INFO, "e", LOG_KV({"k", t[i].in}), "%s", t[i].in);
        snprintf(expected, sizeof(expected),
                 "\",\"level\":\"info\",\"event\":\"e\",\"k\":\"%s\",\"msg\":\"%s\"}\n", t[i].json,
                 t[i].json);
        assert_string_equal(without_time(written(), "{\"ts\":\""), expected);
    }
}

static void for_people(void **state)
{
    (void)state;
    log_set_format(LOG_TEXT);
    LOG_AT(LOG_ERROR, "probe.failed", LOG_KV({"node", "pg1"}, {"why", "a b"}), "no\nanswer");
    assert_string_equal(without_time(written(), ""),
                        " error   probe.failed: no\\nanswer | node=pg1 why=\"a b\"\n");
    log_info("x", "words here");
    assert_string_equal(without_time(written(), ""), " info    x: words here\n");
}

/* However long the parts: one line, at most 2 kB, with msg in it, and well-formed to its end. */
static void long_lines(void **state)
{
    (void)state;
    static char big[10000];
    static const char fills[] = {'x', '"', '\n', (char)0xe4};
    static const enum log_format formats[] = {LOG_LOGFMT, LOG_JSON, LOG_TEXT};
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        for (size_t k = 0; k < ARRAY_LEN(fills); k++) {
            log_set_format(formats[f]);
            memset(big, fills[k], sizeof(big) - 1);
            struct log_kv kv[10];
            for (size_t i = 0; i < ARRAY_LEN(kv); i++)
                kv[i] = (struct log_kv){"key", big};
            for (int n = 0; n <= (int)ARRAY_LEN(kv); n++) {
                log_event(LOG_INFO, big, kv, n, "msg %s", big);
                const char *line = written();
                const size_t len = strlen(line);
                assert_true(len <= 2048);
                assert_ptr_equal(strchr(line, '\n'), line + len - 1);
                assert_non_null(strstr(line, formats[f] == LOG_JSON ? "\"msg\":\"msg " : "msg"));
                assert_non_null(strstr(line, "..."));
                if (formats[f] == LOG_JSON)
                    assert_string_equal(line + len - 6, "...\"}\n");
                else if (formats[f] == LOG_LOGFMT)
                    assert_string_equal(line + len - 5, "...\"\n");
            }
        }
    }
}

static void levels(void **state)
{
    (void)state;
    log_set_format(LOG_LOGFMT);
    assert_false(log_enabled(LOG_DEBUG));
    log_debug("e", "hidden");
    assert_string_equal(written(), "");
    log_set_level(LOG_DEBUG);
    log_debug("e", "seen");
    assert_non_null(strstr(written(), "level=debug"));
    log_set_level(LOG_ERROR);
    log_warning("e", "hidden");
    assert_string_equal(written(), "");
    log_error("e", "seen");
    assert_non_null(strstr(written(), "level=error"));
    log_set_level(LOG_INFO);

    for (int i = LOG_DEBUG; i < LOG_LEVEL_NR; i++)
        assert_int_equal(log_level_parse(log_level_name((enum log_level)i)), i);
    assert_int_equal(log_level_parse("INFO"), LOG_INFO);
    assert_int_equal(log_level_parse("inf"), 0);
    assert_int_equal(log_level_parse(""), 0);
    assert_string_equal(log_level_name(LOG_LEVEL_NR), "unknown");
}

static int taps;

static void tap(enum log_level level, const char *event, const char *line, void *arg)
{
    assert_int_equal(level, LOG_INFO);
    assert_string_equal(event, "tapped");
    assert_null(strchr(line, '\n'));
    assert_non_null(strstr(line, "msg=hello"));
    assert_ptr_equal(arg, &taps);
    taps++;
}

static void tapped(void **state)
{
    (void)state;
    log_set_tap(tap, &taps);
    log_info("tapped", "hello");
    log_debug("tapped", "not this");
    log_set_tap(NULL, NULL);
    log_info("other", "hello");
    assert_int_equal(taps, 1);
    written();
}

static int open_pipe(void **state)
{
    (void)state;
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return -1;
    log_set_fd(ends[1]);
    return 0;
}

static int close_pipe(void **state)
{
    (void)state;
    log_set_fd(2);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt),     cmocka_unit_test(escapes), cmocka_unit_test(for_people),
        cmocka_unit_test(long_lines), cmocka_unit_test(levels),  cmocka_unit_test(tapped),
    };
    return cmocka_run_group_tests(tests, open_pipe, close_pipe);
}
