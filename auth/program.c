/* Checks a login with a checkpassword program; and our own end of that handshake. */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/checker.h"
#include "auth/program.h"
#include "base/child.h"
#include "base/io.h"
#include "base/text.h"

#define WORD_LENGTH 32		/* hexadecimal digits that only we and our reporter know */
#define CHECKPASSWORD_MAX 512	/* cr.yp.to/checkpwd/interface.html */

/* user NUL password NUL NUL, or user NUL digest NUL challenge NUL, for which there is room. -1: no pipe. */
static int
credentials_pipe(const struct attempt *attempt)
{
	/* Programs that know CRAM-MD5 take the digest in the password's place, and then the challenge. */
	const char *secret = attempt->digest != NULL ? attempt->digest : attempt->password;
	const char *challenge = attempt->digest != NULL ? attempt->challenge : "";
	char array[CHECKPASSWORD_MAX + 1];
	struct text text;
	int ends[2];
	bool written;

	text_start(&text, array, sizeof array);
	text_add_bytes(&text, attempt->user, strlen(attempt->user) + 1);
	text_add_bytes(&text, secret, strlen(secret) + 1);
	text_add_bytes(&text, challenge, strlen(challenge) + 1);
	if (pipe2(ends, O_CLOEXEC) != 0) {
		explicit_bzero(array, sizeof array);
		return -1;
	}
	written = io_write_all(ends[1], array, text.used);	/* an empty pipe holds it: no waiting */
	explicit_bzero(array, sizeof array);
	(void)close(ends[1]);
	if (written)
		return ends[0];
	(void)close(ends[0]);
	return -1;
}

/* What the end of the program means, where our reporter said nothing. */
static enum ask_verdict
judge_end(const struct child_end *end, struct text *reason)
{
	enum ask_verdict verdict = ASK_TEMPORARY;

	if (end->how == CHILD_EXITED && end->status == 0) {
		text_add(reason, "no-report: the program succeeded, but did not run our reporter after reading "
		    "the password");
		return ASK_NO;
	}
	if (end->how == CHILD_EXITED && end->status != 2 && end->status != 111 && end->status < 126) {
		text_add(reason, "wrong-password: ");
		verdict = ASK_NO;
	}
	text_add(reason, child_how(end));
	child_last_words(end, reason);
	return verdict;
}

/* A word that nobody can know who was not given it. */
static bool
make_word(char word[static WORD_LENGTH + 1])
{
	unsigned char random[WORD_LENGTH / 2];
	struct text text;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	text_start(&text, word, WORD_LENGTH + 1);
	for (size_t i = 0; i < sizeof random; i++)
		text_add_hex(&text, random[i], 2);
	return true;
}

/* What follows the word where it was said last: a shell that is told to trace (`sh -x`) says it, too, as an
 * argument of the reporter that it is about to run. */
static char *
reported(struct child_end *end, const char *word)
{
	char *after = NULL, *last = end->said + end->length;

	if (end->how != CHILD_EXITED || end->status != 0)
		return NULL;
	for (char *at = end->said; (at = memmem(at, (size_t)(last - at), word, WORD_LENGTH)) != NULL; after = at)
		at += WORD_LENGTH;
	return after;
}

/* The program's command line: its own words, and the reporter with the word that it is to say. */
struct command {
	char reporter[1024], word[WORD_LENGTH + 1];
	const char *arguments[WORDS_MAX + 3];
	struct child_environment environment;
};

/* False: there is no /proc, which tells where our own program is. */
static bool
make_command(const struct attempt *attempt, struct command *command)
{
	ssize_t length = readlink("/proc/self/exe", command->reporter, sizeof command->reporter - 1);
	const char *name, *value;
	int count = 0;

	if (length <= 0 || !make_word(command->word))
		return false;
	command->reporter[length] = '\0';
	for (; attempt->authenticator->words[count] != NULL; count++)
		command->arguments[count] = attempt->authenticator->words[count];
	command->arguments[count++] = command->reporter;
	command->arguments[count++] = "--report";
	command->arguments[count++] = command->word;
	command->arguments[count] = NULL;
	child_environment_start(&command->environment);
	child_environment_add(&command->environment, "PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (int i = 0; (name = peer_variable(attempt->peer, i, &value)) != NULL; i++)
		child_environment_add(&command->environment, name, value);
	return true;
}

/* Runs the program. True: our reporter ran in its place, and *identity is what it said; else *verdict. */
static bool
run_program(const struct attempt *attempt, int credentials, struct identity *identity, struct rights *ended_as,
    enum ask_verdict *verdict, struct text *reason)
{
	struct command command;
	struct child_job job = {
		.path = attempt->authenticator->path, .arguments = command.arguments,
		.descriptors = { STDIN_FILENO, CHILD_SAID, CHILD_SAID, credentials, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE }, .seconds = CHECKER_SECONDS, .ended_as = ended_as,
	};
	struct child_end end;
	char *report;
	int unread;

	*verdict = ASK_TEMPORARY;
	if (!make_command(attempt, &command)) {
		text_add(reason, "/proc is not mounted: our own program cannot be found");
		return false;
	}
	job.environment = command.environment.pointers;
	child_run(&job, &end);
	report = reported(&end, command.word);
	if (report == NULL || checker_read_identity(report, end.said + end.length, identity) == NULL) {
		*verdict = judge_end(&end, reason);
		return false;
	}
	/* The reporter sees this only if nobody closed its descriptor 3. */
	if (ioctl(credentials, FIONREAD, &unread) != 0) {
		text_add(reason, strerror(errno));
		return false;
	}
	*verdict = ASK_NO;
	if (unread != 0) {
		text_add(reason, "password-not-read: the program let somebody in without reading descriptor 3");
		return false;
	}
	if (identity->rights.uid != ended_as->uid || identity->rights.gid != ended_as->gid) {
		text_add(reason, "report-not-believed: the program must run our reporter in its own place");
		return false;
	}
	return true;
}

/* May the report of a process that was `uid` at its end name this user? One of that uid could make it name anybody:
 * then it must be the account of that uid. Processes of root and of the service account are not a user's. */
static bool
may_name(const struct attempt *attempt, const char *user, uid_t uid)
{
	struct identity account;

	if (user[0] == '\0')
		return false;
	return uid == 0 || uid == attempt->service->rights.uid || strcmp(user, attempt->user) == 0 ||
	    (accounts_find(user, false, &account) == ACCOUNTS_FOUND && account.rights.uid == uid);
}

/* Who the program let in, by its report and by what the kernel says of the ended process. */
static enum ask_verdict
settle_identity(const struct attempt *attempt, const struct rights *ended_as, struct identity *identity,
    struct text *reason)
{
	const struct identity said = *identity;
	const char *user = may_name(attempt, said.user, ended_as->uid) ? said.user : attempt->user;

	identity->rights = *ended_as;
	if (!attempt->config->root) {
		identity->rights = attempt->service->rights;
	} else if (ended_as->uid == 0 && !checker_identity_by_name(attempt, user, identity)) {
		/* It checked a password and set nothing up: then it is a name, like one in a file. */
		text_add(reason, "the accounts of this machine cannot be asked for");
		return ASK_TEMPORARY;
	}
	strlcpy(identity->user, user, sizeof identity->user);
	if (checker_rights_allowed(attempt->config, attempt->service, &identity->rights))
		return ASK_YES;
	text_add(reason, "uid-refused");
	return ASK_NO;
}

enum ask_verdict
program_ask(struct attempt *attempt, struct identity *identity, struct text *reason)
{
	struct rights ended_as;
	enum ask_verdict verdict;
	int credentials;
	size_t length = strlen(attempt->user) + 3 + (attempt->digest != NULL
	    ? strlen(attempt->digest) + strlen(attempt->challenge) : strlen(attempt->password));

	if (length > CHECKPASSWORD_MAX) {
		text_add(reason, "too-long-for-checkpassword");
		return ASK_NO;
	}
	credentials = credentials_pipe(attempt);
	if (credentials < 0) {
		text_add(reason, "no pipe");
		return ASK_TEMPORARY;
	}
	if (run_program(attempt, credentials, identity, &ended_as, &verdict, reason))
		verdict = settle_identity(attempt, &ended_as, identity, reason);
	(void)close(credentials);
	return verdict;
}

int
program_report(const char *word)
{
	struct pollfd poller = { .fd = 3, .events = POLLIN };
	struct rights rights = { .uid = getuid(), .gid = getgid() };
	const char *home = getenv("HOME"), *user = getenv("USER");
	char array[CHILD_SAID_MAX], byte;
	struct text text;

	if (strlen(word) != WORD_LENGTH)
		return 100;
	if (poll(&poller, 1, 0) == 1 && (poller.revents & POLLNVAL) == 0 && read(3, &byte, 1) != 0)
		return 1;
	rights.group_count = getgroups(GROUPS_MAX, rights.groups);
	if (rights.group_count < 0)
		return 111;
	text_start(&text, array, sizeof array);
	text_add(&text, word);
	return checker_add_identity(&text, &rights, home == NULL ? "/" : home, user == NULL ? "" : user) &&
	    io_write_all(STDOUT_FILENO, text.bytes, text.used) ? 0 : 111;
}
