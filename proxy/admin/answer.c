#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/table.h"
#include "../wire/encode.h"

/* Upper bounds of what is not rows: message heads, the tag, ReadyForQuery. */
enum { FIXED_MAX = 128, TAG_MAX = 64 };

static size_t answer_row_size(const struct table *t, int row)
{
    size_t n = 1 + 4 + 2;
    for (int col = 0; col < table_n_cols(t); col++) {
        const char *text = table_get(t, row, col);
        n += 4 + (text ? strlen(text) : 0);
    }
    return n;
}

static size_t answer_table_size(const struct table *t)
{
    size_t n = FIXED_MAX + TAG_MAX + ERRRESP_SIZE_MAX + 7;
    for (int col = 0; col < table_n_cols(t); col++)
        n += strlen(table_column(t, col)) + 1 + 18;
    for (int row = 0; row < table_n_rows(t); row++)
        n += answer_row_size(t, row);
    return n;
}

static uint8_t *answer_end(struct writer *w, enum answer_form form, size_t *n)
{
    if (form == ANSWER_SIMPLE)
        encode_ready(w, 'I');
    BUG_ON(w->bad); /* the size was computed from the same data */
    *n = w->n;
    return w->p;
}

static void answer_columns(struct writer *w, const struct table *t)
{
    const char *names[TABLE_COLS_MAX];
    for (int col = 0; col < table_n_cols(t); col++)
        names[col] = table_column(t, col);
    encode_row_description(w, names, (size_t)table_n_cols(t));
}

static void answer_rows(struct writer *w, const struct table *t)
{
    struct slice values[TABLE_COLS_MAX];
    int cols = table_n_cols(t);
    for (int row = 0; row < table_n_rows(t); row++) {
        for (int col = 0; col < cols; col++) {
            /* slice_of would make an empty text of NULL. */
            const char *text = table_get(t, row, col);
            values[col] = (struct slice){text, text ? strlen(text) : 0};
        }
        encode_data_row(w, values, (size_t)cols);
    }
    if (table_truncated(t))
        errresp_write(w, &(struct errresp){.code = ERRRESP_WARNING,
                                           .message = "the answer was too long and lacks rows"});
}

uint8_t *answer_table(const struct table *t, const char *tag, enum answer_form form, size_t *n)
{
    size_t cap = answer_table_size(t);
    uint8_t *bytes = malloc(cap);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, cap);
    if (form != ANSWER_EXECUTE)
        answer_columns(&w, t);
    if (form != ANSWER_DESCRIBE) {
        answer_rows(&w, t);
        encode_command_complete(&w, tag);
    }
    return answer_end(&w, form, n);
}

uint8_t *answer_report(const struct table *t, const char *tag, enum answer_form form, size_t *n)
{
    if (form != ANSWER_EXECUTE)
        return answer_table(t, tag, form, n);
    size_t cap = FIXED_MAX + TAG_MAX + (size_t)table_n_rows(t) * ERRRESP_SIZE_MAX;
    uint8_t *bytes = malloc(cap);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, cap);
    for (int row = 0; row < table_n_rows(t); row++)
        errresp_write(&w,
                      &(struct errresp){.code = ERRRESP_SUCCESS, .message = table_get(t, row, 0)});
    encode_command_complete(&w, tag);
    return answer_end(&w, form, n);
}

uint8_t *answer_tag(const char *tag, enum answer_form form, size_t *n)
{
    uint8_t *bytes = malloc(FIXED_MAX + TAG_MAX);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, FIXED_MAX + TAG_MAX);
    if (form == ANSWER_DESCRIBE)
        encode_no_data(&w);
    else
        encode_command_complete(&w, tag);
    return answer_end(&w, form, n);
}

uint8_t *answer_empty(enum answer_form form, size_t *n)
{
    uint8_t *bytes = malloc(FIXED_MAX);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, FIXED_MAX);
    if (form == ANSWER_DESCRIBE)
        encode_no_data(&w);
    else
        encode_empty_query(&w);
    return answer_end(&w, form, n);
}

uint8_t *answer_error(const struct errresp *err, enum answer_form form, size_t *n)
{
    uint8_t *bytes = malloc(FIXED_MAX + ERRRESP_SIZE_MAX);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, FIXED_MAX + ERRRESP_SIZE_MAX);
    errresp_write(&w, err);
    return answer_end(&w, form, n);
}
