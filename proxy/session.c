#include "session.h"

#include <stdio.h>

#include "client.h"
#include "listen.h"
#include "pool.h"
#include "server.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/frame.h"
#include "worker.h"

bool session_begin(struct client *c)
{
    struct params_ref *base = c->session.base, *own;
    struct params p;
    struct err e;
    uint32_t at = 0;
    const char *name, *value;
    params_become(&c->told, base->p.n > 0 ? base->told : c->group->welcome);
    params_copy(&p, &base->p);
    while (params_next(&c->told->p, &at, &name, &value))
        if (params_get(&p, name) && params_set(&p, name, value, &e) < 0)
            return false;
    own = pool_params(c->group, &p);
    if (!own)
        return false;
    if (p.n > 0 && !own->told)
        own->told = params_take(c->told);
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
    if ((t | k->releases) & (TOUCH_PREPARED | TOUCH_EXECUTE | TOUCH_NAMES))
        session_note_names(c, k, true);
    if (LIKELY(t == 0))
        return;
    if (k->resets && s->base->p.n > 0)
        s->refill |= t & TOUCH_SETTINGS ? REFILL_SESSION : REFILL_LOCAL;
    if (t & TOUCH_PREPARED)
        s->prepared |= t & ~(unsigned)(TOUCH_PREPARED | TOUCH_EXECUTE);
    if (t & TOUCH_EXECUTE) {
        t |= s->prepared;
        all |= (s->prepared & (TOUCH_SETTINGS | TOUCH_LOCAL)) != 0;
    }
    if ((t & TOUCH_LOCAL) && (leaves_name(c, k) || all))
        t |= TOUCH_SETTINGS;
    s->sequence |= (t & TOUCH_SEQUENCE) != 0;
    t &= ~(unsigned)(TOUCH_EXECUTE | TOUCH_LOCAL | TOUCH_SEQUENCE | TOUCH_NAMES);
    s->touches |= t;
    if (!(t & TOUCH_SETTINGS))
        return;
    s->all_settings |= all;
    for (unsigned i = 0; i < k->n_settings; i++) {
        const enum look_name kind = look_name_kind(k->settings[i]);
        if (kind != LOOK_NAME_PLAIN) {
            s->all_settings |= kind == LOOK_NAME_OTHER;
            continue;
        }
        look_name_add(&s->names, k->settings[i]);
        if (memchr(k->settings[i].p, '.', k->settings[i].n))
            look_name_add(&c->group->custom, k->settings[i]);
        if (slice_ieq(k->settings[i], "role"))
            look_name_add(&s->names, slice_of("session_authorization"));
    }
    s->all_settings |= s->names.full;
}

void session_noticed_nothing(struct session *s)
{
    s->touches = s->releases = 0;
    s->all_settings = s->sequence = false;
    s->refill = REFILL_NOTHING;
    s->replayed = s->replayed_within = s->replay_undone = false;
    s->names.len = 0;
    s->names.full = false;
}

bool session_is_bound(const struct client *c)
{
    return c->session.looking || (c->session.pinned & ~(unsigned)TOUCH_SEQUENCE) != 0;
}

void session_forget(struct client *c)
{
    session_noticed_nothing(&c->session);
    c->session.pinned &= ~(unsigned)TOUCH_SEQUENCE;
    c->pin = look_pin(c->session.pinned);
    c->session.looking = c->session.applying = false;
    listen_sync_end(c);
}

bool session_must_look(const struct client *c, uint8_t status)
{
    const struct session *s = &c->session;
    if (UNLIKELY(s->refill) && session_refills(c, status))
        return true;
    return status == 'I' &&
           UNLIKELY(s->touches || (s->releases & s->pinned) || s->subs.count > 0) &&
           c->group->conf.pool_mode != POOL_SESSION && !c->verifying;
}

void session_free(struct client *c)
{
    inbuf_free(&c->session.notes);
    listen_sync_end(c);
    listen_drop(c, NULL, NULL);
    session_free_names(&c->session);
    params_unref(c->session.base);
    c->session.base = NULL;
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
        session_set_pins(c, c->session.pinned | TOUCH_SEQUENCE);
        return true;
    }
    return server_hide(s, "DISCARD SEQUENCES");
}

static bool ask_sequence(struct client *c)
{
    if (c->tx_wrote || c->pin != PIN_NONE || session_owns(c, c->server)) {
        c->session.sequence = false;
        return true;
    }
    return keep_sequences(c);
}

bool session_precede(struct client *c, bool query)
{
    struct session *s = &c->session;
    if (UNLIKELY(s->sequence) && query && !ask_sequence(c))
        return false;
    if (UNLIKELY(s->subs.count > 0) && !session_replay_channels(c, c->tx != 'I'))
        return false;
    return LIKELY(!s->uses_names) || session_send_names(c);
}

void session_wrote(struct client *c)
{
    c->server->written_by = c->serial;
    if (UNLIKELY(c->group->uses_sequences) && c->group->conf.pool_mode != POOL_SESSION)
        session_set_pins(c, c->session.pinned | TOUCH_SEQUENCE);
}

/* -- applying ------------------------------------------------------------------------------------------------------- */

/* The names that it made are there when a transaction begins: within, one that cannot be made again would do harm. */
static bool needs_names(const struct client *c)
{
    const struct session *s = &c->session;
    return UNLIKELY(s->uses_names) || (UNLIKELY(s->made.all != NULL) &&
                                       (c->begin.deferred || (c->batch.bits & CLASS_TX_BEGIN)));
}

static bool set_encoding(struct client *c, const struct params *then, const char *sql, bool fragile)
{
    struct server *s = c->server;
    struct params_ref *label = pool_params(c->group, then);
    if (!label)
        return false;
    params_unref(s->params);
    s->params = label;
    return fragile ? session_send_hidden(c, sql) : server_hide(s, sql);
}

enum session_sent session_send(struct client *c)
{
    static const struct params none;
    struct server *s = c->server;
    if (LIKELY(s->params == c->params && !c->session.sequence && c->session.subs.count == 0 &&
               !needs_names(c)))
        return SESSION_SENT;
    const struct params *have = s->params ? &s->params->p : &none, *want = &c->params->p;
    char sql[GATHER_SCRATCH / 2];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    if (!params_equal(have, want)) {
        const bool fragile = params_fragile(want);
        struct params between;
        if (!params_encoding_sql(have, want, &between, &b))
            return SESSION_FAILED;
        if (UNLIKELY(b.n > 0)) {
            if (!set_encoding(c, &between, sql, fragile))
                return SESSION_FAILED;
            have = &s->params->p;
            strbuf_init(&b, sql, sizeof(sql));
        }
        if (!params_diff_sql(have, want, &b))
            return SESSION_FAILED;
        if (fragile) {
            c->session.applying = true;
            return session_send_hidden(c, sql) ? SESSION_WAIT : SESSION_FAILED;
        }
        if (!server_hide(s, sql))
            return SESSION_FAILED;
    }
    params_become(&s->params, c->params);
    if (UNLIKELY(c->session.sequence) && !keep_sequences(c))
        return SESSION_FAILED;
    if (needs_names(c) && !session_send_names(c))
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
        params_become(&s->params, c->params);
        c->resume = true;
        client_process(c);
        return;
    }
    /* A query is all or nothing, so the server is what it was; the session cannot be had there, a dropped role say. */
    const struct err e = s->login_error;
    const int code = (int)errresp_code_of(e.sqlstate);
    s->hidden_failed = false;
    if (gives_up(c)) {
        params_become(&c->params, c->session.base);
        c->resume = true;
        client_process(c);
        return;
    }
    server_unlink(s);
    client_error(c, code > 0 ? code : ERRRESP_INVALID_PARAMETER_VALUE, e.text,
                 "A setting of the session is refused by the server now; RESET it.");
}
