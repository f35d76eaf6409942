/* The extended protocol of a console client: its prepared statements and its portal. Not pure (malloc); the client's
 * thread.
 *
 * Each message is a step: bytes to send at once, or a command for the console (Describe and Execute), after whose answer
 * the next message may be handled. After an error everything up to Sync is skipped. Statements have no parameters, all
 * results are text, and there is one portal at a time: a console needs no more. */
#ifndef TANIST_PROXY_ADMIN_EXTENDED_H
#define TANIST_PROXY_ADMIN_EXTENDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/err.h"
#include "../wire/errresp.h"
#include "answer.h"

enum {
    EXTENDED_STATEMENTS_MAX = 32,
    EXTENDED_NAME_MAX = 64,
    EXTENDED_REPLY_MAX = ERRRESP_SIZE_MAX + 64
};

struct extended;

struct extended_step {
    uint8_t reply[EXTENDED_REPLY_MAX]; /* to be sent first */
    size_t n_reply;
    const char *run; /* borrowed until the next message; NULL: nothing */
    enum answer_form form;
};

struct extended *extended_new(void) MUST_CHECK;
void extended_free(struct extended *x); /* NULL is fine */

/* One message of type P, B, D, E, C, H or S. 0, ERR_PROTO or ERR_NOMEM: then the connection must end. */
int extended_message(struct extended *x, uint8_t type, const uint8_t *body, size_t n,
                     struct extended_step *out) MUST_CHECK;

/* The console's answer to a step's command was sent. */
void extended_answered(struct extended *x, const uint8_t *bytes, size_t n);

#endif
