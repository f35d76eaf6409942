/* Are two streams of messages the same? What may differ, and why:
 *
 * - object ids of 16384 and above in RowDescription (of tables and types) and ParameterDescription: the two clusters
 *   count them independently. They must correspond one to one for the whole round.
 * - the process id in NotificationResponse: through tanist it is that of the server that carried the NOTIFY.
 * - the position of NotificationResponse among other messages: they come when they come. Their order among themselves counts.
 * - BackendKeyData and the authentication messages of a login; in a login, of the ParameterStatus messages only
 *   the last of each parameter counts, and their order does not; in the error of a refused login, file, line and routine (tanist tries the parameters with SET).
 * - in a failed transaction, the rest up to ReadyForQuery behind a 25P02 of a hidden Parse: a server that has not got the
 *   session's statement cannot be given it there.
 * - a READ ONLY transaction whose lasting snapshot (or cursor) is a replica's, at a statement that needs the primary, is refused
 *   with 40001. The client ends its session on both sides then.
 *
 * Everything else, every field of every message (file, line and routine of errors too), must be equal. */
#ifndef TANIST_DIFF_COMPARE_H
#define TANIST_DIFF_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum { OIDS_MAX = 4096 };

struct oids {
    int n;
    uint32_t direct[OIDS_MAX], proxied[OIDS_MAX];
    size_t at[2]; /* where the last two streams began to differ */
};

/* NULL when equal; else what kind of difference (static text, good as a signature together with its place). */
const char *compare_messages(struct oids *o, const struct buf *direct, const struct buf *proxied,
                             char *what, size_t cap);
/* compare_messages: the last of the cases above. */
extern const char compare_stranded[];
const char *compare_notes(const struct buf *direct, const struct buf *proxied);
const char *compare_hello(const struct buf *direct, const struct buf *proxied, char *what,
                          size_t cap);
/* Of two logins that were refused: severity, SQLSTATE, message, detail and hint. */
const char *compare_refusal(const struct buf *direct, const struct buf *proxied);

#endif
