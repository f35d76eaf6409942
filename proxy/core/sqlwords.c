#include "sqlwords.h"

#include <string.h>

#include "../../replication/base/attrs.h"

struct row {
    char text[18];
    uint8_t n, id, flags;
};

#define ROW(word, id, flags)              \
    {                                     \
        word, sizeof(word) - 1, id, flags \
    }
#define R (WORD_RESERVED | WORD_HARD)
#define H WORD_HARD
#define S WORD_SOFT
#define U WORD_UTILITY

/* By first letter; within a letter the frequent ones come first. */
static const struct row words_a[] = {
    ROW("and", WORD_AND, R),
    ROW("as", WORD_AS, R),
    ROW("abort", WORD_ABORT, 0),
    ROW("all", WORD_ALL, R),
    ROW("alter", WORD_OTHER, U),
    ROW("analyse", WORD_ANALYZE, R | U),
    ROW("analyze", WORD_ANALYZE, R | U),
    ROW("any", WORD_OTHER, R),
    ROW("array", WORD_OTHER, R),
    ROW("asc", WORD_OTHER, R),
    ROW("asymmetric", WORD_OTHER, R),
    ROW("atomic", WORD_ATOMIC, 0),
    ROW("authorization", WORD_AUTHORIZATION, 0),
};
static const struct row words_b[] = {
    ROW("by", WORD_BY, S),         ROW("begin", WORD_BEGIN, 0),   ROW("between", WORD_OTHER, H),
    ROW("bigint", WORD_OTHER, H),  ROW("binary", WORD_BINARY, 0), ROW("bit", WORD_BIT, H),
    ROW("boolean", WORD_OTHER, H), ROW("both", WORD_OTHER, R),
};
static const struct row words_c[] = {
    ROW("call", WORD_OTHER, U),
    ROW("case", WORD_CASE, R),
    ROW("cast", WORD_OTHER, R),
    ROW("chain", WORD_CHAIN, 0),
    ROW("char", WORD_CHAR, H),
    ROW("character", WORD_CHARACTER, H),
    ROW("characteristics", WORD_CHARACTERISTICS, 0),
    ROW("check", WORD_OTHER, R),
    ROW("checkpoint", WORD_OTHER, U),
    ROW("close", WORD_CLOSE, 0),
    ROW("cluster", WORD_OTHER, U),
    ROW("coalesce", WORD_OTHER, H),
    ROW("collate", WORD_OTHER, R),
    ROW("collation", WORD_COLLATION, 0),
    ROW("column", WORD_OTHER, R),
    ROW("comment", WORD_OTHER, U),
    ROW("commit", WORD_COMMIT, 0),
    ROW("committed", WORD_COMMITTED, 0),
    ROW("constraint", WORD_OTHER, R),
    ROW("constraints", WORD_CONSTRAINTS, 0),
    ROW("copy", WORD_COPY, 0),
    ROW("create", WORD_CREATE, R | U),
    ROW("cube", WORD_CUBE, S),
    ROW("current_catalog", WORD_OTHER, R),
    ROW("current_date", WORD_OTHER, R),
    ROW("current_role", WORD_OTHER, R),
    ROW("current_time", WORD_OTHER, R),
    ROW("current_timestamp", WORD_OTHER, R),
    ROW("current_user", WORD_OTHER, R),
};
static const struct row words_d[] = {
    ROW("delete", WORD_DELETE, 0),
    ROW("deallocate", WORD_DEALLOCATE, 0),
    ROW("dec", WORD_OTHER, H),
    ROW("decimal", WORD_OTHER, H),
    ROW("declare", WORD_DECLARE, 0),
    ROW("default", WORD_OTHER, R),
    ROW("deferrable", WORD_DEFERRABLE, R),
    ROW("desc", WORD_OTHER, R),
    ROW("discard", WORD_DISCARD, 0),
    ROW("distinct", WORD_DISTINCT, R),
    ROW("do", WORD_DO, R | U),
    ROW("drop", WORD_OTHER, U),
};
static const struct row words_e[] = {
    ROW("else", WORD_OTHER, R),      ROW("end", WORD_END, R),         ROW("escape", WORD_ESCAPE, S),
    ROW("except", WORD_OTHER, R),    ROW("execute", WORD_EXECUTE, 0), ROW("exists", WORD_OTHER, H),
    ROW("explain", WORD_EXPLAIN, 0), ROW("extract", WORD_OTHER, H),
};
static const struct row words_f[] = {
    ROW("from", WORD_FROM, R),     ROW("false", WORD_OTHER, R),   ROW("fetch", WORD_FETCH, R),
    ROW("filter", WORD_FILTER, S), ROW("first", WORD_FIRST, S),   ROW("float", WORD_OTHER, H),
    ROW("for", WORD_FOR, R),       ROW("foreign", WORD_OTHER, R),
};
static const struct row words_g[] = {
    ROW("group", WORD_GROUP, R),       ROW("global", WORD_GLOBAL, 0),
    ROW("grant", WORD_OTHER, R | U),   ROW("greatest", WORD_OTHER, H),
    ROW("grouping", WORD_GROUPING, H),
};
static const struct row words_h[] = {
    ROW("having", WORD_OTHER, R),
    ROW("hold", WORD_HOLD, 0),
};
static const struct row words_i[] = {
    ROW("insert", WORD_INSERT, 0),  ROW("into", WORD_INTO, R),
    ROW("in", WORD_IN, R),          ROW("ilike", WORD_ILIKE, S),
    ROW("import", WORD_OTHER, U),   ROW("initially", WORD_OTHER, R),
    ROW("inout", WORD_OTHER, H),    ROW("int", WORD_OTHER, H),
    ROW("integer", WORD_OTHER, H),  ROW("intersect", WORD_OTHER, R),
    ROW("interval", WORD_OTHER, H), ROW("isolation", WORD_ISOLATION, 0),
};
static const struct row words_j[] = {
    ROW("join", WORD_JOIN, S),
};
static const struct row words_k[] = {
    ROW("key", WORD_KEY, 0),
};
static const struct row words_l[] = {
    ROW("limit", WORD_OTHER, R),          ROW("lateral", WORD_LATERAL, R),
    ROW("leading", WORD_OTHER, R),        ROW("least", WORD_OTHER, H),
    ROW("level", WORD_LEVEL, 0),          ROW("like", WORD_LIKE, S),
    ROW("listen", WORD_LISTEN, 0),        ROW("load", WORD_LOAD, 0),
    ROW("local", WORD_LOCAL, 0),          ROW("localtime", WORD_OTHER, R),
    ROW("localtimestamp", WORD_OTHER, R), ROW("lock", WORD_OTHER, U),
};
static const struct row words_m[] = {
    ROW("materialized", WORD_MATERIALIZED, S),
    ROW("merge", WORD_MERGE, 0),
    ROW("move", WORD_MOVE, 0),
};
static const struct row words_n[] = {
    ROW("not", WORD_NOT, R),       ROW("null", WORD_OTHER, R),   ROW("national", WORD_OTHER, H),
    ROW("nchar", WORD_NCHAR, H),   ROW("next", WORD_NEXT, S),    ROW("no", WORD_NO, 0),
    ROW("none", WORD_OTHER, H),    ROW("notify", WORD_OTHER, U), ROW("nullif", WORD_OTHER, H),
    ROW("numeric", WORD_OTHER, H),
};
static const struct row words_o[] = {
    ROW("on", WORD_ON, R),
    ROW("order", WORD_ORDER, R),
    ROW("or", WORD_OTHER, R),
    ROW("offset", WORD_OTHER, R),
    ROW("only", WORD_ONLY, R),
    ROW("operator", WORD_OPERATOR, S),
    ROW("ordinality", WORD_ORDINALITY, 0),
    ROW("out", WORD_OTHER, H),
    ROW("over", WORD_OVER, S),
    ROW("overlaps", WORD_OVERLAPS, S),
    ROW("overlay", WORD_OVERLAY, 0),
};
static const struct row words_p[] = {
    ROW("partition", WORD_PARTITION, S), ROW("passing", WORD_PASSING, S),
    ROW("placing", WORD_OTHER, R),       ROW("plans", WORD_PLANS, 0),
    ROW("position", WORD_OTHER, H),      ROW("precision", WORD_OTHER, H),
    ROW("prepare", WORD_PREPARE, 0),     ROW("prepared", WORD_PREPARED, 0),
    ROW("primary", WORD_OTHER, R),
};
static const struct row words_r[] = {
    ROW("read", WORD_READ, 0),         ROW("real", WORD_OTHER, H),
    ROW("reassign", WORD_OTHER, U),    ROW("recursive", WORD_RECURSIVE, 0),
    ROW("references", WORD_OTHER, R),  ROW("refresh", WORD_REFRESH, U),
    ROW("reindex", WORD_OTHER, U),     ROW("release", WORD_RELEASE, 0),
    ROW("repack", WORD_OTHER, U),      ROW("repeatable", WORD_REPEATABLE, S),
    ROW("replace", WORD_REPLACE, 0),   ROW("reset", WORD_RESET, 0),
    ROW("returning", WORD_OTHER, R),   ROW("revoke", WORD_OTHER, U),
    ROW("rollback", WORD_ROLLBACK, 0), ROW("rollup", WORD_ROLLUP, S),
    ROW("row", WORD_OTHER, H),
};
static const struct row words_s[] = {
    ROW("select", WORD_SELECT, R),       ROW("set", WORD_SET, 0),
    ROW("savepoint", WORD_SAVEPOINT, 0), ROW("security", WORD_OTHER, U),
    ROW("sequences", WORD_SEQUENCES, 0), ROW("serializable", WORD_SERIALIZABLE, 0),
    ROW("session", WORD_SESSION, 0),     ROW("session_user", WORD_OTHER, R),
    ROW("setof", WORD_OTHER, H),         ROW("sets", WORD_SETS, S),
    ROW("share", WORD_SHARE, 0),         ROW("show", WORD_SHOW, 0),
    ROW("smallint", WORD_OTHER, H),      ROW("some", WORD_OTHER, R),
    ROW("start", WORD_START, 0),         ROW("stdout", WORD_STDOUT, 0),
    ROW("substring", WORD_SUBSTRING, 0), ROW("symmetric", WORD_OTHER, R),
};
static const struct row words_t[] = {
    ROW("table", WORD_TABLE, R),     ROW("tablesample", WORD_TABLESAMPLE, 0),
    ROW("temp", WORD_TEMP, 0),       ROW("temporary", WORD_TEMPORARY, 0),
    ROW("then", WORD_OTHER, R),      ROW("time", WORD_TIME, H),
    ROW("timestamp", WORD_OTHER, H), ROW("to", WORD_TO, R),
    ROW("trailing", WORD_OTHER, R),  ROW("transaction", WORD_TRANSACTION, 0),
    ROW("trim", WORD_OTHER, H),      ROW("true", WORD_OTHER, R),
    ROW("truncate", WORD_OTHER, U),
};
static const struct row words_u[] = {
    ROW("update", WORD_UPDATE, 0),     ROW("uncommitted", WORD_UNCOMMITTED, 0),
    ROW("union", WORD_OTHER, R),       ROW("unique", WORD_OTHER, R),
    ROW("unlisten", WORD_UNLISTEN, 0), ROW("user", WORD_OTHER, R),
    ROW("using", WORD_OTHER, R),
};
static const struct row words_v[] = {
    ROW("values", WORD_VALUES, H),   ROW("vacuum", WORD_OTHER, U),
    ROW("varchar", WORD_OTHER, H),   ROW("variadic", WORD_OTHER, R),
    ROW("varying", WORD_VARYING, S), ROW("verbose", WORD_VERBOSE, 0),
};
static const struct row words_w[] = {
    ROW("where", WORD_OTHER, R),  ROW("wait", WORD_OTHER, U), ROW("when", WORD_OTHER, R),
    ROW("window", WORD_OTHER, R), ROW("with", WORD_WITH, R),  ROW("work", WORD_WORK, 0),
    ROW("write", WORD_WRITE, 0),
};
static const struct row words_x[] = {
    ROW("xmlattributes", WORD_OTHER, H), ROW("xmlconcat", WORD_OTHER, H),
    ROW("xmlelement", WORD_OTHER, H),    ROW("xmlexists", WORD_OTHER, H),
    ROW("xmlforest", WORD_OTHER, H),     ROW("xmlnamespaces", WORD_OTHER, H),
    ROW("xmlparse", WORD_OTHER, H),      ROW("xmlpi", WORD_OTHER, H),
    ROW("xmlroot", WORD_OTHER, H),       ROW("xmlserialize", WORD_OTHER, H),
    ROW("xmltable", WORD_OTHER, H),
};
static const struct row words_z[] = {
    ROW("zone", WORD_ZONE, S),
};

#undef R
#undef H
#undef S
#undef U

static const struct {
    const struct row *rows;
    size_t n;
} by_letter[26] = {
    ['a' - 'a'] = {words_a, ARRAY_LEN(words_a)}, ['b' - 'a'] = {words_b, ARRAY_LEN(words_b)},
    ['c' - 'a'] = {words_c, ARRAY_LEN(words_c)}, ['d' - 'a'] = {words_d, ARRAY_LEN(words_d)},
    ['e' - 'a'] = {words_e, ARRAY_LEN(words_e)}, ['f' - 'a'] = {words_f, ARRAY_LEN(words_f)},
    ['g' - 'a'] = {words_g, ARRAY_LEN(words_g)}, ['h' - 'a'] = {words_h, ARRAY_LEN(words_h)},
    ['i' - 'a'] = {words_i, ARRAY_LEN(words_i)}, ['j' - 'a'] = {words_j, ARRAY_LEN(words_j)},
    ['k' - 'a'] = {words_k, ARRAY_LEN(words_k)}, ['l' - 'a'] = {words_l, ARRAY_LEN(words_l)},
    ['m' - 'a'] = {words_m, ARRAY_LEN(words_m)}, ['n' - 'a'] = {words_n, ARRAY_LEN(words_n)},
    ['o' - 'a'] = {words_o, ARRAY_LEN(words_o)}, ['p' - 'a'] = {words_p, ARRAY_LEN(words_p)},
    ['r' - 'a'] = {words_r, ARRAY_LEN(words_r)}, ['s' - 'a'] = {words_s, ARRAY_LEN(words_s)},
    ['t' - 'a'] = {words_t, ARRAY_LEN(words_t)}, ['u' - 'a'] = {words_u, ARRAY_LEN(words_u)},
    ['v' - 'a'] = {words_v, ARRAY_LEN(words_v)}, ['w' - 'a'] = {words_w, ARRAY_LEN(words_w)},
    ['x' - 'a'] = {words_x, ARRAY_LEN(words_x)}, ['z' - 'a'] = {words_z, ARRAY_LEN(words_z)},
};

struct word word_find(struct slice folded)
{
    const struct word none = {WORD_NONE, 0};
    if (folded.n < 2 || folded.p[0] < 'a' || folded.p[0] > 'z')
        return none;
    size_t letter = (size_t)(folded.p[0] - 'a');
    const struct row *rows = by_letter[letter].rows;
    for (size_t i = 0; i < by_letter[letter].n; i++) {
        const struct row *r = &rows[i];
        if (r->n == folded.n && r->text[1] == folded.p[1] && memcmp(r->text, folded.p, r->n) == 0)
            return (struct word){(enum word_id)r->id, r->flags};
    }
    return none;
}
