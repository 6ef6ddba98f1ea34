/* Keeps the entries of a password file; the sessions only read it. */
#include <bsd/string.h>
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "auth/pwhash.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/text.h"
#include "tools/entry.h"
#include "tools/import.h"
#include "tools/replace.h"
#include "tools/secret.h"

#ifndef PASSWORD_FILE
#define PASSWORD_FILE "/etc/ofmipd/passwd"
#endif

#define LEAST_UID 1000		/* ofmipd-session's --min-uid where none is given */

/* Exit statuses; 100 and 111 as in all programs run by tcpserver. */
enum { DONE = 0, NO = 1, WRONG_USE = 100, FAILED = 111 };

/* The words of the command line. The first are actions, of which one is done; CHANGE is done where none is given. */
enum word {
	CHANGE, DELETE, VERIFY, APP, REVOKE, LIST, CHECK, INDEX, IMPORT,
	PATH, SCHEME, USER_ID, GROUP_ID, HOME_DIRECTORY, FROM_STDIN, EXPIRES, NETS, HELP, SHOW_VERSION, WORDS
};
#define FOR(action) (1u << (action))
#define FOR_A_USER (FOR(CHANGE) | FOR(DELETE) | FOR(VERIFY) | FOR(APP) | FOR(REVOKE))

static const struct {
	const char *name, *argument;
	unsigned with;		/* the actions that it goes with, as bits */
	const char *never;	/* bytes that would end a field or a word of the line; NULL: it is not for the line */
	const char *help;
} words[WORDS] = {
	[DELETE] = { "delete", NULL, FOR(DELETE), NULL, "delete the user and all of the user's passwords" },
	[VERIFY] = { "verify", NULL, FOR(VERIFY), NULL, "ask for the password and say whether it is right" },
	[APP] = { "app", "LABEL", FOR(APP), " :", "make one more password, for one program or device" },
	[REVOKE] = { "revoke", "LABEL", FOR(REVOKE), " :", "remove the password with this label" },
	[LIST] = { "list", NULL, FOR(LIST), NULL, "list name, scheme, uid, gid and home of every user" },
	[CHECK] = { "check", NULL, FOR(CHECK), NULL, "say what is wrong with the file, line by line" },
	[INDEX] = { "index", NULL, FOR(INDEX), NULL, "write the index of a file of 1 MiB or more" },
	[IMPORT] = { "import", "OLDFILE", FOR(IMPORT), NULL, "hash the clear text of a tmda-ofmipd file" },
	[PATH] = { "file", "FILE", ~0u, NULL, "the password file (default: " PASSWORD_FILE ")" },
	[SCHEME] = { "scheme", "NAME", FOR(CHANGE) | FOR(IMPORT), NULL, "how to store the password, see below" },
	[USER_ID] = { "uid", "N", FOR(CHANGE), ":", "numeric user id; below 1000 it needs --min-uid" },
	[GROUP_ID] = { "gid", "N", FOR(CHANGE), ":", "numeric group id" },
	[HOME_DIRECTORY] = { "home", "DIR", FOR(CHANGE), ":", "home directory" },
	[FROM_STDIN] = { "stdin", NULL, FOR(CHANGE) | FOR(VERIFY), NULL, "take the password from standard input" },
	[EXPIRES] = { "expires", "DATE", FOR(APP), " ", "it is valid until the end of YYYY-MM-DD, in UTC" },
	[NETS] = { "allow-nets", "NETS", FOR(APP), " ", "it is valid from these networks only" },
	[HELP] = { "help", NULL, ~0u, NULL, "show this" },
	[SHOW_VERSION] = { "version", NULL, ~0u, NULL, "show the version" },
};

struct options {
	enum word action;
	const char *given[WORDS];	/* the argument, "" for a word that has none; NULL: not given */
	char user[USER_MAX + 2];	/* one too long is seen */
	char extra[3000];		/* the extra fields of an application's password */
};

/* What is to be done to the file. */
struct job {
	const struct options *options;
	const char *stored;		/* the new password, as it is stored */
	const struct text *imported;	/* lines to go after all others; or NULL */
	char done[USER_MAX + 200];	/* in words for the administrator */
};

/* The fields that the command line gives go into the entry. */
static void
set_fields(const struct options *options, const char *stored, struct entry *entry)
{
	static const enum field fields[] = { [USER_ID] = UID, [GROUP_ID] = GID, [HOME_DIRECTORY] = HOME };

	entry_set(entry, USER, options->user);
	entry_set(entry, PASSWORD, stored);
	for (int i = USER_ID; i <= HOME_DIRECTORY; i++)
		if (options->given[i] != NULL)
			entry_set(entry, fields[i], options->given[i]);
	if (options->action == APP)
		entry_set(entry, EXTRA, options->extra);
}

/*
 * All lines as they are, but for the user's own one for CHANGE, all of the user's for DELETE, and the one with the
 * label for APP and REVOKE: this is changed, left out, or must not be there.
 */
static int
put_lines(struct job *job, const struct file *old, FILE *to)
{
	static const char *const done[] = { [CHANGE] = "changed", [DELETE] = "deleted",
	    [REVOKE] = "no longer has the password with label ",
	    [APP] = "has a new password, shown below this once, with label " };
	const struct options *options = job->options;
	enum word action = options->action;
	const char *label = action == CHANGE ? NULL : options->given[action], *end = old->bytes + old->length;
	const char *path = options->given[PATH], *fault = NULL, *next;
	struct entry entry;
	int lines = 0, found = 0;

	for (const char *at = old->bytes; at < end; at = next) {
		bool mine = passwd_is_of(old, at, options->user, strlen(options->user));
		bool hit = mine && (action == DELETE ||
		    (passwd_entry(old, at, &entry) && entry_has_label(&entry, label)));

		next = passwd_next(old, at);
		lines += mine;
		found += hit;
		if (!hit)
			fwrite(at, 1, (size_t)(next - at), to);
		if (!hit || action != CHANGE)
			continue;
		set_fields(options, job->stored, &entry);
		if (!entry_put(to, path, &entry, next - at > 1 && next[-2] == '\r' ? "\r\n" : "\n"))
			return FAILED;
	}
	if (lines == 0 && action != CHANGE)
		fault = "there is no such user";
	else if (action == REVOKE && found == 0)
		fault = "there is no password with this label";
	else if (action == APP && found > 0)
		fault = "there is a password with this label; --revoke it first";
	else if (action == APP && lines >= PASSWD_LINES_MAX)
		fault = "there are 32 lines, and can be no more; --revoke one";
	if (fault != NULL) {
		warnx("%s: user %s: %s", path, options->user, fault);
		return NO;
	}
	snprintf(job->done, sizeof job->done, "user %s %s%s", options->user,
	    action == CHANGE && found == 0 ? "created" : done[action], label == NULL ? "" : label);
	if (action != APP && (action != CHANGE || found > 0))
		return DONE;
	entry = ENTRY_EMPTY;
	set_fields(options, job->stored, &entry);
	fputs(old->length > 0 && end[-1] != '\n' ? "\n" : "", to);
	return entry_put(to, path, &entry, "\n") ? DONE : FAILED;
}

/* All lines as they are, and those of another file. */
static int
put_file(struct job *job, const struct file *old, FILE *to)
{
	fwrite(old->bytes, 1, old->length, to);
	fputs(old->length > 0 && old->bytes[old->length - 1] != '\n' ? "\n" : "", to);
	if (job->imported != NULL)
		fwrite(job->imported->bytes, 1, job->imported->used, to);
	else
		snprintf(job->done, sizeof job->done, "%s", old->length < PASSWD_INDEXED ?
		    "smaller than 1 MiB, needs no index" : "has its index");
	return DONE;
}

/* Changes the file, and says what sessions will not find in it. */
static int
edit(struct job *job)
{
	enum word action = job->options->action;
	const char *path = job->options->given[PATH];
	struct replace replace;
	struct file written;
	int status = FAILED;

	if (replace_start(&replace, path, action == CHANGE || action == IMPORT) &&
	    entry_inspect(path, &replace.old, ENTRY_UNSOUND)) {
		entry_put_secret(replace.to, &replace.old);
		status = (action == INDEX || action == IMPORT ? put_file : put_lines)(job, &replace.old, replace.to);
		if (status == DONE && (!replace_written(&replace, &written) ||
		    !entry_inspect(path, &written, ENTRY_WARNINGS) || !replace_commit(&replace) ||
		    (!replace_index(&replace) && action == INDEX)))
			status = FAILED;
	}
	replace_end(&replace);
	if (status == DONE)
		printf("%s: %s\n", path, job->done);
	return status;
}

/* A new password: one that is asked for or, for an application, one of which nothing can be guessed. */
static int
store(const struct options *options)
{
	const char *scheme = options->given[SCHEME];
	char password[SECRET_SIZE], stored[PWHASH_STORED_SIZE];
	struct job job = { .options = options, .stored = stored };
	int status = DONE;

	/* The typing and the hashing come first: nobody is to wait for them. */
	if (options->action == APP) {
		status = pwhash_app_make(password, stored, sizeof stored) ? DONE : FAILED;
	} else if ((status = secret_ask_new(options->user, options->given[FROM_STDIN] != NULL, password)) == DONE &&
	    !pwhash_make(scheme, password, stored, sizeof stored)) {
		warnx("%s cannot hold this password, or has no memory for it (BLF-CRYPT takes 72 bytes at most, "
		    "YESCRYPT 16 MiB of memory)", scheme);
		status = WRONG_USE;
	}
	if (status == DONE)
		status = edit(&job);
	if (status == DONE && options->action == APP && (puts(password) == EOF || fflush(stdout) == EOF)) {
		warn("standard output: nobody has seen the new password; --revoke it");
		status = FAILED;
	}
	explicit_bzero(password, sizeof password);
	explicit_bzero(stored, sizeof stored);
	return status;
}

static int
import(const struct options *options)
{
	struct import import = { .path = options->given[IMPORT], .scheme = options->given[SCHEME] };
	struct job job = { .options = options, .imported = &import.lines };
	int status = FAILED;
	/* Hashing takes its time: it is done before anybody else is locked out. */
	bool fine = entry_open(import.path, &import.from, ENTRY_UNSOUND) && import_convert(&import);

	snprintf(job.done, sizeof job.done, "%zu passwords hashed, %zu entries kept as they were", import.hashed,
	    import.kept);
	if (fine)
		status = edit(&job);
	if (status == DONE)
		printf("%s still holds the clear text: delete it when all is well\n", import.path);
	else
		warnx("%s: nothing imported", options->given[PATH]);
	import_forget(&import);
	return status;
}

/*
 * Looking.
 */
static void
list_entry(const struct entry *entry)
{
	static const char *const extras[] = { "label", "created", "expires" };
	char array[3 * sizeof entry->line], copy[sizeof entry->line];
	uint64_t number;
	struct text line;

	text_start(&line, array, sizeof array);
	text_add_visible(&line, entry->fields[USER], sizeof entry->line);
	text_add_byte(&line, '\t');
	text_add(&line, entry->count == 0 ? "unusable" : pwhash_scheme(entry->fields[PASSWORD], entry->count == 2));
	for (int i = UID; i <= HOME; i++) {
		const char *field = entry->fields[i];
		bool fits = field[0] == '\0' || (i == HOME ? field[0] == '/' : text_number(field, UINT32_MAX, &number));

		text_add(&line, i == GECOS ? "" : "\t");
		if (i != GECOS)		/* "?": it may be the tail of a password with a colon in it */
			text_add_visible(&line, fits ? field : "?", sizeof entry->line);
	}
	for (int i = 0; i < 3 && !entry_has_label(entry, NULL); i++) {
		const char *value = passwd_extra(entry, extras[i], copy, sizeof copy);

		text_add_byte(&line, '\t');
		text_add_visible(&line, value == NULL ? "" : value, sizeof copy);
	}
	puts(array);
}

static int
list(const struct options *options)
{
	struct file file;
	struct entry entry;

	if (!entry_open(options->given[PATH], &file, ENTRY_WARNINGS))
		return FAILED;
	for (const char *at = file.bytes; at < file.bytes + file.length; at = passwd_next(&file, at)) {
		(void)passwd_entry(&file, at, &entry);
		if (passwd_is_entry(&file, at))
			list_entry(&entry);
	}
	explicit_bzero(&entry, sizeof entry);
	if (fflush(stdout) == EOF)
		err(FAILED, "standard output");
	return DONE;
}

/* Does it fit one of the user's lines? If not, the least bad of what they say. */
static int
verify(const struct options *options)
{
	static const char *const says[] = {	/* in the order of enum pwhash_answer */
		"the password fits", "the password does not fit", "locked, no password fits", "no memory to check it",
		"unknown scheme or malformed value, no password can be checked",
	};
	const char *path = options->given[PATH], *at[PASSWD_LINES_MAX];
	enum pwhash_answer answer = PWHASH_UNUSABLE, now;
	char password[SECRET_SIZE];
	struct entry entry;
	struct file file;
	int count;

	if (!entry_open(path, &file, ENTRY_WARNINGS))
		return FAILED;
	count = passwd_find(&file, options->user, at, PASSWD_LINES_MAX);
	if (count == 0) {
		warnx("%s: user %s: there is no such user", path, options->user);
		return NO;
	}
	if (!secret_ask("Password of", options->user, options->given[FROM_STDIN] != NULL, password))
		return FAILED;
	for (int i = 0; i < count && i < PASSWD_LINES_MAX; i++) {
		if (!passwd_entry(&file, at[i], &entry))
			continue;
		now = pwhash_app_verify(entry.fields[PASSWORD], entry.count == 2, password);
		answer = now < answer ? now : answer;
	}
	explicit_bzero(password, sizeof password);
	explicit_bzero(&entry, sizeof entry);
	printf("%s: user %s: %s\n", path, options->user, says[answer]);
	return answer == PWHASH_YES ? DONE : answer >= PWHASH_NO_MEMORY ? FAILED : NO;
}

/*
 * The command line.
 */
static const char usage_text[] =
"usage: ofmipd-passwd [OPTIONS] [--delete | --verify | --app LABEL] USER\n"
"       ofmipd-passwd [OPTIONS] --revoke LABEL USER\n"
"       ofmipd-passwd [OPTIONS] --list | --check | --index | --import OLDFILE\n";

static void
print_help(void)
{
	printf("%s\n"
"Creates the user, or gives the user a new password, in the password file of\n"
"ofmipd-session.\n\n", usage_text);
	for (int i = DELETE; i < WORDS; i++)
		printf("  %s --%s %-*s %s\n", i == PATH ? "-f," : i == HELP ? "-h," : i == SHOW_VERSION ? "-V," : "   ",
		    words[i].name, 16 - (int)strlen(words[i].name), words[i].argument != NULL ? words[i].argument : "",
		    words[i].help);
	printf("\nSchemes, the first is the default:\n ");
	for (int i = 0; pwhash_schemes[i] != NULL; i++)
		printf("%s %s", i == 5 ? "\n " : "", pwhash_schemes[i]);
	printf("\n\n"
"Exit status: 0 done; 1 the password is wrong, or the user locked; the two typed\n"
"ones differ; there is no such user; 100 wrong use; 111 the file could not be\n"
"read or written, or something is wrong with it.\n");
}

static _Noreturn void __attribute__((format(printf, 1, 2)))
wrong_use(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
	fputs(usage_text, stderr);
	exit(WRONG_USE);
}

static const char *
find_scheme(const char *name)
{
	for (const char *const *scheme = pwhash_schemes; *scheme != NULL; scheme++)
		if (name == NULL || strcasecmp(*scheme, name) == 0)
			return *scheme;
	wrong_use("--scheme %s: not one of those that --help names", name);
}

static void
hear_wrong_use(void *context, enum inspect_kind kind, const char *text)
{
	(void)context;
	if (kind != INSPECT_WARNING)
		wrong_use("%s", text);
	warnx("warning: %s", text);
}

/* Would the line be one that a session can use? */
static void
check_line(struct options *options)
{
	const char *const *given = options->given, *fault;
	struct entry entry = ENTRY_EMPTY;
	char today[16];
	time_t now = time(NULL);
	uint64_t uid;

	fault = inspect_name(options->user);
	if (fault != NULL)
		wrong_use("the user's name: %s", fault);
	strftime(today, sizeof today, "%Y-%m-%d", gmtime(&now));
	snprintf(options->extra, sizeof options->extra, "label=%s created=%s%s%s%s%s",
	    given[APP] == NULL ? "" : given[APP], today, given[EXPIRES] == NULL ? "" : " expires=",
	    given[EXPIRES] == NULL ? "" : given[EXPIRES], given[NETS] == NULL ? "" : " allow_nets=",
	    given[NETS] == NULL ? "" : given[NETS]);
	set_fields(options, "*", &entry);
	inspect_entry(&entry, hear_wrong_use, NULL);
	if (given[USER_ID] != NULL && text_number(given[USER_ID], LEAST_UID - 1, &uid))
		warnx("warning: uid %s is below %d: ofmipd-session refuses it without --min-uid", given[USER_ID],
		    LEAST_UID);
}

/* One action, and what goes with it; no argument that would end its field. */
static void
check_together(const struct options *options)
{
	for (int i = DELETE; i < WORDS; i++) {
		const char *given = options->given[i];

		if (given == NULL)
			continue;
		if ((words[i].with & FOR(options->action)) == 0)
			wrong_use("--%s does not go with the rest", words[i].name);
		if (words[i].never != NULL && (given[0] == '\0' || strlen(given) > 1000 ||
		    strpbrk(given, words[i].never) != NULL || !text_utf8(given, strlen(given))))
			wrong_use("--%s: it is empty, too long, or has a byte that cannot stand in the file",
			    words[i].name);
	}
	if (options->given[HOME_DIRECTORY] != NULL && options->given[HOME_DIRECTORY][0] != '/')
		wrong_use("--home: not an absolute path");
}

static void
parse(int argc, char **argv, struct options *options)
{
	struct option known[WORDS] = { { NULL, 0, NULL, 0 } };
	int option;

	for (int i = DELETE; i < WORDS; i++)
		known[i - DELETE] = (struct option){ words[i].name, words[i].argument != NULL, NULL, 256 + i };
	while ((option = getopt_long(argc, argv, "f:hV", known, NULL)) != -1) {
		int word = option == 'f' ? PATH : option == 'h' ? HELP : option == 'V' ? SHOW_VERSION : option - 256;

		if (option == '?')
			wrong_use("--help says more");
		if (word == HELP)
			print_help();
		if (word == SHOW_VERSION)
			puts("ofmipd-passwd " VERSION);
		if (word >= HELP)
			exit(DONE);
		if (word <= IMPORT)
			options->action = (enum word)word;
		options->given[word] = optarg == NULL ? "" : optarg;
	}
	check_together(options);
	if (argc - optind != ((FOR(options->action) & FOR_A_USER) != 0))
		wrong_use("%s", argc > optind ? "too many arguments" : "one user's name is needed");
	options->given[SCHEME] = find_scheme(options->given[SCHEME]);
	if (argc == optind)
		return;
	strlcpy(options->user, argv[optind], sizeof options->user);
	text_lower(options->user);
	check_line(options);
	if (strcmp(options->user, argv[optind]) != 0)
		warnx("the name is written in lower case: %s", options->user);
}

int
main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	struct options options = { .action = CHANGE, .given[PATH] = PASSWORD_FILE };
	struct file file;

	/* No core file may hold a password; a full disk or quota is an error, not a signal. */
	(void)setrlimit(RLIMIT_CORE, &none);
	if (!drop_fill_standard())	/* or a warning goes into the file */
		err(FAILED, "/dev/null");
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	parse(argc, argv, &options);
	switch (options.action) {
	case CHANGE: case APP: return store(&options);
	case VERIFY: return verify(&options);
	case LIST: return list(&options);
	case CHECK: return entry_open(options.given[PATH], &file, ENTRY_ALL) ? DONE : FAILED;
	case IMPORT: return import(&options);
	default: return edit(&(struct job){ .options = &options });
	}
}
