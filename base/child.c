/* Starts a process for one job, hears what it says, and waits no longer than it may. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/drop.h"
#include "base/io.h"

void
child_environment_start(struct child_environment *environment)
{
	environment->count = 0;
	environment->pointers[0] = NULL;
	text_start(&environment->text, environment->array, sizeof environment->array);
}

void
child_environment_add(struct child_environment *environment, const char *name, const char *value)
{
	struct text *text = &environment->text;

	if (value[0] == '\0')
		return;
	environment->pointers[environment->count++] = text->bytes + text->used;
	environment->pointers[environment->count] = NULL;
	text_add(text, name);
	text_add_byte(text, '=');
	text_add(text, strncmp(value, "()", 2) == 0 ? "?" : "");
	text_add(text, value);
	text_add_bytes(text, "", 1);
}

/* What the child says when its program cannot be run: only then is the pipe's own descriptor still open. */
static const char cannot_run[] = "\0cannot run: ";

static _Noreturn void
run_in_child(const struct child_job *job, int said)
{
	int error;

	if (job->inside != NULL)
		_exit(job->inside(job->context, said));
	/* Until it is another program: execve(2) takes the timer away. */
	if (!drop_end_after((unsigned)job->seconds) || setsid() < 0 || chdir("/") != 0 || !drop_restore_signals())
		_exit(111);
	for (int i = 0; i < CHILD_DESCRIPTORS; i++) {
		int from = job->descriptors[i] == CHILD_SAID ? said : job->descriptors[i];

		/* 0, 1 and 2 as themselves are open to children already. */
		if (from == i ? i > 2 && fcntl(i, F_SETFD, 0) != 0 : from >= 0 && dup2(from, i) < 0)
			_exit(111);
	}
	/* execve(2) writes to neither; its prototype is older than const. */
	execve(job->path, (char *const *)(uintptr_t)job->arguments, (char *const *)(uintptr_t)job->environment);
	error = errno;
	if (io_write_all(said, cannot_run, sizeof cannot_run - 1))
		io_write_all(said, strerror(error), strlen(strerror(error)));
	_exit(127);
}

/* Adds what is in the pipe. When there is no room the older half goes: the last words are those that count.
 * Returns how much it was; 0 or less: end of file, or an error. */
static ssize_t
listen_to(int pipe, struct child_end *end)
{
	ssize_t got;

	if (end->length == CHILD_SAID_MAX) {
		end->length /= 2;
		memmove(end->said, end->said + CHILD_SAID_MAX - end->length, end->length);
	}
	got = io_read(pipe, end->said + end->length, CHILD_SAID_MAX - end->length);
	if (got > 0)
		end->length += (size_t)got;
	return got;
}

/* Our own code in the child: it says its word in one write and ends. True: in time. */
static bool
wait_for_word(int pipe, int64_t deadline, struct child_end *end)
{
	if (!io_wait(pipe, POLLIN, deadline))
		return false;
	(void)listen_to(pipe, end);	/* nothing said: its end tells */
	return true;
}

/* Until the child has ended, whoever may still have the pipe. True: in time. */
static bool
wait_for_end(int pipe, int process, int64_t deadline, struct child_end *end)
{
	struct pollfd pollers[2] = { { .fd = process, .events = POLLIN }, { .fd = pipe, .events = POLLIN } };
	int left;

	do {
		int64_t patience = deadline - io_now();
		int ready = patience > 0 ? poll(pollers, 2, (int)patience) : 0;

		if (ready == 0 || (ready < 0 && errno != EINTR))
			return false;
		/* Nothing to read: nobody has its other end any more. */
		if (ready > 0 && pollers[0].revents == 0 &&
		    ((pollers[1].revents & POLLIN) == 0 || listen_to(pipe, end) <= 0))
			pollers[1].fd = -1;
	} while (pollers[0].revents == 0);
	/* What it said before it ended is in the pipe still, and no more is heard: a descendant may go on saying things
	 * for ever. */
	if (ioctl(pipe, FIONREAD, &left) != 0)
		return false;
	for (ssize_t got; left > 0 && (got = listen_to(pipe, end)) > 0; left -= (int)got)
		;
	return true;
}

/* The line of /proc/PID/status that begins with `key`; NULL: there is none. */
static char *
status_line(char *status, const char *key)
{
	char *line = strstr(status, key);

	if (line == NULL)
		return NULL;
	line += strlen(key);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* The real uid and gid and the groups of a process that has ended and was not waited for yet. What it says
 * of these is not believed: whoever has its uid can make it say anything (ptrace(2)). Groups that we have ourselves it
 * had from us: a program that forgets setgroups(2) does not pass them on. */
static bool
read_rights(pid_t pid, struct rights *rights)
{
	char array[40], status[4096], *uid, *gid, *groups;
	gid_t own[GROUPS_MAX];
	uint64_t number;
	struct text path;
	ssize_t length;
	int file, own_count = getgroups(GROUPS_MAX, own);

	*rights = (struct rights){ 0 };
	text_start(&path, array, sizeof array);
	text_add(&path, "/proc/");
	text_add_number(&path, (uint64_t)pid);
	text_add(&path, "/status");
	file = open(array, O_RDONLY | O_CLOEXEC);
	length = file < 0 ? -1 : io_read(file, status, sizeof status - 1);
	(void)close(file);
	status[length < 0 ? 0 : length] = '\0';
	groups = status_line(status, "\nGroups:");	/* from the last to the first: each ends the text */
	gid = status_line(status, "\nGid:");
	uid = status_line(status, "\nUid:");
	if (uid == NULL || gid == NULL || groups == NULL)
		return false;
	if ((uid = strtok(uid, "\t")) == NULL || !text_number(uid, UINT32_MAX - 1, &number))
		return false;
	rights->uid = (uid_t)number;
	if ((gid = strtok(gid, "\t")) == NULL || !text_number(gid, UINT32_MAX - 1, &number))
		return false;
	rights->gid = (gid_t)number;
	for (char *word = strtok(groups, "\t "); word != NULL; word = strtok(NULL, "\t ")) {
		bool ours = !text_number(word, UINT32_MAX - 1, &number) || number == 0;

		for (int i = 0; i < own_count; i++)
			ours |= own[i] == (gid_t)number;
		if (!ours && rights->group_count < GROUPS_MAX)
			rights->groups[rights->group_count++] = (gid_t)number;
	}
	return true;
}

pid_t
child_fork(void)
{
#ifdef __GLIBC__
#if !__GLIBC_PREREQ(2, 34)
#define _Fork fork
#endif
#endif
	return _Fork();
}

/* Hears the process until it has ended, or has said its word. True: in time. */
static bool
hear(const struct child_job *job, pid_t pid, int pipe, int64_t deadline, struct child_end *end)
{
	int process;
	bool in_time;

	if (job->inside != NULL)
		return wait_for_word(pipe, deadline, end);
	/* By its number: <sys/pidfd.h> is younger than some systems that this is built on. */
	process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process < 0)
		return false;
	in_time = wait_for_end(pipe, process, deadline, end);
	(void)close(process);
	return in_time;
}

/* Ends the process and those that it started, as far as they are its group still. False: it has more rights than
 * we and may go on; it cannot be waited for. */
static bool
end_now(pid_t pid)
{
	(void)kill(-pid, SIGKILL);
	return kill(pid, SIGKILL) == 0 || errno != EPERM;
}

/* Waits for the process, and writes down how it ended. */
static void
reap(pid_t pid, bool in_time, struct child_end *end)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			end->status = errno;
			return;
		}
	if (!in_time)
		end->how = CHILD_LATE;
	else if (WIFSIGNALED(status))
		end->how = CHILD_KILLED;
	else if (end->length < sizeof cannot_run - 1 || memcmp(end->said, cannot_run, sizeof cannot_run - 1) != 0)
		end->how = CHILD_EXITED;
	end->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

void
child_run(const struct child_job *job, struct child_end *end)
{
	int64_t deadline = io_now() + job->seconds * 1000;
	int said[2], error;
	bool in_time, known;
	pid_t pid;

	end->how = CHILD_NOT_STARTED;
	end->length = 0;
	end->said[0] = '\0';
	if (pipe2(said, O_CLOEXEC) != 0) {
		end->status = errno;
		return;
	}
	/* vfork(2): the child of a program only makes system calls until it is another program, and the
	 * pages that fork(2) would copy for it are most of what starting it costs. */
	pid = job->inside != NULL ? child_fork() : vfork();
	if (pid == 0)
		run_in_child(job, said[1]);
	if (pid < 0)
		end->status = errno;
	(void)close(said[1]);	/* close(2) of what was only read, or never used, loses nothing: here and below */
	if (pid < 0) {
		(void)close(said[0]);
		return;
	}
	in_time = hear(job, pid, said[0], deadline, end);
	end->said[end->length] = '\0';
	(void)close(said[0]);
	if (!in_time && !end_now(pid)) {
		end->how = CHILD_LATE;
		return;
	}
	known = job->ended_as == NULL || !in_time || read_rights(pid, job->ended_as);
	error = errno;
	reap(pid, in_time, end);
	if (!known) {	/* nobody can tell who it was: as if it had not been */
		end->how = CHILD_NOT_STARTED;
		end->status = error;
		end->length = 0;
		end->said[0] = '\0';
	}
}

void
child_last_words(const struct child_end *end, struct text *text)
{
	size_t last = end->length, first;

	while (last > 0 && (end->said[last - 1] == '\n' || end->said[last - 1] == '\r'))
		last--;
	for (first = last; first > 0 && end->said[first - 1] != '\n'; first--)
		;
	if (last == first)
		return;
	text_add(text, ": ");
	text_add_bytes(text, end->said + first, last - first > 120 ? 120 : last - first);
}

const char *
child_how(const struct child_end *end)
{
	static char array[96];
	struct text text;

	text_start(&text, array, sizeof array);
	switch (end->how) {
	case CHILD_EXITED:
		text_add(&text, "exit status ");
		break;
	case CHILD_KILLED:
		text_add(&text, "signal ");
		break;
	case CHILD_LATE:
		text_add(&text, "no answer in time");
		return array;
	default:
		text_add(&text, end->length > 0 ? end->said + 1 : strerror(end->status));
		return array;
	}
	text_add_number(&text, (uint64_t)end->status);
	return array;
}
