/* links: base alone */
/* The log: one line each, whatever is in it; whole reads and writes; the clock; the title. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

static char logged[1 << 16];
static int error_output = -1;

/* Descriptor 2 goes to a datagram socket: each write(2) is one of its messages. */
static int
log_socket(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	error_output = dup(STDERR_FILENO);
	assert_int_equal(dup2(pair[0], STDERR_FILENO), STDERR_FILENO);
	close(pair[0]);
	return pair[1];
}

static const char *
next(int log)
{
	ssize_t got = recv(log, logged, sizeof logged - 1, MSG_DONTWAIT);

	logged[got > 0 ? got : 0] = '\0';
	return logged;
}

static void
log_back(int log)
{
	close(log);
	dup2(error_output, STDERR_FILENO);
	close(error_output);
}

static void
lines_of_the_log(void **state)
{
	char every[256];
	int log = log_socket();

	(void)state;
	log_start(false, NULL, NULL);
	log_begin("start");
	log_end();
	assert_string_equal(next(log), "ofmipd-session: event=start\n");
	log_start(false, "ID", "192.0.2.1:5");
	log_begin("login-failed");
	log_quoted("user", "bob\nevent=accepted \x1b]0;\"\\\xff", 26);
	log_word("reason", "no-such-user");
	log_number("uid", 1000);
	log_end();
	assert_string_equal(next(log), "ofmipd-session: id=ID client=192.0.2.1:5 event=login-failed "
	    "user=\"bob\\x0aevent=accepted \\x1b]0;\\x22\\x5c\\xff\" reason=no-such-user uid=1000\n");
	log_start(false, "ID", "[2001:db8::1]:5");
	log_error("open", 2);
	assert_string_equal(next(log), "ofmipd-session: id=ID client=[2001:db8::1]:5 event=error what=\"open\" "
	    "error=\"No such file or directory\"\n");
	log_error("odd", 0);
	assert_null(strstr(next(log), "error=\""));
	/* What was lost the next line tells. */
	log_begin("lost");
	log_drop();
	log_begin("lost");
	log_drop();
	log_begin("x");
	log_end();
	assert_string_equal(next(log), "ofmipd-session: id=ID client=[2001:db8::1]:5 event=x dropped=2\n");
	log_begin("x");
	log_sentence("reason", "a\"b\n\x7f\x80");
	log_end();
	assert_string_equal(next(log), "ofmipd-session: id=ID client=[2001:db8::1]:5 event=x reason=\"a'b'''\"\n");
	/* Every byte, and one line: its only control character is its end. */
	for (int part = 0; part < 2; part++) {
		for (int i = 0; i < 128; i++)
			every[i] = (char)(i + 128 * part);
		log_begin("x");
		log_quoted("every", every, 128);
		log_end();
		for (const char *p = next(log); p[1] != '\0'; p++)
			assert_in_range(*p, 32, 126);
		assert_int_equal(logged[strlen(logged) - 1], '\n');
	}
	/* To syslog: with priority and process, without the end. */
	log_start(true, "ID", "unknown");
	log_begin("end");
	log_end();
	snprintf(every, sizeof every, "<22>ofmipd-session[%d]: id=ID client=unknown event=end", (int)getpid());
	assert_string_equal(next(log), every);
	log_start(false, NULL, NULL);
	log_back(log);
}

static void
long_lines_are_cut_and_still_lines(void **state)
{
	static char long_bytes[5000];
	int log = log_socket();

	(void)state;
	memset(long_bytes, '\n', sizeof long_bytes);
	log_start(false, "ID", "192.0.2.1:5");
	for (int keys = 1; keys < 40; keys++) {
		size_t length;

		log_begin("x");
		for (int i = 0; i < keys; i++)
			log_quoted("key", long_bytes, sizeof long_bytes);
		log_end();
		next(log);
		length = strlen(logged);
		assert_in_range(length, 30, LOG_LINE_MAX);
		assert_int_equal(logged[length - 1], '\n');
		assert_ptr_equal(strchr(logged, '\n'), logged + length - 1);
		assert_string_equal(next(log), "");	/* it was one write */
	}
	log_start(false, NULL, NULL);
	log_back(log);
}

static void
a_log_that_cannot_be_written_is_lost(void **state)
{
	int log = log_socket();

	(void)state;
	close(STDERR_FILENO);
	log_begin("x");
	log_end();
	dup2(open("/dev/full", O_WRONLY), STDERR_FILENO);
	log_begin("x");
	log_end();
	log_back(log);
}

static void
tick(int signal_number)
{
	(void)signal_number;
}

static void
all_is_read_and_written(void **state)
{
	static char bytes[1 << 20], got[1 << 20];
	struct sigaction action = { .sa_handler = tick };
	int ends[2], status;
	pid_t child;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)noise_below(256);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {	/* more than a pipe holds, to somebody who is interrupted all the time */
		close(ends[0]);
		_exit(!io_write_all(ends[1], bytes, sizeof bytes));
	}
	close(ends[1]);
	sigaction(SIGALRM, &action, NULL);
	ualarm(500, 500);
	for (size_t at = 0; at < sizeof got; ) {
		ssize_t part = io_read(ends[0], got + at, sizeof got - at);

		assert_true(part > 0);
		at += (size_t)part;
	}
	assert_memory_equal(bytes, got, sizeof got);
	assert_int_equal(io_read(ends[0], got, 1), 0);	/* the end */
	ualarm(0, 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	assert_false(io_write_all(ends[0], "x", 1));
	assert_int_equal(io_read(ends[0], got, 1), -1);
	assert_true(io_write_all(ends[0], "x", 0));
}

static void
waits_end_in_time(void **state)
{
	struct sigaction action = { .sa_handler = tick };
	int64_t before = io_now();
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000);		/* a signal does not make it longer or shorter */
	assert_false(io_wait(ends[0], POLLIN, before + 300));
	assert_in_range(io_now() - before, 300, 2000);
	ualarm(0, 0);
	assert_false(io_wait(ends[0], POLLIN, before));
	assert_false(io_wait(ends[0], POLLIN, 0));
	assert_true(io_wait(ends[1], POLLOUT, io_now() + 1000));
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(io_wait(ends[0], POLLIN, INT64_MAX));
	close(ends[1]);
	close(ends[0]);
}

static void
title_takes_the_room_there_is(void **state)
{
	(void)state;
	for (int words = 1; words < 6; words++) {
		char room[64] = "program\0-x\0A=b\0C=d\0kept", *argv[] = { room, room + 8, NULL };
		char *environment[] = { room + 11, room + 15, words > 3 ? room + 19 : NULL, NULL };
		/* What is not laid out behind the others stays as it is. */
		size_t size = words > 3 ? 24 : words > 1 ? 19 : 11;

		if (words == 1)
			environment[0] = NULL;
		io_title_start(2, argv, environment);
		io_title("session", "192.0.2.1:5", "bob\n\x1b", "MAIL");
		assert_int_equal(strlen(room), size - 1);
		assert_memory_equal(room, "ofmipd-session: session 192.0.2.1:5", size - 1);
		if (size < 24)
			assert_string_equal(room + 19, "kept");
		io_title("", "", "", "");
		assert_memory_equal(room, "ofmipd-session:   - ", size - 1 < 20 ? size - 1 : 20);
		for (size_t i = 20; i < size; i++)
			assert_int_equal(room[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_log),
		cmocka_unit_test(long_lines_are_cut_and_still_lines),
		cmocka_unit_test(a_log_that_cannot_be_written_is_lost),
		cmocka_unit_test(all_is_read_and_written),
		cmocka_unit_test(waits_end_in_time),
		cmocka_unit_test(title_takes_the_room_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
