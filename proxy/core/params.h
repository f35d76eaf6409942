/* A session's settings, and what makes a server's equal to them. Pure; storage is the caller's.
 *
 * A set is name\0value\0 pairs, sorted by name (ASCII, case folded to lower), later duplicates win. Servers log in
 * without any, so RESET always leads back to the defaults of role and database. */
#ifndef TANIST_CORE_PARAMS_H
#define TANIST_CORE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/err.h"
#include "../../replication/base/str.h"

enum { PARAMS_MAX = 64, PARAMS_BYTES_MAX = 8192 };

struct params {
    uint64_t hash; /* of kv; 0 for the empty set */
    uint32_t n, len;
    char kv[PARAMS_BYTES_MAX];
};

void params_init(struct params *p);
void params_copy(struct params *to,
                 const struct params *from); /* from may be allocated only as far as its len */
void params_remove(struct params *p, const char *name);
/* Replaces an equal name. ERR_LIMIT when full; then nothing has changed. */
int params_set(struct params *p, const char *name, const char *value, struct err *e) MUST_CHECK;
/* The start-up parameter "options": -c name=value and --name=value, backslash escapes as in PostgreSQL. */
int params_set_options(struct params *p, const char *options, struct err *e) MUST_CHECK;
const char *params_get(const struct params *p, const char *name); /* NULL if not there */
bool params_next(const struct params *p, uint32_t *at, const char **name, const char **value);

static inline bool params_equal(const struct params *a, const struct params *b)
{
    return a->hash == b->hash && a->len == b->len;
}

/* A number for the settings of p that may change what a text means when it is analysed, or how its constants are read:
 * statements that were analysed under different ones are not the same. search_path is not among them, and neither are
 * role and row_security: PostgreSQL itself analyses a prepared statement again when these have changed. */
uint64_t params_analysis_key(const struct params *p);

/* SQL that leads from the settings `have` to `want`, as one simple query of RESET and set_config(); empty if equal. All or
 * nothing, as a simple query is one transaction. Role and session authorization are given up first, since others may
 * need the rights of the user who logged in, and taken last. false if it did not fit. */
bool params_diff_sql(const struct params *have, const struct params *want, struct strbuf *out)
    MUST_CHECK;

/* SQL that sets, for the transaction or the session, those of base that are not what the session has set. False if it did
 * not fit. */
bool params_refill_sql(const struct params *base, bool local, struct strbuf *out) MUST_CHECK;

bool params_plain_ascii(const struct params *p);

/* Values are spelled in the client_encoding of their session, and a server reads a query by its own. If that matters, SQL that
 * makes client_encoding equal, for a query of its own in front of params_diff_sql from `between`, which is `have` then; else empty.
 * False if it did not fit. */
bool params_encoding_sql(const struct params *have, const struct params *want,
                         struct params *between, struct strbuf *out) MUST_CHECK;

/* May a server refuse one of the values, although a server accepted it before? Roles and tablespaces can be dropped. */
bool params_fragile(const struct params *want);

#endif
