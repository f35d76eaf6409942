/* Who clients are: verifiers of roles, fetched from the nodes by auth_query on the manager's thread, cached for a short
 * while (auth_cache_ttl), forgotten when a client fails with one. */
#ifndef TANIST_PROXY_AUTH_H
#define TANIST_PROXY_AUTH_H

#include <stdint.h>

#include "../replication/base/err.h"

struct auth_store;
struct proxy;
struct worker;

struct auth_store *auth_new(struct proxy *p);
void auth_free(struct auth_store *a);

/* Worker's thread: client_login_on_verifier follows on it, if the client is still there. */
void auth_fetch(struct worker *w, int cluster, const char *user, uint32_t slot, uint64_t serial);
/* Worker's thread: the cached verifier of this user did not fit; ask again next time. */
void auth_forget(struct worker *w, int cluster, const char *user);

#endif
