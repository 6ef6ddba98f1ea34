/* links: base alone */
/* One job: how it ended, what it said, and that nobody waits longer than they may. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/drop.h"
#include "base/io.h"
#include "faults.h"

FAULTY(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old))
FAULTY(pid_t, _Fork, (void), ())
FAULTY(int, pipe2, (int ends[2], int flags), (ends, flags))
FAULTY(int, setsid, (void), ())
FAULTY(int, chdir, (const char *path), (path))
FAULTY(int, dup2, (int from, int to), (from, to))
FAULTY(int, kill, (pid_t pid, int number), (pid, number))
FAULTY(pid_t, waitpid, (pid_t pid, int *status, int flags), (pid, status, flags))
FAULTY(int, poll, (struct pollfd *pollers, nfds_t count, int patience), (pollers, count, patience))
FAULTY(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
FAULTY(ssize_t, read, (int file, void *bytes, size_t length), (file, bytes, length))
FAULTY_NUMBERS

static const char *status_file;		/* what is read in the place of /proc/PID/status */
static int more_than_there_is;		/* what FIONREAD says, if not 0 */

int
open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode = 0;

	if (fault_is_due("open"))
		return -1;
	if (status_file != NULL && strncmp(path, "/proc/", 6) == 0)
		path = status_file;
	va_start(list, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

__attribute__((no_sanitize_address)) int
fcntl(int file, int command, ...)
{
	va_list list;
	long argument;

	if (fault_is_due("fcntl"))
		return -1;
	va_start(list, command);
	argument = va_arg(list, long);
	va_end(list);
	return (int)syscall(SYS_fcntl, file, command, argument);
}

int
ioctl(int file, unsigned long request, ...)
{
	va_list list;
	int *argument;

	if (fault_is_due("ioctl"))
		return -1;
	va_start(list, request);
	argument = va_arg(list, int *);
	va_end(list);
	if (more_than_there_is == 0)
		return (int)syscall(SYS_ioctl, file, request, argument);
	*argument = more_than_there_is;
	return 0;
}

/* One group of our own: a program that forgets setgroups(2) does not hand it on. */
int
getgroups(int size, gid_t *groups)
{
	if (size > 0)
		groups[0] = 5;
	return 1;
}

static struct child_end end;
static int64_t took;	/* milliseconds */

static void
run(const struct child_job *job)
{
	int64_t before = io_now();

	memset(&end, 0xaa, sizeof end);
	child_run(job, &end);
	took = io_now() - before;
	/* Whoever it was, nothing of it is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_in_range(end.length, 0, CHILD_SAID_MAX);
}

/* The shell on a script, which says on descriptor 1 and 2 what we hear. */
static void
run_script(const char *script, int seconds)
{
	const char *const arguments[] = { "/bin/sh", "-c", script, NULL };
	const char *const environment[] = { "PATH=/usr/bin:/bin", "ONLY=this", NULL };
	const struct child_job job = {
		.path = arguments[0], .arguments = arguments, .environment = environment, .seconds = seconds,
		.descriptors = { STDIN_FILENO, CHILD_SAID, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE, CHILD_NONE },
	};

	run(&job);
}

static void
exit_statuses(void **state)
{
	static const int statuses[] = { 0, 1, 2, 31, 75, 82, 111, 126, 127, 255 };

	(void)state;
	for (size_t i = 0; i < LENGTH(statuses); i++) {
		char script[40], wanted[40];

		snprintf(script, sizeof script, "exit %d", statuses[i]);
		snprintf(wanted, sizeof wanted, "exit status %d", statuses[i]);
		run_script(script, 20);
		assert_int_equal(end.how, CHILD_EXITED);
		assert_int_equal(end.status, statuses[i]);
		assert_int_equal(end.length, 0);
		assert_string_equal(child_how(&end), wanted);
	}
}

static void
signals(void **state)
{
	static const int numbers[] = { SIGHUP, SIGPIPE, SIGALRM, SIGTERM, SIGKILL, SIGSEGV, SIGXFSZ };

	(void)state;
	for (size_t i = 0; i < LENGTH(numbers); i++) {
		char script[40], wanted[40];

		snprintf(script, sizeof script, "ulimit -c 0; kill -%d $$", numbers[i]);
		snprintf(wanted, sizeof wanted, "signal %d", numbers[i]);
		run_script(script, 20);
		assert_int_equal(end.how, CHILD_KILLED);
		assert_int_equal(end.status, numbers[i]);
		assert_string_equal(child_how(&end), wanted);
	}
}

static void
what_it_said(void **state)
{
	(void)state;
	run_script("echo one; echo two >&2; printf three; exit 3", 20);
	assert_string_equal(end.said, "one\ntwo\nthree");
	assert_int_equal(end.length, 13);
	assert_int_equal(end.status, 3);
	/* More than anybody wants to know: it is not kept up, and not heard in full. */
	run_script("head -c 300000 /dev/zero | tr '\\0' x; exit 4", 20);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 4);
	assert_int_equal(end.said[end.length], '\0');
	assert_in_range(end.length, CHILD_SAID_MAX / 2, CHILD_SAID_MAX);
	for (size_t i = 0; i < end.length; i++)
		assert_int_equal(end.said[i], 'x');
	assert_in_range(took, 0, 15000);
}

static void
deadline(void **state)
{
	int file;
	char path[] = "/tmp/unit-child.XXXXXX", script[200];

	(void)state;
	run_script("sleep 30", 1);
	assert_int_equal(end.how, CHILD_LATE);
	assert_in_range(took, 900, 8000);
	assert_string_equal(child_how(&end), "no answer in time");
	/* Nor may what it started go on. */
	file = mkstemp(path);
	assert_true(file >= 0);
	snprintf(script, sizeof script, "trap '' TERM HUP INT; (sleep 3; echo still here >%s) & wait", path);
	run_script(script, 1);
	assert_int_equal(end.how, CHILD_LATE);
	sleep(3);
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
	unlink(path);
	close(file);
	/* One that said something and then closed everything. */
	run_script("echo word; exec >&- 2>&-; sleep 30", 1);
	assert_int_equal(end.how, CHILD_LATE);
	assert_in_range(took, 900, 8000);
}

static void
descendants_are_not_waited_for(void **state)
{
	(void)state;
	run_script("sleep 4 & echo done; exit 5", 20);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 5);
	assert_string_equal(end.said, "done\n");
	assert_in_range(took, 0, 3000);
	/* Not even one that never stops talking. */
	run_script("yes 2>&- & sleep 0.3; exit 7", 3);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 7);
	assert_in_range(took, 0, 2000);
}

static void
programs_that_cannot_be_run(void **state)
{
	static const char *const paths[] = { "/nonexistent/program", "/etc/hostname", "/tmp", "" };

	(void)state;
	for (size_t i = 0; i < LENGTH(paths); i++) {
		const char *const arguments[] = { paths[i], NULL };
		const struct child_job job = {
			.path = paths[i], .arguments = arguments, .environment = arguments + 1, .seconds = 20,
			.descriptors = { STDIN_FILENO, CHILD_SAID, CHILD_SAID, -1, -1, -1, -1 },
		};

		run(&job);
		assert_int_equal(end.how, CHILD_NOT_STARTED);
		assert_non_null(strstr(child_how(&end), "cannot run: "));
	}
	/* One that exits so itself was run. */
	run_script("exit 127", 20);
	assert_int_equal(end.how, CHILD_EXITED);
}

static void
what_a_program_is_given(void **state)
{
	(void)state;
	/* A session of its own, in /, signals and descriptors as programs expect them. */
	assert_true(drop_start(600) && drop_block_signals(true));
	run_script("[ \"$(pwd)\" = / ] && set -- $(cat /proc/self/stat) && [ $6 = $$ ] && echo leader; "
	    "grep SigIgn /proc/self/status; grep SigBlk /proc/self/status; env | grep -v ^_= | grep -v ^PWD= | sort", 20);
	assert_string_equal(end.said, "leader\nSigIgn:\t0000000000000000\nSigBlk:\t0000000000000000\nONLY=this\n"
	    "PATH=/usr/bin:/bin\n");
	run_script("ls /proc/self/fd", 20);
	assert_string_equal(end.said, "0\n1\n2\n3\n");	/* 3 is the directory */
}

static void
descriptors_as_they_were_asked_for(void **state)
{
	static const char *const arguments[] = { "/bin/sh", "-c", "cat; cat <&3; echo word >&6; ls /proc/self/fd", NULL };
	struct child_job job = {
		.path = arguments[0], .arguments = arguments, .environment = arguments + 3, .seconds = 20,
		.descriptors = { -1, CHILD_SAID, CHILD_SAID, -1, -1, -1, -1 },
	};
	int input = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), three[2], word = -1;
	char array[20] = "";

	(void)state;
	assert_true(input >= 0);
	assert_int_equal(write(input, "input\n", 6), 6);
	assert_int_equal(lseek(input, 0, SEEK_SET), 0);
	assert_int_equal(pipe2(three, O_CLOEXEC), 0);
	assert_int_equal(write(three[1], "three\n", 6), 6);
	close(three[1]);
	word = fcntl(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), F_DUPFD_CLOEXEC, 10);
	job.descriptors[0] = input;
	job.descriptors[3] = fcntl(three[0], F_DUPFD_CLOEXEC, 10);
	job.descriptors[6] = word;
	run(&job);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_string_equal(end.said, "input\nthree\n0\n1\n2\n3\n4\n6\n");	/* ls has its directory on 4 */
	assert_int_equal(pread(word, array, sizeof array, 0), 5);
	assert_string_equal(array, "word\n");
	close(input);
	close(word);
	close(three[0]);
	close(job.descriptors[3]);
}

static int
say_word(void *context, int said)
{
	return io_write_all(said, context, strlen(context)) ? 9 : 8;
}

static int
say_nothing(void *context, int said)
{
	return *(int *)context + (said < 0);
}

static int
crash(void *context, int said)
{
	(void)context;
	(void)said;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGKILL);
	return 0;
}

static int
hang(void *context, int said)
{
	(void)context;
	(void)said;
	while (pause() < 0)
		;
	return 0;
}

static void
our_own_code(void **state)
{
	static char word[] = "word";
	int status = 33;
	struct child_job job = { .inside = say_word, .context = word, .seconds = 20 };

	(void)state;
	run(&job);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 9);
	assert_string_equal(end.said, "word");
	job.inside = say_nothing;
	job.context = &status;
	run(&job);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 33);
	assert_int_equal(end.length, 0);
	job.inside = crash;
	run(&job);
	assert_int_equal(end.how, CHILD_KILLED);
	assert_int_equal(end.status, SIGKILL);
	job.inside = hang;
	job.seconds = 1;
	run(&job);
	assert_int_equal(end.how, CHILD_LATE);
	assert_in_range(took, 900, 8000);
}

/* System calls of parent and child that fail: it is always told how it ended, and nobody is left. */
static void
calls_that_fail(void **state)
{
	static const struct {
		const char *name;
		int nth, error, how, status;
	} rows[] = {
		{ "pipe2", 1, EMFILE, CHILD_NOT_STARTED, EMFILE }, { "timer_create", 1, EAGAIN, CHILD_EXITED, 111 }, { "setsid", 1, EPERM, CHILD_EXITED, 111 },
		{ "chdir", 1, EACCES, CHILD_EXITED, 111 }, { "sigprocmask", 1, EINVAL, CHILD_EXITED, 111 },
		{ "dup2", 1, EBUSY, CHILD_EXITED, 111 }, { "poll", 1, ENOMEM, CHILD_LATE, SIGKILL }, { "poll", 1, EINTR, CHILD_EXITED, 3 },
		{ "ioctl", 1, EIO, CHILD_LATE, 3 }, { "waitpid", 1, EINTR, CHILD_EXITED, 3 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		fault(rows[i].name, rows[i].nth, rows[i].error);
		run_script("sleep 0.1; exit 3", 20);
		if ((int)end.how != rows[i].how || end.status != rows[i].status || !fault_happened())
			fail_msg("%s: %s", rows[i].name, child_how(&end));
	}
	/* It cannot even be waited for: how it ended nobody knows, but not that it did well. */
	fault("waitpid", 1, ECHILD);
	end.how = CHILD_EXITED;
	{
		const char *const arguments[] = { "/bin/true", NULL };
		const struct child_job job = { .path = arguments[0], .arguments = arguments, .environment = arguments + 1,
		    .seconds = 20, .descriptors = { -1, -1, -1, -1, -1, -1, -1 } };

		child_run(&job, &end);
	}
	assert_int_equal(end.how, CHILD_NOT_STARTED);
	assert_int_equal(end.status, ECHILD);
	assert_true(waitpid(-1, NULL, 0) > 0);
	/* What could not be read at once is heard in the end. */
	fault("read", 1, EIO);
	run_script("echo word; sleep 0.1; exit 3", 20);
	assert_true(fault_happened());
	assert_int_equal(end.how, CHILD_EXITED);
	assert_string_equal(end.said, "word\n");
	fault("read", 1, EIO);
	fault_next = "read";
	run_script("echo word; sleep 0.1; exit 3", 20);
	assert_true(fault_happened());
	assert_int_equal(end.status, 3);
	assert_string_equal(end.said, "");
	/* Nothing to wait with. */
	fault("pidfd_open", 1, EMFILE);
	run_script("exit 3", 20);
	assert_int_equal(end.how, CHILD_LATE);
}

/* Late, and with other rights than ours: it cannot be killed, and is not waited for. */
static void
children_that_cannot_be_killed(void **state)
{
	(void)state;
	fault("kill", 2, ESRCH);
	run_script("sleep 30", 1);
	assert_int_equal(end.how, CHILD_LATE);
	fault("kill", 2, EPERM);
	{
		const char *const arguments[] = { "/bin/sleep", "30", NULL };
		const struct child_job job = { .path = arguments[0], .arguments = arguments, .environment = arguments + 2,
		    .seconds = 1, .descriptors = { -1, -1, -1, -1, -1, -1, -1 } };

		child_run(&job, &end);
	}
	assert_int_equal(end.how, CHILD_LATE);
	assert_true(waitpid(-1, NULL, 0) > 0);
}

static void
words_without_end(void **state)
{
	char array[200];
	struct text text;

	(void)state;
	run_script("exec yes", 1);
	assert_int_equal(end.how, CHILD_LATE);
	more_than_there_is = 100;
	run_script("echo word; exit 3", 20);
	more_than_there_is = 0;
	assert_int_equal(end.how, CHILD_EXITED);
	assert_string_equal(end.said, "word\n");
	run_script("printf 'one\\ntwo\\r\\n\\r\\n'", 20);
	text_start(&text, array, sizeof array);
	child_last_words(&end, &text);
	assert_string_equal(array, ": two");
	/* That a program could not be run is not said, where that cannot be said: its status tells. */
	{
		const char *const arguments[] = { "/nonexistent", NULL };
		const struct child_job job = { .path = arguments[0], .arguments = arguments, .environment = arguments + 1,
		    .seconds = 20, .descriptors = { -1, CHILD_SAID, CHILD_SAID, -1, -1, -1, -1 } };

		fault("write", 1, EIO);
		run(&job);
	}
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 127);
}

/* A descriptor that is handed on under its own number. */
static void
descriptors_that_stay(void **state)
{
	static const char *const arguments[] = { "/bin/sh", "-c", "cat <&3", NULL };
	struct child_job job = {
		.path = arguments[0], .arguments = arguments, .environment = arguments + 3, .seconds = 20,
		.descriptors = { -1, CHILD_SAID, CHILD_SAID, 3, -1, -1, -1 },
	};
	int input = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(input, 3);
	assert_int_equal(write(input, "input\n", 6), 6);
	assert_int_equal(lseek(input, 0, SEEK_SET), 0);
	run(&job);
	assert_string_equal(end.said, "input\n");
	fault("fcntl", 1, EBADF);
	run(&job);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 111);
	close(input);
}

/* Who it was when it ended, as the kernel says; where that cannot be read, it said nothing. */
static void
whom_it_ended_as(void **state)
{
#define STATUS "Name:\tx\n"
	static char many[1000] = STATUS "Uid:\t1\t1\nGid:\t2\t2\nGroups:\t";
	static const struct {
		const char *status;
		bool known;
		int groups;
	} rows[] = {
		{ STATUS "Uid:\t1\t0\t0\t0\nGid:\t2\t0\nGroups:\t7 8 \n", true, 2 }, { STATUS "Uid:\t1\t1\nGid:\t2\t2\nGroups:\t5 0 7 x \n", true, 1 },
		{ STATUS "Uid:\t1\t1\nGid:\t2\t2\nGroups:\n", true, 0 }, { STATUS "Uid:\t1\t1\nGid:\t2\t2\n", false, 0 },
		{ STATUS "Uid:\t1\t1\nGroups:\t7\n", false, 0 }, { STATUS "Gid:\t2\t2\nGroups:\t7\n", false, 0 }, { "", false, 0 },
		{ STATUS "Uid:\nGid:\t2\nGroups:\n", false, 0 }, { STATUS "Uid:\tx\nGid:\t2\nGroups:\n", false, 0 },
		{ STATUS "Uid:\t1\nGid:\nGroups:\n", false, 0 }, { STATUS "Uid:\t1\nGid:\t-1\nGroups:\n", false, 0 },
		{ many, true, GROUPS_MAX },
	};
	const char *const arguments[] = { "/bin/echo", "word", NULL };
	struct rights rights;
	const struct child_job job = { .path = arguments[0], .arguments = arguments, .environment = arguments + 2,
	    .seconds = 20, .descriptors = { -1, CHILD_SAID, CHILD_SAID, -1, -1, -1, -1 }, .ended_as = &rights };
	char path[] = "/tmp/unit-child.XXXXXX";
	int file = mkstemp(path);

	(void)state;
	assert_true(file >= 0);
	for (int i = 0; i < 100; i++)
		sprintf(many + strlen(many), "%d ", 1000 + i);
	strcat(many, "\n");
	run(&job);
	assert_int_equal(rights.uid, getuid());
	assert_string_equal(end.said, "word\n");
	for (size_t i = 0; i < LENGTH(rows); i++) {
		assert_int_equal(ftruncate(file, 0), 0);
		assert_int_equal(pwrite(file, rows[i].status, strlen(rows[i].status), 0), strlen(rows[i].status));
		status_file = path;
		run(&job);
		status_file = NULL;
		if (strcmp(end.said, rows[i].known ? "word\n" : "") != 0 || (rows[i].known && (rights.uid != 1 || rights.gid != 2 ||
		    rights.group_count != rows[i].groups)))
			fail_msg("row %zu: %s, %d groups", i, end.said, rights.group_count);
	}
	fault("open", 1, EMFILE);
	run(&job);
	assert_string_equal(end.said, "");
	fault("poll", 1, ENOMEM);
	run(&job);
	assert_int_equal(end.how, CHILD_LATE);
	run(&job);
	assert_int_equal(end.how, CHILD_EXITED);
	close(file);
	unlink(path);
}

static void
values_of_the_environment(void **state)
{
	static struct child_environment environment;

	(void)state;
	child_environment_start(&environment);
	child_environment_add(&environment, "ONE", "() { :; }; echo");	/* CVE-2014-6271 */
	child_environment_add(&environment, "NONE", "");
	child_environment_add(&environment, "TWO", "value");
	assert_string_equal(environment.pointers[0], "ONE=?() { :; }; echo");
	assert_string_equal(environment.pointers[1], "TWO=value");
	assert_null(environment.pointers[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_statuses),
		cmocka_unit_test(signals),
		cmocka_unit_test(what_it_said),
		cmocka_unit_test(deadline),
		cmocka_unit_test(descendants_are_not_waited_for),
		cmocka_unit_test(programs_that_cannot_be_run),
		cmocka_unit_test(what_a_program_is_given),
		cmocka_unit_test(descriptors_as_they_were_asked_for),
		cmocka_unit_test(our_own_code),
		cmocka_unit_test(calls_that_fail),
		cmocka_unit_test(children_that_cannot_be_killed),
		cmocka_unit_test(words_without_end),
		cmocka_unit_test(descriptors_that_stay),
		cmocka_unit_test(whom_it_ended_as),
		cmocka_unit_test(values_of_the_environment),
	};

	/* As the program itself begins: nothing above 2, whatever the test was started with. */
	closefrom(3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
