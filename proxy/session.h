/* A session's state that lives in servers: settings, and what binds it to one server. Worker's thread.
 *
 * The session knows its settings (client->params) and what pins it. Statements that may change either are noticed
 * (session_note); at the end of their transaction, before the client hears ReadyForQuery, the server is asked what is so
 * (session_look, core/look.h) and the answer becomes both the session's state and the server's label. Invariant: the
 * label (server->params) of a server that nobody uses equals its real settings. */
#ifndef TANIST_PROXY_SESSION_H
#define TANIST_PROXY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "../replication/base/list.h"
#include "core/look.h"
#include "inbuf.h"

struct classification;
struct client;
struct params_ref;
struct server;

struct session {
    struct params_ref *base;    /* the start-up parameters: what RESET leads to */
    unsigned touches, releases; /* enum classify_touch, since the transaction began */
    unsigned pinned;            /* what was found to bind it: enum classify_touch, LOOK_STATE */
    unsigned prepared; /* what the statements prepared with SQL may touch when they are executed */
    bool all_settings; /* others than those of names may have changed */
    bool name_given;   /* and the server has it now */
    char
        deallocates[64]; /* a name that the session made by Parse, and drops by SQL in this batch */
    bool sequence;       /* the batch asks for currval() or lastval() */
    bool looking;        /* the server is being asked; ReadyForQuery waits */
    bool applying;       /* its settings are being set, and may be refused: the batch waits */
    struct look_names names;
    struct list subs;     /* channels that are heard for it elsewhere (listen.c) */
    bool replayed;        /* its channels are on the server too, until its transaction ends */
    bool replayed_within; /* the same, but a rollback takes them away */
    bool unlisten;        /* the server listens to what is heard elsewhere now */
    uint32_t pid;         /* of the server that it notified through last */
    bool awaits;          /* its new channels are not heard yet; ReadyForQuery waits */
    struct inbuf notes;   /* notifications that came while it was in a transaction */
};

/* The client is in: its settings are its start-up parameters, as the server spells them. False: no memory. */
bool session_begin(struct client *c) MUST_CHECK;
/* A statement of a batch, or one that is parsed: does it drop a name that Parse made? */
void session_note_deallocate(struct client *c, struct slice name);
/* A statement of a batch: what it may change. */
void session_note(struct client *c, const struct classification *k);
/* The batch is over. */
void session_settle_name(struct client *c);
/* Nothing of it happened after all: the transaction is lost with its server. */
void session_forget(struct client *c);

/* Would it be lost with its server? (What currval() says is given up.) */
bool session_is_bound(const struct client *c);

/* At the end of a batch: must the server be asked before the client is told? */
bool session_must_look(const struct client *c, uint8_t status);
/* Asks, or ends the batch at once if there is nothing to ask. The client's ReadyForQuery has been kept back. */
void session_look(struct client *c);
/* A row of the answer, its body as it came; and its end. */
void session_on_row(struct server *s, const uint8_t *body, size_t n);
void session_on_looked(struct client *c);
/* Settings that a RESET took away are back. */
void session_on_restored(struct client *c);

/* It wrote on the linked server, which now has the session's currval() and lastval() and nobody else's. */
void session_wrote(struct client *c);
/* Has this server what the session's currval() would say? */
bool session_owns(const struct client *c, const struct server *s);

/* What must come before the first message of a batch on a server that is linked already, a Query or not. False: no room. */
bool session_precede(struct client *c, bool query) MUST_CHECK;

void session_free(struct client *c);

/* A batch is about to be sent that changes what the session listens to: its channels are put on the server first, within
 * its transaction or not. False: no room. */
bool session_replay_channels(struct client *c, bool within) MUST_CHECK;
/* Drivers drop by SQL what they made by Parse. The server has it under another name, so it gets one of that name to drop, in
 * front of the batch. False: no room. */
bool session_give_name(struct client *c) MUST_CHECK;
/* Its channels are heard now, or cannot be. */
void session_on_listening(struct client *c, bool heard);
void session_notify(struct client *c, const char *channel, const char *payload, int pid);
/* The client may hear what came in the meantime. */
void session_tell_notes(struct client *c);
/* Is a notification of the linked server one that comes from elsewhere, too? */
bool session_hears(const struct client *c, const uint8_t *body, size_t n);

enum session_sent { SESSION_SENT = 1, SESSION_WAIT, SESSION_FAILED };
/* Makes the settings of the linked server equal to the session's, collected for the same packet as the statement; WAIT:
 * the server may refuse them, so the batch goes on at session_on_applied. */
enum session_sent session_send(struct client *c) MUST_CHECK;
void session_on_applied(struct client *c);

#endif
