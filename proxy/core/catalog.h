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
    uint32_t at;   /* of its first word, in text */
    uint8_t len;
    uint8_t flags;
    uint8_t word, word_flags; /* of the key word that the bare name is: sqlwords.h */
};

enum { CATALOG_OPERATORS_BYTES = 256 };

/* What concerns the whole database. */
enum catalog_fact {
    CATALOG_FACT_TRIGGERS = 1, /* a change of data may run a function that changes the session */
    CATALOG_FACT_ALL = 2,      /* so may anything: an operator, a cast or a type does */
    CATALOG_FACT_SEQUENCES = 4,
    CATALOG_FACT_UNSAFE = 8, /* nothing is a read: what no text shows is volatile */
    CATALOG_FACT_ISOLATION =
        32,                 /* transactions may begin with another isolation than READ COMMITTED */
    CATALOG_FACT_LIKE = 16, /* LIKE, ILIKE or SIMILAR TO may be a volatile operator */
};

struct catalog {
    struct catalog_slot *slots;
    uint32_t mask; /* slots - 1, a power of two */
    uint32_t used, used_max;
    uint64_t *
        filter; /* a bit for each hash; most names of a statement are not here, and this tells it at once */
    uint32_t filter_mask;
    uint64_t *text;                          /* names, padded with NUL to whole words */
    uint32_t text_n, text_cap;               /* words */
    uint32_t n_functions, n_relations;       /* as added; for SHOW */
    unsigned facts;                          /* enum catalog_fact */
    char operators[CATALOG_OPERATORS_BYTES]; /* volatile ones, each with a NUL */
    uint16_t operators_n;
    bool any_operator; /* there were more: all are taken for volatile */
    bool plain;        /* without the built-in names */
    bool sealed;
};

/* Memory that is certainly enough for so many names of so many bytes in all (counted once each). */
size_t catalog_size(size_t names, size_t text_bytes);

/* An empty catalog in mem[cap], aligned for any object, lent until its last use. Adds the built-in names, and fails with
 * ERR_LIMIT if not even they fit. */
int catalog_init(struct catalog *c, void *mem, size_t cap) MUST_CHECK;

/* The same without the built-in names: for the settings read_functions and write_functions. */
int catalog_init_plain(struct catalog *c, void *mem, size_t cap) MUST_CHECK;

/* What a name means. */
enum {
    CATALOG_BIT_SAFE = 1,    /* a function, safe on a replica */
    CATALOG_BIT_UNSAFE = 2,  /* a function that is not, one of that name at least */
    CATALOG_BIT_PRIMARY = 4, /* naming it, anywhere, is for the primary */
    CATALOG_BIT_SPEAKS = 8,  /* naming it, anywhere, may change the session */
    CATALOG_BIT_TIME = 32,   /* shows when the transaction began */
    CATALOG_BIT_LOUD = 16,   /* calling it may change the session in any way */
};

/* Names are as stored in the system catalogs (folded already), of 1 to 63 bytes; others are ERR_INVALID. ERR_LIMIT if
 * the memory is used up: drop the catalog then, an incomplete one would be wrong. Bits add up, in whatever order they come. */
int catalog_add(struct catalog *c, struct slice name, unsigned bits) MUST_CHECK;
int catalog_add_function(struct catalog *c, struct slice name, bool is_volatile) MUST_CHECK;
int catalog_add_relation(struct catalog *c, struct slice name) MUST_CHECK;
/* A row of the query's answer. ERR_INVALID if it is none. */
int catalog_add_row(struct catalog *c, const char *kind, struct slice name, unsigned bits)
    MUST_CHECK;
void catalog_seal(struct catalog *c);

/* All of it at once; 0: not known. */
unsigned catalog_lookup(const struct catalog *c, struct slice name);

/* The same for whoever has the name in words already, padded with NUL, and its catalog_hash: NULL or the slot. Prefixes are
 * not looked at. For the classifier, which looks up every name of a statement. */
enum { CATALOG_NAME_WORDS = 8 };
static inline uint64_t catalog_hash(const uint64_t *w, size_t n)
{
    uint64_t h = n * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < (n + 7) / 8; i++) {
        h = (h ^ w[i]) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    return h;
}
/* Of a name of one to eight bytes: the same. */
static inline uint64_t catalog_hash_word(uint64_t w, size_t n)
{
    const uint64_t h = (n * UINT64_C(0x9e3779b97f4a7c15) ^ w) * UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 32;
}
const struct catalog_slot *catalog_probe(const struct catalog *c, const uint64_t *w, size_t n,
                                         uint64_t hash);
static inline const struct catalog_slot *catalog_find(const struct catalog *c, const uint64_t *w,
                                                      size_t n, uint64_t hash)
{
    const uint64_t bits = c->filter[(hash >> 40) & c->filter_mask];
    return (bits >> (hash >> 58)) & 1 ? catalog_probe(c, w, n, hash) : NULL;
}

/* Whether a run of operator characters may hold a volatile operator. */
bool catalog_operator_is_volatile(const struct catalog *c, struct slice run);

/* Whether a function of this (folded) name may be called on a replica. */
enum catalog_answer catalog_function(const struct catalog *c, struct slice name);
/* Whether something of this name must be read on the primary. */
bool catalog_is_primary(const struct catalog *c, struct slice name);

/* Writes the query for the names, for an ordinary role and PostgreSQL 12 and later: rows (kind text, name text, bits int) as
 * catalog_add_row takes them, in the session's client_encoding. It needs at most CATALOG_SQL_MAX bytes. */
enum { CATALOG_SQL_MAX = 24 * 1024 };
void catalog_write_sql(struct strbuf *b);
/* What the connection is told before. */
extern const char *const catalog_sql_prepare;
/* One row; its first column, a bigint, changes when the names might have; cheap. NULL-safe to compare as text. The second is
 * the position on the primary, NULL elsewhere. */
extern const char *const catalog_sql_version;

#endif
