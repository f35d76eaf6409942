#include "clock.h"

#include <time.h>

#include "bug.h"

static usec_t read_clock(clockid_t id)
{
    struct timespec ts;
    BUG_ON(clock_gettime(id, &ts) != 0);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static usec_t real_now(void *arg)
{
    (void)arg;
    return read_clock(CLOCK_MONOTONIC);
}

static usec_t fake_now(void *arg)
{
    const struct clock_fake *f = arg;
    return f->at;
}

const struct clock *clock_real(void)
{
    static const struct clock real = {.now = real_now, .arg = NULL};
    return &real;
}

usec_t clock_now(const struct clock *c)
{
    return c->now(c->arg);
}

void clock_fake_init(struct clock_fake *f, usec_t at)
{
    f->clock.now = fake_now;
    f->clock.arg = f;
    f->at = at;
}

usec_t clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}
