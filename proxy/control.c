#include "control.h"

#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/base/str.h"
#include "cancel.h"
#include "client.h"
#include "limits.h"
#include "pool.h"
#include "server.h"
#include "wire/errresp.h"
#include "worker.h"

enum { COUNT_MS = 20, ORDERS_MAX = 64 };

/* -- what is in force ------------------------------------------------------------------------------------------------ */

static const struct control_gate *find_gate(const struct control_gates *c, const char *database)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->gates[i].database, database) == 0)
            return &c->gates[i];
    return NULL;
}

bool control_paused(const struct control_gates *c, const char *database)
{
    const struct control_gate *g = find_gate(c, database);
    return c->all_paused || (g && g->paused);
}

bool control_disabled(const struct control_gates *c, const char *database)
{
    const struct control_gate *g = find_gate(c, database);
    return g && g->disabled;
}

/* NULL: there are too many. */
static struct control_gate *get_gate(struct control_gates *c, const char *database)
{
    for (int i = 0; i < c->n; i++) {
        struct control_gate *g = &c->gates[i];
        if (strcmp(g->database, database) == 0)
            return g;
    }
    for (int i = 0; i < c->n; i++) /* one that says nothing any more */
        if (!c->gates[i].paused && !c->gates[i].disabled) {
            str_copy(c->gates[i].database, sizeof(c->gates[i].database), database);
            return &c->gates[i];
        }
    if (c->n == CONTROL_NAMES_MAX)
        return NULL;
    struct control_gate *g = &c->gates[c->n++];
    *g = (struct control_gate){.paused = false};
    str_copy(g->database, sizeof(g->database), database);
    return g;
}

/* What an order changes. The manager has made sure that there is room. */
static void change_gates(struct control_gates *c, const struct control_req *r)
{
    const bool pause = r->op == CONTROL_PAUSE || r->op == CONTROL_KILL;
    if (!pause && r->op != CONTROL_RESUME && r->op != CONTROL_DISABLE && r->op != CONTROL_ENABLE)
        return;
    if (!r->database[0]) {
        c->all_paused = pause;
        return;
    }
    struct control_gate *g = get_gate(c, r->database);
    BUG_ON(!g);
    if (r->op == CONTROL_DISABLE || r->op == CONTROL_ENABLE)
        g->disabled = r->op == CONTROL_DISABLE;
    else
        g->paused = pause;
}

void control_apply(const struct control_gates *c, struct pool_group *g)
{
    g->paused = control_paused(c, g->database);
    g->disabled = control_disabled(c, g->database);
}

/* -- on a worker ----------------------------------------------------------------------------------------------------- */

struct order {
    struct control *control;
    struct control_req req;
    control_done done;
    void *arg;
    bool counting;
    usec_t at;
    int waiting; /* workers that have not answered */
    long left;   /* what they counted */
    struct list_node node;
};

struct part {
    struct loop_msg msg;
    struct order *of;
    struct control_req req;
    bool counting;
    usec_t at;
    long left;
};

static bool meant(const struct control_req *r, const struct pool_group *g)
{
    return !r->database[0] || strcmp(r->database, g->database) == 0;
}

static void kill_client(struct client *c)
{
    if (c->server && c->batch.opened)
        cancel_server(c->server); /* or the node would go on with it by itself */
    if (c->server)
        c->server->close_after = true;
    client_fatal(c, ERRRESP_ADMIN_SHUTDOWN,
                 "terminating connection due to administrator command (KILL)", NULL);
}

/* Closing one client may close any other, so they are found by slot. */
static void kill_clients(struct worker *w, const struct control_req *r)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        struct client *c = w->slots[i];
        if (!c || c->state == CLIENT_CONSOLE || !c->group || !meant(r, c->group))
            continue;
        kill_client(c);
    }
}

static bool any_server(const struct server *s, usec_t now)
{
    (void)s;
    (void)now;
    return true;
}

static void kill_servers(struct pool *p)
{
    struct server *s; /* no client is left that could be linked to one */
    while ((s = pool_find(&p->busy, any_server, 0)) != NULL)
        server_close(s, "KILL");
    while ((s = pool_find(&p->login, any_server, 0)) != NULL)
        server_close(s, "KILL");
}

static bool kill_one(struct worker *w, uint64_t id)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        struct client *c = w->slots[i];
        if (!c || c->serial != id)
            continue;
        kill_client(c);
        return true;
    }
    return false;
}

static long count_left(const struct control_req *r, const struct pool *p)
{
    long n = 0;
    if (r->op == CONTROL_PAUSE)
        return (long)(p->idle.count + p->busy.count + p->login.count);
    LIST_FOR_EACH (i, &p->busy)
        n += pool_close_needed(LIST_ENTRY(i, struct server, node));
    LIST_FOR_EACH (i, &p->login)
        n += pool_close_needed(LIST_ENTRY(i, struct server, node));
    return n;
}

static void apply_to_group(const struct part *k, struct pool_group *g)
{
    const struct control_req *r = &k->req;
    if (r->op == CONTROL_RECONNECT) {
        pool_group_reconnect(g, k->at);
        return;
    }
    if (r->op == CONTROL_KILL)
        for (int i = 0; i < POOL_SLOTS; i++)
            if (g->pools[i])
                kill_servers(g->pools[i]);
    pool_group_gate(g);
}

static void on_answer(struct loop_msg *m, struct loop *on);

static void on_order(struct loop_msg *m, struct loop *on)
{
    struct part *k = CONTAINER_OF(m, struct part, msg);
    struct worker *w = on->data;
    const struct control_req *r = &k->req;
    struct pool_group *g, *tmp;
    if (!k->counting && !w->stopping) {
        change_gates(&w->control, r);
        HASH_ITER(hh, w->groups, g, tmp)
        control_apply(&w->control, g); /* before anybody is closed, which would let others go on */
        if (r->op == CONTROL_KILL)
            kill_clients(w, r);
        if (r->op == CONTROL_KILL_CLIENT)
            k->left = kill_one(w, r->client);
    }
    HASH_ITER(hh, w->groups, g, tmp)
    {
        if (!meant(r, g) || r->op == CONTROL_KILL_CLIENT)
            continue;
        if (!k->counting)
            apply_to_group(k, g);
        for (int i = 0; i < POOL_SLOTS; i++)
            if (g->pools[i])
                k->left += count_left(r, g->pools[i]);
    }
    k->msg.run = on_answer;
    if (!loop_post(&w->proxy->loop, &k->msg))
        BUG("the manager's queue is full");
}

/* -- on the manager's thread ----------------------------------------------------------------------------------------- */

struct control {
    struct proxy *proxy;
    struct control_gates gates;
    struct list orders; /* under way */
    uv_timer_t timer;   /* while orders count */
    bool ticking, stopped;
};

struct control *control_new(struct proxy *p)
{
    struct control *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->proxy = p;
    list_init(&c->orders);
    uv_timer_init(&p->loop.uv, &c->timer);
    c->timer.data = c;
    return c;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    BUG_ON(!list_empty(&c->orders));
    free(c);
}

const struct control_gates *control_gates(const struct control *c)
{
    return &c->gates;
}

/* Answers; the order lives on until the workers have answered, too. */
static void finish(struct order *o, const struct err *e)
{
    control_done done = o->done;
    o->done = NULL;
    if (done)
        done(o->arg, e);
    if (o->waiting > 0)
        return;
    list_remove(&o->control->orders, &o->node);
    free(o);
}

static void tell_workers(struct order *o)
{
    struct proxy *p = o->control->proxy;
    o->left = 0;
    for (int i = 0; i < p->n_workers && !p->stopping; i++) {
        struct part *k = calloc(1, sizeof(*k));
        BUG_ON(!k); /* a worker that does not hear of it would do the opposite */
        *k = (struct part){.of = o, .req = o->req, .counting = o->counting, .at = o->at};
        k->msg.run = on_order;
        o->waiting++;
        if (!loop_post(&p->workers[i]->loop, &k->msg))
            BUG("the queue of a worker is full of orders");
    }
}

static bool waits(const struct order *o)
{
    return o->req.op == CONTROL_PAUSE || o->req.op == CONTROL_WAIT_CLOSE;
}

/* Have all workers done it, and is nothing left? */
static void consider(struct order *o)
{
    struct err e = {0};
    struct control *c = o->control;
    const char *database = o->req.database[0] ? o->req.database : NULL;
    if (!o->done || c->stopped) {
        err_set(&e, ERR_CANCELED, "tanist is shutting down");
        finish(o, &e);
        return;
    }
    if (o->req.op == CONTROL_KILL_CLIENT) {
        if (o->left == 0)
            err_set(&e, ERR_NOTFOUND, "there is no client with this id");
        finish(o, &e);
        return;
    }
    if (!waits(o)) {
        finish(o, &e);
        return;
    }
    if (o->req.op == CONTROL_PAUSE &&
        !(database ? control_paused(&c->gates, database) : c->gates.all_paused)) {
        err_set(&e, ERR_STATE, "RESUME came before every server was released");
        finish(o, &e);
        return;
    }
    /* Servers on their way between two workers are in nobody's list, but have their token. */
    if (o->req.op == CONTROL_PAUSE)
        o->left += limits_servers(c->proxy->limits, database);
    if (o->left == 0)
        finish(o, &e);
}

static void on_answer(struct loop_msg *m, struct loop *on)
{
    struct part *k = CONTAINER_OF(m, struct part, msg);
    struct order *o = k->of;
    (void)on;
    o->left += k->left;
    free(k);
    if (--o->waiting == 0)
        consider(o);
}

static void on_timer(uv_timer_t *t)
{
    struct control *c = t->data;
    bool some = false;
    LIST_FOR_EACH (n, &c->orders) {
        struct order *o = LIST_ENTRY(n, struct order, node);
        some |= waits(o);
        if (!waits(o) || o->waiting > 0)
            continue;
        o->counting = true;
        tell_workers(o);
    }
    if (!some) {
        uv_timer_stop(t);
        c->ticking = false;
    }
}

static int check(const struct control *c, const struct control_req *r, struct err *e)
{
    const char *db = r->database;
    struct control_gates *room = NULL;
    if (c->orders.count >= ORDERS_MAX)
        return err_set(e, ERR_LIMIT, "%d orders are under way already", ORDERS_MAX);
    if (strcmp(db, "tanist") == 0 || strcmp(db, "pgbouncer") == 0)
        return err_set(e, ERR_INVALID, "\"%s\" is the console", db);
    if (*db && !config_database(c->proxy->conf, db))
        return err_set(e, ERR_NOTFOUND, "there is no database \"%s\"", db);
    const struct control_gate *g = find_gate(&c->gates, db);
    if (r->op == CONTROL_PAUSE && (*db ? g && g->paused : c->gates.all_paused))
        return err_set(e, ERR_STATE, *db ? "database \"%s\" is paused already" : "paused already%s",
                       db);
    if (r->op == CONTROL_RESUME && !(*db ? g && g->paused : c->gates.all_paused))
        return err_set(e, ERR_STATE, *db ? "database \"%s\" is not paused" : "not paused%s", db);
    if (!*db || g)
        return 0;
    room = malloc(sizeof(*room));
    if (!room)
        return err_set(e, ERR_NOMEM, "out of memory");
    *room = c->gates;
    const bool fits = get_gate(room, db) != NULL;
    free(room);
    return fits ? 0
                : err_set(e, ERR_LIMIT, "%d databases are paused or disabled already",
                          CONTROL_NAMES_MAX);
}

void control_run(struct control *c, const struct control_req *req, control_done done, void *arg)
{
    struct err e = {0};
    struct order *o = NULL;
    if (c->stopped)
        err_set(&e, ERR_CANCELED, "tanist is shutting down");
    else if (check(c, req, &e) == 0 && !(o = calloc(1, sizeof(*o))))
        err_set(&e, ERR_NOMEM, "out of memory");
    if (!o) {
        done(arg, &e);
        return;
    }
    *o = (struct order){
        .control = c, .req = *req, .done = done, .arg = arg, .at = clock_now(clock_real())};
    list_push_back(&c->orders, &o->node);
    change_gates(&c->gates, req);
    tell_workers(o);
    if (waits(o) && !c->ticking) {
        c->ticking = true;
        uv_timer_start(&c->timer, on_timer, COUNT_MS, COUNT_MS);
    }
}

void control_stop(struct control *c)
{
    struct err e;
    err_set(&e, ERR_CANCELED, "tanist is shutting down");
    c->stopped = true;
    LIST_FOR_EACH (n, &c->orders)
        finish(LIST_ENTRY(n, struct order, node), &e);
    uv_close((uv_handle_t *)&c->timer, NULL);
}
