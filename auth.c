/* Checks one login: the order of the authenticators, and one verdict. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "auth/checker.h"
#include "auth/file.h"
#include "auth/program.h"
#include "auth/pwhash.h"
#include "base/text.h"

_Static_assert(PASSWORD_MAX == PWHASH_PASSWORD_MAX, "what the monitor lets through is what can be hashed");

char
auth_check(const struct config *config, const struct peer *peer, const struct identity *service,
    const char *user, const char *password, struct identity *identity, struct text *reason)
{
	struct attempt attempt = { .config = config, .peer = peer, .service = service, .user = user,
	    .password = password };
	struct text now;
	char answer = 'D', array[AUTH_REASON_MAX];

	for (int i = 0; i < config->authenticator_count; i++) {
		char letter;

		attempt.authenticator = &config->authenticators[i];
		text_start(&now, array, sizeof array);
		letter = attempt.authenticator->kind == AUTHENTICATOR_FILE
		    ? file_ask(&attempt, identity, &now) : program_ask(&attempt, identity, &now);
		if (letter == 'K')
			return 'K';
		/* One that cannot tell outweighs those that say no; a known user outweighs an unknown one. */
		if (i == 0 || letter == 'Z' || (answer == 'D' && strcmp(array, "no-such-user") != 0)) {
			text_start(reason, reason->bytes, reason->size);
			text_add(reason, array);
			text_add(reason, letter == 'Z' ? ": " : "");
			text_add(reason, letter == 'Z' ? attempt.authenticator->path : "");
		}
		if (letter == 'Z')
			answer = 'Z';
	}
	return answer;
}

bool
auth_ready(const struct authenticator *authenticator, struct text *why)
{
	bool file = authenticator->kind == AUTHENTICATOR_FILE;

	if (file ? access(authenticator->path, R_OK) == 0
	    : authenticator->path[0] != '\0' && access(authenticator->path, X_OK) == 0)
		return true;
	text_add(why, file ? "-a " : "-A ");
	text_add_name(why, file ? authenticator->option : authenticator->words[0]);
	text_add(why, file ? ": cannot be read (" : ": no such program that may be run (");
	text_add(why, strerror(authenticator->path[0] == '\0' ? ENOENT : errno));
	text_add(why, file ? "); make it with ofmipd-passwd, or give the right path"
	    : "); install it, or give its absolute path");
	return false;
}
