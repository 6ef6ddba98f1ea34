/* Replaces a password file: one writer at a time, and readers meet the old file or the new one, whole. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "tools/replace.h"

#define LOCK_WAIT 30		/* seconds to wait for another writer */

static char buffer[1 << 16];	/* of the new file's stream: it may hold passwords, and is wiped */

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
	if (replace->resolved == NULL && errno == ENOENT && lstat(replace->path, &status) != 0)
		replace->resolved = strdup(replace->path);
	if (replace->resolved == NULL) {
		warn("%s", replace->path);
		return false;
	}
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

/* Does the name still lead to this very file, or to none where there was none? */
static bool
is_there(const struct replace *replace, const char *name, const struct stat *file)
{
	struct stat now;

	if (fstatat(replace->directory, name, &now, AT_SYMLINK_NOFOLLOW) != 0)
		return file->st_mode == 0;
	return now.st_dev == file->st_dev && now.st_ino == file->st_ino;
}

/*
 * Makes .NAME.new and locks it with flock(2). The name is always the same: who holds the lock is its only user, and
 * takes away what a killed predecessor left, or somebody else put there. What is locked may have been renamed while we
 * waited. NULL: said.
 */
static FILE *
open_new(const struct replace *replace, const char *name, char new[REPLACE_NAME_SIZE])
{
	const struct timespec moment = { 0, 20 * 1000 * 1000 };
	int64_t deadline = io_now() + LOCK_WAIT * 1000;
	struct stat status;
	FILE *to;

	snprintf(new, REPLACE_NAME_SIZE, ".%s.new", name);
	do {
		int file = openat(replace->directory, new, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (file < 0) {
			warn("%s: nothing changed: %s", replace->path, new);
			return NULL;
		}
		if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &status) == 0 &&
		    is_there(replace, new, &status)) {
			if (status.st_size == 0 && status.st_uid == geteuid() && status.st_nlink == 1 &&
			    (to = fdopen(file, "w")) != NULL)
				return to;
			(void)unlinkat(replace->directory, new, 0);
		}
		(void)close(file);
		pselect(0, NULL, NULL, NULL, &moment, &replace->signals);
	} while (io_now() < deadline);
	warnx("%s: another program has held it locked for %d seconds", replace->path, LOCK_WAIT);
	return NULL;
}

bool
replace_start(struct replace *replace, const char *path, bool create)
{
	sigset_t all;
	int file;
	bool fine;

	*replace = (struct replace){ .path = path, .directory = -1, .old.bytes = "" };
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &replace->signals);
	if (!resolve_path(replace) || (replace->to = open_new(replace, replace->name, replace->new)) == NULL)
		return false;
	setvbuf(replace->to, buffer, _IOFBF, sizeof buffer);
	/* O_NONBLOCK: a FIFO must not hold us here. */
	errno = 0;
	file = openat(replace->directory, replace->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	fine = file >= 0 ? passwd_map(&replace->old, file) : errno == ENOENT && create;
	if (!fine)
		warnx("%s: %s", path, errno == 0 ? "not a regular file" : strerror(errno));
	if (file >= 0)
		(void)close(file);
	return fine;
}

/* What can go wrong with a disk goes wrong here or with fsync(), before rename(). */
static bool
finish_writing(const struct replace *replace, FILE *to, mode_t modes)
{
	const struct stat *old = &replace->old.status;

	/* Why an earlier write failed nobody knows any more; what fails again most often says the same. */
	errno = EIO;
	if (ferror(to))
		(void)(fputc('\n', to) == EOF || fflush(to) == EOF);
	return !ferror(to) && fflush(to) == 0 && (old->st_mode == 0 ||
	    (fchown(fileno(to), old->st_uid, old->st_gid) == 0 && fchmod(fileno(to), old->st_mode & modes) == 0));
}

bool
replace_written(struct replace *replace, struct file *written)
{
	if (finish_writing(replace, replace->to, 07777) && passwd_map(written, fileno(replace->to)))
		return true;
	warn("%s: nothing changed", replace->path);
	return false;
}

bool
replace_commit(struct replace *replace)
{
	bool fine = fsync(fileno(replace->to)) == 0;

	if (!is_there(replace, replace->name, &replace->old.status)) {
		warnx("%s: replaced by another program meanwhile; nothing changed", replace->path);
		return false;
	}
	if (!fine || renameat(replace->directory, replace->new, replace->directory, replace->name) != 0) {
		warn("%s: nothing changed", replace->path);
		return false;
	}
	replace->new[0] = '\0';
	if (fsync(replace->directory) < 0)
		warn("%s: the directory", replace->path);
	return true;
}

void
replace_end(struct replace *replace)
{
	if (replace->to != NULL && replace->new[0] != '\0')
		(void)unlinkat(replace->directory, replace->new, 0);
	if (replace->to != NULL)
		(void)fclose(replace->to);	/* what was written is on the disk, or is gone */
	explicit_bzero(buffer, sizeof buffer);
	if (replace->directory >= 0)
		(void)close(replace->directory);
	free(replace->resolved);
	(void)sigprocmask(SIG_SETMASK, &replace->signals, NULL);
}

static uint64_t
hash_name(const struct file *file, const char *at)
{
	const char *colon = memchr(at, ':', (size_t)(passwd_next(file, at) - at));

	return colon == NULL ? 0 : passwd_hash(at, (size_t)(colon - at));
}

/*
 * The file is read when its times are so old that a change behind our back gives it others (the kernel's clock for
 * files goes by ticks of at most 10 ms), and it must have the same ones when it was read.
 */
bool
replace_index(struct replace *replace)
{
	const struct timespec ticks = { 0, 30 * 1000 * 1000 };
	char name[REPLACE_NAME_SIZE], new[REPLACE_NAME_SIZE];
	struct passwd_index index, again;
	struct passwd_place *places;
	struct stat status;
	struct file file = { .path = replace->path };
	size_t count;
	bool latest, fine;
	FILE *to;

	(void)nanosleep(&ticks, NULL);
	if (!passwd_map(&file, fileno(replace->to)) || file.length < PASSWD_INDEXED)
		return true;
	snprintf(name, sizeof name - 5, "%s.index", replace->name);
	to = open_new(replace, name, new);
	if (to == NULL)
		return false;
	places = passwd_places(&file, hash_name, &count);
	if (places == NULL)
		err(111, "memory");
	passwd_index_start(&index, &file.status, passwd_rounds(&file));
	fwrite(&index, sizeof index, 1, to);
	fwrite(places, sizeof *places, count, to);
	/* One that others can write is not believed, whoever can write the file. */
	fine = finish_writing(replace, to, 0755) && fstat(fileno(replace->to), &status) == 0;
	passwd_index_start(&again, &status, (uint32_t)index.rounds);
	fine = fine && memcmp(&index, &again, sizeof index) == 0 && fsync(fileno(to)) == 0;
	/* Another writer's file has taken the place of ours: its index may be there, or is waiting for us to end. */
	latest = is_there(replace, replace->name, &file.status);
	fine = latest && fine && renameat(replace->directory, new, replace->directory, name) == 0;
	if (latest && !fine)
		warn("%s.index: not written", replace->path);
	if (!fine)
		(void)unlinkat(replace->directory, new, 0);
	(void)fclose(to);
	free(places);
	return fine || !latest;
}
