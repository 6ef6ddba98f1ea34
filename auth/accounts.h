/* The accounts of this machine, wherever it keeps them. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdbool.h>

#include "base/drop.h"

enum accounts_answer {
	ACCOUNTS_FOUND,
	ACCOUNTS_NONE,		/* there is no account of this name */
	ACCOUNTS_CANNOT_TELL	/* the machine's directory did not answer: no reason to take another account */
};

/*
 * The account `name` from /etc/passwd and, if `groups`, its groups from /etc/group or, where it is not there
 * and nsswitch.conf(5) names more, from getent(1), which asks whatever the machine is set to ask. This
 * program is linked statically: the C library's own look-up would need its shared objects at run time.
 */
enum accounts_answer accounts_find(const char *name, bool groups, struct identity *identity);

#endif
