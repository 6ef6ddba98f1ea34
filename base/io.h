/* Reads and writes whole, tells the time, sets the process title. */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

/* read(2) that goes on after a signal. */
ssize_t io_read(int descriptor, void *bytes, size_t size);

/* Writes all of it, after short writes and signals too; false (errno) at an error. */
bool io_write_all(int descriptor, const void *bytes, size_t length);

/* Milliseconds of CLOCK_MONOTONIC: for deadlines; a changed wall clock does not move it. */
int64_t io_now(void);

/* Waits until `descriptor` has one of the poll(2) `events` or `deadline` (as io_now()) has passed: false. */
bool io_wait(int descriptor, short events, int64_t deadline);

/*
 * What ps shows: the first call is given argc, argv and the environment, whose room the title takes; nothing
 * in either may be used after it. (libbsd's setproctitle would move both to the heap first: five system
 * calls and two pages for every session.) Any later call: "ofmipd-session: ROLE CLIENT USER WHAT"; what is
 * not printable ASCII becomes '?'.
 */
void io_title_start(int argc, char **argv, char **environment);
void io_title(const char *role, const char *client, const char *user, const char *what);

#endif
