/* Hands a message over by putting it into a maildir. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stdbool.h>

#include "base/config.h"
#include "base/drop.h"
#include "inject/message.h"

/*
 * At the start, with the rights of whoever starts the program: opens the directory, and makes it where it is
 * missing, for the service account, unless this is a check. False: errno.
 */
bool maildir_open(const struct config *config, const struct identity *service);

/* Is it there? After maildir_open() only a check finds that it is not: the first session makes it. */
bool maildir_exists(void);

void maildir_send(const struct config *config, const struct message *message, struct outcome *outcome);

#endif
