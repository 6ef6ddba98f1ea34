/* Lines as in /etc/passwd, and the index of a large file of them. */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auth/passwd.h"
#include "auth/pwhash.h"
#include "base/apart.h"
#include "base/text.h"

bool
passwd_map(struct file *file, int descriptor)
{
	bool fine = fstat(descriptor, &file->status) == 0 && S_ISREG(file->status.st_mode);
	int flags = MAP_PRIVATE;
	void *bytes;

	file->bytes = "";
	file->length = fine ? (size_t)file->status.st_size : 0;
	if (file->length > 0) {
		/* Shared pages, left mapped: whoever opens a file here does so once, mostly in a process that ends
		 * with it. A small one is read from front to back. A file that is cut under us ends that
		 * process by SIGBUS: "cannot tell". */
		if (file->length < PASSWD_INDEXED)
			flags |= MAP_POPULATE;
		bytes = mmap(NULL, file->length, PROT_READ, flags, descriptor, 0);
		fine = bytes != MAP_FAILED;
		file->bytes = fine ? bytes : "";
		file->length = fine ? file->length : 0;
	}
	return fine;
}

bool
passwd_open(struct file *file, const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool fine;

	*file = (struct file){ .path = path, .bytes = "" };
	if (descriptor < 0)
		return false;
	fine = passwd_map(file, descriptor);
	(void)close(descriptor);
	return fine;
}

void
passwd_close(struct file *file)
{
	if (file->length > 0)
		(void)munmap((void *)(uintptr_t)file->bytes, file->length);
	*file = (struct file){ .bytes = "" };
}

const char *
passwd_next(const struct file *file, const char *at)
{
	const char *end = file->bytes + file->length, *newline = memchr(at, '\n', (size_t)(end - at));

	return newline == NULL ? end : newline + 1;
}

bool
passwd_entry(const struct file *file, const char *at, struct entry *entry)
{
	size_t length = (size_t)(passwd_next(file, at) - at);
	char *rest = entry->line;

	for (int i = 0; i < FIELDS; i++)
		entry->fields[i] = "";
	entry->count = 0;
	if (length >= sizeof entry->line || memchr(at, '\0', length) != NULL)
		return false;
	memcpy(entry->line, at, length);
	while (length > 0 && (entry->line[length - 1] == '\n' || entry->line[length - 1] == '\r'))
		length--;
	entry->line[length] = '\0';
	while (rest != NULL) {
		entry->fields[entry->count++] = rest;
		if (entry->count == FIELDS)
			break;
		rest = strchr(rest, ':');
		if (rest != NULL)
			*rest++ = '\0';
	}
	return true;
}

bool
passwd_is_entry(const struct file *file, const char *at)
{
	return *at != '#' && *at != ':' && memchr(at, ':', (size_t)(passwd_next(file, at) - at)) != NULL;
}

bool
passwd_next_with(const struct file *file, const char **at, const char *word, struct entry *entry)
{
	const char *end = file->bytes + file->length, *found;

	while (*at < end && (found = memmem(*at, (size_t)(end - *at), word, strlen(word))) != NULL) {
		const char *newline = memrchr(file->bytes, '\n', (size_t)(found - file->bytes));
		const char *line = newline == NULL ? file->bytes : newline + 1;

		*at = passwd_next(file, found);
		if (*line != '#' && passwd_entry(file, line, entry))
			return true;
	}
	return false;
}

const char *
passwd_extra(const struct entry *entry, const char *key, char *copy, size_t size)
{
	if (entry->fields[EXTRA][0] == '\0')
		return NULL;
	strlcpy(copy, entry->fields[EXTRA], size);
	for (char *rest, *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
		char *value = strchr(word, '=');

		if (value != NULL)
			*value++ = '\0';
		if (strcmp(word, key) == 0)
			return value == NULL ? "" : value;
	}
	return NULL;
}

bool
passwd_date(const char *date, int64_t *end)
{
	/* Before the first of each month, from March on: the leap day is last. timegm(3) would bring time zones,
	 * scanf(3) and floating point with it: a tenth of the program. */
	static const short before[] = { 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337 };
	int year = atoi(date), month, day, leap, length;

	if (strlen(date) != 10 || date[4] != '-' || date[7] != '-' || strspn(date, "0123456789") != 4 ||
	    strspn(date + 5, "0123456789") != 2 || strspn(date + 8, "0123456789") != 2)
		return false;
	month = atoi(date + 5);
	day = atoi(date + 8);
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (month < 1 || month > 12 || day < 1)
		return false;
	length = month == 2 ? 28 + leap : 30 + ((month + (month > 7)) & 1);
	year -= month < 3;
	*end = 86400 * (365 * (int64_t)year + year / 4 - year / 100 + year / 400 + before[(month + 9) % 12] + day -
	    719468);
	return day <= length;
}

size_t
passwd_secret(const struct file *file, unsigned char *secret)
{
	char decoded[PASSWD_SECRET_MAX];
	struct entry entry;
	long length;

	for (const char *at = file->bytes; at < file->bytes + file->length && !passwd_is_entry(file, at);
	    at = passwd_next(file, at)) {
		if (!passwd_entry(file, at, &entry) || strcmp(entry.fields[USER], PASSWD_SECRET) != 0)
			continue;
		length = (long)strlen(entry.fields[PASSWORD]);
		if (length > (long)sizeof decoded)
			return 0;
		length = text_base64_decode(entry.fields[PASSWORD], (size_t)length, decoded);
		if (length <= 0)
			return 0;
		memcpy(secret, decoded, (size_t)length);
		explicit_bzero(decoded, sizeof decoded);
		return (size_t)length;
	}
	return 0;
}

uint64_t
passwd_hash(const char *name, size_t length)
{
	uint64_t hash = 14695981039346656037U;	/* FNV-1a */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 1099511628211U;
	return hash == 0 ? 1 : hash;
}

static int
place_by_hash(const void *a, const void *b)
{
	const struct passwd_place *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

struct passwd_place *
passwd_places(const struct file *file, uint64_t (*hash)(const struct file *file, const char *at), size_t *count)
{
	const char *end = file->bytes + file->length;
	struct passwd_place *places;
	size_t lines = 0;

	for (const char *at = file->bytes; at < end; at = passwd_next(file, at))
		lines++;
	places = calloc(lines + 1, sizeof *places);
	*count = 0;
	if (places == NULL)
		return NULL;
	for (const char *at = file->bytes; at < end; at = passwd_next(file, at)) {
		uint64_t of_line = hash(file, at);

		if (of_line != 0)
			places[(*count)++] = (struct passwd_place){ of_line, (uint64_t)(at - file->bytes) };
	}
	qsort(places, *count, sizeof *places, place_by_hash);
	return places;
}

void
passwd_index_start(struct passwd_index *index, const struct stat *status, uint32_t rounds)
{
	*index = (struct passwd_index){
		.magic = "ofmipd-index 2\n", .inode = status->st_ino, .size = (uint64_t)status->st_size,
		.modified = (uint64_t)status->st_mtim.tv_sec, .modified_ns = (uint64_t)status->st_mtim.tv_nsec,
		.changed = (uint64_t)status->st_ctim.tv_sec, .changed_ns = (uint64_t)status->st_ctim.tv_nsec,
		.rounds = rounds,
	};
}

/* The index of this very file; NULL: there is none, it is of another state of the file, or others can write it. */
static const struct passwd_index *
open_index(const struct file *file, size_t *count)
{
	static APART char path[PATH_MAX + sizeof ".index"];
	struct passwd_index wanted;
	struct file index;

	if (file->length < PASSWD_INDEXED || realpath(file->path, path) == NULL)
		return NULL;
	strlcat(path, ".index", sizeof path);
	if (!passwd_open(&index, path) || (index.status.st_uid != 0 && index.status.st_uid != file->status.st_uid) ||
	    (index.status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return NULL;
	passwd_index_start(&wanted, &file->status, 0);
	if (index.length < sizeof wanted || memcmp(index.bytes, &wanted, offsetof(struct passwd_index, rounds)) != 0)
		return NULL;
	*count = (index.length - sizeof wanted) / sizeof(struct passwd_place);
	return (const struct passwd_index *)(const void *)index.bytes;
}

bool
passwd_indexed(const struct file *file)
{
	size_t count;

	return file->length < PASSWD_INDEXED || open_index(file, &count) != NULL;
}

uint32_t
passwd_rounds(const struct file *file)
{
	size_t count;
	const struct passwd_index *index = open_index(file, &count);
	const char *at = file->bytes;
	struct pwhash_scram keys;
	static APART struct entry entry;
	uint32_t rounds = 0;

	if (index != NULL)
		return (uint32_t)index->rounds;
	/* The end of {SCRAM-SHA-256}, in whatever case. */
	while (rounds == 0 && passwd_next_with(file, &at, "-256}", &entry))
		if (pwhash_scram(entry.fields[PASSWORD], &keys))
			rounds = keys.iterations;
	explicit_bzero(&keys, sizeof keys);
	explicit_bzero(&entry, sizeof entry);
	return rounds;
}

bool
passwd_is_of(const struct file *file, const char *at, const char *name, size_t length)
{
	return (size_t)(file->bytes + file->length - at) > length && memcmp(at, name, length) == 0 && at[length] == ':';
}

static int
find_in_index(const struct file *file, const struct passwd_place *places, size_t count, const char *name,
    const char **at, int most)
{
	size_t length = strlen(name), low = 0, high = count;
	uint64_t hash = passwd_hash(name, length);
	int found = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (places[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && places[low].hash == hash; low++) {
		const char *line = file->bytes + places[low].at;

		if (places[low].at >= file->length || (places[low].at > 0 && line[-1] != '\n') ||
		    !passwd_is_of(file, line, name, length))
			continue;
		if (found++ < most)
			at[found - 1] = line;
	}
	return found;
}

int
passwd_find(const struct file *file, const char *name, const char **at, int most)
{
	size_t count, length = strlen(name);
	const struct passwd_index *index = open_index(file, &count);
	int found = 0;

	if (index != NULL)
		return find_in_index(file, (const struct passwd_place *)(index + 1), count, name, at, most);
	for (const char *p = file->bytes, *end = p + file->length; p < end; p = passwd_next(file, p))
		if (passwd_is_of(file, p, name, length) && found++ < most)
			at[found - 1] = p;
	return found;
}

bool
passwd_ids(struct identity *identity, const struct entry *entry)
{
	uint64_t uid, gid;

	if (!text_number(entry->fields[UID], UINT32_MAX - 1, &uid) ||
	    !text_number(entry->fields[GID], UINT32_MAX - 1, &gid))
		return false;
	identity->rights.uid = (uid_t)uid;
	identity->rights.gid = (gid_t)gid;
	strlcpy(identity->user, entry->fields[USER], sizeof identity->user);
	if (entry->fields[HOME][0] == '/')
		strlcpy(identity->home, entry->fields[HOME], sizeof identity->home);
	return true;
}
