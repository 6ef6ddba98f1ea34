/* Checks one login: a password file, a checkpassword program; and who that user is here. */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "base/child.h"
#include "base/io.h"
#include "auth/pwhash.h"
#include "base/text.h"

_Static_assert(PASSWORD_MAX == PWHASH_PASSWORD_MAX, "what the monitor lets through is what can be hashed");

#define WORD_LENGTH 32		/* hexadecimal digits that only we and our reporter know */
#define CHECKPASSWORD_MAX 512	/* cr.yp.to/checkpwd/interface.html */

static bool
two_fields(const struct entry *entry)
{
	return entry->count == 2;
}

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
		    pwhash_verify(entry->fields[PASSWORD], two_fields(entry), "") == PWHASH_NO)
			return true;
		at = passwd_next(file, at);
		if (at == start)
			break;
	}
	return false;
}

/* May a login make us that? The service account always; root, its group and system accounts never. */
static bool
rights_allowed(const struct config *config, const struct identity *service, const struct rights *rights)
{
	if (!config->root)
		return true;
	return rights->uid != 0 && rights->gid != 0 &&
	    (rights->uid >= config->min_uid || rights->uid == service->rights.uid);
}

/* For a name without ids of its own: the system account of that name, or the service account. */
static void
identity_by_name(const struct config *config, const struct identity *service, const char *name,
    struct identity *identity)
{
	if (!config->root || (!passwd_account(name, true, identity) && !passwd_account(service->user, true, identity)))
		*identity = *service;
	strlcpy(identity->user, name, sizeof identity->user);
}

/* What a checker needs; it runs in a process of its own, and says its word on a pipe. */
struct attempt {
	const struct config *config;
	const struct peer *peer;
	const struct identity *service;
	const struct authenticator *authenticator;
	const char *user, *password;
	char word[WORD_LENGTH + 1];	/* in front of what is said; "" for our own code */
	int said;			/* where the checker says it */
};

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

static int
say_identity(int said, const char *word, const struct rights *rights, const char *home, const char *user)
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

static int
say_reason(const struct attempt *attempt, char letter, const char *reason)
{
	return say(attempt->said, attempt->word, letter, &reason, 1);
}

/* The value of `key` in the extra fields (key=value, blanks between), NULL: not there. Without a '=' it is
 * "". The string is cut up: one look at a time, on a copy. */
static const char *
extra(const struct entry *entry, const char *key, char *copy, size_t size)
{
	if (entry->fields[EXTRA][0] == '\0')
		return NULL;
	strlcpy(copy, entry->fields[EXTRA], size);
	for (char *rest, *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
		char *value = strchr(word, '=');

		if (value != NULL)
			*value++ = '\0';
		if (strcmp(word, key) == 0)
			return value == NULL ? "" : value;
	}
	return NULL;
}

/* allow_nets=: the client must be in one of them. */
static bool
network_allowed(const struct attempt *attempt, const struct entry *entry)
{
	char copy[sizeof entry->line];
	const char *value = extra(entry, "allow_nets", copy, sizeof copy);

	if (value == NULL)
		return true;
	for (char *net = strtok((char *)(uintptr_t)value, ","); net != NULL; net = strtok(NULL, ","))
		if (peer_within(attempt->peer, net))
			return true;
	return false;
}

/* What is wrong with a password file as such, or with clear text in it; NULL: nothing. */
static const char *
file_fault(const struct stat *status, uid_t service, bool cleartext)
{
	if (status->st_uid != 0 && status->st_uid != service)
		return "password-file-owner";
	if ((status->st_mode & S_IWOTH) != 0)
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
	const char *user = extra(entry, "user", copy, sizeof copy);

	if (user == NULL || *user == '\0' || strlen(user) > USER_MAX)
		user = name;
	if (entry->fields[UID][0] != '\0' || entry->fields[GID][0] != '\0') {
		identity = *attempt->service;
		if (!passwd_ids(&identity, entry))
			return say_reason(attempt, 'Z', "malformed-entry");
		identity.rights.groups[0] = identity.rights.gid;
		identity.rights.group_count = 1;
	} else {
		identity_by_name(attempt->config, attempt->service, user, &identity);
	}
	if (entry->fields[HOME][0] == '/')
		strlcpy(identity.home, entry->fields[HOME], sizeof identity.home);
	if (!attempt->config->root)
		identity.rights = attempt->service->rights;
	if (!rights_allowed(attempt->config, attempt->service, &identity.rights))
		return say_reason(attempt, 'D', "uid-refused");
	return say_identity(attempt->said, attempt->word, &identity.rights, identity.home, user);
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
		return say_reason(attempt, 'Z', "password-file-unreadable");
	strlcpy(name, attempt->user, sizeof name);
	text_lower(name);
	/* Names that could not stand in the file, or would be a comment, are not looked for. */
	if (name[0] != '#' && strchr(name, ':') == NULL && text_utf8(name, strlen(name)))
		found = passwd_find(&file, name, &at);
	if (found > 1)
		return say_reason(attempt, 'Z', "duplicate-user");
	if (found == 1 && (!passwd_entry(&file, at, &entry)))
		return say_reason(attempt, 'Z', "malformed-entry");
	if (found == 0 && !find_neighbour(&file, name, &entry))
		return say_reason(attempt, 'D', "no-such-user");
	fault = file_fault(&file.status, attempt->service->rights.uid,
	    pwhash_is_cleartext(entry.fields[PASSWORD], two_fields(&entry)));
	if (fault != NULL)
		return say_reason(attempt, 'Z', fault);
	answer = pwhash_verify(entry.fields[PASSWORD], two_fields(&entry), attempt->password);
	if (found == 0)
		return say_reason(attempt, 'D', "no-such-user");
	if (answer == PWHASH_LOCKED) {
		if (find_neighbour(&file, name, &entry))	/* the cost of it */
			(void)pwhash_verify(entry.fields[PASSWORD], two_fields(&entry), attempt->password);
		return say_reason(attempt, 'D', "disabled");
	}
	if (answer == PWHASH_UNUSABLE)
		return say_reason(attempt, 'Z', "unusable-password-entry");
	if (answer == PWHASH_NO)
		return say_reason(attempt, 'D', "wrong-password");
	if (extra(&entry, "nologin", copy, sizeof copy) != NULL)
		return say_reason(attempt, 'D', "disabled");
	if (!network_allowed(attempt, &entry))
		return say_reason(attempt, 'D', "network-refused");
	return say_entry(attempt, &entry, name);
}

/* Reads what say_identity() wrote. */
static bool
read_identity(char *at, const char *end, struct identity *identity)
{
	const char *fields[5];
	uint64_t uid, gid, group;

	for (int i = 0; i < 5; i++) {
		fields[i] = at;
		at = at >= end ? NULL : memchr(at, '\0', (size_t)(end - at));
		if (at++ == NULL)
			return false;
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
static char
heard(const struct attempt *attempt, struct child_end *end, struct identity *identity, struct text *reason)
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

static char
ask_file(struct attempt *attempt, struct identity *identity, struct text *reason)
{
	const struct child_job job = {
		.inside = check_file, .context = attempt, .seconds = CHECKER_SECONDS,
	};
	struct child_end end;
	char letter;

	child_run(&job, &end);
	letter = end.how == CHILD_EXITED && end.status == 0 ? heard(attempt, &end, identity, reason) : 0;
	if (letter != 0)
		return letter;
	text_add(reason, "checker ended by ");
	text_add(reason, child_how(&end));
	return 'Z';
}

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
	unsigned char random[WORD_LENGTH / 2];
	struct text word;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	text_start(&word, attempt->word, sizeof attempt->word);
	for (size_t i = 0; i < sizeof random; i++)
		text_add_hex(&word, random[i], 2);
	return true;
}

static char
ask_program(struct attempt *attempt, struct identity *identity, struct text *reason)
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
	letter = end.how == CHILD_EXITED && end.status == 0 ? heard(attempt, &end, identity, reason) : 0;
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

		identity_by_name(attempt->config, attempt->service,
		    reported.user[0] != '\0' ? reported.user : attempt->user, identity);
	}
	if (identity->user[0] == '\0')
		strlcpy(identity->user, attempt->user, sizeof identity->user);
	if (rights_allowed(attempt->config, attempt->service, &identity->rights))
		return 'K';
	text_add(reason, "uid-refused");
	return 'D';
}

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
		    ? ask_file(&attempt, identity, &now) : ask_program(&attempt, identity, &now);
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

int
auth_report(const char *word)
{
	struct pollfd poller = { .fd = 3, .events = POLLIN };
	struct rights rights = { .uid = getuid(), .gid = getgid() };
	const char *home = getenv("HOME"), *user = getenv("USER");
	char byte;

	if (strlen(word) != WORD_LENGTH)
		return 100;
	if (poll(&poller, 1, 0) == 1 && (poller.revents & POLLNVAL) == 0 && read(3, &byte, 1) != 0)
		return 1;
	rights.group_count = getgroups(GROUPS_MAX, rights.groups);
	if (rights.group_count < 0)
		return 111;
	return say_identity(STDOUT_FILENO, word, &rights, home == NULL ? "/" : home, user == NULL ? "" : user);
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
		cleartext |= pwhash_is_cleartext(entry.fields[PASSWORD], two_fields(&entry));
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
