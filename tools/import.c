/* Reads the clear-text file of tmda-ofmipd into a password file. */
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/pwhash.h"
#include "tools/entry.h"
#include "tools/import.h"
#include "tools/replace.h"

/* Its lines are "name:password", blanks around either do not count, and whatever stands behind the first ':' is the
 * password. What already has a {SCHEME}, or is a crypt(3) hash, is kept as it stands; so is a locked entry. */
struct import {
	const char *path, *scheme;
	const struct file *from;
	struct text *to;
	struct text locked;		/* the numbers of lines that are locked, with blanks in front */
	char numbers[1000];
	size_t total, hashed, kept, line;
};

static bool
refuse_line(const struct import *import, const char *why)
{
	warnx("%s: line %zu: %s", import->path, import->line, why);
	return false;
}

/* The entry as it stands, its name in lower case. */
static bool
keep(struct import *import, const char *user, const char *rest, size_t length)
{
	text_add(import->to, user);
	text_add_byte(import->to, ':');
	text_add_bytes(import->to, rest, length);
	text_add_byte(import->to, '\n');
	import->kept++;
	return true;
}

static bool
keep_hash(struct import *import, const char *user, const char *rest, size_t length)
{
	const char *colon = memchr(rest, ':', length);
	size_t value = colon != NULL ? (size_t)(colon - rest) : length;
	char stored[PWHASH_STORED_SIZE];

	if (value >= sizeof stored)
		return refuse_line(import, "begins with { or $ and is too long");
	memcpy(stored, rest, value);
	stored[value] = '\0';
	if (pwhash_fault(stored, colon == NULL) != NULL) {
		explicit_bzero(stored, sizeof stored);
		return refuse_line(import, "begins with { or $ and is not a hash of a known scheme; if it is the "
		    "password itself, take the line out and give it to ofmipd-passwd");
	}
	explicit_bzero(stored, sizeof stored);
	return keep(import, user, rest, length);
}

static bool
hash(struct import *import, const char *user, const char *rest, size_t length)
{
	char password[PWHASH_PASSWORD_MAX + 1], stored[PWHASH_STORED_SIZE];
	bool made;

	if (length > PWHASH_PASSWORD_MAX)
		return refuse_line(import, "the password is longer than 511 bytes");
	memcpy(password, rest, length);
	password[length] = '\0';
	made = pwhash_make(import->scheme, password, stored, sizeof stored);
	explicit_bzero(password, sizeof password);
	if (!made)
		return refuse_line(import, "the scheme cannot hold this password");
	text_add(import->to, user);
	text_add_byte(import->to, ':');
	text_add(import->to, stored);
	text_add_byte(import->to, '\n');
	explicit_bzero(stored, sizeof stored);
	import->hashed++;
	return true;
}

static bool
import_line(struct import *import, const char *at, size_t length)
{
	char user[USER_MAX + 1];
	const char *colon = memchr(at, ':', length), *rest, *fault;
	size_t left;

	if (colon == NULL)
		return refuse_line(import, "no colon: neither entry nor comment");
	rest = colon + 1;
	left = length - (size_t)(rest - at);
	length = (size_t)(colon - at);
	entry_trim(&at, &length);
	entry_trim(&rest, &left);
	fault = entry_name_fault(at, length);
	if (fault != NULL) {
		warnx("%s: line %zu: the name %s", import->path, import->line, fault);
		return false;
	}
	memcpy(user, at, length);
	user[length] = '\0';
	text_lower(user);
	if (left == 0 || rest[0] == '*' || rest[0] == '!') {
		text_add(&import->locked, ", line ");
		text_add_number(&import->locked, import->line);
		text_add(&import->locked, ": ");
		text_add(&import->locked, user);
		return keep(import, user, rest, left);
	}
	if (rest[0] == '{' || rest[0] == '$')
		return keep_hash(import, user, rest, left);
	return hash(import, user, rest, left);
}

/* A hash takes its time by design; somebody may be watching. */
static void
show_progress(const struct import *import, bool last)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu of %zu users%s", import->hashed + import->kept, import->total, last ? "\n" : "");
}

/* The line at `at` without its end and the blanks around it; `next` is the one behind it. */
static const char *
line_at(const struct file *file, const char *at, size_t *length, const char **next)
{
	*next = passwd_next(file, at);
	*length = (size_t)(*next - at);
	if (*length > 0 && at[*length - 1] == '\n')
		--*length;
	if (*length > 0 && at[*length - 1] == '\r')
		--*length;
	return at;
}

static bool
is_comment(const char *at, size_t length)
{
	entry_trim(&at, &length);
	return length == 0 || at[0] == '#';
}

static bool
is_secret(const char *at, size_t length)
{
	return length > strlen(PASSWD_SECRET) && memcmp(at, PASSWD_SECRET ":", strlen(PASSWD_SECRET ":")) == 0;
}

/* Adds the converted lines to import->to. All faults are named before giving up. */
static bool
convert(struct import *import, bool in_place)
{
	const struct file *from = import->from;
	const char *end = from->bytes + from->length, *next;
	bool fine = true, marked = false;
	size_t length, lines = 0;

	for (const char *at = from->bytes; at < end; at = next, lines++) {
		line_at(from, at, &length, &next);
		import->total += !is_comment(at, length);
		marked = marked || is_secret(at, length);
	}
	entry_start(import->to, from->length + (lines + 1) * (USER_MAX + PWHASH_STORED_SIZE));
	text_start(&import->locked, import->numbers, sizeof import->numbers);
	if (in_place && !marked)
		entry_add_secret(import->to);
	for (const char *at = from->bytes; at < end; at = next) {
		line_at(from, at, &length, &next);
		import->line++;
		if (!is_comment(at, length)) {
			fine = import_line(import, at, length) && fine;
			show_progress(import, false);
		} else if (in_place || !is_secret(at, length)) {	/* another file's would be this one's second */
			text_add_bytes(import->to, at, length);
			text_add_byte(import->to, '\n');
		}
	}
	show_progress(import, true);
	return fine;
}

/* The converted lines, behind the old entries unless they come from there. */
static bool
write_converted(struct replace *replace, const struct import *import, bool in_place)
{
	const struct file *old = &replace->file;
	struct file all = { .status = old->status };
	struct passwd_index now, then;
	struct inspect inspect;
	char label[PATH_MAX + 64];
	struct text new;
	bool fine;

	passwd_index_start(&now, &old->status);
	passwd_index_start(&then, &import->from->status);
	if (in_place && memcmp(&now, &then, sizeof now) != 0) {
		warnx("%s: changed by another program meanwhile", replace->path);
		return false;
	}
	entry_start(&new, old->length + import->to->used + 100);
	if (!in_place && old->length == 0)
		entry_add_secret(&new);
	if (!in_place)
		entry_add_file(&new, old);
	text_add_bytes(&new, import->to->bytes, import->to->used);
	all.bytes = new.bytes;
	all.length = new.used;
	snprintf(label, sizeof label, "%s with the new entries behind the old", replace->path);
	fine = entry_inspect(label, &all, ENTRY_UNSOUND, &inspect) && replace_with(replace, new.bytes, new.used);
	if (fine)
		(void)entry_inspect(replace->path, &all, ENTRY_WARNINGS, &inspect);
	entry_free(&new);
	return fine;
}

int
import_file(const char *path, const char *source, const char *scheme)
{
	struct text to = { .bytes = NULL };
	struct file from;
	struct import import = { .path = source, .scheme = scheme, .from = &from, .to = &to };
	struct inspect inspect;
	struct replace replace;
	struct stat x, y;
	bool in_place = stat(path, &x) == 0 && stat(source, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
	/* Hashing takes its time: it is done before anybody else is locked out. */
	bool fine = entry_open(source, &from) && entry_inspect(source, &from, ENTRY_UNSOUND, &inspect) &&
	    convert(&import, in_place);

	if (fine) {
		fine = replace_start(&replace, path, !in_place) && write_converted(&replace, &import, in_place);
		replace_end(&replace);
	}
	if (to.bytes != NULL)
		entry_free(&to);
	if (!fine) {
		warnx("%s: nothing imported", path);
		return 111;
	}
	if (import.locked.used > 0)
		warnx("%s%s%s: kept, and locked: the password is empty or begins with * or !", source, import.numbers,
		    import.locked.cut ? " and more" : "");
	printf("%s: %zu passwords hashed, %zu entries kept as they were\n", path, import.hashed, import.kept);
	if (!in_place)
		printf("%s still holds the clear text: delete it when all is well\n", source);
	return 0;
}
