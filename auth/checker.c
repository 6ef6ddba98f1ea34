/* The process that checks one login and ends: what it says, and how it is heard. */
#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/checker.h"
#include "base/apart.h"
#include "base/child.h"
#include "base/drop.h"
#include "base/io.h"

#define LAST_WORD_MAX 4096	/* a last word: identity or reason, and a name */

bool
checker_rights_allowed(const struct config *config, const struct identity *service, const struct rights *rights)
{
	if (!config->root)
		return true;
	return rights->uid != 0 && rights->gid != 0 &&
	    (rights->uid >= config->min_uid || rights->uid == service->rights.uid);
}

bool
checker_identity_by_name(const struct attempt *attempt, const char *name, struct identity *identity)
{
	enum accounts_answer answer = ACCOUNTS_NONE;

	if (attempt->config->root)
		answer = accounts_find(name, true, identity);
	if (attempt->config->root && answer == ACCOUNTS_NONE)
		answer = accounts_find(attempt->service->user, true, identity);
	if (answer == ACCOUNTS_NONE)
		*identity = *attempt->service;
	strlcpy(identity->user, name, sizeof identity->user);
	return answer != ACCOUNTS_CANNOT_TELL;
}

bool
checker_add_identity(struct text *text, const struct rights *rights, const char *home, const char *user)
{
	text_add_number(text, rights->uid);
	text_add_bytes(text, "", 1);
	text_add_number(text, rights->gid);
	text_add_bytes(text, "", 1);
	for (int i = 0; i < rights->group_count; i++) {
		text_add_number(text, rights->groups[i]);
		text_add_byte(text, ' ');
	}
	text_add_bytes(text, "", 1);
	text_add_bytes(text, home, strlen(home) + 1);
	text_add_bytes(text, user, strlen(user) + 1);
	return !text->cut;
}

char *
checker_read_identity(char *at, const char *end, struct identity *identity)
{
	char *fields[5], *rest;
	uint64_t uid, gid, group;

	for (int i = 0; i < 5; i++) {
		fields[i] = at;
		at = at >= end ? NULL : memchr(at, '\0', (size_t)(end - at));
		if (at == NULL)
			return NULL;
		at++;
	}
	if (!text_number(fields[0], UINT32_MAX - 1, &uid) || !text_number(fields[1], UINT32_MAX - 1, &gid) ||
	    text_has_control(fields[3]) || text_has_control(fields[4]) ||
	    strlcpy(identity->home, fields[3], sizeof identity->home) >= sizeof identity->home ||
	    strlcpy(identity->user, fields[4], sizeof identity->user) >= sizeof identity->user)
		return NULL;
	identity->label[0] = identity->quota[0] = '\0';
	identity->rights = (struct rights){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	for (char *word = strtok_r(fields[2], " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		if (text_number(word, UINT32_MAX - 1, &group) && identity->rights.group_count < GROUPS_MAX)
			identity->rights.groups[identity->rights.group_count++] = (gid_t)group;
	return at;
}

/* A verdict, and what belongs to it: one packet. */
static int
write_packet(const struct attempt *attempt, const struct text *text)
{
	return !text->cut && io_write_all(attempt->wall, text->bytes, text->used) ? 0 : 111;
}

int
checker_say_identity(const struct attempt *attempt, const struct identity *identity)
{
	static APART char array[LAST_WORD_MAX];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_byte(&text, ASK_YES);
	checker_add_identity(&text, &identity->rights, identity->home, identity->user);
	text_add_bytes(&text, attempt->user, strlen(attempt->user) + 1);
	text_add_bytes(&text, identity->label, strlen(identity->label) + 1);
	text_add_bytes(&text, identity->quota, strlen(identity->quota) + 1);
	return write_packet(attempt, &text);
}

int
checker_say_reason(const struct attempt *attempt, enum ask_verdict verdict, const char *reason)
{
	static APART char array[LAST_WORD_MAX];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_byte(&text, (char)verdict);
	text_add_bytes(&text, reason, strlen(reason) + 1);
	text_add_bytes(&text, attempt->user, strlen(attempt->user) + 1);
	return write_packet(attempt, &text);
}

long
checker_challenge(const struct attempt *attempt, const void *challenge, size_t length, char *response, size_t size)
{
	char array[CHECKER_FRAME_MAX + 1];
	struct text text;
	ssize_t got;

	text_start(&text, array, sizeof array);
	text_add_byte(&text, ASK_CHALLENGE);
	text_add_bytes(&text, attempt->user, strlen(attempt->user) + 1);
	text_add_bytes(&text, challenge, length);
	if (write_packet(attempt, &text) != 0)
		return -1;
	/* A byte in front: a response may be empty, an end of file is not a response. */
	got = io_read(attempt->wall, array, sizeof array);
	if (got < 1 || (size_t)got - 1 > size)
		return -1;
	memcpy(response, array + 1, (size_t)got - 1);
	explicit_bzero(array, sizeof array);
	return got - 1;
}

bool
checker_start(struct checker *checker, struct attempt *attempt, int (*check)(struct attempt *attempt), int seconds)
{
	int wall[2];

	checker->pid = 0;
	checker->left = seconds * 1000;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wall) != 0)
		return false;
	checker->wall = wall[0];
	checker->pid = child_fork();
	if (checker->pid == 0) {
		/* With a copy of the monitor's end of its own it would never see that end close. */
		attempt->wall = wall[1];
		/* The monitor ends it; if that is gone, the timer does. */
		_exit(close(wall[0]) == 0 && drop_end_after((unsigned)seconds + 5) ? check(attempt) : 111);
	}
	(void)close(wall[1]);		/* nothing was written to it */
	if (checker->pid > 0)
		return true;
	(void)close(wall[0]);
	checker->pid = 0;
	return false;
}

void
checker_end(struct checker *checker)
{
	if (checker->pid == 0)
		return;
	(void)close(checker->wall);	/* what it did not read does not matter */
	(void)kill(checker->pid, SIGKILL);
	while (waitpid(checker->pid, NULL, 0) < 0 && errno == EINTR)
		;
	checker->pid = 0;
}

bool
checker_tell(const struct checker *checker, const char *response, size_t length)
{
	char array[1 + ASK_CHALLENGE_MAX + 1];
	struct text text;
	bool told;

	text_start(&text, array, sizeof array);
	text_add_byte(&text, ASK_CHALLENGE);
	text_add_bytes(&text, response, length);
	told = !text.cut && io_write_all(checker->wall, text.bytes, text.used);
	explicit_bzero(array, text.used);
	return told;
}

/* A process that said nothing: how it ended, for the log. */
static enum ask_verdict
say_end(struct checker *checker, bool in_time, struct auth_answer *answer)
{
	struct child_end end = { .how = CHILD_LATE };
	struct text reason;

	/* Nobody else holds its end: the end of file is its own. */
	if (in_time && waitpid(checker->pid, &end.status, 0) == checker->pid) {
		end.how = WIFSIGNALED(end.status) ? CHILD_KILLED : CHILD_EXITED;
		end.status = WIFSIGNALED(end.status) ? WTERMSIG(end.status) : WEXITSTATUS(end.status);
		(void)close(checker->wall);
		checker->pid = 0;
	}
	text_start(&reason, answer->reason, sizeof answer->reason);
	text_add(&reason, "checker: ");
	text_add(&reason, child_how(&end));
	return ASK_TEMPORARY;
}

/* Reads a last word. */
static enum ask_verdict
read_word(char *frame, const char *end, struct auth_answer *answer)
{
	enum ask_verdict verdict = (enum ask_verdict)frame[0];
	char *at = frame + 1;

	if (verdict == ASK_YES) {
		at = checker_read_identity(at, end, &answer->identity);
		if (at == NULL)
			return ASK_TEMPORARY;
	} else if (verdict == ASK_NO || verdict == ASK_TEMPORARY) {
		strlcpy(answer->reason, at, sizeof answer->reason);
		at += strlen(at) + 1;
	} else {
		return ASK_TEMPORARY;
	}
	if (at < end) {
		strlcpy(answer->login, at, sizeof answer->login);
		at += strlen(at) + 1;
	}
	if (verdict == ASK_YES && at < end) {
		strlcpy(answer->identity.label, at, sizeof answer->identity.label);
		at += strlen(at) + 1;
	}
	if (verdict == ASK_YES && at < end)
		strlcpy(answer->identity.quota, at, sizeof answer->identity.quota);
	return verdict;
}

/* The name, "" if it is not known yet, its NUL, the challenge. */
static bool
read_challenge(const char *at, const char *end, struct auth_answer *answer)
{
	const char *challenge = at + strlen(at) + 1;

	if (challenge > end || (size_t)(end - challenge) > ASK_CHALLENGE_MAX)
		return false;
	strlcpy(answer->login, at, sizeof answer->login);
	answer->length = (size_t)(end - challenge);
	answer->challenge = challenge;
	return true;
}

enum ask_verdict
checker_hear(struct checker *checker, struct auth_answer *answer)
{
	static APART char frame[CHECKER_FRAME_MAX + 1];
	int64_t start = io_now();
	bool in_time = io_wait(checker->wall, POLLIN, start + checker->left);
	ssize_t got = in_time ? io_read(checker->wall, frame, sizeof frame - 1) : -1;
	enum ask_verdict verdict;

	checker->left -= io_now() - start;
	answer->reason[0] = '\0';
	if (got > 0)
		frame[got] = '\0';
	if (got > 0 && frame[0] == ASK_CHALLENGE && read_challenge(frame + 1, frame + got, answer))
		return ASK_CHALLENGE;
	if (got > 0) {
		verdict = read_word(frame, frame + got, answer);
	} else {
		verdict = say_end(checker, in_time, answer);
	}
	checker_end(checker);
	return verdict;
}
