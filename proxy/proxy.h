/* The whole daemon: manager loop on the main thread, workers, listeners, console. Owner: proxy_run.
 *
 * Functions are for the manager's thread unless they say otherwise. */
#ifndef TANIST_PROXY_PROXY_H
#define TANIST_PROXY_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "../replication/base/loop.h"
#include "../replication/base/table.h"
#include "proxy_conf.h"
#include "wire/crypto.h"

struct auth_store;
struct catalogs;
struct console;
struct control;
struct limits;
struct listeners;
struct manager;
struct publish;
struct worker;

enum { PROXY_WORKERS_MAX = 64 };

struct proxy {
    struct loop loop; /* the manager's */
    struct config *conf;
    const struct conf_source *src; /* for reload; lent by main */
    const char *conninfo;
    struct publish *publish;
    struct manager *manager;
    struct console *console;
    struct auth_store *auth;
    struct catalogs *catalogs;
    struct hub *hub; /* listen.c */
    struct limits *limits;
    struct control *control;
    struct listeners *listeners;
    int n_workers;
    struct worker *workers[PROXY_WORKERS_MAX];
    struct crypto_key mock_key; /* for users that do not exist */
    _Atomic int64_t n_clients;  /* relaxed; admission against max_client_conn */
    _Atomic uint64_t
        defaults; /* relaxed; counts ALTER ROLE, DATABASE and SYSTEM: older servers are not used again */
    bool check_labels;    /* server_check.c; before the workers start */
    _Atomic uint64_t ddl; /* relaxed; counts statements that may have changed a catalog */
    _Atomic int32_t async_sessions
        [REPL_CLUSTERS_MAX]; /* relaxed; sessions that may commit without waiting for the flush */
    uv_signal_t signals[4];
    uv_timer_t tick;
    bool stopping;
    usec_t started_at;
};

/* Runs until a signal or the console stops it; the exit code of `serve`. Takes the caller's reference on c. */
int proxy_run(struct config *c, const struct conf_source *src, const char *conninfo);

/* Reads the configuration again: 0, or ERR_INVALID with the diagnostics' text (the old one stays in force). */
int proxy_reload(struct proxy *p, struct err *e) MUST_CHECK;
void proxy_shutdown(struct proxy *p);

/* Runs fn on every worker's thread, each filling a table of these columns, then done with all rows on the manager's
 * thread, which takes the table. */
void proxy_gather(struct proxy *p, const char *const *columns, int n_columns,
                  void (*fn)(struct worker *w, struct table *t),
                  void (*done)(void *arg, struct table *t), void *arg);

/* How a statement would be routed now: rows of (item, value, explanation). */
void proxy_explain(struct proxy *p, const char *database, const char *user, const char *sql,
                   struct table *out);

#endif
