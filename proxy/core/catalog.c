#include "catalog.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/err.h"
#include "catalog_names.h"
#include "sqlwords.h"

enum { NAME_MAX_BYTES = 63, FUNCTIONS_MAX = 1 << 20 };

/* The name in whole words, padded with NUL; n is at most NAME_MAX_BYTES. */
static void to_words(struct slice name, uint64_t w[CATALOG_NAME_WORDS])
{
    memset(w, 0, CATALOG_NAME_WORDS * sizeof(*w));
    memcpy(w, name.p, name.n);
}

/* 0 marks a free slot. */
static uint32_t slot_hash(uint64_t hash)
{
    return (uint32_t)hash | 1;
}

static struct catalog_slot *find_slot(const struct catalog *c, const uint64_t *w, size_t n,
                                      uint32_t hash)
{
    uint32_t i = (hash >> 1) & c->mask;
    for (uint32_t step = 0; step <= c->mask; step++, i = (i + 1) & c->mask) {
        struct catalog_slot *s = &c->slots[i];
        if (!s->hash)
            return s;
        if (s->hash != hash || s->len != n)
            continue;
        const uint64_t *text = c->text + s->at;
        size_t k = 0;
        while (text[k] == w[k] && 8 * (k + 1) < n)
            k++;
        if (text[k] == w[k])
            return s;
    }
    BUG("a catalog's table is never full");
}

const struct catalog_slot *catalog_probe(const struct catalog *c, const uint64_t *w, size_t n,
                                         uint64_t hash)
{
    const struct catalog_slot *s = find_slot(c, w, n, slot_hash(hash));
    return s->hash ? s : NULL;
}

/* The slot of a name, new or not; NULL if there is no room. */
static struct catalog_slot *put(struct catalog *c, struct slice name)
{
    uint64_t w[CATALOG_NAME_WORDS];
    to_words(name, w);
    const uint64_t hash = catalog_hash(w, name.n);
    struct catalog_slot *s = find_slot(c, w, name.n, slot_hash(hash));
    if (s->hash)
        return s;
    const uint32_t words = (uint32_t)((name.n + 7) / 8);
    if (c->used == c->used_max || c->text_cap - c->text_n < words)
        return NULL;
    memcpy(c->text + c->text_n, w, words * sizeof(*w));
    *s = (struct catalog_slot){.hash = slot_hash(hash), .at = c->text_n, .len = (uint8_t)name.n};
    c->filter[(hash >> 40) & c->filter_mask] |= UINT64_C(1) << (hash >> 58);
    c->text_n += words;
    c->used++;
    return s;
}

int catalog_add(struct catalog *c, struct slice name, unsigned bits)
{
    BUG_ON(!c || c->sealed);
    if (name.n == 0 || name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
        return ERR_INVALID;
    struct catalog_slot *s = put(c, name);
    if (!s)
        return ERR_LIMIT;
    s->flags = (uint8_t)(s->flags | bits);
    return 0;
}

/* The key words share the table, so that one look tells everything of a name. */
static int add_words(struct catalog *c)
{
    size_t n;
    const struct word_row *rows = word_rows(&n);
    for (size_t i = 0; i < n; i++) {
        struct catalog_slot *s = put(c, (struct slice){rows[i].text, rows[i].n});
        if (!s)
            return ERR_LIMIT;
        s->word = rows[i].id;
        s->word_flags = rows[i].flags;
    }
    return 0;
}

/* A power of two of slots that n names fill to at most a half. */
static size_t slots_for(size_t n)
{
    size_t slots = 16;
    while (slots / 2 < n)
        slots *= 2;
    return slots;
}

static size_t builtin_count(void)
{
    size_t words;
    (void)word_rows(&words);
    return catalog_names_count() + words;
}

/* A slot, its share of the filter (a word for four slots), and its text if it has 16 bytes. */
enum { SLOT_BYTES = sizeof(struct catalog_slot) + sizeof(uint64_t) / 4 };

size_t catalog_size(size_t names, size_t text_bytes)
{
    if (names > FUNCTIONS_MAX) /* more is refused as it comes */
        names = FUNCTIONS_MAX;
    const size_t all = names + builtin_count();
    const size_t table = slots_for(all) * SLOT_BYTES;
    const size_t text = text_bytes + 8 * all + 32 * builtin_count();
    /* catalog_init gives the table at most a half. */
    return 2 * (table > text ? table : text);
}

int catalog_init(struct catalog *c, void *mem, size_t cap)
{
    int rc = catalog_init_plain(c, mem, cap);
    if (rc < 0)
        return rc;
    c->plain = false;
    rc = catalog_names_add(c);
    return rc < 0 ? rc : add_words(c);
}

int catalog_init_plain(struct catalog *c, void *mem, size_t cap)
{
    BUG_ON(!c || (!mem && cap));
    BUG_ON((uintptr_t)mem % _Alignof(uint64_t) != 0);
    size_t slots = 16;
    if (slots * SLOT_BYTES > cap / 2)
        return ERR_LIMIT;
    while (slots < (size_t)FUNCTIONS_MAX * 2 && 2 * slots * SLOT_BYTES <= cap / 2)
        slots *= 2;
    const size_t table = slots * SLOT_BYTES, text_cap = (cap - table) / sizeof(uint64_t);
    uint64_t *words = mem;
    *c = (struct catalog){
        .filter = words,
        .filter_mask = (uint32_t)(slots / 4 - 1),
        .slots = (struct catalog_slot *)(void *)(words + slots / 4),
        .mask = (uint32_t)(slots - 1),
        .used_max = (uint32_t)(slots / 4 * 3),
        .plain = true,
        .text = words + table / sizeof(uint64_t),
        .text_cap = text_cap > UINT32_MAX ? UINT32_MAX : (uint32_t)text_cap,
    };
    memset(mem, 0, table);
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
    uint64_t w[CATALOG_NAME_WORDS];
    to_words(name, w);
    const struct catalog_slot *s = catalog_find(c, w, name.n, catalog_hash(w, name.n));
    unsigned bits = s ? s->flags : 0;
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
