/* Hands one whole message to the mail system as the user: sendmail, qmail-queue, maildir. */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/drop.h"
#include "base/config.h"
#include "base/peer.h"

/* A message that lies complete in the spool. */
struct message {
	const char *id;			/* the session's */
	unsigned number;		/* of the message in the session */
	int spool;			/* open for reading only, at any offset */
	const char *login;		/* as the client gave it */
	const struct identity *identity;
	const char *envelope;		/* F sender NUL, T recipient NUL ..., NUL */
	size_t length;
	/* Set by inject_send(): */
	const char *sender;
	uint64_t recipients, size;
};

struct outcome {
	char letter;			/* 'K', 'Z', 'D'; 0: the envelope is not one: the session lies, end it */
	char text[400];			/* for the client, from its enhanced status code on (RFC 3463) */
	char how[200];			/* for the log: what the injector did */
};

/*
 * At the start, with the rights of whoever starts the program: finds the injector, opens (and where it is
 * missing makes, unless this is a check) the maildir, sets config->smtputf8 and config->argument_room.
 * False: *why says what is wrong, and the mend.
 */
bool inject_ready(struct config *config, const struct identity *service, struct text *why);

/* What --check says of the injector. */
void inject_print(const struct config *config);

/*
 * Looks at every address again, asks the throttle script, hands over, and waits at most INJECTOR_SECONDS.
 * 'K' only if the mail system said that it took the whole message.
 */
void inject_send(const struct config *config, const struct peer *peer, struct message *message,
    struct outcome *outcome);

#endif
