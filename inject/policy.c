/* Asks a policy server whether a message may go on: Postfix's SMTPD_POLICY_README. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/apart.h"
#include "base/dial.h"
#include "base/io.h"
#include "inject/policy.h"
#include "inject/wire.h"

#define LINES_MAX 16	/* of an answer */

static APART struct wire wire;	/* its buffers are touched only where there is a policy server */

bool
policy_valid(const struct config *config)
{
	struct dial dial;

	return dial_read(config->policy, strlen(config->policy), &dial);
}

static int
call(const struct config *config, int64_t deadline)
{
	struct dial dial;

	return dial_read(config->policy, strlen(config->policy), &dial) ? dial_connect(&dial, deadline) : -1;
}

const char *
policy_fault(const struct config *config)
{
	int descriptor = call(config, io_now() + 10000);

	if (descriptor < 0)
		return wire_fault(errno);
	(void)close(descriptor);
	return NULL;
}

/* name=value; a line is a line, whatever is in it. */
static void
add_attribute(struct text *text, const char *name, const char *value)
{
	text_add(text, name);
	text_add_byte(text, '=');
	for (; *value != '\0'; value++)
		text_add_byte(text, (*value >= 0 && *value < 32) || *value == 127 ? '?' : *value);
	text_add_byte(text, '\n');
}

static void
add_number_attribute(struct text *text, const char *name, uint64_t number)
{
	text_add(text, name);
	text_add_byte(text, '=');
	text_add_number(text, number);
	text_add_byte(text, '\n');
}

/* What does not change from one question about the message to the next. */
static void
describe(struct text *text, const struct peer *peer, const struct message *message)
{
	add_attribute(text, "protocol_name", "ESMTP");
	add_attribute(text, "client_address", peer->address);
	add_attribute(text, "client_name", peer->host[0] != '\0' ? peer->host : "unknown");
	add_attribute(text, "reverse_client_name", peer->host[0] != '\0' ? peer->host : "unknown");
	add_attribute(text, "client_port", peer->port);
	add_attribute(text, "server_address", peer->local_address);
	add_attribute(text, "server_port", peer->local_port);
	add_attribute(text, "helo_name", message->helo);
	add_attribute(text, "queue_id", "");
	text_add(text, "instance=");
	text_add(text, message->id);
	text_add_byte(text, '.');
	text_add_number(text, message->number);
	text_add_byte(text, '\n');
	add_attribute(text, "sender", message->sender);
	add_number_attribute(text, "size", message->size);
	add_attribute(text, "sasl_method", message->mechanism);
	add_attribute(text, "sasl_username", message->identity->user);
	add_attribute(text, "sasl_sender", "");
	add_attribute(text, "ccert_subject", "");
	add_attribute(text, "ccert_issuer", "");
	add_attribute(text, "ccert_fingerprint", "");
	add_attribute(text, "encryption_protocol", peer->tls_protocol);
	add_attribute(text, "encryption_cipher", peer->tls_cipher);
	add_attribute(text, "encryption_keysize", "");
	add_attribute(text, "etrn_domain", "");
}

/* Reads an answer, action=..., and an empty line: the action. NULL: errno. */
static char *
read_action(char *action, size_t size)
{
	bool found = false;

	for (int i = 0; i < LINES_MAX; i++) {
		size_t length;
		char *line = wire_line(&wire, &length);

		if (line == NULL)
			return NULL;
		if (length == 0 && found)
			return action;
		if (strlen(line) != length || strchr(line, '=') == NULL)
			break;
		if (strncmp(line, "action=", 7) != 0)
			continue;
		if (found || length - 7 >= size)
			break;
		found = true;
		memcpy(action, line + 7, length - 7 + 1);
	}
	errno = EPROTO;
	return NULL;
}

/* The server's words for the client: with an enhanced code in front, its own if it is of the right class. */
static void
answer_client(struct outcome *outcome, enum ask_verdict verdict, const char *words)
{
	const bool permanent = verdict == ASK_NO;
	char array[sizeof outcome->text];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, permanent ? "554 " : "450 ");
	if (words[0] != (permanent ? '5' : '4') || words[1] != '.')
		text_add(&text, permanent ? "5.7.1 " : "4.7.1 ");
	text_add(&text, words[0] != '\0' ? words : permanent ? "Refused by policy" : "Not now, try again later");
	message_answer(outcome, verdict, array);
}

/* What the server wants (access(5)). True: go on. */
static bool
judge_action(char *action, struct outcome *outcome)
{
	size_t length = strcspn(action, " \t");
	const char *words = action + length + strspn(action + length, " \t");
	struct text how;

	if (text_is(action, length, "OK") || text_is(action, length, "DUNNO") ||
	    text_is(action, length, "DEFER_IF_REJECT") || (length >= 6 && text_is(action, 6, "PERMIT")))
		return true;
	text_start(&how, outcome->how, sizeof outcome->how);
	text_add(&how, "policy: ");
	text_add(&how, action);
	if (text_is(action, length, "WARN") || text_is(action, length, "INFO"))
		return true;
	if (text_is(action, length, "REJECT") || (length == 3 && action[0] == '5' && strspn(action, "0123456789") == 3))
		answer_client(outcome, ASK_NO, words);
	else if (text_is(action, length, "DEFER") || text_is(action, length, "DEFER_IF_PERMIT") ||
	    (length == 3 && action[0] == '4' && strspn(action, "0123456789") == 3))
		answer_client(outcome, ASK_TEMPORARY, words);
	else	/* HOLD, DISCARD, FILTER ...: to pass it over would be to do what was not wanted */
		message_answer(outcome, ASK_TEMPORARY, "4.3.5 The policy server asks for what cannot be done here");
	return false;
}

/* One question; `recipient` is NULL where there are several. True: go on. */
static bool
ask_server(const struct text *description, const char *state, const char *recipient, uint64_t count,
    struct outcome *outcome)
{
	char array[1024], action[512];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, "request=smtpd_access_policy\n");
	add_attribute(&text, "protocol_state", state);
	add_attribute(&text, "recipient", recipient != NULL ? recipient : "");
	add_number_attribute(&text, "recipient_count", count);
	wire_put(&wire, array, text.used);
	wire_put(&wire, description->bytes, description->used);
	wire_put(&wire, "\n", 1);
	if (wire_flush(&wire) && read_action(action, sizeof action) != NULL)
		return judge_action(action, outcome);
	text_start(&text, outcome->how, sizeof outcome->how);
	text_add(&text, "policy: ");
	text_add(&text, wire_fault(errno));
	message_answer(outcome, ASK_TEMPORARY, "4.3.0 The policy server did not answer, try again later");
	return false;
}

bool
policy_allows(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome)
{
	const int64_t deadline = io_now() + POLICY_SECONDS * 1000;
	const char *only = message->recipients == 1 ? message_recipient(message, NULL) : NULL;
	char array[3072];
	struct text description, how;
	bool fine = true;
	int descriptor = call(config, deadline);

	if (descriptor < 0) {
		text_start(&how, outcome->how, sizeof outcome->how);
		text_add(&how, "policy: ");
		text_add(&how, wire_fault(errno));
		message_answer(outcome, ASK_TEMPORARY, "4.3.0 The policy server cannot be reached, try again later");
		return false;
	}
	wire_start(&wire, descriptor, deadline);
	text_start(&description, array, sizeof array);
	describe(&description, peer, message);
	if (description.cut) {	/* what would be missing may be what the server goes by */
		(void)close(descriptor);
		message_answer(outcome, ASK_TEMPORARY, "4.3.0 There is more to tell than the policy server takes");
		return false;
	}
	for (const char *to = NULL; fine && (to = message_recipient(message, to)) != NULL;)
		fine = ask_server(&description, "RCPT", to, 0, outcome);
	fine = fine && ask_server(&description, "END-OF-MESSAGE", only, message->recipients, outcome);
	(void)close(descriptor);
	return fine;
}
