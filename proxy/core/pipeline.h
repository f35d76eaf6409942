/* What a server still owes: one entry for each message sent to it that has a reply, in order. Pure.
 *
 * It tells which replies the client must not see (a Parse that the client never sent), where a reply must be made up (a
 * Close of a name that stays on the server), and which requests an error has skipped (all up to the next Sync). Storage is
 * the caller's; capacity is a power of two and grows by pipeline_move. Source: protocol chapter, "Extended Query" and
 * "COPY Operations". */
#ifndef TANIST_CORE_PIPELINE_H
#define TANIST_CORE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"

enum pl_kind {
    PL_NONE = 0,
    PL_QUERY,        /* Query or FunctionCall: everything until ReadyForQuery */
    PL_HIDDEN_QUERY, /* ours: nothing of it is for the client */
    PL_PARSE,
    PL_PARSE_HIDDEN, /* ours: its ParseComplete is swallowed */
    PL_PARSE_QUIET,  /* the same, and so is its error; a hidden Sync is behind it */
    PL_BIND,
    PL_BIND_HIDDEN,
    PL_DESCRIBE,
    PL_DESCRIBE_PARAMS, /* of its answer only the parameters are for the client */
    PL_DESCRIBE_HIDDEN, /* ours: what a statement takes and returns */
    PL_EXECUTE,
    PL_EXECUTE_HIDDEN,
    PL_CLOSE,
    PL_CLOSE_HIDDEN,
    PL_CLOSE_FAKE,
    PL_SYNC,
    PL_SYNC_HIDDEN, /* ours: ends what the client has not ended yet */
    PL_NR
};

/* What became of a request when its entry leaves. */
enum pl_fate {
    PL_DONE = 0,
    PL_FAILED, /* it is the one that the error was about */
    PL_SKIPPED /* the server has not looked at it, or nobody will ever know */
};

struct pl_entry {
    uint64_t ref; /* the caller's: which statement it was */
    uint32_t tag; /* the caller's */
    uint8_t kind;
    uint8_t fate; /* enum pl_fate; set when it leaves */
};

/* Above PL_HIGH no more requests are taken from the client until some were answered. That ends: a server keeps at most its 8 kB
 * of output back without a Flush, and the shortest answer has 5 bytes. */
enum { PL_INLINE = 16, PL_HIGH = 8192, PL_MAX = 65536 };

struct pipeline {
    struct pl_entry *ring;
    uint32_t cap, head, n;
    uint32_t turns; /* entries that end with ReadyForQuery */
    bool
        skipping; /* an extended request failed: the server ignores everything up to Sync, a Query too */
    bool failing; /* and its entry has not left yet */
};

enum pl_verdict {
    PL_FORWARD = 1, /* the client's */
    PL_SWALLOW,     /* ours */
    PL_BROKEN       /* no such reply was due: the server is out of step and must be closed */
};

void pipeline_init(struct pipeline *p, struct pl_entry *ring, uint32_t cap);
/* Into larger storage; returns the old ring for the caller to free. */
struct pl_entry *pipeline_move(struct pipeline *p, struct pl_entry *ring, uint32_t cap) MUST_CHECK;

static inline bool pipeline_full(const struct pipeline *p)
{
    return p->n == p->cap;
}
static inline bool pipeline_empty(const struct pipeline *p)
{
    return p->n == 0;
}

/* Not when full. */
void pipeline_push(struct pipeline *p, enum pl_kind kind, uint64_t ref, uint32_t tag);

/* Is the oldest entry one of ours? What comes unasked while it is worked on (a notice) is not for the client then. */
bool pipeline_hidden(const struct pipeline *p);
/* The oldest entry, NULL if there is none. */
const struct pl_entry *pipeline_head(const struct pipeline *p);

/* Is the oldest entry one whose reply must be made up now? Pops it into *out. */
bool pipeline_take_fake(struct pipeline *p, struct pl_entry *out);

/* A message of the server. If it ended an entry, *done is that entry (kind PL_NONE otherwise). Error responses go to
 * pipeline_error. Messages that may come at any time (N, A, S) are the caller's. */
enum pl_verdict pipeline_reply(struct pipeline *p, uint8_t type, struct pl_entry *done);

/* ErrorResponse: PL_SWALLOW if it belongs to a hidden query, or to a quiet Parse, which is taken as skipped then. After an error in the extended protocol the server skips the
 * requests up to the next Sync, those that are still to be sent included: call pipeline_take_skipped until it returns
 * false, now and again before ReadyForQuery is given to pipeline_reply. */
enum pl_verdict pipeline_error(struct pipeline *p);
bool pipeline_take_skipped(struct pipeline *p, struct pl_entry *out);
/* The oldest entry whatever it is: nothing will answer it any more. */
bool pipeline_take_any(struct pipeline *p, struct pl_entry *out);

#endif
