#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "str.h"

enum {
    LOG_LINE_MAX = 2048, /* with its newline: below PIPE_BUF, so that one write is one piece */
    LOG_VALUE_MAX = 512, /* escaped length of one value other than msg */
    LOG_TAIL_ROOM = 16,  /* closing quote, brace, newline, NUL */
    LOG_MSG_ROOM = 256   /* the pairs leave at least this much for msg */
};

/* Mutable file-scope data (listed in replication/README): the sink. Level and format are read by every thread, relaxed:
 * a reload may take effect a line later. The tap is set before threads start. */
static _Atomic int sink_level = LOG_INFO;
static _Atomic int sink_format = LOG_LOGFMT;
static _Atomic int sink_fd = STDERR_FILENO;
static log_tap sink_tap;
static void *sink_tap_arg;

static const char *const level_names[LOG_LEVEL_NR] = {
    [LOG_DEBUG] = "debug",     [LOG_INFO] = "info",   [LOG_NOTICE] = "notice",
    [LOG_WARNING] = "warning", [LOG_ERROR] = "error", [LOG_FATAL] = "fatal",
};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&sink_level, (int)level, memory_order_relaxed);
}

void log_set_format(enum log_format format)
{
    atomic_store_explicit(&sink_format, (int)format, memory_order_relaxed);
}

void log_set_fd(int fd)
{
    atomic_store_explicit(&sink_fd, fd, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&sink_level, memory_order_relaxed);
}

void log_set_tap(log_tap tap, void *arg)
{
    sink_tap = tap;
    sink_tap_arg = arg;
}

enum log_level log_level_parse(const char *name)
{
    for (int i = LOG_DEBUG; i < LOG_LEVEL_NR; i++) {
        if (slice_ieq(slice_of(name), level_names[i]))
            return (enum log_level)i;
    }
    return 0;
}

const char *log_level_name(enum log_level level)
{
    return level >= LOG_DEBUG && level < LOG_LEVEL_NR ? level_names[level] : "unknown";
}

static void add_time(struct strbuf *b, usec_t wall, char between)
{
    const time_t sec = (time_t)(wall / USEC_PER_SEC);
    struct tm tm;
    char text[32];
    gmtime_r(&sec, &tm);
    strbuf_add(b, text, strftime(text, sizeof(text), "%Y-%m-%d", &tm));
    strbuf_addc(b, between);
    strbuf_add(b, text, strftime(text, sizeof(text), "%H:%M:%S", &tm));
    strbuf_addf(b, ".%03dZ", (int)(wall % USEC_PER_SEC / USEC_PER_MS));
}

static bool is_bare(const char *value)
{
    const unsigned char *p = (const unsigned char *)value;
    if (!*p)
        return false;
    for (; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '=' || *p == '\\')
            return false;
    }
    return true;
}

/* How one character of a value is written: n is its length in valid UTF-8, 0 for a byte that is none. */
static void escape_char(struct strbuf *b, const char *p, size_t n, bool json)
{
    const unsigned char c = (unsigned char)*p;
    if (n == 0)
        strbuf_addf(b, json ? "\\ufffd" : "\\x%02x", c);
    else if (n > 1)
        strbuf_add(b, p, n);
    else if (c == '\n')
        strbuf_adds(b, "\\n");
    else if (c == '\r')
        strbuf_adds(b, "\\r");
    else if (c == '\t')
        strbuf_adds(b, "\\t");
    else if (c < 0x20 || c == 0x7f)
        strbuf_addf(b, json ? "\\u%04x" : "\\x%02x", c);
    else if (c == '"' || c == '\\')
        strbuf_addf(b, "\\%c", c);
    else
        strbuf_addc(b, *p);
}

/* Escaped text that ends before `limit` of b; what does not fit becomes "...". Never cuts an escape in two. */
static void add_escaped(struct strbuf *b, const char *value, size_t limit, bool json)
{
    char one[16];
    struct strbuf e;
    const size_t dots = 3, n = strlen(value);
    strbuf_init(&e, one, sizeof(one));
    for (size_t i = 0; i < n;) {
        const size_t len = str_utf8_len(value + i, n - i);
        strbuf_reset(&e);
        escape_char(&e, value + i, len, json);
        if (b->n + e.n + dots > limit) {
            strbuf_adds(b, "...");
            return;
        }
        strbuf_add(b, e.p, e.n);
        i += len ? len : 1;
    }
}

static void add_pair(struct strbuf *b, const char *key, const char *value, size_t limit,
                     enum log_format format)
{
    /* The key, its punctuation and the smallest value must fit, else the pair is left out. */
    if (!value || b->n + strlen(key) + LOG_TAIL_ROOM > limit)
        return;
    if (format == LOG_JSON)
        strbuf_addf(b, "%s\"%s\":\"", b->n > 1 ? "," : "", key);
    else if (is_bare(value))
        strbuf_addf(b, "%s%s=", b->n ? " " : "", key);
    else
        strbuf_addf(b, "%s%s=\"", b->n ? " " : "", key);
    add_escaped(b, value, limit, format == LOG_JSON);
    if (format == LOG_JSON || !is_bare(value))
        strbuf_addc(b, '"');
}

struct line {
    enum log_level level;
    const char *event;
    const struct log_kv *kv;
    int n;
    const char *msg;
    usec_t wall;
};

static void add_pairs(struct strbuf *b, const struct line *l, enum log_format format)
{
    const size_t end = LOG_LINE_MAX - LOG_TAIL_ROOM - LOG_MSG_ROOM;
    for (int i = 0; i < l->n; i++) {
        const size_t limit = b->n + LOG_VALUE_MAX < end ? b->n + LOG_VALUE_MAX : end;
        add_pair(b, l->kv[i].key, l->kv[i].value, limit, format);
    }
}

static void format_keys(struct strbuf *b, const struct line *l, enum log_format format)
{
    const size_t end = LOG_LINE_MAX - LOG_TAIL_ROOM;
    char ts[32];
    struct strbuf t;
    strbuf_init(&t, ts, sizeof(ts));
    add_time(&t, l->wall, 'T');
    if (format == LOG_JSON)
        strbuf_addc(b, '{');
    add_pair(b, "ts", ts, end, format);
    add_pair(b, "level", log_level_name(l->level), end, format);
    add_pair(b, "event", l->event, LOG_VALUE_MAX, format);
    add_pairs(b, l, format);
    add_pair(b, "msg", l->msg, end, format);
    if (format == LOG_JSON)
        strbuf_addc(b, '}');
}

/* 2026-11-21 10:00:00.123Z notice  failover.promoted: words | node=pg2 */
static void format_text(struct strbuf *b, const struct line *l)
{
    add_time(b, l->wall, ' ');
    strbuf_addf(b, " %-7s ", log_level_name(l->level));
    add_escaped(b, l->event, LOG_VALUE_MAX, false);
    strbuf_adds(b, ": ");
    add_escaped(b, l->msg, l->n ? LOG_LINE_MAX / 2 : LOG_LINE_MAX - LOG_TAIL_ROOM, false);
    if (l->n)
        strbuf_adds(b, " |");
    add_pairs(b, l, LOG_LOGFMT);
}

static void write_line(const char *p, size_t n)
{
    const int fd = atomic_load_explicit(&sink_fd, memory_order_relaxed);
    while (write(fd, p, n) < 0 && errno == EINTR)
        ;
    /* Any other failure (disk full, reader gone) loses the line: there is nowhere to say so. */
}

void log_event(enum log_level level, const char *event, const struct log_kv *kv, int n,
               const char *fmt, ...)
{
    char msg[LOG_LINE_MAX], text[LOG_LINE_MAX];
    if (!log_enabled(level))
        return;
    const int saved_errno = errno;
    va_list ap;
    struct strbuf m, b;
    strbuf_init(&m, msg, sizeof(msg));
    va_start(ap, fmt);
    strbuf_vaddf(&m, fmt, ap);
    va_end(ap);

    const struct line line = {level, event, kv, kv ? n : 0, msg, clock_wall()};
    const enum log_format format =
        (enum log_format)atomic_load_explicit(&sink_format, memory_order_relaxed);
    strbuf_init(&b, text, sizeof(text));
    if (format == LOG_TEXT)
        format_text(&b, &line);
    else
        format_keys(&b, &line, format);
    if (sink_tap)
        sink_tap(level, event, text, sink_tap_arg);
    strbuf_addc(&b, '\n');
    write_line(b.p, b.n);
    errno = saved_errno;
}
