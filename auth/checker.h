/* The process that checks one login and ends: what it says, and how it is heard. */
#ifndef CHECKER_H
#define CHECKER_H

#include <stdbool.h>

#include "base/child.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "base/text.h"

#define CHECKER_WORD_LENGTH 32	/* hexadecimal digits that only we and our reporter know */

/* What a back end needs to check one login. */
struct attempt {
	const struct config *config;
	const struct peer *peer;
	const struct identity *service;
	const struct authenticator *authenticator;
	const char *user, *password;
	char word[CHECKER_WORD_LENGTH + 1];	/* in front of what is said; "" for our own code */
	int said;				/* where the checker says it */
};

/* May a login make us that? The service account always; root, its group and system accounts never. */
bool checker_rights_allowed(const struct config *config, const struct identity *service, const struct rights *rights);

/* For a name without ids of its own: the system account of that name, or the service account. False: nobody can
 * tell now which. */
bool checker_identity_by_name(const struct config *config, const struct identity *service, const char *name,
    struct identity *identity);

/* The checker's end: "K" with an identity; 'D' or 'Z' with the reason. Both return the exit status. */
int checker_say_identity(int said, const char *word, const struct rights *rights, const char *home, const char *user);
int checker_say_reason(const struct attempt *attempt, char letter, const char *reason);

/* Our end: the letter behind the word in what a checker said; 0 where the word is missing: noise does not
 * matter. */
char checker_heard(const struct attempt *attempt, struct child_end *end, struct identity *identity,
    struct text *reason);

#endif
