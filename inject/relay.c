/* Hands a message over to an SMTP relay (RFC 5321), from a process of its own. */
#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ask.h"
#include "base/apart.h"
#include "base/child.h"
#include "base/dial.h"
#include "base/drop.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/text.h"
#include "inject/relay.h"
#include "inject/wire.h"

#define GREET_SECONDS 10	/* to connect and be greeted */
#define LINES_MAX 100		/* of a reply */
#define LOOK_MAX (1 << 20)	/* bytes of a message in which 8-bit ones are looked for, if it can be done without */
#define RECIPIENTS_AT_ONCE 64	/* their replies fit into what the relay's socket holds: neither waits for the other */

/* One conversation with one relay. */
struct talk {
	const struct config *config;
	const struct peer *peer;
	const struct message *message;
	const struct rights *rights;	/* to take on in the child; NULL: it has them */
	const char *name;		/* of the relay, for the log */
	struct dial dial;
	const char *bytes;		/* the message, mapped */
	bool eight_bit;			/* it is not ASCII alone */
	int64_t deadline;
	struct wire wire;
	const char *step;		/* what is being asked, for the log */
	bool in_message;		/* nothing but the rest of the message may be sent any more */
	unsigned offers, attributes;	/* RELAY_..., and a bit for each of xclient[] */
	uint64_t size_limit;
	int code;			/* of the reply that came last; 0: there is none, and `error` says why */
	int error;
	char text[ASK_ANSWER_MAX + 1];	/* of it: printable ASCII */
	struct word {			/* what the parent is told: less than PIPE_BUF */
		bool taken;		/* it has taken MAIL: no other relay may be asked */
		struct outcome outcome;
		struct relay_facts facts;
	} word;
};

/* What XCLIENT can tell (Postfix's XCLIENT_README), as it is offered. */
static const char *const xclient[] = { "NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN" };

#define LENGTH(array) (sizeof (array) / sizeof *(array))

/* Replies ------------------------------------------------------------------------------------------------------- */

/* "250-TEXT" or "250 TEXT", without its end: its text is added to that of the reply. False: malformed. */
static bool
read_reply_line(struct talk *talk, char *line, size_t length, bool first, bool *last)
{
	struct text text = { talk->text, sizeof talk->text, strlen(talk->text), false };
	int code = 0;

	if (length < 4 || line[--length] != '\r')
		return false;
	line[length] = '\0';
	for (int i = 0; i < 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		code = code * 10 + line[i] - '0';
	}
	if (code < 200 || code > 599 || (!first && code != talk->code) || (length > 3 && strchr(" -", line[3]) == NULL))
		return false;
	talk->code = code;
	*last = length == 3 || line[3] == ' ';
	if (!first)
		text_add_byte(&text, ' ');
	for (size_t i = 4; i < length; i++)
		text_add_byte(&text, line[i] < 32 || line[i] == 127 ? '?' : line[i]);
	return true;
}

/* Reads one reply; `each`, unless NULL, is shown its lines from the second one on. Returns its code; 0: there was none,
 * and talk->error says why. */
static int
read_reply(struct talk *talk, void (*each)(struct talk *, char *))
{
	bool last = false;

	talk->text[0] = '\0';
	talk->code = talk->error = 0;
	for (int i = 0; !last; i++) {
		size_t length;
		char *line = wire_line(&talk->wire, &length);

		if (line == NULL || i == LINES_MAX || !read_reply_line(talk, line, length, i == 0, &last)) {
			talk->error = line == NULL ? errno : EPROTO;
			return talk->code = 0;
		}
		if (i > 0 && each != NULL)
			each(talk, line + 4);
	}
	return talk->code;
}

/* Adds to what waits to be sent. */
static void
put(struct talk *talk, const char *string)
{
	wire_put(&talk->wire, string, strlen(string));
}

/* Sends what waits, and reads the reply to it. */
static int
exchange(struct talk *talk, const char *step, void (*each)(struct talk *, char *))
{
	talk->step = step;
	if (wire_flush(&talk->wire))
		return read_reply(talk, each);
	talk->error = errno;
	return talk->code = 0;
}

/* Outcomes ------------------------------------------------------------------------------------------------------ */

/* "RELAY: STEP: TEXT" for the log. */
static void
note_outcome(struct talk *talk, const char *said)
{
	struct text how;

	text_start(&how, talk->word.outcome.how, sizeof talk->word.outcome.how);
	text_add(&how, talk->name);
	text_add(&how, ": ");
	if (talk->word.outcome.verdict != ASK_YES) {
		text_add(&how, talk->step);
		text_add(&how, ": ");
	}
	if (talk->code != 0) {
		text_add_number(&how, (uint64_t)talk->code);
		text_add_byte(&how, ' ');
	}
	text_add(&how, said);
}

/* "5.1.1" at the beginning, of that class, followed by a blank: its length without the blank; 0: there is none. */
static size_t
enhanced(const char *text, int class)
{
	size_t at = 1;

	if (text[0] != '0' + class)
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits;

		if (text[at] != '.')
			return 0;
		digits = strspn(text + at + 1, "0123456789");
		if (digits < 1 || digits > 3)
			return 0;
		at += 1 + digits;
	}
	return text[at] == ' ' || text[at] == '\0' ? at : 0;
}

/* The relay's own words for the client: its code where that can stand at the end of a message (RFC 5321 section
 * 4.3.2), an enhanced code, the recipient that they are about, the text. */
static bool
pass_on(struct talk *talk, const char *recipient)
{
	static const int codes[] = { 250, 450, 451, 452, 550, 551, 552, 553, 554 };
	struct outcome *outcome = &talk->word.outcome;
	int class = talk->code / 100, code = 0;
	size_t length = enhanced(talk->text, class);
	struct text text;

	for (size_t i = 0; i < LENGTH(codes); i++)
		if (codes[i] == talk->code)
			code = codes[i];
	outcome->verdict = class == 2 ? ASK_YES : class == 5 ? ASK_NO : ASK_TEMPORARY;
	text_start(&text, outcome->text, sizeof outcome->text);
	text_add_number(&text, (uint64_t)(code != 0 ? code : class == 5 ? 554 : 451));
	text_add_byte(&text, ' ');
	if (length > 0) {
		text_add_bytes(&text, talk->text, length);
	} else {
		text_add_number(&text, (uint64_t)class);
		text_add(&text, ".0.0");
	}
	if (recipient != NULL && strstr(talk->text, recipient) == NULL) {
		text_add(&text, " <");
		text_add(&text, recipient);
		text_add(&text, ">:");
	}
	if (length == 0)
		text_add_byte(&text, ' ');
	text_add(&text, talk->text + length);
	note_outcome(talk, talk->text);
	return class == 2;
}

/* The relay said nothing that can be used. Always false. */
static bool
broken(struct talk *talk)
{
	note_outcome(talk, talk->code != 0 ? talk->text : wire_fault(talk->error));
	message_answer(&talk->word.outcome, ASK_TEMPORARY,
	    "4.4.2 The mail relay did not take the message, try again later");
	return false;
}

/* Not the reply that was hoped for: a refusal, or nothing that makes sense. Always false. */
static bool
refused(struct talk *talk, const char *recipient)
{
	if (talk->code < 400)
		return broken(talk);
	(void)pass_on(talk, recipient);
	return false;
}

/* We refuse it ourselves: the relay cannot carry it. Always false. */
static bool
cannot_carry(struct talk *talk, const char *text)
{
	talk->code = 0;
	note_outcome(talk, text);
	message_answer(&talk->word.outcome, ASK_NO, text);
	return false;
}

/* Commands ------------------------------------------------------------------------------------------------------ */

/* One line of the reply to EHLO. */
static void
read_ehlo_line(struct talk *talk, char *line)
{
	static const char *const keywords[] = { "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "AUTH",
	    "XCLIENT" };
	char *rest;
	const char *keyword = strtok_r(line, " ", &rest);
	unsigned offer = 0;

	for (size_t i = 0; keyword != NULL && i < LENGTH(keywords); i++)
		if (text_same(keyword, keywords[i]))
			offer = 1U << i;
	talk->offers |= offer;
	if (offer == RELAY_SIZE && !text_number(rest, UINT64_MAX, &talk->size_limit))
		talk->size_limit = 0;
	if (offer != RELAY_XCLIENT)
		return;
	for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		for (size_t i = 0; i < LENGTH(xclient); i++)
			if (text_same(word, xclient[i]))
				talk->attributes |= 1U << i;
}

static bool
say_hello(struct talk *talk, const char *name)
{
	talk->offers = talk->attributes = 0;
	talk->size_limit = 0;
	put(talk, "EHLO ");
	put(talk, name);
	put(talk, "\r\n");
	if (exchange(talk, "EHLO", read_ehlo_line) != 250)
		return refused(talk, NULL);
	return true;
}

/* xtext (RFC 3461 section 4). */
static void
add_xtext(struct text *text, const char *string)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *string != '\0'; string++) {
		unsigned char byte = (unsigned char)*string;

		if (byte > 32 && byte < 127 && byte != '+' && byte != '=') {
			text_add_byte(text, *string);
			continue;
		}
		text_add_byte(text, '+');
		text_add_byte(text, digits[byte >> 4]);
		text_add_byte(text, digits[byte & 15]);
	}
}

/* Tells the relay whose client we have, where it wants to know; then all begins again. */
static bool
introduce(struct talk *talk)
{
	const struct peer *peer = talk->peer;
	const char *helo = talk->message->helo;
	const char *const values[] = { peer->host, peer->address, peer->port, "ESMTP", helo,
	    talk->message->identity->user };
	char array[2048];
	struct text text;

	if (talk->attributes == 0)
		return true;
	text_start(&text, array, sizeof array);
	text_add(&text, "XCLIENT");
	for (size_t i = 0; i < LENGTH(xclient); i++) {
		if ((talk->attributes & 1U << i) == 0)
			continue;
		text_add_byte(&text, ' ');
		text_add(&text, xclient[i]);
		text_add_byte(&text, '=');
		if (values[i] == peer->address && strchr(peer->address, ':') != NULL)
			text_add(&text, "IPV6:");
		if (values[i][0] == '\0')
			text_add(&text, "[UNAVAILABLE]");
		else
			add_xtext(&text, values[i]);
	}
	text_add(&text, "\r\n");
	if (text.cut)
		return cannot_carry(talk, "5.6.0 The mail relay cannot be told who sends this");
	put(talk, array);
	if (exchange(talk, "XCLIENT", NULL) != 220)
		return refused(talk, NULL);
	/* The name in this EHLO overrides XCLIENT's HELO: so it is the client's, too. */
	return say_hello(talk, text_hostname(helo) ? helo : talk->config->hostname);
}

/* Is there a byte above 127? */
static bool
has_eight_bits(const char *bytes, size_t length)
{
	uint64_t words[4], all = 0;
	size_t at = 0;

	for (; at + sizeof words <= length; at += sizeof words) {
		memcpy(words, bytes + at, sizeof words);
		all |= (words[0] | words[1]) | (words[2] | words[3]);
	}
	for (; at < length; at++)
		all |= (unsigned char)bytes[at];
	return (all & 0x8080808080808080u) != 0;
}

/* Does the message need what this relay has not? */
static bool
can_carry(struct talk *talk)
{
	const struct message *message = talk->message;

	/* Mostly the client says so. What is large is called so without a look, which would take half as long as
	 * sending it: ASCII may be (RFC 6152). Only for a relay that cannot have it one must look. */
	talk->eight_bit = (talk->offers & RELAY_8BITMIME) != 0 && (message->eight_bit || message->size > LOOK_MAX);
	if (!talk->eight_bit)
		talk->eight_bit = has_eight_bits(talk->bytes, message->size);
	if (message->smtputf8 && (talk->offers & RELAY_SMTPUTF8) == 0)
		return cannot_carry(talk, "5.6.7 The mail relay does not take internationalized addresses");
	if (talk->eight_bit && (talk->offers & RELAY_8BITMIME) == 0)
		return cannot_carry(talk, "5.6.3 The mail relay does not take 8-bit messages");
	if (message->dsn && (talk->offers & RELAY_DSN) == 0)
		return cannot_carry(talk, "5.3.3 The mail relay does not send delivery status notifications");
	if (talk->size_limit > 0 && message->size > talk->size_limit)
		return cannot_carry(talk, "552 5.3.4 The message is too large for the mail relay");
	return true;
}

static void
add_mail(struct talk *talk)
{
	const struct message *message = talk->message;
	char array[2048];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, "MAIL FROM:<");
	text_add(&text, message->sender);
	text_add_byte(&text, '>');
	if ((talk->offers & RELAY_SIZE) != 0) {
		text_add(&text, " SIZE=");
		text_add_number(&text, message->size);
	}
	if (talk->eight_bit)
		text_add(&text, " BODY=8BITMIME");
	if (message->smtputf8)
		text_add(&text, " SMTPUTF8");
	if (*message_dsn(message->sender) != '\0') {
		text_add_byte(&text, ' ');
		text_add(&text, message_dsn(message->sender));
	}
	if (talk->attributes == 0 && (talk->offers & RELAY_AUTH) != 0) {	/* RFC 4954 section 5 */
		text_add(&text, " AUTH=");
		add_xtext(&text, message->identity->user);
		if (strchr(message->identity->user, '@') == NULL) {
			text_add_byte(&text, '@');
			add_xtext(&text, talk->config->domain);
		}
	}
	text_add(&text, "\r\n");
	put(talk, array);
}

static void
add_recipient(struct talk *talk, const char *recipient)
{
	const char *dsn = message_dsn(recipient);

	put(talk, "RCPT TO:<");
	put(talk, recipient);
	put(talk, *dsn == '\0' ? ">" : "> ");
	put(talk, dsn);
	put(talk, "\r\n");
}

/* The reply to one RCPT. A refusal is kept, the first 5xx before the first 4xx. False: there is no going on. */
static bool
read_recipient(struct talk *talk, const char *recipient, bool *all)
{
	struct outcome *outcome = &talk->word.outcome;

	talk->step = "RCPT";
	if (read_reply(talk, NULL) == 250 || talk->code == 251)
		return true;
	if (talk->code < 400 || talk->code == 421)
		return refused(talk, recipient);
	if (*all || (talk->code >= 500 && outcome->verdict == ASK_TEMPORARY))
		(void)pass_on(talk, recipient);
	*all = false;
	return true;
}

/* The next RCPTs from *next on, at most so many, in one write, and MAIL in front of the first. */
static bool
send_group(struct talk *talk, const char **next, int most, bool mail)
{
	talk->step = mail ? "MAIL" : "RCPT";
	if (mail)
		add_mail(talk);
	for (; most > 0 && *next != NULL; most--, *next = message_recipient(talk->message, *next))
		add_recipient(talk, *next);
	if (wire_flush(&talk->wire))
		return true;
	talk->code = 0;
	talk->error = errno;
	return false;
}

/* MAIL and all RCPTs, in groups where the relay offers PIPELINING (RFC 2920). False: not all of it was taken. */
static bool
send_envelope(struct talk *talk)
{
	const bool pipelining = (talk->offers & RELAY_PIPELINING) != 0;
	const char *next = message_recipient(talk->message, NULL), *first;
	bool all = true;

	for (bool mail = true; mail || next != NULL; mail = false) {
		first = next;
		if (!send_group(talk, &next, pipelining ? RECIPIENTS_AT_ONCE : mail ? 0 : 1, mail))
			return refused(talk, NULL);
		if (mail && read_reply(talk, NULL) != 250)
			return refused(talk, NULL);
		talk->word.taken = true;
		for (const char *to = first; to != next; to = message_recipient(talk->message, to))
			if (!read_recipient(talk, to, &all))
				return false;
	}
	return all;
}

/* The message with its line ends made CRLF and its leading dots doubled, up to its last byte. */
static bool
send_lines(struct talk *talk)
{
	struct wire *wire = &talk->wire;
	const char *at = talk->bytes, *end = at + talk->message->size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline != NULL ? newline : end) - at);
		char *out;

		if (!wire_reserve(wire, WIRE_ROOM))
			return false;
		if (*at == '.')
			wire_put(wire, ".", 1);
		/* Longer than any line of text: written from where it is. */
		if (length > WIRE_ROOM / 2) {
			wire_put(wire, at, length);
			if (!wire_reserve(wire, 2))
				return false;
			out = wire->out + wire->out_used;
		} else {
			out = mempcpy(wire->out + wire->out_used, at, length);
		}
		*out++ = '\r';
		*out++ = '\n';
		wire->out_used = (size_t)(out - wire->out);
		at += length + 1;
	}
	return true;
}

/* A relay that says something before it has everything has refused it, or lies: it never sees the final dot. */
static bool
interrupted(struct talk *talk)
{
	(void)read_reply(talk, NULL);
	if (talk->code >= 400)
		return refused(talk, NULL);
	return broken(talk);
}

/* Until the final dot it has nothing. */
static bool
send_message(struct talk *talk)
{
	const bool pipelining = (talk->offers & RELAY_PIPELINING) != 0;

	talk->step = "DATA";
	if (!wire_quiet(&talk->wire))
		return interrupted(talk);
	put(talk, "DATA\r\n");
	if (exchange(talk, "DATA", NULL) != 354)
		return refused(talk, NULL);
	talk->step = "message";
	talk->in_message = true;
	if (!send_lines(talk) || !wire_quiet(&talk->wire))
		return interrupted(talk);
	put(talk, pipelining ? ".\r\nQUIT\r\n" : ".\r\n");
	if (exchange(talk, "final dot", NULL) != 250)
		return refused(talk, NULL);
	talk->in_message = pipelining;
	return pass_on(talk, NULL);
}

/* The process --------------------------------------------------------------------------------------------------- */

/* From here on there is the relay's connection, and the pipe to our parent: no file, no other process. Who we are was
 * settled at the login. */
static bool
lock_up(struct talk *talk, int said)
{
	const struct drop_cage cage = {
		.root = talk->rights != NULL, .rights = talk->rights, .id = "check", .files = 1,
		.wall = talk->wire.descriptor, .readable = { -1, -1 }, .writable = { said, -1, -1 },
	};
	const enum drop_step failed = drop_cage(&cage);

	talk->step = drop_faults[failed].name;
	talk->error = errno;
	if (failed != DROP_DONE)
		return broken(talk);
	return true;
}

/* Connects, and hears the greeting and what is offered. */
static bool
meet(struct talk *talk, int said)
{
	int64_t now = io_now(), greet = now + GREET_SECONDS * 1000;
	int descriptor;

	talk->step = "timer_create";
	if (!drop_end_after((unsigned)(talk->deadline < now ? 0 : (talk->deadline - now) / 1000) + 2)) {
		talk->error = errno;
		return broken(talk);
	}
	if (greet > talk->deadline)
		greet = talk->deadline;
	talk->step = "connect";
	descriptor = dial_connect(&talk->dial, greet);
	if (descriptor < 0) {
		talk->error = errno;
		return broken(talk);
	}
	wire_start(&talk->wire, descriptor, greet);
	if (!lock_up(talk, said))
		return false;
	if (exchange(talk, "greeting", NULL) != 220)
		return refused(talk, NULL);
	if (!say_hello(talk, talk->config->hostname))
		return false;
	talk->wire.deadline = talk->deadline;
	return true;
}

/* Says goodbye where that can be said, and waits for no answer: ours is what is waited for. */
static void
leave(struct talk *talk)
{
	talk->wire.out_used = 0;
	talk->wire.deadline = 0;
	if (talk->in_message)
		return;
	if (talk->word.outcome.verdict != ASK_YES && talk->word.taken && (talk->offers & RELAY_PIPELINING) != 0)
		put(talk, "RSET\r\n");
	put(talk, "QUIT\r\n");
	(void)wire_flush(&talk->wire);
}

static bool
map_message(struct talk *talk)
{
	void *bytes = mmap(NULL, talk->message->size, PROT_READ, MAP_SHARED | MAP_POPULATE, talk->message->spool, 0);

	talk->step = "spool";
	talk->code = 0;
	talk->error = errno;
	talk->bytes = bytes;
	if (bytes == MAP_FAILED)
		return broken(talk);
	return true;
}

/* In the child: one relay, one message. */
static int
send_here(void *context, int said)
{
	struct talk *talk = context;
	bool told;

	talk->word.taken = false;
	/* A relay that takes us over learns nothing by which passwords could be guessed. */
	explicit_bzero(talk->message->memory, sizeof *talk->message->memory);
	if (map_message(talk) && meet(talk, said) && introduce(talk) && can_carry(talk) && send_envelope(talk))
		(void)send_message(talk);
	told = io_write_all(said, &talk->word, sizeof talk->word);
	leave(talk);
	return told ? 0 : 1;
}

/* In the child: for --check. */
static int
ask_here(void *context, int said)
{
	struct talk *talk = context;
	struct relay_facts *facts = &talk->word.facts;

	facts->reached = meet(talk, said);
	facts->offers = talk->offers;
	facts->size = talk->size_limit;
	strlcpy(facts->fault, talk->word.outcome.how, sizeof facts->fault);
	(void)io_write_all(said, &talk->word, sizeof talk->word);
	leave(talk);
	return 0;
}

/* The name of the relay of that number, of which there are so many; false: it is malformed. */
static bool
find_relay(const struct config *config, int number, char *name, size_t size, struct dial *dial)
{
	const char *at = config->injector_path;
	size_t length;

	for (; number > 0; number--)
		at = strchr(at, ',') + 1;
	length = strcspn(at, ",");
	if (length >= size || !dial_read(at, length, dial))
		return false;
	memcpy(name, at, length);
	name[length] = '\0';
	return true;
}

int
relay_count(const struct config *config)
{
	char name[RELAY_NAME_SIZE];
	struct dial dial;
	int count = 1;

	for (const char *at = config->injector_path; (at = strchr(at, ',')) != NULL; at++)
		count++;
	for (int i = 0; i < count; i++)
		if (count > RELAYS_MAX || !find_relay(config, i, name, sizeof name, &dial))
			return 0;
	return count;
}

static APART struct talk talk;	/* its buffers are touched in the child alone */

/* What the process said. Whoever took it over may have said anything: every text must end. */
static bool
read_outcome(const struct child_end *end)
{
	struct outcome *outcome = &talk.word.outcome;

	if (end->length != sizeof talk.word)
		return false;
	memcpy(&talk.word, end->said, sizeof talk.word);
	outcome->text[sizeof outcome->text - 1] = outcome->how[sizeof outcome->how - 1] = '\0';
	talk.word.facts.name[RELAY_NAME_SIZE - 1] = talk.word.facts.fault[sizeof talk.word.facts.fault - 1] = '\0';
	return true;
}

/* ... and every verdict must be one. */
static bool
is_verdict(enum ask_verdict verdict)
{
	return verdict == ASK_YES || verdict == ASK_NO || verdict == ASK_TEMPORARY;
}

/* One relay in a process of its own. False: the process said nothing. */
static bool
run_relay(const struct config *config, int number, int (*inside)(void *, int), struct child_end *end)
{
	struct child_job job = { .inside = inside, .context = &talk };
	int64_t left = talk.deadline - io_now();

	talk.word = (struct word){ 0 };
	talk.config = config;
	talk.name = talk.word.facts.name;
	talk.offers = 0;
	talk.in_message = false;
	(void)find_relay(config, number, talk.word.facts.name, sizeof talk.word.facts.name, &talk.dial);
	job.seconds = (int)(left < 0 ? 0 : left / 1000) + 2;	/* it keeps its deadline itself */
	child_run(&job, end);
	return read_outcome(end);
}

void
relay_ask(const struct config *config, const struct identity *service, int number, struct relay_facts *facts)
{
	struct child_end end;

	talk.rights = config->root ? &service->rights : NULL;
	talk.deadline = io_now() + GREET_SECONDS * 1000;
	if (!run_relay(config, number, ask_here, &end))
		strlcpy(talk.word.facts.fault, child_how(&end), sizeof talk.word.facts.fault);
	*facts = talk.word.facts;
}

/* Nobody knows what it did before it ended. */
static void
judge_silence(const struct child_end *end, struct outcome *outcome)
{
	struct text how;

	text_start(&how, outcome->how, sizeof outcome->how);
	text_add(&how, talk.name);
	text_add(&how, ": ");
	text_add(&how, child_how(end));
	message_answer(outcome, ASK_TEMPORARY, "4.3.0 The message could not be handed over, try again later");
}

void
relay_send(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome)
{
	int count = relay_count(config);
	struct child_end end;
	struct text how;

	talk.peer = peer;
	talk.message = message;
	talk.deadline = io_now() + (int64_t)config->inject_timeout * 1000;
	for (int i = 0; i < count; i++) {
		struct outcome before = *outcome, *now = &talk.word.outcome;

		if (!run_relay(config, i, send_here, &end) || !is_verdict(now->verdict)) {
			judge_silence(&end, outcome);
			return;
		}
		*outcome = *now;
		/* What one says later, another may take: no is the answer only where all say no. */
		if (!talk.word.taken && before.verdict == ASK_TEMPORARY && now->verdict == ASK_NO)
			message_answer(outcome, before.verdict, before.text);
		how = (struct text){ outcome->how, sizeof outcome->how, strlen(outcome->how), false };
		if (i > 0) {
			text_add(&how, "; before: ");
			text_add(&how, before.how);
		}
		if (talk.word.taken)
			return;
	}
}
