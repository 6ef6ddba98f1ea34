/* links: base alone */
/* One job: how it ended, what it said, and that nobody waits longer than he may. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/drop.h"
#include "base/io.h"

static struct child_end end;
static int64_t took;	/* milliseconds */

static void
run(const struct child_job *job)
{
	int64_t before = io_now();

	memset(&end, 0xaa, sizeof end);
	child_run(job, &end);
	took = io_now() - before;
	/* Whoever it was, nothing of him is left. */
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
	};

	/* As the program itself begins: nothing above 2, whatever the test was started with. */
	closefrom(3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
