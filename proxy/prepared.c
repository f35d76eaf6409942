#include "prepared.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"

/* -- statements --------------------------------------------------------------------------------------------------- */

static size_t pstmt_size(const struct pstmt *p)
{
    return sizeof(*p) + p->sql_len + 1 + 4u * p->n_types;
}

static void pstmt_free(struct pstmt_cache *c, struct pstmt *p)
{
    list_remove(&c->unused, &p->unused);
    c->bytes -= pstmt_size(p);
    HASH_DEL(c->all, p);
    free(p);
}

void pstmt_cache_init(struct pstmt_cache *c)
{
    c->all = NULL;
    c->bytes = 0;
    list_init(&c->unused);
}

void pstmt_cache_fini(struct pstmt_cache *c)
{
    while (!list_empty(&c->unused))
        pstmt_free(c, LIST_ENTRY(list_first(&c->unused), struct pstmt, unused));
    BUG_ON(c->all != NULL);
}

static bool pstmt_same(const struct pstmt *p, struct slice sql, const uint8_t *types,
                       uint16_t n_types)
{
    return p->sql_len == sql.n && p->n_types == n_types && memcmp(p->sql, sql.p, sql.n) == 0 &&
           (n_types == 0 || memcmp(pstmt_types(p), types, 4u * n_types) == 0);
}

static struct pstmt *pstmt_make(struct pstmt_cache *c, uint64_t id, struct slice sql,
                                const uint8_t *types, uint16_t n_types)
{
    struct pstmt *p = calloc(1, sizeof(*p) + sql.n + 1 + 4u * n_types);
    if (!p)
        return NULL;
    p->id = id;
    p->cache = c;
    p->sql_len = (uint32_t)sql.n;
    p->n_types = n_types;
    memcpy(p->sql, sql.p, sql.n);
    if (n_types)
        memcpy(p->sql + sql.n + 1, types, 4u * n_types);
    HASH_ADD(hh, c->all, id, sizeof(p->id), p);
    c->bytes += pstmt_size(p);
    while (c->unused.count > 0 &&
           (c->unused.count > PSTMT_CACHE_MAX || c->bytes > PSTMT_CACHE_BYTES_MAX))
        pstmt_free(c, LIST_ENTRY(list_first(&c->unused), struct pstmt, unused));
    return p;
}

struct pstmt *pstmt_get(struct pstmt_cache *c, struct slice sql, const uint8_t *types,
                        uint16_t n_types)
{
    uint64_t id = slice_hash(sql);
    if (n_types)
        id ^= slice_hash((struct slice){(const char *)types, 4u * n_types}) *
              UINT64_C(0x9E3779B97F4A7C15);
    struct pstmt *p;
    for (
        ;;
        id++) { /* other texts with the same hash take the next id; ends, because the cache is bounded */
        HASH_FIND(hh, c->all, &id, sizeof(id), p);
        if (!p)
            p = pstmt_make(c, id, sql, types, n_types);
        else if (!pstmt_same(p, sql, types, n_types))
            continue;
        break;
    }
    return p ? pstmt_ref(p) : NULL;
}

struct pstmt *pstmt_ref(struct pstmt *p)
{
    if (p->refs++ == 0 && list_linked(&p->unused))
        list_remove(&p->cache->unused, &p->unused);
    return p;
}

void pstmt_unref(struct pstmt *p)
{
    if (!p)
        return;
    BUG_ON(p->refs == 0);
    if (--p->refs == 0)
        list_push_back(&p->cache->unused, &p->unused);
}

void pstmt_server_name(uint64_t id, char out[PSTMT_NAME_MAX])
{
    snprintf(out, PSTMT_NAME_MAX, PSTMT_NAME_PREFIX "%016" PRIx64, id);
}

/* -- clients' names ----------------------------------------------------------------------------------------------- */

struct named *named_add(struct named **map, struct slice name, struct pstmt *stmt)
{
    struct named *n = calloc(1, sizeof(*n) + name.n + 1);
    if (!n)
        return NULL;
    memcpy(n->name, name.p, name.n);
    n->stmt = pstmt_ref(stmt);
    n->refs = 1;
    n->in_map = true;
    HASH_ADD_KEYPTR(hh, *map, n->name, name.n, n);
    return n;
}

struct named *named_find(struct named *map, struct slice name)
{
    struct named *n = NULL;
    HASH_FIND(hh, map, name.p, name.n, n);
    return n;
}

void named_ref(struct named *n)
{
    n->refs++;
}

void named_unref(struct named *n)
{
    BUG_ON(n->refs == 0);
    if (--n->refs > 0)
        return;
    BUG_ON(n->in_map);
    pstmt_unref(n->stmt);
    free(n);
}

void named_remove(struct named **map, struct named *n)
{
    if (!n->in_map)
        return;
    HASH_DEL(*map, n);
    n->in_map = false;
    named_unref(n);
}

void named_restore(struct named **map, struct named *n)
{
    struct named *later = NULL;
    if (n->in_map)
        return;
    HASH_FIND_STR(*map, n->name, later);
    if (later)
        named_remove(map, later);
    HASH_ADD_KEYPTR(hh, *map, n->name, strlen(n->name), n);
    n->in_map = true;
    named_ref(n);
}

void named_forget_batch(struct named **map, uint64_t no)
{
    struct named *n, *tmp;
    HASH_ITER(hh, *map, n, tmp)
    if (n->batch_no == no)
        named_remove(map, n);
}

void named_clear(struct named **map)
{
    struct named *n, *tmp;
    HASH_ITER(hh, *map, n, tmp)
    named_remove(map, n);
}

/* -- a server's set ----------------------------------------------------------------------------------------------- */

void sstmt_init(struct sstmt_set *s)
{
    s->all = NULL;
    list_init(&s->lru);
}

static struct sstmt *sstmt_find(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = NULL;
    HASH_FIND(hh, s->all, &id, sizeof(id), e);
    return e;
}

bool sstmt_has(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = sstmt_find(s, id);
    if (e && list_last(&s->lru) != &e->lru) {
        list_remove(&s->lru, &e->lru);
        list_push_back(&s->lru, &e->lru);
    }
    return e != NULL;
}

bool sstmt_add(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = calloc(1, sizeof(*e));
    if (!e)
        return false;
    e->id = id;
    HASH_ADD(hh, s->all, id, sizeof(e->id), e);
    list_push_back(&s->lru, &e->lru);
    return true;
}

static void sstmt_drop(struct sstmt_set *s, struct sstmt *e)
{
    list_remove(&s->lru, &e->lru);
    HASH_DEL(s->all, e);
    free(e);
}

void sstmt_forget(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = sstmt_find(s, id);
    if (e)
        sstmt_drop(s, e);
}

bool sstmt_evict(struct sstmt_set *s, size_t max, uint64_t *id)
{
    if (s->lru.count <= max)
        return false;
    struct sstmt *e = LIST_ENTRY(list_first(&s->lru), struct sstmt, lru);
    *id = e->id;
    sstmt_drop(s, e);
    return true;
}

void sstmt_clear(struct sstmt_set *s)
{
    while (!list_empty(&s->lru))
        sstmt_drop(s, LIST_ENTRY(list_first(&s->lru), struct sstmt, lru));
}
