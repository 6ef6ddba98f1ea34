/* SMTP submission (RFC 5321, 6409): commands, states, transaction, up to the questions. */
#ifndef SMTP_H
#define SMTP_H

#include "base/config.h"
#include "base/peer.h"

/*
 * Talks to the client on descriptors 0 and 1 until one of us has enough; the process is in its cage, the
 * wall on ASK_WALL, the spool on SPOOL_DESCRIPTOR. `id` names the session. Returns
 * the exit status of the process: 0 for QUIT and end of file, 1 for every other end.
 */
int smtp_session(const struct config *config, const struct peer *peer, const char *id);

#endif
