/*
 * In the build that counts what runs (make COVERAGE=1): gcov's counters are pages of a file, one for each program and
 * the same for all its processes, whoever they have become, wherever they are locked in and however they end. gcov
 * itself would have each write files when it exits, which a caged, killed or executed one does not. Nobody but who
 * asks for it (COVERAGE_DUMP in the environment) writes gcov's own files.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern char counters_begin[], counters_end[];	/* counters.ld */
void __gcov_dump(void);

/* What gcc calls in place of exit's end, fork(2) and execve(2). */
void __wrap___gcov_exit(void);
pid_t __gcov_fork(void);
int __gcov_execve(const char *path, char *const *arguments, char *const *environment);

void
__wrap___gcov_exit(void)
{
}

pid_t
__gcov_fork(void)
{
	return fork();
}

int
__gcov_execve(const char *path, char *const *arguments, char *const *environment)
{
	return execve(path, arguments, environment);
}

__attribute__((constructor)) static void
share_counters(void)
{
	off_t size = counters_end - counters_begin;
	int file = open(COUNTERS, O_RDWR | O_CLOEXEC);

	if (file < 0)
		return;
	/* By no call that tests let fail at the program's start. */
	if ((lseek(file, 0, SEEK_END) != size && ftruncate(file, size) != 0) ||
	    mmap(counters_begin, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != counters_begin)
		_exit(99);
	close(file);
	if (getenv("COVERAGE_DUMP") == NULL)
		return;
	__gcov_dump();
	_exit(0);
}
