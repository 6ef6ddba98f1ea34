/* links: session/line ask */
/* Lines in, however the bytes are cut; replies out; and clients that do not do their part. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "base/io.h"
#include "session/line.h"

#define SCRIPT 100	/* /dev/null, for poll(2); what is read from it stands below */

static struct {
	const char *bytes;
	size_t left, part;	/* one read gives at most `part`; 0: at random */
} script;

static int interruptions;	/* of the next calls */
static int unready;		/* reads of the script that find nothing after all */
static struct {
	int calls;
	size_t most;		/* bytes that one takes; 0: any */
	bool nothing;		/* the next one takes none, and says nothing of errno */
} sends;

/* In place of the C library's. */
ssize_t
send(int descriptor, const void *bytes, size_t size, int flags)
{
	if (interruptions > 0) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	sends.calls++;
	if (sends.nothing) {
		sends.nothing = false;
		errno = ENOTSOCK;
		return 0;
	}
	return sendto(descriptor, bytes, sends.most > 0 && size > sends.most ? sends.most : size, flags, NULL, 0);
}

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	size_t more = script.part > 0 ? script.part : noise_below(noise_below(3) == 0 ? 3000 : 5) + 1;

	if (descriptor != SCRIPT)
		return syscall(SYS_read, descriptor, bytes, size);
	if (unready-- > 0) {
		errno = EAGAIN;
		return -1;
	}
	if (more > script.left)
		more = script.left;
	if (more > size)
		more = size;
	memcpy(bytes, script.bytes, more);
	script.bytes += more;
	script.left -= more;
	return (ssize_t)more;
}

static struct line line;

static void
start(int descriptor)
{
	line_start(&line, descriptor, descriptor);
	line_set_patience(&line, 5000);
	line_set_deadline(&line, INT64_MAX);
	line.broken = false;
}

/* What comes of some bytes. */
struct events {
	size_t lines, last;	/* how many; length of the last */
	uint64_t sum;		/* of all their bytes */
	enum line_event end;
};

static struct events
read_lines(const char *bytes, size_t length, size_t part, bool command)
{
	struct events events = { 0 };
	char *string;

	start(SCRIPT);
	script.bytes = bytes;
	script.left = length;
	script.part = part;
	while ((events.end = line_read(&line, command, &string, &length)) == LINE_READ) {
		events.lines++;
		events.last = length;
		assert_int_equal(strlen(string), length);
		for (size_t i = 0; i <= length; i++)
			events.sum = events.sum * 31 + (unsigned char)string[i];
	}
	return events;
}

/* The bytes are read as `lines` lines and then `end`, in one go or in any other way. */
static void
check(const char *bytes, size_t length, bool command, size_t lines, enum line_event end)
{
	static const size_t parts[] = { 1, 2, 3, 5, 8, 0, 0, 0 };
	struct events whole = read_lines(bytes, length, SIZE_MAX, command), part;

	if (whole.lines != lines || whole.end != end)
		fail_msg("%.60s: %zu lines and %d, not %zu and %d", bytes, whole.lines, (int)whole.end, lines, (int)end);
	for (size_t i = 0; i < LENGTH(parts); i++) {
		if (SHARE > 1 && length > 5000 && parts[i] != 8)
			continue;
		part = read_lines(bytes, length, parts[i] == 8 && SHARE > 1 ? 4000 : parts[i], command);
		if (part.lines != whole.lines || part.sum != whole.sum || part.end != whole.end || part.last != whole.last)
			fail_msg("%.60s: in parts of %zu: %zu lines and %d", bytes, parts[i], part.lines, (int)part.end);
	}
}

static void
lines_and_what_is_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t length, lines;
		enum line_event end;
	} rows[] = {
#define ROW(string, lines, end) { string, sizeof string - 1, lines, end }
		ROW("", 0, LINE_GONE), ROW("\r\n", 1, LINE_GONE), ROW("QUIT\r\n", 1, LINE_GONE),
		ROW("EHLO x\r\nNOOP \r\n\r\nQUIT\r\n", 4, LINE_GONE),
		/* The last line is no line without its end. */
		ROW("QUIT", 0, LINE_GONE), ROW("QUIT\r", 0, LINE_GONE), ROW("NOOP\r\nQUIT", 1, LINE_GONE),
		/* Half of a line end, or a NUL. */
		ROW("NOOP\n", 0, LINE_BARE), ROW("\n", 0, LINE_BARE), ROW("NOOP\r\n\nx", 1, LINE_BARE),
		ROW("RSET\rQUIT\r\n", 0, LINE_BARE), ROW("RSET\r\rQUIT\r\n", 0, LINE_BARE), ROW("\r\r\n", 0, LINE_BARE),
		ROW("NOOP\r\r\n", 0, LINE_BARE), ROW("NOOP\r\n\rQUIT\r\n", 1, LINE_BARE), ROW("\0", 0, LINE_BARE),
		ROW("RSET\0QUIT\r\n", 0, LINE_BARE), ROW("NOOP\0\r\n", 0, LINE_BARE), ROW("NOOP\r\0\n", 0, LINE_BARE),
		ROW("NOOP\r\nx\n\r\n", 1, LINE_BARE), ROW("RSET\rQ", 0, LINE_BARE), ROW("\r\r", 0, LINE_BARE),
		/* No first byte of a command. */
		ROW("\x16\x03\x01\0\xa5\x01", 0, LINE_FOREIGN), ROW("\x80\x80\x01", 0, LINE_FOREIGN),
		ROW("\x03\0\0", 0, LINE_FOREIGN), ROW("NOOP\r\n\xff\r\n", 1, LINE_FOREIGN), ROW("\x1b[A\r\n", 0, LINE_FOREIGN),
		ROW("\x01", 0, LINE_FOREIGN), ROW("\x1f", 0, LINE_FOREIGN), ROW("\x08", 0, LINE_FOREIGN),
		ROW("\tNOOP\r\n", 1, LINE_GONE), ROW(" NOOP\r\n", 1, LINE_GONE), ROW("\x7f\r\n", 1, LINE_GONE),
		ROW("FROP \xF1\x80", 0, LINE_GONE), ROW("FROP \xF1\x80\r\n", 1, LINE_GONE), ROW("x\x08\x16\r\n", 1, LINE_GONE),
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		check(rows[i].bytes, rows[i].length, true, rows[i].lines, rows[i].end);
	/* An answer may begin with anything. */
	check("\x16\x03\r\n\xff\r\n", 7, false, 2, LINE_GONE);
	check("\x16\x03\n", 3, false, 0, LINE_BARE);
}

static void
lines_of_any_length(void **state)
{
	static const size_t lengths[] = { 4093, 4094, 4095, 12286, 12287, 65534, 65535, 65536, 65537, 65538, 131070, 131071,
	    131072, 131073, 200000 };
	static char bytes[400000];

	(void)state;
	for (size_t i = 0; i < LENGTH(lengths); i++)
		for (int end = 0; end < 4; end++) {
			size_t used = 0, length = lengths[i];
			bool flood = length > LINE_FLOOD;

			memcpy(bytes, "NOOP\r\n", 6);
			used = 6 + length;
			memset(bytes + 6, 'x', length);
			memcpy(bytes + used, &"\r\nMAIL\r\n\nMAIL\r\n\0MAIL\r\n....MAIL\r\n"[end == 0 ? 0 : end * 7 + 1], 8);
			/* end: a CRLF, a bare LF, a NUL, nothing yet */
			check(bytes, end < 3 ? used + 8 : used, true, flood || end > 0 ? 1 : 3,
			    flood ? LINE_FLOODED : end == 0 || end == 3 ? LINE_GONE : LINE_BARE);
		}
}

static void
random_bytes(void **state)
{
	static const char *const pieces[] = { "\r\n", "\r\n", "\r\n", "NOOP", "x", " ", "MAIL FROM:<a@b>", "\t", "\r", "\n",
	    "\x80", "\x01" };

	(void)state;
	for (int round = 0; round < 20000 / SHARE; round++) {
		char bytes[1000];
		size_t used = 0;
		struct events whole;

		for (unsigned i = noise_below(40); i > 0; i--) {
			const char *piece = pieces[noise_below(noise_below(10) == 0 ? LENGTH(pieces) : 8)];

			memcpy(bytes + used, piece, strlen(piece));
			used += strlen(piece);
		}
		if (noise_below(20) == 0)
			bytes[used++] = '\0';
		whole = read_lines(bytes, used, SIZE_MAX, true);
		check(bytes, used, true, whole.lines, whole.end);
	}
}

/* What a client is sent, read from the other end. */
static size_t
received(int client, char *bytes, size_t size)
{
	ssize_t got = recv(client, bytes, size - 1, MSG_DONTWAIT);

	bytes[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static int
start_pair(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	start(pair[0]);
	return pair[1];
}

static void
replies(void **state)
{
	struct reply reply = { 250, "2.0.0", "Ok", false };
	char long_text[1000], bytes[9000];
	int client = start_pair();
	size_t used;
	char *string;

	(void)state;
	line_reply(&line, &reply);
	reply = (struct reply){ 354, NULL, "Go", false };
	line_reply(&line, &reply);
	assert_int_equal(received(client, bytes, sizeof bytes), 0);	/* nothing before we wait */
	assert_true(line_flush(&line));
	received(client, bytes, sizeof bytes);
	assert_string_equal(bytes, "250 2.0.0 Ok\r\n354 Go\r\n");
	/* Waiting for input sends it. */
	line_reply(&line, &reply);
	assert_int_equal(send(client, "NOOP\r\nRS", 8, 0), 8);
	assert_int_equal(line_read(&line, true, &string, &used), LINE_READ);
	assert_string_equal(string, "NOOP");
	assert_int_equal(received(client, bytes, sizeof bytes), 8);
	/* 512 bytes at most, whatever it says; and always with its end. */
	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = '\0';
	reply.text = long_text;
	line_reply(&line, &reply);
	line_flush(&line);
	used = received(client, bytes, sizeof bytes);
	assert_int_equal(used, 511);
	assert_string_equal(bytes + used - 3, "x\r\n");
	/* More than the output holds is sent on the way. */
	for (int i = 0; i < 1000; i++)
		line_write(&line, "12345678", 8);
	line_flush(&line);
	assert_int_equal(received(client, bytes, sizeof bytes), 8000);
	for (int i = 0; i < 8000; i++)
		assert_int_equal(bytes[i], '1' + i % 8);
	close(client);
	close(line.read_from);
}

/* A client that takes a few bytes at a time, or none at first, gets all of them once. */
static void
replies_in_parts(void **state)
{
	char bytes[300], wanted[201];
	int client = start_pair(), pipes[2];

	(void)state;
	for (size_t i = 0; i < sizeof wanted - 1; i++)
		wanted[i] = (char)('0' + i % 75);
	wanted[sizeof wanted - 1] = '\0';
	sends.most = 7;
	for (int nothing = 0; nothing < 2; nothing++) {
		line_write(&line, wanted, sizeof wanted - 1);
		sends.nothing = nothing;
		assert_true(line_flush(&line));
		assert_int_equal(received(client, bytes, sizeof bytes), sizeof wanted - 1);
		assert_string_equal(bytes, wanted);
		line_write(&line, "x", 1);	/* what stands behind it is not said */
		assert_true(line_flush(&line));
		assert_int_equal(received(client, bytes, sizeof bytes), 1);
	}
	sends.most = 0;
	assert_false(line.pipe);
	/* That it is a pipe is found out once. */
	assert_int_equal(pipe(pipes), 0);
	line_start(&line, line.read_from, pipes[1]);
	sends.calls = 0;
	for (int i = 0; i < 3; i++) {
		line_write(&line, wanted, sizeof wanted - 1);
		assert_true(line_flush(&line));
		assert_int_equal(read(pipes[0], bytes, sizeof bytes), sizeof wanted - 1);
	}
	assert_int_equal(sends.calls, 1);
	/* One that is full is late, whatever errno was. */
	line_set_deadline(&line, 0);
	while (write(pipes[1], line.in, 4096) == 4096 && fcntl(pipes[1], F_SETFL, O_NONBLOCK) == 0)
		;
	fcntl(pipes[1], F_SETFL, 0);
	line_write(&line, "x", 1);
	errno = EINTR;
	assert_false(line_flush(&line));
	assert_true(line_broken(&line));
	close(pipes[0]);
	close(pipes[1]);
	close(client);
	close(line.read_from);
}

/* A reply stands behind what is to be sent where the longest would, and goes alone where it would not. */
static void
room_for_a_reply(void **state)
{
	static char text[600], bytes[sizeof line.out + 1];
	const struct reply longest = { 250, NULL, text, NULL };
	int client = start_pair();

	(void)state;
	memset(text, 'x', sizeof text - 1);
	for (size_t before = sizeof line.out - LINE_REPLY_MAX; before <= sizeof line.out - LINE_REPLY_MAX + 1; before++) {
		bool fits = before + LINE_REPLY_MAX <= sizeof line.out;

		for (size_t i = 0; i < before; i++)
			line_write(&line, "-", 1);
		sends.calls = 0;
		line_reply(&line, &longest);
		assert_int_equal(sends.calls, fits ? 0 : 1);
		assert_int_equal(line.out_used, (fits ? before : 0) + LINE_REPLY_MAX - 1);
		assert_true(line_flush(&line));
		assert_int_equal(received(client, bytes, sizeof bytes), before + LINE_REPLY_MAX - 1);
		assert_memory_equal(bytes + before, "250 xxx", 7);
		assert_memory_equal(bytes + before + LINE_REPLY_MAX - 4, "x\r\n", 3);
	}
	close(client);
	close(line.read_from);
}

/* The room is all used, and used again. */
static void
room_for_lines(void **state)
{
	static char bytes[190000];
	const char *pending;
	char *string;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i += 19)
		memcpy(bytes + i, "NOOP 0123456789 x\r\n", 19);
	start(SCRIPT);
	script.bytes = bytes;
	script.left = sizeof bytes;
	script.part = 97;
	for (size_t i = 0; i < sizeof bytes / 19; i++) {
		assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
		assert_string_equal(string, "NOOP 0123456789 x");
	}
	assert_int_equal(line_read(&line, true, &string, &length), LINE_GONE);
	script.bytes = bytes;
	script.left = sizeof bytes;
	script.part = 10;
	assert_int_equal(line_fill(&line), LINE_MORE);
	script.part = SIZE_MAX;
	assert_int_equal(line_fill(&line), LINE_MORE);
	assert_int_equal(line_pending(&line, &pending), 10 + LINE_IN_SIZE - LINE_FLOOD - 1);
	assert_memory_equal(pending, bytes, 10 + LINE_IN_SIZE - LINE_FLOOD - 1);
	/* Where nothing is left, all of it; and with one byte too many left, none. */
	line_take(&line, 10 + LINE_IN_SIZE - LINE_FLOOD - 1);
	script.bytes = bytes;
	script.left = sizeof bytes;
	assert_int_equal(line_fill(&line), LINE_MORE);
	assert_int_equal(line_pending(&line, &pending), LINE_IN_SIZE);
	assert_memory_equal(pending, bytes, LINE_IN_SIZE);
	line_take(&line, LINE_IN_SIZE - LINE_FLOOD - 2);
	assert_int_equal(line_fill(&line), LINE_FLOODED);
	line_take(&line, 1);
	assert_int_equal(line_fill(&line), LINE_MORE);
}

/* A socket and a pipe, both of which block: nothing is written that would. */
static void
a_client_that_does_not_read(void **state)
{
	(void)state;
	for (int piped = 0; piped < 2; piped++) {
		int client = start_pair(), pipes[2] = { -1, -1 };
		int64_t before = io_now();
		char *string, bytes[8192];
		size_t length;

		if (piped) {
			assert_int_equal(pipe(pipes), 0);
			line_start(&line, line.read_from, pipes[1]);
		}
		line_set_patience(&line, 300);
		for (int i = 0; i < 100000 && !line_broken(&line); i++)
			line_write(&line, "250 2.0.0 Ok, and so on, and so on\r\n", 36);
		assert_true(line_broken(&line));
		assert_in_range(io_now() - before, 250, 3000);
		/* From now on nobody waits for it. */
		before = io_now();
		for (int i = 0; i < 1000; i++)
			line_write(&line, "250 2.0.0 Ok, and so on, and so on\r\n", 36);
		assert_false(line_flush(&line));
		assert_int_equal(line_read(&line, true, &string, &length), LINE_GONE);
		assert_in_range(io_now() - before, 0, 200);
		/* Whoever shares the connection finds it as it was. */
		assert_int_equal(fcntl(line.read_from, F_GETFL) & O_NONBLOCK, 0);
		if (piped) {
			assert_int_equal(fcntl(pipes[1], F_GETFL) & O_NONBLOCK, 0);
			assert_true(read(pipes[0], bytes, sizeof bytes) > 0);
			close(pipes[0]);
			close(pipes[1]);
		}
		close(client);
		close(line.read_from);
	}
}

/* A pipe whose reader is slow gets everything, a part at a time. */
static void
a_slow_reader_of_a_pipe(void **state)
{
	int client = start_pair(), pipes[2], status;
	pid_t reader;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	reader = fork();
	if (reader == 0) {
		char bytes[700];
		size_t whole = 0;
		ssize_t got;

		close(pipes[1]);
		for (; (got = read(pipes[0], bytes, sizeof bytes)) > 0; whole += (size_t)got)
			for (ssize_t i = 0; i < got; i++)
				if (bytes[i] != "12345678"[(whole + (size_t)i) % 8])
					_exit(1);
		_exit(whole == 8 * 30000 ? 0 : 2);
	}
	close(pipes[0]);
	line_start(&line, line.read_from, pipes[1]);
	for (int i = 0; i < 30000; i++)
		line_write(&line, "12345678", 8);
	assert_true(line_flush(&line));
	close(pipes[1]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	close(client);
	close(line.read_from);
}

static void
a_client_that_is_gone(void **state)
{
	int client = start_pair();
	char *string, bytes[10];
	size_t length;

	(void)state;
	close(client);
	line_write(&line, "x", 1);
	assert_false(line_flush(&line));
	assert_true(line.broken);
	assert_int_equal(line.out_used, 0);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_GONE);
	close(line.read_from);
	/* It said its last and still listens. */
	client = start_pair();
	assert_int_equal(send(client, "QUIT\r\n", 6, 0), 6);
	shutdown(client, SHUT_WR);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_GONE);
	line_write(&line, "221\r\n", 5);
	interruptions = 2;
	assert_true(line_flush(&line));
	assert_int_equal(interruptions, 0);
	assert_int_equal(recv(client, bytes, sizeof bytes, 0), 5);
	/* What it does not read any more it threw away; but not what it read. */
	assert_false(line_was_reset(&line));
	line_write(&line, "221\r\n", 5);
	assert_true(line_flush(&line));
	close(client);
	assert_true(line_was_reset(&line));
	close(line.read_from);
	client = start_pair();
	close(client);
	assert_false(line_was_reset(&line));
	close(line.read_from);
	/* Reading fails: it is known at once. */
	client = start_pair();
	line_write(&line, "220\r\n", 5);
	assert_int_equal(send(client, "QUIT", 4, 0), 4);
	assert_int_equal(line_fill(&line), LINE_MORE);
	close(client);
	assert_int_equal(line_fill(&line), LINE_GONE);
	assert_true(line.reset && line_was_reset(&line));
	close(line.read_from);
}

/* poll(2) says that there is something, and then there is nothing: waited for again. */
static void
bytes_are_taken(void **state)
{
	const char *bytes;
	char *string;
	size_t length;

	(void)state;
	start(SCRIPT);
	script.bytes = "PROXY\r\nNOOP\r\n";
	script.left = 13;
	script.part = 9;
	assert_int_equal(line_pending(&line, &bytes), 0);
	assert_int_equal(line_fill(&line), LINE_MORE);
	assert_int_equal(line_pending(&line, &bytes), 9);
	assert_memory_equal(bytes, "PROXY\r\nNO", 9);
	line_take(&line, 7);
	assert_int_equal(line_pending(&line, &bytes), 2);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
	assert_string_equal(string, "NOOP");
	assert_int_equal(length, 4);
	assert_int_equal(line_pending(&line, &bytes), 0);
}

/* A caller that takes nothing: there is an end to what is kept for it. */
static void
bytes_are_left(void **state)
{
	static char many[200000];
	const char *bytes;

	(void)state;
	start(SCRIPT);
	script.bytes = many;
	script.left = sizeof many;
	script.part = 60000;
	assert_int_equal(line_fill(&line), LINE_MORE);
	assert_int_equal(line_fill(&line), LINE_MORE);
	assert_int_equal(line_pending(&line, &bytes), 120000);
	assert_int_equal(line_fill(&line), LINE_FLOODED);
	line_take(&line, 120000 - LINE_FLOOD - 1);
	assert_int_equal(line_fill(&line), LINE_MORE);
	assert_int_equal(line_pending(&line, &bytes), LINE_FLOOD + 1 + 60000);
}

/* What is left on the wall of a reply that is traced: it, without its line end. */
static void
replies_are_traced(void **state)
{
	static const struct reply ok = { 250, "2.0.0", "Ok", NULL };
	char bytes[200];
	int client, wall[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, wall), 0);
	wall[1] = fcntl(wall[1], F_DUPFD, 110);
	assert_int_equal(dup2(wall[0], ASK_WALL), ASK_WALL);
	client = start_pair();
	line_reply(&line, &ok);
	assert_int_equal(recv(wall[1], bytes, sizeof bytes, MSG_DONTWAIT), -1);
	line_set_debug(&line, true);
	line_reply(&line, &ok);
	assert_true(recv(wall[1], bytes, sizeof bytes, MSG_DONTWAIT) > 24);
	assert_memory_equal(bytes + sizeof(struct ask_head), "TS\000250 2.0.0 Ok\0", 16);
	line_set_debug(&line, false);
	close(ASK_WALL);
	close(wall[1]);
	close(client);
	close(line.read_from);
}

static void
a_wakeup_for_nothing(void **state)
{
	(void)state;
	start(SCRIPT);
	script.bytes = "NOOP\r\n";
	script.left = 6;
	script.part = 6;
	unready = 3;
	assert_int_equal(line_fill(&line), LINE_MORE);
	unready = 0;
}

static void
deadlines(void **state)
{
	int client = start_pair();
	int64_t before = io_now();
	char *string;
	size_t length;

	(void)state;
	line_set_patience(&line, 200);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_LATE);
	assert_in_range(io_now() - before, 190, 2000);
	line_set_patience(&line, 60000);
	line_set_deadline(&line, (before = io_now()) + 200);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_LATE);
	assert_in_range(io_now() - before, 190, 2000);
	/* The deadline has passed: what is there already is not waited for either. */
	assert_int_equal(send(client, "NO", 2, 0), 2);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_LATE);
	close(client);
	close(line.read_from);
}

static void
nothing_is_left_of_a_line(void **state)
{
	static const char secret[] = "AHRpbQB0YW5zdGFhZnRhbnN0YWFm";
	char *string;
	size_t length;

	(void)state;
	for (size_t part = 1; part < 80; part++) {
		static char bytes[400];

		/* Something in front that moves the line, half of which has come, to the front of the buffer. */
		memset(bytes, 0, sizeof bytes);
		strcpy(bytes, "EHLO a.name.of.some.length.that.is.used.up.client.example\r\nAUTH PLAIN\r\n");
		strcat(strcat(bytes, secret), "\r\nN\r\n");
		start(SCRIPT);
		script.bytes = bytes;
		script.left = strlen(bytes);
		script.part = part;
		for (int i = 0; i < 3; i++)
			assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
		assert_string_equal(string, secret);
		if (part % 2 == 0)
			line_wipe(string, length);
		else	/* what begins anew keeps nothing either */
			line_start(&line, SCRIPT, SCRIPT);
		for (size_t k = 0; k + 8 < sizeof secret; k++) {
			const char *left = memmem(line.in, sizeof line.in, secret + k, 8);

			if (left != NULL)
				fail_msg("read in parts of %zu: \"%.20s\" at %zu", part, left, (size_t)(left - line.in));
		}
		line_start(&line, 0, 1);
		memset(line.in, 0, sizeof line.in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_what_is_none),
		cmocka_unit_test(replies),
		cmocka_unit_test(replies_in_parts),
		cmocka_unit_test(room_for_a_reply),
		cmocka_unit_test(room_for_lines),
		cmocka_unit_test(bytes_are_taken),
		cmocka_unit_test(bytes_are_left),
		cmocka_unit_test(replies_are_traced),
		cmocka_unit_test(a_wakeup_for_nothing),
		cmocka_unit_test(nothing_is_left_of_a_line),
		cmocka_unit_test(lines_of_any_length),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(a_slow_reader_of_a_pipe),
		cmocka_unit_test(a_client_that_is_gone),
		cmocka_unit_test(a_client_that_does_not_read),
		cmocka_unit_test(deadlines),
	};

	if (dup2(open("/dev/null", O_RDONLY), SCRIPT) != SCRIPT)
		return 1;
	signal(SIGPIPE, SIG_IGN);	/* write(2) reports, as behind drop_start() */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
