/* SCRAM-SHA-256: the vector of RFC 7677, both roles against each other, pass-through, and every way to be wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../proxy/wire/scram.h"

#define RFC_CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define RFC_SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_STORED       "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define RFC_SERVER       "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define RFC_SALT         "W22ZaJ0SNY7soEsUEjb6gQ=="

/* A message on its way. */
struct text {
    char p[SCRAM_MSG_MAX + 1];
    size_t n;
};

static struct slice slice_text(const struct text *t)
{
    return (struct slice){t->p, t->n};
}

static struct scram_verifier verifier_of(const char *password)
{
    struct scram_verifier v;
    assert_int_equal(scram_verifier_make(slice_of(password), (struct slice){"0123456789abcdef", 16},
                                         SCRAM_ITERATIONS_DEFAULT, &v),
                     0);
    return v;
}

static int client_first(struct scram_client *c, struct text *t)
{
    struct writer w = writer_of(t->p, sizeof(t->p) - 1);
    const int rc = scram_client_first(c, "clientnonce", &w);
    t->n = w.n;
    t->p[w.n] = '\0';
    return rc;
}

static int server_first(struct scram_server *s, const struct text *in, struct text *out)
{
    struct writer w = writer_of(out->p, sizeof(out->p) - 1);
    const int rc = scram_server_first(s, slice_text(in), "servernonce", &w, NULL);
    out->n = w.n;
    out->p[w.n] = '\0';
    return rc;
}

static int client_final(struct scram_client *c, const struct text *in, struct text *out,
                        struct err *e)
{
    struct writer w = writer_of(out->p, sizeof(out->p) - 1);
    const int rc = scram_client_final(c, slice_text(in), &w, e);
    out->n = w.n;
    out->p[w.n] = '\0';
    return rc;
}

static int server_final(struct scram_server *s, const struct text *in, struct text *out)
{
    struct writer w = writer_of(out->p, sizeof(out->p) - 1);
    const int rc = scram_server_final(s, slice_text(in), &w, NULL);
    out->n = w.n;
    out->p[w.n] = '\0';
    return rc;
}

/* A whole exchange. Returns the first code that is not 0. */
static int exchange(struct scram_client *c, struct scram_server *s)
{
    struct text a, b, d, e;
    int rc = client_first(c, &a);
    if (rc == 0)
        rc = server_first(s, &a, &b);
    if (rc == 0)
        rc = client_final(c, &b, &d, NULL);
    if (rc == 0)
        rc = server_final(s, &d, &e);
    if (rc == 0)
        rc = scram_client_verify(c, slice_text(&e), NULL);
    return rc;
}

static void test_rfc7677_client(void **state)
{
    (void)state;
    /* The RFC's client sends its user name, so its signed text is set up by hand; libpq's is empty. */
    struct scram_client c;
    scram_client_init_password(&c, slice_of("pencil"));
    struct text t;
    struct writer w = writer_of(t.p, sizeof(t.p));
    assert_int_equal(scram_client_first(&c, RFC_CLIENT_NONCE, &w), 0);
    assert_memory_equal(t.p, "n,,n=,r=" RFC_CLIENT_NONCE, w.n);
    c.auth.n = (size_t)snprintf(c.auth.text, sizeof(c.auth.text), "n=user,r=" RFC_CLIENT_NONCE);
    c.nonce_at = 9;
    const struct slice first =
        slice_of("r=" RFC_CLIENT_NONCE RFC_SERVER_NONCE ",s=" RFC_SALT ",i=4096");
    w = writer_of(t.p, sizeof(t.p));
    assert_int_equal(scram_client_final(&c, first, &w, NULL), 0);
    const char want[] = "c=biws,r=" RFC_CLIENT_NONCE RFC_SERVER_NONCE
                        ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    assert_int_equal(w.n, sizeof(want) - 1);
    assert_memory_equal(t.p, want, w.n);
    assert_int_equal(
        scram_client_verify(&c, slice_of("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), NULL),
        0);
    assert_int_equal(c.state, SCRAM_DONE);
}

static void test_rfc7677_server(void **state)
{
    (void)state;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t n;
    assert_int_equal(crypto_base64_decode(slice_of(RFC_SALT), salt, sizeof(salt), &n), 0);
    struct scram_verifier v;
    assert_int_equal(
        scram_verifier_make(slice_of("pencil"), (struct slice){(char *)salt, n}, 4096, &v), 0);
    struct scram_server s;
    scram_server_init(&s, &v, false);
    struct text t;
    struct writer w = writer_of(t.p, sizeof(t.p));
    assert_int_equal(scram_server_first(&s, slice_of("n,,n=user,r=" RFC_CLIENT_NONCE),
                                        RFC_SERVER_NONCE, &w, NULL),
                     0);
    const char first[] = "r=" RFC_CLIENT_NONCE RFC_SERVER_NONCE ",s=" RFC_SALT ",i=4096";
    assert_int_equal(w.n, sizeof(first) - 1);
    assert_memory_equal(t.p, first, w.n);
    w = writer_of(t.p, sizeof(t.p));
    assert_int_equal(scram_server_final(&s,
                                        slice_of("c=biws,r=" RFC_CLIENT_NONCE RFC_SERVER_NONCE
                                                 ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                                        &w, NULL),
                     0);
    const char final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_int_equal(w.n, sizeof(final) - 1);
    assert_memory_equal(t.p, final, w.n);
}

static void test_both_roles(void **state)
{
    (void)state;
    static const char *const passwords[] = {"secret", "", "with space", "caf\xc3\xa9", "a,b=c"};
    for (size_t i = 0; i < ARRAY_LEN(passwords); i++) {
        const struct scram_verifier v = verifier_of(passwords[i]);
        struct scram_client c;
        struct scram_server s;
        scram_client_init_password(&c, slice_of(passwords[i]));
        scram_server_init(&s, &v, false);
        assert_int_equal(exchange(&c, &s), 0);
        assert_int_equal(c.state, SCRAM_DONE);
        assert_int_equal(s.state, SCRAM_DONE);
        assert_memory_equal(&c.keys.client_key, &s.client_key, CRYPTO_KEY);

        scram_client_init_password(&c, slice_of("wrong"));
        scram_server_init(&s, &v, false);
        assert_int_equal(exchange(&c, &s), ERR_AUTH);
        assert_int_equal(s.state, SCRAM_FAILED);
    }
}

static void test_pass_through(void **state)
{
    (void)state;
    const struct scram_verifier v = verifier_of("secret");
    struct scram_client c;
    struct scram_server s;
    scram_client_init_password(&c, slice_of("secret"));
    scram_server_init(&s, &v, false);
    assert_int_equal(exchange(&c, &s), 0);
    struct scram_keys keys;
    scram_server_keys(&s, &keys);

    /* With what the client proved we log in to a node that has the same verifier. */
    scram_client_init_keys(&c, &keys);
    scram_server_init(&s, &v, false);
    assert_int_equal(exchange(&c, &s), 0);

    /* Another salt, or another count: a clear error before anything is sent. */
    for (int k = 0; k < 3; k++) {
        struct scram_verifier other = v;
        other.iterations += k == 0;
        other.salt_len -= k == 1;
        other.salt[15] ^= k == 2;
        struct text a, b, d;
        struct err e = {0};
        scram_client_init_keys(&c, &keys);
        scram_server_init(&s, &other, false);
        assert_int_equal(client_first(&c, &a), 0);
        assert_int_equal(server_first(&s, &a, &b), 0);
        assert_int_equal(client_final(&c, &b, &d, &e), ERR_STATE);
        assert_int_equal(d.n, 0);
        assert_non_null(strstr(e.text, "password was changed"));
        assert_int_equal(c.state, SCRAM_FAILED);
    }
    /* Same salt, other keys (cannot happen, but must not pass). */
    keys.client_key.b[0] ^= 1;
    scram_client_init_keys(&c, &keys);
    scram_server_init(&s, &v, false);
    assert_int_equal(exchange(&c, &s), ERR_AUTH);
    keys.client_key.b[0] ^= 1;
    keys.server_key.b[0] ^= 1;
    scram_client_init_keys(&c, &keys);
    scram_server_init(&s, &v, false);
    assert_int_equal(exchange(&c, &s), ERR_AUTH);
    assert_int_equal(s.state, SCRAM_DONE); /* it was the client who refused the server */
}

static void test_mock(void **state)
{
    (void)state;
    struct crypto_key secret = {{7}};
    struct scram_verifier a, b, c;
    assert_int_equal(scram_verifier_mock(&secret, "nobody", &a), 0);
    assert_int_equal(scram_verifier_mock(&secret, "nobody", &b), 0);
    assert_int_equal(scram_verifier_mock(&secret, "nobody2", &c), 0);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(a.salt, c.salt, SCRAM_SALT_DEFAULT);
    assert_int_equal(a.salt_len, SCRAM_SALT_DEFAULT);
    assert_int_equal(a.iterations, SCRAM_ITERATIONS_DEFAULT);
    /* Even the right password for a made-up verifier is refused. */
    const struct scram_verifier v = verifier_of("secret");
    struct scram_client cl;
    struct scram_server s;
    scram_client_init_password(&cl, slice_of("secret"));
    scram_server_init(&s, &v, true);
    assert_int_equal(exchange(&cl, &s), ERR_AUTH);
}

static void test_verifier_text(void **state)
{
    (void)state;
    /* The RFC's password, salt and count, computed elsewhere. */
    static const char good[] = "SCRAM-SHA-256$4096:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER;
    struct scram_verifier v;
    assert_int_equal(scram_verifier_parse(good, &v), 0);
    assert_true(scram_is_verifier(good));
    assert_int_equal(v.iterations, 4096);
    assert_int_equal(v.salt_len, 16);
    char text[SCRAM_VERIFIER_TEXT_MAX];
    scram_verifier_format(&v, text);
    assert_string_equal(text, good);
    assert_int_equal(scram_verifier_check(&v, slice_of("pencil"), NULL), 0);
    struct scram_keys k;
    assert_int_equal(scram_verifier_check(&v, slice_of("pencil"), &k), 0);
    assert_int_equal(k.iterations, 4096);
    assert_memory_equal(&k.server_key, &v.server_key, CRYPTO_KEY);
    assert_int_equal(scram_verifier_check(&v, slice_of("pencil "), NULL), ERR_AUTH);
    v.iterations = SCRAM_ITERATIONS_MAX + 1;
    assert_int_equal(scram_verifier_check(&v, slice_of("pencil"), NULL), ERR_LIMIT);

    /* Cut anywhere it is refused; the last '=' of a key cannot be missing either. */
    for (size_t n = 0; n < sizeof(good) - 1; n++) {
        char cut[sizeof(good)];
        memcpy(cut, good, n);
        cut[n] = '\0';
        assert_false(scram_is_verifier(cut));
    }
    static const char *const bad[] = {
        "md5d41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-1$4096:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "scram-sha-256$4096:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$0:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$-1:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$4096x:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$2147483648:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$99999999999999999999:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$4096:$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$4096:!!!!$" RFC_STORED ":" RFC_SERVER,
        "SCRAM-SHA-256$4096:" RFC_SALT "$AAAA:" RFC_SERVER,
        "SCRAM-SHA-256$4096:" RFC_SALT "$" RFC_STORED ":AAAA",
        "SCRAM-SHA-256$4096:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER " ",
        "SCRAM-SHA-256$4096:" RFC_SALT "$" RFC_STORED ":" RFC_SERVER ":AAAA",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (scram_is_verifier(bad[i]))
            fail_msg("accepted %s", bad[i]);
    assert_int_equal(scram_verifier_make(slice_of("x"), slice_of(""), 1, &v), ERR_INVALID);
    assert_int_equal(scram_verifier_make(slice_of("x"), slice_of("s"), 0, &v), ERR_INVALID);
}

static void test_client_first_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int rc;
    } rows[] = {
        {"n,,n=,r=abc", 0},
        {"y,,n=,r=abc", 0},
        {"n,,n=any,r=abc,x=1,y=2", 0},
        {"p=tls-server-end-point,,n=,r=abc", ERR_REFUSED},
        {"n,a=other,n=,r=abc", ERR_REFUSED},
        {"n,,m=ext,n=,r=abc", ERR_REFUSED},
        {"", ERR_PROTO},
        {"n", ERR_PROTO},
        {"n,", ERR_PROTO},
        {"n,,", ERR_PROTO},
        {"q,,n=,r=abc", ERR_PROTO},
        {"n;,n=,r=abc", ERR_PROTO},
        {"n,x,n=,r=abc", ERR_PROTO},
        {"n,,r=abc", ERR_PROTO},
        {"n,,n=", ERR_PROTO},
        {"n,,n=,r=", ERR_PROTO},
        {"n,,n=,x=1,r=abc", ERR_PROTO},
        {"n,,n=,r=a c", ERR_PROTO},
        {"n,,n=,r=a\177", ERR_PROTO},
        {"n,,n=,r=a\200", ERR_PROTO},
        {"n,,n=,r=abc,1=x", ERR_PROTO},
        {"n,,n=,r=abc,xx", ERR_PROTO},
    };
    const struct scram_verifier v = verifier_of("secret");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scram_server s;
        struct text out;
        struct err e = {0};
        scram_server_init(&s, &v, false);
        struct writer w = writer_of(out.p, sizeof(out.p));
        const int rc = scram_server_first(&s, slice_of(rows[i].in), "servernonce", &w, &e);
        if (rc != rows[i].rc || s.state != (rc ? SCRAM_FAILED : SCRAM_WAIT_FINAL))
            fail_msg("\"%s\" gave %d", rows[i].in, rc);
        assert_int_equal(e.code, rc);
        assert_int_equal(w.n == 0, rc != 0);
    }
}

static void test_nonce_bounds(void **state)
{
    (void)state;
    const struct scram_verifier v = verifier_of("secret");
    char msg[SCRAM_MSG_MAX + 2];
    for (size_t n = SCRAM_NONCE_MAX; n <= SCRAM_NONCE_MAX + 1; n++) {
        memcpy(msg, "n,,n=,r=", 8);
        memset(msg + 8, 'x', n);
        struct scram_server s;
        struct text out;
        scram_server_init(&s, &v, false);
        struct writer w = writer_of(out.p, sizeof(out.p));
        assert_int_equal(scram_server_first(&s, (struct slice){msg, 8 + n}, "s", &w, NULL),
                         n <= SCRAM_NONCE_MAX ? 0 : ERR_PROTO);
    }
    /* The greatest message is accepted, one byte more is not; a NUL inside is not. */
    for (size_t n = SCRAM_MSG_MAX; n <= SCRAM_MSG_MAX + 1; n++) {
        memset(msg, 'x', sizeof(msg));
        memcpy(msg, "n,,n=,r=abc,x=", 14);
        struct scram_server s;
        struct text out;
        scram_server_init(&s, &v, false);
        struct writer w = writer_of(out.p, sizeof(out.p));
        assert_int_equal(scram_server_first(&s, (struct slice){msg, n}, "s", &w, NULL),
                         n <= SCRAM_MSG_MAX ? 0 : ERR_PROTO);
        msg[20] = '\0';
        scram_server_init(&s, &v, false);
        assert_int_equal(scram_server_first(&s, (struct slice){msg, 100}, "s", &w, NULL),
                         ERR_PROTO);
    }
}

/* Runs the exchange up to the message that the server role is to judge. */
static void until_final(struct scram_server *s, struct text *final)
{
    const struct scram_verifier v = verifier_of("secret");
    struct scram_client c;
    struct text a, b;
    scram_client_init_password(&c, slice_of("secret"));
    scram_server_init(s, &v, false);
    assert_int_equal(client_first(&c, &a), 0);
    assert_int_equal(server_first(s, &a, &b), 0);
    assert_int_equal(client_final(&c, &b, final, NULL), 0);
}

static void test_client_final_refused(void **state)
{
    (void)state;
    struct scram_server s;
    struct text final, out, bad;
    until_final(&s, &final);
    const struct scram_server before = s;
    /* Cut at every byte; then every byte changed. Never success, never output. */
    for (size_t n = 0; n < final.n; n++) {
        bad = final;
        bad.n = n;
        s = before;
        assert_int_equal(server_final(&s, &bad, &out), ERR_PROTO);
        assert_int_equal(out.n, 0);
        bad = final;
        bad.p[n] ^= 1;
        s = before;
        assert_int_not_equal(server_final(&s, &bad, &out), 0);
        assert_int_equal(out.n, 0);
        assert_int_equal(s.state, SCRAM_FAILED);
    }
    static const char *const rows[] = {
        "c=eSws,r=clientnonceservernonce,p=", /* says y where it said n */
        "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws,r=clientnonceservernonce,p=",
        "r=clientnonceservernonce,p=",
        "c=biws,r=clientnonceservernonc,p=",
        "c=biws,r=clientnonceservernoncex,p=",
        "c=biws,p=",
        "c=biws,r=clientnonceservernonce,x=1",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bad.n = (size_t)snprintf(bad.p, sizeof(bad.p), "%s%s", rows[i], final.p + final.n - 44);
        s = before;
        assert_int_equal(server_final(&s, &bad, &out), ERR_PROTO);
    }
    /* Something behind the proof. */
    bad.n = (size_t)snprintf(bad.p, sizeof(bad.p), "%s,x=1", final.p);
    s = before;
    assert_int_equal(server_final(&s, &bad, &out), ERR_PROTO);
    s = before;
    assert_int_equal(server_final(&s, &final, &out), 0);
}

static void test_y_flag(void **state)
{
    (void)state;
    /* A client that could bind channels but was offered none. */
    const struct scram_verifier v = verifier_of("secret");
    struct scram_server s;
    struct text in = {.n = 0}, out;
    scram_server_init(&s, &v, false);
    in.n = (size_t)snprintf(in.p, sizeof(in.p), "y,,n=,r=abc");
    assert_int_equal(server_first(&s, &in, &out), 0);
    char signed_text[512], proof64[CRYPTO_BASE64_ROOM(CRYPTO_KEY)];
    struct scram_keys k;
    assert_int_equal(scram_verifier_check(&v, slice_of("secret"), &k), 0);
    const int n =
        snprintf(signed_text, sizeof(signed_text), "n=,r=abc,%s,c=eSws,r=abcservernonce", out.p);
    struct crypto_key proof;
    assert_int_equal(crypto_hmac(&v.stored_key, signed_text, (size_t)n, proof.b), 0);
    for (size_t i = 0; i < CRYPTO_KEY; i++)
        proof.b[i] ^= k.client_key.b[i];
    crypto_base64_encode(proof.b, CRYPTO_KEY, proof64);
    in.n = (size_t)snprintf(in.p, sizeof(in.p), "c=eSws,r=abcservernonce,p=%s", proof64);
    assert_int_equal(server_final(&s, &in, &out), 0);
}

static void test_server_first_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int rc;
    } rows[] = {
        {"r=clientnonceX,s=c2FsdA==,i=1", 0},
        {"r=clientnonceX,s=c2FsdA==,i=1,x=ext", 0},
        {"r=clientnonce,s=c2FsdA==,i=1", ERR_PROTO}, /* nothing of its own */
        {"r=clientnoncf,s=c2FsdA==,i=1", ERR_PROTO},
        {"r=client,s=c2FsdA==,i=1", ERR_PROTO},
        {"r=clientnonceX Y,s=c2FsdA==,i=1", ERR_PROTO},
        {"m=x,r=clientnonceX,s=c2FsdA==,i=1", ERR_PROTO},
        {"s=c2FsdA==,i=1", ERR_PROTO},
        {"r=clientnonceX,s=,i=1", ERR_PROTO},
        {"r=clientnonceX,s=c2FsdA,i=1", ERR_PROTO},
        {"r=clientnonceX,i=1", ERR_PROTO},
        {"r=clientnonceX,s=c2FsdA==", ERR_PROTO},
        {"r=clientnonceX,s=c2FsdA==,i=0", ERR_PROTO},
        {"r=clientnonceX,s=c2FsdA==,i=", ERR_PROTO},
        {"r=clientnonceX,s=c2FsdA==,i=1 ", ERR_PROTO},
        {"r=clientnonceX,s=c2FsdA==,i=1000001", ERR_LIMIT},
        {"r=clientnonceX,s=c2FsdA==,i=1,1", ERR_PROTO},
        {"e=other-error", ERR_PROTO},
        {"", ERR_PROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scram_client c;
        struct text a, in = {.n = 0}, out;
        struct err e = {0};
        scram_client_init_password(&c, slice_of("x"));
        assert_int_equal(client_first(&c, &a), 0);
        in.n = (size_t)snprintf(in.p, sizeof(in.p), "%s", rows[i].in);
        const int rc = client_final(&c, &in, &out, &e);
        if (rc != rows[i].rc || e.code != rc)
            fail_msg("\"%s\" gave %d", rows[i].in, rc);
        assert_int_equal(out.n == 0, rc != 0);
    }
}

static void test_server_final_refused(void **state)
{
    (void)state;
    const struct scram_verifier v = verifier_of("secret");
    struct scram_client c;
    struct scram_server s;
    struct text a, b, d, f, bad;
    scram_client_init_password(&c, slice_of("secret"));
    scram_server_init(&s, &v, false);
    assert_int_equal(client_first(&c, &a), 0);
    assert_int_equal(server_first(&s, &a, &b), 0);
    assert_int_equal(client_final(&c, &b, &d, NULL), 0);
    assert_int_equal(server_final(&s, &d, &f), 0);
    const struct scram_client before = c;
    for (size_t n = 0; n < f.n; n++) {
        bad = f;
        bad.n = n;
        c = before;
        assert_int_equal(scram_client_verify(&c, slice_text(&bad), NULL), ERR_PROTO);
        bad = f;
        bad.p[n] ^= 1;
        c = before;
        assert_int_not_equal(scram_client_verify(&c, slice_text(&bad), NULL), 0);
        assert_int_equal(c.state, SCRAM_FAILED);
    }
    struct err e = {0};
    c = before;
    assert_int_equal(scram_client_verify(&c, slice_of("e=invalid-proof"), &e), ERR_AUTH);
    assert_non_null(strstr(e.text, "invalid-proof"));
    c = before;
    assert_int_equal(scram_client_verify(&c, slice_text(&f), NULL), 0);
}

static void test_no_room_and_wipe(void **state)
{
    (void)state;
    struct scram_client c;
    struct text t;
    for (size_t cap = 0; cap < 8 + 11; cap++) {
        scram_client_init_password(&c, slice_of("x"));
        struct writer w = writer_of(t.p, cap);
        assert_int_equal(scram_client_first(&c, "clientnonce", &w), ERR_LIMIT);
    }
    struct scram_server s, zero;
    memset(&zero, 0, sizeof(zero));
    until_final(&s, &t);
    scram_server_wipe(&s);
    assert_memory_equal(&s, &zero, sizeof(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc7677_client),
        cmocka_unit_test(test_rfc7677_server),
        cmocka_unit_test(test_both_roles),
        cmocka_unit_test(test_pass_through),
        cmocka_unit_test(test_mock),
        cmocka_unit_test(test_verifier_text),
        cmocka_unit_test(test_client_first_refused),
        cmocka_unit_test(test_nonce_bounds),
        cmocka_unit_test(test_client_final_refused),
        cmocka_unit_test(test_y_flag),
        cmocka_unit_test(test_server_first_refused),
        cmocka_unit_test(test_server_final_refused),
        cmocka_unit_test(test_no_room_and_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
