/* What must survive a restart, on disk: one small file for each cluster in state_dir, written whole (temporary file,
 * fsync, rename, fsync of the directory) before the step that it announces is taken. Encoding and decoding are pure.
 *
 * Manager thread. A store blocks the loop for the fsyncs, deliberately: nothing may be published before. */
#ifndef TANIST_JOURNAL_H
#define TANIST_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/decide.h"

enum { JOURNAL_TEXT_MAX = 16384 };

struct journal_record {
    char cluster[TOPO_NAME_MAX];
    struct decide_memory memory;
    uint64_t version_reserved; /* versions below this may have been published */
    bool maintenance;
    int n_drained;
    char drained[TOPO_NODES_MAX][TOPO_NAME_MAX];
};

/* Returns the length, or ERR_LIMIT. */
int journal_encode(const struct journal_record *r, char *out, size_t cap, struct err *e) MUST_CHECK;
/* ERR_PROTO when the text is not a whole, unchanged record. */
int journal_decode(const char *text, size_t n, struct journal_record *out, struct err *e)
    MUST_CHECK;

/* ERR_NOTFOUND when there is none. */
int journal_load(const char *dir, const char *cluster, struct journal_record *out, struct err *e)
    MUST_CHECK;
int journal_store(const char *dir, const struct journal_record *r, struct err *e) MUST_CHECK;

#endif
