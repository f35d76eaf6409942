/* Transaction ids of commits, learned before they are sent: with them one can find out later what became of a commit whose
 * answer was lost (client_doubt.h). Worker's thread. Only with commit_resolution.
 *
 * A COMMIT has a function call of ours in front of it, in the same packet; its answer, which is flushed, comes before the
 * commit begins. A write outside of a transaction commits at its Sync: our question goes in front of that, with a Flush. A
 * Query would commit before its answer is flushed, so an INSERT, UPDATE, DELETE or MERGE outside of a transaction is sent as
 * extended requests instead, if it returns no rows. Its CommandComplete is held until ReadyForQuery, because it says nothing of the commit. */
#ifndef TANIST_PROXY_CLIENT_XID_H
#define TANIST_PROXY_CLIENT_XID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/attrs.h"

struct client;
struct frame;

/* In front of the first message of a batch. False: no room. */
bool client_xid_precede(struct client *c) MUST_CHECK;
/* In front of a Sync. False: no room. */
bool client_xid_before_sync(struct client *c) MUST_CHECK;
/* May the Query go as extended requests? */
bool client_xid_converts(const struct client *c, const struct frame *f);
/* Sends it so. False: no room. */
bool client_xid_convert(struct client *c, const struct frame *f) MUST_CHECK;
/* The answer: the body of a FunctionCallResponse or a DataRow. */
void client_xid_on_answer(struct client *c, uint8_t type, const uint8_t *body, size_t n);
/* Nothing can be changed about the outcome any more, and a cancel request could only hide it. */
bool client_xid_commits(const struct client *c);

#endif
