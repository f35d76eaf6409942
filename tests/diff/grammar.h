/* Random SQL from rules. A rule's text may name other rules (@name@), the client (@i@), another client (@j@) and
 * numbers (@#1-9@); of the rules of one name one is chosen by weight among those whose feature is switched on. */
#ifndef TANIST_DIFF_GRAMMAR_H
#define TANIST_DIFF_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "prng.h"

/* X(NAME, "name"): what can be left out of a run. */
/* clang-format off */
#define FEATURES(X) \
    X(SET, "set")             \
    X(ROLE, "role")           \
    X(CUSTOM, "custom")       \
    X(TX, "tx")               \
    X(READONLY, "readonly")   \
    X(SAVEPOINT, "savepoint") \
    X(TWOPHASE, "twophase")   \
    X(MULTI, "multi")         \
    X(SQLPREP, "sqlprep")     \
    X(DISCARD, "discard")     \
    X(EXTENDED, "extended")   \
    X(PIPELINE, "pipeline")   \
    X(COPY, "copy")           \
    X(CURSOR, "cursor")       \
    X(HOLD, "hold")           \
    X(TEMP, "temp")           \
    X(ADVISORY, "advisory")   \
    X(LISTEN, "listen")       \
    X(CODE, "code")           \
    X(CALL, "call")           \
    X(SEQ, "seq")             \
    X(LO, "lo")               \
    X(DDL, "ddl")             \
    X(ERROR, "error")         \
    X(CATALOG, "catalog")     \
    X(SEED, "seed")           \
    X(FUNCTION, "function")   \
    X(LOGIN, "login")         \
    X(ABRUPT, "abrupt")       \
    X(OPTIONS, "options")     \
    X(CHECK, "check")
/* clang-format on */

enum feature {
#define X(NAME, name) FEATURE_##NAME,
    FEATURES(X)
#undef X
        FEATURE_NR
};

#define F(NAME) (UINT64_C(1) << FEATURE_##NAME)

struct rule {
    const char *name;
    unsigned weight;
    uint64_t features; /* all must be on */
    unsigned pins, unpins;
    const char *text;
};

extern const struct rule grammar_rules[];

struct expansion {
    struct prng *prng;
    uint64_t features;
    int client, n_clients;
    unsigned pins, unpins; /* of the rules that were used */
    struct buf *out;
};

/* Dies if a rule names one that does not exist, or if those of one name do not stand together. */
void grammar_check(void);
void grammar_expand(struct expansion *x, const char *name);

/* "a,b" into bits; false names the first that is not known in *bad. */
bool grammar_features(const char *list, uint64_t *bits, const char **bad);

#endif
