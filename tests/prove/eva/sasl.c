/* links: session/sasl base/text */
/* options: -eva-slevel 2 -eva-slevel-function keep_challenge:20,decode_initial:10,decode_line:10,hear_client:10,main:50,try:20,text_base64_decode:20,ask_monitor:10,strcspn:100,strspn:100,sasl_find:200,find_own:100,text_is:100 */
/* Any initial response, lines and answers of the monitor, in each mechanism of our own; not in those that are relayed. */
#include <bsd/string.h>
#include <string.h>

#include "base/scram.h"
#include "libc.h"
#include "session/sasl.h"

#define BIT Frama_C_interval(0, 1)

static struct config config;
static struct login credentials;
static struct answer answer;
static struct line line;
static char initial[LINE_AUTH_MAX], heard[LINE_FLOOD + 1];	/* nothing behind them */

/* Every byte of it can be read. */
static void
look(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '\n' && BIT)
			return;
}

enum line_event
line_read(struct line *from, bool command, char **string, size_t *length)
{
	(void)from;
	(void)command;
	Frama_C_make_unknown(heard, sizeof heard - 1);
	*string = heard;
	*length = Frama_C_unsigned_long_interval(0, sizeof heard - 1);
	return Frama_C_interval(LINE_READ, LINE_GONE);
}

void
line_wipe(char *string, size_t length)
{
	explicit_bzero(string, length);
}

void
line_write(struct line *to, const char *bytes, size_t length)
{
	(void)to;
	look(bytes, length);
}

void
line_reply(struct line *to, const struct reply *reply)
{
	(void)to;
	look(reply->text, strlen(reply->text));
}

void
ask_auth_start(struct login *login, const char *mechanism)
{
	login->length = strlen(mechanism) + 1;
	memcpy(login->body, mechanism, login->length);
}

void
ask_auth_add(struct login *login, size_t length)
{
	login->length += length;
	login->body[login->length++] = '\0';
}

char *
ask_step_body(struct login *login)
{
	return login->body + 1;
}

/* Any answer; a challenge stands where the question stood. */
static bool
ask(struct login *login, size_t length, struct answer *said)
{
	static const enum ask_verdict verdicts[] = { ASK_YES, ASK_CHALLENGE, ASK_TEMPORARY, ASK_LATE, ASK_NO };

	look(login->body, length);
	said->verdict = verdicts[Frama_C_interval(0, 4)];
	said->length = Frama_C_unsigned_long_interval(0, ASK_CHALLENGE_MAX);
	Frama_C_make_unknown(login->body, ASK_CHALLENGE_MAX);
	Frama_C_make_unknown(said->text, sizeof said->text - 1);
	return BIT;
}

bool
ask_auth(struct login *login, struct answer *said)
{
	return ask(login, login->length, said);
}

bool
ask_step(struct login *login, size_t length, struct answer *said)
{
	login->body[0] = '=';
	return ask(login, length + 1, said);
}

bool
ask_cancel(struct login *login, struct answer *said)
{
	login->body[0] = '*';
	return ask(login, 1, said);
}

enum scram_answer
scram_first(struct scram *scram, const char *message, size_t length, const char *binding, bool plus_offered)
{
	(void)scram;
	(void)binding;
	(void)plus_offered;
	look(message, length);
	return Frama_C_interval(SCRAM_FINE, SCRAM_REFUSED);
}

enum scram_answer
scram_final(const struct scram *scram, const char *message, size_t length, struct scram_final *final)
{
	(void)scram;
	look(final->server_first, strlen(final->server_first));
	look(message, length);
	return Frama_C_interval(SCRAM_FINE, SCRAM_REFUSED);
}

static bool
try(const char *name)
{
	enum line_event event;
	const struct sasl_mechanism *mechanism = sasl_find(&config, name, strlen(name));

	return mechanism != NULL &&
	    sasl_auth(mechanism, &line, BIT ? initial : NULL, &credentials, &answer, &event) == &sasl_success;
}

int
main(void)
{
	/*@ widen_hints global:"all", 95, 96, 1023, 1024, 9213, 9214, 9215, 9216, 12285, 12286, 12287, 12288, 65535, 65536; */
	config.mechanisms = ~0u;
	Frama_C_make_unknown(initial, sizeof initial - 1);
	switch (Frama_C_interval(0, 4)) {
	case 0: return try("PLAIN");
	case 1: return try("LOGIN");
	case 2: return try("SCRAM-SHA-256");
	case 3: return try("CRAM-MD5");
	default: return try("EXTERNAL");
	}
}
