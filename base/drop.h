/* Gives rights away, for good: every set*id, rlimit, Landlock and seccomp call is here. */
#ifndef DROP_H
#define DROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"

#define GROUPS_MAX 64

/* Whom a process becomes. */
struct rights {
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];	/* supplementary */
	int group_count;
};

/* Whom a login makes of the monitor. */
struct identity {
	struct rights rights;
	char user[USER_MAX + 1];	/* the name that the checker gave it */
	char home[1024];
};

/*
 * First thing of all: signals that would change what we do back to their defaults (SIGPIPE and SIGXFSZ
 * ignored: write(2) reports), nothing blocked, umask 077; and SIGALRM in `seconds`, which ends the
 * process that calls this. False: errno.
 */
bool drop_start(unsigned seconds);

/* Closes every descriptor above 2 but the `kept` ones (-1: none). False: errno. */
bool drop_descriptors(const int *kept, int count);

/* No core dump, and /proc/PID/mem and environ are root's alone. Takes /proc/self/fd away too. False: errno. */
bool drop_hide(void);

/* What a program that we start must get back: the signals that drop_start() ignores. Child side only. */
bool drop_restore_signals(void);

/*
 * Becomes `rights` and checks that there is no way back. Where the process is not root it stays who it
 * is. `root` is config.root: the one place that asks. False: errno; the caller must end.
 */
bool drop_become(const struct rights *rights, bool root);

/* The kernel's version of Landlock; -1 (errno): none, or a container's filter refuses it. The cage is then without. */
long drop_landlock_version(void);

/*
 * The session's cage. Root: an empty directory, already unlinked, becomes the root directory, then
 * drop_become(); always: rlimits, no core, no_new_privs, Landlock without a single rule, and the
 * seccomp list in drop.c. After it no file can be opened, nothing started, nobody signalled. `id` makes
 * the directory's name ours alone; `spool_limit` is the most bytes that a file may get; of the
 * descriptors above 2 the `kept` ones stay. After `seconds` SIGALRM ends the process whatever it does. NULL:
 * done; else what failed (errno says why), and the caller must end before it reads a byte.
 */
const char *drop_cage(const struct rights *rights, bool root, const char *id, uint64_t spool_limit,
    unsigned seconds, const int *kept, int count);

#endif
