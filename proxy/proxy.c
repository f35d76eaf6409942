#include "proxy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "../replication/publish.h"
#include "admin/console.h"
#include "auth.h"
#include "catalogs.h"
#include "control.h"
#include "listen.h"
#include "core/hint.h"
#include "limits.h"
#include "listener.h"
#include "worker.h"

enum { TICK_MS = 1000 };

/* -- gather ------------------------------------------------------------------------------------------------------------ */

struct gathering {
    struct proxy *proxy;
    int waiting;
    struct table *all;
    void (*fn)(struct worker *w, struct table *t);
    void (*done)(void *arg, struct table *t);
    void *arg;
};

struct part {
    struct loop_msg msg;
    struct gathering *of;
    struct worker *w;
    struct table *t;
};

static void on_part(struct loop_msg *m, struct loop *on)
{
    struct part *k = CONTAINER_OF(m, struct part, msg);
    struct gathering *g = k->of;
    (void)on;
    for (int r = 0; g->all && k->t && r < table_n_rows(k->t); r++)
        for (int c = 0; c < table_n_cols(k->t); c++)
            table_cell(g->all, table_get(k->t, r, c));
    table_free(k->t);
    free(k);
    if (--g->waiting > 0)
        return;
    g->done(g->arg, g->all);
    free(g);
}

static void on_fill(struct loop_msg *m, struct loop *on)
{
    struct part *k = CONTAINER_OF(m, struct part, msg);
    struct worker *w = on->data;
    if (k->t)
        k->of->fn(w, k->t);
    k->msg.run = on_part;
    if (!loop_post(&w->proxy->loop, &k->msg))
        BUG("the manager's queue is full");
}

void proxy_gather(struct proxy *p, const char *const *columns, int n_columns,
                  void (*fn)(struct worker *w, struct table *t),
                  void (*done)(void *arg, struct table *t), void *arg)
{
    struct gathering *g = calloc(1, sizeof(*g));
    BUG_ON(!g);
    *g = (struct gathering){
        .proxy = p, .all = table_new(columns, n_columns), .fn = fn, .done = done, .arg = arg};
    g->waiting = 1;
    for (int i = 0; i < p->n_workers && !p->stopping; i++) {
        struct part *k = calloc(1, sizeof(*k));
        if (!k)
            continue;
        k->of = g;
        k->w = p->workers[i];
        k->t = table_new(columns, n_columns);
        k->msg.run = on_fill;
        g->waiting++;
        if (!loop_post(&p->workers[i]->loop, &k->msg)) {
            table_free(k->t);
            free(k);
            g->waiting--;
        }
    }
    if (--g->waiting == 0) {
        done(arg, g->all);
        free(g);
    }
}

/* -- explain ------------------------------------------------------------------------------------------------------------ */

static void row(struct table *t, const char *item, const char *value, const char *text)
{
    table_cell(t, item);
    table_cell(t, value);
    table_cell(t, text);
}

static void explain_nodes(struct proxy *p, int cluster, const struct read_rules *rules, bool read,
                          struct table *out)
{
    const struct topology *t = publish_current(p->publish, cluster);
    if (!t) {
        row(out, "route", "hold", "the cluster has not been observed yet");
        return;
    }
    for (int i = 0; i < t->n_nodes; i++) {
        char item[TOPO_NAME_MAX + 8];
        snprintf(item, sizeof(item), "node %s", t->nodes[i].name);
        if (!config_allows_zone(rules, t->nodes[i].zone)) {
            row(out, item, "forbidden", "is not in a zone of allow_zones");
            continue;
        }
        if (i == t->writer) {
            row(out, item, "primary",
                !read                             ? "takes the statement"
                : p->conf->routing.primary_weight ? "takes its share of reads (primary_weight)"
                                                  : "takes reads only when no replica may");
            continue;
        }
        const struct topo_node *n = &t->nodes[i];
        char text[200];
        snprintf(text, sizeof(text), "%s",
                 n->unreadable != READ_OK ? topo_unreadable_text(n->unreadable)
                 : read                   ? "eligible"
                                          : "eligible for reads, which this is not");
        if (n->lag_known)
            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     "; %lld ms and %llu bytes behind", (long long)(n->lag / USEC_PER_MS),
                     (unsigned long long)n->lag_bytes);
        row(out, item, topo_unreadable_name(n->unreadable), text);
    }
}

/* The outcome for a session that has not written. */
static void explain_route(struct proxy *p, int cluster, const struct read_rules *rules, bool read,
                          struct table *out)
{
    const struct topology *t = publish_current(p->publish, cluster);
    const struct routing_conf *r = &p->conf->routing;
    const bool replica = read && r->read_write_split && rules->level != CONSISTENCY_PRIMARY;
    char names[TOPO_NODES_MAX * TOPO_NAME_MAX];
    struct strbuf b;
    if (!t)
        return;
    strbuf_init(&b, names, sizeof(names));
    for (int i = 0; replica && i < t->n_nodes; i++)
        if ((i != t->writer || r->primary_weight > 0) && t->nodes[i].unreadable == READ_OK &&
            config_allows_zone(rules, t->nodes[i].zone))
            strbuf_addf(&b, "%s%s", b.n ? ", " : "", t->nodes[i].name);
    if (b.n)
        row(out, "route", names,
            "the choice among these is routing.balance's; after a write of its own, the session "
            "needs one that has it");
    else if (replica && r->when_no_replica == NO_REPLICA_WAIT)
        row(out, "route", "wait", "no replica may serve it now, and when_no_replica = wait");
    else if (replica && r->when_no_replica == NO_REPLICA_ERROR)
        row(out, "route", "refuse", "no replica may serve it now, and when_no_replica = error");
    else if (t->writer < 0)
        row(out, "route", "hold", "there is no primary now");
    else if (!config_allows_zone(rules, t->nodes[t->writer].zone))
        row(out, "route", "refuse", "no node within allow_zones may serve it now");
    else
        row(out, "route", t->nodes[t->writer].name,
            replica ? "no replica may serve it now"
            : read  ? "reads stay on the primary by the settings"
                    : "the primary");
}

static void explain_hint(struct slice text, struct table *out)
{
    const struct hint h = hint_parse(text);
    char value[128];
    if (!text.n)
        return;
    snprintf(value, sizeof(value), "%.*s", (int)(text.n < 100 ? text.n : 100), text.p);
    row(out, "hint", value,
        h.odd       ? "partly not understood: primary, replica, node=NAME, max_lag=2s"
        : h.primary ? "goes to the primary"
        : h.replica ? "is taken for a read"
        : h.node.n  ? "a read goes to that node if it may serve it, else to the primary"
                    : "a read goes to no replica that is further behind");
}

void proxy_explain(struct proxy *p, const char *database, const char *user, const char *sql,
                   struct table *out)
{
    const struct database_conf *d = config_database(p->conf, database);
    struct classification k;
    char token[128];
    if (!d) {
        row(out, "route", "refuse", "no such database is configured");
        return;
    }
    const int cluster = config_database_cluster(p->conf, d);
    const struct catalog *cat =
        catalogs_peek(p->catalogs, cluster, d->dbname[0] ? d->dbname : database);
    const struct classify_opts opts = {.override = config_functions(p->conf)};
    classify_sql(slice_of(sql), cat, &opts, &k);
    bool read = k.bits == CLASS_READ || k.empty ||
                (k.bits == CLASS_TX_BEGIN && k.tx.access == ACCESS_READ_ONLY &&
                 k.tx.isolation != ISOLATION_SERIALIZABLE);
    row(out, "class",
        read                     ? "read"
        : k.bits & CLASS_WRITE   ? "write"
        : k.bits & CLASS_TX      ? "transaction"
        : k.bits & CLASS_SESSION ? "session"
                                 : "unknown",
        read ? "may run on a replica" : "runs on the primary");
    snprintf(token, sizeof(token), "%.*s", (int)(k.token.n < 100 ? k.token.n : 100),
             k.token.p ? k.token.p : "");
    row(out, "reason", classify_reason_name(k.reason), classify_reason_text(k.reason));
    if (token[0])
        row(out, "decided by", token,
            k.n_statements > 1 ? "in the first statement that is no read" : "");
    if (k.touches)
        row(out, "session", "changes", "the server is asked afterwards what the session has");
    row(out, "catalog", cat ? "loaded" : "not loaded",
        cat ? "function names of the database are known"
            : "calls of functions go to the primary until it is");
    explain_hint(k.hint, out);
    const struct hint hint = hint_parse(k.hint);
    if (hint.primary)
        read = false;
    else if (hint.replica && (k.bits & ~(unsigned)(CLASS_READ | CLASS_UNKNOWN)) == 0)
        read = true;
    const struct read_rules rules = config_read_rules(p->conf, database, user);
    explain_nodes(p, cluster, &rules, read, out);
    explain_route(p, cluster, &rules,
                  read && config_pool(p->conf, database, user)->pool_mode != POOL_SESSION, out);
}

/* -- reload ------------------------------------------------------------------------------------------------------------- */

static void needs_restart(const char *section, const char *name, const struct conf_setting *s,
                          void *arg)
{
    int *n = arg;
    if (s && !(s->flags & CONF_RELOAD)) {
        log_warning("config.restart.needed", "%s%s%s.%s changed, which needs a restart", section,
                    name[0] ? " " : "", name, s->name);
        (*n)++;
    }
}

int proxy_reload(struct proxy *p, struct err *e)
{
    struct config *c = NULL;
    struct conf_diags *diags = calloc(1, sizeof(*diags));
    if (!diags)
        return err_set(e, ERR_NOMEM, "no memory");
    int rc = config_load(p->src, p->conninfo, &c, diags);
    if (rc < 0) {
        const struct conf_diag *d = &diags->d[0];
        for (int i = 0; i < diags->n; i++)
            log_error("config.refused", "%s:%d:%d: %s", diags->d[i].where.file,
                      diags->d[i].where.line, diags->d[i].where.column, diags->d[i].text);
        rc = err_set(e, ERR_INVALID,
                     "%s:%d:%d: %.180s (%d error%s; the old configuration stays in force)",
                     d->where.file, d->where.line, d->where.column, d->text, diags->n_errors,
                     diags->n_errors == 1 ? "" : "s");
        free(diags);
        return rc;
    }
    free(diags);
    int n_sections, restarts = 0;
    const struct conf_section *sections = config_sections(&n_sections);
    conf_diff(p->conf, c, sections, n_sections, needs_restart, &restarts);
    rc = manager_reload(p->manager, &c->repl, e);
    if (rc < 0) {
        config_unref(c);
        return rc;
    }
    config_unref(p->conf);
    p->conf = c;
    log_set_level((enum log_level)c->tanist.log_level);
    log_set_format((enum log_format)c->tanist.log_format);
    for (int i = 0; i < p->n_workers; i++) {
        config_ref(c);
        config_unref(loop_mail(&p->workers[i]->loop, WORKER_SLOT_CONFIG, c));
    }
    log_notice("config.reloaded", "configuration reloaded%s",
               restarts ? "; some changes need a restart" : "");
    return listeners_reload(p->listeners, e);
}

/* -- start and stop -------------------------------------------------------------------------------------------------------- */

static void on_manager_closed(void *arg)
{
    struct proxy *p = arg;
    for (int i = 0; i < (int)ARRAY_LEN(p->signals); i++)
        uv_close((uv_handle_t *)&p->signals[i], NULL);
    uv_close((uv_handle_t *)&p->tick, NULL);
    loop_stop(&p->loop);
}

void proxy_shutdown(struct proxy *p)
{
    if (p->stopping)
        return;
    p->stopping = true;
    log_notice("daemon.stopping", "shutting down");
    listeners_close(p->listeners);
    control_stop(p->control);
    for (int i = 0; i < p->n_workers; i++)
        worker_stop(p->workers[i]);
    for (int i = 0; i < p->n_workers; i++)
        worker_join(p->workers[i]);
    manager_close(p->manager, on_manager_closed, p);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct proxy *p = h->data;
    struct err e = {0};
    if (signum != SIGHUP)
        proxy_shutdown(p);
    else if (proxy_reload(p, &e) < 0)
        log_error("config.refused", "reload: %s", e.text);
}

static void on_tick(uv_timer_t *t)
{
    catalogs_tick(((struct proxy *)t->data)->catalogs);
}

static void watch_signals(struct proxy *p)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uv_signal_init(&p->loop.uv, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&p->loop.uv, &p->tick);
    p->tick.data = p;
    uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
}

/* auto is one for two cores: the nodes or the clients share them, and workers that are seldom busy wake up for each
 * message instead of for many (measured on 2 cores: two workers cost a fifth more CPU a statement than one). */
static int count_workers(const struct config *c)
{
    int64_t n = c->tanist.workers;
    if (n < 0) {
        uv_cpu_info_t *cpus;
        int count = 1;
        if (uv_cpu_info(&cpus, &count) == 0)
            uv_free_cpu_info(cpus, count);
        n = count / 2;
    }
    return n < 1 ? 1 : n > PROXY_WORKERS_MAX ? PROXY_WORKERS_MAX : (int)n;
}

static int start_workers(struct proxy *p, struct err *e)
{
    const int n = count_workers(p->conf);
#ifndef NDEBUG
    p->check_labels = getenv("TANIST_CHECK_LABELS") != NULL;
#endif
    for (int i = 0; i < n; i++) {
        struct worker *w = worker_new(p, i, e);
        if (!w)
            return e->code;
        p->workers[p->n_workers++] = w;
        BUG_ON(publish_add_worker(p->publish, &w->loop) != i);
    }
    for (int i = 0; i < n; i++) {
        const int rc = worker_start(p->workers[i], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int proxy_init(struct proxy *p, struct err *e)
{
    int rc = loop_init(&p->loop, "manager", -1, e);
    if (rc < 0)
        return rc;
    p->loop.data = p;
    p->publish = publish_new(&p->loop);
    p->limits = limits_new();
    p->control = control_new(p);
    p->auth = auth_new(p);
    p->catalogs = catalogs_new(p);
    p->console = console_new(p);
    if (!p->publish || !p->limits || !p->control || !p->auth || !p->catalogs || !p->console ||
        crypto_random(&p->mock_key, sizeof(p->mock_key)) < 0)
        return err_set(e, ERR_NOMEM, "no memory to start");
    rc = manager_new(&p->loop, p->publish, &p->conf->repl, &p->manager, e);
    if (rc < 0)
        return rc;
    p->hub = hub_new(p);
    if (!p->hub)
        return err_set(e, ERR_NOMEM, "no memory to start");
    rc = start_workers(p, e);
    if (rc < 0)
        return rc;
    return listeners_start(p, &p->listeners, e);
}

/* Messages that came after the loop had ended. */
static void drain_loop(struct loop *l)
{
    for (struct loop_msg *m = loop_take_msgs(l), *next; m; m = next) {
        next = m->next;
        m->run(m, l);
    }
}

static void proxy_fini(struct proxy *p)
{
    /* An answer may be on its way from a worker to the console and back. */
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < p->n_workers; i++)
            worker_drain(p->workers[i]);
        drain_loop(&p->loop);
    }
    for (int i = 0; i < p->n_workers; i++)
        worker_free(p->workers[i]);
    if (p->manager)
        manager_free(p->manager);
    publish_free(p->publish);
    listeners_free(p->listeners);
    console_free(p->console);
    control_free(p->control);
    catalogs_free(p->catalogs);
    hub_free(p->hub);
    auth_free(p->auth);
    limits_free(p->limits);
    loop_fini(&p->loop);
    config_unref(p->conf);
    free(p);
}

int proxy_run(struct config *c, const struct conf_source *src, const char *conninfo)
{
    struct err e = {0};
    struct proxy *p = calloc(1, sizeof(*p));
    if (!p)
        return 1;
    p->conf = c;
    p->src = src;
    p->conninfo = conninfo;
    p->started_at = clock_now(clock_real());
    log_set_level((enum log_level)c->tanist.log_level);
    log_set_format((enum log_format)c->tanist.log_format);
    if (proxy_init(p, &e) < 0) {
        /* Half a daemon has nothing to hand back in order: the process ends here. */
        log_error("daemon.failed", "cannot start: %s", e.text);
        return 1;
    }
    watch_signals(p);
    manager_start(p->manager);
    log_notice("daemon.ready", "tanist is ready: %d workers, at most %lld clients", p->n_workers,
               (long long)c->tanist.max_client_conn);
    loop_run_here(&p->loop);
    proxy_fini(p);
    return 0;
}
