/* Starts a process for one job, hears what it says, and waits no longer than it may. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/drop.h"
#include "base/text.h"

/* The environment of a program: these variables and nothing else. */
struct child_environment {
	int count;
	const char *pointers[24];	/* ended by NULL */
	struct text text;
	char array[6144];
};

void child_environment_start(struct child_environment *environment);

/* Adds NAME=VALUE; nothing for an empty value. A value that a shell could take for a function
 * (CVE-2014-6271) loses its look. */
void child_environment_add(struct child_environment *environment, const char *name, const char *value);

#define CHILD_SAID (-2)		/* the pipe on which we listen */
#define CHILD_NONE (-1)		/* closed */
#define CHILD_DESCRIPTORS 7	/* 0 to 6: qmail-queue has its error text on 6 */
#define CHILD_SAID_MAX 3072

/*
 * One job. `descriptors[n]` is what the child has as descriptor n: one of ours, CHILD_SAID or CHILD_NONE.
 * One of ours must not be lower than its n, nor be the n of another (0, 1 and 2 as themselves are fine). All
 * others are closed: every descriptor of the monitor is close-on-exec.
 */
struct child_job {
	/* Called in the child, writes at most PIPE_BUF bytes to `said` by one write(2) and returns the exit
	 * status; or NULL, and: */
	int (*inside)(void *context, int said);
	void *context;
	const char *path;		/* a program: absolute path */
	const char *const *arguments, *const *environment;
	int descriptors[CHILD_DESCRIPTORS];
	struct rights *ended_as;	/* or NULL; what the process was when it ended, as the kernel has it */
	int seconds;			/* then the child and its process group are killed */
};

struct child_end {
	enum { CHILD_EXITED, CHILD_KILLED, CHILD_LATE, CHILD_NOT_STARTED } how;
	int status;			/* exit status, or number of the signal, or errno */
	size_t length;
	char said[CHILD_SAID_MAX + 1];	/* the last bytes of what it said, and a NUL */
};

/* fork(2) without the C library's preparations: nothing is registered with pthread_atfork(3), and they touch pages
 * to find that out. */
pid_t child_fork(void);

/* Runs the job to its end. A program leads a session of its own, in /, with signals as programs expect
 * them. A descendant that keeps the pipe open is not waited for. */
void child_run(const struct child_job *job, struct child_end *end);

/* Adds ": " and the last line that was said, cut to 120 bytes; nothing if nothing was. */
void child_last_words(const struct child_end *end, struct text *text);

/* "exit status 75", "signal 9", "no answer in time", "cannot run: ...", or the system's word for why there was no
 * process. Static. */
const char *child_how(const struct child_end *end);

#endif
