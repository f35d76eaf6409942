/* Settings of the data plane and the whole configuration object. Immutable once loaded, refcounted, handed to workers
 * by mailbox. Durations in microseconds, sizes in bytes. Rows are in proxy_conf.c. */
#ifndef TANIST_PROXY_CONF_H
#define TANIST_PROXY_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/conf.h"
#include "../replication/repl_conf.h"
#include "core/catalog.h"
#include "core/freshness.h"

enum {
    CONF_LISTENS_MAX = 16,
    CONF_DATABASES_MAX = 256,
    CONF_POOLS_MAX = 256,
    CONF_USERS_MAX = 256,
    CONF_PATH_MAX = 512,
    CONF_NAME_MAX = 64,
    CONF_ZONES_MAX = 256
};

enum tls_mode { TLS_OFF = 1, TLS_ALLOW, TLS_PREFER, TLS_REQUIRE, TLS_VERIFY_CA, TLS_VERIFY_FULL };
enum route_mode { ROUTE_AUTO = 1, ROUTE_PRIMARY, ROUTE_REPLICA };
enum pool_mode { POOL_SESSION = 1, POOL_TRANSACTION, POOL_STATEMENT };
enum backend_pid { PID_VIRTUAL = 1, PID_SERVER };
enum transaction_reads { TRANSACTION_READS_PRIMARY = 1, TRANSACTION_READS_REPLICA };
enum no_replica { NO_REPLICA_PRIMARY = 1, NO_REPLICA_WAIT, NO_REPLICA_ERROR };
enum balance_by { BALANCE_BY_STATEMENT = 1, BALANCE_BY_SESSION };
enum auth_method { METHOD_SCRAM = 1, METHOD_MD5, METHOD_PASSWORD, METHOD_TRUST };

struct tanist_conf { /* [tanist] */
    int64_t workers; /* -1: auto, one for two cores */
    int64_t max_client_conn;
    char state_dir[CONF_PATH_MAX];
    int log_level;  /* enum log_level */
    int log_format; /* enum log_format */
    char unix_socket_dir
        [CONF_PATH_MAX]; /* for clients besides the control socket in state_dir; empty: none */
    usec_t client_login_timeout;
    bool log_connections;
    int64_t max_db_connections, max_user_connections; /* for each node; 0: no limit */
    int64_t node_headroom; /* connections of each node that are left to others */
    bool log_routes;
};

struct listen_conf { /* [listen NAME] */
    char name[CONF_NAME_MAX];
    char address[TOPO_HOST_MAX];
    int64_t port;
    int route; /* enum route_mode */
    int tls; /* enum tls_mode, towards clients: off, allow/prefer (offered), require (and verify-* of client certs) */
    char tls_cert_file[CONF_PATH_MAX], tls_key_file[CONF_PATH_MAX], tls_ca_file[CONF_PATH_MAX];
};

/* How reads are routed, for a database or a user; what is auto is taken from the next wider section. */
struct read_conf {
    int consistency;                  /* 1: auto, else enum consistency + 1 */
    int transaction_reads;            /* 1: auto, else enum transaction_reads + 1 */
    usec_t max_lag, freshness_wait;   /* -1: auto */
    uint64_t max_lag_bytes;           /* UINT64_MAX: auto */
    char allow_zones[CONF_ZONES_MAX]; /* besides those of wider sections; empty: no limit */
};

struct database_conf { /* [database NAME]; NAME * is any */
    char name[CONF_NAME_MAX];
    char cluster[CONF_NAME_MAX];
    char dbname[CONF_NAME_MAX]; /* on the server; empty: same name */
    struct read_conf read;
    int64_t max_db_connections; /* -1: that of [tanist] */
};

struct user_conf { /* [user NAME] */
    char name[CONF_NAME_MAX];
    int64_t max_user_connections; /* -1: that of [tanist] */
};

struct
    pool_conf { /* [pool DB.USER], [pool DB.*], [pool *.USER], [pool *]: the most specific wins */
    char name[2 * CONF_NAME_MAX];
    int pool_mode;   /* enum pool_mode */
    int backend_pid; /* enum backend_pid */
    int64_t pool_size, min_pool_size, reserve_pool_size;
    usec_t reserve_pool_timeout; /* 0: the reserve is not used */
    /* 0: none */
    usec_t query_wait_timeout, query_wait_notify;
    usec_t query_timeout, transaction_timeout, idle_transaction_timeout, client_idle_timeout;
    usec_t server_lifetime, server_idle_timeout, server_connect_timeout;
    usec_t server_login_retry;
    int64_t max_prepared_statements; /* on each server */
    struct read_conf read;
};

struct server_tls_conf { /* [server_tls]: towards nodes */
    int mode;            /* enum tls_mode; default prefer */
    char ca_file[CONF_PATH_MAX], cert_file[CONF_PATH_MAX], key_file[CONF_PATH_MAX];
};

struct routing_conf { /* [routing], with the lag rows of repl_conf */
    bool read_write_split;
    int consistency;       /* enum consistency */
    int transaction_reads; /* enum transaction_reads */
    usec_t freshness_wait;
    int balance;    /* enum balance_policy of core/balance.h */
    int balance_by; /* enum balance_by */
    int64_t primary_weight;
    char zones[CONF_ZONES_MAX]; /* nearest first; empty: all are equally near */
    int64_t zone_spill;
    char allow_zones[CONF_ZONES_MAX];                 /* empty: all */
    int when_no_replica;                              /* enum no_replica */
    char write_functions[1024], read_functions[1024]; /* comma-separated names */
};

struct auth_conf { /* [auth] */
    int method;    /* enum auth_method */
    char auth_query[1024];
    usec_t auth_cache_ttl;
};

struct admin_conf { /* [admin] */
    char admin_users[1024], stats_users[1024];
};

struct config {
    struct repl_conf repl; /* first: repl_conf.h's getters take it as root */
    _Atomic uint32_t refs;
    struct tanist_conf tanist;
    int n_listens, n_databases, n_pools, n_users;
    struct listen_conf listens[CONF_LISTENS_MAX];
    struct database_conf databases[CONF_DATABASES_MAX];
    struct pool_conf pools[CONF_POOLS_MAX];
    struct user_conf users[CONF_USERS_MAX];
    struct server_tls_conf server_tls;
    struct routing_conf routing;
    struct auth_conf auth;
    struct admin_conf admin;
    struct catalog functions; /* read_functions and write_functions, sealed */
    void *functions_mem;      /* NULL: both are empty */
};

/* All sections, those of replication included: for conf_load, SHOW CONFIG, the sample and the man page. */
const struct conf_section *config_sections(int *n);

/* Loads and checks everything. conninfo may be NULL (then a file is needed); with it the file may be NULL: zero
 * configuration. On error returns ERR_INVALID and diags says all of it; *out is NULL. Returned with one reference. */
int config_load(const struct conf_source *src, const char *conninfo, struct config **out,
                struct conf_diags *diags) MUST_CHECK;
/* For `check`: as config_load, but a file without any cluster gets only a warning, because nodes may come from serve's
 * command line. The result may have no cluster, so it is not fit to run. */
int config_load_check(const struct conf_source *src, struct config **out, struct conf_diags *diags)
    MUST_CHECK;
/* For the command line: where the daemon is. No cluster is needed, and *out is set (unless memory is out) even if there
 * are errors: the daemon may run with what was in the file before. src->file may be NULL. */
int config_load_local(const struct conf_source *src, struct config **out, struct conf_diags *diags)
    MUST_CHECK;
void config_ref(struct config *c);
void config_unref(struct config *c);

/* The rule for a client's database; NULL when none matches. Borrowed. */
const struct database_conf *config_database(const struct config *c, const char *database);
/* Index of its cluster in c->repl.clusters. */
int config_database_cluster(const struct config *c, const struct database_conf *d);
/* Functions that the settings declare, for classify_opts.override; NULL when there are none. Borrowed. */
const struct catalog *config_functions(const struct config *c);
/* The most specific pool rule; never NULL (defaults exist). Borrowed. */
const struct pool_conf *config_pool(const struct config *c, const char *database, const char *user);
/* The rules for the reads of a database and user, by pool, database and [routing]. */
struct read_rules {
    enum consistency level;
    enum transaction_reads transaction_reads;
    usec_t freshness_wait;
    bool own_lag; /* the limits differ from the cluster's */
    usec_t max_lag;
    uint64_t max_lag_bytes;
    int lag_resume;
    const char *allow_zones[3]; /* borrowed; a node is in a zone of each that is not empty */
};
struct read_rules config_read_rules(const struct config *c, const char *database, const char *user);
bool config_allows_zone(const struct read_rules *r, const char *zone);
/* Server connections that a database or a user may have on each node; 0: no limit. */
int config_max_db_connections(const struct config *c, const char *database);
int config_max_user_connections(const struct config *c, const char *user);
/* Is user in a comma-separated list ("*" is everybody)? */
bool config_list_has(const char *list, const char *name);

/* Where the CLI finds the daemon: state_dir/.s.PGSQL.<port of the first listener>. */
void config_control_dir(const struct config *c, char *out, size_t cap);

#endif
