#include "tester.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../replication/base/bytes.h"
#include "setup.h"

enum { ANSWER_MS = 20000, QUIET_MS = 5, SETTLE_MS = 3000, PAIRS = 32, POLLS = 20000 };

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_us(long us)
{
    const struct timespec ts = {.tv_nsec = us * 1000};
    nanosleep(&ts, NULL);
}

/* -- waiting ------------------------------------------------------------------------------------------------------- */

static bool poll_both(struct link *a, struct link *b, int ms)
{
    struct pollfd p[2];
    struct link *l[2] = {a, b};
    nfds_t n = 0;
    for (int i = 0; i < 2; i++)
        if (l[i]->fd >= 0)
            p[n++] = (struct pollfd){
                .fd = l[i]->fd, .events = (short)(POLLIN | (link_has_output(l[i]) ? POLLOUT : 0))};
    return n > 0 && poll(p, n, ms) > 0;
}

/* What a pair of links waits for: that many ReadyForQuery, or at Flush also messages behind them. */
struct goal {
    unsigned ready, since;
    bool flush;
};

static bool reached(const struct link *l, const struct goal *g)
{
    if (l->fd < 0)
        return true;
    if (l->ready < g->ready || (g->flush && link_has_output(l)))
        return false;
    return !g->flush || l->errored || l->ready > g->ready || l->since >= g->since;
}

/* false: one of them does not answer. */
static bool wait_for(struct link *d, struct link *p, const struct goal *g)
{
    const int64_t end = now_ms() + ANSWER_MS;
    for (;;) {
        link_pump(d);
        link_pump(p);
        const bool direct = reached(d, g);
        /* At Flush the proxy owes what the server has said by now. */
        if (direct && (g->flush ? p->fd < 0 || p->errored || p->n_got >= d->n_got : reached(p, g)))
            return true;
        const int64_t left = end - now_ms();
        if (left <= 0)
            return false;
        poll_both(d, p, (int)left);
    }
}

/* -- one batch ------------------------------------------------------------------------------------------------------ */

static const char *fail(struct tester *t, const char *what)
{
    snprintf(t->what, sizeof(t->what), "%s", what);
    return t->what;
}

static const char *run_batch(struct tester *t, const struct step *s)
{
    struct link *d = &t->direct[s->client], *p = &t->proxied[s->client];
    size_t sent = 0;
    link_forget_step(d);
    link_forget_step(p);
    d->copy = p->copy = &s->copy;
    t->oids.at[0] = t->oids.at[1] = 0;
    for (int i = 0; i <= s->n_waits; i++) {
        const bool last = i == s->n_waits;
        const size_t to = last ? s->bytes.n : s->waits[i].at;
        const struct goal g = {.ready = last ? s->n_ready : s->waits[i].ready,
                               .since = last ? 0 : s->waits[i].messages,
                               .flush = !last};
        buf_add(&d->out, s->bytes.p + sent, to - sent);
        buf_add(&p->out, s->bytes.p + sent, to - sent);
        sent = to;
        if (!wait_for(d, p, &g)) {
            snprintf(t->what, sizeof(t->what), "no answer %s%s",
                     reached(d, &g) ? "through the port" : "directly", last ? "" : " at Flush");
            return t->what;
        }
    }
    t->n_batches++;
    t->n_messages += d->n_got;
    t->n_statements += s->n_statements;
    const char *what = compare_messages(&t->oids, &d->got, &p->got, t->what, sizeof(t->what));
    if (what == compare_stranded && d->fd >= 0 && p->fd >= 0) {
        t->stranded[s->client] = true;
        t->n_stranded++;
        return NULL;
    }
    if (what)
        return what;
    if (d->fd < 0 || p->fd < 0)
        return d->fd == p->fd
                   ? fail(t, "both connections are closed")
                   : fail(t, d->fd < 0 ? "only the server closed" : "only tanist closed");
    t->pins[s->client] |= s->pins;
    if (s->unpins && (t->o.exact_unpin || s->unpins == ~0U) && d->tx == 'I' && s->n_ready == 1 &&
        d->got.n > 0 && d->got.p[0] != 'E')
        t->pins[s->client] &= ~s->unpins | PIN_BIT_OTHER; /* that ends with the server */
    return NULL;
}

/* -- notifications --------------------------------------------------------------------------------------------------- */

static bool listens(const struct tester *t, int client)
{
    return (t->pins[client] & PIN_BIT_LISTEN) != 0;
}

/* Notifications that are under way arrive: both have the same number, and nothing comes for a moment. */
static const char *settle(struct tester *t, int client)
{
    struct link *d = &t->direct[client], *p = &t->proxied[client];
    const int64_t end = now_ms() + SETTLE_MS;
    if (d->fd < 0 || p->fd < 0)
        return NULL;
    for (;;) {
        link_pump(d);
        link_pump(p);
        const bool same = d->n_notes == p->n_notes;
        if (!poll_both(d, p, same ? QUIET_MS : 50) && same)
            break;
        if (now_ms() > end)
            break;
    }
    const char *what = compare_notes(&d->notes, &p->notes);
    d->notes.n = p->notes.n = 0;
    d->n_notes = p->n_notes = 0;
    return what ? fail(t, what) : NULL;
}

/* -- logins ---------------------------------------------------------------------------------------------------------- */

/* What sessions held is free again, on both sides: nothing of it may disturb who comes next. (What a serializable transaction
 * has read may stay known for long.) client < 0: of all. */
static void wait_gone(struct tester *t, int client)
{
    static const char sql[] =
        "SELECT count(*) FROM pg_locks l LEFT JOIN pg_class c ON c.oid = "
        "l.relation LEFT JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE l.pid IS NOT NULL AND mode <> 'SIReadLock' AND (n.nspname "
        "SIMILAR TO 's%s(b|)' OR (locktype = "
        "'advisory' AND classid::text LIKE '1%s'))";
    char text[sizeof(sql) + 16], one[4];
    struct link *both[2] = {&t->twin, &t->primary};
    snprintf(one, sizeof(one), "%d", client);
    snprintf(text, sizeof(text), sql, client < 0 ? "_" : one, client < 0 ? "_" : one);
    for (int i = 0; i < 2; i++)
        for (int n = 0; n < POLLS && strcmp(link_value(both[i], text), "0") != 0; n++)
            pause_us(500);
}

static void set_paused(struct tester *t, bool paused)
{
    if (t->paused == paused)
        return;
    for (int i = 0; i < t->o.n_replicas; i++)
        link_value(&t->replicas[i],
                   paused ? "SELECT pg_wal_replay_pause()" : "SELECT pg_wal_replay_resume()");
    t->paused = paused;
}

/* A new session knows nothing of what its client wrote before: replicas must have it all. */
static void wait_replayed(struct tester *t)
{
    char sql[128], lsn[64];
    set_paused(t, false);
    link_value(
        &t->primary,
        "SELECT pg_logical_emit_message(true, 'diff', '')"); /* its commit flushes all before it */
    snprintf(lsn, sizeof(lsn), "%s", link_value(&t->primary, "SELECT pg_current_wal_flush_lsn()"));
    snprintf(sql, sizeof(sql), "SELECT pg_last_wal_replay_lsn() >= '%s'", lsn);
    for (int i = 0; i < t->o.n_replicas; i++)
        for (int n = 0; n < POLLS && strcmp(link_value(&t->replicas[i], sql), "t") != 0; n++)
            pause_us(300);
}

static void open_pair(struct tester *t, int client, const char *const *pairs, int rc[2])
{
    const struct target direct = {.host = t->o.twin_host, .port = t->o.twin, .database = "app"};
    char password[64];
    snprintf(password, sizeof(password), "%s-secret", t->user);
    const struct target proxied = {
        .host = "127.0.0.1", .port = t->o.port, .database = "app", .password = password};
    rc[0] = link_open(&t->direct[client], &direct, pairs);
    rc[1] = link_open(&t->proxied[client], &proxied, pairs);
}

static const char *log_in(struct tester *t, int client, const struct buf *text)
{
    struct link *d = &t->direct[client], *p = &t->proxied[client];
    t->stranded[client] = false;
    const char *pairs[PAIRS] = {"user", t->user};
    int n = 2, rc[2];
    for (size_t i = 0; i < text->n && n < PAIRS - 2; i += strlen((char *)text->p + i) + 1)
        pairs[n++] = (char *)text->p + i;
    pairs[n] = NULL;
    open_pair(t, client, pairs, rc);
    if (rc[0] < 0 || rc[1] < 0) {
        const char *what = compare_refusal(&d->hello, &p->hello);
        if (what || rc[0] != rc[1])
            return fail(t, what ? what : "login: one of them failed");
        link_close(d, true);
        link_close(p, true);
        pairs[2] = NULL;
        open_pair(t, client, pairs, rc);
        if (rc[0] < 0 || rc[1] < 0)
            return fail(t, "login failed");
    }
    return compare_hello(&d->hello, &p->hello, t->what, sizeof(t->what));
}

static const char *run_login(struct tester *t, const struct step *s)
{
    const int c = s->client;
    const bool paused = t->paused;
    const char *what = NULL;
    if (t->direct[c].fd >= 0) {
        what = listens(t, c) ? settle(t, c) : NULL;
        link_close(&t->direct[c], s->abrupt);
        link_close(&t->proxied[c], s->abrupt);
        wait_gone(t, c);
        wait_replayed(t);
    }
    t->pins[c] = 0;
    if (!what)
        what = log_in(t, c, &s->bytes);
    set_paused(t, paused);
    return what;
}

/* -- all -------------------------------------------------------------------------------------------------------------- */

static bool holds(const struct tester *t, int client)
{
    return t->direct[client].fd >= 0 &&
           (t->direct[client].tx != 'I' || (t->pins[client] & t->o.pin_mask) != 0);
}

bool tester_may_run(const struct tester *t, int client)
{
    unsigned n = 0;
    if (holds(t, client))
        return true;
    for (int i = 0; i < t->o.n_clients; i++)
        n += holds(t, i);
    return n < t->o.pool_size;
}

const char *tester_run(struct tester *t, const struct step *s)
{
    const char *what;
    if (s->kind == STEP_LOGIN)
        return run_login(t, s);
    if (s->kind != STEP_BATCH) {
        set_paused(t, s->kind == STEP_PAUSE);
        return NULL;
    }
    if (listens(t, s->client) && t->direct[s->client].tx == 'I') {
        what = settle(t, s->client);
        if (what)
            return what;
    }
    return run_batch(t, s);
}

void tester_close_clients(struct tester *t)
{
    for (int i = 0; i < GEN_CLIENTS_MAX; i++) {
        link_close(&t->direct[i], false);
        link_close(&t->proxied[i], false);
        t->pins[i] = 0;
    }
}

static void open_own(struct link *l, const struct target *t, const char *user)
{
    const char *const pairs[] = {"user",  user, "application_name", "diff", "client_min_messages",
                                 "error", NULL};
    const char *const console[] = {"user", user, NULL};
    if (link_open(l, t, t->password ? console : pairs) < 0) {
        fprintf(stderr, "no connection to %s port %d\n", t->host, t->port);
        exit(3);
    }
}

/* tanist knows the new functions, so reads that call them go to replicas. */
static bool catalog_loaded(struct tester *t)
{
    static const char known[] = "may run on a replica";
    return link_try(&t->console, "EXPLAIN ROUTE (DATABASE app) SELECT f_read('t')") &&
           memmem(t->console.got.p, t->console.got.n, known, sizeof(known) - 1) != NULL;
}

void tester_open(struct tester *t, const struct tester_options *o)
{
    *t = (struct tester){.o = *o, .user = "app"};
    for (int i = 0; i < GEN_CLIENTS_MAX; i++) {
        link_init(&t->direct[i]);
        link_init(&t->proxied[i]);
    }
    open_own(&t->twin, &(struct target){.host = o->twin_host, .port = o->twin, .database = "app"},
             "postgres");
    open_own(&t->primary, &(struct target){.host = o->host, .port = o->primary, .database = "app"},
             "postgres");
    for (int i = 0; i < o->n_replicas; i++)
        open_own(&t->replicas[i],
                 &(struct target){.host = o->host, .port = o->replicas[i], .database = "app"},
                 "postgres");
    setup_run(&t->twin, t->o.n_clients);
    setup_run(&t->primary, t->o.n_clients);
    wait_replayed(t);
    const struct target console = {
        .host = "127.0.0.1", .port = o->port, .database = "tanist", .password = "tanist-secret"};
    open_own(&t->console, &console, "tanist");
    link_value(&t->console, "RELOAD");
    for (int n = 0; n < POLLS && o->n_replicas && !catalog_loaded(t); n++)
        pause_us(2000);
}

void tester_reset(struct tester *t, const char *user, bool fresh)
{
    tester_close_clients(t);
    set_paused(t, false);
    t->user = user;
    t->oids.n = 0;
    if (fresh)
        (void)link_try(&t->console, "RECONNECT");
    setup_round(&t->twin, t->o.n_clients);
    setup_round(&t->primary, t->o.n_clients);
    wait_replayed(t);
}

const char *tester_finish(struct tester *t)
{
    char twin[64];
    for (int i = 0; i < t->o.n_clients; i++) {
        const char *what = settle(t, i);
        if (what)
            return what;
    }
    tester_close_clients(t);
    wait_gone(t, -1);
    setup_end(&t->twin);
    setup_end(&t->primary);
    for (int i = 0; i < t->o.n_clients; i++) {
        snprintf(twin, sizeof(twin), "%s", setup_digest(&t->twin, i));
        if (strcmp(twin, setup_digest(&t->primary, i)) != 0) {
            snprintf(t->what, sizeof(t->what), "the tables of client %d differ", i);
            return t->what;
        }
    }
    return NULL;
}

uint64_t tester_replica_commits(struct tester *t)
{
    uint64_t n = 0;
    for (int i = 0; i < t->o.n_replicas; i++)
        n += strtoull(link_value(&t->replicas[i],
                                 "SELECT xact_commit FROM pg_stat_database WHERE datname = 'app'"),
                      NULL, 10);
    return n;
}
