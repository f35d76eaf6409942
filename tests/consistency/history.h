/* What clients asked and heard, and whether that is possible under a consistency level. Pure.
 *
 * Registers hold one number each. A register has one writer, which writes rising numbers, so of two values the larger one
 * is the later one; 0 is the value before the first write. A session is one connection; what it may expect of its past
 * begins with it. */
#ifndef TANIST_TESTS_HISTORY_H
#define TANIST_TESTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op_kind { OP_READ = 1, OP_WRITE };
enum op_outcome { OP_OK = 1, OP_FAILED /* certainly without effect */, OP_UNKNOWN };

struct op {
    uint8_t kind, outcome;
    uint16_t port; /* of the node that served a read */
    uint32_t session, reg;
    uint64_t value;
    int64_t from, to; /* nanoseconds of one clock: before it was sent, after it was answered */
};

struct history { /* of one client, in its order; sessions follow each other */
    struct op *ops;
    size_t n, room;
};

bool history_add(struct history *h, const struct op *op);

enum { HISTORY_REGISTERS_MAX = 1024, HISTORY_EXAMPLES = 5 };

struct verdict {
    uint64_t reads, writes;
    uint64_t own;  /* reads that miss a write which the same session was told of before */
    uint64_t back; /* reads older than what the same session has read before */
    uint64_t
        stale; /* reads that miss a write which anybody was told of `allow` before the read began */
    uint64_t alien; /* reads of a value that nobody ever began to write before the read ended */
    int64_t
        stalest; /* nanoseconds between the confirmation of the newest missed write and a read's beginning */
    struct op examples[HISTORY_EXAMPLES];
    int n_examples;
};

enum { CHECK_OWN = 1, CHECK_BACK = 2, CHECK_STALE = 4 };

/* Of all clients' histories together. allow: how old a read may be, for `stale`. `which` chooses what becomes an example. */
struct verdict history_check(const struct history *h, size_t n, int64_t allow, unsigned which);

#endif
