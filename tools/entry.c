/* Users' lines in a password file as ofmipd-passwd looks at them and writes them. */
#include <bsd/stdlib.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/entry.h"

#define SECRET_BYTES 32

bool
entry_has_label(const struct entry *entry, const char *label)
{
	char copy[sizeof entry->line];
	const char *found = passwd_extra(entry, "label", copy, sizeof copy);

	return label == NULL ? found == NULL : found != NULL && strcmp(found, label) == 0;
}

void
entry_set(struct entry *entry, enum field field, const char *value)
{
	if (entry->count <= (int)field)
		entry->count = (int)field + 1;
	entry->fields[field] = value;
}

struct listener {
	const char *path;
	enum entry_say what;
	bool sound, right;
};

static void
hear_finding(void *context, enum inspect_kind kind, const char *text)
{
	struct listener *listener = context;

	listener->sound &= kind != INSPECT_UNSOUND;
	listener->right &= kind != INSPECT_UNSOUND && kind != INSPECT_WRONG;
	if (listener->what == ENTRY_ALL || kind == INSPECT_UNSOUND)
		warnx("%s: %s", listener->path, text);
	else if (listener->what == ENTRY_WARNINGS && kind == INSPECT_UNFOUND)
		warnx("%s: warning: %s", listener->path, text);
}

bool
entry_put(FILE *to, const char *path, struct entry *entry, const char *line_end)
{
	struct listener listener = { .path = path, .what = ENTRY_ALL, .right = true };
	char array[sizeof entry->line];
	struct text line;

	text_start(&line, array, sizeof array);
	for (int i = 0; i < entry->count; i++) {
		text_add(&line, i > 0 ? ":" : "");
		text_add(&line, entry->fields[i]);
	}
	text_add(&line, line_end);
	if (line.cut)
		warnx("%s: the line would be longer than 4095 bytes", path);
	else
		inspect_entry(entry, hear_finding, &listener);
	fputs(array, to);
	explicit_bzero(array, sizeof array);
	return !line.cut && listener.right;
}

void
entry_put_secret(FILE *to, const struct file *old)
{
	unsigned char bytes[PASSWD_SECRET_MAX];
	char encoded[2 * SECRET_BYTES];
	struct text text;

	if (passwd_secret(old, bytes) == 0) {
		arc4random_buf(bytes, SECRET_BYTES);
		text_start(&text, encoded, sizeof encoded);
		text_add_base64(&text, bytes, SECRET_BYTES);
		fprintf(to, PASSWD_SECRET ":%s\n", encoded);
		explicit_bzero(encoded, sizeof encoded);
	}
	explicit_bzero(bytes, sizeof bytes);
}

bool
entry_inspect(const char *path, const struct file *file, enum entry_say what)
{
	struct listener listener = { .path = path, .what = what, .sound = true, .right = true };
	mode_t mode = file->status.st_mode;
	struct inspect inspect;

	if (!inspect_file(file, hear_finding, &listener, &inspect))
		err(111, "memory");
	if (what != ENTRY_UNSOUND && (mode & S_IWOTH) != 0) {
		warnx("%s: warning: others can write it: chmod o-w %s", path, path);
		listener.right = false;
	}
	if (what != ENTRY_UNSOUND && inspect.cleartext > 0 && (mode & (S_IRGRP | S_IROTH)) != 0) {
		warnx("%s: warning: line %llu holds a password in clear text, and group or others can read it: "
		    "chmod 600 %s", path, (unsigned long long)inspect.cleartext, path);
		listener.right = false;
	}
	if (what == ENTRY_ALL)
		printf("%s: entries %llu, wrong %llu\n", path, (unsigned long long)inspect.entries,
		    (unsigned long long)inspect.wrong);
	return what == ENTRY_ALL ? listener.right : listener.sound;
}

bool
entry_open(const char *path, struct file *file, enum entry_say what)
{
	errno = 0;
	if (passwd_open(file, path))
		return entry_inspect(path, file, what);
	warnx("%s: %s", path, errno == 0 ? "not a regular file" : strerror(errno));
	return false;
}
