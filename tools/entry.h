/* Users' lines in a password file as ofmipd-passwd changes them. */
#ifndef ENTRY_H
#define ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/inspect.h"
#include "auth/passwd.h"
#include "base/text.h"

/* Maps a file to look at it: rename() replaces it, so an open one never changes. False: said. */
bool entry_open(const char *path, struct file *file);

/* What is wrong with a user's name, to go behind "the user's name "; NULL: nothing. */
const char *entry_name_fault(const char *name, size_t length);

/* Takes the blanks around the bytes away. */
void entry_trim(const char **start, size_t *length);

/*
 * The next line of the user at `at` or behind it, blanks around its name and case do not count; NULL: there is none.
 * `number`, from 1, is the number of the line `at`, and then that of the line found.
 */
const char *entry_next(const struct file *file, const char *at, const char *user, uint64_t *number);

/* The user's line with this label, NULL for the one without; cut into *entry. NULL: there is none. */
const char *entry_find(const struct file *file, const char *user, const char *label, struct entry *entry,
    uint64_t *number);

#define ENTRY_EMPTY (struct entry){ .fields = { "", "", "", "", "", "", "", "" } }

/* Sets a field, and empty ones before it where they are missing; nothing for a NULL. */
void entry_set(struct entry *entry, enum field field, const char *value);

/* Adds the line, ended by `line_end`. */
void entry_add(struct text *to, const struct entry *entry, const char *line_end);

/* A text with room for `size` bytes, wiped by entry_free(). Ends the program when there is no memory. */
void entry_start(struct text *text, size_t size);
void entry_free(struct text *text);

/* Adds the whole file, and a line feed where the last line has none. */
void entry_add_file(struct text *to, const struct file *file);

/* Adds a line "#secret:" of random bytes. */
void entry_add_secret(struct text *to);

/* Adds bytes as they may be shown on a terminal. */
void entry_show(const char *bytes);

/* Which of what is wrong with a file is to be said: what makes it unusable; what sessions will not find. */
enum entry_say { ENTRY_UNSOUND, ENTRY_WARNINGS, ENTRY_ALL };

/* Says what is wrong with the file. False: it must not be used, or for ENTRY_ALL, something is wrong. */
bool entry_inspect(const char *path, const struct file *file, enum entry_say what, struct inspect *inspect);

#endif
