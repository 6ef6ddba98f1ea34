/* Reads the clear-text file of tmda-ofmipd into a password file. */
#ifndef IMPORT_H
#define IMPORT_H

#include <stdbool.h>

#include "auth/passwd.h"
#include "base/text.h"

struct import {
	const char *path, *scheme;	/* of the old file; of the new passwords */
	struct file from;
	size_t line, hashed, kept;
	struct text lines;		/* for the new file */
};

/* Adds the users of the old file to `lines`, their passwords hashed: that takes its time. False: said. In any case
 * import_forget() is to be called: there may be passwords in them. */
bool import_convert(struct import *import);
void import_forget(struct import *import);

#endif
