/* Virtual prepared statements. A statement is known by its text and parameter types, whatever names clients give it;
 * each server has its own set of those it has been sent. One worker's objects, its thread only.
 *
 * struct pstmt is shared by all sessions of a worker; unused ones stay cached up to a bound, with their classification. */
#ifndef TANIST_PROXY_PREPARED_H
#define TANIST_PROXY_PREPARED_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "../replication/base/list.h"
#include "../replication/base/str.h"
#include "core/classify.h"

enum { PSTMT_CACHE_MAX = 4096, PSTMT_CACHE_BYTES_MAX = 16 * 1024 * 1024, PSTMT_NAME_MAX = 32 };

#define PSTMT_NAME_PREFIX "tanist_"

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
    bool learned;                /* a replica refused it: not a read */
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
                        uint16_t n_types) MUST_CHECK;
struct pstmt *pstmt_ref(struct pstmt *p);
void pstmt_unref(struct pstmt *p); /* NULL is fine */
static inline const uint8_t *pstmt_types(const struct pstmt *p)
{
    return (const uint8_t *)p->sql + p->sql_len + 1;
}
/* The name on servers: "tanist_" and the id. */
void pstmt_server_name(uint64_t id, char out[PSTMT_NAME_MAX]);

/* A client's name for a statement. Counted, because a Parse in flight may outlive a Close. */
struct named {
    UT_hash_handle hh;
    struct pstmt *stmt;
    uint64_t batch_no; /* the batch whose Parse made it */
    uint32_t refs;
    bool in_map;
    char name[];
};

/* Replaces nothing: the name must be new. NULL without memory. Takes a reference on stmt. */
struct named *named_add(struct named **map, struct slice name, struct pstmt *stmt) MUST_CHECK;
struct named *named_find(struct named *map, struct slice name);
void named_remove(struct named **map, struct named *n);
/* The Close was not done after all: back into the map, in place of one that came later. */
void named_restore(struct named **map, struct named *n);
/* Those that batch no made: it runs again, and makes them again. */
void named_forget_batch(struct named **map, uint64_t no);
void named_clear(struct named **map);
void named_ref(struct named *n);
void named_unref(struct named *n);

/* What one server has prepared, least recently used first. */
struct sstmt {
    UT_hash_handle hh;
    uint64_t id;
    struct list_node lru;
};

struct sstmt_set {
    struct sstmt *all;
    struct list lru;
};

void sstmt_init(struct sstmt_set *s);
bool sstmt_has(struct sstmt_set *s, uint64_t id); /* and touches it */
bool sstmt_add(struct sstmt_set *s, uint64_t id) MUST_CHECK;
void sstmt_forget(struct sstmt_set *s, uint64_t id);
/* The least recently used id to close when more than max are there; false otherwise. */
bool sstmt_evict(struct sstmt_set *s, size_t max, uint64_t *id);
void sstmt_clear(struct sstmt_set *s);

#endif
