/* Keeps the entries of a password file; the sessions only read it. */
#include <bsd/readpassphrase.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <nettle/base64.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "auth/pwhash.h"

#ifndef PASSWORD_FILE
#define PASSWORD_FILE "/etc/ofmipd/passwd"
#endif

#define LOCK_WAIT 30		/* seconds to wait for another writer */
#define LEAST_UID 1000		/* ofmipd-session's --min-uid where none is given */
#define SECRET_MARK "#secret:"
#define SECRET_BYTES 32

/* Exit statuses; 100 and 111 as in all programs run by tcpserver. */
enum { DONE = 0, NO = 1, WRONG_USE = 100, FAILED = 111 };

enum action { CHANGE, DELETE, LIST, VERIFY, IMPORT };

struct options {
	enum action action;
	const char *file, *scheme, *source;
	const char *uid, *gid, *home;
	bool from_stdin;
	char user[USER_MAX + 1];
};

/* The fields of a line, as passwd(5) and Dovecot have them; the last one may itself hold ':'. */
enum { USER, PASSWORD, UID, GID, GECOS, HOME, SHELL, EXTRA, FIELDS };

struct field {
	const char *start;
	size_t length;
};

struct line {
	const char *start;
	size_t length;		/* without the line end */
	size_t end;		/* bytes of the line end: 0, 1 (LF) or 2 (CR LF) */
	size_t number;
};

/* Bytes in memory. Whatever held a password is wiped before it is given back. */
struct buffer {
	char *bytes;
	size_t length, size;
};

/* The file to change: its directory, its name there, and the file itself, locked. */
struct target {
	const char *path;
	int directory, fd;
	char *resolved;
	const char *name;
	struct stat status;
	bool created;
	sigset_t signals;
};

/*
 * Bytes.
 */
static void
buffer_free(struct buffer *t)
{
	if (t->bytes != NULL)
		explicit_bzero(t->bytes, t->size);
	free(t->bytes);
	*t = (struct buffer){ NULL, 0, 0 };
}

/* Not realloc(): it would leave the old bytes behind in freed memory. */
static void
buffer_room(struct buffer *t, size_t more)
{
	size_t size = t->size > 0 ? t->size : 4096;
	char *bytes;

	while (size - t->length < more)
		size *= 2;
	if (size == t->size)
		return;
	bytes = malloc(size);
	if (bytes == NULL)
		err(FAILED, "memory");
	if (t->length > 0)
		memcpy(bytes, t->bytes, t->length);
	if (t->bytes != NULL)
		explicit_bzero(t->bytes, t->size);
	free(t->bytes);
	t->bytes = bytes;
	t->size = size;
}

static void
buffer_add(struct buffer *t, const char *bytes, size_t length)
{
	if (length == 0)
		return;
	buffer_room(t, length);
	memcpy(t->bytes + t->length, bytes, length);
	t->length += length;
}

static void
buffer_add_string(struct buffer *t, const char *string)
{
	buffer_add(t, string, strlen(string));
}

static bool
buffer_read(struct buffer *t, int fd)
{
	ssize_t got;

	do {
		buffer_room(t, 65536);
		got = read(fd, t->bytes + t->length, t->size - t->length);
		if (got > 0)
			t->length += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	return got == 0;
}

static bool
buffer_write(const struct buffer *t, int fd)
{
	size_t done = 0;
	ssize_t put;

	while (done < t->length) {
		put = write(fd, t->bytes + done, t->length - done);
		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0)
			done += (size_t)put;
	}
	return true;
}

/*
 * Lines and fields. A line is an entry when it has a name and a ':' behind it and is no comment.
 */
static bool
next_line(const struct buffer *t, struct line *l)
{
	const char *from = l->start == NULL ? t->bytes : l->start + l->length + l->end;
	size_t left = t->length - (size_t)(from - t->bytes);
	const char *newline;

	if (left == 0)
		return false;
	newline = memchr(from, '\n', left);
	l->start = from;
	l->end = newline != NULL;
	l->length = newline != NULL ? (size_t)(newline - from) : left;
	if (l->end == 1 && l->length > 0 && from[l->length - 1] == '\r') {
		l->length--;
		l->end = 2;
	}
	l->number++;
	return true;
}

static bool
is_entry(const struct line *l)
{
	return l->length > 0 && l->start[0] != '#' && l->start[0] != ':' &&
	    memchr(l->start, ':', l->length) != NULL;
}

static bool
has_secret_mark(const struct line *l)
{
	return l->length >= strlen(SECRET_MARK) &&
	    memcmp(l->start, SECRET_MARK, strlen(SECRET_MARK)) == 0;
}

/* Fills fields and tells how many there are. */
static size_t
split(const struct line *l, struct field fields[FIELDS])
{
	const char *from = l->start, *end = l->start + l->length, *colon;
	size_t count = 0;

	for (;;) {
		colon = count < EXTRA ? memchr(from, ':', (size_t)(end - from)) : NULL;
		fields[count].start = from;
		fields[count].length = (size_t)((colon != NULL ? colon : end) - from);
		count++;
		if (colon == NULL)
			return count;
		from = colon + 1;
	}
}

/* Blanks around a name do not count, as they did not for tmda-ofmipd. */
static void
trim(struct field *f)
{
	while (f->length > 0 && strchr(" \t\r\f\v", f->start[0]) != NULL)
		f->start++, f->length--;
	while (f->length > 0 && strchr(" \t\r\f\v", f->start[f->length - 1]) != NULL)
		f->length--;
}

static bool
find_entry(const struct buffer *t, const char *user, struct line *l)
{
	struct field fields[FIELDS];

	*l = (struct line){ NULL, 0, 0, 0 };
	while (next_line(t, l)) {
		if (!is_entry(l))
			continue;
		split(l, fields);
		trim(&fields[USER]);
		if (fields[USER].length == strlen(user) &&
		    strncasecmp(fields[USER].start, user, strlen(user)) == 0)
			return true;
	}
	return false;
}

struct owner {
	struct field name;
	size_t line;
};

static int
by_name(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;
	size_t shorter = x->name.length < y->name.length ? x->name.length : y->name.length;
	int order = strncasecmp(x->name.start, y->name.start, shorter);

	if (order == 0)
		order = (x->name.length > y->name.length) - (x->name.length < y->name.length);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* A name as it may be shown on a terminal. */
static void
print_clean(FILE *to, const char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];

		putc(c < ' ' || c == 0x7f ? '?' : c, to);
	}
}

static struct owner *
owners_of(const struct buffer *t, size_t *count)
{
	struct line l = { NULL, 0, 0, 0 };
	struct field fields[FIELDS];
	struct owner *owners;

	for (*count = 0; next_line(t, &l); )
		*count += is_entry(&l);
	owners = calloc(*count + 1, sizeof(*owners));
	if (owners == NULL)
		err(FAILED, "memory");
	l = (struct line){ NULL, 0, 0, 0 };
	for (*count = 0; next_line(t, &l); )
		if (is_entry(&l)) {
			split(&l, fields);
			trim(&fields[USER]);
			owners[(*count)++] = (struct owner){ fields[USER], l.number };
		}
	qsort(owners, *count, sizeof(*owners), by_name);
	return owners;
}

/* Two lines for one name: which one counts would be anybody's guess, so neither does. */
static bool
sound(const char *path, const struct buffer *t)
{
	struct owner *owners;
	size_t count, i;
	bool ok = true;

	if (t->length > 0 && memchr(t->bytes, '\0', t->length) != NULL) {
		warnx("%s: holds a NUL byte: not a password file", path);
		return false;
	}
	owners = owners_of(t, &count);
	for (i = 1; i < count; i++) {
		const struct owner *a = &owners[i - 1], *b = &owners[i];

		if (a->name.length != b->name.length ||
		    strncasecmp(a->name.start, b->name.start, a->name.length) != 0)
			continue;
		fprintf(stderr, "%s: %s: lines %zu and %zu are for the same user, ",
		    program_invocation_short_name, path, a->line, b->line);
		print_clean(stderr, a->name.start, a->name.length);
		fputs(": delete one\n", stderr);
		ok = false;
	}
	free(owners);
	return ok;
}

/* The second field as a string, as pwhash_verify() wants it. */
static bool
stored_of(const struct field *f, char stored[PWHASH_STORED_SIZE])
{
	if (f->length >= PWHASH_STORED_SIZE)
		return false;
	memcpy(stored, f->start, f->length);
	stored[f->length] = '\0';
	return true;
}

/* ofmipd-session looks for the bytes of the lower-case name, and for nothing else. */
static bool
never_found(const struct field *name)
{
	struct field trimmed = *name;
	size_t i;

	trim(&trimmed);
	for (i = 0; i < name->length; i++)
		if (name->start[i] >= 'A' && name->start[i] <= 'Z')
			return true;
	return trimmed.length != name->length;
}

/* What keeps ofmipd-session from using the file, or some of it. */
static void
warn_about(const char *path, const struct buffer *b, mode_t mode)
{
	bool readable = (mode & (S_IRGRP | S_IROTH)) != 0;
	char stored[PWHASH_STORED_SIZE];
	struct field fields[FIELDS];
	struct line l = { NULL, 0, 0, 0 };
	size_t count;

	if ((mode & S_IWOTH) != 0)
		warnx("%s: warning: others can write it: chmod o-w %s", path, path);
	while (next_line(b, &l)) {
		if (!is_entry(&l))
			continue;
		count = split(&l, fields);
		if (never_found(&fields[USER]))
			warnx("%s: warning: line %zu: a name with capital letters or blanks around it "
			    "is never found", path, l.number);
		if (readable && stored_of(&fields[PASSWORD], stored) &&
		    pwhash_is_cleartext(stored, count == 2)) {
			warnx("%s: warning: line %zu holds a password in clear text, and group or "
			    "others can read it: chmod 600 %s", path, l.number, path);
			readable = false;	/* said once is enough */
		}
	}
	explicit_bzero(stored, sizeof(stored));
}

/*
 * The file: read, lock, replace.
 */
static bool
read_regular(const char *path, int fd, struct buffer *t)
{
	if (!buffer_read(t, fd)) {
		warn("%s", path);
		return false;
	}
	return true;
}

static int
open_regular(int directory, const char *name, const char *path, struct stat *status)
{
	/* O_NONBLOCK: a FIFO must not hold us here. */
	int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		warn("%s", path);
		return -1;
	}
	if (fstat(fd, status) < 0 || !S_ISREG(status->st_mode)) {
		warnx("%s: not a regular file", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* For those who only look: rename() replaces the file, so an open one never changes. */
static bool
read_file(const char *path, struct buffer *t, struct stat *status)
{
	int fd = open_regular(AT_FDCWD, path, path, status);
	bool ok;

	if (fd < 0)
		return false;
	ok = read_regular(path, fd, t);
	close(fd);
	return ok && sound(path, t);
}

/*
 * A symbolic link is followed to the end: the file it names is replaced, not the link, and the
 * new one is made in that file's directory, since rename() does not cross file systems.
 */
static bool
find_target(const char *path, struct target *t)
{
	struct stat status;
	char *slash;

	*t = (struct target){ .path = path, .directory = -1, .fd = -1 };
	t->resolved = realpath(path, NULL);
	if (t->resolved == NULL && (errno != ENOENT || lstat(path, &status) == 0)) {
		warn("%s", path);
		return false;
	}
	if (t->resolved == NULL)
		t->resolved = strdup(path);
	if (t->resolved == NULL)
		err(FAILED, "memory");
	slash = strrchr(t->resolved, '/');
	t->name = slash != NULL ? slash + 1 : t->resolved;
	if (slash == NULL)
		t->directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if (slash == t->resolved)
		t->directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else {
		*slash = '\0';
		t->directory = open(t->resolved, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (t->directory >= 0)
		return true;
	warn("%s: the directory", path);
	free(t->resolved);
	return false;
}

/*
 * From here to the end of the work no signal is taken, so that none leaves a half-made file; what
 * came meanwhile is delivered afterwards.
 */
static void
hold_signals(struct target *t)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &t->signals);
}

static void
release_signals(const struct target *t)
{
	sigprocmask(SIG_SETMASK, &t->signals, NULL);
}

static int
open_target(struct target *t, bool create)
{
	int fd = openat(t->directory, t->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	t->created = false;
	if (fd >= 0 || errno != ENOENT || !create)
		return fd;
	/* The new file is first an empty one, so that there is something to lock. */
	fd = openat(t->directory, t->name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	t->created = fd >= 0;
	return fd;
}

/* The lock lies on a file that may have been replaced while we waited: is it still the one? */
static bool
still_there(const struct target *t, int fd, struct stat *status)
{
	struct stat now;

	return fstat(fd, status) == 0 &&
	    fstatat(t->directory, t->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == status->st_dev && now.st_ino == status->st_ino;
}

/* Opens and locks the file; held signals are let through only while waiting. */
static bool
lock_target(struct target *t, bool create)
{
	const struct timespec moment = { 0, 20 * 1000 * 1000 };
	struct timespec now, start;

	hold_signals(t);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		int fd = open_target(t, create);

		if (fd < 0 && errno != EEXIST) {
			warn("%s", t->path);
			return false;
		}
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    still_there(t, fd, &t->status)) {
			t->fd = fd;
			return true;
		}
		if (fd >= 0)
			close(fd);
		t->created = false;
		pselect(0, NULL, NULL, NULL, &moment, &t->signals);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < LOCK_WAIT);
	warnx("%s: another program has held it locked for %d seconds", t->path, LOCK_WAIT);
	return false;
}

static bool
read_target(struct target *t, struct buffer *text)
{
	if (!S_ISREG(t->status.st_mode)) {
		warnx("%s: not a regular file", t->path);
		return false;
	}
	return read_regular(t->path, t->fd, text) && sound(t->path, text);
}

/* Everything that can go wrong with a disk goes wrong here, before rename(). */
static bool
fill_new(const struct target *t, int fd, const struct buffer *text)
{
	return fchown(fd, t->status.st_uid, t->status.st_gid) == 0 &&
	    fchmod(fd, t->status.st_mode & 07777) == 0 && buffer_write(text, fd) && fsync(fd) == 0;
}

/*
 * The new file's name is always the same: who holds the lock is its only user, and takes away
 * what a killed predecessor left.
 */
static bool
replace_target(struct target *t, const struct buffer *text)
{
	char name[NAME_MAX + 1];
	struct stat status;
	bool ok;
	int fd;

	if ((size_t)snprintf(name, sizeof(name), ".%s.new", t->name) >= sizeof(name)) {
		warnx("%s: the name is too long", t->path);
		return false;
	}
	unlinkat(t->directory, name, 0);
	fd = openat(t->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && fill_new(t, fd, text);
	if (fd >= 0 && close(fd) < 0)
		ok = false;
	if (ok && !still_there(t, t->fd, &status)) {
		warnx("%s: replaced by another program meanwhile; nothing changed", t->path);
		unlinkat(t->directory, name, 0);
		return false;
	}
	if (!ok || renameat(t->directory, name, t->directory, t->name) < 0) {
		warn("%s: nothing changed", t->path);
		if (fd >= 0)
			unlinkat(t->directory, name, 0);
		return false;
	}
	t->created = false;
	if (fsync(t->directory) < 0)
		warn("%s: the directory", t->path);
	warn_about(t->path, text, t->status.st_mode);
	return true;
}

static void
leave_target(struct target *t)
{
	if (t->created)
		unlinkat(t->directory, t->name, 0);
	if (t->fd >= 0)
		close(t->fd);
	if (t->directory >= 0)
		close(t->directory);
	free(t->resolved);
	release_signals(t);
}

/*
 * Names and passwords.
 */
static const char *
name_fault(const char *name, size_t length)
{
	size_t i;

	if (length == 0)
		return "is empty";
	if (length > USER_MAX)
		return "is longer than 255 bytes";
	if (name[0] == '#')
		return "begins with #: its line would be a comment";
	for (i = 0; i < length; i++) {
		if (name[i] == ':')
			return "holds a colon";
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return "holds a control character";
	}
	return NULL;
}

/* ASCII only, as ofmipd-session does it. True when something changed. */
static bool
lower(char *to, const char *from, size_t length)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < length; i++) {
		bool upper = from[i] >= 'A' && from[i] <= 'Z';

		to[i] = (char)(upper ? from[i] + ('a' - 'A') : from[i]);
		changed = changed || upper;
	}
	to[length] = '\0';
	return changed;
}

/* One line, byte by byte: the next line may be for the next program of the script. */
static bool
password_from_stdin(char *password, size_t size)
{
	size_t length = 0;
	ssize_t got;
	char c;

	for (;;) {
		got = read(STDIN_FILENO, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			warn("standard input");
			return false;
		}
		if (got == 0 || c == '\n')
			break;
		if (c == '\0') {
			warnx("the password holds a NUL byte");
			return false;
		}
		if (length < size - 1)
			password[length++] = c;
	}
	password[length] = '\0';
	return true;
}

static bool
password_from_terminal(const char *prompt, const char *user, char *password,
    size_t size)
{
	char line[USER_MAX + 64];

	snprintf(line, sizeof(line), "%s %s: ", prompt, user);
	if (readpassphrase(line, password, size, RPP_ECHO_OFF | RPP_REQUIRE_TTY) != NULL)
		return true;
	if (errno == ENOTTY || errno == ENXIO)
		warnx("no terminal to ask for the password; --stdin reads it from standard input");
	else
		warn("terminal");
	return false;
}

static bool
acceptable(const char *password)
{
	const char *fault = NULL;

	if (password[0] == '\0')
		fault = "is empty";
	else if (strlen(password) > PWHASH_PASSWORD_MAX)
		fault = "is longer than 511 bytes";
	else if (strchr(password, '\r') != NULL)
		fault = "holds a carriage return";
	if (fault != NULL)
		warnx("the password %s", fault);
	return fault == NULL;
}

/* Asks for a new password, twice where a person types it.  0, or the exit status. */
static int
ask_new(const struct options *o, char *password, size_t size)
{
	char again[2 * PWHASH_PASSWORD_MAX];
	bool ok, same;

	if (o->from_stdin) {
		if (!password_from_stdin(password, size))
			return FAILED;
		return acceptable(password) ? 0 : WRONG_USE;
	}
	if (!password_from_terminal("New password for", o->user, password, size))
		return FAILED;
	if (!acceptable(password))
		return WRONG_USE;
	ok = password_from_terminal("Again, the new password for", o->user, again, sizeof(again));
	same = ok && strcmp(password, again) == 0;
	explicit_bzero(again, sizeof(again));
	if (ok && !same)
		warnx("the two differ; nothing changed");
	return !ok ? FAILED : same ? 0 : NO;
}

static int
make_stored(const struct options *o, char stored[PWHASH_STORED_SIZE])
{
	char password[2 * PWHASH_PASSWORD_MAX];
	int status = ask_new(o, password, sizeof(password));

	if (status == 0 && !pwhash_make(o->scheme, password, stored, PWHASH_STORED_SIZE)) {
		warnx("%s cannot hold this password (BLF-CRYPT takes 72 bytes at most)", o->scheme);
		status = WRONG_USE;
	}
	explicit_bzero(password, sizeof(password));
	return status;
}

/*
 * Changing.
 */
static void
add_secret_mark(struct buffer *to)
{
	char encoded[BASE64_ENCODE_RAW_LENGTH(SECRET_BYTES)];
	uint8_t bytes[SECRET_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	base64_encode_raw(encoded, sizeof(bytes), bytes);
	buffer_add_string(to, SECRET_MARK);
	buffer_add(to, encoded, sizeof(encoded));
	buffer_add(to, "\n", 1);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(encoded, sizeof(encoded));
}

static void
set_field(struct field *fields, size_t *count, size_t which, const char *value)
{
	if (value == NULL)
		return;
	while (*count <= which)
		fields[(*count)++] = (struct field){ "", 0 };
	fields[which] = (struct field){ value, strlen(value) };
}

/* Adds the entry; what o does not give is taken from the old one, where there is one. */
static void
add_entry(struct buffer *to, const struct options *o, const struct line *old,
    const char *stored)
{
	struct field fields[FIELDS];
	size_t count = old != NULL ? split(old, fields) : 0;
	size_t i;

	set_field(fields, &count, USER, o->user);
	set_field(fields, &count, PASSWORD, stored);
	set_field(fields, &count, UID, o->uid);
	set_field(fields, &count, GID, o->gid);
	set_field(fields, &count, HOME, o->home);
	for (i = 0; i < count; i++) {
		if (i > 0)
			buffer_add(to, ":", 1);
		buffer_add(to, fields[i].start, fields[i].length);
	}
	if (old != NULL && old->end > 0)
		buffer_add(to, old->start + old->length, old->end);
	else
		buffer_add(to, "\n", 1);
}

/* A clear-text password with a ':' looks like more fields: to keep its tail as a uid is no help. */
static bool
fields_fit(const char *path, const struct line *l)
{
	struct field fields[FIELDS];
	size_t count = split(l, fields), i, j;

	for (i = UID; i <= GID && i < count; i++)
		for (j = 0; j < fields[i].length; j++)
			if (fields[i].start[j] < '0' || fields[i].start[j] > '9') {
				warnx("%s: line %zu: the %s is no number (a clear-text password "
				    "with a colon in it? --import reads those)", path, l->number,
				    i == UID ? "uid" : "gid");
				return false;
			}
	return true;
}

/* Everything of from, with the line l replaced by o's entry or, with stored NULL, left out. */
static void
copy_but(struct buffer *to, const struct buffer *from, const struct options *o,
    const struct line *l, const char *stored)
{
	const char *rest = l->start + l->length + l->end;

	buffer_add(to, from->bytes, (size_t)(l->start - from->bytes));
	if (stored != NULL)
		add_entry(to, o, l, stored);
	buffer_add(to, rest, from->length - (size_t)(rest - from->bytes));
}

static void
copy_and_end_line(struct buffer *to, const struct buffer *from)
{
	buffer_add(to, from->bytes, from->length);
	if (from->length > 0 && from->bytes[from->length - 1] != '\n')
		buffer_add(to, "\n", 1);
}

static int
change_locked(struct target *t, const struct options *o, const char *stored)
{
	struct buffer old = { NULL, 0, 0 }, new = { NULL, 0, 0 };
	struct line l;
	bool found;
	int status = FAILED;

	if (!read_target(t, &old))
		goto out;
	found = find_entry(&old, o->user, &l);
	if (!found && stored == NULL) {
		warnx("%s: no user %s", t->path, o->user);
		status = NO;
		goto out;
	}
	if (found && stored != NULL && !fields_fit(t->path, &l))
		goto out;
	if (found)
		copy_but(&new, &old, o, &l, stored);
	else {
		if (old.length == 0)
			add_secret_mark(&new);
		copy_and_end_line(&new, &old);
		add_entry(&new, o, NULL, stored);
	}
	if (replace_target(t, &new)) {
		printf("%s: user %s %s\n", t->path, o->user,
		    stored == NULL ? "deleted" : found ? "changed" : "created");
		status = DONE;
	}
out:
	buffer_free(&old);
	buffer_free(&new);
	return status;
}

static int
change(const struct options *o)
{
	char stored[PWHASH_STORED_SIZE] = "";
	struct target t;
	int status = FAILED;

	/* The typing and the hashing come first: nobody shall wait for them. */
	if (o->action == CHANGE) {
		status = make_stored(o, stored);
		if (status != 0)
			return status;
		status = FAILED;
	}
	if (find_target(o->file, &t)) {
		if (lock_target(&t, o->action == CHANGE))
			status = change_locked(&t, o, o->action == CHANGE ? stored : NULL);
		leave_target(&t);
	}
	explicit_bzero(stored, sizeof(stored));
	return status;
}

/*
 * Looking.
 */
static const char *
scheme_of(const char *stored, bool two_fields, char *name, size_t size)
{
	if (stored[0] == '\0' || stored[0] == '*' || stored[0] == '!')
		return "locked";
	if (stored[0] != '{')
		return pwhash_is_cleartext(stored, two_fields) ? "cleartext" : "CRYPT";
	strlcpy(name, stored + 1, size);
	name[strcspn(name, "}")] = '\0';
	return name;
}

static int
list(const struct options *o)
{
	char stored[PWHASH_STORED_SIZE], name[64];
	struct buffer text = { NULL, 0, 0 };
	struct line l = { NULL, 0, 0, 0 };
	struct field fields[FIELDS];
	struct stat status;
	const char *scheme;
	size_t count;

	if (!read_file(o->file, &text, &status)) {
		buffer_free(&text);
		return FAILED;
	}
	while (next_line(&text, &l)) {
		if (!is_entry(&l))
			continue;
		count = split(&l, fields);
		scheme = "unusable";
		if (stored_of(&fields[PASSWORD], stored))
			scheme = scheme_of(stored, count == 2, name, sizeof(name));
		set_field(fields, &count, HOME, count > HOME ? NULL : "");
		print_clean(stdout, fields[USER].start, fields[USER].length);
		putchar('\t');
		print_clean(stdout, scheme, strlen(scheme));
		putchar('\t');
		print_clean(stdout, fields[UID].start, fields[UID].length);
		putchar('\t');
		print_clean(stdout, fields[GID].start, fields[GID].length);
		putchar('\t');
		print_clean(stdout, fields[HOME].start, fields[HOME].length);
		putchar('\n');
	}
	explicit_bzero(stored, sizeof(stored));
	warn_about(o->file, &text, status.st_mode);
	buffer_free(&text);
	if (fflush(stdout) == EOF)
		err(FAILED, "standard output");
	return DONE;
}

static int
verify_entry(const struct options *o, const struct line *l)
{
	static const struct {
		const char *says;
		int status;
	} answers[] = {
		[PWHASH_YES] = { "the password fits", DONE },
		[PWHASH_NO] = { "the password does not fit", NO },
		[PWHASH_LOCKED] = { "locked, no password fits", NO },
		[PWHASH_UNUSABLE] = { "unknown scheme or malformed value, no password can be checked",
		    FAILED },
	};
	char password[2 * PWHASH_PASSWORD_MAX], stored[PWHASH_STORED_SIZE];
	enum pwhash_answer answer = PWHASH_UNUSABLE;
	struct field fields[FIELDS];
	size_t count = split(l, fields);

	if (o->from_stdin ? !password_from_stdin(password, sizeof(password)) :
	    !password_from_terminal("Password of", o->user, password, sizeof(password)))
		return FAILED;
	if (stored_of(&fields[PASSWORD], stored))
		answer = pwhash_verify(stored, count == 2, password);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(stored, sizeof(stored));
	printf("%s: user %s: %s\n", o->file, o->user, answers[answer].says);
	return answers[answer].status;
}

static int
verify(const struct options *o)
{
	struct buffer text = { NULL, 0, 0 };
	struct stat status;
	struct line l;
	int result = FAILED;

	if (read_file(o->file, &text, &status)) {
		warn_about(o->file, &text, status.st_mode);
		if (find_entry(&text, o->user, &l))
			result = verify_entry(o, &l);
		else {
			warnx("%s: no user %s", o->file, o->user);
			result = NO;
		}
	}
	buffer_free(&text);
	return result;
}

/*
 * Importing tmda-ofmipd's file: "name:password", blanks around either do not count, and whatever
 * stands behind the first ':' is the password. What already has a {SCHEME}, or begins like a
 * crypt(3) hash, is kept as it stands; so is a locked entry.
 */
struct import {
	const struct options *options;
	const char *path;
	struct buffer *to;
	size_t total, hashed, kept;
};

static bool
refuse(const struct import *i, const struct line *l, const char *why)
{
	warnx("%s: line %zu: %s", i->path, l->number, why);
	return false;
}

/* The entry as it stands, its name in lower case. */
static bool
keep_entry(struct import *i, const struct line *l, const char *user,
    const struct field *rest, const char *note)
{
	if (note != NULL)
		warnx("%s: line %zu: %s: %s", i->path, l->number, user, note);
	buffer_add_string(i->to, user);
	buffer_add(i->to, ":", 1);
	buffer_add(i->to, rest->start, rest->length);
	buffer_add(i->to, "\n", 1);
	i->kept++;
	return true;
}

static bool
keep_hash(struct import *i, const struct line *l, const char *user,
    const struct field *rest)
{
	char stored[PWHASH_STORED_SIZE];
	const char *colon = memchr(rest->start, ':', rest->length);
	struct field value = { rest->start,
	    colon != NULL ? (size_t)(colon - rest->start) : rest->length };
	bool usable;

	usable = stored_of(&value, stored) &&
	    pwhash_verify(stored, colon == NULL, "x") != PWHASH_UNUSABLE;
	explicit_bzero(stored, sizeof(stored));
	if (!usable)
		return refuse(i, l, "begins with { or $ and is no hash of a known scheme; if it is "
		    "the password itself, take the line out and give it to ofmipd-passwd");
	return keep_entry(i, l, user, rest, NULL);
}

static bool
import_entry(struct import *i, const struct line *l)
{
	char user[USER_MAX + 1], password[PWHASH_PASSWORD_MAX + 1], stored[PWHASH_STORED_SIZE];
	const char *colon = memchr(l->start, ':', l->length), *fault;
	struct field name, rest;
	bool made;

	if (colon == NULL)
		return refuse(i, l, "no colon: neither entry nor comment");
	name = (struct field){ l->start, (size_t)(colon - l->start) };
	rest = (struct field){ colon + 1, l->length - name.length - 1 };
	trim(&name);
	trim(&rest);
	fault = name_fault(name.start, name.length);
	if (fault != NULL) {
		warnx("%s: line %zu: the name %s", i->path, l->number, fault);
		return false;
	}
	lower(user, name.start, name.length);
	if (rest.length == 0 || rest.start[0] == '*' || rest.start[0] == '!')
		return keep_entry(i, l, user, &rest,
		    "kept, and locked: the password is empty or begins with * or !");
	if (rest.start[0] == '{' || rest.start[0] == '$')
		return keep_hash(i, l, user, &rest);
	if (rest.length > PWHASH_PASSWORD_MAX)
		return refuse(i, l, "the password is longer than 511 bytes");
	memcpy(password, rest.start, rest.length);
	password[rest.length] = '\0';
	made = pwhash_make(i->options->scheme, password, stored, sizeof(stored));
	explicit_bzero(password, sizeof(password));
	if (!made)
		return refuse(i, l, "the scheme cannot hold this password");
	buffer_add_string(i->to, user);
	buffer_add(i->to, ":", 1);
	buffer_add_string(i->to, stored);
	buffer_add(i->to, "\n", 1);
	explicit_bzero(stored, sizeof(stored));
	i->hashed++;
	return true;
}

static bool
is_blank(const struct line *l)
{
	struct field f = { l->start, l->length };

	trim(&f);
	return f.length == 0;
}

/* A hash takes its time by design; somebody may be watching. */
static void
show_progress(const struct import *i, bool last)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu of %zu users%s", i->hashed + i->kept, i->total,
		    last ? "\n" : "");
}

/* Adds the converted lines of from to i->to. All faults are named before giving up. */
static bool
convert(struct import *i, const struct buffer *from, bool in_place)
{
	struct line l = { NULL, 0, 0, 0 };
	bool ok = true, marked = false;

	while (next_line(from, &l)) {
		i->total += l.start[0] != '#' && !is_blank(&l);
		marked = marked || has_secret_mark(&l);
	}
	if (in_place && !marked)
		add_secret_mark(i->to);
	l = (struct line){ NULL, 0, 0, 0 };
	while (next_line(from, &l)) {
		if (is_blank(&l) || l.start[0] == '#') {
			/* Another file's mark would be this one's second. */
			if (in_place || !has_secret_mark(&l)) {
				buffer_add(i->to, l.start, l.length);
				buffer_add(i->to, "\n", 1);
			}
			continue;
		}
		if (!import_entry(i, &l))
			ok = false;
		show_progress(i, false);
	}
	show_progress(i, true);
	return ok;
}

static int
import_in_place(struct target *t, struct import *i)
{
	struct buffer old = { NULL, 0, 0 };
	bool ok = read_target(t, &old);

	/* The file is there and locked: being interrupted now leaves it as it is. */
	release_signals(t);
	ok = ok && convert(i, &old, true);
	hold_signals(t);
	ok = ok && replace_target(t, i->to);
	buffer_free(&old);
	return ok ? DONE : FAILED;
}

static int
import_beside(struct target *t, const struct buffer *converted)
{
	struct buffer old = { NULL, 0, 0 }, new = { NULL, 0, 0 };
	char label[PATH_MAX + 64];
	bool ok = read_target(t, &old);

	if (ok) {
		if (old.length == 0)
			add_secret_mark(&new);
		copy_and_end_line(&new, &old);
		buffer_add(&new, converted->bytes, converted->length);
		snprintf(label, sizeof(label), "%s with the new entries behind the old", t->path);
		ok = sound(label, &new) && replace_target(t, &new);
	}
	buffer_free(&old);
	buffer_free(&new);
	return ok ? DONE : FAILED;
}

static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int
import(const struct options *o)
{
	struct buffer from = { NULL, 0, 0 }, to = { NULL, 0, 0 };
	struct import i = { .options = o, .path = o->source, .to = &to };
	bool in_place = same_file(o->file, o->source);
	struct stat source;
	struct target t;
	int status = FAILED;

	if (!in_place && !(read_file(o->source, &from, &source) && convert(&i, &from, false)))
		goto out;
	if (find_target(o->file, &t)) {
		if (lock_target(&t, !in_place))
			status = in_place ? import_in_place(&t, &i) : import_beside(&t, &to);
		leave_target(&t);
	}
	if (status == DONE) {
		printf("%s: %zu passwords hashed, %zu entries kept as they were\n", o->file,
		    i.hashed, i.kept);
		if (!in_place)
			printf("%s still holds the clear text: delete it when all is well\n",
			    o->source);
	}
out:
	buffer_free(&from);
	buffer_free(&to);
	return status;
}

/*
 * The command line.
 */
static const char usage_text[] =
"usage: ofmipd-passwd [-f FILE] [--scheme NAME] [--uid N --gid N] [--home DIR]\n"
"                     [--stdin] USER\n"
"       ofmipd-passwd [-f FILE] --delete USER\n"
"       ofmipd-passwd [-f FILE] --verify [--stdin] USER\n"
"       ofmipd-passwd [-f FILE] --list\n"
"       ofmipd-passwd [-f FILE] [--scheme NAME] --import OLDFILE\n";

static void
print_help(void)
{
	const char *const *scheme;

	printf("%s\n"
"Creates the user, or gives the user a new password, in the password file of\n"
"ofmipd-session.\n"
"\n"
"  -f, --file FILE      the password file (default: " PASSWORD_FILE ")\n"
"      --scheme NAME    how to store the password:", usage_text);
	for (scheme = pwhash_schemes; *scheme != NULL; scheme++)
		printf("%s %s", scheme == pwhash_schemes + 2 ? "\n                      " : "",
		    *scheme);
	printf("\n                       (default: %s)\n"
"      --uid N          the user's numeric user id; below %d it needs --min-uid\n"
"      --gid N          the user's numeric group id\n"
"      --home DIR       the user's home directory\n"
"      --stdin          take the password from one line of standard input\n"
"      --delete         delete the user\n"
"      --verify         ask for the password and say whether it fits\n"
"      --list           list name, scheme, uid, gid and home of every user\n"
"      --import OLDFILE hash the clear-text passwords of a tmda-ofmipd file\n"
"  -h, --help           show this\n"
"  -V, --version        show the version\n"
"\n"
"Exit status: 0 done; 1 the password does not fit, the two typed ones differ, or\n"
"there is no such user; 100 wrong use; 111 the file could not be read or written.\n",
	    pwhash_schemes[0], LEAST_UID);
}

static _Noreturn void
wrong_use(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
	fputs(usage_text, stderr);
	exit(WRONG_USE);
}

static const char *
id_argument(const char *option, const char *value)
{
	size_t digits = strspn(value, "0123456789");

	/* (uid_t)-1 means "no change" to chown(2) and setresuid(2), and 0 is root. */
	if (digits == 0 || value[digits] != '\0' || digits > 10 ||
	    strtoull(value, NULL, 10) >= UINT32_MAX)
		wrong_use("--%s %s: not a number from 1 to 4294967294", option, value);
	if (strtoull(value, NULL, 10) == 0)
		wrong_use("--%s 0: ofmipd-session never becomes root", option);
	return value;
}

static const char *
home_argument(const char *value)
{
	const char *c;

	if (value[0] != '/')
		wrong_use("--home %s: not an absolute path", value);
	if (strlen(value) > 1000)	/* a session reads no line longer than 4095 bytes */
		wrong_use("--home: longer than 1000 bytes");
	for (c = value; *c != '\0'; c++)
		if (*c == ':' || (unsigned char)*c < ' ' || *c == 0x7f)
			wrong_use("--home: a colon or a control character does not fit in the file");
	return value;
}

static const char *
scheme_argument(const char *value)
{
	const char *const *scheme;

	for (scheme = pwhash_schemes; *scheme != NULL; scheme++)
		if (strcasecmp(*scheme, value) == 0)
			return *scheme;
	wrong_use("--scheme %s: not one of those that --help names", value);
}

static void
set_action(struct options *o, enum action action)
{
	if (o->action != CHANGE && o->action != action)
		wrong_use("--delete, --list, --verify and --import exclude each other");
	o->action = action;
}

static void
set_user(struct options *o, const char *name)
{
	const char *fault = name_fault(name, strlen(name));

	if (fault != NULL)
		wrong_use("the user's name %s", fault);
	if (lower(o->user, name, strlen(name)))
		warnx("the name is written in lower case: %s", o->user);
}

static void
check_together(const struct options *o)
{
	bool fields = o->uid != NULL || o->gid != NULL || o->home != NULL;

	if ((o->uid == NULL) != (o->gid == NULL))
		wrong_use("--uid and --gid go together");
	if (fields && o->action != CHANGE)
		wrong_use("--uid, --gid and --home are for creating and changing a user");
	if (o->from_stdin && o->action != CHANGE && o->action != VERIFY)
		wrong_use("--stdin: no password is asked for here");
	if (o->scheme != NULL && o->action != CHANGE && o->action != IMPORT)
		wrong_use("--scheme: no password is stored here");
	if (o->uid != NULL && strtoull(o->uid, NULL, 10) < LEAST_UID)
		warnx("warning: uid %s is below %d: ofmipd-session refuses it without --min-uid",
		    o->uid, LEAST_UID);
}

static void
parse(int argc, char **argv, struct options *o)
{
	enum { OPTION_SCHEME = 256, OPTION_UID, OPTION_GID, OPTION_HOME, OPTION_STDIN,
	    OPTION_DELETE, OPTION_LIST, OPTION_VERIFY, OPTION_IMPORT };
	static const struct option known[] = {
		{ "file", required_argument, NULL, 'f' },
		{ "scheme", required_argument, NULL, OPTION_SCHEME },
		{ "uid", required_argument, NULL, OPTION_UID },
		{ "gid", required_argument, NULL, OPTION_GID },
		{ "home", required_argument, NULL, OPTION_HOME },
		{ "stdin", no_argument, NULL, OPTION_STDIN },
		{ "delete", no_argument, NULL, OPTION_DELETE },
		{ "list", no_argument, NULL, OPTION_LIST },
		{ "verify", no_argument, NULL, OPTION_VERIFY },
		{ "import", required_argument, NULL, OPTION_IMPORT },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*o = (struct options){ .action = CHANGE, .file = PASSWORD_FILE };
	while ((option = getopt_long(argc, argv, "f:hV", known, NULL)) != -1) {
		switch (option) {
		case 'f': o->file = optarg; break;
		case OPTION_SCHEME: o->scheme = scheme_argument(optarg); break;
		case OPTION_UID: o->uid = id_argument("uid", optarg); break;
		case OPTION_GID: o->gid = id_argument("gid", optarg); break;
		case OPTION_HOME: o->home = home_argument(optarg); break;
		case OPTION_STDIN: o->from_stdin = true; break;
		case OPTION_DELETE: set_action(o, DELETE); break;
		case OPTION_LIST: set_action(o, LIST); break;
		case OPTION_VERIFY: set_action(o, VERIFY); break;
		case OPTION_IMPORT: set_action(o, IMPORT); o->source = optarg; break;
		case 'h': print_help(); exit(DONE);
		case 'V': puts("ofmipd-passwd " VERSION); exit(DONE);
		default: fputs(usage_text, stderr); exit(WRONG_USE);
		}
	}
	argc -= optind;
	argv += optind;
	check_together(o);
	if (o->action == LIST || o->action == IMPORT) {
		if (argc > 0)
			wrong_use("%s: too many arguments", argv[0]);
	} else if (argc != 1)
		wrong_use("one user's name is needed");
	else
		set_user(o, argv[0]);
	if (o->scheme == NULL)
		o->scheme = pwhash_schemes[0];
}

int
main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	struct options o;

	if (argc < 1)
		return WRONG_USE;
	/* No core file may hold a password; a full disk or quota is an error, not a signal. */
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	parse(argc, argv, &o);
	switch (o.action) {
	case LIST: return list(&o);
	case VERIFY: return verify(&o);
	case IMPORT: return import(&o);
	default: return change(&o);
	}
}
