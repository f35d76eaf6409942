#include "outlier.h"

#include "../base/bug.h"

static const usec_t FAILURES_WITHIN = USEC_PER_SEC;
static const usec_t REST_MAX = 30 * USEC_PER_SEC;

void outlier_asked(struct outlier *o, usec_t sent_at)
{
    if (!o->asked_at)
        o->asked_at = sent_at;
}

void outlier_answered(struct outlier *o, const struct outlier_policy *p, usec_t sent_at, usec_t now)
{
    o->asked_at = 0;
    if (p->after && now - sent_at > p->after) {
        o->late_at = sent_at;
        o->good_since = 0;
        return;
    }
    if (sent_at > o->answered_at)
        o->answered_at = sent_at;
    if (!o->good_since)
        o->good_since = sent_at;
}

void outlier_refused(struct outlier *o)
{
    o->asked_at = 0;
    o->good_since = 0;
}

void outlier_failed(struct outlier *o, usec_t now)
{
    if (now - o->failed_at > FAILURES_WITHIN)
        o->failures = 0;
    o->failures++;
    o->failed_at = now;
    o->good_since = 0;
}

void outlier_excuse(struct outlier *o, usec_t now)
{
    if (o->asked_at)
        o->asked_at = now;
    o->late_at = 0;
}

static void eject(struct outlier *o, const struct outlier_policy *p, enum outlier_reason why,
                  usec_t now)
{
    const bool again = o->returned_at && now - o->returned_at < REST_MAX;
    o->rest = again ? 2 * o->rest : p->rest;
    o->rest = o->rest > REST_MAX ? REST_MAX : o->rest;
    o->reason = why;
    o->ejected_at = now;
    o->good_since = 0;
}

static bool judge_ejected(struct outlier *o, const struct outlier_policy *p, usec_t now)
{
    if (o->asked_at && now - o->asked_at > p->after)
        o->good_since = 0;
    if (p->after && (!o->good_since || o->answered_at - o->good_since < o->rest))
        return false;
    o->reason = OUTLIER_NONE;
    o->returned_at = now;
    o->failures = 0;
    return true;
}

bool outlier_judge(struct outlier *o, const struct outlier_policy *p, usec_t witness, bool may,
                   usec_t now)
{
    const bool silent = p->after && o->asked_at && now - o->asked_at > p->after;
    const usec_t late_at = o->late_at;
    o->late_at = 0;
    if (outlier_ejected(o))
        return judge_ejected(o, p, now);
    if (!p->after || !may)
        return false;
    if (o->failures >= OUTLIER_FAILURES && now - o->failed_at <= FAILURES_WITHIN) {
        eject(o, p, OUTLIER_FAILS, now);
        return true;
    }
    if ((silent && witness >= o->asked_at) || (late_at && witness >= late_at)) {
        eject(o, p, OUTLIER_SLOW, now);
        return true;
    }
    return false;
}

int outlier_max(int n)
{
    return n > 1 ? n / 2 : n;
}

usec_t outlier_left(const struct outlier *o, usec_t now)
{
    if (!outlier_ejected(o))
        return 0;
    const usec_t left = o->good_since ? o->good_since + o->rest - now : o->rest;
    return left > 0 ? left : 0;
}

const char *outlier_reason_text(enum outlier_reason r)
{
    static const char *const texts[OUTLIER_NR] = {[OUTLIER_NONE] = "",
                                                  [OUTLIER_SLOW] = "answers later than the others",
                                                  [OUTLIER_FAILS] = "connections to it fail"};
    BUG_ON((unsigned)r >= OUTLIER_NR);
    return texts[r];
}
