/* Checks one login: the order of the authenticators, and one verdict. */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>

#include "ask.h"
#include "auth/checker.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "base/text.h"

/* Can this authenticator be asked: may its file be read, its program be run? False: *why names option, path, cause
 * and remedy. Two system calls, no more: the banner waits for it. */
bool auth_ready(const struct authenticator *authenticator, struct text *why);

/* What a session's logins have in common. */
struct auth_context {
	const struct config *config;
	const struct peer *peer;
	const struct identity *service;
	const char *id;
};

/*
 * One attempt: each authenticator in turn, in a process of its own, until one says yes. ASK_YES: answer->identity is
 * who to become. ASK_NO. ASK_TEMPORARY: one cannot tell, and no other says yes. answer->reason is for the log: for
 * ASK_NO one of our words (no-such-user, wrong-password, disabled, uid-refused, ...), perhaps followed by ": " and more
 * that anybody may have written; for ASK_TEMPORARY what is wrong, and with which authenticator. Names with
 * control characters, empty and over-long names and passwords are refused unasked. ASK_CHALLENGE: the one that was
 * asked last has a challenge for the client, whose response auth_step() brings it; it decides alone from now on.
 */
enum ask_verdict auth_check(const struct auth_context *context, const struct ask_attempt *asked,
    struct auth_answer *answer);

/* Verdicts as above. Without a response (NULL) the client gave up: ASK_NO. */
enum ask_verdict auth_step(const char *response, size_t length, struct auth_answer *answer);

/* Was the same name with the same password refused before in this session? Then the answer is no, and the attempt
 * does not count. */
bool auth_tried(const struct ask_attempt *asked);

/* What the Dovecot servers list, each followed by a blank: asked once, for a few seconds; "" where they do not
 * answer. */
const char *auth_mechanisms(const struct auth_context *context);

#endif
