/* The invariant that sharing rests on, checked: a server that is free has in its session what its label says and nothing
 * else. Not in builds with NDEBUG, and only with TANIST_CHECK_LABELS in the environment, because it costs a query for
 * each transaction; tests of random sessions run with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "core/classify.h"
#include "core/look.h"
#include "pool.h"
#include "proxy.h"
#include "server.h"
#include "wire/encode.h"
#include "worker.h"

enum { CHECK_OBJECTS = TOUCH_ANY & ~TOUCH_SETTINGS, CHECK_SQL_MAX = 16 * 1024 };

static const struct params *label(const struct server *s)
{
    static const struct params none;
    return s->params ? &s->params->p : &none;
}

static bool is_wanted(const struct server *s)
{
    return UNLIKELY(s->w->proxy->check_labels) && !s->home_of;
}

/* A custom setting that a RESET has left behind. */
static bool is_left(const char *name, const char *value)
{
    return *value == 0 && strchr(name, '.');
}

/* What the label says, in the server's words: set for the transaction of the query, it must make no difference. */
static void add_label(struct strbuf *b, const struct params *p)
{
    uint32_t at = 0;
    const char *n, *v;
    while (params_next(p, &at, &n, &v)) {
        if (is_left(n, v))
            continue;
        strbuf_adds(b, " UNION ALL SELECT '?is '||n,CASE WHEN c OPERATOR(pg_catalog.<>) "
                       "pg_catalog.set_config(n,v,true) THEN c END FROM (SELECT "
                       "pg_catalog.current_setting(n) c,n,v FROM (VALUES(");
        strbuf_add_sql_literal(b, n);
        strbuf_addc(b, ',');
        strbuf_add_sql_literal(b, v);
        strbuf_adds(b, ")) t(n,v) OFFSET 0) u");
    }
}

bool server_check_begin(struct server *s)
{
    char sql[CHECK_SQL_MAX];
    uint8_t msg[CHECK_SQL_MAX + 16];
    struct strbuf b;
    const struct look_ask ask = {.objects = CHECK_OBJECTS,
                                 .all = true,
                                 .custom = &s->pool->group->custom,
                                 .known = label(s)};
    if (!is_wanted(s))
        return false;
    strbuf_init(&b, sql, sizeof(sql));
    BUG_ON(s->look != NULL);
    s->look = look_sql(&ask, &b) ? malloc(sizeof(*s->look)) : NULL;
    add_label(&b, label(s));
    struct writer w = writer_of(msg, sizeof(msg));
    encode_query(&w, sql);
    if (!s->look || b.truncated || w.bad || !server_expect(s, PL_HIDDEN_QUERY, 0, 0)) {
        free(s->look);
        s->look = NULL;
        return false;
    }
    look_begin(s->look, &ask, NULL);
    s->checking = true;
    s->names_checked = 0;
    stream_send(&s->st, msg, w.n);
    return true;
}

bool server_check_row(struct server *s, struct slice name, struct slice value)
{
    static const char is[] = "?is ";
    char buf[NAMED_LEN_MAX + 1];
    if (slice_eq(name, "?name")) {
        snprintf(buf, sizeof(buf), "%.*s", (int)value.n, value.p);
        if (!sqlname_find(&s->sqlnames, buf))
            s->look->found |= TOUCH_PREPARED;
        s->names_checked++;
        return true;
    }
    if (name.n < sizeof(is) || memcmp(name.p, is, sizeof(is) - 1) != 0)
        return false;
    snprintf(buf, sizeof(buf), "%.*s", (int)(name.n - 4), name.p + 4);
    if (value.p) {
        log_error("session.label", "%s is '%.*s'", buf, (int)value.n, value.p);
        s->look->found |= LOOK_STATE;
    }
    return true;
}

/* Is everything that was set in the server's session known? */
static bool is_known(const struct params *known, const struct params *set)
{
    uint32_t at = 0;
    const char *n, *v;
    while (params_next(set, &at, &n, &v))
        if (!params_get(known, n) && !is_left(n, v))
            return false;
    return true;
}

void server_check_end(struct server *s)
{
    struct look_seen *seen = s->look;
    const struct params *p = label(s);
    uint32_t at = 0;
    const char *n, *v;
    s->look = NULL;
    s->checking = false;
    if (seen->found == 0 && s->names_checked == s->sqlnames.n && is_known(p, &seen->settings)) {
        free(seen);
        return;
    }
    log_error("session.label", "server of %s to node %s: found %x, %u names of %u",
              s->pool->group->key, s->pool->name, seen->found, s->names_checked, s->sqlnames.n);
    while (params_next(p, &at, &n, &v))
        log_error("session.label", "the label says %s = '%s'", n, v);
    for (at = 0; params_next(&seen->settings, &at, &n, &v);)
        log_error("session.label", "the server has %s = '%s'", n, v);
    BUG("a server's session is not what its label says");
}
