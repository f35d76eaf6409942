#include "failover.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"
#include "failover_run.h"

#define BIT(i) (UINT64_C(1) << (i))

const struct sm_state failover_states[FAILOVER_STATE_NR] = {
    [FAILOVER_STEADY] = {"steady", SM_TO(FAILOVER_HOLDING), true, true},
    [FAILOVER_HOLDING] = {"holding", SM_TO(FAILOVER_REVOKING) | SM_TO(FAILOVER_ABORTING), false,
                          false},
    [FAILOVER_REVOKING] = {"revoking",
                           SM_TO(FAILOVER_CHOOSING) | SM_TO(FAILOVER_WAITING) |
                               SM_TO(FAILOVER_ABORTING),
                           false, false},
    [FAILOVER_CHOOSING] = {"choosing",
                           SM_TO(FAILOVER_CATCHUP) | SM_TO(FAILOVER_WAITING) |
                               SM_TO(FAILOVER_ANNOUNCING) | SM_TO(FAILOVER_ABORTING),
                           false, false},
    [FAILOVER_CATCHUP] = {"catchup",
                          SM_TO(FAILOVER_PROMOTING) | SM_TO(FAILOVER_CHOOSING) |
                              SM_TO(FAILOVER_ANNOUNCING) | SM_TO(FAILOVER_ABORTING),
                          false, false},
    [FAILOVER_PROMOTING] = {"promoting",
                            SM_TO(FAILOVER_ANNOUNCING) | SM_TO(FAILOVER_CHOOSING) |
                                SM_TO(FAILOVER_ABORTING),
                            false, false},
    [FAILOVER_ANNOUNCING] = {"announcing", SM_TO(FAILOVER_REPOINTING), false, false},
    [FAILOVER_REPOINTING] = {"repointing", SM_TO(FAILOVER_STEADY), false, false},
    [FAILOVER_WAITING] = {"waiting",
                          SM_TO(FAILOVER_CHOOSING) | SM_TO(FAILOVER_REVOKING) |
                              SM_TO(FAILOVER_ANNOUNCING) | SM_TO(FAILOVER_ABORTING),
                          false, false},
    [FAILOVER_ABORTING] = {"aborting", SM_TO(FAILOVER_STEADY), false, false},
};

void failover_policy_default(struct failover_policy *p)
{
    *p = (struct failover_policy){
        .drain_timeout = 5 * USEC_PER_SEC,
        .hold_timeout = 5 * USEC_PER_SEC,
        .revoke_timeout = USEC_PER_SEC,
        .catchup_timeout = 10 * USEC_PER_SEC,
        .promote_timeout = 30 * USEC_PER_SEC,
        .repoint_timeout = 10 * USEC_PER_SEC,
        .wait_timeout = 60 * USEC_PER_SEC,
        .failover_max_lag = UINT64_C(1) << 20,
        .hook_timeout = 10 * USEC_PER_SEC,
    };
    quorum_policy_default(&p->quorum);
}

void failover_init(struct failover *f, const struct decide_memory *m)
{
    memset(f, 0, sizeof(*f));
    sm_init(&f->sm, "failover", failover_states, FAILOVER_STATE_NR, FAILOVER_STEADY);
    f->memory = *m;
    f->old_writer = f->candidate = f->named = -1;
}

enum failover_state failover_state_of(const struct failover *f)
{
    return (enum failover_state)f->sm.state;
}

bool failover_running(const struct failover *f)
{
    return f->sm.state != FAILOVER_STEADY;
}

usec_t failover_next(const struct failover *f)
{
    if (!failover_running(f))
        return USEC_NEVER;
    bool waiting = f->sm.state == FAILOVER_WAITING;
    usec_t again = f->asked_at + (waiting ? FAILOVER_RUN_ASK_WAITING : FAILOVER_RUN_ASK_AGAIN);
    return again < f->deadline ? again : f->deadline;
}

void failover_check(const struct failover *f)
{
    enum failover_state s = failover_state_of(f);
    BUG_ON(s <= 0 || s >= FAILOVER_STATE_NR);
    if (s == FAILOVER_STEADY)
        return;
    BUG_ON(f->hold_epoch == 0);
    BUG_ON(f->deadline == 0 || f->deadline == USEC_NEVER);
    BUG_ON(f->memory.epoch < f->hold_epoch);
    /* Nothing beyond HOLDING but a way back happens before the barrier of the journaled no-writer epoch. */
    if (s != FAILOVER_HOLDING && s != FAILOVER_ABORTING) {
        BUG_ON(!(f->journaled & BIT(FAILOVER_HOLDING)));
        BUG_ON(f->drained_epoch < f->hold_epoch);
    }
    if (s == FAILOVER_CATCHUP || s == FAILOVER_PROMOTING || s == FAILOVER_ANNOUNCING ||
        s == FAILOVER_REPOINTING)
        BUG_ON(f->candidate < 0 || f->candidate == f->old_writer);
    if (s == FAILOVER_ANNOUNCING || s == FAILOVER_REPOINTING)
        BUG_ON(!(f->attempted & BIT(f->candidate)));
}

/* The operator's command that is awaited in a state. */
static enum failover_effect_kind hook_of(enum failover_state s)
{
    return s == FAILOVER_REVOKING ? FX_FENCE_HOOK : s == FAILOVER_PROMOTING ? FX_VETO : FX_NR;
}

static void absorb_done(struct failover *f, const struct failover_event *ev, usec_t now)
{
    uint64_t node = ev->node >= 0 ? BIT(ev->node) : 0;
    enum failover_state s = failover_state_of(f);
    if (ev->effect == FX_STOP_RECEIVER && node && !(f->revoked & node)) {
        f->revoked |= node;
        f->revoked_at[ev->node] = now;
    }
    if (hook_of(s) == ev->effect)
        f->hook_pending = false;
    if (ev->effect == FX_JOURNAL && f->journaling) {
        f->journaling = false;
        f->journaled |= BIT(f->journal_step);
    } else if (ev->effect == FX_DRAIN && ev->epoch > f->drained_epoch) {
        f->drained_epoch = ev->epoch;
    } else if (ev->effect == FX_FENCE && s == FAILOVER_REVOKING) {
        f->fence_pending = false;
    } else if (ev->effect == FX_UNFENCE && s == FAILOVER_ABORTING) {
        f->fence_pending = false;
    } else if (ev->effect == FX_STOP_RECEIVER &&
               (s == FAILOVER_REVOKING || s == FAILOVER_CATCHUP)) {
        f->pending &= ~node;
    } else if (ev->effect == FX_SET_SYNC && s == FAILOVER_PROMOTING) {
        f->pending &= ~node;
    } else if (ev->effect == FX_CREATE_SLOT &&
               (s == FAILOVER_REPOINTING || s == FAILOVER_ABORTING)) {
        f->slots_made |= node;
    } else if (ev->effect == FX_REPOINT && (s == FAILOVER_REPOINTING || s == FAILOVER_ABORTING)) {
        f->pending &= ~node;
    }
}

static void absorb_failed(struct failover *f, const struct failover_event *ev)
{
    uint64_t node = ev->node >= 0 ? BIT(ev->node) : 0;
    enum failover_state s = failover_state_of(f);
    if (hook_of(s) == ev->effect && f->hook_pending) {
        f->hook_pending = false;
        f->hook_failed = true;
    }
    if (ev->effect == FX_JOURNAL && f->journaling) {
        f->journaling = false;
        f->journal_failed = true;
    } else if (ev->effect == FX_DRAIN && (s == FAILOVER_HOLDING || s == FAILOVER_ANNOUNCING)) {
        f->drain_failed = true;
    } else if (ev->effect == FX_FENCE && s == FAILOVER_REVOKING) {
        f->fence_pending = false;
        f->fence_failed = true;
    } else if (ev->effect == FX_UNFENCE && s == FAILOVER_ABORTING) {
        f->fence_failed = f->fence_pending;
    } else if ((ev->effect == FX_PROMOTE || ev->effect == FX_SET_SYNC) && s == FAILOVER_PROMOTING &&
               ev->node == f->candidate) {
        f->promote_failed = true;
    } else if ((ev->effect == FX_STOP_RECEIVER && s == FAILOVER_REVOKING) ||
               ((ev->effect == FX_CREATE_SLOT || ev->effect == FX_REPOINT) &&
                (s == FAILOVER_REPOINTING || s == FAILOVER_ABORTING))) {
        f->pending &= ~node;
    }
    /* In a switchover's CATCHUP a receiver that was not stopped stays pending: the run must not go on. */
}

void failover_step(struct failover *f, const struct failover_event *ev,
                   const struct failover_input *in, struct failover_effects *fx)
{
    fx->n = 0;
    if (!failover_running(f))
        return;
    BUG_ON(ev->node >= TOPO_NODES_MAX);
    if (ev->kind == FAILOVER_EV_DONE)
        absorb_done(f, ev, in->now);
    else if (ev->kind == FAILOVER_EV_FAILED)
        absorb_failed(f, ev);
    else if (ev->kind == FAILOVER_EV_CANCEL)
        f->cancel = true;
    /* Results are kept, but nothing is done while time is not to be trusted or somebody else may decide. */
    if (in->view->tilt || in->authority != AUTHORITY_HELD)
        return;
    struct failover_ctx c = {.f = f, .in = in, .fx = fx};
    failover_run_advance(&c);
}

static int refuse_switchover(const struct failover_request *r, const struct failover_input *in,
                             int writer, struct err *e)
{
    const struct view_node *w = writer >= 0 ? &in->view->nodes[writer] : NULL;
    if (!w || in->topology->writer != writer)
        return err_set(e, ERR_REFUSED, "there is no writer to switch over from (use failover)");
    if (!w->seen || w->health.verdict != HEALTH_OK)
        return err_set(e, ERR_REFUSED, "the writer %s %s (use failover)", w->name,
                       health_reason_text(w->health.reason));
    if (r->named == writer)
        return err_set(e, ERR_REFUSED, "%s is the writer already", w->name);
    return 0;
}

static int refuse(const struct failover *f, const struct failover_request *r,
                  const struct failover_input *in, int writer, struct err *e)
{
    if (failover_running(f))
        return err_set(e, ERR_REFUSED, "a %s is under way (%s)",
                       f->kind == FAILOVER_SWITCHOVER ? "switchover" : "failover", sm_name(&f->sm));
    if (in->authority != AUTHORITY_HELD)
        return err_set(e, ERR_REFUSED, "not entitled to decide for this cluster");
    if (in->view->tilt)
        return err_set(e, ERR_REFUSED, "time jumped; observing only, try again in some seconds");
    if (r->kind == FAILOVER_SWITCHOVER)
        return refuse_switchover(r, in, writer, e);
    if (writer < 0)
        return err_set(e, ERR_REFUSED,
                       "no writer was ever known; nothing says who is on its lineage");
    const struct view_node *w = &in->view->nodes[writer];
    if (w->health.verdict == HEALTH_OK && w->seen && w->obs.role == ROLE_PRIMARY && !r->accept_loss)
        return err_set(e, ERR_REFUSED,
                       "the writer %s answers (use switchover, or accept data loss)", w->name);
    return 0;
}

static int refuse_candidates(const struct failover *f, const struct failover_request *r,
                             const struct failover_input *in, struct err *e)
{
    struct failover trial = *f;
    struct failover_ctx c = {.f = &trial, .in = in};
    int best = failover_run_rank(&c);
    if (best >= 0)
        return 0;
    if (r->named >= 0) {
        enum candidate_reason why = trial.candidates.reason[r->named];
        return err_set(e, ERR_REFUSED, "%s %s", in->view->nodes[r->named].name,
                       candidate_reason_text(why));
    }
    return err_set(e, ERR_REFUSED, "no node may be promoted");
}

static int refuse_quorum(const struct failover *f, const struct failover_request *r,
                         const struct failover_input *in, struct err *e)
{
    if (!in->policy->quorum.k || r->accept_loss ||
        quorum_revoked(&f->memory.quorum, in->view, view_ready(in->view, f->old_writer)))
        return 0;
    return err_set(
        e, ERR_REFUSED,
        "too few replicas of the writer's quorum answer, or the quorum is being changed: "
        "acknowledged writes could be lost");
}

static void begin(struct failover *f, const struct failover_request *r,
                  const struct failover_input *in, int writer)
{
    struct decide_memory m = f->memory;
    failover_init(f, &m);
    f->kind = r->kind;
    f->started_at = in->now;
    f->old_writer = writer;
    f->named = r->named;
    f->accept_loss = r->accept_loss;
    f->old_timeline = m.timeline;
    f->old_lsn = m.writer_lsn;
    f->memory.target[0] = '\0';
}

int failover_start(struct failover *f, const struct failover_request *r,
                   const struct failover_input *in, struct failover_effects *fx, struct err *e)
{
    if (fx)
        fx->n = 0;
    int writer = in->topology->writer;
    if (writer < 0 && f->memory.writer[0])
        writer = view_find(in->view, f->memory.writer);
    int rc = refuse(f, r, in, writer, e);
    if (rc)
        return rc;
    BUG_ON(r->named >= in->view->n_nodes);
    struct failover next = *f;
    begin(&next, r, in, writer);
    rc = refuse_quorum(&next, r, in, e);
    if (rc == 0)
        rc = refuse_candidates(&next, r, in, e);
    if (rc || !fx)
        return rc;
    *f = next;
    struct failover_ctx c = {.f = f, .in = in, .fx = fx};
    f->hold_epoch = failover_run_next_epoch(&c);
    f->memory.epoch = f->hold_epoch;
    usec_t grace = r->kind == FAILOVER_SWITCHOVER ? in->policy->drain_timeout : 0;
    failover_run_move(&c, FAILOVER_HOLDING, in->policy->hold_timeout + grace,
                      r->kind == FAILOVER_SWITCHOVER ? "switchover" : "failover");
    failover_run_advance(&c);
    return 0;
}

const char *failover_state_name(enum failover_state s)
{
    return s >= 1 && s < FAILOVER_STATE_NR ? failover_states[s].name : "invalid";
}

const char *failover_effect_name(enum failover_effect_kind k)
{
    static const char *const names[FX_NR] = {
        [FX_NONE] = "none",
        [FX_JOURNAL] = "journal",
        [FX_HOLD] = "hold",
        [FX_DRAIN] = "drain",
        [FX_PROBE] = "probe",
        [FX_FENCE] = "fence",
        [FX_UNFENCE] = "unfence",
        [FX_STOP_RECEIVER] = "stop-receiver",
        [FX_DEMOTE] = "demote",
        [FX_PROMOTE] = "promote",
        [FX_ANNOUNCE] = "announce",
        [FX_CREATE_SLOT] = "create-slot",
        [FX_REPOINT] = "repoint",
        [FX_CHECKPOINT] = "checkpoint",
        [FX_UNFENCE_NEW] = "unfence-new",
        [FX_SET_SYNC] = "set-sync",
        [FX_FENCE_HOOK] = "fence-hook",
        [FX_VETO] = "veto",
        [FX_REJOIN] = "rejoin",
        [FX_WITNESS] = "witness",
        [FX_REPORT_LOSS] = "report-loss",
        [FX_NOTIFY] = "notify",
    };
    return (unsigned)k < FX_NR ? names[k] : "invalid";
}

const char *failover_result_name(enum failover_result r)
{
    static const char *const names[FAILOVER_RESULT_NR] = {"none", "promoted", "kept", "gave-up"};
    return (unsigned)r < FAILOVER_RESULT_NR ? names[r] : "invalid";
}
