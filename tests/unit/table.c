/* links: base alone */
/* A table in a file: found again, aged, bounded; and whatever is wrong with the file is a fault, and no more. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/syscall.h>

#include "base/table.h"
#include "faults.h"

FAULTY(int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
FAULTY(int, linkat, (int from, const char *old, int to, const char *new, int flags), (from, old, to, new, flags))
FAULTY(int, ftruncate, (int file, off_t size), (file, size))
FAULTY(int, futimens, (int file, const struct timespec times[2]), (file, times))
FAULTY(int, fstat, (int file, struct stat *status), (file, status))
FAULTY(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
FAULTY(ssize_t, pread, (int file, void *bytes, size_t length, off_t at), (file, bytes, length, at))
FAULTY(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))

int
openat(int at, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode = 0;

	if (fault_is_due("openat"))
		return -1;
	va_start(list, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return (int)syscall(SYS_openat, at, path, flags, mode);
}

static const struct table_shape small = { "small", 1, 8, 4, 1000 };
static char place[] = "/tmp/unit-table.XXXXXX";
static int directory = -1;

static int
fresh(void **state)
{
	(void)state;
	strcpy(place, "/tmp/unit-table.XXXXXX");
	assert_non_null(mkdtemp(place));
	directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory >= 0);
	return 0;
}

static int
gone(void **state)
{
	(void)state;
	unlinkat(directory, "small", 0);
	close(directory);
	assert_int_equal(rmdir(place), 0);	/* nothing else was left there */
	return 0;
}

static struct table
opened(const char *fault)
{
	struct table table = { .file = -1 };

	table_open(&table, directory, &small);
	if (fault == NULL)
		assert_null(table.fault);
	else if (table.fault == NULL || strstr(table.fault, fault) == NULL)
		fail_msg("fault %s, not %s", table.fault, fault);
	return table;
}

static void
shut(struct table *table)
{
	if (table->file >= 0)
		close(table->file);
}

/* The key of a number, in the table's own way. */
static const unsigned char *
key_of(const struct table *table, unsigned number)
{
	static unsigned char key[TABLE_KEY];

	table_key(table, &number, sizeof number, key);
	return key;
}

static void
put(struct table *table, unsigned number, uint64_t value, int64_t now)
{
	uint64_t *payload = table_find(table, key_of(table, number), now, true);

	assert_non_null(payload);
	*payload = value;
	table_done(table, TABLE_WRITE, now);
}

/* The value, or -1. */
static int64_t
get(struct table *table, unsigned number, int64_t now)
{
	uint64_t *payload = table_find(table, key_of(table, number), now, false), value;

	if (payload == NULL)
		return -1;
	value = *payload;
	table_done(table, TABLE_KEEP, now);
	return (int64_t)value;
}

static void
is_found_again(void **state)
{
	struct table first = opened(NULL), second = opened(NULL);
	struct stat status;

	(void)state;
	assert_int_equal(get(&first, 1, 5000), -1);
	put(&first, 1, 111, 5000);
	put(&second, 2, 222, 5000);
	assert_int_equal(get(&second, 1, 5000), 111);
	assert_int_equal(get(&first, 2, 5000), 222);
	put(&first, 1, 112, 5001);
	assert_int_equal(get(&second, 1, 5001), 112);
	assert_non_null(table_find(&first, key_of(&first, 1), 5001, false));
	table_done(&first, TABLE_REMOVE, 5001);
	assert_int_equal(get(&second, 1, 5001), -1);
	assert_int_equal(fstat(first.file, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	shut(&first);
	shut(&second);
}

static void
ages(void **state)
{
	struct table table = opened(NULL);

	(void)state;
	assert_false(table_changed_since(&table, 1));	/* a new file was never written */
	put(&table, 1, 1, 5000);
	assert_true(table_changed_since(&table, 1));
	assert_int_equal(get(&table, 1, 6000), 1);
	assert_int_equal(get(&table, 1, 6001), -1);
	assert_int_equal(get(&table, 1, 10), 1);	/* the clock was set back */
	shut(&table);
}

static void
is_bounded(void **state)
{
	struct table table = opened(NULL);
	struct stat before, after;
	int left = 0;

	(void)state;
	assert_int_equal(fstat(table.file, &before), 0);
	for (unsigned i = 0; i < 10000; i++) {
		put(&table, i, i, 5000 + i / 100);
		assert_int_equal(get(&table, i, 5000 + i / 100), i);
	}
	assert_int_equal(fstat(table.file, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	/* The oldest went: what is there is of the last ones. */
	for (unsigned i = 0; i < 10000; i++) {
		int64_t value = get(&table, i, 5100);

		assert_true(value == -1 || value == i);
		assert_true(value == -1 || i > 9000);
		left += value != -1;
	}
	assert_int_equal(left, 4 * TABLE_WAYS);
	shut(&table);
}

static int seen;
static uint64_t seen_sum;

static void
look(void *context, const unsigned char key[TABLE_KEY], const void *payload, int64_t changed)
{
	(void)context;
	(void)key;
	assert_int_equal(changed, 5000);
	seen++;
	seen_sum += *(const uint64_t *)payload;
}

static void
is_listed(void **state)
{
	struct table table = opened(NULL);

	(void)state;
	for (unsigned i = 1; i <= 5; i++)
		put(&table, i, i, 5000);
	seen = 0;
	seen_sum = 0;
	assert_int_equal(table_each(&table, 5000, look, NULL), 0);
	assert_int_equal(seen, 5);
	assert_int_equal(seen_sum, 15);
	assert_int_equal(table_each(&table, 6001, look, NULL), 0);
	assert_int_equal(seen, 5);
	shut(&table);
}

/* One that was not opened is empty, and stays so. */
static void
is_empty_unopened(void **state)
{
	struct table table = { .shape = &small, .file = -1 };
	static const unsigned char key[TABLE_KEY];

	(void)state;
	assert_null(table_find(&table, key, 5000, true));
	seen = 0;
	assert_int_equal(table_each(&table, 5000, look, NULL), 0);
	assert_int_equal(seen, 0);
	assert_null(table.fault);
}

static void
damage(off_t at, const void *bytes, size_t length)
{
	int file = openat(directory, "small", O_WRONLY);

	assert_int_equal(pwrite(file, bytes, length, at), length);
	close(file);
}

static void
damaged_records_are_none(void **state)
{
	struct table table = opened(NULL);
	struct stat status;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(&table, i, i, 5000);
	assert_int_equal(fstat(table.file, &status), 0);
	for (off_t at = 60; at < status.st_size; at += 3)
		damage(at, "\377", 1);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(get(&table, i, 5000), -1);
	seen = 0;
	assert_int_equal(table_each(&table, 5000, look, NULL), 4 * TABLE_WAYS);
	assert_int_equal(seen, 0);
	put(&table, 3, 33, 5000);	/* and their places are taken */
	assert_int_equal(get(&table, 3, 5000), 33);
	assert_null(table.fault);
	shut(&table);
}

static void
chmod_small(mode_t mode)
{
	assert_int_equal(fchmodat(directory, "small", mode, 0), 0);
}

static void
a_wrong_file_is_a_fault(void **state)
{
	static const struct table_shape other = { "small", 2, 8, 4, 1000 };
	struct table table = opened(NULL);
	char byte;

	(void)state;
	shut(&table);
	for (off_t at = 0; at < 60; at++) {
		int file = openat(directory, "small", O_RDWR);

		assert_int_equal(pread(file, &byte, 1, at), 1);
		byte ^= 0x10;
		damage(at, &byte, 1);
		table = opened("damaged");
		assert_int_equal(table.file, -1);
		assert_int_equal(get(&table, 1, 5000), -1);
		byte ^= 0x10;
		damage(at, &byte, 1);
		close(file);
	}
	table_open(&table, directory, &other);
	assert_non_null(strstr(table.fault, "version"));
	chmod_small(0640);
	opened("mode 600");
	chmod_small(0600);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(directory, "small", 1234, -1, 0), 0);
		opened("not a file of ours");
		assert_int_equal(fchownat(directory, "small", 0, -1, 0), 0);
	}
	table = opened(NULL);
	assert_int_equal(ftruncate(table.file, 61), 0);
	opened("size");
	shut(&table);
	assert_int_equal(unlinkat(directory, "small", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", directory, "small"), 0);
	opened("");
	assert_int_equal(unlinkat(directory, "small", 0), 0);
	assert_int_equal(mkfifoat(directory, "small", 0600), 0);
	opened("not a file");
	assert_int_equal(unlinkat(directory, "small", 0), 0);
	assert_int_equal(mkdirat(directory, "small", 0700), 0);
	opened("directory");
	assert_int_equal(unlinkat(directory, "small", AT_REMOVEDIR), 0);
}

static void
a_file_that_is_cut_later_is_a_fault(void **state)
{
	struct table table = opened(NULL);

	(void)state;
	put(&table, 1, 1, 5000);
	assert_int_equal(ftruncate(table.file, 61), 0);
	assert_int_equal(get(&table, 1, 5000), -1);
	assert_non_null(strstr(table.fault, "read"));
	assert_int_equal(get(&table, 1, 5000), -1);
	table_done(&table, TABLE_WRITE, 5000);
	assert_false(table_changed_since(&table, 0));
	assert_int_equal(table_each(&table, 5000, look, NULL), 0);
}

static void
a_lock_is_not_waited_for(void **state)
{
	struct table table = opened(NULL), holder = opened(NULL), third;
	struct timespec before, after;
	int64_t waited;

	(void)state;
	assert_int_equal(flock(holder.file, LOCK_EX), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	put(&table, 1, 7, 5000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	waited = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	assert_true(waited >= TABLE_LOCK_MS - 1);
	/* Whoever stops a process that holds it must not make others forget. */
	assert_true(table.fault == NULL && table.unlocked);
	put(&table, 2, 8, 5000);	/* and not waited for again */
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_true((before.tv_sec - after.tv_sec) * 1000 + (before.tv_nsec - after.tv_nsec) / 1000000 < TABLE_LOCK_MS);
	shut(&table);
	shut(&holder);
	third = opened(NULL);
	assert_int_equal(get(&third, 1, 5000), 7);
	assert_int_equal(get(&third, 2, 5000), 8);
	assert_false(third.unlocked);
	shut(&third);
}

static void
a_full_disk_is_a_fault(void **state)
{
	struct table table = opened(NULL);
	const struct rlimit none = { 10, RLIM_INFINITY };
	struct rlimit before;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_non_null(table_find(&table, key_of(&table, 1), 5000, true));
	table_done(&table, TABLE_WRITE, 5000);
	assert_non_null(strstr(table.fault, "full"));
	/* And none can be made, nor half of one. */
	assert_int_equal(unlinkat(directory, "small", 0), 0);
	opened("");
	assert_int_equal(faccessat(directory, "small", F_OK, 0), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	table = opened(NULL);
	shut(&table);
}

static void
processes_take_turns(void **state)
{
	struct table table;

	(void)state;
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			struct table own = { .file = -1 };

			for (int k = 0; k < 500;) {
				uint64_t *payload;

				/* Who comes first makes it; on a busy machine one may wait too long, and opens it anew. */
				if (own.file < 0)
					table_open(&own, directory, &small);
				payload = table_find(&own, key_of(&own, 7), 5000, true);
				if (payload == NULL)
					_exit(1);
				if (own.unlocked) {
					table_done(&own, TABLE_KEEP, 5000);
					close(own.file);
					own.file = -1;
					continue;
				}
				(*payload)++;
				table_done(&own, TABLE_WRITE, 5000);
				k++;
			}
			_exit(own.fault == NULL ? 0 : 1);
		}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	table = opened(NULL);
	assert_int_equal(get(&table, 7, 5000), 2000);
	shut(&table);
}

static void
look_at_none(void *context, const unsigned char key[TABLE_KEY], const void *payload, int64_t changed)
{
	(void)key;
	(void)payload;
	(void)changed;
	++*(int *)context;
}

/* Each call that fails: a table is whole or not there, and nothing of it is left behind. */
static void
calls_that_fail(void **state)
{
	static const struct {
		const char *name;
		int nth, error;
		const char *said;	/* NULL: it is not noticed */
	} rows[] = {
		{ "unlinkat", 1, EACCES, "Permission denied" }, { "unlinkat", 1, ENOENT, NULL }, { "openat", 1, EMFILE, "Too many open files" },
		{ "openat", 2, EMFILE, "Too many open files" }, { "openat", 3, ENOENT, "" }, { "getrandom", 1, EAGAIN, "" },
		{ "write", 1, ENOSPC, "No space left" }, { "ftruncate", 1, EFBIG, "File too large" }, { "futimens", 1, EIO, "Input/output error" },
		{ "linkat", 1, EXDEV, "cross-device" }, { "fstat", 1, EIO, "Input/output error" }, { "pread", 1, EIO, "not of the right size" },
	};
	struct table table;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		unlinkat(directory, "small", 0);
		fault(rows[i].name, rows[i].nth, rows[i].error);
		table = (struct table){ .file = -1 };
		table_open(&table, directory, &small);
		if (!fault_happened() || (table.fault == NULL) != (rows[i].said == NULL) ||
		    (rows[i].said != NULL && strstr(table.fault, rows[i].said) == NULL))
			fail_msg("%s %d: %s", rows[i].name, rows[i].nth, table.fault == NULL ? "fine" : table.fault);
		if (rows[i].said == NULL)
			shut(&table);
	}
	/* The new name could not be taken away: that is told, and the next one of our number takes it away. */
	unlinkat(directory, "small", 0);
	fault("unlinkat", 2, EIO);
	table_open(&table, directory, &small);
	assert_non_null(table.fault);
	unlinkat(directory, "small", 0);
	/* Another's table came first: it stays. */
	fault("linkat", 1, EEXIST);
	table_open(&table, directory, &small);
	assert_non_null(table.fault);	/* ... but it is gone again: no more than two tries */
	table = opened(NULL);
	put(&table, 1, 2, 1000);
	{
		int looked = 0;

		fault("pread", 1, EIO);
		(void)table_each(&table, 1000, look_at_none, &looked);
		assert_int_equal(looked, 0);
		assert_string_equal(table.fault, "cannot be read");
	}
	shut(&table);
}

/* A header that is whole, and another's. */
static void
headers_of_others(void **state)
{
	static const struct table_shape shapes[] = {
		{ "small", 2, 8, 4, 1000 }, { "small", 1, 16, 4, 1000 }, { "small", 1, 8, 8, 1000 }, { "small", 1, 8, 4, 1000 },
		{ "small", 1, 8, 4, 1000 },
	};
	struct table table;
	off_t size;

	(void)state;
	table = opened(NULL);
	size = lseek(table.file, 0, SEEK_END);
	shut(&table);
	for (size_t i = 0; i < LENGTH(shapes); i++) {
		char header[60];
		uint32_t sum = 2166136261u;
		int file;

		unlinkat(directory, "small", 0);
		table = (struct table){ .file = -1 };
		table_open(&table, directory, &shapes[i]);
		assert_null(table.fault);
		shut(&table);
		file = openat(directory, "small", O_RDWR);
		assert_int_equal(ftruncate(file, size), 0);
		assert_int_equal(pread(file, header, sizeof header, 0), sizeof header);
		if (i >= 3) {	/* another letter, another order of bytes; the checksum, which is its last field, fits */
			header[i == 3 ? 0 : 8] ^= 1;
			memset(header + sizeof header - 4, 0, 4);
			for (size_t j = 0; j < sizeof header; j++)
				sum = (sum ^ (unsigned char)header[j]) * 16777619u;
			memcpy(header + sizeof header - 4, &sum, 4);
			assert_int_equal(pwrite(file, header, sizeof header, 0), sizeof header);
		}
		close(file);
		table = opened("damaged, or of another version; remove it");
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
	const struct CMUnitTest tests[] = {
		TEST(is_found_again), TEST(ages), TEST(is_bounded), TEST(is_listed), TEST(damaged_records_are_none),
		TEST(is_empty_unopened),
		TEST(a_wrong_file_is_a_fault), TEST(a_file_that_is_cut_later_is_a_fault), TEST(a_lock_is_not_waited_for),
		TEST(a_full_disk_is_a_fault), TEST(processes_take_turns),
		cmocka_unit_test_setup_teardown(calls_that_fail, fresh, gone),
		cmocka_unit_test_setup_teardown(headers_of_others, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
