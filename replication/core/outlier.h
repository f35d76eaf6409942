/* A replica that answers worse than the others: it gets no reads until it has answered well for a while. Pure; owned by the
 * manager's record of the node.
 *
 * Health finds out whether a node is dead, which takes patience. This finds out whether it is a bad place for a read now, which
 * does not: a question of ours that it has not answered within `after`, while another node answered one that was asked no
 * earlier; or connections of the data path that fail again and again. Questions go on, and prompt answers end it. */
#ifndef TANIST_CORE_OUTLIER_H
#define TANIST_CORE_OUTLIER_H

#include <stdbool.h>

#include "../base/clock.h"

enum { OUTLIER_FAILURES = 5 };

struct outlier_policy {
    usec_t after; /* an answer that takes longer is late; 0: nobody is ejected */
    usec_t rest; /* prompt answers for so long end an ejection; doubled for one that follows soon */
};

enum outlier_reason { OUTLIER_NONE = 0, OUTLIER_SLOW, OUTLIER_FAILS, OUTLIER_NR };

struct outlier {
    usec_t asked_at;    /* of the first question that is not answered; 0: none is open */
    usec_t answered_at; /* moment of the newest question that was answered promptly */
    usec_t failed_at;   /* of the data path's last failure */
    int failures;       /* within moments of each other */
    usec_t late_at; /* of a question whose answer came too late since it was judged last; 0: none */
    enum outlier_reason reason; /* OUTLIER_NONE: it is not ejected */
    usec_t ejected_at, returned_at;
    usec_t
        good_since; /* prompt answers without a break since this question; 0: the last one was late */
    usec_t rest;    /* of this ejection */
};

/* A question that was sent then is open. */
void outlier_asked(struct outlier *o, usec_t sent_at);
/* It was answered, in whatever way. */
void outlier_answered(struct outlier *o, const struct outlier_policy *p, usec_t sent_at,
                      usec_t now);
/* No answer, but not for silence: health says what it is. */
void outlier_refused(struct outlier *o);
/* A client's connection failed there. */
void outlier_failed(struct outlier *o, usec_t now);
/* Our own loop stood still: what is open may have been answered long ago. */
void outlier_excuse(struct outlier *o, usec_t now);

/* May it serve reads? witness: the newest question that another node has answered promptly. may: another one may be ejected
 * (never more than half of the replicas are). Returns true when the answer changed. */
bool outlier_judge(struct outlier *o, const struct outlier_policy *p, usec_t witness, bool may,
                   usec_t now);

static inline bool outlier_ejected(const struct outlier *o)
{
    return o->reason != OUTLIER_NONE;
}
/* How many of n replicas may be out at once. */
int outlier_max(int n);
/* Until it returns, if it answers promptly from now on. */
usec_t outlier_left(const struct outlier *o, usec_t now);
const char *outlier_reason_text(enum outlier_reason r);

#endif
