/* Hands a message over by putting it into a maildir. */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/io.h"
#include "base/text.h"
#include "inject/maildir.h"

static int maildir = -1;	/* the directory, opened at the start */

/* No well-kept machine has more links than that in a path; each is shorter than this. */
#define LINKS_MAX 8
#define TARGET_SIZE 512
#define PATH_SIZE sizeof ((struct config *)NULL)->injector_path

/* Is it root's, or of whoever runs this, so that nobody else can have made or moved what is in it? */
static bool
is_ours(const struct stat *status)
{
	return (status->st_uid == 0 || status->st_uid == geteuid()) && (status->st_mode & 022) == 0;
}

/* May we make something in it, being root perhaps? Only where nobody else can put another thing in its place:
 * in a sticky directory others can make things, but not move ours. */
static bool
may_make(int directory, const struct identity *service)
{
	struct stat status;

	if (fstat(directory, &status) != 0)
		return false;
	if (status.st_uid == service->rights.uid)
		status.st_uid = geteuid();
	if ((status.st_mode & S_ISVTX) != 0)
		status.st_mode &= ~(mode_t)022;
	if (!is_ours(&status))
		errno = EPERM;
	return is_ours(&status);
}

/* Reads the symbolic link `name` of the directory, if nobody else can have made it. -1: errno. */
static ssize_t
read_link(int directory, const char *name, char *target, size_t size)
{
	struct stat link, above;
	ssize_t length;

	if (fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) != 0 || fstat(directory, &above) != 0)
		return -1;
	if (!S_ISLNK(link.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	link.st_mode = 0;	/* a link's own bits mean nothing */
	if (!is_ours(&link) || !is_ours(&above)) {
		errno = ELOOP;
		return -1;
	}
	length = readlinkat(directory, name, target, size);
	if (length == (ssize_t)size) {	/* cut, perhaps */
		errno = ENAMETOOLONG;
		return -1;
	}
	return length;
}

/* Opens the directory, by no symbolic link that somebody else may have made. -1: errno; ELOOP: there is one. */
static int
walk(const char *path)
{
	char target[TARGET_SIZE], left[PATH_SIZE + LINKS_MAX * sizeof target], *name = left;
	int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next, links = 0;
	ssize_t length;

	strlcpy(left, path, sizeof left);
	while (at >= 0 && *(name += strspn(name, "/")) != '\0') {
		char *rest = name + strcspn(name, "/");

		if (*rest != '\0')
			*rest++ = '\0';
		next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next >= 0 || errno != ENOTDIR || ++links > LINKS_MAX ||
		    (length = read_link(at, name, target, sizeof target)) < 0) {
			name = rest;
		} else {	/* on with where it leads, and what is left behind that */
			memmove(left + length + 1, rest, strlen(rest) + 1);
			memcpy(left, target, (size_t)length);
			left[length] = '/';
			name = left;
			next = openat(at, *target == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
		(void)close(at);
		at = next;
	}
	return at;
}

/* The directory that was just made becomes the service account's. */
static bool
give(int directory, const struct config *config, const struct identity *service)
{
	return !config->root || fchown(directory, service->rights.uid, service->rights.gid) == 0;
}

/* Makes DIR, or only looks whether it could be made. Cuts its path at the last name. */
static bool
make_maildir(char *path, const struct config *config, const struct identity *service)
{
	char *slash = strrchr(path, '/'), *name = slash + 1;
	int above;
	bool fine;

	*slash = '\0';
	above = walk(path);
	fine = above >= 0 && may_make(above, service);
	if (fine && config->check) {
		fine = faccessat(above, ".", W_OK, 0) == 0;
	} else if (fine) {
		bool made = mkdirat(above, name, 0700) == 0;	/* else another session did */

		maildir = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		fine = maildir >= 0 && (!made || give(maildir, config, service));
	}
	if (above >= 0)
		(void)close(above);
	return fine;
}

/* Makes tmp, new and cur where they are missing, or only looks whether it could. */
static bool
make_parts(const struct config *config, const struct identity *service)
{
	static const char *const parts[] = { "tmp", "new", "cur" };

	for (int i = 0; i < 3; i++) {
		struct stat status;
		bool given;
		int part;

		if (fstatat(maildir, parts[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (!may_make(maildir, service))
			return false;
		if (config->check)
			continue;
		if (mkdirat(maildir, parts[i], 0700) != 0) {
			if (errno != EEXIST)
				return false;
			continue;
		}
		part = openat(maildir, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (part < 0)
			return false;
		given = give(part, config, service);
		(void)close(part);
		if (!given)
			return false;
	}
	return true;
}

const char *
maildir_open(const struct config *config, const struct identity *service)
{
	char path[PATH_SIZE];
	size_t length = strlcpy(path, config->injector_path, sizeof path);
	bool fine = false;
	int found;

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	if ((found = walk(path)) >= 0) {
		maildir = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(found);
		fine = maildir >= 0;
	} else if (errno == ENOENT) {
		fine = make_maildir(path, config, service);
	}
	if (fine && maildir >= 0)
		fine = make_parts(config, service);
	if (fine)
		return NULL;
	return errno == ELOOP ? "a symbolic link on the way may be somebody else's" :
	    errno == EPERM ? "it is missing, or tmp, new or cur in it, and others can change the directory above" :
	    strerror(errno);
}

bool
maildir_exists(void)
{
	return maildir >= 0;
}

bool
maildir_writable(bool service)
{
	static const char *const parts[] = { "tmp", "new" };
	static const int modes[] = { W_OK | X_OK, R_OK | W_OK | X_OK };		/* new is opened, for fsync(2) */

	for (int i = 0; i < 2; i++)
		if (faccessat(maildir, parts[i], modes[i], 0) != 0 &&
		    !(service && (errno == ENOENT || errno == EBADF)))
			return false;
	return true;
}

/* Writes the message with its envelope in front into the open file. */
static bool
write_delivery(int file, const struct message *message)
{
	char array[ADDRESS_MAX + 32];
	struct text line;
	off_t at = 0;

	text_start(&line, array, sizeof array);
	text_add(&line, "Return-Path: <");
	text_add(&line, message->sender);
	text_add(&line, ">\n");
	if (!io_write_all(file, array, line.used))
		return false;
	for (const char *to = NULL; (to = message_recipient(message, to)) != NULL;) {
		text_start(&line, array, sizeof array);
		text_add(&line, "X-Envelope-To: <");
		text_add(&line, to);
		text_add(&line, ">\n");
		if (!io_write_all(file, array, line.used))
			return false;
	}
	while ((uint64_t)at < message->size) {
		ssize_t sent = sendfile(file, message->spool, &at, message->size - (uint64_t)at);

		if (sent == 0)
			errno = EIO;	/* shorter than it was: not the message that was asked for */
		if (sent == 0 || (sent < 0 && errno != EINTR))
			return false;
	}
	return fsync(file) == 0;
}

/* "tmp/TIME.ID_NUMBER.HOST": maildir(5) wants a name that nobody else makes. */
static void
name_file(struct text *name, const struct config *config, const struct message *message)
{
	text_add(name, "tmp/");
	text_add_number(name, (uint64_t)time(NULL));
	text_add_byte(name, '.');
	text_add(name, message->id);
	text_add_byte(name, '_');
	text_add_number(name, message->number);
	text_add_byte(name, '.');
	text_add_clean(name, config->hostname, 60);
}

/* One rename into new, and that on the disk. False: errno, and it is not there, or nobody knows. */
static bool
publish(const char *temporary, const char *final)
{
	int directory = openat(maildir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	bool done;

	if (directory < 0)
		return false;
	done = renameat(maildir, temporary, maildir, final) == 0;
	if (done && fsync(directory) != 0) {
		error = errno;
		/* To be taken back; but if it is gone already, a reader has it. */
		done = unlinkat(maildir, final, 0) != 0 && errno == ENOENT;
		errno = error;
	}
	error = errno;
	(void)close(directory);
	errno = error;
	return done;
}

/* maildir(5): a file of its own in tmp, on the disk, then by one rename in new, and that on the disk too. */
void
maildir_send(const struct config *config, const struct message *message, struct outcome *outcome)
{
	char temporary[128], final[128];
	struct text name;
	bool written, done = false;
	int file, error;

	text_start(&name, temporary, sizeof temporary);
	name_file(&name, config, message);
	strlcpy(final, temporary, sizeof final);
	memcpy(final, "new/", 4);
	file = openat(maildir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	error = errno;
	if (file >= 0) {
		written = write_delivery(file, message);
		error = errno;
		if (close(file) != 0 && written) {
			written = false;
			error = errno;
		}
		if (written) {
			done = publish(temporary, final);
			error = errno;
		}
		if (!done)
			(void)unlinkat(maildir, temporary, 0);
	}
	if (done) {
		strlcpy(outcome->how, final, sizeof outcome->how);
		message_answer(outcome, ASK_YES, "");
	} else {
		strlcpy(outcome->how, strerror(error), sizeof outcome->how);
		message_answer(outcome, ASK_TEMPORARY, "4.3.0 The message could not be stored, try again later");
	}
}
