/* Virtual prepared statements. One worker's objects, its thread only; a server's set moves with it.
 *
 * struct pstmt is a text with its parameter types, shared by all sessions of a worker; unused ones stay cached up to a bound,
 * with their classification.
 *
 * A client's Parse is always done by a server, in place and at its time, because what a text means depends on the catalog
 * and the settings of that moment. What came out (core/signature.h) decides whether it is the same as a statement that the
 * server has already: then they share that one from now on. The meaning of a name, its `sid`, is made of the text, of the
 * settings that count at analysis, and of the signature; servers that lack it prepare the text again and compare. If the
 * result differs by then, PostgreSQL would have said so too, and so do we. */
#ifndef TANIST_PROXY_PREPARED_H
#define TANIST_PROXY_PREPARED_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "../replication/base/clock.h"
#include "../replication/base/list.h"
#include "../replication/base/str.h"
#include "core/classify.h"

enum {
    PSTMT_CACHE_MAX = 4096,
    PSTMT_CACHE_BYTES_MAX = 16 * 1024 * 1024, /* of those that nobody uses */
    PSTMT_BYTES_MAX = 512 * 1024 * 1024,      /* of all: then no session gets another name */
    PSTMT_NAME_MAX = 32,
    NAMED_LEN_MAX = 63 /* PostgreSQL looks at no more bytes of a name (NAMEDATALEN - 1) */
};

#define PSTMT_NAME_PREFIX  "tanist_"
#define PSTMT_NAME_UNKNOWN "tanist_no_such_statement" /* never prepared */

struct pstmt_cache;

struct pstmt {
    UT_hash_handle hh;
    uint64_t id; /* of text and types; the key */
    struct pstmt_cache *cache;
    struct list_node unused; /* linked while refs == 0 */
    uint32_t refs;
    const void *classified_by;   /* the catalog that cls was made with */
    const void *classified_conf; /* and the configuration */
    struct classification cls;   /* its slices point into sql */
    usec_t learned_until;        /* a replica refused it: not a read up to then */
    bool backslash;              /* standard_conforming_strings is off in its sessions */
    uint16_t n_types;
    uint32_t sql_len;
    char sql[]; /* text, NUL, then n_types big-endian OIDs */
};

struct pstmt_cache {
    struct pstmt *all;
    struct list unused; /* oldest first */
    size_t bytes;
};

void pstmt_cache_init(struct pstmt_cache *c);
void pstmt_cache_fini(struct pstmt_cache *c);

/* With a reference for the caller; NULL without memory. */
struct pstmt *pstmt_get(struct pstmt_cache *c, struct slice sql, const uint8_t *types,
                        uint16_t n_types, bool backslash) MUST_CHECK;
struct pstmt *pstmt_ref(struct pstmt *p);
void pstmt_unref(struct pstmt *p); /* NULL is fine */
static inline const uint8_t *pstmt_types(const struct pstmt *p)
{
    return (const uint8_t *)p->sql + p->sql_len + 1;
}
static inline size_t pstmt_size(const struct pstmt *p)
{
    return sizeof(*p) + p->sql_len + 1 + 4u * p->n_types;
}

/* A client's name for a statement. Counted, because a Parse in flight may outlive a Close. */
struct named {
    UT_hash_handle hh;
    struct pstmt *stmt;
    uint64_t batch_no; /* the batch whose Parse made it */
    uint64_t sid;      /* what servers know it as; of a PREPARE: how much DDL went before */
    uint64_t making;   /* the sid under which a server prepares it at this moment */
    uint64_t settings; /* what of the session's settings counted when it was parsed */
    uint64_t sig;      /* of its first analysis; 0: not known yet */
    bool own;          /* not to be shared: nobody knows the settings that it was parsed under */
    bool changed;      /* prepared again (as making), it came out different */
    bool failed;       /* its Parse did not happen */
    uint32_t refs;
    bool in_map;
    char name[];
};

/* All of a session. */
struct named_map {
    struct named *all;
    size_t bytes; /* with their statements, shared or not */
};

/* Replaces nothing: the name must be new. NULL without memory. Takes a reference on stmt. */
struct named *named_add(struct named_map *map, struct slice name, struct pstmt *stmt) MUST_CHECK;
/* One that is in no session: to remember a name that a client gave. With a reference. */
struct named *named_loose(struct slice name) MUST_CHECK;
struct named *named_find(const struct named_map *map, struct slice name);
void named_remove(struct named_map *map, struct named *n);
/* The Close was not done after all: back into the map, in place of one that came later. */
void named_restore(struct named_map *map, struct named *n);
/* Those that batch no and later ones made: they run again, and make them again. */
void named_forget_since(struct named_map *map, uint64_t no);
void named_clear(struct named_map *map);
void named_swap(struct named_map *a, struct named_map *b);
void named_ref(struct named *n);
void named_unref(struct named *n);

/* What one server has prepared, least recently used first. */
struct sstmt {
    UT_hash_handle hh;
    uint64_t id; /* a sid */
    uint64_t no; /* of its name on the server */
    struct list_node lru;
};

struct sstmt_set {
    struct sstmt *all;
    struct list lru;
    uint64_t last_no;
};

void sstmt_init(struct sstmt_set *s);
struct sstmt *sstmt_find(struct sstmt_set *s, uint64_t id);
struct sstmt *sstmt_use(struct sstmt_set *s, uint64_t id); /* finds and touches it */
/* A new one, with a name that the server has not seen. NULL without memory. */
struct sstmt *sstmt_add(struct sstmt_set *s, uint64_t id) MUST_CHECK;
/* It is known by another id from now on, which nobody else has. */
void sstmt_rename(struct sstmt_set *s, struct sstmt *e, uint64_t id);
/* Nobody needs it: the next to go. */
void sstmt_age(struct sstmt_set *s, struct sstmt *e);
void sstmt_forget(struct sstmt_set *s, uint64_t id);
/* The least recently used one, out of the set, when there is no room for one more; NULL otherwise. The caller closes it on
 * the server and frees it, or gives it back if the server did not do that. */
struct sstmt *sstmt_evict(struct sstmt_set *s, size_t max);
void sstmt_put_back(struct sstmt_set *s, struct sstmt *e);
void sstmt_clear(struct sstmt_set *s);
/* The name on the server: "tanist_" and the number. */
void sstmt_name(const struct sstmt *e, char out[PSTMT_NAME_MAX]);

/* The names that a server has as SQL knows them, each with what it stands for (session_names.c). Few, or none. */
struct sqlname {
    uint64_t id;
    char name[NAMED_LEN_MAX + 1];
};

struct sqlname_set {
    struct sqlname *e;
    unsigned n, cap;
};

enum { SQLNAMES_MAX = 2048 };

const struct sqlname *sqlname_find(const struct sqlname_set *s, const char *name);
/* A new one. False: no memory, or too many. */
bool sqlname_add(struct sqlname_set *s, const char *name, uint64_t id) MUST_CHECK;
void sqlname_remove(struct sqlname_set *s, const char *name);
void sqlname_clear(struct sqlname_set *s);
void sqlname_swap(struct sqlname_set *a, struct sqlname_set *b);
void sqlname_fini(struct sqlname_set *s);

#endif
