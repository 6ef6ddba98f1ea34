/* What every unit test needs: cmocka with what it wants in front, and a source of repeatable noise. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of noise and of long texts tests/prove/mutate takes a share alone. */
#ifndef SHARE
#define SHARE 1
#endif

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A linear congruential generator (Knuth's MMIX): the same numbers in every run. At most `below` - 1. */
static uint64_t noise = 1;

static inline unsigned
noise_below(unsigned below)
{
	noise = noise * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(noise >> 33) % below;
}

/* A copy in exactly as much memory as it needs: AddressSanitizer sees a byte too far. */
static inline char *
exactly(const void *bytes, size_t length)
{
	char *copy = malloc(length > 0 ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return copy;
}

#endif
