/* Reads the clear-text file of tmda-ofmipd into a password file. */
#ifndef IMPORT_H
#define IMPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "auth/passwd.h"

struct import {
	const char *path, *scheme;	/* of the old file; of the new passwords */
	struct file from;
	size_t line, hashed, kept;
};

/* Writes the users of the old file to `to`, their passwords hashed: that takes its time. False: said. */
bool import_convert(struct import *import, FILE *to);

#endif
