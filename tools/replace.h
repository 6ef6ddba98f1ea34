/* Replaces a password file: one writer at a time, and readers meet the old file or the new one, whole. */
#ifndef REPLACE_H
#define REPLACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "auth/passwd.h"

struct replace {
	const char *path;	/* as it was given: for messages */
	struct file file;	/* what it holds now */
	/* For tools/replace.c alone: */
	int directory, descriptor;
	char *resolved;
	const char *name;
	bool created;
	sigset_t signals;
};

/*
 * Finds the file behind all symbolic links, locks it with flock(2), waiting up to 30 seconds, and maps it. Where it is
 * not there and `create`, it is made, empty. From here to replace_end() no signal is taken. False: said on
 * the standard error; replace_end() is still to be called.
 */
bool replace_start(struct replace *replace, const char *path, bool create);

/*
 * The file now holds these bytes, on the disk, with its owner, group and mode; a large one gets its index. False: said;
 * the old file stands.
 */
bool replace_with(struct replace *replace, const char *bytes, size_t length);

/* Unlocks. A file that was made and not replaced is taken away. */
void replace_end(struct replace *replace);

/* Writes the index of a large file (auth/passwd.h). False: said. */
bool replace_index(struct replace *replace);

#endif
