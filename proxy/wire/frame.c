#include "frame.h"

#include <assert.h>

/* `total` must not wrap, and a negative length (as PostgreSQL reads it) must be over every bound. */
static_assert(MSGTYPE_LONG_MAX <= INT32_MAX - FRAME_HEADER, "lengths fit 31 bits");
static_assert(MSGTYPE_SHORT_MAX < MSGTYPE_LONG_MAX, "short is short");

enum frame_result frame_next_partial(const uint8_t *p, size_t n, enum frame_dir dir)
{
    if (n > 0 && !msgtype_table[dir][p[0]].name)
        return FRAME_BAD;
    return FRAME_MORE;
}

const char *frame_bad_reason(const uint8_t *p, size_t n, enum frame_dir dir)
{
    if (n == 0)
        return "message is incomplete";
    const struct msgtype *t = &msgtype_table[dir][p[0]];
    if (!t->name)
        return "message type is unknown";
    if (n < FRAME_HEADER)
        return "message is incomplete";
    const uint32_t len = be32(p + 1);
    if (len < 4)
        return "message length is below four";
    if (len - 4 < t->body_min)
        return "message is too short for its type";
    if (len - 4 > t->body_max)
        return "message is too long for its type";
    return "message header is valid";
}
