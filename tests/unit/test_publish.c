/* Publishing: latest wins, epochs never go back on a worker, the barrier opens only when all have drained. With real
 * loops on real threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "../../replication/publish.h"

enum { WORKERS = 3, PUBLISHES = 2000 };

struct worker {
    struct loop loop;
    struct publish *publish;
    int index;
    uint64_t epoch, version;
    _Atomic int adopted, went_back;
    _Atomic uint64_t drain_up_to; /* the test lets the worker drain */
    struct loop_msg stop, drain;
};

static struct worker workers[WORKERS];
static struct loop manager;
static int acks;

static void on_mail(struct loop *l, int slot, void *item)
{
    struct worker *w = l->data;
    struct topo_snapshot *s = item;
    assert_int_equal(slot, PUBLISH_SLOT(2));
    if (s->topo.epoch < w->epoch || s->topo.version <= w->version)
        atomic_fetch_add(&w->went_back, 1);
    w->epoch = s->topo.epoch;
    w->version = s->topo.version;
    atomic_fetch_add(&w->adopted, 1);
    publish_ack_adopted(w->publish, w->index, 2, s->topo.epoch);
    if (s->topo.epoch <= atomic_load(&w->drain_up_to))
        publish_ack_drained(w->publish, w->index, 2, s->topo.epoch);
    topo_snapshot_unref(s);
}

static void start(struct loop *l)
{
    loop_on_mail(l, on_mail);
}

static void run_stop(struct loop_msg *m, struct loop *on)
{
    (void)m;
    loop_stop(on);
}

static void run_drain(struct loop_msg *m, struct loop *on)
{
    struct worker *w = on->data;
    (void)m;
    atomic_store(&w->drain_up_to, UINT64_MAX);
    publish_ack_drained(w->publish, w->index, 2, w->epoch);
}

/* The manager's loop ends when what the test waits for is there, and at the latest by its timer. */
struct wait {
    uv_timer_t tick;
    struct publish *p;
    uint64_t epoch;
    bool drained;
    int left;
};

static void on_ack(void *arg)
{
    (void)arg;
    acks++;
}

static void on_closed(uv_handle_t *h)
{
    (void)h;
    loop_stop(&manager);
}

static void on_tick(uv_timer_t *t)
{
    struct wait *w = t->data;
    const bool done = w->drained ? publish_all_drained(w->p, 2, w->epoch)
                                 : publish_all_adopted(w->p, 2, w->epoch);
    if ((done && acks > 0) || --w->left == 0)
        uv_close((uv_handle_t *)t, on_closed);
}

static bool wait_for(struct publish *p, uint64_t epoch, bool drained)
{
    struct wait w = {.p = p, .epoch = epoch, .drained = drained, .left = 10000};
    w.tick.data = &w;
    assert_int_equal(uv_timer_init(&manager.uv, &w.tick), 0);
    assert_int_equal(uv_timer_start(&w.tick, on_tick, 0, 1), 0);
    loop_run_here(&manager);
    return drained ? publish_all_drained(p, 2, epoch) : publish_all_adopted(p, 2, epoch);
}

static void snapshots_and_barrier(void **state)
{
    (void)state;
    struct err e = {0};
    static struct topology t;
    assert_int_equal(loop_init(&manager, "manager", 0, &e), 0);
    struct publish *p = publish_new(&manager);
    assert_non_null(p);
    publish_on_ack(p, on_ack, NULL);
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        w->publish = p;
        assert_int_equal(loop_init(&w->loop, "worker", i + 1, &e), 0);
        w->loop.data = w;
        w->index = publish_add_worker(p, &w->loop);
        assert_int_equal(w->index, i);
        assert_int_equal(loop_start(&w->loop, start, &e), 0);
    }
    assert_true(publish_all_drained(p, 2, 0));
    assert_false(publish_all_adopted(p, 2, 1));
    t.writer = TOPO_NO_WRITER;
    for (int i = 1; i <= PUBLISHES; i++) {
        t.version = (uint64_t)i;
        t.epoch = (uint64_t)(i / 10 + 1);
        publish_topology(p, 2, &t);
    }
    assert_true(wait_for(p, t.epoch, false));
    /* Adopted by all, drained by none, then by all but one: the barrier stays shut. */
    assert_false(publish_all_drained(p, 2, t.epoch));
    for (int i = 0; i < WORKERS; i++) {
        workers[i].drain.run = run_drain;
        assert_false(publish_all_drained(p, 2, t.epoch));
        assert_true(loop_post(&workers[i].loop, &workers[i].drain));
    }
    assert_true(wait_for(p, t.epoch, true));
    assert_false(publish_all_drained(p, 2, t.epoch + 1));
    assert_true(publish_all_drained(p, 0, 0));
    assert_false(publish_all_drained(p, 0, 1));
    for (int i = 0; i < WORKERS; i++) {
        workers[i].stop.run = run_stop;
        assert_true(loop_post(&workers[i].loop, &workers[i].stop));
        loop_join(&workers[i].loop);
        assert_int_equal(atomic_load(&workers[i].went_back), 0);
        assert_in_range(atomic_load(&workers[i].adopted), 1, PUBLISHES);
        assert_int_equal(workers[i].version, PUBLISHES);
        loop_fini(&workers[i].loop);
    }
    assert_true(acks > 0);
    publish_on_ack(p, NULL, NULL);
    assert_true(wait_for(p, 0, true)); /* one more turn: wakes under way are taken */
    publish_free(p);
    loop_fini(&manager);
}

static void without_workers(void **state)
{
    (void)state;
    struct err e = {0};
    struct topology t = {.epoch = 1, .version = 1, .writer = TOPO_NO_WRITER};
    assert_int_equal(loop_init(&manager, "manager", 0, &e), 0);
    struct publish *p = publish_new(&manager);
    publish_topology(p, 0, &t);
    assert_true(publish_all_drained(p, 0, 1)); /* nobody can use the old writer */
    publish_free(p);
    publish_free(NULL);
    loop_fini(&manager);
}

static void references(void **state)
{
    (void)state;
    struct topo_snapshot *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    atomic_init(&s->refs, 1);
    topo_snapshot_ref(s);
    topo_snapshot_unref(s);
    assert_int_equal(atomic_load(&s->refs), 1);
    topo_snapshot_unref(s);
    topo_snapshot_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_and_barrier),
        cmocka_unit_test(without_workers),
        cmocka_unit_test(references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
