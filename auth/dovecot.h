/* Relays a login to a Dovecot authentication server. */
#ifndef DOVECOT_H
#define DOVECOT_H

#include <stdbool.h>

#include "auth/checker.h"

/*
 * The checkers of a Dovecot authentication server (its "client" socket; doc.dovecot.org, "Authentication Protocol").
 * The first is one attempt, with whatever mechanism the server has; the second says, as a challenge, what
 * mechanisms it lists, each followed by a blank. Both return the exit status.
 */
int dovecot_check(struct attempt *attempt);
int dovecot_list(struct attempt *attempt);

/* Is it the name of a mechanism (RFC 4422 section 3.1)? */
bool dovecot_is_mechanism(const char *name);

#endif
