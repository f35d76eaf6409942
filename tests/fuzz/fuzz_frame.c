/* Framing against a plain second reading of the rules. First byte: direction; the rest: the stream. */
#include <stdint.h>
#include <stdlib.h>

#include "../../proxy/wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)   \
    do {             \
        if (!(cond)) \
            abort(); \
    } while (0)

/* 1 good, 0 incomplete, -1 bad; written without the tricks of the header. */
static int judge(const uint8_t *p, size_t n, enum frame_dir dir)
{
    if (n == 0)
        return 0;
    if (!msgtype_table[dir][p[0]].name)
        return -1;
    if (n < 5)
        return 0;
    const uint64_t len = (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
    if (len < 4 + (uint64_t)msgtype_table[dir][p[0]].body_min)
        return -1;
    return len > 4 + (uint64_t)msgtype_table[dir][p[0]].body_max ? -1 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const enum frame_dir dir = data[0] & 1 ? FRAME_BACKEND : FRAME_FRONTEND;
    for (size_t at = 1; at <= size;) {
        const uint8_t *p = data + at;
        const size_t n = size - at;
        struct frame f = {0};
        const enum frame_result r = frame_next(p, n, dir, &f);
        const int want = judge(p, n, dir);
        MUST((r == FRAME_OK) == (want == 1));
        MUST((r == FRAME_MORE) == (want == 0));
        MUST(frame_bad_reason(p, n, dir) != NULL);
        /* More bytes never turn a bad header into a good one. */
        for (size_t k = 0; k < n && k < FRAME_HEADER; k++)
            if (frame_next(p, k, dir, &f) == FRAME_BAD)
                MUST(r == FRAME_BAD);
        if (r != FRAME_OK)
            break;
        MUST(f.total == f.body_len + FRAME_HEADER && f.total >= FRAME_HEADER);
        if (f.total > n)
            break;
        at += f.total;
    }
    return 0;
}
