/* Hands a message over to a program: sendmail, qmail-queue; and asks the throttle script. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/peer.h"
#include "inject/message.h"

/* The bytes of recipients, their pointers included, that fit beside the environment into what execve(2) takes. */
uint64_t command_room(void);

/* Whose sendmail command it is, by what stands in the same directory: "Postfix", "Exim", "OpenSMTPD",
 * "nullmailer", "dma", or NULL. */
const char *command_kind(const char *path);

/* The same question for Postfix alone: one system call, since it is asked before the banner. */
bool command_is_postfix(const char *path);

/* --throttle-script: may this user send this now? False: the outcome says why not. */
bool command_throttle(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome);

/* Starts the program, gives it the message, and says in the outcome what became of it. */
void command_sendmail(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome);
void command_qmail(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome);

#endif
