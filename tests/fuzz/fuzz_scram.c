/* SCRAM: no message of a peer without the keys makes either role succeed. First byte: what to feed; the rest: the
 * message. Nonces, salt and keys are fixed, so that the corpus reaches the proofs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/wire/md5auth.h"
#include "../../proxy/wire/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)   \
    do {             \
        if (!(cond)) \
            abort(); \
    } while (0)

static char out_bytes[4096];

static struct writer out(void)
{
    return writer_of(out_bytes, sizeof(out_bytes));
}

static struct scram_verifier verifier(void)
{
    struct scram_verifier v = {.iterations = 4096, .salt_len = 16};
    memcpy(v.salt, "0123456789abcdef", 16);
    memset(v.stored_key.b, 1, CRYPTO_KEY);
    memset(v.server_key.b, 2, CRYPTO_KEY);
    return v;
}

static void feed_server_first(struct slice in)
{
    const struct scram_verifier v = verifier();
    struct scram_server s;
    struct err e;
    struct writer w = out();
    scram_server_init(&s, &v, false);
    if (scram_server_first(&s, in, "servernonce", &w, &e) == 0)
        MUST(s.state == SCRAM_WAIT_FINAL && !w.bad && w.n > 0 && w.n < SCRAM_MSG_MAX);
    else
        MUST(s.state == SCRAM_FAILED && w.n == 0);
}

static void feed_server_final(struct slice in)
{
    const struct scram_verifier v = verifier();
    struct scram_server s;
    struct err e;
    struct writer w = out();
    scram_server_init(&s, &v, false);
    MUST(scram_server_first(&s, slice_of("n,,n=,r=clientnonce"), "servernonce", &w, &e) == 0);
    w = out();
    MUST(scram_server_final(&s, in, &w, &e) != 0 && s.state == SCRAM_FAILED && w.n == 0);
}

static void feed_client(struct slice in, bool final)
{
    struct scram_keys k = {.iterations = 4096, .salt_len = 16};
    memcpy(k.salt, "0123456789abcdef", 16);
    struct scram_client c;
    struct err e;
    struct writer w = out();
    scram_client_init_keys(&c, &k);
    MUST(scram_client_first(&c, "clientnonce", &w) == 0);
    w = out();
    if (!final) {
        if (scram_client_final(&c, in, &w, &e) == 0)
            MUST(w.n > 0 && w.n < SCRAM_MSG_MAX && c.state == SCRAM_WAIT_SIGNATURE);
        else
            MUST(w.n == 0 && c.state == SCRAM_FAILED);
        return;
    }
    const char first[] = "r=clientnoncex,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096";
    MUST(scram_client_final(&c, slice_of(first), &w, &e) == 0);
    MUST(scram_client_verify(&c, in, &e) != 0 && c.state == SCRAM_FAILED);
}

static void feed_texts(struct slice in)
{
    char text[1024];
    if (in.n >= sizeof(text))
        return;
    memcpy(text, in.p, in.n);
    text[in.n] = '\0';
    struct scram_verifier v, again;
    if (scram_verifier_parse(text, &v) == 0) {
        char formatted[SCRAM_VERIFIER_TEXT_MAX];
        scram_verifier_format(&v, formatted);
        MUST(scram_verifier_parse(formatted, &again) == 0 && memcmp(&v, &again, sizeof(v)) == 0);
    }
    (void)md5auth_is_hash(text);

    uint8_t raw[768];
    size_t n = 0;
    char back[CRYPTO_BASE64_ROOM(sizeof(raw))];
    if (crypto_base64_decode(in, raw, sizeof(raw), &n) == 0) {
        MUST(crypto_base64_encode(raw, n, back) == in.n);
        MUST(memcmp(back, in.p, in.n) == 0); /* one text only for each value */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct slice in = {(const char *)data + 1, size - 1};
    switch (data[0] % 5) {
    case 0:
        feed_server_first(in);
        break;
    case 1:
        feed_server_final(in);
        break;
    case 2:
        feed_client(in, false);
        break;
    case 3:
        feed_client(in, true);
        break;
    default:
        feed_texts(in);
        break;
    }
    return 0;
}
