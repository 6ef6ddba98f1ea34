/* What our checkpassword programs share: descriptor 3, a check that cannot hang, the program that is run last. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/drop.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/checkpassword.h"

#define LIFE_SECONDS 90		/* the last belt: to read descriptor 3, and for any check */

static const char *program;
static mode_t started_with;	/* the umask, for the program that is run last */

void
checkpassword_start(const char *name)
{
	program = name;
	started_with = umask(077);
	if (!drop_start(LIFE_SECONDS) || !drop_hide())
		_exit(checkpassword_say(CHECKPASSWORD_TEMPORARY, "cannot start", strerror(errno)));
}

int
checkpassword_say(int status, const char *what, const char *detail)
{
	char array[512];
	struct text line;

	text_start(&line, array, sizeof array);
	text_add(&line, program);
	text_add(&line, ": ");
	text_add(&line, what);
	if (detail != NULL) {
		text_add(&line, ": ");
		text_add_quoted(&line, detail, strlen(detail));
	}
	text_add_byte(&line, '\n');
	(void)drop_block_signals(false);	/* SIGPIPE: the status counts, whoever hears this */
	(void)io_write_all(STDERR_FILENO, array, line.used);	/* nobody else to tell */
	return status;
}

void
checkpassword_read(struct checkpassword *credentials)
{
	const char *end, *password, *timestamp;
	size_t length = 0;
	ssize_t got;

	do {
		got = io_read(3, credentials->bytes + length, sizeof credentials->bytes - length);
		if (got < 0)
			_exit(checkpassword_say(CHECKPASSWORD_MISUSED, "cannot read descriptor 3, where the login "
			    "and the password come from", strerror(errno)));
		length += (size_t)got;
		if (length > CHECKPASSWORD_MAX)
			_exit(checkpassword_say(CHECKPASSWORD_NO, "more than 512 bytes on descriptor 3", NULL));
	} while (got > 0);
	(void)close(3);
	end = credentials->bytes + length;
	password = memchr(credentials->bytes, '\0', length);
	timestamp = password == NULL ? NULL : memchr(password + 1, '\0', (size_t)(end - password - 1));
	if (timestamp == NULL || memchr(timestamp + 1, '\0', (size_t)(end - timestamp - 1)) == NULL)
		_exit(checkpassword_say(CHECKPASSWORD_MISUSED, "descriptor 3 had no login, password and timestamp, "
		    "each ended by a NUL", NULL));
	credentials->user = credentials->bytes;
	credentials->password = password + 1;
	if (credentials->user[0] == '\0' || credentials->password[0] == '\0')
		_exit(checkpassword_say(CHECKPASSWORD_NO, "empty login or password", NULL));
	for (const char *at = credentials->user; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			_exit(checkpassword_say(CHECKPASSWORD_NO, "control character in the login", NULL));
}

struct question {
	const struct checkpassword *credentials;
	int (*check)(const struct checkpassword *credentials, const void *context, void *answer);
	const void *context;
	void *answer;
	size_t size;
	unsigned seconds;
};

/* In the process of the check. Its own timer ends it where a library has closed the pipe, and us unnoticed. */
static int
check_in_child(void *context, int said)
{
	const struct question *question = context;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;

	/* No signal stays blocked: a module may set an alarm, and the programs that it starts know them all. */
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !drop_start(question->seconds) ||
	    !drop_restore_signals() || null < 0 ||
	    dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "cannot start the check", strerror(errno));
	status = question->check(question->credentials, question->context, question->answer);
	if (status == CHECKPASSWORD_YES && !io_write_all(said, question->answer, question->size))
		return CHECKPASSWORD_TEMPORARY;
	return status;
}

int
checkpassword_ask(struct checkpassword *credentials,
    int (*check)(const struct checkpassword *credentials, const void *context, void *answer), const void *context,
    void *answer, size_t size, unsigned seconds)
{
	struct question question = { credentials, check, context, answer, size, seconds };
	const struct child_job job = { .inside = check_in_child, .context = &question, .seconds = (int)seconds };
	struct child_end end;

	child_run(&job, &end);
	explicit_bzero(credentials->bytes, sizeof credentials->bytes);
	if (end.how != CHILD_EXITED)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "the check came to no end", child_how(&end));
	/* A library that calls exit(0) has not said yes: our own code says more than that. */
	if (end.status == CHECKPASSWORD_YES && end.length == size) {
		memcpy(answer, end.said, size);
		return CHECKPASSWORD_YES;
	}
	return end.status == CHECKPASSWORD_NO || end.status == CHECKPASSWORD_MISUSED ? end.status
	    : CHECKPASSWORD_TEMPORARY;
}

_Noreturn void
checkpassword_run(char **arguments)
{
	umask(started_with);
	if (drop_restore_signals())
		execve(arguments[0], arguments, environ);
	_exit(checkpassword_say(CHECKPASSWORD_TEMPORARY, "cannot run the program (give its absolute path)",
	    strerror(errno)));
}
