/* links: auth auth/checker auth/dovecot auth/file auth/challenge auth/accounts auth/passwd auth/program auth/pwhash auth/tries */
/* Checkers that lie, break or are late, of every kind, and the system calls of them that fail: nobody gets in by that. */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.h"
#include "auth/dovecot.h"
#include "auth/program.h"
#include "base/io.h"
#include "faults.h"

FAULTY(int, socketpair, (int family, int type, int protocol, int ends[2]), (family, type, protocol, ends))
FAULTY(int, pipe2, (int ends[2], int flags), (ends, flags))
FAULTY(pid_t, _Fork, (void), ())
FAULTY(pid_t, waitpid, (pid_t pid, int *status, int flags), (pid, status, flags))
FAULTY(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))
FAULTY(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
FAULTY(ssize_t, read, (int file, void *bytes, size_t length), (file, bytes, length))
FAULTY(ssize_t, send, (int file, const void *bytes, size_t length, int flags), (file, bytes, length, flags))
FAULTY(int, poll, (struct pollfd *pollers, nfds_t count, int patience), (pollers, count, patience))
FAULTY(int, access, (const char *path, int mode), (path, mode))
FAULTY(int, getgroups, (int size, gid_t *groups), (size, groups))

static char directory[64], self[100];	/* a copy of this program, which others can run: their reporter */

/* What could not be closed in order is closed all the same. */
int
close(int file)
{
	int said = (int)syscall(SYS_close, file);

	return fault_is_due("close") ? -1 : said;
}

int
open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode = 0;

	if (fault_is_due(path))
		return -1;
	va_start(list, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
ioctl(int file, unsigned long request, ...)
{
	va_list list;
	void *argument;

	if (fault_is_due("ioctl"))
		return -1;
	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	return (int)syscall(SYS_ioctl, file, request, argument);
}

ssize_t
readlink(const char *path, char *to, size_t size)
{
	if (fault_is_due("readlink"))
		return -1;
	return strcmp(path, "/proc/self/exe") == 0 ? (ssize_t)strlen(strncpy(to, self, size))
	    : syscall(SYS_readlinkat, AT_FDCWD, path, to, size);
}

static struct config config;
static struct peer peer;
static struct identity service;
static struct auth_answer answer;

static int
start(void **state)
{
	(void)state;
	memset(&config, 0, sizeof config);
	config.min_uid = 1000;
	strcpy(config.hostname, "mail.example");
	peer = (struct peer){ .source = PEER_TCPSERVER, .address = "192.0.2.9", .port = "1234", .client = "192.0.2.9:1234" };
	service = (struct identity){ .rights = { .uid = geteuid() == 0 ? 65534 : geteuid(), .gid = 65534 },
	    .user = "service", .home = "/service" };
	fault("", 0, 0);
	memset(&answer, 0, sizeof answer);
	return 0;
}

static const char *
make_file(const char *name, const char *content, int mode)
{
	static char path[200];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
	return path;
}

static void
use(int index, enum authenticator_kind kind, const char *path)
{
	struct authenticator *authenticator = &config.authenticators[index];

	authenticator->kind = kind;
	snprintf(authenticator->path, sizeof authenticator->path, "%s", path);
	authenticator->words[0] = authenticator->path;
	authenticator->words[1] = NULL;
	config.authenticator_count = index + 1;
}

static enum ask_verdict
attempt(const char *mechanism, const char *user, const char *password, const char *response)
{
	const struct auth_context context = { &config, &peer, &service, "ID" };
	const struct ask_attempt asked = { .mechanism = mechanism, .authzid = "", .user = user, .password = password,
	    .response = response, .length = response == NULL ? 0 : strlen(response) };
	enum ask_verdict verdict = auth_check(&context, &asked, &answer);

	if (verdict == ASK_NO || verdict == ASK_TEMPORARY)
		assert_true(answer.reason[0] != '\0');
	return verdict;
}

static enum ask_verdict
step(const char *response)
{
	return auth_step(response, strlen(response), &answer);
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The order of authenticators ----------------------------------------------------------------------------------- */

static void
challenges_of_our_own(void **state)
{
	static const struct {
		const char *response;
		size_t length;
		const char *reason;
	} rows[] = {
#define ROW(string, reason) { string, sizeof string - 1, reason }
#define DIGITS "0123456789abcdef0123456789abcdef"
		ROW("", "mechanism-refused"), ROW("bob", "mechanism-refused"), ROW(" " DIGITS, "mechanism-refused"),
		ROW("bob" DIGITS, "mechanism-refused"), ROW("bob\0x " DIGITS, "mechanism-refused"),
		ROW("b\nb " DIGITS, "control-character"), ROW("bob " DIGITS, "wrong-password"), ROW("eve " DIGITS, "no-such-user"),
	};

	(void)state;
	config.mechanisms = MECHANISM_CRAM_MD5;
	use(0, AUTHENTICATOR_FILE, make_file("passwords", "bob:{PLAIN}sesame\n", 0600));
	for (size_t i = 0; i < LENGTH(rows); i++) {
		assert_int_equal(attempt("CRAM-MD5", "", NULL, NULL), ASK_CHALLENGE);
		assert_int_equal(auth_step(rows[i].response, rows[i].length, &answer), ASK_NO);
		if (strcmp(answer.reason, rows[i].reason) != 0)
			fail_msg("row %zu: %s", i, answer.reason);
	}
	assert_int_equal(attempt("CRAM-MD5", "", NULL, NULL), ASK_CHALLENGE);
	assert_int_equal(auth_step(NULL, 0, &answer), ASK_NO);
	assert_string_equal(answer.reason, "cancelled");
	fault("getrandom", 1, EAGAIN);
	assert_int_equal(attempt("CRAM-MD5", "", NULL, NULL), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "no random bytes");
}

static void
certificates_are_for_files(void **state)
{
	(void)state;
	config.mechanisms = MECHANISM_EXTERNAL;
	peer.tls = TLS_ENVIRONMENT;
	peer.verified = true;
	strcpy(peer.certificate[0], "Bob's phone");
	strcpy(peer.certificate[0], "phone");
	use(0, AUTHENTICATOR_DOVECOT, "/nonexistent");	/* not asked: else nobody could tell */
	use(1, AUTHENTICATOR_PROGRAM, "/nonexistent");
	use(2, AUTHENTICATOR_FILE, make_file("passwords", "bob:{PLAIN}sesame::::::cert=phone\n", 0600));
	assert_int_equal(attempt("EXTERNAL", "", NULL, ""), ASK_YES);
	assert_string_equal(answer.identity.user, "bob");
	config.authenticator_count = 2;
	assert_int_equal(attempt("EXTERNAL", "", NULL, ""), ASK_NO);
	assert_string_equal(answer.reason, "mechanism-refused");
}

static void
what_cannot_be_looked_at(void **state)
{
	struct authenticator authenticator = { .kind = AUTHENTICATOR_PROGRAM, .path = "/bin/sh", .words = { (char[]){ "sh" } } };
	char array[400];
	struct text why;

	(void)state;
	text_start(&why, array, sizeof array);
	fault("access", 1, EIO);
	assert_false(auth_ready(&authenticator, &why));
	assert_string_equal(array, "-A '/bin/sh': Input/output error");
}

/* Without random bytes nothing is remembered: the same wrong password counts again. */
static void
tries_without_a_key(void **state)
{
	const struct ask_attempt asked = { .mechanism = "PLAIN", .authzid = "", .user = "bob", .password = "wrong" };

	(void)state;
	use(0, AUTHENTICATOR_PROGRAM, make_file("program", "#!/bin/sh\nexit 1\n", 0755));
	for (int nth = 2; nth >= 1; nth--) {	/* the first is the program's word */
		fault("getrandom", nth, EAGAIN);
		assert_int_equal(attempt("PLAIN", "bob", "wrong", NULL), nth == 2 ? ASK_NO : ASK_TEMPORARY);
		assert_true(fault_happened());
		assert_false(auth_tried(&asked));
	}
	assert_string_equal(answer.reason + strlen(answer.reason) - strlen("/program"), "/program");
}

/* The checker's process ------------------------------------------------------------------------------------------ */

static const char *word;	/* what it says, ... */
static size_t word_length;

static int
say_word(struct attempt *asked)
{
	return send(asked->wall, word, word_length, MSG_NOSIGNAL) == (ssize_t)word_length ? 0 : 1;
}

static enum ask_verdict
hear_word(const char *bytes, size_t length)
{
	struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .user = "bob" };
	struct checker checker;
	enum ask_verdict verdict;

	word = bytes;
	word_length = length;
	memset(&answer, 0, sizeof answer);
	assert_true(checker_start(&checker, &asked, say_word, 20));
	verdict = checker_hear(&checker, &answer);
	checker_end(&checker);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return verdict;
}

#define HEAR(string) hear_word(string, sizeof string - 1)

static void
words_of_checkers(void **state)
{
	char frame[ASK_CHALLENGE_MAX + 300], *at;

	(void)state;
	assert_int_equal(HEAR("K1000\0" "1001\0" "5 6 \0/home/bob\0bob\0BOB\0phone\0" "9/h\0"), ASK_YES);
	assert_int_equal(answer.identity.rights.uid, 1000);
	assert_int_equal(answer.identity.rights.gid, 1001);
	assert_int_equal(answer.identity.rights.group_count, 2);
	assert_string_equal(answer.identity.user, "bob");
	assert_string_equal(answer.login, "BOB");
	assert_string_equal(answer.identity.label, "phone");
	assert_string_equal(answer.identity.quota, "9/h");
	/* Less than that, as far as it goes. */
	assert_int_equal(HEAR("K1000\0" "1001\0\0/\0bob\0BOB\0phone\0"), ASK_YES);
	assert_string_equal(answer.identity.quota, "");
	assert_int_equal(HEAR("K1000\0" "1001\0\0/\0bob\0BOB\0"), ASK_YES);
	assert_string_equal(answer.identity.label, "");
	assert_int_equal(HEAR("K1000\0" "1001\0\0/\0bob\0"), ASK_YES);
	assert_string_equal(answer.login, "");
	assert_int_equal(HEAR("K1000\0" "1001\0x 7 4294967295\0/\0bob\0"), ASK_YES);
	assert_int_equal(answer.identity.rights.group_count, 1);
	/* Nothing that is not an identity. */
	assert_int_equal(HEAR("K"), ASK_TEMPORARY);
	assert_int_equal(HEAR("K1000\0" "1001\0\0/\0bob"), ASK_TEMPORARY);
	assert_int_equal(HEAR("Kroot\0" "1001\0\0/\0bob\0"), ASK_TEMPORARY);
	assert_int_equal(HEAR("K1000\0" "-1\0\0/\0bob\0"), ASK_TEMPORARY);
	assert_int_equal(HEAR("K1000\0" "1001\0\0/\n\0bob\0"), ASK_TEMPORARY);
	assert_int_equal(HEAR("K1000\0" "1001\0\0/\0b\nb\0"), ASK_TEMPORARY);
	memset(frame, 'x', sizeof frame);
	memcpy(frame, "K1000\0" "1001\0", 12);
	frame[11] = frame[12 + 1100] = frame[12 + 1104] = '\0';
	assert_int_equal(hear_word(frame, 12 + 1105), ASK_TEMPORARY);	/* no home is so long */
	memcpy(frame + 12, "/\0", 2);
	frame[14 + 300] = '\0';
	assert_int_equal(hear_word(frame, 14 + 301), ASK_TEMPORARY);	/* no user */
	memcpy(frame, "K1\0" "1\0", 5);
	for (at = frame + 5; at < frame + 5 + 2 * 70; at += 2)
		memcpy(at, "9 ", 2);
	memcpy(at, "\0/\0bob\0", 7);
	assert_int_equal(hear_word(frame, 5 + 140 + 7), ASK_YES);
	assert_int_equal(answer.identity.rights.group_count, GROUPS_MAX);
	/* Other verdicts, and what is none. */
	assert_int_equal(HEAR("Dwhy\0BOB\0"), ASK_NO);
	assert_string_equal(answer.reason, "why");
	assert_string_equal(answer.login, "BOB");
	assert_int_equal(HEAR("Dwhy"), ASK_NO);
	assert_string_equal(answer.login, "");
	assert_int_equal(HEAR("Zwhy\0"), ASK_TEMPORARY);
	assert_int_equal(HEAR("Xwhy\0"), ASK_TEMPORARY);
	assert_int_equal(HEAR(""), ASK_TEMPORARY);
	frame[0] = ASK_CHALLENGE;
	memset(frame + 1, 'x', sizeof frame - 1);
	assert_int_equal(hear_word(frame, 1), ASK_TEMPORARY);		/* no name ... */
	assert_int_equal(hear_word(frame, 10), ASK_TEMPORARY);		/* ... that ends */
	frame[1] = '\0';
	assert_int_equal(hear_word(frame, 2 + ASK_CHALLENGE_MAX), ASK_CHALLENGE);
	assert_int_equal(answer.length, ASK_CHALLENGE_MAX);
	assert_int_equal(hear_word(frame, 3 + ASK_CHALLENGE_MAX), ASK_TEMPORARY);
}

static int
say_too_much(struct attempt *asked)
{
	static char reason[5000];

	memset(reason, 'x', sizeof reason - 1);
	return checker_say_reason(asked, ASK_NO, reason);
}

static int
take_little(struct attempt *asked)
{
	char response[4];

	return checker_challenge(asked, "?", 1, response, sizeof response) < 0 ? 7 : 8;
}

static int
die(struct attempt *asked)
{
	(void)asked;
	return raise(SIGKILL);
}

static void
processes_that_break(void **state)
{
	struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .user = "bob" };
	char response[ASK_CHALLENGE_MAX + 100];
	struct checker checker;

	(void)state;
	assert_true(checker_start(&checker, &asked, say_too_much, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "checker: exit status 111");
	assert_true(checker_start(&checker, &asked, take_little, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_CHALLENGE);
	memset(response, 'x', sizeof response);
	assert_false(checker_tell(&checker, response, sizeof response));
	assert_true(checker_tell(&checker, "12345", 5));
	assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "checker: exit status 7");
	assert_true(checker_start(&checker, &asked, die, 20));
	fault("waitpid", 1, EINTR);
	assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "checker: no answer in time");
	assert_true(checker_start(&checker, &asked, die, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "checker: signal 9");
	assert_true(checker_start(&checker, &asked, take_little, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_CHALLENGE);
	fault("write", 1, EPIPE);
	assert_false(checker_tell(&checker, "1", 1));
	fault("waitpid", 1, EINTR);
	checker_end(&checker);
	fault("close", 1, EIO);		/* it holds on to the monitor's end: it must not go on */
	assert_true(checker_start(&checker, &asked, take_little, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "checker: exit status 111");
	fault("socketpair", 1, EMFILE);
	assert_false(checker_start(&checker, &asked, die, 20));
	fault("_Fork", 1, EAGAIN);
	assert_false(checker_start(&checker, &asked, die, 20));
	assert_int_equal(checker.pid, 0);
	use(0, AUTHENTICATOR_FILE, make_file("passwords", "bob:{PLAIN}sesame\n", 0600));
	fault("_Fork", 1, EAGAIN);
	assert_int_equal(attempt("PLAIN", "bob", "sesame", NULL), ASK_TEMPORARY);
	assert_true(begins(answer.reason, "Resource temporarily unavailable: "));
}

/* Programs ------------------------------------------------------------------------------------------------------- */

static void
programs_in_need(void **state)
{
	static const struct {
		const char *name;
		int nth, error;
		enum ask_verdict verdict;
		const char *reason;
	} rows[] = {
		{ "pipe2", 1, EMFILE, ASK_TEMPORARY, "no pipe" }, { "write", 1, EIO, ASK_TEMPORARY, "no pipe" },
		{ "readlink", 1, ENOENT, ASK_TEMPORARY, "/proc is not mounted" },
		{ "getrandom", 1, EAGAIN, ASK_TEMPORARY, "/proc is not mounted" }, { "pipe2", 2, EMFILE, ASK_TEMPORARY, "Too many open files" },
		{ "ioctl", 2, EBADF, ASK_TEMPORARY, "Bad file descriptor" },
	};

	(void)state;
	use(0, AUTHENTICATOR_PROGRAM, make_file("program", "#!/bin/sh\nhead -c 100 <&3 >/dev/null\nexec \"$@\" 3<&-\n", 0755));
	assert_int_equal(attempt("PLAIN", "bob", "sesame", NULL), ASK_YES);
	assert_string_equal(answer.identity.user, "bob");
	assert_int_equal(answer.identity.rights.uid, service.rights.uid);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		fault(rows[i].name, rows[i].nth, rows[i].error);
		if (attempt("PLAIN", "bob", "sesame", NULL) != rows[i].verdict || !begins(answer.reason, rows[i].reason))
			fail_msg("%s %d: %s", rows[i].name, rows[i].nth, answer.reason);
		assert_true(fault_happened());
	}
}

/* As root: whom a program may name, and what it may become. */
static void
whom_programs_let_in(void **state)
{
	static const struct {
		const char *script;
		enum ask_verdict verdict;
		const char *said;	/* the user, or the reason */
		unsigned uid;
	} rows[] = {
#define BECOME(uid) "exec setpriv --reuid " uid " --regid " uid " --clear-groups env USER="
		{ BECOME("1234") "bob \"$@\"", ASK_YES, "bob", 1234 }, { BECOME("1234") "nobody \"$@\"", ASK_YES, "bob", 1234 },
		{ BECOME("1234") "no-such-account-here \"$@\"", ASK_YES, "bob", 1234 }, { BECOME("1234") " \"$@\"", ASK_YES, "bob", 1234 },
		{ BECOME("65534") "other \"$@\"", ASK_YES, "other", 65534 }, { BECOME("999") "bob \"$@\"", ASK_NO, "uid-refused", 0 },
		{ "USER=other exec \"$@\"", ASK_YES, "other", 65534 }, { "USER=root exec \"$@\"", ASK_NO, "uid-refused", 0 },
		/* It speaks for the reporter. */
		{ "printf '%s0\\0001\\000\\000/\\000bob\\000' \"$3\"", ASK_NO, "report-not-believed", 0 },
		{ "printf '%s1\\0000\\000\\000/\\000bob\\000' \"$3\"", ASK_NO, "report-not-believed", 0 },
		{ "printf '%s0\\0000\\000\\000/' \"$3\"", ASK_NO, "no-report", 0 },
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	config.root = true;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char script[300];
		enum ask_verdict verdict;

		snprintf(script, sizeof script, "#!/bin/sh\nhead -c 100 <&3 >/dev/null; exec 3<&-\n%s\n", rows[i].script);
		use(0, AUTHENTICATOR_PROGRAM, make_file("program", script, 0755));
		verdict = attempt("PLAIN", "bob", "sesame", NULL);
		if (verdict != rows[i].verdict || !begins(verdict == ASK_YES ? answer.identity.user : answer.reason, rows[i].said) ||
		    (verdict == ASK_YES && answer.identity.rights.uid != rows[i].uid))
			fail_msg("row %zu: %c %s %u %s", i, verdict, answer.identity.user, answer.identity.rights.uid, answer.reason);
	}
	use(0, AUTHENTICATOR_PROGRAM, make_file("program", "#!/bin/sh\nhead -c 100 <&3 >/dev/null; exec 3<&-\nexec \"$@\"", 0755));
	fault("/etc/passwd", 1, EMFILE);
	assert_int_equal(attempt("PLAIN", "bob", "sesame", NULL), ASK_TEMPORARY);
	assert_true(begins(answer.reason, "the accounts of this machine cannot be asked for"));
}

/* Our reporter, with descriptor 3 as the program left it. Its exit status. */
static int
report(const char *said, int three, const char *home, int out)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		if (three < 0)
			close(3);
		else
			dup2(three, 3);
		setenv("HOME", home, 1);
		unsetenv("USER");
		_exit(program_report(said));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
what_the_reporter_says(void **state)
{
	static const char right[] = "0123456789abcdef0123456789abcdef";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), full = open("/dev/full", O_RDWR | O_CLOEXEC), ends[2];
	char *home = malloc(5000);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(report(right, -1, "/", null), 0);
	assert_int_equal(report("short", -1, "/", null), 100);
	assert_int_equal(report(right, ends[0], "/", null), 0);		/* nothing in it, and nobody can tell what comes */
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(report(right, ends[0], "/", null), 1);		/* a password that was not read */
	close(ends[1]);
	assert_int_equal(report(right, -1, "/", full), 111);
	memset(home, 'x', 4999);
	home[4999] = '\0';
	assert_int_equal(report(right, -1, home, null), 111);
	fault("getgroups", 1, EIO);
	assert_int_equal(report(right, -1, "/", null), 111);
	free(home);
	close(null);
	close(full);
	close(ends[0]);
}

/* Dovecot servers ------------------------------------------------------------------------------------------------ */

#define REPLIES 48
typedef const char *script[REPLIES];	/* at the start; then to each AUTH and CONT. NULL: it hangs up */

static pid_t server;

static void
start_server(const char *const *replies, int connections)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[40];

	assert_true(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 8) == 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
	sprintf(path, "127.0.0.1:%d", ntohs(name.sin_port));
	use(config.authenticator_count, AUTHENTICATOR_DOVECOT, path);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		static char line[20000];

		fault("", 0, 0);
		alarm(60);
		for (; connections > 0; connections--) {
			FILE *client = fdopen(accept(listener, NULL, NULL), "r+");

			for (int i = 0; i < REPLIES && replies[i] != NULL; i++) {
				fputs(replies[i], client);
				fflush(client);
				while (fgets(line, sizeof line, client) != NULL && !begins(line, "AUTH\t1\t") && !begins(line, "CONT\t1\t"))
					;
			}
			fclose(client);
		}
		_exit(0);
	}
	close(listener);
}

static void
stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	config.authenticator_count = 0;
}

#define VERSION_LINE "VERSION\t1\t2\n"
#define PLAIN_LINES VERSION_LINE "MECH\tPLAIN\tplaintext\nDONE\n"
#define OTHER_LINES VERSION_LINE "MECH\tXOAUTH2\nDONE\n"

static void
passwords_for_dovecot(void **state)
{
	static const struct {
		script script;
		enum ask_verdict verdict;
		const char *said;
	} rows[] = {
		{ { PLAIN_LINES, "OK\t1\tuser=bob\n" }, ASK_YES, "bob" }, { { PLAIN_LINES, "OK\t1\tuser=\n" }, ASK_TEMPORARY, "Dovecot server: let" },
		{ { PLAIN_LINES, "OK\t1\tuser=b\001\n" }, ASK_TEMPORARY, "Dovecot server: let" },
		{ { PLAIN_LINES, "OK\t1\tuser=b\001xb\n" }, ASK_TEMPORARY, "Dovecot server: let" },
		{ { PLAIN_LINES, "OK\t1\tuser=b\001tb\n" }, ASK_TEMPORARY, "Dovecot server: let" },
		{ { PLAIN_LINES, "OK\t1\tnot=x\n" }, ASK_TEMPORARY, "Dovecot server: let" },
		{ { PLAIN_LINES, "OK\t1\tuser=bob\tresp=YQ==\n" }, ASK_YES, "bob" },	/* for other mechanisms: PLAIN has none */
		{ { VERSION_LINE "MECH\tLOGIN\nDONE\n", "CONT\t1\tVXNlcg==\n", "OK\t1\tuser=bob\n" }, ASK_YES, "bob" },
		{ { PLAIN_LINES, "CONT\t1\t\n" }, ASK_TEMPORARY, "Dovecot server: answered what" },
		{ { PLAIN_LINES, "FAIL\t1\tcode=temp_fail\n" }, ASK_TEMPORARY, "Dovecot server: temporary failure: temp_fail" },
		{ { PLAIN_LINES, "FAIL\t1\tcode=expired\n" }, ASK_NO, "refused-by-dovecot: expired" },
		{ { PLAIN_LINES, "FAIL\t1\ttemp\treason=r\001\n" }, ASK_TEMPORARY, "Dovecot server: temporary failure: r" },
		{ { PLAIN_LINES, "FAIL\t1\n" }, ASK_NO, "refused-by-dovecot" }, { { PLAIN_LINES, "FAIL\n" }, ASK_TEMPORARY, "Dovecot server: answered some" },
		{ { PLAIN_LINES }, ASK_TEMPORARY, "Dovecot server: hung up" }, { { NULL }, ASK_TEMPORARY, "Dovecot server: hung up" },
		{ { "VERSION\n" }, ASK_TEMPORARY, "Dovecot server: speaks" }, { { "VERSION\t2\t0\n" }, ASK_TEMPORARY, "Dovecot server: speaks" },
		{ { "DONE\n" }, ASK_TEMPORARY, "Dovecot server: did not say" },
		{ { VERSION_LINE "MECH\nMECH\t\nMECH\tabc\nMECH\tABCDEFGHIJKLMNOPQRSTU\nMECH\tPLAIN;\nMECH\tANONYMOUS\tanonymous\nMECH\tPLAIN\tprivate\nDONE\n" },
		    ASK_NO, "mechanism-refused" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum ask_verdict verdict;

		start_server(rows[i].script, 1);
		peer.tls = i % 2 ? TLS_ENVIRONMENT : TLS_NONE;
		strcpy(peer.port, i % 2 ? "1234" : "");
		verdict = attempt("PLAIN", "bob", "sesame", NULL);
		if (verdict != rows[i].verdict || !begins(verdict == ASK_YES ? answer.identity.user : answer.reason, rows[i].said))
			fail_msg("row %zu: %c %s", i, verdict, answer.reason);
		stop_server();
	}
	use(0, AUTHENTICATOR_DOVECOT, "localhost:1");
	assert_int_equal(attempt("PLAIN", "bob", "sesame", NULL), ASK_TEMPORARY);
}

static void
calls_to_dovecot_that_fail(void **state)
{
	static script replies = { PLAIN_LINES, "OK\t1\tuser=bob\n" };
	static const struct {
		const char *name;
		int nth, error;
		const char *reason;	/* NULL: it is not noticed */
	} rows[] = {
		{ "poll", 2, ENOMEM, "takes nothing" }, { "poll", 3, ENOMEM, "no answer in time" }, { "poll", 4, ENOMEM, "takes nothing" },
		{ "send", 1, EPIPE, "hung up" }, { "send", 1, EAGAIN, NULL }, { "send", 1, EINTR, NULL }, { "send", 2, ECONNRESET, "hung up" },
		{ "read", 1, ECONNRESET, "hung up" }, { "read", 1, EAGAIN, NULL }, { "read", 1, EINTR, NULL }, { "read", 1, 0, "hung up" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .id = "ID", .mechanism = "PLAIN",
		    .user = "bob", .password = "sesame", .authenticator = config.authenticators, .last = true };
		struct checker checker;
		enum ask_verdict verdict;

		start_server(replies, 1);
		fault(rows[i].name, rows[i].nth - begins(rows[i].name, "poll"), rows[i].error);
		assert_true(checker_start(&checker, &asked, dovecot_check, 20));
		fault("", 0, 0);	/* in the checker alone */
		verdict = checker_hear(&checker, &answer);
		if (verdict != (rows[i].reason == NULL ? ASK_YES : ASK_TEMPORARY) ||
		    (rows[i].reason != NULL && strstr(answer.reason, rows[i].reason) == NULL))
			fail_msg("row %zu: %c %s", i, verdict, answer.reason);
		stop_server();
	}
	/* A response that cannot be passed on, and a client that is gone. */
	for (int i = 0; i < 2; i++) {
		struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .id = "ID", .mechanism = "XOAUTH2",
		    .user = "", .response = "token", .length = 5, .authenticator = config.authenticators, .last = true };
		struct checker checker;
		int status;

		start_server((const char *[REPLIES]){ OTHER_LINES, i == 0 ? "CONT\t1\t\n" : "OK\t1\tuser=bob\tresp=YQ==\n" }, 1);
		fault("send", 3, EPIPE);
		assert_true(checker_start(&checker, &asked, dovecot_check, 20));
		fault("", 0, 0);
		assert_int_equal(checker_hear(&checker, &answer), ASK_CHALLENGE);
		if (i == 0) {
			assert_true(checker_tell(&checker, "x", 1));
			assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
			assert_string_equal(answer.reason, "Dovecot server: hung up");
		} else {
			close(checker.wall);
			assert_int_equal(waitpid(checker.pid, &status, 0), checker.pid);
			assert_int_equal(status, 0);
		}
		stop_server();
	}
	/* As root it may not stay root. */
	config.root = true;
	service.rights.uid = 0;
	start_server(replies, 1);
	assert_int_equal(attempt("PLAIN", "bob", "sesame", NULL), ASK_TEMPORARY);
	assert_true(begins(answer.reason, "Dovecot server: cannot give rights away"));
	stop_server();
}

static void
other_mechanisms_of_dovecot(void **state)
{
	static const struct {
		script script;
		enum ask_verdict verdict;	/* after the steps */
		const char *said;
		const char *steps[3];		/* what the client answers; NULL: nothing more */
	} rows[] = {
		{ { OTHER_LINES, "OK\t1\tuser=bob\n" }, ASK_YES, "bob", { NULL } },
		{ { OTHER_LINES, "CONT\t1\n", "OK\t1\tuser=bob\n" }, ASK_YES, "bob", { "" } },
		{ { OTHER_LINES, "CONT\t1\tYQ==\n", "CONT\t1\t\n", "FAIL\t1\tuser=bob\n" }, ASK_NO, "refused-by-dovecot", { "x", "y" } },
		{ { OTHER_LINES, "OK\t1\tuser=bob\tresp=YQ==\n" }, ASK_YES, "bob", { "" } },
		{ { OTHER_LINES, "OK\t1\tuser=bob\tresp=YQ==\n" }, ASK_NO, "malformed-response", { "x" } },
		{ { OTHER_LINES, "OK\t1\tuser=bob\tresp=*\n" }, ASK_TEMPORARY, "Dovecot server: sent a challenge", { NULL } },
		{ { OTHER_LINES, "CONT\t1\t*\n" }, ASK_TEMPORARY, "Dovecot server: sent a challenge", { NULL } },
		{ { OTHER_LINES, "CONT\t1\tYQ==\n" }, ASK_TEMPORARY, "Dovecot server: hung up", { "x" } },
		{ { OTHER_LINES, "FAIL\t1\n" }, ASK_NO, "refused-by-dovecot", { NULL } },
		{ { PLAIN_LINES }, ASK_NO, "mechanism-refused", { NULL } },
	};
	char far[USER_MAX + 40];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum ask_verdict verdict;

		start_server(rows[i].script, 1);
		verdict = attempt("XOAUTH2", "", NULL, "token");
		for (int j = 0; rows[i].steps[j] != NULL; j++) {
			assert_int_equal(verdict, ASK_CHALLENGE);
			verdict = step(rows[i].steps[j]);
		}
		if (verdict != rows[i].verdict || !begins(verdict == ASK_YES ? answer.identity.user : answer.reason, rows[i].said))
			fail_msg("row %zu: %c %s", i, verdict, answer.reason);
		stop_server();
	}
	/* Who gives up, or is not heard any more. */
	start_server((const char *[REPLIES]){ OTHER_LINES, "OK\t1\tuser=bob\tresp=YQ==\n" }, 3);
	assert_int_equal(attempt("XOAUTH2", "", NULL, "token"), ASK_CHALLENGE);
	assert_int_equal(auth_step(NULL, 0, &answer), ASK_NO);
	assert_int_equal(attempt("XOAUTH2", "", NULL, "token"), ASK_CHALLENGE);
	fault("write", 1, EPIPE);
	assert_int_equal(step(""), ASK_TEMPORARY);
	assert_true(begins(answer.reason, "the checker does not listen"));
	stop_server();
	memset(far, 'u', sizeof far - 1);
	memcpy(far, "FAIL\t1\tuser=", 12);
	strcpy(far + sizeof far - 2, "\n");
	start_server((const char *[REPLIES]){ OTHER_LINES, far }, 1);
	assert_int_equal(attempt("XOAUTH2", "", NULL, "token"), ASK_NO);
	assert_string_equal(answer.login, "");
	stop_server();
}

/* What is too much for the line, and challenges for ever. */
static void
bounds_of_dovecot(void **state)
{
	static const char *replies[REPLIES] = { OTHER_LINES };
	struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .id = "ID", .mechanism = "XOAUTH2",
	    .user = "", .last = true };
	static char response[20000];
	struct checker checker;
	int steps = 0;

	(void)state;
	for (int i = 1; i < REPLIES; i++)
		replies[i] = "CONT\t1\tYQ==\n";
	start_server(replies, 3);
	assert_int_equal(attempt("XOAUTH2", "", NULL, "token"), ASK_CHALLENGE);
	while (step("x") == ASK_CHALLENGE)
		steps++;
	assert_in_range(steps, 20, 33);
	assert_true(begins(answer.reason, "challenges without end"));
	asked.authenticator = config.authenticators;	/* the checker has the same bound */
	asked.response = "token";
	asked.length = 5;
	assert_true(checker_start(&checker, &asked, dovecot_check, 20));
	for (steps = 0; checker_hear(&checker, &answer) == ASK_CHALLENGE; steps++)
		assert_true(checker_tell(&checker, "x", 1));
	assert_in_range(steps, 20, 40);
	assert_true(begins(answer.reason, "Dovecot server: answered what cannot be an answer here"));
	memset(response, 'x', sizeof response - 1);
	assert_int_equal(attempt("XOAUTH2", "", NULL, response), ASK_TEMPORARY);
	assert_true(begins(answer.reason, "Dovecot server: cannot be told so much"));
	stop_server();
}

/* Nobody answers a list; who does all the same gets no more. */
static void
lists_of_dovecot(void **state)
{
	static char lines[2][4000];
	static const char *replies[REPLIES];
	const struct auth_context context = { &config, &peer, &service, "ID" };
	struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .id = "ID", .mechanism = "", .user = "" };
	struct checker checker;
	pid_t servers[4];
	const char *list;

	(void)state;
	strcpy(lines[0], VERSION_LINE);
	for (int i = 0; i < 60; i++)
		sprintf(lines[0] + strlen(lines[0]), "MECH\tMECHANISM-NUMBER-%02d\n", i);
	strcat(lines[0], "DONE\n");
	replies[0] = lines[0];
	for (int i = 0; i < 4; i++) {
		start_server(replies, 2);
		servers[i] = server;
	}
	use(4, AUTHENTICATOR_FILE, "/nonexistent");
	fault("poll", 1000, ENOMEM);
	asked.authenticator = config.authenticators;
	assert_true(checker_start(&checker, &asked, dovecot_list, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_CHALLENGE);
	assert_true(checker_tell(&checker, "", 0));
	assert_int_equal(checker_hear(&checker, &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "checker: exit status 111");
	list = auth_mechanisms(&context);
	assert_true(begins(list, "MECHANISM-NUMBER-00 MECHANISM-NUMBER-01 "));
	assert_in_range(strlen(list), 200, ASK_ANSWER_MAX);
	assert_int_equal(list[strlen(list) - 1], ' ');
	assert_ptr_equal(auth_mechanisms(&context), list);	/* asked once */
	for (int i = 0; i < 4; i++) {
		server = servers[i];
		stop_server();
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(challenges_of_our_own, start),
		cmocka_unit_test_setup(certificates_are_for_files, start),
		cmocka_unit_test_setup(what_cannot_be_looked_at, start),
		cmocka_unit_test_setup(tries_without_a_key, start),
		cmocka_unit_test_setup(words_of_checkers, start),
		cmocka_unit_test_setup(processes_that_break, start),
		cmocka_unit_test_setup(programs_in_need, start),
		cmocka_unit_test_setup(whom_programs_let_in, start),
		cmocka_unit_test_setup(what_the_reporter_says, start),
		cmocka_unit_test_setup(passwords_for_dovecot, start),
		cmocka_unit_test_setup(calls_to_dovecot_that_fail, start),
		cmocka_unit_test_setup(other_mechanisms_of_dovecot, start),
		cmocka_unit_test_setup(bounds_of_dovecot, start),
		cmocka_unit_test_setup(lists_of_dovecot, start),
	};
	char command[400];
	int failed;

	if (argc == 3 && strcmp(argv[1], "--report") == 0)
		return program_report(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	closefrom(3);
	strcpy(directory, "/tmp/unit-checkers.XXXXXX");
	if (mkdtemp(directory) == NULL || chmod(directory, 0755) != 0)
		return 1;
	snprintf(self, sizeof self, "%s/self", directory);
	snprintf(command, sizeof command, "cp /proc/%d/exe %s && chmod 755 %s", (int)getpid(), self, self);
	if (system(command) != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -r %s", directory);
	return system(command) != 0 || failed;
}
