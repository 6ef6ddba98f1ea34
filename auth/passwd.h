/* Lines as in /etc/passwd, and the index of a large file of them. */
#ifndef PASSWD_H
#define PASSWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/config.h"
#include "base/drop.h"

/* user:password:uid:gid:gecos:home:shell:extra, as in passwd(5) and in Dovecot's passwd-file. */
enum field { USER, PASSWORD, UID, GID, GECOS, HOME, SHELL, EXTRA, FIELDS };

struct entry {
	const char *fields[FIELDS];	/* "" for what is not there */
	int count;
	char line[4096];	/* longer lines are not read */
};

struct file {
	const char *path, *bytes;
	size_t length;
	struct stat status;
};

/* Maps the regular file, for the life of the process; `path` is kept. False: errno, or it is not a regular file. */
bool passwd_open(struct file *file, const char *path);

/* The same for what `descriptor` leads to, which stays open; `path` is left as it is. */
bool passwd_map(struct file *file, int descriptor);

/* Unmaps it, so that what was read before the fork does not stay in the session. A failure does no other harm. */
void passwd_close(struct file *file);

/* The start of the line after `at`; after the last, the end of the file. */
const char *passwd_next(const struct file *file, const char *at);

/* Copies the line at `at` and cuts it into fields; a CR before its LF goes. False: too long, or a NUL in it. */
bool passwd_entry(const struct file *file, const char *at, struct entry *entry);

/* Is the line at `at` a user's: a name and a colon, and not a comment? */
bool passwd_is_entry(const struct file *file, const char *at);

/* Does the line at `at` begin with the name, `length` bytes, and a colon? */
bool passwd_is_of(const struct file *file, const char *at, const char *name, size_t length);

/* The next entry at or after *at with the word in its line; *at is then after it. False: there is none. */
bool passwd_next_with(const struct file *file, const char **at, const char *word, struct entry *entry);

/* The value of `key` in the extra fields (key=value, blanks between), in `copy`, which has room for a whole line; ""
 * where there is no '='. NULL: not there. */
const char *passwd_extra(const struct entry *entry, const char *key, char *copy, size_t size);

/* YYYY-MM-DD: *end is the first second after that day, UTC. False: no such day. */
bool passwd_date(const char *date, int64_t *end);

/* Reads the line "#secret:" and base64, which stands above the first user, into `secret`, of PASSWD_SECRET_MAX bytes.
 * How many bytes it has; 0: there is none, or it cannot be read. */
#define PASSWD_SECRET "#secret"
#define PASSWD_SECRET_MAX 192
size_t passwd_secret(const struct file *file, unsigned char *secret);

/*
 * Finds the lines that begin with `name`, at most USER_MAX bytes, and a colon: exact bytes. How many there are;
 * at[] gets the first `most` of them in the order of the file. All lines are looked at, or the file's index: the
 * cost does not show whether the name is there.
 */
#define PASSWD_LINES_MAX 32	/* lines of one name: its own, and 31 with labels */
int passwd_find(const struct file *file, const char *name, const char **at, int most);

/*
 * The index of a large file: PATH.index beside the file that PATH leads to, written by ofmipd-passwd. It is this
 * header and a struct passwd_place for each line with a colon, in the order of hash, then of place. It is used only
 * as long as the header is the file's: whoever edits the file by hand changes its time, and all lines are read again.
 */
#define PASSWD_INDEXED (1 << 20)	/* bytes; no smaller file has an index */

struct passwd_index {
	char magic[16];
	uint64_t inode, size, modified, modified_ns, changed, changed_ns;
	uint64_t rounds;	/* as passwd_rounds() returns; not compared with the file */
};

/* Has it an index that can be used, or is it too small for one? */
bool passwd_indexed(const struct file *file);

/* The rounds of the first line with keys for SCRAM-SHA-256: from the index, or else by a look at all lines. 0: there
 * is none. */
uint32_t passwd_rounds(const struct file *file);

struct passwd_place {
	uint64_t hash;		/* in the index: passwd_hash() of what stands before the first colon */
	uint64_t at;		/* the line's first byte */
};

void passwd_index_start(struct passwd_index *index, const struct stat *status, uint32_t rounds);
uint64_t passwd_hash(const char *name, size_t length);	/* never 0 */

/* The lines for which `hash` is not 0, in the order of hash, then of place; to be freed. NULL: no memory. */
struct passwd_place *passwd_places(const struct file *file, uint64_t (*hash)(const struct file *file, const char *at),
    size_t *count);

/* Sets uid, gid, user and, if the entry has one, home. False: ids that are not numbers. */
bool passwd_ids(struct identity *identity, const struct entry *entry);

#endif
