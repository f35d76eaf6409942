/* What the parts of a session's code share: session.c, session_look.c, session_tell.c. */
#ifndef TANIST_PROXY_SESSION_PRIVATE_H
#define TANIST_PROXY_SESSION_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/classify.h"
#include "core/look.h"

struct client;
struct session;

enum {
    /* Nobody can ask a server for these; only its end ends them. */
    SESSION_STICKY = TOUCH_LOAD | TOUCH_SEED | TOUCH_FUNCTION | LOOK_STATE,
};

void session_noticed_nothing(struct session *s);
/* Must start-up parameters that a RESET took away be set again now, rather than after a look at the transaction's end? */
bool session_refills(const struct client *c, uint8_t status);
void session_set_pins(struct client *c, unsigned pinned);
/* A query of ours to the linked server, at once. False: no room. */
bool session_send_hidden(struct client *c, const char *sql);
void session_tell_ready(struct client *c);

/* session_names.c: what the server lacks, in front of the batch. False: no room. */
bool session_send_names(struct client *c) MUST_CHECK;
/* The answer to a look: it begins, a statement, and its end. ok: it is complete. False: these are too many to be carried. */
void session_look_names(struct session *s);
void session_see_name(struct client *c, struct slice name, struct slice text);
bool session_adopt_names(struct client *c, bool ok);
void session_free_names(struct session *s);

#endif
