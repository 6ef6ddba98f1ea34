/* The accounts of this machine, wherever it keeps them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/passwd.h"
#include "base/apart.h"
#include "base/child.h"
#include "base/text.h"

/* Is `name` in the list of members, which ends at `end`? */
static bool
is_member(const char *members, const char *end, const char *name)
{
	size_t length = strlen(name);

	while (members < end) {
		const char *comma = memchr(members, ',', (size_t)(end - members));

		if (comma == NULL)
			comma = end;
		if ((size_t)(comma - members) == length && memcmp(members, name, length) == 0)
			return true;
		members = comma + 1;
	}
	return false;
}

/* The groups in which `name` is listed, from /etc/group: group:password:gid:members. A list of members may be of any
 * length: the line is read where it stands. */
static void
add_groups(struct rights *rights, const char *name)
{
	struct file file;
	const char *next;

	rights->groups[0] = rights->gid;
	rights->group_count = 1;
	if (!passwd_open(&file, "/etc/group"))
		return;
	for (const char *at = file.bytes, *end = at + file.length; at < end; at = next) {
		const char *colon = at, *line_end;
		char number[12] = "";
		uint64_t gid;

		next = passwd_next(&file, at);
		line_end = next[-1] == '\n' ? next - 1 : next;
		for (int i = 0; i < 2 && colon != NULL; i++) {
			at = i == 0 ? at : colon + 1;
			colon = memchr(at, ':', (size_t)(line_end - at));
		}
		if (colon == NULL)
			continue;
		at = colon + 1;
		colon = memchr(at, ':', (size_t)(line_end - at));
		if (colon == NULL || (size_t)(colon - at) >= sizeof number)
			continue;
		memcpy(number, at, (size_t)(colon - at));
		if (text_number(number, UINT32_MAX - 1, &gid) && gid != rights->gid &&
		    rights->group_count < GROUPS_MAX && is_member(colon + 1, line_end, name))
			rights->groups[rights->group_count++] = (gid_t)gid;
	}
}

/* What getent(1) prints for DATABASE and NAME. Its status 2 alone means that there is no such key. */
static enum accounts_answer
getent(const char *database, const char *name, struct child_end *end)
{
	const char *const arguments[] = { "/usr/bin/getent", database, name, NULL };
	const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct child_job job = {
		.path = arguments[0], .arguments = arguments, .environment = environment,
		.descriptors = { null, CHILD_SAID, STDERR_FILENO, CHILD_NONE, CHILD_NONE, CHILD_NONE, CHILD_NONE },
		.seconds = 30,
	};

	if (null < 0)
		return ACCOUNTS_CANNOT_TELL;
	child_run(&job, end);
	(void)close(null);
	if (end->how != CHILD_EXITED || (end->status != 0 && end->status != 2))
		return ACCOUNTS_CANNOT_TELL;
	return end->status == 0 ? ACCOUNTS_FOUND : ACCOUNTS_NONE;
}

/* Does a line of nsswitch.conf(5) name another source of accounts than this machine's files? systemd's are its own. */
static bool
names_directory(struct entry *entry)
{
	char *line = entry->line + strspn(entry->line, " \t"), *rest = (char *)(uintptr_t)entry->fields[PASSWORD];

	line[strcspn(line, " \t")] = '\0';
	if (strcmp(line, "passwd") != 0)
		return false;
	rest[strcspn(rest, "#")] = '\0';
	for (char *word = strtok(rest, " \t"); word != NULL; word = strtok(NULL, " \t"))
		if (strcmp(word, "files") != 0 && strcmp(word, "compat") != 0 && strcmp(word, "systemd") != 0)
			return true;
	return false;
}

/* Does the machine keep accounts elsewhere, too? FOUND: yes. */
static enum accounts_answer
accounts_elsewhere(void)
{
	static APART struct entry entry;
	enum accounts_answer answer = ACCOUNTS_NONE;
	struct file file;

	if (!passwd_open(&file, "/etc/nsswitch.conf"))
		return errno == ENOENT ? ACCOUNTS_NONE : ACCOUNTS_CANNOT_TELL;
	for (const char *at = file.bytes; at < file.bytes + file.length && answer == ACCOUNTS_NONE;
	    at = passwd_next(&file, at))
		if (!passwd_entry(&file, at, &entry))
			answer = *at == '#' ? ACCOUNTS_NONE : ACCOUNTS_CANNOT_TELL;
		else if (entry.count > 1 && names_directory(&entry))
			answer = ACCOUNTS_FOUND;
	passwd_close(&file);
	return answer;
}

/* The account from /etc/passwd. */
static enum accounts_answer
local_account(const char *name, struct identity *identity)
{
	static struct entry entry;
	struct file file;
	const char *at;
	int found;
	bool read;

	if (!passwd_open(&file, "/etc/passwd"))
		return errno == ENOENT ? ACCOUNTS_NONE : ACCOUNTS_CANNOT_TELL;
	found = passwd_find(&file, name, &at, 1);
	read = found == 1 && passwd_entry(&file, at, &entry);
	passwd_close(&file);
	if (found == 0)
		return ACCOUNTS_NONE;
	return read && passwd_ids(identity, &entry) ? ACCOUNTS_FOUND : ACCOUNTS_CANNOT_TELL;
}

/* The account from wherever getent(1) finds it. */
static enum accounts_answer
account_elsewhere(const char *name, bool groups, struct identity *identity)
{
	struct rights *rights = &identity->rights;
	struct child_end end;
	struct entry entry;
	struct file file;
	enum accounts_answer answer = getent("passwd", name, &end);

	if (answer != ACCOUNTS_FOUND)
		return answer;
	file = (struct file){ .bytes = end.said, .length = end.length };
	if (!passwd_entry(&file, file.bytes, &entry) || strcmp(entry.fields[USER], name) != 0 ||
	    !passwd_ids(identity, &entry))
		return ACCOUNTS_CANNOT_TELL;
	rights->groups[0] = rights->gid;
	rights->group_count = 1;
	if (!groups)
		return ACCOUNTS_FOUND;
	if (getent("initgroups", name, &end) != ACCOUNTS_FOUND)
		return ACCOUNTS_CANNOT_TELL;
	strtok(end.said, " \n");
	for (char *word; (word = strtok(NULL, " \n")) != NULL; ) {
		uint64_t gid;

		if (text_number(word, UINT32_MAX - 1, &gid) && gid != rights->gid && rights->group_count < GROUPS_MAX)
			rights->groups[rights->group_count++] = (gid_t)gid;
	}
	return ACCOUNTS_FOUND;
}

enum accounts_answer
accounts_find(const char *name, bool groups, struct identity *identity)
{
	enum accounts_answer answer;

	*identity = (struct identity){ .home = "/" };
	if (name[0] == '\0' || name[0] == '-' || name[0] == '+' || strpbrk(name, ":\n \t") != NULL ||
	    strlen(name) > USER_MAX)
		return ACCOUNTS_NONE;
	answer = local_account(name, identity);
	if (answer == ACCOUNTS_FOUND && groups)
		add_groups(&identity->rights, name);
	if (answer == ACCOUNTS_NONE)
		answer = accounts_elsewhere();
	else
		return answer;
	return answer == ACCOUNTS_FOUND ? account_elsewhere(name, groups, identity) : answer;
}
