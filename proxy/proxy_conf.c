#include "proxy_conf.h"

#include <pthread.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/base/str.h"
#include "../replication/publish.h"

/* The settings tables of the data plane. What a user reads about a setting anywhere (sample file, man page, SHOW CONFIG)
 * is the doc string here, so they are written for users. */

/* Name, place and size of a row whose setting is called like its member. */
#define ROW(type_, member) \
    .name = #member, .offset = offsetof(type_, member), .size = sizeof(((type_ *)NULL)->member)

static const char *const log_levels[] = {"debug", "info",  "notice", "warning",
                                         "error", "fatal", NULL};
static const char *const log_formats[] = {"logfmt", "json", "text", NULL};
static const char *const tls_modes[] = {"off",       "allow",       "prefer", "require",
                                        "verify-ca", "verify-full", NULL};
static const char *const route_modes[] = {"auto", "primary", "replica", NULL};
static const char *const pool_modes[] = {"session", "transaction", "statement", NULL};
static const char *const backend_pids[] = {"virtual", "server", NULL};
static const char *const consistencies[] = {"eventual", "session", "bounded",
                                            "global",   "primary", NULL};
static const char *const own_consistencies[] = {"auto",   "eventual", "session", "bounded",
                                                "global", "primary",  NULL};
static const char *const balances[] = {"least_busy", "round_robin", "random", "latency", NULL};
static const char *const balance_bys[] = {"statement", "session", NULL};
static const char *const transaction_reads[] = {"primary", "replica", NULL};
static const char *const own_transaction_reads[] = {"auto", "primary", "replica", NULL};
static const char *const no_replicas[] = {"primary", "wait", "error", NULL};
static const char *const auth_methods[] = {"scram-sha-256", "md5", "password", "trust", NULL};

/* Rows of struct read_conf in a wider struct. */
#define READ_ROW(type_, member)                              \
    .name = #member, .offset = offsetof(type_, read.member), \
    .size = sizeof(((type_ *)NULL)->read.member)
#define READ_ROWS(type_, wider)                                                                   \
    {READ_ROW(type_, consistency),                                                                \
     .type = CONF_ENUM,                                                                           \
     .def = "auto",                                                                               \
     .values = own_consistencies,                                                                 \
     .flags = CONF_RELOAD,                                                                        \
     .doc = "routing.consistency for these sessions. auto: that of " wider "."},                  \
        {READ_ROW(type_, transaction_reads),                                                      \
         .type = CONF_ENUM,                                                                       \
         .def = "auto",                                                                           \
         .values = own_transaction_reads,                                                         \
         .flags = CONF_RELOAD,                                                                    \
         .doc = "routing.transaction_reads for these sessions. auto: that of " wider "."},        \
        {READ_ROW(type_, max_lag),                                                                \
         .type = CONF_DURATION,                                                                   \
         .def = "auto",                                                                           \
         .unit = "ms",                                                                            \
         .min = 0,                                                                                \
         .max = 86400 * USEC_PER_SEC,                                                             \
         .flags = CONF_RELOAD | CONF_NEVER | CONF_AUTO,                                           \
         .doc =                                                                                   \
             "routing.max_lag for these sessions; may be wider or narrower. auto: that of " wider \
             "."},                                                                                \
        {READ_ROW(type_, max_lag_bytes),                                                          \
         .type = CONF_BYTES,                                                                      \
         .def = "auto",                                                                           \
         .min = 0,                                                                                \
         .max = INT64_MAX,                                                                        \
         .flags = CONF_RELOAD | CONF_AUTO,                                                        \
         .doc = "routing.max_lag_bytes for these sessions. auto: that of " wider "."},            \
        {READ_ROW(type_, allow_zones), .type = CONF_STRING, .flags = CONF_RELOAD,                 \
         .doc = "These sessions use nodes in these zones only, comma-separated; what wider "      \
                "sections forbid stays forbidden. Empty: no further limit."},                     \
    {                                                                                             \
        READ_ROW(type_, freshness_wait),                                                          \
            .type = CONF_DURATION, .def = "auto", .unit = "ms", .min = 0,                         \
            .max = 60 * USEC_PER_SEC, .flags = CONF_RELOAD | CONF_NEVER | CONF_AUTO,              \
            .doc = "routing.freshness_wait for these sessions. auto: that of " wider "."          \
    }

static const struct conf_setting tanist_rows[] = {
    {ROW(struct tanist_conf, workers), .type = CONF_INT, .def = "auto", .min = 1,
     .max = PUBLISH_WORKERS_MAX, .flags = CONF_AUTO,
     .doc = "Threads that carry client traffic. auto is one for two cores. Pool limits hold for "
            "all of them together."},
    {ROW(struct tanist_conf, max_client_conn), .type = CONF_INT, .def = "10000", .min = 1,
     .max = 1000000,
     .doc = "Client connections at most; one more is refused with SQLSTATE 53300. Memory for them "
            "is bounded by this."},
    {ROW(struct tanist_conf, state_dir), .type = CONF_STRING,
     .doc = "Folder of the journal, the events and the control socket of the command line. Empty: "
            "/var/lib/tanist if that "
            "is writable, else $XDG_STATE_HOME/tanist or ~/.local/state/tanist."},
    {ROW(struct tanist_conf, log_level), .type = CONF_ENUM, .def = "info", .values = log_levels,
     .flags = CONF_RELOAD, .doc = "Lines below this level are not written."},
    {ROW(struct tanist_conf, log_format), .type = CONF_ENUM, .def = "logfmt", .values = log_formats,
     .flags = CONF_RELOAD,
     .doc = "logfmt and json have the same keys and a stable event token on each line; text is for "
            "people."},
    {ROW(struct tanist_conf, log_connections), .type = CONF_BOOL, .def = "off",
     .flags = CONF_RELOAD, .doc = "Log each client login and logout."},
    {ROW(struct tanist_conf, log_routes), .type = CONF_BOOL, .def = "off", .flags = CONF_RELOAD,
     .doc = "Log where each request goes and why. SQL text is not logged."},
    {ROW(struct tanist_conf, unix_socket_dir), .type = CONF_STRING,
     .doc = "Folder of a Unix socket for clients, named like PostgreSQL's after the port of the "
            "first listener. Empty: "
            "none."},
    {ROW(struct tanist_conf, client_login_timeout), .type = CONF_DURATION, .def = "60s",
     .unit = "s", .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 3600 * USEC_PER_SEC,
     .doc = "A client that has not logged in after this time is disconnected. 0: no limit."},
    {ROW(struct tanist_conf, max_db_connections), .type = CONF_INT, .def = "0", .min = 0,
     .max = 100000, .flags = CONF_RELOAD,
     .doc = "Server connections at most for each node and database, of all its users and all "
            "workers together. Who has idle ones gives them up to whoever waits longest. 0: no "
            "limit. [database NAME] may say otherwise."},
    {ROW(struct tanist_conf, max_user_connections), .type = CONF_INT, .def = "0", .min = 0,
     .max = 100000, .flags = CONF_RELOAD,
     .doc = "The same for each node and user, over all databases. [user NAME] may say otherwise."},
    {ROW(struct tanist_conf, node_headroom), .type = CONF_INT, .def = "5", .min = 0, .max = 100000,
     .flags = CONF_RELOAD,
     .doc = "Of the connections that a node allows (max_connections without those reserved for "
            "superusers), so many are left to others: tanist never has more server connections "
            "there than the rest, whatever the pools ask for. Its own control connections count "
            "among the others."},
};

static const struct conf_setting listen_rows[] = {
    {ROW(struct listen_conf, address), .type = CONF_STRING, .def = "127.0.0.1",
     .doc = "IPv4 or IPv6 address to listen on; * is all addresses."},
    {ROW(struct listen_conf, port), .type = CONF_INT, .def = "6432", .min = 1, .max = 65535,
     .doc = "TCP port."},
    {ROW(struct listen_conf, route), .type = CONF_ENUM, .def = "auto", .values = route_modes,
     .flags = CONF_RELOAD,
     .doc = "auto: reads may go to replicas, all else to the primary. primary: everything goes to "
            "the primary. replica: "
            "everything goes to replicas, and writes are refused there."},
    {ROW(struct listen_conf, tls), .type = CONF_ENUM, .def = "off", .values = tls_modes,
     .flags = CONF_RELOAD,
     .doc = "TLS towards clients: off, allow or prefer (if the client asks), require (refuse "
            "clients without), verify-ca or "
            "verify-full (also ask for a client certificate signed by tls_ca_file)."},
    {ROW(struct listen_conf, tls_cert_file), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Certificate chain in PEM; needed with TLS. A reload reads it again."},
    {ROW(struct listen_conf, tls_key_file), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Private key in PEM; needed with TLS."},
    {ROW(struct listen_conf, tls_ca_file), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "CA certificates in PEM that client certificates must be signed by; for verify-ca and "
            "verify-full."},
};

static const struct conf_setting database_rows[] = {
    {ROW(struct database_conf, cluster), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "The cluster that holds the database. May be left out with one cluster."},
    {ROW(struct database_conf, dbname), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Name of the database on the nodes. Empty: the name that the client asked for."},
    READ_ROWS(struct database_conf, "[routing]"),
    {ROW(struct database_conf, max_db_connections), .type = CONF_INT, .def = "auto", .min = 0,
     .max = 100000, .flags = CONF_RELOAD | CONF_AUTO,
     .doc = "Server connections at most for each node and this database. 0: no limit. auto: "
            "max_db_connections of [tanist]."},
};

static const struct conf_setting user_rows[] = {
    {ROW(struct user_conf, max_user_connections), .type = CONF_INT, .def = "auto", .min = 0,
     .max = 100000, .flags = CONF_RELOAD | CONF_AUTO,
     .doc = "Server connections at most for each node and this user. 0: no limit. auto: "
            "max_user_connections of [tanist]."},
};

static const struct conf_setting pool_rows[] = {
    {ROW(struct pool_conf, pool_mode), .type = CONF_ENUM, .def = "transaction",
     .values = pool_modes, .flags = CONF_RELOAD,
     .doc = "How long a client keeps a server connection: until it disconnects (session), until "
            "its transaction ends (transaction), or for one statement (statement), in which case "
            "BEGIN is refused."},
    {ROW(struct pool_conf, backend_pid), .type = CONF_ENUM, .def = "virtual",
     .values = backend_pids, .flags = CONF_RELOAD,
     .doc = "The process id that a client is told at login. virtual: a number that no server has. "
            "server: that of a server of the primary, where the session then runs whenever it is "
            "free, so that pids mean what they mean without tanist (pg_blocking_pids, "
            "pg_terminate_backend, NOTIFY). It costs a server for each session up to pool_size; "
            "further sessions get a number that no server has."},
    {ROW(struct pool_conf, pool_size), .type = CONF_INT, .def = "20", .min = 1, .max = 100000,
     .flags = CONF_RELOAD,
     .doc = "Server connections at most for each node, database and user, whatever the number of "
            "workers."},
    {ROW(struct pool_conf, min_pool_size), .type = CONF_INT, .def = "0", .min = 0, .max = 100000,
     .flags = CONF_RELOAD,
     .doc = "While a client is connected, so many server connections to each node that it may use "
            "are kept open, idle or not. At most pool_size counts."},
    {ROW(struct pool_conf, reserve_pool_size), .type = CONF_INT, .def = "0", .min = 0,
     .max = 100000, .flags = CONF_RELOAD,
     .doc = "So many more than pool_size once a client has waited for reserve_pool_timeout."},
    {ROW(struct pool_conf, reserve_pool_timeout), .type = CONF_DURATION, .def = "5s", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 86400 * USEC_PER_SEC,
     .doc = "How long a client waits before the reserve is used. 0: it never is."},
    {ROW(struct pool_conf, query_wait_timeout), .type = CONF_DURATION, .def = "30s", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 86400 * USEC_PER_SEC,
     .doc = "A client that waited this long for a server connection gets an error. 0: waits for "
            "ever."},
    {ROW(struct pool_conf, query_wait_notify), .type = CONF_DURATION, .def = "5s", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 86400 * USEC_PER_SEC,
     .doc = "A client that waited this long is told so by a NOTICE, once. 0: never."},
    {ROW(struct pool_conf, query_timeout), .type = CONF_DURATION, .def = "0", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 365LL * 86400 * USEC_PER_SEC,
     .doc = "A request that takes longer is cancelled, and its client gets SQLSTATE 57014. If the "
            "node does not react the client is disconnected. 0: no limit."},
    {ROW(struct pool_conf, transaction_timeout), .type = CONF_DURATION, .def = "0", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 365LL * 86400 * USEC_PER_SEC,
     .doc = "The client of a transaction that takes longer is disconnected with SQLSTATE 25P04, "
            "and the transaction is rolled back. 0: no limit."},
    {ROW(struct pool_conf, idle_transaction_timeout), .type = CONF_DURATION, .def = "0",
     .unit = "s", .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 365LL * 86400 * USEC_PER_SEC,
     .doc = "The client of a transaction that was idle for this long is disconnected with SQLSTATE "
            "25P03, and the transaction is rolled back. 0: no limit."},
    {ROW(struct pool_conf, client_idle_timeout), .type = CONF_DURATION, .def = "0", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 365LL * 86400 * USEC_PER_SEC,
     .doc = "A client that asked for nothing for this long, outside of transactions, is "
            "disconnected with SQLSTATE 57P05. 0: no limit."},
    {ROW(struct pool_conf, server_lifetime), .type = CONF_DURATION, .def = "1h", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 365LL * 86400 * USEC_PER_SEC,
     .doc = "A server connection older than this is closed when it is next unused; each a little "
            "earlier, up to a tenth, so that not all end at once. 0: no limit."},
    {ROW(struct pool_conf, server_idle_timeout), .type = CONF_DURATION, .def = "10min", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 365LL * 86400 * USEC_PER_SEC,
     .doc = "A server connection that was unused for this long is closed, unless min_pool_size "
            "keeps it. 0: kept."},
    {ROW(struct pool_conf, server_connect_timeout), .type = CONF_DURATION, .def = "15s",
     .unit = "s", .flags = CONF_RELOAD, .min = USEC_PER_MS, .max = 3600 * USEC_PER_SEC,
     .doc = "Connecting and logging in to a node must end within this time."},
    {ROW(struct pool_conf, server_login_retry), .type = CONF_DURATION, .def = "500ms", .unit = "ms",
     .flags = CONF_RELOAD, .min = USEC_PER_MS, .max = 3600 * USEC_PER_SEC,
     .doc = "After a failed login to a node, the next is tried after this time. Meanwhile reads go "
            "to other nodes."},
    {ROW(struct pool_conf, max_prepared_statements), .type = CONF_INT, .def = "200", .min = 0,
     .max = 100000, .flags = CONF_RELOAD,
     .doc = "Prepared statements kept on each server connection; the least recently used is "
            "dropped first. Clients may "
            "prepare more: theirs are prepared again where they are missing."},
    READ_ROWS(struct pool_conf, "[database]"),
};

static const struct conf_setting server_tls_rows[] = {
    {ROW(struct server_tls_conf, mode), .type = CONF_ENUM, .def = "prefer", .values = tls_modes,
     .flags = CONF_RELOAD,
     .doc =
         "TLS towards the nodes: off, allow or prefer (use it if the node has it), require, "
         "verify-ca (the node's "
         "certificate must be signed by ca_file), verify-full (and carry the node's host name)."},
    {ROW(struct server_tls_conf, ca_file), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "CA certificates in PEM for verify-ca and verify-full. Empty: those of the system."},
    {ROW(struct server_tls_conf, cert_file), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Client certificate in PEM that we show to the nodes."},
    {ROW(struct server_tls_conf, key_file), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Its private key. Empty: it is in cert_file."},
};

static const struct conf_setting routing_rows[] = {
    {ROW(struct routing_conf, read_write_split), .type = CONF_BOOL, .def = "on",
     .flags = CONF_RELOAD,
     .doc = "Send statements that only read to replicas. off: everything goes to the primary."},
    {ROW(struct routing_conf, consistency), .type = CONF_ENUM, .def = "session",
     .values = consistencies, .flags = CONF_RELOAD,
     .doc = "What a read must not miss; each level promises what those before it do. eventual: a "
            "replica may serve it if it is "
            "within the lag limits. session: it misses nothing that this session has written or "
            "seen. bounded: nor anything "
            "acknowledged more than max_lag before it began. global: nor anything acknowledged to "
            "anybody before it began. "
            "primary: reads go to the primary."},
    {ROW(struct routing_conf, transaction_reads), .type = CONF_ENUM, .def = "primary",
     .values = transaction_reads, .flags = CONF_RELOAD,
     .doc =
         "Where a transaction that is not READ ONLY reads before it does anything else. replica: "
         "as long as it only reads, in READ COMMITTED and at consistency eventual or session, it "
         "runs on a replica; with its first other statement it begins again on the primary, which "
         "the client does not see. A statement that shows when the transaction began (now()) is "
         "such a statement. Tables that were read are not locked on the primary meanwhile. READ "
         "ONLY transactions go to a replica anyhow."},
    {ROW(struct routing_conf, freshness_wait), .type = CONF_DURATION, .def = "20ms", .unit = "ms",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 60 * USEC_PER_SEC,
     .doc = "How long a read waits for a replica that has what it must not miss, before it goes to "
            "the primary. It does not wait "
            "for replicas that are further behind than this. off: it goes to the primary at once."},
    {ROW(struct routing_conf, balance), .type = CONF_ENUM, .def = "least_busy", .values = balances,
     .flags = CONF_RELOAD,
     .doc = "How a replica is chosen among those of the nearest zone that may serve a read. "
            "least_busy: "
            "by weight, unless another one has clearly fewer statements in flight for its weight. "
            "round_robin: by weight. random: by chance and weight. latency: the faster of two, by "
            "what "
            "reads have taken lately and what is in flight."},
    {ROW(struct routing_conf, balance_by), .type = CONF_ENUM, .def = "statement",
     .values = balance_bys, .flags = CONF_RELOAD,
     .doc =
         "statement: each read (or read-only transaction) is balanced. session: a session's reads "
         "stay on one node as long as that may serve them."},
    {ROW(struct routing_conf, primary_weight), .type = CONF_INT, .def = "0", .min = 0, .max = 1000,
     .flags = CONF_RELOAD,
     .doc =
         "The primary's share of the reads that replicas could serve, like the weight of a node. "
         "0: it gets only those that no replica may serve."},
    {ROW(struct routing_conf, zones), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc =
         "Zones of nodes as seen from here, the nearest first, comma-separated; zones that are not "
         "listed come last. Reads go to the nearest zone that has a replica which may serve them. "
         "Empty: all are equally near."},
    {ROW(struct routing_conf, zone_spill), .type = CONF_INT, .def = "0", .min = 0, .max = 100000,
     .flags = CONF_RELOAD,
     .doc =
         "When all replicas of the nearer zones have so many statements in flight for each unit of "
         "their weight (in one worker), the next zone helps. 0: it serves only if no nearer one "
         "may."},
    {ROW(struct routing_conf, allow_zones), .type = CONF_STRING, .flags = CONF_RELOAD,
     .doc = "Zones whose nodes may be used at all, comma-separated, for data residency: what no "
            "node in "
            "them may serve is refused, writes included. Empty: all."},
    {ROW(struct routing_conf, when_no_replica), .type = CONF_ENUM, .def = "primary",
     .values = no_replicas, .flags = CONF_RELOAD,
     .doc = "What a read does when no replica may serve it: use the primary, wait (at most "
            "query_wait_timeout), or fail "
            "with an error."},
    {ROW(struct routing_conf, write_functions), .type = CONF_STRING,
     .flags = CONF_RELOAD | CONF_REPEAT,
     .doc = "Comma-separated names of functions that write although they are declared stable or "
            "immutable; statements that "
            "call them go to the primary."},
    {ROW(struct routing_conf, read_functions), .type = CONF_STRING,
     .flags = CONF_RELOAD | CONF_REPEAT,
     .doc = "Comma-separated names of functions that only read although they are declared "
            "volatile; statements that call "
            "them may go to a replica."},
};

static const struct conf_setting auth_rows[] = {
    {ROW(struct auth_conf, method), .type = CONF_ENUM, .def = "scram-sha-256",
     .values = auth_methods, .flags = CONF_RELOAD,
     .doc = "How clients prove who they are. scram-sha-256 falls back to md5 for a role whose "
            "stored password is md5. trust "
            "asks for nothing: only where everybody who reaches the port may be anybody."},
    {ROW(struct auth_conf, auth_query), .type = CONF_STRING,
     .def = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 AND rolcanlogin",
     .flags = CONF_RELOAD,
     .doc = "Query over the monitor connection for a role's name and stored password; $1 is the "
            "role. Passwords live in "
            "PostgreSQL only."},
    {ROW(struct auth_conf, auth_cache_ttl), .type = CONF_DURATION, .def = "30s", .unit = "s",
     .flags = CONF_RELOAD | CONF_NEVER, .min = 0, .max = 86400 * USEC_PER_SEC,
     .doc = "How long the answer of auth_query is believed. A refused password is asked for again "
            "at once."},
};

static const struct conf_setting admin_rows[] = {
    {ROW(struct admin_conf, admin_users), .type = CONF_STRING, .flags = CONF_RELOAD | CONF_REPEAT,
     .doc = "Comma-separated roles that may connect to database tanist and change things. The user "
            "that runs the daemon may "
            "always, over the control socket."},
    {ROW(struct admin_conf, stats_users), .type = CONF_STRING, .flags = CONF_RELOAD | CONF_REPEAT,
     .doc = "Comma-separated roles that may connect to database tanist and only look. * is "
            "everybody."},
};

/* ---- Where the values go ------------------------------------------------------------------------------------------ */

/* The element of an array whose elements begin with their name. */
static void *config_named(void *array, int n, size_t size, const char *name)
{
    for (int i = 0; i < n; i++) {
        char *element = (char *)array + (size_t)i * size;
        if (strcmp(element, name) == 0)
            return element;
    }
    return NULL;
}

struct named_spec {
    void *array;
    int *n, max;
    size_t size, name_cap;
    const char *kind;
};

static void *config_named_get(const struct named_spec *s, const char *name, bool *is_new,
                              struct err *e)
{
    *is_new = false;
    void *found = config_named(s->array, *s->n, s->size, name);
    if (found)
        return found;
    if (*s->n >= s->max) {
        err_set(e, ERR_LIMIT, "more than %d [%s] sections", s->max, s->kind);
        return NULL;
    }
    if (strlen(name) >= s->name_cap) {
        err_set(e, ERR_INVALID, "the name of [%s %s] is longer than %zu bytes", s->kind, name,
                s->name_cap - 1);
        return NULL;
    }
    char *element = (char *)s->array + (size_t)(*s->n)++ * s->size;
    memset(element, 0, s->size);
    (void)str_copy(element, s->name_cap, name);
    *is_new = true;
    return element;
}

#define NAMED_SECTION(kind_, member, count, max_, name_cap_)                            \
    static void *kind_##_get(void *root, const char *name, bool *is_new, struct err *e) \
    {                                                                                   \
        struct config *c = root;                                                        \
        struct named_spec s = {c->member,           &c->count,   (max_),                \
                               sizeof c->member[0], (name_cap_), #kind_};               \
        return config_named_get(&s, name, is_new, e);                                   \
    }                                                                                   \
    static const void *kind_##_at(const void *root, int i, const char **name)           \
    {                                                                                   \
        const struct config *c = root;                                                  \
        if (i >= c->count)                                                              \
            return NULL;                                                                \
        *name = c->member[i].name;                                                      \
        return &c->member[i];                                                           \
    }

#define SINGLE_SECTION(kind_, member)                                                   \
    static void *kind_##_get(void *root, const char *name, bool *is_new, struct err *e) \
    {                                                                                   \
        (void)name;                                                                     \
        (void)e;                                                                        \
        *is_new = false;                                                                \
        return &((struct config *)root)->member;                                        \
    }                                                                                   \
    static const void *kind_##_at(const void *root, int i, const char **name)           \
    {                                                                                   \
        *name = "";                                                                     \
        return i == 0 ? &((const struct config *)root)->member : NULL;                  \
    }

/* config_named compares the array's elements as strings. */
_Static_assert(offsetof(struct listen_conf, name) == 0, "name first");
_Static_assert(offsetof(struct database_conf, name) == 0, "name first");
_Static_assert(offsetof(struct pool_conf, name) == 0, "name first");
_Static_assert(offsetof(struct user_conf, name) == 0, "name first");

NAMED_SECTION(listen, listens, n_listens, CONF_LISTENS_MAX, CONF_NAME_MAX)
NAMED_SECTION(database, databases, n_databases, CONF_DATABASES_MAX, CONF_NAME_MAX)
NAMED_SECTION(pool, pools, n_pools, CONF_POOLS_MAX, 2 * CONF_NAME_MAX)
NAMED_SECTION(user, users, n_users, CONF_USERS_MAX, CONF_NAME_MAX)
SINGLE_SECTION(tanist, tanist)
SINGLE_SECTION(server_tls, server_tls)
SINGLE_SECTION(auth, auth)
SINGLE_SECTION(admin, admin)

/* [routing] holds settings of both planes, so its instance is the whole configuration and its rows are put together
 * below with offsets from there. */
static void *routing_get(void *root, const char *name, bool *is_new, struct err *e)
{
    (void)name;
    (void)e;
    *is_new = false;
    return root;
}

static const void *routing_at(const void *root, int i, const char **name)
{
    *name = "";
    return i == 0 ? root : NULL;
}

/* ---- The list of sections ----------------------------------------------------------------------------------------- */

#define SECTION(kind_, named_, example_, doc_)                                                 \
    {                                                                                          \
        .kind = #kind_, .named = (named_), .settings = kind_##_rows,                           \
        .n_settings = (int)ARRAY_LEN(kind_##_rows), .doc = (doc_), .example_name = (example_), \
        .get = kind_##_get, .at = kind_##_at                                                   \
    }

static const struct conf_section own_sections[] = {
    SECTION(tanist, false, NULL, "The daemon."),
    SECTION(listen, true, "main",
            "A port for clients; several may be given. The first one is also the port of the "
            "control socket. Without any, "
            "one listens on 127.0.0.1:6432."),
    SECTION(database, true, "*",
            "Which databases clients may ask for, by the name they use; * is any other. Without "
            "any such section every "
            "database of the only cluster is offered."),
    SECTION(pool, true, "*",
            "Server connections for DATABASE.USER, DATABASE.*, *.USER or * (all others); the first "
            "of these that exists "
            "applies as a whole. What it leaves out has the default, not the value of another pool "
            "section."),
    SECTION(user, true, "app", "Limits of one user, over all its databases."),
    SECTION(server_tls, false, NULL, "TLS towards the nodes."),
    SECTION(routing, false, NULL, "Where statements go, and which replicas may serve reads."),
    SECTION(auth, false, NULL, "Who clients are."),
    SECTION(admin, false, NULL, "Who may use the console (database tanist)."),
};

enum { SECTIONS_MAX = 24, ROUTING_ROWS_MAX = 32 };

/* Written once by config_sections_build, constant ever after. */
static struct conf_section all_sections[SECTIONS_MAX];
static struct conf_setting all_routing_rows[ROUTING_ROWS_MAX];
static int n_all_sections;

static void config_sections_add(const struct conf_section *s)
{
    BUG_ON(n_all_sections == SECTIONS_MAX);
    all_sections[n_all_sections++] = *s;
}

static void config_routing_add(struct conf_section *routing, const struct conf_section *from,
                               size_t base)
{
    for (int i = 0; i < from->n_settings; i++) {
        BUG_ON(routing->n_settings == ROUTING_ROWS_MAX);
        struct conf_setting *row = &all_routing_rows[routing->n_settings++];
        *row = from->settings[i];
        row->offset += base;
    }
}

/* How far the instance of a replication section lies from the root. */
static size_t config_base_of(const struct conf_section *s)
{
    struct config *root = calloc(1, sizeof *root);
    BUG_ON(!root);
    const char *name = "";
    const void *instance = s->at(root, 0, &name);
    BUG_ON(!instance);
    size_t base = (size_t)((const char *)instance - (const char *)root);
    free(root);
    return base;
}

static const struct conf_section *config_find_section(const struct conf_section *s, int n,
                                                      const char *kind)
{
    for (int i = 0; i < n; i++)
        if (strcmp(s[i].kind, kind) == 0)
            return &s[i];
    return NULL;
}

/* In the order in which a reader of the sample file wants to meet them. */
static void config_sections_build(void)
{
    static const char *const order[] = {"tanist",   "listen",   "cluster", "node",
                                        "database", "pool",     "user",    "server_tls",
                                        "routing",  "failover", "auth",    "admin"};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        const struct conf_section *own =
            config_find_section(own_sections, (int)ARRAY_LEN(own_sections), order[i]);
        const struct conf_section *repl =
            config_find_section(repl_conf_sections, repl_conf_n_sections, order[i]);
        BUG_ON(!own && !repl);
        config_sections_add(own ? own : repl);
        if (strcmp(order[i], "routing") != 0)
            continue;
        struct conf_section *routing = &all_sections[n_all_sections - 1];
        routing->settings = all_routing_rows;
        routing->n_settings = 0;
        config_routing_add(routing, own, offsetof(struct config, routing));
        if (repl)
            config_routing_add(routing, repl, config_base_of(repl));
    }
}

const struct conf_section *config_sections(int *n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BUG_ON(pthread_once(&once, config_sections_build) != 0);
    *n = n_all_sections;
    return all_sections;
}
