/* What a session's reads must have reached: its floor. Pure.
 *
 * A floor is a position on a timeline. Positions are known by samples only, and a sample says something about what
 * happened before it was asked for, never about what came later:
 *
 * * A session that was on the primary at a moment may have written or seen anything up to the primary's position then. Any
 *   position of the primary that was asked for later bounds it. Until there is one the session is *dirty*.
 * * A session that read on a replica has seen anything up to that replica's replay position then. A later position of the
 *   replica (the same incarnation: a server that restarts may replay less at first) or of the primary bounds it. Until
 *   there is one the read is *open*: only that replica, or the primary, is certainly not older.
 * * A floor from before a failover holds on the new timeline if it lies below the fork. Above it, the session's past is
 *   lost: the floor becomes the fork, and the session is told. */
#ifndef TANIST_CORE_FRESHNESS_H
#define TANIST_CORE_FRESHNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/clock.h"
#include "../../replication/core/topology.h"

/* Each level promises what those before it do. */
enum consistency {
    CONSISTENCY_EVENTUAL = 1, /* the lag limits, nothing else */
    CONSISTENCY_SESSION,      /* own writes, and never back in time */
    CONSISTENCY_BOUNDED,      /* and nothing older than max_lag before the read began */
    CONSISTENCY_GLOBAL, /* and every commit that was acknowledged to anybody before the read began */
    CONSISTENCY_PRIMARY, /* reads go to the primary */
    CONSISTENCY_NR
};

struct freshness {
    lsn_t lsn; /* the floor; 0: none */
    uint32_t timeline;
    bool async_commit; /* may commit without waiting for its flush */
    bool dirty;
    bool dirty_async; /* dirty: the flush position does not bound it */
    bool open;
    int16_t node;        /* open: of the read */
    int64_t incarnation; /* open: of the server that it ran on; 0: not known */
    usec_t dirty_since;  /* moment of the last answer of the primary */
    usec_t read_at;      /* open: moment of the last answer */
    lsn_t lost; /* a floor that was on a lost suffix, until the session was told; 0: none */
    uint32_t lost_timeline;
};

/* The session was on the primary, or nobody knows where: the answer came now. async: somebody may commit there without
 * waiting for the flush, so that what was seen may be above the flush position. */
void freshness_primary(struct freshness *f, bool async, usec_t now);

/* The session read on a replica. incarnation is 0 if the connection is newer than what is known of the server. */
void freshness_replica(struct freshness *f, int node, int64_t incarnation, usec_t now);

/* Takes over what the snapshot says. */
void freshness_update(struct freshness *f, const struct topology *t, usec_t now);

/* After freshness_update: is everything below the floor on node i, and everything that is not known as a floor yet? */
bool freshness_has(const struct freshness *f, const struct topology *t, int i);

/* Nothing is open: the floor alone says what reads must have reached. */
static inline bool freshness_settled(const struct freshness *f)
{
    return !f->dirty && !f->open;
}

/* The position that bounds all acknowledged commits before the sample. async: somebody may commit without a flush. */
lsn_t freshness_position(const struct topo_sample *s, bool async);

/* What was sampled of the node holds for a connection only if it was asked for after the connection was there: the server may
 * have been restarted in between, and replays less at first. */
static inline bool freshness_knows(const struct topo_node *n, usec_t connected_at)
{
    return n->replay_at > connected_at;
}

/* The floor as a token that another session may take over: "timeline/lsn", "2/0/3000148". "0" is no floor. */
enum { FRESHNESS_TOKEN_MAX = 40 };
const char *freshness_token(const struct freshness *f, char out[FRESHNESS_TOKEN_MAX]);
/* Raises the floor to a token's. 0, or ERR_INVALID. */
int freshness_take_token(struct freshness *f, const char *text) MUST_CHECK;

const char *consistency_name(enum consistency c);
bool consistency_parse(const char *text, enum consistency *out);

#endif
