#include "pipeline.h"

#include "../../replication/base/bug.h"

static struct pl_entry *at(const struct pipeline *p, uint32_t i)
{
    return &p->ring[(p->head + i) & (p->cap - 1)];
}

static bool ends_turn(uint8_t kind)
{
    return kind == PL_QUERY || kind == PL_HIDDEN_QUERY || kind == PL_SYNC || kind == PL_SYNC_HIDDEN;
}

void pipeline_init(struct pipeline *p, struct pl_entry *ring, uint32_t cap)
{
    BUG_ON(cap == 0 || (cap & (cap - 1)) != 0);
    *p = (struct pipeline){.ring = ring, .cap = cap};
}

struct pl_entry *pipeline_move(struct pipeline *p, struct pl_entry *ring, uint32_t cap)
{
    BUG_ON(cap < p->n || (cap & (cap - 1)) != 0);
    struct pl_entry *old = p->ring;
    for (uint32_t i = 0; i < p->n; i++)
        ring[i] = *at(p, i);
    p->ring = ring;
    p->cap = cap;
    p->head = 0;
    return old;
}

void pipeline_push(struct pipeline *p, enum pl_kind kind, uint64_t ref, uint32_t tag)
{
    BUG_ON(pipeline_full(p));
    *at(p, p->n) = (struct pl_entry){.ref = ref, .tag = tag, .kind = (uint8_t)kind};
    p->n++;
    if (ends_turn((uint8_t)kind))
        p->turns++;
}

static void pop(struct pipeline *p, struct pl_entry *out)
{
    BUG_ON(p->n == 0);
    *out = *at(p, 0);
    out->fate = PL_DONE;
    if (ends_turn(out->kind))
        p->turns--;
    p->head = (p->head + 1) & (p->cap - 1);
    p->n--;
}

const struct pl_entry *pipeline_head(const struct pipeline *p)
{
    return p->n > 0 ? at(p, 0) : NULL;
}

bool pipeline_hidden(const struct pipeline *p)
{
    const uint8_t kind = p->n > 0 ? at(p, 0)->kind : PL_NONE;
    return kind == PL_HIDDEN_QUERY || kind == PL_PARSE_HIDDEN || kind == PL_PARSE_QUIET ||
           kind == PL_DESCRIBE_HIDDEN || kind == PL_CLOSE_HIDDEN || kind == PL_SYNC_HIDDEN ||
           kind == PL_BIND_HIDDEN || kind == PL_EXECUTE_HIDDEN;
}

bool pipeline_take_fake(struct pipeline *p, struct pl_entry *out)
{
    if (p->n == 0)
        return false;
    const uint8_t kind = at(p, 0)->kind;
    if (p->skipping || kind != PL_CLOSE_FAKE)
        return false;
    pop(p, out);
    return true;
}

/* While the server copies in, it ignores Sync, so those sent right behind the COPY will never be answered. Whatever else
 * is behind ends the COPY with an error; the Sync behind that counts again. */
static void drop_ignored_syncs(struct pipeline *p)
{
    const struct pl_entry head = *at(p, 0);
    while (p->n > 1 && at(p, 1)->kind == PL_SYNC) {
        p->head = (p->head + 1) & (p->cap - 1);
        *at(p, 0) = head;
        p->n--;
        p->turns--;
    }
}

static bool is_sync(uint8_t kind)
{
    return kind == PL_SYNC || kind == PL_SYNC_HIDDEN;
}

static enum pl_verdict reply_extended(struct pipeline *p, uint8_t type, uint8_t head,
                                      struct pl_entry *done)
{
    switch (type) {
    case '1':
        if (head != PL_PARSE && head != PL_PARSE_HIDDEN && head != PL_PARSE_QUIET)
            return PL_BROKEN;
        pop(p, done);
        return head == PL_PARSE ? PL_FORWARD : PL_SWALLOW;
    case '2':
        if (head != PL_BIND && head != PL_BIND_HIDDEN)
            return PL_BROKEN;
        pop(p, done);
        return done->kind == PL_BIND_HIDDEN ? PL_SWALLOW : PL_FORWARD;
    case '3':
        if (head != PL_CLOSE && head != PL_CLOSE_HIDDEN)
            return PL_BROKEN;
        pop(p, done);
        return done->kind == PL_CLOSE_HIDDEN ? PL_SWALLOW : PL_FORWARD;
    case 't':
        if (head == PL_DESCRIBE_HIDDEN)
            return PL_SWALLOW;
        return head == PL_DESCRIBE || head == PL_DESCRIBE_PARAMS ? PL_FORWARD : PL_BROKEN;
    case 'T':
    case 'n':
        if (head != PL_DESCRIBE && head != PL_DESCRIBE_PARAMS && head != PL_DESCRIBE_HIDDEN)
            return PL_BROKEN;
        pop(p, done);
        return head == PL_DESCRIBE ? PL_FORWARD : PL_SWALLOW;
    case 'C':
    case 'I':
    case 's':
        if (head != PL_EXECUTE && head != PL_EXECUTE_HIDDEN)
            return PL_BROKEN;
        pop(p, done);
        return head == PL_EXECUTE ? PL_FORWARD : PL_SWALLOW;
    case 'G':
    case 'W':
        if (head != PL_EXECUTE)
            return PL_BROKEN;
        drop_ignored_syncs(p);
        return PL_FORWARD;
    case 'D':
        if (head == PL_EXECUTE_HIDDEN)
            return PL_SWALLOW;
        return head == PL_EXECUTE ? PL_FORWARD : PL_BROKEN;
    case 'H':
    case 'd':
    case 'c':
        return head == PL_EXECUTE ? PL_FORWARD : PL_BROKEN;
    default:
        return PL_BROKEN;
    }
}

enum pl_verdict pipeline_reply(struct pipeline *p, uint8_t type, struct pl_entry *done)
{
    done->kind = PL_NONE;
    if (p->n == 0)
        return PL_BROKEN;
    const uint8_t head = at(p, 0)->kind;
    if (p->skipping && (type != 'Z' || !is_sync(head)))
        return PL_BROKEN;
    if (type == 'Z') {
        if (!ends_turn(head))
            return PL_BROKEN;
        pop(p, done);
        p->skipping = false;
        return head == PL_HIDDEN_QUERY || head == PL_SYNC_HIDDEN ? PL_SWALLOW : PL_FORWARD;
    }
    if (head == PL_QUERY) {
        if (type == 'G')
            drop_ignored_syncs(p);
        return PL_FORWARD;
    }
    if (head == PL_HIDDEN_QUERY)
        return PL_SWALLOW;
    return reply_extended(p, type, head, done);
}

enum pl_verdict pipeline_error(struct pipeline *p)
{
    if (p->n > 0 && at(p, 0)->kind == PL_HIDDEN_QUERY)
        return PL_SWALLOW;
    if (p->n > 0 && at(p, 0)->kind == PL_PARSE_QUIET) { /* nothing is behind it that is skipped */
        p->failing = true;
        return PL_SWALLOW;
    }
    if (p->n > 0 && !ends_turn(at(p, 0)->kind))
        p->skipping = p->failing = true;
    return PL_FORWARD;
}

bool pipeline_take_skipped(struct pipeline *p, struct pl_entry *out)
{
    if (p->n == 0 || is_sync(at(p, 0)->kind) ||
        (!p->skipping && !(p->failing && at(p, 0)->kind == PL_PARSE_QUIET)))
        return false;
    pop(p, out);
    out->fate = p->failing ? PL_FAILED : PL_SKIPPED;
    p->failing = false;
    return true;
}

bool pipeline_take_any(struct pipeline *p, struct pl_entry *out)
{
    p->skipping = p->failing = false;
    if (p->n == 0)
        return false;
    pop(p, out);
    out->fate = PL_SKIPPED;
    return true;
}
