#include "catalog.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/err.h"
#include "catalog_names.h"

enum { NAME_MAX_BYTES = 63, FUNCTIONS_MAX = 1 << 20 };

/* n is 1 to 8. Two loads that may overlap, so that no length needs a loop; different lengths never meet, as the length
 * is part of the hash. */
static uint64_t load8(const char *p, size_t n)
{
    uint64_t v = 0;
    if (n == 8) {
        memcpy(&v, p, 8);
        return v;
    }
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return (uint64_t)a << 32 | b;
    }
    return (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 |
           (uint64_t)(uint8_t)p[n - 1] << 16;
}

/* Names are short, so eight bytes a step. Never 0, which marks a free slot. */
static uint32_t hash_name(struct slice s)
{
    uint64_t h = s.n * UINT64_C(0x9e3779b97f4a7c15);
    const char *p = s.p;
    size_t n = s.n;
    for (; n > 8; p += 8, n -= 8)
        h = ((h ^ load8(p, 8)) * UINT64_C(0xff51afd7ed558ccd)) ^ (h >> 32);
    h = (h ^ load8(p, n)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(h >> 32) | 1;
}

static const struct catalog_slot *find_slot(const struct catalog *c, struct slice name,
                                            uint32_t hash)
{
    uint32_t i = (hash >> 1) & c->mask;
    for (uint32_t step = 0; step <= c->mask; step++, i = (i + 1) & c->mask) {
        const struct catalog_slot *s = &c->slots[i];
        if (!s->hash)
            return s;
        if (s->hash == hash && s->len == name.n && memcmp(c->text + s->at, name.p, name.n) == 0)
            return s;
    }
    BUG("a catalog's table is never full");
}

int catalog_add(struct catalog *c, struct slice name, unsigned bits)
{
    BUG_ON(!c || c->sealed);
    if (name.n == 0 || name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
        return ERR_INVALID;
    uint32_t hash = hash_name(name);
    struct catalog_slot *s = &c->slots[find_slot(c, name, hash) - c->slots];
    if (!s->hash) {
        if (c->used == c->used_max || c->text_cap - c->text_n < name.n)
            return ERR_LIMIT;
        memcpy(c->text + c->text_n, name.p, name.n);
        *s = (struct catalog_slot){.hash = hash, .at = c->text_n, .len = (uint8_t)name.n};
        c->text_n += (uint32_t)name.n;
        c->used++;
    }
    s->flags = (uint8_t)(s->flags | bits);
    return 0;
}

/* A power of two of slots that n names fill to at most three quarters. */
static size_t slots_for(size_t n)
{
    size_t slots = 16;
    while (slots / 4 * 3 < n)
        slots *= 2;
    return slots;
}

size_t catalog_size(size_t names, size_t text_bytes)
{
    if (names > FUNCTIONS_MAX) /* more is refused as it comes */
        names = FUNCTIONS_MAX;
    size_t builtin = catalog_names_count();
    size_t slots = slots_for(names + builtin) * sizeof(struct catalog_slot);
    size_t text = text_bytes + builtin * NAME_MAX_BYTES;
    /* catalog_init gives the table at most a half. */
    return 2 * (slots > text ? slots : text);
}

int catalog_init(struct catalog *c, void *mem, size_t cap)
{
    int rc = catalog_init_plain(c, mem, cap);
    if (rc < 0)
        return rc;
    c->plain = false;
    return catalog_names_add(c);
}

int catalog_init_plain(struct catalog *c, void *mem, size_t cap)
{
    BUG_ON(!c || (!mem && cap));
    BUG_ON((uintptr_t)mem % _Alignof(struct catalog_slot) != 0);
    size_t slots = 16;
    if (slots * sizeof(struct catalog_slot) > cap / 2)
        return ERR_LIMIT;
    while (slots < (size_t)FUNCTIONS_MAX * 2 && 2 * slots * sizeof(struct catalog_slot) <= cap / 2)
        slots *= 2;
    size_t table = slots * sizeof(struct catalog_slot);
    size_t text_cap = cap - table;
    *c = (struct catalog){
        .slots = mem,
        .mask = (uint32_t)(slots - 1),
        .used_max = (uint32_t)(slots / 4 * 3),
        .plain = true,
        .text = (char *)mem + table,
        .text_cap = text_cap > UINT32_MAX ? UINT32_MAX : (uint32_t)text_cap,
    };
    memset(c->slots, 0, table);
    return 0;
}

int catalog_add_function(struct catalog *c, struct slice name, bool is_volatile)
{
    int rc = catalog_add(c, name, is_volatile ? CATALOG_BIT_UNSAFE : CATALOG_BIT_SAFE);
    if (rc == 0)
        c->n_functions++;
    return rc;
}

int catalog_add_relation(struct catalog *c, struct slice name)
{
    int rc = catalog_add(c, name, CATALOG_BIT_PRIMARY);
    if (rc == 0)
        c->n_relations++;
    return rc;
}

/* What the grammar itself makes of LIKE and SIMILAR TO, and of comparisons that no operator is written for (IN, DISTINCT,
 * GROUP BY, ...). */
static unsigned operator_facts(struct slice name)
{
    static const char *const like[] = {"~~", "!~~", "~~*", "!~~*", "~", "!~"};
    static const char *const compare[] = {"=", "<>", "<", ">", "<=", ">="};
    for (size_t i = 0; i < ARRAY_LEN(like); i++) {
        if (slice_eq(name, like[i]))
            return CATALOG_FACT_LIKE;
    }
    for (size_t i = 0; i < ARRAY_LEN(compare); i++) {
        if (slice_eq(name, compare[i]))
            return CATALOG_FACT_UNSAFE;
    }
    return 0;
}

static void add_operator(struct catalog *c, struct slice name)
{
    c->facts |= operator_facts(name);
    if (name.n + 1 > sizeof(c->operators) - c->operators_n) {
        c->any_operator = true;
        return;
    }
    memcpy(c->operators + c->operators_n, name.p, name.n);
    c->operators_n = (uint16_t)(c->operators_n + name.n);
    c->operators[c->operators_n++] = '\0';
}

int catalog_add_row(struct catalog *c, const char *kind, struct slice name, unsigned bits)
{
    BUG_ON(!c || c->sealed);
    switch (kind ? kind[0] : '\0') {
    case 'f':
        c->n_functions++;
        return catalog_add(c, name, bits);
    case 'r':
        c->n_relations++;
        return catalog_add(c, name, bits);
    case 'o':
        if (name.n == 0 || name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
            return ERR_INVALID;
        add_operator(c, name);
        return 0;
    case 'd':
        c->facts |= bits;
        return 0;
    default:
        return ERR_INVALID;
    }
}

bool catalog_operator_is_volatile(const struct catalog *c, struct slice run)
{
    if (!c->operators_n)
        return c->any_operator;
    if (c->any_operator)
        return true;
    for (const char *p = c->operators; p < c->operators + c->operators_n; p += strlen(p) + 1) {
        if (memmem(run.p, run.n, p, strlen(p)))
            return true;
    }
    return false;
}

void catalog_seal(struct catalog *c)
{
    BUG_ON(!c || c->sealed);
    BUG_ON(c->used > c->used_max);
    c->sealed = true;
}

unsigned catalog_lookup(const struct catalog *c, struct slice name)
{
    BUG_ON(!c || !c->sealed);
    if (name.n == 0 || name.n > NAME_MAX_BYTES)
        return 0;
    const struct catalog_slot *s = find_slot(c, name, hash_name(name));
    unsigned bits = s->flags;
    if (catalog_names_may_prefix(name) && !c->plain)
        bits |= catalog_names_prefix(name);
    return bits;
}

enum catalog_answer catalog_function(const struct catalog *c, struct slice name)
{
    unsigned bits = catalog_lookup(c, name);
    if (bits & CATALOG_BIT_UNSAFE)
        return CATALOG_UNSAFE;
    return bits & CATALOG_BIT_SAFE ? CATALOG_SAFE : CATALOG_ABSENT;
}

bool catalog_is_primary(const struct catalog *c, struct slice name)
{
    return (catalog_lookup(c, name) & CATALOG_BIT_PRIMARY) != 0;
}
