/* The log: one event a line. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

static _Alignas(2048) struct {	/* on one page */
	enum {
		LOG_UNKNOWN,
		LOG_FILE,	/* does not block; or it cannot be helped */
		LOG_SOCKET,	/* MSG_DONTWAIT */
		LOG_OPENED,	/* a pipe or terminal, opened again: O_NONBLOCK is ours alone */
		LOG_PIPE	/* somebody else's pipe, that we may not open: by way of one of our own */
	} way;
	int descriptor;		/* to write to */
	int read_end;		/* LOG_PIPE: of our own */
	int64_t patience;	/* what is left of LOG_PATIENCE */
	uint64_t dropped;	/* lines, since the last that was written */
	bool syslog;
	uint64_t pid;		/* of the monitor, which alone writes lines */
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
	if (log_state.dropped > 0)
		log_number("dropped", log_state.dropped);
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
log_sentence(const char *key, const char *message)
{
	add_key(key);
	text_add_byte(&log_state.line, '"');
	for (; *message != '\0'; message++)
		text_add_byte(&log_state.line, *message == '"' || *message < 32 || *message == 127 ? '\'' : *message);
	text_add_byte(&log_state.line, '"');
}

/*
 * The log is shared with others, who rely on its being as it is: O_NONBLOCK, which belongs to whoever opened it, is
 * not to be set there.
 */
void
log_open(void)
{
	struct stat status;
	int own[2];

	log_state.way = LOG_FILE;
	log_state.descriptor = STDERR_FILENO;
	log_state.patience = LOG_PATIENCE;
	if (fstat(STDERR_FILENO, &status) != 0 || S_ISREG(status.st_mode))
		return;
	if (S_ISSOCK(status.st_mode)) {
		log_state.way = LOG_SOCKET;
		return;
	}
	log_state.descriptor = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (log_state.descriptor >= 0) {
		log_state.way = LOG_OPENED;
	} else {
		log_state.descriptor = STDERR_FILENO;
		if (S_ISFIFO(status.st_mode) && pipe2(own, O_CLOEXEC) == 0) {
			log_state.way = LOG_PIPE;
			log_state.read_end = own[0];
			log_state.descriptor = own[1];
		}
	}
}

/* A line in our own pipe, which is empty, moves to the log's as it is, or not at all: SPLICE_F_NONBLOCK is for this
 * one call. */
static ssize_t
write_by_pipe(const char *bytes, size_t length)
{
	char taken_back[LOG_LINE_MAX];
	ssize_t sent;
	int error;

	if (write(log_state.descriptor, bytes, length) != (ssize_t)length)
		return -1;
	sent = splice(log_state.read_end, NULL, STDERR_FILENO, NULL, length, SPLICE_F_NONBLOCK);
	error = errno;
	if (sent < 0 && read(log_state.read_end, taken_back, length) != (ssize_t)length)
		log_state.way = LOG_FILE;	/* cannot be */
	errno = error;
	return sent;
}

/* write(2) that does not wait. */
static ssize_t
write_now(const char *bytes, size_t length)
{
	switch (log_state.way) {
	case LOG_SOCKET:
		return send(STDERR_FILENO, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	case LOG_PIPE:
		return write_by_pipe(bytes, length);
	default:
		return write(log_state.descriptor, bytes, length);
	}
}

/* Waits for room, if there is patience left. */
static bool
wait_for_room(void)
{
	int64_t start = io_now(), waited;
	bool room = log_state.patience > 0 && io_wait(STDERR_FILENO, POLLOUT, start + log_state.patience);

	waited = io_now() - start;
	log_state.patience = room && waited < log_state.patience ? log_state.patience - waited : 0;
	return room;
}

static bool
write_line(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write_now(bytes, length);

		if (written >= 0) {
			bytes += written;
			length -= (size_t)written;
		} else if (errno == EAGAIN ? !wait_for_room() : errno != EINTR) {
			return false;
		}
	}
	return true;
}

void
log_end(void)
{
	struct text *line = &log_state.line;

	if (log_state.way == LOG_UNKNOWN)
		log_open();
	line->bytes[line->used] = '\n';
	if (write_line(line->bytes, line->used + !log_state.syslog))
		log_state.dropped = 0;
	else
		log_state.dropped++;
}

void
log_drop(void)
{
	log_state.dropped++;
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
