/* A hash table of fixed size in a file, which many processes change one at a time. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/io.h"
#include "base/table.h"

#define MAGIC "ofmipd\n"	/* and a NUL */

/* The file: the header, then buckets of TABLE_WAYS records. Numbers as this machine has them. */
struct header {
	char magic[8];
	uint32_t order, version, payload, buckets;
	unsigned char secret[TABLE_SECRET];
	uint32_t checksum;
};

/* In front of each payload. A place that was never written is all zero. */
struct record {
	unsigned char key[TABLE_KEY];
	uint32_t changed;	/* seconds since the epoch */
	uint32_t checksum;	/* of all of it, this one as zero */
};

_Static_assert(sizeof (struct record) + TABLE_PAYLOAD_MAX == sizeof ((struct table *)0)->record, "room for a record");
_Static_assert(sizeof (struct header) == 60, "no padding: the checksum is of all bytes");

/* FNV-1a: it finds damage, which is all it is for. Never 0, so that a place of zeros is not a record. */
static uint32_t
checksum(const void *bytes, size_t length)
{
	uint32_t sum = 2166136261u;

	for (const unsigned char *at = bytes; length-- > 0; at++)
		sum = (sum ^ *at) * 16777619u;
	return sum + (sum == 0);
}

static void *
unusable(struct table *table, const char *fault)
{
	table->fault = fault;
	if (table->file >= 0)
		(void)close(table->file);	/* nothing was written that is not written yet; the lock goes with it */
	table->file = -1;
	return NULL;
}

static size_t
record_size(const struct table_shape *shape)
{
	return sizeof (struct record) + shape->payload;
}

static off_t
file_size(const struct table_shape *shape)
{
	return (off_t)(sizeof (struct header) + record_size(shape) * shape->buckets * TABLE_WAYS);
}

/* Under a name of our own until the header is in it: nobody ever sees half of one. Another process's table may be there
 * by then: it stays. */
static bool
make_file(int directory, const struct table_shape *shape)
{
	struct header header = { .magic = MAGIC, .order = 0x01020304, .version = shape->version,
	    .payload = shape->payload, .buckets = shape->buckets };
	const struct timespec never[2] = { { 0 }, { 0 } };	/* table_changed_since() */
	char name[64];
	struct text text;
	int file, error;
	bool made;

	text_start(&text, name, sizeof name);
	text_add(&text, shape->name);
	text_add(&text, ".new.");
	text_add_number(&text, (uint64_t)getpid());
	if (unlinkat(directory, name, 0) != 0 && errno != ENOENT)	/* of a process before us that had our number */
		return false;
	file = openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0)
		return false;
	made = getrandom(header.secret, sizeof header.secret, 0) == (ssize_t)sizeof header.secret;
	header.checksum = checksum(&header, sizeof header);
	made = made && io_write_all(file, &header, sizeof header) && ftruncate(file, file_size(shape)) == 0 &&
	    futimens(file, never) == 0 &&
	    (linkat(directory, name, directory, shape->name, 0) == 0 || errno == EEXIST);
	error = errno;
	if (unlinkat(directory, name, 0) != 0)
		made = false;
	(void)close(file);	/* a header that did not get to the disk is damage */
	errno = error;
	return made;
}

void
table_open(struct table *table, int directory, const struct table_shape *shape)
{
	struct header header;
	struct stat status;
	uint32_t sum;

	table->shape = shape;
	table->fault = NULL;
	for (int tries = 0; tries < 2; tries++) {
		table->file = openat(directory, shape->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (table->file >= 0 || errno != ENOENT || !make_file(directory, shape))
			break;
	}
	if (table->file < 0 || fstat(table->file, &status) != 0) {
		unusable(table, strerror(errno));
		return;
	}
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		unusable(table, "not a file of ours with mode 600");
		return;
	}
	if (status.st_size != file_size(shape) || pread(table->file, &header, sizeof header, 0) != sizeof header) {
		unusable(table, "not of the right size; remove it");
		return;
	}
	sum = header.checksum;
	header.checksum = 0;
	if (sum != checksum(&header, sizeof header) || memcmp(header.magic, MAGIC, sizeof header.magic) != 0 ||
	    header.order != 0x01020304 || header.version != shape->version || header.payload != shape->payload ||
	    header.buckets != shape->buckets) {
		unusable(table, "damaged, or of another version; remove it");
		return;
	}
	memcpy(table->secret, header.secret, sizeof table->secret);
}

void
table_key(const struct table *table, const void *bytes, size_t length, unsigned char key[TABLE_KEY])
{
	unsigned char whole[SHA256_DIGEST_LENGTH];
	struct digest_hmac hmac;

	digest_hmac_key(&hmac, &digest_sha256, table->secret, sizeof table->secret);
	digest_hmac(&hmac, bytes, length, whole);
	memcpy(key, whole, TABLE_KEY);
	explicit_bzero(&hmac, sizeof hmac);
}

/*
 * flock(2) goes with the open file, so that a process that forgets it cannot keep it beyond its end. But it may be
 * stopped by the user that it has become, who must not switch off what bars others: whoever does not get the lock
 * goes on without it. A record is written by one call and has a checksum; of two that change it at the same time one
 * may be lost.
 */
static bool
lock_table(struct table *table)
{
	int64_t deadline = io_now() + TABLE_LOCK_MS;

	while (!table->unlocked) {
		if (flock(table->file, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR) {
			unusable(table, "cannot be locked");
			return false;
		}
		table->unlocked = io_now() >= deadline;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return true;
}

/* Is it a record that is whole, and how many seconds old? A place of zeros, noise: -1. */
static int64_t
age(const struct table *table, unsigned char *bytes, int64_t now)
{
	struct record *record = (struct record *)(void *)bytes;
	uint32_t sum = record->checksum;

	record->checksum = 0;
	if (sum == 0 || checksum(bytes, record_size(table->shape)) != sum)
		return -1;
	record->checksum = sum;
	return now <= record->changed ? 0 : now - record->changed;
}

void *
table_find(struct table *table, const unsigned char key[TABLE_KEY], int64_t now, bool make)
{
	_Alignas(8) unsigned char bucket[TABLE_WAYS * sizeof table->record];
	size_t size = record_size(table->shape), best = 0;
	int64_t oldest = -1;
	uint32_t number;

	if (table->fault != NULL || table->file < 0 || !lock_table(table))
		return NULL;
	memcpy(&number, key, sizeof number);	/* a key is as good as random */
	table->at = (int64_t)(sizeof (struct header) + (number % table->shape->buckets) * TABLE_WAYS * size);
	if (pread(table->file, bucket, TABLE_WAYS * size, table->at) != (ssize_t)(TABLE_WAYS * size))
		return unusable(table, "cannot be read");
	for (size_t i = 0; i < TABLE_WAYS; i++) {
		/* Records are read from and written to this copy of one. */
		int64_t old;

		memcpy(table->record, bucket + i * size, size);
		old = age(table, table->record, now);
		if (old < 0 || old > table->shape->seconds)
			old = INT64_MAX;
		else if (memcmp(table->record, key, TABLE_KEY) == 0) {
			table->at += (int64_t)(i * size);
			return table->record + sizeof (struct record);
		}
		if (old > oldest) {
			oldest = old;
			best = i;
		}
	}
	memset(table->record, 0, sizeof table->record);
	if (!make) {
		table_done(table, TABLE_KEEP, now);
		return NULL;
	}
	memcpy(table->record, key, TABLE_KEY);
	table->at += (int64_t)(best * size);
	return table->record + sizeof (struct record);
}

void
table_done(struct table *table, enum table_change change, int64_t now)
{
	struct record *record = (struct record *)(void *)table->record;
	size_t size = record_size(table->shape);

	if (table->fault != NULL)
		return;
	record->changed = (uint32_t)now;
	record->checksum = 0;
	record->checksum = checksum(table->record, size);
	if (change == TABLE_REMOVE)
		memset(table->record, 0, size);
	if (change != TABLE_KEEP && pwrite(table->file, table->record, size, table->at) != (ssize_t)size)
		unusable(table, "cannot be written: is the disk full?");
	else if (flock(table->file, LOCK_UN) != 0)
		unusable(table, "cannot be unlocked");
	explicit_bzero(table->record, size);
}

bool
table_changed_since(struct table *table, int64_t time)
{
	struct stat status;

	return table->fault == NULL && fstat(table->file, &status) == 0 && status.st_mtime >= time;
}

uint64_t
table_each(struct table *table, int64_t now,
    void (*look)(void *context, const unsigned char key[TABLE_KEY], const void *payload, int64_t changed),
    void *context)
{
	size_t size = record_size(table->shape);
	off_t end = file_size(table->shape);
	uint64_t damaged = 0;

	for (off_t at = sizeof (struct header); table->fault == NULL && table->file >= 0 && at < end;
	    at += (off_t)size) {
		const struct record *record = (const struct record *)(const void *)table->record;
		bool empty = true;
		int64_t old;

		if (pread(table->file, table->record, size, at) != (ssize_t)size) {
			unusable(table, "cannot be read");
			break;
		}
		for (size_t i = 0; empty && i < size; i++)
			empty = table->record[i] == 0;
		if (empty)
			continue;
		old = age(table, table->record, now);
		damaged += old < 0;
		if (old >= 0 && old <= table->shape->seconds)
			look(context, record->key, table->record + sizeof *record, record->changed);
	}
	return damaged;
}
