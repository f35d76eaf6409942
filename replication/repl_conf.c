#include "repl_conf.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/str.h"
#include "pgconn.h"

#define ROW(type_, member) \
    .name = #member, .offset = offsetof(type_, member), .size = sizeof(((type_ *)0)->member)

static const char *const mode_values[] = {"automatic", "manual", "follow", NULL};
static const char *const profile_values[] = {"fast", "conservative", NULL};
static const char *const sync_values[] = {"off", "quorum", NULL};

static const struct conf_setting cluster_rows[] = {
    {ROW(struct cluster_conf, monitor), .type = CONF_STRING, .def = "dbname=postgres",
     .flags = CONF_RELOAD | CONF_SECRET,
     .doc = "Connection string, without host and port, for the control connections to every node: "
            "user, dbname, passfile, "
            "sslmode and so on. The role needs pg_monitor; failover needs more (see the manual), "
            "or a superuser."},
    {ROW(struct cluster_conf, check_interval), .type = CONF_DURATION, .def = "500ms", .unit = "ms",
     .min = 10 * USEC_PER_MS, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "Pause between two probes of a healthy node. Errors on connections make a probe come "
            "at once."},
    {ROW(struct cluster_conf, check_timeout), .type = CONF_DURATION, .def = "1s", .unit = "ms",
     .min = 10 * USEC_PER_MS, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "How long a probe may take, connecting included. A node that is silent for "
            "check_misses probes is down."},
    {ROW(struct cluster_conf, check_misses), .type = CONF_INT, .def = "3", .min = 1, .max = 100,
     .flags = CONF_RELOAD,
     .doc = "Probes in a row without an answer that make a node down. A refused connection needs "
            "only one more probe."},
    {ROW(struct cluster_conf, replication_user), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "User in primary_conninfo of a replica that is pointed at a new primary. Empty: keep "
            "what the replica has."},
};

static const struct conf_setting node_rows[] = {
    {ROW(struct node_conf, cluster), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Cluster of the node. May be left out when there is only one."},
    {ROW(struct node_conf, host), .type = CONF_STRING, .flags = CONF_RELOAD | CONF_REQUIRED,
     .doc = "Host name, address, or the directory of a Unix socket (it begins with a slash). Roles "
            "are never configured: "
            "they are discovered."},
    {ROW(struct node_conf, port), .type = CONF_INT, .def = "5432", .min = 1, .max = 65535,
     .flags = CONF_RELOAD, .doc = "Port of the node."},
    {ROW(struct node_conf, weight), .type = CONF_INT, .def = "1", .min = 0, .max = 1000,
     .flags = CONF_RELOAD,
     .doc = "Share of the reads relative to other replicas. 0: reads only when no other replica "
            "can serve them."},
    {ROW(struct node_conf, zone), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Where the node stands; any word. See zones and allow_zones of [routing]."},
    {ROW(struct node_conf, max_in_flight), .type = CONF_INT, .def = "0", .min = 0, .max = 100000,
     .flags = CONF_RELOAD,
     .doc = "Statements and transactions of all clients at most at once on the node. Reads go to "
            "other "
            "replicas then, and wait if all are full. 0: no limit."},
    {ROW(struct node_conf, promotable), .type = CONF_BOOL, .def = "on", .flags = CONF_RELOAD,
     .doc = "Whether the node may become primary."},
    {ROW(struct node_conf, priority), .type = CONF_INT, .def = "0", .min = -1000, .max = 1000,
     .flags = CONF_RELOAD,
     .doc = "Preference among equally advanced candidates for promotion; the higher is preferred."},
};

static const struct conf_setting failover_rows[] = {
    {ROW(struct failover_conf, mode), .type = CONF_ENUM, .def = "automatic", .values = mode_values,
     .flags = CONF_RELOAD,
     .doc = "automatic: promote a replica when the primary is down. manual: only by command. "
            "follow: never change anything, "
            "another manager does it."},
    {ROW(struct failover_conf, synchronous), .type = CONF_ENUM, .def = "off", .values = sync_values,
     .flags = CONF_RELOAD,
     .doc = "off: asynchronous replication, the loss of a failover is bounded by failover_max_lag. "
            "quorum: tanist manages synchronous_standby_names of the primary, a commit waits for "
            "`quorum` replicas, and a "
            "failover loses no acknowledged write."},
    {ROW(struct failover_conf, quorum), .type = CONF_INT, .def = "1", .min = 1, .max = 15,
     .flags = CONF_RELOAD,
     .doc = "With synchronous = quorum: how many replicas must have a commit before it is "
            "acknowledged. A failover needs all but (quorum - 1) of the synchronous replicas to "
            "answer; with fewer than `quorum` replicas commits wait."},
    {ROW(struct failover_conf, failover_max_lag), .type = CONF_BYTES, .def = "1MB", .min = 0,
     .max = INT64_MAX, .flags = CONF_RELOAD,
     .doc = "A replica that lacks more than this of the last known position of the primary is not "
            "promoted automatically."},
    {ROW(struct failover_conf, client_hold), .type = CONF_DURATION, .def = "30s", .unit = "s",
     .min = 0, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "How long clients that need the primary wait while there is none, before they get an "
            "error."},
    {ROW(struct failover_conf, commit_resolution), .type = CONF_BOOL, .def = "off",
     .flags = CONF_RELOAD,
     .doc = "Whether the transaction id of each write is learned before it commits, so that a "
            "client whose commit was under way when its server was lost hears how it ended, "
            "instead of 08007."},
    {ROW(struct failover_conf, transaction_replay), .type = CONF_BOOL, .def = "off",
     .flags = CONF_RELOAD,
     .doc = "Whether a transaction whose server is lost before its COMMIT runs again on the next "
            "primary. Its client goes on as if nothing had been if every result is the same, and "
            "gets 40001 if not. Statements with effects that no rollback undoes (sequences, "
            "functions that reach out of the database) have them twice."},
    {ROW(struct failover_conf, transaction_replay_bytes), .type = CONF_BYTES, .def = "1MB",
     .min = 1024, .max = 64 * 1024 * 1024, .flags = CONF_RELOAD,
     .doc = "With transaction_replay: requests of a transaction are kept up to this size; a longer "
            "one is not run again."},
    {ROW(struct failover_conf, transaction_replay_time), .type = CONF_DURATION, .def = "30s",
     .unit = "s", .min = 0, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "With transaction_replay: a transaction that is older than this is not run again."},
    {ROW(struct failover_conf, drain_timeout), .type = CONF_DURATION, .def = "5s", .unit = "ms",
     .min = 0, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc =
         "In a switchover, how long transactions in flight may take to end before they are ended."},
    {ROW(struct failover_conf, promote_timeout), .type = CONF_DURATION, .def = "30s", .unit = "s",
     .min = USEC_PER_SEC, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "How long a promotion may take before another candidate is tried."},
    {ROW(struct failover_conf, catchup_timeout), .type = CONF_DURATION, .def = "30s", .unit = "s",
     .min = USEC_PER_SEC, .max = 24 * 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "How long the chosen replica may take to replay what it has received before another "
            "one is tried."},
    {ROW(struct failover_conf, heartbeat), .type = CONF_BOOL, .def = "on", .flags = CONF_RELOAD,
     .doc = "Whether every probe of the primary also writes a tiny WAL record (a logical message, "
            "no table needed; "
            "about 100 bytes). It keeps the replicas of an idle primary informed, shows a primary "
            "that answers but "
            "cannot write, and makes lag measurable. Never in follow mode."},
    {ROW(struct failover_conf, ignore_manager), .type = CONF_BOOL, .def = "off",
     .flags = CONF_RELOAD,
     .doc = "tanist acts as in mode follow when a node shows that somebody else manages the "
            "cluster (Patroni, CloudNativePG, pg_auto_failover, a cloud provider). on: it does "
            "not care; two managers may then promote two nodes."},
    {ROW(struct failover_conf, receiver_timeout), .type = CONF_DURATION, .def = "2s", .unit = "ms",
     .min = 0, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "In mode automatic, wal_receiver_timeout of the replicas is lowered to this (ALTER "
            "SYSTEM). After half of it without a message a replica asks the primary for one, so "
            "that it can say whether the primary lives though tanist does not reach it. 0: "
            "leave it as it is."},
    {ROW(struct failover_conf, profile), .type = CONF_ENUM, .def = "fast", .values = profile_values,
     .flags = CONF_RELOAD,
     .doc = "fast: a refused connection needs one more probe, silence check_misses of them. "
            "conservative: "
            "twice as many unanswered probes, and a replica's word for the primary counts for "
            "three times as long. "
            "In quorum mode a false alarm costs a pause, never data."},
    {ROW(struct failover_conf, min_interval), .type = CONF_DURATION, .def = "5s", .unit = "s",
     .min = 0, .max = 24 * 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "An automatic failover does not start sooner than this after the last one ended, so "
            "that a fault that moves along does not chase the primary through the cluster. "
            "Commands are not bound by it. 0: no pause."},
    {ROW(struct failover_conf, hook_timeout), .type = CONF_DURATION, .def = "10s", .unit = "s",
     .min = USEC_PER_SEC, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc = "How long fence_command, pre_promote_command and notify_command may take; then they "
            "are killed and count as failed."},
    {ROW(struct failover_conf, fence_command), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc =
         "Shell command that fences the old primary of a failover (power, network, the container's "
         "supervisor). It runs beside the revocation. In asynchronous mode its failure ends the "
         "failover; in quorum mode nothing depends on it."},
    {ROW(struct failover_conf, pre_promote_command), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Shell command that is asked before a node is promoted; if it fails, the run ends and "
            "nothing is promoted."},
    {ROW(struct failover_conf, notify_command), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Shell command that is told how each failover and switchover ended (TANIST_RESULT: "
            "promoted, kept or gave-up). Nothing waits for it."},
    {ROW(struct failover_conf, rejoin_command), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc =
         "Shell command that makes a returned old primary a replica of the new one. It finds "
         "TANIST_REWIND=yes when the node has WAL that the new primary does not have, no when it "
         "only needs standby.signal, unknown when that could not be found out. "
         "contrib/hooks/rejoin is ready to use. Empty: the node stays fenced."},
    {ROW(struct failover_conf, demote_command), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc =
         "Shell command that is run after a switchover, to make the old primary a replica: stop "
         "it, "
         "run pg_rewind against the new primary, start it with standby.signal. It finds "
         "TANIST_CLUSTER, TANIST_NODE, TANIST_HOST, TANIST_PORT, TANIST_NEW_NODE, TANIST_NEW_HOST "
         "and TANIST_NEW_PORT in its environment. Empty: the old primary is fenced, and the "
         "operator rebuilds it."},
};

static const struct conf_setting lag_rows[] = {
    {ROW(struct lag_conf, max_lag), .type = CONF_DURATION, .def = "1s", .unit = "ms", .min = 0,
     .max = 365LL * 86400 * USEC_PER_SEC, .flags = CONF_RELOAD | CONF_NEVER,
     .doc = "A replica that is behind the primary by more time than this gets no reads. off: no "
            "limit."},
    {ROW(struct lag_conf, max_lag_bytes), .type = CONF_BYTES, .def = "16MB", .min = 0,
     .max = INT64_MAX, .flags = CONF_RELOAD,
     .doc =
         "A replica that is behind the primary by more WAL than this gets no reads. 0: no limit."},
    {ROW(struct lag_conf, lag_resume), .type = CONF_PERCENT, .def = "70%", .min = 1, .max = 100,
     .flags = CONF_RELOAD,
     .doc = "A replica that was over a limit gets reads again below this share of the limit."},
    {ROW(struct lag_conf, slow_start), .type = CONF_DURATION, .def = "10s", .unit = "s", .min = 0,
     .max = 86400 * USEC_PER_SEC, .flags = CONF_RELOAD | CONF_NEVER,
     .doc =
         "A replica that comes back (from an outage, a drain, an ejection or a lag) begins with a "
         "tenth of its share of the reads, which grows to the whole in this time. off: it has all "
         "of it at once."},
    {ROW(struct lag_conf, eject_after), .type = CONF_DURATION, .def = "400ms", .unit = "ms",
     .min = 0, .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD | CONF_NEVER,
     .doc =
         "A replica that has not answered a probe for so long while another node has gets no reads "
         "(at most half of the replicas at once). So does one to which five connections failed "
         "within a second. off: replicas are left out only when they are down."},
    {ROW(struct lag_conf, eject_time), .type = CONF_DURATION, .def = "1s", .unit = "ms", .min = 0,
     .max = 3600 * USEC_PER_SEC, .flags = CONF_RELOAD,
     .doc =
         "It gets reads again when it has answered promptly for so long; twice as long each time "
         "that it is ejected again soon, up to 30 s."},
};

/* ---- section instances ---- */

static void *cluster_get(void *root, const char *name, bool *is_new, struct err *e)
{
    struct repl_conf *c = root;
    *is_new = false;
    for (int i = 0; i < c->n_clusters; i++) {
        if (strcmp(c->clusters[i].name, name) == 0)
            return &c->clusters[i];
    }
    if (c->n_clusters >= REPL_CLUSTERS_MAX) {
        err_set(e, ERR_LIMIT, "more than %d clusters", REPL_CLUSTERS_MAX);
        return NULL;
    }
    struct cluster_conf *cc = &c->clusters[c->n_clusters];
    *cc = (struct cluster_conf){0};
    if (!str_copy(cc->name, sizeof(cc->name), name)) {
        err_set(e, ERR_INVALID, "the cluster's name is longer than %d bytes", TOPO_NAME_MAX - 1);
        return NULL;
    }
    c->n_clusters++;
    *is_new = true;
    return cc;
}

static const void *cluster_at(const void *root, int i, const char **name)
{
    const struct repl_conf *c = root;
    if (i >= c->n_clusters)
        return NULL;
    *name = c->clusters[i].name;
    return &c->clusters[i];
}

static void *node_get(void *root, const char *name, bool *is_new, struct err *e)
{
    struct repl_conf *c = root;
    *is_new = false;
    for (int i = 0; i < c->n_nodes; i++) {
        if (strcmp(c->nodes[i].name, name) == 0)
            return &c->nodes[i];
    }
    if (c->n_nodes >= TOPO_NODES_MAX) {
        err_set(e, ERR_LIMIT, "more than %d nodes", TOPO_NODES_MAX);
        return NULL;
    }
    struct node_conf *n = &c->nodes[c->n_nodes];
    *n = (struct node_conf){0};
    if (!str_copy(n->name, sizeof(n->name), name)) {
        err_set(e, ERR_INVALID, "the node's name is longer than %d bytes", TOPO_NAME_MAX - 1);
        return NULL;
    }
    c->n_nodes++;
    *is_new = true;
    return n;
}

static const void *node_at(const void *root, int i, const char **name)
{
    const struct repl_conf *c = root;
    if (i >= c->n_nodes)
        return NULL;
    *name = c->nodes[i].name;
    return &c->nodes[i];
}

static void *failover_get(void *root, const char *name, bool *is_new, struct err *e)
{
    (void)name;
    (void)e;
    *is_new = false;
    return &((struct repl_conf *)root)->failover;
}

static const void *failover_at(const void *root, int i, const char **name)
{
    *name = "";
    return i == 0 ? &((const struct repl_conf *)root)->failover : NULL;
}

static void *lag_get(void *root, const char *name, bool *is_new, struct err *e)
{
    (void)name;
    (void)e;
    *is_new = false;
    return &((struct repl_conf *)root)->lag;
}

static const void *lag_at(const void *root, int i, const char **name)
{
    *name = "";
    return i == 0 ? &((const struct repl_conf *)root)->lag : NULL;
}

const struct conf_section repl_conf_sections[] = {
    {.kind = "cluster",
     .named = true,
     .settings = cluster_rows,
     .n_settings = (int)ARRAY_LEN(cluster_rows),
     .doc = "A primary and its replicas.",
     .example_name = "prod",
     .get = cluster_get,
     .at = cluster_at},
    {.kind = "node",
     .named = true,
     .settings = node_rows,
     .n_settings = (int)ARRAY_LEN(node_rows),
     .doc = "One PostgreSQL server.",
     .example_name = "pg1",
     .get = node_get,
     .at = node_at},
    {.kind = "failover",
     .named = false,
     .settings = failover_rows,
     .n_settings = (int)ARRAY_LEN(failover_rows),
     .doc = "What happens when the primary is down.",
     .get = failover_get,
     .at = failover_at},
    {.kind = "routing",
     .named = false,
     .settings = lag_rows,
     .n_settings = (int)ARRAY_LEN(lag_rows),
     .doc = "Lag limits for reads.",
     .get = lag_get,
     .at = lag_at},
};
const int repl_conf_n_sections = (int)ARRAY_LEN(repl_conf_sections);

/* ---- semantic checks ---- */

/* Names go into file names, log lines and SQL; so they are plain. */
static bool name_ok(const char *name)
{
    if (!*name || *name == '.')
        return false;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (*p <= ' ' || *p == '/' || *p == '"' || *p == '\'' || *p == '\\' || *p == 0x7f)
            return false;
    }
    return true;
}

static int check_monitor_keyword(void *arg, const char *keyword, const char *value, struct err *e)
{
    (void)arg;
    (void)value;
    if (strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
        strcmp(keyword, "port") == 0)
        return err_set(e, ERR_INVALID, "%s does not belong here: it is the node's", keyword);
    return 0;
}

static void check_cluster(const struct repl_conf *c, const struct cluster_conf *cc,
                          struct conf_diags *diags)
{
    char section[TOPO_NAME_MAX + 16];
    struct err e = {0};
    snprintf(section, sizeof(section), "cluster %s", cc->name);
    if (!name_ok(cc->name))
        conf_diag_add(diags, false, section, "",
                      "a cluster's name may not have spaces, quotes, slashes or begin with a dot");
    int nodes = 0;
    for (int i = 0; i < c->n_nodes; i++)
        nodes += strcmp(c->nodes[i].cluster, cc->name) == 0;
    if (nodes == 0)
        conf_diag_add(diags, false, section, "",
                      "the cluster has no node: add a section [node NAME] with cluster = %s",
                      cc->name);
    if (pgconn_conninfo_each(cc->monitor, check_monitor_keyword, NULL, &e) != 0)
        conf_diag_add(diags, false, section, "monitor", "%s", e.text);
}

static bool cluster_exists(const struct repl_conf *c, const char *name)
{
    for (int i = 0; i < c->n_clusters; i++) {
        if (strcmp(c->clusters[i].name, name) == 0)
            return true;
    }
    return false;
}

static void check_node(struct repl_conf *c, int at, struct conf_diags *diags)
{
    struct node_conf *n = &c->nodes[at];
    char section[TOPO_NAME_MAX + 16];
    snprintf(section, sizeof(section), "node %s", n->name);
    if (!name_ok(n->name))
        conf_diag_add(diags, false, section, "",
                      "a node's name may not have spaces, quotes, slashes or begin with a dot");
    if (!n->cluster[0] && c->n_clusters == 1)
        str_copy(n->cluster, sizeof(n->cluster), c->clusters[0].name);
    else if (!n->cluster[0] && c->n_clusters > 1)
        conf_diag_add(diags, false, section, "cluster",
                      "there are %d clusters: say which one the node belongs to", c->n_clusters);
    else if (n->cluster[0] && !cluster_exists(c, n->cluster))
        conf_diag_add(diags, false, section, "cluster", "there is no section [cluster %s]",
                      n->cluster);
    for (int i = 0; i < at; i++) {
        if (strcmp(c->nodes[i].host, n->host) == 0 && c->nodes[i].port == n->port)
            conf_diag_add(diags, false, section, "host", "node %s has the same host and port",
                          c->nodes[i].name);
    }
}

static void check_quorum(const struct repl_conf *c, struct conf_diags *diags)
{
    for (int i = 0; i < c->n_clusters; i++) {
        int nodes = 0;
        for (int j = 0; j < c->n_nodes; j++)
            nodes += strcmp(c->nodes[j].cluster, c->clusters[i].name) == 0;
        if (nodes <= (int)c->failover.quorum)
            conf_diag_add(diags, false, "failover", "quorum",
                          "cluster %s has %d nodes: with quorum = %d no commit could ever be "
                          "confirmed (it needs at least %d)",
                          c->clusters[i].name, nodes, (int)c->failover.quorum,
                          (int)c->failover.quorum + 1);
    }
    if (c->failover.mode == FAILOVER_FOLLOW)
        conf_diag_add(diags, false, "failover", "synchronous",
                      "in follow mode nothing is changed: synchronous = quorum needs another mode");
}

void repl_conf_check(struct repl_conf *c, struct conf_diags *diags)
{
    if (c->n_clusters == 0)
        conf_diag_add(diags, false, "cluster", "",
                      "there is no cluster: add a section [cluster NAME], or give a connection "
                      "string with all hosts");
    for (int i = 0; i < c->n_nodes; i++)
        check_node(c, i, diags);
    for (int i = 0; i < c->n_clusters; i++)
        check_cluster(c, &c->clusters[i], diags);
    if (c->failover.synchronous == REPL_QUORUM)
        check_quorum(c, diags);
}
