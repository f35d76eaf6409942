/* The one place where errors and notices for clients are built: severity, SQLSTATE, message, detail, hint. Pure. */
#ifndef TANIST_WIRE_ERRRESP_H
#define TANIST_WIRE_ERRRESP_H

#include <stddef.h>

#include "../../replication/base/bytes.h"

/* Every SQLSTATE that we raise ourselves. X(NAME, sqlstate, usual severity) */
#define ERRRESP_CODES(X)                                                              \
    X(SUCCESS, "00000", NOTICE)                                                       \
    X(WARNING, "01000", WARNING)                                                      \
    X(CANNOT_CONNECT, "08001", FATAL) /* no server connection could be made */        \
    X(CONNECTION_REJECTED, "08004", FATAL)                                            \
    X(CONNECTION_FAILURE, "08006", FATAL) /* the server connection broke */           \
    X(RESOLUTION_UNKNOWN, "08007", ERROR) /* nobody can prove how a commit ended */   \
    X(PROTOCOL_VIOLATION, "08P01", FATAL)                                             \
    X(FEATURE_NOT_SUPPORTED, "0A000", ERROR)                                          \
    X(INVALID_PARAMETER_VALUE, "22023", ERROR)                                        \
    X(ACTIVE_TRANSACTION, "25001", ERROR)                                             \
    X(READ_ONLY_TRANSACTION, "25006", ERROR)                                          \
    X(NO_ACTIVE_TRANSACTION, "25P01", WARNING)                                        \
    X(IN_FAILED_TRANSACTION, "25P02", ERROR)                                          \
    X(IDLE_IN_TRANSACTION_TIMEOUT, "25P03", FATAL)                                    \
    X(TRANSACTION_TIMEOUT, "25P04", FATAL)                                            \
    X(INVALID_STATEMENT_NAME, "26000", ERROR)                                         \
    X(INVALID_AUTHORIZATION, "28000", FATAL)                                          \
    X(INVALID_PASSWORD, "28P01", FATAL)                                               \
    X(INVALID_CURSOR_NAME, "34000", ERROR)                                            \
    X(INVALID_CATALOG_NAME, "3D000", FATAL)  /* no such database */                   \
    X(SERIALIZATION_FAILURE, "40001", ERROR) /* certainly not committed: try again */ \
    X(SYNTAX_ERROR, "42601", ERROR)                                                   \
    X(INSUFFICIENT_PRIVILEGE, "42501", ERROR)                                         \
    X(UNDEFINED_OBJECT, "42704", ERROR)                                               \
    X(DUPLICATE_STATEMENT, "42P05", ERROR)                                            \
    X(OUT_OF_MEMORY, "53200", FATAL)                                                  \
    X(TOO_MANY_CONNECTIONS, "53300", FATAL)                                           \
    X(CONFIGURATION_LIMIT, "53400", ERROR)                                            \
    X(PROGRAM_LIMIT, "54000", ERROR)                                                  \
    X(NOT_IN_PREREQUISITE_STATE, "55000", ERROR)                                      \
    X(QUERY_CANCELED, "57014", ERROR)                                                 \
    X(ADMIN_SHUTDOWN, "57P01", FATAL)                                                 \
    X(CANNOT_CONNECT_NOW, "57P03", FATAL)                                             \
    X(IDLE_SESSION_TIMEOUT, "57P05", FATAL)                                           \
    X(IO_ERROR, "58030", ERROR)                                                       \
    X(CONFIG_FILE_ERROR, "F0000", ERROR)                                              \
    X(INTERNAL_ERROR, "XX000", ERROR)

enum errresp_code {
    ERRRESP_NONE = 0,
#define X(NAME, sqlstate, severity) ERRRESP_##NAME,
    ERRRESP_CODES(X)
#undef X
        ERRRESP_CODE_NR
};

/* FATAL tells the client that the connection ends; the caller must then end it. */
enum errresp_severity {
    ERRRESP_SEV_DEFAULT = 0, /* the usual one of the code */
    ERRRESP_SEV_NOTICE,
    ERRRESP_SEV_WARNING,
    ERRRESP_SEV_ERROR,
    ERRRESP_SEV_FATAL,
    ERRRESP_SEV_NR
};

/* Each text is cut (at a character boundary) to its bound: with ERRRESP_SIZE_MAX bytes of room a write cannot fail. */
enum {
    ERRRESP_MESSAGE_MAX = 768,
    ERRRESP_DETAIL_MAX = 512,
    ERRRESP_HINT_MAX = 512,
    ERRRESP_SIZE_MAX = 2048
};

struct errresp {
    enum errresp_code code;
    enum errresp_severity severity;
    const char *message; /* a sentence without a full stop, as PostgreSQL writes them */
    const char *detail;  /* or NULL */
    const char *hint;    /* or NULL: what the user can do */
    const char *
        routine; /* or NULL: PostgreSQL's own function, where drivers look at that (cached plans) */
};

const char *errresp_sqlstate(enum errresp_code code);

/* The SQLSTATE back to our code, ERRRESP_NONE if it is not one of ours. */
enum errresp_code errresp_code_of(const char *sqlstate);

/* Writes ErrorResponse, or NoticeResponse for severities below ERROR. */
void errresp_write(struct writer *w, const struct errresp *e);

#endif
