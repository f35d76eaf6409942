#include "signature.h"

/* The body of RowDescription: a count, then for each column its name, and these bytes. */
enum {
    COUNT_LEN = 2,
    TABLE_LEN = 6 /* OID and column */,
    TYPE_LEN = 10 /* OID, length, modifier */,
    FORMAT_LEN = 2
};

enum signature_part { PART_ALL = 0, PART_COUNT, PART_NAME, PART_REST };

static void mix(struct signature *s, uint8_t byte)
{
    s->hash = (s->hash ^ byte) * UINT64_C(0x100000001b3);
}

void signature_begin(struct signature *s)
{
    *s = (struct signature){.hash = UINT64_C(0xcbf29ce484222325)};
}

void signature_message(struct signature *s, uint8_t type)
{
    s->type = type;
    s->at = 0;
    s->part = type == 'T' ? PART_COUNT : PART_ALL;
    mix(s, type);
}

static void feed_row(struct signature *s, uint8_t byte)
{
    switch ((enum signature_part)s->part) {
    case PART_COUNT:
        mix(s, byte);
        if (++s->at == COUNT_LEN)
            s->part = PART_NAME;
        return;
    case PART_NAME:
        mix(s, byte);
        if (byte == 0) {
            s->part = PART_REST;
            s->at = 0;
        }
        return;
    case PART_REST:
        if (s->at >= TABLE_LEN && s->at < TABLE_LEN + TYPE_LEN)
            mix(s, byte);
        if (++s->at == TABLE_LEN + TYPE_LEN + FORMAT_LEN)
            s->part = PART_NAME;
        return;
    case PART_ALL:
    default:
        return;
    }
}

void signature_feed(struct signature *s, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s->part == PART_ALL)
            mix(s, p[i]);
        else
            feed_row(s, p[i]);
    }
}

uint64_t signature_value(const struct signature *s)
{
    return s->hash ? s->hash : 1;
}

uint64_t signature_mix(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = (a ^ (a >> 32)) * k;
    h = (h ^ b ^ (h >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ c ^ (h >> 32)) * UINT64_C(0x94d049bb133111eb);
    return (h ^ (h >> 31)) & INT64_MAX;
}
