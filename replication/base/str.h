/* Slices of bytes and a bounded string builder. Pure; never allocates. */
#ifndef TANIST_BASE_STR_H
#define TANIST_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"

/* Borrowed bytes, not NUL-terminated. */
struct slice {
    const char *p;
    size_t n;
};

struct slice slice_of(const char *cstr); /* NULL gives an empty slice */
struct slice slice_trim(struct slice s); /* ASCII white space off both ends */
bool slice_eq(struct slice s, const char *cstr);
bool slice_ieq(struct slice s, const char *cstr); /* ASCII case-insensitive */
uint64_t slice_hash(struct slice s);              /* 64-bit, stable within a process run */

/* Appends into a caller's buffer, always NUL-terminated; overflow is remembered, never written. */
struct strbuf {
    char *p;
    size_t cap; /* at least 1 */
    size_t n;   /* without the NUL; n < cap */
    bool truncated;
};

void strbuf_init(struct strbuf *b, char *p, size_t cap);
void strbuf_reset(struct strbuf *b);
void strbuf_add(struct strbuf *b, const char *p, size_t n);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_adds(struct strbuf *b, const char *cstr);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* SQL quoting, as PostgreSQL's quote_literal does it (a backslash gives the E'' form, right with either setting of
 * standard_conforming_strings); identifiers are always quoted, which needs no list of keywords. A JSON string with
 * its quotes; bytes that are not UTF-8 become U+FFFD. */
void strbuf_add_sql_literal(struct strbuf *b, const char *cstr);
void strbuf_add_sql_ident(struct strbuf *b, const char *cstr);
/* keyword='value' behind what is there, as in a libpq connection string: quotes always, because an empty value or one with
 * spaces needs them. */
void strbuf_add_conninfo(struct strbuf *b, const char *keyword, const char *value);
void strbuf_add_json(struct strbuf *b, const char *p, size_t n);

/* Length of the valid UTF-8 character at p (1 to 4), 0 if there is none. */
size_t str_utf8_len(const char *p, size_t n);

/* Copies with truncation, always terminates; returns false if it did not fit. cap is at least 1. */
bool str_copy(char *dst, size_t cap, const char *src);

/* Strict decimal, whole string, no sign for the unsigned one. false if malformed or out of range. */
bool str_to_u64(const char *s, uint64_t *out);
bool str_to_i64(const char *s, int64_t *out);

/* Edit distance for "did you mean", at most `max`+1; both at most 64 bytes, else max+1. */
unsigned str_distance(const char *a, const char *b, unsigned max);

#endif
