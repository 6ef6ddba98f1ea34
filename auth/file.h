/* Checks a login against a password file. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "auth/checker.h"

/* One login, in a process of its own: 'K', 'D' or 'Z' as in auth.h. */
char file_ask(struct attempt *attempt, struct identity *identity, struct text *reason);

/* What is wrong with a password file as such, or with clear text in it; NULL: nothing. */
const char *file_fault(const struct stat *status, uid_t service, bool cleartext);

#endif
