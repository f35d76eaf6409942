/* What one database says about its names: which functions are safe to call on a replica, and which relations must be
 * read on the primary. Pure; lives in memory lent by the caller; immutable after catalog_seal, then any thread may look
 * things up. The SQL that loads it is here, running it is the shell's.
 *
 * Names only, no schemas and no argument types: a function name is safe only if every overload in every schema is.
 * Functions and relations whose answer depends on the node (pg_is_in_recovery, pg_stat_activity, ...) or that act on
 * the session or the server are built in as not safe, whatever pg_proc calls them. */
#ifndef TANIST_CORE_CATALOG_H
#define TANIST_CORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/str.h"

enum catalog_answer {
    CATALOG_ABSENT = 0, /* not known */
    CATALOG_SAFE,       /* known, and safe on a replica */
    CATALOG_UNSAFE,     /* known to be volatile, or built in as such */
};

struct catalog_slot {
    uint32_t hash; /* 0: free */
    uint32_t at;   /* offset into text */
    uint8_t len;
    uint8_t flags;
    uint16_t unused;
};

struct catalog {
    struct catalog_slot *slots;
    uint32_t mask; /* slots - 1, a power of two */
    uint32_t used, used_max;
    char *text;
    uint32_t text_n, text_cap;
    uint32_t n_functions, n_relations; /* as added; for SHOW */
    bool plain;                        /* without the built-in names */
    bool sealed;
};

/* Memory that is certainly enough for so many names of so many bytes in all (counted once each). */
size_t catalog_size(size_t names, size_t text_bytes);

/* An empty catalog in mem[cap], aligned for any object, lent until its last use. Adds the built-in names, and fails with
 * ERR_LIMIT if not even they fit. */
int catalog_init(struct catalog *c, void *mem, size_t cap) MUST_CHECK;

/* The same without the built-in names: for the settings read_functions and write_functions. */
int catalog_init_plain(struct catalog *c, void *mem, size_t cap) MUST_CHECK;

/* Names are as stored in the system catalogs (folded already), of 1 to 63 bytes; others are ERR_INVALID. ERR_LIMIT if
 * the memory is used up: drop the catalog then, an incomplete one would be wrong. A name added as volatile once is unsafe
 * for good, in whatever order they come. */
int catalog_add_function(struct catalog *c, struct slice name, bool is_volatile) MUST_CHECK;
int catalog_add_relation(struct catalog *c, struct slice name) MUST_CHECK;
void catalog_seal(struct catalog *c);

/* Both answers at once, as bits; 0: not known. */
enum { CATALOG_BIT_SAFE = 1, CATALOG_BIT_UNSAFE = 2, CATALOG_BIT_PRIMARY = 4 };
unsigned catalog_lookup(const struct catalog *c, struct slice name);

/* Whether a function of this (folded) name may be called on a replica. */
enum catalog_answer catalog_function(const struct catalog *c, struct slice name);
/* Whether something of this name must be read on the primary. */
bool catalog_is_primary(const struct catalog *c, struct slice name);

/* Queries for an ordinary role, PostgreSQL 12 and later. The first gives (name text, volatile bool), one row for each
 * function name; the second gives (name text). Both in the session's client_encoding. */
extern const char *const catalog_sql_functions;
extern const char *const catalog_sql_relations;
/* One row, one bigint: changes when either list might have; cheap. NULL-safe to compare as text. */
extern const char *const catalog_sql_version;

#endif
