#include "failover_run.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

#define BIT(i) (UINT64_C(1) << (i))

static void point_at(const struct failover_ctx *c, uint64_t nodes, int to)
{
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        if (!(nodes & BIT(i)) || i == to)
            continue;
        struct failover_effect *e = failover_run_emit(c, FX_CREATE_SLOT, i);
        e->to = to;
        c->f->pending |= BIT(i);
    }
}

/* Slots that are made let their follower go; true when nobody is awaited any more. */
static bool pointed(const struct failover_ctx *c, int to)
{
    struct failover *f = c->f;
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        if (!(f->pending & f->slots_made & ~f->repoint_sent & BIT(i)))
            continue;
        struct failover_effect *e = failover_run_emit(c, FX_REPOINT, i);
        e->to = to;
        f->repoint_sent |= BIT(i);
    }
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if (failover_run_node(c, i)->health.verdict == HEALTH_DOWN)
            f->pending &= ~BIT(i);
    return f->pending == 0 || failover_run_late(c);
}

static bool finish(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    struct failover_effect *e = failover_run_emit(
        c, FX_NOTIFY, f->result == FAILOVER_PROMOTED ? f->candidate : f->old_writer);
    e->result = f->result;
    failover_run_move(c, FAILOVER_STEADY, 0, failover_result_name(f->result));
    f->kind = FAILOVER_KIND_NONE;
    return false;
}

bool failover_end_repointing(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->phase == 0) {
        uint64_t nodes = 0;
        for (int i = 0; i < c->in->view->n_nodes; i++) {
            /* Who has more than the new writer started from has forked off: pointing it there would not help. */
            bool forked = view_position(c->in->view, i) > f->candidate_lsn &&
                          !failover_run_node(c, i)->obs.streaming;
            if (i != f->candidate && failover_run_ready(c, i) && !forked)
                nodes |= BIT(i);
        }
        point_at(c, nodes, f->candidate);
        f->result = FAILOVER_PROMOTED;
        f->phase = 1;
    }
    if (f->phase == 1) {
        if (!pointed(c, f->candidate))
            return false;
        failover_run_journal(c, 0);
        f->deadline = c->in->now + c->in->policy->hold_timeout;
        f->phase = 2;
    }
    if (f->journaling && !failover_run_late(c))
        return false;
    return finish(c);
}

bool failover_end_waiting(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (failover_run_adopt(c, "an earlier promotion succeeded"))
        return true;
    if (f->cancel || failover_run_late(c)) {
        failover_run_abort(c, f->cancel ? "canceled" : "no candidate in time");
        return true;
    }
    if (failover_run_old_back(c, f->since)) {
        failover_run_abort(c, "the old writer answers again");
        return true;
    }
    if (failover_run_strict(c)) {
        const struct view *v = c->in->view;
        if (!quorum_revoked(&f->memory.quorum, v, view_ready(v, f->old_writer)) ||
            failover_run_rank(c) < 0 || c->in->now - f->since < FAILOVER_RUN_ASK_WAITING) {
            failover_run_ask_again(c, -1);
            return false;
        }
        failover_run_move(c, FAILOVER_REVOKING, c->in->policy->revoke_timeout,
                          "enough members answer");
        return true;
    }
    if (failover_run_rank(c) < 0) {
        failover_run_ask_again(c, -1);
        return false;
    }
    failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout, "a candidate appeared");
    return true;
}

static void unfence(const struct failover_ctx *c)
{
    struct failover_effect *e = failover_run_emit(c, FX_UNFENCE, c->f->old_writer);
    usec_t soon = c->in->now + c->in->policy->revoke_timeout;
    if (soon < e->deadline)
        e->deadline = soon; /* Clients wait: a lost answer must not cost the whole state's time. */
    c->f->fence_pending = true;
    c->f->fence_failed = false;
    c->f->asked_at = c->in->now;
}

/* Back to the old writer if it is there; else the run ends without a writer and decide() goes on from the view. A node
 * that was told to promote and may still do so stays in memory as the target. */
bool failover_end_aborting(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->phase == 0) {
        bool keep = failover_run_old_fits(c) && failover_run_promoted(c) < 0;
        f->result = keep ? FAILOVER_KEPT : FAILOVER_GAVE_UP;
        if (keep) {
            f->announce_epoch = failover_run_next_epoch(c);
            f->memory.epoch = f->announce_epoch;
            f->memory.target[0] = '\0';
        }
        failover_run_journal(c, f->attempted && !keep ? FAILOVER_PROMOTING
                                : keep                ? FAILOVER_ABORTING
                                                      : 0);
        f->phase = keep ? 1 : 4;
    }
    if (f->phase == 1) {
        if (f->journaling && !failover_run_late(c))
            return false;
        if (f->journaling || f->journal_failed) {
            f->result = FAILOVER_GAVE_UP;
            return finish(c);
        }
        if (f->fenced)
            unfence(c);
        f->phase = 2;
    }
    if (f->phase == 2) {
        if (f->fence_failed && !failover_run_late(c) &&
            c->in->now - f->asked_at >= FAILOVER_RUN_ASK_WAITING)
            unfence(c);
        if (f->fence_pending && !failover_run_late(c))
            return false;
        if (f->fenced && !f->fence_pending)
            f->memory.fenced[0] = '\0';
        failover_promote_announce(c, f->old_writer);
        point_at(c, f->stopped, f->old_writer);
        f->deadline = c->in->now + c->in->policy->repoint_timeout;
        f->phase = 3;
    }
    if (f->phase == 3) {
        if (!pointed(c, f->old_writer))
            return false;
        failover_run_journal(c, 0);
        f->deadline = c->in->now + c->in->policy->hold_timeout;
        f->phase = 4;
    }
    if (f->journaling && !failover_run_late(c))
        return false;
    return finish(c);
}
