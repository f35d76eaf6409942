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
void session_set_pins(struct client *c, unsigned pinned);
/* A query of ours to the linked server, at once. False: no room. */
bool session_send_hidden(struct client *c, const char *sql);
void session_tell_ready(struct client *c);

#endif
