/* What the driver and the targets know of each other. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What mutations begin with, and are made of; both end with {NULL, 0}. libFuzzer does not need them. */
struct seed {
	const char *bytes;
	size_t length;
};
extern const struct seed seeds[], words[];
#define SEED(string) { string, sizeof string - 1 }

/* What must be true, or the input is kept and the run fails. */
#define MUST(condition) do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Read in parts: what stands in place of read(2) on descriptor 0 and write(2) on 1 in a target. */
static uint64_t fuzz_noise = 1;

static inline unsigned
fuzz_below(unsigned below)
{
	fuzz_noise = fuzz_noise * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(fuzz_noise >> 33) % below;
}

/* How many of `left` bytes come next: `part`; 0: at random. */
static inline size_t
fuzz_part(size_t part, size_t left)
{
	if (part == 0)
		part = fuzz_below(fuzz_below(4) == 0 ? 500 : 6) + 1;
	return part < left ? part : left;
}

#endif
