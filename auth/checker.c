/* The process that checks one login and ends: what it says, and how it is heard. */
#include <bsd/string.h>
#include <string.h>

#include "auth/checker.h"
#include "auth/passwd.h"
#include "base/child.h"
#include "base/io.h"

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
	enum passwd_answer answer = PASSWD_NONE;

	if (attempt->config->root)
		answer = passwd_account(name, true, identity);
	if (attempt->config->root && answer == PASSWD_NONE)
		answer = passwd_account(attempt->service->user, true, identity);
	if (answer == PASSWD_NONE)
		*identity = *attempt->service;
	strlcpy(identity->user, name, sizeof identity->user);
	return answer != PASSWD_CANNOT_TELL;
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

bool
checker_read_identity(char *at, const char *end, struct identity *identity)
{
	char *fields[5], *rest;
	uint64_t uid, gid, group;

	for (int i = 0; i < 5; i++) {
		fields[i] = at;
		at = at >= end ? NULL : memchr(at, '\0', (size_t)(end - at));
		if (at == NULL)
			return false;
		at++;
	}
	if (!text_number(fields[0], UINT32_MAX - 1, &uid) || !text_number(fields[1], UINT32_MAX - 1, &gid) ||
	    text_has_control(fields[3]) || text_has_control(fields[4]) ||
	    strlcpy(identity->home, fields[3], sizeof identity->home) >= sizeof identity->home ||
	    strlcpy(identity->user, fields[4], sizeof identity->user) >= sizeof identity->user)
		return false;
	identity->label[0] = '\0';
	identity->rights = (struct rights){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	for (char *word = strtok_r(fields[2], " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		if (text_number(word, UINT32_MAX - 1, &group) && identity->rights.group_count < GROUPS_MAX)
			identity->rights.groups[identity->rights.group_count++] = (gid_t)group;
	return true;
}

/* A verdict, and what belongs to it, at one stroke. */
static int
say(const struct attempt *attempt, const struct text *text)
{
	return !text->cut && io_write_all(attempt->said, text->bytes, text->used) ? 0 : 111;
}

int
checker_say_identity(const struct attempt *attempt, const struct identity *identity)
{
	char array[CHILD_SAID_MAX];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_byte(&text, ASK_YES);
	text_add_bytes(&text, identity->label, strlen(identity->label) + 1);
	checker_add_identity(&text, &identity->rights, identity->home, identity->user);
	return say(attempt, &text);
}

int
checker_say_reason(const struct attempt *attempt, enum ask_verdict verdict, const char *reason)
{
	char array[CHILD_SAID_MAX];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_byte(&text, (char)verdict);
	text_add(&text, reason);
	return say(attempt, &text);
}

enum ask_verdict
checker_run(struct attempt *attempt, int (*check)(void *attempt, int said), struct identity *identity,
    struct text *reason)
{
	const struct child_job job = { .inside = check, .context = attempt, .seconds = CHECKER_SECONDS };
	struct child_end end;

	child_run(&job, &end);
	if (end.how == CHILD_EXITED && end.status == 0 && end.length > 0) {
		enum ask_verdict verdict = (enum ask_verdict)end.said[0];

		char *label = end.said + 1, *rest = label + strlen(label) + 1;

		if (verdict == ASK_YES && checker_read_identity(rest, end.said + end.length, identity)) {
			strlcpy(identity->label, label, sizeof identity->label);
			return ASK_YES;
		}
		if (verdict == ASK_NO || verdict == ASK_TEMPORARY) {
			text_add(reason, end.said + 1);	/* child_run() put a NUL behind it */
			return verdict;
		}
	}
	text_add(reason, "checker ended by ");
	text_add(reason, child_how(&end));
	return ASK_TEMPORARY;
}
