/* Input that could not be used yet: the cut beginning of a message, or requests that wait. Heap, only while not empty;
 * bounded by the owner. */
#ifndef TANIST_PROXY_INBUF_H
#define TANIST_PROXY_INBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/attrs.h"

struct inbuf {
    uint8_t *p;
    size_t n, cap;
};

/* Room for `more` bytes behind the n; NULL without memory. */
uint8_t *inbuf_room(struct inbuf *b, size_t more) MUST_CHECK;
/* Replaces the content by p[n], which may lie inside the buffer; n == 0 frees it. */
bool inbuf_keep(struct inbuf *b, const uint8_t *p, size_t n) MUST_CHECK;
/* Puts p[n] in front. */
bool inbuf_prepend(struct inbuf *b, const uint8_t *p, size_t n) MUST_CHECK;
void inbuf_free(struct inbuf *b);

#endif
