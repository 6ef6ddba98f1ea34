/* The kernel and the clock, for Eva: any answer they may give, of any bytes; their arguments are judged. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "__fc_builtin.h"

/* Any error of errno(3). */
static ssize_t
system_fails(void)
{
	errno = Frama_C_interval(1, 133);
	return -1;
}

static ssize_t
system_takes(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '\n' && Frama_C_interval(0, 1))
			break;
	return Frama_C_interval(0, 1) ? system_fails() : Frama_C_long_interval(0, (long)length);
}

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	(void)descriptor;
	if (Frama_C_interval(0, 1))
		return system_fails();
	Frama_C_make_unknown(bytes, size);
	return Frama_C_long_interval(0, (long)size);
}

ssize_t
write(int descriptor, const void *bytes, size_t length)
{
	(void)descriptor;
	return system_takes(bytes, length);
}

ssize_t
send(int descriptor, const void *bytes, size_t length, int flags)
{
	(void)descriptor;
	(void)flags;
	return system_takes(bytes, length);
}

int
poll(struct pollfd *pollers, nfds_t count, int timeout)
{
	(void)timeout;
	for (nfds_t i = 0; i < count; i++)
		pollers[i].revents = (short)Frama_C_interval(0, 63);
	return Frama_C_interval(0, 1) ? (int)system_fails() : Frama_C_interval(0, (int)count);
}

/* The kernel counts nanoseconds in 63 bits. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = Frama_C_long_interval(0, INT64_MAX / 1000000000);
	now->tv_nsec = Frama_C_long_interval(0, 999999999);
	return Frama_C_interval(0, 1) ? (int)system_fails() : 0;
}
