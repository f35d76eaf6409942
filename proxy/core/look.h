/* What a session has left in its server, asked of the server itself. Pure.
 *
 * After a statement that may have changed the session (classify.h, touches) one query is run on the same server, before
 * the client hears that the statement is over. Its rows are (name, value): a setting of the session, or, with a name that
 * begins with "?", something that binds the session to this server. Nothing is concluded from the client's SQL, so
 * rollbacks, savepoints, functions and canonical spellings are PostgreSQL's own. */
#ifndef TANIST_CORE_LOOK_H
#define TANIST_CORE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/str.h"
#include "params.h"

/* Why a session keeps its server. */
enum pin {
    PIN_NONE = 0,
    PIN_TEMP,
    PIN_ADVISORY,
    PIN_CURSOR_HOLD,
    PIN_LISTEN,
    PIN_PREPARE,
    PIN_LOAD,
    PIN_SEED,
    PIN_FUNCTION,
    PIN_SEQUENCE,
    PIN_STATE, /* its state could not be read, or is too much to carry */
    PIN_NR
};

const char *pin_name(enum pin p); /* short token: "temporary-object" */
/* The reason to name for bits of enum classify_touch that were found; LOOK_STATE besides. */
enum { LOOK_STATE = 1 << 30 };
enum pin look_pin(unsigned found);

/* Names of settings, each once, in lower case, NUL-terminated one after another. */
struct look_names {
    uint16_t len;
    bool full; /* one did not fit */
    char text[510];
};

enum look_name {
    LOOK_NAME_PLAIN = 1, /* every session may set it, on any server: its value is enough */
    LOOK_NAME_OTHER,     /* ask where its value comes from: it may not be the session's at all */
    LOOK_NAME_NEVER      /* of the transaction, or not to be set again */
};
enum look_name look_name_kind(struct slice name);
void look_name_add(struct look_names *l, struct slice name);
bool look_name_next(const struct look_names *l, uint16_t *at, const char **name);

struct look_ask {
    unsigned
        objects; /* of enum classify_touch: which of temporary objects, locks, cursors, channels, statements */
    bool all;                       /* every setting, not only those named */
    const struct look_names *names; /* those that may have changed; may be NULL */
    const struct look_names
        *custom; /* with all: custom settings of others, which no view shows; may be NULL */
    const struct params *base;  /* start-up parameters; may be NULL */
    bool reset;                 /* with all: there was a RESET, maybe of one of them */
    const struct params *known; /* with all: more names to ask for; may be NULL */
};

/* The query, empty if nothing is asked. False if it did not fit. */
bool look_sql(const struct look_ask *ask, struct strbuf *out) MUST_CHECK;

/* The channels that the server listens to, NUL-terminated one after another, spelled as they are. */
struct look_channels {
    uint16_t len;
    bool full; /* one did not fit */
    char text[4094];
};

bool look_channel_next(const struct look_channels *l, uint16_t *at, const char **name);
bool look_channel_has(const struct look_channels *l, const char *name);

struct look_seen {
    unsigned found; /* of enum classify_touch */
    bool all, reset;
    const struct params *base; /* borrowed */
    struct params settings;
    struct look_channels channels;
};

/* before: what was known of the session, which stays where the query did not ask. */
void look_begin(struct look_seen *seen, const struct look_ask *ask, const struct params *before);
/* A row; value.p NULL: not set. user: whom the session logged in as. */
void look_row(struct look_seen *seen, struct slice name, struct slice value, const char *user);

/* The PREPARE of that name within the text that it came with. False: it is not there. */
bool look_prepare_text(struct slice text, struct slice name, bool backslash, struct slice *out)
    MUST_CHECK;

/* The session's own start-up parameters come back where a RESET took a setting away. */
void look_restore_base(struct look_seen *seen, const struct params *base);

#endif
