/* Many clients in one process, each in a scenario of its own (scenario.h); every answer is compared with what the client
 * knows of its session. Watches the memory of the process between, the number of servers, and how long answers take.
 *
 *   soak CLIENTS SECONDS STUCK_SECONDS SEED PID CONNINFO NODE_CONNINFO...
 *
 * Prints "key value" lines for tests/soak/run; a line "violation ..." for each wrong answer (the first 20). */
#include <libpq-fe.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "scenario.h"

enum {
    CLIENTS_MAX = 5000,
    NODES_MAX = 8,
    SECONDS_MAX = 24 * 3600,
    LOGINS_MAX = 50,
    SHOWN_MAX = 20,
    BUCKETS = 40
};

enum state { OFF = 0, CONNECTING, BUSY, LISTENING, DONE };

struct soak_client {
    PGconn *conn;
    int fd;
    enum state state;
    double since;            /* the present wait */
    char got[SCENARIO_WANT]; /* the first answer to the present step */
    bool answered, notified;
    struct scenario s;
};

static struct soak_client clients[CLIENTS_MAX];
static int n_clients, n_logins, n_done, epoll_fd;
static const char *conninfo;
static double ends, stuck_seconds, longest;
static long n_steps, n_violations, n_stuck, n_scenarios, n_reconnects;
static long bucket[BUCKETS];
static double rss[SECONDS_MAX];
static long servers_seen[256];
static int n_seconds;
static PGconn *node[NODES_MAX];
static int n_nodes;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void violation(struct soak_client *k, const char *what)
{
    if (n_violations++ >= SHOWN_MAX)
        return;
    const struct step *t = &k->s.step[k->s.at];
    printf("violation client %d, %s, step %d: %s: %.300s; got: %.200s; want: %s\n", k->s.id,
           k->s.name, k->s.at, what, t->sql, k->got, t->want);
    fflush(stdout);
}

static void watch(struct soak_client *k, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = k};
    const int fd = PQsocket(k->conn);
    if (fd == k->fd) {
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &e);
    } else {
        k->fd = fd;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

/* Time that an answer took: twice as long for each next bucket, from 0.1 ms. */
static void waited(double seconds)
{
    if (seconds > longest)
        longest = seconds;
    int b = 0;
    for (double x = 0.0001; x < seconds && b < BUCKETS - 1; x *= 2)
        b++;
    bucket[b]++;
}

static double quantile(double q)
{
    long total = 0, sum = 0;
    for (int i = 0; i < BUCKETS; i++)
        total += bucket[i];
    double x = 0.0001;
    for (int i = 0; i < BUCKETS; i++, x *= 2) {
        sum += bucket[i];
        if ((double)sum >= q * (double)total)
            return x;
    }
    return x;
}

static void start_login(struct soak_client *k)
{
    char all[1000];
    snprintf(all, sizeof(all),
             "%s application_name=soak-%d options='-c search_path=s0 -c timezone=UTC'", conninfo,
             k->s.id);
    k->conn = PQconnectStart(all);
    k->fd = -1;
    k->state = CONNECTING;
    k->since = now();
    n_logins++;
    watch(k, EPOLLOUT);
}

static void leave(struct soak_client *k)
{
    if (k->conn)
        PQfinish(k->conn);
    k->conn = NULL;
    k->fd = -1;
}

static void give_up(struct soak_client *k, const char *why)
{
    snprintf(k->got, sizeof(k->got), "%s", k->conn ? PQerrorMessage(k->conn) : "");
    violation(k, why);
    if (k->state == CONNECTING)
        n_logins--;
    leave(k);
    k->state = DONE;
    n_done++;
}

static bool send_step(struct soak_client *k, const struct step *t)
{
    const char *const args[] = {t->sql};
    switch (t->kind) {
    case STEP_PREPARE:
        return PQsendPrepare(k->conn, "p", t->sql, 0, NULL);
    case STEP_EXECUTE:
        return PQsendQueryPrepared(k->conn, "p", 1, args, NULL, NULL, 0);
    case STEP_QUERY:
    case STEP_NOTIFY:
    case STEP_RECONNECT:
    default:
        return PQsendQuery(k->conn, t->sql);
    }
}

/* The next step, of the next scenario if this one is over. */
static void go_on(struct soak_client *k)
{
    if (k->s.at >= k->s.n) {
        n_scenarios++;
        if (now() >= ends) {
            k->state = DONE;
            n_done++;
            return;
        }
        scenario_next(&k->s);
    }
    const struct step *t = &k->s.step[k->s.at];
    k->answered = k->notified = false;
    k->got[0] = '\0';
    if (t->kind == STEP_RECONNECT) {
        n_reconnects++;
        leave(k);
        k->s.at++;
        start_login(k);
        return;
    }
    k->state = BUSY;
    k->since = now();
    if (!send_step(k, t)) {
        give_up(k, "cannot send");
        return;
    }
    watch(k, PQflush(k->conn) == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void step_done(struct soak_client *k)
{
    const struct step *t = &k->s.step[k->s.at];
    waited(now() - k->since);
    n_steps++;
    if (t->kind != STEP_NOTIFY && strcmp(k->got, t->want) != 0)
        violation(k, "another answer");
    k->s.at++;
    go_on(k);
}

static void take_result(struct soak_client *k, PGresult *r)
{
    if (!k->answered) {
        const ExecStatusType st = PQresultStatus(r);
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        if (st == PGRES_TUPLES_OK && PQntuples(r) > 0)
            snprintf(k->got, sizeof(k->got), "%s", PQgetvalue(r, 0, 0));
        else if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK)
            snprintf(k->got, sizeof(k->got), "%s",
                     k->s.step[k->s.at].kind == STEP_PREPARE ? "PREPARE" : PQcmdStatus(r));
        else if (k->s.step[k->s.at].want[0] == '!')
            snprintf(k->got, sizeof(k->got), "!%s", state ? state : "");
        else
            snprintf(k->got, sizeof(k->got), "!%s %.150s", state ? state : "",
                     PQresultErrorMessage(r));
        k->answered = true;
    }
    PQclear(r);
}

/* Only its own channel and the payload that it waits for. */
static void take_notifications(struct soak_client *k)
{
    for (PGnotify *x; (x = PQnotifies(k->conn)); PQfreemem(x)) {
        const struct step *t = &k->s.step[k->s.at];
        char own[24];
        snprintf(own, sizeof(own), "c_%d", k->s.id);
        const bool mine =
            k->s.at < k->s.n && t->kind == STEP_NOTIFY && strcmp(x->relname, own) == 0;
        if (mine && strcmp(x->extra, t->want) == 0 && !k->notified) {
            k->notified = true;
        } else {
            snprintf(k->got, sizeof(k->got), "%s %s", x->relname, x->extra);
            violation(k, "a notification that is not its own");
        }
    }
}

static void on_query(struct soak_client *k)
{
    if (!PQconsumeInput(k->conn) || PQflush(k->conn) < 0) {
        give_up(k, "the connection is lost");
        return;
    }
    while (k->state == BUSY && !PQisBusy(k->conn)) {
        PGresult *r = PQgetResult(k->conn);
        if (r)
            take_result(k, r);
        else
            k->state = LISTENING; /* the answer is complete */
    }
    take_notifications(k);
    if (k->state == LISTENING &&
        (k->s.step[k->s.at].kind != STEP_NOTIFY || k->notified || k->got[0] == '!'))
        step_done(k);
}

static void on_login(struct soak_client *k)
{
    switch (PQconnectPoll(k->conn)) {
    case PGRES_POLLING_READING:
        watch(k, EPOLLIN);
        return;
    case PGRES_POLLING_WRITING:
        watch(k, EPOLLOUT);
        return;
    case PGRES_POLLING_OK:
        n_logins--;
        waited(now() - k->since);
        PQsetnonblocking(k->conn, 1);
        go_on(k);
        return;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
    default:
        give_up(k, "login failed");
        return;
    }
}

/* ---- Once in a second ---- */

static double resident_mb(long pid)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void count_servers(void)
{
    int sum = 0;
    for (int i = 0; i < n_nodes; i++) {
        PGresult *r = PQexec(node[i], "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' "
                                      "AND backend_type = 'client backend'");
        sum += PQntuples(r) == 1 ? atoi(PQgetvalue(r, 0, 0)) : 0;
        PQclear(r);
    }
    servers_seen[sum < 255 ? sum : 255]++;
}

static void look_for_stuck(void)
{
    const double t = now();
    for (int i = 0; i < n_clients; i++) {
        struct soak_client *k = &clients[i];
        if (k->state == OFF || k->state == DONE || t - k->since < stuck_seconds)
            continue;
        n_stuck++;
        snprintf(k->got, sizeof(k->got), "nothing for %.1f s, state %d", t - k->since,
                 (int)k->state);
        give_up(k, "stuck");
    }
}

static void every_second(long pid)
{
    if (n_seconds < SECONDS_MAX)
        rss[n_seconds++] = resident_mb(pid);
    count_servers();
    look_for_stuck();
    for (int i = 0; n_logins < LOGINS_MAX && i < n_clients; i++)
        if (clients[i].state == OFF)
            start_login(&clients[i]);
    if (n_seconds % 60 == 0) {
        printf("# %d s: %ld steps, %ld violations, longest wait %.2f s, %.1f MB\n", n_seconds,
               n_steps, n_violations, longest, rss[n_seconds - 1]);
        fflush(stdout);
    }
}

static double mean(int from, int to)
{
    double sum = 0;
    for (int i = from; i < to; i++)
        sum += rss[i];
    return to > from ? sum / (to - from) : 0;
}

/* Servers at a share of all the seconds. */
static int servers_at(double q)
{
    long sum = 0;
    for (int i = 0; i < 256; i++) {
        sum += servers_seen[i];
        if ((double)sum >= q * n_seconds)
            return i;
    }
    return 255;
}

static void report(int busy_seconds)
{
    /* The first minute is for warming up; short runs take a fifth. */
    const int part = busy_seconds >= 300 ? 60 : busy_seconds / 5;
    const int end = busy_seconds < n_seconds ? busy_seconds : n_seconds;
    printf("steps %ld\nscenarios %ld\nreconnects %ld\nviolations %ld\nstuck %ld\n", n_steps,
           n_scenarios, n_reconnects, n_violations, n_stuck);
    printf("longest_wait_s %.3f\np50_ms %.1f\np99_ms %.1f\n", longest, quantile(0.5) * 1e3,
           quantile(0.99) * 1e3);
    printf("rss_first_mb %.2f\nrss_second_mb %.2f\nrss_last_mb %.2f\n", mean(0, part),
           mean(part, 2 * part), mean(end - part, end));
    printf("servers_median %d\nservers_max %d\n", servers_at(0.5), servers_at(1));
    fflush(stdout);
}

static void loop(long pid)
{
    double next_second = now();
    const double hard_end = ends + stuck_seconds + 10;
    while (n_done < n_clients && now() < hard_end) {
        struct epoll_event e[256];
        const int n = epoll_wait(epoll_fd, e, 256, 100);
        for (int i = 0; i < n; i++) {
            struct soak_client *k = e[i].data.ptr;
            if (k->state == CONNECTING)
                on_login(k);
            else if (k->state == BUSY || k->state == LISTENING)
                on_query(k);
        }
        if (now() >= next_second) {
            next_second += 1;
            every_second(pid);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr,
                "usage: soak CLIENTS SECONDS STUCK_SECONDS SEED PID CONNINFO NODE_CONNINFO...\n");
        return 2;
    }
    n_clients = atoi(argv[1]) < CLIENTS_MAX ? atoi(argv[1]) : CLIENTS_MAX;
    const int seconds = atoi(argv[2]);
    stuck_seconds = atof(argv[3]);
    const uint64_t seed = strtoull(argv[4], NULL, 10);
    const long pid = atol(argv[5]);
    conninfo = argv[6];
    for (int i = 7; i < argc && n_nodes < NODES_MAX; i++)
        node[n_nodes++] = PQconnectdb(argv[i]);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    epoll_fd = epoll_create1(0);
    ends = now() + seconds;
    for (int i = 0; i < n_clients; i++)
        scenario_init(&clients[i].s, i + 1, i % 10 == 0, seed);
    loop(pid);
    report(seconds);
    for (int i = 0; i < n_clients; i++)
        leave(&clients[i]);
    for (int i = 0; i < n_nodes; i++)
        PQfinish(node[i]);
    return n_violations || n_stuck || n_done < n_clients;
}
