/*
 * Runs a target on changed seeds for some seconds, the same ones in every run with the same number of a round:
 *
 *   fuzz-NAME [SECONDS [ROUND]]	prints how many; an input that ends it is left in fuzz-NAME.input
 *   fuzz-NAME -f FILE		runs that one
 *   fuzz-NAME -s DIRECTORY	writes the seeds there, as files, and the words as the dictionary `words`: for libFuzzer
 *
 * With clang, libFuzzer takes this file's place, follows the branches and finds more: PROVE=1 tests/t-fuzz. An input
 * that ends it is left as fuzz-NAME-..., and is its only argument when it is run again.
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
	static uint8_t many[MOST];
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
		size = 0;
		for (unsigned i = fuzz_below(fuzz_below(8) == 0 ? 1200 : 30); i > 0 && length + size + word->length <= MOST; i--) {
			memcpy(many + size, word->bytes, word->length);
			size += word->length;
		}
		insert(at, many, size);
	}
}

static int
write_seeds(const char *directory)
{
	char path[4096];
	FILE *file;

	for (unsigned i = 0; seeds[i].bytes != NULL; i++) {
		snprintf(path, sizeof path, "%s/seed%u", directory, i);
		file = fopen(path, "w");
		if (file == NULL || fwrite(seeds[i].bytes, 1, seeds[i].length, file) != seeds[i].length || fclose(file) != 0)
			return 1;
	}
	snprintf(path, sizeof path, "%s/words", directory);
	file = fopen(path, "w");
	for (const struct seed *word = words; file != NULL && word->bytes != NULL; word++) {
		fputc('"', file);
		for (size_t i = 0; i < word->length; i++)
			fprintf(file, "\\x%02x", (unsigned char)word->bytes[i]);
		fputs("\"\n", file);
	}
	return file == NULL || fclose(file) != 0;
}

int
main(int argc, char **argv)
{
	double seconds = argc >= 2 ? atof(argv[1]) : 3;
	struct timespec start, now;
	unsigned long runs = 0;

	snprintf(kept, sizeof kept, "%s.input", argv[0]);
	__sanitizer_set_death_callback(keep);
	signal(SIGABRT, aborted);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "-s") == 0)
		return write_seeds(argv[2]);
	if (argc == 3 && strcmp(argv[1], "-f") == 0) {
		int file = open(argv[2], O_RDONLY);
		ssize_t got = read(file, input, sizeof input);

		length = got > 0 ? (size_t)got : 0;
		close(file);
		return LLVMFuzzerTestOneInput(input, length);
	}
	if (argc == 3)
		fuzz_noise = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
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
