/* TLS on a non-blocking descriptor that the caller owns. The only file besides wire/crypto.c that includes OpenSSL.
 *
 * A context is immutable and refcounted: any thread may hold it and start connections from it; a reload makes a new one
 * and old connections keep theirs. A connection (struct tls) belongs to one thread at a time and has no tie to a loop: it
 * may move with its descriptor to another thread while no call on it is running. Nothing blocks. SIGPIPE must be ignored
 * by the process. */
#ifndef TANIST_PROXY_TLS_H
#define TANIST_PROXY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/err.h"

struct listen_conf;
struct server_tls_conf;
struct tls_ctx;
struct tls;

/* Besides these, negative results are enum err_code. Call again, with the same or a longer buffer, when the descriptor
 * is ready in that direction (a read may have to wait for writability and the other way round). */
enum { TLS_WANT_READ = -100, TLS_WANT_WRITE = -101 };

/* Reads certificate, key and CA files. *out is NULL for TLS_OFF (and the result 0). Returns owned. */
int tls_ctx_listen(const struct listen_conf *conf, struct tls_ctx **out, struct err *e) MUST_CHECK;
int tls_ctx_server(const struct server_tls_conf *conf, struct tls_ctx **out, struct err *e)
    MUST_CHECK;
void tls_ctx_ref(struct tls_ctx *ctx); /* NULL (TLS is off) is fine, here too: */
void tls_ctx_unref(struct tls_ctx *ctx);

/* Takes a reference on ctx, lends fd until tls_free. NULL when out of memory. hostname is the node's host as configured:
 * for SNI and for verify-full; an IP address is compared with the certificate's addresses. */
struct tls *tls_accept_new(struct tls_ctx *ctx, int fd) MUST_CHECK;
struct tls *tls_connect_new(struct tls_ctx *ctx, int fd, const char *hostname) MUST_CHECK;

/* 1 done, TLS_WANT_*, or ERR_TLS / ERR_EOF / ERR_IO with text. */
int tls_handshake(struct tls *t, struct err *e) MUST_CHECK;

/* Bytes moved (at least 1), 0 when the peer closed (read only), TLS_WANT_*, or an error. cap and n are at least 1.
 * A read must be repeated until it wants something or the caller remembers tls_pending: bytes may wait inside, of which
 * the descriptor says nothing. A partial write is normal. */
long tls_read(struct tls *t, void *buf, size_t cap, struct err *e) MUST_CHECK;
long tls_write(struct tls *t, const void *buf, size_t n, struct err *e) MUST_CHECK;

/* May tls_read give bytes without the descriptor becoming readable? */
bool tls_pending(const struct tls *t);

/* Says goodbye to the peer once, if that is possible without waiting. Before the descriptor is closed. */
void tls_shutdown(struct tls *t);
void tls_free(struct tls *t); /* NULL is fine; does not close the descriptor */

const char *tls_version_name(const struct tls *t); /* "TLSv1.3" */
const char *tls_cipher_name(const struct tls *t);

#endif
