/* links: base alone */
/*
 * Whatever a state file has in it, nobody is barred for longer than an hour, no login waits longer than its windows
 * last, and nothing is read or written beyond a record. The input is the file, or the payloads of whole records.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "base/memory.h"

const struct seed seeds[] = {
	SEED("\0ofmipd\n\0\4\3\2\1\1\0\0\0\10\0\0\0\1\0\0\0"), SEED("\1\0\0\0\0x"), SEED("\1\0\0\0\x6b" "bob"),
	SEED("\1\0\0\0\x6b" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0\0\x6b\0\0\0\0\7\0\0\0\1\0\2\0"),
	{ NULL, 0 }
};
const struct seed words[] = {
	SEED("\0\0\0\0"), SEED("\xff\xff\xff\xff"), SEED("\xff\xff"), SEED("\0\0\0\x6b"), SEED("\1\0"), SEED("\7\0"), { NULL, 0 }
};

static char place[] = "/tmp/fuzz-table.XXXXXX";
static const struct table_shape small = { "small", 1, 8, 1, 1000 };

static void
gone(void)
{
	int directory = open(place, O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < MEMORY_KINDS; i++)
		unlinkat(directory, memory_shapes[i].name, 0);
	unlinkat(directory, "small", 0);
	rmdir(place);
}

static void
look(void *context, const unsigned char key[TABLE_KEY], const void *payload, int64_t changed)
{
	char copy[8];

	(void)context;
	(void)changed;
	MUST(key != NULL);
	memcpy(copy, payload, sizeof copy);
}

/* The bytes are the file, but for as many of the header's as are not there. */
static void
as_a_file(int directory, const uint8_t *bytes, size_t size)
{
	struct table table = { .file = -1 };
	unsigned char key[TABLE_KEY];
	uint64_t *payload;
	int file;

	table_open(&table, directory, &small);
	MUST(table.fault == NULL);
	close(table.file);
	file = openat(directory, "small", O_WRONLY);
	/* The first byte says how much of the good header stays. */
	MUST(size == 0 || pwrite(file, bytes + 1, size - 1, bytes[0] % 61) == (ssize_t)size - 1);
	MUST(size < 400 || ftruncate(file, 60 + 8 * 32) == 0);
	close(file);
	table_open(&table, directory, &small);
	table_key(&table, "x", 1, key);
	payload = table_find(&table, key, 5000, true);
	MUST((payload != NULL) == (table.fault == NULL));
	if (payload != NULL) {
		*payload = 4711;
		table_done(&table, TABLE_WRITE, 5000);
		payload = table_find(&table, key, 5000, false);
		MUST(payload != NULL && *payload == 4711);
		table_done(&table, TABLE_KEEP, 5000);
	}
	table_each(&table, 5000, look, NULL);
	if (table.file >= 0)
		close(table.file);
	unlinkat(directory, "small", 0);
}

/* Puts the bytes into the record of that key. */
static void
plant(struct memory *memory, enum memory_kind kind, const char *name, size_t length, const uint8_t *bytes, size_t size)
{
	unsigned char key[TABLE_KEY];
	void *payload;

	table_key(&memory->tables[kind], name, length, key);
	payload = table_find(&memory->tables[kind], key, 0x6b000000, true);
	MUST(payload != NULL);
	memset(payload, 0, memory_shapes[kind].payload);
	memcpy(payload, bytes, size < memory_shapes[kind].payload ? size : memory_shapes[kind].payload);
	table_done(&memory->tables[kind], TABLE_WRITE, 0x6b000000);
}

static void
as_payloads(struct memory *memory, const uint8_t *bytes, size_t size)
{
	struct memory_taken taken;
	int64_t now = 0x6b000000, wait;
	uint8_t moved[4] = { 0 };
	bool network;

	memcpy(moved, bytes, size < 4 ? size : 4);
	now += (int64_t)moved[0] * 100000 + moved[1] * 1000 + moved[2];
	bytes += size < 4 ? size : 4;
	size -= size < 4 ? size : 4;
	plant(memory, MEMORY_LOGIN, "bob\000192.0.2.7", 13, bytes, size);
	plant(memory, MEMORY_NETWORK, "192.0.2.7", 9, bytes, size);
	plant(memory, MEMORY_COUNT, "bob\0", 4, bytes, size);
	wait = memory_barred(memory, "bob", "192.0.2.7", now, &network);
	MUST(wait >= 0 && wait <= MEMORY_BAR_MAX);
	memory_failed(memory, "bob", "x", "192.0.2.7", now);
	wait = memory_barred(memory, "bob", "192.0.2.7", now, &network);
	MUST(wait >= 0 && wait <= MEMORY_BAR_MAX);
	wait = memory_take(memory, "bob", 5, 200, 1000, now, &taken);
	MUST(wait >= 0 && wait <= 3 * 86400);
	memory_give_back(memory, "bob", &taken, now);
	(void)memory_succeeded(memory, "bob", "192.0.2.7", now);
	MUST(memory_barred(memory, "bob", "192.0.2.7", now, &network) == 0);
	for (int i = 0; i < MEMORY_KINDS; i++)
		MUST(memory->tables[i].fault == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct memory memory;
	static int directory = -1;
	uint8_t *exact = malloc(size + 1);

	if (directory < 0) {
		MUST(mkdtemp(place) != NULL);
		atexit(gone);
		directory = open(place, O_RDONLY | O_DIRECTORY);
		memory_open(&memory, place);
	}
	memcpy(exact, bytes, size);
	if (size > 0 && bytes[0] % 2 == 1)
		as_payloads(&memory, exact + 1, size - 1);
	else
		as_a_file(directory, exact, size);
	free(exact);
	return 0;
}
