/* What a session cannot cost less than.
 *
 * floor1: one process that plays the dialogue with canned replies, checks
 * nothing that it could not check with one comparison, spools the message with
 * a plain loop over its bytes and starts the injector on it.
 *
 * floor2 (-DSECOND_PROCESS): the same dialogue behind a wall. The process that
 * was started keeps the password and starts the injector; the one that talks
 * to the client is a fork of it, in an empty root, as another user, under
 * no_new_privs, Landlock and seccomp, and asks over a socketpair.
 *
 * Usage: floor1 INJECTOR
 *        floor2 INJECTOR UID EMPTY-DIRECTORY
 *
 * A yardstick, not a server: it trusts its client, who is bench.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECIPIENTS 20000

static char in[65536 + 1], out[4096], text[sizeof in];
static char *arguments[RECIPIENTS + 6];
static size_t have, used, out_length;
static int spool;
static const char *injector;

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n <= 0)
			_exit(1);
		bytes += n;
		length -= (size_t)n;
	}
}

/* The two questions, asked across the wall in floor2: is this the password
 * (the argument of AUTH PLAIN), and take this message (`sender NUL recipient
 * NUL ...`). Built in place, so that a question is one write. */
static struct {
	uint32_t length;
	char kind;
	char bytes[1 << 20];
} question;
#define HEADER offsetof(__typeof__(question), bytes)

static int answer_auth(void)
{
	static const char accepted[] = "AGpvZQBzZWNyZXQ="; /* NUL joe NUL secret */

	return question.length == sizeof accepted - 1 &&
	       memcmp(question.bytes, accepted, sizeof accepted - 1) == 0;
}

static int answer_send(void)
{
	char *environment[] = { "PATH=/usr/bin:/bin", NULL };
	char **argument = arguments;
	char *bytes = question.bytes, *end = bytes + question.length;
	int status;

	*argument++ = (char *)injector;
	*argument++ = "-i";
	*argument++ = "-f";
	*argument++ = bytes;
	*argument++ = "--";
	while ((bytes += strlen(bytes) + 1) < end)
		*argument++ = bytes;
	*argument = NULL;

	pid_t pid = vfork();
	if (pid == 0) {
		dup2(spool, 0);
		execve(injector, arguments, environment);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int answer(void)
{
	return question.kind == 'A' ? answer_auth() : answer_send();
}

#ifndef SECOND_PROCESS

static int ask(char kind)
{
	question.kind = kind;
	return answer();
}

#else

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int wall;

static int ask(char kind)
{
	char yes;

	question.kind = kind;
	write_all(wall, (char *)&question, HEADER + question.length);
	if (read(wall, &yes, 1) != 1)
		_exit(1);
	return yes;
}

static void answer_questions(pid_t session)
{
	size_t got = 0;
	ssize_t n;

	while ((n = read(wall, (char *)&question + got, sizeof question - got)) > 0) {
		got += (size_t)n;
		if (got >= HEADER && got == HEADER + question.length) {
			char yes = (char)answer();

			write_all(wall, &yes, 1);
			got = 0;
		}
	}
	waitpid(session, NULL, 0);
	_exit(0);
}

#define ALLOW(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Every step as in the program under test, and as little of it as holds. */
static void cage(uid_t uid, const char *directory)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_lseek),
		ALLOW(SYS_ftruncate),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	/* LANDLOCK_ACCESS_FS_*, the thirteen rights of the first kernel that had
	 * them: handled, and none given. */
	uint64_t handled = (1 << 13) - 1;
	int rules;

	if (chroot(directory) != 0 || chdir("/") != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(1);
	rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
	if (rules >= 0) {
		if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
			_exit(1);
		close(rules);
	} else if (errno != ENOSYS && errno != EOPNOTSUPP) {
		_exit(1);
	}
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		_exit(1);
}

#endif

static void flush(void)
{
	write_all(1, out, out_length);
	out_length = 0;
}

static void say(const char *reply)
{
	size_t length = strlen(reply);

	if (out_length + length > sizeof out)
		flush();
	memcpy(out + out_length, reply, length);
	out_length += length;
}

/* Reads on behind what is there; ends the session where the client did. */
static void fill(void)
{
	ssize_t n;

	if (out_length > 0)
		flush();
	memmove(in, in + used, have - used);
	have -= used;
	used = 0;
	n = read(0, in + have, sizeof in - 1 - have);
	if (n <= 0)
		_exit(0);
	have += (size_t)n;
}

static char *line(size_t *length)
{
	char *end;

	while ((end = memchr(in + used, '\n', have - used)) == NULL)
		fill();
	char *start = in + used;
	used = (size_t)(end - in) + 1;
	*length = (size_t)(end - start) - 1; /* without CR LF */
	return start;
}

static void path(const char *start, size_t length)
{
	const char *open = memchr(start, '<', length);
	const char *close = open ? memchr(open, '>', (size_t)(start + length - open)) : NULL;

	if (close == NULL || question.length + length > sizeof question.bytes)
		_exit(1);
	length = (size_t)(close - open) - 1;
	memcpy(question.bytes + question.length, open + 1, length);
	question.length += (uint32_t)length;
	question.bytes[question.length++] = '\0';
}

/* Line by line, each byte copied once. No line of the client's is longer than
 * the buffer. */
static void data(void)
{
	for (;;) {
		const char *from = in + used, *end = in + have, *start;
		char *to = text, *line;

		in[have] = '\n'; /* stops the loop at what is not a whole line yet */
		for (;;) {
			start = from;
			line = to;
			if (*from == '.') {
				if (end - from >= 3 && from[1] == '\r' && from[2] == '\n') {
					used = (size_t)(from + 3 - in);
					write_all(spool, text, (size_t)(to - text));
					return;
				}
				from++;
			}
			while ((*to = *from++) != '\n')
				to++;
			if (from > end)
				break;
			if (to > line && to[-1] == '\r')
				*--to = '\n';
			to++;
		}
		write_all(spool, text, (size_t)(line - text));
		used = (size_t)(start - in);
		fill();
	}
}

static int is(const char *command, const char *name)
{
	return strncasecmp(command, name, 4) == 0;
}

static void session(void)
{
	say("220 bench.example ESMTP\r\n");
	for (;;) {
		size_t length;
		char *command = line(&length);

		if (is(command, "EHLO")) {
			say("250-bench.example\r\n250-PIPELINING\r\n250-SIZE 209715200\r\n250-8BITMIME\r\n"
			    "250-ENHANCEDSTATUSCODES\r\n250-LIMITS RCPTMAX=20000\r\n250 AUTH PLAIN LOGIN\r\n");
		} else if (is(command, "AUTH")) {
			question.length = (uint32_t)length - 11; /* without AUTH PLAIN */
			memcpy(question.bytes, command + 11, question.length);
			say(ask('A') ? "235 2.7.0 Welcome\r\n" : "535 5.7.8 No\r\n");
		} else if (is(command, "MAIL")) {
			question.length = 0;
			path(command, length);
			say("250 2.1.0 Ok\r\n");
		} else if (is(command, "RCPT")) {
			path(command, length);
			say("250 2.1.5 Ok\r\n");
		} else if (is(command, "DATA")) {
			say("354 Go ahead\r\n");
			data();
			lseek(spool, 0, SEEK_SET);
			say(ask('S') ? "250 2.0.0 Ok\r\n" : "451 4.3.0 No\r\n");
			lseek(spool, 0, SEEK_SET);
			ftruncate(spool, 0);
		} else if (is(command, "QUIT")) {
			say("221 2.0.0 Bye\r\n");
			flush();
			_exit(0);
		} else {
			say("500 5.5.2 No\r\n");
		}
	}
}

int main(int argc, char **argv)
{
	injector = argv[1];
	spool = memfd_create("spool", MFD_CLOEXEC);
#ifdef SECOND_PROCESS
	int ends[2];

	if (argc != 4 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return 1;
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	wall = ends[pid == 0];
	close(ends[pid != 0]);
	if (pid != 0) {
		close(0);
		close(1);
		answer_questions(pid);
	}
	cage((uid_t)atoi(argv[2]), argv[3]);
#else
	if (argc < 2)
		return 1;
#endif
	session();
}
