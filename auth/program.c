/* Checks a login with a checkpassword program; and our own end of that handshake. */
#include <bsd/string.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "auth/checker.h"
#include "auth/program.h"
#include "base/child.h"
#include "base/io.h"
#include "base/text.h"

#define CHECKPASSWORD_MAX 512	/* cr.yp.to/checkpwd/interface.html */

/* user NUL password NUL NUL: without a challenge the third field is empty. -1: longer than the interface
 * has it, or no pipe. */
static int
credentials_pipe(const struct attempt *attempt)
{
	char array[CHECKPASSWORD_MAX + 1];
	struct text text;
	int ends[2];
	bool written;

	text_start(&text, array, sizeof array);
	text_add_bytes(&text, attempt->user, strlen(attempt->user) + 1);
	text_add_bytes(&text, attempt->password, strlen(attempt->password) + 1);
	text_add_byte(&text, '\0');
	if (text.cut || pipe2(ends, O_CLOEXEC) != 0) {
		explicit_bzero(array, sizeof array);
		return -1;
	}
	written = io_write_all(ends[1], array, text.used);	/* an empty pipe holds it: no waiting */
	explicit_bzero(array, sizeof array);
	close(ends[1]);
	if (written)
		return ends[0];
	close(ends[0]);
	return -1;
}

/* What the end of a checkpassword program means, where our reporter said nothing, or it may not be believed. */
static char
judge_program(const struct child_end *end, bool reported, struct text *reason)
{
	if (reported) {
		text_add(reason, "password-not-read: the program let somebody in without reading descriptor 3");
		return 'D';
	}
	if (end->how == CHILD_EXITED && end->status == 0) {
		text_add(reason, "no-report: the program succeeded, but did not run our reporter after reading "
		    "the password");
		return 'D';
	}
	if (end->how == CHILD_EXITED && end->status != 2 && end->status != 111 && end->status < 126) {
		text_add(reason, "wrong-password: ");
		text_add(reason, child_how(end));
		child_last_words(end, reason);
		return 'D';
	}
	text_add(reason, child_how(end));
	child_last_words(end, reason);
	return 'Z';
}

/* A word that nobody can know who was not given it. */
static bool
make_word(struct attempt *attempt)
{
	unsigned char random[CHECKER_WORD_LENGTH / 2];
	struct text word;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	text_start(&word, attempt->word, sizeof attempt->word);
	for (size_t i = 0; i < sizeof random; i++)
		text_add_hex(&word, random[i], 2);
	return true;
}

char
program_ask(struct attempt *attempt, struct identity *identity, struct text *reason)
{
	char reporter[1024];
	const char *arguments[WORDS_MAX + 3], *name, *value;
	struct child_environment environment;
	struct rights ended_as;
	struct child_job job = {
		.path = attempt->authenticator->path, .arguments = arguments, .environment = environment.pointers,
		.descriptors = { STDIN_FILENO, CHILD_SAID, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE }, .seconds = CHECKER_SECONDS, .ended_as = &ended_as,
	};
	struct child_end end;
	ssize_t length = readlink("/proc/self/exe", reporter, sizeof reporter - 1);
	int count = 0, credentials, unread;
	bool all_read;
	char letter;

	if (length <= 0 || !make_word(attempt)) {
		text_add(reason, "/proc is not mounted: our own program cannot be found");
		return 'Z';
	}
	reporter[length] = '\0';
	for (; attempt->authenticator->words[count] != NULL; count++)
		arguments[count] = attempt->authenticator->words[count];
	arguments[count++] = reporter;
	arguments[count++] = "--report";
	arguments[count++] = attempt->word;
	arguments[count] = NULL;
	child_environment_start(&environment);
	child_environment_add(&environment, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (int i = 0; (name = peer_variable(attempt->peer, i, &value)) != NULL; i++)
		child_environment_add(&environment, name, value);
	if (strlen(attempt->user) + strlen(attempt->password) + 3 > CHECKPASSWORD_MAX) {
		text_add(reason, "too-long-for-checkpassword");
		return 'D';
	}
	credentials = credentials_pipe(attempt);
	if (credentials < 0) {
		text_add(reason, "no pipe");
		return 'Z';
	}
	job.descriptors[3] = credentials;
	child_run(&job, &end);
	/* The reporter sees that only if nobody closed its descriptor 3. */
	all_read = ioctl(credentials, FIONREAD, &unread) == 0 && unread == 0;
	close(credentials);
	letter = end.how == CHILD_EXITED && end.status == 0 ? checker_heard(attempt, &end, identity, reason) : 0;
	if (letter != 'K' || !all_read)
		return judge_program(&end, letter == 'K', reason);
	if (identity->rights.uid != ended_as.uid || identity->rights.gid != ended_as.gid) {
		text_add(reason, "report-not-believed: the program must run our reporter in its own place");
		return 'D';
	}
	identity->rights = ended_as;
	if (!attempt->config->root) {
		identity->rights = attempt->service->rights;
	} else if (identity->rights.uid == 0) {
		/* It checked a password and set nothing up: then it is a name, like one in a file. */
		struct identity reported = *identity;

		if (!checker_identity_by_name(attempt->config, attempt->service,
		    reported.user[0] != '\0' ? reported.user : attempt->user, identity)) {
			text_add(reason, "the accounts of this machine cannot be asked for");
			return 'Z';
		}
	}
	if (identity->user[0] == '\0')
		strlcpy(identity->user, attempt->user, sizeof identity->user);
	if (checker_rights_allowed(attempt->config, attempt->service, &identity->rights))
		return 'K';
	text_add(reason, "uid-refused");
	return 'D';
}

int
program_report(const char *word)
{
	struct pollfd poller = { .fd = 3, .events = POLLIN };
	struct rights rights = { .uid = getuid(), .gid = getgid() };
	const char *home = getenv("HOME"), *user = getenv("USER");
	char byte;

	if (strlen(word) != CHECKER_WORD_LENGTH)
		return 100;
	if (poll(&poller, 1, 0) == 1 && (poller.revents & POLLNVAL) == 0 && read(3, &byte, 1) != 0)
		return 1;
	rights.group_count = getgroups(GROUPS_MAX, rights.groups);
	if (rights.group_count < 0)
		return 111;
	return checker_say_identity(STDOUT_FILENO, word, &rights, home == NULL ? "/" : home, user == NULL ? "" : user);
}
