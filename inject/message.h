/* A message that lies complete in its spool, and what became of it. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ask.h"
#include "base/drop.h"
#include "base/memory.h"

struct message {
	const char *id;			/* the session's */
	unsigned number;		/* of the message in the session */
	int spool;			/* inject_send() seals it, and opens it again to be read */
	const char *login;		/* as the client gave it */
	const char *mechanism, *helo;	/* of its login; of its EHLO: "" if unknown */
	const struct identity *identity;
	struct memory *memory;		/* what the login has sent: for its quota, and replies that were lost */
	const unsigned char *digest;	/* what it is recognized by when it comes again; or NULL */
	const char *envelope;		/* F sender NUL, T recipient NUL ..., NUL; D: see message_dsn() */
	size_t length;
	/* Set by inject_send(), smtputf8 too where an address needs it: */
	const char *sender;
	uint64_t recipients, size;
	bool smtputf8;			/* what carries it must know internationalized addresses */
	bool dsn;			/* somebody wants to be notified: there are parameters */
	bool eight_bit;			/* the client said that it may not be ASCII */
};

struct outcome {
	enum ask_verdict verdict;	/* 0: the envelope is malformed: the session lies, end it */
	char text[400];			/* for the client, from its enhanced status code on (RFC 3463); in front a reply
					 * code of its own, of the verdict's class, or none */
	char how[200];			/* for the log: what the injector did */
};

/* The recipient after `last`, or the first one after NULL; NULL: there are no more. The envelope is well-formed. */
const char *message_recipient(const struct message *message, const char *last);

/* The DSN parameters (RFC 3461) of the sender or recipient, "" for none. */
const char *message_dsn(const char *address);

/* Sets the verdict and its text; `how` stays. */
void message_answer(struct outcome *outcome, enum ask_verdict verdict, const char *text);

#endif
