/* Comment hints: SELECT ... with a comment that begins with "tanist:" and then holds words. Pure.
 *
 *   primary        to the primary
 *   replica        it is taken for a read, whatever it calls
 *   node=NAME      a read goes to this node if that may serve it, else to the primary
 *   max_lag=2s     a read goes to no replica that is known to be further behind; us ms s min h, a bare number is ms
 *
 * Words stand apart by blanks or commas. What is not understood is left out, and told. */
#ifndef TANIST_CORE_HINT_H
#define TANIST_CORE_HINT_H

#include <stdbool.h>

#include "../../replication/base/clock.h"
#include "../../replication/base/str.h"

struct hint {
    bool primary, replica;
    struct slice node; /* borrowed; n is 0: none */
    usec_t max_lag;    /* 0: none */
    bool odd;          /* something was not understood */
};

/* The text behind "tanist:". */
struct hint hint_parse(struct slice text);

#endif
