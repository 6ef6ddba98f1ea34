/* Asks a policy server whether a message may go on: Postfix's SMTPD_POLICY_README. */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>

#include "base/config.h"
#include "base/peer.h"
#include "base/text.h"
#include "inject/message.h"

/* Is config->policy ADDRESS:PORT, [IPv6]:PORT or /PATH? */
bool policy_valid(const struct config *config);

/*
 * Asks about each recipient (protocol_state=RCPT), then about the whole (END-OF-MESSAGE). True: it may go on, and
 * outcome->how has what the server wanted to see in the log, mostly nothing. False: the outcome says why not; what the
 * server wants and we cannot do is deferred.
 */
bool policy_allows(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome);

/* For --check: NULL if the server can be reached, else why not. */
const char *policy_fault(const struct config *config);

#endif
