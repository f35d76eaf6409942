/* The server role: we verify a client. The grammar is RFC 5802, section 7. */
#include <stdio.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "scram.h"
#include "scram_text.h"

static int scram_server_fail(struct scram_server *s, struct err *e, int code, const char *why)
{
    s->state = SCRAM_FAILED;
    return err_set(e, code, "%s", why);
}

void scram_server_init(struct scram_server *s, const struct scram_verifier *v, bool mock)
{
    BUG_ON(v->salt_len == 0 || v->salt_len > SCRAM_SALT_MAX);
    *s = (struct scram_server){.state = SCRAM_INIT, .mock = mock, .verifier = *v};
}

/* gs2-header = gs2-cbind-flag "," [authzid] ",". Leaves *bare behind it. Returns why not, or NULL. */
static const char *scram_server_gs2(struct slice in, char *flag, struct slice *bare, int *code)
{
    *code = ERR_REFUSED;
    *flag = in.p[0];
    if (in.p[0] == 'p')
        return "client requires channel binding, which was not offered";
    *code = ERR_PROTO;
    if (in.p[0] != 'n' && in.p[0] != 'y')
        return "malformed SCRAM message: unexpected channel-binding flag";
    if (in.n < 3 || in.p[1] != ',')
        return "malformed SCRAM message: no comma after the channel-binding flag";
    if (in.p[2] == 'a') {
        *code = ERR_REFUSED;
        return "client uses an authorization identity, which is not supported";
    }
    if (in.p[2] != ',')
        return "malformed SCRAM message: unexpected attribute in its first part";
    *bare = (struct slice){in.p + 3, in.n - 3};
    return NULL;
}

/* client-first-message-bare = "n=" saslname "," "r=" nonce [extensions]. The name is ignored, as PostgreSQL does: who
 * logs in was said in the startup packet. */
static const char *scram_server_bare(struct slice bare, struct slice *nonce, int *code)
{
    struct slice at = bare, value;
    if (at.n > 0 && at.p[0] == 'm') {
        *code = ERR_REFUSED;
        return "client requires an unsupported SCRAM extension";
    }
    *code = ERR_PROTO;
    if (!scram_text_attr(&at, 'n', &value))
        return "malformed SCRAM message: no user name";
    if (!scram_text_attr(&at, 'r', nonce) || !scram_text_nonce_ok(*nonce))
        return "malformed SCRAM message: no valid nonce";
    while (at.n > 0)
        if (!scram_text_any(&at, &value))
            return "malformed SCRAM message: malformed extension";
    return NULL;
}

int scram_server_first(struct scram_server *s, struct slice in, const char *nonce,
                       struct writer *out, struct err *e)
{
    BUG_ON(s->state != SCRAM_INIT);
    BUG_ON(!scram_text_nonce_ok(slice_of(nonce)));
    if (!scram_text_ok(in))
        return scram_server_fail(s, e, ERR_PROTO, "malformed SCRAM message: impossible length");
    int code;
    struct slice bare = {0}, client_nonce = {0};
    const char *why = scram_server_gs2(in, &s->gs2, &bare, &code);
    if (!why)
        why = scram_server_bare(bare, &client_nonce, &code);
    if (why)
        return scram_server_fail(s, e, code, why);

    scram_text_add(&s->auth, bare.p, bare.n);
    scram_text_adds(&s->auth, ",");
    const size_t at = s->auth.n;
    scram_text_adds(&s->auth, "r=");
    s->nonce_at = (uint32_t)s->auth.n;
    scram_text_add(&s->auth, client_nonce.p, client_nonce.n);
    scram_text_adds(&s->auth, nonce);
    s->nonce_len = (uint32_t)s->auth.n - s->nonce_at;
    scram_text_adds(&s->auth, ",s=");
    scram_text_add_base64(&s->auth, s->verifier.salt, s->verifier.salt_len);
    char iterations[16];
    snprintf(iterations, sizeof(iterations), ",i=%u", s->verifier.iterations);
    scram_text_adds(&s->auth, iterations);

    write_bytes(out, s->auth.text + at, s->auth.n - at);
    if (out->bad)
        return scram_server_fail(s, e, ERR_LIMIT, "no room for a SCRAM message");
    s->state = SCRAM_WAIT_FINAL;
    return 0;
}

/* client-final-message = "c=" base64 "," "r=" nonce [extensions] "," "p=" proof. *without is all before the proof. */
static const char *scram_server_parse_final(const struct scram_server *s, struct slice in,
                                            struct slice *without, struct crypto_key *proof)
{
    struct slice at = in, value;
    /* The client repeats its gs2 header; a difference means that somebody changed the first message. */
    const char *header = s->gs2 == 'n' ? "biws" : "eSws";
    if (!scram_text_attr(&at, 'c', &value) || !slice_eq(value, header))
        return "malformed SCRAM message: unexpected channel binding data";
    if (!scram_text_attr(&at, 'r', &value) || value.n != s->nonce_len ||
        memcmp(value.p, s->auth.text + s->nonce_at, value.n) != 0)
        return "malformed SCRAM message: nonce does not match";
    for (;;) {
        const char *begin = at.p;
        const char name = scram_text_any(&at, &value);
        if (!name)
            return "malformed SCRAM message: no proof";
        if (name != 'p')
            continue;
        *without = (struct slice){in.p, (size_t)(begin - in.p) - 1};
        if (value.p + value.n != in.p + in.n)
            return "malformed SCRAM message: bytes behind the proof";
        return scram_text_key(value, proof) ? "malformed SCRAM message: malformed proof" : NULL;
    }
}

/* 0 if the proof was made with the key whose hash we hold; the key then is in s->client_key. */
static int scram_server_verify(struct scram_server *s, const struct crypto_key *proof)
{
    struct crypto_key signature, hash, client_key;
    int rc = scram_text_sign(&s->auth, &s->verifier.stored_key, &signature);
    scram_text_xor(proof, &signature, &client_key);
    if (rc == 0)
        rc = crypto_sha256(client_key.b, CRYPTO_KEY, hash.b);
    if (rc == 0) {
        const bool same = crypto_equal(hash.b, s->verifier.stored_key.b, CRYPTO_KEY);
        if (same && !s->mock)
            s->client_key = client_key;
        else
            rc = ERR_AUTH;
    }
    crypto_wipe(&signature, sizeof(signature));
    crypto_wipe(&client_key, sizeof(client_key));
    return rc;
}

int scram_server_final(struct scram_server *s, struct slice in, struct writer *out, struct err *e)
{
    BUG_ON(s->state != SCRAM_WAIT_FINAL);
    if (!scram_text_ok(in))
        return scram_server_fail(s, e, ERR_PROTO, "malformed SCRAM message: impossible length");
    struct slice without = {0};
    struct crypto_key proof;
    const char *why = scram_server_parse_final(s, in, &without, &proof);
    if (why)
        return scram_server_fail(s, e, ERR_PROTO, why);

    scram_text_adds(&s->auth, ",");
    scram_text_add(&s->auth, without.p, without.n);
    int rc = scram_server_verify(s, &proof);
    crypto_wipe(&proof, sizeof(proof));
    if (rc == ERR_AUTH)
        return scram_server_fail(s, e, rc, "password authentication failed");
    struct crypto_key signature;
    if (rc == 0)
        rc = scram_text_sign(&s->auth, &s->verifier.server_key, &signature);
    if (rc)
        return scram_server_fail(s, e, rc, "SCRAM-SHA-256 is not available");

    char text[CRYPTO_BASE64_ROOM(CRYPTO_KEY)];
    const size_t n = crypto_base64_encode(signature.b, CRYPTO_KEY, text);
    write_bytes(out, "v=", 2);
    write_bytes(out, text, n);
    if (out->bad)
        return scram_server_fail(s, e, ERR_LIMIT, "no room for a SCRAM message");
    s->state = SCRAM_DONE;
    return 0;
}

void scram_server_keys(const struct scram_server *s, struct scram_keys *out)
{
    BUG_ON(s->state != SCRAM_DONE);
    *out = (struct scram_keys){.iterations = s->verifier.iterations,
                               .salt_len = s->verifier.salt_len,
                               .client_key = s->client_key,
                               .server_key = s->verifier.server_key};
    memcpy(out->salt, s->verifier.salt, sizeof(out->salt));
}

void scram_server_wipe(struct scram_server *s)
{
    crypto_wipe(s, sizeof(*s));
}
