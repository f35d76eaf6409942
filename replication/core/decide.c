#include "decide.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"
#include "failover.h"
#include "slots.h"

#define BIT(i) (UINT64_C(1) << (i))

void decide_policy_default(struct decide_policy *p)
{
    *p = (struct decide_policy){
        .mode = FAILOVER_MANUAL,
        .failover_max_lag = UINT64_C(1) << 20,
        .veto_fresh = 2 * USEC_PER_SEC,
    };
    quorum_policy_default(&p->quorum);
}

/* What the rules below look at, gathered once. */
struct scene {
    const struct view *v;
    const struct decide_memory *m;
    uint64_t system_identifier; /* 0: unknown or disputed */
    uint32_t newest;            /* newest timeline of our nodes */
    int announced;              /* index, or -1 */
    uint64_t claims;            /* answering primaries of our cluster */
    bool all_asked;             /* every node has a verdict */
};

static bool of_cluster(const struct view_node *n, uint64_t system_identifier)
{
    return n->seen && (!system_identifier || n->obs.system_identifier == system_identifier);
}

static bool answers(const struct view_node *n)
{
    return n->health.verdict == HEALTH_OK || n->health.verdict == HEALTH_SUSPECT;
}

/* Nothing remembered: the identifier that most nodes have; none when two have equal numbers. */
static uint64_t common_identifier(const struct view *v)
{
    uint64_t best = 0;
    int best_votes = 0;
    bool tie = false;
    for (int i = 0; i < v->n_nodes; i++) {
        if (!v->nodes[i].seen)
            continue;
        uint64_t id = v->nodes[i].obs.system_identifier;
        int votes = 0;
        for (int j = 0; j < v->n_nodes; j++)
            votes += v->nodes[j].seen && v->nodes[j].obs.system_identifier == id;
        if (votes == best_votes && id != best)
            tie = true;
        if (votes > best_votes) {
            best = id;
            best_votes = votes;
            tie = false;
        }
    }
    return tie ? 0 : best;
}

static struct scene gather(const struct view *v, const struct decide_memory *m)
{
    struct scene s = {.v = v, .m = m, .all_asked = true};
    s.system_identifier = m->system_identifier ? m->system_identifier : common_identifier(v);
    s.announced = m->writer[0] ? view_find(v, m->writer) : -1;
    s.newest = m->timeline;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        if (n->health.verdict == HEALTH_UNKNOWN)
            s.all_asked = false;
        if (!of_cluster(n, s.system_identifier))
            continue;
        if (n->timeline > s.newest)
            s.newest = n->timeline;
        if (answers(n) && n->obs.role == ROLE_PRIMARY)
            s.claims |= BIT(i);
    }
    return s;
}

/* The one claim on the highest timeline above `above`, -1 if there is none, -2 if two share that timeline. */
static int newest_claim(const struct scene *s, uint64_t claims, uint32_t above)
{
    int best = -1;
    bool tie = false;
    for (int i = 0; i < s->v->n_nodes; i++) {
        if (!(claims & BIT(i)) || s->v->nodes[i].timeline <= above)
            continue;
        if (best >= 0 && s->v->nodes[i].timeline == s->v->nodes[best].timeline)
            tie = true;
        if (best < 0 || s->v->nodes[i].timeline > s->v->nodes[best].timeline) {
            best = i;
            tie = false;
        }
    }
    return tie ? -2 : best;
}

int decide_veto(const struct view *v, int writer, const struct decide_policy *p, usec_t now)
{
    if (writer < 0 || !v->nodes[writer].health.suspect_at)
        return -1;
    if (v->heard_at > v->nodes[writer].health.suspect_at && now - v->heard_at <= p->veto_fresh)
        return writer;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        if (i == writer || !n->seen || n->health.verdict != HEALTH_OK ||
            n->obs.role != ROLE_REPLICA || !n->obs.streaming || !n->obs.message_age_known ||
            n->timeline != v->nodes[writer].timeline)
            continue;
        int from = view_upstream(v, i);
        if (from >= 0 && from != writer)
            continue; /* A cascade's replica hears another replica. */
        /* Heard after the trouble began, and not long ago: a stopped primary leaves receivers that still say
         * "streaming", and its last words do not count. */
        usec_t heard = n->obs.received_at - n->obs.message_age;
        if (heard > v->nodes[writer].health.suspect_at && now - heard <= p->veto_fresh)
            return i;
    }
    return -1;
}

/* A replica whose receiver was at work may still speak for the writer: wait until it was asked after the trouble began,
 * and, while its receiver goes on, for a message of the writer as long as a veto would be fresh. A receiver that ended
 * (the postmaster is gone) closes the question at once; a replica that does not answer is no witness. */
static bool votes_open(const struct view *v, int writer, const struct decide_policy *p, usec_t now)
{
    const usec_t since = v->nodes[writer].health.suspect_at;
    if (!since || now - since >= p->veto_fresh)
        return false;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        const int from = view_upstream(v, i);
        if (i != writer && n->health.verdict == HEALTH_OK && n->obs.streaming &&
            n->timeline == v->nodes[writer].timeline && n->seen && (from < 0 || from == writer))
            return true;
    }
    return false;
}

static void answer(struct decision *d, enum decide_verdict verdict, int writer, bool holding)
{
    d->verdict = verdict;
    d->writer = writer;
    d->holding = holding;
}

/* Nothing announced ever (or its node is gone from the configuration). */
static void discover(const struct scene *s, struct decision *d)
{
    d->fenced = s->claims;
    if (!s->system_identifier) {
        answer(d, s->all_asked ? DECIDE_MANY : DECIDE_NONE, TOPO_NO_WRITER, !s->all_asked);
        return;
    }
    if (!s->claims || !s->all_asked) {
        /* An old primary may be the first to answer: wait until every node was asked once. */
        d->fenced = 0;
        answer(d, DECIDE_NONE, TOPO_NO_WRITER, true);
        return;
    }
    int w = newest_claim(s, s->claims, 0);
    bool several = (s->claims & (s->claims - 1)) != 0;
    if (w == -2 || (several && view_followers(s->v, w) == 0)) {
        answer(d, DECIDE_MANY, TOPO_NO_WRITER, false);
        return;
    }
    const struct view_node *n = &s->v->nodes[w];
    if (n->timeline < s->newest) {
        answer(d, DECIDE_FENCED, TOPO_NO_WRITER, false);
        return;
    }
    if (n->health.verdict != HEALTH_OK) {
        answer(d, DECIDE_NONE, TOPO_NO_WRITER, true);
        return;
    }
    d->fenced &= ~BIT(w);
    answer(d, DECIDE_DISCOVERED, w, false);
}

/* Quorum mode: a node that we told to promote has all that was acknowledged. Nothing is known of any other. */
static bool titled(const struct scene *s, const struct decide_policy *p, int i)
{
    return !p->quorum.k || !s->m->quorum.n ||
           (s->m->step >= FAILOVER_PROMOTING && !strcmp(s->m->target, s->v->nodes[i].name));
}

bool decide_abandon(struct decide_memory *m, const struct view *v, const struct decision *d)
{
    if (d->kept < 0 || !m->quorum.n || !m->target[0] ||
        strcmp(v->nodes[d->kept].name, m->writer) != 0)
        return false;
    m->target[0] = '\0';
    m->step = m->kind = 0;
    m->plan.n = 0;
    return true;
}

/* Another node that was promoted by us (an interrupted run) or by somebody else and must be adopted although the
 * announced writer may still claim; -1 if none. */
static int successor_beside(const struct scene *s, const struct decide_policy *p, uint32_t than)
{
    uint64_t claims = s->claims & ~BIT(s->announced);
    for (int i = 0; i < s->v->n_nodes; i++)
        if ((claims & BIT(i)) && !titled(s, p, i))
            claims &= ~BIT(i);
    int w = newest_claim(s, claims, than);
    if (w < 0 || s->v->nodes[w].health.verdict != HEALTH_OK)
        return -1;
    if (s->m->step >= FAILOVER_PROMOTING && !strcmp(s->m->target, s->v->nodes[w].name))
        return w;
    return view_followers(s->v, w) > 0 && view_followers(s->v, s->announced) == 0 ? w : -1;
}

/* While it was away, or since its restart, commits may have become visible on the writer that no member has (a restart
 * ends the wait of a commit for its quorum). Nobody may see them before the quorum has them. */
static bool refilling(const struct scene *s, const struct decide_policy *p)
{
    const struct view_node *a = &s->v->nodes[s->announced];
    const struct quorum_config *c = quorum_newest(&s->m->quorum);
    if (!p->quorum.k || !c || !c->k)
        return false;
    if (a->health.verdict != HEALTH_OK)
        return a->health.reason == HEALTH_REFUSED_ONCE || a->health.reason == HEALTH_STARTING;
    return s->m->writer_start && a->obs.postmaster_start != s->m->writer_start &&
           !quorum_covered(&s->m->quorum, s->v, s->announced, a->obs.flush_lsn);
}

static void announced_claims(const struct scene *s, const struct decide_policy *p,
                             struct decision *d)
{
    const struct view_node *a = &s->v->nodes[s->announced];
    d->fenced = s->claims & ~BIT(s->announced);
    if (a->timeline < s->m->timeline) { /* Restored from an old copy: not what we announced. */
        d->fenced |= BIT(s->announced);
        answer(d, DECIDE_FENCED, TOPO_NO_WRITER, false);
        return;
    }
    int other = successor_beside(s, p, a->timeline);
    if (other >= 0) {
        d->fenced = s->claims & ~BIT(other);
        answer(d, DECIDE_SUCCEEDED, other, false);
        return;
    }
    if (refilling(s, p)) {
        answer(d, DECIDE_REFILLING, TOPO_NO_WRITER, true);
        return;
    }
    answer(d, a->health.verdict == HEALTH_OK ? DECIDE_STEADY : DECIDE_SUSPECT, s->announced, false);
}

static void rank_for_failover(const struct scene *s, const struct decide_policy *p,
                              struct decision *d)
{
    struct candidate_rules rules = {
        .system_identifier = s->system_identifier,
        .timeline = s->m->timeline,
        .writer_lsn = s->m->writer_lsn,
        .writer = s->announced,
        .named = -1,
        /* The quorum proves what the candidate has: no bound is needed. */
        .max_lag = p->quorum.k ? UINT64_MAX : p->failover_max_lag,
    };
    lsn_t seen = view_position(s->v, s->announced);
    if (of_cluster(&s->v->nodes[s->announced], s->system_identifier) && seen > rules.writer_lsn)
        rules.writer_lsn = seen;
    (void)candidate_rank(s->v, &rules, &d->candidates);
}

/* A newer timeline is no title by itself: a node that was promoted while the announced writer went on serving, or that
 * lacks more than failover may lose, has forked off and would take the writes since then away. In follow mode the
 * other tool decides. */
static bool forked_off(const struct scene *s, const struct decide_policy *p, int i)
{
    const struct view_node *n = &s->v->nodes[i], *a = &s->v->nodes[s->announced];
    if (p->mode == FAILOVER_FOLLOW)
        return false;
    if (n->primary_since && a->health.last_ok > n->primary_since && a->obs.role == ROLE_PRIMARY)
        return true;
    return n->obs.flush_lsn < s->m->writer_lsn &&
           s->m->writer_lsn - n->obs.flush_lsn > p->failover_max_lag;
}

/* The primary that the announced writer itself streams from, by somebody's will and with its history, while nobody follows
 * another one; -1 none. Its timeline may be the announced one or an older one: somebody promoted two nodes and took one of
 * them back. */
static int followed_by(const struct scene *s, const struct decide_policy *p)
{
    const int w = view_upstream(s->v, s->announced);
    for (int i = 0; i < s->v->n_nodes; i++)
        if (i != w && (s->claims & BIT(i)) && view_followers(s->v, i) > 0)
            return -1;
    if (w < 0 || !(s->claims & BIT(w)) || !titled(s, p, w) ||
        s->v->nodes[s->announced].timeline != s->v->nodes[w].timeline)
        return -1;
    return s->v->nodes[w].health.verdict == HEALTH_OK ? w : -1;
}

/* The announced writer does not serve (down, or a replica, or replaced by another cluster's node). */
static void announced_gone(const struct scene *s, const struct decide_policy *p, usec_t now,
                           struct decision *d)
{
    const struct view_node *a = &s->v->nodes[s->announced];
    bool demoted = answers(a) && of_cluster(a, s->system_identifier) && a->obs.role == ROLE_REPLICA;
    d->fenced = s->claims;
    uint64_t claims = s->claims & ~BIT(s->announced);
    for (int i = 0; i < s->v->n_nodes; i++)
        if ((claims & BIT(i)) && (!titled(s, p, i) || forked_off(s, p, i)))
            claims &= ~BIT(i);
    int w = newest_claim(s, claims, s->m->timeline);
    if (w == -2) {
        answer(d, DECIDE_MANY, TOPO_NO_WRITER, false);
        return;
    }
    if (w >= 0 && s->v->nodes[w].health.verdict == HEALTH_OK) {
        d->fenced &= ~BIT(w);
        answer(d, DECIDE_SUCCEEDED, w, false);
        return;
    }
    if (demoted && (w = followed_by(s, p)) >= 0) {
        d->fenced &= ~BIT(w);
        answer(d, DECIDE_SUCCEEDED, w, false);
        return;
    }
    if (demoted) {
        answer(d, DECIDE_DEMOTED, TOPO_NO_WRITER, true);
        return;
    }
    rank_for_failover(s, p, d);
    d->vetoed_by = decide_veto(s->v, s->announced, p, now);
    if (d->vetoed_by >= 0) {
        answer(d, DECIDE_DOWN_VETOED, s->announced, false);
        return;
    }
    if (votes_open(s->v, s->announced, p, now)) {
        answer(d, DECIDE_SUSPECT, s->announced, false);
        return;
    }
    if (p->mode != FAILOVER_AUTOMATIC) {
        answer(d, DECIDE_DOWN_MANUAL, TOPO_NO_WRITER, true);
        return;
    }
    if (p->quorum.k && !quorum_revoked(&s->m->quorum, s->v, view_ready(s->v, s->announced))) {
        answer(d, DECIDE_DOWN_QUORUM, TOPO_NO_WRITER, true);
        return;
    }
    if (d->candidates.n == 0) {
        answer(d, DECIDE_DOWN_NO_CANDIDATE, TOPO_NO_WRITER, true);
        return;
    }
    answer(d, DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    d->start = true;
}

/* The old writer's leases must be gone before another one is published: first a snapshot without a writer, then, when
 * all workers have drained it, the successor. */
static void barrier(const struct view *v, const struct topology *prev, int published,
                    struct decision *d)
{
    if (d->verdict != DECIDE_SUCCEEDED || d->writer == published || prev->version == 0)
        return;
    if (published >= 0 || !v->drained)
        answer(d, DECIDE_SUCCEEDED, TOPO_NO_WRITER, true);
}

/* An interrupted run told a node to promote, and it has not been asked since. */
static bool target_not_asked(const struct scene *s)
{
    int i =
        s->m->step >= FAILOVER_PROMOTING && s->m->target[0] ? view_find(s->v, s->m->target) : -1;
    return i >= 0 && s->v->nodes[i].health.verdict == HEALTH_UNKNOWN;
}

/* A writer stays published only while it is the announced one and was seen as a primary. */
static int keep_if_primary(const struct scene *s)
{
    const struct view_node *a = &s->v->nodes[s->announced];
    return a->seen && a->obs.role == ROLE_PRIMARY ? s->announced : TOPO_NO_WRITER;
}

void decide(const struct view *v, const struct decide_memory *m, const struct decide_policy *p,
            enum authority a, const struct topology *prev, usec_t now, struct decision *out)
{
    BUG_ON(prev->version && prev->writer >= (int)v->n_nodes);
    struct scene s = gather(v, m);
    out->vetoed_by = out->kept = -1;
    out->fenced = 0;
    out->start = false;
    out->candidates.n = 0;
    memset(out->candidates.reason, 0, sizeof(out->candidates.reason));
    /* A zeroed snapshot is the one before the first: nothing was published. */
    int published = prev->version ? prev->writer : TOPO_NO_WRITER;
    if (v->tilt || a != AUTHORITY_HELD) {
        answer(out, v->tilt ? DECIDE_TILT : DECIDE_NO_AUTHORITY, published,
               prev->version ? prev->holding : true);
        return;
    }
    if (s.announced < 0) {
        discover(&s, out);
        return;
    }
    const struct view_node *w = &v->nodes[s.announced];
    if (target_not_asked(&s))
        answer(out, DECIDE_NONE, TOPO_NO_WRITER, true);
    else if (s.claims & BIT(s.announced))
        announced_claims(&s, p, out);
    else if (w->health.verdict == HEALTH_UNKNOWN || (!w->seen && w->health.verdict != HEALTH_DOWN))
        answer(out, DECIDE_NONE, TOPO_NO_WRITER,
               true); /* After a restart: ask it before judging it. */
    else
        announced_gone(&s, p, now, out);
    if (out->verdict == DECIDE_DOWN_VETOED && out->writer != keep_if_primary(&s))
        answer(out, DECIDE_DOWN_VETOED, TOPO_NO_WRITER, true);
    /* Held since it was first refused: it stays so until it answers and its quorum has its position. */
    if (p->quorum.k && published < 0 && w->health.verdict != HEALTH_OK &&
        (out->verdict == DECIDE_SUSPECT || out->verdict == DECIDE_DOWN_VETOED))
        answer(out, out->verdict, TOPO_NO_WRITER, true);
    barrier(v, prev, published, out);
    out->kept = out->verdict == DECIDE_REFILLING ? s.announced : out->writer;
}

static enum topo_unreadable why_unreadable(const struct view *v, int i, const struct topology *t)
{
    const struct view_node *n = &v->nodes[i];
    if (n->health.verdict == HEALTH_DOWN)
        return n->health.reason == HEALTH_STARTING_LONG ? READ_STARTING : READ_DOWN;
    if (n->health.reason == HEALTH_STARTING)
        return READ_STARTING;
    if (!n->seen || n->health.verdict == HEALTH_UNKNOWN)
        return READ_UNKNOWN;
    if (t->system_identifier && n->obs.system_identifier != t->system_identifier)
        return READ_FOREIGN;
    if (i == t->writer)
        return READ_OK;
    if (n->obs.role == ROLE_PRIMARY)
        return READ_FENCED;
    if (n->obs.role != ROLE_REPLICA)
        return READ_NOT_REPLICA;
    if (t->timeline && n->timeline != t->timeline)
        return READ_TIMELINE;
    if (n->drained)
        return READ_DRAINED;
    if (outlier_ejected(&n->outlier))
        return READ_EJECTED;
    /* While the writer is gone nobody can stream: then only the lag decides. */
    bool writer_ok = t->writer >= 0 && v->nodes[t->writer].health.verdict == HEALTH_OK;
    bool caught_up = n->lag.known && n->lag.bytes == 0;
    if (writer_ok && !n->obs.streaming && !caught_up)
        return READ_NOT_STREAMING;
    return n->lag_class;
}

/* A writer that becomes a replica begins anew, too. */
static usec_t readable_since(const struct topo_node *before, const struct topo_node *n,
                             const struct decide_publish *what)
{
    static const usec_t FIRST_LOOK = 5 * USEC_PER_SEC;
    if (n->unreadable != READ_OK)
        return 0;
    if (before && before->unreadable == READ_OK && before->role == n->role)
        return before->readable_since;
    const bool is_new = !before || before->unreadable == READ_UNKNOWN;
    return is_new && what->now - what->began < FIRST_LOOK ? TOPO_ALWAYS : what->now;
}

static void fill_node(const struct view *v, int i, const struct topology *prev, uint64_t next_epoch,
                      struct topology *out)
{
    const struct view_node *n = &v->nodes[i];
    struct topo_node *t = &out->nodes[i];
    memset(t, 0, sizeof(*t));
    (void)str_copy(t->name, sizeof(t->name), n->name);
    (void)str_copy(t->zone, sizeof(t->zone), n->zone);
    (void)str_copy(t->host, sizeof(t->host), n->host);
    (void)str_copy(t->addr, sizeof(t->addr), n->addr);
    t->port = n->port;
    t->weight = n->weight;
    t->drained = n->drained;
    t->role = n->seen ? n->obs.role : ROLE_UNKNOWN;
    int was = topology_find(prev, n->name);
    t->role_since =
        was >= 0 && prev->nodes[was].role == t->role ? prev->nodes[was].role_since : next_epoch;
    t->unreadable = why_unreadable(v, i, out);
    t->lag_known = n->lag.known;
    t->lag = n->lag.time;
    t->lag_bytes = n->lag.bytes;
    t->timeline = n->timeline;
    t->replay_at = n->seen ? n->obs.position_at : 0;
    t->fresh_at = n->fresh_at;
    t->incarnation = n->seen ? n->obs.postmaster_start : 0;
    t->connections_max = n->obs.max_connections > 0 ? (uint32_t)n->obs.max_connections : 0;
    if (n->seen)
        t->replay_lsn = n->obs.role == ROLE_PRIMARY ? n->obs.flush_lsn : n->obs.replay_lsn;
}

/* The newest forks that fit. Without a writer the last known lineage holds. */
static void fill_lineage(const struct view *v, const struct topology *prev, struct topology *out)
{
    const struct timeline_history *h = out->writer >= 0 ? &v->nodes[out->writer].obs.lineage : NULL;
    if (!h && prev->timeline == out->timeline) {
        out->lineage_known = prev->lineage_known;
        out->n_forks = prev->n_forks;
        memcpy(out->forks, prev->forks, sizeof(out->forks));
        return;
    }
    if (!h || h->timeline == 0 || h->timeline != out->timeline)
        return;
    const int skip = h->n > TOPO_FORKS_MAX ? h->n - TOPO_FORKS_MAX : 0;
    out->lineage_known = true;
    out->n_forks = (uint8_t)(h->n - skip);
    for (int i = 0; i < out->n_forks; i++)
        out->forks[i] = (struct topo_fork){h->forks[skip + i].timeline, h->forks[skip + i].end};
}

bool decide_topology(const struct view *v, const struct decide_memory *m,
                     const struct topology *prev, const struct decide_publish *what,
                     struct topology *out)
{
    BUG_ON(out == prev);
    BUG_ON(what->writer >= (int)v->n_nodes);
    uint64_t next = (prev->epoch > m->epoch ? prev->epoch : m->epoch) + 1;
    if (what->epoch_min > prev->epoch)
        next = what->epoch_min; /* The run has journaled this one already. */
    memset(out, 0, sizeof(*out));
    (void)str_copy(out->cluster, sizeof(out->cluster), v->cluster);
    out->writer = (int16_t)what->writer;
    out->holding = what->writer < 0 && what->holding;
    out->n_nodes = v->n_nodes;
    out->version = prev->version + 1;
    out->system_identifier = m->system_identifier ? m->system_identifier : prev->system_identifier;
    out->timeline = m->timeline > prev->timeline ? m->timeline : prev->timeline;
    if (what->writer >= 0) {
        const struct view_node *w = &v->nodes[what->writer];
        BUG_ON(!w->seen || w->obs.role != ROLE_PRIMARY);
        out->timeline = w->timeline;
        out->system_identifier = w->obs.system_identifier;
        if (v->history_of == what->writer)
            out->sample = v->sample;
    }
    fill_lineage(v, prev, out);
    for (int i = 0; i < v->n_nodes; i++) {
        const int was = topology_find(prev, v->nodes[i].name);
        fill_node(v, i, prev, next, out);
        out->nodes[i].readable_since =
            readable_since(was >= 0 ? &prev->nodes[was] : NULL, &out->nodes[i], what);
    }
    out->epoch = prev->epoch;
    bool moved =
        prev->version == 0 || prev->epoch < what->epoch_min || !topology_same_rules(prev, out);
    if (moved)
        out->epoch = next;
    return moved;
}

void decide_remember(struct decide_memory *m, const struct topology *t)
{
    if (t->epoch > m->epoch)
        m->epoch = t->epoch;
    if (t->writer < 0)
        return;
    const struct topo_node *w = &t->nodes[t->writer];
    if (strcmp(m->writer, w->name) != 0) {
        /* Promoted by us: its names are in force. By somebody else: nothing is known of its commits. */
        if (!strcmp(m->target, w->name))
            m->quorum = m->plan;
        else
            m->quorum.n = 0;
        m->plan.n = 0;
        m->writer_start = 0;
    }
    (void)str_copy(m->writer, sizeof(m->writer), w->name);
    m->system_identifier = t->system_identifier;
    m->timeline = t->timeline;
    m->writer_lsn = w->replay_lsn;
    m->target[0] = '\0';
    m->step = 0;
    m->kind = 0;
}

/* We pointed this replica once: its receiver uses the slot that we make. */
static bool pointed_by_us(const struct view *v, int i)
{
    char slot[TOPO_NAME_MAX];
    slots_name(v->nodes[i].name, slot);
    return !strcmp(v->nodes[i].obs.receiver_slot, slot);
}

/* A replica that should follow the writer but follows nobody, or a primary that may not serve, or a replica that was a
 * primary when we pointed it there (it missed a failover, and the old primary came back as a replica). One that follows
 * somebody whom we do not know is the operator's business (another name for the writer, a cascade). */
static bool is_stray(const struct view *v, int i, int writer)
{
    const struct observation *o = &v->nodes[i].obs;
    if (o->streaming) {
        int from = view_upstream(v, i);
        return from >= 0 && from != writer && v->nodes[from].seen &&
               (v->nodes[from].obs.role == ROLE_PRIMARY || pointed_by_us(v, i));
    }
    if (!o->has_primary_conninfo)
        return true;
    int to = view_at(v, o->primary_conninfo_host, o->primary_conninfo_port, i);
    return to >= 0 && to != writer;
}

uint64_t decide_strays(const struct view *v, const struct topology *t, int writer)
{
    uint64_t strays = 0;
    if (writer < 0 || v->tilt || v->nodes[writer].health.verdict != HEALTH_OK)
        return 0;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        if (i == writer || !of_cluster(n, t->system_identifier) || n->health.verdict != HEALTH_OK ||
            n->obs.role != ROLE_REPLICA || n->timeline > t->timeline)
            continue;
        if (is_stray(v, i, writer))
            strays |= BIT(i);
    }
    return strays;
}

bool decide_unfence(const struct view *v, const struct decide_memory *m, const struct topology *t)
{
    if (t->writer < 0 || v->tilt)
        return false;
    const struct view_node *w = &v->nodes[t->writer];
    return w->health.verdict == HEALTH_OK && w->obs.read_only && !strcmp(w->name, m->fenced);
}

static const struct {
    const char *name, *text;
} verdicts[DECIDE_NR] = {
    [DECIDE_STEADY] = {"steady", "the writer serves"},
    [DECIDE_SUSPECT] = {"suspect", "the writer does not answer as it should; not yet given up"},
    [DECIDE_DISCOVERED] = {"discovered", "found the writer"},
    [DECIDE_SUCCEEDED] = {"succeeded", "another node was promoted and takes over as the writer"},
    [DECIDE_FAILOVER] = {"failover", "the writer is down and a replica can take over"},
    [DECIDE_DOWN_VETOED] = {"down-vetoed",
                            "the writer does not answer us, but a replica still hears it, or it "
                            "answers clients"},
    [DECIDE_DOWN_MANUAL] = {"down-manual",
                            "the writer is down; waiting for the operator (failover.mode)"},
    [DECIDE_DOWN_NO_CANDIDATE] = {"down-no-candidate",
                                  "the writer is down and no replica may be promoted"},
    [DECIDE_DEMOTED] = {"demoted", "the writer became a replica and no other node was promoted"},
    [DECIDE_DOWN_QUORUM] =
        {"down-quorum", "the writer is down and too few replicas of its quorum can be revoked: a "
                        "promotion could lose acknowledged writes"},
    [DECIDE_DOWN_TOO_SOON] =
        {"down-too-soon", "the writer is down so soon after the last failover that min_interval "
                          "is waited for"},
    [DECIDE_REFILLING] =
        {"refilling", "the writer was restarted; clients wait until its quorum has what it has"},
    [DECIDE_NONE] = {"none", "no primary has been found yet"},
    [DECIDE_MANY] = {"many", "there are several primaries and no rule says which one is right"},
    [DECIDE_FENCED] = {"fenced",
                       "the only primary is not on the newest known timeline and may not serve"},
    [DECIDE_TILT] = {"tilt", "time jumped: observing only"},
    [DECIDE_NO_AUTHORITY] = {"no-authority", "not entitled to decide for this cluster"},
};

const char *decide_verdict_name(enum decide_verdict v)
{
    return v >= 1 && v < DECIDE_NR ? verdicts[v].name : "invalid";
}

const char *decide_verdict_text(enum decide_verdict v)
{
    return v >= 1 && v < DECIDE_NR ? verdicts[v].text : "is in an invalid state";
}
