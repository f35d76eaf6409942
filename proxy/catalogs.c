#include "catalogs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/query.h"
#include "pool.h"
#include "worker.h"

enum {
    DATABASES_MAX = 1000,
    KEY_MAX = 80,
    REFRESH_SEC = 30,
    CHANGED_SEC = 1,
    QUERY_SEC = 30,
    REPLICA_SEC = 5
};

/* One database, on the manager's thread. */
struct entry {
    UT_hash_handle hh;
    struct catalogs *owner;
    int cluster;
    char dbname[CONF_NAME_MAX];
    char key[KEY_MAX];
    char version[32], loading_version[32];
    bool busy, again;
    bool changed;     /* somebody ran a command that may have changed it */
    lsn_t replica_at; /* a replica that has this is asked for the names; 0: the primary */
    usec_t checked_at, loaded_at;
    struct catalog_ref *current;
};

struct catalogs {
    struct proxy *proxy;
    struct entry *all;
};

/* From a worker: wanted; to a worker: here it is. */
struct note {
    struct loop_msg msg;
    struct proxy *proxy;
    int cluster;
    bool changed;
    char dbname[CONF_NAME_MAX];
    struct catalog_ref *ref;
};

void catalog_unref(struct catalog_ref *r)
{
    if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1) {
        free(r->mem);
        free(r);
    }
}

static struct catalog_ref *take(struct catalog_ref *r)
{
    if (r)
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

struct catalogs *catalogs_new(struct proxy *p)
{
    struct catalogs *c = calloc(1, sizeof(*c));
    if (c)
        c->proxy = p;
    return c;
}

void catalogs_free(struct catalogs *c)
{
    struct entry *e, *tmp;
    if (!c)
        return;
    HASH_ITER(hh, c->all, e, tmp)
    {
        HASH_DEL(c->all, e);
        catalog_unref(e->current);
        free(e);
    }
    free(c);
}

/* -- worker's side ------------------------------------------------------------------------------------------------------ */

static void on_delivery(struct loop_msg *m, struct loop *on)
{
    struct note *n = CONTAINER_OF(m, struct note, msg);
    struct worker *w = on->data;
    struct pool_group *g, *tmp;
    HASH_ITER(hh, w->groups, g, tmp)
    if (g->cluster == n->cluster && strcmp(g->dbname, n->dbname) == 0) {
        catalog_unref(g->catalog);
        g->catalog = take(n->ref);
    }
    catalog_unref(n->ref);
    free(n);
}

/* -- manager's side ----------------------------------------------------------------------------------------------------- */

static void deliver(struct entry *e)
{
    struct proxy *p = e->owner->proxy;
    for (int i = 0; i < p->n_workers; i++) {
        struct note *n = calloc(1, sizeof(*n));
        if (!n)
            return;
        n->cluster = e->cluster;
        str_copy(n->dbname, sizeof(n->dbname), e->dbname);
        n->ref = take(e->current);
        n->msg.run = on_delivery;
        if (!loop_post(&p->workers[i]->loop, &n->msg)) {
            catalog_unref(n->ref);
            free(n);
        }
    }
}

static void refresh(struct entry *e);

static void finish(struct entry *e, const char *failure)
{
    e->busy = false;
    e->checked_at = worker_now();
    if (failure) {
        log_warning("catalog.failed", "catalog of database %s: %s", e->dbname, failure);
    }
    if (e->again && !failure) {
        e->again = false;
        refresh(e);
    }
}

static bool ask(struct entry *e, const char *sql, lsn_t replica_at, query_cb cb)
{
    struct err err = {0};
    const struct query_spec spec = {.cluster = e->cluster,
                                    .dbname = e->dbname,
                                    .sql = sql,
                                    .replica_at = replica_at,
                                    .timeout =
                                        (replica_at ? REPLICA_SEC : QUERY_SEC) * USEC_PER_SEC};
    if (manager_query(e->owner->proxy->manager, &spec, cb, e, &err) == 0)
        return true;
    finish(e, err.text);
    return false;
}

/* An empty catalog with room for the answer; NULL without memory. */
static struct catalog_ref *room_for(const struct query_result *r)
{
    size_t bytes = 0;
    const int n = query_n_rows(r);
    for (int i = 0; i < n; i++)
        bytes += strlen(query_text(r, i, 1)) + 1;
    const size_t cap = catalog_size((size_t)n, bytes);
    struct catalog_ref *ref = calloc(1, sizeof(*ref));
    void *mem = malloc(cap);
    if (!ref || !mem || catalog_init(&ref->cat, mem, cap) < 0) {
        free(mem);
        free(ref);
        return NULL;
    }
    atomic_init(&ref->refs, 1);
    ref->mem = mem;
    return ref;
}

static int take_names(struct catalog *cat, const struct query_result *r)
{
    for (int i = 0; i < query_n_rows(r); i++) {
        int64_t bits;
        if (!str_to_i64(query_text(r, i, 2), &bits) || bits < 0 || bits > 255)
            return ERR_INVALID;
        const int rc = catalog_add_row(cat, query_text(r, i, 0), slice_of(query_text(r, i, 1)),
                                       (unsigned)bits);
        if (rc < 0 && rc != ERR_INVALID) /* that one is no identifier a statement could contain */
            return rc;
    }
    return 0;
}

static void ask_names(struct entry *e);

static void on_names(void *arg, const struct query_result *r, const struct err *err)
{
    struct entry *e = arg;
    if (err->code && e->replica_at && err->code != ERR_CANCELED) {
        e->replica_at = 0;
        ask_names(e);
        return;
    }
    if (err->code) {
        finish(e, err->text);
        return;
    }
    struct catalog_ref *ref = room_for(r);
    if (!ref || take_names(&ref->cat, r) < 0) {
        catalog_unref(ref);
        finish(e, "it does not fit into memory");
        return;
    }
    catalog_seal(&ref->cat);
    catalog_unref(e->current);
    e->current = ref;
    str_copy(e->version, sizeof(e->version), e->loading_version);
    e->loaded_at = worker_now();
    log_info("catalog.loaded",
             "catalog of database %s: %u function names, %u names for the primary", e->dbname,
             ref->cat.n_functions, ref->cat.n_relations);
    deliver(e);
    finish(e, NULL);
}

static void on_prepared(void *arg, const struct query_result *r, const struct err *err)
{
    struct entry *e = arg;
    if (err->code) {
        on_names(e, r, err);
        return;
    }
    char sql[CATALOG_SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    catalog_write_sql(&b);
    BUG_ON(b.truncated);
    (void)ask(e, sql, e->replica_at, on_names);
}

/* It takes a while on a big catalog, and a snapshot on the primary would keep VACUUM from cleaning meanwhile. */
static void ask_names(struct entry *e)
{
    (void)ask(e, catalog_sql_prepare, e->replica_at, on_prepared);
}

/* Sessions tell the server's counters, which the version is made of, up to seconds late; so it is loaded whatever the
 * version says, but not for each of many commands. */
static bool reload_due(const struct entry *e)
{
    return e->changed && worker_now() - e->loaded_at >= CHANGED_SEC * USEC_PER_SEC;
}

static void on_version(void *arg, const struct query_result *r, const struct err *err)
{
    struct entry *e = arg;
    const char *v = err->code == 0 && query_n_rows(r) > 0 ? query_text(r, 0, 0) : NULL;
    if (err->code) {
        finish(e, err->text);
    } else if (e->current && v && strcmp(v, e->version) == 0 && !reload_due(e)) {
        finish(e, NULL);
    } else {
        e->changed = false;
        str_copy(e->loading_version, sizeof(e->loading_version), v ? v : "");
        const char *at = v ? query_text(r, 0, 1) : NULL;
        lsn_t lsn = 0;
        e->replica_at = at && lsn_parse(at, &lsn) ? lsn_of_insert(lsn) : 0;
        ask_names(e);
    }
}

static void refresh(struct entry *e)
{
    if (e->busy) {
        e->again = true;
        return;
    }
    e->busy = true;
    e->checked_at = worker_now();
    (void)ask(e, catalog_sql_version, 0, on_version);
}

static struct entry *entry_get(struct catalogs *c, int cluster, const char *dbname)
{
    char key[KEY_MAX];
    struct entry *e = NULL;
    snprintf(key, sizeof(key), "%d/%s", cluster, dbname);
    HASH_FIND_STR(c->all, key, e);
    if (e || HASH_COUNT(c->all) >= DATABASES_MAX)
        return e;
    e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->owner = c;
    e->cluster = cluster;
    str_copy(e->dbname, sizeof(e->dbname), dbname);
    str_copy(e->key, sizeof(e->key), key);
    HASH_ADD_STR(c->all, key, e);
    return e;
}

static void on_want(struct loop_msg *m, struct loop *on)
{
    (void)on;
    struct note *n = CONTAINER_OF(m, struct note, msg);
    struct entry *e =
        n->proxy->stopping ? NULL : entry_get(n->proxy->catalogs, n->cluster, n->dbname);
    if (e) {
        if (e->current && !n->changed)
            deliver(e);
        e->changed |= n->changed;
        refresh(e);
    }
    free(n);
}

static void tell(struct worker *w, int cluster, const char *dbname, bool changed)
{
    struct note *n = calloc(1, sizeof(*n));
    if (!n)
        return;
    n->proxy = w->proxy;
    n->cluster = cluster;
    n->changed = changed;
    str_copy(n->dbname, sizeof(n->dbname), dbname);
    n->msg.run = on_want;
    if (!loop_post(&w->proxy->loop, &n->msg))
        free(n);
}

void catalogs_want(struct worker *w, int cluster, const char *dbname)
{
    tell(w, cluster, dbname, false);
}

void catalogs_changed(struct worker *w, int cluster, const char *dbname)
{
    tell(w, cluster, dbname, true);
}

void catalogs_tick(struct catalogs *c)
{
    const usec_t now = worker_now();
    struct entry *e, *tmp;
    HASH_ITER(hh, c->all, e, tmp)
    if (!e->busy &&
        (reload_due(e) || now - e->checked_at > (e->current ? REFRESH_SEC : 1) * USEC_PER_SEC))
        refresh(e);
}

const struct catalog *catalogs_peek(struct catalogs *c, int cluster, const char *dbname)
{
    struct entry *e = entry_get(c, cluster, dbname);
    if (!e)
        return NULL;
    if (!e->current)
        refresh(e);
    return e->current ? &e->current->cat : NULL;
}
