/* The life of the channels' service, for the manager only; the rest of the program uses channels.h. */
#ifndef TANIST_CHANNELS_PRIVATE_H
#define TANIST_CHANNELS_PRIVATE_H

struct channels;
struct manager;

/* Returns owned, or NULL without memory. */
struct channels *channels_new(struct manager *m);
/* Frees c in the end. */
void channels_close(struct channels *c, void (*done)(void *arg), void *arg);

#endif
