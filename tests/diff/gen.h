/* Makes steps: what a client with this state might say next. */
#ifndef TANIST_DIFF_GEN_H
#define TANIST_DIFF_GEN_H

#include <stdint.h>

#include "prng.h"
#include "step.h"

enum { GEN_CLIENTS_MAX = 32, GEN_NAMES = 4, GEN_KINDS = 8 };

/* What the generator believes of a client; being wrong only makes more errors. */
struct gen_client {
    uint8_t tx;                           /* of the last ReadyForQuery */
    bool pinned;                          /* has done what holds a server */
    bool options;                         /* began with start-up parameters */
    char kinds[GEN_NAMES][GEN_KINDS + 1]; /* of the parameters of its prepared statements */
};

struct gen {
    struct prng prng;
    uint64_t features;
    int n_clients;
    struct gen_client clients[GEN_CLIENTS_MAX];
};

void gen_step(struct gen *g, int client, struct step *out);
/* A login for the beginning of a round. */
void gen_login(struct gen *g, int client, bool abrupt, struct step *out);
/* All settings of the session, and who it is. */
void gen_check(struct gen *g, int client, struct step *out);

#endif
