#include "status.h"

#include <stdio.h>

#include "base/str.h"
#include "manager_private.h"

static void cell_ms(struct table *t, usec_t v)
{
    table_cell_i64(t, v / USEC_PER_MS);
}

static void cell_lsn(struct table *t, lsn_t lsn)
{
    char buf[24];
    table_cell(t, lsn ? lsn_text(lsn, buf) : NULL);
}

/* What it has of its weight (slow start), how long it has been ejected, when it returns if it answers promptly. */
static void spread_cells(struct table *t, const struct cluster *c, int i)
{
    const usec_t now = clock_now(c->clock);
    const struct view_node *v = &c->view.nodes[i];
    const struct topo_node *n = i < c->topo.n_nodes ? &c->topo.nodes[i] : NULL;
    const bool reads = n && n->unreadable == READ_OK;
    table_cellf(t, "%u%%", reads ? topo_share(n, c->slow_start, now) / 10 : 0);
    if (outlier_ejected(&v->outlier)) {
        cell_ms(t, now - v->outlier.ejected_at);
        cell_ms(t, outlier_left(&v->outlier, now));
    } else {
        table_cell(t, NULL);
        table_cell(t, NULL);
    }
    table_cell_bool(t, v->drained);
}

/* ---- nodes ---- */

static void node_row(struct table *t, const struct cluster *c, int i)
{
    const struct view_node *v = &c->view.nodes[i];
    const struct topo_node *n = i < c->topo.n_nodes ? &c->topo.nodes[i] : NULL;
    const struct node *live = c->nodes[i];
    const enum topo_unreadable why = n ? n->unreadable : READ_UNKNOWN;
    const bool writer = i == c->topo.writer;
    char version[16];
    snprintf(version, sizeof(version), "%d.%d", v->obs.server_version_num / 10000,
             v->obs.server_version_num % 10000);
    table_cell(t, c->conf.name);
    table_cell(t, v->name);
    table_cell(t, v->host);
    table_cell_i64(t, v->port);
    table_cell(t, topo_role_name(v->seen ? v->obs.role : ROLE_UNKNOWN));
    table_cell(t, health_verdict_name(v->health.verdict));
    table_cell_bool(t, why == READ_OK);
    /* One reason: why it does not serve, else why it is suspected, else nothing. */
    if (why != READ_OK && v->health.verdict == HEALTH_OK)
        table_cell(t, topo_unreadable_text(why));
    else if (v->health.verdict != HEALTH_OK)
        table_cell(t, health_reason_text(v->health.reason));
    else
        table_cell(t, writer ? "is the writer" : topo_unreadable_text(READ_OK));
    table_cell_i64(t, v->timeline);
    if (v->lag.known) {
        cell_ms(t, v->lag.time);
        table_cell_u64(t, v->lag.bytes);
    } else {
        table_cell(t, NULL);
        table_cell(t, NULL);
    }
    cell_lsn(t, v->seen ? (v->obs.role == ROLE_PRIMARY ? v->obs.flush_lsn : v->obs.replay_lsn) : 0);
    table_cell_i64(t, v->weight);
    table_cell(t, v->zone);
    if (v->health.last_ok)
        cell_ms(t, clock_now(c->clock) - v->health.last_ok);
    else
        table_cell(t, NULL);
    table_cellf(t, "%.3f", (double)live->last_duration / 1000.0);
    table_cell_u64(t, live->probes);
    table_cell_u64(t, live->failures);
    table_cell(t, v->seen ? version : NULL);
    table_cell_u64(t, n ? n->role_since : 0);
}

struct table *status_nodes(struct manager *m)
{
    static const char *const columns[] = {
        "cluster",   "node",       "host",           "port",           "role",
        "state",     "readable",   "reason",         "timeline",       "lag_ms",
        "lag_bytes", "replay_lsn", "weight",         "zone",           "last_probe_ms",
        "probe_ms",  "probes",     "probe_failures", "server_version", "epoch_since"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (int i = 0; t && i < m->n_clusters; i++) {
        for (int j = 0; j < m->clusters[i]->n_nodes; j++)
            node_row(t, m->clusters[i], j);
    }
    return t;
}

struct table *status_spread(struct manager *m)
{
    static const char *const columns[] = {"cluster",    "node",    "share",        "ejected_ms",
                                          "returns_ms", "drained", "max_in_flight"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (int i = 0; t && i < m->n_clusters; i++) {
        const struct cluster *c = m->clusters[i];
        for (int j = 0; j < c->n_nodes; j++) {
            table_cell(t, c->conf.name);
            table_cell(t, c->view.nodes[j].name);
            spread_cells(t, c, j);
            table_cell_i64(t, c->nodes[j]->conf.max_in_flight);
        }
    }
    return t;
}

/* ---- lag ---- */

static void lag_row(struct table *t, const struct cluster *c, int i)
{
    const struct view_node *v = &c->view.nodes[i];
    const struct lag_policy *p = &c->lag_policy;
    const enum topo_unreadable why =
        i < c->topo.n_nodes ? c->topo.nodes[i].unreadable : READ_UNKNOWN;
    table_cell(t, c->conf.name);
    table_cell(t, v->name);
    table_cell_bool(t, why == READ_OK);
    if (why == READ_EJECTED)
        table_cellf(t, "%s (%s)", topo_unreadable_text(why),
                    outlier_reason_text(v->outlier.reason));
    else
        table_cell(t, topo_unreadable_text(why));
    if (v->lag.known) {
        cell_ms(t, v->lag.time);
        table_cell_u64(t, v->lag.bytes);
    } else {
        table_cell(t, NULL);
        table_cell(t, NULL);
    }
    cell_ms(t, p->max_lag);
    table_cell_u64(t, p->max_lag_bytes);
    cell_ms(t, p->max_lag / 100 * p->resume_percent);
    table_cell_u64(t, p->max_lag_bytes / 100 * (uint64_t)p->resume_percent);
    cell_lsn(t, v->seen ? v->obs.receive_lsn : 0);
    cell_lsn(t, v->seen ? v->obs.replay_lsn : 0);
    cell_lsn(t, lag_history_newest(&c->view.history));
    table_cell_bool(t, v->seen && v->obs.streaming);
    table_cell_bool(t, v->seen && v->obs.replay_paused);
    table_cell(t, v->zone);
    table_cell_i64(t, v->weight);
    spread_cells(t, c, i);
}

struct table *status_lag(struct manager *m)
{
    static const char *const columns[] = {
        "cluster",    "node",          "eligible",  "reason",       "lag_ms",       "lag_bytes",
        "max_lag_ms", "max_lag_bytes", "resume_ms", "resume_bytes", "received_lsn", "replay_lsn",
        "writer_lsn", "streaming",     "paused",    "zone",         "weight",       "share",
        "ejected_ms", "returns_ms",    "drained"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (int i = 0; t && i < m->n_clusters; i++) {
        const struct cluster *c = m->clusters[i];
        for (int j = 0; j < c->n_nodes; j++) {
            if (c->view.nodes[j].seen && c->view.nodes[j].obs.role == ROLE_REPLICA)
                lag_row(t, c, j);
        }
    }
    return t;
}

struct table *status_events(struct manager *m)
{
    return events_table(m->events);
}

/* ---- failover ---- */

static void failover_row(struct table *t, const struct cluster *c)
{
    const struct failover *f = &c->failover;
    const usec_t now = clock_now(c->clock);
    const bool running = failover_running(f);
    char moves[1024];
    struct strbuf b;
    strbuf_init(&b, moves, sizeof(moves));
    for (int i = 0; i < f->n_moves; i++)
        strbuf_addf(&b, "%s%s (%s)", i ? ", " : "", failover_state_name(f->moves[i].to),
                    f->moves[i].reason);
    table_cell(t, c->conf.name);
    table_cell(t, failover_state_name(failover_state_of(f)));
    if (running) {
        cell_ms(t, now - f->since);
        cell_ms(t, f->deadline - now);
    } else {
        table_cell(t, NULL);
        table_cell(t, NULL);
    }
    table_cell_u64(t, c->topo.epoch);
    table_cell(t, c->topo.writer >= 0 ? c->topo.nodes[c->topo.writer].name : NULL);
    table_cell(t, running && f->candidate >= 0 ? c->view.nodes[f->candidate].name : NULL);
    table_cell(t, running && f->n_moves ? f->moves[f->n_moves - 1].reason
                                        : decide_verdict_text(c->decision.verdict));
    table_cell(t, moves);
    if (c->plan_at)
        cell_ms(t, c->plan_at - now);
    else
        table_cell(t, NULL);
}

struct table *status_failover(struct manager *m)
{
    static const char *const columns[] = {"cluster",    "state",        "since_ms",  "deadline_ms",
                                          "epoch",      "writer",       "candidate", "reason",
                                          "last_moves", "planned_in_ms"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (int i = 0; t && i < m->n_clusters; i++)
        failover_row(t, m->clusters[i]);
    return t;
}

/* ---- clusters ---- */

/* Would a failover find a candidate now, and if not, why? */
static bool failover_possible(const struct cluster *c, char *why, size_t cap)
{
    struct candidate_list list;
    const int writer = c->topo.writer >= 0 ? c->topo.writer : view_find(&c->view, c->memory.writer);
    struct candidate_rules rules = {
        .system_identifier = c->memory.system_identifier,
        .timeline = c->memory.timeline,
        .writer_lsn = writer >= 0 ? view_position(&c->view, writer) : c->memory.writer_lsn,
        .writer = writer,
        .named = -1,
        .max_lag = c->quorum_policy.k ? UINT64_MAX : c->failover_policy.failover_max_lag,
    };
    if (c->n_nodes < 2) {
        str_copy(why, cap, "there is no replica");
        return false;
    }
    const int best = candidate_rank(&c->view, &rules, &list);
    if (best >= 0) {
        snprintf(why, cap, "%s can take over (%d candidates%s)", c->view.nodes[best].name, list.n,
                 c->maintenance ? "; by command only: maintenance"
                 : c->decide_policy.mode == FAILOVER_AUTOMATIC
                     ? ""
                     : "; by command only: failover.mode");
        return c->decide_policy.mode != FAILOVER_FOLLOW;
    }
    struct strbuf b;
    strbuf_init(&b, why, cap);
    for (int i = 0; i < c->view.n_nodes; i++) {
        if (i != writer)
            strbuf_addf(&b, "%s%s %s", b.n ? "; " : "", c->view.nodes[i].name,
                        candidate_reason_text(list.reason[i]));
    }
    return false;
}

static const char *mode_name(enum failover_mode mode)
{
    switch (mode) {
    case FAILOVER_AUTOMATIC:
        return "automatic";
    case FAILOVER_MANUAL:
        return "manual";
    case FAILOVER_FOLLOW:
        return "follow";
    case FAILOVER_MODE_NR:
        break;
    }
    return "?";
}

/* What commits wait for, and whether a failover now would lose nothing. */
static void quorum_cells(struct table *t, const struct cluster *c)
{
    char text[1024];
    struct strbuf b;
    const struct quorum_config *newest = quorum_newest(&c->memory.quorum);
    const enum quorum_reason why = cluster_quorum_safe(c);
    strbuf_init(&b, text, sizeof(text));
    if (newest && newest->k) {
        strbuf_addf(&b, "any %d of", newest->k);
        for (int i = 0; i < newest->n; i++)
            strbuf_addf(&b, "%s %s", i ? "," : "", newest->members[i]);
    }
    table_cell(t, text[0] ? text : NULL);
    table_cell_bool(t, why == QUORUM_OK);
    table_cell(t, quorum_reason_text(why));
}

static void cluster_row(struct table *t, const struct cluster *c)
{
    char why[512];
    const bool possible = failover_possible(c, why, sizeof(why));
    table_cell(t, c->conf.name);
    table_cell_u64(t, c->topo.epoch);
    table_cell_u64(t, c->topo.version);
    table_cell_i64(t, c->topo.timeline);
    table_cell(t, c->topo.writer >= 0 ? c->topo.nodes[c->topo.writer].name : NULL);
    table_cell(t, c->maintenance ? "maintenance" : mode_name(c->decide_policy.mode));
    table_cell(t, cluster_authority(c) == AUTHORITY_HELD ? "held" : "not held");
    table_cell_bool(t, possible);
    table_cell(t, why);
    table_cell_u64(t, c->topo.system_identifier);
    table_cell_i64(t, c->n_nodes);
    quorum_cells(t, c);
}

struct table *status_clusters(struct manager *m)
{
    static const char *const columns[] = {
        "cluster", "epoch",     "version",           "timeline",    "writer",
        "mode",    "authority", "failover_possible", "because",     "system_identifier",
        "nodes",   "quorum",    "failover_safe",     "safe_because"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (int i = 0; t && i < m->n_clusters; i++)
        cluster_row(t, m->clusters[i]);
    return t;
}
