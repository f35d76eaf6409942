/* Console answers as protocol bytes: everything up to and including ReadyForQuery. Not pure (malloc); any thread.
 *
 * The caller owns the bytes (free). NULL only when memory is out. With extended set, the answer begins with ParseComplete
 * and BindComplete, as for the messages Parse, Bind, Describe portal, Execute, Sync. */
#ifndef TANIST_PROXY_ADMIN_ANSWER_H
#define TANIST_PROXY_ADMIN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../wire/errresp.h"

struct table;

/* Rows and a tag. A table that was cut adds a warning. */
uint8_t *answer_table(const struct table *t, const char *tag, bool extended, size_t *n) MUST_CHECK;
/* A tag alone. */
uint8_t *answer_tag(const char *tag, bool extended, size_t *n) MUST_CHECK;
/* For an empty query. */
uint8_t *answer_empty(bool extended, size_t *n) MUST_CHECK;
uint8_t *answer_error(const struct errresp *err, size_t *n) MUST_CHECK;

#endif
