/* Looking at what a session has in its server, and what follows from it. */
#include "session.h"

#include "../replication/base/log.h"
#include "client.h"
#include "listen.h"
#include "pool.h"
#include "reports.h"
#include "server.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "worker.h"

enum { SESSION_OBJECTS = TOUCH_TEMP | TOUCH_LOCKS | TOUCH_CURSORS | TOUCH_LISTEN | TOUCH_PREPARED };

void session_tell_ready(struct client *c)
{
    uint8_t out[REPORTS_ROOM];
    struct writer w = writer_of(out, sizeof(out));
    c->session.looking = false;
    if (c->told != c->server->reports)
        reports_tell(c, &w);
    stream_send(&c->st, out, w.n);
    c->tx = 'I';
    client_send_ready(c);
    client_on_ready(c, 'I');
}

void session_set_pins(struct client *c, unsigned pinned)
{
    const enum pin before = c->pin;
    c->session.pinned = pinned;
    c->pin = look_pin(pinned);
    if (c->pin != PIN_NONE && before == PIN_NONE)
        c->w->stats.pins[c->pin]++;
    if (c->pin == PIN_NONE && before != PIN_NONE)
        log_debug("session.unpinned", "client %s is free again", c->peer);
    if (pinned & SESSION_STICKY)
        c->server->close_after = true;
}

static struct look_ask question(const struct client *c)
{
    const struct session *s = &c->session;
    return (struct look_ask){
        .objects = (s->touches | s->releases | s->pinned) & SESSION_OBJECTS,
        .all = (s->touches & TOUCH_SETTINGS) && s->all_settings,
        .names = s->touches & TOUCH_SETTINGS ? &s->names : NULL,
        .custom = &c->group->custom,
        .known = &c->params->p,
    };
}

bool session_send_hidden(struct client *c, const char *sql)
{
    struct server *s = c->server;
    uint8_t out[GATHER_SCRATCH / 2];
    struct writer w = writer_of(out, sizeof(out));
    encode_query(&w, sql);
    if (w.bad || !server_expect(s, PL_HIDDEN_QUERY, 0, 0))
        return false;
    s->hidden_failed = false;
    s->unnamed = s->unnamed_done = 0; /* a Query ends it */
    stream_send(&s->st, out, w.n);
    return true;
}

void session_look(struct client *c)
{
    struct session *ss = &c->session;
    struct server *s = c->server;
    char sql[GATHER_SCRATCH / 4];
    struct strbuf b;
    const struct look_ask ask = question(c);
    unsigned sticky = (ss->pinned | ss->touches) & SESSION_STICKY;
    if ((ss->pinned & TOUCH_SEQUENCE) && !(ss->releases & TOUCH_SEQUENCE))
        sticky |= TOUCH_SEQUENCE;
    strbuf_init(&b, sql, sizeof(sql));
    BUG_ON(s->look != NULL);
    ss->looking = true;
    s->look = look_sql(&ask, &b) ? malloc(sizeof(*s->look)) : NULL;
    if (!s->look || (b.n && !session_send_hidden(c, sql))) {
        free(s->look);
        s->look = NULL;
        session_set_pins(c, sticky | LOOK_STATE);
        session_noticed_nothing(ss);
        session_tell_ready(c);
        return;
    }
    look_begin(s->look, &ask, s->params ? &s->params->p : NULL);
    s->look->found = sticky;
    if (b.n == 0)
        session_on_looked(c);
}

void session_on_row(struct server *s, const uint8_t *body, size_t n)
{
    struct msg_row row;
    struct slice name, value;
    if (decode_data_row(body, n, &row) < 0 || row.n_columns != 2 ||
        !decode_value_next(&row.values, &name) || !decode_value_next(&row.values, &value)) {
        s->look->found |= LOOK_STATE;
        return;
    }
    look_row(s->look, name, value, s->pool->group->user);
}

/* The answer becomes the label of the server and the settings of the session. */
static bool adopt(struct client *c, struct look_seen *seen)
{
    struct pool_group *g = c->group;
    struct server *s = c->server;
    struct params_ref *label = pool_params(g, &seen->settings);
    look_restore_base(seen, &c->session.base->p);
    struct params_ref *want = label ? pool_params(g, &seen->settings) : NULL;
    if (!want) {
        params_unref(label);
        return false;
    }
    params_unref(s->params);
    s->params = label;
    params_unref(c->params);
    c->params = want;
    const char *commit = params_get(&want->p, "synchronous_commit");
    c->floor.async_commit = commit && (strcmp(commit, "off") == 0 || strcmp(commit, "local") == 0);
    return true;
}

/* A RESET took away what the client asked for at its start: it is set again, and the client hears of it. */
static bool restore(struct client *c)
{
    struct server *s = c->server;
    char sql[GATHER_SCRATCH / 4];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    const bool listens = c->session.unlisten && !(c->session.pinned & TOUCH_LISTEN);
    c->session.unlisten = false;
    if (!listens && (s->params == c->params || params_equal(&s->params->p, &c->params->p)))
        return false;
    if (listens)
        strbuf_adds(&b, "UNLISTEN *;");
    if (!params_diff_sql(&s->params->p, &c->params->p, &b) || !session_send_hidden(c, sql)) {
        session_set_pins(c, c->session.pinned | LOOK_STATE);
        return false;
    }
    s->restoring = true;
    return true;
}

/* -- channels ------------------------------------------------------------------------------------------------------- */

static bool is_seen(const void *seen, const char *channel)
{
    return look_channel_has(&((const struct look_seen *)seen)->channels, channel);
}

/* What the server listens to for the session becomes the session's own, to be heard elsewhere. False: not possible. */
static bool take_channels(struct client *c, const struct look_seen *seen)
{
    struct session *ss = &c->session;
    uint16_t at = 0;
    const char *name;
    const bool asked = (ss->touches | ss->releases | ss->pinned) & TOUCH_LISTEN;
    if (!asked || seen->channels.full)
        return false;
    /* A home is its own anyhow (home.h): there it hears its own notifications before ReadyForQuery, as without tanist. */
    if (c->home && c->home == c->server && !listen_any(c))
        return false;
    if (ss->replayed && !(ss->replayed_within && c->batch.rolled_back))
        listen_drop(c, is_seen, seen);
    while (look_channel_next(&seen->channels, &at, &name))
        if (!listen_add(c, name))
            return false;
    ss->unlisten = seen->channels.len > 0;
    return true;
}

bool session_replay_channels(struct client *c, bool within)
{
    char sql[GATHER_SCRATCH / 4];
    struct strbuf b;
    struct session *ss = &c->session;
    if (ss->replayed || !listen_any(c) || !((ss->touches | ss->releases) & TOUCH_LISTEN))
        return true;
    strbuf_init(&b, sql, sizeof(sql));
    listen_sql(c, &b);
    ss->replayed = true;
    ss->replayed_within = within;
    return !b.truncated && server_hide(c->server, sql);
}

void session_on_listening(struct client *c, bool heard)
{
    struct session *ss = &c->session;
    if (!ss->awaits || (heard && !listen_ready(c)))
        return;
    ss->awaits = false;
    if (!heard) { /* the session listens by itself, then */
        listen_drop(c, NULL, NULL);
        session_set_pins(c, ss->pinned | TOUCH_LISTEN);
    }
    if (!restore(c))
        session_tell_ready(c);
}

bool session_hears(const struct client *c, const uint8_t *body, size_t n)
{
    struct msg_notification m;
    return listen_any(c) && decode_notification(body, n, &m) == 0 && listen_has(c, m.channel);
}

void session_on_looked(struct client *c)
{
    struct server *s = c->server;
    struct look_seen *seen = s->look;
    s->look = NULL;
    unsigned found = seen->found;
    if (!s->hidden_failed && take_channels(c, seen))
        found &= ~(unsigned)TOUCH_LISTEN;
    if (s->hidden_failed || !adopt(c, seen))
        found |= LOOK_STATE;
    if (s->hidden_failed)
        log_debug("session.unknown", "the state of client %s cannot be read: %s", c->peer,
                  s->login_error.text);
    s->hidden_failed = false;
    if (!(found & TOUCH_PREPARED))
        c->session.prepared = 0;
    free(seen);
    session_set_pins(c, found);
    session_noticed_nothing(&c->session);
    if (!listen_ready(c))
        c->session.awaits = true; /* session_on_listening goes on */
    else if (!restore(c))
        session_tell_ready(c);
}

void session_on_restored(struct client *c)
{
    struct server *s = c->server;
    s->restoring = false;
    if (s->hidden_failed) {
        s->hidden_failed = false;
        session_set_pins(c, c->session.pinned | LOOK_STATE);
    } else {
        params_become(&s->params, c->params);
    }
    session_tell_ready(c);
}
