/* links: session/proxy session/header session/originator session/sasl session/data session/xclient */
/*
 * A whole session with a script in place of the client and another in place of the monitor: replies, questions and
 * deadlines are compared in the order in which they come.
 */
#include "unit.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The wall's own packing, without the crossing. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define ask_peer cross_peer
#define ask_starttls cross_starttls
#define ask_auth cross_auth
#define ask_step cross_step
#define ask_cancel cross_cancel
#define ask_mechanisms cross_mechanisms
#define ask_spool cross_spool
#define ask_sender cross_sender
#define ask_send cross_send
#define ask_log cross_log
#include "../../ask.c"
#undef ask_peer
#undef ask_starttls
#undef ask_auth
#undef ask_step
#undef ask_cancel
#undef ask_mechanisms
#undef ask_spool
#undef ask_sender
#undef ask_send
#undef ask_log
bool ask_peer(const struct peer *peer, struct answer *answer);
bool ask_starttls(struct peer *peer, struct answer *answer);
bool ask_auth(struct login *login, struct answer *answer);
bool ask_step(struct login *login, size_t length, struct answer *answer);
bool ask_cancel(struct login *login, struct answer *answer);
bool ask_mechanisms(struct answer *answer);
bool ask_spool(struct answer *answer);
bool ask_sender(const char *address, struct answer *answer);
bool ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer);
void ask_log(const struct ask_line *log);

static int test_close(int descriptor);

/* Its one session is static: each test begins with a new one. */
#define close test_close
#include "session/smtp.c"
#undef close

static struct {
	const char *const *at;		/* what the client says: lines, or the bytes of a message */
	const char *const *answers;	/* of the monitor; behind the last: yes */
	char line[70000], bytes[70000];
	size_t pending, taken;
	bool broken, reset;
	unsigned commands;		/* lines that were read as such */
	int flushes;			/* that still succeed; -1: all */
	bool spool_fails, close_fails, shows_time;
	char spool[100000];
	size_t spooled;
} world;

static char transcript[1 << 20];
static struct text heard;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
note(const char *format, ...)
{
	char array[30000];
	va_list list;

	va_start(list, format);
	vsnprintf(array, sizeof array, format, list);
	va_end(list);
	text_add(&heard, array);
}

time_t
time(time_t *now)
{
	if (now != NULL)
		*now = 1795232194;
	return 1795232194;
}

int64_t
io_now(void)
{
	return 1000;
}

void
io_title(const char *role, const char *client, const char *user, const char *what)
{
	if (world.shows_time)
		note("{%s %s %s %s}\n", role, client, user, what);
}

bool
io_write_all(int descriptor, const void *bytes, size_t length)
{
	assert_int_equal(descriptor, SPOOL_DESCRIPTOR);
	memcpy(world.spool + world.spooled, bytes, length);
	world.spooled += length;
	return !world.spool_fails;
}

ssize_t
io_read(int descriptor, void *bytes, size_t size)
{
	(void)descriptor, (void)bytes, (void)size;
	fail();
	return -1;
}

bool
io_wait(int descriptor, short events, int64_t deadline)
{
	(void)descriptor, (void)events, (void)deadline;
	fail();
	return false;
}

static int
test_close(int descriptor)
{
	note("close %d\n", descriptor);
	return world.close_fails ? -1 : 0;
}

/* The client. "!WORD" in its script is another end of a line. */

static enum line_event
special(const char *word)
{
	static const struct {
		const char *word;
		enum line_event event;
	} events[] = { { "!bare", LINE_BARE }, { "!flood", LINE_FLOODED }, { "!foreign", LINE_FOREIGN },
	    { "!late", LINE_LATE } };

	for (size_t i = 0; i < LENGTH(events); i++)
		if (strcmp(word, events[i].word) == 0)
			return events[i].event;
	world.broken |= strcmp(word, "!stuck") == 0;
	world.reset = strcmp(word, "!reset") == 0;
	return LINE_GONE;
}

void
line_start(struct line *line, int read_from, int write_to)
{
	(void)line;
	if (world.shows_time)
		note("start %d %d\n", read_from, write_to);
}

void
line_set_patience(struct line *line, int64_t milliseconds)
{
	(void)line;
	if (world.shows_time)
		note("patience %lld\n", (long long)milliseconds);
}

void
line_set_deadline(struct line *line, int64_t deadline)
{
	(void)line;
	if (world.shows_time)
		note("deadline %lld\n", (long long)deadline);
}

void
line_set_debug(struct line *line, bool debug)
{
	line->debug = debug;
}

size_t
line_pending(struct line *line, const char **bytes)
{
	(void)line;
	*bytes = world.bytes + world.taken;
	return world.pending - world.taken;
}

void
line_take(struct line *line, size_t length)
{
	(void)line;
	world.taken += length;
}

bool
line_broken(const struct line *line)
{
	(void)line;
	return world.broken;
}

bool
line_was_reset(const struct line *line)
{
	(void)line;
	note("reset?\n");
	return world.reset;
}

bool
line_flush(struct line *line)
{
	(void)line;
	if (world.flushes == 0)
		world.broken = true;
	else if (world.flushes > 0)
		world.flushes--;
	return !world.broken;
}

void
line_write(struct line *line, const char *bytes, size_t length)
{
	(void)line;
	text_add_bytes(&heard, bytes, length);
	if (length >= 2 && heard.bytes[heard.used - 2] == '\r')
		heard.bytes[--heard.used - 1] = '\n';
}

void
line_reply(struct line *line, const struct reply *reply)
{
	note("%d %s%s%s\n", reply->code, reply->enhanced == NULL ? "" : reply->enhanced,
	    reply->enhanced == NULL ? "" : " ",
	    reply->text);
	if (line->debug)
		note("traced\n");
}

static const char *
next(void)
{
	const char *said = *world.at;

	while (said != NULL && strcmp(said, "!mark") == 0) {	/* what was heard so far is another's test */
		text_start(&heard, transcript, sizeof transcript);
		said = *++world.at;
	}
	world.at += said != NULL;
	return said == NULL ? "!gone" : said;
}

enum line_event
line_read(struct line *line, bool command, char **string, size_t *length)
{
	const char *said = next();

	(void)line;
	*length = strlcpy(world.line, said, sizeof world.line);
	*string = world.line;
	if (*said == '!')
		return special(said);
	world.commands += command;
	return LINE_READ;
}

enum line_event
line_fill(struct line *line)
{
	const char *said = next();
	size_t length = strlen(said);

	(void)line;
	if (*said == '!')
		return special(said);
	if (world.taken == world.pending)
		world.taken = world.pending = 0;
	memcpy(world.bytes + world.pending, said, length + 1);
	world.pending += length;
	return LINE_MORE;
}

void
line_wipe(char *string, size_t length)
{
	note("wipe %zu\n", length);
	explicit_bzero(string, length);
}

/* The monitor. An answer is a verdict and its text; "-": it is gone. */

static bool
answered(struct answer *answer, const char *otherwise)
{
	const char *said = world.answers == NULL || *world.answers == NULL ? otherwise : *world.answers++;

	answer->verdict = (enum ask_verdict)said[0];
	strlcpy(answer->text, said + 1, sizeof answer->text);
	return said[0] != '-';
}

bool
ask_peer(const struct peer *peer, struct answer *answer)
{
	note("peer? %d %s:%s %s\n", (int)peer->source, peer->address, peer->port, peer->host);
	return answered(answer, "K");
}

bool
ask_starttls(struct peer *peer, struct answer *answer)
{
	note("starttls?\n");
	peer->tls = TLS_STARTTLS;
	return answered(answer, "K");
}

bool
ask_auth(struct login *login, struct answer *answer)
{
	note("auth? %s %s %s\n", login->body, login->body + 7, login->body + 11);
	return answered(answer, "Kbob");
}

bool
ask_step(struct login *login, size_t length, struct answer *answer)
{
	(void)login, (void)length;
	return answered(answer, "Kbob");
}

bool
ask_cancel(struct login *login, struct answer *answer)
{
	(void)login;
	return answered(answer, "D");
}

bool
ask_mechanisms(struct answer *answer)
{
	note("mechanisms?\n");
	return answered(answer, "KXOAUTH2 ");
}

bool
ask_spool(struct answer *answer)
{
	note("spool?\n");
	return answered(answer, "K");
}

bool
ask_sender(const char *address, struct answer *answer)
{
	note("sender? <%s>\n", address);
	return answered(answer, "Kown@x.example");
}

bool
ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer)
{
	note("send? helo=%s bytes=%llu%s%s ", message->helo, (unsigned long long)message->bytes,
	    message->smtputf8 ? " smtputf8" : "", message->eight_bit ? " eight" : "");
	if (message->digest != NULL)
		note("digest=%02x%02x%02x ", message->digest[0], message->digest[30], message->digest[31]);
	for (size_t i = 0; i < envelope->length; i++)
		text_add_byte(&heard, envelope->body[i] == '\0' ? ' ' : envelope->body[i]);
	note("\n");
	return answered(answer, "K2.0.0 Taken");
}

void
ask_log(const struct ask_line *log)
{
	note("log %c %s|%s %llu %llu\n", (char)log->event, log->reason, log->text == NULL ? "" : log->text,
	    (unsigned long long)log->count, (unsigned long long)log->bytes);
}

static struct config config;
static struct peer peer;

static int
begin(void **state)
{
	(void)state;
	config = (struct config){
		.mechanisms = MECHANISM_PLAIN, .hostname = "mail.example", .domain = "d.example", .timeout = 300,
		.login_timeout = 120, .max_recipients = 3, .argument_room = 4000, .max_size = 4000,
		.tls_control = -1, .tls_read = 8, .tls_write = 9,
	};
	peer = (struct peer){ .source = PEER_TCPSERVER, .address = "192.0.2.9", .port = "9", .host = "h.example",
	    .client = "192.0.2.9:9", .tls = TLS_BEHIND };
	memset(&world, 0, sizeof world);
	world.flushes = -1;
	sasl_relay("");
	return 0;
}

/* The whole session: its transcript. */
static const char *
run(const char *const *script)
{
	memset(&session, 0, sizeof session);
	world.at = script;
	world.broken = world.reset = false;
	world.pending = world.taken = world.spooled = 0;
	world.commands = 0;
	text_start(&heard, transcript, sizeof transcript);
	note("=%d", smtp_session(&config, &peer, "ID"));
	world.spool[world.spooled] = '\0';
	assert_false(heard.cut);
	assert_int_equal(world.commands, session.commands);
	return transcript;
}

static void
check(const char *file, int line, const char *seen, const char *expected)
{
	if (strcmp(seen, expected) != 0)
		fail_msg("%s:%d: expected\n%s\nseen\n%s", file, line, expected, seen);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
#define IS(seen, expected) check(__FILE__, __LINE__, seen, expected)
#define ANSWERS(...) world.answers = (const char *const[]){ __VA_ARGS__, NULL }

#define PLAIN "AUTH PLAIN AGJvYgBzZXNhbWU="
#define LOGIN "EHLO laptop", PLAIN, "!mark"
#define MAIL "MAIL FROM:<bob@x.example>"
#define RCPT "RCPT TO:<ann@x.example>"
#define ENVELOPE MAIL, RCPT, "!mark", "DATA"
#define TEXT "Date: x\r\nMessage-ID: <x@y>\r\nFrom: bob@x.example\r\n\r\ntext\r\n.\r\n"
#define END(commands, bytes) "log E eof| " commands " " bytes "\n=0"

/* What EHLO lists. */
static void
offers(void **state)
{
	(void)state;
	IS(RUN("EHLO laptop", PLAIN, "EHLO laptop"),
	    "220 mail.example ESMTP ofmipd-session\n250-mail.example\n250-PIPELINING\n250-SIZE 4000\n"
	    "250-8BITMIME\n250-AUTH PLAIN\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\nwipe 16\n"
	    "auth? PLAIN bob sesame\n235 2.7.0 Authentication succeeded\n250-mail.example\n250-PIPELINING\n"
	    "250-SIZE 4000\n250-8BITMIME\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\nlog E eof| 3 0\n=0");
	config.max_size = UINT64_MAX;
	config.smtputf8 = config.offer_dsn = config.xclient = true;
	IS(RUN("HELO laptop", PLAIN, "EHLO x", PLAIN, "EHLO x"),
	    "220 mail.example ESMTP ofmipd-session\n250 mail.example\nwipe 22\n503 5.5.1 EHLO first\n"
	    "250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-SMTPUTF8\n250-DSN\n"
	    "250-AUTH PLAIN\n250-XCLIENT NAME ADDR PORT HELO\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\n"
	    "wipe 16\nauth? PLAIN bob sesame\n235 2.7.0 Authentication succeeded\n250-mail.example\n"
	    "250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-SMTPUTF8\n250-DSN\n250-LIMITS RCPTMAX=3\n"
	    "250 ENHANCEDSTATUSCODES\nlog E eof| 5 0\n=0");
	config.starttls = STARTTLS_OFFERED;
	config.offer_dsn = config.smtputf8 = config.xclient = false;
	IS(RUN("!mark", "EHLO laptop"),
	    "250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-STARTTLS\n250-AUTH PLAIN\n"
	    "250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\nlog E eof| 1 0\n=0");
	config.starttls = STARTTLS_REQUIRED;
	IS(RUN("!mark", "EHLO laptop"),
	    "250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-STARTTLS\n250-LIMITS RCPTMAX=3\n"
	    "250 ENHANCEDSTATUSCODES\nlog E eof| 1 0\n=0");
	config.starttls = STARTTLS_NONE;
	peer.tls = TLS_NONE;
	IS(RUN("!mark", "EHLO laptop"),
	    "250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-LIMITS RCPTMAX=3\n"
	    "250 ENHANCEDSTATUSCODES\nlog E eof| 1 0\n=0");
	config.allow_cleartext = true;
	IS(RUN("!mark", "EHLO laptop"),
	    "250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-AUTH PLAIN\n"
	    "250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\nlog E eof| 1 0\n=0");
	/* What Dovecot lists is asked for once, and only where AUTH is offered. */
	config.dovecot = true;
	IS(RUN("!mark", "EHLO laptop", "EHLO laptop", "AUTH XOAUTH2 Ym9iIHNlc2FtZQ=="),
	    "mechanisms?\n250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n"
	    "250-AUTH PLAIN XOAUTH2\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\n250-mail.example\n"
	    "250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-AUTH PLAIN XOAUTH2\n250-LIMITS RCPTMAX=3\n"
	    "250 ENHANCEDSTATUSCODES\nwipe 16\nauth? XOAUTH2  b sesame\n235 2.7.0 Authentication succeeded\n"
	    "log E eof| 3 0\n=0");
	config.allow_cleartext = false;
	IS(RUN("!mark", "EHLO laptop"),
	    "250-mail.example\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-LIMITS RCPTMAX=3\n"
	    "250 ENHANCEDSTATUSCODES\nlog E eof| 1 0\n=0");
	config.allow_cleartext = true;
	ANSWERS("-");
	IS(RUN("!mark", "EHLO laptop"),
	    "mechanisms?\n421 4.3.0 Internal failure, closing connection\nlog E internal-failure| 1 0\n=1");
}

static void
names_of_clients(void **state)
{
	static char longest[270] = "HELO ";

	(void)state;
	IS(RUN("!mark", "HELO", "HELO ", "EHLO a b", "HELO a\tb", "HELO  x  "),
	    "501 5.5.4 Argument missing\n501 5.5.4 Argument missing\n501 5.5.4 Argument malformed\n"
	    "501 5.5.4 Argument malformed\n250 mail.example\nlog E eof| 5 0\n=0");
	memset(longest + 5, 'x', 255);
	IS(RUN("!mark", longest),
	    "250 mail.example\nlog E eof| 1 0\n=0");
	longest[5 + 255] = 'x';
	IS(RUN("!mark", longest),
	    "501 5.5.4 Argument malformed\nlog E eof| 1 0\n=0");
}

static void
before_a_login(void **state)
{
	static const char *const others[] = { "EXPN abc", "TURN abc", "ETRN abc", "SEND abc", "SOML abc",
	    "SAML abc", "XFORWARD",
	    "XEXCH50 ", "GET abcd", "HEAD abc", "POST abc", "PUT abcd", "PATCH ab", "DELETE a", "OPTIONS ",
	    "TRACE ab", "CONNECT ",
	    "PRI abcd", "PROXY ab" };

	(void)state;
	IS(RUN("!mark", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "RSET", "RSET x", "NOOP", "NOOP x", "VRFY",
	    "VRFY x", "HELP",
	    "HELP x", "STARTTLS", "XCLIENT x", "EXPN x", "XFORWARD x", "quit x", "quit"),
	    "wipe 12\n530 5.7.0 Authentication required\nwipe 13\n530 5.7.0 Authentication required\nwipe 4\n"
	    "530 5.7.0 Authentication required\n250 2.0.0 Ok\n501 5.5.4 No argument allowed here\n"
	    "250 2.0.0 Ok\n250 2.0.0 Ok\n501 5.5.4 Argument missing\n"
	    "252 2.1.5 Cannot verify a user, but will take mail for one\n"
	    "214 2.0.0 EHLO HELO AUTH STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT: RFC 5321, 6409\n"
	    "214 2.0.0 EHLO HELO AUTH STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT: RFC 5321, 6409\n"
	    "502 5.5.1 Command not implemented\n502 5.5.1 Command not implemented\nwipe 6\n"
	    "502 5.5.1 Command not implemented\nwipe 10\n502 5.5.1 Command not implemented\n"
	    "501 5.5.4 No argument allowed here\n221 2.0.0 Bye\nlog E quit| 17 0\n=0");
	IS(RUN("!mark", "AUTH PLAIN x"),
	    "wipe 7\n503 5.5.1 EHLO first\nlog E eof| 1 0\n=0");
	IS(RUN("!mark", "DATA", "DATA", "noop", "x"),
	    "wipe 4\n530 5.7.0 Authentication required\nwipe 4\n530 5.7.0 Authentication required\n"
	    "250 2.0.0 Ok\nwipe 1\n500 5.5.1 Command not recognized\nlog E eof| 4 0\n=0");
	IS(RUN("!mark", "DATA", "x"),
	    "wipe 4\n530 5.7.0 Authentication required\nwipe 1\n500 5.5.2 This is SMTP, closing connection\n"
	    "log E not-smtp| 2 0\n=1");
	IS(RUN("!mark", "DATA", "x\x01"),
	    "wipe 4\n530 5.7.0 Authentication required\nwipe 2\n500 5.5.2 This is SMTP, closing connection\n"
	    "log E not-smtp| 2 0\n=1");
	IS(RUN("!mark", "x\x01", "NOOP \x01", "NOOP \x7f", "NOOP \x80\t", "", " x", "x", "SSH-2.0"),
	    "wipe 2\n500 5.5.2 That is not a command\nwipe 6\n500 5.5.2 That is not a command\nwipe 6\n"
	    "500 5.5.2 That is not a command\n250 2.0.0 Ok\nwipe 0\n500 5.5.2 That is not a command\nwipe 2\n"
	    "500 5.5.2 That is not a command\nwipe 1\n500 5.5.1 Command not recognized\nwipe 7\n"
	    "502 5.5.1 This is SMTP, closing connection\nlog E not-smtp| 8 0\n=1");
	IS(RUN("!mark", "GET / HTTP/1.1"),
	    "wipe 14\n502 5.5.1 This is SMTP, closing connection\nlog E not-smtp| 1 0\n=1");
	assert_string_equal(RUN("!mark", "NOOP \x1f"), "wipe 6\n500 5.5.2 That is not a command\nlog E eof| 1 0\n=0");
	IS(RUN("!mark", "NOOP \xff", "\x7fx", "SSHX", "SSH-"),
	    "250 2.0.0 Ok\nwipe 2\n500 5.5.2 That is not a command\nwipe 4\n500 5.5.1 Command not recognized\nwipe 4\n"
	    "502 5.5.1 This is SMTP, closing connection\nlog E not-smtp| 4 0\n=1");
	for (size_t i = 0; i < LENGTH(others); i++)
		assert_string_equal(RUN("!mark", others[i]), i < 8
		    ? "wipe 8\n502 5.5.1 Command not implemented\nlog E eof| 1 0\n=0"
		    : "wipe 8\n502 5.5.1 This is SMTP, closing connection\nlog E not-smtp| 1 0\n=1");
	IS(RUN("!mark", "BDAT 3"),
	    "wipe 6\n502 5.5.1 CHUNKING is not offered, closing connection\nlog E chunking| 1 0\n=1");
}

static void
after_a_login(void **state)
{
	(void)state;
	IS(RUN(LOGIN, "MAIL FROM:<>", "MAIL FROM:<>", "RSET", "RCPT TO:<a@b>", "DATA", "NOOP", "VRFY x",
	    "HELP", "STARTTLS", "XCLIENT x",
	    "AUTH PLAIN x", "AUTH", "HELO x", "EXPN", "x", "QUIT"),
	    "250 2.1.0 Sender ok\n503 5.5.1 A transaction is open already\n250 2.0.0 Ok\n"
	    "503 5.5.1 MAIL first\n503 5.5.1 MAIL first\n250 2.0.0 Ok\n"
	    "252 2.1.5 Cannot verify a user, but will take mail for one\n"
	    "214 2.0.0 EHLO HELO AUTH STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT: RFC 5321, 6409\n"
	    "502 5.5.1 Command not implemented\n502 5.5.1 Command not implemented\nwipe 12\n"
	    "503 5.5.1 Already authenticated\nwipe 4\n503 5.5.1 Already authenticated\n250 mail.example\n"
	    "wipe 4\n502 5.5.1 Command not implemented\nwipe 1\n500 5.5.1 Command not recognized\n"
	    "221 2.0.0 Bye\nlog E quit| 18 0\n=0");
	/* Whoever greets, resets. */
	IS(RUN(LOGIN, MAIL, RCPT, "HELO x", RCPT, MAIL, "DATA x", "DATA", "RCPT TO:<>", "DATA"),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n250 mail.example\n503 5.5.1 MAIL first\n"
	    "250 2.1.0 Sender ok\n501 5.5.4 No argument allowed here\n503 5.5.1 RCPT first\n"
	    "501 5.1.3 Recipient address malformed\n554 5.5.1 No valid recipients\nlog E eof| 11 0\n=0");
	IS(RUN(LOGIN, MAIL, RCPT, "RSET x", RCPT, "RSET", RCPT),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n501 5.5.4 No argument allowed here\n"
	    "250 2.1.5 Recipient ok\n250 2.0.0 Ok\n503 5.5.1 MAIL first\nlog E eof| 8 0\n=0");
}

static void
lines_that_end_otherwise(void **state)
{
	(void)state;
	IS(RUN("!bare"),
	    "220 mail.example ESMTP ofmipd-session\n"
	    "500 5.5.2 Bare CR, bare LF or NUL in a command, closing connection\nlog E bare-line-end| 0 0\n=1");
	IS(RUN("!mark", "!flood"),
	    "500 5.5.2 Line without an end, closing connection\nlog E line-flood| 0 0\n=1");
	IS(RUN("!mark", "!foreign"),
	    "500 5.5.2 This is SMTP, closing connection\nlog E not-smtp| 0 0\n=1");
	IS(RUN("!mark", "!late"),
	    "421 4.4.2 Timeout, closing connection\nlog E timeout| 0 0\n=1");
	IS(RUN("!mark", "!gone"),
	    "log E eof| 0 0\n=0");
	IS(RUN("!mark", "!stuck"),
	    "log E client-does-not-read| 0 0\n=1");
	IS(RUN("EHLO x", "!mark", "AUTH PLAIN", "!late"),
	    "334 \n421 4.4.2 Timeout, closing connection\nlog E timeout| 2 0\n=1");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n", "!gone"),
	    "354 End with a line that holds a single dot\nlog E eof| 5 3\n=0");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n", "!late"),
	    "354 End with a line that holds a single dot\n421 4.4.2 Timeout, closing connection\n"
	    "log E timeout| 5 3\n=1");
}

/* Lengths with the CRLF that the line had. */
static void
long_lines(void **state)
{
	static char line[12300] = "NOOP ";
	static const struct {
		const char *front;
		size_t length;
		const char *reply;
	} rows[] = {
		{ "NOOP ", 4096, "250 2.0.0 Ok" }, { "NOOP ", 4097, "500 5.5.2 Line too long" },
		{ "x ", 4096, "500 5.5.1 Command" }, { "x ", 4097, "500 5.5.2 Line too long" },
		{ "AUTH FOO ", 12288, "504 5.5.4" }, { "AUTH FOO ", 12289,
		    "500 5.5.6 Authentication exchange line is too long" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		memset(line, 'A', sizeof line);
		memcpy(line, rows[i].front, strlen(rows[i].front));
		line[rows[i].length - 2] = '\0';
		if (strstr(RUN("EHLO x", "!mark", line, "NOOP"), rows[i].reply) == NULL)
			fail_msg("row %zu: %s", i, transcript);
	}
	/* Behind a login, too. */
	for (size_t length = 12287; length <= 12289; length++) {
		memset(line, 'A', sizeof line);
		memcpy(line, "AUTH FOO ", 9);
		line[length - 2] = '\0';
		assert_non_null(strstr(RUN(LOGIN, line),
		    length > 12288 ? "500 5.5.6 Authentication exchange line is too long" :
		    "503 5.5.1 Already authenticated"));
	}
}

static void
logins(void **state)
{
	(void)state;
	IS(RUN("!mark", "AUTH PLAIN x", "HELO x", PLAIN, "AUTH"),
	    "wipe 7\n503 5.5.1 EHLO first\n250 mail.example\nwipe 22\n503 5.5.1 EHLO first\nwipe 0\n"
	    "503 5.5.1 EHLO first\nlog E eof| 4 0\n=0");
	IS(RUN("EHLO x", "!mark", "AUTH", "AUTH ", "AUTH FOO", "AUTH PLAIN x y", "AUTH PLAIN  x",
	    "AUTH PLAIN", "AGJvYgBzZXNhbWU="),
	    "wipe 0\n501 5.5.4 Argument missing\nwipe 0\n501 5.5.4 Argument missing\nwipe 3\n"
	    "504 5.5.4 Mechanism not offered\nwipe 9\n501 5.5.4 Argument malformed\nwipe 8\n"
	    "501 5.5.4 Argument malformed\n334 \nwipe 16\nauth? PLAIN bob sesame\n"
	    "235 2.7.0 Authentication succeeded\nlog E eof| 7 0\n=0");
	peer.tls = TLS_NONE;
	IS(RUN("EHLO x", "!mark", PLAIN),
	    "wipe 22\n538 5.7.11 Encryption required for authentication\nlog E eof| 2 0\n=0");
	config.starttls = STARTTLS_OFFERED;
	IS(RUN("EHLO x", "!mark", PLAIN),
	    "wipe 22\n530 5.7.0 Must issue a STARTTLS command first\nlog E eof| 2 0\n=0");
	peer.tls = TLS_LOOPBACK;
	IS(RUN("EHLO x", "!mark", PLAIN, "STARTTLS", "EHLO x"),
	    "wipe 16\nauth? PLAIN bob sesame\n235 2.7.0 Authentication succeeded\n"
	    "503 5.5.1 Bad sequence of commands\n250-mail.example\n250-PIPELINING\n250-SIZE 4000\n250-8BITMIME\n"
	    "250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\nlog E eof| 4 0\n=0");
	config.starttls = STARTTLS_REQUIRED;
	IS(RUN("EHLO x", "!mark", PLAIN),
	    "wipe 22\n530 5.7.0 Must issue a STARTTLS command first\nlog E eof| 2 0\n=0");
	config.starttls = STARTTLS_NONE;
	ANSWERS("D", "Z", "Dlast");
	IS(RUN("EHLO x", "!mark", PLAIN, PLAIN, PLAIN, "NOOP"),
	    "wipe 16\nauth? PLAIN bob sesame\n535 5.7.8 Authentication credentials invalid\nwipe 16\n"
	    "auth? PLAIN bob sesame\n454 4.7.0 Temporary authentication failure\nwipe 16\n"
	    "auth? PLAIN bob sesame\n535 5.7.8 Authentication credentials invalid\n"
	    "log E too-many-logins| 4 0\n=1");
	ANSWERS("-");
	IS(RUN("EHLO x", "!mark", PLAIN),
	    "wipe 16\nauth? PLAIN bob sesame\n421 4.3.0 Internal failure, closing connection\n"
	    "log E internal-failure| 2 0\n=1");
	/* The tenth answer is the last one, but where it is a yes. */
	ANSWERS("Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z");
	IS(RUN("EHLO x", PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, "!mark", PLAIN, PLAIN, PLAIN),
	    "wipe 16\nauth? PLAIN bob sesame\n454 4.7.0 Temporary authentication failure\nwipe 16\n"
	    "auth? PLAIN bob sesame\n454 4.7.0 Temporary authentication failure\n"
	    "log E too-many-logins| 11 0\n=1");
	ANSWERS("Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "-");
	IS(RUN("EHLO x", PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, "!mark", PLAIN),
	    "wipe 16\nauth? PLAIN bob sesame\n421 4.3.0 Internal failure, closing connection\n"
	    "log E internal-failure| 11 0\n=1");
	ANSWERS("Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z");
	IS(RUN("EHLO x", PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, "!mark", PLAIN, PLAIN, "NOOP"),
	    "wipe 16\nauth? PLAIN bob sesame\n454 4.7.0 Temporary authentication failure\nwipe 16\n"
	    "auth? PLAIN bob sesame\n235 2.7.0 Authentication succeeded\n250 2.0.0 Ok\nlog E eof| 12 0\n=0");
	IS(RUN("EHLO x", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "!mark",
	    "AUTH X", "NOOP"),
	    "wipe 1\n504 5.5.4 Mechanism not offered\nlog E too-many-logins| 11 0\n=1");
	IS(RUN("EHLO x", "AUTH X", "AUTH X", "AUTH X", "AUTH X", "AUTH X", "AUTH X", "AUTH X", "AUTH X",
	    "AUTH X", "!mark", "AUTH X",
	    "NOOP"),
	    "wipe 1\n504 5.5.4 Mechanism not offered\nlog E too-many-logins| 11 0\n=1");
}

static void
trouble_is_limited(void **state)
{
	static const struct {
		const char *line;
		bool bad;
	} kinds[] = { { "x", true }, { "MAIL", true }, { "EXPN", true }, { "DATA", true },
		{ "MAIL FROM:<a@b> x", true },
		{ "NOOP", false }, { "VRFY x", false }, { "MAIL FROM:<a@b> SIZE=4001", false },
		{ "MAIL FROM:<\xc3\xa9@x>", false } };
	static const char *script[1100];
	int i = 0;

	(void)state;
	/* Twenty bad ones: 500 to 503 and 555. */
	for (; i < 19; i++)
		script[i] = i % 2 == 0 ? "RSET x" : "x";
	script[i++] = "!mark";
	script[i++] = "HELP";
	script[i++] = "DATA";
	script[i++] = "EHLO a b";
	script[i++] = NULL;
	IS(run(script),
	    "214 2.0.0 EHLO HELO AUTH STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT: RFC 5321, 6409\n"
	    "wipe 4\n530 5.7.0 Authentication required\n421 4.7.0 Too many errors, closing connection\n"
	    "log E too-many-errors| 22 0\n=1");
	/* What ends the session ends it in its own words. */
	script[i - 4] = "GET / HTTP/1.1";
	script[i - 3] = NULL;
	IS(run(script),
	    "wipe 14\n502 5.5.1 This is SMTP, closing connection\nlog E not-smtp| 20 0\n=1");
	/* Each kind of them, and what is none. */
	for (size_t row = 0; row < LENGTH(kinds); row++) {
		script[0] = "EHLO x";
		script[1] = PLAIN;
		for (i = 2; i < 21; i++)
			script[i] = kinds[row].line;
		script[21] = "!mark";
		script[22] = kinds[row].line;
		script[23] = NULL;
		if ((strstr(run(script), "421 4.7.0 Too many errors") != NULL) != kinds[row].bad)
			fail_msg("%s: %s", kinds[row].line, transcript);
	}
	for (i = 0; i < 9; i++)
		script[i + 1] = "AUTH X";
	script[0] = "EHLO x";
	for (i = 10; i < 10 + 11; i++)
		script[i] = "RSET x";
	script[i++] = "!mark";
	script[i++] = "NOOP";
	script[i++] = NULL;
	IS(run(script), "250 2.0.0 Ok\nlog E eof| 22 0\n=0");
	/* A thousand that come to nothing. */
	for (i = 0; i < 1000; i++)
		script[i] = "NOOP";
	script[999] = "!mark";
	script[1000] = "NOOP";
	script[1001] = "NOOP";
	script[1002] = NULL;
	IS(run(script),
	    "250 2.0.0 Ok\nwipe 4\n421 4.7.0 Too many commands without a message, closing connection\n"
	    "log E too-many-commands| 1001 0\n=1");
	/* Both begin again with an accepted message. */
	i = 0;
	script[i++] = "EHLO x";
	script[i++] = PLAIN;
	for (int k = 0; k < 19; k++)
		script[i++] = "RSET x";
	script[i++] = MAIL;
	script[i++] = RCPT;
	script[i++] = "DATA";
	script[i++] = "!mark";
	script[i++] = TEXT;
	script[i++] = "RSET x";
	script[i++] = NULL;
	IS(run(script),
	    "send? helo=x bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "501 5.5.4 No argument allowed here\nlog E eof| 25 57\n=0");
	for (i--; i < 47; i++)
		script[i] = i == 44 ? "!mark" : "RSET x";
	script[i] = NULL;
	IS(run(script),
	    "501 5.5.4 No argument allowed here\n421 4.7.0 Too many errors, closing connection\n"
	    "log E too-many-errors| 44 57\n=1");
	config.max_recipients = 100;
	for (i = 2; i < 999; )
		script[i++] = "NOOP";
	script[i++] = MAIL;
	for (int k = 0; k < 30; k++)	/* not counted */
		script[i++] = RCPT;
	script[i++] = "!mark";
	script[i++] = "NOOP";
	script[i++] = NULL;
	IS(run(script),
	    "wipe 4\n421 4.7.0 Too many commands without a message, closing connection\n"
	    "log E too-many-commands| 1031 0\n=1");
	script[i = 998] = MAIL;
	script[++i] = RCPT;
	script[++i] = "DATA";
	script[++i] = TEXT;
	script[++i] = "!mark";
	script[++i] = "NOOP";
	script[++i] = "NOOP";
	script[++i] = NULL;
	IS(run(script),
	    "250 2.0.0 Ok\n250 2.0.0 Ok\nlog E eof| 1003 57\n=0");
}

static void
xclient_is_told_once(void **state)
{
	(void)state;
	IS(RUN("!mark", "XCLIENT ADDR=192.0.2.1"),
	    "502 5.5.1 Command not implemented\nlog E eof| 1 0\n=0");
	strcpy(config.xclient_from, "192.0.2.9");
	IS(RUN("!mark", "XCLIENT ADDR=192.0.2.1"),
	    "550 5.7.0 XCLIENT is not for you\nlog E eof| 1 0\n=0");
	strcpy(config.xclient_from, "x");
	IS(RUN("!mark", "XCLIENT ADDR=192.0.2.1"),
	    "550 5.7.0 XCLIENT is not for you\nlog E eof| 1 0\n=0");
	config.xclient = true;
	IS(RUN("EHLO x", "!mark", "XCLIENT", "XCLIENT NAME=client.example", PLAIN, "EHLO x",
	    "XCLIENT ADDR=192.0.2.1 PORT=7 HELO=theirs",
	    PLAIN, "EHLO x", "XCLIENT ADDR=192.0.2.2", PLAIN, MAIL, RCPT, "DATA", TEXT),
	    "501 5.5.4 Argument malformed\n220 2.0.0 Ok, begin again with EHLO\nwipe 22\n"
	    "503 5.5.1 EHLO first\n250-mail.example\n250-PIPELINING\n250-SIZE 4000\n250-8BITMIME\n"
	    "250-AUTH PLAIN\n250-XCLIENT NAME ADDR PORT HELO\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\n"
	    "peer? 7 192.0.2.1:7 client.example\n220 2.0.0 Ok, begin again with EHLO\nwipe 22\n"
	    "503 5.5.1 EHLO first\n250-mail.example\n250-PIPELINING\n250-SIZE 4000\n250-8BITMIME\n"
	    "250-AUTH PLAIN\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\n"
	    "550 5.7.0 XCLIENT is not for you\nwipe 16\nauth? PLAIN bob sesame\n"
	    "235 2.7.0 Authentication succeeded\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n"
	    "354 End with a line that holds a single dot\n"
	    "send? helo=theirs bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 13 57\n=0");
	assert_non_null(strstr(RUN("XCLIENT HELO=t", LOGIN, MAIL, RCPT, "DATA", TEXT), "send? helo=t bytes=57 "));
	IS(RUN(LOGIN, "XCLIENT ADDR=192.0.2.1"),
	    "503 5.5.1 Bad sequence of commands\nlog E eof| 3 0\n=0");
	ANSWERS("-");
	IS(RUN("!mark", "XCLIENT ADDR=192.0.2.1"),
	    "peer? 7 192.0.2.1: \n421 4.3.0 Internal failure, closing connection\n"
	    "log E internal-failure| 1 0\n=1");
	ANSWERS("D");
	IS(RUN("!mark", "XCLIENT ADDR=192.0.2.1"),
	    "peer? 7 192.0.2.1: \n421 4.3.0 Internal failure, closing connection\n"
	    "log E internal-failure| 1 0\n=1");
}

static void
starttls_begins_anew(void **state)
{
	(void)state;
	world.shows_time = true;
	config.starttls = STARTTLS_REQUIRED;
	peer.tls = TLS_NONE;
	IS(RUN("EHLO x", "!mark", PLAIN, "STARTTLS x", "STARTTLS", PLAIN, "STARTTLS", "EHLO x"),
	    "{session 192.0.2.9:9  AUTH}\nwipe 22\n530 5.7.0 Must issue a STARTTLS command first\n"
	    "{session 192.0.2.9:9  STARTTLS}\n501 5.5.4 No argument allowed here\n"
	    "220 2.0.0 Ready to start TLS\nstarttls?\nstart 8 9\n{session 192.0.2.9:9  AUTH}\nwipe 22\n"
	    "503 5.5.1 EHLO first\n{session 192.0.2.9:9  STARTTLS}\n503 5.5.1 Bad sequence of commands\n"
	    "{session 192.0.2.9:9  EHLO}\n250-mail.example\n250-PIPELINING\n250-SIZE 4000\n250-8BITMIME\n"
	    "250-AUTH PLAIN\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\nlog E eof| 7 0\n=0");
	ANSWERS("-");
	IS(RUN("!mark", "STARTTLS"),
	    "{session 192.0.2.9:9  STARTTLS}\n220 2.0.0 Ready to start TLS\nstarttls?\n"
	    "421 4.3.0 Internal failure, closing connection\nlog E internal-failure| 1 0\n=1");
	ANSWERS("D");
	IS(RUN("!mark", "STARTTLS"),
	    "{session 192.0.2.9:9  STARTTLS}\n220 2.0.0 Ready to start TLS\nstarttls?\n"
	    "log E starttls-failed| 1 0\n=1");
	world.answers = NULL;
	world.flushes = 0;
	IS(RUN("!mark", "STARTTLS"),
	    "{session 192.0.2.9:9  STARTTLS}\n220 2.0.0 Ready to start TLS\nlog E client-does-not-read| 1 0\n"
	    "=1");
	world.flushes = -1;
}

static void
nothing_may_follow_starttls(void **state)
{
	(void)state;
	config.starttls = STARTTLS_OFFERED;
	config.proxy = true;
	/* What stands behind the header is left. */
	IS(RUN("PROXY UNKNOWN\r\nSTARTTLS\r\nEHLO evil\r\n", "STARTTLS"),
	    "peer? 2 192.0.2.9:9 h.example\n220 mail.example ESMTP ofmipd-session\n"
	    "503 5.5.1 Nothing may follow STARTTLS in one go, closing connection\n"
	    "log E pipelined-starttls| 1 0\n=1");
	IS(RUN("PROXY UNKNOWN\r\n", "!mark", "STARTTLS"),
	    "220 2.0.0 Ready to start TLS\nstarttls?\nlog E eof| 1 0\n=0");
	IS(RUN("PROXY UNKNOWN\r\nE", "!mark", "STARTTLS"),
	    "503 5.5.1 Nothing may follow STARTTLS in one go, closing connection\n"
	    "log E pipelined-starttls| 1 0\n=1");
}

static void
proxy_headers(void **state)
{
	(void)state;
	config.proxy = true;
	world.shows_time = true;
	IS(RUN("PROXY TCP4 192.0.2.1 ", "192.0.2.2 5 6\r\n", "QUIT"),
	    "patience 300000\nstart 0 1\n{session 192.0.2.9:9  connected}\ndeadline 11000\n"
	    "peer? 1 192.0.2.1:5 \ndeadline 121000\n220 mail.example ESMTP ofmipd-session\n"
	    "{session 192.0.2.1:5  QUIT}\n221 2.0.0 Bye\nlog E quit| 1 0\n=0");
	world.shows_time = false;
	IS(RUN("EHLO x\r\n"),
	    "log E bad-proxy-header| 0 0\n=1");
	IS(RUN("PRO", "!gone"),
	    "log E bad-proxy-header| 0 0\n=1");
	IS(RUN("PRO", "!late"),
	    "log E bad-proxy-header| 0 0\n=1");
	IS(RUN("P", "!gone"),
	    "log E bad-proxy-header| 0 0\n=1");
	strcpy(config.state, "/");
	IS(RUN("!gone"),
	    "log E eof| 0 0\n=0");
	config.state[0] = '\0';
	IS(RUN("!gone"),
	    "log E eof| 0 0\n=0");
	IS(RUN("!late"),
	    "log E no-proxy-header| 0 0\n=1");
	ANSWERS("D");
	IS(RUN("PROXY UNKNOWN\r\n"),
	    "peer? 2 192.0.2.9:9 h.example\nlog E internal-failure| 0 0\n=1");
	ANSWERS("-");
	IS(RUN("PROXY UNKNOWN\r\n"),
	    "peer? 2 192.0.2.9:9 h.example\nlog E internal-failure| 0 0\n=1");
}

static void
paths(void **state)
{
	(void)state;
	IS(RUN(LOGIN, "MAIL", "MAIL x", "MAIL TO:<a@b>", "MAIL FROM:", "MAIL FROM:<a b@x>",
	    "MAIL FROM:<\xe9@x>", "MAIL FROM:<\xc3\xa9@x>",
	    "mail from:  <>", "RSET", "MAIL FROM:<local>", "RCPT", "RCPT FROM:<a@b>", "RCPT TO:<>", "RCPT TO:<a b@c>",
	    "RCPT TO:<\xe9@x>", "RCPT TO:<\xc3\xa9@x>", "RCPT to: <local>", "DATA", TEXT),
	    "501 5.5.4 Argument malformed\n501 5.5.4 Argument malformed\n501 5.5.4 Argument malformed\n"
	    "501 5.1.7 Sender address malformed\n501 5.1.7 Sender address malformed\n"
	    "553 5.6.7 Address needs SMTPUTF8\n553 5.6.7 Address needs SMTPUTF8\n250 2.1.0 Sender ok\n"
	    "250 2.0.0 Ok\n250 2.1.0 Sender ok\n501 5.5.4 Argument malformed\n501 5.5.4 Argument malformed\n"
	    "501 5.1.3 Recipient address malformed\n501 5.1.3 Recipient address malformed\n"
	    "553 5.6.7 Address needs SMTPUTF8\n553 5.6.7 Address needs SMTPUTF8\n250 2.1.5 Recipient ok\n"
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Flocal@d.example Tlocal@d.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 20 57\n=0");
	IS(RUN(LOGIN, "MAIL FROM:<\xc3\xa9@x> SMTPUTF8"),
	    "553 5.6.7 Address needs SMTPUTF8\nlog E eof| 3 0\n=0");
	config.smtputf8 = true;
	IS(RUN(LOGIN, "MAIL FROM:<\xe9@x> SMTPUTF8", "MAIL FROM:<> SMTPUTF8", "RCPT TO:<\xe9@x>"),
	    "553 5.6.7 Address needs SMTPUTF8\n250 2.1.0 Sender ok\n553 5.6.7 Address needs SMTPUTF8\n"
	    "log E eof| 5 0\n=0");
	IS(RUN(LOGIN, "MAIL FROM:<\xc3\xa9@x>", "MAIL FROM:<\xc3\xa9@x> SMTPUTF8", "RCPT TO:<\xc3\xa9@x>",
	    "DATA", TEXT,
	    MAIL, "RCPT TO:<\xc3\xa9@x>", "RCPT TO:<a@x>", "DATA", TEXT),
	    "553 5.6.7 Address needs SMTPUTF8\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n"
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 smtputf8 F\xc3\xa9@x T\xc3\xa9@x \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n553 5.6.7 Address needs SMTPUTF8\n250 2.1.5 Recipient ok\nspool?\n"
	    "354 End with a line that holds a single dot\nsend? helo=laptop bytes=57 Fbob@x.example Ta@x \n"
	    "close 3\n250 2.0.0 Taken\nlog E eof| 10 114\n=0");
}

static void
parameters(void **state)
{
	static const struct {
		const char *line, *code;
	} rows[] = {
		{ "MAIL FROM:<a@b>  ", "250" }, { "MAIL FROM:<a@b>   SIZE=1   BODY=7BIT ", "250" },
		    { "MAIL FROM:<a@b> x", "555" },
		{ "MAIL FROM:<a@b> -x", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> =x",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> x=", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> x==",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> x=y=", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> x=\x80",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> x=\t", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> x=!~", "555" },
		{ "MAIL FROM:<a@b> x_y", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> x@",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> x[", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> x`",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> x{", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> x/",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> x:", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> aAzZ-09", "555" },
		{ "MAIL FROM:<a@b> SIZE", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> SIZE=x",
		    "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> SIZE=4000", "250" }, { "MAIL FROM:<a@b> SIZE=4001", "552 5.3.4" },
		{ "MAIL FROM:<a@b> SIZE=99999999999999999999", "552 5.3.4" },
		{ "MAIL FROM:<a@b> SIZE=999999999999999999999", "501 5.5.4 Parameter malformed" },
		{ "MAIL FROM:<a@b> SIZE=1x", "501 5.5.4 Parameter malformed" },
		    { "MAIL FROM:<a@b> SIZE=1 SIZE=1", "501 5.5.4" },
		{ "MAIL FROM:<a@b> BODY", "501 5.5.4 Parameter malformed" }, { "MAIL FROM:<a@b> BODY=x",
		    "501 5.5.4" },
		{ "MAIL FROM:<a@b> BODY=8bitmime", "250" }, { "MAIL FROM:<a@b> BODY=7bit body=7bit", "501 5.5.4" },
		{ "MAIL FROM:<a@b> AUTH", "501 5.5.4" }, { "MAIL FROM:<a@b> AUTH=<>", "250" },
		    { "MAIL FROM:<a@b> AUTH=a+20b", "250" },
		{ "MAIL FROM:<a@b> AUTH=+", "501 5.5.4" }, { "MAIL FROM:<a@b> AUTH=+2", "501 5.5.4" },
		{ "MAIL FROM:<a@b> AUTH=+2b", "501 5.5.4" }, { "MAIL FROM:<a@b> AUTH=+1F", "501 5.5.4" },
		{ "MAIL FROM:<a@b> AUTH=+7F", "501 5.5.4" }, { "MAIL FROM:<a@b> AUTH=+7E+80+FF", "250" },
		{ "MAIL FROM:<a@b> AUTH=+2G", "501 5.5.4" }, { "MAIL FROM:<a@b> AUTH=<> AUTH=<>", "501 5.5.4" },
		{ "MAIL FROM:<a@b> SMTPUTF8", "555" }, { "MAIL FROM:<a@b> RET=FULL", "555" },
		{ "MAIL FROM:<a@b> SIZE=1 BODY=7BIT AUTH=<>", "250" }, { "MAIL FROM:<a@b> BODY=7BIT SIZE=1", "250" },
		{ "MAIL FROM:<a@b> AUTH=<> BODY=7BIT", "250" }, { "MAIL FROM:<a@b> BODY=7BIT AUTH=<>", "250" },
	}, extended[] = {
		{ "MAIL FROM:<a@b> SMTPUTF8", "250" }, { "MAIL FROM:<a@b> SMTPUTF8=x", "501 5.5.4" },
		{ "MAIL FROM:<a@b> SMTPUTF8 smtputf8", "501 5.5.4" }, { "MAIL FROM:<a@b> RET=FULL ENVID=x", "250" },
		{ "MAIL FROM:<a@b> RET", "501 5.5.4" }, { "MAIL FROM:<a@b> RET=x", "501 5.5.4" },
		{ "MAIL FROM:<a@b> RET=FULL RET=FULL", "501 5.5.4" }, { "MAIL FROM:<a@b> NOTIFY=NEVER", "555" },
		{ "MAIL FROM:<a@b> SIZE=1 SMTPUTF8", "250" }, { "MAIL FROM:<a@b> SMTPUTF8 RET=FULL", "250" },
		{ "MAIL FROM:<a@b> RET=FULL SIZE=1 BODY=7BIT AUTH=<> SMTPUTF8 ENVID=x", "250" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (strncmp(RUN(LOGIN, rows[i].line), rows[i].code, strlen(rows[i].code)) != 0)
			fail_msg("%s: %s", rows[i].line, transcript);
	config.smtputf8 = config.offer_dsn = true;
	for (size_t i = 0; i < LENGTH(extended); i++)
		if (strncmp(RUN(LOGIN, extended[i].line), extended[i].code, strlen(extended[i].code)) != 0)
			fail_msg("%s: %s", extended[i].line, transcript);
	IS(RUN(LOGIN, "MAIL FROM:<a@b> ENVID=x RET=HDRS", "RCPT TO:<a@b> NOTIFY=NEVER  ORCPT=rfc822;a@b ",
	    "RCPT TO:<b@b>  ", "RCPT TO:<c@b> NOTIFY=x",
	    "RCPT TO:<c@b> NOTIFY=NEVER NOTIFY=NEVER", "RCPT TO:<c@b> RET=FULL", "RCPT TO:<c@b> =",
	    "RCPT TO:<c@b> notify=FAILURE", "DATA", TEXT),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n250 2.1.5 Recipient ok\n"
	    "501 5.5.4 Parameter malformed\n501 5.5.4 Parameter malformed\n"
	    "555 5.5.4 Parameter not recognized\n501 5.5.4 Parameter malformed\n250 2.1.5 Recipient ok\n"
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fa@b DENVID=x RET=HDRS Ta@b DNOTIFY=NEVER ORCPT=rfc822;a@b Tb@b"
	    " Tc@b Dnotify=FAILURE \n"
	    "close 3\n250 2.0.0 Taken\nlog E eof| 11 57\n=0");
	/* Of the message before nothing is left. */
	IS(RUN(LOGIN, "MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 RET=FULL", RCPT, "DATA", TEXT, MAIL, RCPT,
	    "DATA", TEXT),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 smtputf8 eight Fa@b DRET=FULL Tann@x.example \nclose 3\n"
	    "250 2.0.0 Taken\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 8 114\n=0");
}

static void
recipients_are_limited(void **state)
{
	(void)state;
	IS(RUN(LOGIN, MAIL, RCPT, RCPT, RCPT, RCPT, "DATA", TEXT, MAIL, RCPT),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n250 2.1.5 Recipient ok\n250 2.1.5 Recipient ok\n"
	    "452 4.5.3 Too many recipients\n354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example Tann@x.example Tann@x.example \n"
	    "close 3\n250 2.0.0 Taken\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nlog E eof| 10 57\n=0");
	config.argument_room = 2 * (13 + 1 + sizeof(char *));
	IS(RUN(LOGIN, MAIL, RCPT, RCPT, RCPT),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n250 2.1.5 Recipient ok\n"
	    "452 4.5.3 Too many recipients\nlog E eof| 6 0\n=0");
	config.argument_room--;
	IS(RUN(LOGIN, MAIL, RCPT, RCPT, RCPT),
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n452 4.5.3 Too many recipients\n"
	    "452 4.5.3 Too many recipients\nlog E eof| 6 0\n=0");
}

/* With DSN the envelope may be full before: never beyond its end. */
static void
envelopes_have_an_end(void **state)
{
	static const char *script[RECIPIENTS_MAX + 10];
	static char recipient[1000] = "RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;";
	static char first[1000];
	const char *said;
	size_t size, left;
	int i = 0, taken = 0;

	(void)state;
	config.max_recipients = RECIPIENTS_MAX;
	config.argument_room = UINT64_MAX;
	config.offer_dsn = true;
	memset(recipient + strlen(recipient), 'x', 480);
	script[i++] = "EHLO x";
	script[i++] = PLAIN;
	script[i++] = MAIL;
	while (i < RECIPIENTS_MAX)
		script[i++] = recipient;
	script[i++] = NULL;
	said = run(script);
	for (const char *at = said; (at = strstr(at, "250 2.1.5")) != NULL; at++)
		taken++;
	/* F and the sender, T and the recipient, D and its parameters: each ends with a NUL. The last one that is taken
	 * finds the room that the longest would need. */
	size = 5 + strlen(recipient) - 12;
	assert_int_equal(taken, (int)((ENVELOPE_FULL - 15) / size) + 1);
	/* Where there is room for the longest to the byte, it is taken: the first one is as long as that needs. */
	left = (ENVELOPE_FULL - 15) % size;
	assert_true(left > size - 480);
	snprintf(first, sizeof first, "%.*s", (int)(left + 12 - 5), recipient);
	script[3] = first;
	assert_non_null(strstr(run(script), "452 4.5.3"));
	assert_int_equal(session.envelope.length, ENVELOPE_FULL + size);
	assert_int_equal(ENVELOPE_FULL + 1 + ADDRESS_MAX + 1 + 1 + DSN_MAX + 1 + 1, sizeof session.envelope.body);
}

static void
messages(void **state)
{
	static const char *const answers[][2] = {
		{ "K2.0.0 Taken", "250 2.0.0 Taken" }, { "K251 2.1.5 Elsewhere", "251 2.1.5 Elsewhere" },
		{ "K550 5.0.0 no", "250 550 5.0.0 no" }, { "D5.7.1 No", "554 5.7.1 No" }, { "D550 5.7.1 No",
		    "550 5.7.1 No" },
		{ "D450 4.7.1 No", "554 450 4.7.1 No" }, { "D5501 x", "554 5501 x" }, { "D550", "554 550" },
		{ "D587 x", "587 x" }, { "Z4.3.0 Later", "451 4.3.0 Later" }, { "Z4.7.1 Later", "450 4.7.1 Later" },
		{ "Z4.7 Later", "451 4.7 Later" }, { "Z452 4.2.2 Full", "452 4.2.2 Full" },
		{ "Z552 4.2.2 Full", "451 552 4.2.2 Full" },
		{ "L4.4.2 Late", "451 4.4.2 Late" }, { "L452 4.4.2 Late", "451 452 4.4.2 Late" }, { "-",
		    "421 4.3.0 Internal" },
		{ "X?", "451 ?" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(answers); i++) {
		ANSWERS("Kbob", answers[i][0]);
		RUN(LOGIN, ENVELOPE, TEXT, MAIL, "!gone");
		if (strncmp(strstr(transcript, "close 3\n") + 8, answers[i][1], strlen(answers[i][1])) != 0)
			fail_msg("%s: %s", answers[i][0], transcript);
	}
	ANSWERS("Kbob", "L4.4.2 Late");
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n451 4.4.2 Late\n"
	    "log E injector-late| 5 57\n=1");
	ANSWERS("Kbob", "-");
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n"
	    "421 4.3.0 Internal failure, closing connection\nlog E internal-failure| 5 57\n=1");
	world.answers = NULL;
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL, RCPT, "DATA", TEXT, RCPT),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "503 5.5.1 MAIL first\nlog E eof| 9 114\n=0");
	assert_int_equal(strncmp(world.spool, "Received: from laptop (h.example [192.0.2.9])\n\tby"
	    " mail.example with ESMTPSA\n"
	    "\tid ID; Sat, 21 Nov 2026 03:36:34 +0000\nDate: x\nMessage-ID: <x@y>\nFrom:"
	    " bob@x.example\n\ntext\nReceived: ", 160), 0);
	/* No room for a further one; then there is. */
	ANSWERS("Kbob", "K2.0.0 Taken", "Z", "K", "K2.0.0 Taken");
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL, RCPT, "DATA", MAIL, RCPT, "DATA", TEXT),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "452 4.3.1 No room for a message, try again later\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n"
	    "spool?\n354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 11 114\n=0");
	ANSWERS("Kbob", "K2.0.0 Taken", "Z");
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL, RCPT, "DATA", "Subject: blind"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "452 4.3.1 No room for a message, try again later\nwipe 14\n"
	    "500 5.5.2 This is SMTP, closing connection\nlog E not-smtp| 9 57\n=1");
	ANSWERS("Kbob", "K2.0.0 Taken", "-");
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL, RCPT, "DATA"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "421 4.3.0 Internal failure, closing connection\nlog E internal-failure| 8 57\n=1");
	/* What cannot be closed is used again. */
	world.answers = NULL;
	world.close_fails = true;
	IS(RUN(LOGIN, ENVELOPE, TEXT, MAIL, RCPT, "DATA", TEXT),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 8 114\n=0");
}

/* Messages that never get as far as the monitor. */
static void
messages_that_are_refused(void **state)
{
	(void)state;
	IS(RUN(LOGIN, ENVELOPE, "a\rb\r\n.\r\n", MAIL),
	    "354 End with a line that holds a single dot\n"
	    "log R Message has a bare CR or a NUL (RFC 5321 section 2.3.8)|bob@x.example 1 5\nclose 3\n"
	    "550 5.6.0 Message has a bare CR or a NUL (RFC 5321 section 2.3.8)\n250 2.1.0 Sender ok\n"
	    "log E eof| 6 5\n=0");
	config.max_size = 10;
	IS(RUN(LOGIN, ENVELOPE, "01234567\r\n.\r\n", MAIL, RCPT, "DATA", "012345678\r\n.\r\n"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=10 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "354 End with a line that holds a single dot\n"
	    "log R Message is larger than this server takes|bob@x.example 1 11\nclose 3\n"
	    "552 5.3.4 Message is larger than this server takes\nlog E eof| 8 21\n=0");
	config.max_size = 4000;
	world.spool_fails = true;
	IS(RUN(LOGIN, ENVELOPE, TEXT),
	    "354 End with a line that holds a single dot\n"
	    "log Y Message could not be stored, try again later|bob@x.example 1 57\nclose 3\n"
	    "452 4.3.1 Message could not be stored, try again later\nlog E eof| 5 57\n=0");
}

static void
digests(void **state)
{
	char first[300];

	(void)state;
	strcpy(config.state, "/state");
	strcpy(first, RUN(LOGIN, ENVELOPE, TEXT));
	/* Half a SHA-512 of all that the client sent, and of the envelope. */
	assert_non_null(strstr(first, " digest=3fdc38 "));
	assert_string_equal(RUN(LOGIN, ENVELOPE, TEXT), first);
	strcpy(config.state, "/");
	assert_string_equal(RUN(LOGIN, ENVELOPE, TEXT), first);
	assert_string_not_equal(RUN(LOGIN, MAIL, "RCPT TO:<amy@x.example>", "!mark", "DATA", TEXT), first);
	assert_null(strstr(RUN(LOGIN, ENVELOPE, "From: x\r\n\r\ntext\r\n.\r\n"), "digest"));
	config.state[0] = '\0';
	assert_null(strstr(RUN(LOGIN, ENVELOPE, TEXT), "digest"));
}

static void
received_fields(void **state)
{
	(void)state;
	strcpy(peer.tls_protocol, "TLSv1.3");
	strcpy(peer.tls_cipher, "AES");
	RUN(LOGIN, ENVELOPE, TEXT);
	assert_non_null(strstr(world.spool, "with ESMTPSA (TLSv1.3 AES)\n"));
	peer.tls_protocol[0] = '\0';
	RUN(LOGIN, ENVELOPE, TEXT);
	assert_non_null(strstr(world.spool, "with ESMTPSA (AES)\n"));
	strcpy(peer.tls_protocol, "TLSv1.3");
	peer.tls_cipher[0] = '\0';
	RUN(LOGIN, ENVELOPE, TEXT);
	assert_non_null(strstr(world.spool, "with ESMTPSA (TLSv1.3)\n"));
	peer.tls = TLS_LOOPBACK;
	config.smtputf8 = true;
	RUN(LOGIN, "MAIL FROM:<> SMTPUTF8", RCPT, "DATA", "x\r\n.\r\n", MAIL, RCPT, "DATA", "x\r\n.\r\n");
	assert_non_null(strstr(world.spool, "with UTF8SMTPA (TLSv1.3)\n"));
	assert_non_null(strstr(world.spool, "Message-ID: <ID.1@mail.example>\nFrom:"
	    " <MAILER-DAEMON@d.example>\n\nx\n"));
	assert_non_null(strstr(world.spool, "with ESMTPA (TLSv1.3)\n"));
	assert_non_null(strstr(world.spool, "Message-ID: <ID.2@mail.example>\nFrom: <bob@x.example>\n\nx\n"));
	peer.tls = TLS_BEHIND;
	RUN(LOGIN, "MAIL FROM:<> SMTPUTF8", RCPT, "DATA", "x\r\n.\r\n");
	assert_non_null(strstr(world.spool, "with UTF8SMTPSA (TLSv1.3)\n"));
	/* The login, where the administrator wants it; it is the one that the monitor said. */
	config.received = RECEIVED_LOGIN;
	ANSWERS("Krobert");
	RUN(LOGIN, ENVELOPE, TEXT);
	assert_non_null(strstr(world.spool, "(authenticated as robert)"));
}

static void
sender_rules(void **state)
{
	char longest[1 + ADDRESS_MAX + 1] = "K", wanted[300];

	(void)state;
	IS(RUN(LOGIN, MAIL),
	    "250 2.1.0 Sender ok\nlog E eof| 3 0\n=0");
	config.own_address = true;
	IS(RUN(LOGIN, "MAIL FROM:<>", "RSET", MAIL),
	    "250 2.1.0 Sender ok\n250 2.0.0 Ok\nsender? <bob@x.example>\n250 2.1.0 Sender ok\n"
	    "log E eof| 5 0\n=0");
	config.own_address = false;
	strcpy(config.senders, "t");
	IS(RUN(LOGIN, MAIL),
	    "sender? <bob@x.example>\n250 2.1.0 Sender ok\nlog E eof| 3 0\n=0");
	strcpy(config.senders, "/table");
	ANSWERS("Kbob", "D5.7.1 No", "Z4.3.0 Later", "-");
	IS(RUN(LOGIN, MAIL, MAIL, MAIL),
	    "sender? <bob@x.example>\n553 5.7.1 No\nsender? <bob@x.example>\n451 4.3.0 Later\n"
	    "sender? <bob@x.example>\n421 4.3.0 Internal failure, closing connection\n"
	    "log E internal-failure| 5 0\n=1");
	/* From and Sender, too. */
	ANSWERS("Kbob", "K", "D5.7.1 No", "K", "K", "K", "Z4.3.0 Later", "K", "K", "-");
	IS(RUN(LOGIN, ENVELOPE, "From: x@y\r\n\r\n.\r\n", MAIL, RCPT, "DATA",
	    "From: a@b\r\nSender: x@y\r\n\r\n.\r\n", MAIL, RCPT,
	    "DATA", "From: a@b\r\n\r\n.\r\n"),
	    "354 End with a line that holds a single dot\nsender? <x@y>\nlog R 5.7.1 No|bob@x.example 1 13\n"
	    "close 3\n550 5.7.1 No\nsender? <bob@x.example>\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n"
	    "spool?\n354 End with a line that holds a single dot\nsender? <a@b>\nsender? <x@y>\n"
	    "log Y 4.3.0 Later|bob@x.example 1 26\nclose 3\n451 4.3.0 Later\nsender? <bob@x.example>\n"
	    "250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nspool?\n"
	    "354 End with a line that holds a single dot\nsender? <a@b>\n"
	    "log Y Internal failure, closing connection|bob@x.example 1 13\nclose 3\n"
	    "421 4.3.0 Internal failure, closing connection\nlog E internal-failure| 11 52\n=1");
	world.answers = NULL;
	IS(RUN(LOGIN, ENVELOPE, "From: ;\r\n\r\n.\r\n"),
	    "354 End with a line that holds a single dot\n"
	    "log R From or Sender cannot be read: give them plain addresses that are yours|bob@x.example 1 11\n"
	    "close 3\n550 5.7.1 From or Sender cannot be read: give them plain addresses that are yours\n"
	    "log E eof| 5 11\n=0");
	/* Or one of ours instead. */
	config.fix_sender = true;
	IS(RUN(LOGIN, ENVELOPE, "From: a@b\r\nSender: x@y\r\n\r\n.\r\n"),
	    "sender? <>\n354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=26 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 5 26\n=0");
	assert_non_null(strstr(world.spool, "From: a@b\nDate: "));
	assert_non_null(strstr(world.spool, "Sender: <own@x.example>\n\n"));
	memset(longest + 1, 'o', ADDRESS_MAX);
	ANSWERS("Kbob", "K", longest);
	RUN(LOGIN, ENVELOPE, "From: a@b\r\n\r\n.\r\n");
	snprintf(wanted, sizeof wanted, "Sender: <%s>\n\n", longest + 1);
	assert_non_null(strstr(world.spool, wanted));
	ANSWERS("Kbob", "K", "D5.7.1 No", "K", "Z4.3.0 Later", "K", "-");
	IS(RUN(LOGIN, MAIL, RCPT, "DATA", MAIL, RCPT, "DATA", MAIL, RCPT, "DATA"),
	    "sender? <bob@x.example>\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nsender? <>\n550 5.7.1 No\n"
	    "sender? <bob@x.example>\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\nsender? <>\n"
	    "451 4.3.0 Later\nsender? <bob@x.example>\n250 2.1.0 Sender ok\n250 2.1.5 Recipient ok\n"
	    "sender? <>\n421 4.3.0 Internal failure, closing connection\nlog E internal-failure| 11 0\n=1");
}

static void
replies_that_are_lost(void **state)
{
	(void)state;
	/* Not even written: whatever was remembered. */
	for (int flushes = 0; flushes < 3; flushes++) {
		world.flushes = flushes;
		assert_true((strstr(RUN(LOGIN, ENVELOPE, TEXT, "NOOP"),
		    "log E reply-lost|") != NULL) == (flushes < 1));
	}
	world.flushes = 0;
	ANSWERS("Kbob", "D5.7.1 No");
	assert_null(strstr(RUN(LOGIN, ENVELOPE, TEXT), "reply-lost"));
	world.answers = NULL;
	world.flushes = -1;
	/* The client's end threw it away: looked at only where it is remembered. */
	IS(RUN(LOGIN, ENVELOPE, TEXT, "!reset"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=57 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "log E eof| 5 57\n=0");
	strcpy(config.state, "/state");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n.\r\n", "!reset"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=3 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\nreset?\n"
	    "log E reply-lost| 5 3\n=1");
	strcpy(config.state, "/");
	assert_non_null(strstr(RUN(LOGIN, ENVELOPE, "x\r\n.\r\n", "!reset"), "reset?\nlog E reply-lost| 5 3\n=1"));
	strcpy(config.state, "/state");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n.\r\n", "!gone"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=3 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\nreset?\n"
	    "log E eof| 5 3\n=0");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n.\r\n", "NOOP", "!reset"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=3 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "250 2.0.0 Ok\nlog E eof| 6 3\n=0");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n.\r\n", "!late"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=3 Fbob@x.example Tann@x.example \nclose 3\n250 2.0.0 Taken\n"
	    "421 4.4.2 Timeout, closing connection\nlog E timeout| 5 3\n=1");
	ANSWERS("Kbob", "D5.7.1 No");
	IS(RUN(LOGIN, ENVELOPE, "x\r\n.\r\n", "!reset"),
	    "354 End with a line that holds a single dot\n"
	    "send? helo=laptop bytes=3 Fbob@x.example Tann@x.example \nclose 3\n554 5.7.1 No\n"
	    "log E eof| 5 3\n=0");
}

static void
times_and_titles(void **state)
{
	(void)state;
	world.shows_time = true;
	config.timeout = 30;
	config.login_timeout = 12;
	IS(RUN("EHLO x", "EHLO y", "NOOP", PLAIN, MAIL, RCPT, RCPT, "DATA", TEXT, "QUIT"),
	    "patience 30000\nstart 0 1\n{session 192.0.2.9:9  connected}\ndeadline 13000\n"
	    "220 mail.example ESMTP ofmipd-session\n{session 192.0.2.9:9  EHLO}\n250-mail.example\n"
	    "250-PIPELINING\n250-SIZE 4000\n250-8BITMIME\n250-AUTH PLAIN\n250-LIMITS RCPTMAX=3\n"
	    "250 ENHANCEDSTATUSCODES\n250-mail.example\n250-PIPELINING\n250-SIZE 4000\n250-8BITMIME\n"
	    "250-AUTH PLAIN\n250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\n{session 192.0.2.9:9  NOOP}\n"
	    "250 2.0.0 Ok\n{session 192.0.2.9:9  AUTH}\nwipe 16\nauth? PLAIN bob sesame\ndeadline 7201000\n"
	    "235 2.7.0 Authentication succeeded\n{session 192.0.2.9:9 bob MAIL}\n250 2.1.0 Sender ok\n"
	    "{session 192.0.2.9:9 bob RCPT}\n250 2.1.5 Recipient ok\n250 2.1.5 Recipient ok\n"
	    "{session 192.0.2.9:9 bob DATA}\n354 End with a line that holds a single dot\ndeadline 31000\n"
	    "deadline 7201000\nsend? helo=y bytes=57 Fbob@x.example Tann@x.example Tann@x.example \nclose 3\n"
	    "250 2.0.0 Taken\n{session 192.0.2.9:9 bob QUIT}\n221 2.0.0 Bye\nlog E quit| 9 57\n=0");
}

/* The longer the message, the longer it may take: 500 bytes a second; but not longer than the session. */
static void
long_messages_may_take_longer(void **state)
{
	static char part[5001];

	(void)state;
	memset(part, 'x', sizeof part - 1);
	world.shows_time = true;
	config.max_size = 10000;
	assert_non_null(strstr(RUN(LOGIN, ENVELOPE, part, part, "\r\n.\r\n"),
	    "\ndeadline 301000\ndeadline 311000\ndeadline 321000\ndeadline 7201000\n"));
	config.timeout = 7200;
	assert_non_null(strstr(RUN(LOGIN, ENVELOPE, part, "\r\n.\r\n"),
	    "\ndeadline 7201000\ndeadline 7201000\ndeadline 7201000\nsend?"));
}

static void
all_is_traced(void **state)
{
	(void)state;
	config.debug = true;
	IS(RUN("EHLO x", "AUTH PLAIN", "AGJvYgBzZXNhbWU=", "c2VjcmV0", "EXPN x", "AUTH PLAIN x"),
	    "220 mail.example ESMTP ofmipd-session\ntraced\nlog T C|EHLO x 0 0\n"
	    "log T S|250-mail.example 0 0\n250-mail.example\nlog T S|250-PIPELINING 0 0\n250-PIPELINING\n"
	    "log T S|250-SIZE 4000 0 0\n250-SIZE 4000\nlog T S|250-8BITMIME 0 0\n250-8BITMIME\n"
	    "log T S|250-AUTH PLAIN 0 0\n250-AUTH PLAIN\nlog T S|250-LIMITS RCPTMAX=3 0 0\n"
	    "250-LIMITS RCPTMAX=3\n250 ENHANCEDSTATUSCODES\ntraced\nlog T C|AUTH (masked) 0 0\n334 \ntraced\n"
	    "wipe 16\nauth? PLAIN bob sesame\n235 2.7.0 Authentication succeeded\ntraced\n"
	    "log T C|(not a command) 0 0\nwipe 8\n500 5.5.1 Command not recognized\ntraced\n"
	    "log T C|EXPN x 0 0\nwipe 6\n502 5.5.1 Command not implemented\ntraced\n"
	    "log T C|AUTH (masked) 0 0\nwipe 12\n503 5.5.1 Already authenticated\ntraced\nlog E eof| 5 0\n=0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(offers, begin),
		cmocka_unit_test_setup(names_of_clients, begin),
		cmocka_unit_test_setup(before_a_login, begin),
		cmocka_unit_test_setup(after_a_login, begin),
		cmocka_unit_test_setup(lines_that_end_otherwise, begin),
		cmocka_unit_test_setup(long_lines, begin),
		cmocka_unit_test_setup(logins, begin),
		cmocka_unit_test_setup(trouble_is_limited, begin),
		cmocka_unit_test_setup(xclient_is_told_once, begin),
		cmocka_unit_test_setup(starttls_begins_anew, begin),
		cmocka_unit_test_setup(nothing_may_follow_starttls, begin),
		cmocka_unit_test_setup(proxy_headers, begin),
		cmocka_unit_test_setup(paths, begin),
		cmocka_unit_test_setup(parameters, begin),
		cmocka_unit_test_setup(recipients_are_limited, begin),
		cmocka_unit_test_setup(envelopes_have_an_end, begin),
		cmocka_unit_test_setup(messages, begin),
		cmocka_unit_test_setup(messages_that_are_refused, begin),
		cmocka_unit_test_setup(digests, begin),
		cmocka_unit_test_setup(received_fields, begin),
		cmocka_unit_test_setup(sender_rules, begin),
		cmocka_unit_test_setup(replies_that_are_lost, begin),
		cmocka_unit_test_setup(times_and_titles, begin),
		cmocka_unit_test_setup(long_messages_may_take_longer, begin),
		cmocka_unit_test_setup(all_is_traced, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
