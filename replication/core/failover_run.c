#include "failover_run.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

#define BIT(i)      (UINT64_C(1) << (i))

#define OTHERS_WAIT (300 * USEC_PER_MS)

enum {
    PLANNED = 3,
    MOVES_IN_A_STEP = FAILOVER_STATE_NR /* a step walks forward only: more is a loop */
};

const struct view_node *failover_run_node(const struct failover_ctx *c, int i)
{
    return &c->in->view->nodes[i];
}

struct failover_effect *failover_run_emit(const struct failover_ctx *c,
                                          enum failover_effect_kind kind, int node)
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
    f->hook_pending = f->hook_failed = f->vetted = false;
    f->fence_pending = f->fence_failed = f->drain_failed = f->promote_failed = false;
    f->journaling = f->journal_failed = false;
    f->asked_at = 0;
    f->seen_at = f->failed_at = 0;
    f->stalls = 0;
    f->since = c->in->now;
    f->deadline = c->in->now + timeout;
    sm_move(&f->sm, (int)to, reason);
}

void failover_run_abort(const struct failover_ctx *c, const char *reason)
{
    failover_run_move(c, FAILOVER_ABORTING, c->in->policy->repoint_timeout, reason);
}

/* Writes memory with this step; the state goes on when the answer is there. */
void failover_run_journal(const struct failover_ctx *c, int step)
{
    struct failover *f = c->f;
    f->journal_step = step;
    f->journaling = true;
    f->journal_failed = false;
    f->journaled &= ~BIT(step);
    f->memory.step = step;
    f->memory.kind = step ? (int)f->kind : 0;
    failover_run_emit(c, FX_JOURNAL, -1);
}

bool failover_run_late(const struct failover_ctx *c)
{
    return c->in->now >= c->f->deadline;
}

void failover_run_ask(const struct failover_ctx *c, int node)
{
    failover_run_emit(c, FX_PROBE, node);
    c->f->asked_at = c->in->now;
}

void failover_run_ask_again(const struct failover_ctx *c, int node)
{
    bool waiting = failover_state_of(c->f) == FAILOVER_WAITING;
    usec_t pause = waiting ? FAILOVER_RUN_ASK_WAITING : FAILOVER_RUN_ASK_AGAIN;
    if (c->in->now - c->f->asked_at >= pause)
        failover_run_ask(c, node);
}

uint64_t failover_run_next_epoch(const struct failover_ctx *c)
{
    uint64_t a = c->in->topology->epoch, b = c->f->memory.epoch;
    return (a > b ? a : b) + 1;
}

bool failover_run_ours(const struct failover_ctx *c, int i)
{
    const struct view_node *n = failover_run_node(c, i);
    uint64_t id = c->f->memory.system_identifier;
    return n->seen && (!id || n->obs.system_identifier == id);
}

bool failover_run_ready(const struct failover_ctx *c, int i)
{
    const struct view_node *n = failover_run_node(c, i);
    return failover_run_ours(c, i) && n->health.verdict == HEALTH_OK && n->obs.role == ROLE_REPLICA;
}

/* The old writer serves as before: asked again since `after` it said so. */
bool failover_run_old_back(const struct failover_ctx *c, usec_t after)
{
    const struct failover *f = c->f;
    if (f->old_writer < 0)
        return false;
    const struct view_node *n = failover_run_node(c, f->old_writer);
    return failover_run_ours(c, f->old_writer) && n->health.verdict == HEALTH_OK &&
           n->obs.role == ROLE_PRIMARY && n->timeline == f->old_timeline && n->obs.sent_at >= after;
}

bool failover_run_old_fits(const struct failover_ctx *c)
{
    return failover_run_old_back(c, 0);
}

static void learn_old_lsn(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->old_writer < 0 || !failover_run_ours(c, f->old_writer) ||
        failover_run_node(c, f->old_writer)->obs.role != ROLE_PRIMARY)
        return;
    lsn_t at = view_position(c->in->view, f->old_writer);
    if (failover_run_node(c, f->old_writer)->timeline == f->old_timeline && at > f->old_lsn)
        f->old_lsn = at;
}

/* A node that we told to promote, and that did (perhaps long after we gave up on it). */
int failover_run_promoted(const struct failover_ctx *c)
{
    /* The present candidate first: its plan is in the journal. */
    const int first = c->f->candidate;
    if (first >= 0 && (c->f->attempted & BIT(first)) && failover_run_ours(c, first) &&
        failover_run_node(c, first)->health.verdict == HEALTH_OK &&
        failover_run_node(c, first)->obs.role == ROLE_PRIMARY &&
        failover_run_node(c, first)->timeline > c->f->old_timeline)
        return first;
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        const struct view_node *n = failover_run_node(c, i);
        if ((c->f->attempted & BIT(i)) && failover_run_ours(c, i) &&
            n->health.verdict == HEALTH_OK && n->obs.role == ROLE_PRIMARY &&
            n->timeline > c->f->old_timeline)
            return i;
    }
    return -1;
}

bool failover_run_adopt(const struct failover_ctx *c, const char *reason)
{
    int i = failover_run_promoted(c);
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
        failover_run_abort(c, "canceled");
        return true;
    }
    if (f->kind == FAILOVER_UNPLANNED && !f->accept_loss &&
        failover_run_old_back(c, f->since + 1)) {
        failover_run_abort(c, "the writer answers again");
        return true;
    }
    if (f->phase == 0) {
        /* Written before it is done: a fence that nobody remembers would never be taken off. */
        if (f->old_writer >= 0)
            (void)str_copy(f->memory.fenced, sizeof(f->memory.fenced),
                           failover_run_node(c, f->old_writer)->name);
        failover_run_journal(c, FAILOVER_HOLDING);
        f->phase = 1;
    }
    if (f->journal_failed || failover_run_late(c) || f->drain_failed) {
        failover_run_abort(c, f->journal_failed ? "the journal cannot be written"
                                                : "the workers did not drain in time");
        return true;
    }
    if (f->phase == 1 && !f->journaling) {
        struct failover_effect *e = failover_run_emit(c, FX_HOLD, -1);
        e->epoch = f->hold_epoch;
        e->grace = grace;
        e = failover_run_emit(c, FX_DRAIN, -1);
        e->epoch = f->hold_epoch;
        e->grace = grace;
        f->phase = 2;
    }
    if (f->phase < 2 || f->drained_epoch < f->hold_epoch)
        return false;
    /* Nobody is in a hurry to take a healthy writer's sessions from it, and giving up on it would be for nothing. */
    failover_run_move(c, FAILOVER_REVOKING,
                      f->kind == FAILOVER_SWITCHOVER ? PLANNED * p->revoke_timeout
                                                     : p->revoke_timeout,
                      "all workers drained");
    return true;
}

void failover_run_hook(const struct failover_ctx *c, enum failover_effect_kind kind, int node)
{
    struct failover_effect *e = failover_run_emit(c, kind, node);
    e->deadline = c->in->now + c->in->policy->hook_timeout;
    c->f->hook_pending = true;
}

bool failover_run_strict(const struct failover_ctx *c)
{
    return c->in->policy->quorum.k > 0 && !c->f->accept_loss;
}

void failover_run_stop(const struct failover_ctx *c, int but)
{
    for (int i = 0; i < c->in->view->n_nodes; i++) {
        if (i == but || i == c->f->old_writer || !failover_run_ready(c, i) ||
            ((c->f->pending | c->f->revoked) & BIT(i)))
            continue;
        failover_run_emit(c, FX_STOP_RECEIVER, i);
        c->f->pending |= BIT(i);
        c->f->stopped |= BIT(i);
    }
}

/* Quorum mode: enough members are revoked. The others are awaited for a moment only: they would fork off if the old
 * writer went on sending to them, but nothing depends on them. */
static bool revoking_counted(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (!quorum_revoked(&f->memory.quorum, c->in->view, f->revoked)) {
        if (failover_run_late(c)) {
            failover_run_move(c, FAILOVER_WAITING, c->in->policy->wait_timeout,
                              "too few receivers could be stopped");
            return true;
        }
        if (c->in->now - f->asked_at >= FAILOVER_RUN_ASK_WAITING) {
            failover_run_stop(c, -1);
            failover_run_ask(c, -1);
        }
        return false;
    }
    if (f->pending && c->in->now - f->since < OTHERS_WAIT)
        return false;
    failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout, "a quorum is revoked");
    return true;
}

/* An old writer that answers is asked to fence itself, and in a failover no replica shall go on to hear it. In
 * asynchronous mode that is best effort, in quorum mode the revoked members are counted. */
static bool step_revoking(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (f->cancel) {
        failover_run_abort(c, "canceled");
        return true;
    }
    if (f->phase == 0) {
        if (failover_run_old_fits(c)) {
            failover_run_emit(c, FX_FENCE, f->old_writer);
            f->fence_pending = f->fenced = true;
        }
        if (f->kind == FAILOVER_UNPLANNED)
            failover_run_stop(c, -1);
        if (c->in->policy->has_fence && f->kind == FAILOVER_UNPLANNED && f->old_writer >= 0) {
            failover_run_hook(c, FX_FENCE_HOOK, f->old_writer);
            /* Asynchronous mode has no other fence that holds; quorum mode does not depend on it. */
            if (!failover_run_strict(c))
                f->deadline += c->in->policy->hook_timeout;
        }
        f->phase = 1;
    }
    if (f->kind == FAILOVER_UNPLANNED && failover_run_strict(c))
        return revoking_counted(c);
    if (f->hook_failed || (f->hook_pending && failover_run_late(c))) {
        failover_run_abort(c, "fence_command failed");
        return true;
    }
    if (f->hook_pending)
        return false;
    if (f->kind == FAILOVER_SWITCHOVER &&
        (f->fence_failed || (f->fence_pending && failover_run_late(c)))) {
        failover_run_abort(c, "the old writer could not be fenced");
        return true;
    }
    if ((f->pending || f->fence_pending) && !failover_run_late(c))
        return false;
    failover_run_move(c, FAILOVER_CHOOSING, c->in->policy->revoke_timeout,
                      f->pending ? "some receivers not stopped" : "revoked");
    return true;
}

bool failover_run_all_asked(const struct failover_ctx *c, usec_t since)
{
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if (failover_run_ready(c, i) && failover_run_node(c, i)->obs.sent_at < since)
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
        .max_lag = failover_run_strict(c) ? UINT64_MAX : c->in->policy->failover_max_lag,
        .only = f->only,
        .accept_loss = f->accept_loss,
        .will_catch_up = f->kind == FAILOVER_SWITCHOVER,
    };
    return candidate_rank(c->in->view, &r, &f->candidates);
}

uint64_t failover_run_known(const struct failover_ctx *c)
{
    uint64_t bits = 0;
    for (int i = 0; i < c->in->view->n_nodes; i++)
        if ((c->f->revoked & BIT(i)) && failover_run_ready(c, i) &&
            failover_run_node(c, i)->obs.sent_at >= c->f->revoked_at[i])
            bits |= BIT(i);
    return bits;
}

/* Every acknowledged write is on one of `known`, and the candidate has all that any of them has. */
bool failover_run_proven(const struct failover_ctx *c, uint64_t known)
{
    const struct failover *f = c->f;
    const struct view *v = c->in->view;
    if (f->candidate < 0 || !quorum_revoked(&f->memory.quorum, v, known))
        return false;
    const struct view_node *best = failover_run_node(c, f->candidate);
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = failover_run_node(c, i);
        if (!(known & BIT(i)) || i == f->candidate)
            continue;
        if (n->timeline > best->timeline ||
            (n->timeline == best->timeline && view_position(v, i) > view_position(v, f->candidate)))
            return false;
    }
    return true;
}

static bool step_choosing(const struct failover_ctx *c)
{
    struct failover *f = c->f;
    if (failover_run_adopt(c, "an earlier promotion succeeded"))
        return true;
    if (f->cancel) {
        failover_run_abort(c, "canceled");
        return true;
    }
    if (f->phase == 0) {
        failover_run_ask(c, -1);
        f->phase = 1;
    }
    if (!failover_run_all_asked(c, f->since) && !failover_run_late(c)) {
        failover_run_ask_again(c, -1);
        return false;
    }
    if (failover_run_strict(c) && f->kind == FAILOVER_UNPLANNED)
        f->only = failover_run_known(c);
    f->candidate = failover_run_rank(c);
    if (failover_run_strict(c) && f->kind == FAILOVER_UNPLANNED && !failover_run_proven(c, f->only))
        f->candidate = -1;
    f->only = 0;
    if (f->candidate >= 0)
        failover_run_move(c, FAILOVER_CATCHUP, c->in->policy->catchup_timeout, "candidate chosen");
    else if (f->kind == FAILOVER_SWITCHOVER)
        failover_run_abort(c, "no candidate");
    else
        failover_run_move(c, FAILOVER_WAITING, c->in->policy->wait_timeout, "no candidate");
    return true;
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
            again = failover_promote_catchup(c);
            break;
        case FAILOVER_PROMOTING:
            again = failover_promote_promoting(c);
            break;
        case FAILOVER_ANNOUNCING:
            again = failover_promote_announcing(c);
            break;
        case FAILOVER_REPOINTING:
            again = failover_end_repointing(c);
            break;
        case FAILOVER_WAITING:
            again = failover_end_waiting(c);
            break;
        case FAILOVER_ABORTING:
            again = failover_end_aborting(c);
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
