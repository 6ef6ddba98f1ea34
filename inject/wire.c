/* One connection to a server: lines in, bytes out, and no wait beyond the deadline. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "inject/wire.h"

void
wire_start(struct wire *wire, int descriptor, int64_t deadline)
{
	wire->descriptor = descriptor;
	wire->deadline = deadline;
	wire->in_start = wire->in_end = wire->out_used = 0;
	wire->error = 0;
}

static bool
wait_for_server(struct wire *wire, short events)
{
	if (io_wait(wire->descriptor, events, wire->deadline))
		return true;
	errno = ETIMEDOUT;
	return false;
}

/* Takes in what is there. False: errno, EAGAIN for nothing. */
static bool
take_in(struct wire *wire)
{
	ssize_t got = io_read(wire->descriptor, wire->in + wire->in_end, sizeof wire->in - 1 - wire->in_end);

	if (got == 0)
		errno = ENODATA;
	if (got <= 0)
		return false;
	wire->in_end += (size_t)got;
	return true;
}

char *
wire_line(struct wire *wire, size_t *length)
{
	size_t seen = 0;

	for (;;) {
		char *line = wire->in + wire->in_start;
		char *end = memchr(line + seen, '\n', wire->in_end - wire->in_start - seen);

		if (end != NULL) {
			*end = '\0';
			*length = (size_t)(end - line);
			wire->in_start += *length + 1;
			return line;
		}
		seen = wire->in_end - wire->in_start;
		memmove(wire->in, line, seen);
		wire->in_start = 0;
		wire->in_end = seen;
		if (seen == sizeof wire->in - 1) {
			errno = EMSGSIZE;
			return NULL;
		}
		while (!take_in(wire))
			if (errno != EAGAIN || !wait_for_server(wire, POLLIN))
				return NULL;
	}
}

bool
wire_quiet(struct wire *wire)
{
	if (wire->in_start != wire->in_end)
		return false;
	wire->in_start = wire->in_end = 0;
	return !take_in(wire) && errno == EAGAIN;
}

/* Half of it may have gone when it fails: then nothing may follow. */
static void
send_all(struct wire *wire, const char *bytes, size_t length)
{
	while (length > 0 && wire->error == 0) {
		ssize_t sent = write(wire->descriptor, bytes, length);

		if (sent > 0) {
			bytes += sent;
			length -= (size_t)sent;
		} else if (errno != EINTR && (errno != EAGAIN || !wait_for_server(wire, POLLOUT))) {
			wire->error = errno;
		}
	}
}

bool
wire_flush(struct wire *wire)
{
	send_all(wire, wire->out, wire->out_used);
	wire->out_used = 0;
	errno = wire->error;
	return wire->error == 0;
}

bool
wire_reserve(struct wire *wire, size_t length)
{
	return (wire->error == 0 && length <= sizeof wire->out - wire->out_used) || wire_flush(wire);
}

void
wire_put(struct wire *wire, const void *bytes, size_t length)
{
	if (length > sizeof wire->out - wire->out_used)
		(void)wire_flush(wire);
	if (length > sizeof wire->out) {
		send_all(wire, bytes, length);
	} else {
		memcpy(wire->out + wire->out_used, bytes, length);
		wire->out_used += length;
	}
}

const char *
wire_fault(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "no answer in time";
	case ENODATA:
	case EPIPE:
	case ECONNRESET:
		return "the connection was closed";
	case EMSGSIZE:
		return "a line too long";
	case EPROTO:
		return "a malformed answer";
	default:
		return strerror(error);
	}
}
