/* Checks a login against a password file. */
#include <bsd/string.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/checker.h"
#include "auth/file.h"
#include "auth/passwd.h"
#include "auth/pwhash.h"
#include "base/text.h"

/*
 * What is checked for a name that is not there, so that it costs what a neighbour costs: the first entry
 * with a password behind the place in the file that the name's hash points at.
 */
static bool
find_neighbour(const struct file *file, const char *name, struct entry *entry)
{
	const char *start, *at, *end = file->bytes + file->length;
	uint64_t hash = 14695981039346656037U;

	if (file->length == 0)
		return false;
	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211U;
	start = at = passwd_next(file, file->bytes + hash % file->length);
	for (int tries = 0; tries < 1000; tries++) {
		if (at == end)
			at = file->bytes;
		if (*at != '#' && passwd_entry(file, at, entry) && entry->count >= 2 &&
		    pwhash_verify(entry->fields[PASSWORD], entry->count == 2, "") == PWHASH_NO)
			return true;
		at = passwd_next(file, at);
		if (at == start)
			break;
	}
	return false;
}

/* allow_nets=: the client must be in one of them. */
static bool
network_allowed(const struct attempt *attempt, const struct entry *entry)
{
	char copy[sizeof entry->line];
	const char *value = passwd_extra(entry, "allow_nets", copy, sizeof copy);

	if (value == NULL)
		return true;
	for (char *net = strtok((char *)(uintptr_t)value, ","); net != NULL; net = strtok(NULL, ","))
		if (peer_within(attempt->peer, net))
			return true;
	return false;
}

const char *
file_fault(const struct stat *status, const struct rights *service, bool cleartext)
{
	if (status->st_uid != 0 && status->st_uid != service->uid)
		return "password-file-owner";
	if ((status->st_mode & S_IWOTH) != 0 ||
	    ((status->st_mode & S_IWGRP) != 0 && status->st_gid != 0 && status->st_gid != service->gid))
		return "password-file-writable";
	if (cleartext && (status->st_mode & (S_IRGRP | S_IROTH)) != 0)
		return "cleartext-password-file-readable";
	return NULL;
}

/* The password was right. */
static int
say_entry(const struct attempt *attempt, const struct entry *entry, const char *name)
{
	struct identity identity;
	char copy[sizeof entry->line];
	const char *user = passwd_extra(entry, "user", copy, sizeof copy);

	if (user == NULL || *user == '\0' || strlen(user) > USER_MAX)
		user = name;
	if (entry->fields[UID][0] != '\0' || entry->fields[GID][0] != '\0') {
		identity = *attempt->service;
		if (!passwd_ids(&identity, entry))
			return checker_say_reason(attempt, ASK_TEMPORARY, "malformed-entry");
		identity.rights.groups[0] = identity.rights.gid;
		identity.rights.group_count = 1;
	} else if (!checker_identity_by_name(attempt, user, &identity)) {
		return checker_say_reason(attempt, ASK_TEMPORARY, "accounts-unavailable");
	}
	if (entry->fields[HOME][0] == '/')
		strlcpy(identity.home, entry->fields[HOME], sizeof identity.home);
	if (!attempt->config->root)
		identity.rights = attempt->service->rights;
	if (!checker_rights_allowed(attempt->config, attempt->service, &identity.rights))
		return checker_say_reason(attempt, ASK_NO, "uid-refused");
	return checker_say_identity(attempt, &identity.rights, identity.home, user);
}

/* The checker of a password file. Whatever the answer, one secret is verified. */
static int
check_file(void *context, int said)
{
	struct attempt *attempt = context;
	enum pwhash_answer answer;
	struct entry entry;
	char name[USER_MAX + 1], copy[sizeof entry.line];
	struct file file;
	const char *at, *fault;
	int found = 0;

	attempt->said = said;
	if (!passwd_open(&file, attempt->authenticator->path))
		return checker_say_reason(attempt, ASK_TEMPORARY, "password-file-unreadable");
	strlcpy(name, attempt->user, sizeof name);
	text_lower(name);
	/* Names that could not stand in the file, or would be a comment, are not looked for. */
	if (name[0] != '#' && strchr(name, ':') == NULL && text_utf8(name, strlen(name)))
		found = passwd_find(&file, name, &at, 1);
	if (found > 1)
		return checker_say_reason(attempt, ASK_TEMPORARY, "duplicate-user");
	if (found == 1 && (!passwd_entry(&file, at, &entry)))
		return checker_say_reason(attempt, ASK_TEMPORARY, "malformed-entry");
	if (found == 0 && !find_neighbour(&file, name, &entry))
		return checker_say_reason(attempt, ASK_NO, "no-such-user");
	fault = file_fault(&file.status, &attempt->service->rights,
	    pwhash_is_cleartext(entry.fields[PASSWORD], entry.count == 2));
	if (fault != NULL)
		return checker_say_reason(attempt, ASK_TEMPORARY, fault);
	answer = pwhash_verify(entry.fields[PASSWORD], entry.count == 2, attempt->password);
	if (found == 0)
		return checker_say_reason(attempt, ASK_NO, "no-such-user");
	if (answer == PWHASH_LOCKED) {
		if (find_neighbour(&file, name, &entry))	/* the cost of it */
			(void)pwhash_verify(entry.fields[PASSWORD], entry.count == 2, attempt->password);
		return checker_say_reason(attempt, ASK_NO, "disabled");
	}
	if (answer == PWHASH_UNUSABLE)
		return checker_say_reason(attempt, ASK_TEMPORARY, "unusable-password-entry");
	if (answer == PWHASH_NO)
		return checker_say_reason(attempt, ASK_NO, "wrong-password");
	if (passwd_extra(&entry, "nologin", copy, sizeof copy) != NULL)
		return checker_say_reason(attempt, ASK_NO, "disabled");
	if (!network_allowed(attempt, &entry))
		return checker_say_reason(attempt, ASK_NO, "network-refused");
	return say_entry(attempt, &entry, name);
}

enum ask_verdict
file_ask(struct attempt *attempt, struct identity *identity, struct text *reason)
{
	return checker_run(attempt, check_file, identity, reason);
}
