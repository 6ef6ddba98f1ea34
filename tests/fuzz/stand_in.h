/*
 * A server in place of a socket: it says the input, in parts, and is silent at each mark until it is written to. What
 * it heard is kept.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dial.h"
#include "fuzz.h"

#define STAND_IN_MARK 037	/* "\037" */

static struct {
	int descriptor;			/* /dev/null: poll(2) finds it ready */
	const char *bytes;
	size_t size, part;
	size_t given, waiting;		/* bytes said; times it was written to that no mark has used yet */
	bool silent;			/* it was asked once for more than it has */
	char heard[1 << 16];
	size_t used;
	void (*hear)(const char *bytes, size_t size);	/* each write, or NULL */
} stand_in;

static inline void
stand_in_start(const void *bytes, size_t size, size_t part, void (*hear)(const char *, size_t))
{
	stand_in.bytes = bytes;
	stand_in.size = size;
	stand_in.part = part;
	stand_in.given = stand_in.waiting = stand_in.used = 0;
	stand_in.silent = false;
	stand_in.hear = hear;
}

static int
stand_in_connect(const struct dial *dial, int64_t deadline)
{
	(void)dial, (void)deadline;
	stand_in.descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
	return stand_in.descriptor;
}

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	const char *at, *stop;
	size_t more;

	if (descriptor != stand_in.descriptor || descriptor == 0)
		return syscall(SYS_read, descriptor, bytes, size);
	for (; stand_in.waiting > 0 && stand_in.given < stand_in.size &&
	    stand_in.bytes[stand_in.given] == STAND_IN_MARK;
	    stand_in.waiting--)
		stand_in.given++;
	at = stand_in.bytes + stand_in.given;
	more = stand_in.size - stand_in.given;
	stop = more > 0 ? memchr(at, STAND_IN_MARK, more) : NULL;
	if (stop != NULL)
		more = (size_t)(stop - at);
	if (more == 0) {	/* nothing now; and then it is gone */
		errno = EAGAIN;
		if (stand_in.silent)
			return 0;
		stand_in.silent = true;
		return -1;
	}
	more = fuzz_part(stand_in.part, more < size ? more : size);
	memcpy(bytes, at, more);
	stand_in.given += more;
	return (ssize_t)more;
}

ssize_t
write(int descriptor, const void *bytes, size_t size)
{
	if (descriptor != stand_in.descriptor || descriptor == 0)
		return syscall(SYS_write, descriptor, bytes, size);
	MUST(stand_in.used + size <= sizeof stand_in.heard);
	memcpy(stand_in.heard + stand_in.used, bytes, size);
	stand_in.used += size;
	if (stand_in.hear != NULL)
		stand_in.hear(bytes, size);
	stand_in.waiting++;
	stand_in.silent = false;
	return (ssize_t)size;
}

#endif
