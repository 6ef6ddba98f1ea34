/* The process that checks one login and ends: what it says, and how it is heard. */
#include <bsd/string.h>
#include <string.h>

#include "auth/checker.h"
#include "auth/passwd.h"
#include "base/io.h"
#include "base/text.h"

bool
checker_rights_allowed(const struct config *config, const struct identity *service, const struct rights *rights)
{
	if (!config->root)
		return true;
	return rights->uid != 0 && rights->gid != 0 &&
	    (rights->uid >= config->min_uid || rights->uid == service->rights.uid);
}

bool
checker_identity_by_name(const struct config *config, const struct identity *service, const char *name,
    struct identity *identity)
{
	enum passwd_answer answer = config->root ? passwd_account(name, true, identity) : PASSWD_NONE;

	if (config->root && answer == PASSWD_NONE)
		answer = passwd_account(service->user, true, identity);
	if (answer == PASSWD_NONE)
		*identity = *service;
	strlcpy(identity->user, name, sizeof identity->user);
	return answer != PASSWD_CANNOT_TELL;
}

/* The word, a letter, and fields, each ended by a NUL: what our checker and our reporter say. */
static int
say(int said, const char *word, char letter, const char *const *fields, int count)
{
	char array[CHILD_SAID_MAX];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, word);
	text_add_byte(&text, letter);
	for (int i = 0; i < count; i++)
		text_add_bytes(&text, fields[i], strlen(fields[i]) + 1);
	return !text.cut && io_write_all(said, array, text.used) ? 0 : 111;
}

int
checker_say_identity(int said, const char *word, const struct rights *rights, const char *home, const char *user)
{
	char numbers[2][24], groups[GROUPS_MAX * 11 + 1];
	const char *const fields[] = { numbers[0], numbers[1], groups, home, user };
	struct text text;

	text_start(&text, numbers[0], sizeof numbers[0]);
	text_add_number(&text, rights->uid);
	text_start(&text, numbers[1], sizeof numbers[1]);
	text_add_number(&text, rights->gid);
	text_start(&text, groups, sizeof groups);
	for (int i = 0; i < rights->group_count; i++) {
		text_add_number(&text, rights->groups[i]);
		text_add_byte(&text, ' ');
	}
	return say(said, word, 'K', fields, 5);
}

int
checker_say_reason(const struct attempt *attempt, char letter, const char *reason)
{
	return say(attempt->said, attempt->word, letter, &reason, 1);
}

/* Reads what checker_say_identity() wrote. */
static bool
read_identity(char *at, const char *end, struct identity *identity)
{
	const char *fields[5];
	uint64_t uid, gid, group;

	for (int i = 0; i < 5; i++) {
		fields[i] = at;
		at = at >= end ? NULL : memchr(at, '\0', (size_t)(end - at));
		if (at == NULL)
			return false;
		at++;
	}
	if (!text_number(fields[0], UINT32_MAX - 1, &uid) || !text_number(fields[1], UINT32_MAX - 1, &gid) ||
	    strlcpy(identity->home, fields[3], sizeof identity->home) >= sizeof identity->home ||
	    strlcpy(identity->user, fields[4], sizeof identity->user) >= sizeof identity->user)
		return false;
	identity->rights = (struct rights){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	for (char *rest, *word = strtok_r((char *)(uintptr_t)fields[2], " ", &rest); word != NULL;
	    word = strtok_r(NULL, " ", &rest))
		if (text_number(word, UINT32_MAX - 1, &group) && identity->rights.group_count < GROUPS_MAX)
			identity->rights.groups[identity->rights.group_count++] = (gid_t)group;
	return true;
}

/* The letter behind the word in what a checker said; 0 where the word is missing: noise does not matter. */
char
checker_heard(const struct attempt *attempt, struct child_end *end, struct identity *identity, struct text *reason)
{
	size_t length = strlen(attempt->word);
	char *word = memmem(end->said, end->length, attempt->word, length), *at;
	const char *last = end->said + end->length;

	if (word == NULL || word + length >= last)
		return 0;
	at = word + length + 1;
	if (at[-1] == 'K')
		return read_identity(at, last, identity) ? 'K' : 0;
	text_add(reason, at);	/* child_run() put a NUL behind it all */
	return at[-1] == 'D' || at[-1] == 'Z' ? at[-1] : 0;
}
