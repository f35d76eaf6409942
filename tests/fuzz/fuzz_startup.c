/* First packets: whatever is accepted can be walked, answered and written again as the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/wire/startup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)   \
    do {             \
        if (!(cond)) \
            abort(); \
    } while (0)

static void check_v3(const struct startup *s, const uint8_t *data)
{
    static uint8_t buf[STARTUP_PACKET_MAX + 16];
    struct startup_pair pairs[STARTUP_PAIRS_MAX];
    const char *name, *value;
    size_t n = 0, n_pq = 0;
    for (uint32_t at = 0; startup_next(s, &at, &name, &value); n++) {
        MUST(n < STARTUP_PAIRS_MAX);
        MUST(*name != '\0');
        MUST(startup_get(s, name) != NULL);
        n_pq += startup_is_pq_option(name);
        pairs[n] = (struct startup_pair){name, value};
    }
    MUST(n == s->n_pairs && n_pq == s->n_pq);

    struct writer w = writer_of(buf, sizeof(buf));
    startup_write(&w, s->minor, pairs, n);
    MUST(!w.bad && w.n == s->total && memcmp(buf, data, w.n) == 0);

    w = writer_of(buf, sizeof(buf));
    startup_write_negotiate(&w, s, 2);
    MUST(!w.bad);
    struct startup_negotiate neg;
    MUST(startup_parse_negotiate(buf + 5, w.n - 5, &neg) == 0);
    MUST(neg.n_options == n_pq && neg.minor <= 2 && neg.minor <= s->minor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct startup s, cut;
    const enum startup_kind kind = startup_parse(data, size, &s);
    MUST(kind == s.kind && kind > STARTUP_NONE && kind < STARTUP_KIND_NR);
    MUST(s.total <= size);
    if (kind == STARTUP_BAD)
        MUST(s.reason != NULL && s.code != ERRRESP_NONE);
    if (kind == STARTUP_V3)
        check_v3(&s, data);
    if (kind == STARTUP_CANCEL)
        MUST(s.key_len >= STARTUP_KEY_MIN && s.key_len <= STARTUP_KEY_MAX &&
             s.key + s.key_len == data + s.total);
    /* A packet is judged the same however it is cut into pieces. */
    for (size_t n = 0; n < s.total && n < 64; n++)
        MUST(startup_parse(data, n, &cut) == STARTUP_MORE);
    struct startup_negotiate neg;
    if (startup_parse_negotiate(data, size, &neg) == 0)
        MUST(neg.options_len + 8 == size);
    return 0;
}
