/* Connects to a numeric address and port, or to a unix socket, and waits no longer than it may. */
#ifndef DIAL_H
#define DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct dial {
	struct sockaddr_storage address;
	socklen_t length;
};

/* Reads "ADDRESS:PORT", "[IPv6]:PORT" or "/PATH" from `length` bytes. Nothing is looked up in the DNS: whoever waits
 * for us would wait for others' servers. False: it is none of these. */
bool dial_read(const char *string, size_t length, struct dial *dial);

/* A stream: its descriptor, close-on-exec and non-blocking. -1: errno, which is ETIMEDOUT when `deadline` (as
 * io_now()) has passed. */
int dial_connect(const struct dial *dial, int64_t deadline);

#endif
