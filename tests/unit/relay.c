/* links: inject/message inject/relay inject/wire */
/* Relays that are played by this test, and system calls that fail: what is handed over, and what is answered. */
#include "unit.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "faults.h"
#include "inject/relay.h"

static enum { HONEST, GARBAGE, HALF, ENDLESS } word;	/* what the relay process says to its parent */
static int slow;					/* milliseconds that a connection takes */

FAULTY_AS(void *, MAP_FAILED, mmap, (void *at, size_t size, int how, int flags, int file, off_t from),
    (at, size, how, flags, file, from))
FAULTY(int, pipe2, (int ends[2], int flags), (ends, flags))
FAULTY_NUMBERS
FAULTY_AS(sighandler_t, SIG_ERR, signal, (int number, sighandler_t handler), (number, handler))

/* As many arguments as there may be: more than there are. */
__attribute__((no_sanitize_address)) int
prctl(int option, ...)
{
	va_list list;
	unsigned long values[4];

	if (fault_is_due("prctl"))
		return -1;
	va_start(list, option);
	for (int i = 0; i < 4; i++)
		values[i] = va_arg(list, unsigned long);
	va_end(list);
	return (int)syscall(SYS_prctl, option, values[0], values[1], values[2], values[3]);
}

ssize_t
write(int file, const void *bytes, size_t length)
{
	char lie[PIPE_BUF];

	if (fault_is_due("write"))
		return -1;
	if (word == HONEST || length < sizeof(struct outcome) || length > sizeof lie)
		return syscall(SYS_write, file, bytes, length);
	memset(lie, word == ENDLESS ? ASK_YES : 'x', length);
	memcpy(lie, bytes, word == ENDLESS ? 2 * sizeof(int) : 0);	/* a verdict, and texts without an end */
	return syscall(SYS_write, file, lie, word == HALF ? length / 2 : length) < 0 ? -1 : (ssize_t)length;
}

int
connect(int file, const struct sockaddr *name, socklen_t length)
{
	usleep((useconds_t)slow * 1000);
	return (int)syscall(SYS_connect, file, name, length);
}

#define REPLIES 24

/* What each relay says: to the connection, then to each line and to the text. NULL: it hangs up; "": it is silent. */
typedef const char *script[REPLIES];

static struct {
	size_t used;
	char bytes[400000];
} *heard;		/* shared with the relays: all that they were told */

static struct config config;
static struct identity identity;
static struct peer peer;
static struct message message;
static struct memory memory;
static struct outcome outcome;
static char text[200000];

static void
hear(const char *bytes, size_t length)
{
	if (length > sizeof heard->bytes - 1 - heard->used)
		_exit(1);
	memcpy(heard->bytes + heard->used, bytes, length);
	heard->used += length;
	heard->bytes[heard->used] = '\0';
}

static void
play(FILE *client, const char *const *replies)
{
	static char line[100000];
	bool in_text = false;

	for (int i = 0; i < REPLIES && replies[i] != NULL; i++) {
		fputs(replies[i], client);
		fflush(client);
		in_text = strncmp(replies[i], "354", 3) == 0;
		do {
			if (fgets(line, sizeof line, client) == NULL)
				return;
			hear(line, strlen(line));
		} while (in_text && strcmp(line, ".\r\n") != 0);
	}
}

/* In a process of its own: the relays, one behind the other. */
static pid_t
start_relays(script *scripts, int count)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_true(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 8) == 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
	config.injector_path[0] = '\0';
	for (int i = 0; i < count; i++)
		sprintf(strchr(config.injector_path, '\0'), "%s127.0.0.1:%d", i > 0 ? "," : "", ntohs(name.sin_port));
	heard->used = 0;
	heard->bytes[0] = '\0';
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fault("", 0, 0);
		word = HONEST;
		alarm(60);
		for (int i = 0; i < count; i++) {
			int client = accept(listener, NULL, NULL);
			FILE *stream = fdopen(client, "r+");

			setvbuf(stream, NULL, _IOFBF, 4096);
			play(stream, scripts[i]);
			fclose(stream);
		}
		_exit(0);
	}
	close(listener);
	return pid;
}

static enum ask_verdict
send_to(script *scripts, int count)
{
	pid_t relays = start_relays(scripts, count);

	outcome = (struct outcome){ .text = "" };
	relay_send(&config, &peer, &message, &outcome);
	/* What is on its way to it is heard; who was not called is not waited for. */
	for (int i = 0; i < 100 && waitpid(relays, NULL, WNOHANG) == 0; i++) {
		usleep(10000);
		if (i == 50)
			kill(relays, SIGKILL);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_true(strlen(outcome.text) < sizeof outcome.text && strlen(outcome.how) < sizeof outcome.how);
	return outcome.verdict;
}

static void
set_text(const char *bytes, size_t length)
{
	message.size = length;
	assert_int_equal(ftruncate(message.spool, 0), 0);
	assert_int_equal(pwrite(message.spool, bytes, length, 0), length);
}

static int
start(void **state)
{
	(void)state;
	memset(&config, 0, sizeof config);
	strcpy(config.hostname, "mail.example");
	strcpy(config.domain, "d.example");
	config.inject_timeout = 20;
	identity = (struct identity){ .user = "bob" };
	peer = (struct peer){ .address = "192.0.2.9", .port = "1234" };
	message = (struct message){ .id = "ID", .number = 1, .login = "bob", .mechanism = "PLAIN", .helo = "client.example",
	    .identity = &identity, .memory = &memory, .spool = memfd_create("spool", 0), .envelope = "Fbob@x\0Tann@y\0\0", .length = 16,
	    .recipients = 1 };
	message.sender = message.envelope + 1;
	set_text("Subject: s\n\ntext\n", 17);
	word = HONEST;
	slow = 0;
	fault("", 0, 0);
	return message.spool < 0;
}

static int
finish(void **state)
{
	(void)state;
	return close(message.spool);
}

#define HELLO "220 r\r\n", "250 r\r\n"
#define TAKEN "250 Ok\r\n", "250 Ok\r\n", "354 Go\r\n"

/* Lines of every length that is handled in its own way, with and without a final newline. */
static void
lines_of_all_lengths(void **state)
{
	static script scripts[] = { { HELLO, TAKEN, "250 2.0.0 Ok\r\n" } };
	static const size_t lengths[] = { 0, 1, 4095, 4096, 4097, 8191, 8192, 65532, 65533, 65534, 65535, 65536, 65537, 90000 };

	(void)state;
	for (size_t i = 0; i < LENGTH(lengths); i++)
		for (int way = 0; way < 4; way++) {
			size_t used = lengths[i], dots = way / 2 && used > 0, newline = way % 2;
			const char *at;

			memset(text, 'x', used);
			if (dots > 0)
				text[0] = '.';
			if (newline)
				text[used] = '\n';
			if (used + newline == 0)
				continue;
			set_text(text, used + newline);
			if (send_to(scripts, 1) != ASK_YES)
				fail_msg("%zu bytes, way %d: %s: %s", used, way, outcome.text, outcome.how);
			assert_string_equal(outcome.text, "250 2.0.0 Ok");
			at = strstr(heard->bytes, "DATA\r\n");
			assert_non_null(at);
			at += 6;
			assert_int_equal(strncmp(at, "..", 2) == 0, dots);
			at += dots;
			assert_memory_equal(at, text, used);
			assert_int_equal(strncmp(at + used, "\r\n.\r\n", 5), 0);
		}
}

static void
what_is_answered(void **state)
{
	static struct {
		script script;
		enum ask_verdict verdict;
		const char *text, *how;
	} rows[] = {
		{ { HELLO, TAKEN, "250 2.0.0\r\n" }, ASK_YES, "250 2.0.0", ": 250 2.0.0" },
		{ { HELLO, TAKEN, "250 2 x\r\n" }, ASK_YES, "250 2.0.0 2 x", "" },
		{ { HELLO, TAKEN, "250 2.0 x\r\n" }, ASK_YES, "250 2.0.0 2.0 x", "" },
		{ { HELLO, TAKEN, "250 2..0 x\r\n" }, ASK_YES, "250 2.0.0 2..0 x", "" },
		{ { HELLO, TAKEN, "250 2.0.1000 x\r\n" }, ASK_YES, "250 2.0.0 2.0.1000 x", "" },
		{ { HELLO, TAKEN, "250 2.0.0x\r\n" }, ASK_YES, "250 2.0.0 2.0.0x", "" },
		{ { HELLO, TAKEN, "250 4.0.0 x\r\n" }, ASK_YES, "250 2.0.0 4.0.0 x", "" },
		{ { HELLO, TAKEN, "250 a\177b\033\303\251\r\n" }, ASK_YES, "250 2.0.0 a?b?" /* and ?? */, "" },
		{ { HELLO, TAKEN, "451 4.3.0 later\r\n" }, ASK_TEMPORARY, "451 4.3.0 later", ": final dot: 451 " },
		{ { HELLO, TAKEN, "554 5.6.0 no\r\n" }, ASK_NO, "554 5.6.0 no", ": final dot: 554 " },
		{ { HELLO, TAKEN, "354 2.0.0 what\r\n" }, ASK_TEMPORARY, "4.4.2 ", ": final dot: 354 2.0.0 what" },
		{ { HELLO, TAKEN, NULL }, ASK_TEMPORARY, "4.4.2 ", ": final dot: the connection was closed" },
		{ { HELLO, TAKEN, "25\r\n" }, ASK_TEMPORARY, "4.4.2 ", "a malformed answer" },
		{ { HELLO, "250 Ok\r\n", "252 Perhaps\r\n" }, ASK_TEMPORARY, "4.4.2 ", ": RCPT: 252 Perhaps" },
		{ { HELLO, "250 Ok\r\n", "550 5.1.1 who\r\n" }, ASK_NO, "550 5.1.1 <ann@y>: who", ": RCPT: 550 " },
		{ { HELLO, "250 Ok\r\n", "421 4.3.2 bye\r\n" }, ASK_TEMPORARY, "451 4.3.2 <ann@y>: bye", ": RCPT: 421 " },
		{ { HELLO, "553 5.1.8 no\r\n" }, ASK_NO, "553 5.1.8 no", ": MAIL: 553 " },
		{ { HELLO, "250 Ok\r\n", "250 Ok\r\n", "250 Ok\r\n" }, ASK_TEMPORARY, "4.4.2 ", ": DATA: 250 Ok" },
		{ { "220 r\r\n", "502 5.5.1 no\r\n" }, ASK_NO, "554 5.5.1 no", ": EHLO: 502 " },
		{ { "220 r\r\n", "220 r\r\n" }, ASK_TEMPORARY, "4.4.2 ", ": EHLO: 220 r" },
		{ { "554 5.7.1 no\r\n" }, ASK_NO, "554 5.7.1 no", ": greeting: 554 " },
		{ { NULL }, ASK_TEMPORARY, "4.4.2 ", ": greeting: the connection was closed" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (send_to(&rows[i].script, 1) != rows[i].verdict ||
		    strncmp(outcome.text, rows[i].text, strlen(rows[i].text)) != 0 || strstr(outcome.how, rows[i].how) == NULL)
			fail_msg("row %zu: %c %s | %s", i, outcome.verdict, outcome.text, outcome.how);
}

/* XCLIENT and AUTH= tell who sends, whatever is in it; what cannot be told is refused. */
static void
who_is_sending(void **state)
{
	static script scripts[] = { { "220 r\r\n", "250-r\r\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN OTHER\r\n",
	    "220 r\r\n", "250 r\r\n", TAKEN, "250 2.0.0 Ok\r\n" } },
	    auth[] = { { "220 r\r\n", "250-r\r\n250-SIZE x\r\n250 AUTH PLAIN\r\n", TAKEN, "250 2.0.0 Ok\r\n" } },
	    refused[] = { { "220 r\r\n", "250-r\r\n250 XCLIENT ADDR\r\n", "550 5.7.1 no\r\n" } },
	    shut[] = { { "220 r\r\n", "250-r\r\n250 XCLIENT ADDR\r\n", "220 r\r\n", "421 4.3.2 no\r\n" } };
	char helo[900];

	(void)state;
	strcpy(peer.address, "2001:db8::9");
	message.helo = "a+b=\303\251 [x]";
	assert_int_equal(send_to(scripts, 1), ASK_YES);
	assert_non_null(strstr(heard->bytes, "EHLO mail.example\r\nXCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::9 PORT=1234 "
	    "PROTO=ESMTP HELO=a+2Bb+3D+C3+A9+20[x] LOGIN=bob\r\nEHLO mail.example\r\nMAIL FROM:<bob@x>\r\n"));
	message.helo = "client.example";
	strcpy(peer.address, "192.0.2.9");
	assert_int_equal(send_to(scripts, 1), ASK_YES);
	assert_non_null(strstr(heard->bytes, "ADDR=192.0.2.9 "));
	assert_non_null(strstr(heard->bytes, "LOGIN=bob\r\nEHLO client.example\r\nMAIL FROM:<bob@x>\r\n"));
	strcpy(identity.user, "b\177\303\251");
	assert_int_equal(send_to(auth, 1), ASK_YES);
	assert_non_null(strstr(heard->bytes, "\r\nMAIL FROM:<bob@x> SIZE=17 AUTH=b+7F+C3+A9@d.example\r\n"));
	strcpy(identity.user, "bob@e.example");
	assert_int_equal(send_to(auth, 1), ASK_YES);
	assert_non_null(strstr(heard->bytes, "\r\nMAIL FROM:<bob@x> SIZE=17 AUTH=bob@e.example\r\n"));
	assert_int_equal(send_to(refused, 1), ASK_NO);
	assert_non_null(strstr(outcome.how, ": XCLIENT: 550 "));
	assert_int_equal(send_to(shut, 1), ASK_TEMPORARY);
	memset(helo, '=', sizeof helo - 1);
	helo[sizeof helo - 1] = '\0';
	message.helo = helo;
	assert_int_equal(send_to(scripts, 1), ASK_NO);
	assert_string_equal(outcome.text, "5.6.0 The mail relay cannot be told who sends this");
	assert_null(strstr(heard->bytes, "MAIL"));
}

/* Each call of the relay process that fails: never a yes but for what the relay took whole. */
static void
calls_that_fail(void **state)
{
	static const struct {
		const char *name;
		int error, most;
		const char *how;
	} rows[] = {
		{ "mmap", ENOMEM, 1, ": spool: Cannot allocate memory" }, { "pipe2", EMFILE, 1, ": Too many open files" },
		{ "timer_create", EAGAIN, 1, ": timer_create: Resource temporarily unavailable" },
		{ "prctl", EPERM, 1, "prctl(PR_SET_PDEATHSIG): Operation not permitted" },
		{ "write", EIO, 14, NULL }, { "write", EINTR, 14, "" }, { "write", EPIPE, 14, NULL }, { "write", ECONNRESET, 14, NULL },
	};
	static script scripts[] = { { HELLO, TAKEN, "250 2.0.0 Ok\r\n" } };

	(void)state;
	memset(text, 'x', 65534);
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (int nth = 1; nth <= rows[i].most; nth++) {
			enum ask_verdict verdict;

			set_text(text, nth % 2 ? 65534 : 90000);
			fault(rows[i].name, (nth + 1) / 2, rows[i].error);
			verdict = send_to(scripts, 1);
			fault("", 0, 0);
			if (rows[i].error == EINTR ? verdict != ASK_YES : verdict == ASK_YES ?
			    strstr(heard->bytes, "x\r\n.\r\n") == NULL : verdict != ASK_TEMPORARY)
				fail_msg("%s %d: %c %s", rows[i].name, nth, verdict, outcome.how);
			if (rows[i].how != NULL && strstr(outcome.how, rows[i].how) == NULL)
				fail_msg("%s %d: %s", rows[i].name, nth, outcome.how);
			if (verdict == ASK_TEMPORARY)
				assert_memory_equal(outcome.text, "4.", 2);
		}
}

/* A process that was taken over says to its parent what it likes. */
static void
lies_of_the_process(void **state)
{
	static script scripts[] = { { HELLO, TAKEN, "250 2.0.0 Ok\r\n" } };

	(void)state;
	word = GARBAGE;
	assert_int_equal(send_to(scripts, 1), ASK_TEMPORARY);
	assert_string_equal(outcome.text, "4.3.0 The message could not be handed over, try again later");
	word = HALF;
	assert_int_equal(send_to(scripts, 1), ASK_TEMPORARY);
	assert_string_equal(outcome.text, "4.3.0 The message could not be handed over, try again later");
	assert_non_null(strstr(outcome.how, ": exit status 0"));
	word = ENDLESS;		/* send_to() looks whether they end */
	(void)send_to(scripts, 1);
}

/* One that is late leaves no time for the next. */
static void
deadlines(void **state)
{
	static script scripts[] = { { "" }, { HELLO, TAKEN, "250 2.0.0 Ok\r\n" } };
	int64_t before = io_now();

	(void)state;
	config.inject_timeout = 1;
	assert_int_equal(send_to(scripts, 2), ASK_TEMPORARY);
	assert_non_null(strstr(outcome.how, "no answer in time"));
	assert_null(strstr(heard->bytes, "MAIL"));
	config.inject_timeout = 20;
	slow = 1500;
	assert_int_equal(send_to(scripts + 1, 1), ASK_YES);
	config.inject_timeout = 1;	/* it is over when the connection is there */
	assert_int_equal(send_to(scripts, 1), ASK_TEMPORARY);
	assert_non_null(strstr(outcome.how, "greeting: no answer in time"));
	assert_in_range(io_now() - before, 0, 30000);
}

static void
what_check_is_told(void **state)
{
	static script scripts[] = { { "220 r\r\n", "250-r\r\n250-SIZE 1000\r\n250-AUTH=PLAIN\r\n250 DSN\r\n", "" } },
	    again[] = { { "220 r\r\n", "250 r\r\n", "" } };
	struct relay_facts facts;
	pid_t relays = start_relays(scripts, 1);

	(void)state;
	relay_ask(&config, &identity, 0, &facts);
	assert_true(facts.reached);
	assert_int_equal(facts.offers, RELAY_SIZE | RELAY_DSN);
	assert_int_equal(facts.size, 1000);
	assert_string_equal(facts.name, config.injector_path);
	assert_string_equal(facts.fault, "");
	waitpid(relays, NULL, 0);
	relays = start_relays(again, 1);
	word = HALF;
	relay_ask(&config, &identity, 0, &facts);
	assert_false(facts.reached);
	assert_string_equal(facts.fault, "exit status 0");
	kill(relays, SIGKILL);
	waitpid(relays, NULL, 0);
	word = HONEST;
	fault("timer_create", 1, EAGAIN);
	relay_ask(&config, &identity, 0, &facts);
	assert_false(facts.reached);
	/* As root it gives its rights away first: root may not be kept. */
	config.root = true;
	fault("", 0, 0);
	relay_ask(&config, &identity, 0, &facts);
	assert_false(facts.reached);
}

static void
lists_of_relays(void **state)
{
	char name[400];

	(void)state;
	strcpy(config.injector_path, "127.0.0.1:25,[::1]:2525,/run/relay");
	assert_int_equal(relay_count(&config), 3);
	strcpy(config.injector_path, "127.0.0.1:25,");
	assert_int_equal(relay_count(&config), 0);
	strcpy(config.injector_path, "host:25");
	assert_int_equal(relay_count(&config), 0);
	memset(name, '/', 200);
	strcpy(name + RELAY_NAME_SIZE, ",127.0.0.1:25");
	strcpy(config.injector_path, name);
	assert_int_equal(relay_count(&config), 0);
	strcpy(config.injector_path, "/1,/2,/3,/4,/5,/6,/7,/8");
	assert_int_equal(relay_count(&config), 8);
	strcat(config.injector_path, ",/9");
	assert_int_equal(relay_count(&config), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_of_all_lengths, start, finish),
		cmocka_unit_test_setup_teardown(what_is_answered, start, finish),
		cmocka_unit_test_setup_teardown(who_is_sending, start, finish),
		cmocka_unit_test_setup_teardown(calls_that_fail, start, finish),
		cmocka_unit_test_setup_teardown(lies_of_the_process, start, finish),
		cmocka_unit_test_setup_teardown(deadlines, start, finish),
		cmocka_unit_test_setup_teardown(what_check_is_told, start, finish),
		cmocka_unit_test_setup_teardown(lists_of_relays, start, finish),
	};

	signal(SIGPIPE, SIG_IGN);
	heard = mmap(NULL, sizeof *heard, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return heard == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
