/* The clock port. Core code never reads a clock: it is given `now`. Shell code asks a struct clock, which tests and
 * the simulator replace. Monotonic microseconds, process-local, comparable between threads. */
#ifndef TANIST_BASE_CLOCK_H
#define TANIST_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t usec_t; /* microseconds; monotonic unless the name says wall */

#define USEC_PER_MS  ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_NEVER   INT64_MAX

struct clock {
    usec_t (*now)(void *arg);
    void *arg;
};

/* The machine's monotonic clock (CLOCK_MONOTONIC). */
const struct clock *clock_real(void);
usec_t clock_now(const struct clock *c);

/* A clock that stands still until it is moved. */
struct clock_fake {
    struct clock clock;
    usec_t at;
};
void clock_fake_init(struct clock_fake *f, usec_t at);

/* Wall time for people only (log lines, event lists); never for decisions. Microseconds since 1970. */
usec_t clock_wall(void);

#endif
