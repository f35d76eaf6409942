#include "step.h"

#include <ctype.h>
#include <string.h>

#include "../../proxy/wire/decode.h"
#include "../../proxy/wire/frame.h"

enum { SHOW_MAX = 2000 };

void step_fini(struct step *s)
{
    buf_free(&s->bytes);
    buf_free(&s->copy);
    *s = (struct step){0};
}

void step_copy(struct step *to, const struct step *from)
{
    *to = *from;
    to->bytes = to->copy = (struct buf){0};
    buf_add(&to->bytes, from->bytes.p, from->bytes.n);
    buf_add(&to->copy, from->copy.p, from->copy.n);
}

void step_print_text(FILE *out, const void *p, size_t n)
{
    const uint8_t *c = p;
    const size_t shown = n < SHOW_MAX ? n : SHOW_MAX;
    for (size_t i = 0; i < shown; i++) {
        if (c[i] >= ' ' && c[i] < 127)
            fputc(c[i], out);
        else
            fprintf(out, c[i] == '\n' ? "\\n" : "\\x%02x", c[i]);
    }
    if (shown < n)
        fprintf(out, "... (%zu bytes)", n);
}

static void print_slice(FILE *out, struct slice s)
{
    fputc('\'', out);
    step_print_text(out, s.p, s.p ? s.n : 0);
    fputc('\'', out);
}

static void print_value(FILE *out, struct slice v)
{
    if (v.p)
        print_slice(out, v);
    else
        fputs("NULL", out);
}

static void print_parse(FILE *out, const uint8_t *body, size_t n)
{
    struct msg_parse m;
    if (decode_parse(body, n, &m) < 0)
        return;
    print_slice(out, m.name);
    fputc(' ', out);
    print_slice(out, m.sql);
    for (unsigned i = 0; i < m.n_types; i++)
        fprintf(out, " %u", be32(m.types + 4 * i));
}

static void print_bind(FILE *out, const uint8_t *body, size_t n)
{
    struct msg_bind m;
    struct msg_bind_rest r;
    struct slice v;
    if (decode_bind(body, n, n, &m) < 0)
        return;
    fputs("portal ", out);
    print_slice(out, m.portal);
    fputs(" statement ", out);
    print_slice(out, m.statement);
    if (decode_bind_rest(body + m.rest_off, m.rest_len, &r) < 0)
        return;
    fputs(" values", out);
    while (decode_value_next(&r.params, &v)) {
        fputc(' ', out);
        print_value(out, v);
    }
    fputs(" formats", out);
    for (unsigned i = 0; i < r.n_formats; i++)
        fprintf(out, " %u", be16(r.formats + 2 * i));
    fputs(" results", out);
    for (unsigned i = 0; i < r.n_result_formats; i++)
        fprintf(out, " %u", be16(r.result_formats + 2 * i));
}

static void print_frontend(FILE *out, uint8_t type, const uint8_t *body, size_t n)
{
    struct msg_target t;
    struct msg_execute e;
    struct slice sql;
    switch (type) {
    case 'Q':
        if (decode_query(body, n, &sql) == 0)
            step_print_text(out, sql.p, sql.n);
        break;
    case 'P':
        print_parse(out, body, n);
        break;
    case 'B':
        print_bind(out, body, n);
        break;
    case 'D':
    case 'C':
        if (decode_describe(body, n, &t) == 0) {
            fprintf(out, "%c ", t.kind);
            print_slice(out, t.name);
        }
        break;
    case 'E':
        if (decode_execute(body, n, &e) == 0) {
            print_slice(out, e.portal);
            fprintf(out, " rows %u", e.max_rows);
        }
        break;
    default:
        step_print_text(out, body, n);
    }
}

static void print_login(FILE *out, const struct step *s)
{
    fprintf(out, "c%d %s, login with", s->client, s->abrupt ? "gone" : "ends");
    for (size_t i = 0; i < s->bytes.n; i += strlen((char *)s->bytes.p + i) + 1)
        fprintf(out, " %s", (char *)s->bytes.p + i);
    fputc('\n', out);
}

void step_print(FILE *out, const struct step *s)
{
    if (s->kind == STEP_LOGIN) {
        print_login(out, s);
        return;
    }
    if (s->kind != STEP_BATCH) {
        fputs(s->kind == STEP_PAUSE ? "replay pauses\n" : "replay goes on\n", out);
        return;
    }
    int wait = 0;
    for (size_t i = 0; i < s->bytes.n;) {
        const uint8_t *m = s->bytes.p + i;
        const uint32_t total = be32(m + 1) + 1;
        fprintf(out, "c%d %-8s ", s->client, msgtype_name(FRAME_FRONTEND, m[0]));
        print_frontend(out, m[0], m + FRAME_HEADER, total - FRAME_HEADER);
        fputc('\n', out);
        i += total;
        if (wait < s->n_waits && s->waits[wait].at == i)
            fprintf(out, "c%d (waits for %u messages)\n", s->client, s->waits[wait++].messages);
    }
    if (s->copy.n) {
        fprintf(out, "c%d (copies)  ", s->client);
        step_print_text(out, s->copy.p, s->copy.n);
        fputc('\n', out);
    }
}

static void print_fields(FILE *out, const uint8_t *body, size_t n)
{
    for (const char *f = "SCMDHPpqWFLRstcdn"; *f; f++) {
        struct slice v;
        if (!decode_error_field(body, n, *f, &v))
            continue;
        fprintf(out, " %c=", *f);
        step_print_text(out, v.p, v.n);
    }
}

static void print_row(FILE *out, const uint8_t *body, size_t n)
{
    struct msg_row row;
    struct slice v;
    if (decode_data_row(body, n, &row) < 0)
        return;
    while (decode_value_next(&row.values, &v)) {
        fputc(' ', out);
        print_value(out, v);
    }
}

void step_print_messages(FILE *out, const struct buf *messages)
{
    for (size_t i = 0; i < messages->n;) {
        const uint8_t *m = messages->p + i, *body = m + FRAME_HEADER;
        const uint32_t total = be32(m + 1) + 1;
        const size_t n = total - FRAME_HEADER;
        fprintf(out, "    %s", msgtype_name(FRAME_BACKEND, m[0]));
        if (m[0] == 'E' || m[0] == 'N') {
            print_fields(out, body, n);
        } else if (m[0] == 'D') {
            print_row(out, body, n);
        } else {
            fputc(' ', out);
            step_print_text(out, body, n);
        }
        fputc('\n', out);
        i += total;
    }
}
