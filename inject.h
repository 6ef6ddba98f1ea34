/* Hands one whole message to the mail system as the user: sendmail, qmail-queue, maildir, SMTP relay. */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>

#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "base/text.h"
#include "inject/message.h"

/*
 * At the start, with the rights of whoever starts the program: finds the injector and the throttle script, opens (and
 * where it is missing makes, unless this is a check) the maildir, opens the table of -s, sets config->smtputf8 and
 * config->argument_room.
 * False: *why says what is wrong, and the remedy.
 */
bool inject_ready(struct config *config, const struct identity *service, struct text *why);

/*
 * May this login send as `address` (canonical), by -s or --own-address? ASK_NO, ASK_TEMPORARY: *text is for the
 * client, from its enhanced status code on. Always ASK_YES for the null sender, and where there is no rule.
 */
enum ask_verdict inject_may_send_as(const struct config *config, const struct identity *identity, const char *address,
    struct text *text);

/* The address that --fix-sender sets: *text. ASK_NO, ASK_TEMPORARY as above. */
enum ask_verdict inject_own_sender(const struct config *config, const struct identity *identity, struct text *text);

/*
 * Looks at every address again, asks the sender rule, seals the spool, asks the throttle script, the policy server and
 * the quota, hands over, and waits at most --inject-timeout.
 * ASK_YES only if the mail system said that it took the whole message, now or, with --state, when it came before.
 */
void inject_send(const struct config *config, const struct peer *peer, struct message *message,
    struct outcome *outcome);

#endif
