/* Console answers as protocol bytes. Not pure (malloc); any thread. The caller owns the bytes (free); NULL only when memory
 * is out. */
#ifndef TANIST_PROXY_ADMIN_ANSWER_H
#define TANIST_PROXY_ADMIN_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../wire/errresp.h"

struct table;

enum answer_form {
    ANSWER_SIMPLE = 0, /* of a simple query: everything, with ReadyForQuery */
    ANSWER_DESCRIBE,   /* of Describe: RowDescription or NoData, or an error */
    ANSWER_EXECUTE,    /* of Execute: rows and tag, or an error */
};

/* Rows and a tag. A table that was cut adds a warning. */
uint8_t *answer_table(const struct table *t, const char *tag, enum answer_form form, size_t *n)
    MUST_CHECK;
/* A report: rows of one column; with Execute, whose Describe said NoData, they come as notices. */
uint8_t *answer_report(const struct table *t, const char *tag, enum answer_form form, size_t *n)
    MUST_CHECK;
/* A tag alone. */
uint8_t *answer_tag(const char *tag, enum answer_form form, size_t *n) MUST_CHECK;
/* For an empty query. */
uint8_t *answer_empty(enum answer_form form, size_t *n) MUST_CHECK;
uint8_t *answer_error(const struct errresp *err, enum answer_form form, size_t *n) MUST_CHECK;

#endif
