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
#include "prepared.h"

struct classification;
struct client;
struct params_ref;
struct server;

enum session_refill { REFILL_NOTHING = 0, REFILL_LOCAL = 1, REFILL_SESSION = 2 };

struct session {
    struct params_ref *base;    /* the start-up parameters: what RESET leads to */
    unsigned touches, releases; /* enum classify_touch, since the transaction began */
    unsigned pinned;            /* what was found to bind it: enum classify_touch, LOOK_STATE */
    unsigned prepared; /* what the statements prepared with SQL may touch when they are executed */
    bool all_settings; /* others than those of names may have changed */
    uint8_t
        refill; /* enum session_refill: a start-up parameter may be back at the default of its role. (That code resets one is seen at the end of its transaction.) */
    bool uses_names;   /* the batch names statements in SQL (session_names.c) */
    bool all_names;    /* several of them */
    bool views_names;  /* or looks at pg_prepared_statements */
    bool drops_name;   /* has a DEALLOCATE of one */
    bool only_drops;   /* and nothing else of that kind */
    bool matched;      /* the linked server has the session's names, and nobody else's */
    bool none_of_ours; /* nor does the server have what Parse made there */
    bool too_many_names;
    char name[NAMED_LEN_MAX + 1];      /* the one that the batch names */
    char seen_name[NAMED_LEN_MAX + 1]; /* of the row before */
    struct named_map made, seen;       /* by PREPARE; and what the server says at this moment */
    struct sqlname_set seen_on_server;
    bool sequence; /* the batch asks for currval() or lastval() */
    bool looking;  /* the server is being asked; ReadyForQuery waits */
    bool applying; /* its settings are being set, and may be refused: the batch waits */
    struct look_names names;
    struct list subs;     /* channels that are heard for it elsewhere (listen.c) */
    bool replayed;        /* its channels are on the server too, until its transaction ends */
    bool replayed_within; /* the same, and a rollback would take them away */
    bool replay_undone;   /* and did */
    bool unlisten;        /* the server listens to what is heard elsewhere now */
    /* It waits until it has all that was sent before (listen_sync): its ReadyForQuery does, or, when applying, its batch. */
    struct list *sync_in; /* NULL: it does not wait */
    struct list_node of_sync;
    uint64_t sync_no;
    struct inbuf notes; /* notifications that came while it was in a transaction */
};

/* The client is in: its settings are its start-up parameters, as the server spells them. False: no memory. */
bool session_begin(struct client *c) MUST_CHECK;
/* A statement of a batch: what it may change. */
void session_note(struct client *c, const struct classification *k);
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
/* A command of a transaction in which its channels were put on the server is complete: that may have ended it. */
void session_on_tag(struct client *c, const char *tag, size_t n);
/* A linked session that listens is about to write: what came from that server before must have been heard, so that it knows
 * its own. False: it waits, and the batch goes on then. */
bool session_claims(struct client *c) MUST_CHECK;
/* It has all that was sent until it asked, and its new channels are heard if they can be. */
void session_on_synced(struct client *c);
void session_notify(struct client *c, const char *channel, const char *payload, int pid);
/* What was sent for a while is lost. Never closes the client. */
void session_notify_gap(struct client *c, unsigned ms);
/* The client hears what came in the meantime, if it may; or now, in front of its ReadyForQuery. */
void session_tell_notes(struct client *c);
void session_send_notes(struct client *c);
/* Is a notification of the linked server for the client? Not one that comes from the hub, too. *pid: as the client knows it. */
bool session_passes(const struct client *c, struct slice channel, uint32_t *pid) MUST_CHECK;

/* session_names.c. A statement of a batch, executed or only parsed, that has a name of a prepared one in it. */
void session_note_names(struct client *c, const struct classification *k, bool executed);
void session_names_reset(struct session *s);
/* The batch is over, but the client has not heard of it. */
void session_settle_names(struct client *c);
/* Does the batch drop it? Then what comes behind in the batch may use the name again. */
bool session_drops(const struct client *c, const struct named *n);
/* A statement of the batch was DEALLOCATE ALL, or DISCARD ALL. */
void session_drop_names(struct client *c);
/* What was to be put there under that name is not. */
void session_name_refused(struct server *s, const struct named *n);

enum session_sent { SESSION_SENT = 1, SESSION_WAIT, SESSION_FAILED };
/* Makes the settings of the linked server equal to the session's, collected for the same packet as the statement; WAIT:
 * the server may refuse them, so the batch goes on at session_on_applied. */
enum session_sent session_send(struct client *c) MUST_CHECK;
void session_on_applied(struct client *c);

#endif
