/* What the conf_*.c files share with each other and with nobody else. */
#ifndef TANIST_BASE_CONF_PRIVATE_H
#define TANIST_BASE_CONF_PRIVATE_H

#include "conf.h"

/* Where the setting lives in its instance. */
static inline void *conf_field(const struct conf_setting *s, void *instance)
{
    return (char *)instance + s->offset;
}

static inline const void *conf_field_const(const struct conf_setting *s, const void *instance)
{
    return (const char *)instance + s->offset;
}

/* As conf_set_value and conf_value_text, on the field itself; text is not masked. */
int conf_field_parse(const struct conf_setting *s, void *field, const char *text, struct err *e)
    MUST_CHECK;
void conf_field_text(const struct conf_setting *s, const void *field, char *out, size_t cap);
bool conf_field_equal(const struct conf_setting *s, const void *a, const void *b);

/* Sets the field to the row's default. A default that does not parse is a bug in the table. */
void conf_field_default(const struct conf_setting *s, void *field);

/* The nearest of n names (by name_at) for "did you mean", or NULL if none is near. */
const char *conf_nearest(const char *word, const char *(*name_at)(const void *arg, int i),
                         const void *arg, int n);

#endif
