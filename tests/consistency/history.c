#include "history.h"

#include <stdlib.h>
#include <string.h>

bool history_add(struct history *h, const struct op *op)
{
    if (h->n == h->room) {
        const size_t room = h->room ? 2 * h->room : 4096;
        struct op *ops = realloc(h->ops, room * sizeof(*ops));
        if (!ops)
            return false;
        h->ops = ops;
        h->room = room;
    }
    h->ops[h->n++] = *op;
    return true;
}

/* The writes of a register, in the order of their values, which is also that of their times. */
struct reg_writes {
    const struct op **ops;
    size_t n, room;
};

static void collect(const struct history *h, size_t n, struct reg_writes *regs)
{
    for (size_t c = 0; c < n; c++)
        for (size_t i = 0; i < h[c].n; i++) {
            const struct op *op = &h[c].ops[i];
            if (op->kind != OP_WRITE)
                continue;
            struct reg_writes *r = &regs[op->reg];
            if (r->n == r->room) {
                r->room = r->room ? 2 * r->room : 1024;
                r->ops = realloc(r->ops, r->room * sizeof(*r->ops));
                if (!r->ops)
                    abort();
            }
            r->ops[r->n++] = op;
        }
}

/* The newest write that was confirmed at or before `when`, or NULL. A later write's confirmation is never earlier, but
 * writes that failed or are unknown lie between. */
static const struct op *confirmed(const struct reg_writes *r, int64_t when)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (r->ops[mid]->to <= when)
            low = mid + 1;
        else
            high = mid;
    }
    while (low > 0 && r->ops[low - 1]->outcome != OP_OK)
        low--;
    return low > 0 ? r->ops[low - 1] : NULL;
}

/* Had somebody begun to write this value when the read ended? */
static bool known_value(const struct reg_writes *r, const struct op *read)
{
    size_t low = 0, high = r->n;
    if (read->value == 0)
        return true;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (r->ops[mid]->value < read->value)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->n && r->ops[low]->value == read->value && r->ops[low]->from <= read->to &&
           r->ops[low]->outcome != OP_FAILED;
}

static void example(struct verdict *v, const struct op *op)
{
    if (v->n_examples < HISTORY_EXAMPLES)
        v->examples[v->n_examples++] = *op;
}

struct memory { /* of one session */
    uint64_t written[HISTORY_REGISTERS_MAX], read[HISTORY_REGISTERS_MAX];
};

struct history_rules {
    int64_t allow;
    unsigned which;
};

static void check_read(struct verdict *v, const struct op *op, struct memory *m,
                       const struct reg_writes *r, const struct history_rules *rules)
{
    unsigned bad = 0;
    v->reads++;
    if (op->value < m->written[op->reg]) {
        v->own++;
        bad |= CHECK_OWN;
    }
    if (op->value < m->read[op->reg]) {
        v->back++;
        bad |= CHECK_BACK;
    }
    const struct op *w = confirmed(r, op->from - rules->allow);
    if (w && op->value < w->value) {
        v->stale++;
        bad |= CHECK_STALE;
    }
    w = confirmed(r, op->from);
    if (w && op->value < w->value && op->from - w->to > v->stalest)
        v->stalest = op->from - w->to;
    if (!known_value(r, op))
        v->alien++;
    if (bad & rules->which)
        example(v, op);
    if (op->value > m->read[op->reg])
        m->read[op->reg] = op->value;
}

static void check_client(struct verdict *v, const struct history *h, const struct reg_writes *regs,
                         const struct history_rules *rules)
{
    struct memory m;
    memset(&m, 0, sizeof(m));
    for (size_t i = 0; i < h->n; i++) {
        const struct op *op = &h->ops[i];
        if (i > 0 && op->session != h->ops[i - 1].session)
            memset(&m, 0, sizeof(m));
        if (op->kind == OP_READ && op->outcome == OP_OK)
            check_read(v, op, &m, &regs[op->reg], rules);
        if (op->kind == OP_WRITE)
            v->writes++;
        if (op->kind == OP_WRITE && op->outcome == OP_OK)
            m.written[op->reg] = op->value;
    }
}

struct verdict history_check(const struct history *h, size_t n, int64_t allow, unsigned which)
{
    struct verdict v = {0};
    const struct history_rules rules = {.allow = allow, .which = which};
    struct reg_writes *regs = calloc(HISTORY_REGISTERS_MAX, sizeof(*regs));
    if (!regs)
        abort();
    collect(h, n, regs);
    for (size_t c = 0; c < n; c++)
        check_client(&v, &h[c], regs, &rules);
    for (size_t i = 0; i < HISTORY_REGISTERS_MAX; i++)
        free(regs[i].ops);
    free(regs);
    return v;
}
