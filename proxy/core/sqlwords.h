/* The key words that classification must know. Pure.
 *
 * Not PostgreSQL's whole list: a word that is missing here is taken for a name, and a name before a parenthesis for a
 * function, which errs to the safe side. */
#ifndef TANIST_CORE_SQLWORDS_H
#define TANIST_CORE_SQLWORDS_H

#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/str.h"

enum word_id {
    WORD_NONE = 0, /* not a key word known here */
    WORD_OTHER,    /* one that only its flags matter of */
    WORD_ABORT,
    WORD_ALL,
    WORD_ANALYZE,
    WORD_AND,
    WORD_AS,
    WORD_ATOMIC,
    WORD_AUTHORIZATION,
    WORD_BEGIN,
    WORD_BINARY,
    WORD_BIT,
    WORD_BY,
    WORD_CASE,
    WORD_CHAIN,
    WORD_CHAR,
    WORD_CHARACTER,
    WORD_CHARACTERISTICS,
    WORD_CLOSE,
    WORD_COLLATION,
    WORD_COMMIT,
    WORD_COMMITTED,
    WORD_CONSTRAINTS,
    WORD_COPY,
    WORD_CREATE,
    WORD_CUBE,
    WORD_DEALLOCATE,
    WORD_DECLARE,
    WORD_DEFERRABLE,
    WORD_DELETE,
    WORD_DISCARD,
    WORD_DISTINCT,
    WORD_DO,
    WORD_END,
    WORD_ESCAPE,
    WORD_EXECUTE,
    WORD_EXPLAIN,
    WORD_FETCH,
    WORD_FILTER,
    WORD_FIRST,
    WORD_FOR,
    WORD_FROM,
    WORD_GLOBAL,
    WORD_GROUP,
    WORD_GROUPING,
    WORD_HOLD,
    WORD_ILIKE,
    WORD_IN,
    WORD_INSERT,
    WORD_INTO,
    WORD_ISOLATION,
    WORD_JOIN,
    WORD_KEY,
    WORD_LATERAL,
    WORD_LEVEL,
    WORD_LIKE,
    WORD_LISTEN,
    WORD_LOAD,
    WORD_LOCAL,
    WORD_MATERIALIZED,
    WORD_MERGE,
    WORD_MOVE,
    WORD_NCHAR,
    WORD_NEXT,
    WORD_NO,
    WORD_NOT,
    WORD_ON,
    WORD_ONLY,
    WORD_OPERATOR,
    WORD_ORDER,
    WORD_ORDINALITY,
    WORD_OVER,
    WORD_OVERLAPS,
    WORD_OVERLAY,
    WORD_PARTITION,
    WORD_PASSING,
    WORD_PLANS,
    WORD_PREPARE,
    WORD_PREPARED,
    WORD_READ,
    WORD_RECURSIVE,
    WORD_REFRESH,
    WORD_RELEASE,
    WORD_REPEATABLE,
    WORD_REPLACE,
    WORD_RESET,
    WORD_ROLLBACK,
    WORD_ROLLUP,
    WORD_SAVEPOINT,
    WORD_SELECT,
    WORD_SEQUENCES,
    WORD_SERIALIZABLE,
    WORD_SESSION,
    WORD_SET,
    WORD_SETS,
    WORD_SHARE,
    WORD_SHOW,
    WORD_START,
    WORD_STDOUT,
    WORD_SUBSTRING,
    WORD_TABLE,
    WORD_TABLESAMPLE,
    WORD_TEMP,
    WORD_TEMPORARY,
    WORD_TIME,
    WORD_TO,
    WORD_TRANSACTION,
    WORD_UNCOMMITTED,
    WORD_UNLISTEN,
    WORD_UPDATE,
    WORD_VALUES,
    WORD_VARYING,
    WORD_VERBOSE,
    WORD_WITH,
    WORD_WORK,
    WORD_WRITE,
    WORD_ZONE,
    WORD_NR
};

enum word_flags {
    WORD_RESERVED = 1, /* bare, it names neither a relation nor a function */
    WORD_HARD = 2, /* bare, it names no function: a parenthesis behind it belongs to the grammar */
    WORD_SOFT =
        4, /* in some places the grammar has a parenthesis behind it, in others it is a function */
    WORD_UTILITY = 8, /* begins a command that changes something */
    WORD_QUIET = 16,  /* reserved, and says nothing of what the statement does */
};

struct word {
    enum word_id id;
    unsigned flags;
};

struct word_row {
    char text[18];
    uint8_t n, id, flags;
};

/* `folded` is in lower case. */
struct word word_find(struct slice folded);

/* All of them. */
const struct word_row *word_rows(size_t *n);

#endif
