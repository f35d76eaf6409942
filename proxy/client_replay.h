/* Transactions that run again when their server is lost, for those who ask for it (transaction_replay). Worker's thread.
 *
 * The requests of a transaction are kept as they came, with a checksum of all that its client was told. If its server is lost
 * before the COMMIT was sent, the same requests run again on the next writer, through the same code as if the client had sent
 * them just now; what is answered is not told but summed up. Is it the same, the client goes on and has noticed nothing; else
 * its transaction has failed with 40001. An error within it, COPY, or more bytes or time than allowed end the keeping. */
#ifndef TANIST_PROXY_CLIENT_REPLAY_H
#define TANIST_PROXY_CLIENT_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

/* A BEGIN was answered. */
void client_replay_begin(struct client *c);
/* Requests of the client that were used. Call only if c->replay. */
void client_replay_used(struct client *c, const uint8_t *p, size_t n);
/* Something is about to be told. True: it is not to be. Only if c->replay. */
bool client_replay_hears(struct client *c, const uint8_t *p, size_t n);
/* An error, or a COPY. Only if c->replay. */
void client_replay_spoilt(struct client *c);
/* Nothing must be told at this moment: what is answered was told before. */
bool client_replay_runs(const struct client *c);
/* ReadyForQuery of a batch. False: it has ended badly, and the client goes on without it. Only if c->replay. */
bool client_replay_on_ready(struct client *c, uint8_t status);
/* Its server is lost. lost: with the whole transaction. True: it runs again. Only if c->replay. */
bool client_replay_lost(struct client *c, bool lost);
/* It cannot go on: the client's transaction has failed. */
void client_replay_fail(struct client *c);
void client_replay_free(struct client *c);

#endif
