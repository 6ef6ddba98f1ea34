/* The process that checks one login and ends: what it says, and how it is heard. */
#ifndef CHECKER_H
#define CHECKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "ask.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "base/text.h"

#define AUTH_REASON_MAX 400
#define CHECKER_FRAME_MAX (1 + USER_MAX + 1 + ASK_CHALLENGE_MAX)	/* a challenge, with the name in front */

/* What a back end needs to check one login. */
struct attempt {
	const struct config *config;
	const struct peer *peer;
	const struct identity *service;
	const struct authenticator *authenticator;
	const char *id;			/* of the session */
	const char *mechanism;
	const char *user, *password;	/* password NULL: neither PLAIN nor LOGIN, the rest counts and the name is "" */
	const char *response;		/* the initial response; NULL: none */
	size_t length;			/* of it */
	const char *challenge;		/* CRAM-MD5: what the client was sent, and ... */
	const char *digest;		/* ... the 32 digits that it answered, in the password's place; else NULL */
	const char *last_word;		/* the server's last message, before a yes; NULL: none (SCRAM) */
	bool last;			/* nobody who could take part is asked after this one */
	int wall;			/* the checker's end */
};

/* What came of it. */
struct auth_answer {
	struct identity identity;		/* ASK_YES: who to become */
	char login[USER_MAX + 1];		/* the name that the client gave, as far as anybody knows it */
	char reason[AUTH_REASON_MAX];		/* neither ASK_YES nor ASK_CHALLENGE: for the log */
	bool delayed;				/* a server said no, after a pause of its own */
	const char *challenge;			/* ASK_CHALLENGE: `length` bytes for the client; until the next
						 * checker_hear() */
	size_t length;
};

/* May a login become that? The service account always; root, its group and system accounts never. */
bool checker_rights_allowed(const struct config *config, const struct identity *service,
    const struct rights *rights);

/* For a name without ids of its own: the system account of that name, or the service account. False: the
 * directory cannot tell. */
bool checker_identity_by_name(const struct attempt *attempt, const char *name, struct identity *identity);

/*
 * In the checker. The first two are its last word: yes, and who it is; or another verdict, and the reason. Both return
 * the exit status. The third is said before: a challenge, and waits for the client's response, at most `size` bytes:
 * its length, or -1: the client, or the monitor, gave up; end. All tell attempt->user as the name: whoever proves that
 * the password was right (SCRAM's last message) names it before, since the monitor may bar that name from hearing it.
 */
int checker_say_identity(const struct attempt *attempt, const struct identity *identity);
int checker_say_reason(const struct attempt *attempt, enum ask_verdict verdict, const char *reason);
long checker_challenge(const struct attempt *attempt, const void *challenge, size_t length, char *response,
    size_t size);

/* A process that lives through all steps of one attempt. */
struct checker {
	pid_t pid;		/* 0: there is none */
	int wall;
	int64_t left;		/* milliseconds that may still be waited for it */
};

/* Starts it: there `check` is called, and its return value is the exit status. False: errno. */
bool checker_start(struct checker *checker, struct attempt *attempt, int (*check)(struct attempt *attempt),
    int seconds);

/* What it says next. After any verdict but ASK_CHALLENGE, which is for checker_tell() to go on with, it is gone. It is
 * ASK_TEMPORARY when it says nothing, or not in time. */
enum ask_verdict checker_hear(struct checker *checker, struct auth_answer *answer);
bool checker_tell(const struct checker *checker, const char *response, size_t length);

/* Ends it, whatever it does; nothing if there is none. */
void checker_end(struct checker *checker);

/* An identity as uid, gid, groups, home and user, each ended by a NUL: what our reporter says, too. False, NULL: too
 * long, or not well-formed; else what follows it. */
bool checker_add_identity(struct text *text, const struct rights *rights, const char *home, const char *user);
char *checker_read_identity(char *at, const char *end, struct identity *identity);

#endif
