/* The AUTH dialogues (RFC 4954): PLAIN (RFC 4616) and LOGIN, up to the question. */
#include <bsd/string.h>
#include <string.h>

#include "session/sasl.h"
#include "base/text.h"

const struct reply sasl_success = { 235, "2.7.0", "Authentication succeeded", NULL };

static const struct reply
	refused = { 535, "5.7.8", "Authentication credentials invalid", NULL },
	cancelled = { 501, "5.7.0", "Authentication cancelled", NULL },
	no_base64 = { 501, "5.5.2", "That is not base64", NULL },
	malformed = { 501, "5.5.2", "That is not what the mechanism sends", NULL },
	too_long = { 500, "5.5.6", "Authentication exchange line is too long", NULL },
	no_answer = { 454, "4.7.0", "Temporary authentication failure", NULL },
	monitor_gone = { 421, "4.3.0", "Internal failure, closing connection", "internal-failure" };

struct exchange {
	struct line *line;
	struct login *login;
	struct answer *answer;
	enum line_event *event;
	char *response;		/* decoded: in login->body, behind what is there already */
	size_t length;
	size_t touched;		/* bytes of login->body that were ever written: wiped at the end */
};

struct sasl_mechanism {
	const char *name;
	const struct reply *(*talk)(struct exchange *exchange, char *initial);
};

/* Decodes a line (at most LINE_AUTH_MAX long: it fits twice) and wipes it where it stood. */
static const struct reply *
decode(struct exchange *exchange, char *string, size_t length)
{
	struct login *login = exchange->login;
	size_t whole = length;
	bool cancel;
	long decoded;

	if (length > 0 && string[length - 1] == ' ')	/* seen in the wild, and harmless */
		length--;
	cancel = length == 1 && string[0] == '*';
	exchange->response = login->body + login->length;
	decoded = text_base64_decode(string, length, exchange->response);
	/* A decoding that fails half way has written too. */
	exchange->touched = login->length + length / 4 * 3;
	line_wipe(string, whole);
	if (decoded < 0)
		return cancel ? &cancelled : &no_base64;
	exchange->length = (size_t)decoded;
	return NULL;
}

/* The initial response of the command line: "=" is an empty one, and no base64 (RFC 4954 section 4). */
static const struct reply *
decode_initial(struct exchange *exchange, char *initial)
{
	const struct reply *fault = decode(exchange, initial, strcmp(initial, "=") == 0 ? 0 : strlen(initial));

	return fault == &cancelled ? &no_base64 : fault;	/* nothing has begun that "*" could cancel */
}

/* Sends "334 CHALLENGE" and decodes the client's answer. NULL: done, or the line ended (*event). */
static const struct reply *
ask_client(struct exchange *exchange, const char *challenge)
{
	const struct reply prompt = { 334, NULL, challenge, NULL };
	char *string;
	size_t length;

	line_reply(exchange->line, &prompt);
	*exchange->event = line_read(exchange->line, false, &string, &length);
	if (*exchange->event != LINE_READ)
		return NULL;
	if (length + 2 > LINE_AUTH_MAX) {
		line_wipe(string, length);
		return &too_long;
	}
	return decode(exchange, string, length);
}

static const struct reply *
ask_monitor(struct exchange *exchange)
{
	if (!ask_auth(exchange->login, exchange->answer))
		return &monitor_gone;
	return exchange->answer->verdict == ASK_YES ? &sasl_success
	    : exchange->answer->verdict == ASK_NO ? &refused : &no_answer;
}

/* RFC 4616: [authzid] NUL authcid NUL passwd; it is asked as it stands. */
static const struct reply *
plain(struct exchange *exchange, char *initial)
{
	const struct reply *fault = initial == NULL ? ask_client(exchange, "")
	    : decode_initial(exchange, initial);
	int count = 0;

	if (fault != NULL || *exchange->event != LINE_READ)
		return fault;
	for (size_t i = 0; i < exchange->length; i++)
		count += exchange->response[i] == '\0';
	if (count != 2)
		return &malformed;
	ask_auth_add(exchange->login, exchange->length);	/* three fields in one: just these */
	return ask_monitor(exchange);
}

/* Never a standard: two prompts that must read exactly so, the user name as initial response or not. */
static const struct reply *
login(struct exchange *exchange, char *initial)
{
	ask_auth_add(exchange->login, 0);	/* it has no authorization identity */
	for (int field = 0; field < 2; field++) {
		const struct reply *fault;

		if (field == 0 && initial != NULL)
			fault = decode_initial(exchange, initial);
		else	/* "Username:", "Password:" */
			fault = ask_client(exchange, field == 0 ? "VXNlcm5hbWU6" : "UGFzc3dvcmQ6");
		if (fault != NULL || *exchange->event != LINE_READ)
			return fault;
		if (memchr(exchange->response, '\0', exchange->length) != NULL)
			return &malformed;
		ask_auth_add(exchange->login, exchange->length);
	}
	return ask_monitor(exchange);
}

static const struct sasl_mechanism mechanisms[] = {
	{ "PLAIN", plain },
	{ "LOGIN", login },
};

const char *
sasl_list(const struct config *config)
{
	return config->plain && config->login ? " PLAIN LOGIN" : config->plain ? " PLAIN" : " LOGIN";
}

const struct sasl_mechanism *
sasl_find(const struct config *config, const char *name, size_t length)
{
	if (config->plain && text_is(name, length, "PLAIN"))
		return &mechanisms[0];
	if (config->login && text_is(name, length, "LOGIN"))
		return &mechanisms[1];
	return NULL;
}

const struct reply *
sasl_auth(const struct sasl_mechanism *mechanism, struct line *line, char *initial, struct login *login,
    struct answer *answer, enum line_event *event)
{
	struct exchange exchange = { .line = line, .login = login, .answer = answer, .event = event };
	const struct reply *reply;

	*event = LINE_READ;
	ask_auth_start(login, mechanism->name);
	reply = mechanism->talk(&exchange, initial);
	explicit_bzero(login->body, exchange.touched + 2);
	login->length = 0;
	return *event == LINE_READ ? reply : NULL;
}
