/* Reads the clear-text file of tmda-ofmipd into a password file. */
#include <bsd/string.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "auth/pwhash.h"
#include "tools/entry.h"
#include "tools/import.h"

#define BLANKS " \t\r\f\v"

static char *
trim(char *string)
{
	char *end;

	string += strspn(string, BLANKS);
	for (end = string + strlen(string); end > string && strchr(BLANKS, end[-1]) != NULL; end--)
		;
	*end = '\0';
	return string;
}

/*
 * A line is "name:password", blanks around either do not count, and whatever follows the first ':' is the
 * password. What already has a {SCHEME}, or is a crypt(3) hash, is kept as it stands, with the fields after it; so is
 * a locked entry. NULL, or what is wrong with the line.
 */
static const char *
convert_line(struct import *import, char *line)
{
	char *user = trim(strsep(&line, ":")), *rest, stored[PWHASH_STORED_SIZE];
	const char *fault;

	if (line == NULL)
		return "no colon: neither entry nor comment";
	rest = trim(line);
	text_lower(user);
	fault = inspect_name(user);
	if (fault != NULL)
		return fault;
	if (strchr("*!", rest[0]) != NULL) {		/* or empty */
		warnx("%s: line %zu: user %s is locked: the password is empty or begins with * or !", import->path,
		    import->line, user);
	} else if (rest[0] == '{' || rest[0] == '$') {
		size_t length = strcspn(rest, ":");

		strlcpy(stored, rest, length < sizeof stored ? length + 1 : sizeof stored);
		if (pwhash_fault(stored, rest[length] == '\0') != NULL)
			return "begins with { or $ and is not a hash of a known scheme; if it is the password itself, "
			    "take the line out and give it to ofmipd-passwd";
	} else {
		if (!pwhash_make(import->scheme, rest, stored, sizeof stored))
			return "the password is longer than 511 bytes, or than the scheme can hold, or memory is short";
		rest = stored;
		import->hashed++;
	}
	import->kept += rest != stored;
	text_add(&import->lines, user);
	text_add_byte(&import->lines, ':');
	text_add(&import->lines, rest);
	explicit_bzero(stored, sizeof stored);
	return NULL;
}

/* Room for all that can come, at once: nothing is copied on the way and left behind. What is not used is free. */
static void
make_room(struct import *import)
{
	const struct file *from = &import->from;
	size_t lines = 1, size;
	char *array;

	for (const char *at = from->bytes; at < from->bytes + from->length; at = passwd_next(from, at))
		lines++;
	size = from->length + lines * (PWHASH_STORED_SIZE + 2);
	array = malloc(size);
	if (array == NULL)
		err(111, "memory");
	text_start(&import->lines, array, size);
}

void
import_forget(struct import *import)
{
	if (import->lines.bytes != NULL)
		explicit_bzero(import->lines.bytes, import->lines.used);
	free(import->lines.bytes);
}

bool
import_convert(struct import *import)
{
	const struct file *from = &import->from;
	char line[sizeof ((struct entry *)NULL)->line];
	const char *end = from->bytes + from->length, *next, *fault;
	bool fine = true;

	make_room(import);
	for (const char *at = from->bytes; at < end; at = next) {
		size_t length = (size_t)((next = passwd_next(from, at)) - at);

		import->line++;
		length -= next[-1] == '\n';
		fault = "longer than 4095 bytes";
		if (length < sizeof line) {
			memcpy(line, at, length);
			line[length] = '\0';
			fault = NULL;
			if (line[strspn(line, BLANKS)] == '\0' || line[strspn(line, BLANKS)] == '#')
				text_add(&import->lines, line);
			else
				fault = convert_line(import, line);
			text_add_byte(&import->lines, '\n');
		}
		if (fault != NULL)
			warnx("%s: line %zu: %s", import->path, import->line, fault);
		fine = fine && fault == NULL;
	}
	explicit_bzero(line, sizeof line);
	return fine;
}
