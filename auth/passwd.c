/* Lines as in /etc/passwd, and the accounts of this machine. */
#include <bsd/string.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "auth/passwd.h"
#include "base/text.h"

bool
passwd_open(struct file *file, const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	void *bytes;
	bool fine;

	*file = (struct file){ .bytes = "" };
	if (descriptor < 0)
		return false;
	fine = fstat(descriptor, &file->status) == 0 && S_ISREG(file->status.st_mode);
	file->length = fine ? (size_t)file->status.st_size : 0;
	if (file->length > 0) {
		/* Shared pages, read once from front to back, and left mapped: who opens a file here
		 * does so once, and most often in a process that ends with it. A file that is cut
		 * under us ends that process by SIGBUS: "do not know". */
		bytes = mmap(NULL, file->length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
		fine = bytes != MAP_FAILED;
		file->bytes = bytes;
	}
	close(descriptor);
	return fine;
}

const char *
passwd_next(const struct file *file, const char *at)
{
	const char *end = file->bytes + file->length, *newline = memchr(at, '\n', (size_t)(end - at));

	return newline == NULL ? end : newline + 1;
}

bool
passwd_entry(const struct file *file, const char *at, struct entry *entry)
{
	size_t length = (size_t)(passwd_next(file, at) - at);
	char *rest = entry->line;

	for (int i = 0; i < FIELDS; i++)
		entry->fields[i] = "";
	entry->count = 0;
	if (length >= sizeof entry->line || memchr(at, '\0', length) != NULL)
		return false;
	memcpy(entry->line, at, length);
	while (length > 0 && (entry->line[length - 1] == '\n' || entry->line[length - 1] == '\r'))
		length--;
	entry->line[length] = '\0';
	while (rest != NULL && entry->count < FIELDS) {
		entry->fields[entry->count++] = rest;
		if (entry->count == FIELDS)
			break;
		rest = strchr(rest, ':');
		if (rest != NULL)
			*rest++ = '\0';
	}
	return true;
}

/* One search over the whole file, whether it is found early or late: so a second one is seen too. */
int
passwd_find(const struct file *file, const char *name, const char **at)
{
	char needle[USER_MAX + 3];
	const char *p = file->bytes, *end = p + file->length;
	size_t length;
	int count = 0;
	struct text text;

	text_start(&text, needle, sizeof needle);
	text_add_byte(&text, '\n');
	text_add(&text, name);
	text_add_byte(&text, ':');
	length = text.used;
	if (file->length >= length - 1 && memcmp(p, needle + 1, length - 1) == 0) {
		*at = p;
		count++;
	}
	while ((p = memmem(p, (size_t)(end - p), needle, length)) != NULL) {
		if (count++ == 0)
			*at = p + 1;
		p += length - 1;
	}
	return count;
}

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

/* What getent(1) prints for DATABASE and NAME. */
static bool
getent(const char *database, const char *name, struct child_end *end)
{
	const char *const arguments[] = { "/usr/bin/getent", database, name, NULL };
	const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
	const struct child_job job = {
		.path = arguments[0], .arguments = arguments, .environment = environment,
		.descriptors = { STDIN_FILENO, CHILD_SAID, STDERR_FILENO, CHILD_NONE, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE }, .seconds = 30,
	};

	child_run(&job, end);
	return end->how == CHILD_EXITED && end->status == 0;
}

/* Does the machine keep accounts anywhere but in /etc/passwd (nsswitch.conf(5))? systemd's are its own. */
static bool
accounts_elsewhere(void)
{
	struct file file;
	struct entry entry;
	const char *at;

	if (!passwd_open(&file, "/etc/nsswitch.conf") || passwd_find(&file, "passwd", &at) != 1 ||
	    !passwd_entry(&file, at, &entry))
		return false;
	entry.line[strlen("passwd") + 1 + strcspn(entry.fields[PASSWORD], "#")] = '\0';
	for (char *word = strtok((char *)(uintptr_t)entry.fields[PASSWORD], " \t"); word != NULL;
	    word = strtok(NULL, " \t"))
		if (strcmp(word, "files") != 0 && strcmp(word, "compat") != 0 && strcmp(word, "systemd") != 0)
			return true;
	return false;
}

bool
passwd_ids(struct identity *identity, const struct entry *entry)
{
	uint64_t uid, gid;

	if (!text_number(entry->fields[UID], UINT32_MAX - 1, &uid) ||
	    !text_number(entry->fields[GID], UINT32_MAX - 1, &gid))
		return false;
	identity->rights.uid = (uid_t)uid;
	identity->rights.gid = (gid_t)gid;
	strlcpy(identity->user, entry->fields[USER], sizeof identity->user);
	if (entry->fields[HOME][0] == '/')
		strlcpy(identity->home, entry->fields[HOME], sizeof identity->home);
	return true;
}

bool
passwd_account(const char *name, bool groups, struct identity *identity)
{
	struct file file;
	struct entry entry;
	struct child_end end;
	const char *at;
	bool found;

	*identity = (struct identity){ .home = "/" };
	if (name[0] == '\0' || name[0] == '-' || name[0] == '+' || strpbrk(name, ":\n \t") != NULL ||
	    strlen(name) > USER_MAX)
		return false;
	found = passwd_open(&file, "/etc/passwd") && passwd_find(&file, name, &at) == 1 &&
	    passwd_entry(&file, at, &entry) && passwd_ids(identity, &entry);
	if (found) {
		if (groups)
			add_groups(&identity->rights, name);
		return true;
	}
	if (!accounts_elsewhere() || !getent("passwd", name, &end) || strncmp(end.said, name, strlen(name)) != 0 ||
	    end.said[strlen(name)] != ':')
		return false;
	file = (struct file){ .bytes = end.said, .length = end.length };
	if (!passwd_entry(&file, file.bytes, &entry) || !passwd_ids(identity, &entry))
		return false;
	identity->rights.groups[0] = identity->rights.gid;
	identity->rights.group_count = 1;
	if (groups && getent("initgroups", name, &end)) {
		strtok(end.said, " \n");
		for (char *word; (word = strtok(NULL, " \n")) != NULL; ) {
			uint64_t gid;

			if (text_number(word, UINT32_MAX - 1, &gid) && gid != identity->rights.gid &&
			    identity->rights.group_count < GROUPS_MAX)
				identity->rights.groups[identity->rights.group_count++] = (gid_t)gid;
		}
	}
	return true;
}
