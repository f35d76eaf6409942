#include "scram.h"

#include <stdio.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "scram_text.h"

/* ---- shared by the roles ---- */

char scram_text_any(struct slice *at, struct slice *value)
{
    if (at->n < 2 || at->p[1] != '=')
        return 0;
    const char name = at->p[0];
    if (!((name >= 'a' && name <= 'z') || (name >= 'A' && name <= 'Z')))
        return 0;
    const char *comma = memchr(at->p + 2, ',', at->n - 2);
    const size_t end = comma ? (size_t)(comma - at->p) : at->n;
    *value = (struct slice){at->p + 2, end - 2};
    /* A trailing comma leaves an empty rest; the peer's next attribute is then missing, or it was the last one. */
    const size_t used = comma ? end + 1 : end;
    *at = (struct slice){at->p + used, at->n - used};
    return name;
}

bool scram_text_attr(struct slice *at, char name, struct slice *value)
{
    return at->n > 0 && at->p[0] == name && scram_text_any(at, value) == name;
}

bool scram_text_ok(struct slice msg)
{
    return msg.n > 0 && msg.n <= SCRAM_MSG_MAX && !memchr(msg.p, 0, msg.n);
}

bool scram_text_nonce_ok(struct slice nonce)
{
    if (nonce.n == 0 || nonce.n > SCRAM_NONCE_MAX)
        return false;
    for (size_t i = 0; i < nonce.n; i++)
        if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e || nonce.p[i] == ',')
            return false;
    return true;
}

void scram_text_add(struct scram_auth_message *a, const char *p, size_t n)
{
    /* Each message was bounded when it came in, so the three of them fit. */
    BUG_ON(n > sizeof(a->text) - a->n);
    memcpy(a->text + a->n, p, n);
    a->n += n;
}

void scram_text_adds(struct scram_auth_message *a, const char *cstr)
{
    scram_text_add(a, cstr, strlen(cstr));
}

void scram_text_add_base64(struct scram_auth_message *a, const uint8_t *p, size_t n)
{
    char text[CRYPTO_BASE64_ROOM(SCRAM_SALT_MAX)];
    BUG_ON(n > SCRAM_SALT_MAX);
    const size_t len = crypto_base64_encode(p, n, text);
    scram_text_add(a, text, len);
}

int scram_text_sign(const struct scram_auth_message *a, const struct crypto_key *key,
                    struct crypto_key *out)
{
    return crypto_hmac(key, a->text, a->n, out->b);
}

void scram_text_xor(const struct crypto_key *a, const struct crypto_key *b, struct crypto_key *out)
{
    for (size_t i = 0; i < CRYPTO_KEY; i++)
        out->b[i] = a->b[i] ^ b->b[i];
}

int scram_text_key(struct slice base64, struct crypto_key *out)
{
    size_t n;
    const int rc = crypto_base64_decode(base64, out->b, CRYPTO_KEY, &n);
    return rc == 0 && n == CRYPTO_KEY ? 0 : ERR_INVALID;
}

int scram_text_derive(struct slice password, struct slice salt, uint32_t iterations,
                      struct crypto_key *client_key, struct crypto_key *server_key)
{
    struct crypto_key salted;
    int rc = crypto_pbkdf2(password, salt, iterations, &salted);
    if (rc == 0)
        rc = crypto_hmac(&salted, "Client Key", 10, client_key->b);
    if (rc == 0)
        rc = crypto_hmac(&salted, "Server Key", 10, server_key->b);
    crypto_wipe(&salted, sizeof(salted));
    return rc;
}

/* ---- verifiers ---- */

static const char scram_prefix[] = SCRAM_MECHANISM "$";

bool scram_is_verifier(const char *text)
{
    struct scram_verifier v;
    const bool yes = scram_verifier_parse(text, &v) == 0;
    scram_verifier_wipe(&v);
    return yes;
}

/* Cuts *at at the first `sep`, which must be there; the piece before it goes to *piece. */
static bool scram_cut(struct slice *at, char sep, struct slice *piece)
{
    const char *end = memchr(at->p, sep, at->n);
    if (!end)
        return false;
    *piece = (struct slice){at->p, (size_t)(end - at->p)};
    *at = (struct slice){end + 1, at->n - piece->n - 1};
    return true;
}

int scram_text_iterations(struct slice s, uint32_t *out)
{
    uint64_t v = 0;
    if (s.n == 0 || s.n > 10)
        return ERR_INVALID;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_INVALID;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    if (v == 0 || v > INT32_MAX)
        return ERR_INVALID;
    *out = (uint32_t)v;
    return 0;
}

int scram_verifier_parse(const char *text, struct scram_verifier *out)
{
    *out = (struct scram_verifier){0};
    struct slice at = slice_of(text), iterations, salt, stored;
    const size_t prefix = sizeof(scram_prefix) - 1;
    if (at.n < prefix || memcmp(at.p, scram_prefix, prefix) != 0)
        return ERR_INVALID;
    at = (struct slice){at.p + prefix, at.n - prefix};
    if (!scram_cut(&at, ':', &iterations) || !scram_cut(&at, '$', &salt) ||
        !scram_cut(&at, ':', &stored))
        return ERR_INVALID;
    size_t salt_len = 0;
    int rc = scram_text_iterations(iterations, &out->iterations);
    if (rc == 0)
        rc = crypto_base64_decode(salt, out->salt, SCRAM_SALT_MAX, &salt_len);
    if (rc == 0 && salt_len == 0)
        rc = ERR_INVALID;
    if (rc == 0)
        rc = scram_text_key(stored, &out->stored_key);
    if (rc == 0)
        rc = scram_text_key(at, &out->server_key);
    if (rc)
        scram_verifier_wipe(out);
    else
        out->salt_len = (uint32_t)salt_len;
    return rc;
}

void scram_verifier_format(const struct scram_verifier *v, char *text)
{
    char salt[CRYPTO_BASE64_ROOM(SCRAM_SALT_MAX)];
    char stored[CRYPTO_BASE64_ROOM(CRYPTO_KEY)], server[CRYPTO_BASE64_ROOM(CRYPTO_KEY)];
    BUG_ON(v->salt_len > SCRAM_SALT_MAX);
    crypto_base64_encode(v->salt, v->salt_len, salt);
    crypto_base64_encode(v->stored_key.b, CRYPTO_KEY, stored);
    crypto_base64_encode(v->server_key.b, CRYPTO_KEY, server);
    const int n = snprintf(text, SCRAM_VERIFIER_TEXT_MAX, "%s%u:%s$%s:%s", scram_prefix,
                           v->iterations, salt, stored, server);
    BUG_ON(n < 0 || n >= SCRAM_VERIFIER_TEXT_MAX);
    crypto_wipe(stored, sizeof(stored));
    crypto_wipe(server, sizeof(server));
}

int scram_verifier_make(struct slice password, struct slice salt, uint32_t iterations,
                        struct scram_verifier *out)
{
    *out = (struct scram_verifier){0};
    if (salt.n == 0 || salt.n > SCRAM_SALT_MAX)
        return ERR_INVALID;
    struct crypto_key client_key;
    int rc = scram_text_derive(password, salt, iterations, &client_key, &out->server_key);
    if (rc == 0)
        rc = crypto_sha256(client_key.b, CRYPTO_KEY, out->stored_key.b);
    crypto_wipe(&client_key, sizeof(client_key));
    if (rc) {
        scram_verifier_wipe(out);
        return rc;
    }
    memcpy(out->salt, salt.p, salt.n);
    out->salt_len = (uint32_t)salt.n;
    out->iterations = iterations;
    return 0;
}

int scram_verifier_mock(const struct crypto_key *secret, const char *user,
                        struct scram_verifier *out)
{
    *out = (struct scram_verifier){.iterations = SCRAM_ITERATIONS_DEFAULT,
                                   .salt_len = SCRAM_SALT_DEFAULT};
    uint8_t digest[CRYPTO_KEY];
    int rc = crypto_hmac(secret, user, strlen(user), digest);
    if (rc)
        return rc;
    memcpy(out->salt, digest, SCRAM_SALT_DEFAULT);
    /* The keys only have to be unknown to the client; it never sees them. */
    rc = crypto_hmac(secret, digest, sizeof(digest), out->stored_key.b);
    if (rc == 0)
        rc = crypto_hmac(secret, out->stored_key.b, CRYPTO_KEY, out->server_key.b);
    crypto_wipe(digest, sizeof(digest));
    return rc;
}

int scram_verifier_check(const struct scram_verifier *v, struct slice password,
                         struct scram_keys *keys)
{
    if (v->iterations > SCRAM_ITERATIONS_MAX)
        return ERR_LIMIT;
    struct scram_keys k = {.iterations = v->iterations, .salt_len = v->salt_len};
    memcpy(k.salt, v->salt, sizeof(k.salt));
    struct crypto_key stored;
    int rc = scram_text_derive(password, (struct slice){(const char *)v->salt, v->salt_len},
                               v->iterations, &k.client_key, &k.server_key);
    if (rc == 0)
        rc = crypto_sha256(k.client_key.b, CRYPTO_KEY, stored.b);
    if (rc == 0 && !crypto_equal(stored.b, v->stored_key.b, CRYPTO_KEY))
        rc = ERR_AUTH;
    if (rc == 0 && keys)
        *keys = k;
    crypto_wipe(&stored, sizeof(stored));
    scram_keys_wipe(&k);
    return rc;
}

void scram_verifier_wipe(struct scram_verifier *v)
{
    crypto_wipe(v, sizeof(*v));
}

void scram_keys_wipe(struct scram_keys *k)
{
    crypto_wipe(k, sizeof(*k));
}
