/* Gives rights away, for good: every set*id, rlimit, Landlock and seccomp call is here. */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

static bool
set_signal(int number, void (*handler)(int))
{
	return signal(number, handler) != SIG_ERR;
}

bool
drop_start(unsigned seconds)
{
	/* An ignored SIGCHLD would hide exit statuses, SIGALRM our end; the others are what shells and
	 * nohup(1) leave ignored, and would change what our children do. */
	static const int defaults[] = { SIGCHLD, SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t none;

	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (!set_signal(defaults[i], SIG_DFL))
			return false;
	if (!set_signal(SIGPIPE, SIG_IGN) || !set_signal(SIGXFSZ, SIG_IGN))
		return false;
	/* Takes the place of one that was pending. */
	alarm(seconds);
	umask(077);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
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
drop_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

bool
drop_restore_signals(void)
{
	return set_signal(SIGPIPE, SIG_DFL) && set_signal(SIGXFSZ, SIG_DFL) && set_signal(SIGTERM, SIG_DFL);
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
		if (mkdir(path, 0) == 0)
			return (chdir(path) == 0) & (rmdir(path) == 0) && chroot(".") == 0;
	}
	return false;
}

static bool
limit(int resource, rlim_t most)
{
	struct rlimit limits = { most, most }, old;

	/* Only ever down: root could raise what we were started with. */
	if (getrlimit(resource, &old) != 0)
		return false;
	if (old.rlim_max < most)
		limits.rlim_cur = limits.rlim_max = old.rlim_max;
	return setrlimit(resource, &limits) == 0;
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

#define ALLOW(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* What is left to the session: to talk, to write and empty the spool, to wait, to end. */
static bool
seccomp(void)
{
	static struct sock_filter list[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read), ALLOW(write), ALLOW(sendto), ALLOW(ftruncate), ALLOW(lseek), ALLOW(close), ALLOW(exit_group),
#ifdef SYS_send
		ALLOW(send),
#endif
#ifdef SYS_poll
		ALLOW(poll),
#endif
		ALLOW(ppoll),		/* poll(3) where there is no poll */
		ALLOW(clock_gettime),	/* where the vDSO cannot answer */
#ifdef SYS_ppoll_time64
		ALLOW(ppoll_time64), ALLOW(clock_gettime64),
#endif
		ALLOW(restart_syscall), ALLOW(rt_sigreturn),	/* after SIGSTOP and SIGCONT */
		/* A number of -1 is what strace leaves when it injects a fault: it does nothing. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = sizeof list / sizeof *list, .filter = list };

#ifdef NOCAGE	/* a build for sanitizers and profilers: they call what the list forbids */
	(void)program;
	return true;
#endif
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

const char *
drop_cage(const struct rights *rights, bool root, const char *id, uint64_t spool_limit, unsigned seconds,
    const int *kept, int count)
{
	if (root && !empty_root(id))
		return "chroot to an empty directory";
	/* Memory needs no limit: what would get more of it is not in the list below. */
	if (!limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_FSIZE, spool_limit))
		return "setrlimit";
	if (!drop_become(rights, root))
		return "setgroups, setresgid, setresuid";
	/* Later than the change of uid, which forgets it. It comes from a monitor that is root still or of our uid: after a
	 * login as another the session sees at its next question that the monitor is gone, and should it
	 * have been taken over, the alarm ends it: that it can neither take back nor ignore. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return "prctl(PR_SET_PDEATHSIG)";
	alarm(seconds);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return "prctl(PR_SET_NO_NEW_PRIVS)";
	if (!landlock())
		return "Landlock";
	if (!drop_descriptors(kept, count))	/* Landlock's goes too */
		return "close_range";
	if (!limit(RLIMIT_NOFILE, 1))	/* poll(2) wants room for one; none is free */
		return "setrlimit";
	if (!seccomp())
		return "seccomp";
	return NULL;
}
