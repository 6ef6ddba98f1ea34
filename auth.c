/* Checks one login: the order of the authenticators, and one verdict. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "auth/checker.h"
#include "auth/file.h"
#include "auth/passwd.h"
#include "auth/program.h"
#include "auth/pwhash.h"
#include "base/text.h"

_Static_assert(PASSWORD_MAX == PWHASH_PASSWORD_MAX, "what the monitor lets through is what can be hashed");

char
auth_check(const struct config *config, const struct peer *peer, const struct identity *service,
    const char *user, const char *password, struct identity *identity, struct text *reason)
{
	struct attempt attempt = { .config = config, .peer = peer, .service = service, .user = user,
	    .password = password };
	struct text now;
	char answer = 'D', array[AUTH_REASON_MAX];

	for (int i = 0; i < config->authenticator_count; i++) {
		char letter;

		attempt.authenticator = &config->authenticators[i];
		text_start(&now, array, sizeof array);
		letter = attempt.authenticator->kind == AUTHENTICATOR_FILE
		    ? file_ask(&attempt, identity, &now) : program_ask(&attempt, identity, &now);
		if (letter == 'K')
			return 'K';
		/* One that cannot tell outweighs those that say no; a known user outweighs an unknown one. */
		if (i == 0 || letter == 'Z' || (answer == 'D' && strcmp(array, "no-such-user") != 0)) {
			text_start(reason, reason->bytes, reason->size);
			text_add(reason, array);
			text_add(reason, letter == 'Z' ? ": " : "");
			text_add(reason, letter == 'Z' ? attempt.authenticator->path : "");
		}
		if (letter == 'Z')
			answer = 'Z';
	}
	return answer;
}

bool
auth_ready(const struct authenticator *authenticator, struct text *why)
{
	bool file = authenticator->kind == AUTHENTICATOR_FILE;

	if (file ? access(authenticator->path, R_OK) == 0
	    : authenticator->path[0] != '\0' && access(authenticator->path, X_OK) == 0)
		return true;
	text_add(why, file ? "-a " : "-A ");
	text_add_name(why, authenticator->option);
	text_add(why, file ? ": cannot be read (" : ": no such program that may be run (");
	text_add(why, strerror(authenticator->path[0] == '\0' ? ENOENT : errno));
	text_add(why, file ? "); make it with ofmipd-passwd, or give the right path"
	    : "); install it, or give its absolute path");
	return false;
}

/* One password file for --check; how many things are wrong with it. */
static int
print_file(const struct config *config, const struct identity *service, const char *path)
{
	static const struct {
		const char *fault, *mend;
	} mends[] = {
		{ "password-file-owner", ": its owner is neither root nor the service account; chown root" },
		{ "password-file-writable", ": others can write it; chmod o-w" },
		{ "cleartext-password-file-readable",
		    ": it holds clear text that group or others can read; chmod 600" },
	};
	char array[1000];
	struct text line;
	struct file file;
	struct entry entry;
	const char *fault;
	uint64_t entries = 0, unreadable = 0;
	bool cleartext = false, capitals = false;

	text_start(&line, array, sizeof array);
	if (!passwd_open(&file, path)) {
		text_add(&line, path);
		text_add(&line, ": no regular file that can be read; give the password file's path");
		config_say("wrong", array);
		return 1;
	}
	for (const char *at = file.bytes; at < file.bytes + file.length; at = passwd_next(&file, at)) {
		bool readable = passwd_entry(&file, at, &entry);

		unreadable += *at != '#' && !readable;
		if (*at == '#' || !readable || entry.count < 2)
			continue;
		entries++;
		capitals |= strpbrk(entry.fields[USER], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
		cleartext |= pwhash_is_cleartext(entry.fields[PASSWORD], entry.count == 2);
	}
	text_add(&line, path);
	text_add(&line, ", mode ");
	for (int shift = 9; shift >= 0; shift -= 3)
		text_add_number(&line, (file.status.st_mode >> shift) & 7);
	text_add(&line, ", owner ");
	text_add_number(&line, file.status.st_uid);
	text_add(&line, ", entries ");
	text_add_number(&line, entries);
	text_add(&line, cleartext ? ", clear text in it" : "");
	config_say("password file", array);
	fault = file_fault(&file.status, config->root ? service->rights.uid : geteuid(), cleartext);
	if (fault == NULL && (file.status.st_mode & (S_IRGRP | S_IROTH)) != 0)
		config_say("warning", "group or others can read the hashes of the password file; chmod 600");
	if (capitals)
		config_say("warning", "names with capital letters in the password file never match: logins are "
		    "lower-cased; write them small (ofmipd-passwd --import does)");
	for (size_t i = 0; fault != NULL && i < sizeof mends / sizeof *mends; i++) {
		if (strcmp(fault, mends[i].fault) != 0)
			continue;
		text_start(&line, array, sizeof array);
		text_add(&line, path);
		text_add(&line, mends[i].mend);
		config_say("wrong", array);
	}
	if (unreadable > 0) {
		text_start(&line, array, sizeof array);
		text_add(&line, path);
		text_add(&line, ": lines longer than 4095 bytes, or with a NUL, are not read; shorten them: ");
		text_add_number(&line, unreadable);
		config_say("wrong", array);
	}
	return (fault != NULL) + (unreadable > 0);
}

int
auth_print(const struct config *config, const struct identity *service)
{
	int wrong = 0;

	for (int i = 0; i < config->authenticator_count; i++) {
		const struct authenticator *authenticator = &config->authenticators[i];
		char array[1000] = "";
		struct text why;

		text_start(&why, array, sizeof array);
		if (!auth_ready(authenticator, &why)) {
			config_say("wrong", array);
			wrong++;
		} else if (authenticator->kind == AUTHENTICATOR_FILE) {
			wrong += print_file(config, service, authenticator->path);
		} else {
			config_say("checkpassword program", authenticator->path);
		}
	}
	return wrong;
}
