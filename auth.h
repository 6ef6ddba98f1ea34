/* Checks one login: the order of the authenticators, and one verdict. */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>

#include "ask.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "base/text.h"

#define AUTH_REASON_MAX 400

/* Can this authenticator be asked: may its file be read, its program be run? False: *why names option, path, cause
 * and remedy. Two system calls: it is asked before the banner. */
bool auth_ready(const struct authenticator *authenticator, struct text *why);

/*
 * One attempt: each authenticator in turn, in a process of its own, until one says yes. ASK_YES: *identity is
 * whom to become. ASK_NO. ASK_TEMPORARY: one cannot tell, and no other says yes. `reason` (AUTH_REASON_MAX) is
 * for the log: for ASK_NO one of our words (no-such-user, wrong-password, disabled, uid-refused, ...), perhaps with
 * ": " and more behind it that anybody may have written; for ASK_TEMPORARY what is wrong, and with which
 * authenticator. Names with control characters, empty and over-long names and passwords are refused unasked.
 */
enum ask_verdict auth_check(const struct config *config, const struct peer *peer, const struct identity *service,
    const char *user, const char *password, struct identity *identity, struct text *reason);

/* Was the same name with the same password refused before in this session? Then the answer is no, and the attempt
 * does not count. */
bool auth_tried(const char *user, const char *password);

#endif
