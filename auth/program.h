/* Checks a login with a checkpassword program; and our own end of that handshake. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "auth/checker.h"

/* One login: yes, temporary or no, as in auth.h. */
enum ask_verdict program_ask(struct attempt *attempt, struct identity *identity, struct text *reason);

/*
 * Our own end of the checkpassword handshake: what runs in place of the program that checkpassword is given. Writes
 * `word`, uid, gid, groups, HOME and USER to descriptor 1. If descriptor 3 still holds bytes the password was not
 * read: then it says nothing. Returns the exit status.
 */
int program_report(const char *word);

#endif
