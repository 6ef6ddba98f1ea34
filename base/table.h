/* A hash table of fixed size in a file, which many processes change one at a time. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_KEY 16		/* bytes */
#define TABLE_SECRET 32
#define TABLE_WAYS 8		/* records that a key may be in */
#define TABLE_PAYLOAD_MAX 512
#define TABLE_LOCK_MS 100

struct table_shape {
	const char *name;	/* of the file */
	uint32_t version;	/* of the payload's form: a file with another one is not used */
	uint32_t payload;	/* bytes of each record */
	uint32_t buckets;	/* the table has room for TABLE_WAYS times as many records */
	uint32_t seconds;	/* a record that was not changed for so long is as good as none */
};

/*
 * An open table. It is used until something is wrong with it: then `fault` says what (static), and from then on every
 * call finds nothing and keeps nothing. Whoever uses it logs the fault, once, and goes on without. One whose file is
 * below 0 was not opened: it is empty.
 */
struct table {
	const struct table_shape *shape;
	const char *fault;
	int file;
	bool unlocked;				/* another process has held the lock for 100 ms: used without it */
	unsigned char secret[TABLE_SECRET];	/* made with the file: nobody can choose where their keys go */
	int64_t at;				/* between table_find() and table_done(): the record's place */
	_Alignas(8) unsigned char record[24 + TABLE_PAYLOAD_MAX];
};

/*
 * Opens the file in `directory` (a descriptor), or makes it: mode 600, its bytes are taken from the disk as they are
 * needed. A file that is not ours, or that others may read or write, is a fault, and so is one of another form.
 */
void table_open(struct table *table, int directory, const struct table_shape *shape);

/* 16 bytes that stand for `length` bytes: HMAC-SHA-256 with the file's secret, cut. */
void table_key(const struct table *table, const void *bytes, size_t length, unsigned char key[TABLE_KEY]);

/*
 * Locks the table (waits at most 100 ms, once; then it is used without the lock) and finds the record of `key`.
 * Returns its payload, or NULL with the table unlocked: there is none and `make` is false, or a fault. With
 * `make` a new record, all zero, takes the place of none, a damaged or an old one, or else of that in its bucket
 * that was not changed for longest. `now` is in seconds since the epoch; a record of the future, which a clock
 * that was set back leaves, is as one of now.
 */
void *table_find(struct table *table, const unsigned char key[TABLE_KEY], int64_t now, bool make);

enum table_change { TABLE_KEEP, TABLE_WRITE, TABLE_REMOVE };

/* Writes the payload that table_find() returned, or removes the record, and unlocks. */
void table_done(struct table *table, enum table_change change, int64_t now);

/* Was anything written since then? One fstat(2), no lock. */
bool table_changed_since(struct table *table, int64_t time);

/* Calls `look` with each record there is. Returns how many places of the file hold none that can be read, but noise. */
uint64_t table_each(struct table *table, int64_t now,
    void (*look)(void *context, const unsigned char key[TABLE_KEY], const void *payload, int64_t changed),
    void *context);

#endif
