#include "slots.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

/* FNV-1a: slot names must be the same in every run and on every machine, so that the process-local hash will not do. */
static uint32_t name_hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

enum { SLOT_NAME_LEN_MAX = TOPO_NAME_MAX - 1, HASH_SUFFIX_LEN = 9 };

void slots_name(const char *node_name, char out[TOPO_NAME_MAX])
{
    struct strbuf b;
    bool changed = false;
    strbuf_init(&b, out, TOPO_NAME_MAX);
    strbuf_adds(&b, SLOTS_PREFIX);
    for (const char *s = node_name; *s; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '_';
        if (b.n == SLOT_NAME_LEN_MAX) {
            changed = true;
            break;
        }
        strbuf_addc(&b, plain ? *s : *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : '_');
        changed = changed || !plain;
    }
    if (!changed)
        return;
    if (b.n > SLOT_NAME_LEN_MAX - HASH_SUFFIX_LEN) {
        b.n = SLOT_NAME_LEN_MAX - HASH_SUFFIX_LEN;
        b.p[b.n] = '\0';
    }
    strbuf_addf(&b, "_%08x", (unsigned)name_hash(node_name));
    BUG_ON(b.truncated);
}

static const struct observe_slot *find_slot(const struct observe_slots *slots, const char *name)
{
    for (int i = 0; i < slots->n; i++)
        if (!strcmp(slots->slots[i].name, name))
            return &slots->slots[i];
    return NULL;
}

static bool is_wanted(const struct view *v, int writer, uint64_t followers, const char *slot)
{
    char name[TOPO_NAME_MAX];
    for (int i = 0; i < v->n_nodes; i++) {
        if (i == writer || !(followers & (UINT64_C(1) << i)))
            continue;
        slots_name(v->nodes[i].name, name);
        if (!strcmp(name, slot))
            return true;
    }
    return false;
}

static void add_step(struct slots_plan *out, enum slots_action action, int for_node,
                     const char *name)
{
    struct slots_step *s = &out->steps[out->n++];
    s->action = action;
    s->for_node = for_node;
    (void)str_copy(s->name, sizeof(s->name), name);
}

void slots_plan(const struct view *v, int writer, uint64_t followers,
                const struct observe_slots *actual, struct slots_plan *out)
{
    char name[TOPO_NAME_MAX];
    out->n = 0;
    for (int i = 0; i < v->n_nodes; i++) {
        if (i == writer || !(followers & (UINT64_C(1) << i)))
            continue;
        slots_name(v->nodes[i].name, name);
        if (!find_slot(actual, name))
            add_step(out, SLOTS_CREATE, i, name);
    }
    for (int i = 0; i < actual->n; i++) {
        const struct observe_slot *s = &actual->slots[i];
        bool ours =
            s->physical && !s->temporary && !strncmp(s->name, SLOTS_PREFIX, strlen(SLOTS_PREFIX));
        if (ours && !s->active && !is_wanted(v, writer, followers, s->name))
            add_step(out, SLOTS_DROP, -1, s->name);
    }
}
