/* Bytes that grow. A test's memory: running out of it ends the program. */
#ifndef TANIST_DIFF_BUF_H
#define TANIST_DIFF_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"

struct buf {
    uint8_t *p;
    size_t n, cap;
};

void buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_u8(struct buf *b, unsigned v);
void buf_u16(struct buf *b, unsigned v);
void buf_u32(struct buf *b, uint32_t v);
void buf_cstr(struct buf *b, const char *s);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_free(struct buf *b);

/* A typed message: `at = buf_begin(b, 'Q'); buf_...; buf_end(b, at);` */
size_t buf_begin(struct buf *b, uint8_t type);
void buf_end(struct buf *b, size_t at);

#endif
