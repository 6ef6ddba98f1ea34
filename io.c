/* side: shared. Reads and writes whole, tells the time, writes the log and the process title. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io.h"

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

	/* The kernel lays the strings out one behind the other: arguments, then environment. */
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

static struct {
	bool syslog;
	uint64_t pid;		/* of the monitor, for both: getpid() is not in the cage */
	const char *id, *client;
	char array[LOG_LINE_MAX];
	struct text line;
} log_state;

void
log_start(bool to_syslog, const char *id, const char *client)
{
	if (to_syslog && log_state.pid == 0)
		log_state.pid = (uint64_t)getpid();
	log_state.syslog = to_syslog;
	log_state.id = id;
	log_state.client = client;
}

void
log_client(const char *client)
{
	log_state.client = client;
}

void
log_begin(const char *event)
{
	struct text *line = &log_state.line;

	/* One byte is kept for the line's end: a cut line is still a line. */
	text_start(line, log_state.array, sizeof log_state.array - 1);
	if (log_state.syslog) {
		text_add(line, "<22>ofmipd-session[");	/* mail.info */
		text_add_number(line, log_state.pid);
		text_add(line, "]: ");
	} else {
		text_add(line, "ofmipd-session: ");
	}
	if (log_state.id != NULL) {
		text_add(line, "id=");
		text_add(line, log_state.id);
		text_add_byte(line, ' ');
	}
	if (log_state.client != NULL) {
		text_add(line, "client=");
		text_add(line, log_state.client);
		text_add_byte(line, ' ');
	}
	text_add(line, "event=");
	text_add(line, event);
}

static void
add_key(const char *key)
{
	text_add_byte(&log_state.line, ' ');
	text_add(&log_state.line, key);
	text_add_byte(&log_state.line, '=');
}

void
log_word(const char *key, const char *value)
{
	add_key(key);
	text_add(&log_state.line, value);
}

void
log_number(const char *key, uint64_t value)
{
	add_key(key);
	text_add_number(&log_state.line, value);
}

void
log_quoted(const char *key, const char *bytes, size_t length)
{
	add_key(key);
	text_add_quoted(&log_state.line, bytes, length);
}

void
log_message(const char *key, const char *message)
{
	add_key(key);
	text_add_byte(&log_state.line, '"');
	for (; *message != '\0'; message++)
		text_add_byte(&log_state.line, *message == '"' || *message < 32 ? '\'' : *message);
	text_add_byte(&log_state.line, '"');
}

void
log_end(void)
{
	struct text *line = &log_state.line;

	line->bytes[line->used] = '\n';
	if (!io_write_all(STDERR_FILENO, line->bytes, line->used + !log_state.syslog))
		return;	/* there is nowhere to say it */
}

void
log_error(const char *what, int error)
{
	log_begin("error");
	log_quoted("what", what, strlen(what));
	if (error != 0)
		log_quoted("error", strerror(error), strlen(strerror(error)));
	log_end();
}

void
log_trace(const char *direction, const char *bytes, size_t length)
{
	log_begin("trace");
	log_quoted(direction, bytes, length);
	log_end();
}
