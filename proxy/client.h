/* A client: login, session state, its requests, its link to a server. Worker's thread.
 *
 * The life of a batch (a Query, or extended messages up to Sync): start_batch classifies and routes it, pool_checkout
 * gives a server now or later, client_request.c forwards the messages, server_reply.c forwards the answers and calls
 * client_on_ready at ReadyForQuery, which lets the server go unless a transaction or a pin keeps it. Until the first byte
 * of an answer went to the client the batch is kept, so that it can run again elsewhere. */
#ifndef TANIST_PROXY_CLIENT_H
#define TANIST_PROXY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/list.h"
#include "client_begin.h"
#include "client_settings.h"
#include "core/classify.h"
#include "core/route.h"
#include "inbuf.h"
#include "prepared.h"
#include "session.h"
#include "stream.h"

struct doubt;
struct extended;
struct limit;
struct login;
struct params_ref;
struct pool;
struct pool_group;
struct replay;
struct server;
struct tls_ctx;
struct worker;
struct writer;

enum client_state {
    CLIENT_NONE = 0,
    CLIENT_STARTUP, /* nothing or an SSLRequest came */
    CLIENT_TLS,
    CLIENT_AUTH,    /* the verifier is being fetched, or the exchange is under way */
    CLIENT_WELCOME, /* authenticated; waits for a server that tells the welcome */
    CLIENT_READY,
    CLIENT_CONSOLE, /* READY, but talks to the console */
    CLIENT_RELAY,   /* READY, but talks to a server of its own (relay.h) */
    CLIENT_CLOSED,
    CLIENT_NR
};

enum {
    CLIENT_INSPECT_MAX = 1024 * 1024,
    CLIENT_RETAIN_MAX = 64 * 1024,
    CLIENT_HELD_MAX = 80, /* a CommandComplete */
    CLIENT_KEY_MAX = 32,
    CLIENT_PARSE_MAX =
        64 * 1024 * 1024, /* a Parse is read as a whole, because it may be needed again */
    CLIENT_STATEMENTS_MAX = 64 * 1024 * 1024 /* bytes of all named statements of a session */
};

/* A named statement that a batch parses: what the name means to the rest of the batch. */
struct made {
    uint64_t name;      /* slice_hash */
    struct pstmt *stmt; /* with a reference */
};
enum { BATCH_MADE_MAX = 8 };

/* What the requests since the last boundary do. */
struct batch {
    unsigned bits;        /* of all statements; CLASS_READ alone: a read */
    unsigned parsed_bits; /* of statements that were only parsed */
    bool parsed_listens;  /* one of them changes what the session listens to */
    bool opened;          /* something was sent */
    bool read;            /* routed as a read */
    bool retry;           /* is running again; not once more */
    bool retainable;      /* complete in the retained copy */
    bool delivered;       /* a byte of an answer went to the client */
    bool complete_seen;   /* a CommandComplete came */
    bool errored;         /* an ErrorResponse came */
    bool partial;         /* CALL, DO, VACUUM and the like: may commit in between */
    bool simple;          /* Query rather than extended */
    bool commit;          /* may end an explicit transaction successfully */
    bool discards_all, drops_prepared;
    bool starts;          /* the last statement is START TRANSACTION */
    bool set_transaction; /* has a SET TRANSACTION; tx says what */
    struct classify_tx tx;
    unsigned n_statements;
    bool defaults;  /* ALTER ROLE and the like */
    bool sync_seen; /* the client sent Sync (or it is a Query): it waits for ReadyForQuery */
    struct pstmt *stmt, *parsed;      /* the last ones bound and parsed, with a reference */
    struct made made[BATCH_MADE_MAX]; /* named statements that it parses */
    unsigned n_made;
    struct pstmt *unnamed_before; /* the session's when it began, with a reference; if retainable */
    struct pstmt *
        unnamed; /* what the last unnamed Parse that was looked at made, with a reference; NULL: none yet */
    enum classify_reason reason; /* why it is not a read */
    bool to_primary, to_replica; /* hints of its comments */
    int8_t to_node;              /* the same: one more than the node; 0: none */
    usec_t max_lag;              /* the same; 0: none */
    usec_t started;
    size_t used;               /* bytes of it that were forwarded */
    usec_t canceled_at;        /* by query_timeout; 0: not */
    uint32_t asked, completed; /* statements, as far as they can be counted */
    bool chain;                /* COMMIT or ROLLBACK AND CHAIN is among them */
    unsigned each, first;      /* of struct classification: of all statements, and of the first */
    bool nodal, tells_time;    /* the same */
    bool portals;              /* opens one that has a name, so it may outlive the batch */
    bool fetches;              /* takes a limited number of rows from one, so it may do so again */
    bool flush;                /* was looked at as far as a Flush only */
    bool ties;   /* leaves something on its replica that keeps the transaction there */
    bool copies; /* COPY is among them */
    /* client_xid.h */
    bool converted; /* a Query that was sent as extended requests */
    bool xid_asked; /* before its Sync */
    bool no_xid;    /* answered: none, so there was nothing to commit */
    bool unsynced;  /* its commit was not waited for: replicas may not have it */
    bool muted;     /* its error was told; the rest of its answer is not */
    uint64_t xid;   /* answered */
    usec_t learned; /* the question for it was sent */
};

struct client {
    struct loop_free grave;
    struct list_node all;
    struct list_node wait; /* in the list that waiting_in names */
    struct list *waiting_in;
    struct worker *w;
    struct stream st;
    struct tls_ctx *tls_ctx; /* of the listener; NULL: no TLS */
    enum client_state state;
    uint32_t slot;
    uint64_t serial;
    uint8_t key
        [CLIENT_KEY_MAX]; /* with which it may be cancelled; protocol 3.0 knows four bytes of it */
    uint8_t key_len;
    uint8_t minor; /* of the protocol that was agreed on */
    int listen_index;
    int route_mode;   /* enum route_mode, of the listener */
    bool local_admin; /* over the control socket, by the daemon's own user or root */
    bool admin, stats;
    struct login *login;
    struct pool_group *group;
    struct params_ref
        *params;             /* the session's settings, beyond the defaults of role and database */
    struct params_ref *told; /* what it was told of some of them: reports.h */
    struct server *server;
    struct server *relay;     /* of a replication client */
    uint8_t replication;      /* enum relay_kind */
    struct server *home;      /* home.h */
    bool homing, home_sought; /* linked only to find it; did so */
    struct limit *home_limit; /* counts it among those that were told a pid */
    uint32_t key_pid;         /* the pid of its home that it was told; 0: cancel_pid */
    struct inbuf in;          /* requests not used yet */
    const uint8_t
        *view; /* while requests are worked on: the rest of in, or of the worker's buffer */
    size_t view_n;
    size_t inspected; /* bytes of view that batch accounts for already */
    bool processing, again;
    bool resume;                  /* a server was linked while the batch waited */
    bool console_busy;            /* a command of it is being answered */
    struct extended *console_ext; /* its statements; NULL until the first */
    bool defaults;                /* it changed what sessions begin with */
    bool ddl;                     /* something ran that may have changed the catalog */
    uint32_t forward_left;
    struct inbuf retain;
    struct batch batch;
    struct freshness floor;
    uint8_t tx;               /* what the client believes: I, T or E */
    uint8_t held_n;           /* bytes of held: a CommandComplete that waits for its commit */
    struct doubt *doubt;      /* client_doubt.h; NULL: none */
    struct replay *replay;    /* client_replay.h; NULL: none */
    struct own_settings own;  /* SET tanist.* */
    bool settling;            /* SHOW tanist.floor waits for a position */
    bool tx_wrote;            /* since the transaction began */
    bool on_replica;          /* the batch, or the transaction, was sent to a replica */
    int64_t read_incarnation; /* of that replica; 0: not known */
    usec_t began;             /* moment at which the batch came to be routed */
    bool async_counted;       /* among proxy->async_sessions */
    bool turning;             /* it waits only to choose its replica anew */
    usec_t turned_at;         /* moment of its last choice among replicas */
    usec_t turn_began;        /* it began to wait then to choose anew; 0: it does not */
    usec_t fresh_until;       /* it waits for a fresh enough replica until then; 0: not */
    bool tx_read_only;
    enum pin pin; /* of session.pinned */
    struct session session;
    struct begin begin;
    bool verifying; /* linked only to try its start-up parameters */
    bool backslash; /* standard_conforming_strings is off */
    bool closing_after_send;
    /* A transaction whose server is gone: it stays failed until the client ends it. */
    bool lost, lost_told;
    bool lost_skip; /* an error was answered; everything up to Sync is skipped */
    bool
        lost_query; /* an error was answered to a Query that is still to be read; only that is skipped */
    bool lost_rollback; /* the last Parse or Bind was a ROLLBACK or a COMMIT */
    bool lost_commit;   /* and it was a COMMIT */
    struct named_map named;
    uint64_t batch_no;          /* of the last batch that got a server */
    struct pstmt *unnamed;      /* when all that was sent is done */
    struct pstmt *unnamed_done; /* as far as answers tell */
    bool awaiting;       /* a server tells what a statement returns before its Bind may go on */
    bool moving;         /* off its replica, in the middle of a batch: waits for our Sync */
    bool forward_drop;   /* the rest of the message is for nobody */
    bool tx_session;     /* something of the transaction may have changed settings */
    uint8_t wait_reason; /* enum route_reason */
    usec_t connected_at, request_at, wait_since, deadline;
    usec_t waited_since;      /* since when its request waits, on whatever nodes; 0: it does not */
    usec_t ready_at;          /* when it was last told to go on */
    usec_t tx_since;          /* when the transaction began that it is in; 0: it is in none */
    struct pool *waits_at;    /* whose queue it is in */
    struct limit *place;      /* that it has on a node with max_in_flight, until a server has it */
    uint32_t turn_gap;        /* it may choose its replica anew after so many us */
    uint32_t read_generation; /* balance_by = session: of spread.generation, for read_home */
    int16_t read_home;        /* one more than the node that its reads stay on; 0: none */
    bool wait_notified;
    uint8_t held[CLIENT_HELD_MAX];
    char peer[64];
    char user[64], database[64], application_name[64];
};

struct client *client_new(struct worker *w, int fd, int listen_index, struct tls_ctx *tls,
                          bool local_admin);
/* Closes everything of it; its server is cleaned or closed. Idempotent. */
void client_close(struct client *c, const char *why);
/* FATAL to the client, then close once it was sent. */
void client_fatal(struct client *c, int code, const char *message, const char *hint);
/* ERROR, and ReadyForQuery if the client waits for it. Unsent requests of the batch are dropped. */
void client_error(struct client *c, int code, const char *message, const char *hint);

/* BackendKeyData: what cancels the client's statements. */
void client_write_key(const struct client *c, struct writer *w);
/* ReadyForQuery with the state that the client believes in. */
void client_send_ready(struct client *c);

/* Requests: works on what there is until more is needed or somebody must be waited for. */
void client_process(struct client *c);
void client_on_readable(struct stream *st);

/* From pools: a server is linked; or the node cannot be had now, choose again or fail. */
void client_on_server(struct client *c, struct server *s);
void client_on_refused(struct client *c, const struct err *e);
void client_wait_in(struct client *c, struct list *l);
void client_wait_end(struct client *c);
/* A cancel request for a statement that has not been sent anywhere. */
void client_cancel_wait(struct client *c);

/* The unnamed statement is this one now, NULL: none. Takes references of its own. */
void client_set_unnamed(struct client *c, struct pstmt *p);

/* Everything that the batch asked for has been answered, it is over as a transaction, and only ReadyForQuery is missing: of a
 * Query, CommandComplete of the last statement comes after its commit, and so it does of an explicit COMMIT. Of other extended
 * requests it says nothing, because their transaction ends at Sync. */
bool client_batch_done(const struct client *c);

/* An ErrorResponse, and nothing else. */
void client_tell(struct client *c, int code, const char *message, const char *hint);
/* What its lost server owed has been told: ReadyForQuery, or everything up to Sync is skipped; and it goes on. */
void client_told(struct client *c);
/* Its transaction is lost, and nothing of the batch is under way: it hears of it with its next request. */
void client_lose(struct client *c);

/* The account of a batch begins anew. retry: the next one goes to the primary. */
void client_batch_reset(struct client *c, bool retry);

/* From replies. */
void client_on_ready(struct client *c, uint8_t status);
void client_retry(struct client *c);
/* A replica refused the batch as a write: remember its statement. */
void client_learn(struct client *c);
/* Our own Sync was answered: the rest of the batch goes to the primary. */
void client_on_left(struct client *c);
/* The server is gone or out of step (and unlinked already): answers by what was under way. aborted: the server said
 * FATAL before it completed anything. */
void client_on_server_lost(struct client *c, bool aborted, const char *why);
/* The primary's start-up parameters answer during login. */
void client_on_verified(struct client *c, const struct err *e);

/* Sends the made-up answers that are due now, before anything else of the server's. */
void client_send_fakes(struct client *c, struct server *s);

/* client_login.c */
void client_login_on_bytes(struct client *c);
void client_login_on_verifier(struct client *c, const char *verifier, const struct err *e);
void client_login_welcome(struct client *c);
/* A server is linked for it: tries the client's start-up parameters there. */
void client_login_verify(struct client *c);
void client_login_free(struct client *c);
/* client_lost.c: a request while the transaction is lost; bytes used, 0 if more are needed. */
size_t client_lost_request(struct client *c, const uint8_t *p, size_t n);
/* client_timeouts.c: some clients' times at each call, from the janitor; all of them within a few calls. */
void client_timeouts_tick(struct worker *w, usec_t now);
/* client_console.c */
void client_console_process(struct client *c);

const char *client_state_name(const struct client *c);

#endif
