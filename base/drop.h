/* Gives rights away, for good: set*id, Landlock, seccomp and the limits of the cage are called here alone. */
#ifndef DROP_H
#define DROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"

#define GROUPS_MAX 64
#define LABEL_MAX 64	/* bytes */
#define QUOTA_TEXT_MAX 15

/* Who a process becomes. */
struct rights {
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];	/* supplementary */
	int group_count;
};

/* Who the monitor becomes at a login. */
struct identity {
	struct rights rights;
	char user[USER_MAX + 1];	/* the name that the checker gave it */
	char home[1024];
	char label[LABEL_MAX + 1];	/* of the password that was right; "" where it has none */
	char quota[QUOTA_TEXT_MAX + 1];	/* of its own, as config_quota() reads it; "" where it has none */
};

/*
 * First thing of all: signals that would change what we do back to their defaults, SIGPIPE, SIGXFSZ (write(2) reports)
 * and SIGALRM blocked and nothing else, umask 077; and SIGKILL in `seconds`, which ends the process that calls this
 * even while it is stopped. False: errno.
 */
bool drop_start(unsigned seconds);

/* SIGKILL in `seconds` for this process; another signal would wait for as long as it is stopped. No fork has it, nor
 * the next program. False: errno. */
bool drop_end_after(unsigned seconds);

/* Blocks the three, and SIGTERM if `terminate`. Blocked and not ignored: one call gives a child all of them back. */
bool drop_block_signals(bool terminate);

/* Closes every descriptor above 2 but the `kept` ones (-1: none). False: errno. */
bool drop_descriptors(const int *kept, int count);

/* For tools: whichever of 0, 1 and 2 is closed becomes /dev/null, to read. So no file that is opened later takes its
 * number, and with it what is said there; to write there fails as before. False: errno. */
bool drop_fill_standard(void);

/* No core dump, and /proc/PID/mem and environ are root's alone. Takes /proc/self/fd away too. False: errno. */
bool drop_hide(void);

/* What a program that we start must get back: the signals that are blocked. Child side only. */
bool drop_restore_signals(void);

/*
 * Becomes `rights` and checks that there is no way back. Where the process is not root it stays who it
 * is. `root` is config.root: the one place that asks. False: errno; the caller must end.
 */
bool drop_become(const struct rights *rights, bool root);

/* The kernel's version of Landlock; -1 (errno): none, or a container's filter refuses it. The cage is then without. */
long drop_landlock_version(void);

/* What the session holds on to, and how much it may have of anything. Descriptors: -1 for none. */
struct drop_cage {
	const struct rights *rights;
	const char *id;			/* makes the name of the empty directory ours alone */
	bool root;			/* config.root */
	uint64_t file_size;		/* the most bytes that a file may get */
	unsigned files;			/* RLIMIT_NOFILE: only lower numbers are ever handed out */
	int wall;			/* to read, with descriptors, and to write */
	int readable[2], writable[3];	/* beside the wall */
};

/* What can fail here. */
enum drop_step {
	DROP_DONE,	/* nothing did */
	DROP_TIMER, DROP_ROOT, DROP_USER, DROP_LIMITS, DROP_PARENT_DEATH, DROP_NEW_PRIVILEGES, DROP_LANDLOCK,
	DROP_DESCRIPTORS, DROP_SECCOMP, DROP_STEPS
};

/* What it is called, and "; " and what an administrator can do about it, where that can be said; else "". */
extern const struct drop_fault {
	const char *name, *remedy;
} drop_faults[DROP_STEPS];

/*
 * The session's cage. Root: an empty directory, already unlinked, becomes the root directory, then
 * drop_become(); always: rlimits, no core, no_new_privs, Landlock without a single rule, and the
 * seccomp list in drop.c. After it no file can be opened, nothing started, nobody signalled, no descriptor read or
 * written but those named. All others above 2 are closed. DROP_DONE; else what failed (errno says why), and the
 * caller must end before it reads a byte.
 */
enum drop_step drop_cage(const struct drop_cage *cage);

#endif
