/* Users' lines in a password file as ofmipd-passwd looks at them and writes them. */
#ifndef ENTRY_H
#define ENTRY_H

#include <stdbool.h>
#include <stdio.h>

#include "auth/inspect.h"
#include "auth/passwd.h"

/* How much of what is wrong with a file is to be said: what makes it unusable; and what no session will find; all. */
enum entry_say { ENTRY_UNSOUND, ENTRY_WARNINGS, ENTRY_ALL };

/* Says what is wrong with the file. False: it must not be used, or for ENTRY_ALL, something is wrong. */
bool entry_inspect(const char *path, const struct file *file, enum entry_say what);

/* Maps a file to look at it, and says what is wrong with it: rename() replaces it, so an open one never changes. */
bool entry_open(const char *path, struct file *file, enum entry_say what);

/* Is it the line for the name and the label, NULL for the user's own? */
bool entry_has_label(const struct entry *entry, const char *label);

#define ENTRY_EMPTY (struct entry){ .fields = { "", "", "", "", "", "", "", "" } }

/* Sets a field, and empty ones before it where they are missing. */
void entry_set(struct entry *entry, enum field field, const char *value);

/* Writes the line, ended by `line_end`. False: no session could use it; said. */
bool entry_put(FILE *to, const char *path, struct entry *entry, const char *line_end);

/* Writes a line "#secret:" of random bytes, unless the file has one. */
void entry_put_secret(FILE *to, const struct file *old);

#endif
