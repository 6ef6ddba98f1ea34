/*
 * Runs a target on changed seeds, the same ones in every run, for some seconds:
 *
 *   fuzz-NAME [SECONDS]	prints how many; an input that ends it is left in fuzz-NAME.input
 *   fuzz-NAME -f FILE		runs that one
 *
 * With clang, libFuzzer takes this file's place, follows the branches and finds more:
 *
 *   clang -std=c11 -D_GNU_SOURCE -fsigned-char -g -O1 -DNOCAGE -fsanitize=fuzzer,address,undefined -I. \
 *       tests/fuzz/NAME.c ROOMS.c -lbsd && ./a.out CORPUS/
 *
 * with the rooms that the first line of the target names.
 */
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>

#include "fuzz.h"

#define MOST 16384

static uint8_t input[MOST];
static size_t length;
static char kept[4096];

static void
keep(void)
{
	int file = open(kept, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (file >= 0 && write(file, input, length) == (ssize_t)length)
		dprintf(2, "the input is in %s\n", kept);
}

static void
aborted(int signal_number)
{
	keep();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void
insert(size_t at, const void *bytes, size_t size)
{
	static uint8_t copy[MOST];

	if (length + size > MOST)
		return;
	memcpy(copy, bytes, size);	/* it may be a part of the input */
	memmove(input + at + size, input + at, length - at);
	memcpy(input + at, copy, size);
	length += size;
}

static const struct seed *
any(const struct seed *list)
{
	unsigned count = 0;

	while (list[count].bytes != NULL)
		count++;
	return &list[fuzz_below(count)];
}

static void
change(void)
{
	size_t at = fuzz_below((unsigned)length + 1), size = fuzz_below(fuzz_below(4) == 0 ? 200 : 8) + 1;
	const struct seed *word = any(words), *other = any(seeds);
	uint8_t byte = (uint8_t)fuzz_below(256);

	if (size > length - at)
		size = length - at;
	switch (fuzz_below(9)) {
	case 0:
	case 1:
	case 2:
		insert(at, word->bytes, word->length);
		break;
	case 3:		/* take some away */
		memmove(input + at, input + at + size, length - at - size);
		length -= size;
		break;
	case 4:		/* say it again somewhere */
		insert(fuzz_below((unsigned)length + 1), input + at, size);
		break;
	case 5:
		insert(at, &byte, 1);
		break;
	case 6:
		if (at < length)
			input[at] ^= (uint8_t)(1 << byte % 8);
		break;
	case 7:		/* the rest of another */
		length = at;
		at = fuzz_below((unsigned)other->length + 1);
		insert(length, other->bytes + at, other->length - at);
		break;
	default:	/* a long one of something */
		for (unsigned i = fuzz_below(fuzz_below(8) == 0 ? 1200 : 30); i > 0; i--)
			insert(at, word->bytes, word->length);
	}
}

int
main(int argc, char **argv)
{
	double seconds = argc == 2 ? atof(argv[1]) : 3;
	struct timespec start, now;
	unsigned long runs = 0;

	snprintf(kept, sizeof kept, "%s.input", argv[0]);
	__sanitizer_set_death_callback(keep);
	signal(SIGABRT, aborted);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3) {
		int file = open(argv[2], O_RDONLY);
		ssize_t got = read(file, input, sizeof input);

		length = got > 0 ? (size_t)got : 0;
		close(file);
		return LLVMFuzzerTestOneInput(input, length);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (const struct seed *seed = seeds; seed->bytes != NULL; seed++) {
		length = seed->length;
		memcpy(input, seed->bytes, length);
		LLVMFuzzerTestOneInput(input, length);
		/* From nothing, and every cut of it. */
		for (length = 0; length < seed->length; length++)
			LLVMFuzzerTestOneInput(input, length);
	}
	do {
		const struct seed *seed = any(seeds);

		length = seed->length;
		memcpy(input, seed->bytes, length);
		for (unsigned i = fuzz_below(6) + 1; i > 0; i--)
			change();
		LLVMFuzzerTestOneInput(input, length);
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	printf("# %lu inputs\n", runs);
	return 0;
}
