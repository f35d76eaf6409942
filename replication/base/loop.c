#include "loop.h"

#include <pthread.h>
#include <string.h>

#include "bug.h"
#include "str.h"

enum {
    FINI_TURNS_MAX = 8
}; /* a close callback may close another handle; this many levels are enough */

static void free_deferred(struct loop *l)
{
    /* An item's free may defer another one; that one waits for the next turn. */
    struct loop_free *f = l->frees;
    l->frees = NULL;
    while (f) {
        struct loop_free *next = f->next;
        f->free(f);
        f = next;
    }
}

/* Frees happen here and not in a check handle: after the wait, close callbacks still follow, and a loop that goes to
 * sleep would keep what its timers gave up. */
static void on_before(uv_prepare_t *h)
{
    struct loop *l = h->data;
    free_deferred(l);
    atomic_fetch_add_explicit(&l->turns, 1, memory_order_relaxed);
}

static void on_after(uv_check_t *h)
{
    struct loop *l = h->data;
    atomic_fetch_add_explicit(&l->turns, 1, memory_order_relaxed);
}

struct loop_msg *loop_take_msgs(struct loop *l)
{
    uv_mutex_lock(&l->mutex);
    struct loop_msg *m = l->head;
    l->head = l->tail = NULL;
    l->queued = 0;
    uv_mutex_unlock(&l->mutex);
    return m;
}

void *loop_take_mail(struct loop *l, int slot)
{
    BUG_ON(slot < 0);
    BUG_ON(slot >= LOOP_SLOTS);
    /* The plain look spares most wakes 32 locked instructions; the exchange gives the order. */
    if (!atomic_load_explicit(&l->slots[slot], memory_order_relaxed))
        return NULL;
    return atomic_exchange_explicit(&l->slots[slot], NULL, memory_order_acq_rel);
}

/* Wakes coalesce, so everything there is is taken. Messages are taken before the mail and run after it: whoever mails and
 * then posts finds both in that order. */
static void on_wake(uv_async_t *h)
{
    struct loop *l = h->data;
    struct loop_msg *m = loop_take_msgs(l);
    for (int slot = 0; l->on_mail && slot < LOOP_SLOTS; slot++) {
        void *item = loop_take_mail(l, slot);
        if (item)
            l->on_mail(l, slot, item);
    }
    while (m) {
        struct loop_msg *next = m->next;
        m->next = NULL;
        m->run(m, l);
        m = next;
    }
}

int loop_init(struct loop *l, const char *name, int id, struct err *e)
{
    memset(l, 0, sizeof(*l));
    l->name = name;
    l->id = id;
    l->owner = uv_thread_self();
    for (int i = 0; i < LOOP_SLOTS; i++)
        atomic_init(&l->slots[i], NULL);
    atomic_init(&l->turns, 0);

    int rc = uv_mutex_init(&l->mutex);
    if (rc)
        return err_set(e, ERR_NOMEM, "loop %s: %s", name, uv_strerror(rc));
    rc = uv_sem_init(&l->started, 0);
    if (rc)
        goto out_mutex;
    rc = uv_loop_init(&l->uv);
    if (rc)
        goto out_sem;
    rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc)
        goto out_loop;
    uv_prepare_init(&l->uv, &l->before);
    uv_check_init(&l->uv, &l->after);
    uv_prepare_start(&l->before, on_before);
    uv_check_start(&l->after, on_after);
    uv_unref((uv_handle_t *)&l->before);
    uv_unref((uv_handle_t *)&l->after);
    l->uv.data = l->wake.data = l->before.data = l->after.data = l;
    return 0;

out_loop:
    uv_loop_close(&l->uv);
out_sem:
    uv_sem_destroy(&l->started);
out_mutex:
    uv_mutex_destroy(&l->mutex);
    return err_set(e, ERR_IO, "loop %s: %s", name, uv_strerror(rc));
}

void loop_fini(struct loop *l)
{
    BUG_ON(l->joinable);
    l->owner = uv_thread_self();
    BUG_ON(l->head != NULL);
    for (int i = 0; i < LOOP_SLOTS; i++)
        BUG_ON(loop_take_mail(l, i) != NULL);

    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->before, NULL);
    uv_close((uv_handle_t *)&l->after, NULL);
    for (int i = 0; i < FINI_TURNS_MAX; i++) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        free_deferred(l);
    }
    BUG_ON(l->frees != NULL);
    BUG_ON(uv_loop_close(&l->uv) != 0);
    uv_sem_destroy(&l->started);
    uv_mutex_destroy(&l->mutex);
}

void loop_run_here(struct loop *l)
{
    /* Not written again by a started thread: others may be reading it by now. */
    if (!loop_is_owner(l))
        l->owner = uv_thread_self();
    atomic_fetch_or_explicit(&l->turns, 1, memory_order_relaxed);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    if (atomic_load_explicit(&l->turns, memory_order_relaxed) & 1)
        atomic_fetch_add_explicit(&l->turns, 1, memory_order_relaxed);
    free_deferred(l);
}

static void thread_main(void *arg)
{
    struct loop *l = arg;
    char name[16]; /* the kernel's limit */
    str_copy(name, sizeof(name), l->name);
    pthread_setname_np(pthread_self(), name);
    l->owner = uv_thread_self();
    uv_sem_post(&l->started);
    if (l->on_start)
        l->on_start(l);
    loop_run_here(l);
}

int loop_start(struct loop *l, void (*on_start)(struct loop *l), struct err *e)
{
    BUG_ON(l->joinable);
    l->on_start = on_start;
    const int rc = uv_thread_create(&l->thread, thread_main, l);
    if (rc)
        return err_set(e, ERR_NOMEM, "loop %s: cannot start a thread: %s", l->name,
                       uv_strerror(rc));
    l->joinable = true;
    /* Only when the new thread has put its name into `owner` may any other thread look there. */
    uv_sem_wait(&l->started);
    return 0;
}

void loop_stop(struct loop *l)
{
    loop_assert_owner(l);
    uv_stop(&l->uv);
}

void loop_join(struct loop *l)
{
    if (!l->joinable)
        return;
    BUG_ON(loop_is_owner(l));
    BUG_ON(uv_thread_join(&l->thread) != 0);
    l->joinable = false;
    l->owner = uv_thread_self();
}

bool loop_post(struct loop *l, struct loop_msg *m)
{
    BUG_ON(m->run == NULL);
    m->next = NULL;
    uv_mutex_lock(&l->mutex);
    const bool full = l->queued >= LOOP_QUEUE_MAX;
    const bool was_empty = l->head == NULL;
    if (!full) {
        if (was_empty)
            l->head = m;
        else
            l->tail->next = m;
        l->tail = m;
        l->queued++;
    }
    uv_mutex_unlock(&l->mutex);
    /* A queue that was not empty has its wake on the way. */
    if (!full && was_empty)
        uv_async_send(&l->wake);
    return !full;
}

void *loop_mail(struct loop *l, int slot, void *item)
{
    BUG_ON(slot < 0);
    BUG_ON(slot >= LOOP_SLOTS);
    BUG_ON(item == NULL);
    void *unread = atomic_exchange_explicit(&l->slots[slot], item, memory_order_acq_rel);
    uv_async_send(&l->wake);
    return unread;
}

void loop_on_mail(struct loop *l, loop_mail_cb cb)
{
    loop_assert_owner(l);
    l->on_mail = cb;
    /* What came earlier had its wake already. */
    uv_async_send(&l->wake);
}

void loop_defer_free(struct loop *l, struct loop_free *f)
{
    loop_assert_owner(l);
    BUG_ON(f->free == NULL);
    f->next = l->frees;
    l->frees = f;
}

bool loop_is_owner(const struct loop *l)
{
    const uv_thread_t self = uv_thread_self();
    return uv_thread_equal(&self, &l->owner) != 0;
}

void loop_assert_owner(const struct loop *l)
{
    BUG_ON(!loop_is_owner(l));
}

uint64_t loop_turns(const struct loop *l)
{
    return atomic_load_explicit(&l->turns, memory_order_relaxed);
}
