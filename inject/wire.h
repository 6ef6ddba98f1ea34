/* One connection to a server: lines in, bytes out, and no wait beyond the deadline. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	int descriptor;			/* non-blocking */
	int64_t deadline;		/* as io_now() */
	size_t in_start, in_end;	/* what came and was not taken yet */
	size_t out_used;		/* what waits to be sent */
	int error;			/* why nothing more can be sent; 0: it can */
	char in[4096];
	char out[65536];		/* last: most of it is never touched */
};

void wire_start(struct wire *wire, int descriptor, int64_t deadline);

/* The next line, ended by LF, which is not part of it; a NUL follows it. Valid until the next call. NULL: there
 * is none: errno, ENODATA when the server closed the connection, EMSGSIZE when a line is longer than the buffer. */
char *wire_line(struct wire *wire, size_t *length);

/* True: the server has said nothing that was not taken yet, and is still there. Does not wait. */
bool wire_quiet(struct wire *wire);

/* Adds bytes to what waits to be sent, and sends it once there is much. That it could not be sent is what the next
 * wire_reserve() or wire_flush() says. */
void wire_put(struct wire *wire, const void *bytes, size_t length);

/* For lines that are written where they are sent from: there is room for `length` bytes, at most WIRE_ROOM, at
 * wire->out + wire->out_used. False: errno. */
#define WIRE_ROOM 8192
bool wire_reserve(struct wire *wire, size_t length);

/* Sends all of it. False: errno; from then on nothing is sent any more. */
bool wire_flush(struct wire *wire);

/* What errno means here. */
const char *wire_fault(int error);

#endif
