/* Typed readers for the bodies of messages that we look into. Pure; all results are borrowed from the body.
 *
 * body and n are what follows type and length (frame.h). Every reader returns 0, or ERR_PROTO unless the message is
 * well formed and ends exactly at the body's end. A slice read from a string of the protocol is always followed by a
 * NUL byte (s.p[s.n] == 0), so s.p is a C string. */
#ifndef TANIST_WIRE_DECODE_H
#define TANIST_WIRE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bytes.h"
#include "../../replication/base/str.h"

/* ---- from clients ---- */

struct msg_parse {
    struct slice name, sql;
    uint16_t n_types;
    const uint8_t *types; /* n_types big-endian OIDs */
};

/* A Bind can be a gigabyte; only its head need have arrived. rest_off counts from the body's start. */
struct msg_bind {
    struct slice portal, statement;
    uint32_t rest_off; /* of formats, parameters and result formats: to be forwarded as they are */
    uint32_t rest_len;
};

/* What follows the names in Bind. Parameters are read with decode_value_next. */
struct msg_bind_rest {
    uint16_t n_formats;
    const uint8_t *formats; /* n_formats big-endian int16: 0 text, 1 binary */
    uint16_t n_params;
    struct reader params;
    uint16_t n_result_formats;
    const uint8_t *result_formats;
};

/* Describe and Close. */
struct msg_target {
    uint8_t kind; /* 'S' statement or 'P' portal */
    struct slice name;
};

struct msg_execute {
    struct slice portal;
    uint32_t max_rows; /* 0: no limit */
};

struct msg_sasl_initial {
    struct slice mechanism;
    bool has_data;
    struct slice data; /* not NUL-terminated */
};

struct msg_function_call {
    uint32_t function_oid;
    uint32_t rest_off;
};

MUST_CHECK int decode_query(const uint8_t *body, size_t n, struct slice *sql);
MUST_CHECK int decode_parse(const uint8_t *body, size_t n, struct msg_parse *out);

/* have <= body_len bytes have arrived. ERR_AGAIN when the names are not complete yet. */
MUST_CHECK int decode_bind(const uint8_t *body, size_t have, size_t body_len, struct msg_bind *out);
MUST_CHECK int decode_bind_rest(const uint8_t *rest, size_t n, struct msg_bind_rest *out);

MUST_CHECK int decode_describe(const uint8_t *body, size_t n, struct msg_target *out);
MUST_CHECK int decode_close(const uint8_t *body, size_t n, struct msg_target *out);
MUST_CHECK int decode_execute(const uint8_t *body, size_t n, struct msg_execute *out);
MUST_CHECK int decode_copy_fail(const uint8_t *body, size_t n, struct slice *reason);
MUST_CHECK int decode_password(const uint8_t *body, size_t n, struct slice *password);
MUST_CHECK int decode_sasl_initial(const uint8_t *body, size_t n, struct msg_sasl_initial *out);
MUST_CHECK int decode_sasl_response(const uint8_t *body, size_t n, struct slice *data);

/* Head only; the whole body must be there. */
MUST_CHECK int decode_function_call(const uint8_t *body, size_t n, struct msg_function_call *out);

/* ---- from servers ---- */

enum auth_code {
    AUTH_OK = 0,
    AUTH_KERBEROS5 = 2,
    AUTH_CLEARTEXT = 3,
    AUTH_MD5 = 5,
    AUTH_GSS = 7,
    AUTH_GSS_CONTINUE = 8,
    AUTH_SSPI = 9,
    AUTH_SASL = 10,
    AUTH_SASL_CONTINUE = 11,
    AUTH_SASL_FINAL = 12
};

/* The rest of each known code is checked: nothing for Ok and Cleartext, four bytes of salt for MD5, a list of
 * mechanisms for SASL. Codes we do not know are left to the caller. */
struct msg_auth {
    uint32_t code; /* enum auth_code, or a value unknown to us */
    struct slice rest;
};

struct msg_key_data {
    uint32_t pid;
    const uint8_t *key; /* 4 bytes in 3.0, up to 256 in 3.2 */
    uint32_t key_len;
};

struct msg_parameter {
    struct slice name, value;
};

/* ErrorResponse and NoticeResponse; missing fields are empty slices with p == NULL. */
struct msg_error {
    struct slice severity; /* the untranslated one (V) if given, else S */
    struct slice sqlstate;
    struct slice message;
    struct slice detail;
    struct slice hint;
    struct slice routine; /* never translated, unlike the message */
};

struct msg_notification {
    uint32_t pid;
    struct slice channel, payload;
};

/* CopyInResponse, CopyOutResponse and CopyBothResponse. */
struct msg_copy {
    uint8_t format; /* 0 text, 1 binary */
    uint16_t n_columns;
    const uint8_t *formats; /* n_columns big-endian int16 */
};

struct msg_row {
    uint16_t n_columns;
    struct reader values; /* for decode_value_next */
};

MUST_CHECK int decode_auth(const uint8_t *body, size_t n, struct msg_auth *out);
/* Whether AUTH_SASL offers the mechanism. */
bool decode_auth_offers(const struct msg_auth *auth, const char *mechanism);
MUST_CHECK int decode_key_data(const uint8_t *body, size_t n, struct msg_key_data *out);
MUST_CHECK int decode_parameter_status(const uint8_t *body, size_t n, struct msg_parameter *out);
/* *status is 'I' idle, 'T' in a transaction or 'E' in a failed one. */
MUST_CHECK int decode_ready(const uint8_t *body, size_t n, uint8_t *status);
MUST_CHECK int decode_error(const uint8_t *body, size_t n, struct msg_error *out);
/* Any single field of ErrorResponse by its code ('C', 'P', 'W', ...); false if absent or malformed. */
bool decode_error_field(const uint8_t *body, size_t n, char code, struct slice *out);
MUST_CHECK int decode_command_complete(const uint8_t *body, size_t n, struct slice *tag);
MUST_CHECK int decode_notification(const uint8_t *body, size_t n, struct msg_notification *out);
MUST_CHECK int decode_copy_response(const uint8_t *body, size_t n, struct msg_copy *out);
MUST_CHECK int decode_data_row(const uint8_t *body, size_t n, struct msg_row *out);

/* Next value of a DataRow or of Bind's parameters. NULL gives p == NULL. The readers above have checked all lengths,
 * so this returns false only at the end. Values are not NUL-terminated. */
bool decode_value_next(struct reader *values, struct slice *out);

#endif
