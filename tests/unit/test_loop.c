/* The loop between threads: order for each sender, latest mail wins, nothing lost or leaked. Run under TSan as well. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../../replication/base/loop.h"

enum { SENDERS = 4, MESSAGES = 5000, MAILS = 20000, SLOT = 3 };

struct note {
    struct loop_msg msg;
    int sender, number;
};

struct item {
    _Atomic int *live;
    int number;
};

struct receiver {
    int last[SENDERS]; /* last number of each sender */
    int notes, mails, last_mail;
    int disorder;
    int frees;
    int stops;
    _Atomic int live; /* items in existence */
};

static void stop_run(struct loop_msg *m, struct loop *on)
{
    free(m);
    loop_stop(on);
}

static void post_stop(struct loop *l)
{
    struct loop_msg *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->run = stop_run;
    assert_true(loop_post(l, m));
}

static void note_run(struct loop_msg *m, struct loop *on)
{
    struct note *n = (struct note *)m;
    struct receiver *r = on->data;
    loop_assert_owner(on);
    if (n->number != r->last[n->sender] + 1)
        r->disorder++;
    r->last[n->sender] = n->number;
    r->notes++;
    free(n);
}

static void drop_item(struct item *i)
{
    atomic_fetch_sub(i->live, 1);
    free(i);
}

static void on_mail(struct loop *l, int slot, void *p)
{
    struct receiver *r = l->data;
    struct item *i = p;
    loop_assert_owner(l);
    if (slot != SLOT || i->number <= r->last_mail)
        r->disorder++;
    r->last_mail = i->number;
    r->mails++;
    drop_item(i);
}

struct sender {
    uv_thread_t thread;
    struct loop *to;
    int id;
    bool failed;
};

static void send_notes(void *arg)
{
    struct sender *s = arg;
    for (int i = 1; i <= MESSAGES; i++) {
        struct note *n = calloc(1, sizeof(*n));
        if (!n) {
            s->failed = true;
            return;
        }
        n->msg.run = note_run;
        n->sender = s->id;
        n->number = i;
        if (!loop_post(s->to, &n->msg)) {
            s->failed = true;
            free(n);
        }
    }
    if (loop_is_owner(s->to))
        s->failed = true;
}

static void send_mails(void *arg)
{
    struct sender *s = arg;
    struct receiver *r = s->to->data;
    for (int i = 1; i <= MAILS; i++) {
        struct item *item = calloc(1, sizeof(*item));
        if (!item) {
            s->failed = true;
            return;
        }
        atomic_fetch_add(&r->live, 1);
        item->live = &r->live;
        item->number = i;
        struct item *unread = loop_mail(s->to, SLOT, item);
        if (unread)
            drop_item(unread);
    }
}

static void threads_post_and_mail(void **state)
{
    (void)state;
    struct loop l;
    struct err e;
    struct receiver r = {0};
    struct sender senders[SENDERS + 1];
    assert_int_equal(loop_init(&l, "receiver-with-a-long-name", 7, &e), 0);
    l.data = &r;
    assert_true(loop_is_owner(&l));
    loop_on_mail(&l, on_mail);
    assert_int_equal(loop_start(&l, NULL, &e), 0);
    assert_false(loop_is_owner(&l));

    for (int i = 0; i <= SENDERS; i++) {
        senders[i] = (struct sender){.to = &l, .id = i};
        assert_int_equal(uv_thread_create(&senders[i].thread, i < SENDERS ? send_notes : send_mails,
                                          &senders[i]),
                         0);
    }
    for (int i = 0; i <= SENDERS; i++) {
        uv_thread_join(&senders[i].thread);
        assert_false(senders[i].failed);
    }
    post_stop(&l);
    loop_join(&l);
    loop_join(&l); /* harmless */
    assert_true(loop_is_owner(&l));

    assert_int_equal(r.disorder, 0);
    assert_int_equal(r.notes, SENDERS * MESSAGES);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(r.last[i], MESSAGES);
    /* The last mail was sent before the stop message was posted, so it was seen. */
    assert_int_equal(r.last_mail, MAILS);
    assert_true(r.mails >= 1 && r.mails <= MAILS);
    assert_int_equal(atomic_load(&r.live), 0);
    assert_int_equal(loop_turns(&l) % 2, 0);
    assert_true(loop_turns(&l) > 0);
    loop_fini(&l);
}

static void late_mail_and_messages_are_taken(void **state)
{
    (void)state;
    struct loop l;
    struct receiver r = {0};
    struct item first = {.number = 1}, second = {.number = 2};
    struct loop_msg a = {.run = note_run}, b = {.run = note_run};
    assert_int_equal(loop_init(&l, "late", 0, NULL), 0);
    l.data = &r;
    assert_null(loop_mail(&l, 0, &first));
    assert_ptr_equal(loop_mail(&l, 0, &second), &first);
    assert_true(loop_post(&l, &a));
    assert_true(loop_post(&l, &b));
    struct loop_msg *m = loop_take_msgs(&l);
    assert_ptr_equal(m, &a);
    assert_ptr_equal(m->next, &b);
    assert_null(m->next->next);
    assert_null(loop_take_msgs(&l));
    assert_ptr_equal(loop_take_mail(&l, 0), &second);
    assert_null(loop_take_mail(&l, 0));
    loop_fini(&l);
}

/* Mail waits in its slot until there is somebody to take it. */
static void mail_before_callback(void **state)
{
    (void)state;
    struct loop l;
    struct receiver r = {0};
    assert_int_equal(loop_init(&l, "early", 0, NULL), 0);
    l.data = &r;
    for (int i = 1; i <= 2; i++) {
        struct item *item = calloc(1, sizeof(*item));
        assert_non_null(item);
        atomic_fetch_add(&r.live, 1);
        item->live = &r.live;
        item->number = i;
        struct item *unread = loop_mail(&l, SLOT, item);
        if (unread)
            drop_item(unread);
    }
    post_stop(&l);
    loop_run_here(&l);
    assert_int_equal(r.mails, 0);
    loop_on_mail(&l, on_mail);
    post_stop(&l);
    loop_run_here(&l);
    assert_int_equal(r.mails, 1);
    assert_int_equal(r.last_mail, 2);
    assert_int_equal(atomic_load(&r.live), 0);
    loop_fini(&l);
}

struct garbage {
    struct loop_free free;
    struct loop *l;
    int again;
};

static void garbage_free(struct loop_free *f)
{
    struct garbage *g = (struct garbage *)f;
    struct receiver *r = g->l->data;
    r->frees++;
    if (g->again-- > 0) {
        loop_defer_free(g->l, &g->free);
        return;
    }
    free(g);
}

static void on_close_defer(uv_handle_t *h)
{
    struct garbage *g = h->data;
    struct receiver *r = g->l->data;
    loop_defer_free(g->l, &g->free);
    assert_int_equal(r->frees, 0); /* not while callbacks run */
}

static void on_timer(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, on_close_defer);
}

static void on_second_timer(uv_timer_t *t)
{
    struct loop *l = t->loop->data;
    struct receiver *r = l->data;
    assert_int_equal(r->frees, 3); /* one in each turn after the close */
    assert_int_equal(loop_turns(l) % 2, 1);
    uv_close((uv_handle_t *)t, NULL);
    loop_stop(l);
}

static void deferred_frees(void **state)
{
    (void)state;
    struct loop l;
    struct receiver r = {0};
    uv_timer_t one, two;
    assert_int_equal(loop_init(&l, "frees", 0, NULL), 0);
    l.data = &r;
    struct garbage *g = calloc(1, sizeof(*g));
    assert_non_null(g);
    *g = (struct garbage){.free = {.free = garbage_free}, .l = &l, .again = 2};
    uv_timer_init(&l.uv, &one);
    uv_timer_init(&l.uv, &two);
    one.data = g;
    uv_timer_start(&one, on_timer, 0, 0);
    /* Two frees defer themselves again; the wakes give them their turns. */
    uv_async_send(&l.wake);
    uv_run(&l.uv, UV_RUN_NOWAIT);
    uv_run(&l.uv, UV_RUN_NOWAIT);
    uv_run(&l.uv, UV_RUN_NOWAIT);
    uv_run(&l.uv, UV_RUN_NOWAIT);
    uv_timer_start(&two, on_second_timer, 0, 0);
    loop_run_here(&l);
    assert_int_equal(r.frees, 3);
    loop_fini(&l);
}

/* What is deferred after the last turn is freed all the same. */
static void deferred_at_the_end(void **state)
{
    (void)state;
    struct loop l;
    struct receiver r = {0};
    assert_int_equal(loop_init(&l, "end", 0, NULL), 0);
    l.data = &r;
    struct garbage *g = calloc(1, sizeof(*g));
    assert_non_null(g);
    *g = (struct garbage){.free = {.free = garbage_free}, .l = &l, .again = 1};
    loop_defer_free(&l, &g->free);
    loop_fini(&l);
    assert_int_equal(r.frees, 2);
}

struct ring {
    struct loop_msg msg;
    struct loop *loops;
    int hops;
};

static void ring_run(struct loop_msg *m, struct loop *on)
{
    struct ring *r = (struct ring *)m;
    if (r->hops-- > 0) {
        assert_true(loop_post(&r->loops[(on->id + 1) % 3], m));
        return;
    }
    for (int i = 0; i < 3; i++)
        post_stop(&r->loops[i]);
    free(r);
}

static void started(struct loop *l)
{
    struct receiver *r = l->data;
    r->stops++;
}

static void ring_of_loops(void **state)
{
    (void)state;
    struct loop loops[3];
    struct receiver r[3];
    memset(r, 0, sizeof(r));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(loop_init(&loops[i], "ring", i, NULL), 0);
        loops[i].data = &r[i];
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(loop_start(&loops[i], started, NULL), 0);
    struct ring *ring = calloc(1, sizeof(*ring));
    assert_non_null(ring);
    *ring = (struct ring){.msg = {.run = ring_run}, .loops = loops, .hops = 300};
    assert_true(loop_post(&loops[0], &ring->msg));
    for (int i = 0; i < 3; i++)
        loop_join(&loops[i]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].stops, 1);
        loop_fini(&loops[i]);
    }
}

static void full_queue_refuses(void **state)
{
    (void)state;
    struct loop l;
    struct receiver r = {0};
    assert_int_equal(loop_init(&l, "full", 0, NULL), 0);
    l.data = &r;
    struct loop_msg *all = calloc(LOOP_QUEUE_MAX + 1, sizeof(*all));
    assert_non_null(all);
    for (int i = 0; i < LOOP_QUEUE_MAX; i++) {
        all[i].run = note_run;
        if (!loop_post(&l, &all[i]))
            fail_msg("refused at %d", i);
    }
    all[LOOP_QUEUE_MAX].run = note_run;
    assert_false(loop_post(&l, &all[LOOP_QUEUE_MAX]));
    assert_ptr_equal(loop_take_msgs(&l), &all[0]);
    assert_true(loop_post(&l, &all[LOOP_QUEUE_MAX]));
    assert_ptr_equal(loop_take_msgs(&l), &all[LOOP_QUEUE_MAX]);
    loop_fini(&l);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_post_and_mail), cmocka_unit_test(late_mail_and_messages_are_taken),
        cmocka_unit_test(mail_before_callback),  cmocka_unit_test(deferred_frees),
        cmocka_unit_test(deferred_at_the_end),   cmocka_unit_test(ring_of_loops),
        cmocka_unit_test(full_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
