/* The AUTH dialogues (RFC 4954): PLAIN, LOGIN, SCRAM (RFC 5802), CRAM-MD5 (RFC 2195), EXTERNAL, what is relayed. */
#include <bsd/string.h>
#include <string.h>

#include "base/apart.h"
#include "base/scram.h"
#include "base/text.h"
#include "session/sasl.h"

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
	char *response;		/* decoded: in login->body, after what is there already */
	size_t length;
	size_t touched;		/* bytes of login->body that were ever written: wiped at the end */
	/* Looks at each response to a challenge before it is passed on: the reply, if it is malformed. NULL: any
	 * will do. */
	const struct reply *(*check)(struct exchange *exchange);
	bool answered;		/* a challenge */
};

struct sasl_mechanism {
	const char *name;
	const struct reply *(*talk)(struct exchange *exchange, char *initial);
};

/* Decodes a line (at most LINE_AUTH_MAX long: it fits twice) and wipes it where it stood. */
static const struct reply *
decode_line(struct exchange *exchange, char *string, size_t length)
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
	if (exchange->touched < login->length + length / 4 * 3)
		exchange->touched = login->length + length / 4 * 3;
	line_wipe(string, whole);
	if (decoded < 0)
		return cancel ? &cancelled : &no_base64;
	exchange->length = (size_t)decoded;
	return NULL;
}

/* The initial response of the command line: "=" is an empty one, and not base64 (RFC 4954 section 4). */
static const struct reply *
decode_initial(struct exchange *exchange, char *initial)
{
	const struct reply *fault;

	if (strcmp(initial, "=") == 0)
		*initial = '\0';
	fault = decode_line(exchange, initial, strlen(initial));
	return fault == &cancelled ? &no_base64 : fault;	/* nothing has begun that "*" could cancel */
}

/* Decodes the client's answer to a 334. NULL: done, or the line ended (*event). */
static const struct reply *
hear_client(struct exchange *exchange)
{
	char *string;
	size_t length;

	*exchange->event = line_read(exchange->line, false, &string, &length);
	if (*exchange->event != LINE_READ)
		return NULL;
	if (length + 2 > LINE_AUTH_MAX) {
		line_wipe(string, length);
		return &too_long;
	}
	return decode_line(exchange, string, length);
}

/* Sends "334 PROMPT", which is base64, and decodes the client's answer. */
static const struct reply *
prompt_client(struct exchange *exchange, const char *prompt)
{
	line_reply(exchange->line, &(const struct reply){ 334, NULL, prompt, NULL });
	return hear_client(exchange);
}

/* Between the messages of SCRAM: static, since it is large, and not secret. */
static APART struct {
	struct scram scram;
	char server_first[SCRAM_SERVER_FIRST_MAX];	/* "" if it was too long, or none */
} scram_state;

/* The client's second message is compared with the server's first one. */
static void
keep_challenge(const char *bytes, size_t length)
{
	bool fits = length < sizeof scram_state.server_first && memchr(bytes, '\0', length) == NULL;

	memcpy(scram_state.server_first, bytes, fits ? length : 0);
	scram_state.server_first[fits ? length : 0] = '\0';
}

/* Like prompt_client(), with the challenge that stands in login->body; the response takes its place. */
static const struct reply *
pass_challenge(struct exchange *exchange)
{
	const char *at = exchange->login->body, *end = at + exchange->answer->length;
	char array[96] = "";
	struct text text;

	if (!exchange->answered)
		keep_challenge(at, exchange->answer->length);
	line_write(exchange->line, "334 ", 4);
	for (; at < end; at += 48) {
		size_t part = (size_t)(end - at);

		text_start(&text, array, sizeof array);
		text_add_base64(&text, at, part > 48 ? 48 : part);
		line_write(exchange->line, text.bytes, text.used);
	}
	line_write(exchange->line, "\r\n", 2);
	exchange->login->length = (size_t)(ask_step_body(exchange->login) - exchange->login->body);
	return hear_client(exchange);
}

/* The final reply, once the attempt is put together; challenges and responses go to and fro until there is one. */
static const struct reply *
ask_monitor(struct exchange *exchange)
{
	if (!ask_auth(exchange->login, exchange->answer))
		return &monitor_gone;
	while (exchange->answer->verdict == ASK_CHALLENGE) {
		const struct reply *fault = pass_challenge(exchange);

		if (*exchange->event != LINE_READ)
			return NULL;
		if (fault == NULL && exchange->check != NULL)
			fault = exchange->check(exchange);
		exchange->answered = true;
		if (fault != NULL)
			return ask_cancel(exchange->login, exchange->answer) ? fault : &monitor_gone;
		if (!ask_step(exchange->login, exchange->length, exchange->answer))
			return &monitor_gone;
	}
	return exchange->answer->verdict == ASK_YES ? &sasl_success
	    : exchange->answer->verdict == ASK_NO ? &refused : &no_answer;
}

/* RFC 4616: [authzid] NUL authcid NUL passwd; it is asked as it stands. */
static const struct reply *
plain(struct exchange *exchange, char *initial)
{
	const struct reply *fault = initial == NULL ? prompt_client(exchange, "")
	    : decode_initial(exchange, initial);
	size_t count = 0;

	if (fault != NULL || *exchange->event != LINE_READ)
		return fault;
	for (size_t i = 0; i < exchange->length; i++)
		count += exchange->response[i] == '\0';
	if (count != 2)
		return &malformed;
	ask_auth_add(exchange->login, exchange->length);	/* three fields in one: just these */
	return ask_monitor(exchange);
}

/* Never a standard: two prompts that must read exactly like this; the user name may be the initial response. */
static const struct reply *
login(struct exchange *exchange, char *initial)
{
	ask_auth_add(exchange->login, 0);	/* it has no authorization identity */
	for (int field = 0; field < 2; field++) {
		const struct reply *fault;

		if (field == 0 && initial != NULL)
			fault = decode_initial(exchange, initial);
		else	/* "Username:", "Password:" */
			fault = prompt_client(exchange, field == 0 ? "VXNlcm5hbWU6" : "UGFzc3dvcmQ6");
		if (fault != NULL || *exchange->event != LINE_READ)
			return fault;
		if (memchr(exchange->response, '\0', exchange->length) != NULL)
			return &malformed;
		ask_auth_add(exchange->login, exchange->length);
	}
	return ask_monitor(exchange);
}

/* The client's second message, which the checker parses again. What it proves is decided there. */
static const struct reply *
check_scram(struct exchange *exchange)
{
	struct scram_final final = { .server_first = scram_state.server_first };

	if (exchange->answered)	/* the answer to the server's last message: empty, or the monitor says no */
		return NULL;
	return strncmp(scram_state.server_first, "r=", 2) == 0 && scram_final(&scram_state.scram, exchange->response,
	    exchange->length, &final) != SCRAM_MALFORMED ? NULL : &malformed;
}

/* Where the client speaks first: what it says, in the command or after an empty prompt. */
static const struct reply *
hear_first(struct exchange *exchange, char *initial)
{
	exchange->login->body[exchange->login->length++] = '=';
	return initial == NULL ? prompt_client(exchange, "") : decode_initial(exchange, initial);
}

/* RFC 5802: the client speaks first. What is wrong but well-formed is asked all the same: it counts as an attempt. */
static const struct reply *
scram(struct exchange *exchange, char *initial)
{
	const struct reply *fault = hear_first(exchange, initial);

	if (fault != NULL || *exchange->event != LINE_READ)
		return fault;
	if (scram_first(&scram_state.scram, exchange->response, exchange->length, NULL, false) == SCRAM_MALFORMED)
		return &malformed;
	exchange->login->length += exchange->length;
	exchange->check = check_scram;
	return ask_monitor(exchange);
}

/* RFC 2195: a name, a blank, 32 hexadecimal digits. */
static const struct reply *
cram_md5_fault(struct exchange *exchange)
{
	const char *digits;

	if (exchange->length < 34 || memchr(exchange->response, '\0', exchange->length) != NULL)
		return &malformed;
	digits = exchange->response + exchange->length - 32;
	if (digits[-1] != ' ')
		return &malformed;
	for (int i = 0; i < 32; i++)
		if (strchr("0123456789abcdef", digits[i]) == NULL)
			return &malformed;
	return NULL;
}

static const struct reply *
cram_md5(struct exchange *exchange, char *initial)
{
	exchange->login->body[exchange->login->length++] = '-';
	if (initial != NULL) {		/* the server speaks first (RFC 4954 section 4) */
		line_wipe(initial, strlen(initial));
		return &malformed;
	}
	exchange->check = cram_md5_fault;
	return ask_monitor(exchange);
}

/* RFC 4422 appendix A: the connection tells who it is; the response is empty, or the login. */
static const struct reply *
external(struct exchange *exchange, char *initial)
{
	const struct reply *fault = hear_first(exchange, initial);

	if (fault != NULL || *exchange->event != LINE_READ)
		return fault;
	if (memchr(exchange->response, '\0', exchange->length) != NULL)
		return &malformed;
	exchange->login->length += exchange->length;
	return ask_monitor(exchange);
}

/* A mechanism that only a server beyond the wall knows. */
static const struct reply *
relay(struct exchange *exchange, char *initial)
{
	struct login *login = exchange->login;
	const struct reply *fault;

	login->body[login->length++] = initial == NULL ? '-' : '=';
	if (initial == NULL)
		return ask_monitor(exchange);
	fault = decode_initial(exchange, initial);
	if (fault != NULL)
		return fault;
	login->length += exchange->length;
	return ask_monitor(exchange);
}

static const struct sasl_mechanism mechanisms[] = {	/* in the order of enum config_mechanism */
	{ "PLAIN", plain },
	{ "LOGIN", login },
	{ "SCRAM-SHA-256", scram },
	{ "CRAM-MD5", cram_md5 },
	{ "EXTERNAL", external },
};

#define MECHANISMS (sizeof mechanisms / sizeof *mechanisms)

static char relayed[ASK_ANSWER_MAX + 1];	/* names, each followed by a blank */

void
sasl_relay(const char *list)
{
	strlcpy(relayed, list, sizeof relayed);
}

static char relayed_name[24];	/* the one at hand; the longest has 20 bytes (RFC 4422 section 3.1) */

/* Takes the next name from *at on. False: there is none. */
static bool
next_relayed(const char **at)
{
	struct text name;

	text_start(&name, relayed_name, sizeof relayed_name);
	for (; **at != '\0' && **at != ' '; (*at)++)
		text_add_byte(&name, **at);
	if (**at == ' ')
		(*at)++;
	return name.used > 0;
}

/* Our own mechanism of that name, if it is among the `offered`. */
static const struct sasl_mechanism *
find_own(unsigned offered, const char *name)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if ((offered & 1u << i) != 0 && text_same(name, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

static void
list_name(struct text *list, const char *name)
{
	text_add_byte(list, ' ');
	text_add(list, name);
}

const char *
sasl_list(const struct config *config, bool certified)
{
	static char array[sizeof relayed + 64];
	unsigned offered = config->mechanisms & ~(certified ? 0u : MECHANISM_EXTERNAL);
	const char *at = relayed;
	struct text list;

	text_start(&list, array, sizeof array);
	for (size_t i = 0; i < MECHANISMS; i++)
		if ((offered & 1u << i) != 0)
			list_name(&list, mechanisms[i].name);
	while (next_relayed(&at))
		if (find_own(config->mechanisms, relayed_name) == NULL)
			list_name(&list, relayed_name);
	return array;
}

const struct sasl_mechanism *
sasl_find(const struct config *config, const char *wanted)
{
	static const struct sasl_mechanism mechanism = { relayed_name, relay };
	const struct sasl_mechanism *own = find_own(config->mechanisms, wanted);
	const char *at = relayed;

	if (own != NULL)
		return own;
	while (next_relayed(&at)) {
		if (text_same(relayed_name, wanted)) {
			own = find_own(~0u, wanted);
			return own != NULL ? own : &mechanism;	/* in its own spelling */
		}
	}
	return NULL;
}

const struct reply *
sasl_auth(const struct sasl_mechanism *mechanism, struct line *line, char *initial, struct login *login,
    struct answer *answer, enum line_event *event)
{
	struct exchange exchange = { .line = line, .login = login, .answer = answer, .event = event,
	    .response = login->body };
	const struct reply *reply;

	*event = LINE_READ;
	ask_auth_start(login, mechanism->name);
	reply = mechanism->talk(&exchange, initial);
	explicit_bzero(login->body, exchange.touched + 2);
	return *event == LINE_READ ? reply : NULL;
}
