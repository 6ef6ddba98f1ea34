/* Lines as in /etc/passwd, and the accounts of this machine. */
#ifndef PASSWD_H
#define PASSWD_H

#include <stdbool.h>
#include <stddef.h>
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
	const char *bytes;
	size_t length;
	struct stat status;
};

/* Maps the regular file, for the life of the process. False: errno, or it is no regular file. */
bool passwd_open(struct file *file, const char *path);

/* The start of the line behind `at`; the end of the file behind the last. */
const char *passwd_next(const struct file *file, const char *at);

/* Copies the line at `at` and cuts it into fields; a CR before its LF goes. False: too long, or a NUL in it. */
bool passwd_entry(const struct file *file, const char *at, struct entry *entry);

/* Finds the line that begins with `name`, at most USER_MAX bytes, and a colon: exact bytes. How many there
 * are; *at is the first. Always reads the whole file. */
int passwd_find(const struct file *file, const char *name, const char **at);

/* Sets uid, gid, user and, if the entry has one, home. False: ids that are no numbers. */
bool passwd_ids(struct identity *identity, const struct entry *entry);

/*
 * The account `name` from /etc/passwd and, if `groups`, its groups from /etc/group or, where it is not there
 * and nsswitch.conf(5) names more, from getent(1), which asks whatever the machine is set to ask. This
 * program is linked statically: the C library's own look-up would need its shared objects at run time.
 */
bool passwd_account(const char *name, bool groups, struct identity *identity);

#endif
