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

static void answer_begin(struct writer *w, bool extended)
{
    if (!extended)
        return;
    encode_parse_complete(w);
    encode_bind_complete(w);
}

static uint8_t *answer_end(struct writer *w, size_t *n)
{
    encode_ready(w, 'I');
    BUG_ON(w->bad); /* the size was computed from the same data */
    *n = w->n;
    return w->p;
}

static void answer_rows(struct writer *w, const struct table *t)
{
    const char *names[TABLE_COLS_MAX];
    struct slice values[TABLE_COLS_MAX];
    int cols = table_n_cols(t);
    for (int col = 0; col < cols; col++)
        names[col] = table_column(t, col);
    encode_row_description(w, names, (size_t)cols);
    for (int row = 0; row < table_n_rows(t); row++) {
        for (int col = 0; col < cols; col++) {
            /* slice_of would make an empty text of NULL. */
            const char *text = table_get(t, row, col);
            values[col] = (struct slice){text, text ? strlen(text) : 0};
        }
        encode_data_row(w, values, (size_t)cols);
    }
}

uint8_t *answer_table(const struct table *t, const char *tag, bool extended, size_t *n)
{
    size_t cap = answer_table_size(t);
    uint8_t *bytes = malloc(cap);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, cap);
    answer_begin(&w, extended);
    answer_rows(&w, t);
    if (table_truncated(t))
        errresp_write(&w, &(struct errresp){.code = ERRRESP_WARNING,
                                            .message = "the answer was too long and lacks rows"});
    encode_command_complete(&w, tag);
    return answer_end(&w, n);
}

uint8_t *answer_tag(const char *tag, bool extended, size_t *n)
{
    uint8_t *bytes = malloc(FIXED_MAX + TAG_MAX);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, FIXED_MAX + TAG_MAX);
    answer_begin(&w, extended);
    if (extended)
        encode_no_data(&w);
    encode_command_complete(&w, tag);
    return answer_end(&w, n);
}

uint8_t *answer_empty(bool extended, size_t *n)
{
    uint8_t *bytes = malloc(FIXED_MAX);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, FIXED_MAX);
    answer_begin(&w, extended);
    if (extended)
        encode_no_data(&w);
    encode_empty_query(&w);
    return answer_end(&w, n);
}

uint8_t *answer_error(const struct errresp *err, size_t *n)
{
    uint8_t *bytes = malloc(FIXED_MAX + ERRRESP_SIZE_MAX);
    if (!bytes)
        return NULL;
    struct writer w = writer_of(bytes, FIXED_MAX + ERRRESP_SIZE_MAX);
    errresp_write(&w, err);
    return answer_end(&w, n);
}
