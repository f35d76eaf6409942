#include "failover_run.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

#define BIT(i) (UINT64_C(1) << (i))

enum {
    STALLS_MAX =
        3 /* probes in a row with the same replay position: only a partial record is left */
};
#define PROMOTE_LOOK  (500 * USEC_PER_MS)
#define JOURNAL_RETRY (100 * USEC_PER_MS)

/* Where the old writer ended, asked after it was fenced and the other receivers were stopped. */
static void learn_goal(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->goal_lsn || f->pending || !failover_run_old_back(c, f->since))
        return;
    const struct observation *o = &failover_run_node(c, f->old_writer)->obs;
    f->goal_lsn = o->commit_flushes ? o->flush_lsn : o->insert_lsn;
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if ((f->stopped & BIT(i)) && failover_run_ours(c, i) &&
            view_position(c->in->view, i) > f->goal_lsn)
            f->goal_lsn = view_position(c->in->view, i);
}

/* Quorum mode: the fence of the old writer is soft, so the members are counted as in a failover, the candidate among
 * them. What a bypassing session wrote meanwhile shows in their positions. */
static bool catchup_revoked(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const uint64_t known = failover_run_known(c);
    if (!f->pending && failover_run_proven(c, known) && (known & BIT(f->candidate))) {
        failover_run_move(c, FAILOVER_PROMOTING, c->in->policy->promote_timeout,
                          "candidate has all of the old writer, a quorum is revoked");
        return true;
    }
    failover_run_ask_again(c, -1);
    return false;
}

static bool step_catchup_planned(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct view_node *n = failover_run_node(c, f->candidate);
    if (f->cancel || failover_run_late(c)) {
        failover_run_abort(c, f->cancel ? "canceled" : "the candidate did not catch up in time");
        return true;
    }
    if (failover_run_node(c, f->old_writer)->health.verdict == HEALTH_DOWN) {
        /* It died on the way: from here on this is a failover, and everybody is asked again. */
        f->kind = FAILOVER_UNPLANNED;
        failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout,
                          "the old writer went down");
        return true;
    }
    if (f->phase == 0) {
        f->goal_lsn = 0;
        failover_run_stop(c, f->candidate);
        if (!failover_run_node(c, f->old_writer)->obs.commit_flushes)
            failover_run_emit(c, FX_CHECKPOINT,
                              f->old_writer); /* What was answered before its flush gets flushed. */
        failover_run_ask(c, -1);
        f->phase = 1;
    }
    learn_goal(c);
    if (f->phase >= 2)
        return catchup_revoked(c);
    if (f->goal_lsn && n->obs.sent_at >= f->since && n->obs.replay_lsn >= f->goal_lsn &&
        failover_run_strict(c)) {
        failover_run_stop(c, -1);
        f->phase = 2;
        return false;
    }
    if (f->goal_lsn && n->obs.sent_at >= f->since && n->obs.replay_lsn >= f->goal_lsn) {
        failover_run_move(c, FAILOVER_PROMOTING, c->in->policy->promote_timeout,
                          "candidate has all of the old writer");
        return true;
    }
    failover_run_ask_again(c, -1);
    return false;
}

/* Received WAL may end in a part of a record, so that replay never reaches it: several answers in a row without any
 * progress end the wait. pg_promote replays what is left in any case. */
static bool replayed_all(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct observation *o = &failover_run_node(c, f->candidate)->obs;
    if (o->sent_at < f->since)
        return false;
    if (o->replay_lsn >= o->receive_lsn)
        return true;
    if (o->sent_at != f->seen_at) {
        f->stalls = f->seen_at && o->replay_lsn == f->seen_replay ? f->stalls + 1 : 0;
        f->seen_at = o->sent_at;
        f->seen_replay = o->replay_lsn;
    }
    return f->stalls >= STALLS_MAX;
}

bool failover_promote_catchup(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (failover_run_adopt(c, "an earlier promotion succeeded"))
        return true;
    if (!failover_run_ready(c, f->candidate) &&
        failover_run_node(c, f->candidate)->health.verdict != HEALTH_SUSPECT) {
        failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout,
                          "the candidate is gone");
        return true;
    }
    if (f->kind == FAILOVER_SWITCHOVER)
        return step_catchup_planned(c);
    if (f->cancel) {
        failover_run_abort(c, "canceled");
        return true;
    }
    f->goal_lsn = view_position(c->in->view, f->candidate);
    if (replayed_all(c) || failover_run_late(c)) {
        failover_run_move(c, FAILOVER_PROMOTING, c->in->policy->promote_timeout,
                          failover_run_late(c) ? "replay not finished, promotion will finish it"
                                               : "received WAL is replayed");
        return true;
    }
    failover_run_ask_again(c, f->candidate);
    return false;
}

static void send_promote(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    /* The order that the whole design rests on: journal, barrier, then promote. */
    BUG_ON(!(f->journaled & BIT(FAILOVER_HOLDING)) || !(f->journaled & BIT(FAILOVER_PROMOTING)));
    BUG_ON(f->drained_epoch < f->hold_epoch);
    BUG_ON(c->in->topology->writer != TOPO_NO_WRITER);
    BUG_ON(failover_run_strict(c) && !quorum_revoked(&f->memory.quorum, c->in->view, f->revoked));
    f->candidate_lsn = view_position(c->in->view, f->candidate);
    f->attempted |= BIT(f->candidate);
    failover_run_emit(c, FX_PROMOTE, f->candidate);
}

/* The cohort of the candidate: replicas that are there and can follow it. */
static void make_plan(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct view *v = c->in->view;
    uint64_t ready = 0;
    for (int i = 0; i < v->n_nodes; i++)
        if (failover_run_ready(c, i) && view_position(v, i) <= view_position(v, f->candidate))
            ready |= BIT(i);
    quorum_after(v, &c->in->policy->quorum, f->candidate, ready & ~BIT(f->candidate),
                 &f->memory.plan);
    f->memory.plan.secret = c->in->random;
}

bool failover_promote_promoting(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const bool quorum = c->in->policy->quorum.k > 0;
    if (f->phase == 0 && c->in->policy->has_veto && !f->vetted) {
        failover_run_hook(c, FX_VETO, f->candidate);
        f->vetted = true;
    }
    if (f->hook_failed || f->hook_pending) {
        if (!f->hook_failed && !f->cancel)
            return false; /* the command has its own deadline */
        failover_run_abort(c, f->cancel ? "canceled" : "pre_promote_command refused");
        return true;
    }
    if (f->phase == 0) {
        if (quorum)
            make_plan(c);
        (void)str_copy(f->memory.target, sizeof(f->memory.target),
                       failover_run_node(c, f->candidate)->name);
        failover_run_journal(c, FAILOVER_PROMOTING);
        f->phase = 1;
    }
    if (f->phase == 1) {
        if (f->journal_failed || f->cancel) {
            f->memory.target[0] = '\0';
            failover_run_abort(c, f->cancel ? "canceled" : "the journal cannot be written");
            return true;
        }
        if (f->journaling)
            return false;
        if (failover_run_adopt(c, "an earlier promotion succeeded"))
            return true;
        if (quorum) {
            f->pending = BIT(f->candidate);
            failover_run_emit(c, FX_SET_SYNC, f->candidate);
        }
        f->phase = 2;
    }
    if (f->phase == 2 && !f->pending) {
        send_promote(c);
        f->phase = 3;
    }
    if (failover_run_adopt(c, "promotion seen"))
        return true;
    /* A failed call may still have signaled the server: look for some time before another one is chosen. */
    if (f->promote_failed && !f->failed_at)
        f->failed_at = c->in->now;
    if (failover_run_late(c) || (f->failed_at && c->in->now - f->failed_at > PROMOTE_LOOK)) {
        f->excluded |= BIT(f->candidate);
        failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout, "promotion failed");
        return true;
    }
    failover_run_ask_again(c, f->candidate);
    return false;
}

void failover_promote_announce(const struct failover_ctx *c, int node)
{
    struct failover_effect *e = failover_run_emit(c, FX_ANNOUNCE, node);
    e->epoch = c->f->announce_epoch;
    e = failover_run_emit(c, FX_DRAIN, -1);
    e->epoch = c->f->announce_epoch;
}

static void report_loss(const struct failover_ctx *c)
{
    const struct failover *f = c->f;
    struct failover_effect *e = failover_run_emit(c, FX_REPORT_LOSS, f->candidate);
    e->lsn_from = f->candidate_lsn;
    e->lsn_to = f->old_lsn > f->candidate_lsn ? f->old_lsn : f->candidate_lsn;
    e->lost_bytes = e->lsn_to - e->lsn_from;
}

bool failover_promote_announcing(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct view_node *n = failover_run_node(c, f->candidate);
    /* There is no way back behind a promotion: the journal is tried until it can be written. */
    if (f->phase == 0 ||
        (f->phase == 1 && f->journal_failed && c->in->now - f->asked_at >= JOURNAL_RETRY)) {
        f->announce_epoch = failover_run_next_epoch(c);
        f->memory.epoch = f->announce_epoch;
        f->memory.timeline = n->timeline;
        f->memory.writer_lsn = view_position(c->in->view, f->candidate);
        f->memory.system_identifier = n->obs.system_identifier;
        if (!strcmp(f->memory.target, n->name))
            f->memory.quorum = f->memory.plan;
        else if (f->phase == 0)
            f->memory.quorum.n = 0;
        f->memory.plan.n = 0;
        f->memory.writer_start = n->obs.postmaster_start;
        (void)str_copy(f->memory.writer, sizeof(f->memory.writer), n->name);
        f->memory.target[0] = '\0';
        if (n->obs.read_only)
            (void)str_copy(f->memory.fenced, sizeof(f->memory.fenced), n->name);
        failover_run_journal(c, FAILOVER_ANNOUNCING);
        f->asked_at = c->in->now;
        f->phase = 1;
    }
    if (f->phase == 1) {
        if (f->journaling || f->journal_failed)
            return false;
        f->deadline = c->in->now + c->in->policy->hold_timeout;
        if (n->obs.read_only)
            failover_run_emit(c, FX_UNFENCE_NEW, f->candidate);
        failover_promote_announce(c, f->candidate);
        report_loss(c);
        failover_run_emit(c, FX_CHECKPOINT, f->candidate);
        f->phase = 2;
    }
    if (f->drained_epoch < f->announce_epoch && !f->drain_failed && !failover_run_late(c))
        return false;
    failover_run_move(c, FAILOVER_REPOINTING, c->in->policy->repoint_timeout,
                      "the new writer is announced");
    return true;
}
