/* A connection to a node: login, link to a client, cleaning, close. Worker's thread; idle ones may move to another. */
#ifndef TANIST_PROXY_SERVER_H
#define TANIST_PROXY_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/list.h"
#include "core/pipeline.h"
#include "core/signature.h"
#include "inbuf.h"
#include "prepared.h"
#include "stream.h"
#include "wire/startup.h"

struct client;
struct limit;
struct look_seen;
struct params_ref;
struct pool;
struct scram_client;
struct worker;

enum server_state {
    SERVER_NONE = 0,
    SERVER_CONNECTING,
    SERVER_TLS_ASKED, /* SSLRequest sent */
    SERVER_TLS,       /* handshake */
    SERVER_LOGIN,     /* start-up packet sent */
    SERVER_IDLE,
    SERVER_LINKED,
    SERVER_CLEANING,  /* rolled back, or DISCARD ALL after a pinned session or session pooling */
    SERVER_RELAYING,  /* of one replication client */
    SERVER_CANCELING, /* clean, but a cancel request for it is still under way */
    SERVER_CLOSED,
    SERVER_NR
};

struct server {
    struct list_node node; /* in one of the pool's lists */
    struct loop_free grave;
    struct pool *pool;
    struct limit *limit; /* whose token it holds */
    struct limit *place; /* of its node, while linked, if that has max_in_flight */
    struct worker *w;
    struct client *client;  /* when LINKED */
    struct client *relay;   /* the replication client that it is opened for */
    struct client *home_of; /* home.h */
    struct stream st;
    enum server_state state;
    uint8_t tx;          /* of the last ReadyForQuery */
    bool close_after;    /* not to be used again */
    bool copying;        /* CopyInResponse seen, not ended */
    bool copy_ended;     /* the client sent its CopyDone or CopyFail */
    uint16_t cancels;    /* cancel requests under way for it */
    uint64_t role_since; /* of its node at login */
    uint64_t
        written_by; /* serial of the client that wrote last, so whose currval() it has; 0: none */
    uint64_t noted_by; /* serial of the client whose notifications may be under way; 0: anybody's */
    uint64_t defaults; /* proxy->defaults at login */
    uint32_t pid;
    uint8_t key[STARTUP_KEY_MAX];
    uint32_t key_len;
    uint64_t id;                /* for SHOW SERVERS */
    struct params_ref *params;  /* what its settings are, beyond the defaults; NULL: the defaults */
    struct params_ref *reports; /* what it said of some of them, up to its last ReadyForQuery */
    struct params *news;        /* the same, as it will be at the next one; NULL: no other */
    struct sstmt_set prepared;
    struct sqlname_set sqlnames;
    uint64_t
        unnamed; /* id of the statement in its unnamed slot when all that was sent is done; 0: none known */
    uint64_t unnamed_done; /* as far as its answers tell */
    struct signature sig;  /* of the statement that is being described to us */
    struct pl_entry
        describing; /* the request for it, while the rest of its answer is still to come */
    struct pipeline pl;
    struct pl_entry pl_inline[PL_INLINE];
    struct inbuf in;       /* the beginning of a message that was cut */
    uint32_t forward_left; /* bytes of a message whose head went to the client already */
    bool forward_drop;     /* they are swallowed instead */
    bool forward_describe; /* they are of an answer to our own Describe */
    bool retrying;         /* the batch runs again elsewhere: the rest of its answer is swallowed */
    struct look_seen *look; /* what it answered so far about its session */
    bool checking;          /* server_check.c asks */
    uint16_t names_checked;
    bool restoring;         /* start-up parameters that a RESET took away are being set */
    bool clean_discard;     /* when CLEANING: DISCARD ALL is to be sent */
    bool clean_rolled_back; /* and ROLLBACK was */
    usec_t cancel_at;       /* and what it still does is cancelled then; 0: never, or done */
    bool hidden_failed;     /* a query of ours was refused; login_error says why */
    usec_t connected_at, last_used, deadline;
    usec_t ready_at;            /* the login was over */
    uint32_t jitter;            /* its share of server_lifetime's spread */
    struct scram_client *scram; /* during login */
    struct err login_error;
};

/* Where the pool's node listens, as the manager resolved it; 0 if that is not known. */
socklen_t server_address(const struct pool *p, struct sockaddr_storage *out);

/* Starts a connection for the pool, which holds a token for it. NULL (with e) if not even that works. */
struct server *server_open(struct pool *p, struct err *e) MUST_CHECK;
/* Closes at once, gives the token back, forgets it everywhere; a linked client is told by client_on_server_lost before,
 * by the caller. why goes to the log. */
void server_close(struct server *s, const char *why);

/* The connection ended or is out of step: closes it and tells the client. aborted: the server itself said, before it
 * completed anything, that it ends (FATAL), so nothing was committed. */
void server_broken(struct server *s, const struct err *e, bool aborted);

/* Links; the client may send. The server's settings are made equal first, in the same packet as what follows. */
void server_link(struct server *s, struct client *c);
/* The client is done with it: clean and keep, or close. */
void server_unlink(struct server *s);

/* What the ref of an expectation is. Each holds a reference. */
enum entry_tag {
    TAG_NONE = 0,
    TAG_QUERY,   /* nothing; a Query, which ends the unnamed statement */
    TAG_UNNAMED, /* struct pstmt, or NULL for none: what the session's unnamed statement is then */
    TAG_UNNAMED_OURS, /* the same, but only the server did not know it yet */
    TAG_PARSED,       /* struct named: the client's own Parse of a new name */
    TAG_MADE,         /* struct named: ours, because the server did not have it */
    TAG_DESCRIBED,    /* struct named: ours, to learn what came out of one of the two */
    TAG_USED,         /* struct named, that a Bind or Describe is about */
    TAG_CHANGED, /* nothing: the request in place of one whose statement has changed its result */
    TAG_REFUSED, /* nothing: the request in place of one that we have no room for */
    TAG_CLOSED,  /* struct named, out of the session already */
    TAG_GIVEN,   /* struct named: ours, under the session's own name */
    TAG_FAILS,   /* nothing: a query of ours that is to fail */
    TAG_EVICTED, /* struct sstmt, out of the set already */
    TAG_XID      /* nothing: our question for a transaction id, or for what became of one */
};

/* Pushes what the message just added to the gather will be answered with. false: too many, or no memory. */
bool server_expect(struct server *s, enum pl_kind kind, uint64_t ref, uint32_t tag) MUST_CHECK;
/* A query of ours, collected for the same packet as what follows; its answer is swallowed. false: no room. */
bool server_hide(struct server *s, const char *sql) MUST_CHECK;
/* The same; fails: it is meant to end in an error. */
bool server_hide_failing(struct server *s, const char *sql, bool fails) MUST_CHECK;
/* Releases what the pipeline refers to. */
void server_drop_expectations(struct server *s);
/* An entry has left the pipeline: bookkeeping of statements. */
void server_entry_done(struct server *s, const struct pl_entry *e);
/* The answer to our Describe (s->describing) is complete. True if the statement returns something else than before. */
bool server_described(struct server *s);
/* Everything sent was answered: what was only expected of skipped requests is forgotten. */
void server_settle(struct server *s);

/* The same, and did it begin with the settings that sessions begin with now? */
bool server_usable(const struct server *s);
/* May it serve under the worker's present snapshot? */
bool server_current(const struct server *s);

/* Between workers: off this one's lists and loop; then attach on the other (which has the same group and node). */
void server_detach(struct server *s);
int server_attach(struct server *s, struct pool *p, struct err *e) MUST_CHECK;
/* A detached one that nobody takes. */
void server_destroy(struct server *s);

const char *server_state_name(enum server_state st);

/* server_stmts.c: expectations and statements, above */
/* server_clean.c: when c leaves it, can it be kept at all; must it be cleaned; and cleaning, which ends with the release to
 * the pool or with its close. */
bool server_cleans(const struct server *s, const struct client *c);
bool server_needs_cleaning(const struct server *s, const struct client *c);
void server_clean(struct server *s, const struct client *c);
/* ReadyForQuery came, or a cancel request ended. */
void server_clean_step(struct server *s);
/* server_check.c: before a server is free, in tests: is its session what it is thought to be? True: it is asked, and
 * server_clean_step goes on. A row of the answer (true: taken); and its end, which does not return if it is not so. */
bool server_check_begin(struct server *s);
bool server_check_row(struct server *s, struct slice name, struct slice value);
void server_check_end(struct server *s);
/* server_reply.c: bytes arrived while linked or being cleaned. */
void server_on_reply(struct server *s);
/* server_login.c */
void server_login_begin(struct server *s);
void server_login_on_bytes(struct server *s);
void server_login_fail(struct server *s, const struct err *e);

#endif
