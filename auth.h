/* Checks one login: the order of the authenticators, and one verdict. */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>

#include "base/config.h"
#include "auth/passwd.h"
#include "base/peer.h"

#define AUTH_REASON_MAX 400

/* Can this authenticator be asked: does its file, its program exist? False: *why says what, and the mend.
 * Two system calls at most: it is asked before the banner. */
bool auth_ready(const struct authenticator *authenticator, struct text *why);

/*
 * One attempt: each authenticator in turn, in a process of its own, until one says yes. 'K': *identity is
 * whom to become; 'D': no; 'Z': nobody can tell now. `reason` (AUTH_REASON_MAX) is for the log: for 'D' one
 * of our words (no-such-user, wrong-password, disabled, uid-refused, network-refused, ...), perhaps with ":
 * " and more behind it; for 'Z' what is wrong and with which authenticator. `user` is not empty, at most
 * USER_MAX bytes, `password` at most PASSWORD_MAX: what is longer the caller refuses.
 */
char auth_check(const struct config *config, const struct peer *peer, const struct identity *service,
    const char *user, const char *password, struct identity *identity, struct text *reason);

#endif
