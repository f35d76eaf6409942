#include "prepared.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"

/* -- statements --------------------------------------------------------------------------------------------------- */

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
                       uint16_t n_types, bool backslash)
{
    return p->sql_len == sql.n && p->backslash == backslash && p->n_types == n_types &&
           memcmp(p->sql, sql.p, sql.n) == 0 &&
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
                        uint16_t n_types, bool backslash)
{
    uint64_t id = slice_hash(sql) + backslash; /* the lexer reads the text by that setting */
    if (n_types)
        id ^= slice_hash((struct slice){(const char *)types, 4u * n_types}) *
              UINT64_C(0x9E3779B97F4A7C15);
    struct pstmt *p;
    for (
        ;;
        id++) { /* other texts with the same hash take the next id; ends, because the cache is bounded */
        HASH_FIND(hh, c->all, &id, sizeof(id), p);
        if (!p) {
            p = pstmt_make(c, id, sql, types, n_types);
            if (p)
                p->backslash = backslash;
        } else if (!pstmt_same(p, sql, types, n_types, backslash)) {
            continue;
        }
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

/* -- clients' names ----------------------------------------------------------------------------------------------- */

struct named *named_loose(struct slice name)
{
    struct named *n = calloc(1, sizeof(*n) + name.n + 1);
    if (!n)
        return NULL;
    memcpy(n->name, name.p, name.n);
    n->refs = 1;
    return n;
}

static size_t named_size(const struct named *n)
{
    return sizeof(*n) + pstmt_size(n->stmt);
}

static struct slice seen(struct slice name)
{
    return (struct slice){name.p, name.n < NAMED_LEN_MAX ? name.n : NAMED_LEN_MAX};
}

struct named *named_add(struct named_map *map, struct slice full, struct pstmt *stmt)
{
    const struct slice name = seen(full);
    struct named *n = named_loose(name);
    if (!n)
        return NULL;
    n->stmt = pstmt_ref(stmt);
    n->in_map = true;
    HASH_ADD_KEYPTR(hh, map->all, n->name, name.n, n);
    map->bytes += named_size(n);
    return n;
}

struct named *named_find(const struct named_map *map, struct slice full)
{
    const struct slice name = seen(full);
    struct named *n = NULL;
    HASH_FIND(hh, map->all, name.p, name.n, n);
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

void named_remove(struct named_map *map, struct named *n)
{
    if (!n->in_map)
        return;
    HASH_DEL(map->all, n);
    map->bytes -= named_size(n);
    n->in_map = false;
    named_unref(n);
}

void named_restore(struct named_map *map, struct named *n)
{
    struct named *later = NULL;
    if (n->in_map)
        return;
    HASH_FIND_STR(map->all, n->name, later);
    if (later)
        named_remove(map, later);
    HASH_ADD_KEYPTR(hh, map->all, n->name, strlen(n->name), n);
    map->bytes += named_size(n);
    n->in_map = true;
    named_ref(n);
}

void named_forget_since(struct named_map *map, uint64_t no)
{
    struct named *n, *tmp;
    HASH_ITER(hh, map->all, n, tmp)
    if (n->batch_no >= no)
        named_remove(map, n);
}

void named_clear(struct named_map *map)
{
    struct named *n, *tmp;
    HASH_ITER(hh, map->all, n, tmp)
    named_remove(map, n);
}

void named_swap(struct named_map *a, struct named_map *b)
{
    const struct named_map was = *a;
    *a = *b;
    *b = was;
}

/* -- a server's set ----------------------------------------------------------------------------------------------- */

void sstmt_init(struct sstmt_set *s)
{
    s->all = NULL;
    s->last_no = 0;
    list_init(&s->lru);
}

struct sstmt *sstmt_find(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = NULL;
    HASH_FIND(hh, s->all, &id, sizeof(id), e);
    return e;
}

struct sstmt *sstmt_use(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = sstmt_find(s, id);
    if (e && list_last(&s->lru) != &e->lru) {
        list_remove(&s->lru, &e->lru);
        list_push_back(&s->lru, &e->lru);
    }
    return e;
}

struct sstmt *sstmt_add(struct sstmt_set *s, uint64_t id)
{
    BUG_ON(sstmt_find(s, id) != NULL);
    struct sstmt *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->id = id;
    e->no = ++s->last_no;
    HASH_ADD(hh, s->all, id, sizeof(e->id), e);
    list_push_back(&s->lru, &e->lru);
    return e;
}

void sstmt_rename(struct sstmt_set *s, struct sstmt *e, uint64_t id)
{
    BUG_ON(sstmt_find(s, id) != NULL);
    HASH_DEL(s->all, e);
    e->id = id;
    HASH_ADD(hh, s->all, id, sizeof(e->id), e);
}

void sstmt_age(struct sstmt_set *s, struct sstmt *e)
{
    list_remove(&s->lru, &e->lru);
    list_push_front(&s->lru, &e->lru);
}

static void sstmt_take(struct sstmt_set *s, struct sstmt *e)
{
    list_remove(&s->lru, &e->lru);
    HASH_DEL(s->all, e);
}

void sstmt_forget(struct sstmt_set *s, uint64_t id)
{
    struct sstmt *e = sstmt_find(s, id);
    if (!e)
        return;
    sstmt_take(s, e);
    free(e);
}

struct sstmt *sstmt_evict(struct sstmt_set *s, size_t max)
{
    if (s->lru.count == 0 || s->lru.count < max)
        return NULL;
    struct sstmt *e = LIST_ENTRY(list_first(&s->lru), struct sstmt, lru);
    sstmt_take(s, e);
    return e;
}

void sstmt_put_back(struct sstmt_set *s, struct sstmt *e)
{
    /* Prepared again meanwhile: then this one stays on the server under an id that nobody asks for. */
    if (sstmt_find(s, e->id))
        e->id = ~e->no;
    HASH_ADD(hh, s->all, id, sizeof(e->id), e);
    list_push_front(&s->lru, &e->lru);
}

void sstmt_clear(struct sstmt_set *s)
{
    while (!list_empty(&s->lru)) {
        struct sstmt *e = LIST_ENTRY(list_first(&s->lru), struct sstmt, lru);
        sstmt_take(s, e);
        free(e);
    }
}

void sstmt_name(const struct sstmt *e, char out[PSTMT_NAME_MAX])
{
    snprintf(out, PSTMT_NAME_MAX, PSTMT_NAME_PREFIX "%" PRIx64, e->no);
}

/* -- names of SQL ------------------------------------------------------------------------------------------------- */

static unsigned place_of(const struct sqlname_set *s, const char *name)
{
    unsigned i = 0;
    while (i < s->n && strcmp(s->e[i].name, name) != 0)
        i++;
    return i;
}

const struct sqlname *sqlname_find(const struct sqlname_set *s, const char *name)
{
    const unsigned i = place_of(s, name);
    return i < s->n ? &s->e[i] : NULL;
}

bool sqlname_add(struct sqlname_set *s, const char *name, uint64_t id)
{
    if (s->n == s->cap) {
        const unsigned cap = s->cap ? s->cap * 2 : 8;
        struct sqlname *e = cap <= SQLNAMES_MAX ? realloc(s->e, cap * sizeof(*e)) : NULL;
        if (!e)
            return false;
        s->e = e;
        s->cap = cap;
    }
    s->e[s->n].id = id;
    str_copy(s->e[s->n].name, sizeof(s->e[s->n].name), name);
    s->n++;
    return true;
}

void sqlname_remove(struct sqlname_set *s, const char *name)
{
    const unsigned i = place_of(s, name);
    if (i < s->n)
        s->e[i] = s->e[--s->n];
}

void sqlname_clear(struct sqlname_set *s)
{
    s->n = 0;
}

void sqlname_swap(struct sqlname_set *a, struct sqlname_set *b)
{
    const struct sqlname_set was = *a;
    *a = *b;
    *b = was;
}

void sqlname_fini(struct sqlname_set *s)
{
    free(s->e);
    *s = (struct sqlname_set){0};
}
