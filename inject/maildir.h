/* Hands a message over by putting it into a maildir. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stdbool.h>

#include "base/config.h"
#include "base/drop.h"
#include "inject/message.h"

/*
 * At the start, with the rights of whoever starts the program: opens the directory, and makes it and its three
 * parts where they are missing, for the service account, unless this is a check. Whoever starts it may be root,
 * and nobody has logged in yet: no symbolic link is followed but root's own in a directory of root's, and nothing
 * is made where others could have put something in its place. NULL: done; else what is wrong.
 */
const char *maildir_open(const struct config *config, const struct identity *service);

/* Is it there? After maildir_open() only a check finds that it is not: the first session makes it. */
bool maildir_exists(void);

/* May this process put messages into it? If not, errno. `service`: what is missing will be its own. */
bool maildir_writable(bool service);

void maildir_send(const struct config *config, const struct message *message, struct outcome *outcome);

#endif
