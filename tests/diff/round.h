/* A round: from a clean state, a random sequence of steps until something differs. The history of a round replays
 * without the generator, so a difference can be cut down to the few steps that make it. */
#ifndef TANIST_DIFF_ROUND_H
#define TANIST_DIFF_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "tester.h"

struct round_options {
    uint64_t seed;
    uint64_t features;
    unsigned steps;      /* of each round */
    unsigned check_each; /* settings are looked at after every n-th step; 0: never */
    unsigned shrink_ms;  /* how long to cut a history down */
    bool superuser;      /* every other round runs as a superuser */
};

/* NULL, or the first difference (a signature, borrowed from t). All about it was written to stdout, unless it is one of the
 * n known signatures. */
const char *round_run(struct tester *t, const struct round_options *o, uint64_t number,
                      char *const *known, int n_known);

#endif
