/* What our checkpassword programs share: descriptor 3, a check that cannot hang, the program that is run last. */
#ifndef CHECKPASSWORD_H
#define CHECKPASSWORD_H

#include <stddef.h>

/* Exit statuses (cr.yp.to/checkpwd/interface.html). */
enum { CHECKPASSWORD_YES = 0, CHECKPASSWORD_NO = 1, CHECKPASSWORD_MISUSED = 2, CHECKPASSWORD_TEMPORARY = 111 };

#define CHECKPASSWORD_MAX 512	/* bytes on descriptor 3, the three NULs included */

struct checkpassword {
	char bytes[CHECKPASSWORD_MAX + 1];
	const char *user, *password;	/* in `bytes` */
};

/* The program's name, in front of what checkpassword_say() writes. First of all. */
void checkpassword_start(const char *name);

/* One line on descriptor 2: "NAME: WHAT: DETAIL"; `detail` may be NULL, and anybody's. Returns `status`. */
int checkpassword_say(int status, const char *what, const char *detail);

/*
 * Reads user NUL password NUL timestamp NUL from descriptor 3 up to its end, and closes it. Does not return
 * where the check is decided already: CHECKPASSWORD_MISUSED where there are no such fields, CHECKPASSWORD_NO
 * for more than 512 bytes, an empty user, an empty password, and control characters in the user.
 */
void checkpassword_read(struct checkpassword *credentials);

/*
 * Runs `check` in a process of its own with nothing on descriptor 0 and descriptor 2 as its descriptor 1, for
 * at most `seconds`: libraries that hang, crash, exit or leave threads behind have not said yes. It returns a
 * status, and with CHECKPASSWORD_YES it has filled in *answer. Wipes the password afterwards. Returns the
 * status of the check, and CHECKPASSWORD_TEMPORARY where it came to no end of its own.
 */
int checkpassword_ask(struct checkpassword *credentials,
    int (*check)(const struct checkpassword *credentials, const void *context, void *answer), const void *context,
    void *answer, size_t size, unsigned seconds);

/* Becomes the program arguments[0], an absolute path, with our environment. Does not return. */
_Noreturn void checkpassword_run(char **arguments);

#endif
