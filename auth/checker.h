/* The process that checks one login and ends: what it says, and how it is heard. */
#ifndef CHECKER_H
#define CHECKER_H

#include <stdbool.h>

#include "ask.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "base/text.h"

/* What a back end needs to check one login. */
struct attempt {
	const struct config *config;
	const struct peer *peer;
	const struct identity *service;
	const struct authenticator *authenticator;
	const char *user, *password;
	int said;		/* where the checker says it */
};

/* May a login become that? The service account always; root, its group and system accounts never. */
bool checker_rights_allowed(const struct config *config, const struct identity *service,
    const struct rights *rights);

/* For a name without ids of its own: the system account of that name, or the service account. False: the
 * directory cannot tell. */
bool checker_identity_by_name(const struct attempt *attempt, const char *name, struct identity *identity);

/* In the checker, once: yes, and who it is; or another verdict, and the reason. Both return the exit status. */
int checker_say_identity(const struct attempt *attempt, const struct identity *identity);
int checker_say_reason(const struct attempt *attempt, enum ask_verdict verdict, const char *reason);

/* Runs `check` in a process of its own, and hears what it says; ASK_TEMPORARY when it says nothing. */
enum ask_verdict checker_run(struct attempt *attempt, int (*check)(void *attempt, int said),
    struct identity *identity, struct text *reason);

/* An identity as uid, gid, groups, home and user, each ended by a NUL: what our reporter says, too. False:
 * too long, or not well-formed. */
bool checker_add_identity(struct text *text, const struct rights *rights, const char *home, const char *user);
bool checker_read_identity(char *at, const char *end, struct identity *identity);

#endif
