#include "events.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

enum { EVENT_NAME_LEN = 48, EVENT_LINE_LEN = 512, EVENT_FIELD_LEN = 400 };

struct event {
    usec_t wall;
    enum log_level level;
    char event[EVENT_NAME_LEN];
    char line[EVENT_LINE_LEN];
};

struct events {
    uv_mutex_t mutex;
    int first, n;
    struct event ring[EVENTS_MAX];
};

/* Informative events of the data plane would push the interesting ones out. */
static bool is_kept(enum log_level level, const char *event)
{
    static const char *const families[] = {"node.",   "failover.", "switchover.", "epoch.",
                                           "fence.",  "tilt.",     "journal.",    "decide.",
                                           "config.", "cluster.",  "daemon."};
    if (level >= LOG_NOTICE)
        return true;
    for (size_t i = 0; level >= LOG_INFO && i < ARRAY_LEN(families); i++) {
        if (strncmp(event, families[i], strlen(families[i])) == 0)
            return true;
    }
    return false;
}

static void tap(enum log_level level, const char *event, const char *line, void *arg)
{
    struct events *ev = arg;
    if (!is_kept(level, event))
        return;
    uv_mutex_lock(&ev->mutex);
    struct event *slot = &ev->ring[(ev->first + ev->n) % EVENTS_MAX];
    if (ev->n < EVENTS_MAX)
        ev->n++;
    else
        ev->first = (ev->first + 1) % EVENTS_MAX;
    slot->wall = clock_wall();
    slot->level = level;
    str_copy(slot->event, sizeof(slot->event), event);
    str_copy(slot->line, sizeof(slot->line), line);
    uv_mutex_unlock(&ev->mutex);
}

struct events *events_new(void)
{
    struct events *ev = calloc(1, sizeof(*ev));
    if (!ev)
        return NULL;
    BUG_ON(uv_mutex_init(&ev->mutex) != 0);
    log_set_tap(tap, ev);
    return ev;
}

void events_free(struct events *ev)
{
    if (!ev)
        return;
    log_set_tap(NULL, NULL);
    uv_mutex_destroy(&ev->mutex);
    free(ev);
}

/* A quoted value up to its closing quote, escapes undone. A cut line may lack the quote. */
static void copy_quoted(const char *p, char *out, size_t cap)
{
    size_t n = 0;
    for (; *p && *p != '"' && n + 1 < cap; p++) {
        if (*p == '\\' && p[1]) {
            p++;
            out[n++] = *p == 'n' || *p == 't' ? ' ' : *p;
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
}

/* The tap gets the line as it is written, in the format in force: logfmt (key=value, key="value"), JSON ("key":"value")
 * or text, whose pairs are logfmt. */
static bool find_field(const char *line, const char *key, char *out, size_t cap)
{
    char want[32];
    snprintf(want, sizeof(want), "\"%s\":\"", key);
    const char *at = line[0] == '{' ? strstr(line, want) : NULL;
    if (at) {
        copy_quoted(at + strlen(want), out, cap);
        return true;
    }
    snprintf(want, sizeof(want), " %s=", key);
    at = strstr(line, want);
    if (!at)
        return false;
    at += strlen(want);
    if (*at == '"') {
        copy_quoted(at + 1, out, cap);
        return true;
    }
    const size_t n = strcspn(at, " ");
    if (n >= cap)
        return false;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

static void add_message(struct table *t, const struct event *ev)
{
    char out[EVENT_FIELD_LEN];
    if (find_field(ev->line, "msg", out, sizeof(out))) {
        table_cell(t, out);
        return;
    }
    /* Text format: the words stand between "event: " and " |". */
    const char *at = strstr(ev->line, ev->event);
    at = at ? strstr(at, ": ") : NULL;
    if (!at) {
        table_cell(t, ev->line);
        return;
    }
    str_copy(out, sizeof(out), at + 2);
    char *bar = strstr(out, " | ");
    if (bar)
        *bar = '\0';
    table_cell(t, out);
}

static void add_row(struct table *t, const struct event *ev)
{
    char when[40], out[EVENT_FIELD_LEN];
    const time_t sec = (time_t)(ev->wall / USEC_PER_SEC);
    struct tm tm;
    gmtime_r(&sec, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    table_cellf(t, "%s.%03d+00", when, (int)(ev->wall % USEC_PER_SEC / USEC_PER_MS));
    table_cell(t, log_level_name(ev->level));
    table_cell(t, ev->event);
    table_cell(t, find_field(ev->line, "cluster", out, sizeof(out)) ? out : NULL);
    table_cell(t, find_field(ev->line, "node", out, sizeof(out)) ? out : NULL);
    add_message(t, ev);
}

struct table *events_table(struct events *ev)
{
    static const char *const columns[] = {"time", "level", "event", "cluster", "node", "message"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    if (!t)
        return NULL;
    uv_mutex_lock(&ev->mutex);
    for (int i = 0; i < ev->n; i++)
        add_row(t, &ev->ring[(ev->first + i) % EVENTS_MAX]);
    uv_mutex_unlock(&ev->mutex);
    return t;
}
