/* What both worlds are made of: roles, functions, and for each client its own tables. Single user: the tester. */
#ifndef TANIST_DIFF_SETUP_H
#define TANIST_DIFF_SETUP_H

#include "link.h"

/* Once for a run. */
void setup_run(struct link *l, int n_clients);
/* For each round. */
void setup_round(struct link *l, int n_clients);
/* Prepared transactions are rolled back: they hold locks. */
void setup_end(struct link *l);
/* Of the contents of a client's tables; borrowed until the next call on any link. */
const char *setup_digest(struct link *l, int client);

#endif
