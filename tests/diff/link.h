/* One connection to a server or to tanist, at the level of bytes. What arrives is kept as whole messages until the
 * step that asked for it is over; notifications are kept apart, because they may come at any moment. */
#ifndef TANIST_DIFF_LINK_H
#define TANIST_DIFF_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* Where a link goes. */
struct target {
    const char *host; /* a folder: Unix socket */
    int port;
    const char *database;
    const char *password; /* NULL: trust */
};

struct link {
    int fd;           /* -1: closed */
    struct buf in;    /* not yet a whole message */
    struct buf out;   /* not yet sent */
    size_t sent;      /* of out */
    struct buf got;   /* messages of this step, but notifications */
    struct buf hello; /* messages of the login, but authentication and key */
    struct buf notes;
    unsigned n_notes;
    unsigned n_got; /* messages in got */
    unsigned ready; /* ReadyForQuery among them */
    unsigned since; /* messages since the last of these */
    bool errored;   /* an ErrorResponse since the last ReadyForQuery */
    uint8_t tx;     /* of the last ReadyForQuery */
    uint32_t pid;
    const struct buf *copy; /* sent at each CopyInResponse */
};

void link_init(struct link *l);
/* pairs: name and value alternately, ended by NULL. 0, or -1 with the error's message in l->hello (or errno's text). */
int link_open(struct link *l, const struct target *t, const char *const *pairs);
/* abrupt: without Terminate. */
void link_close(struct link *l, bool abrupt);
void link_forget_step(struct link *l);

/* Moves bytes: sends what is to be sent, takes in what is there. false: the peer closed. */
bool link_pump(struct link *l);
bool link_has_output(const struct link *l);

/* For the tester's own sessions: runs a Query and returns the first column of the last row (borrowed until the next
 * call), "" for none; an error ends the program. */
const char *link_value(struct link *l, const char *sql);
/* The same without an answer; false after an error. */
bool link_try(struct link *l, const char *sql);

#endif
