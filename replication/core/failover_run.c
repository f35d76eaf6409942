#include "failover_run.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

#define BIT(i) (UINT64_C(1) << (i))

enum {
    MOVES_IN_A_STEP = FAILOVER_STATE_NR, /* a step walks forward only: more is a loop */
    STALLS_MAX =
        3, /* probes in a row with the same replay position: only a partial record is left */
};
#define PROMOTE_LOOK  (500 * USEC_PER_MS)
#define JOURNAL_RETRY (100 * USEC_PER_MS)

static const struct view_node *node_of(const struct failover_ctx *c, int i)
{
    return &c->in->view->nodes[i];
}

static struct failover_effect *emit(const struct failover_ctx *c, enum failover_effect_kind kind,
                                    int node)
{
    BUG_ON(c->fx->n == FAILOVER_EFFECTS_MAX);
    struct failover_effect *e = &c->fx->e[c->fx->n++];
    *e = (struct failover_effect){.kind = kind, .node = node, .to = -1, .deadline = c->f->deadline};
    return e;
}

void failover_run_move(const struct failover_ctx *c, enum failover_state to, usec_t timeout,
                       const char *reason)
{
    struct failover *f = c->f;
    if (f->n_moves == FAILOVER_MOVES_MAX) {
        memmove(&f->moves[0], &f->moves[1], sizeof(f->moves[0]) * (FAILOVER_MOVES_MAX - 1));
        f->n_moves--;
    }
    struct failover_move *m = &f->moves[f->n_moves++];
    *m = (struct failover_move){.at = c->in->now, .from = failover_state_of(f), .to = to};
    (void)str_copy(m->reason, sizeof(m->reason), reason);
    f->phase = 0;
    f->pending = f->slots_made = f->repoint_sent = 0;
    f->fence_pending = f->fence_failed = f->drain_failed = f->promote_failed = false;
    f->journaling = f->journal_failed = false;
    f->asked_at = 0;
    f->seen_at = f->failed_at = 0;
    f->stalls = 0;
    f->since = c->in->now;
    f->deadline = c->in->now + timeout;
    sm_move(&f->sm, (int)to, reason);
}

static void abort_run(const struct failover_ctx *c, const char *reason)
{
    failover_run_move(c, FAILOVER_ABORTING, c->in->policy->repoint_timeout, reason);
}

/* Writes memory with this step; the state goes on when the answer is there. */
static void journal(const struct failover_ctx *c, int step)
{
    struct failover *f = c->f;
    f->journal_step = step;
    f->journaling = true;
    f->journal_failed = false;
    f->journaled &= ~BIT(step);
    f->memory.step = step;
    f->memory.kind = step ? (int)f->kind : 0;
    emit(c, FX_JOURNAL, -1);
}

static bool late(const struct failover_ctx *c)
{
    return c->in->now >= c->f->deadline;
}

static void ask(const struct failover_ctx *c, int node)
{
    emit(c, FX_PROBE, node);
    c->f->asked_at = c->in->now;
}

static void ask_again(const struct failover_ctx *c, int node)
{
    bool waiting = failover_state_of(c->f) == FAILOVER_WAITING;
    usec_t pause = waiting ? FAILOVER_RUN_ASK_WAITING : FAILOVER_RUN_ASK_AGAIN;
    if (c->in->now - c->f->asked_at >= pause)
        ask(c, node);
}

uint64_t failover_run_next_epoch(const struct failover_ctx *c)
{
    uint64_t a = c->in->topology->epoch, b = c->f->memory.epoch;
    return (a > b ? a : b) + 1;
}

static bool ours(const struct failover_ctx *c, int i)
{
    const struct view_node *n = node_of(c, i);
    uint64_t id = c->f->memory.system_identifier;
    return n->seen && (!id || n->obs.system_identifier == id);
}

static bool ready_replica(const struct failover_ctx *c, int i)
{
    const struct view_node *n = node_of(c, i);
    return ours(c, i) && n->health.verdict == HEALTH_OK && n->obs.role == ROLE_REPLICA;
}

/* The old writer serves as before: asked again since `after` it said so. */
static bool old_writer_back(const struct failover_ctx *c, usec_t after)
{
    const struct failover *f = c->f;
    if (f->old_writer < 0)
        return false;
    const struct view_node *n = node_of(c, f->old_writer);
    return ours(c, f->old_writer) && n->health.verdict == HEALTH_OK &&
           n->obs.role == ROLE_PRIMARY && n->timeline == f->old_timeline && n->obs.sent_at >= after;
}

static bool old_writer_fits(const struct failover_ctx *c)
{
    return old_writer_back(c, 0);
}

static void learn_old_lsn(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->old_writer < 0 || !ours(c, f->old_writer) ||
        node_of(c, f->old_writer)->obs.role != ROLE_PRIMARY)
        return;
    lsn_t at = view_position(c->in->view, f->old_writer);
    if (node_of(c, f->old_writer)->timeline == f->old_timeline && at > f->old_lsn)
        f->old_lsn = at;
}

/* A node that we told to promote, and that did (perhaps long after we gave up on it). */
static int promoted_node(const struct failover_ctx *c)
{
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        const struct view_node *n = node_of(c, i);
        if ((c->f->attempted & BIT(i)) && ours(c, i) && n->health.verdict == HEALTH_OK &&
            n->obs.role == ROLE_PRIMARY && n->timeline > c->f->old_timeline)
            return i;
    }
    return -1;
}

static bool adopt_promoted(const struct failover_ctx *c, const char *reason)
{
    int i = promoted_node(c);
    if (i < 0)
        return false;
    c->f->candidate = i;
    failover_run_move(c, FAILOVER_ANNOUNCING, c->in->policy->hold_timeout, reason);
    return true;
}

static bool step_holding(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct failover_policy *p = c->in->policy;
    usec_t grace = f->kind == FAILOVER_SWITCHOVER ? p->drain_timeout : 0;
    if (f->cancel) {
        abort_run(c, "canceled");
        return true;
    }
    if (f->kind == FAILOVER_UNPLANNED && !f->accept_loss && old_writer_back(c, f->since + 1)) {
        abort_run(c, "the writer answers again");
        return true;
    }
    if (f->phase == 0) {
        /* Written before it is done: a fence that nobody remembers would never be taken off. */
        if (f->old_writer >= 0)
            (void)str_copy(f->memory.fenced, sizeof(f->memory.fenced),
                           node_of(c, f->old_writer)->name);
        journal(c, FAILOVER_HOLDING);
        f->phase = 1;
    }
    if (f->journal_failed || late(c) || f->drain_failed) {
        abort_run(c, f->journal_failed ? "the journal cannot be written"
                                       : "the workers did not drain in time");
        return true;
    }
    if (f->phase == 1 && !f->journaling) {
        struct failover_effect *e = emit(c, FX_HOLD, -1);
        e->epoch = f->hold_epoch;
        e->grace = grace;
        e = emit(c, FX_DRAIN, -1);
        e->epoch = f->hold_epoch;
        e->grace = grace;
        f->phase = 2;
    }
    if (f->phase < 2 || f->drained_epoch < f->hold_epoch)
        return false;
    failover_run_move(c, FAILOVER_REVOKING, p->revoke_timeout, "all workers drained");
    return true;
}

static void stop_receivers(const struct failover_ctx *c, int but)
{
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        if (i == but || i == c->f->old_writer || !ready_replica(c, i))
            continue;
        emit(c, FX_STOP_RECEIVER, i);
        c->f->pending |= BIT(i);
        c->f->stopped |= BIT(i);
    }
}

/* Asynchronous mode: an old writer that answers is asked to fence itself, and in a failover no replica shall go on to
 * hear it. Quorum mode will count here. */
static bool step_revoking(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->cancel) {
        abort_run(c, "canceled");
        return true;
    }
    if (f->phase == 0) {
        if (old_writer_fits(c)) {
            emit(c, FX_FENCE, f->old_writer);
            f->fence_pending = f->fenced = true;
        }
        if (f->kind == FAILOVER_UNPLANNED)
            stop_receivers(c, -1);
        f->phase = 1;
    }
    if (f->kind == FAILOVER_SWITCHOVER && (f->fence_failed || (f->fence_pending && late(c)))) {
        abort_run(c, "the old writer could not be fenced");
        return true;
    }
    if ((f->pending || f->fence_pending) && !late(c))
        return false;
    failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout,
                      f->pending ? "some receivers not stopped" : "revoked");
    return true;
}

static bool all_replicas_asked_since(const struct failover_ctx *c, usec_t since)
{
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if (ready_replica(c, i) && node_of(c, i)->obs.sent_at < since)
            return false;
    return true;
}

int failover_run_rank(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    learn_old_lsn(c);
    struct candidate_rules r = {
        .system_identifier = f->memory.system_identifier,
        .timeline = f->old_timeline,
        .writer_lsn = f->old_lsn,
        .writer = f->old_writer,
        .named = f->named,
        .excluded = f->excluded,
        .max_lag = c->in->policy->failover_max_lag,
        .accept_loss = f->accept_loss,
        .will_catch_up = f->kind == FAILOVER_SWITCHOVER,
    };
    return candidate_rank(c->in->view, &r, &f->candidates);
}

static bool step_choosing(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (adopt_promoted(c, "an earlier promotion succeeded"))
        return true;
    if (f->cancel) {
        abort_run(c, "canceled");
        return true;
    }
    if (f->phase == 0) {
        ask(c, -1);
        f->phase = 1;
    }
    if (!all_replicas_asked_since(c, f->since) && !late(c)) {
        ask_again(c, -1);
        return false;
    }
    f->candidate = failover_run_rank(c);
    if (f->candidate >= 0)
        failover_run_move(c, FAILOVER_CATCHUP, c->in->policy->catchup_timeout, "candidate chosen");
    else if (f->kind == FAILOVER_SWITCHOVER)
        abort_run(c, "no candidate");
    else
        failover_run_move(c, FAILOVER_WAITING, c->in->policy->wait_timeout, "no candidate");
    return true;
}

/* Where the old writer ended, asked after it was fenced and the other receivers were stopped. */
static void learn_goal(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->goal_lsn || f->pending || !old_writer_back(c, f->since))
        return;
    const struct observation *o = &node_of(c, f->old_writer)->obs;
    f->goal_lsn = o->commit_flushes ? o->flush_lsn : o->insert_lsn;
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if ((f->stopped & BIT(i)) && ours(c, i) && view_position(c->in->view, i) > f->goal_lsn)
            f->goal_lsn = view_position(c->in->view, i);
}

static bool step_catchup_planned(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct view_node *n = node_of(c, f->candidate);
    if (f->cancel || late(c)) {
        abort_run(c, f->cancel ? "canceled" : "the candidate did not catch up in time");
        return true;
    }
    if (node_of(c, f->old_writer)->health.verdict == HEALTH_DOWN) {
        /* It died on the way: from here on this is a failover, and everybody is asked again. */
        f->kind = FAILOVER_UNPLANNED;
        failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout,
                          "the old writer went down");
        return true;
    }
    if (f->phase == 0) {
        f->goal_lsn = 0;
        stop_receivers(c, f->candidate);
        if (!node_of(c, f->old_writer)->obs.commit_flushes)
            emit(c, FX_CHECKPOINT,
                 f->old_writer); /* What was answered before its flush gets flushed. */
        ask(c, -1);
        f->phase = 1;
    }
    learn_goal(c);
    if (f->goal_lsn && n->obs.sent_at >= f->since && n->obs.replay_lsn >= f->goal_lsn) {
        failover_run_move(c, FAILOVER_PROMOTING, c->in->policy->promote_timeout,
                          "candidate has all of the old writer");
        return true;
    }
    ask_again(c, -1);
    return false;
}

/* Received WAL may end in a part of a record, so that replay never reaches it: several answers in a row without any
 * progress end the wait. pg_promote replays what is left in any case. */
static bool replayed_all(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct observation *o = &node_of(c, f->candidate)->obs;
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

static bool step_catchup(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (adopt_promoted(c, "an earlier promotion succeeded"))
        return true;
    if (!ready_replica(c, f->candidate) &&
        node_of(c, f->candidate)->health.verdict != HEALTH_SUSPECT) {
        failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout,
                          "the candidate is gone");
        return true;
    }
    if (f->kind == FAILOVER_SWITCHOVER)
        return step_catchup_planned(c);
    if (f->cancel) {
        abort_run(c, "canceled");
        return true;
    }
    f->goal_lsn = view_position(c->in->view, f->candidate);
    if (replayed_all(c) || late(c)) {
        failover_run_move(c, FAILOVER_PROMOTING, c->in->policy->promote_timeout,
                          late(c) ? "replay not finished, promotion will finish it"
                                  : "received WAL is replayed");
        return true;
    }
    ask_again(c, f->candidate);
    return false;
}

static void send_promote(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    /* The order that the whole design rests on: journal, barrier, then promote. */
    BUG_ON(!(f->journaled & BIT(FAILOVER_HOLDING)) || !(f->journaled & BIT(FAILOVER_PROMOTING)));
    BUG_ON(f->drained_epoch < f->hold_epoch);
    BUG_ON(c->in->topology->writer != TOPO_NO_WRITER);
    f->candidate_lsn = view_position(c->in->view, f->candidate);
    f->attempted |= BIT(f->candidate);
    emit(c, FX_PROMOTE, f->candidate);
}

static bool step_promoting(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->phase == 0) {
        (void)str_copy(f->memory.target, sizeof(f->memory.target), node_of(c, f->candidate)->name);
        journal(c, FAILOVER_PROMOTING);
        f->phase = 1;
    }
    if (f->phase == 1) {
        if (f->journal_failed || f->cancel) {
            f->memory.target[0] = '\0';
            abort_run(c, f->cancel ? "canceled" : "the journal cannot be written");
            return true;
        }
        if (f->journaling)
            return false;
        if (adopt_promoted(c, "an earlier promotion succeeded"))
            return true;
        send_promote(c);
        f->phase = 2;
    }
    if (adopt_promoted(c, "promotion seen"))
        return true;
    /* A failed call may still have signaled the server: look for some time before another one is chosen. */
    if (f->promote_failed && !f->failed_at)
        f->failed_at = c->in->now;
    if (late(c) || (f->failed_at && c->in->now - f->failed_at > PROMOTE_LOOK)) {
        f->excluded |= BIT(f->candidate);
        failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout, "promotion failed");
        return true;
    }
    ask_again(c, f->candidate);
    return false;
}

static void announce(const struct failover_ctx *c, int node)
{
    struct failover_effect *e = emit(c, FX_ANNOUNCE, node);
    e->epoch = c->f->announce_epoch;
    e = emit(c, FX_DRAIN, -1);
    e->epoch = c->f->announce_epoch;
}

static void report_loss(const struct failover_ctx *c)
{
    const struct failover *f = c->f;
    struct failover_effect *e = emit(c, FX_REPORT_LOSS, f->candidate);
    e->lsn_from = f->candidate_lsn;
    e->lsn_to = f->old_lsn > f->candidate_lsn ? f->old_lsn : f->candidate_lsn;
    e->lost_bytes = e->lsn_to - e->lsn_from;
}

static bool step_announcing(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    const struct view_node *n = node_of(c, f->candidate);
    /* There is no way back behind a promotion: the journal is tried until it can be written. */
    if (f->phase == 0 ||
        (f->phase == 1 && f->journal_failed && c->in->now - f->asked_at >= JOURNAL_RETRY)) {
        f->announce_epoch = failover_run_next_epoch(c);
        f->memory.epoch = f->announce_epoch;
        f->memory.timeline = n->timeline;
        f->memory.writer_lsn = view_position(c->in->view, f->candidate);
        f->memory.system_identifier = n->obs.system_identifier;
        (void)str_copy(f->memory.writer, sizeof(f->memory.writer), n->name);
        f->memory.target[0] = '\0';
        if (n->obs.read_only)
            (void)str_copy(f->memory.fenced, sizeof(f->memory.fenced), n->name);
        journal(c, FAILOVER_ANNOUNCING);
        f->asked_at = c->in->now;
        f->phase = 1;
    }
    if (f->phase == 1) {
        if (f->journaling || f->journal_failed)
            return false;
        f->deadline = c->in->now + c->in->policy->hold_timeout;
        if (n->obs.read_only)
            emit(c, FX_UNFENCE_NEW, f->candidate);
        announce(c, f->candidate);
        report_loss(c);
        emit(c, FX_CHECKPOINT, f->candidate);
        f->phase = 2;
    }
    if (f->drained_epoch < f->announce_epoch && !f->drain_failed && !late(c))
        return false;
    failover_run_move(c, FAILOVER_REPOINTING, c->in->policy->repoint_timeout,
                      "the new writer is announced");
    return true;
}

static void point_at(const struct failover_ctx *c, uint64_t nodes, int to)
{
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        if (!(nodes & BIT(i)) || i == to)
            continue;
        struct failover_effect *e = emit(c, FX_CREATE_SLOT, i);
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
        struct failover_effect *e = emit(c, FX_REPOINT, i);
        e->to = to;
        f->repoint_sent |= BIT(i);
    }
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if (node_of(c, i)->health.verdict == HEALTH_DOWN)
            f->pending &= ~BIT(i);
    return f->pending == 0 || late(c);
}

static bool finish(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    struct failover_effect *e =
        emit(c, FX_NOTIFY, f->result == FAILOVER_PROMOTED ? f->candidate : f->old_writer);
    e->result = f->result;
    failover_run_move(c, FAILOVER_STEADY, 0, failover_result_name(f->result));
    f->kind = FAILOVER_KIND_NONE;
    return false;
}

static bool step_repointing(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->phase == 0) {
        uint64_t nodes = 0;
        for (int i = 0; i < c->in->view->n_nodes; i++) {
            /* Who has more than the new writer started from has forked off: pointing it there would not help. */
            bool forked =
                view_position(c->in->view, i) > f->candidate_lsn && !node_of(c, i)->obs.streaming;
            if (i != f->candidate && ready_replica(c, i) && !forked)
                nodes |= BIT(i);
        }
        point_at(c, nodes, f->candidate);
        f->result = FAILOVER_PROMOTED;
        f->phase = 1;
    }
    if (f->phase == 1) {
        if (!pointed(c, f->candidate))
            return false;
        journal(c, 0);
        f->deadline = c->in->now + c->in->policy->hold_timeout;
        f->phase = 2;
    }
    if (f->journaling && !late(c))
        return false;
    return finish(c);
}

static bool step_waiting(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (adopt_promoted(c, "an earlier promotion succeeded"))
        return true;
    if (f->cancel || late(c)) {
        abort_run(c, f->cancel ? "canceled" : "no candidate in time");
        return true;
    }
    if (old_writer_back(c, f->since)) {
        abort_run(c, "the old writer answers again");
        return true;
    }
    if (failover_run_rank(c) < 0) {
        ask_again(c, -1);
        return false;
    }
    failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout, "a candidate appeared");
    return true;
}

static void unfence(const struct failover_ctx *c)
{
    struct failover_effect *e = emit(c, FX_UNFENCE, c->f->old_writer);
    usec_t soon = c->in->now + c->in->policy->revoke_timeout;
    if (soon < e->deadline)
        e->deadline = soon; /* Clients wait: a lost answer must not cost the whole state's time. */
    c->f->fence_pending = true;
    c->f->fence_failed = false;
    c->f->asked_at = c->in->now;
}

/* Back to the old writer if it is there; else the run ends without a writer and decide() goes on from the view. A node
 * that was told to promote and may still do so stays in memory as the target. */
static bool step_aborting(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->phase == 0) {
        bool keep = old_writer_fits(c) && promoted_node(c) < 0;
        f->result = keep ? FAILOVER_KEPT : FAILOVER_GAVE_UP;
        if (keep) {
            f->announce_epoch = failover_run_next_epoch(c);
            f->memory.epoch = f->announce_epoch;
            f->memory.target[0] = '\0';
        }
        journal(c, f->attempted && !keep ? FAILOVER_PROMOTING : keep ? FAILOVER_ABORTING : 0);
        f->phase = keep ? 1 : 4;
    }
    if (f->phase == 1) {
        if (f->journaling && !late(c))
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
        if (f->fence_failed && !late(c) && c->in->now - f->asked_at >= FAILOVER_RUN_ASK_WAITING)
            unfence(c);
        if (f->fence_pending && !late(c))
            return false;
        if (f->fenced && !f->fence_pending)
            f->memory.fenced[0] = '\0';
        announce(c, f->old_writer);
        point_at(c, f->stopped, f->old_writer);
        f->deadline = c->in->now + c->in->policy->repoint_timeout;
        f->phase = 3;
    }
    if (f->phase == 3) {
        if (!pointed(c, f->old_writer))
            return false;
        journal(c, 0);
        f->deadline = c->in->now + c->in->policy->hold_timeout;
        f->phase = 4;
    }
    if (f->journaling && !late(c))
        return false;
    return finish(c);
}

/* Goes on as far as what is known allows. */
void failover_run_advance(const struct failover_ctx *c)
{
    for (int moves = 0; failover_running(c->f); moves++) {
        BUG_ON(moves > MOVES_IN_A_STEP);
        bool again = false;
        switch (failover_state_of(c->f)) {
        case FAILOVER_HOLDING:
            again = step_holding(c);
            break;
        case FAILOVER_REVOKING:
            again = step_revoking(c);
            break;
        case FAILOVER_CHOOSING:
            again = step_choosing(c);
            break;
        case FAILOVER_CATCHUP:
            again = step_catchup(c);
            break;
        case FAILOVER_PROMOTING:
            again = step_promoting(c);
            break;
        case FAILOVER_ANNOUNCING:
            again = step_announcing(c);
            break;
        case FAILOVER_REPOINTING:
            again = step_repointing(c);
            break;
        case FAILOVER_WAITING:
            again = step_waiting(c);
            break;
        case FAILOVER_ABORTING:
            again = step_aborting(c);
            break;
        case FAILOVER_STEADY:
        case FAILOVER_STATE_NR:
            BUG("state without a step");
        }
        failover_check(c->f);
        if (!again)
            return;
    }
}
