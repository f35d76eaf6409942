/* Failure detector for one node, and the guard against time jumps. Pure; owned by the manager's record of the node.
 *
 * Rules: a refused connection is confirmed by one more probe at once, then the node is down. Silence needs check_timeout and
 * `misses` probes. 57P03 is suspect until starting_max has passed. 53300 and authentication errors are life. A hint of
 * the data path asks for a probe now and never changes a verdict. */
#ifndef TANIST_CORE_HEALTH_H
#define TANIST_CORE_HEALTH_H

#include <stdbool.h>

#include "observe.h"

enum health_verdict { HEALTH_UNKNOWN = 0, HEALTH_OK, HEALTH_SUSPECT, HEALTH_DOWN, HEALTH_NR };

enum health_reason {
    HEALTH_NOT_ASKED = 0,
    HEALTH_ANSWERS,
    HEALTH_TOO_MANY,      /* 53300: alive */
    HEALTH_AUTH,          /* alive, but we may not look */
    HEALTH_STARTING,      /* 57P03 */
    HEALTH_STARTING_LONG, /* 57P03 for longer than starting_max */
    HEALTH_REFUSED_ONCE,  /* waiting for the confirming probe */
    HEALTH_REFUSED,
    HEALTH_SILENT_ONCE, /* fewer than `misses` probes without an answer */
    HEALTH_SILENT,
    HEALTH_CLOSED, /* our connection ended: asking again */
    HEALTH_BROKEN, /* answers that fail or that we do not understand */
    HEALTH_REASON_NR
};

struct health_policy {
    usec_t check_interval; /* between probes of a healthy node */
    usec_t check_timeout;  /* of the first probe; confirming probes get half of it */
    int misses;            /* unanswered probes in a row that make a node down; at least 1 */
    usec_t starting_max;   /* 57P03 for longer is down; USEC_NEVER: never */
};

void health_policy_default(struct health_policy *p); /* 500ms, 1s, 2, 30s */

struct health {
    enum health_verdict verdict;
    enum health_reason reason;
    usec_t since;      /* of the verdict */
    usec_t last_ok;    /* received_at of the last good answer; 0 never */
    usec_t suspect_at; /* sent_at of the first probe without success since then; 0 when OK */
    int misses;        /* probes without any sign of life in a row */
    usec_t next_at;    /* advice: probe at this moment; 0 means now */
};

void health_init(struct health *h);

/* One finished probe: uses outcome, sent_at, received_at of o. Returns true when verdict or reason changed. */
bool health_probed(struct health *h, const struct health_policy *p, const struct observation *o);

/* The data path met an error on the node (connection refused, EOF, timeout): probe now. */
void health_hint(struct health *h, usec_t now);

/* When the next probe is due (<= now: at once). */
usec_t health_next_probe(const struct health *h);
/* How long the next probe may take. */
usec_t health_probe_timeout(const struct health *h, const struct health_policy *p);

const char *health_verdict_name(enum health_verdict v);
const char *health_reason_name(enum health_reason r); /* token */
const char *health_reason_text(enum health_reason r); /* a sentence */

/* TILT: a manager tick that comes far too late (suspended machine, stopped process, blocked loop) or from the past means
 * that all ages are wrong. For a while: observe, change nothing. */
struct tilt {
    usec_t last_tick; /* 0: none yet */
    usec_t until;     /* observe only before this moment */
};

/* Call at every tick, also if nothing else happens; interval is the tick's period. Returns true while in TILT. */
bool tilt_tick(struct tilt *t, usec_t interval, usec_t now);
/* Gap above which a tick counts as a jump, and how long TILT lasts. */
#define TILT_GAP(interval) ((interval)*8 > 2 * USEC_PER_SEC ? (interval)*8 : 2 * USEC_PER_SEC)
#define TILT_REST          (2 * USEC_PER_SEC)

#endif
