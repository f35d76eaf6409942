/* Two worlds that start equal: a lone server with private connections, and a cluster behind tanist. Steps run in both at
 * once, one after the other, and what is heard must be the same. */
#ifndef TANIST_DIFF_TESTER_H
#define TANIST_DIFF_TESTER_H

#include <stdbool.h>
#include <stdint.h>

#include "compare.h"
#include "gen.h"
#include "link.h"
#include "step.h"

enum { TESTER_REPLICAS = 2, TESTER_WHAT = 300 };

enum lag_mode { LAG_NONE = 0, LAG_PAUSE, LAG_DELAY };

struct tester_options {
    const char *host; /* of the Unix sockets of all nodes */
    int twin, primary, replicas[TESTER_REPLICAS], port;
    const char *twin_host;
    int n_replicas;
    int n_clients;
    unsigned pool_size;
    unsigned pin_mask; /* enum pin_bits that hold a server */
    bool exact_unpin;  /* also by UNLISTEN *, CLOSE ALL and the like, not only DISCARD ALL */
    enum lag_mode lag;
    bool verbose;
};

struct tester {
    struct tester_options o;
    const char *user; /* of the clients of this round */
    struct link direct[GEN_CLIENTS_MAX], proxied[GEN_CLIENTS_MAX];
    unsigned pins[GEN_CLIENTS_MAX];
    bool stranded[GEN_CLIENTS_MAX]; /* its next step must be a login */
    struct link twin, primary, console, replicas[TESTER_REPLICAS];
    struct oids oids;
    bool paused;
    uint64_t n_statements, n_batches, n_messages, n_stranded;
    /* Of the last difference. */
    char what[TESTER_WHAT];
};

void tester_open(struct tester *t, const struct tester_options *o);
/* Both worlds as they are at the beginning of a round: nobody is connected. fresh: tanist opens new servers. */
void tester_reset(struct tester *t, const char *user, bool fresh);
/* NULL, or what differs. */
const char *tester_run(struct tester *t, const struct step *s);
/* Whether the client may go on without waiting for one that holds a server. */
bool tester_may_run(const struct tester *t, int client);
/* At the end of a round: notifications and the contents of all tables. */
const char *tester_finish(struct tester *t);
void tester_close_clients(struct tester *t);
/* Of all replicas together, since they were started. */
uint64_t tester_replica_commits(struct tester *t);

#endif
