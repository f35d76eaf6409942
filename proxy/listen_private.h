/* Messages between the workers' side of LISTEN (listen.c) and the hub on the manager's thread (listen_hub.c). */
#ifndef TANIST_PROXY_LISTEN_PRIVATE_H
#define TANIST_PROXY_LISTEN_PRIVATE_H

#include <stdint.h>

#include "../replication/base/attrs.h"
#include "../replication/base/loop.h"
#include "../replication/channels.h"
#include "proxy_conf.h"

struct proxy;

enum hub_word {
    HUB_WANT = 1, /* to the hub: a channel */
    HUB_DROP,
    HUB_SYNC,  /* to the hub: tell me when I have all that was sent until now */
    HUB_HEARD, /* to workers: the channel is heard; it cannot be; somebody notified */
    HUB_FAILED,
    HUB_NOTE,
    HUB_SYNCED, /* the answer to HUB_SYNC of that number and those before */
    HUB_GAP     /* what was sent for a while is lost */
};

struct hub_msg {
    struct loop_msg msg;
    struct proxy *proxy;
    enum hub_word word;
    int worker, cluster, pid;
    uint64_t number; /* of HUB_SYNC; milliseconds of HUB_GAP */
    char dbname[CONF_NAME_MAX], channel[CHANNELS_NAME_MAX];
    char payload[]; /* of a notification */
};

enum { LISTEN_KEY_MAX = 160 };

/* What is known by (cluster, database, channel). The length tells where the database's name ends. */
void listen_key(char key[LISTEN_KEY_MAX], int cluster, const char *dbname, const char *channel);
/* NULL: no memory. */
struct hub_msg *listen_msg(enum hub_word word, int cluster, const char *dbname, const char *channel,
                           const char *payload);

/* Run on the hub's thread, and on a worker's. */
void listen_on_hub(struct loop_msg *m, struct loop *on);
void listen_on_worker(struct loop_msg *m, struct loop *on);

#endif
