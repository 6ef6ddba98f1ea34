/* Replaces a password file: one writer at a time, and readers meet the old file or the new one, whole. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "tools/replace.h"

#define LOCK_WAIT 30		/* seconds to wait for another writer */

/*
 * A symbolic link is followed to the end: the file it names is replaced, not the link, and the
 * new one is made in that file's directory, since rename() does not cross file systems.
 */
static bool
resolve_path(struct replace *replace)
{
	struct stat status;
	char *slash;

	replace->resolved = realpath(replace->path, NULL);
	if (replace->resolved == NULL && (errno != ENOENT || lstat(replace->path, &status) == 0)) {
		warn("%s", replace->path);
		return false;
	}
	if (replace->resolved == NULL)
		replace->resolved = strdup(replace->path);
	if (replace->resolved == NULL)
		err(111, "memory");
	slash = strrchr(replace->resolved, '/');
	replace->name = slash != NULL ? slash + 1 : replace->resolved;
	if (slash != NULL)
		*slash = '\0';
	replace->directory = open(slash == NULL ? "." : slash == replace->resolved ? "/" : replace->resolved,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (replace->directory < 0)
		warn("%s: the directory", replace->path);
	return replace->directory >= 0;
}

static int
open_file(struct replace *replace, bool create)
{
	/* O_NONBLOCK: a FIFO must not hold us here. */
	int descriptor = openat(replace->directory, replace->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	replace->created = false;
	if (descriptor >= 0 || errno != ENOENT || !create)
		return descriptor;
	/* The new file is first an empty one, so that there is something to lock. */
	descriptor = openat(replace->directory, replace->name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	replace->created = descriptor >= 0;
	return descriptor;
}

/* The lock lies on a file that may have been replaced while we waited: is it still the one? */
static bool
still_there(const struct replace *replace, int descriptor)
{
	struct stat locked, now;

	return fstat(descriptor, &locked) == 0 &&
	    fstatat(replace->directory, replace->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == locked.st_dev && now.st_ino == locked.st_ino;
}

/* Opens and locks the file; held signals are let through only while waiting. */
static bool
lock_file(struct replace *replace, bool create)
{
	const struct timespec moment = { 0, 20 * 1000 * 1000 };
	int64_t deadline = io_now() + LOCK_WAIT * 1000;

	do {
		int descriptor = open_file(replace, create);

		if (descriptor < 0 && errno != EEXIST) {
			warn("%s", replace->path);
			return false;
		}
		if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0 && still_there(replace, descriptor)) {
			replace->descriptor = descriptor;
			return true;
		}
		if (descriptor >= 0)
			close(descriptor);
		replace->created = false;
		pselect(0, NULL, NULL, NULL, &moment, &replace->signals);
	} while (io_now() < deadline);
	warnx("%s: another program has held it locked for %d seconds", replace->path, LOCK_WAIT);
	return false;
}

bool
replace_start(struct replace *replace, const char *path, bool create)
{
	sigset_t all;

	*replace = (struct replace){ .path = path, .directory = -1, .descriptor = -1 };
	replace->file.path = path;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &replace->signals);
	if (!resolve_path(replace) || !lock_file(replace, create))
		return false;
	if (passwd_map(&replace->file, replace->descriptor))
		return true;
	warnx("%s: not a regular file", path);
	return false;
}

/* Everything that can go wrong with a disk goes wrong here, before rename(). */
static bool
write_whole(const struct replace *replace, int descriptor, const char *bytes, size_t length, const void *more,
    size_t more_length)
{
	const struct stat *status = &replace->file.status;

	return fchown(descriptor, status->st_uid, status->st_gid) == 0 &&
	    fchmod(descriptor, status->st_mode & 07777) == 0 && io_write_all(descriptor, bytes, length) &&
	    io_write_all(descriptor, more, more_length) && fsync(descriptor) == 0;
}

/*
 * Writes .FILE.new and gives it the name. The new file's name is always the same: who holds the lock is its only user,
 * and takes away what a killed predecessor left. False: errno; 0 where another program was faster.
 */
static bool
put_in_place(struct replace *replace, const char *name, const char *bytes, size_t length, const void *more,
    size_t more_length)
{
	char new[NAME_MAX + 1];
	int descriptor, error;
	bool fine;

	if ((size_t)snprintf(new, sizeof new, ".%s.new", replace->name) >= sizeof new) {
		errno = ENAMETOOLONG;
		return false;
	}
	unlinkat(replace->directory, new, 0);
	descriptor = openat(replace->directory, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (descriptor < 0)
		return false;
	fine = write_whole(replace, descriptor, bytes, length, more, more_length);
	error = errno;
	if (close(descriptor) < 0 && fine) {
		error = errno;
		fine = false;
	}
	if (fine && name == replace->name && !still_there(replace, replace->descriptor)) {
		error = 0;
		fine = false;
	}
	if (fine && renameat(replace->directory, new, replace->directory, name) == 0)
		return true;
	error = fine ? errno : error;
	unlinkat(replace->directory, new, 0);
	errno = error;
	return false;
}

bool
replace_with(struct replace *replace, const char *bytes, size_t length)
{
	if (!put_in_place(replace, replace->name, bytes, length, NULL, 0)) {
		if (errno == 0)
			warnx("%s: replaced by another program meanwhile; nothing changed", replace->path);
		else
			warn("%s: nothing changed", replace->path);
		return false;
	}
	replace->created = false;
	if (fsync(replace->directory) < 0)
		warn("%s: the directory", replace->path);
	if (length >= PASSWD_INDEXED)
		(void)replace_index(replace);	/* without one it is found, too, only later */
	return true;
}

void
replace_end(struct replace *replace)
{
	if (replace->created)
		unlinkat(replace->directory, replace->name, 0);
	if (replace->file.length > 0)
		munmap((void *)(uintptr_t)replace->file.bytes, replace->file.length);
	if (replace->descriptor >= 0)
		close(replace->descriptor);
	if (replace->directory >= 0)
		close(replace->directory);
	free(replace->resolved);
	sigprocmask(SIG_SETMASK, &replace->signals, NULL);
}

static int
place_by_hash(const void *a, const void *b)
{
	const struct passwd_place *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static struct passwd_place *
places_of(const struct file *file, size_t *count)
{
	const char *end = file->bytes + file->length, *next;
	struct passwd_place *places;

	*count = 0;
	for (const char *at = file->bytes; at < end; at = passwd_next(file, at))
		++*count;
	places = calloc(*count + 1, sizeof *places);
	if (places == NULL)
		return NULL;
	*count = 0;
	for (const char *at = file->bytes; at < end; at = next) {
		const char *colon;

		next = passwd_next(file, at);
		colon = memchr(at, ':', (size_t)(next - at));
		if (colon != NULL)
			places[(*count)++] = (struct passwd_place){ passwd_hash(at, (size_t)(colon - at)),
			    (uint64_t)(at - file->bytes) };
	}
	qsort(places, *count, sizeof *places, place_by_hash);
	return places;
}

/*
 * The file is read when its times are so old that a change behind our back gives it others (the kernel's clock for
 * files goes by ticks of at most 10 ms), and it must have the same ones when it was read.
 */
bool
replace_index(struct replace *replace)
{
	const struct timespec ticks = { 0, 30 * 1000 * 1000 };
	char name[NAME_MAX + 1];
	struct passwd_index index, again;
	struct passwd_place *places = NULL;
	struct stat status;
	struct file file = { .bytes = "" };
	size_t count;
	bool fine;
	int descriptor;

	nanosleep(&ticks, NULL);
	descriptor = openat(replace->directory, replace->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	fine = descriptor >= 0 && passwd_map(&file, descriptor) && (places = places_of(&file, &count)) != NULL &&
	    fstat(descriptor, &status) == 0;
	if (fine) {
		passwd_index_start(&index, &file.status);
		passwd_index_start(&again, &status);
		errno = ESTALE;
		fine = memcmp(&index, &again, sizeof index) == 0 &&
		    (size_t)snprintf(name, sizeof name, "%s.index", replace->name) < sizeof name &&
		    put_in_place(replace, name, (const char *)&index, sizeof index, places, count * sizeof *places);
	}
	if (!fine)
		warn("%s.index: not written", replace->path);
	free(places);
	if (file.length > 0)
		munmap((void *)(uintptr_t)file.bytes, file.length);
	if (descriptor >= 0)
		close(descriptor);
	return fine;
}
