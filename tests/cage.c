/* The evil session: the program's own session process, taken over by ptrace(2) once it is caged, does what
 * its code never would; or the process that speaks to a relay. Used by tests/t-cage and tests/t-faults.
 *
 *   cage [relay] ...                          the process that is taken over
 *   cage numbers PROGRAM ARGUMENT...          every system call number, each in a fresh session
 *   cage calls PROGRAM ARGUMENT...            hostile calls by name; prints "NAME: killed" or what came back
 *   cage wall SCRIPT PROGRAM ARGUMENT...      plays the session's side of the wall as SCRIPT says
 *   cage say BYTE LENGTH PROGRAM ARGUMENT...  the relay process says so many such bytes to the monitor, and ends
 *   cage clock SECONDS PROGRAM ARGUMENT...    for all processes of the program the time of day jumps, each time that
 *                                             they look at it: so many seconds ahead, then back, and again
 *   cage fail CALL N ERRNO PROGRAM ARG...     the process's N-th call of that name, before it waits for its
 *                                             client or its relay, is not made and returns ERRNO; 0: success
 *
 * The program gets descriptors 0 and 1 of `cage`, except with `numbers` and `calls`, which bring a client
 * of their own. Results go to 1 (numbers, calls) or to 2. The exit status is the program's, or 99.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
#define PC rip
#define NUMBER orig_rax
#define RESULT rax
#define STACK rsp
#define ARGUMENT(r, i) (*(unsigned long long *[]){ &(r)->rdi, &(r)->rsi, &(r)->rdx, &(r)->r10, &(r)->r8, &(r)->r9 }[i])
static const unsigned char gadget[] = { 0x0f, 0x05, 0x90, 0x90, 0xcd, 0x80, 0x90, 0x90 };	/* syscall; int 0x80 */
#define COMPATIBLE 4	/* where the second one is */
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
#define PC pc
#define NUMBER regs[8]
#define RESULT regs[0]
#define STACK sp
#define ARGUMENT(r, i) ((r)->regs[i])
static const unsigned char gadget[] = { 0x01, 0x00, 0x00, 0xd4, 0x1f, 0x20, 0x03, 0xd5 };	/* svc 0; nop */
#else
#error "say here how this machine's registers are named, and how a system call is written"
#endif

#define PATH_AT sizeof gadget		/* behind the instructions: a string */
static const char path[] = "/etc/passwd";

struct evil {
	pid_t monitor, session;	/* session: whoever is taken over */
	unsigned long code;	/* where the gadget is */
	registers start;	/* caged, in front of the first wait for the client */
	int wall, said;		/* its descriptors: the wall, or the relay; what goes to the monitor */
};

static bool relay;		/* the third process that the monitor forks is taken over, behind session and checker */

static void
die(const char *what)
{
	fprintf(stderr, "cage: %s: %s\n", what, strerror(errno));
	exit(99);
}

static registers
get(pid_t pid)
{
	registers all;
	struct iovec vector = { &all, sizeof all };

	memset(&all, 0, sizeof all);
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector) != 0 && errno != ESRCH)	/* killed just now */
		die("PTRACE_GETREGSET");
	return all;
}

static void
set(pid_t pid, registers all)
{
	struct iovec vector = { &all, sizeof all };

	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector) != 0 && errno != ESRCH)
		die("PTRACE_SETREGSET");
}

/* Until its next entry to or return from a system call. False: it is gone, *status says how. */
static bool
step(pid_t pid, int *status)
{
	int deliver = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, deliver) != 0 && errno != ESRCH)
			die("PTRACE_SYSCALL");
		if (waitpid(pid, status, __WALL) != pid)
			die("waitpid");
		if (!WIFSTOPPED(*status))
			return false;
		if (WSTOPSIG(*status) == (SIGTRAP | 0x80))
			return true;
		deliver = *status >> 16 == 0 && WSTOPSIG(*status) != SIGSTOP ? WSTOPSIG(*status) : 0;
	}
}

/* Follows the monitor to the birth of whoever is to be taken over. */
static void
wait_for_birth(struct evil *evil)
{
	unsigned long message;
	int status, deliver = 0;

	for (int left = relay ? 3 : 1; left > 0;) {
		ptrace(PTRACE_CONT, evil->monitor, 0, deliver);
		if (waitpid(evil->monitor, &status, 0) != evil->monitor || !WIFSTOPPED(status))
			die("the process was not forked");
		deliver = status >> 16 == 0 ? WSTOPSIG(status) : 0;
		if (status >> 8 != (SIGTRAP | PTRACE_EVENT_FORK << 8))
			continue;
		ptrace(PTRACE_GETEVENTMSG, evil->monitor, 0, &message);
		evil->session = (pid_t)message;
		if (waitpid(evil->session, &status, __WALL) != evil->session || !WIFSTOPPED(status))
			die("the session");
		if (--left > 0)
			ptrace(PTRACE_DETACH, evil->session, 0, 0);
	}
	ptrace(PTRACE_DETACH, evil->monitor, 0, 0);
}

/* Starts the program and follows it there. */
static void
start(struct evil *evil, char **command, int client)
{
	int status;

	evil->monitor = fork();
	if (evil->monitor == 0) {
		if (client >= 0 && (dup2(client, 0) < 0 || dup2(client, 1) < 0))
			_exit(99);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(command[0], command);
		_exit(99);
	}
	if (waitpid(evil->monitor, &status, 0) != evil->monitor || !WIFSTOPPED(status))
		die("fork");
	ptrace(PTRACE_SETOPTIONS, evil->monitor, 0,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, evil->monitor, 0, 0);
	if (waitpid(evil->monitor, &status, 0) != evil->monitor || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		die("the program cannot be started");
	/* The first instructions of all are executed once: our own can stand there. */
	evil->code = get(evil->monitor).PC;
	if (!step(evil->monitor, &status) || !step(evil->monitor, &status))	/* execve's end, the next one's begin */
		die("first system call");
	for (size_t i = 0; i < sizeof gadget + sizeof path; i += sizeof(long)) {
		unsigned char bytes[sizeof gadget + sizeof path + sizeof(long)] = { 0 };
		long word;

		memcpy(bytes, gadget, sizeof gadget);
		memcpy(bytes + PATH_AT, path, sizeof path);
		memcpy(&word, bytes + i, sizeof word);
		if (ptrace(PTRACE_POKETEXT, evil->monitor, evil->code + i, word) != 0)
			die("PTRACE_POKETEXT");
	}
	wait_for_birth(evil);
}

static bool
is_poll(unsigned long number)
{
#ifdef SYS_poll
	if (number == SYS_poll)
		return true;
#endif
	return number == SYS_ppoll;
}

/* Where the descriptors are: the relay process has one of each kind. */
static void
find_descriptors(struct evil *evil)
{
	evil->wall = 4;
	evil->said = -1;
	for (int i = 3; relay && i < 64; i++) {
		char name[64], target[64] = "";

		snprintf(name, sizeof name, "/proc/%d/fd/%d", evil->session, i);
		if (readlink(name, target, sizeof target - 1) < 0)
			continue;
		if (strncmp(target, "socket:", 7) == 0)
			evil->wall = i;
		else if (strncmp(target, "pipe:", 5) == 0)
			evil->said = i;
	}
}

/* Lets the session say its banner; it waits for its client then, and does so no more: the wait is cut off. The relay
 * process is cut off at its first call behind the cage. */
static void
take_over(struct evil *evil)
{
	bool caged = false;
	int status;

	do {
		if (!step(evil->session, &status))	/* entry */
			die("the session ended before it waited for its client");
		evil->start = get(evil->session);
		if (relay ? caged : is_poll(evil->start.NUMBER))
			break;
		caged |= evil->start.NUMBER == SYS_prctl && ARGUMENT(&evil->start, 0) == PR_SET_SECCOMP;
	} while (step(evil->session, &status));		/* return */
	/* The client has something to say: every caller sees to it. */
	if (!step(evil->session, &status))
		die("the session");
	find_descriptors(evil);
}

/* One system call in the session. False: it is gone, *status says how. */
static bool
call(struct evil *evil, unsigned long code, unsigned long number, const unsigned long *arguments, long *result,
    int *status)
{
	registers all = evil->start;

	all.PC = code;
	for (int i = 0; i < 6; i++)
		ARGUMENT(&all, i) = arguments[i];
#if defined(__x86_64__)
	all.rax = number;
	all.orig_rax = (unsigned long)-1;	/* not in a call that could be restarted */
	if (code != evil->code) {	/* the 32-bit entry has registers of its own */
		all.rbx = arguments[0];
		all.rcx = arguments[1];
		all.rdx = arguments[2];
	}
#else
	all.NUMBER = number;
#endif
	set(evil->session, all);
	if (!step(evil->session, status) || !step(evil->session, status))
		return false;
	*result = (long)get(evil->session).RESULT;
	/* The signal of the seccomp filter comes between the return and the next instruction. */
	for (int deliver = 0;; deliver = WSTOPSIG(*status)) {
		if ((ptrace(PTRACE_SINGLESTEP, evil->session, 0, deliver) != 0 && errno != ESRCH) ||
		    waitpid(evil->session, status, __WALL) != evil->session)
			die("PTRACE_SINGLESTEP");
		if (!WIFSTOPPED(*status) || WSTOPSIG(*status) == SIGTRAP)
			return WIFSTOPPED(*status);
	}
}

/* Ends the session, if it is still there, and waits for the monitor: its status. */
static int
finish(struct evil *evil, bool there)
{
	int status;

	if (there && (kill(evil->session, SIGKILL) != 0 || waitpid(evil->session, &status, __WALL) != evil->session))
		die("kill");
	if (waitpid(evil->monitor, &status, 0) != evil->monitor)
		die("the monitor");
	return status;
}

/* What drop.c allows, said once more. */
static const unsigned long allowed[] = {
	SYS_close, SYS_exit_group, SYS_clock_gettime, SYS_restart_syscall, SYS_rt_sigreturn,
#ifdef SYS_time
	SYS_time,
#endif
#ifdef SYS_poll
	SYS_poll,
#else
	SYS_ppoll,
#endif
};	/* and read, write, sendto and recvmsg on some descriptors: see calls() */

static bool
is_allowed(unsigned long number)
{
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (number == allowed[i])
			return true;
	return number == (unsigned)-1;	/* no call: ENOSYS */
}

static int
client_of(int *other)
{
	static const char message[] = "EHLO x\r\nAUTH PLAIN AGJvYgBzZXNhbWU=\r\nMAIL FROM:<a@example.org>\r\n"
	    "RCPT TO:<b@example.net>\r\nDATA\r\ntext\r\n.\r\nQUIT\r\n";
	const char *said = relay ? message : "NOOP\r\n";
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    write(pair[1], said, strlen(said)) != (ssize_t)strlen(said))
		die("socketpair");
	*other = pair[1];
	return pair[0];
}

/* Every number of a range: which are not killed by SIGSYS, and are these the ones that should not be? */
static void
range(const char *name, char **command, size_t entry, unsigned long first, unsigned long last, bool none)
{
	static const unsigned long arguments[6] = { -1UL, -1UL, -1UL, -1UL, -1UL, -1UL };	/* of no use to any */
	unsigned killed = 0, wrong = 0;

	for (unsigned long number = first; number <= last; number++) {
		struct evil evil;
		long result = 0;
		int status, other, client = client_of(&other), end;
		bool survived, sigsys, expected = !none && is_allowed(number);

		start(&evil, command, client);
		take_over(&evil);
		survived = call(&evil, evil.code + entry, number, arguments, &result, &status);
		end = finish(&evil, survived);
		sigsys = !survived && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
		killed += sigsys;
#if defined(__x86_64__)
		/* uretprobe and uprobe: Linux, since 6.14, shows them to no filter, and answers nobody but its
		 * own trampoline. */
		if (entry == 0 && ((number == 335 && WIFSIGNALED(status) && WTERMSIG(status) == SIGILL) ||
		    (number == 336 && result == -ENXIO)))
			expected = !sigsys;
#endif
		/* What is allowed may fail, or end the session; -1 is no call. */
		if (sigsys == expected || (number == (unsigned)-1 && result != -ENOSYS) ||
		    (sigsys && (!WIFEXITED(end) || WEXITSTATUS(end) != (relay ? 0 : 1)))) {
			if (wrong++ < 10)
				printf("%s: number %lu: %s, result %ld, status of the monitor %x\n", name, number,
				    sigsys ? "killed" : survived ? "survived" : "ended", result, (unsigned)end);
		}
		close(client);
		close(other);
	}
	printf("%s: %lu to %lu: %u killed, %u wrong\n", name, first, last, killed, wrong);
	fflush(stdout);
}

static int
numbers(char **command)
{
	range("native", command, 0, 0, 600, false);
	range("native", command, 0, 0xfffffffe, 0xffffffff, false);	/* -1 among them */
#if defined(__x86_64__)
	range("x32", command, 0, 0x40000000, 0x40000000 + 600, true);
	range("32-bit", command, COMPATIBLE, 0, 470, true);
#endif
	return 0;
}

/* Named, with arguments that would do harm. */
static int
calls(char **command)
{
	enum { MONITOR = -1000, PATH = -1001, CODE = -1002, WALL = -1003, SAID = -1004 };
	static const struct {
		const char *name;
		long number, arguments[6];
	} list[] = {
		{ "openat /etc/passwd", SYS_openat, { AT_FDCWD, PATH, O_RDONLY } },
		{ "socket", SYS_socket, { AF_INET, SOCK_STREAM } },
		{ "connect on the wall", SYS_connect, { 4, PATH, 16 } },
		{ "sendmsg with descriptors", SYS_sendmsg, { 4, PATH } },
		{ "clone", SYS_clone, { SIGCHLD } },
		{ "execve", SYS_execve, { PATH, 0, 0 } },
		{ "execveat the spool", SYS_execveat, { 3, PATH, 0, 0, 0x1000 } },
		{ "kill the monitor", SYS_kill, { MONITOR, SIGTERM } },
		{ "kill everybody, signal 0", SYS_kill, { -1, 0 } },
		{ "tgkill the monitor", SYS_tgkill, { MONITOR, MONITOR, SIGTERM } },
		{ "ptrace the monitor", SYS_ptrace, { PTRACE_ATTACH, MONITOR } },
		{ "process_vm_readv", SYS_process_vm_readv, { MONITOR } },
		{ "pidfd_open", SYS_pidfd_open, { MONITOR } },
		{ "mmap writable and executable", SYS_mmap, { 0, 4096, 7, 0x22, -1 } },
		{ "mprotect code writable", SYS_mprotect, { CODE, 4096, 7 } },
		{ "prctl PR_SET_DUMPABLE", SYS_prctl, { 4, 1 } },
		{ "prctl PR_SET_PDEATHSIG", SYS_prctl, { 1, 0 } },
		{ "seccomp", SYS_seccomp, { 1, 0, 0 } },
		{ "setresuid", SYS_setresuid, { 0, 0, 0 } },
		{ "chroot", SYS_chroot, { PATH } },
		{ "unlinkat", SYS_unlinkat, { AT_FDCWD, PATH } },
		{ "ioctl TIOCSTI", SYS_ioctl, { 0, 0x5412, PATH } },
		{ "fcntl F_DUPFD", SYS_fcntl, { 3, 0, 10 } },
		{ "dup2 the wall", SYS_dup3, { 4, 0 } },
		{ "sendfile", SYS_sendfile, { 1, 3, 0, 100 } },
		{ "io_uring_setup", SYS_io_uring_setup, { 8, PATH } },
		{ "bpf", SYS_bpf, { 0, PATH, 0 } },
		{ "userfaultfd", SYS_userfaultfd, { 0 } },
		{ "keyctl", SYS_keyctl, { 0 } },
		{ "ftruncate the spool", SYS_ftruncate, { 3, 0 } },
		{ "lseek the spool", SYS_lseek, { 3, 0, SEEK_SET } },
		{ "ppoll", SYS_ppoll, { CODE, 1, 0, 0, 8 } },
		{ "read descriptor 1", SYS_read, { 1, PATH, 0 } },
		{ "read descriptor 2", SYS_read, { 2, PATH, 0 } },
		{ "read the spool", SYS_read, { 3, PATH, 0 } },
		{ "read a descriptor of the monitor", SYS_read, { 5, PATH, 0 } },
		{ "read the log of the monitor", SYS_read, { 6, PATH, 0 } },
		{ "write descriptor 0", SYS_write, { 0, PATH, 0 } },
		{ "write descriptor 2", SYS_write, { 2, PATH, 5 } },
		{ "write a descriptor of the monitor", SYS_write, { 5, PATH, 5 } },
		{ "write descriptor -1", SYS_write, { -1, PATH, 5 } },
		{ "write descriptor 2 + 2^32", SYS_write, { 2 + (1L << 32), PATH, 5 } },
		{ "sendto descriptor 2", SYS_sendto, { 2, PATH, 5, 0, 0, 0 } },
		{ "sendto the client, with a name", SYS_sendto, { 1, PATH, 0, 0, PATH, 16 } },
		{ "sendto the client, with half a name", SYS_sendto, { 1, PATH, 0, 0, 1L << 32, 16 } },
		{ "recvmsg from the client", SYS_recvmsg, { 0, PATH, 0 } },
		{ "recvmsg from the spool", SYS_recvmsg, { 3, PATH, 0 } },
		/* These are in the list. */
		{ "read the client", SYS_read, { 0, PATH, 0 } },
		{ "read the wall", SYS_read, { WALL, PATH, 0 } },
		{ "write the client", SYS_write, { 1, PATH, 0 } },
		{ "write the spool", SYS_write, { 3, PATH, 0 } },
		{ "write the wall", SYS_write, { WALL, PATH, 0 } },
		{ "write what the monitor hears", SYS_write, { SAID, PATH, 0 } },
		{ "sendto the client", SYS_sendto, { 1, PATH, 0, MSG_DONTWAIT, 0, 0 } },
		{ "recvmsg from the wall", SYS_recvmsg, { WALL, 1, MSG_DONTWAIT } },
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		unsigned long arguments[6];
		int status, other, client = client_of(&other);
		struct evil evil;
		bool survived;
		long result;

		start(&evil, command, client);
		take_over(&evil);
		for (int j = 0; j < 6; j++) {
			long argument = list[i].arguments[j];

			arguments[j] = argument == MONITOR ? (unsigned long)evil.monitor
			    : argument == PATH ? evil.code + PATH_AT
			    : argument == WALL ? (unsigned long)evil.wall
			    : argument == SAID ? (unsigned long)evil.said
			    : argument == CODE ? evil.code & ~4095UL : (unsigned long)argument;
		}
		survived = call(&evil, evil.code, (unsigned long)list[i].number, arguments, &result, &status);
		if (survived)
			printf("%s: %s\n", list[i].name, result < 0 ? strerrorname_np((int)-result) : "done");
		else
			printf("%s: %s\n", list[i].name, WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed" : "ended");
		finish(&evil, survived);
		close(client);
		close(other);
	}
	return 0;
}

/*
 * r: read from the client into the line's own buffer; w: write that to the wall; a: read an answer from the
 * wall; c: write that to the client; p: r and w again and again until the client has no more; s: write it to the
 * spool; x: the same, and says what came of it; k: close the wall.
 */
static int
wall(const char *script, char **command)
{
	struct evil evil;
	int status, end;
	bool there = true;
	unsigned long buffer;
	long got = 0, result;

	start(&evil, command, -1);
	take_over(&evil);
	/* The client has written: the next call is the read. */
	if (!step(evil.session, &status) || get(evil.session).NUMBER != SYS_read)
		die("the session does not read");
	evil.start = get(evil.session);
	buffer = ARGUMENT(&evil.start, 1);
	if (!step(evil.session, &status))
		die("the session");
	got = (long)get(evil.session).RESULT;	/* so the first r is done */
	for (bool first = true; *script != '\0' && there; script++) {
		bool from = *script == 'r' || *script == 'a' || *script == 'p';
		unsigned long arguments[6] = { *script == 'r' || *script == 'p' ? 0 : *script == 'c' ? 1
		    : *script == 's' || *script == 'x' ? 3 : 4, buffer,
		    from ? 65536 : (unsigned long)got };

		if (*script == 'k') {
			arguments[0] = 4;
			there = call(&evil, evil.code, SYS_close, arguments, &result, &status);
			continue;
		}
		if (from && !(first && *script != 'a')) {
			/* The wrapper or the client may be slow. */
			while ((there = call(&evil, evil.code, SYS_read, arguments, &got, &status)) && got == -EAGAIN)
				usleep(1000);
		} else if (!from) {
			there = call(&evil, evil.code, SYS_write, arguments, &result, &status);
			if (*script == 'x' && there)
				fprintf(stderr, "cage: write the spool: %s\n", result < 0 ? strerrorname_np((int)-result) : "done");
		}
		first = false;
		if (*script == 'p' && there && got > 0) {
			arguments[0] = 4;
			arguments[2] = (unsigned long)got;
			there = call(&evil, evil.code, SYS_write, arguments, &result, &status);
			script--;
		}
	}
	if (there) {
		static const unsigned long none[6];

		call(&evil, evil.code, SYS_exit_group, none, &result, &status);
		fprintf(stderr, "cage: the session ended itself\n");
	} else {
		fprintf(stderr, "cage: the session was killed by signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	}
	end = finish(&evil, false);
	return WIFEXITED(end) ? WEXITSTATUS(end) : 99;
}

static unsigned long
number_of(const char *name)
{
	static const struct {
		const char *name;
		unsigned long number;
	} list[] = {
#ifdef SYS_rmdir
		{ "rmdir", SYS_rmdir }, { "mkdir", SYS_mkdir }, { "dup2", SYS_dup2 },
#endif
		{ "unlinkat", SYS_unlinkat }, { "mkdirat", SYS_mkdirat }, { "dup3", SYS_dup3 },
		{ "timer_create", SYS_timer_create }, { "timer_settime", SYS_timer_settime },
		{ "chdir", SYS_chdir }, { "chroot", SYS_chroot }, { "prlimit64", SYS_prlimit64 },
		{ "setgroups", SYS_setgroups }, { "setresgid", SYS_setresgid }, { "setresuid", SYS_setresuid },
		{ "prctl", SYS_prctl }, { "close_range", SYS_close_range },
		{ "landlock_create_ruleset", 444 }, { "landlock_restrict_self", 446 },
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (strcmp(list[i].name, name) == 0)
			return list[i].number;
	errno = EINVAL;
	die(name);
	return 0;
}

static int
fail(unsigned long number, int nth, int error, char **command)
{
	struct evil evil;
	int status, end;
	bool there, caged = false;

	start(&evil, command, -1);
	while ((there = step(evil.session, &status))) {
		registers all = get(evil.session);
		bool ours = all.NUMBER == number && --nth == 0;

		if (relay ? caged : is_poll(all.NUMBER))	/* it waits for its client */
			break;
		caged |= all.NUMBER == SYS_prctl && ARGUMENT(&all, 0) == PR_SET_SECCOMP;
		if (ours) {
			all.NUMBER = (unsigned long)-1;
#if defined(__aarch64__)
			int none = -1;
			struct iovec vector = { &none, sizeof none };

			ptrace(PTRACE_SETREGSET, evil.session, NT_ARM_SYSTEM_CALL, &vector);
#endif
			set(evil.session, all);
		}
		if (!(there = step(evil.session, &status)))
			break;
		if (ours) {
			all = get(evil.session);
			all.RESULT = (unsigned long)-error;
			set(evil.session, all);
			fprintf(stderr, "cage: failed\n");
		}
	}
	if (there)
		ptrace(PTRACE_DETACH, evil.session, 0, 0);
	end = finish(&evil, false);
	return WIFEXITED(end) ? WEXITSTATUS(end) : 99;
}

/* The relay process tells the monitor something, and ends. */
static int
say(int byte, long length, char **command)
{
	unsigned long arguments[6] = { 0 };
	struct evil evil;
	int status, end;
	long result;

	start(&evil, command, -1);
	take_over(&evil);
	arguments[1] = ARGUMENT(&evil.start, 1) & ~(sizeof(long) - 1);	/* where it reads to */
	for (long i = 0; i < length; i += (long)sizeof(long)) {
		long word;

		memset(&word, byte, sizeof word);
		if (ptrace(PTRACE_POKEDATA, evil.session, arguments[1] + (unsigned long)i, word) != 0)
			die("PTRACE_POKEDATA");
	}
	arguments[0] = (unsigned long)evil.said;
	arguments[2] = (unsigned long)length;
	if (!call(&evil, evil.code, SYS_write, arguments, &result, &status) || result < 0)
		die("what it said");
	kill(evil.session, SIGKILL);
	waitpid(evil.session, &status, __WALL);
	end = finish(&evil, false);
	return WIFEXITED(end) ? WEXITSTATUS(end) : 99;
}

/* The kernel's own code in the program, which tells the time without a system call: it is not there. */
static void
hide_vdso(pid_t pid)
{
	unsigned long at = get(pid).STACK;
	int lists = 0;

	/* Arguments, environment, auxiliary vector: each behind the end of the one before it. */
	for (at += sizeof(long); lists < 2; at += sizeof(long))
		lists += ptrace(PTRACE_PEEKDATA, pid, at, 0) == 0;
	for (long kind; (kind = ptrace(PTRACE_PEEKDATA, pid, at, 0)) != AT_NULL; at += 2 * sizeof(long))
		if (kind == AT_SYSINFO_EHDR)
			ptrace(PTRACE_POKEDATA, pid, at, (long)AT_IGNORE);
}

/* A system call of a process that was entered; it returns at the next stop. */
struct entered {
	pid_t pid;
	registers at;
};

static void
jump(pid_t pid, struct entered *entered, long seconds)
{
	static bool ahead;
	registers all = get(pid);
	unsigned long where = 0;

	if (entered->at.NUMBER == SYS_clock_gettime && (ARGUMENT(&entered->at, 0) == CLOCK_REALTIME ||
	    ARGUMENT(&entered->at, 0) == CLOCK_REALTIME_COARSE))
		where = ARGUMENT(&entered->at, 1);
	else if (entered->at.NUMBER == SYS_gettimeofday)
		where = ARGUMENT(&entered->at, 0);
#ifdef SYS_time
	else if (entered->at.NUMBER == SYS_time) {
		all.RESULT += (unsigned long)(ahead ? -seconds : seconds);
		set(pid, all);
		ahead = !ahead;
	}
#endif
	if (where == 0)
		return;
	ptrace(PTRACE_POKEDATA, pid, where, ptrace(PTRACE_PEEKDATA, pid, where, 0) + (ahead ? -seconds : seconds));
	ahead = !ahead;
}

static int
clock_jumps(long seconds, char **command)
{
	static struct entered entered[64];
	int status, end = 99, deliver;
	pid_t program = fork(), pid;

	if (program == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(command[0], command);
		_exit(99);
	}
	if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status))
		die("fork");
	ptrace(PTRACE_SETOPTIONS, program, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
	    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	ptrace(PTRACE_SYSCALL, program, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		size_t i = 0, free = 0;

		deliver = 0;
		for (i = 0; i < sizeof entered / sizeof *entered && entered[i].pid != pid; i++)
			if (entered[i].pid == 0)
				free = i;
		if (!WIFSTOPPED(status)) {
			if (pid == program)
				end = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
			continue;
		}
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			hide_vdso(pid);
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80) && i < sizeof entered / sizeof *entered) {
			jump(pid, &entered[i], seconds);
			entered[i].pid = 0;
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			entered[free] = (struct entered){ pid, get(pid) };
		} else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP) {
			deliver = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, deliver);
	}
	return end;
}

int
main(int argc, char **argv)
{
	alarm(600);
	relay = argc >= 2 && strcmp(argv[1], "relay") == 0;
	argc -= relay;
	argv += relay;
	if (argc >= 5 && strcmp(argv[1], "say") == 0)
		return say(atoi(argv[2]), atol(argv[3]), argv + 4);
	if (argc >= 3 && strcmp(argv[1], "numbers") == 0)
		return numbers(argv + 2);
	if (argc >= 3 && strcmp(argv[1], "calls") == 0)
		return calls(argv + 2);
	if (argc >= 4 && strcmp(argv[1], "wall") == 0)
		return wall(argv[2], argv + 3);
	if (argc >= 4 && strcmp(argv[1], "clock") == 0)
		return clock_jumps(atol(argv[2]), argv + 3);
	if (argc >= 6 && strcmp(argv[1], "fail") == 0)
		return fail(number_of(argv[2]), atoi(argv[3]), atoi(argv[4]), argv + 5);
	fprintf(stderr, "usage: see tests/cage.c\n");
	return 99;
}
