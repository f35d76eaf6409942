/* One probe's answer, typed. Pure: the shell runs the SQL given here and passes the text columns back.
 *
 * A probe runs OBSERVE_SQL (one row; works on PostgreSQL 13 and later, on a primary and on a replica, for a superuser or a
 * member of pg_monitor). If the node is a primary the shell also runs OBSERVE_PEERS_SQL and OBSERVE_SLOTS_SQL. */
#ifndef TANIST_CORE_OBSERVE_H
#define TANIST_CORE_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "timeline.h"
#include "topology.h"

enum observe_outcome {
    OBSERVE_NONE = 0, /* never asked */
    OBSERVE_OK,       /* answered; everything below is set */
    OBSERVE_REFUSED,  /* ECONNREFUSED, or no socket file: nobody listens */
    OBSERVE_TIMEOUT,  /* no answer within the probe's deadline (connect or query) */
    OBSERVE_CLOSED, /* an established connection ended (EOF, reset, 57P01, 57P02): a hint, ask again at once */
    OBSERVE_UNREACHABLE, /* no route, no such host name, other connect errors */
    OBSERVE_AUTH,     /* class 28, missing password, no pg_hba entry: alive, but we may not look */
    OBSERVE_STARTING, /* 57P03: starting up, shutting down or not yet consistent */
    OBSERVE_TOO_MANY, /* 53300: alive */
    OBSERVE_QUERY,    /* the query failed for another reason */
    OBSERVE_PROTOCOL, /* an answer that we cannot understand */
    OBSERVE_NR
};

enum { OBSERVE_TEXT_MAX = 128, OBSERVE_SLOTS_MAX = 2 * TOPO_NODES_MAX };

struct observation {
    enum observe_outcome outcome;
    char sqlstate[6];
    char detail[OBSERVE_TEXT_MAX]; /* for people, when outcome is not OK */
    usec_t sent_at,
        received_at;    /* monotonic, around the query (or the connect, when that failed) */
    usec_t position_at; /* before the positions were asked for: they are at least of that moment */

    /* The rest is set when outcome is OBSERVE_OK. */
    enum topo_role role;
    uint64_t system_identifier;
    uint32_t
        timeline; /* primary: current; replica: received, or the best that its control file knows */
    bool timeline_received;        /* replica: from the live wal receiver */
    lsn_t flush_lsn, insert_lsn;   /* primary */
    lsn_t receive_lsn, replay_lsn; /* replica; receive is 0 if it never streamed since its start */
    bool replay_paused;
    bool receiver;                   /* replica: there is a wal receiver process */
    bool streaming;                  /* ... and its status is streaming */
    char sender_host[TOPO_HOST_MAX]; /* ... from there, as in primary_conninfo */
    uint16_t sender_port;
    char receiver_slot[TOPO_NAME_MAX];
    lsn_t latest_end_lsn; /* newest position that the sender reported */
    bool message_age_known;
    usec_t message_age; /* time since the last message of the sender, at received_at */
    int64_t
        postmaster_start; /* microseconds since 1970 by the node's clock: a change means a restart, also one after a
                             backend's crash */
    uint64_t
        start_xid; /* primary: the next transaction id when it was started; 0: not known any more */
    int server_version_num;
    bool
        commit_flushes; /* synchronous_commit is not off, neither by default nor for any role or database */
    bool read_only;      /* default_transaction_read_only (a soft fence) */
    int max_connections; /* without those reserved for superusers */
    char synchronous_standby_names[768];
    char primary_conninfo_host
        [TOPO_HOST_MAX]; /* replica: host= of primary_conninfo if we may see it, else empty */
    uint16_t primary_conninfo_port; /* ... its port=; 5432 if only a host is named; 0 unknown */
    bool has_primary_conninfo; /* primary_conninfo is not empty (false also if we may not see it) */
    usec_t receiver_timeout;   /* wal_receiver_timeout; 0: off, or not known */
    char manager[24];          /* who else manages this server, as far as it shows; empty: nobody */
    char listen_port[8];       /* the port setting, for diagnostics */
    struct timeline_history
        lineage; /* primary: of its timeline; timeline 0: not known (we may not read the file) */
};

/* One row for a node. observe_parse takes these columns in this order. */
extern const char OBSERVE_SQL[];
enum { OBSERVE_COLUMNS = 29 };

/* fields[i] is NULL for SQL NULL. Fills all of *out but outcome, times and detail on error; sets outcome OK. */
int observe_parse(const char *const *fields, int n, struct observation *out, struct err *e)
    MUST_CHECK;

/* A walsender of the primary. */
enum observe_peer_state {
    PEER_NONE = 0,
    PEER_STARTUP,
    PEER_CATCHUP,
    PEER_STREAMING,
    PEER_BACKUP,
    PEER_STOPPING,
    PEER_NR
};

struct observe_peer {
    char application_name[TOPO_NAME_MAX];
    char client_addr[64]; /* empty for a Unix socket */
    enum observe_peer_state state;
    lsn_t sent_lsn, flush_lsn, replay_lsn;
    bool replay_lag_known;
    usec_t replay_lag;
};

struct observe_peers {
    int n;
    bool more; /* there were more than fit */
    struct observe_peer peers[TOPO_NODES_MAX];
};

extern const char OBSERVE_PEERS_SQL[];
enum { OBSERVE_PEERS_COLUMNS = 7 };
/* Appends one row. */
int observe_peers_add(struct observe_peers *p, const char *const *fields, int n, struct err *e)
    MUST_CHECK;

/* Replication slots of a node. */
struct observe_slot {
    char name[TOPO_NAME_MAX];
    bool physical, active, temporary;
    lsn_t restart_lsn; /* 0: reserves nothing */
};

struct observe_slots {
    int n;
    bool more;
    struct observe_slot slots[OBSERVE_SLOTS_MAX];
};

extern const char OBSERVE_SLOTS_SQL[];
enum { OBSERVE_SLOTS_COLUMNS = 5 };
int observe_slots_add(struct observe_slots *s, const char *const *fields, int n, struct err *e)
    MUST_CHECK;

/* The outcome for an SQLSTATE of a failed connect or query; never OK. */
enum observe_outcome observe_outcome_of_sqlstate(const char *sqlstate);
const char *observe_outcome_name(enum observe_outcome o); /* token: "too-many" */

#endif
