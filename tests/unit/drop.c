/* links: base alone */
/* The cage, each of its steps failing, and on kernels of other ages: whoever is not wholly locked in is told so. */
#include "unit.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/io.h"
#include "base/log.h"
#include "base/spool.h"
#include "faults.h"

static int abi;				/* of Landlock; 0: what there is */
static size_t rules_size;		/* what it was last given */
static unsigned long auxiliary = 1;	/* 0: nothing is known */
static uint64_t rules[3];

FAULTY(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old))
FAULTY_AS(sighandler_t, SIG_ERR, signal, (int number, sighandler_t handler), (number, handler))
FAULTY(int, setgroups, (size_t count, const gid_t *groups), (count, groups))
FAULTY(int, setresgid, (gid_t r, gid_t e, gid_t s), (r, e, s))
FAULTY(int, setresuid, (uid_t r, uid_t e, uid_t s), (r, e, s))
FAULTY(int, mkdir, (const char *path, mode_t mode), (path, mode))
FAULTY(int, rmdir, (const char *path), (path))
FAULTY(int, chdir, (const char *path), (path))
FAULTY(int, chroot, (const char *path), (path))
FAULTY(int, memfd_create, (const char *name, unsigned flags), (name, flags))
FAULTY(int, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit), (resource, limit))
FAULTY(int, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit), (resource, limit))
FAULTY(int, pipe2, (int ends[2], int flags), (ends, flags))
FAULTY(int, clock_gettime, (clockid_t clock, struct timespec *now), (clock, now))
FAULTY(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
FAULTY(ssize_t, read, (int file, void *bytes, size_t length), (file, bytes, length))
FAULTY(int, close, (int file), (file))

static int slow;

int
poll(struct pollfd *pollers, nfds_t count, int patience)
{
	const struct timespec most = { .tv_sec = patience / 1000, .tv_nsec = patience % 1000 * 1000000L };
	int ready = (int)syscall(SYS_ppoll, pollers, count, patience < 0 ? NULL : &most, NULL, 8);

	usleep((useconds_t)slow * 1000);
	return ready;
}

unsigned long
getauxval(unsigned long type)
{
	static unsigned long (*real)(unsigned long type);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getauxval");
	return auxiliary == 0 ? 0 : real(type);
}

int
open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode = 0;

	if (fault_is_due("open"))
		return -1;
	va_start(list, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

__attribute__((no_sanitize_address)) int
prctl(int option, ...)
{
	static int (*real)(int option, ...);
	unsigned long values[4];
	va_list list;

	if (fault_is_due("prctl"))
		return -1;
	va_start(list, option);
	for (int i = 0; i < 4; i++)
		values[i] = va_arg(list, unsigned long);
	va_end(list);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "prctl");
	return real(option, values[0], values[1], values[2], values[3]);
}

/* As many arguments as there may be: more than there are. */
__attribute__((no_sanitize_address)) long
syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long values[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		values[i] = va_arg(list, long);
	va_end(list);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	if ((number == SYS_close_range && fault_is_due("close_range")) || (number == 444 && fault_is_due("landlock_create")) ||
	    (number == 446 && fault_is_due("landlock_restrict")))
		return -1;
	if ((number == SYS_timer_create && fault_is_due("timer_create")) ||
	    (number == SYS_timer_settime && fault_is_due("timer_settime")))
		return -1;
	if (number == 444 && abi != 0 && values[0] == 0)
		return abi;
	if (number == 444 && abi != 0) {
		rules_size = (size_t)values[1];
		memset(rules, 0xff, sizeof rules);
		memcpy(rules, (const void *)(uintptr_t)values[0], rules_size);
		return real(SYS_dup, 0);
	}
	if (number == 446 && abi != 0)
		return 0;
	return real(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}

static const struct rights rights = { .uid = 65534, .gid = 65534 };

/* In a process of its own: locks itself up as the session does. What drop_cage() said, "" for nothing. */
static const char *
lock_up(bool root, const struct rights *as)
{
	static char said[200];
	int ends[2];
	pid_t pid;
	ssize_t got;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct drop_cage cage = { .rights = as, .id = "unit-drop", .root = root, .file_size = 1 << 20,
		    .files = 100, .wall = ends[1], .readable = { 0, -1 }, .writable = { 1, -1, -1 } };
		const char *fault_said = drop_faults[drop_cage(&cage)].name;
		struct { size_t size; uint64_t rules[3]; } learned = { rules_size, { rules[0], rules[1], rules[2] } };
		char line[200] = "";

		if (fault_said != NULL)
			memcpy(line, fault_said, strlen(fault_said));
		fault("", 0, 0);
		if (write(ends[1], &learned, sizeof learned) == sizeof learned && write(ends[1], line, sizeof line) > 0)
			_exit(0);
		_exit(1);
	}
	close(ends[1]);
	memset(said, 0, sizeof said);
	{
		struct { size_t size; uint64_t rules[3]; } learned = { 0, { 0 } };

		got = read(ends[0], &learned, sizeof learned);
		rules_size = learned.size;
		memcpy(rules, learned.rules, sizeof rules);
	}
	got = got > 0 ? read(ends[0], said, sizeof said - 1) : got;
	if (got <= 0)
		strcpy(said, "nothing was said");
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return said;
}

static void
steps_that_fail(void **state)
{
	static const struct {
		const char *name;
		int nth, error;
		const char *said;
		bool root;
	} rows[] = {
		{ "mkdir", 99, EIO, "", true }, { "mkdir", 1, EEXIST, "", true }, { "rmdir", 1, EBUSY, "chroot to an empty directory", true },
		{ "chdir", 1, EACCES, "chroot to an empty directory", true }, { "chroot", 1, EPERM, "chroot to an empty directory", true },
		{ "setgroups", 1, EPERM, "setgroups, setresgid, setresuid", true }, { "setresgid", 1, EPERM, "setgroups, setresgid, setresuid", true },
		{ "setresuid", 1, EAGAIN, "setgroups, setresgid, setresuid", true }, { "setresuid", 2, 0, "setgroups, setresgid, setresuid", true },
		{ "setrlimit", 1, EINVAL, "setrlimit", false }, { "setrlimit", 2, EINVAL, "setrlimit", false },
		{ "prctl", 1, EINVAL, "prctl(PR_SET_PDEATHSIG)", false }, { "prctl", 2, EINVAL, "prctl(PR_SET_NO_NEW_PRIVS)", false },
		{ "landlock_create", 1, EPERM, "", false }, { "close_range", 1, EINVAL, "close_range", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *said;

		if (rows[i].root && geteuid() != 0)
			continue;
		fault(rows[i].name, rows[i].nth, rows[i].error);
		said = lock_up(rows[i].root, &rights);
		fault("", 0, 0);
		rmdir("/dev/shm/ofmipd-session.unit-drop");	/* what could not be removed is there still */
		rmdir("/run/ofmipd-session.unit-drop");
		if (strcmp(said, rows[i].said) != 0)
			fail_msg("%s %d: %s", rows[i].name, rows[i].nth, said);
	}
	/* Nobody stays root, nor in root's group. */
	if (geteuid() == 0) {
		assert_string_equal(lock_up(true, &(struct rights){ .uid = 0, .gid = 65534 }), "setgroups, setresgid, setresuid");
		assert_string_equal(lock_up(true, &(struct rights){ .uid = 65534, .gid = 0 }), "setgroups, setresgid, setresuid");
	}
	auxiliary = 0;
	(void)lock_up(false, &rights);
	auxiliary = 1;
}

/* Each version of Landlock gets every right that it knows, and no byte that it does not. */
static void
kernels_of_all_ages(void **state)
{
	static const struct {
		int abi;
		size_t size;
		uint64_t files, network, scopes;
	} rows[] = {
		{ 1, 8, 0x1fff, ~UINT64_C(0), ~UINT64_C(0) }, { 2, 8, 0x3fff, ~UINT64_C(0), ~UINT64_C(0) },
		{ 3, 8, 0x7fff, ~UINT64_C(0), ~UINT64_C(0) }, { 4, 16, 0x7fff, 3, ~UINT64_C(0) }, { 5, 16, 0xffff, 3, ~UINT64_C(0) },
		{ 6, 24, 0xffff, 3, 3 }, { 9, 24, 0xffff, 3, 3 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		abi = rows[i].abi;
		assert_string_equal(lock_up(false, &rights), "");
		if (rules_size != rows[i].size || rules[0] != rows[i].files || rules[1] != rows[i].network || rules[2] != rows[i].scopes)
			fail_msg("version %d: %zu bytes, %llx %llx %llx", abi, rules_size, (unsigned long long)rules[0],
			    (unsigned long long)rules[1], (unsigned long long)rules[2]);
	}
	abi = 3;
	fault("landlock_create", 2, ENOMEM);
	assert_string_equal(lock_up(false, &rights), "Landlock");
	fault("landlock_restrict", 1, E2BIG);
	assert_string_equal(lock_up(false, &rights), "Landlock");
	abi = 0;
}

/* A hard limit that is lower already stays; one that cannot be read is a fault. */
static void
limits_that_are_lower(void **state)
{
	struct rlimit before;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	fault("setrlimit", 2, EPERM);	/* FSIZE: ours is higher */
	assert_string_equal(lock_up(false, &rights), "setrlimit");
	fault("setrlimit", 2, EPERM);
	fault_next = "getrlimit";
	assert_string_equal(lock_up(false, &rights), "setrlimit");
	fault_next = "";
	if (geteuid() != 0)
		skip();
	{	/* in a child, since it cannot be raised again */
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			const struct rlimit low = { 1000, 1000 };

			setrlimit(RLIMIT_FSIZE, &low);
			fault("setrlimit", 2, EPERM);
			_exit(strcmp(lock_up(false, &rights), "") == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		pid = fork();
		if (pid == 0) {
			const struct drop_cage cage = { .rights = &rights, .file_size = 1000, .files = 10, .wall = -1,
			    .readable = { -1, -1 }, .writable = { -1, -1, -1 } };

			fault("setrlimit", 1, EPERM);
			fault_left = 1;
			_exit(drop_cage(&cage) == DROP_DONE ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void
starts_that_fail(void **state)
{
	static const int kept[] = { 20, 10, -1 };

	(void)state;
	for (int nth = 1; nth <= 8; nth++) {
		fault("signal", nth, EINVAL);
		assert_false(drop_start(1000));
	}
	fault("sigprocmask", 1, EINVAL);
	assert_false(drop_restore_signals());
	fault("sigprocmask", 1, EINVAL);
	assert_false(drop_start(1000));
	assert_true(drop_block_signals(true));
	fault("timer_create", 1, EAGAIN);
	assert_false(drop_start(1000));
	fault("timer_settime", 1, EINVAL);
	assert_false(drop_start(1000));
	assert_true(drop_start(1000));
	assert_true(drop_restore_signals());
	assert_int_equal(dup2(0, 10), 10);
	assert_int_equal(dup2(0, 20), 20);
	for (int nth = 1; nth <= 3; nth++) {
		fault("close_range", nth, EINVAL);
		assert_false(drop_descriptors(kept, 3));
	}
	assert_true(drop_descriptors(kept, 3));
	assert_int_equal(fcntl(20, F_GETFD), 0);
	assert_true(drop_fill_standard());
	fault("open", 1, ENOENT);
	assert_false(drop_fill_standard());
	fault("close", 1, EIO);
	assert_false(drop_fill_standard());
	close(10);
	close(20);
}

/* An older kernel does not know one of the flags. */
static void
spools(void **state)
{
	int spool;

	(void)state;
	fault("memfd_create", 1, EINVAL);
	spool = spool_make();
	assert_true(spool >= 0);
	spool_close(&spool);
	assert_int_equal(spool, -1);
	spool_close(&spool);	/* once more is nothing */
	fault("memfd_create", 1, EMFILE);
	assert_int_equal(spool_make(), -1);
}

static void
no_clock(void **state)
{
	(void)state;
	fault("clock_gettime", 1, EINVAL);
	assert_true(io_now() == INT64_MAX);	/* every deadline has passed */
}

static char line[300];

/* What one line of the log comes to where descriptor 2 is the end of a pipe. */
static const char *
logged(void)
{
	int ends[2], errors = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_open();
	log_begin("x");
	log_end();
	dup2(errors, STDERR_FILENO);
	close(errors);
	close(ends[1]);
	got = syscall(SYS_read, ends[0], line, sizeof line - 1);
	line[got > 0 ? got : 0] = '\0';
	close(ends[0]);
	return line;
}

/* A pipe that we may not open anew is written to by way of our own; without one, as it is. */
static void
logs(void **state)
{
	(void)state;
	log_start(false, NULL, NULL);
	assert_string_equal(logged(), "ofmipd-session: event=x\n");
	fault("open", 1, EACCES);
	assert_string_equal(logged(), "ofmipd-session: event=x\n");
	fault("open", 1, EACCES);
	fault_next = "pipe2";		/* then as it is */
	assert_string_equal(logged(), "ofmipd-session: event=x\n");
	assert_true(fault_happened());
	{	/* no pipe, and nothing to do about it */
		int errors = dup(STDERR_FILENO), null = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);

		assert_int_equal(dup2(null, STDERR_FILENO), STDERR_FILENO);
		fault("open", 1, EACCES);
		log_open();
		log_begin("x");
		log_end();
		dup2(errors, STDERR_FILENO);
		close(errors);
		close(null);
	}
	assert_string_equal(logged(), "ofmipd-session: event=x\n");
}

/* Somebody makes room while it is waited for: nothing is lost. */
static void
logs_that_are_slow(void **state)
{
	static char full[70000];
	int ends[2], errors = dup(STDERR_FILENO);
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	assert_int_equal(syscall(SYS_write, ends[1], full, 4096), 4096);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	for (int late = 0; late < 2; late++) {
		pid = fork();
		if (pid == 0) {
			usleep(20000);
			_exit(syscall(SYS_read, ends[0], full, sizeof full) > 0 ? 0 : 1);
		}
		slow = late * 150;	/* milliseconds that it takes to hear of the room */
		log_open();
		log_begin("x");
		log_end();
		slow = 0;
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(syscall(SYS_read, ends[0], full, sizeof full) > 0);
		assert_memory_equal(full, "ofmipd-session: event=x", 23);
		assert_int_equal(syscall(SYS_write, ends[1], full, 4096), 4096);
	}
	dup2(errors, STDERR_FILENO);
	close(errors);
	close(ends[0]);
	close(ends[1]);
}

/* No way of our own either; and one that breaks. */
static void
logs_that_break(void **state)
{
	int ends[2], errors = dup(STDERR_FILENO);
	static char full[70000];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	for (int way = 0; way < 4; way++) {
		ssize_t got = way == 2 ? syscall(SYS_write, ends[1], full, 4096) : 0;

		assert_true(got >= 0);
		fault("open", 1, EACCES);
		log_open();
		if (way == 1)
			fault("write", 1, EIO);
		if (way == 2)
			fault("read", 1, EIO);
		log_begin("x");
		log_end();
		fault("", 0, 0);
		if (way == 2) {		/* no patience is left */
			int64_t before = io_now();

			log_open();
			log_begin("x");
			log_end();
			assert_in_range(io_now() - before, 90, 5000);
			before = io_now();
			log_begin("x");
			log_end();
			assert_in_range(io_now() - before, 0, 90);
		}
		if (way == 3 || way == 1)
			continue;
		got = syscall(SYS_read, ends[0], full, sizeof full);
		assert_true(got > 0);
	}
	dup2(errors, STDERR_FILENO);
	close(errors);
	close(ends[0]);
	close(ends[1]);
	/* What was lost is counted in the next line that gets through. */
	assert_non_null(strstr(logged(), "event=x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_that_fail), cmocka_unit_test(kernels_of_all_ages), cmocka_unit_test(limits_that_are_lower),
		cmocka_unit_test(starts_that_fail), cmocka_unit_test(spools), cmocka_unit_test(no_clock), cmocka_unit_test(logs),
		cmocka_unit_test(logs_that_are_slow), cmocka_unit_test(logs_that_break),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
