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

/* Could DIR be made? */
static bool
may_make(const char *path)
{
	char parent[sizeof ((struct config *)NULL)->injector_path];
	char *slash;

	strlcpy(parent, path, sizeof parent);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	return access(parent, W_OK) == 0;
}

/* The directory that was just made becomes the service account's. It is open, and no symbolic link: its parent's
 * owner may have put anything in its place. */
static bool
give(int directory, const struct identity *service)
{
	bool given = directory >= 0 && fchown(directory, service->rights.uid, service->rights.gid) == 0;

	close(directory);
	return given;
}

bool
maildir_open(const struct config *config, const struct identity *service)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	const char *path = config->injector_path;
	bool made = !config->check && mkdir(path, 0700) == 0;

	maildir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
	if (maildir < 0)
		return config->check && errno == ENOENT && may_make(path);
	for (int i = 0; i < 3 && !config->check; i++) {
		if (mkdirat(maildir, parts[i], 0700) != 0) {
			if (errno != EEXIST)
				return false;
		} else if (config->root && !give(openat(maildir, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC), service)) {
			return false;
		}
	}
	return !made || !config->root || fchown(maildir, service->rights.uid, service->rights.gid) == 0;
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

bool
maildir_exists(void)
{
	return maildir >= 0;
}

/* maildir(5): a file of its own in tmp, on the disk, then by one rename in new, and that on the disk too. */
void
maildir_send(const struct config *config, const struct message *message, struct outcome *outcome)
{
	char temporary[128], final[128];
	struct text name;
	int file, directory, error;
	bool written = false, renamed = false;

	text_start(&name, temporary, sizeof temporary);
	text_add(&name, "tmp/");
	text_add_number(&name, (uint64_t)time(NULL));
	text_add_byte(&name, '.');
	text_add(&name, message->id);
	text_add_byte(&name, '_');
	text_add_number(&name, message->number);
	text_add_byte(&name, '.');
	text_add_clean(&name, config->hostname, 60);
	strlcpy(final, temporary, sizeof final);
	memcpy(final, "new/", 4);
	file = openat(maildir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	error = errno;
	if (file >= 0) {
		written = write_delivery(file, message);
		if (close(file) != 0)
			written = false;
		directory = openat(maildir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (written && directory >= 0 && renameat(maildir, temporary, maildir, final) == 0)
			renamed = fsync(directory) == 0 || unlinkat(maildir, final, 0) != 0;
		error = errno;
		if (!renamed)
			unlinkat(maildir, temporary, 0);
		if (directory >= 0)
			close(directory);
	}
	if (renamed) {
		strlcpy(outcome->how, final, sizeof outcome->how);
		message_answer(outcome, 'K', "");
	} else {
		strlcpy(outcome->how, strerror(error), sizeof outcome->how);
		message_answer(outcome, 'Z', "4.3.0 The message could not be stored, try again later");
	}
}

