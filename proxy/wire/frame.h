/* Splits a byte stream of typed messages: looks at the five bytes of a header and says what follows. Pure, inline.
 *
 * The first packet of a client has no type byte; startup.h reads it. */
#ifndef TANIST_WIRE_FRAME_H
#define TANIST_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bytes.h"
#include "msgtype.h"

enum { FRAME_HEADER = 5 };

enum frame_result {
    FRAME_OK = 0, /* *out is set; the body may not have arrived yet */
    FRAME_MORE,   /* fewer than FRAME_HEADER bytes, and nothing wrong so far */
    FRAME_BAD     /* synchronisation is lost: close; frame_bad_reason() tells why */
};

struct frame {
    uint8_t type;
    uint32_t body_len; /* without type and length */
    uint32_t total;    /* type, length and body */
};

/* Fewer than FRAME_HEADER bytes: FRAME_BAD if the type is already known to be wrong, else FRAME_MORE. */
enum frame_result frame_next_partial(const uint8_t *p, size_t n, enum frame_dir dir);

/* Judges the header at p. Sets *out only when it returns FRAME_OK. */
static inline enum frame_result frame_next(const uint8_t *p, size_t n, enum frame_dir dir,
                                           struct frame *out)
{
    if (UNLIKELY(n < FRAME_HEADER))
        return frame_next_partial(p, n, dir);
    const struct msgtype *t = &msgtype_table[dir][p[0]];
    /* A length below 4 wraps around to a huge body, which is over every bound. */
    const uint32_t body_len = be32(p + 1) - 4;
    if (UNLIKELY(body_len < t->body_min || body_len > t->body_max))
        return FRAME_BAD;
    *out = (struct frame){.type = p[0], .body_len = body_len, .total = body_len + FRAME_HEADER};
    return FRAME_OK;
}

/* A sentence fragment for the error message after FRAME_BAD on the same bytes ("message length is too large"). */
const char *frame_bad_reason(const uint8_t *p, size_t n, enum frame_dir dir);

#endif
