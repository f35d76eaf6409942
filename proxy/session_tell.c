/* What a client hears of its settings, and of notifications, besides the answers of its server. */
#include "session.h"

#include "cancel.h"
#include "client.h"
#include "pool.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "worker.h"

enum { REPORTS_MAX = 4096, NOTES_MAX = 1024 * 1024 };

bool session_read_report(const uint8_t *p, size_t n, struct frame *f, struct msg_parameter *m)
{
    return frame_next(p, n, FRAME_BACKEND, f) == FRAME_OK && f->total <= n &&
           decode_parameter_status(p + FRAME_HEADER, f->body_len, m) == 0;
}

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
         at < g->welcome_len && session_read_report(g->welcome + at, g->welcome_len - at, &f, &m);
         at += f.total)
        if (m.name.n == name.n && memcmp(m.name.p, name.p, name.n) == 0)
            return m.value.n == value.n && memcmp(m.value.p, value.p, value.n) == 0;
    return false;
}

static bool comes_again(const struct inbuf *b, size_t at, struct slice name)
{
    struct frame f;
    struct msg_parameter m;
    for (; at < b->n && session_read_report(b->p + at, b->n - at, &f, &m); at += f.total)
        if (m.name.n == name.n && memcmp(m.name.p, name.p, name.n) == 0)
            return true;
    return false;
}

/* Of each setting the last report, if it is news. */
void session_tell_reports(struct client *c)
{
    struct session *ss = &c->session;
    struct frame f;
    struct msg_parameter m;
    for (size_t at = 0; at < ss->reports.n; at += f.total) {
        if (!session_read_report(ss->reports.p + at, ss->reports.n - at, &f, &m))
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
