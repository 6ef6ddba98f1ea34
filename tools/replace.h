/* Replaces a password file: one writer at a time, and readers meet the old file or the new one, whole. */
#ifndef REPLACE_H
#define REPLACE_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "auth/passwd.h"

#define REPLACE_NAME_SIZE (NAME_MAX + 16)	/* for .NAME.index.new; the kernel refuses what is too long */

struct replace {
	const char *path;	/* as it was given: for messages */
	struct file old;	/* what it holds now; its st_mode is 0 where there is none */
	FILE *to;		/* what it is to hold, to be written */
	/* For tools/replace.c alone: */
	int directory;
	char *resolved;
	const char *name;
	char new[REPLACE_NAME_SIZE];
	sigset_t signals;
};

/*
 * Finds the file behind all symbolic links, waits up to 30 seconds for another writer, and maps it; where it is not
 * there and `create`, it is empty. From here to replace_end() no signal is taken, but while it waits. False: said on
 * the standard error; replace_end() is still to be called.
 */
bool replace_start(struct replace *replace, const char *path, bool create);

/* Maps what was written, which has the owner, group and mode of the old file. False: said. */
bool replace_written(struct replace *replace, struct file *written);

/* The file now holds what was written, on the disk. False: said; the old file stands. */
bool replace_commit(struct replace *replace);

/* Behind replace_commit(): writes the index of a file of PASSWD_INDEXED bytes or more (auth/passwd.h). False: said. */
bool replace_index(struct replace *replace);

void replace_end(struct replace *replace);

#endif
