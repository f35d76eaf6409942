#include "errresp.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bug.h"
#include "encode.h"
#include "msgtype.h"

static_assert(1 + 4 + 2 * sizeof("SWARNING") + sizeof("C00000") + ERRRESP_MESSAGE_MAX +
                      ERRRESP_DETAIL_MAX + ERRRESP_HINT_MAX + 3 * 2 + 1 <=
                  ERRRESP_SIZE_MAX,
              "the largest response fits");

struct errresp_row {
    const char *sqlstate;
    enum errresp_severity severity;
};

static const struct errresp_row errresp_rows[ERRRESP_CODE_NR] = {
    [ERRRESP_NONE] = {"XX000", ERRRESP_SEV_ERROR},
#define X(NAME, sqlstate, severity) [ERRRESP_##NAME] = {sqlstate, ERRRESP_SEV_##severity},
    ERRRESP_CODES(X)
#undef X
};

static const char *const errresp_severities[ERRRESP_SEV_NR] = {
    [ERRRESP_SEV_DEFAULT] = "ERROR",   [ERRRESP_SEV_NOTICE] = "NOTICE",
    [ERRRESP_SEV_WARNING] = "WARNING", [ERRRESP_SEV_ERROR] = "ERROR",
    [ERRRESP_SEV_FATAL] = "FATAL",
};

const char *errresp_sqlstate(enum errresp_code code)
{
    BUG_ON((unsigned)code >= ERRRESP_CODE_NR);
    return errresp_rows[code].sqlstate;
}

enum errresp_code errresp_code_of(const char *sqlstate)
{
    for (unsigned i = 1; i < ERRRESP_CODE_NR; i++)
        if (strcmp(errresp_rows[i].sqlstate, sqlstate) == 0)
            return (enum errresp_code)i;
    return ERRRESP_NONE;
}

/* Length of at most `max` bytes of s that does not end within a UTF-8 character. */
static size_t errresp_cut(const char *s, size_t max)
{
    const size_t n = strnlen(s, max + 1);
    if (n <= max)
        return n;
    size_t cut = max;
    /* s[cut] is the first byte left out; a continuation byte there means that its character began before. */
    while (cut > 0 && max - cut < 4 && ((uint8_t)s[cut] & 0xC0) == 0x80)
        cut--;
    return ((uint8_t)s[cut] & 0xC0) == 0x80 ? max : cut;
}

static void errresp_field(struct writer *w, char code, const char *text, size_t max)
{
    if (!text)
        return;
    write_u8(w, (uint8_t)code);
    write_bytes(w, text, errresp_cut(text, max));
    write_u8(w, 0);
}

void errresp_write(struct writer *w, const struct errresp *e)
{
    BUG_ON((unsigned)e->code >= ERRRESP_CODE_NR);
    BUG_ON((unsigned)e->severity >= ERRRESP_SEV_NR);
    BUG_ON(!e->message);
    const struct errresp_row *row = &errresp_rows[e->code];
    const enum errresp_severity sev = e->severity ? e->severity : row->severity;
    const char *sev_text = errresp_severities[sev];

    const size_t at =
        encode_begin(w, sev >= ERRRESP_SEV_ERROR ? MSG_B_ERROR_RESPONSE : MSG_B_NOTICE_RESPONSE);
    errresp_field(w, 'S', sev_text, 16);
    errresp_field(w, 'V', sev_text, 16);
    errresp_field(w, 'C', row->sqlstate, 5);
    errresp_field(w, 'M', e->message, ERRRESP_MESSAGE_MAX);
    errresp_field(w, 'D', e->detail, ERRRESP_DETAIL_MAX);
    errresp_field(w, 'H', e->hint, ERRRESP_HINT_MAX);
    errresp_field(w, 'R', e->routine, 64);
    write_u8(w, 0);
    encode_end(w, at);
}
