/* The client role: we log in to a node, from a password or from the keys that a client of ours proved to have. */
#include <string.h>

#include "../../replication/base/bug.h"
#include "scram.h"
#include "scram_text.h"

static int scram_client_fail(struct scram_client *c, struct err *e, int code, const char *why)
{
    c->state = SCRAM_FAILED;
    return err_set(e, code, "%s", why);
}

void scram_client_init_password(struct scram_client *c, struct slice password)
{
    *c = (struct scram_client){.state = SCRAM_INIT, .password = password};
}

void scram_client_init_keys(struct scram_client *c, const struct scram_keys *keys)
{
    *c = (struct scram_client){.state = SCRAM_INIT, .from_keys = true, .keys = *keys};
}

int scram_client_first(struct scram_client *c, const char *nonce, struct writer *out)
{
    BUG_ON(c->state != SCRAM_INIT);
    BUG_ON(!scram_text_nonce_ok(slice_of(nonce)));
    /* The name stays empty as in libpq: servers take it from the startup packet. */
    scram_text_adds(&c->auth, "n=,r=");
    c->nonce_at = (uint32_t)c->auth.n;
    scram_text_adds(&c->auth, nonce);
    c->nonce_len = (uint32_t)c->auth.n - c->nonce_at;
    write_bytes(out, "n,,", 3);
    write_bytes(out, c->auth.text, c->auth.n);
    if (out->bad) {
        c->state = SCRAM_FAILED;
        return ERR_LIMIT;
    }
    c->state = SCRAM_WAIT_FINAL;
    return 0;
}

struct scram_server_first_text {
    struct slice nonce; /* of both sides */
    uint32_t iterations;
    size_t salt_len;
    uint8_t salt[SCRAM_SALT_MAX];
};

/* server-first-message = "r=" nonce "," "s=" salt "," "i=" iterations [extensions]. Returns why not, or NULL. */
static const char *scram_client_parse(const struct scram_client *c, struct slice in,
                                      struct scram_server_first_text *out)
{
    struct slice at = in, value;
    if (!scram_text_attr(&at, 'r', &out->nonce) || out->nonce.n <= c->nonce_len ||
        memcmp(out->nonce.p, c->auth.text + c->nonce_at, c->nonce_len) != 0)
        return "server sent a SCRAM nonce that does not continue ours";
    const struct slice theirs = {out->nonce.p + c->nonce_len, out->nonce.n - c->nonce_len};
    if (!scram_text_nonce_ok(theirs))
        return "server sent a malformed SCRAM nonce";
    if (!scram_text_attr(&at, 's', &value) ||
        crypto_base64_decode(value, out->salt, SCRAM_SALT_MAX, &out->salt_len) ||
        out->salt_len == 0)
        return "server sent a malformed SCRAM salt";
    if (!scram_text_attr(&at, 'i', &value) || scram_text_iterations(value, &out->iterations))
        return "server sent a malformed SCRAM iteration count";
    while (at.n > 0)
        if (!scram_text_any(&at, &value))
            return "server sent a malformed SCRAM extension";
    return NULL;
}

/* Makes c->keys those of the server's salt. */
static int scram_client_keys(struct scram_client *c, const struct scram_server_first_text *s,
                             struct err *e)
{
    struct scram_keys *k = &c->keys;
    if (c->from_keys) {
        if (k->iterations == s->iterations && k->salt_len == s->salt_len &&
            memcmp(k->salt, s->salt, s->salt_len) == 0)
            return 0;
        return scram_client_fail(
            c, e, ERR_STATE,
            "the server's SCRAM verifier is not the one that the client proved "
            "to know: its password was changed, or differs between servers");
    }
    if (s->iterations > SCRAM_ITERATIONS_MAX)
        return scram_client_fail(c, e, ERR_LIMIT, "server asks for too many SCRAM iterations");
    k->iterations = s->iterations;
    k->salt_len = (uint32_t)s->salt_len;
    memcpy(k->salt, s->salt, s->salt_len);
    const struct slice salt = {(const char *)s->salt, s->salt_len};
    if (scram_text_derive(c->password, salt, s->iterations, &k->client_key, &k->server_key))
        return scram_client_fail(c, e, ERR_STATE, "SCRAM-SHA-256 is not available");
    return 0;
}

/* proof = ClientKey XOR HMAC(H(ClientKey), signed text) */
static int scram_client_proof(const struct scram_client *c, struct crypto_key *proof)
{
    struct crypto_key stored, signature;
    int rc = crypto_sha256(c->keys.client_key.b, CRYPTO_KEY, stored.b);
    if (rc == 0)
        rc = scram_text_sign(&c->auth, &stored, &signature);
    if (rc == 0)
        scram_text_xor(&c->keys.client_key, &signature, proof);
    crypto_wipe(&stored, sizeof(stored));
    crypto_wipe(&signature, sizeof(signature));
    return rc;
}

int scram_client_final(struct scram_client *c, struct slice in, struct writer *out, struct err *e)
{
    BUG_ON(c->state != SCRAM_WAIT_FINAL);
    if (!scram_text_ok(in))
        return scram_client_fail(c, e, ERR_PROTO, "server sent a malformed SCRAM message");
    struct scram_server_first_text first;
    const char *why = scram_client_parse(c, in, &first);
    if (why)
        return scram_client_fail(c, e, ERR_PROTO, why);
    int rc = scram_client_keys(c, &first, e);
    c->password = (struct slice){0};
    if (rc)
        return rc;

    scram_text_adds(&c->auth, ",");
    scram_text_add(&c->auth, in.p, in.n);
    scram_text_adds(&c->auth, ",");
    const size_t at = c->auth.n;
    scram_text_adds(&c->auth, "c=biws,r=");
    scram_text_add(&c->auth, first.nonce.p, first.nonce.n);
    struct crypto_key proof;
    rc = scram_client_proof(c, &proof);
    if (rc)
        return scram_client_fail(c, e, rc, "SCRAM-SHA-256 is not available");

    char text[CRYPTO_BASE64_ROOM(CRYPTO_KEY)];
    const size_t n = crypto_base64_encode(proof.b, CRYPTO_KEY, text);
    write_bytes(out, c->auth.text + at, c->auth.n - at);
    write_bytes(out, ",p=", 3);
    write_bytes(out, text, n);
    if (out->bad)
        return scram_client_fail(c, e, ERR_LIMIT, "no room for a SCRAM message");
    c->state = SCRAM_WAIT_SIGNATURE;
    return 0;
}

int scram_client_verify(struct scram_client *c, struct slice in, struct err *e)
{
    BUG_ON(c->state != SCRAM_WAIT_SIGNATURE);
    struct slice at = in, value;
    if (!scram_text_ok(in))
        return scram_client_fail(c, e, ERR_PROTO, "server sent a malformed SCRAM message");
    if (scram_text_attr(&at, 'e', &value)) {
        c->state = SCRAM_FAILED;
        return err_set(e, ERR_AUTH, "server refused the SCRAM exchange: %.*s",
                       value.n > 100 ? 100 : (int)value.n, value.p);
    }
    struct crypto_key theirs, ours;
    if (!scram_text_attr(&at, 'v', &value) || scram_text_key(value, &theirs))
        return scram_client_fail(c, e, ERR_PROTO, "server sent a malformed SCRAM signature");
    while (at.n > 0)
        if (!scram_text_any(&at, &value))
            return scram_client_fail(c, e, ERR_PROTO, "server sent a malformed SCRAM extension");
    if (scram_text_sign(&c->auth, &c->keys.server_key, &ours))
        return scram_client_fail(c, e, ERR_STATE, "SCRAM-SHA-256 is not available");
    if (!crypto_equal(theirs.b, ours.b, CRYPTO_KEY))
        return scram_client_fail(c, e, ERR_AUTH,
                                 "server could not prove that it knows the password");
    c->state = SCRAM_DONE;
    return 0;
}

void scram_client_wipe(struct scram_client *c)
{
    crypto_wipe(c, sizeof(*c));
}
