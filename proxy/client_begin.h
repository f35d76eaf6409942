/* A transaction's beginning: kept until its first statement, and as long as the transaction has only read on a replica, so
 * that it can begin again elsewhere. Worker's thread. */
#ifndef TANIST_PROXY_CLIENT_BEGIN_H
#define TANIST_PROXY_CLIENT_BEGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "../replication/base/str.h"

struct classification;
struct client;
struct msg_error;

enum { BEGIN_TEXT_MAX = 252 };

struct begin {
    bool deferred; /* the client was told BEGIN, no server was yet, or none is any more */
    bool read_only, serializable; /* what it asks for */
    uint8_t isolation;            /* enum classify_isolation, as it asks for it */
    bool
        repeatable; /* its first snapshot lasts; what is not known to be READ COMMITTED is taken for it */
    bool read;   /* something in it may have taken a snapshot */
    bool failed; /* deferred again: it has failed, and must do so on the next server too */
    bool tied; /* it has left something on its replica, or cannot be kept: no way to begin again */
    bool leaves;       /* it needs the primary from now on */
    uint8_t savepoint; /* enum classify_savepoint: what the batch under way does */
    uint16_t modes;    /* bytes of sql without savepoints */
    uint16_t len;
    char savepoint_name[64];  /* unquoted */
    char sql[BEGIN_TEXT_MAX]; /* BEGIN with its options, SET TRANSACTION behind it, savepoints */
};

/* A lone Query without a server: is it one that can be answered here? Then it was. */
bool client_begin_answers(struct client *c, struct slice sql);
/* A statement of a batch that begins a transaction by Bind and Execute, or sets a savepoint. */
void client_begin_note(struct client *c, struct slice sql, const struct classification *k);
/* May the batch that begins the transaction run on a replica? */
bool client_begin_reads(const struct client *c);
/* In front of the first statement, in the same packet. False: no room. */
bool client_begin_send(struct client *c) MUST_CHECK;

/* A further batch of a transaction on a replica: where does it go? */
enum begin_look {
    BEGIN_GOES_ON = 1, /* it is sent to the linked server */
    BEGIN_WAITS,       /* more of it must come, or the client is closed */
    BEGIN_LEAVES, /* no server is linked any more: the transaction begins again, or was refused */
};
enum begin_look client_begin_look(struct client *c);
/* In the middle of a batch, a part of which was sent (that did `before`, enum class_bits, and perhaps opened portals): must
 * the rest go elsewhere? */
enum { BEGIN_BEFORE_PORTALS = 1 << 30 };
bool client_begin_must_leave(const struct client *c, unsigned before);
/* The server of a transaction is to be left or is lost: begin again at the next statement, if that is possible. */
void client_begin_again(struct client *c);
/* The part of the batch that was sent is over; the rest goes to the primary, unless the transaction failed. */
void client_begin_left(struct client *c);
/* The batch is over, and the server said that the transaction is so. */
void client_begin_settle(struct client *c, uint8_t status);
/* Would the primary not have said this error of a replica? Then the transaction must run again. */
bool client_begin_strands(struct client *c, const struct msg_error *m);
extern const char client_begin_stranded[], client_begin_stranded_hint[];

#endif
