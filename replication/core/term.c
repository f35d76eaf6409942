#include "term.h"

#include <string.h>

#include "../base/str.h"

static struct topo_term *push(struct topology *t)
{
    if (t->n_terms == TOPO_TERMS_MAX) {
        memmove(t->terms, t->terms + 1, (TOPO_TERMS_MAX - 1) * sizeof(t->terms[0]));
        t->n_terms--;
    }
    struct topo_term *n = &t->terms[t->n_terms++];
    *n = (struct topo_term){0};
    return n;
}

/* Its history says that the timeline before ended exactly where the candidate was when it was asked: so there was nothing
 * between the question and the promotion. */
static bool is_exact(const struct topology *t, const struct term_fork *f)
{
    return t->lineage_known && t->n_forks > 0 && f->replayed != 0 &&
           t->forks[t->n_forks - 1].end == f->replayed;
}

static void begin(const struct topology *prev, const struct term_known *k, struct topology *out,
                  int node)
{
    const struct topo_term *last = out->n_terms ? &prev->terms[prev->n_terms - 1] : NULL;
    const struct topo_node *n = &out->nodes[node];
    const bool again = last && strcmp(last->node, n->name) == 0 && last->timeline == n->timeline;
    const int was = last ? topology_find(prev, last->node) : -1;
    struct topo_term *t = push(out);
    (void)str_copy(t->node, sizeof(t->node), n->name);
    t->timeline = n->timeline;
    t->incarnation = n->incarnation;
    t->by = k->now;
    if (again) {
        /* The earlier life answered a question that was sent then; this one began later. */
        if (was >= 0 && prev->nodes[was].incarnation == last->incarnation)
            t->after = prev->nodes[was].replay_at;
        t->frontier = k->view->nodes[node].obs.start_xid;
        t->exact = true;
    } else if (last && k->fork->frontier && strcmp(k->fork->node, n->name) == 0) {
        t->after = k->fork->at;
        t->frontier = k->fork->frontier;
        t->exact = is_exact(out, k->fork);
    }
}

void term_follow(const struct topology *prev, const struct term_known *k, struct topology *out)
{
    memcpy(out->terms, prev->terms, sizeof(out->terms));
    out->n_terms = prev->n_terms;
    const struct topo_term *last = prev->n_terms ? &prev->terms[prev->n_terms - 1] : NULL;
    /* Without a writer the last one may be watched as it comes back; it is not the writer before its term has begun. */
    const int node = out->writer >= 0 ? out->writer : last ? topology_find(out, last->node) : -1;
    if (node < 0)
        return;
    const struct topo_node *n = &out->nodes[node];
    if (n->role != ROLE_PRIMARY || n->incarnation == 0)
        return;
    if (last && strcmp(last->node, n->name) == 0 && last->timeline == n->timeline &&
        last->incarnation == n->incarnation)
        return;
    begin(prev, k, out, node);
}
