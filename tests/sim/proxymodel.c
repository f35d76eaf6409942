/* Workers that adopt snapshots late, with clients that write through them. The drain rule: after a worker has reported an
 * epoch as drained, no write of an older epoch can be answered by it any more. */
#include <string.h>

#include "../../replication/base/bug.h"
#include "sim.h"

#define WRITE_TIMEOUT (2 * SIM_SEC)

static void next_write(struct sim *s, int w, int c)
{
    sim_push(s, 5 * SIM_MS + (usec_t)sim_below(s, (uint32_t)s->write_every),
             (struct sim_event){.kind = SIM_EV_CLIENT, .a = w, .b = c});
}

void sim_proxy_start(struct sim *s)
{
    for (int w = 0; w < SIM_WORKERS; w++) {
        s->workers[w] = (struct sim_worker){.writer = TOPO_NO_WRITER, .holding = true};
        for (int c = 0; c < SIM_CLIENTS; c++)
            next_write(s, w, c);
    }
}

void sim_proxy_crash(struct sim *s)
{
    for (int w = 0; w < SIM_WORKERS; w++)
        s->workers[w] = (struct sim_worker){.writer = TOPO_NO_WRITER, .holding = true};
}

void sim_proxy_mail(struct sim *s, const struct topology *t, usec_t grace)
{
    for (int w = 0; w < SIM_WORKERS; w++) {
        struct sim_worker *k = &s->workers[w];
        bool wake = !k->mail;
        k->mail = true;
        k->box.epoch = t->epoch;
        k->box.version = t->version;
        k->box.writer = t->writer;
        k->box.holding = t->holding;
        k->box.grace = grace;
        if (wake)
            sim_push(s, k->slow + (usec_t)sim_below(s, 3000),
                     (struct sim_event){.kind = SIM_EV_ADOPT, .a = w});
    }
}

static bool in_flight(const struct sim_worker *k)
{
    for (int c = 0; c < SIM_CLIENTS; c++)
        if (k->clients[c].conn && (k->writer < 0 || k->clients[c].node != k->writer))
            return true;
    return false;
}

static void drained(struct sim *s, struct sim_worker *k)
{
    k->draining = false;
    k->drained = k->epoch;
    sim_manager_drained(s);
}

static void close_all(struct sim_worker *k)
{
    for (int c = 0; c < SIM_CLIENTS; c++)
        if (k->writer < 0 || k->clients[c].node != k->writer)
            k->clients[c].conn = 0;
}

static void adopt(struct sim *s, int w)
{
    struct sim_worker *k = &s->workers[w];
    if (!k->mail)
        return;
    k->mail = false;
    if (k->box.epoch < k->epoch || k->box.version <= k->version)
        sim_check_fail(s, "epoch and version never go back", "worker %d: %llu after %llu", w,
                       (unsigned long long)k->box.epoch, (unsigned long long)k->epoch);
    bool moved = k->box.writer != k->writer;
    k->epoch = k->adopted = k->box.epoch;
    k->version = k->box.version;
    k->writer = k->box.writer;
    k->holding = k->box.holding;
    if (moved && in_flight(k) && k->box.grace > 0) {
        k->draining = true;
        sim_push(s, k->box.grace, (struct sim_event){.kind = SIM_EV_GRACE, .a = w, .id = k->epoch});
        return;
    }
    if (k->draining && in_flight(k) && k->box.grace > 0)
        return;
    if (s->bug != SIM_BUG_EARLY_DRAIN)
        close_all(k);
    drained(s, k);
}

static void write_next(struct sim *s, int w, int c)
{
    struct sim_worker *k = &s->workers[w];
    usec_t delay;
    /* A lost message stands for a broken connection: after some time the client's statement has failed. */
    if (k->clients[c].conn && s->now - k->clients[c].sent_at > WRITE_TIMEOUT)
        k->clients[c].conn = 0;
    if (k->clients[c].conn == 0 && k->writer >= 0 && s->m.alive) {
        uint64_t conn = sim_id(s);
        k->clients[c].conn = conn;
        k->clients[c].sent_at = s->now;
        k->clients[c].node = k->writer;
        k->clients[c].epoch = k->epoch;
        if (sim_send(s, SIM_WORKER0 + w, k->writer, &delay))
            sim_push(s, delay,
                     (struct sim_event){
                         .kind = SIM_EV_WRITE_AT, .a = w, .b = c, .c = k->writer, .id = conn});
    }
    next_write(s, w, c);
}

static void acknowledge(struct sim *s, const struct sim_event *ev)
{
    struct sim_event back = *ev;
    usec_t delay;
    if (s->quorum.k && !s->nodes[ev->c].sync.k && ev->branch > 1)
        sim_check_fail(s, "a promoted node acknowledges with a quorum only", "node %d", ev->c);
    /* Past us, on a node that was only just promoted, before its checkpointer knows of the quorum: nobody's promise. */
    const struct sim_node *n = &s->nodes[ev->c];
    const bool unawares = s->now < n->sync_at && !n->was_sync.k;
    if (!unawares || ev->c == s->check.newest_writer)
        sim_check_served(s, ev->c, ev->branch, ev->lsn);
    back.kind = SIM_EV_WRITE_BACK;
    if (ev->a >= 0 && sim_send(s, ev->c, SIM_WORKER0 + ev->a, &delay))
        sim_push(s, delay, back);
}

/* The commit waits on its server for the quorum (inc: the server's incarnation; a restart ends the wait without an
 * answer). With too many the oldest are forgotten: nobody listens to them any more. */
static void wait_for_quorum(struct sim *s, const struct sim_event *ev)
{
    const struct sim_node *n = &s->nodes[ev->c];
    if (!n->sync.k && s->now >= n->sync_at) {
        acknowledge(s, ev);
        return;
    }
    if (s->n_waiters == SIM_WAITERS_MAX)
        memmove(&s->waiters[0], &s->waiters[1], sizeof(s->waiters[0]) * (size_t)--s->n_waiters);
    s->waiters[s->n_waiters++] = *ev;
}

static void write_at(struct sim *s, const struct sim_event *ev)
{
    const struct sim_node *n = &s->nodes[ev->c];
    struct sim_event back = *ev;
    usec_t delay;
    if (n->frozen) { /* waits in the socket; the server runs it when it goes on, whoever listens */
        sim_push(s, 20 * SIM_MS, *ev);
        return;
    }
    if (n->dead_host)
        return;
    back.kind = SIM_EV_WRITE_BACK;
    back.lsn = 0;
    back.branch = n->branch;
    if (!sim_pg_write(s, ev->c, false, &back.lsn))
        back.lsn = 0;
    if (back.lsn) {
        back.inc = n->incarnation;
        wait_for_quorum(s, &back);
        return;
    }
    if (sim_send(s, ev->c, SIM_WORKER0 + ev->a, &delay))
        sim_push(s, delay, back);
}

void sim_proxy_synced(struct sim *s)
{
    lsn_t confirmed[SIM_NODES_MAX];
    int kept = 0;
    for (int i = 0; i < s->n_nodes; i++)
        confirmed[i] = sim_pg_confirmed_lsn(s, i);
    for (int i = 0; i < s->n_waiters; i++) {
        const struct sim_event ev = s->waiters[i];
        const struct sim_node *n = &s->nodes[ev.c];
        if (!n->up || n->incarnation != ev.inc)
            continue;
        if (n->frozen || ev.lsn > confirmed[ev.c])
            s->waiters[kept++] = ev;
        else
            acknowledge(s, &ev);
    }
    s->n_waiters = kept;
}

/* The soft fence can be bypassed; the quorum cannot. */
static void bypass(struct sim *s, const struct sim_event *ev)
{
    struct sim_event w = {.kind = SIM_EV_WRITE_BACK, .a = -1};
    w.c = (int)sim_below(s, (uint32_t)s->n_nodes);
    w.branch = s->nodes[w.c].branch;
    w.inc = s->nodes[w.c].incarnation;
    if (s->nodes[w.c].sync.k && sim_pg_write(s, w.c, true, &w.lsn))
        wait_for_quorum(s, &w);
    sim_push(s, 10 * SIM_MS + (usec_t)sim_below(s, (uint32_t)s->bypass_every), *ev);
}

static void write_back(struct sim *s, const struct sim_event *ev)
{
    struct sim_worker *k = &s->workers[ev->a];
    if (k->clients[ev->b].conn != ev->id)
        return; /* closed meanwhile: nobody is told anything */
    k->clients[ev->b].conn = 0;
    if (ev->c == k->writer)
        s->m.view.heard_at = sim_manager_now(s);
    if (ev->lsn)
        sim_check_ack(s, ev->a, ev->c, k->clients[ev->b].epoch, ev->branch, ev->lsn);
    if (k->draining && !in_flight(k))
        drained(s, k);
}

void sim_proxy_event(struct sim *s, const struct sim_event *ev)
{
    struct sim_worker *k = &s->workers[ev->a < 0 ? 0 : ev->a];
    switch ((int)ev->kind) { /* the others are not for this file */
    case SIM_EV_ADOPT:
        adopt(s, ev->a);
        break;
    case SIM_EV_GRACE:
        if (k->draining && k->epoch >= ev->id) {
            close_all(k);
            drained(s, k);
        }
        break;
    case SIM_EV_CLIENT:
        write_next(s, ev->a, ev->b);
        break;
    case SIM_EV_WRITE_AT:
        write_at(s, ev);
        break;
    case SIM_EV_BYPASS:
        bypass(s, ev);
        break;
    case SIM_EV_WRITE_BACK:
        write_back(s, ev);
        break;
    default:
        BUG("not a worker's event");
    }
}
