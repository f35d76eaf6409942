/* PostgreSQL as seen from outside: role, branch of history, WAL positions, streaming, promotion, crash, freeze. */
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/str.h"
#include "../../replication/core/slots.h"
#include "sim.h"

#define GAP                  (200 * SIM_MS) /* of silence ends "without a break" */
#define WAL_RECEIVER_TIMEOUT (60 * SIM_SEC)

void sim_pg_init(struct sim *s)
{
    s->branches = 1;
    for (int i = 0; i < s->n_nodes; i++)
        s->nodes[i] = (struct sim_node){
            .up = true,
            .incarnation = sim_id(s),
            .recovery = i != 0,
            .timeline = 1,
            .branch = 1,
            .flush = 1000,
            .replay = 1000,
            .receive = i ? 1000 : 0,
            .upstream = i ? 0 : -1,
            .wal_rate = 1 << 20,
            .replay_rate = 1 << 20,
        };
}

bool sim_pg_has(const struct sim_node *n, uint32_t branch, lsn_t lsn)
{
    if (n->branch == branch)
        return lsn <= n->flush;
    for (int i = 0; i < n->n_forks; i++)
        if (n->forks[i].branch == branch)
            return lsn <= n->forks[i].end;
    return false;
}

/* Loses its connections; what is on disk stays. A crashed replica replays again from its last restart point. */
void sim_pg_crash(struct sim *s, int i)
{
    struct sim_node *n = &s->nodes[i];
    n->up = n->frozen = n->starting = n->promoting = n->streaming = false;
    n->incarnation = sim_id(s);
    n->receive = n->confirmed = 0;
    if (n->recovery)
        n->replay -= n->replay > 2000 ? sim_below(s, 1000) : 0;
}

void sim_pg_start(struct sim *s, int i)
{
    struct sim_node *n = &s->nodes[i];
    if (n->up)
        return;
    n->up = n->starting = true;
    n->dead_host = false;
    sim_push(s, (100 + (usec_t)sim_below(s, 3000)) * SIM_MS,
             (struct sim_event){.kind = SIM_EV_UP, .a = i, .id = n->incarnation});
}

void sim_pg_freeze(struct sim *s, int i, bool frozen)
{
    if (s->nodes[i].up)
        s->nodes[i].frozen = frozen;
}

void sim_pg_rebuild(struct sim *s, int i, int writer)
{
    struct sim_node *n = &s->nodes[i];
    const struct sim_node *w = &s->nodes[writer];
    sim_trace(s, "node %d becomes a copy of %d", i, writer);
    sim_pg_crash(s, i);
    n->recovery = true;
    n->read_only = false;
    n->timeline = w->timeline;
    n->branch = w->branch;
    n->n_forks = w->n_forks;
    memcpy(n->forks, w->forks, sizeof(n->forks));
    n->flush = n->replay = w->flush;
    n->upstream = writer;
    n->use_slot = false;
    n->app = 0;
    n->sync = n->was_sync = (struct sim_sync){0};
    sim_pg_start(s, i);
}

static bool works(const struct sim_node *n)
{
    return n->up && !n->frozen && !n->starting;
}

static bool can_follow(const struct sim_node *n, const struct sim_node *up)
{
    if (n->branch == up->branch)
        return n->flush <= up->flush;
    for (int i = 0; i < up->n_forks; i++)
        if (up->forks[i].branch == n->branch)
            return n->flush <= up->forks[i].end;
    return false;
}

static bool connected(const struct sim *s, int i, int up)
{
    return s->cut[i][up] == 0 && s->cut[up][i] == 0;
}

static void stream_one(struct sim *s, int i)
{
    struct sim_node *n = &s->nodes[i], *u = &s->nodes[n->upstream];
    bool refused = !u->up || u->starting || !can_follow(n, u) ||
                   (n->use_slot && !(u->slots & (UINT64_C(1) << i)));
    if (refused && connected(s, i, n->upstream)) {
        n->streaming = false;
        n->confirmed = 0;
        return;
    }
    if (refused || u->frozen || !connected(s, i, n->upstream)) {
        /* Silence: an established stream stays "streaming" until the receiver's own timeout. */
        if (n->streaming && s->now - n->heard_at > WAL_RECEIVER_TIMEOUT)
            n->streaming = false;
        return;
    }
    if (!n->streaming || s->now - n->heard_at > GAP)
        n->streaming_since = s->now;
    n->streaming = true;
    n->heard_at = s->now;
    lsn_t goal = n->flush + n->wal_rate < u->flush ? n->flush + n->wal_rate : u->flush;
    if (n->branch != u->branch) {
        n->branch = u->branch;
        n->timeline = u->timeline;
        n->n_forks = u->n_forks;
        memcpy(n->forks, u->forks, sizeof(n->forks));
    }
    n->flush = goal;
    n->receive = n->confirmed = goal;
}

void sim_pg_stream(struct sim *s)
{
    for (int i = 0; i < s->n_nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        if (!works(n) || !n->recovery)
            continue;
        if (n->upstream >= 0)
            stream_one(s, i);
        else
            n->streaming = false;
        n->replay = n->replay + n->replay_rate < n->flush ? n->replay + n->replay_rate : n->flush;
    }
}

static void promoted(struct sim *s, struct sim_node *n)
{
    BUG_ON(n->n_forks == SIM_FORKS_MAX);
    n->forks[n->n_forks++] =
        (struct sim_fork){.timeline = n->timeline, .branch = n->branch, .end = n->flush};
    n->replay = n->flush;
    n->timeline++;
    n->branch = ++s->branches;
    n->flush += 50;
    n->recovery = n->promoting = n->streaming = false;
    n->upstream = -1;
}

void sim_pg_event(struct sim *s, const struct sim_event *ev)
{
    struct sim_node *n = &s->nodes[ev->a];
    if (ev->id != n->incarnation)
        return;
    if (n->frozen) { /* nothing moves while it is stopped */
        sim_push(s, 20 * SIM_MS, *ev);
        return;
    }
    if (ev->kind == SIM_EV_UP)
        n->starting = false;
    else if (n->promoting) {
        promoted(s, n);
        sim_check_promoted(s, ev->a);
        sim_faults_promoted(s, ev->a);
    }
    sim_trace(s, "node %d %s", ev->a, ev->kind == SIM_EV_UP ? "is up" : "is promoted");
}

static void observe_replica(const struct sim *s, const struct sim_node *n, struct observation *o)
{
    o->receive_lsn = n->receive;
    o->replay_lsn = n->replay;
    o->has_primary_conninfo = n->upstream >= 0;
    if (n->upstream >= 0) {
        (void)str_copy(o->primary_conninfo_host, sizeof(o->primary_conninfo_host), "node");
        o->primary_conninfo_port = (uint16_t)(1000 + n->upstream);
    }
    o->receiver = o->streaming = o->timeline_received = n->streaming;
    if (!n->streaming)
        return;
    if (n->use_slot)
        slots_name(s->m.view.nodes[n - s->nodes].name, o->receiver_slot);
    (void)str_copy(o->sender_host, sizeof(o->sender_host), "node");
    o->sender_port = (uint16_t)(1000 + n->upstream);
    o->message_age_known = true;
    o->message_age = s->now - n->heard_at;
}

void sim_pg_observe(struct sim *s, int i, struct observation *o)
{
    const struct sim_node *n = &s->nodes[i];
    memset(o, 0, sizeof(*o));
    if (!n->up) {
        o->outcome = OBSERVE_REFUSED;
        return;
    }
    if (n->starting) {
        o->outcome = OBSERVE_STARTING;
        (void)str_copy(o->sqlstate, sizeof(o->sqlstate), "57P03");
        return;
    }
    o->outcome = OBSERVE_OK;
    o->role = n->recovery ? ROLE_REPLICA : ROLE_PRIMARY;
    o->system_identifier = SIM_SYSID;
    o->timeline = n->timeline;
    o->postmaster_start = (int64_t)n->incarnation;
    o->server_version_num = 150000;
    o->commit_flushes = true;
    o->read_only = n->read_only;
    (void)str_copy(o->synchronous_standby_names, sizeof(o->synchronous_standby_names),
                   n->sync.text);
    if (n->recovery)
        observe_replica(s, n, o);
    else
        o->flush_lsn = o->insert_lsn = n->flush;
}

bool sim_pg_act(struct sim *s, const struct failover_effect *fx)
{
    bool on_to = fx->kind == FX_CREATE_SLOT;
    struct sim_node *n = &s->nodes[on_to ? fx->to : fx->node];
    if (!works(n))
        return false;
    if (fx->kind == FX_FENCE) {
        n->read_only = true;
    } else if (fx->kind == FX_UNFENCE || fx->kind == FX_UNFENCE_NEW) {
        n->read_only = false;
    } else if (fx->kind == FX_CREATE_SLOT) {
        n->slots |= UINT64_C(1) << fx->node;
    } else if (fx->kind == FX_STOP_RECEIVER) {
        if (s->bug != SIM_BUG_REVOKE_LIES)
            n->upstream = -1;
        n->streaming = false;
        n->confirmed = 0;
    } else if (fx->kind == FX_REPOINT) {
        n->confirmed = 0;
        n->upstream = fx->to;
        n->use_slot = true;
        n->streaming = false;
    } else if (fx->kind == FX_PROMOTE) {
        if (!n->recovery)
            return false;
        n->promoting = true;
        sim_push(s, (50 + (usec_t)sim_below(s, 400)) * SIM_MS,
                 (struct sim_event){.kind = SIM_EV_PROMOTED, .a = fx->node, .id = n->incarnation});
    }
    return true;
}

bool sim_pg_write(struct sim *s, int i, bool bypass, lsn_t *lsn)
{
    struct sim_node *n = &s->nodes[i];
    if (!works(n) || n->recovery || (n->read_only && !bypass))
        return false;
    n->flush += 20 + sim_below(s, 200);
    n->wrote_at = s->now;
    *lsn = n->flush;
    return true;
}

void sim_pg_set_sync(struct sim *s, int i, uint64_t secret, const struct quorum_config *c)
{
    struct sim_node *n = &s->nodes[i];
    struct sim_sync next = {.k = c->k, .secret = secret};
    next.members = quorum_members(c, &s->m.view);
    quorum_text(secret, c, next.text);
    if (!strcmp(next.text, n->sync.text))
        return;
    n->was_sync = n->sync;
    n->sync = next;
    /* Walsenders take a new setting soon; the checkpointer, without which nobody waits at all, perhaps late. */
    n->sync_at = s->now + (usec_t)sim_below(s, n->was_sync.k ? 450 : 3000) * SIM_MS;
}

/* The k-th newest position among the members. */
static lsn_t quorum_lsn(const struct sim *s, int i, const struct sim_sync *sync)
{
    lsn_t best[SIM_NODES_MAX];
    int n = 0;
    if (!sync->k)
        return UINT64_MAX;
    for (int j = 0; j < s->n_nodes; j++) {
        const struct sim_node *r = &s->nodes[j];
        if (!((sync->members >> j) & 1) || r->app != sync->secret || r->upstream != i ||
            !r->streaming || r->branch != s->nodes[i].branch)
            continue;
        int at = n++;
        for (; at > 0 && best[at - 1] < r->confirmed; at--)
            best[at] = best[at - 1];
        best[at] = r->confirmed;
    }
    return n >= sync->k ? best[sync->k - 1] : 0;
}

lsn_t sim_pg_confirmed_lsn(const struct sim *s, int i)
{
    const struct sim_node *n = &s->nodes[i];
    const lsn_t now = quorum_lsn(s, i, &n->sync);
    const lsn_t before = s->now < n->sync_at ? quorum_lsn(s, i, &n->was_sync) : 0;
    return now > before ? now : before;
}

void sim_pg_peers(const struct sim *s, int i, struct observe_peers *out)
{
    char name[4] = "n";
    out->n = 0;
    out->more = false;
    for (int j = 0; j < s->n_nodes; j++) {
        const struct sim_node *r = &s->nodes[j];
        if (!r->up || r->upstream != i || !r->streaming || r->branch != s->nodes[i].branch)
            continue;
        struct observe_peer *p = &out->peers[out->n++];
        *p = (struct observe_peer){.state = PEER_STREAMING, .flush_lsn = r->confirmed};
        name[1] = (char)('0' + j);
        if (r->app)
            quorum_name(r->app, name, p->application_name);
        else
            (void)str_copy(p->application_name, sizeof(p->application_name), name);
    }
}
