/* The query service's life, for the manager only; requests are made through query.h. */
#ifndef TANIST_QUERY_PRIVATE_H
#define TANIST_QUERY_PRIVATE_H

#include "base/loop.h"

struct manager;
struct query_service;

/* Returns owned, or NULL without memory. */
struct query_service *query_service_new(struct manager *m);
/* Waiting requests end with ERR_CANCELED. Frees s in the end. */
void query_service_close(struct query_service *s, void (*done)(void *arg), void *arg);

#endif
