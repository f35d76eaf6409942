#include "round.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../proxy/wire/frame.h"

struct history {
    struct step *steps;
    size_t n, cap;
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct step *push(struct history *h)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 256;
        struct step *steps = realloc(h->steps, h->cap * sizeof(*steps));
        if (!steps)
            abort();
        h->steps = steps;
    }
    h->steps[h->n] = (struct step){0};
    return &h->steps[h->n++];
}

static void history_free(struct history *h)
{
    for (size_t i = 0; i < h->n; i++)
        step_fini(&h->steps[i]);
    free(h->steps);
    *h = (struct history){0};
}

/* -- making ---------------------------------------------------------------------------------------------------------- */

struct round {
    struct tester *t;
    const struct round_options *o;
    struct gen g;
    struct history h;
    const char *user;
    bool fresh;
};

static const char *run_last(struct round *r)
{
    return tester_run(r->t, &r->h.steps[r->h.n - 1]);
}

static const char *begin(struct round *r)
{
    tester_reset(r->t, r->user, r->fresh);
    for (int i = 0; i < r->g.n_clients; i++) {
        gen_login(&r->g, i, false, push(&r->h));
        const char *what = run_last(r);
        if (what)
            return what;
    }
    return NULL;
}

static int choose_client(struct round *r)
{
    for (;;) {
        const int c = (int)prng_below(&r->g.prng, (unsigned)r->g.n_clients);
        if (tester_may_run(r->t, c))
            return c;
    }
}

static const char *next(struct round *r, unsigned i)
{
    struct tester *t = r->t;
    if (t->o.lag != LAG_NONE && prng_once(&r->g.prng, 40)) {
        push(&r->h)->kind = t->paused ? STEP_RESUME : STEP_PAUSE;
        return run_last(r);
    }
    const int c = choose_client(r);
    if (t->stranded[c]) {
        gen_login(&r->g, c, false, push(&r->h));
        return run_last(r);
    }
    struct gen_client *gc = &r->g.clients[c];
    gc->tx = t->direct[c].tx;
    gc->pinned = (t->pins[c] & t->o.pin_mask) != 0;
    gen_step(&r->g, c, push(&r->h));
    const char *what = run_last(r);
    if (what || r->o->check_each == 0 || i % r->o->check_each != 0 || t->direct[c].tx == 'E')
        return what;
    gen_check(&r->g, c, push(&r->h));
    return run_last(r);
}

static void add_query(struct history *h, int client, const char *sql)
{
    struct step *s = push(h);
    *s = (struct step){.kind = STEP_BATCH, .client = client, .n_ready = 1, .n_statements = 1};
    const size_t at = buf_begin(&s->bytes, 'Q');
    buf_cstr(&s->bytes, sql);
    buf_end(&s->bytes, at);
}

static const char *end(struct round *r)
{
    for (int i = 0; i < r->g.n_clients; i++) {
        if (r->t->direct[i].tx == 'I' || r->t->stranded[i])
            continue;
        add_query(&r->h, i, "ROLLBACK");
        const char *what = run_last(r);
        if (what)
            return what;
    }
    return tester_finish(r->t);
}

/* -- cutting down ---------------------------------------------------------------------------------------------------- */

/* Runs the steps that are marked; what differs, or NULL. *last is the step at which it differed. */
static const char *replay(struct round *r, const bool *keep, size_t *last)
{
    tester_reset(r->t, r->user, r->fresh);
    for (size_t i = 0; i < r->h.n; i++) {
        const struct step *s = &r->h.steps[i];
        *last = i;
        if (!keep[i] || (s->kind == STEP_BATCH && !tester_may_run(r->t, s->client)))
            continue;
        if (s->kind == STEP_BATCH && r->t->direct[s->client].fd < 0)
            continue;
        const char *what = tester_run(r->t, s);
        if (what)
            return what;
    }
    return tester_finish(r->t);
}

static bool still(struct round *r, const bool *keep, const char *what, size_t *last)
{
    const char *now = replay(r, keep, last);
    return now && strcmp(now, what) == 0;
}

/* Takes away ever smaller pieces as long as the same difference stays. The first logins stay. */
static void shrink(struct round *r, bool *keep, const char *what)
{
    const size_t n = r->h.n;
    const int64_t stop = now_ms() + r->o->shrink_ms;
    bool *try = malloc(n);
    if (!try)
        abort();
    for (size_t piece = n; piece > 0 && now_ms() < stop; piece = piece == 1 ? 0 : (piece + 1) / 2) {
        for (size_t to = n; to > 0 && now_ms() < stop; to = to > piece ? to - piece : 0) {
            const size_t from = to > piece ? to - piece : 0;
            bool any = false;
            size_t last;
            memcpy(try, keep, n);
            for (size_t i = from; i < to; i++) {
                any = any || try[i];
                try[i] = false;
            }
            if (!any || !still(r, try, what, &last))
                continue;
            memcpy(keep, try, n);
            for (size_t i = last + 1; i < n; i++)
                keep[i] = false;
        }
    }
    free(try);
}

/* Where two messages begin to differ, for those that are long. */
static void print_place(const struct buf *direct, const struct buf *proxied, const size_t at[2])
{
    enum { AROUND = 60 };
    const struct buf d = {direct->p + at[0], direct->n - at[0], 0};
    const struct buf p = {proxied->p + at[1], proxied->n - at[1], 0};
    const struct buf *both[2] = {&d, &p};
    size_t i =
        d.n > 0 && d.p[0] == 'D' ? FRAME_HEADER + 6 : FRAME_HEADER; /* of a row, not the lengths */
    while (i < d.n && i < p.n && d.p[i] == p.p[i])
        i++;
    const size_t from = i > AROUND ? i - AROUND : 0;
    for (int k = 0; k < 2 && from < d.n && from < p.n; k++) {
        printf("  byte %zu: ", i);
        const size_t to = both[k]->n > i + AROUND ? i + AROUND : both[k]->n;
        step_print_text(stdout, both[k]->p + from, to - from);
        printf("\n");
    }
}

static void print_streams(struct round *r, const struct step *s)
{
    const bool login = s->kind == STEP_LOGIN;
    const struct link *d = &r->t->direct[s->client], *p = &r->t->proxied[s->client];
    printf("  directly:\n");
    step_print_messages(stdout, login ? &d->hello : &d->got);
    printf("  through the port:\n");
    step_print_messages(stdout, login ? &p->hello : &p->got);
    if (s->kind == STEP_BATCH)
        print_place(&d->got, &p->got, r->t->oids.at);
}

static void print_all(struct round *r, const bool *keep, const char *what, size_t last)
{
    for (size_t i = 0; i <= last && i < r->h.n; i++)
        if (keep[i])
            step_print(stdout, &r->h.steps[i]);
    print_streams(r, &r->h.steps[last < r->h.n ? last : r->h.n - 1]);
    printf("  => %s\n", what);
    fflush(stdout);
}

/* Who holds what, when somebody waits in vain. */
static void print_clients(struct tester *t)
{
    if (link_try(&t->console, "SHOW CLIENTS"))
        step_print_messages(stdout, &t->console.got);
}

static void report(struct round *r, uint64_t number, const char *what)
{
    const size_t n = r->h.n;
    bool *keep = malloc(n);
    if (!keep)
        abort();
    memset(keep, true, n);
    printf("DIFFERENCE (seed %" PRIu64 ", round %" PRIu64 ", user %s, step %zu): %s\n", r->o->seed,
           number, r->user, n, what);
    size_t last = n - 1;
    if (strstr(what, "port: NoticeResponse 00000") || strstr(what, "53300") ||
        strstr(what, "no answer"))
        print_clients(r->t);
    if (r->o->shrink_ms == 0) {
        print_all(r, keep, what, last);
        free(keep);
        return;
    }
    step_print(stdout, &r->h.steps[last]);
    print_streams(r, &r->h.steps[last]);
    if (!still(r, keep, what, &last) && !still(r, keep, what, &last)) {
        printf("  => it did not come again when its history was replayed\n");
        fflush(stdout);
    } else {
        shrink(r, keep, what);
        if (still(r, keep, what, &last))
            print_all(r, keep, what, last);
        else
            printf("  it comes only at times\n");
    }
    free(keep);
}

const char *round_run(struct tester *t, const struct round_options *o, uint64_t number,
                      char *const *known, int n_known)
{
    struct round r = {.t = t,
                      .o = o,
                      .user = o->superuser && number % 3 == 2 ? "su" : "app",
                      .fresh = number % 2 == 0};
    char what[TESTER_WHAT];
    r.g.prng = prng_of(o->seed, number);
    r.g.features = o->features;
    r.g.n_clients = t->o.n_clients;
    const char *w = begin(&r);
    for (unsigned i = 0; !w && i < o->steps; i++)
        w = next(&r, i);
    if (!w)
        w = end(&r);
    if (w) {
        snprintf(what, sizeof(what), "%s", w);
        bool seen = false;
        for (int i = 0; i < n_known; i++)
            seen = seen || strcmp(known[i], what) == 0;
        if (!seen)
            report(&r, number, what);
        snprintf(t->what, sizeof(t->what), "%s", what);
        w = t->what;
    }
    history_free(&r.h);
    return w;
}
