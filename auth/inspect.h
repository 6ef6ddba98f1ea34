/* What is wrong with the lines of a password file. */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdint.h>

#include "auth/passwd.h"

enum inspect_kind {
	INSPECT_UNSOUND,	/* unclear which line counts, or where lines end: the file must not be used */
	INSPECT_WRONG,	/* nobody can log in with this line */
	INSPECT_UNFOUND,	/* nobody will ever ask for this line */
	INSPECT_WARNING	/* this line does not do what it seems to */
};

struct inspect {
	uint64_t entries;
	uint64_t cleartext;	/* the number of the first line with a password in clear text; 0: there is none */
	uint64_t scram, cram_md5;	/* entries by which a client can prove that it knows the password */
	uint64_t certificates;	/* entries with cert= */
	uint64_t wrong;		/* how many UNSOUND and WRONG ones were said */
};

/* `text` is fit for a terminal, shows nothing that may be of a password, names the remedy, and ends without a stop. */
typedef void inspect_function(void *context, enum inspect_kind kind, const char *text);

/*
 * Calls `say` for each thing that is wrong, in the order of lines but for double ones, which come first and of which
 * about 100 are said; the text names the line. Allocates 16 bytes for each line. False: no memory for it.
 */
bool inspect_file(const struct file *file, inspect_function *say, void *context, struct inspect *inspect);

/* The same for one entry; no line is named. */
void inspect_entry(struct entry *entry, inspect_function *say, void *context);

/* What is wrong with a user's name, and the remedy; NULL: nothing. */
const char *inspect_name(const char *name);

#endif
