/* A thread with its libuv loop: messages in, one-slot mailboxes, deferred frees, a heartbeat. The only base file that
 * may include <uv.h>.
 *
 * Every object belongs to one loop; its entry points call loop_assert_owner. Between loops go only messages
 * (bounded queue, order kept for each sender) and mailbox items (latest wins). uv_async_send coalesces: the wake handler
 * drains everything. */
#ifndef TANIST_BASE_LOOP_H
#define TANIST_BASE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "attrs.h"
#include "clock.h"
#include "err.h"

struct loop;

/* Intrusive message; the sender allocates it, `run` (on the receiving loop) takes it and frees or returns it. */
struct loop_msg {
    struct loop_msg *next;
    void (*run)(struct loop_msg *m, struct loop *on);
};

enum { LOOP_SLOTS = 32, LOOP_QUEUE_MAX = 262144 };

/* Called on the owning loop with an item taken from mailbox slot `slot`. Takes the item. */
typedef void (*loop_mail_cb)(struct loop *l, int slot, void *item);

/* Freed just before the loop waits for events again, when no callback of this turn can still touch it. */
struct loop_free {
    struct loop_free *next;
    void (*free)(struct loop_free *f);
};

struct loop {
    uv_loop_t uv;
    const char *name;
    int id;
    void *data; /* the owner's object (struct worker, struct manager) */

    /* Private. */
    uv_thread_t thread;
    uv_thread_t
        owner; /* the thread that may touch the loop; before start and after join, who did that */
    uv_sem_t started;
    bool joinable;
    void (*on_start)(struct loop *l);
    uv_async_t wake;
    uv_prepare_t before; /* unreferenced: it frees, and marks the wait */
    uv_check_t after;    /* unreferenced: it marks the end of the wait */
    uv_mutex_t mutex;
    struct loop_msg *head, *tail; /* under mutex */
    uint32_t queued;              /* under mutex */
    struct loop_free *frees;
    loop_mail_cb on_mail;
    _Atomic(void *) slots[LOOP_SLOTS]; /* exchange acq_rel, both sides */
    _Atomic uint64_t turns;            /* relaxed; read by the manager's stall check */
};

int loop_init(struct loop *l, const char *name, int id, struct err *e) MUST_CHECK;
/* All handles of the owner must be closed (uv_close called; callbacks not yet run are run here). The calling thread becomes
 * the owner. Messages and mail must have been run or taken (loop_take_*): BUG otherwise. */
void loop_fini(struct loop *l);

/* Starts the thread: on_start (may be NULL) runs on it first, then the loop until loop_stop. Returns when the new thread
 * owns the loop, without waiting for on_start. */
int loop_start(struct loop *l, void (*on_start)(struct loop *l), struct err *e) MUST_CHECK;
/* Runs the loop on the calling thread, which becomes the owner. */
void loop_run_here(struct loop *l);
/* From the owner thread only: the loop returns after this turn. */
void loop_stop(struct loop *l);
/* Joins a started thread; the caller becomes the owner. No-op if none was started. */
void loop_join(struct loop *l);

/* Any thread, from loop_init until loop_join. false at LOOP_QUEUE_MAX: the message was not taken. All mail that a thread
 * sent before a message is delivered before that message runs. */
bool loop_post(struct loop *l, struct loop_msg *m) MUST_CHECK;

/* Any thread. Puts an item into a slot and wakes the loop; returns the unread item that it replaced, or NULL. */
void *loop_mail(struct loop *l, int slot, void *item) MUST_CHECK;
/* Owner. Mail stays in its slots until a callback is set. */
void loop_on_mail(struct loop *l, loop_mail_cb cb);

/* Owner, for the end: what was sent too late to be run. The chain of messages (by next), the item of a slot; or NULL. */
struct loop_msg *loop_take_msgs(struct loop *l) MUST_CHECK;
void *loop_take_mail(struct loop *l, int slot) MUST_CHECK;

/* Any thread. Grows twice a turn; odd while callbacks run, even while the loop waits or does not run. Odd and unchanged
 * for long is a stall. */
uint64_t loop_turns(const struct loop *l);

/* Owner thread only. */
void loop_defer_free(struct loop *l, struct loop_free *f);
bool loop_is_owner(const struct loop *l);
void loop_assert_owner(const struct loop *l);

#endif
