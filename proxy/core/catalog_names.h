/* What is known of PostgreSQL's own names without asking a server, and the query that asks for the rest. Pure; private to
 * catalog.c, but for the query. */
#ifndef TANIST_CORE_CATALOG_NAMES_H
#define TANIST_CORE_CATALOG_NAMES_H

#include "catalog.h"

/* Adds the names that are built in to a catalog that is being made. */
int catalog_names_add(struct catalog *c) MUST_CHECK;
size_t catalog_names_count(void);

/* Bits of a name because of how it begins; 0 for nearly all. */
unsigned catalog_names_prefix(struct slice name);

/* Of the functions that are not safe on a replica: would it answer there without an error, but otherwise? */
bool catalog_names_nodal(struct slice name);

/* Whether catalog_names_prefix could say anything but 0. */
static inline bool catalog_names_may_prefix(struct slice name)
{
    const char *p = name.p;
    return name.n > 2 && ((p[0] == 'p' && p[1] == 'g' && p[2] == '_') ||
                          (p[0] == 'l' && p[1] == 'o' && p[2] == '_') ||
                          (p[0] == 'd' && p[1] == 'b' && p[2] == 'l'));
}

#endif
