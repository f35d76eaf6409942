#include "timeline.h"

#include <string.h>

#include "../base/str.h"

enum { LINE_MAX_LEN = 1024, LINES_MAX = 100000 };

/* "<tli> <lsn> [reason]", separated by white space; the reason is for people. Both words are short. */
static bool parse_words(struct slice line, char words[2][32])
{
    size_t at = 0;
    for (int w = 0; w < 2; w++) {
        size_t n = 0;
        while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
            at++;
        while (at < line.n && line.p[at] != ' ' && line.p[at] != '\t') {
            if (n == sizeof(words[w]) - 1)
                return false;
            words[w][n++] = line.p[at++];
        }
        words[w][n] = '\0';
        if (!n)
            return false;
    }
    return true;
}

static int parse_line(struct slice line, struct timeline_history *h, struct err *e)
{
    char words[2][32];
    uint64_t tli;
    lsn_t end;
    if (line.n > LINE_MAX_LEN || !parse_words(line, words) || !str_to_u64(words[0], &tli) || !tli ||
        tli > UINT32_MAX || !lsn_parse(words[1], &end))
        return err_set(e, ERR_PROTO, "history of timeline %u: malformed line", h->timeline);
    uint32_t last = h->n ? h->forks[h->n - 1].timeline : 0;
    if (tli <= last || tli >= h->timeline)
        return err_set(e, ERR_PROTO, "history of timeline %u: timeline %s is out of order",
                       h->timeline, words[0]);
    if (h->n && end < h->forks[h->n - 1].end)
        return err_set(e, ERR_PROTO, "history of timeline %u: positions go back", h->timeline);
    if (h->n == TIMELINE_FORKS_MAX) {
        memmove(&h->forks[0], &h->forks[1], sizeof(h->forks[0]) * (TIMELINE_FORKS_MAX - 1));
        h->n--;
    }
    h->forks[h->n++] = (struct timeline_fork){.timeline = (uint32_t)tli, .end = end};
    return 0;
}

int timeline_parse(uint32_t timeline, const char *text, size_t len, struct timeline_history *out,
                   struct err *e)
{
    struct timeline_history h = {.timeline = timeline, .n = 0};
    size_t at = 0;
    for (int lines = 0; at < len; lines++) {
        if (lines == LINES_MAX)
            return err_set(e, ERR_LIMIT, "history of timeline %u has too many lines", timeline);
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) : len - at;
        struct slice line = slice_trim((struct slice){.p = text + at, .n = n});
        at += n + 1;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        int rc = parse_line(line, &h, e);
        if (rc)
            return rc;
    }
    *out = h;
    return 0;
}

bool timeline_fork_point(const struct timeline_history *h, uint32_t timeline, lsn_t *end)
{
    for (int i = 0; i < h->n; i++)
        if (h->forks[i].timeline == timeline) {
            *end = h->forks[i].end;
            return true;
        }
    return false;
}

bool timeline_is_ancestor(const struct timeline_history *h, uint32_t timeline)
{
    lsn_t end;
    return timeline != 0 && (timeline == h->timeline || timeline_fork_point(h, timeline, &end));
}

bool timeline_can_follow(const struct timeline_history *h, uint32_t timeline, lsn_t lsn)
{
    lsn_t end;
    if (timeline == 0)
        return false;
    if (timeline == h->timeline)
        return true;
    return timeline_fork_point(h, timeline, &end) && lsn <= end;
}
