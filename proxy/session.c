#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "cancel.h"
#include "client.h"
#include "listen.h"
#include "pool.h"
#include "server.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

enum {
    REPORTS_MAX = 4096,
    NOTES_MAX = 1024 * 1024,
    SESSION_OBJECTS = TOUCH_TEMP | TOUCH_LOCKS | TOUCH_CURSORS | TOUCH_LISTEN | TOUCH_PREPARED,
    /* Nobody can ask a server for these; only its end ends them. */
    SESSION_STICKY = TOUCH_LOAD | TOUCH_SEED | TOUCH_FUNCTION | LOOK_STATE,
};

static bool read_report(const uint8_t *p, size_t n, struct frame *f, struct msg_parameter *m)
{
    return frame_next(p, n, FRAME_BACKEND, f) == FRAME_OK && f->total <= n &&
           decode_parameter_status(p + FRAME_HEADER, f->body_len, m) == 0;
}

bool session_begin(struct client *c)
{
    struct params_ref *base = c->session.base, *own;
    struct params p;
    struct frame f;
    struct msg_parameter m;
    struct err e;
    char name[64], value[512];
    params_copy(&p, &base->p);
    for (size_t at = 0;
         at < base->overlay_len && read_report(base->overlay + at, base->overlay_len - at, &f, &m);
         at += f.total) {
        snprintf(name, sizeof(name), "%.*s", (int)m.name.n, m.name.p);
        snprintf(value, sizeof(value), "%.*s", (int)m.value.n, m.value.p);
        if (params_get(&p, name) && params_set(&p, name, value, &e) < 0)
            return false;
    }
    own = pool_params(c->group, &p);
    if (!own)
        return false;
    if (own != base && !own->verified) {
        memcpy(own->overlay, base->overlay, base->overlay_len);
        own->overlay_len = base->overlay_len;
        own->verified = true;
    }
    params_unref(c->session.base);
    params_unref(c->params);
    c->session.base = own;
    c->params = params_take(own);
    return true;
}

/* -- noticing ------------------------------------------------------------------------------------------------------- */

static bool is_known(const struct client *c, struct slice name)
{
    char n[128];
    if (name.n >= sizeof(n) || !c->params)
        return false;
    memcpy(n, name.p, name.n);
    n[name.n] = 0;
    return params_get(&c->params->p, n) != NULL;
}

/* SET LOCAL of a custom setting leaves its name behind, empty; that matters once. */
static bool leaves_name(const struct client *c, const struct classification *k)
{
    for (unsigned i = 0; i < k->n_settings; i++)
        if (memchr(k->settings[i].p, '.', k->settings[i].n) && !is_known(c, k->settings[i]))
            return true;
    return k->all_settings;
}

void session_note(struct client *c, const struct classification *k)
{
    struct session *s = &c->session;
    unsigned t = k->touches;
    bool all = k->all_settings;
    s->releases |= k->releases;
    if (LIKELY(t == 0))
        return;
    if (t & TOUCH_PREPARED)
        s->prepared |= t & ~(unsigned)(TOUCH_PREPARED | TOUCH_EXECUTE);
    if (t & TOUCH_EXECUTE) {
        t |= s->prepared;
        all |= (s->prepared & (TOUCH_SETTINGS | TOUCH_LOCAL)) != 0;
    }
    if ((t & TOUCH_LOCAL) && (leaves_name(c, k) || all))
        t |= TOUCH_SETTINGS;
    s->sequence |= (t & TOUCH_SEQUENCE) != 0;
    t &= ~(unsigned)(TOUCH_EXECUTE | TOUCH_LOCAL | TOUCH_SEQUENCE);
    s->touches |= t;
    if (!(t & TOUCH_SETTINGS))
        return;
    s->all_settings |= all;
    for (unsigned i = 0; i < k->n_settings; i++) {
        look_name_add(&s->names, k->settings[i]);
        if (memchr(k->settings[i].p, '.', k->settings[i].n))
            look_name_add(&c->group->custom, k->settings[i]);
        if (slice_ieq(k->settings[i], "role"))
            look_name_add(&s->names, slice_of("session_authorization"));
    }
    s->all_settings |= s->names.full;
}

static void noticed_nothing(struct session *s)
{
    s->touches = s->releases = 0;
    s->all_settings = s->sequence = false;
    s->replayed = s->replayed_within = false;
    s->names.len = 0;
    s->names.full = false;
}

bool session_is_bound(const struct client *c)
{
    return c->session.looking || (c->session.pinned & ~(unsigned)TOUCH_SEQUENCE) != 0;
}

void session_forget(struct client *c)
{
    noticed_nothing(&c->session);
    c->session.pinned &= ~(unsigned)TOUCH_SEQUENCE;
    c->pin = look_pin(c->session.pinned);
    c->session.looking = c->session.applying = c->session.reported = c->session.awaits = false;
    inbuf_free(&c->session.reports);
}

bool session_must_look(const struct client *c, uint8_t status)
{
    const struct session *s = &c->session;
    return status == 'I' && UNLIKELY(s->touches || (s->releases & s->pinned)) &&
           c->group->conf.pool_mode != POOL_SESSION && !c->verifying;
}

/* -- looking -------------------------------------------------------------------------------------------------------- */

bool session_hold_report(struct client *c, const uint8_t *msg, size_t n)
{
    struct inbuf *b = &c->session.reports;
    if (c->session.touches == 0 && !c->session.looking)
        return false;
    uint8_t *to = b->n + n <= REPORTS_MAX ? inbuf_room(b, n) : NULL;
    if (!to)
        return false;
    memcpy(to, msg, n);
    b->n += n;
    return true;
}

/* What the client believed of a reported setting before: its own, or what it was welcomed with. */
static bool believed(const struct client *c, struct slice name, struct slice value)
{
    char n[64];
    struct frame f;
    struct msg_parameter m;
    const struct pool_group *g = c->group;
    snprintf(n, sizeof(n), "%.*s", (int)name.n, name.p);
    const char *own = params_get(&c->session.before->p, n);
    if (own)
        return slice_eq(value, own);
    if (slice_eq(name, "is_superuser"))
        return false; /* follows from the role, so nobody keeps it */
    for (size_t at = 0;
         at < g->welcome_len && read_report(g->welcome + at, g->welcome_len - at, &f, &m);
         at += f.total)
        if (m.name.n == name.n && memcmp(m.name.p, name.p, name.n) == 0)
            return m.value.n == value.n && memcmp(m.value.p, value.p, value.n) == 0;
    return false;
}

static bool comes_again(const struct inbuf *b, size_t at, struct slice name)
{
    struct frame f;
    struct msg_parameter m;
    for (; at < b->n && read_report(b->p + at, b->n - at, &f, &m); at += f.total)
        if (m.name.n == name.n && memcmp(m.name.p, name.p, name.n) == 0)
            return true;
    return false;
}

/* Of each setting the last report, if it is news. */
static void tell_reports(struct client *c)
{
    struct session *ss = &c->session;
    struct frame f;
    struct msg_parameter m;
    for (size_t at = 0; at < ss->reports.n; at += f.total) {
        if (!read_report(ss->reports.p + at, ss->reports.n - at, &f, &m))
            break;
        if (!comes_again(&ss->reports, at + f.total, m.name) &&
            (ss->reported || !ss->before || !believed(c, m.name, m.value)))
            stream_send(&c->st, ss->reports.p + at, f.total);
    }
    inbuf_free(&ss->reports);
    params_unref(ss->before);
    ss->before = NULL;
    ss->reported = false;
}

void session_free(struct client *c)
{
    inbuf_free(&c->session.reports);
    inbuf_free(&c->session.notes);
    listen_drop(c, NULL, NULL);
    params_unref(c->session.before);
    params_unref(c->session.base);
    c->session.before = c->session.base = NULL;
}

static void tell_ready(struct client *c)
{
    c->session.looking = false;
    tell_reports(c);
    c->tx = 'I';
    client_send_ready(c);
    client_on_ready(c, 'I');
}

static void set_pins(struct client *c, unsigned pinned)
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

static bool send_hidden(struct client *c, const char *sql)
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
    if (!s->look || (b.n && !send_hidden(c, sql))) {
        free(s->look);
        s->look = NULL;
        set_pins(c, sticky | LOOK_STATE);
        noticed_nothing(ss);
        tell_ready(c);
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
    params_unref(c->session.before);
    c->session.before = c->params;
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
    if (!params_diff_sql(&s->params->p, &c->params->p, &b) || !send_hidden(c, sql)) {
        set_pins(c, c->session.pinned | LOOK_STATE);
        return false;
    }
    s->restoring = true;
    return true;
}

/* -- names of statements -------------------------------------------------------------------------------------------- */

/* An identifier as it is written, folded or without its quotes; false if it cannot be one of a client's names. */
static bool plain_name(struct slice text, char out[64])
{
    const bool quoted = text.n > 1 && text.p[0] == '"';
    if (quoted)
        text = (struct slice){text.p + 1, text.n - 2};
    if (text.n == 0 || text.n >= 64 || memchr(text.p, '"', text.n) || memchr(text.p, 0, text.n))
        return false;
    for (size_t i = 0; i < text.n; i++)
        out[i] =
            !quoted && text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] + 32) : text.p[i];
    out[text.n] = 0;
    return true;
}

void session_note_deallocate(struct client *c, struct slice name)
{
    char plain[64];
    if (plain_name(name, plain) && named_find(&c->named, slice_of(plain)))
        str_copy(c->session.deallocates, sizeof(c->session.deallocates), plain);
}

bool session_give_name(struct client *c)
{
    char sql[200];
    struct strbuf b;
    if (LIKELY(!c->session.deallocates[0]) || c->tx == 'E')
        return true;
    strbuf_init(&b, sql, sizeof(sql));
    strbuf_adds(&b, "PREPARE ");
    strbuf_add_sql_ident(&b, c->session.deallocates);
    strbuf_adds(&b, " AS SELECT");
    return !b.truncated && server_hide(c->server, sql);
}

void session_settle_name(struct client *c)
{
    struct session *s = &c->session;
    if (LIKELY(!s->deallocates[0]))
        return;
    struct named *n = named_find(&c->named, slice_of(s->deallocates));
    s->deallocates[0] = 0;
    if (c->batch.errored || c->tx == 'E')
        s->touches |= TOUCH_PREPARED; /* was it dropped or not? */
    else if (n)
        named_remove(&c->named, n);
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
        set_pins(c, ss->pinned | TOUCH_LISTEN);
    }
    if (!restore(c))
        tell_ready(c);
}

bool session_hears(const struct client *c, const uint8_t *body, size_t n)
{
    struct msg_notification m;
    return listen_any(c) && decode_notification(body, n, &m) == 0 && listen_has(c, m.channel);
}

/* Between two batches and outside of a transaction, as from a server. */
static bool may_hear(const struct client *c)
{
    return c->state == CLIENT_READY && c->tx == 'I' && !c->batch.opened && !c->session.looking;
}

void session_notify(struct client *c, const char *channel, const char *payload, int pid)
{
    const size_t n = 4 + strlen(channel) + 1 + strlen(payload) + 1;
    struct inbuf *b = &c->session.notes;
    if (c->state != CLIENT_READY)
        return;
    uint8_t *to = b->n + n + FRAME_HEADER <= NOTES_MAX ? inbuf_room(b, n + FRAME_HEADER) : NULL;
    if (!to || stream_kept(&c->st) > NOTES_MAX) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "too many notifications wait for this client",
                     "Read them, and end transactions sooner.");
        return;
    }
    struct writer w = writer_of(to, n + FRAME_HEADER);
    /* A session that notifies itself knows itself by the number that it got from us. */
    const uint32_t from =
        (uint32_t)pid == c->session.pid ? cancel_pid(c->w->id, c->slot) : (uint32_t)pid;
    encode_header(&w, 'A', (uint32_t)n);
    write_u32(&w, from);
    write_cstr(&w, channel);
    write_cstr(&w, payload);
    b->n += w.n;
    session_tell_notes(c);
}

void session_tell_notes(struct client *c)
{
    struct inbuf *b = &c->session.notes;
    if (b->n == 0 || !may_hear(c))
        return;
    stream_send(&c->st, b->p, b->n);
    inbuf_free(b);
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
    set_pins(c, found);
    noticed_nothing(&c->session);
    if (!listen_ready(c))
        c->session.awaits = true; /* session_on_listening goes on */
    else if (!restore(c))
        tell_ready(c);
}

void session_on_restored(struct client *c)
{
    struct server *s = c->server;
    s->restoring = false;
    if (s->hidden_failed) {
        s->hidden_failed = false;
        set_pins(c, c->session.pinned | LOOK_STATE);
    } else {
        params_unref(s->params);
        s->params = params_take(c->params);
    }
    tell_ready(c);
}

/* -- sequences -------------------------------------------------------------------------------------------------------- */

bool session_owns(const struct client *c, const struct server *s)
{
    return s->written_by == c->serial;
}

/* Nobody can ask a server what currval() would say, nor tell it. So the session stays on the server that it wrote on last,
 * if nobody else has written there since; if somebody has, that one's values are forgotten rather than told. */
static bool keep_sequences(struct client *c)
{
    struct server *s = c->server;
    c->session.sequence = false;
    c->group->uses_sequences = true;
    if (session_owns(c, s)) {
        set_pins(c, c->session.pinned | TOUCH_SEQUENCE);
        return true;
    }
    return server_hide(s, "DISCARD SEQUENCES");
}

bool session_ask_sequence(struct client *c)
{
    if (c->tx_wrote || c->pin != PIN_NONE || session_owns(c, c->server)) {
        c->session.sequence = false;
        return true;
    }
    return keep_sequences(c);
}

void session_wrote(struct client *c)
{
    c->server->written_by = c->serial;
    if (UNLIKELY(c->group->uses_sequences) && c->group->conf.pool_mode != POOL_SESSION)
        set_pins(c, c->session.pinned | TOUCH_SEQUENCE);
}

/* -- applying ------------------------------------------------------------------------------------------------------- */

enum session_sent session_send(struct client *c)
{
    static const struct params none;
    struct server *s = c->server;
    if (LIKELY(s->params == c->params && !c->session.sequence && c->session.subs.count == 0))
        return SESSION_SENT;
    const struct params *have = s->params ? &s->params->p : &none, *want = &c->params->p;
    char sql[GATHER_SCRATCH / 2];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    if (!params_equal(have, want)) {
        const bool fragile = params_fragile(want);
        if (!params_diff_sql(have, want, &b))
            return SESSION_FAILED;
        if (fragile) {
            c->session.applying = true;
            return send_hidden(c, sql) ? SESSION_WAIT : SESSION_FAILED;
        }
        if (!server_hide(s, sql))
            return SESSION_FAILED;
    }
    if (s->params != c->params) {
        params_unref(s->params);
        s->params = params_take(c->params);
    }
    if (UNLIKELY(c->session.sequence) && !keep_sequences(c))
        return SESSION_FAILED;
    return session_replay_channels(c, false) ? SESSION_SENT : SESSION_FAILED;
}

/* RESET, DISCARD ALL, SET ROLE: the way out for a session that no server can take over as it is. */
static bool gives_up(const struct client *c)
{
    uint16_t at = 0;
    const char *n;
    bool role = c->session.all_settings;
    while (look_name_next(&c->session.names, &at, &n))
        role |= strcmp(n, "role") == 0;
    return role && c->batch.bits == CLASS_SESSION && c->params != c->session.base;
}

void session_on_applied(struct client *c)
{
    struct server *s = c->server;
    c->session.applying = false;
    if (!s->hidden_failed) {
        params_unref(s->params);
        s->params = params_take(c->params);
        c->resume = true;
        client_process(c);
        return;
    }
    /* A query is all or nothing, so the server is what it was; the session cannot be had there, a dropped role say. */
    const struct err e = s->login_error;
    const int code = (int)errresp_code_of(e.sqlstate);
    s->hidden_failed = false;
    if (gives_up(c)) {
        params_unref(c->params);
        c->params = params_take(c->session.base);
        c->resume = true;
        client_process(c);
        return;
    }
    server_unlink(s);
    client_error(c, code > 0 ? code : ERRRESP_INVALID_PARAMETER_VALUE, e.text,
                 "A setting of the session is refused by the server now; RESET it.");
}
