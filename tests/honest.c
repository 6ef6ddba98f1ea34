/* Stand-ins that check everything, for t-faults-servers: called checkpassword it is one, for bob and sesame; by another
 * name it takes a message as sendmail and qmail-queue do, whole or not at all, into the directory `new` beside it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char bytes[1 << 20];

/* All that is in the descriptor; -1: it cannot be told. */
static ssize_t
read_all(int descriptor)
{
	size_t used = 0;

	for (;;) {
		ssize_t got = read(descriptor, bytes + used, sizeof bytes - used);

		if (got == 0)
			return (ssize_t)used;
		if (got > 0)
			used += (size_t)got;
		else if (errno != EINTR)
			return -1;
	}
}

static int
check(char **program)
{
	static const char right[] = "bob\0sesame";
	gid_t group = 4321;

	if (read_all(3) < (ssize_t)sizeof right || close(3) != 0)
		return 111;
	if (memcmp(bytes, right, sizeof right) != 0)
		return 1;
	if (geteuid() == 0 && (setgroups(1, &group) != 0 || setgid(4321) != 0 || setuid(4321) != 0))
		return 111;
	if (setenv("USER", "bob", 1) != 0 || setenv("HOME", "/", 1) != 0)
		return 111;
	execv(program[0], program);
	return 111;
}

static int
take(const char *directory)
{
	char temporary[300], name[300];
	ssize_t length, done = 0;
	int file;

	/* qmail-queue's envelope. */
	if (strstr(directory, "qmail") != NULL &&
	    ((length = read_all(1)) < 5 || bytes[0] != 'F' || bytes[length - 1] != 0 || bytes[length - 2] != 0))
		return 81;
	if ((length = read_all(0)) < 0)
		return 75;
	snprintf(temporary, sizeof temporary, "%s/part.%d", directory, (int)getpid());
	snprintf(name, sizeof name, "%s/new/%d", directory, (int)getpid());
	file = open(temporary, O_CREAT | O_EXCL | O_WRONLY, 0644);
	while (file >= 0 && done < length) {
		ssize_t sent = write(file, bytes + done, (size_t)(length - done));

		if (sent < 0 && errno != EINTR)
			return 75;
		done += sent > 0 ? sent : 0;
	}
	return file >= 0 && fsync(file) == 0 && rename(temporary, name) == 0 ? 0 : 75;
}

int
main(int argc, char **argv)
{
	char *slash = strrchr(argv[0], '/');

	if (argc > 1 && slash != NULL && strcmp(slash + 1, "checkpassword") == 0)
		return check(argv + 1);
	*slash = '\0';
	return take(argv[0]);
}
