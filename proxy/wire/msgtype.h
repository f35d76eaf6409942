/* Every message type of protocol 3.0 and 3.2: byte, name, size class, least body. Pure, constant data.
 *
 * The tables are the only place that knows these facts; frame.h judges headers with them. Bodies are counted without
 * the four bytes of length. See PostgreSQL documentation, chapter "Frontend/Backend Protocol", "Message Formats". */
#ifndef TANIST_WIRE_MSGTYPE_H
#define TANIST_WIRE_MSGTYPE_H

#include <stddef.h>
#include <stdint.h>

/* Bounds of a body. A wrong length of a short type means that we lost the beginning of messages, so the bound is what
 * keeps a broken peer from making us skip a gigabyte. The long bound is above PostgreSQL's own (MaxAllocSize). */
#define MSGTYPE_SHORT_MAX UINT32_C(30000)
#define MSGTYPE_LONG_MAX  (UINT32_C(1) << 30)

/* From clients. X(NAME, byte, "name", SHORT or LONG, least body) */
#define MSGTYPE_FRONTEND(X)                                                        \
    X(BIND, 'B', "Bind", LONG, 8)                                                  \
    X(CLOSE, 'C', "Close", SHORT, 2)                                               \
    X(COPY_DATA, 'd', "CopyData", LONG, 0)                                         \
    X(COPY_DONE, 'c', "CopyDone", SHORT, 0)                                        \
    X(COPY_FAIL, 'f', "CopyFail", SHORT, 1)                                        \
    X(DESCRIBE, 'D', "Describe", SHORT, 2)                                         \
    X(EXECUTE, 'E', "Execute", SHORT, 5)                                           \
    X(FLUSH, 'H', "Flush", SHORT, 0)                                               \
    X(FUNCTION_CALL, 'F', "FunctionCall", LONG, 10)                                \
    X(PARSE, 'P', "Parse", LONG, 4)                                                \
    X(PASSWORD, 'p', "PasswordMessage", SHORT, 0) /* and SASL and GSS responses */ \
    X(QUERY, 'Q', "Query", LONG, 1)                                                \
    X(SYNC, 'S', "Sync", SHORT, 0)                                                 \
    X(TERMINATE, 'X', "Terminate", SHORT, 0)

/* From servers. ParameterDescription is long: 65535 parameters are 256 kB. */
#define MSGTYPE_BACKEND(X)                                                   \
    X(AUTHENTICATION, 'R', "Authentication", SHORT, 4)                       \
    X(BACKEND_KEY_DATA, 'K', "BackendKeyData", SHORT, 8)                     \
    X(BIND_COMPLETE, '2', "BindComplete", SHORT, 0)                          \
    X(CLOSE_COMPLETE, '3', "CloseComplete", SHORT, 0)                        \
    X(COMMAND_COMPLETE, 'C', "CommandComplete", SHORT, 1)                    \
    X(COPY_BOTH_RESPONSE, 'W', "CopyBothResponse", SHORT, 3)                 \
    X(COPY_DATA, 'd', "CopyData", LONG, 0)                                   \
    X(COPY_DONE, 'c', "CopyDone", SHORT, 0)                                  \
    X(COPY_IN_RESPONSE, 'G', "CopyInResponse", SHORT, 3)                     \
    X(COPY_OUT_RESPONSE, 'H', "CopyOutResponse", SHORT, 3)                   \
    X(DATA_ROW, 'D', "DataRow", LONG, 2)                                     \
    X(EMPTY_QUERY_RESPONSE, 'I', "EmptyQueryResponse", SHORT, 0)             \
    X(ERROR_RESPONSE, 'E', "ErrorResponse", LONG, 1)                         \
    X(FUNCTION_CALL_RESPONSE, 'V', "FunctionCallResponse", LONG, 4)          \
    X(NEGOTIATE_PROTOCOL_VERSION, 'v', "NegotiateProtocolVersion", SHORT, 8) \
    X(NO_DATA, 'n', "NoData", SHORT, 0)                                      \
    X(NOTICE_RESPONSE, 'N', "NoticeResponse", LONG, 1)                       \
    X(NOTIFICATION_RESPONSE, 'A', "NotificationResponse", LONG, 6)           \
    X(PARAMETER_DESCRIPTION, 't', "ParameterDescription", LONG, 2)           \
    X(PARAMETER_STATUS, 'S', "ParameterStatus", SHORT, 2)                    \
    X(PARSE_COMPLETE, '1', "ParseComplete", SHORT, 0)                        \
    X(PORTAL_SUSPENDED, 's', "PortalSuspended", SHORT, 0)                    \
    X(READY_FOR_QUERY, 'Z', "ReadyForQuery", SHORT, 1)                       \
    X(ROW_DESCRIPTION, 'T', "RowDescription", LONG, 2)

/* MSG_F_QUERY == 'Q', MSG_B_DATA_ROW == 'D', ... */
enum msgtype_frontend {
    MSG_F_NONE = 0,
#define X(NAME, byte, name, size, least) MSG_F_##NAME = (byte),
    MSGTYPE_FRONTEND(X)
#undef X
};

enum msgtype_backend {
    MSG_B_NONE = 0,
#define X(NAME, byte, name, size, least) MSG_B_##NAME = (byte),
    MSGTYPE_BACKEND(X)
#undef X
};

/* Who sent the bytes. */
enum frame_dir {
    FRAME_FRONTEND = 0, /* a client */
    FRAME_BACKEND = 1,  /* a server */
    FRAME_DIR_NR
};

struct msgtype {
    const char *name; /* NULL: no such type */
    uint32_t body_min;
    uint32_t body_max; /* an unknown type has body_min > body_max, so that every length is wrong */
};

extern const struct msgtype msgtype_table[FRAME_DIR_NR][256];

/* The name for logs and errors; "unknown" when there is no such type. */
static inline const char *msgtype_name(enum frame_dir dir, uint8_t type)
{
    const char *name = msgtype_table[dir][type].name;
    return name ? name : "unknown";
}

#endif
