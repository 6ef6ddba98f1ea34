/* Lines in, replies out, and how long we wait for either. */
#include <bsd/string.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "base/io.h"
#include "base/text.h"
#include "session/line.h"

void
line_start(struct line *line, int read_from, int write_to)
{
	explicit_bzero(line->in, line->end);
	line->read_from = read_from;
	line->write_to = write_to;
	line->pipe = false;
	line->start = line->end = line->out_used = 0;
}

void
line_set_patience(struct line *line, int64_t milliseconds)
{
	line->patience = milliseconds;
}

void
line_set_deadline(struct line *line, int64_t deadline)
{
	line->deadline = deadline;
}

int64_t
line_wait_ends(const struct line *line)
{
	int64_t now = io_now();

	/* Without a clock it is INT64_MAX: nothing may be added to that. */
	return line->deadline - now < line->patience ? line->deadline : now + line->patience;
}

size_t
line_pending(struct line *line, const char **bytes)
{
	*bytes = line->in + line->start;
	return line->end - line->start;
}

void
line_take(struct line *line, size_t length)
{
	line->start += length;
}

void
line_set_debug(struct line *line, bool debug)
{
	line->debug = debug;
}

bool
line_broken(const struct line *line)
{
	return line->broken;
}

/* Moves what stands from `start` to `end` to the front, and returns its length. As a rule it is short, and it may be
 * half of a password: nothing of it stays where it was. */
static size_t
move(char *bytes, size_t start, size_t end)
{
	char *to = bytes, *from = bytes + start;

	if (start == 0)
		return end;
	while (from < bytes + end) {
		*to++ = *from;
		*from++ = '\0';
	}
	return (size_t)(to - bytes);
}

_Static_assert(sizeof ((struct line *)0)->out <= PIPE_BUF, "a pipe may have no room for all of it");

/*
 * Writes of the output what the client takes now, as write(2) does, and never waits: nor is the descriptor made
 * non-blocking for it, since whoever shares its file description (a UCSPI-TLS server) would find it so. A pipe has
 * room for PIPE_BUF bytes where poll(2) says that it can be written.
 */
static ssize_t
write_some(struct line *line)
{
	ssize_t sent;

	if (!line->pipe) {
		sent = send(line->write_to, line->out, line->out_used, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0 || errno != ENOTSOCK)
			return sent;
		line->pipe = true;
	}
	if (!io_wait(line->write_to, POLLOUT, line_wait_ends(line))) {
		errno = ETIMEDOUT;
		return -1;
	}
	return write(line->write_to, line->out, line->out_used);
}

bool
line_flush(struct line *line)
{
	while (line->out_used > 0 && !line->broken) {
		ssize_t written = write_some(line);

		if (written >= 0)
			line->out_used = move(line->out, (size_t)written, line->out_used);
		else if (errno == EAGAIN)
			line->broken = !io_wait(line->write_to, POLLOUT, line_wait_ends(line));
		else if (errno != EINTR)
			line->broken = true;
	}
	line->out_used = 0;
	return !line->broken;
}

void
line_write(struct line *line, const char *bytes, size_t length)
{
	size_t used = line->out_used;

	for (size_t i = 0; i < length; i++) {
		line->out[used++] = bytes[i];
		if (used == sizeof line->out) {
			line->out_used = used;
			line_flush(line);
			used = 0;
		}
	}
	line->out_used = used;
}

void
line_reply(struct line *line, const struct reply *reply)
{
	struct text text;

	if (line->out_used > sizeof line->out - LINE_REPLY_MAX)
		line_flush(line);
	text_start(&text, line->out + line->out_used, LINE_REPLY_MAX - 2);
	text_add_number(&text, (uint64_t)reply->code);
	if (reply->enhanced != NULL) {
		text_add_byte(&text, ' ');
		text_add(&text, reply->enhanced);
	}
	text_add_byte(&text, ' ');
	text_add(&text, reply->text);
	if (line->debug)
		ask_log(&(struct ask_line){ .event = ASK_TRACE, .reason = "S", .text = text.bytes });
	memcpy(text.bytes + text.used, "\r\n", 2);
	line->out_used += text.used + 2;
}

enum line_event
line_fill(struct line *line)
{
	int64_t deadline;
	ssize_t got;

	if (!line_flush(line))
		return LINE_GONE;
	line->end = move(line->in, line->start, line->end);
	line->start = 0;
	if (line->end > LINE_FLOOD + 1)
		return LINE_FLOODED;
	deadline = line_wait_ends(line);
	do {
		if (!io_wait(line->read_from, POLLIN, deadline))
			return LINE_LATE;
		got = io_read(line->read_from, line->in + line->end,
		    line->end == 0 ? LINE_IN_SIZE : LINE_IN_SIZE - LINE_FLOOD - 1);
	} while (got < 0 && errno == EAGAIN);
	line->reset = got < 0;
	if (got <= 0)
		return LINE_GONE;
	line->end += (size_t)got;
	return LINE_MORE;
}

/* The first of LF, CR and NUL in [bytes, end), or end. */
static char *
end_of_text(char *bytes, char *end)
{
	while (bytes < end && *bytes != '\n' && *bytes != '\r' && *bytes != '\0')
		bytes++;
	return bytes;
}

bool
line_was_reset(const struct line *line)
{
	struct pollfd poller = { .fd = line->write_to };

	return line->reset || (poll(&poller, 1, LINE_RESET_MS) > 0 && (poller.revents & POLLERR) != 0);
}

enum line_event
line_read(struct line *line, bool command, char **string, size_t *length)
{
	char *stop = line->in + line->start;	/* the line does not end before this */
	enum line_event filled;
	size_t seen;

	for (;;) {
		char *start = line->in + line->start, *end = line->in + line->end;

		stop = end_of_text(stop, end);
		if (command && start < end && (*start < 0 || (*start > 0 && *start < 32 && *start != '\t' &&
		    *start != '\r' && *start != '\n')))
			return LINE_FOREIGN;
		seen = (size_t)(stop - start);
		if (seen > LINE_FLOOD)
			return LINE_FLOODED;
		if (stop + 1 < end && *stop == '\r' && stop[1] == '\n') {
			*stop = '\0';
			*string = start;
			*length = seen;
			line->start = (size_t)(stop + 2 - line->in);
			return LINE_READ;
		}
		if (stop < end && (*stop != '\r' || stop + 1 < end))
			return LINE_BARE;
		filled = line_fill(line);
		if (filled != LINE_MORE)
			return filled;
		stop = line->in + seen;		/* the line has moved to the front */
	}
}

void
line_wipe(char *string, size_t length)
{
	explicit_bzero(string, length);
}
