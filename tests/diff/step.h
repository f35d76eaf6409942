/* One thing that one client does, as bytes, so that a history can be replayed and cut without the generator. */
#ifndef TANIST_DIFF_STEP_H
#define TANIST_DIFF_STEP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"

enum step_kind {
    STEP_NONE = 0,
    STEP_BATCH, /* bytes are sent; answered by n_ready ReadyForQuery */
    STEP_LOGIN, /* the client ends its session (abrupt or not) and begins another; bytes: name\0value\0... */
    STEP_PAUSE, /* replicas stop to replay */
    STEP_RESUME
};

/* Why the session may hold a server; a bit each. */
enum pin_bits {
    PIN_BIT_SET = 1 << 0,
    PIN_BIT_SQLPREP = 1 << 1,
    PIN_BIT_TEMP = 1 << 2,
    PIN_BIT_LISTEN = 1 << 3,
    PIN_BIT_ADVISORY = 1 << 4,
    PIN_BIT_HOLD = 1 << 5,
    PIN_BIT_LO = 1 << 6,
    PIN_BIT_SEQ = 1 << 7,
    PIN_BIT_OTHER = 1 << 8,
};

enum { STEP_WAITS = 8 };

/* The bytes up to `at` are sent, then nothing more until `ready` ReadyForQuery and behind them `messages` messages (or an
 * error) came. */
struct step_wait {
    uint32_t at;
    uint32_t ready;
    uint32_t messages;
};

struct step {
    enum step_kind kind;
    int client;
    bool abrupt;
    unsigned n_ready;
    unsigned n_statements;
    unsigned pins, unpins;
    struct buf bytes;
    struct buf copy; /* what answers CopyInResponse */
    int n_waits;
    struct step_wait waits[STEP_WAITS];
};

void step_fini(struct step *s);
void step_copy(struct step *to, const struct step *from);
/* For people: one line for each message. */
void step_print(FILE *out, const struct step *s);
void step_print_text(FILE *out, const void *p, size_t n);
/* The same for what servers say: messages of type and length. */
void step_print_messages(FILE *out, const struct buf *messages);

#endif
