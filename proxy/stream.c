#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../replication/base/bug.h"
#include "tls.h"

/* The uv handle lives apart from the stream, because uv frees it one loop turn after uv_close, when the stream may
 * already be on another loop or gone. */
struct stream_poll {
    uv_poll_t handle;
    struct stream *owner; /* NULL once the stream let go */
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_poll_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_poll_t *)h, struct stream_poll, handle));
}

static void poll_drop(struct stream *s)
{
    if (!s->poll)
        return;
    s->poll->owner = NULL;
    uv_poll_stop(&s->poll->handle);
    uv_close((uv_handle_t *)&s->poll->handle, on_poll_closed);
    s->poll = NULL;
    s->armed = 0;
}

static int poll_make(struct stream *s, struct loop *l, struct err *e)
{
    struct stream_poll *p = calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, ERR_NOMEM, "no memory for a connection");
    const int rc = uv_poll_init(&l->uv, &p->handle, s->fd);
    if (rc < 0) {
        free(p);
        return err_set(e, ERR_IO, "cannot watch descriptor: %s", uv_strerror(rc));
    }
    p->owner = s;
    s->poll = p;
    s->loop = l;
    s->armed = 0;
    return 0;
}

static int wanted_events(const struct stream *s)
{
    if (s->dead)
        return UV_WRITABLE; /* to come back from the loop and report */
    if (s->state == STREAM_CONNECTING)
        return UV_WRITABLE;
    int ev = 0;
    if (s->state == STREAM_HANDSHAKE)
        ev = s->tls_wants_write ? UV_WRITABLE : UV_READABLE;
    else if (s->paused && s->masked)
        ev = UV_DISCONNECT;
    else
        ev = UV_READABLE;
    if (stream_kept(s) > 0 || s->tls_wants_write || s->again)
        ev |= UV_WRITABLE;
    return ev;
}

static void rearm(struct stream *s)
{
    const int ev = wanted_events(s);
    if (!s->poll || ev == s->armed)
        return;
    s->armed = ev;
    const int rc = uv_poll_start(&s->poll->handle, ev, on_poll);
    BUG_ON(rc != 0);
}

static void tune(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void stream_reset(struct stream *s, const struct stream_ops *ops, int fd)
{
    *s = (struct stream){.ops = ops, .fd = fd};
    tune(fd);
}

int stream_open(struct stream *s, const struct stream_ops *ops, struct loop *l, int fd,
                struct err *e)
{
    stream_reset(s, ops, fd);
    s->state = STREAM_OPEN;
    const int rc = poll_make(s, l, e);
    if (rc < 0) {
        close(fd);
        s->fd = -1;
        s->state = STREAM_CLOSED;
        return rc;
    }
    rearm(s);
    return 0;
}

int stream_connect(struct stream *s, const struct stream_ops *ops, struct loop *l,
                   const struct sockaddr *addr, socklen_t addr_len, struct err *e)
{
    const int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, errno, "cannot make a socket");
    stream_reset(s, ops, fd);
    s->state = STREAM_CONNECTING;
    int rc = connect(fd, addr, addr_len);
    if (rc < 0 && errno != EINPROGRESS) {
        rc = err_errno(e, errno, "cannot connect");
        goto fail;
    }
    rc = poll_make(s, l, e);
    if (rc < 0)
        goto fail;
    rearm(s);
    return 0;
fail:
    close(fd);
    s->fd = -1;
    s->state = STREAM_CLOSED;
    return rc;
}

void stream_close(struct stream *s)
{
    if (s->state == STREAM_CLOSED)
        return;
    poll_drop(s);
    if (s->tls) {
        tls_shutdown(s->tls);
        tls_free(s->tls);
        s->tls = NULL;
    }
    close(s->fd);
    s->fd = -1;
    s->state = STREAM_CLOSED;
    free(s->out);
    s->out = NULL;
    s->out_pos = s->out_len = s->out_cap = 0;
}

static void report(struct stream *s, int code, const char *what)
{
    struct err e;
    err_set(&e, code, "%s", what);
    s->ops->on_error(s, &e);
}

/* -- output ------------------------------------------------------------------------------------------------------- */

static void keep(struct stream *s, const void *p, size_t n)
{
    if (s->out_pos > 0 && s->out_pos == s->out_len)
        s->out_pos = s->out_len = 0;
    if (s->out_len + n > s->out_cap) {
        if (s->out_pos > 0) {
            memmove(s->out, s->out + s->out_pos, stream_kept(s));
            s->out_len -= s->out_pos;
            s->out_pos = 0;
        }
        size_t cap = s->out_cap ? s->out_cap : 16 * 1024;
        while (cap < s->out_len + n)
            cap *= 2;
        uint8_t *grown = realloc(s->out, cap);
        if (!grown) {
            s->dead = true;
            return;
        }
        s->out = grown;
        s->out_cap = cap;
    }
    memcpy(s->out + s->out_len, p, n);
    s->out_len += n;
    if (stream_kept(s) > STREAM_HIGH)
        s->above_high = true;
}

/* Bytes taken by the kernel or by TLS; 0 when it would block; on failure the stream is marked dead. */
static size_t write_some(struct stream *s, const struct iovec *iov, int n)
{
    if (!s->tls) {
        struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
        ssize_t rc;
        if (n == 1)
            rc = send(s->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL);
        else
            rc = sendmsg(s->fd, &m, MSG_NOSIGNAL);
        if (rc >= 0)
            return (size_t)rc;
        if (errno != EAGAIN && errno != EINTR)
            s->dead = true;
        return 0;
    }
    size_t done = 0;
    for (int i = 0; i < n; i++) {
        size_t at = 0;
        while (at < iov[i].iov_len) {
            const long rc =
                tls_write(s->tls, (const uint8_t *)iov[i].iov_base + at, iov[i].iov_len - at, NULL);
            s->tls_wants_write = rc == TLS_WANT_WRITE;
            if (rc == TLS_WANT_WRITE || rc == TLS_WANT_READ)
                return done;
            if (rc <= 0) {
                s->dead = true;
                return done;
            }
            at += (size_t)rc;
            done += (size_t)rc;
        }
    }
    return done;
}

void stream_sendv(struct stream *s, const struct iovec *iov, int n)
{
    size_t done = 0, total = 0;
    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (s->state == STREAM_CLOSED || s->dead || total == 0)
        return;
    if (stream_kept(s) == 0 && s->state == STREAM_OPEN)
        done = write_some(s, iov, n);
    s->sent += total;
    if (UNLIKELY(done < total)) {
        for (int i = 0; i < n; i++) {
            const size_t skip = done < iov[i].iov_len ? done : iov[i].iov_len;
            done -= skip;
            if (skip < iov[i].iov_len && !s->dead)
                keep(s, (const uint8_t *)iov[i].iov_base + skip, iov[i].iov_len - skip);
        }
    }
    rearm(s);
}

void stream_send(struct stream *s, const void *p, size_t n)
{
    const struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
    stream_sendv(s, &iov, 1);
}

static void flush(struct stream *s)
{
    if (stream_kept(s) > 0) {
        const struct iovec iov = {.iov_base = s->out + s->out_pos, .iov_len = stream_kept(s)};
        s->out_pos += write_some(s, &iov, 1);
    }
    if (stream_kept(s) == 0) {
        free(s->out);
        s->out = NULL;
        s->out_pos = s->out_len = s->out_cap = 0;
        s->tls_wants_write = false;
    }
    rearm(s);
}

/* -- input -------------------------------------------------------------------------------------------------------- */

long stream_recv(struct stream *s, void *buf, size_t cap, struct err *e)
{
    BUG_ON(cap == 0);
    if (s->tls) {
        const long n = tls_read(s->tls, buf, cap, e);
        if (n == TLS_WANT_WRITE) {
            s->tls_wants_write = true;
            rearm(s);
        }
        if (n == TLS_WANT_READ || n == TLS_WANT_WRITE)
            return ERR_AGAIN;
        if (n > 0)
            s->received += (uint64_t)n;
        return n;
    }
    const ssize_t n = recv(s->fd, buf, cap, 0);
    if (n >= 0) {
        s->received += (uint64_t)n;
        return n;
    }
    if (errno == EAGAIN || errno == EINTR)
        return ERR_AGAIN;
    return err_errno(e, errno, "cannot read");
}

/* TLS may hold bytes of which the descriptor says nothing: come back from the loop for them. */
static void look_again(struct stream *s)
{
    s->again = s->tls && !s->paused && tls_pending(s->tls);
}

void stream_pause(struct stream *s)
{
    s->paused = true;
}

void stream_resume(struct stream *s)
{
    if (!s->paused)
        return;
    s->paused = false;
    s->masked = false;
    if (s->state == STREAM_OPEN) {
        look_again(s);
        rearm(s);
    }
}

static void on_connected(struct stream *s)
{
    int error = 0;
    socklen_t n = sizeof(error);
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
        error = errno;
    if (error) {
        struct err e;
        err_errno(&e, error, "cannot connect");
        s->ops->on_error(s, &e);
        return;
    }
    s->state = STREAM_OPEN;
    rearm(s);
    s->ops->on_ready(s);
}

static void handshake(struct stream *s)
{
    struct err e = {0};
    const int rc = tls_handshake(s->tls, &e);
    s->tls_wants_write = rc == TLS_WANT_WRITE;
    if (rc == TLS_WANT_READ || rc == TLS_WANT_WRITE) {
        rearm(s);
        return;
    }
    if (rc != 1) {
        s->ops->on_error(s, &e);
        return;
    }
    s->state = STREAM_OPEN;
    rearm(s);
    s->ops->on_ready(s);
}

void stream_start_tls(struct stream *s, struct tls *t)
{
    BUG_ON(s->tls != NULL);
    BUG_ON(stream_kept(s) > 0);
    s->tls = t;
    s->state = STREAM_HANDSHAKE;
    s->tls_wants_write = true; /* come back from the loop; a client side begins by writing */
    rearm(s);
}

/* After a callback, which may have closed it. */
static void again_if_pending(struct stream_poll *p, struct stream *s)
{
    if (p->owner == s && s->tls && s->state == STREAM_OPEN) {
        look_again(s);
        rearm(s);
    }
}

static void readable(struct stream_poll *p)
{
    struct stream *s = p->owner;
    if (s->paused) {
        s->masked = true;
        rearm(s);
        return;
    }
    s->ops->on_readable(s);
    again_if_pending(p, s);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct stream_poll *p = CONTAINER_OF(handle, struct stream_poll, handle);
    struct stream *s = p->owner;
    if (!s)
        return;
    if (s->state == STREAM_CONNECTING) {
        on_connected(s);
        return;
    }
    if (s->dead || status < 0) {
        report(s, ERR_IO, status < 0 ? uv_strerror(status) : "cannot write: the peer is gone");
        return;
    }
    if (s->state == STREAM_HANDSHAKE) {
        handshake(s);
        /* The peer's first message may have come in one packet with the end of its handshake. */
        again_if_pending(p, s);
        return;
    }
    if (events & UV_WRITABLE) {
        s->again = false;
        flush(s);
        if (s->above_high && stream_kept(s) < STREAM_LOW) {
            s->above_high = false;
            s->ops->on_drained(s);
        }
    }
    if (p->owner != s || s->state != STREAM_OPEN)
        return;
    if (s->tls && !s->paused && tls_pending(s->tls))
        events |= UV_READABLE;
    if (events & UV_READABLE)
        readable(p);
    else if ((events & UV_DISCONNECT) && s->paused)
        s->ops->on_hangup(s);
}

/* -- moving ------------------------------------------------------------------------------------------------------- */

void stream_detach(struct stream *s)
{
    BUG_ON(s->state != STREAM_OPEN);
    BUG_ON(stream_kept(s) > 0);
    poll_drop(s);
    s->loop = NULL;
}

int stream_attach(struct stream *s, struct loop *l, struct err *e)
{
    BUG_ON(s->poll != NULL);
    const int rc = poll_make(s, l, e);
    if (rc == 0) {
        look_again(s);
        rearm(s);
    }
    return rc;
}
