/* What a server owes, and what the end of each request means for the statements that it and its client know. */
#include <stdlib.h>

#include "../replication/base/bug.h"
#include "client.h"
#include "server.h"

bool server_expect(struct server *s, enum pl_kind kind, uint64_t ref, uint32_t tag)
{
    if (pipeline_full(&s->pl)) {
        const uint32_t cap = s->pl.cap * 2;
        struct pl_entry *ring = cap <= PL_MAX ? malloc(cap * sizeof(*ring)) : NULL;
        if (!ring)
            return false;
        struct pl_entry *old = pipeline_move(&s->pl, ring, cap);
        if (old != s->pl_inline)
            free(old);
    }
    if (kind == PL_HIDDEN_QUERY && tag != TAG_XID) /* any Query ends the unnamed statement */
        s->unnamed = s->unnamed_done = 0;
    pipeline_push(&s->pl, kind, ref, tag);
    return true;
}

/* The session has it now, whatever becomes of requests behind this one. */
static void settle_unnamed(struct server *s, struct pstmt *p)
{
    s->unnamed_done = p ? p->id : 0;
    if (!s->client)
        return;
    pstmt_unref(s->client->unnamed_done);
    s->client->unnamed_done = p ? pstmt_ref(p) : NULL;
}

static void on_unnamed(struct server *s, const struct pl_entry *e)
{
    struct pstmt *p = (struct pstmt *)(uintptr_t)e->ref;
    if (e->tag == TAG_UNNAMED_OURS && e->fate != PL_SKIPPED)
        s->unnamed_done = e->fate == PL_DONE && p ? p->id : 0;
    else if (e->fate != PL_SKIPPED) /* one that failed has ended the older one all the same */
        settle_unnamed(s, e->fate == PL_DONE ? p : NULL);
    pstmt_unref(p);
}

static void on_name(struct server *s, const struct pl_entry *e)
{
    struct named *n = (struct named *)(uintptr_t)e->ref;
    const bool done = e->fate == PL_DONE;
    if ((e->tag == TAG_PARSED || e->tag == TAG_MADE) && !done)
        sstmt_forget(&s->prepared, n->making);
    if (e->tag == TAG_PARSED && !done) {
        n->failed = true;
        if (s->client)
            named_remove(&s->client->named, n);
    }
    if (e->tag == TAG_CLOSED && !done && !n->failed && s->client)
        named_restore(&s->client->named, n);
    if (e->tag == TAG_DESCRIBED && s->client)
        s->client->awaiting = false;
    named_unref(n);
}

void server_entry_done(struct server *s, const struct pl_entry *e)
{
    switch ((enum entry_tag)e->tag) {
    case TAG_UNNAMED:
    case TAG_UNNAMED_OURS:
        on_unnamed(s, e);
        return;
    case TAG_QUERY:
        if (e->fate != PL_SKIPPED)
            settle_unnamed(s, NULL);
        return;
    case TAG_PARSED:
    case TAG_MADE:
    case TAG_DESCRIBED:
    case TAG_USED:
    case TAG_CLOSED:
        on_name(s, e);
        return;
    case TAG_GIVEN:
        if (e->fate != PL_DONE || s->hidden_failed)
            session_name_refused(s, (struct named *)(uintptr_t)e->ref);
        named_unref((struct named *)(uintptr_t)e->ref);
        return;
    case TAG_EVICTED:
        if (e->fate == PL_DONE)
            free((struct sstmt *)(uintptr_t)e->ref);
        else
            sstmt_put_back(&s->prepared, (struct sstmt *)(uintptr_t)e->ref);
        return;
    case TAG_NONE:
    case TAG_FAILS:
    case TAG_CHANGED:
    case TAG_REFUSED:
    case TAG_XID:
    default:
        return;
    }
}

void server_drop_expectations(struct server *s)
{
    struct pl_entry e = s->describing;
    s->describing.kind = PL_NONE;
    if (e.kind != PL_NONE) {
        e.fate = PL_SKIPPED;
        server_entry_done(s, &e);
    }
    while (pipeline_take_any(&s->pl, &e))
        server_entry_done(s, &e);
}

/* What the server has now is what n means; or the same as something that it has had for longer, and then that one is used
 * from now on. */
static void adopt(struct server *s, struct named *n, struct sstmt *made, uint64_t sid)
{
    struct sstmt *older = sid == n->making ? NULL : sstmt_find(&s->prepared, sid);
    n->sid = sid;
    if (older && made)
        sstmt_age(&s->prepared, made);
    else if (made && sid != n->making)
        sstmt_rename(&s->prepared, made, sid);
}

bool server_described(struct server *s)
{
    struct pl_entry e = s->describing;
    struct named *n = (struct named *)(uintptr_t)e.ref;
    struct sstmt *made = sstmt_find(&s->prepared, n->making);
    const uint64_t sig = signature_value(&s->sig);
    /* What an EXECUTE returns is told by a statement that may be there or not; PostgreSQL does not compare it. */
    const bool same = n->sig == sig || (n->stmt->cls.touches & TOUCH_EXECUTE);
    const bool changed = n->sig != 0 && !same;
    s->describing.kind = PL_NONE;
    if (n->sig == 0) {
        n->sig = sig;
        adopt(s, n, made, n->own ? n->sid : signature_mix(n->stmt->id, n->settings, sig));
    } else if (same) {
        adopt(s, n, made, n->sid);
    } else {
        n->changed = true;
        if (made)
            sstmt_age(&s->prepared, made);
    }
    server_entry_done(s, &e);
    return changed;
}

void server_settle(struct server *s)
{
    s->unnamed = s->unnamed_done;
}
