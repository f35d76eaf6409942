#include "node.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

static const usec_t RESOLVE_EVERY = 30 * USEC_PER_SEC;
static const usec_t RESOLVE_AFTER_FAILURE = 2 * USEC_PER_SEC;

static void node_resolve(struct node *n);
static void run(struct node *n);

/* ---- addresses ---- */

static bool is_numeric(const char *host)
{
    struct sockaddr_in a4;
    struct sockaddr_in6 a6;
    return uv_ip4_addr(host, 0, &a4) == 0 || uv_ip6_addr(host, 0, &a6) == 0;
}

const char *node_addr(const struct node *n)
{
    return n->target.n_addrs > 0 ? n->target.addrs[n->target.at] : "";
}

static void tell_addr(struct node *n)
{
    if (strcmp(n->published_addr, node_addr(n)) == 0)
        return;
    str_copy(n->published_addr, sizeof(n->published_addr), node_addr(n));
    n->sink.on_addr(n->sink.arg, n);
}

static void set_target(struct node *n, const char *monitor)
{
    struct probe_target *t = &n->target;
    *t = (struct probe_target){.port = (uint16_t)n->conf.port, .is_socket = n->conf.host[0] == '/'};
    str_copy(t->conninfo, sizeof(t->conninfo), monitor);
    str_copy(t->host, sizeof(t->host), n->conf.host);
    if (is_numeric(n->conf.host)) {
        str_copy(t->addrs[0], sizeof(t->addrs[0]), n->conf.host);
        t->n_addrs = 1;
    }
}

static bool needs_resolving(const struct node *n)
{
    return !n->target.is_socket && !is_numeric(n->conf.host);
}

/* Keeps using the address in use when it is still among the answers. */
static void take_addresses(struct node *n, const struct addrinfo *list)
{
    struct probe_target *t = &n->target;
    char in_use[PROBE_ADDR_LEN];
    str_copy(in_use, sizeof(in_use), node_addr(n));
    t->n_addrs = 0;
    t->at = 0;
    for (const struct addrinfo *a = list; a && t->n_addrs < PROBE_ADDRS_MAX; a = a->ai_next) {
        char text[PROBE_ADDR_LEN];
        if (uv_ip_name(a->ai_addr, text, sizeof(text)) != 0)
            continue;
        bool seen = false;
        for (int i = 0; i < t->n_addrs; i++)
            seen = seen || strcmp(t->addrs[i], text) == 0;
        if (seen)
            continue;
        if (strcmp(text, in_use) == 0)
            t->at = t->n_addrs;
        str_copy(t->addrs[t->n_addrs++], PROBE_ADDR_LEN, text);
    }
}

static void closed_one(void *arg)
{
    struct node *n = arg;
    BUG_ON(n->closing <= 0);
    if (--n->closing > 0)
        return;
    void (*cb)(void *) = n->on_closed;
    void *cb_arg = n->closed_arg;
    free(n);
    cb(cb_arg);
}

static void report_unresolved(struct node *n, int status)
{
    struct probe_result r = {.obs = {.outcome = OBSERVE_UNREACHABLE}};
    r.obs.sent_at = r.obs.received_at = clock_now(n->clock);
    snprintf(r.obs.detail, sizeof(r.obs.detail), "host name \"%.60s\": %s", n->conf.host,
             uv_strerror(status));
    n->probes++;
    n->failures++;
    n->sink.on_result(n->sink.arg, n, &r);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct node *n = req->data;
    n->resolving = false;
    if (n->on_closed) {
        uv_freeaddrinfo(list);
        closed_one(n);
        return;
    }
    n->resolved_at = clock_now(n->clock);
    if (status == 0 && list)
        take_addresses(n, list);
    uv_freeaddrinfo(list);
    tell_addr(n);
    if (!n->probe_when_resolved)
        return;
    n->probe_when_resolved = false;
    if (n->target.n_addrs > 0)
        run(n);
    else
        report_unresolved(n, status);
}

static void node_resolve(struct node *n)
{
    if (n->resolving || n->on_closed)
        return;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    n->resolve.data = n;
    n->resolved_at = clock_now(n->clock);
    n->resolving =
        uv_getaddrinfo(n->loop, &n->resolve, on_resolved, n->conf.host, NULL, &hints) == 0;
}

/* ---- probes ---- */

static void deliver(struct node *n, const struct probe_result *r)
{
    n->probes++;
    if (r->obs.outcome != OBSERVE_OK)
        n->failures++;
    n->sink.on_result(n->sink.arg, n, r);
}

static void deliver_miss(struct node *n)
{
    const struct probe_result r = {.obs = n->miss};
    n->has_miss = false;
    deliver(n, &r);
}

static void keep_miss(struct node *n, const struct observation *o)
{
    n->miss = *o;
    n->has_miss = true;
}

static void on_result(void *arg, const struct probe_result *r)
{
    struct node *n = arg;
    const bool good = r->obs.outcome == OBSERVE_OK;
    n->last_duration = r->obs.received_at - r->obs.sent_at;
    const usec_t age = r->obs.received_at - n->resolved_at;
    const bool lost = r->obs.outcome == OBSERVE_REFUSED || r->obs.outcome == OBSERVE_UNREACHABLE ||
                      r->obs.outcome == OBSERVE_TIMEOUT;
    if (needs_resolving(n) && age > (lost ? RESOLVE_AFTER_FAILURE : RESOLVE_EVERY))
        node_resolve(n);
    tell_addr(n);
    n->first_failed = !good;
    if (good)
        probe_disconnect(&n->second);
    if (good || !n->has_miss) {
        n->has_miss = false;
        deliver(n, r);
        return;
    }
    /* Who is told of the first may start the next probe, which overwrites r. */
    const struct probe_result last = {.obs = r->obs};
    deliver_miss(n);
    deliver(n, &last);
}

static void on_second(void *arg, const struct probe_result *r)
{
    struct node *n = arg;
    if (r->obs.outcome == OBSERVE_OK) {
        /* The server lives, only our old connection hangs. */
        probe_disconnect(&n->probe);
        n->has_miss = false;
        deliver(n, r);
    } else if (n->first_failed) {
        deliver(n, r);
    } else {
        keep_miss(n, &r->obs);
    }
    probe_disconnect(&n->second);
}

static void on_second_sample(void *arg, const struct probe_sample *s, bool timed_out)
{
    (void)arg;
    (void)s;
    (void)timed_out;
    BUG("the second opinion is never asked for samples");
}

static void on_second_lost(void *arg, const struct err *e)
{
    (void)arg;
    (void)e;
}

static void on_half_time(uv_timer_t *t)
{
    struct node *n = t->data;
    if (n->probe.state >= PROBE_OBSERVING && n->probe.state != PROBE_SAMPLING &&
        !probe_busy(&n->second))
        probe_run(&n->second, n->timeout - n->timeout / 2);
}

static void run(struct node *n)
{
    if (!probe_busy(&n->second))
        n->first_failed = false; /* else the second witness still speaks about the probe before */
    probe_run(&n->probe, n->timeout);
    uv_update_time(n->loop);
    uv_timer_start(&n->timer, on_half_time, (uint64_t)(n->timeout / 2 / USEC_PER_MS), 0);
}

static void on_sample(void *arg, const struct probe_sample *s, bool timed_out)
{
    struct node *n = arg;
    n->sink.on_sample(n->sink.arg, n, s);
    if (s)
        return;
    if (!timed_out) {
        node_probe(n, n->timeout);
        return;
    }
    /* The established connection was silent for half of check_timeout: the new one has the other half. */
    struct observation o = {.outcome = OBSERVE_TIMEOUT, .sent_at = n->probe.sample.sent_at};
    o.received_at = clock_now(n->clock);
    str_copy(o.detail, sizeof(o.detail), "no answer within the deadline");
    keep_miss(n, &o);
    node_probe(n, o.received_at - o.sent_at);
}

static void on_lost(void *arg, const struct err *e)
{
    struct node *n = arg;
    LOG_AT(LOG_DEBUG, "probe.closed", LOG_KV({"node", n->conf.name}, {"sqlstate", e->sqlstate}),
           "%s", e->text);
    node_probe(n, n->timeout);
}

void node_probe(struct node *n, usec_t timeout)
{
    if (n->on_closed || (probe_busy(&n->probe) && n->probe.state != PROBE_SAMPLING))
        return; /* a probe under way is as good */
    n->timeout = timeout;
    uv_timer_stop(&n->timer);
    if (n->target.is_socket || n->target.n_addrs > 0) {
        run(n);
        return;
    }
    n->probe_when_resolved = true;
    node_resolve(n);
}

static void on_timer(uv_timer_t *t)
{
    struct node *n = t->data;
    node_probe(n, n->timeout);
}

usec_t node_asked_at(const struct node *n)
{
    const struct probe *p = &n->probe;
    if (!probe_busy(p))
        return 0;
    return p->state == PROBE_SAMPLING ? p->sample.sent_at : p->result.obs.sent_at;
}

void node_schedule(struct node *n, const struct health *h, const struct health_policy *p)
{
    if (n->on_closed || probe_busy(&n->probe))
        return;
    const usec_t now = clock_now(n->clock), at = health_next_probe(h);
    const usec_t wait = at > now ? at - now : 0;
    n->timeout = health_probe_timeout(h, p);
    uv_update_time(n->loop);
    uv_timer_start(&n->timer, on_timer, (uint64_t)((wait + USEC_PER_MS - 1) / USEC_PER_MS), 0);
}

void node_beat(struct node *n, bool on)
{
    n->probe.beat = on;
}

void node_want_history(struct node *n, bool on)
{
    n->probe.want_history = on;
}

bool node_sample(struct node *n, usec_t timeout)
{
    return !n->on_closed && probe_sample(&n->probe, timeout);
}

/* ---- life ---- */

struct node *node_new(uv_loop_t *loop, const struct clock *clock, const struct node_conf *conf,
                      const char *monitor, const struct node_sink *sink)
{
    struct node *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->loop = loop;
    n->clock = clock;
    n->conf = *conf;
    n->sink = *sink;
    n->timeout = USEC_PER_SEC;
    set_target(n, monitor);
    str_copy(n->published_addr, sizeof(n->published_addr), node_addr(n));
    BUG_ON(uv_timer_init(loop, &n->timer) != 0);
    n->timer.data = n;
    const struct probe_events events = {
        .on_result = on_result, .on_sample = on_sample, .on_lost = on_lost, .arg = n};
    const struct probe_events second = {
        .on_result = on_second, .on_sample = on_second_sample, .on_lost = on_second_lost, .arg = n};
    probe_init(&n->probe, loop, clock, &n->target, &events);
    probe_init(&n->second, loop, clock, &n->target, &second);
    return n;
}

void node_reconfigure(struct node *n, const struct node_conf *conf, const char *monitor)
{
    const bool moved = strcmp(n->conf.host, conf->host) != 0 || n->conf.port != conf->port ||
                       strcmp(n->target.conninfo, monitor) != 0;
    n->conf = *conf;
    if (!moved)
        return;
    probe_disconnect(&n->probe);
    probe_disconnect(&n->second);
    set_target(n, monitor);
    tell_addr(n);
    node_probe(n, n->timeout);
}

static void on_timer_closed(uv_handle_t *h)
{
    closed_one(h->data);
}

void node_close(struct node *n, void (*on_closed)(void *arg), void *arg)
{
    BUG_ON(n->on_closed);
    n->on_closed = on_closed;
    n->closed_arg = arg;
    n->closing = 3 + (n->resolving ? 1 : 0);
    if (n->resolving)
        uv_cancel((uv_req_t *)&n->resolve);
    uv_close((uv_handle_t *)&n->timer, on_timer_closed);
    probe_close(&n->probe, closed_one);
    probe_close(&n->second, closed_one);
}
