/* What a client hears of notifications. */
#include "session.h"

#include <stdio.h>

#include "cancel.h"
#include "client.h"
#include "listen.h"
#include "pool.h"
#include "server.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

enum { NOTES_MAX = 1024 * 1024 };

/* Between two batches and outside of a transaction, as from a server. */
static bool may_hear(const struct client *c)
{
    return c->state == CLIENT_READY && c->tx == 'I' && !c->batch.opened && !c->session.looking;
}

static uint8_t *note_room(struct client *c, size_t n)
{
    struct inbuf *b = &c->session.notes;
    return b->n + n <= NOTES_MAX && stream_kept(&c->st) <= NOTES_MAX ? inbuf_room(b, n) : NULL;
}

/* A session that notifies itself knows itself by the number that it got from us. While it is linked all that comes from its
 * server is its own (session_claims); of others we tell the server's number. */
static uint32_t pid_for(const struct client *c, uint32_t pid)
{
    const struct server *s = c->server;
    if (!s || s->pid != pid || s->noted_by != c->serial || c->on_replica)
        return pid;
    return c->key_pid ? c->key_pid : cancel_pid(c->w->id, c->slot);
}

void session_notify(struct client *c, const char *channel, const char *payload, int pid)
{
    const size_t n = 4 + strlen(channel) + 1 + strlen(payload) + 1;
    if (c->state != CLIENT_READY)
        return;
    uint8_t *to = note_room(c, n + FRAME_HEADER);
    if (!to) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "too many notifications wait for this client",
                     "Read them, and end transactions sooner.");
        return;
    }
    struct writer w = writer_of(to, n + FRAME_HEADER);
    encode_header(&w, 'A', (uint32_t)n);
    write_u32(&w, pid_for(c, (uint32_t)pid));
    write_cstr(&w, channel);
    write_cstr(&w, payload);
    c->session.notes.n += w.n;
    session_tell_notes(c);
}

void session_notify_gap(struct client *c, unsigned ms)
{
    char detail[120];
    uint8_t *to = c->state == CLIENT_READY ? note_room(c, ERRRESP_SIZE_MAX) : NULL;
    if (!to)
        return;
    struct writer w = writer_of(to, ERRRESP_SIZE_MAX);
    snprintf(detail, sizeof(detail),
             "The server was lost on which tanist listened; %u ms later it listened on another "
             "connection.",
             ms);
    errresp_write(&w, &(struct errresp){.code = ERRRESP_WARNING,
                                        .message = "notifications may have been missed",
                                        .detail = detail,
                                        .hint = "Look at what they would have told."});
    c->session.notes.n += w.n;
    session_tell_notes(c);
}

void session_send_notes(struct client *c)
{
    struct inbuf *b = &c->session.notes;
    stream_send(&c->st, b->p, b->n);
    inbuf_free(b);
}

void session_tell_notes(struct client *c)
{
    if (c->session.notes.n > 0 && may_hear(c))
        session_send_notes(c);
}

bool session_passes(const struct client *c, struct slice channel, uint32_t *pid)
{
    const struct session *ss = &c->session;
    if (listen_has(c, channel))
        return false; /* it comes from the hub */
    const bool own = *pid == c->server->pid, bound = (ss->pinned & TOUCH_LISTEN) != 0;
    if (own)
        *pid = c->key_pid ? c->key_pid : cancel_pid(c->w->id, c->slot);
    /* Its LISTEN has not been answered yet: what others send counts from then on, its own from the commit. */
    return own || bound || c->group->conf.pool_mode == POOL_SESSION || c->home == c->server;
}
