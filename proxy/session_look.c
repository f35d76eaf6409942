/* Looking at what a session has in its server, and what follows from it. */
#include "session.h"

#include "../replication/base/log.h"
#include "client.h"
#include "core/sqllex.h"
#include "listen.h"
#include "pool.h"
#include "reports.h"
#include "server.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/msgtype.h"
#include "worker.h"

enum { SESSION_OBJECTS = TOUCH_TEMP | TOUCH_LOCKS | TOUCH_CURSORS | TOUCH_LISTEN | TOUCH_PREPARED };

void session_tell_ready(struct client *c)
{
    uint8_t out[REPORTS_ROOM];
    struct writer w = writer_of(out, sizeof(out));
    c->session.looking = false;
    if (UNLIKELY(c->session.notes.n > 0))
        session_send_notes(c);
    if (c->told != c->server->reports)
        reports_tell(c, &w);
    stream_send(&c->st, out, w.n);
    c->tx = c->server->tx;
    client_send_ready(c);
    client_on_ready(c, c->tx);
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

/* What is known of it is spelled in an encoding that it has no more, maybe. */
static bool spells_anew(const struct client *c)
{
    uint16_t at = 0;
    const char *n;
    while (look_name_next(&c->session.names, &at, &n))
        if (strcmp(n, "client_encoding") == 0)
            return !params_plain_ascii(&c->params->p);
    return false;
}

static struct look_ask question(const struct client *c)
{
    const struct session *s = &c->session;
    return (struct look_ask){
        .objects = (s->touches | s->releases | s->pinned) & SESSION_OBJECTS,
        .all = (s->touches & TOUCH_SETTINGS) && (s->all_settings || spells_anew(c)),
        .names = s->touches & TOUCH_SETTINGS ? &s->names : NULL,
        .custom = &c->group->custom,
        .base = &s->base->p,
        .reset = s->refill != REFILL_NOTHING,
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

/* The batch is over: a session that listens hears first what it sent, and what others had sent before. */
static void finish(struct client *c)
{
    if ((!listen_any(c) || !listen_sync(c)) && !restore(c))
        session_tell_ready(c);
}

static bool has_nothing_to_look_at(const struct client *c)
{
    const struct session *ss = &c->session;
    const unsigned ends = ss->pinned | (listen_any(c) ? TOUCH_LISTEN : 0);
    return !ss->touches && !(ss->releases & ends);
}

/* RESET leads to the start-up parameters, which are settings like others for the server. What was not set by the session is set
 * to them, in the same transaction and savepoint, so it ends as the RESET does. */
bool session_refills(const struct client *c, uint8_t status)
{
    return !c->verifying &&
           (status == 'T' || (status == 'I' && c->group->conf.pool_mode == POOL_SESSION));
}

static void refill(struct client *c)
{
    struct server *s = c->server;
    const bool local = c->session.refill == REFILL_LOCAL;
    char sql[GATHER_SCRATCH / 4];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    c->session.looking = true;
    s->restoring = params_refill_sql(&c->session.base->p, local, &b) && session_send_hidden(c, sql);
    if (s->restoring)
        return;
    session_set_pins(c, c->session.pinned | LOOK_STATE);
    session_tell_ready(c);
}

void session_look(struct client *c)
{
    struct session *ss = &c->session;
    struct server *s = c->server;
    char sql[GATHER_SCRATCH / 4];
    struct strbuf b;
    const struct look_ask ask = question(c);
    if (ss->refill && session_refills(c, s->tx)) {
        refill(c);
        return;
    }
    unsigned sticky = (ss->pinned | ss->touches) & SESSION_STICKY;
    if (has_nothing_to_look_at(c)) {
        finish(c);
        return;
    }
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
    session_look_names(ss);
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
    struct client *c = s->client;
    if (c && slice_eq(name, "?name") && value.n <= NAMED_LEN_MAX) {
        memcpy(c->session.seen_name, value.p, value.n);
        c->session.seen_name[value.n] = 0;
        return;
    }
    if (!c && server_check_row(s, name, value))
        return;
    if (c && slice_eq(name, "?none")) {
        c->session.none_of_ours = true;
        return;
    }
    if (c && slice_eq(name, "?text")) {
        session_see_name(c, slice_of(c->session.seen_name), value);
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
    if (ss->replayed && !ss->replay_undone)
        listen_drop(c, is_seen, seen);
    while (look_channel_next(&seen->channels, &at, &name))
        if (!listen_add(c, name))
            return false;
    ss->unlisten = seen->channels.len > 0;
    return true;
}

/* The first COMMIT or ROLLBACK ended it. That of a savepoint did not, but cannot be told: a COMMIT behind it counts. */
void session_on_tag(struct client *c, const char *tag, size_t n)
{
    struct session *ss = &c->session;
    if (n == sizeof("COMMIT") && memcmp(tag, "COMMIT", n) == 0) {
        ss->replayed_within = ss->replay_undone = false;
    } else if (n == sizeof("ROLLBACK") && memcmp(tag, "ROLLBACK", n) == 0) {
        ss->replay_undone = true;
        ss->replayed_within = (c->batch.bits & CLASS_TX_SAVEPOINT) != 0;
    }
}

/* ROLLBACK of the whole transaction comes first in the Query. */
static bool rolls_back_first(const struct client *c)
{
    struct frame f = {0};
    struct lexer lx;
    if (frame_next(c->view, c->view_n, FRAME_FRONTEND, &f) != FRAME_OK || f.type != MSG_F_QUERY ||
        f.total > c->view_n)
        return false;
    lex_init(&lx, (struct slice){(const char *)c->view + FRAME_HEADER, f.body_len - 1},
             c->backslash);
    struct lex_token t = lex_next(&lx);
    if (!lex_is(&t, "rollback") && !lex_is(&t, "abort"))
        return false;
    t = lex_next(&lx);
    if (lex_is(&t, "work") || lex_is(&t, "transaction"))
        t = lex_next(&lx);
    return t.kind == LEX_SEMI;
}

/* Its channels are put on the server, so that what the batch does with them can be seen there. In a failed transaction
 * nothing can be run but its end; if the batch ends it first, it ends here and a new one is there to be ended. */
bool session_replay_channels(struct client *c, bool within)
{
    char sql[GATHER_SCRATCH / 4];
    struct strbuf b;
    struct session *ss = &c->session;
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    const bool failed = c->tx == 'E';
    if (ss->replayed || !listen_any(c) || !((ss->touches | ss->releases) & TOUCH_LISTEN) || !t ||
        c->server->pool->node != t->writer || (failed && !rolls_back_first(c)))
        return true;
    strbuf_init(&b, sql, sizeof(sql));
    listen_sql(c, &b);
    ss->replayed = true;
    ss->replayed_within = within && !failed;
    if (b.truncated)
        return false;
    if (!failed)
        return server_hide(c->server, sql);
    return server_hide(c->server, "ROLLBACK") && server_hide(c->server, sql) &&
           server_hide(c->server, "BEGIN");
}

void session_on_synced(struct client *c)
{
    struct session *ss = &c->session;
    if (ss->applying) {
        ss->applying = false;
        c->server->noted_by = c->serial;
        c->resume = true;
        client_process(c);
        return;
    }
    if (listen_ready(c)) {
        listen_live(c);
    } else { /* the session listens by itself, then */
        listen_drop(c, NULL, NULL);
        session_set_pins(c, ss->pinned | TOUCH_LISTEN);
    }
    if (!restore(c))
        session_tell_ready(c);
}

bool session_claims(struct client *c)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    const struct server *s = c->server;
    const bool reads = c->batch.read && c->tx == 'I' && !c->begin.deferred;
    if (reads || s->noted_by == c->serial || !t || s->pool->node != t->writer || !listen_sync(c))
        return true;
    c->session.applying = true;
    return false;
}

void session_on_looked(struct client *c)
{
    struct server *s = c->server;
    struct look_seen *seen = s->look;
    s->look = NULL;
    struct session *ss = &c->session;
    unsigned found = seen->found;
    if (((ss->touches | ss->releases | ss->pinned) & TOUCH_PREPARED) &&
        !session_adopt_names(c, !s->hidden_failed && !(found & LOOK_STATE)))
        found |= TOUCH_PREPARED;
    if (!s->hidden_failed && take_channels(c, seen))
        found &= ~(unsigned)TOUCH_LISTEN;
    if (s->hidden_failed || !adopt(c, seen))
        found |= LOOK_STATE;
    if (s->hidden_failed)
        log_debug("session.unknown", "the state of client %s cannot be read: %s", c->peer,
                  s->login_error.text);
    s->hidden_failed = false;
    if (!ss->made.all && !(found & TOUCH_PREPARED))
        ss->prepared = 0;
    if ((ss->pinned & (TOUCH_TEMP | TOUCH_PREPARED)) && ss->made.all)
        found |=
            TOUCH_PREPARED; /* a text over temporary objects that are gone is prepared nowhere else */
    free(seen);
    session_set_pins(c, found);
    session_noticed_nothing(&c->session);
    finish(c);
}

void session_on_restored(struct client *c)
{
    struct server *s = c->server;
    s->restoring = false;
    if (s->hidden_failed) {
        s->hidden_failed = false;
        session_set_pins(c, c->session.pinned | LOOK_STATE);
    } else if (!c->session.refill) {
        params_become(&s->params, c->params);
    }
    c->session.refill = REFILL_NOTHING;
    session_tell_ready(c);
}
