/* Fixed-size objects with a hard cap. One slab belongs to one thread. Freed objects are poisoned in debug builds.
 * Refuses (NULL) at the cap rather than growing; the caller answers SQLSTATE 53300 or the like. */
#ifndef TANIST_BASE_SLAB_H
#define TANIST_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"

struct slab_page;

struct slab {
    const char *name; /* for SHOW MEM; lent for the slab's life */
    size_t size;      /* of an object, rounded up for alignment */
    size_t max;       /* hard cap on objects */
    size_t used, allocated;
    size_t peak;
    uint64_t refused;        /* slab_get calls that met the cap or no memory */
    uint32_t fail_countdown; /* fault injection: the n-th get from now fails; 0 is off */
    void *free;
    struct slab_page *pages;
};

void slab_init(struct slab *s, const char *name, size_t size, size_t max);
/* All objects must have been put back. Frees the pages. */
void slab_fini(struct slab *s);
/* Zeroed object or NULL. */
void *slab_get(struct slab *s) MUST_CHECK;
void slab_put(struct slab *s, void *obj);

#endif
