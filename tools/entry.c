/* Users' lines in a password file as ofmipd-passwd changes them. */
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/entry.h"

#define SECRET_BYTES 32

bool
entry_open(const char *path, struct file *file)
{
	errno = 0;
	if (passwd_open(file, path))
		return true;
	if (errno == 0)
		warnx("%s: not a regular file", path);
	else
		warn("%s", path);
	return false;
}

const char *
entry_name_fault(const char *name, size_t length)
{
	if (length == 0)
		return "is empty";
	if (length > USER_MAX)
		return "is longer than 255 bytes";
	if (name[0] == '#')
		return "begins with #: its line would be a comment";
	for (size_t i = 0; i < length; i++) {
		if (name[i] == ':')
			return "holds a colon";
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return "holds a control character";
	}
	return text_utf8(name, length) ? NULL : "is not UTF-8";
}

void
entry_trim(const char **start, size_t *length)
{
	for (; *length > 0 && strchr(" \t\r\f\v", **start) != NULL; --*length)
		++*start;
	while (*length > 0 && strchr(" \t\r\f\v", (*start)[*length - 1]) != NULL)
		--*length;
}

const char *
entry_next(const struct file *file, const char *at, const char *user, uint64_t *number)
{
	const char *end = file->bytes + file->length;

	for (; at < end; at = passwd_next(file, at), ++*number) {
		const char *name = at;
		size_t length;

		if (!passwd_is_entry(file, at))
			continue;
		length = (size_t)((const char *)memchr(at, ':', (size_t)(end - at)) - at);
		entry_trim(&name, &length);
		if (text_is(name, length, user))
			return at;
	}
	return NULL;
}

const char *
entry_find(const struct file *file, const char *user, const char *label, struct entry *entry, uint64_t *number)
{
	char copy[sizeof entry->line];
	const char *at = file->bytes;

	for (*number = 1; (at = entry_next(file, at, user, number)) != NULL; at = passwd_next(file, at), ++*number) {
		const char *found = passwd_entry(file, at, entry)
		    ? passwd_extra(entry, "label", copy, sizeof copy) : NULL;

		if (label == NULL ? found == NULL : found != NULL && strcmp(found, label) == 0)
			return at;
	}
	return NULL;
}

void
entry_set(struct entry *entry, enum field field, const char *value)
{
	if (value == NULL)
		return;
	if (entry->count <= (int)field)
		entry->count = (int)field + 1;
	entry->fields[field] = value;
}

void
entry_add(struct text *to, const struct entry *entry, const char *line_end)
{
	for (int i = 0; i < entry->count; i++) {
		text_add(to, i > 0 ? ":" : "");
		text_add(to, entry->fields[i]);
	}
	text_add(to, line_end);
}

void
entry_start(struct text *text, size_t size)
{
	char *array = malloc(size + 1);

	if (array == NULL)
		err(111, "memory");
	text_start(text, array, size + 1);
}

void
entry_free(struct text *text)
{
	explicit_bzero(text->bytes, text->used);
	free(text->bytes);
}

void
entry_add_file(struct text *to, const struct file *file)
{
	text_add_bytes(to, file->bytes, file->length);
	if (file->length > 0 && file->bytes[file->length - 1] != '\n')
		text_add_byte(to, '\n');
}

void
entry_add_secret(struct text *to)
{
	char encoded[BASE64_ENCODE_RAW_LENGTH(SECRET_BYTES)];
	uint8_t bytes[SECRET_BYTES];

	arc4random_buf(bytes, sizeof bytes);
	base64_encode_raw(encoded, sizeof bytes, bytes);
	text_add(to, PASSWD_SECRET ":");
	text_add_bytes(to, encoded, sizeof encoded);
	text_add_byte(to, '\n');
	explicit_bzero(bytes, sizeof bytes);
	explicit_bzero(encoded, sizeof encoded);
}

void
entry_show(const char *bytes)
{
	for (; *bytes != '\0'; bytes++)
		putchar((unsigned char)*bytes < ' ' || *bytes == 0x7f ? '?' : *bytes);
}

struct listener {
	const char *path;
	enum entry_say what;
	bool sound;
};

static void
hear_finding(void *context, enum inspect_kind kind, const char *text)
{
	struct listener *listener = context;

	if (kind == INSPECT_UNSOUND)
		listener->sound = false;
	if (listener->what == ENTRY_ALL || (listener->what == ENTRY_UNSOUND && kind == INSPECT_UNSOUND))
		warnx("%s: %s", listener->path, text);
	else if (listener->what == ENTRY_WARNINGS && kind == INSPECT_UNFOUND)
		warnx("%s: warning: %s", listener->path, text);
}

bool
entry_inspect(const char *path, const struct file *file, enum entry_say what, struct inspect *inspect)
{
	struct listener listener = { .path = path, .what = what, .sound = true };
	bool clear;

	if (!inspect_file(file, hear_finding, &listener, inspect))
		err(111, "memory");
	if (what == ENTRY_UNSOUND)
		return listener.sound;
	if ((file->status.st_mode & S_IWOTH) != 0)
		warnx("%s: warning: others can write it: chmod o-w %s", path, path);
	clear = inspect->cleartext > 0 && (file->status.st_mode & (S_IRGRP | S_IROTH)) != 0;
	if (clear)
		warnx("%s: warning: line %llu holds a password in clear text, and group or others can read it: "
		    "chmod 600 %s", path, (unsigned long long)inspect->cleartext, path);
	return inspect->wrong == 0 && !clear && (file->status.st_mode & S_IWOTH) == 0;
}
