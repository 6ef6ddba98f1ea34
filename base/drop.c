/* Gives rights away, for good: set*id, Landlock, seccomp and the limits of the cage are called here alone. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/text.h"

/* System calls that the headers of older systems lack, and the C library of some; each has one number everywhere. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif
#define LANDLOCK_VERSION 1	/* LANDLOCK_CREATE_RULESET_VERSION */
#ifdef SYS_timer_settime64	/* takes seconds of 64 bits on every machine */
#define TIMER_SETTIME SYS_timer_settime64
#else
#define TIMER_SETTIME SYS_timer_settime
#endif

/* Of the session, beyond what it was started with. Seconds of a processor are enough for hundreds of gigabytes. */
#define STACK_MOST (256 << 10)
#define MEMORY_MOST (32 << 20)
#define CPU_SECONDS 600

bool
drop_end_after(unsigned seconds)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const int64_t end[4] = { 0, 0, seconds, 0 };	/* no interval; seconds and nanoseconds */
	int timer;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0 &&
	    syscall(TIMER_SETTIME, timer, 0, end, NULL) == 0;
}

bool
drop_start(unsigned seconds)
{
	/* An ignored SIGCHLD would hide exit statuses; the others are what shells, nohup(1) and Python leave ignored,
	 * and would change what our children do. */
	static const int defaults[] = { SIGCHLD, SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGXFSZ };

	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (signal(defaults[i], SIG_DFL) == SIG_ERR)
			return false;
	umask(077);
	return drop_block_signals(false) && drop_end_after(seconds);
}

bool
drop_block_signals(bool terminate)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGXFSZ);
	sigaddset(&blocked, SIGALRM);	/* there may be one to come from whoever started us */
	if (terminate)
		sigaddset(&blocked, SIGTERM);
	return sigprocmask(SIG_SETMASK, &blocked, NULL) == 0;
}

bool
drop_descriptors(const int *kept, int count)
{
	unsigned next = 3;

	/* The kept ones in rising order, the gaps between them closed. */
	for (;;) {
		int lowest = -1;

		for (int i = 0; i < count; i++)
			if (kept[i] >= (int)next && (lowest < 0 || kept[i] < lowest))
				lowest = kept[i];
		if (lowest < 0)
			return syscall(SYS_close_range, next, ~0U, 0) == 0;
		if (lowest > (int)next && syscall(SYS_close_range, next, (unsigned)lowest - 1, 0) != 0)
			return false;
		next = (unsigned)lowest + 1;
	}
}

bool
drop_fill_standard(void)
{
	int descriptor;

	do
		descriptor = open("/dev/null", O_RDONLY);
	while (descriptor >= 0 && descriptor <= STDERR_FILENO);
	return descriptor >= 0 && close(descriptor) == 0;
}

bool
drop_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

bool
drop_restore_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

bool
drop_become(const struct rights *rights, bool root)
{
	if (!root)
		return true;
	if (rights->uid == 0 || rights->gid == 0) {
		errno = EPERM;
		return false;
	}
	if (setgroups((size_t)rights->group_count, rights->groups) != 0 ||
	    setresgid(rights->gid, rights->gid, rights->gid) != 0 ||
	    setresuid(rights->uid, rights->uid, rights->uid) != 0)
		return false;
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		errno = EPERM;	/* we could get back: not to be trusted */
		return false;
	}
	return drop_hide();	/* the change of uid set it to what fs.suid_dumpable says */
}

/*
 * An empty directory of our own, gone before anybody can find it: nothing can be made in an unlinked
 * directory. In memory if possible: on a disk it would be the dearest step of all. That others can write to
 * two of the places does no harm: the name is new, or mkdir(2) fails, and they are sticky.
 */
static bool
empty_root(const char *id)
{
	static const char *const places[] = { "/dev/shm/ofmipd-session.", "/run/ofmipd-session.",
	    "/tmp/ofmipd-session." };

	for (int i = 0; i < 3; i++) {
		char path[96];
		struct text name;

		text_start(&name, path, sizeof path);
		text_add(&name, places[i]);
		text_add(&name, id);
		if (mkdir(path, 0100) == 0) {	/* to go in, without CAP_DAC_OVERRIDE too */
			bool inside = chdir(path) == 0;

			/* Removed in any case: it stays empty, and nothing of ours stays behind. */
			return rmdir(path) == 0 && inside && chroot(".") == 0;
		}
	}
	return false;
}

/* Only ever down: a hard limit that is lower already stays as it is. */
static bool
limit(int resource, rlim_t most)
{
	struct rlimit limits = { most, most }, old;

	return setrlimit(resource, &limits) == 0 ||
	    (errno == EPERM && getrlimit(resource, &old) == 0 && old.rlim_max < most);
}

/*
 * What bounds a session that was taken over: it can use what it has, and no more. It has all the memory that it
 * needs; its stack must be able to grow a little beyond the arguments and the environment, which lie there, too.
 */
static bool
limit_memory(void)
{
#ifdef NOCAGE	/* sanitizers keep terabytes of addresses, and stack for themselves */
	return true;
#else
	char here;
	uintptr_t top = getauxval(AT_EXECFN), bottom = (uintptr_t)&here;
	rlim_t used = top > bottom ? top - bottom : 0;

	return limit(RLIMIT_STACK, used + STACK_MOST) && limit(RLIMIT_AS, used + MEMORY_MOST) &&
	    limit(RLIMIT_CPU, CPU_SECONDS);
#endif
}

long
drop_landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
}

/* Every access right that the running kernel knows, and no rule: no path can be reached. */
static bool
landlock(void)
{
	/* By ABI: 1 the first thirteen, 2 REFER, 3 TRUNCATE, 5 IOCTL_DEV; 4 TCP; 6 scopes. Written as
	 * numbers, since the headers of an older system lack the newer names. */
	static const uint64_t files[] = { 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff };
	struct { uint64_t files, network, scopes; } rules = { 0 };
	long abi = drop_landlock_version(), ruleset;

	/* Built without it, switched off, or refused by a container's filter: the rest of the cage holds alone. */
	if (abi < 1)
		return true;
	rules.files = files[(abi > 5 ? 5 : abi) - 1];
	rules.network = abi >= 4 ? 3 : 0;
	rules.scopes = abi >= 6 ? 3 : 0;
	ruleset = syscall(SYS_landlock_create_ruleset, &rules, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0);
	return ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#else
#error "name this machine's AUDIT_ARCH_ constant here: the cage must know its system calls"
#endif

/* The list: a program for the kernel's filter machine, built rule by rule. The kernel compiles it at each start, 0.7 us
 * for an instruction: so all rules share the ends, which are written last. */
struct list {
	struct sock_filter lines[128];
	unsigned short count;
};

/* Where a jump leads: so many instructions on, or to one of the ends. */
enum { ALLOW = 253, REFUSE, KILL };

static void
add_instruction(struct list *list, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
	list->lines[list->count++] = (struct sock_filter)BPF_JUMP(code, value, if_true, if_false);
}

static void
add_test(struct list *list, uint32_t value, uint8_t if_equal, uint8_t if_not)
{
	add_instruction(list, BPF_JMP | BPF_JEQ | BPF_K, value, if_equal, if_not);
}

static void
add_load(struct list *list, uint32_t offset)
{
	add_instruction(list, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* Whatever else it is called with. */
static void
allow(struct list *list, long number)
{
	add_test(list, (uint32_t)number, ALLOW, 0);
}

/* Where the low half of an argument is; the kernel takes a descriptor from there. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW(argument) (uint32_t)(offsetof(struct seccomp_data, args[argument]) + 4)
#define HIGH(argument) (uint32_t)offsetof(struct seccomp_data, args[argument])
#else
#define LOW(argument) (uint32_t)offsetof(struct seccomp_data, args[argument])
#define HIGH(argument) (uint32_t)(offsetof(struct seccomp_data, args[argument]) + 4)
#endif

/* On these descriptors, and on no other; `null`, if not 0: an argument that must be a null pointer. */
static void
allow_on(struct list *list, long number, const int *descriptors, int count, int null)
{
	unsigned short start = list->count;

	add_test(list, (uint32_t)number, 0, 0);		/* no: past all this */
	if (null != 0) {
		add_load(list, LOW(null));
		add_test(list, 0, 0, KILL);
		add_load(list, HIGH(null));
		add_test(list, 0, 0, KILL);
	}
	add_load(list, LOW(0));
	for (int i = 0; i < count; i++)
		if (descriptors[i] >= 0)
			add_test(list, (uint32_t)descriptors[i], ALLOW, 0);
	list->lines[list->count - 1].jf = KILL;
	list->lines[start].jf = (uint8_t)(list->count - start - 1);
}

/* The ends, and the jumps to them. */
static void
add_ends(struct list *list)
{
	const unsigned short first = list->count;

	add_instruction(list, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);	/* what no rule allows comes here */
	add_instruction(list, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	add_instruction(list, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	for (unsigned short i = 0; i < first; i++) {
		struct sock_filter *line = &list->lines[i];

		if (line->jt >= ALLOW)
			line->jt = (uint8_t)(first + (KILL - line->jt) - i - 1);
		if (line->jf >= ALLOW)
			line->jf = (uint8_t)(first + (KILL - line->jf) - i - 1);
	}
}

/* What is left to the session: to talk, to write the spool, to wait, to end. */
static bool
seccomp(const struct drop_cage *cage)
{
	const int readable[] = { cage->wall, cage->readable[0], cage->readable[1] };
	const int writable[] = { cage->wall, cage->writable[0], cage->writable[1], cage->writable[2] };
	struct list list = { .count = 0 };
	struct sock_fprog program = { .filter = list.lines };

	add_load(&list, offsetof(struct seccomp_data, arch));
	add_test(&list, ARCHITECTURE, 0, KILL);
	add_load(&list, offsetof(struct seccomp_data, nr));
#ifdef SYS_poll
	allow(&list, SYS_poll);
#else
	allow(&list, SYS_ppoll);
#ifdef SYS_ppoll_time64
	allow(&list, SYS_ppoll_time64);
#endif
#endif
	allow_on(&list, SYS_read, readable, 3, 0);
	allow_on(&list, SYS_write, writable, 4, 0);
	allow_on(&list, SYS_sendto, writable, 4, 4);	/* send(2): never a name to send it to */
#ifdef SYS_send
	allow_on(&list, SYS_send, writable, 4, 0);
#endif
	allow_on(&list, SYS_recvmsg, &cage->wall, 1, 0);
	allow(&list, SYS_close);
	allow(&list, SYS_clock_gettime);	/* where the vDSO cannot answer */
#ifdef SYS_time
	allow(&list, SYS_time);
#endif
#ifdef SYS_clock_gettime64
	allow(&list, SYS_clock_gettime64);
#endif
	allow(&list, SYS_restart_syscall);	/* after SIGSTOP and SIGCONT */
	allow(&list, SYS_rt_sigreturn);
	allow(&list, SYS_exit_group);
	/* A number of -1 is what strace leaves when it injects a fault: it does nothing. */
	add_test(&list, 0xffffffff, REFUSE, 0);
	add_ends(&list);
	program.len = list.count;
#ifdef NOCAGE	/* a build for sanitizers and profilers: they call what the list forbids */
	return true;
#endif
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

const struct drop_fault drop_faults[DROP_STEPS] = {
	[DROP_DONE] = { NULL, "" },
	[DROP_TIMER] = { "signals or timer_create", "; each process needs a timer, which the kernel counts as a "
	    "pending signal: raise that limit (ulimit -i)" },
	[DROP_ROOT] = { "chroot to an empty directory", "; it needs CAP_SYS_CHROOT, and /dev/shm, /run or /tmp to "
	    "write in" },
	[DROP_USER] = { "setgroups, setresgid, setresuid", "; it needs CAP_SETUID and CAP_SETGID and, in a user "
	    "namespace, the service account's uid and gid in its maps (-u, newuidmap(1)); or start it as another "
	    "user than root" },
	[DROP_LIMITS] = { "setrlimit", "" },
	[DROP_PARENT_DEATH] = { "prctl(PR_SET_PDEATHSIG)", "" },
	[DROP_NEW_PRIVILEGES] = { "prctl(PR_SET_NO_NEW_PRIVS)", "" },
	[DROP_LANDLOCK] = { "Landlock", "" },
	[DROP_DESCRIPTORS] = { "close_range", "; it needs Linux 5.9 or later and, in a container, a seccomp profile "
	    "that allows the call" },
	[DROP_SECCOMP] = { "seccomp", "; it needs a kernel with CONFIG_SECCOMP_FILTER" },
};

enum drop_step
drop_cage(const struct drop_cage *cage)
{
	const int kept[] = { cage->wall, cage->readable[0], cage->readable[1], cage->writable[0], cage->writable[1],
	    cage->writable[2] };

	if (cage->root && !empty_root(cage->id))
		return DROP_ROOT;
	if (!drop_become(cage->rights, cage->root))
		return DROP_USER;
	if (!limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_FSIZE, cage->file_size) || !limit_memory())
		return DROP_LIMITS;
	/* Later than the change of uid, which forgets it. It comes from a monitor that is still root, or has our uid:
	 * after a login as another the session sees at its next question that the monitor is gone, and should it
	 * have been taken over, its timer ends it: that it can neither take back nor ignore. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return DROP_PARENT_DEATH;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return DROP_NEW_PRIVILEGES;
	if (!landlock())
		return DROP_LANDLOCK;
	if (!drop_descriptors(kept, sizeof kept / sizeof *kept))	/* Landlock's goes too */
		return DROP_DESCRIPTORS;
	if (!limit(RLIMIT_NOFILE, cage->files))
		return DROP_LIMITS;
	if (!seccomp(cage))
		return DROP_SECCOMP;
	return DROP_DONE;
}
