/* Checks a login against a password file. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "auth/checker.h"

/* The checker of a password file: one attempt. Returns the exit status. */
int file_check(struct attempt *attempt);

/*
 * What is wrong with a password file as such, or with clear text in it: "password-file-owner" (neither root nor
 * `service`), "password-file-writable" (by others, or by a group that is neither root's nor the service's),
 * "cleartext-password-file-readable" (by group or others). NULL: nothing. `service` is the service account's
 * or, where the program was not started as root, that of whoever started it.
 */
const char *file_fault(const struct stat *status, const struct rights *service, bool cleartext);

#endif
