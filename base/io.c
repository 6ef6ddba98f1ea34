/* Reads and writes whole, tells the time, sets the process title. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

ssize_t
io_read(int descriptor, void *bytes, size_t size)
{
	ssize_t got;

	do
		got = read(descriptor, bytes, size);
	while (got < 0 && errno == EINTR);
	return got;
}

bool
io_write_all(int descriptor, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t written = write(descriptor, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		at += written;
		length -= (size_t)written;
	}
	return true;
}

int64_t
io_now(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return INT64_MAX;	/* no clock: every deadline has passed */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
io_wait(int descriptor, short events, int64_t deadline)
{
	struct pollfd poller = { .fd = descriptor, .events = events };

	for (;;) {
		int64_t left = deadline - io_now();
		int ready = left <= 0 ? 0 : poll(&poller, 1, left > 1000000 ? 1000000 : (int)left);

		if (ready > 0)
			return true;
		if (left <= 0 || (ready < 0 && errno != EINTR))
			return false;
	}
}

static struct {
	char *room;
	size_t size;
} title;

void
io_title_start(int argc, char **argv, char **environment)
{
	char *end = argv[0];

	/* The kernel lays the strings out one after the other: arguments, then environment. */
	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(end) + 1;
	for (int i = 0; environment[i] == end; i++)
		end += strlen(end) + 1;
	title.room = argv[0];
	title.size = (size_t)(end - argv[0]);
	memset(title.room, 0, title.size);
}

void
io_title(const char *role, const char *client, const char *user, const char *what)
{
	const char *const words[] = { "ofmipd-session:", role, client, user[0] == '\0' ? "-" : user, what };
	struct text text;

	if (title.size < 2)
		return;
	/* The old one goes whole; the last byte stays NUL, where ps stops. */
	memset(title.room, 0, strlen(title.room));
	text_start(&text, title.room, title.size);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (i > 0)
			text_add_byte(&text, ' ');
		for (const char *p = words[i]; *p != '\0'; p++)
			text_add_byte(&text, *p > 31 && *p < 127 ? *p : '?');
	}
}
