/* Answers the session's questions in their order; becomes the user at the login. */
#ifndef MONITOR_H
#define MONITOR_H

#include <sys/types.h>

#include "auth.h"
#include "base/config.h"
#include "base/peer.h"

/*
 * Answers until the session is gone. Descriptors: 0 and 1 /dev/null, 2 the log, ASK_MONITOR the wall,
 * SPOOL_DESCRIPTOR the first spool. `session` is the process to wait for. Returns the exit status of the program.
 */
int monitor_run(const struct config *config, struct peer *peer, const struct identity *service, const char *id,
    pid_t session);

#endif
