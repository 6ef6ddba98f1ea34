/* SMTP submission (RFC 5321, 6409): commands, states, transaction, up to the questions. */
#include <bsd/string.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "base/address.h"
#include "base/apart.h"
#include "base/dsn.h"
#include "base/io.h"
#include "base/peer.h"
#include "base/spool.h"
#include "base/text.h"
#include "session/data.h"
#include "session/line.h"
#include "session/proxy.h"
#include "session/sasl.h"
#include "session/smtp.h"
#include "session/xclient.h"

/* From MAIL to the answer after DATA, or RSET (RFC 5321 section 3.3). */
struct transaction {
	bool open;
	bool smtputf8, eight_bit;
	bool refused;			/* a recipient was */
	unsigned recipients;
	uint64_t arguments;		/* bytes of the recipients as the injector's arguments */
	struct address sender;
	char dsn[DSN_MAX + 1];		/* parameters of MAIL */
};

static APART _Alignas(4096) struct session {
	const struct config *config;
	const char *id;
	struct peer peer;
	int64_t start, deadline;	/* io_now() */
	bool extended;			/* EHLO came; there is no AUTH without it, and no MAIL without AUTH */
	bool logged_in;
	bool learned;			/* the monitor told what else AUTH may offer */
	bool has_spool;			/* an empty one lies on SPOOL_DESCRIPTOR */
	bool data_refused;		/* DATA was, just now: its text may come all the same */
	bool xclient_allowed;		/* still: until it has told an address */
	enum starttls starttls;		/* what is still to be had */
	unsigned logins, bad_commands, idle_commands;	/* `logins`: answers to AUTH */
	bool last_login;				/* there must be no other */
	unsigned commands, messages;	/* messages: handed over */
	uint64_t bytes;			/* of all messages */
	const struct command *titled;	/* what ps shows: of a thousand recipients the first is enough */
	const char *end;		/* why the session ended */
	char helo[256];
	char user[USER_MAX + 1];	/* "" before the login */
	struct transaction transaction;
	struct reply greeting;		/* 220, and the answer to HELO */
	struct reply reply;		/* the one whose text comes from across the wall */
	struct answer answer;
	struct xclient xclient;		/* what was said so far */
	/* Each begins with what is always used and ends with what mostly is not: few pages are touched. */
	struct line line;
	struct data data;
	union {
		struct login login;	/* until somebody has logged in */
		struct envelope envelope;
	};
} session;

#define REPLY(name, code, enhanced, text) static const struct reply name = { code, enhanced, text, NULL }
#define LAST_REPLY(name, code, enhanced, text, end) static const struct reply name = { code, enhanced, text, end }
#define SILENT_END(name, end) static const struct reply name = { 0, NULL, NULL, end }

REPLY(ok, 250, "2.0.0", "Ok");
REPLY(sender_ok, 250, "2.1.0", "Sender ok");
REPLY(recipient_ok, 250, "2.1.5", "Recipient ok");
REPLY(cannot_verify, 252, "2.1.5", "Cannot verify a user, but will take mail for one");
REPLY(help_text, 214, "2.0.0", "EHLO HELO AUTH STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT: RFC 5321, 6409");
REPLY(go_ahead, 354, NULL, "End with a line that holds a single dot");
REPLY(bad_syntax, 500, "5.5.2", "That is not a command");
REPLY(line_too_long, 500, "5.5.2", "Line too long");
REPLY(auth_too_long, 500, "5.5.6", "Authentication exchange line is too long");
REPLY(unknown_command, 500, "5.5.1", "Command not recognized");
REPLY(no_argument, 501, "5.5.4", "No argument allowed here");
REPLY(need_argument, 501, "5.5.4", "Argument missing");
REPLY(bad_argument, 501, "5.5.4", "Argument malformed");
REPLY(bad_parameter, 501, "5.5.4", "Parameter malformed");
REPLY(bad_sender, 501, "5.1.7", "Sender address malformed");
REPLY(bad_recipient, 501, "5.1.3", "Recipient address malformed");
REPLY(not_implemented, 502, "5.5.1", "Command not implemented");
REPLY(bad_sequence, 503, "5.5.1", "Bad sequence of commands");
REPLY(need_mail, 503, "5.5.1", "MAIL first");
REPLY(need_recipient, 503, "5.5.1", "RCPT first");
REPLY(need_ehlo, 503, "5.5.1", "EHLO first");
REPLY(nested_mail, 503, "5.5.1", "A transaction is open already");
REPLY(already_in, 503, "5.5.1", "Already authenticated");
REPLY(unknown_mechanism, 504, "5.5.4", "Mechanism not offered");
REPLY(need_login, 530, "5.7.0", "Authentication required");
REPLY(need_starttls, 530, "5.7.0", "Must issue a STARTTLS command first");
REPLY(need_encryption, 538, "5.7.11", "Encryption required for authentication");
REPLY(too_big, 552, "5.3.4", "Message is larger than this server takes");
REPLY(too_many, 452, "4.5.3", "Too many recipients");
REPLY(no_spool, 452, "4.3.1", "No room for a message, try again later");
REPLY(no_xclient, 550, "5.7.0", "XCLIENT is not for you");
REPLY(unclear_sender, 550, "5.7.1", "From or Sender cannot be read: give them plain addresses that are yours");
REPLY(need_smtputf8, 553, "5.6.7", "Address needs SMTPUTF8");
REPLY(no_recipients, 554, "5.5.1", "No valid recipients");
REPLY(unknown_parameter, 555, "5.5.4", "Parameter not recognized");
REPLY(begin_again, 220, "2.0.0", "Ok, begin again with EHLO");
REPLY(start_tls, 220, "2.0.0", "Ready to start TLS");
REPLY(extensions_end, 250, NULL, "ENHANCEDSTATUSCODES");
LAST_REPLY(bye, 221, "2.0.0", "Bye", "quit");
LAST_REPLY(monitor_gone, 421, "4.3.0", "Internal failure, closing connection", "internal-failure");
LAST_REPLY(late, 421, "4.4.2", "Timeout, closing connection", "timeout");
LAST_REPLY(too_many_errors, 421, "4.7.0", "Too many errors, closing connection", "too-many-errors");
LAST_REPLY(too_idle, 421, "4.7.0", "Too many commands without a message, closing connection", "too-many-commands");
LAST_REPLY(bare_line_end, 500, "5.5.2", "Bare CR, bare LF or NUL in a command, closing connection", "bare-line-end");
LAST_REPLY(flooded, 500, "5.5.2", "Line without an end, closing connection", "line-flood");
LAST_REPLY(not_smtp, 500, "5.5.2", "This is SMTP, closing connection", "not-smtp");
LAST_REPLY(wrong_protocol, 502, "5.5.1", "This is SMTP, closing connection", "not-smtp");
LAST_REPLY(no_chunking, 502, "5.5.1", "CHUNKING is not offered, closing connection", "chunking");
LAST_REPLY(pipelined_starttls, 503, "5.5.1", "Nothing may follow STARTTLS in one go, closing connection",
    "pipelined-starttls");
static const struct reply nothing;	/* nothing is said */
SILENT_END(client_gone, "eof");
SILENT_END(client_stuck, "client-does-not-read");
SILENT_END(starttls_failed, "starttls-failed");
SILENT_END(no_proxy_header, "no-proxy-header");
SILENT_END(bad_proxy_header, "bad-proxy-header");
SILENT_END(proxy_untold, "internal-failure");

static void
set_title(const char *what)
{
	io_title("session", session.peer.client, session.user, what);
}

/* Ends the transaction, whatever came of it. */
static void
reset(void)
{
	session.transaction.open = false;
}

/* Takes the name that the client gives itself. NULL: done. */
static const struct reply *
greet(const char *name, bool extended)
{
	if (*name == '\0')
		return &need_argument;
	if (strchr(name, ' ') != NULL || strchr(name, '\t') != NULL || strlen(name) >= sizeof session.helo)
		return &bad_argument;
	strlcpy(session.helo, name, sizeof session.helo);
	session.extended = extended;
	reset();
	return NULL;
}

static const struct reply *
helo(char *argument)
{
	const struct reply *fault = greet(argument, false);

	session.greeting = (struct reply){ 250, NULL, session.config->hostname, NULL };
	return fault == NULL ? &session.greeting : fault;
}

/* One line of the answer to EHLO; the last one is a reply. */
static void
offer(const char *keyword, const char *values)
{
	char array[512] = "";
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, "250-");
	text_add(&text, keyword);
	text_add(&text, values);
	if (session.config->debug)
		ask_log(&(struct ask_line){ .event = ASK_TRACE, .reason = "S", .text = array });
	text_add(&text, "\r\n");
	line_write(&session.line, array, text.used);
}

static bool
auth_offered(void)
{
	return !session.logged_in && peer_safe(&session.peer, session.config) && session.starttls != STARTTLS_REQUIRED;
}

/* What a Dovecot server lists is offered, too; asked for once. False: the monitor is gone. */
static bool
learn_mechanisms(void)
{
	if (!session.config->dovecot || session.learned)
		return true;
	session.learned = true;
	if (!ask_mechanisms(&session.answer))
		return false;
	sasl_relay(session.answer.text);
	return true;
}

static const struct reply *
ehlo(char *argument)
{
	const struct config *config = session.config;
	const struct reply *fault = greet(argument, true);
	char number[24] = "";
	struct text text;

	if (fault != NULL)
		return fault;
	if (auth_offered() && !learn_mechanisms())
		return &monitor_gone;
	offer(config->hostname, "");
	offer("PIPELINING", "");
	text_start(&text, number, sizeof number);
	text_add_number(&text, config->max_size == UINT64_MAX ? 0 : config->max_size);
	offer("SIZE ", number);
	offer("8BITMIME", "");
	if (config->smtputf8)
		offer("SMTPUTF8", "");
	if (config->offer_dsn)
		offer("DSN", "");
	if (session.starttls != STARTTLS_NONE)
		offer("STARTTLS", "");
	if (auth_offered())
		offer("AUTH", sasl_list(config, peer_certified(&session.peer)));
	if (session.xclient_allowed && !session.logged_in)
		offer(XCLIENT_ATTRIBUTES, "");
	text_start(&text, number, sizeof number);
	text_add_number(&text, config->max_recipients);
	offer("LIMITS RCPTMAX=", number);
	return &extensions_end;
}

/* The reply where no whole line, or no whole message, came. */
static const struct reply *
no_line(enum line_event event)
{
	switch (event) {
	case LINE_BARE:
		return &bare_line_end;
	case LINE_FLOODED:
		return &flooded;
	case LINE_FOREIGN:
		return &not_smtp;
	case LINE_LATE:
		return &late;
	default:
		return line_broken(&session.line) ? &client_stuck : &client_gone;
	}
}

static void
note_login(void)
{
	strlcpy(session.user, session.answer.text, sizeof session.user);
	session.logged_in = true;
	session.last_login = false;
	session.starttls = STARTTLS_NONE;
	line_set_deadline(&session.line, session.deadline);
}

/* Why there is no AUTH now; NULL: there is. */
static const struct reply *
auth_fault(const char *argument)
{
	bool safe = peer_safe(&session.peer, session.config);

	if (!session.extended)
		return &need_ehlo;
	if (*argument == '\0')
		return &need_argument;
	if (session.starttls == STARTTLS_REQUIRED || (session.starttls == STARTTLS_OFFERED && !safe))
		return &need_starttls;
	return safe ? NULL : &need_encryption;
}

/* RFC 4954 section 4. */
static const struct reply *
auth(char *argument)
{
	const struct reply *reply = auth_fault(argument);
	const struct sasl_mechanism *mechanism = NULL;
	char *initial = strchr(argument, ' ');	/* one blank (RFC 4954 section 8), and something behind it */
	size_t whole = strlen(argument);
	enum line_event event;

	if (initial != NULL)
		*initial++ = '\0';
	session.last_login = ++session.logins >= AUTH_MAX;
	if (reply == NULL && (mechanism = sasl_find(session.config, argument)) == NULL)
		reply = &unknown_mechanism;
	if (reply == NULL && initial != NULL && strchr(initial, ' ') != NULL)
		reply = &bad_argument;
	if (reply != NULL) {
		line_wipe(argument, whole);	/* there may be a password in it all the same */
		return reply;
	}
	reply = sasl_auth(mechanism, &session.line, initial, &session.login, &session.answer, &event);
	if (reply == NULL)
		return no_line(event);
	if (reply == &sasl_success)
		note_login();
	else if (strcmp(session.answer.text, ASK_LAST) == 0)
		session.last_login = true;
	return reply;
}

static bool
tell_peer(void)
{
	return ask_peer(&session.peer, &session.answer) && session.answer.verdict == ASK_YES;
}

/* As if the connection had just begun; what is known of it stays. */
static void
forget_greeting(void)
{
	session.extended = false;
	session.helo[0] = '\0';
	reset();
}

/* Postfix's XCLIENT_README, before a login alone. What comes before an address waits for it: the monitor is told
 * once. */
static const struct reply *
xclient(char *argument)
{
	struct xclient said = session.xclient;

	if (session.config->xclient_from[0] == '\0')
		return &not_implemented;
	if (session.logged_in)
		return &bad_sequence;
	if (!session.xclient_allowed)
		return &no_xclient;
	if (!xclient_read(argument, &said))
		return &bad_argument;
	session.xclient = said;
	if (said.address_said) {
		session.xclient_allowed = false;
		/* unreachable: refused; xclient_read() leaves an address and a name */
		if (!peer_replaced(&session.peer, said.address, said.port, said.name))
			return &bad_argument;
		if (!tell_peer())
			return &monitor_gone;
	}
	forget_greeting();
	return &begin_again;
}

/* RFC 3207, by UCSPI-TLS: the server in front does TLS, and gives us two new descriptors. */
static const struct reply *
starttls(char *argument)
{
	const struct config *config = session.config;
	const char *pending;

	if (config->starttls == STARTTLS_NONE)
		return &not_implemented;
	if (session.starttls == STARTTLS_NONE)
		return &bad_sequence;
	if (*argument != '\0')
		return &no_argument;
	if (line_pending(&session.line, &pending) > 0)	/* what came in clear text would be taken for more */
		return &pipelined_starttls;
	line_reply(&session.line, &start_tls);
	if (!line_flush(&session.line))
		return no_line(LINE_GONE);
	if (!ask_starttls(&session.peer, &session.answer))
		return &monitor_gone;
	if (session.answer.verdict != ASK_YES)
		return &starttls_failed;
	/* 0 and 1 stay, unused: the next spool takes the lowest number that is free, and it must be its own. */
	line_start(&session.line, config->tls_read, config->tls_write);
	session.starttls = STARTTLS_NONE;
	forget_greeting();
	return &nothing;
}

/* KEYWORD or KEYWORD=VALUE (RFC 5321 section 4.1.2) at *at; both are ended by a NUL. False: malformed. */
static bool
parameter(char **at, char **keyword, char **value)
{
	char *p = *at;

	*keyword = p;
	*value = NULL;
	if (strchr("-=", *p) != NULL)
		return false;
	for (; *p != ' ' && *p != '\0' && *p != '='; p++)
		if (!((*p | 32) >= 'a' && (*p | 32) <= 'z') && !(*p >= '0' && *p <= '9') && *p != '-')
			return false;
	if (*p == '=') {
		*p++ = '\0';
		*value = p;
		for (; *p != ' ' && *p != '\0'; p++)
			if (*p < 33 || *p == '=')	/* nor DEL: plain_text() has seen the line */
				return false;
		if (p == *value)
			return false;
	}
	if (*p == ' ')
		*p++ = '\0';
	while (*p == ' ')
		p++;
	*at = p;
	return true;
}

/* xtext (RFC 3461 section 4): + and two upper-case hexadecimal digits stand for bytes that may not appear as they are.
 * The decoded value is not used, but it must not hide a control character. */
static bool
xtext(const char *value)
{
	for (; *value != '\0'; value++) {
		int byte = 0;

		if (*value != '+')
			continue;
		for (int i = 0; i < 2; i++) {
			const char *digits = "0123456789ABCDEF", *digit = strchr(digits, *++value);

			if (*value == '\0' || digit == NULL)
				return false;
			byte = byte * 16 + (int)(digit - digits);
		}
		if (byte < 32 || byte == 127)
			return false;
	}
	return true;
}

/* RFC 1870. 552 for a size above the limit, 501 for anything but a number. */
static const struct reply *
size_parameter(const char *value)
{
	const char *end;
	uint64_t size;

	if (value == NULL)
		return &bad_parameter;
	for (end = value; *end >= '0' && *end <= '9'; end++)
		;
	if (end - value > 20 || *end != '\0')
		return &bad_parameter;
	return text_number(value, session.config->max_size, &size) ? NULL : &too_big;
}

/* Keeps a parameter of MAIL or RCPT that is DSN's (RFC 3461); any other: &unknown_parameter. */
static const struct reply *
dsn_parameter(bool of_mail, const char *keyword, const char *value, unsigned *seen, struct text *kept)
{
	enum dsn_parameter what = session.config->offer_dsn ? dsn_read(of_mail, keyword, value) : DSN_NONE;

	if (what == DSN_NONE)
		return &unknown_parameter;
	if (value == NULL || what == DSN_WRONG || (*seen & what) != 0)
		return &bad_parameter;
	*seen |= what;
	if (kept->used > 0)
		text_add_byte(kept, ' ');
	for (; *keyword != '\0'; keyword++)
		text_add_byte(kept, *keyword);
	text_add_byte(kept, '=');
	for (; *value != '\0'; value++)
		text_add_byte(kept, *value);
	return NULL;
}

static const struct reply *
mail_parameters(char *at, struct transaction *transaction)
{
	enum { SIZE = DSN_WRONG, BODY = 2 * SIZE, AUTH = 4 * SIZE, SMTPUTF8 = 8 * SIZE };	/* below are DSN's */
	struct text dsn;
	unsigned seen = 0, now;

	text_start(&dsn, transaction->dsn, sizeof transaction->dsn);
	while (*at == ' ')
		at++;
	while (*at != '\0') {
		const struct reply *fault = NULL;
		char *keyword, *value;

		if (!parameter(&at, &keyword, &value))
			return &bad_parameter;
		if (text_same(keyword, "SIZE")) {
			now = SIZE;
			fault = size_parameter(value);
		} else if (text_same(keyword, "BODY")) {	/* RFC 6152 */
			now = BODY;
			if (value == NULL || (!text_same(value, "7BIT") && !text_same(value, "8BITMIME")))
				fault = &bad_parameter;
			else
				transaction->eight_bit = text_same(value, "8BITMIME");
		} else if (text_same(keyword, "AUTH")) {	/* RFC 4954 section 5: not trusted */
			now = AUTH;
			if (value == NULL || !xtext(value))	/* "<>" is one, too */
				fault = &bad_parameter;
		} else if (text_same(keyword, "SMTPUTF8") && session.config->smtputf8) {
			now = SMTPUTF8;
			if (value != NULL)
				fault = &bad_parameter;
		} else {
			now = 0;
			fault = dsn_parameter(true, keyword, value, &seen, &dsn);
		}
		if (fault == NULL && (seen & now) != 0)
			fault = &bad_parameter;
		if (fault != NULL)
			return fault;
		seen |= now;
	}
	transaction->smtputf8 = (seen & SMTPUTF8) != 0;
	return NULL;
}

/* The path after "FROM:" or "TO:"; *at is left at the parameters. */
static const struct reply *
read_address_path(char *argument, const char *prefix, char **at, struct address *address, const struct reply *malformed)
{
	const char *p = text_after(argument, prefix);

	if (p == NULL)
		return &bad_argument;
	while (*p == ' ')	/* not in the grammar; old devices send it */
		p++;
	switch (address_read(&p, session.config->domain, address)) {
	case ADDRESS_MALFORMED:
		return malformed;
	case ADDRESS_NOT_UTF8:
		return &need_smtputf8;
	default:
		*at = (char *)(uintptr_t)p;	/* in argument, which is no constant */
		return address->non_ascii && !session.config->smtputf8 ? &need_smtputf8 : NULL;
	}
}

static bool
sender_rule(void)
{
	return session.config->senders[0] != '\0' || session.config->own_address;
}

/* Asks whether the login may use this address; NULL: yes. `code` is that of a no. */
static const struct reply *
ask_owner(const char *address, int code)
{
	if (!ask_sender(address, &session.answer))
		return &monitor_gone;
	if (session.answer.verdict == ASK_YES)
		return NULL;
	session.reply = (struct reply){ session.answer.verdict == ASK_NO ? code : 451, NULL, session.answer.text,
	    NULL };
	return &session.reply;
}

/* The header's part of the sender rule. */
static const struct reply *
sender_fault(const char *address)
{
	return address == NULL ? &unclear_sender : ask_owner(address, 550);
}

static const struct reply *
mail(char *argument)
{
	struct transaction transaction = { .open = true };
	const struct reply *fault;
	char *at;

	if (session.transaction.open)
		return &nested_mail;
	fault = read_address_path(argument, "FROM:", &at, &transaction.sender, &bad_sender);
	if (fault == NULL)
		fault = mail_parameters(at, &transaction);
	if (fault == NULL && transaction.sender.non_ascii && !transaction.smtputf8)
		fault = &need_smtputf8;
	if (fault == NULL && transaction.sender.length > 0 && sender_rule())
		fault = ask_owner(transaction.sender.text, 553);
	if (fault != NULL)
		return fault;
	session.transaction = transaction;
	ask_send_add(&session.envelope, 'F', transaction.sender.text);
	if (transaction.dsn[0] != '\0')
		ask_send_add(&session.envelope, 'D', transaction.dsn);
	return &sender_ok;
}

/* Where one more recipient may not fit: addresses alone always do, but with what DSN adds the envelope may be full. */
#define ENVELOPE_FULL (sizeof session.envelope.body - (ADDRESS_MAX + 2 + DSN_MAX + 2 + 1))

static const struct reply *
recipient(char *argument)
{
	struct transaction *transaction = &session.transaction;
	struct address address;
	const struct reply *fault;
	uint64_t size;
	static char array[DSN_MAX + 1];
	char *at;
	unsigned seen = 0;
	struct text dsn;

	fault = read_address_path(argument, "TO:", &at, &address, &bad_recipient);
	if (fault != NULL)
		return fault;
	if (address.length == 0)
		return &bad_recipient;
	if (address.non_ascii && !transaction->smtputf8)
		return &need_smtputf8;
	while (*at == ' ')
		at++;
	text_start(&dsn, array, sizeof array);
	while (fault == NULL && *at != '\0') {
		char *keyword, *value;

		fault = parameter(&at, &keyword, &value) ? dsn_parameter(false, keyword, value, &seen, &dsn)
		    : &bad_parameter;
	}
	if (fault != NULL)
		return fault;
	size = address.length + 1 + sizeof(char *);
	if (transaction->recipients >= session.config->max_recipients || session.envelope.length > ENVELOPE_FULL ||
	    transaction->arguments + size > session.config->argument_room)
		return &too_many;
	transaction->recipients++;
	transaction->arguments += size;
	ask_send_add(&session.envelope, 'T', address.text);
	if (dsn.used > 0)
		ask_send_add(&session.envelope, 'D', array);
	return &recipient_ok;
}

static const struct reply *
rcpt(char *argument)
{
	const struct reply *reply;

	if (!session.transaction.open)
		return &need_mail;
	reply = recipient(argument);
	session.transaction.refused |= reply != &recipient_ok;
	return reply;
}

/* The client's name for itself: what XCLIENT says comes before what the one that passes it on says. */
static const char *
helo_name(void)
{
	return session.xclient.helo[0] != '\0' ? session.xclient.helo : session.helo;
}

/* RFC 3848, RFC 6531 section 4.3: what this session was. Nobody gets here without a login. */
static const char *
with_protocol(void)
{
	static const char *const names[2][2] = { { "ESMTPA", "ESMTPSA" }, { "UTF8SMTPA", "UTF8SMTPSA" } };

	return names[session.transaction.smtputf8][peer_encrypted(&session.peer)];
}

/* A whole message that came no further than here: the monitor knows nothing of it. */
static void
log_refused(const struct reply *reply)
{
	ask_log(&(struct ask_line){ .event = reply->code < 500 ? ASK_DEFERRED : ASK_REFUSED, .reason = reply->text,
	    .text = session.transaction.sender.text, .count = session.transaction.recipients,
	    .bytes = session.data.size });
}

/* An answer may begin with a reply code of its own, a relay's or a policy's; the verdict says of which class. */
static void
take_code(struct reply *reply)
{
	const char *text = reply->text;

	if (strspn(text, "0123456789") != 3 || text[3] != ' ' || text[0] - '0' != reply->code / 100)
		return;
	reply->code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0';
	reply->text += 4;
}

/* The whole message is in the spool: only now is the monitor told to send it. */
static const struct reply *
ask_to_send(void)
{
	struct answer *answer = &session.answer;
	struct ask_message message = { .helo = helo_name(), .bytes = session.data.size,
	    .smtputf8 = session.transaction.smtputf8, .eight_bit = session.transaction.eight_bit };
	unsigned char digest[MEMORY_DIGEST];

	/* Without a Message-ID of its own the same text may well be another message: a device's next alarm. */
	if (session.config->state[0] != '\0' && session.data.header.has_id) {
		data_digest(&session.data, session.envelope.body, session.envelope.length, digest);
		message.digest = digest;
	}
	session.messages++;
	if (!ask_send(&session.envelope, &message, answer))
		return &monitor_gone;
	session.reply = (struct reply){ .text = answer->text };
	if (answer->verdict == ASK_YES) {
		session.reply.code = 250;
		take_code(&session.reply);
		return &session.reply;
	}
	if (answer->verdict == ASK_LATE) {
		session.reply.code = 451;
		session.reply.end = "injector-late";
		return &session.reply;
	}
	/* RFC 5321: 450 where a policy said not now, 451 where something failed. */
	session.reply.code = answer->verdict == ASK_NO ? 554 : strncmp(answer->text, "4.7.", 4) == 0 ? 450 : 451;
	take_code(&session.reply);
	return &session.reply;
}

static const struct reply *
receive_message(void)
{
	struct transaction *transaction = &session.transaction;
	struct data *data = &session.data;
	const struct reply *reply;
	enum line_event event;
	char tls[104] = "", daemon[sizeof "MAILER-DAEMON@" + 256] = "", set_sender[ADDRESS_MAX + 1] = "";
	struct text text;
	struct header_origin origin = {
		.config = session.config, .from = helo_name(), .host = session.peer.host,
		.address = session.peer.address, .login = session.user, .with = with_protocol(), .tls = tls,
		.id = session.id, .number = session.messages + 1, .sender = transaction->sender.text,
		.sender_fault = sender_rule() && !session.config->fix_sender ? sender_fault : NULL,
	};

	text_start(&text, tls, sizeof tls);
	text_add(&text, session.peer.tls_protocol);
	text_add(&text, session.peer.tls_protocol[0] != '\0' && session.peer.tls_cipher[0] != '\0' ? " " : "");
	text_add(&text, session.peer.tls_cipher);
	if (transaction->sender.length == 0) {
		text_start(&text, daemon, sizeof daemon);
		text_add(&text, "MAILER-DAEMON@");
		text_add(&text, session.config->domain);
		origin.sender = daemon;
	}
	if (session.config->fix_sender) {
		reply = ask_owner("", 550);
		if (reply != NULL)
			return reply;
		strlcpy(set_sender, session.answer.text, sizeof set_sender);
		origin.set_sender = set_sender;
	}
	if (!session.has_spool && !ask_spool(&session.answer))
		return &monitor_gone;
	session.has_spool = session.has_spool || session.answer.verdict == ASK_YES;
	if (!session.has_spool)
		return &no_spool;
	data_start(data, &origin, SPOOL_DESCRIPTOR);
	line_reply(&session.line, &go_ahead);
	event = data_read(data, &session.line, (int64_t)session.config->timeout * 1000,
	    session.deadline);
	session.bytes += data->size;
	if (event != LINE_READ)
		return no_line(event);	/* the monitor was never told to send it */
	reply = data_finish(data);
	if (reply == NULL)
		reply = ask_to_send();
	else
		log_refused(reply);
	/* Whatever became of it: we hold no message while the client thinks. */
	session.has_spool = close(SPOOL_DESCRIPTOR) != 0;
	if (reply->code == 250)
		session.bad_commands = session.idle_commands = 0;
	return reply;
}

static const struct reply *
data(char *argument)
{
	const struct reply *reply = NULL;

	if (*argument != '\0')
		reply = &no_argument;
	else if (!session.transaction.open)
		reply = &need_mail;
	else if (session.transaction.recipients == 0)
		reply = session.transaction.refused ? &no_recipients : &need_recipient;
	if (reply != NULL)
		return reply;
	reply = receive_message();
	session.data_refused = reply == &no_spool;
	reset();
	return reply;
}

static const struct reply *
rset(char *argument)
{
	if (*argument != '\0')
		return &no_argument;
	reset();
	return &ok;
}

static const struct reply *
noop(char *argument)
{
	(void)argument;
	return &ok;
}

static const struct reply *
vrfy(char *argument)
{
	return *argument == '\0' ? &need_argument : &cannot_verify;
}

static const struct reply *
help(char *argument)
{
	(void)argument;
	return &help_text;
}

static const struct reply *
quit(char *argument)
{
	if (*argument != '\0')
		return &no_argument;
	return &bye;
}

/* A command runs its handler, or always gets the same reply; and what is special about it. */
struct command {
	const char *name;
	const struct reply *(*run)(char *argument);
	const struct reply *always;
	bool secret;		/* its argument may be a password: never shown */
	bool text_follows;	/* some clients send the message whatever the reply */
	bool uncounted;		/* does not count as a command without a message */
	size_t longest;		/* line, with its CRLF; 0: LINE_COMMAND_MAX */
};

static const struct command before_login[] = {
	{ "EHLO", .run = ehlo },
	{ "HELO", .run = helo },
	{ "STARTTLS", .run = starttls },
	{ "AUTH", .run = auth, .secret = true, .longest = LINE_AUTH_MAX },
	{ "XCLIENT", .run = xclient },
	{ "MAIL", .always = &need_login },
	{ "RCPT", .always = &need_login },
	{ "DATA", .always = &need_login, .text_follows = true },
	{ "RSET", .run = rset },
	{ "NOOP", .run = noop },
	{ "VRFY", .run = vrfy },
	{ "HELP", .run = help },
	{ "QUIT", .run = quit },
	{ .name = NULL }
};

static const struct command after_login[] = {
	{ "MAIL", .run = mail },
	{ "RCPT", .run = rcpt, .uncounted = true },
	{ "DATA", .run = data, .text_follows = true },
	{ "RSET", .run = rset },
	{ "NOOP", .run = noop },
	{ "QUIT", .run = quit },
	{ "EHLO", .run = ehlo },
	{ "HELO", .run = helo },
	{ "VRFY", .run = vrfy },
	{ "HELP", .run = help },
	{ "STARTTLS", .run = starttls },
	{ "XCLIENT", .run = xclient },
	{ "AUTH", .always = &already_in, .secret = true, .longest = LINE_AUTH_MAX },
	{ .name = NULL }
};

/* Known, and never done; and the first words of other protocols, whose next lines are not commands. */
static const struct command never[] = {
	{ "EXPN", .always = &not_implemented },
	{ "TURN", .always = &not_implemented },
	{ "ETRN", .always = &not_implemented },
	{ "SEND", .always = &not_implemented },
	{ "SOML", .always = &not_implemented },
	{ "SAML", .always = &not_implemented },
	{ "XFORWARD", .always = &not_implemented },
	{ "XEXCH50", .always = &not_implemented },
	{ "BDAT", .always = &no_chunking },
	{ "GET", .always = &wrong_protocol },
	{ "HEAD", .always = &wrong_protocol },
	{ "POST", .always = &wrong_protocol },
	{ "PUT", .always = &wrong_protocol },
	{ "PATCH", .always = &wrong_protocol },
	{ "DELETE", .always = &wrong_protocol },
	{ "OPTIONS", .always = &wrong_protocol },
	{ "TRACE", .always = &wrong_protocol },
	{ "CONNECT", .always = &wrong_protocol },
	{ "PRI", .always = &wrong_protocol },
	{ "PROXY", .always = &wrong_protocol },
	{ .name = NULL }
};

static const struct command *
find_command(const struct command *table, const char *string)
{
	for (; table->name != NULL; table++) {
		const char *rest = text_after(string, table->name);

		if (rest != NULL && (*rest == ' ' || *rest == '\0'))
			return table;
	}
	return NULL;
}

/* The command in the log. A line that begins with no command is not shown: it may be a password out of place. */
static void
trace(const struct command *command, const char *string)
{
	if (!session.config->debug)
		return;
	ask_log(&(struct ask_line){ .event = ASK_TRACE, .reason = "C", .text = command == NULL ? "(not a command)"
	    : command->secret ? "AUTH (masked)" : string });
}

/* Printable, but for TAB; bytes above 127 may stand in an address. */
static bool
plain_text(const char *string, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((string[i] >= 0 && string[i] < 32 && string[i] != '\t') || string[i] == 127)
			return false;
	return true;
}

/* Why a line is not run; NULL: it is. `after_data`: DATA was refused just before it, so a line that is not a command is
 * the first one of a text that was sent all the same, and what follows is not for us. */
static const struct reply *
refusal_of(const struct command *command, const char *string, size_t length, bool after_data)
{
	size_t longest = command == NULL || command->longest == 0 ? LINE_COMMAND_MAX : command->longest;

	if (!plain_text(string, length))
		return after_data ? &not_smtp : &bad_syntax;
	if (command == NULL && after_data)
		return &not_smtp;
	if (length + 2 > longest)
		return longest == LINE_AUTH_MAX ? &auth_too_long : &line_too_long;
	if (command == NULL)
		return strncmp(string, "SSH-", 4) == 0 ? &wrong_protocol
		    : *string == '\0' || *string == ' ' ? &bad_syntax : &unknown_command;
	if (!command->uncounted && ++session.idle_commands > IDLE_COMMANDS_MAX)
		return &too_idle;
	return command->always;
}

static const struct reply *
run_command(char *string, size_t length)
{
	size_t verb = strcspn(string, " ");
	const struct command *command = find_command(session.logged_in ? after_login : before_login, string);
	const struct reply *refusal;
	char *argument = string + verb;

	if (command == NULL)
		command = find_command(never, string);
	trace(command, string);
	refusal = refusal_of(command, string, length, session.data_refused);
	session.data_refused = command != NULL && command->text_follows;	/* unless data() says otherwise */
	if (refusal != NULL) {
		line_wipe(string, length);	/* whatever it was, it may have been a password */
		return refusal;
	}
	if (session.titled != command) {
		session.titled = command;
		set_title(command->name);	/* NOLINT(clang-analyzer-core.NullDereference): NULL was refused */
	}
	while (length > verb && string[length - 1] == ' ')	/* RFC 5321 section 4.1.1 */
		string[--length] = '\0';
	while (*argument == ' ')
		argument++;
	return command->run(argument);	/* NOLINT(clang-analyzer-core.NullDereference) */
}

/* The limits on a client that only makes trouble: the reply that it gets instead, or the same. */
static const struct reply *
limit_trouble(const struct reply *reply)
{
	bool bad = reply->code == 555 || (reply->code >= 500 && reply->code <= 503);

	if (reply->end != NULL)
		return reply;
	if (bad && ++session.bad_commands >= BAD_COMMANDS_MAX)
		return &too_many_errors;
	if (!session.last_login)
		return reply;
	/* The last answer to AUTH is said as it is. */
	session.reply = *reply;
	session.reply.end = "too-many-logins";
	return &session.reply;
}

/* The PROXY header, before anything is said (its protocol, section 2). NULL: read. */
static const struct reply *
read_proxy_header(void)
{
	struct line *line = &session.line;
	const char *bytes;
	enum line_event event;
	size_t come = 0;
	long length = 0;

	line_set_deadline(line, io_now() + PROXY_SECONDS * 1000);
	while (length == 0 && (event = line_fill(line)) == LINE_MORE) {
		come = line_pending(line, &bytes);
		length = proxy_read(&session.peer, session.config, bytes, come);
	}
	if (length <= 0)
		return come > 0 ? &bad_proxy_header : event == LINE_GONE ? &client_gone : &no_proxy_header;
	line_take(line, (size_t)length);
	return tell_peer() ? NULL : &proxy_untold;
}

/* The first reply. `array` holds its text. */
static const struct reply *
banner(char (*array)[LINE_REPLY_MAX])
{
	const struct reply *fault = session.config->proxy ? read_proxy_header() : NULL;
	struct text text;

	if (fault != NULL)
		return fault;
	line_set_deadline(&session.line, session.start + (int64_t)session.config->login_timeout * 1000);
	text_start(&text, *array, sizeof *array);
	text_add(&text, session.config->hostname);
	text_add(&text, " ESMTP ofmipd-session");
	session.greeting = (struct reply){ 220, NULL, *array, NULL };
	return &session.greeting;
}

/* Reads a line and runs it as a command. */
static const struct reply *
next_reply(void)
{
	enum line_event event;
	char *string;
	size_t length;

	event = line_read(&session.line, true, &string, &length);
	if (event != LINE_READ)
		return no_line(event);
	session.commands++;
	return limit_trouble(run_command(string, length));
}

static void
converse(void)
{
	char array[LINE_REPLY_MAX] = "";
	const struct reply *reply = banner(&array);
	bool accepted = false;		/* the last reply was that to a message */

	for (;; reply = next_reply()) {
		if (reply->code != 0)
			line_reply(&session.line, reply);
		session.end = reply->end;
		if (accepted && session.end != NULL && strcmp(session.end, "eof") == 0 &&
		    session.config->state[0] != '\0' && line_was_reset(&session.line))
			session.end = "reply-lost";
		/* Nothing may come between an accepted message and the word of it. */
		if (reply == &session.reply && !line_flush(&session.line) && reply->code == 250)
			session.end = "reply-lost";
		accepted = reply == &session.reply && reply->code == 250;
		if (session.end != NULL)
			break;
	}
	line_flush(&session.line);	/* if this fails, the client is gone and misses nothing */
}

int
smtp_session(const struct config *config, const struct peer *peer, const char *id)
{
	session.config = config;
	session.peer = *peer;
	session.id = id;
	session.start = io_now();
	session.deadline = session.start + SESSION_SECONDS * 1000;
	session.starttls = config->starttls;
	session.xclient_allowed = config->xclient;
	session.has_spool = true;	/* the first one was made before the fork */
	line_set_patience(&session.line, (int64_t)config->timeout * 1000);
	line_set_debug(&session.line, config->debug);
	line_start(&session.line, STDIN_FILENO, STDOUT_FILENO);
	set_title("connected");
	converse();
	ask_log(&(struct ask_line){ .event = ASK_END, .reason = session.end, .count = session.commands,
	    .bytes = session.bytes });
	return strcmp(session.end, "quit") == 0 || strcmp(session.end, "eof") == 0 ? 0 : 1;
}
