/* A connected socket on a loop: we read and write it ourselves, libuv only tells when. With optional TLS on the same
 * descriptor. Owner: the client or server that embeds it; used on the loop's thread only.
 *
 * The common turn costs one recv and one send: READABLE stays armed between statements, output goes out at once, and
 * only what the kernel would not take is kept (bounded by the caller, who stops reading the other side above
 * STREAM_HIGH). A paused stream is not disarmed until data really arrives, so that pausing is free too; while it is
 * paused a peer that goes away is still noticed (on_hangup). An idle stream can move to another loop. */
#ifndef TANIST_PROXY_STREAM_H
#define TANIST_PROXY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../replication/base/err.h"
#include "../replication/base/loop.h"

struct tls;
struct tls_ctx;
struct stream;
struct stream_poll;

enum { STREAM_HIGH = 256 * 1024, STREAM_LOW = 64 * 1024 };

struct stream_ops {
    void (*on_ready)(struct stream *s);    /* connected, or the TLS handshake is done */
    void (*on_readable)(struct stream *s); /* call stream_recv once; may close the stream */
    void (*on_drained)(
        struct stream
            *s); /* kept output fell under STREAM_LOW after having been above STREAM_HIGH */
    void (*on_hangup)(struct stream *s); /* the peer closed while the stream was paused */
    void (*on_error)(struct stream *s,
                     const struct err *e); /* connect, handshake or write failed; close it */
};

struct stream {
    const struct stream_ops *ops;
    struct loop *loop;
    struct stream_poll *poll; /* NULL while closed or between loops */
    int fd;                   /* -1 when closed */
    struct tls *tls;
    enum { STREAM_CLOSED = 0, STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_OPEN } state;
    bool paused, masked, above_high, tls_wants_write, dead;
    bool
        again; /* TLS holds bytes to be read. Not tls_wants_write, which ends with the next write */
    int armed; /* events given to uv_poll_start */
    uint8_t *out;
    size_t out_pos, out_len, out_cap;
    uint64_t received, sent; /* bytes, for statistics */
};

/* Takes fd (closed by stream_close). Reading is on. */
int stream_open(struct stream *s, const struct stream_ops *ops, struct loop *l, int fd,
                struct err *e) MUST_CHECK;
/* Starts a non-blocking connect; on_ready or on_error follows. */
int stream_connect(struct stream *s, const struct stream_ops *ops, struct loop *l,
                   const struct sockaddr *addr, socklen_t addr_len, struct err *e) MUST_CHECK;
/* Takes t; on_ready or on_error follows. Nothing may be pending in either direction. */
void stream_start_tls(struct stream *s, struct tls *t);
/* Idempotent. No callback comes afterwards. */
void stream_close(struct stream *s);

/* Bytes read, 0 at the end of the stream, ERR_AGAIN, or ERR_IO / ERR_TLS. cap > 0. */
long stream_recv(struct stream *s, void *buf, size_t cap, struct err *e) MUST_CHECK;

/* Sends or keeps everything. After a failed write on_error comes from the loop, never from inside this call. */
void stream_send(struct stream *s, const void *p, size_t n);
void stream_sendv(struct stream *s, const struct iovec *iov, int n);
static inline size_t stream_kept(const struct stream *s)
{
    return s->out_len - s->out_pos;
}

void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* Moving an idle stream: detach on the old loop, then attach on the new one. */
void stream_detach(struct stream *s);
int stream_attach(struct stream *s, struct loop *l, struct err *e) MUST_CHECK;

#endif
