#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>

/* OpenSSL has a type of the name of one of our error codes; we need neither the type nor the clash. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "../replication/base/bug.h"
#include "proxy_conf.h"

struct tls_ctx {
    _Atomic uint32_t refs; /* acq_rel on the last drop */
    SSL_CTX *ssl_ctx;
    bool verify_name;
};

struct tls {
    SSL *ssl;
    struct tls_ctx *ctx;
    bool established;
    bool broken;  /* after a fatal error OpenSSL forbids SSL_shutdown */
    bool starved; /* the last read consumed all that was there */
};

/* The oldest queued error is the cause; the queue belongs to the thread, so it must be left empty. */
static int tls_error(struct err *e, int code, const char *what)
{
    unsigned long first = ERR_get_error();
    char text[160] = "no further detail";
    if (first)
        ERR_error_string_n(first, text, sizeof text);
    const char *reason = first ? ERR_reason_error_string(first) : NULL;
    ERR_clear_error();
    return err_set(e, code, "%s: %s", what, reason ? reason : text);
}

static int tls_error_file(struct err *e, const char *what, const char *file)
{
    char text[ERR_TEXT_MAX];
    snprintf(text, sizeof text, "%s \"%.150s\"", what, file);
    return tls_error(e, ERR_INVALID, text);
}

/* libpq 17 offers ALPN "postgresql"; others offer nothing. Anything else is not for us. */
static int tls_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                       const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\012postgresql";
    (void)ssl;
    (void)arg;
    unsigned char *picked = NULL;
    if (SSL_select_next_proto(&picked, out_n, ours, sizeof ours - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = picked;
    return SSL_TLSEXT_ERR_OK;
}

static struct tls_ctx *tls_ctx_new(const SSL_METHOD *method, struct err *e)
{
    struct tls_ctx *ctx = calloc(1, sizeof *ctx);
    SSL_CTX *s = SSL_CTX_new(method);
    if (!ctx || !s) {
        free(ctx);
        SSL_CTX_free(s);
        tls_error(e, ERR_NOMEM, "cannot make a TLS context");
        return NULL;
    }
    atomic_init(&ctx->refs, 1);
    ctx->ssl_ctx = s;
    SSL_CTX_set_min_proto_version(s, TLS1_2_VERSION);
    /* No resumption: a ticket would tie connections together for no gain with long-lived sessions. A peer that just
     * closes its socket ends the stream as in plain text; the protocol above has its own lengths. */
    SSL_CTX_set_options(s, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(s, 0);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(s, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    /* One recv takes a record's header and body together. */
    SSL_CTX_set_read_ahead(s, 1);
    return ctx;
}

static int tls_load_pair(SSL_CTX *s, const char *cert, const char *key, struct err *e)
{
    if (SSL_CTX_use_certificate_chain_file(s, cert) != 1)
        return tls_error_file(e, "cannot load certificate file", cert);
    if (SSL_CTX_use_PrivateKey_file(s, key, SSL_FILETYPE_PEM) != 1)
        return tls_error_file(e, "cannot load private key file", key);
    if (SSL_CTX_check_private_key(s) != 1)
        return tls_error_file(e, "the private key does not belong to certificate", cert);
    return 0;
}

static int tls_load_ca(SSL_CTX *s, const char *ca, struct err *e)
{
    if (!*ca) {
        if (SSL_CTX_set_default_verify_paths(s) != 1)
            return tls_error(e, ERR_INVALID, "cannot load the system's CA certificates");
        return 0;
    }
    if (SSL_CTX_load_verify_locations(s, ca, NULL) != 1)
        return tls_error_file(e, "cannot load CA file", ca);
    return 0;
}

int tls_ctx_listen(const struct listen_conf *conf, struct tls_ctx **out, struct err *e)
{
    *out = NULL;
    if (conf->tls == TLS_OFF)
        return 0;
    struct tls_ctx *ctx = tls_ctx_new(TLS_server_method(), e);
    if (!ctx)
        return ERR_NOMEM;
    SSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, tls_on_alpn, NULL);
    int rc = tls_load_pair(ctx->ssl_ctx, conf->tls_cert_file, conf->tls_key_file, e);
    if (rc == 0 && conf->tls >= TLS_VERIFY_CA) {
        SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        rc = tls_load_ca(ctx->ssl_ctx, conf->tls_ca_file, e);
        /* Clients choose their certificate by the CA names that we announce. */
        if (rc == 0 && *conf->tls_ca_file)
            SSL_CTX_set_client_CA_list(ctx->ssl_ctx, SSL_load_client_CA_file(conf->tls_ca_file));
    }
    if (rc != 0) {
        tls_ctx_unref(ctx);
        return rc;
    }
    *out = ctx;
    return 0;
}

int tls_ctx_server(const struct server_tls_conf *conf, struct tls_ctx **out, struct err *e)
{
    *out = NULL;
    if (conf->mode == TLS_OFF)
        return 0;
    struct tls_ctx *ctx = tls_ctx_new(TLS_client_method(), e);
    if (!ctx)
        return ERR_NOMEM;
    int rc = 0;
    if (*conf->cert_file)
        rc = tls_load_pair(ctx->ssl_ctx, conf->cert_file,
                           *conf->key_file ? conf->key_file : conf->cert_file, e);
    if (rc == 0 && conf->mode >= TLS_VERIFY_CA) {
        SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_PEER, NULL);
        rc = tls_load_ca(ctx->ssl_ctx, conf->ca_file, e);
        ctx->verify_name = conf->mode == TLS_VERIFY_FULL;
    }
    if (rc != 0) {
        tls_ctx_unref(ctx);
        return rc;
    }
    *out = ctx;
    return 0;
}

void tls_ctx_ref(struct tls_ctx *ctx)
{
    if (ctx)
        atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
    if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(ctx->ssl_ctx);
    free(ctx);
}

static struct tls *tls_new(struct tls_ctx *ctx, int fd)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->ssl = SSL_new(ctx->ssl_ctx);
    if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1) {
        SSL_free(t->ssl);
        free(t);
        ERR_clear_error();
        return NULL;
    }
    tls_ctx_ref(ctx);
    t->ctx = ctx;
    return t;
}

struct tls *tls_accept_new(struct tls_ctx *ctx, int fd)
{
    struct tls *t = tls_new(ctx, fd);
    if (t)
        SSL_set_accept_state(t->ssl);
    return t;
}

static bool tls_is_ip(const char *host)
{
    unsigned char raw[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

/* RFC 6066 forbids addresses in SNI; verification compares them with the certificate's iPAddress names. */
static bool tls_set_name(struct tls *t, const char *hostname)
{
    bool ip = tls_is_ip(hostname);
    /* The macro SSL_set_tlsext_host_name drops const; the call only copies. */
    if (!ip && SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                        (void *)(uintptr_t)hostname) != 1)
        return false;
    if (!t->ctx->verify_name)
        return true;
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    if (ip)
        return X509_VERIFY_PARAM_set1_ip_asc(param, hostname) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, hostname, 0) == 1;
}

struct tls *tls_connect_new(struct tls_ctx *ctx, int fd, const char *hostname)
{
    struct tls *t = tls_new(ctx, fd);
    if (!t)
        return NULL;
    SSL_set_connect_state(t->ssl);
    if (hostname && *hostname && !tls_set_name(t, hostname)) {
        ERR_clear_error();
        tls_free(t);
        return NULL;
    }
    return t;
}

/* Translates the failure of an SSL_ call; `rc` is its result. SSL_get_error wants errno and the queue untouched. */
static int tls_failure(struct tls *t, int rc, const char *what, struct err *e)
{
    int saved = errno;
    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return err_set(e, ERR_EOF, "%s: the peer closed the connection", what);
    case SSL_ERROR_SYSCALL:
        t->broken = true;
        if (ERR_peek_error())
            return tls_error(e, ERR_TLS, what);
        if (saved == 0)
            return err_set(e, ERR_EOF, "%s: the peer closed the connection", what);
        return err_errno(e, saved, "%s", what);
    default:
        t->broken = true;
        return tls_error(e, ERR_TLS, what);
    }
}

static void tls_begin(void)
{
    ERR_clear_error();
    errno = 0;
}

int tls_handshake(struct tls *t, struct err *e)
{
    tls_begin();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        t->established = true;
        return 1;
    }
    long verify = SSL_get_verify_result(t->ssl);
    int code = tls_failure(t, rc, "TLS handshake", e);
    /* "certificate verify failed" alone does not tell an operator what to mend. Trying again would not mend it either, so it
     * is told from handshakes that broke. */
    if (code == ERR_TLS && verify != X509_V_OK)
        return err_set(e, ERR_AUTH, "TLS handshake: certificate refused: %s",
                       X509_verify_cert_error_string(verify));
    return code;
}

long tls_read(struct tls *t, void *buf, size_t cap, struct err *e)
{
    BUG_ON(cap == 0);
    tls_begin();
    int rc = SSL_read(t->ssl, buf, cap > INT_MAX ? INT_MAX : (int)cap);
    t->starved = rc <= 0;
    if (rc > 0)
        return rc;
    int code = tls_failure(t, rc, "TLS read", e);
    return code == ERR_EOF ? 0 : code;
}

long tls_write(struct tls *t, const void *buf, size_t n, struct err *e)
{
    BUG_ON(n == 0);
    tls_begin();
    int rc = SSL_write(t->ssl, buf, n > INT_MAX ? INT_MAX : (int)n);
    if (rc > 0)
        return rc;
    return tls_failure(t, rc, "TLS write", e);
}

bool tls_pending(const struct tls *t)
{
    /* SSL_has_pending also counts a record that is not yet whole; after a starved read that would spin the caller. */
    return SSL_pending(t->ssl) > 0 || (!t->starved && SSL_has_pending(t->ssl) == 1);
}

void tls_shutdown(struct tls *t)
{
    if (!t->established || t->broken)
        return;
    tls_begin();
    /* One call sends close_notify; its answer is not waited for. */
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    tls_ctx_unref(t->ctx);
    free(t);
}

const char *tls_version_name(const struct tls *t)
{
    return SSL_get_version(t->ssl);
}

const char *tls_cipher_name(const struct tls *t)
{
    const char *name = SSL_get_cipher_name(t->ssl);
    return name ? name : "";
}
