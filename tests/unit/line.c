/* links: line io text */
/* Lines in, however the bytes are cut; replies out; and clients that do not do their part. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io.h"
#include "line.h"

static struct line line;
static int client;	/* the other end */

static void
start(void)
{
	int pair[2];

	if (client > 0)
		close(client);
	if (line.read_from > 0)
		close(line.read_from);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	client = pair[1];
	line_start(&line, pair[0], pair[0]);
	line.wait = 5000;
	line.until = INT64_MAX;
	line.broken = false;
}

/* The lines and the end that come of `bytes` where one read(2) gives at most `part` (0: at random). */
struct events {
	size_t lines;
	uint64_t sum;		/* of all lines' bytes and lengths */
	enum line_event end;
};

static const char *input;
static size_t input_length, input_part;

/* In place of io.c's: what the client sends, and how much of it comes at once. */
ssize_t __wrap_io_read(int descriptor, void *bytes, size_t size);

static struct events
read_lines(const char *bytes, size_t length, size_t part, bool command)
{
	struct events events = { 0 };
	char *string;
	size_t got, given = 0;

	start();
	(void)input, (void)input_length, (void)input_part;
	for (;;) {
		/* line_read() asks for more only when it must: what it was given is one read. */
		while (given < length) {
			size_t more = part > 0 ? part : noise_below(noise_below(3) == 0 ? 3000 : 5) + 1;

			if (more > length - given)
				more = length - given;
			if (memchr(line.in + line.start, '\n', line.end - line.start) != NULL)
				break;
			assert_int_equal(send(client, bytes + given, more, 0), more);
			given += more;
			if (given == length)
				shutdown(client, SHUT_WR);
			break;
		}
		if (length == 0)
			shutdown(client, SHUT_WR);
		events.end = line_read(&line, command, &string, &got);
		if (events.end != LINE_READ)
			return events;
		events.lines++;
		assert_int_equal(strlen(string), got);
		for (size_t i = 0; i <= got; i++)
			events.sum = events.sum * 31 + (unsigned char)string[i];
	}
}
