/* Hands a message over to an SMTP relay (RFC 5321), from a process of its own. */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"
#include "inject/message.h"

/* What a relay's EHLO offers, as far as it matters here. */
enum {
	RELAY_PIPELINING = 1, RELAY_SIZE = 2, RELAY_8BITMIME = 4, RELAY_SMTPUTF8 = 8, RELAY_DSN = 16, RELAY_AUTH = 32,
	RELAY_XCLIENT = 64
};

#define RELAYS_MAX 8		/* in one list */
#define RELAY_NAME_SIZE 128
/* How many relays stand in config->injector_path, separated by commas: ADDRESS:PORT, [IPv6]:PORT or /PATH. 0: one of
 * them is malformed, or they are more than RELAYS_MAX. */
int relay_count(const struct config *config);

/*
 * Each relay is asked in its order until one has greeted us and taken MAIL; that one's answer to the final dot is the
 * outcome. All recipients are taken or nothing is sent.
 */
void relay_send(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome);

/* For --check. */
struct relay_facts {
	bool reached;			/* it has greeted us, and answered EHLO */
	unsigned offers;		/* RELAY_... */
	uint64_t size;			/* bytes of a message; 0: no limit is known */
	char name[RELAY_NAME_SIZE];	/* as it stands in the list */
	char fault[200];		/* why it was not reached */
};

/* Says hello to the relay of that number, from 0, and nothing else; where root asks, as the service account. */
void relay_ask(const struct config *config, const struct identity *service, int number, struct relay_facts *facts);

#endif
