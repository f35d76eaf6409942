/* What a client hears of notifications. */
#include "session.h"

#include "cancel.h"
#include "client.h"
#include "pool.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "worker.h"

enum { NOTES_MAX = 1024 * 1024 };

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
    const uint32_t own = c->key_pid ? c->key_pid : cancel_pid(c->w->id, c->slot);
    const uint32_t from = (uint32_t)pid == c->session.pid ? own : (uint32_t)pid;
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
