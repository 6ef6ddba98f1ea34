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
#include "base/network.h"
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

enum action { CHANGE, DELETE, APP, REVOKE, LIST, VERIFY, IMPORT, CHECK, INDEX };

struct options {
	enum action action;
	const char *file, *scheme, *source;
	const char *uid, *gid, *home;
	const char *label, *expires, *allow_nets;
	bool from_stdin;
	char user[USER_MAX + 1];
};

/* Has the file no two lines for one user? False: said. */
static bool
is_sound(const char *path, const struct file *file)
{
	struct inspect inspect;

	return entry_inspect(path, file, ENTRY_UNSOUND, &inspect);
}

/*
 * Changes the file, locked: `make` writes the new one into a text and returns what was done to the user, in words for
 * the administrator, or NULL: said, and the exit status is in *status. Then what sessions will not find in it is said.
 */
typedef const char *make_function(const struct file *old, const struct options *options, const char *stored,
    struct text *new, int *status);

static int
edit(const struct options *options, const char *stored, make_function *make)
{
	struct replace replace;
	struct inspect inspect;
	struct text new;
	const char *done;
	int status = FAILED;

	if (replace_start(&replace, options->file, options->action == CHANGE) &&
	    is_sound(options->file, &replace.file)) {
		entry_start(&new, replace.file.length + 2 * sizeof ((struct entry *)NULL)->line);
		done = make(&replace.file, options, stored, &new, &status);
		if (done != NULL && replace_with(&replace, new.bytes, new.used)) {
			(void)entry_inspect(options->file, &(struct file){ .bytes = new.bytes, .length = new.used,
			    .status = replace.file.status }, ENTRY_WARNINGS, &inspect);
			printf("%s: user %s %s%s\n", options->file, options->user, done,
			    options->label == NULL ? "" : options->label);
			status = DONE;
		}
		entry_free(&new);
	}
	replace_end(&replace);
	return status;
}

/* A clear-text password with a ':' looks like more fields: to keep its tail as a uid is no help. */
static bool
fields_fit(const char *path, const struct entry *entry, uint64_t number)
{
	for (int i = UID; i <= GID; i++)
		if (entry->fields[i][strspn(entry->fields[i], "0123456789")] != '\0') {
			warnx("%s: line %llu: the %s is not a number (a clear-text password with a colon in it? "
			    "--import reads those)", path, (unsigned long long)number, i == UID ? "uid" : "gid");
			return false;
		}
	return true;
}

/* All lines as they are, with the user's own one changed, or added. */
static const char *
make_changed(const struct file *old, const struct options *options, const char *stored, struct text *new, int *status)
{
	struct entry entry = ENTRY_EMPTY;
	uint64_t number;
	const char *at = entry_find(old, options->user, NULL, &entry, &number), *next, *line_end = "\n";

	*status = FAILED;
	if (at == NULL) {
		entry = ENTRY_EMPTY;
		if (old->length == 0)
			entry_add_secret(new);
		entry_add_file(new, old);
		next = old->bytes + old->length;
	} else {
		if (!passwd_entry(old, at, &entry)) {
			warnx("%s: line %llu: longer than 4095 bytes", options->file, (unsigned long long)number);
			return NULL;
		}
		if (!fields_fit(options->file, &entry, number))
			return NULL;
		next = passwd_next(old, at);
		if (next - at >= 2 && next[-2] == '\r' && next[-1] == '\n')
			line_end = "\r\n";
		text_add_bytes(new, old->bytes, (size_t)(at - old->bytes));
	}
	entry_set(&entry, USER, options->user);
	entry_set(&entry, PASSWORD, stored);
	entry_set(&entry, UID, options->uid);
	entry_set(&entry, GID, options->gid);
	entry_set(&entry, HOME, options->home);
	entry_add(new, &entry, line_end);
	text_add_bytes(new, next, (size_t)(old->bytes + old->length - next));
	return at == NULL ? "created" : "changed";
}

static int
change(const struct options *options)
{
	char password[SECRET_SIZE], stored[PWHASH_STORED_SIZE];
	/* The typing and the hashing come first: nobody is to wait for them. */
	int status = secret_ask_new(options->user, options->from_stdin, password);

	if (status == DONE && !pwhash_make(options->scheme, password, stored, sizeof stored)) {
		warnx("%s cannot hold this password (BLF-CRYPT takes 72 bytes at most)", options->scheme);
		status = WRONG_USE;
	}
	explicit_bzero(password, sizeof password);
	if (status == DONE)
		status = edit(options, stored, make_changed);
	explicit_bzero(stored, sizeof stored);
	return status;
}

/* All lines but the user's, or but the one with the label. */
static const char *
make_shorter(const struct file *old, const struct options *options, const char *stored, struct text *new, int *status)
{
	char copy[sizeof ((struct entry *)NULL)->line];
	const char *from = old->bytes, *at = from;
	struct entry entry;
	uint64_t number = 1;

	(void)stored;
	for (; (at = entry_next(old, at, options->user, &number)) != NULL; at = passwd_next(old, at)) {
		const char *label = passwd_entry(old, at, &entry)
		    ? passwd_extra(&entry, "label", copy, sizeof copy) : NULL;

		if (options->label != NULL && (label == NULL || strcmp(label, options->label) != 0))
			continue;
		text_add_bytes(new, from, (size_t)(at - from));
		from = passwd_next(old, at);
	}
	text_add_bytes(new, from, (size_t)(old->bytes + old->length - from));
	if (new->used < old->length)
		return options->label == NULL ? "deleted" : "no longer has the password with label ";
	*status = NO;
	warnx("%s: no user %s%s%s", options->file, options->user, options->label == NULL ? "" : " with label ",
	    options->label == NULL ? "" : options->label);
	return NULL;
}

/* All lines, and one for the application's password: name and extra fields alone, the rest is the user's own. */
static const char *
make_longer(const struct file *old, const struct options *options, const char *stored, struct text *new, int *status)
{
	struct entry entry = ENTRY_EMPTY, other;
	char array[2048], today[16];
	time_t now = time(NULL);
	uint64_t number = 1;
	struct text extra;

	if (entry_next(old, old->bytes, options->user, &number) == NULL) {
		warnx("%s: no user %s", options->file, options->user);
		*status = NO;
		return NULL;
	}
	if (entry_find(old, options->user, options->label, &other, &number) != NULL) {
		warnx("%s: user %s has a password with label %s; --revoke it first", options->file, options->user,
		    options->label);
		*status = NO;
		return NULL;
	}
	strftime(today, sizeof today, "%Y-%m-%d", gmtime(&now));
	text_start(&extra, array, sizeof array);
	text_add(&extra, "label=");
	text_add(&extra, options->label);
	text_add(&extra, " created=");
	text_add(&extra, today);
	text_add(&extra, options->expires == NULL ? "" : " expires=");
	text_add(&extra, options->expires == NULL ? "" : options->expires);
	text_add(&extra, options->allow_nets == NULL ? "" : " allow_nets=");
	text_add(&extra, options->allow_nets == NULL ? "" : options->allow_nets);
	entry_set(&entry, USER, options->user);
	entry_set(&entry, PASSWORD, stored);
	entry_set(&entry, EXTRA, array);
	entry_add_file(new, old);
	entry_add(new, &entry, "\n");
	return "has a new password, shown below this once, with label ";
}

/* Nothing can be guessed of it, so that nothing slow is needed. */
static int
add_app_password(const struct options *options)
{
	char shown[PWHASH_APP_SIZE], stored[PWHASH_STORED_SIZE];
	int status = pwhash_app_make(shown, stored, sizeof stored) ? edit(options, stored, make_longer) : FAILED;

	if (status == DONE)
		puts(shown);
	explicit_bzero(shown, sizeof shown);
	return status;
}

/*
 * Looking.
 */
static const char *
scheme_of(const char *stored, bool two_fields, char *name, size_t size)
{
	if (stored[0] == '\0' || stored[0] == '*' || stored[0] == '!')
		return "locked";
	if (stored[0] != '{')
		return pwhash_is_cleartext(stored, two_fields) ? "cleartext" : "CRYPT";
	strlcpy(name, stored + 1, size);
	name[strcspn(name, "}")] = '\0';
	return name;
}

static int
list(const struct options *options)
{
	static const enum field shown[] = { UID, GID, HOME };
	static const char *const words[] = { "label", "created", "expires" };
	char name[64], copy[sizeof ((struct entry *)NULL)->line];
	struct file file;
	struct entry entry;
	struct inspect inspect;

	if (!entry_open(options->file, &file) || !is_sound(options->file, &file))
		return FAILED;
	for (const char *at = file.bytes; at < file.bytes + file.length; at = passwd_next(&file, at)) {
		if (!passwd_is_entry(&file, at))
			continue;
		if (!passwd_entry(&file, at, &entry)) {
			puts("?\tunusable\t\t\t");
			continue;
		}
		entry_show(entry.fields[USER]);
		putchar('\t');
		entry_show(scheme_of(entry.fields[PASSWORD], entry.count == 2, name, sizeof name));
		for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
			putchar('\t');
			entry_show(entry.fields[shown[i]]);
		}
		for (size_t i = 0; i < 3 && passwd_extra(&entry, "label", copy, sizeof copy) != NULL; i++) {
			const char *value = passwd_extra(&entry, words[i], copy, sizeof copy);

			putchar('\t');
			entry_show(value == NULL ? "" : value);
		}
		putchar('\n');
	}
	explicit_bzero(&entry, sizeof entry);
	(void)entry_inspect(options->file, &file, ENTRY_WARNINGS, &inspect);
	if (fflush(stdout) == EOF)
		err(FAILED, "standard output");
	return DONE;
}

/* Does it fit one of the user's lines? If not, what the user's own says. */
static enum pwhash_answer
verify_all(const struct file *file, const char *user, const char *password)
{
	char copy[sizeof ((struct entry *)NULL)->line];
	enum pwhash_answer answer = PWHASH_NO, now = PWHASH_NO;
	struct entry entry;
	uint64_t number = 1;

	for (const char *at = file->bytes; now != PWHASH_YES && (at = entry_next(file, at, user, &number)) != NULL;
	    at = passwd_next(file, at)) {
		bool own, fine = passwd_entry(file, at, &entry);

		own = !fine || passwd_extra(&entry, "label", copy, sizeof copy) == NULL;
		now = !fine ? PWHASH_UNUSABLE :
		    (own ? pwhash_verify : pwhash_app_verify)(entry.fields[PASSWORD], entry.count == 2, password);
		if (own)
			answer = now;
	}
	explicit_bzero(&entry, sizeof entry);
	return now == PWHASH_YES ? PWHASH_YES : answer;
}

static int
verify_user(const struct options *options)
{
	static const struct {
		const char *says;
		int status;
	} answers[] = {
		[PWHASH_YES] = { "the password fits", DONE },
		[PWHASH_NO] = { "the password does not fit", NO },
		[PWHASH_LOCKED] = { "locked, no password fits", NO },
		[PWHASH_UNUSABLE] = { "unknown scheme or malformed value, no password can be checked", FAILED },
	};
	char password[SECRET_SIZE];
	enum pwhash_answer answer;
	struct inspect inspect;
	struct file file;
	uint64_t number = 1;

	if (!entry_open(options->file, &file) || !is_sound(options->file, &file))
		return FAILED;
	(void)entry_inspect(options->file, &file, ENTRY_WARNINGS, &inspect);
	if (entry_next(&file, file.bytes, options->user, &number) == NULL) {
		warnx("%s: no user %s", options->file, options->user);
		return NO;
	}
	if (!secret_ask("Password of", options->user, options->from_stdin, password))
		return FAILED;
	answer = verify_all(&file, options->user, password);
	explicit_bzero(password, sizeof password);
	printf("%s: user %s: %s\n", options->file, options->user, answers[answer].says);
	return answers[answer].status;
}

static int
check_file(const struct options *options)
{
	struct inspect inspect;
	struct file file;
	bool fine;

	if (!entry_open(options->file, &file))
		return FAILED;
	fine = entry_inspect(options->file, &file, ENTRY_ALL, &inspect);
	printf("%s: entries %llu, wrong %llu\n", options->file, (unsigned long long)inspect.entries,
	    (unsigned long long)inspect.wrong);
	return fine ? DONE : FAILED;
}

static int
make_index(const struct options *options)
{
	struct replace replace;
	bool fine = replace_start(&replace, options->file, false);

	if (fine && replace.file.length < PASSWD_INDEXED)
		printf("%s: smaller than 1 MiB, needs no index\n", options->file);
	else if (fine)
		fine = replace_index(&replace);
	replace_end(&replace);
	return fine ? DONE : FAILED;
}

/*
 * The command line.
 */
static const char usage_text[] =
"usage: ofmipd-passwd [-f FILE] [--scheme NAME] [--uid N --gid N] [--home DIR]\n"
"                     [--stdin] USER\n"
"       ofmipd-passwd [-f FILE] --delete USER\n"
"       ofmipd-passwd [-f FILE] --verify [--stdin] USER\n"
"       ofmipd-passwd [-f FILE] --app LABEL [--expires DATE]\n"
"                     [--allow-nets NETS] USER\n"
"       ofmipd-passwd [-f FILE] --revoke LABEL USER\n"
"       ofmipd-passwd [-f FILE] --list | --check | --index\n"
"       ofmipd-passwd [-f FILE] [--scheme NAME] --import OLDFILE\n";

static void
print_help(void)
{
	const char *const *scheme;

	printf("%s\n"
"Creates the user, or gives the user a new password, in the password file of\n"
"ofmipd-session.\n"
"\n"
"  -f, --file FILE      the password file (default: " PASSWORD_FILE ")\n"
"      --scheme NAME    how to store the password:", usage_text);
	for (scheme = pwhash_schemes; *scheme != NULL; scheme++)
		printf("%s %s", scheme == pwhash_schemes + 2 || scheme == pwhash_schemes + 6 ?
		    "\n                      " : "", *scheme);
	printf("\n                       (default: %s)\n"
"      --uid N          the user's numeric user id; below %d it needs --min-uid\n"
"      --gid N          the user's numeric group id\n"
"      --home DIR       the user's home directory\n"
"      --stdin          take the password from one line of standard input\n"
"      --delete         delete the user\n"
"      --app LABEL      make one more password, for one program or device\n"
"      --expires DATE   it is good until the end of that day, YYYY-MM-DD, in UTC\n"
"      --allow-nets NETS\n"
"                       it is good from these networks only\n"
"      --revoke LABEL   take the password with this label away\n"
"      --verify         ask for the password and say whether it fits\n"
"      --list           list name, scheme, uid, gid and home of every user\n"
"      --check          say what is wrong with the file, line by line\n"
"      --index          write the index of a file of 1 MiB or more\n"
"      --import OLDFILE hash the clear-text passwords of a tmda-ofmipd file\n"
"  -h, --help           show this\n"
"  -V, --version        show the version\n"
"\n"
"Exit status: 0 done; 1 the password does not fit, the two typed ones differ, or\n"
"there is no such user; 100 wrong use; 111 the file could not be read or written,\n"
"or something is wrong with it.\n",
	    pwhash_schemes[0], LEAST_UID);
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
id_argument(const char *option, const char *value)
{
	uint64_t number;

	/* (uid_t)-1 means "no change" to chown(2) and setresuid(2), and 0 is root. */
	if (!text_number(value, UINT32_MAX - 1, &number))
		wrong_use("--%s %s: not a number from 1 to 4294967294", option, value);
	if (number == 0)
		wrong_use("--%s 0: ofmipd-session never becomes root", option);
	return value;
}

static const char *
home_argument(const char *value)
{
	if (value[0] != '/')
		wrong_use("--home %s: not an absolute path", value);
	if (strlen(value) > 1000)	/* a session reads no line longer than 4095 bytes */
		wrong_use("--home: longer than 1000 bytes");
	for (const char *c = value; *c != '\0'; c++)
		if (*c == ':' || (unsigned char)*c < ' ' || *c == 0x7f)
			wrong_use("--home: a colon or a control character does not fit in the file");
	return value;
}

static const char *
label_argument(const char *value)
{
	if (value[0] == '\0' || strlen(value) > LABEL_MAX || strpbrk(value, " :") != NULL ||
	    !text_utf8(value, strlen(value)))
		wrong_use("a label has 1 to %d bytes, no blank and no colon", LABEL_MAX);
	return value;
}

static const char *
expires_argument(const char *value)
{
	int64_t end;

	if (!passwd_date(value, &end))
		wrong_use("--expires %s: not a day such as 2030-12-31", value);
	return value;
}

static const char *
nets_argument(const char *value)
{
	if (!network_list(value) || strlen(value) > 1000)
		wrong_use("--allow-nets %s: not networks such as 192.0.2.0/24,2001:db8::/32", value);
	return value;
}

static const char *
scheme_argument(const char *value)
{
	for (const char *const *scheme = pwhash_schemes; *scheme != NULL; scheme++)
		if (strcasecmp(*scheme, value) == 0)
			return *scheme;
	wrong_use("--scheme %s: not one of those that --help names", value);
}

static void
set_action(struct options *options, enum action action, const char *argument)
{
	if (options->action != CHANGE && options->action != action)
		wrong_use("--delete, --app, --revoke, --list, --verify, --check, --index and --import "
		    "exclude each other");
	options->action = action;
	if (action == IMPORT)
		options->source = argument;
	else if (argument != NULL)
		options->label = label_argument(argument);
}

static void
set_user(struct options *options, const char *name)
{
	const char *fault = entry_name_fault(name, strlen(name));

	if (fault != NULL)
		wrong_use("the user's name %s", fault);
	strlcpy(options->user, name, sizeof options->user);
	text_lower(options->user);
	if (strcmp(options->user, name) != 0)
		warnx("the name is written in lower case: %s", options->user);
}

static void
check_together(const struct options *options)
{
	bool fields = options->uid != NULL || options->gid != NULL || options->home != NULL;

	if ((options->uid == NULL) != (options->gid == NULL))
		wrong_use("--uid and --gid go together");
	if (fields && options->action != CHANGE)
		wrong_use("--uid, --gid and --home are for creating and changing a user");
	if (options->from_stdin && options->action != CHANGE && options->action != VERIFY)
		wrong_use("--stdin: no password is asked for here");
	if (options->scheme != NULL && options->action != CHANGE && options->action != IMPORT)
		wrong_use("--scheme: no password is stored here");
	if ((options->expires != NULL || options->allow_nets != NULL) && options->action != APP)
		wrong_use("--expires and --allow-nets are for --app");
	if (options->uid != NULL && strtoull(options->uid, NULL, 10) < LEAST_UID)
		warnx("warning: uid %s is below %d: ofmipd-session refuses it without --min-uid", options->uid,
		    LEAST_UID);
}

static void
parse(int argc, char **argv, struct options *options)
{
	enum { OPTION_SCHEME = 256, OPTION_UID, OPTION_GID, OPTION_HOME, OPTION_EXPIRES, OPTION_NETS,
	    OPTION_STDIN, OPTION_ACTION };
	static const struct option known[] = {
		{ "file", required_argument, NULL, 'f' },
		{ "scheme", required_argument, NULL, OPTION_SCHEME },
		{ "uid", required_argument, NULL, OPTION_UID },
		{ "gid", required_argument, NULL, OPTION_GID },
		{ "home", required_argument, NULL, OPTION_HOME },
		{ "expires", required_argument, NULL, OPTION_EXPIRES },
		{ "allow-nets", required_argument, NULL, OPTION_NETS },
		{ "stdin", no_argument, NULL, OPTION_STDIN },
		{ "app", required_argument, NULL, OPTION_ACTION + APP },
		{ "revoke", required_argument, NULL, OPTION_ACTION + REVOKE },
		{ "delete", no_argument, NULL, OPTION_ACTION + DELETE },
		{ "list", no_argument, NULL, OPTION_ACTION + LIST },
		{ "verify", no_argument, NULL, OPTION_ACTION + VERIFY },
		{ "import", required_argument, NULL, OPTION_ACTION + IMPORT },
		{ "check", no_argument, NULL, OPTION_ACTION + CHECK },
		{ "index", no_argument, NULL, OPTION_ACTION + INDEX },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options = (struct options){ .action = CHANGE, .file = PASSWORD_FILE };
	while ((option = getopt_long(argc, argv, "f:hV", known, NULL)) != -1) {
		switch (option) {
		case 'f': options->file = optarg; break;
		case OPTION_SCHEME: options->scheme = scheme_argument(optarg); break;
		case OPTION_UID: options->uid = id_argument("uid", optarg); break;
		case OPTION_GID: options->gid = id_argument("gid", optarg); break;
		case OPTION_HOME: options->home = home_argument(optarg); break;
		case OPTION_EXPIRES: options->expires = expires_argument(optarg); break;
		case OPTION_NETS: options->allow_nets = nets_argument(optarg); break;
		case OPTION_STDIN: options->from_stdin = true; break;
		case 'h': print_help(); exit(DONE);
		case 'V': puts("ofmipd-passwd " VERSION); exit(DONE);
		case '?': fputs(usage_text, stderr); exit(WRONG_USE);
		default: set_action(options, (enum action)(option - OPTION_ACTION), optarg);
		}
	}
	check_together(options);
	if (options->action <= REVOKE || options->action == VERIFY) {
		if (argc != optind + 1)
			wrong_use("one user's name is needed");
		set_user(options, argv[optind]);
	} else if (argc > optind) {
		wrong_use("%s: too many arguments", argv[optind]);
	}
	if (options->scheme == NULL)
		options->scheme = pwhash_schemes[0];
}

int
main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	struct options options;

	if (argc < 1)
		return WRONG_USE;
	/* No core file may hold a password; a full disk or quota is an error, not a signal. */
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	parse(argc, argv, &options);
	switch (options.action) {
	case CHANGE: return change(&options);
	case DELETE: case REVOKE: return edit(&options, NULL, make_shorter);
	case APP: return add_app_password(&options);
	case LIST: return list(&options);
	case VERIFY: return verify_user(&options);
	case IMPORT: return import_file(options.file, options.source, options.scheme);
	case CHECK: return check_file(&options);
	case INDEX: return make_index(&options);
	}
	return WRONG_USE;
}
