/* Catalogs of databases for the classifier: loaded by the manager over the query service, handed to workers as immutable
 * refcounted objects, refreshed when the database's catalog changed. */
#ifndef TANIST_PROXY_CATALOGS_H
#define TANIST_PROXY_CATALOGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/catalog.h"

struct catalogs;
struct config;
struct proxy;
struct pool_group;
struct worker;

struct catalog_ref {
    _Atomic uint32_t refs;
    struct catalog cat;
    void *mem; /* the catalog's own */
};

void catalog_unref(struct catalog_ref *r); /* NULL is fine */

struct catalogs *catalogs_new(struct proxy *p);
void catalogs_free(struct catalogs *c);
/* Manager's thread, from a timer. */
void catalogs_tick(struct catalogs *c);

/* Manager's thread: the newest catalog of a database, NULL if not loaded (then loading starts). Borrowed. */
const struct catalog *catalogs_peek(struct catalogs *c, int cluster, const char *dbname);

/* Worker's thread: asks for the catalog of the group's database. It is delivered to all workers: group->catalog of every
 * group with that database is replaced. */
void catalogs_want(struct worker *w, int cluster, const char *dbname);
/* The same after a command that may have changed it. */
void catalogs_changed(struct worker *w, int cluster, const char *dbname);

#endif
