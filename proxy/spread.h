/* What routing has to know of the nodes of a cluster besides their state: how near they are, which of them a database and user may
 * use at all, how fast they have been, and which have as much in flight as they may. Worker's thread.
 *
 * A node's max_in_flight holds for all workers: a client takes a place before it is given a server there, the server keeps the
 * place while it is linked, and who finds no place waits in the worker's list until one is given back. */
#ifndef TANIST_PROXY_SPREAD_H
#define TANIST_PROXY_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/clock.h"
#include "../replication/base/list.h"
#include "../replication/core/topology.h"
#include "../replication/repl_conf.h"

struct client;
struct limit;
struct pool_group;
struct server;
struct worker;

struct spread { /* of a cluster */
    uint8_t tier[TOPO_NODES_MAX];
    usec_t latency[TOPO_NODES_MAX]; /* smoothed; 0: not known */
    uint64_t measured;              /* bit i: node i was, since the last tick */
    uint64_t limited;               /* bit i: node i has a max_in_flight */
    struct limit *limits[TOPO_NODES_MAX];
    struct list room;    /* clients that wait for a place */
    uint32_t generation; /* moves when nodes change their indexes */
};

void spread_init(struct worker *w);  /* the lists */
void spread_start(struct worker *w); /* on its loop */
void spread_stop(struct worker *w);

/* The configuration changed, or the nodes of a cluster did (NULL before the first snapshot). */
void spread_configure(struct worker *w);
void spread_adopt(struct worker *w, int cluster, const struct topology *old);
/* Which nodes the group may use was set anew, or its rules were. */
void spread_group(struct pool_group *g);

/* Bit i: node i has no place. */
uint64_t spread_full(const struct worker *w, int cluster);
/* False: there is none (any more). */
bool spread_take(struct client *c, int node);
void spread_give(struct client *c);
/* The server that the client got has its place now; and gives it back. */
void spread_link(struct server *s, struct client *c);
void spread_unlink(struct server *s);
void spread_wait(struct client *c);

/* A read took so long there. */
void spread_measure(struct worker *w, int cluster, int node, usec_t took);
/* From the janitor. */
void spread_tick(struct worker *w);

#endif
