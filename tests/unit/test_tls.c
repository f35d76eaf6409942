#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "../../proxy/proxy_conf.h"
#include "../../proxy/stream.h"
#include "../../proxy/tls.h"

/* Files of this run: a CA, a server's certificate for db.example and 127.0.0.1, and another CA. */
static char dir[] = "/tmp/tanist-test-tls-XXXXXX";
static char ca_file[64], other_ca_file[64], cert_file[64], key_file[64];

static X509 *make_cert(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer ? issuer : x, x, NULL, NULL, 0);
    const char *value = issuer ? "DNS:db.example,IP:127.0.0.1" : "critical,CA:TRUE";
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(
        NULL, &ctx, issuer ? NID_subject_alt_name : NID_basic_constraints, value);
    assert_non_null(ext);
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
    assert_true(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    return x;
}

static void write_cert(const char *path, X509 *x)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
}

static int make_files(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_non_null(mkdtemp(dir));
    snprintf(ca_file, sizeof ca_file, "%s/ca", dir);
    snprintf(other_ca_file, sizeof other_ca_file, "%s/other", dir);
    snprintf(cert_file, sizeof cert_file, "%s/cert", dir);
    snprintf(key_file, sizeof key_file, "%s/key", dir);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = make_cert(ca_key, "ca", NULL, NULL), *other = make_cert(key, "other", NULL, NULL);
    X509 *cert = make_cert(key, "server", ca, ca_key);
    write_cert(ca_file, ca);
    write_cert(other_ca_file, other);
    write_cert(cert_file, cert);
    FILE *f = fopen(key_file, "w");
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    X509_free(ca);
    X509_free(other);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(ca_file);
    (void)unlink(other_ca_file);
    (void)unlink(cert_file);
    (void)unlink(key_file);
    return rmdir(dir);
}

struct pair {
    int fd[2];
    struct tls *server, *client;
    struct err error; /* of the client's handshake, else the server's */
};

static struct tls_ctx *listen_ctx(enum tls_mode mode)
{
    struct listen_conf l = {.tls = (int)mode};
    struct tls_ctx *ctx = NULL;
    struct err e = {0};
    snprintf(l.tls_cert_file, sizeof l.tls_cert_file, "%s", cert_file);
    snprintf(l.tls_key_file, sizeof l.tls_key_file, "%s", key_file);
    snprintf(l.tls_ca_file, sizeof l.tls_ca_file, "%s", ca_file);
    if (tls_ctx_listen(&l, &ctx, &e) != 0)
        fail_msg("%s", e.text);
    return ctx;
}

static struct tls_ctx *server_ctx(enum tls_mode mode, const char *ca, bool with_cert)
{
    struct server_tls_conf s = {.mode = (int)mode};
    struct tls_ctx *ctx = NULL;
    struct err e = {0};
    snprintf(s.ca_file, sizeof s.ca_file, "%s", ca);
    if (with_cert) {
        snprintf(s.cert_file, sizeof s.cert_file, "%s", cert_file);
        snprintf(s.key_file, sizeof s.key_file, "%s", key_file);
    }
    if (tls_ctx_server(&s, &ctx, &e) != 0)
        fail_msg("%s", e.text);
    return ctx;
}

/* Both sides step until they are done; the client's result (1 or an error), and takes the contexts. */
static int shake(struct pair *p, struct tls_ctx *listener, struct tls_ctx *connector,
                 const char *host)
{
    *p = (struct pair){.fd = {-1, -1}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fd), 0);
    p->server = tls_accept_new(listener, p->fd[0]);
    p->client = tls_connect_new(connector, p->fd[1], host);
    assert_non_null(p->server);
    assert_non_null(p->client);
    /* The connections hold the contexts. */
    tls_ctx_unref(listener);
    tls_ctx_unref(connector);
    int client = 0, server = 0;
    for (int i = 0; i < 100; i++) {
        if (client != 1)
            client = tls_handshake(p->client, &p->error);
        if (client != 1 && client != TLS_WANT_READ && client != TLS_WANT_WRITE)
            return client;
        if (server != 1)
            server = tls_handshake(p->server, &p->error);
        if (server != 1 && server != TLS_WANT_READ && server != TLS_WANT_WRITE)
            return server;
        if (client == 1 && server == 1)
            return 1;
    }
    fail_msg("the handshake does not end");
    return 0;
}

static void pair_close(struct pair *p)
{
    tls_free(p->server);
    tls_free(p->client);
    close(p->fd[0]);
    close(p->fd[1]);
}

static void test_modes(void **state)
{
    static const struct {
        enum tls_mode listen, connect;
        bool other_ca, client_cert;
        const char *host;
        int result;
        const char *says;
    } rows[] = {
        {TLS_PREFER, TLS_PREFER, true, false, "nonsense", 1, NULL},
        {TLS_REQUIRE, TLS_REQUIRE, true, false, "nonsense", 1, NULL},
        {TLS_REQUIRE, TLS_VERIFY_CA, false, false, "nonsense", 1, NULL},
        {TLS_REQUIRE, TLS_VERIFY_CA, true, false, "db.example", ERR_AUTH, "certificate refused"},
        {TLS_REQUIRE, TLS_VERIFY_FULL, false, false, "db.example", 1, NULL},
        {TLS_REQUIRE, TLS_VERIFY_FULL, false, false, "127.0.0.1", 1, NULL},
        {TLS_REQUIRE, TLS_VERIFY_FULL, false, false, "127.0.0.2", ERR_AUTH, "IP address mismatch"},
        {TLS_REQUIRE, TLS_VERIFY_FULL, false, false, "db.example.org", ERR_AUTH,
         "ostname mismatch"},
        {TLS_REQUIRE, TLS_VERIFY_FULL, true, false, "db.example", ERR_AUTH, "certificate refused"},
        {TLS_VERIFY_CA, TLS_VERIFY_FULL, false, true, "db.example", 1, NULL},
        {TLS_VERIFY_FULL, TLS_REQUIRE, false, false, "db.example", ERR_TLS,
         "peer did not return a certificate"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair p;
        int rc = shake(&p, listen_ctx(rows[i].listen),
                       server_ctx(rows[i].connect, rows[i].other_ca ? other_ca_file : ca_file,
                                  rows[i].client_cert),
                       rows[i].host);
        if (rc != rows[i].result)
            fail_msg("row %zu: %d, %s", i, rc, p.error.text);
        if (rows[i].says && !strstr(p.error.text, rows[i].says))
            fail_msg("row %zu says: %s", i, p.error.text);
        if (rc == 1) {
            assert_string_equal(tls_version_name(p.client), "TLSv1.3");
            assert_true(*tls_cipher_name(p.server) != '\0');
        }
        pair_close(&p);
    }
}

static void test_off_and_bad_files(void **state)
{
    (void)state;
    struct err e = {0};
    struct tls_ctx *ctx = NULL;
    struct listen_conf l = {.tls = TLS_OFF};
    struct server_tls_conf s = {.mode = TLS_OFF};
    assert_int_equal(tls_ctx_listen(&l, &ctx, &e), 0);
    assert_null(ctx);
    assert_int_equal(tls_ctx_server(&s, &ctx, &e), 0);
    assert_null(ctx);
    tls_ctx_unref(ctx);
    l.tls = TLS_REQUIRE;
    snprintf(l.tls_cert_file, sizeof l.tls_cert_file, "%s/none", dir);
    assert_int_equal(tls_ctx_listen(&l, &ctx, &e), ERR_INVALID);
    assert_null(ctx);
    assert_non_null(strstr(e.text, "cannot load certificate file"));
    /* The other CA's certificate has the same key as the server's, the CA's has not. */
    snprintf(l.tls_cert_file, sizeof l.tls_cert_file, "%s", ca_file);
    snprintf(l.tls_key_file, sizeof l.tls_key_file, "%s", key_file);
    assert_int_equal(tls_ctx_listen(&l, &ctx, &e), ERR_INVALID);
    s.mode = TLS_VERIFY_CA;
    snprintf(s.ca_file, sizeof s.ca_file, "%s", key_file);
    assert_int_equal(tls_ctx_server(&s, &ctx, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "cannot load CA file"));
}

enum { BULK = 1 << 20 };

/* A megabyte through a small socket: partial writes, waits on both sides, nothing lost. */
static void test_bulk(void **state)
{
    (void)state;
    struct pair p;
    struct err e = {0};
    static uint8_t sent[BULK], got[BULK];
    assert_int_equal(shake(&p, listen_ctx(TLS_REQUIRE), server_ctx(TLS_REQUIRE, "", false), "h"),
                     1);
    for (size_t i = 0; i < BULK; i++)
        sent[i] = (uint8_t)(i * 31 + (i >> 8));
    size_t n_sent = 0, n_got = 0;
    bool waited = false;
    for (int turns = 0; n_got < BULK && turns < 100000; turns++) {
        if (n_sent < BULK) {
            long n = tls_write(p.client, sent + n_sent, BULK - n_sent, &e);
            waited |= n == TLS_WANT_WRITE;
            assert_true(n > 0 || n == TLS_WANT_WRITE);
            n_sent += n > 0 ? (size_t)n : 0;
        }
        long n = tls_read(p.server, got + n_got,
                          n_got % 3              ? 777
                          : BULK - n_got < 20000 ? BULK - n_got
                                                 : 20000,
                          &e);
        assert_true(n > 0 || n == TLS_WANT_READ);
        if (n == TLS_WANT_READ)
            assert_false(tls_pending(p.server));
        n_got += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(n_got, BULK);
    assert_memory_equal(sent, got, BULK);
    assert_true(waited);
    pair_close(&p);
}

static void test_pending(void **state)
{
    (void)state;
    struct pair p;
    struct err e = {0};
    char buf[8];
    assert_int_equal(shake(&p, listen_ctx(TLS_REQUIRE), server_ctx(TLS_REQUIRE, "", false), "h"),
                     1);
    /* Two records arrive together; the descriptor is silent after the first read, but the second waits inside. */
    assert_int_equal(tls_write(p.server, "one", 3, &e), 3);
    assert_int_equal(tls_write(p.server, "two", 3, &e), 3);
    assert_int_equal(tls_read(p.client, buf, 2, &e), 2);
    assert_true(tls_pending(p.client));
    assert_int_equal(tls_read(p.client, buf, sizeof buf, &e), 1);
    assert_true(tls_pending(p.client));
    assert_int_equal(tls_read(p.client, buf, sizeof buf, &e), 3);
    assert_memory_equal(buf, "two", 3);
    assert_int_equal(tls_read(p.client, buf, sizeof buf, &e), TLS_WANT_READ);
    assert_false(tls_pending(p.client));
    pair_close(&p);
}

struct reader {
    struct stream st;
    char got[16];
    size_t n;
    bool ready;
};

static void on_reader_ready(struct stream *st)
{
    CONTAINER_OF(st, struct reader, st)->ready = true;
}

static void on_reader_readable(struct stream *st)
{
    struct reader *r = CONTAINER_OF(st, struct reader, st);
    struct err e = {0};
    const long n = stream_recv(st, r->got + r->n, sizeof r->got - r->n, &e);
    assert_true(n > 0 || n == ERR_AGAIN);
    r->n += n > 0 ? (size_t)n : 0;
}

static void turn(struct loop *l, struct reader *r, bool answers)
{
    if (answers)
        stream_send(&r->st, "x", 1);
    uv_run(&l->uv, UV_RUN_NOWAIT);
}

/* What TLS holds is read without another byte from the peer, whatever is sent in between, paused or not. */
static void test_stream_pending(void **state)
{
    static const struct stream_ops ops = {.on_ready = on_reader_ready,
                                          .on_readable = on_reader_readable};
    (void)state;
    struct pair p;
    struct loop l;
    struct err e = {0};
    struct reader r = {.n = 0};
    assert_int_equal(shake(&p, listen_ctx(TLS_REQUIRE), server_ctx(TLS_REQUIRE, "", false), "h"),
                     1);
    assert_int_equal(loop_init(&l, "test", 0, &e), 0);
    assert_int_equal(stream_open(&r.st, &ops, &l, p.fd[0], &e), 0);
    stream_start_tls(&r.st, p.server);
    turn(&l, &r, false);
    assert_true(r.ready);
    assert_int_equal(tls_write(p.client, "one", 3, &e), 3);
    assert_int_equal(tls_write(p.client, "two", 3, &e), 3);
    assert_int_equal(tls_write(p.client, "six", 3, &e), 3);
    turn(&l, &r, false);
    assert_int_equal(r.n, 3);
    turn(&l, &r, true);
    assert_int_equal(r.n, 6);
    stream_pause(&r.st);
    turn(&l, &r, true);
    turn(&l, &r, true);
    assert_int_equal(r.n, 6);
    stream_resume(&r.st);
    turn(&l, &r, true);
    assert_int_equal(r.n, 9);
    assert_memory_equal(r.got, "onetwosix", 9);
    stream_close(&r.st);
    uv_run(&l.uv, UV_RUN_NOWAIT);
    loop_fini(&l);
    tls_free(p.client);
    close(p.fd[1]);
}

static void test_close(void **state)
{
    (void)state;
    struct pair p;
    struct err e = {0};
    char buf[8];
    assert_int_equal(shake(&p, listen_ctx(TLS_REQUIRE), server_ctx(TLS_REQUIRE, "", false), "h"),
                     1);
    tls_shutdown(p.client);
    assert_int_equal(tls_read(p.server, buf, sizeof buf, &e), 0);
    pair_close(&p);
    /* A peer that just goes away ends the stream too. */
    assert_int_equal(shake(&p, listen_ctx(TLS_REQUIRE), server_ctx(TLS_REQUIRE, "", false), "h"),
                     1);
    shutdown(p.fd[1], SHUT_RDWR);
    assert_int_equal(tls_read(p.server, buf, sizeof buf, &e), 0);
    long n = tls_write(p.server, "x", 1, &e);
    assert_true(n == ERR_IO || n == ERR_EOF || n == ERR_TLS);
    tls_shutdown(p.server);
    pair_close(&p);
}

static void test_garbage(void **state)
{
    (void)state;
    struct pair p = {.fd = {-1, -1}};
    struct err e = {0};
    struct tls_ctx *ctx = listen_ctx(TLS_REQUIRE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p.fd), 0);
    p.server = tls_accept_new(ctx, p.fd[0]);
    tls_ctx_unref(ctx);
    assert_int_equal(tls_handshake(p.server, &e), TLS_WANT_READ);
    assert_int_equal(write(p.fd[1], "GET / HTTP/1.0\r\n\r\n", 18), 18);
    assert_int_equal(tls_handshake(p.server, &e), ERR_TLS);
    assert_non_null(strstr(e.text, "TLS handshake"));
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),          cmocka_unit_test(test_off_and_bad_files),
        cmocka_unit_test(test_bulk),           cmocka_unit_test(test_pending),
        cmocka_unit_test(test_stream_pending), cmocka_unit_test(test_close),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
