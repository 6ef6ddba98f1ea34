/* Takes passwords from a terminal or a script. */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>

#include "auth/pwhash.h"

#define SECRET_SIZE (2 * PWHASH_PASSWORD_MAX)	/* room to see that one is too long */

/* One password, asked for with "PROMPT USER: " or read from the standard input's next line. False: said. */
bool secret_ask(const char *prompt, const char *user, bool from_stdin, char password[SECRET_SIZE]);

/* A new one, typed twice on a terminal. 0, or the exit status: said. */
int secret_ask_new(const char *user, bool from_stdin, char password[SECRET_SIZE]);

#endif
