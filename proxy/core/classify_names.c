#include "classify.h"

#include "../../replication/base/bug.h"

static const struct {
    const char *name, *text;
} reasons[REASON_NR] = {
    [REASON_NONE] = {"read", "only reads"},
    [REASON_DML] = {"dml", "changes data"},
    [REASON_LOCKING] = {"locking", "locks rows"},
    [REASON_INTO] = {"into", "creates a table from a query"},
    [REASON_VOLATILE_FUNCTION] = {"volatile-function",
                                  "calls a function that is volatile or depends on the node"},
    [REASON_UNKNOWN_FUNCTION] = {"unknown-function",
                                 "calls a function that the database's catalog does not have"},
    [REASON_OPERATOR] = {"operator", "has an operator whose function is volatile"},
    [REASON_HIDDEN] = {"hidden", "may call a volatile function by a cast or a comparison, as all "
                                 "statements of this database"},
    [REASON_PRIMARY_RELATION] = {"primary-relation",
                                 "names a relation that must be read on the primary"},
    [REASON_NAME] = {"name", "has a name that cannot be compared with the catalog"},
    [REASON_TEMP] = {"temporary", "names the schema of temporary objects"},
    [REASON_COPY] = {"copy", "copies from the client, or to a file or program"},
    [REASON_UTILITY] = {"utility", "is a command that is not known to only read"},
    [REASON_TRANSACTION] = {"transaction", "controls a transaction"},
    [REASON_SESSION] = {"session", "shows or changes the session"},
    [REASON_CURSOR] = {"cursor", "works on a cursor"},
    [REASON_PREPARED] = {"prepared", "works on a statement prepared with SQL"},
    [REASON_SYNTAX] = {"syntax", "is not well-formed enough to be sure"},
    [REASON_LEX_ERROR] = {"lexical-error",
                          "has an unterminated string or comment, or a byte that no SQL has"},
    [REASON_NO_CATALOG] = {"no-catalog", "came before the functions of the database were loaded"},
};

const char *classify_reason_name(enum classify_reason r)
{
    BUG_ON((unsigned)r >= REASON_NR);
    return reasons[r].name;
}

const char *classify_reason_text(enum classify_reason r)
{
    BUG_ON((unsigned)r >= REASON_NR);
    return reasons[r].text;
}
