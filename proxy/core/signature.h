/* What a prepared statement takes and returns, as one number: made of the answer to Describe, fed in pieces. Pure.
 *
 * It tells whether two analyses of one text mean the same to a client that was told the types once: parameter types, and
 * names, types and type modifiers of the columns. That is what PostgreSQL compares before it says "cached plan must not
 * change result type" (plancache.c, RevalidateCachedQuery). The OID of a column's table is left out, because a table
 * that was dropped and made again is no reason for that error. */
#ifndef TANIST_CORE_SIGNATURE_H
#define TANIST_CORE_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

struct signature {
    uint64_t hash;
    uint32_t
        at; /* bytes of the message seen, up to the first column; then bytes behind a column's name */
    uint8_t type;
    uint8_t part; /* enum signature_part */
};

void signature_begin(struct signature *s);
/* A ParameterDescription ('t'), RowDescription ('T') or NoData ('n') begins. */
void signature_message(struct signature *s, uint8_t type);
/* The next bytes of its body. */
void signature_feed(struct signature *s, const uint8_t *p, size_t n);
/* Never 0, which callers use for "not known". */
uint64_t signature_value(const struct signature *s);

/* Mixes numbers into one that identifies all of them; never has the highest bit. */
uint64_t signature_mix(uint64_t a, uint64_t b, uint64_t c);

#endif
