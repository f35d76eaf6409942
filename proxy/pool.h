/* Pools: the servers of one node, database and user that this worker has, and who waits for one. A group is what clients
 * of one database and user share: its pools on every node, the welcome, the key to log in with, the catalog.
 * Worker's thread. */
#ifndef TANIST_PROXY_POOL_H
#define TANIST_PROXY_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "../replication/base/list.h"
#include "core/look.h"
#include "core/route.h"
#include "limits.h"
#include "proxy_conf.h"
#include "relay.h"
#include "stats.h"
#include "wire/md5auth.h"
#include "wire/scram.h"

struct catalog_ref;
struct client;
struct pool_group;
struct server;
struct worker;

enum { POOL_KEY_MAX = 256 };

/* Settings, shared. */
struct params_ref {
    _Atomic uint32_t refs; /* servers that move take theirs along */
    bool serializable; /* transactions are, if they do not say otherwise: no standby takes them */
    bool read_only;    /* the same */
    bool repeatable, committed; /* the same; neither: what role and database say */
    struct params_ref *told;    /* of start-up parameters that a server has taken: reports.h */
    struct list_node node;      /* in the group's list, which holds a reference */
    struct params p;            /* allocated only as far as p.len */
};

void params_unref(struct params_ref *r); /* NULL is fine */
static inline struct params_ref *params_take(struct params_ref *r)
{
    if (r)
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

/* *at becomes another reference to r. */
static inline void params_become(struct params_ref **at, struct params_ref *r)
{
    struct params_ref *old = *at;
    *at = params_take(r);
    params_unref(old);
}

enum cred_kind { CRED_NONE = 0, CRED_SCRAM, CRED_MD5, CRED_PASSWORD };

struct creds {
    enum cred_kind kind;
    struct scram_keys scram;
    char md5[MD5AUTH_ROOM];
    char password[256];
};

struct pool {
    struct list_node all; /* in the worker's list */
    struct pool_group *group;
    int node; /* index in the topology */
    char name[TOPO_NAME_MAX];
    struct limit *limit;
    struct limit *full;       /* the limit that its clients wait for; NULL: none */
    struct limit_claim claim; /* in the queue of a shared one */
    bool evicting;            /* other workers are being asked to make room */
    struct list idle;         /* most recently used first */
    struct list busy;         /* linked to a client, being cancelled or cleaned */
    struct list login;
    struct list waiters; /* clients, first come first served */
    uint32_t n_homes;    /* servers that are some session's home (home.h) */
    usec_t retry_at;     /* no new logins before, after one failed */
    uint32_t grants;
    int asked; /* other workers that have not answered whether they can spare a server */
    struct err last_error;
};

struct pool_group {
    UT_hash_handle hh;
    char key[POOL_KEY_MAX]; /* database, user, dbname, cluster */
    struct worker *w;
    int cluster;
    enum relay_kind replication; /* of replication clients */
    char database[CONF_NAME_MAX], dbname[CONF_NAME_MAX], user[CONF_NAME_MAX];
    struct pool_conf conf;   /* the rule in force */
    struct read_rules rules; /* for its reads */
    struct route_lag lag;
    uint64_t forbidden; /* bit i: node i is outside of allow_zones */
    struct pool *pools
        [POOL_SLOTS]; /* by index of the topology; behind TOPO_NODES_MAX: of nodes that are gone */
    struct creds creds;
    struct catalog_ref *catalog; /* NULL until loaded */
    struct params_ref *welcome;  /* reports.h: of a session without start-up parameters */
    struct list welcome_waiters; /* clients that logged in and wait for the first server */
    struct pool *welcome_at;     /* who they wait for */
    struct list params;          /* params_ref */
    struct look_names
        custom; /* custom settings that somebody set: no view of PostgreSQL lists them */
    bool
        uses_sequences; /* somebody asked for currval() or lastval(): who writes keeps its server */
    usec_t snapshots_leave_until; /* REPEATABLE READ transactions begin on the primary until then */
    bool paused, disabled;        /* by the console */
    usec_t reconnect_at; /* servers that connected before are closed when they are released */
    uint64_t avoid;      /* bit i: logins to node i have failed; ask pool_avoid */
    uint32_t n_clients;
    struct group_stats stats;
};

struct pool_group *pool_group_get(struct worker *w, const struct database_conf *db,
                                  const char *database, const char *user,
                                  enum relay_kind replication) MUST_CHECK;
void pool_group_configure(struct pool_group *g, const struct config *c);
void pool_groups_fini(struct worker *w);
/* Nodes have other indexes now: pools move along, and w->in_flight is counted again. */
void pool_groups_move(struct worker *w, int cluster, const struct topology *t);

/* The shared copy of these parameters, with a reference. NULL without memory. */
struct params_ref *pool_params(struct pool_group *g, const struct params *p) MUST_CHECK;

struct pool *pool_of(struct pool_group *g, int node) MUST_CHECK;

/* Of any node that can tell the welcome and try parameters: the primary if there is one. NULL: none now. */
struct pool *pool_of_any(struct pool_group *g) MUST_CHECK;

/* Gives the client a server of the node now (true), or queues it: client_on_server or client_on_refused follows. */
bool pool_checkout(struct pool *p, struct client *c);
/* A server came free, clean and idle: to the first waiter, to another worker that starves, or to the idle list. */
void pool_release(struct pool *p, struct server *s);
/* No login to its node for a while. */
void pool_back_off(struct pool *p);
/* A login failed with e, or a server was closed: look whether waiters can be helped. */
void pool_login_failed(struct pool *p, const struct err *e);
void pool_kick(struct pool *p);

/* Everybody who waits there chooses again (the node's role or readability changed). */
void pool_reroute(struct pool *p);

/* For the first client of a group: logs in to any node to learn the welcome. */
void pool_want_welcome(struct pool_group *g);
void pool_welcome_learned(struct pool_group *g, struct params_ref *welcome);
void pool_welcome_failed(struct pool_group *g, const struct err *e);

/* The first of a pool's list that passes. Closing it may change every list: search again afterwards. */
typedef bool (*server_test)(const struct server *s, usec_t now);
struct server *pool_find(const struct list *l, server_test test, usec_t now);

/* Nodes whose logins have failed just now, and that this worker has no server of: bits by index. */
uint64_t pool_avoid_now(struct pool_group *g);
static inline uint64_t pool_avoid(struct pool_group *g)
{
    return g->avoid ? pool_avoid_now(g) : 0;
}
/* Would trying again help? Not if the error is about this user or database. */
bool pool_error_is_final(const struct err *e);

/* Limits of settings and nodes changed. */
void pool_set_budgets(struct worker *w);

/* Servers past their time are closed, clients that wait are helped, pools are kept warm. From the janitor. */
void pool_groups_tick(struct worker *w, usec_t now);

/* The console's orders were changed for it (control.h): waiters go on, or idle servers are closed. */
void pool_group_gate(struct pool_group *g);
/* Servers that connected before the moment are closed, those in use once they are released. */
void pool_group_reconnect(struct pool_group *g, usec_t before);
/* Will it be closed when it is released? */
bool pool_close_needed(const struct server *s);
/* What the clients that wait there wait for: a setting's name or "server_login_retry". */
const char *pool_waits_for(const struct pool *p);

#endif
