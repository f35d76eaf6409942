/* What a piece of SQL text does, by its tokens. Pure; allocates nothing; well under a microsecond for usual statements.
 *
 * The promise is one-sided: CLASS_READ is said only of text that certainly reads and nothing else, so that it can run on
 * any replica. Everything else, whatever cannot be told included, is for the primary. Not looked at: operators and casts
 * whose functions are volatile, and functions called by the server itself (row security, domains, rules). A replica
 * refuses to write, so a mistake there is an error that can be answered by running again on the primary. */
#ifndef TANIST_CORE_CLASSIFY_H
#define TANIST_CORE_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/str.h"
#include "catalog.h"

/* Bits, over all statements of the text. CLASS_READ is set only if every statement is a read, and then alone; so
 * `bits == CLASS_READ` is the test for a replica. */
enum class_bits {
    CLASS_READ = 1 << 0,
    CLASS_WRITE = 1 << 1,
    CLASS_UNKNOWN = 1 << 2,  /* to the primary; may have written */
    CLASS_TX_BEGIN = 1 << 3, /* BEGIN, START TRANSACTION: see tx */
    CLASS_TX_COMMIT =
        1 << 4, /* COMMIT, END; with CLASS_WRITE: PREPARE TRANSACTION, which leaves it too */
    CLASS_TX_ROLLBACK = 1 << 5,  /* ROLLBACK, ABORT */
    CLASS_TX_SAVEPOINT = 1 << 6, /* SAVEPOINT, RELEASE, ROLLBACK TO */
    CLASS_SESSION =
        1 << 7, /* SET, RESET, DISCARD, LISTEN, PREPARE, ...: session state; see touches */
    CLASS_TX = CLASS_TX_BEGIN | CLASS_TX_COMMIT | CLASS_TX_ROLLBACK | CLASS_TX_SAVEPOINT,
};

/* What of the session it may change: afterwards the server is asked what is so. One-sided: a bit too many costs a small
 * query, a bit too few would let one session see another's state. */
enum classify_touch {
    TOUCH_SETTINGS = 1 << 0, /* SET, RESET, SET ROLE, set_config(): see settings */
    TOUCH_LOCAL = 1 << 1,    /* SET LOCAL of a custom setting: its name stays known afterwards */
    TOUCH_TEMP = 1 << 2,     /* temporary objects */
    TOUCH_LOCKS = 1 << 3,    /* session-level advisory locks */
    TOUCH_CURSORS = 1 << 4,  /* WITH HOLD */
    TOUCH_LISTEN = 1 << 5,
    TOUCH_PREPARED = 1 << 6, /* SQL-level PREPARE, DEALLOCATE */
    TOUCH_LOAD = 1 << 7,
    TOUCH_SEED = 1 << 8, /* setseed(), SET SEED */
    TOUCH_FUNCTION =
        1 << 9, /* a function known to keep something in the server that nobody can ask for */
    TOUCH_EXECUTE = 1 << 10, /* EXECUTE: whatever the statements that the session prepared do */
    TOUCH_SEQUENCE =
        1 << 11,           /* asks for currval() or lastval(): needs the server of the nextval() */
    TOUCH_NAMES = 1 << 12, /* looks at pg_prepared_statements: all names that the session has */
    TOUCH_ANY =
        TOUCH_SETTINGS | TOUCH_TEMP | TOUCH_LOCKS | TOUCH_CURSORS | TOUCH_LISTEN | TOUCH_PREPARED,
};

enum { CLASSIFY_SETTINGS_MAX = 4 };

/* Why it is not a read; of the first statement that is not one. */
enum classify_reason {
    REASON_NONE = 0,          /* it is a read, or empty */
    REASON_DML,               /* INSERT, UPDATE, DELETE, MERGE, also within WITH */
    REASON_LOCKING,           /* FOR UPDATE and the like */
    REASON_INTO,              /* SELECT INTO */
    REASON_VOLATILE_FUNCTION, /* token is its name */
    REASON_UNKNOWN_FUNCTION,  /* token is its name; not in the catalog */
    REASON_OPERATOR,          /* token is it; or LIKE and the like */
    REASON_HIDDEN,            /* what no text shows is volatile: a cast, a comparison */
    REASON_PRIMARY_RELATION,  /* token is the name of a relation to be read on the primary */
    REASON_NAME,              /* a name that cannot be compared: U&"", doubled quotes, too long */
    REASON_TEMP,              /* pg_temp, temporary objects */
    REASON_COPY,              /* COPY FROM, or TO something that is not STDOUT */
    REASON_UTILITY,           /* any other command; token is its first word */
    REASON_TRANSACTION,       /* transaction control */
    REASON_SESSION,           /* SET, SHOW, LISTEN, ... */
    REASON_CURSOR,            /* DECLARE, FETCH, MOVE, CLOSE */
    REASON_PREPARED,          /* SQL-level PREPARE, EXECUTE, DEALLOCATE */
    REASON_SYNTAX,            /* not well-formed enough to be sure */
    REASON_LEX_ERROR,
    REASON_NO_CATALOG, /* the database's names are not loaded yet */
    REASON_NR
};

enum classify_access { ACCESS_UNSPECIFIED = 0, ACCESS_READ_ONLY, ACCESS_READ_WRITE };
enum classify_isolation {
    ISOLATION_UNSPECIFIED = 0,
    ISOLATION_READ_COMMITTED, /* READ UNCOMMITTED is the same in PostgreSQL */
    ISOLATION_REPEATABLE_READ,
    ISOLATION_SERIALIZABLE, /* a hot standby refuses it */
};

/* Of the last BEGIN, START TRANSACTION or SET TRANSACTION of the text. */
struct classify_tx {
    enum classify_access access;
    enum classify_isolation isolation;
    bool deferrable;
    bool chain; /* COMMIT or ROLLBACK AND CHAIN: a new transaction follows at once */
};

/* What a statement does to the stack of savepoints. */
enum classify_savepoint { SAVEPOINT_NONE = 0, SAVEPOINT_SET, SAVEPOINT_RELEASE, SAVEPOINT_BACK };

struct classify_opts {
    bool backslash; /* the session's standard_conforming_strings is off */
    bool
        unsafe_encoding; /* client_encoding may hold ASCII bytes within a character (SJIS, BIG5, GBK, ...) */
    const struct catalog *
        override; /* read_functions and write_functions of the settings; asked first; may be NULL */
};

struct classification {
    unsigned bits;         /* enum class_bits */
    unsigned n_statements; /* not counting empty ones */
    unsigned
        each; /* the same bits, of each statement by itself: they may read and end a transaction */
    unsigned first;                    /* those of the first statement */
    enum classify_savepoint savepoint; /* of the last such statement */
    struct slice savepoint_name;       /* as it is written */
    bool
        nodal; /* on another node the same text may give another answer, or have another effect, without an error */
    bool tells_time;   /* shows when its transaction began: now(), CURRENT_DATE */
    unsigned touches;  /* enum classify_touch */
    unsigned releases; /* of the same, what it may end: worth a look only if the session has such */
    /* Names of the settings it may change, borrowed from the text, as plain names (letters, digits, dots). */
    struct slice settings[CLASSIFY_SETTINGS_MAX];
    uint8_t n_settings;
    bool all_settings; /* others than those named, or back to a default */
    bool resets;       /* back to a default, as far as the text tells */
    enum classify_reason reason;
    struct slice token; /* what decided it, borrowed from the text; may be empty */
    struct classify_tx tx;
    bool empty;        /* no statement at all: comments, white space, semicolons */
    bool discards_all; /* DISCARD ALL, alone */
    /* PREPARE, EXECUTE and DEALLOCATE: the name, as it is written; of the last such statement. */
    struct slice prepared;
    bool more_prepared; /* there are several such statements */
    bool deallocates;   /* one is DEALLOCATE of a name */
    bool defaults; /* ALTER ROLE, DATABASE or SYSTEM: new sessions may begin with other settings */
    bool
        drops_prepared; /* DEALLOCATE ALL, DISCARD ALL: the server forgets protocol-level statements too */
    bool set_transaction; /* has SET TRANSACTION (tx says what) */
    bool
        mentions_sync_commit; /* may change synchronous_commit: a commit may be acknowledged before its flush */
    struct slice hint; /* text of a comment hint, after "tanist:"; borrowed */
};

/* cat may be NULL (then nothing is a read), opts too (then the defaults). Always fills *out. */
void classify_sql(struct slice sql, const struct catalog *cat, const struct classify_opts *opts,
                  struct classification *out);

const char *classify_reason_name(enum classify_reason r); /* short token: "volatile-function" */
const char *
classify_reason_text(enum classify_reason r); /* for people: "calls a volatile function" */

#endif
