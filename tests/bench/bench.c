/* What a session costs: runs the programs under test in turns, as their
 * client, and prints the table of BENCHMARK.md.
 *
 * Usage: bench NAME PROGRAM [ARGUMENT...] -- NAME PROGRAM [ARGUMENT...] ...
 *
 * The first program is the one that is judged; `floor1`, `floor2` and
 * `mailfront` are what it is judged by, `cat` copies its standard input, and
 * `injector` is what reads the messages. A NAME with a colon, such as
 * `hash:yescrypt`, is a login alone, compared with the first program's.
 *
 * Every program is started on both ends of a socketpair, as tcpserver starts
 * it on a connection. CPU time is user and system time of all of its
 * processes, as wait4 sums it up: the driver is their subreaper and waits for
 * each of them. Times are medians over all rounds, in each of which every
 * program has one turn, so that a busy moment of the machine hits all. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS 12
#define SESSION_ROUNDS 500
#define HASH_ROUNDS 15
#define DATA_ROUNDS 9
#define RECIPIENT_ROUNDS 9
#define RATE_ROUNDS 7
#define RATE_SECONDS 0.5
#define MEGABYTE 1000000L
#define BATCH 1000 /* recipients sent in one write */
#define IDLE 20   /* sessions at once where memory is shared among many */

static struct program {
	const char *name;
	char **argv;
} programs[PROGRAMS];
static int program_count;

static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputs("\n", stderr);
	va_end(arguments);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct program *find(const char *name)
{
	for (int i = 0; i < program_count; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	die("no program %s on the command line", name);
	return NULL;
}

static int is_hash(const struct program *p)
{
	return strncmp(p->name, "hash:", 5) == 0;
}

/* The programs that speak SMTP and are run for more than their login. */
static int is_server(const struct program *p)
{
	return !is_hash(p) && strcmp(p->name, "cat") != 0 && strcmp(p->name, "injector") != 0;
}

/* msmtpd sleeps for a second at each login: fewer turns. */
static int has_turn(const struct program *p, int round, int rounds)
{
	return is_server(p) && (strcmp(p->name, "msmtpd") != 0 || round % (rounds / 10 + 1) == 0);
}

/* ---- processes ---------------------------------------------------------- */

/* Starts p with both of its ends on a new connection, or with output in place
 * of the second. vfork: the driver's size is nobody's cost. */
static pid_t start(const struct program *p, int *connection, int output)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		die("no connection: %s", strerror(errno));
	pid_t pid = vfork();
	if (pid == 0) {
		dup2(ends[1], 0);
		dup2(output >= 0 ? output : ends[1], 1);
		dup2(null, 2);
		execv(p->argv[0], p->argv);
		_exit(127);
	}
	if (pid < 0)
		die("fork: %s", strerror(errno));
	close(ends[1]);
	close(null);
	*connection = ends[0];
	return pid;
}

/* Waits for every process that is left. */
static void reap(const struct program *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
			die("%s: a process ended with wait status %#x", p->name, (unsigned)status);
}

/* CPU seconds of all processes waited for so far. */
static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- the client --------------------------------------------------------- */

static struct client {
	const struct program *program;
	int fd;
	size_t length;
	char buffer[65536];
} client;

static void send_bytes(struct client *c, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(c->fd, bytes, length);
		if (n < 0)
			die("%s: does not take what it is sent: %s", c->program->name, strerror(errno));
		bytes += n;
		length -= (size_t)n;
	}
}

/* Waits for count replies with this code, each of any number of lines. */
static void expect(struct client *c, const char *code, int count)
{
	while (count > 0) {
		char *end = memchr(c->buffer, '\n', c->length);

		if (end == NULL) {
			ssize_t n = read(c->fd, c->buffer + c->length, sizeof c->buffer - c->length);
			if (n <= 0)
				die("%s: ended where %s was expected", c->program->name, code);
			c->length += (size_t)n;
			continue;
		}
		size_t length = (size_t)(end - c->buffer) + 1;
		if (strncmp(c->buffer, code, 3) != 0)
			die("%s: %s expected, not: %.*s", c->program->name, code, (int)length, c->buffer);
		if (c->buffer[3] == ' ')
			count--;
		c->length -= length;
		memmove(c->buffer, end + 1, c->length);
	}
}

static void say(struct client *c, const char *text, const char *code)
{
	send_bytes(c, text, strlen(text));
	expect(c, code, 1);
}

static const char ehlo[] = "EHLO client.example.org\r\n";
static const char auth[] = "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"; /* NUL joe NUL secret */

static void login(struct client *c)
{
	say(c, ehlo, "250");
	say(c, auth, "235");
}

/* A message: a plain header, then lines up to this size. */
struct message {
	const char *line;
	long size;
	int recipients;
};
static const char text_line[] =
	"It was a bright cold day in April, and the clocks were striking thirteen\r\n";
static const char lf_line[] =
	"It was a bright cold day in April, and the clocks were striking thirteen\n";
static const char dot_line[] = "..\r\n";
static const struct message small = { text_line, 1000, 1 };

/* Whole lines, about 1 MB of them: one write of a large message. */
static const char *block(const char *line, size_t *length)
{
	static char bytes[MEGABYTE];
	static const char *filled_with;
	size_t one = strlen(line);

	*length = sizeof bytes / one * one;
	if (filled_with != line)
		for (size_t i = 0; i < *length; i += one)
			memcpy(bytes + i, line, one);
	filled_with = line;
	return bytes;
}

static void send_recipients(struct client *c, int count)
{
	char batch[BATCH * 40];

	for (int sent = 0; sent < count;) {
		size_t length = 0;
		int n = 0;

		for (; n < BATCH && sent < count; n++, sent++)
			length += (size_t)sprintf(batch + length, "RCPT TO:<user%05d@example.net>\r\n", sent);
		send_bytes(c, batch, length);
		expect(c, "250", n);
	}
}

static void send_message(struct client *c, const struct message *m)
{
	static const char header[] =
		"Date: Sat, 21 Nov 2026 04:00:00 +0000\r\n"
		"From: Joe <joe@example.org>\r\n"
		"To: Ann <user00000@example.net>\r\n"
		"Subject: what a session costs\r\n"
		"Message-ID: <20261121040000.1@client.example.org>\r\n"
		"MIME-Version: 1.0\r\n"
		"\r\n";
	size_t length, one = strlen(m->line);
	const char *bytes = block(m->line, &length);

	say(c, "MAIL FROM:<joe@example.org>\r\n", "250");
	send_recipients(c, m->recipients);
	say(c, "DATA\r\n", "354");
	send_bytes(c, header, sizeof header - 1);
	for (long left = m->size - m->size % (long)one; left > 0;) {
		size_t part = left < (long)length ? (size_t)left : length;

		send_bytes(c, bytes, part);
		left -= (long)part;
	}
	say(c, m->line == lf_line ? "\r\n.\r\n" : ".\r\n", "250");
}

static void open_client(struct client *c, const struct program *p, int fd)
{
	c->program = p;
	c->fd = fd;
	c->length = 0;
	expect(c, "220", 1);
}

static void close_client(struct client *c)
{
	say(c, "QUIT\r\n", "221");
	close(c->fd);
}

/* A whole session. m: NULL for a login alone. Returns its CPU seconds, and in
 * *banner the seconds from before the fork to the banner. */
static double session(const struct program *p, const struct message *m, double *banner)
{
	double cpu_before = cpu(), started = now();
	int fd;

	start(p, &fd, -1);
	open_client(&client, p, fd);
	if (banner != NULL)
		*banner = now() - started;
	login(&client);
	if (m != NULL)
		send_message(&client, m);
	close_client(&client);
	reap(p);
	return cpu() - cpu_before;
}

/* The same bytes through cat into memory, and from there to the injector. */
static double copy(const struct program *p, const struct message *m)
{
	double before = cpu();
	int spool = memfd_create("copy", MFD_CLOEXEC);
	size_t length;
	const char *bytes = block(m->line, &length);

	client.program = p;
	start(p, &client.fd, spool);
	for (long left = m->size; left > 0; left -= (long)length)
		send_bytes(&client, bytes, length);
	close(client.fd);
	reap(p);
	if (lseek(spool, 0, SEEK_SET) != 0)
		die("cat: spool");
	if (vfork() == 0) {
		dup2(spool, 0);
		execl(find("injector")->argv[0], "injector", "-", (char *)NULL);
		_exit(127);
	}
	reap(p);
	close(spool);
	return cpu() - before;
}

/* ---- medians ------------------------------------------------------------ */

struct samples {
	int count;
	double value[SESSION_ROUNDS];
};

static void add(struct samples *s, double value)
{
	s->value[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct samples *s)
{
	if (s->count == 0)
		die("nothing measured");
	qsort(s->value, (size_t)s->count, sizeof *s->value, by_value);
	return s->value[s->count / 2];
}

/* ---- memory ------------------------------------------------------------- */

/* Sums a field of a file of /proc/PID over all descendants of this process,
 * in KiB. */
static long sum_field(const char *file, const char *field)
{
	static int parent_of[1 << 22];
	static pid_t seen[4096];
	int count = 0;
	long sum = 0;
	DIR *d = opendir("/proc");
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL && count < 4096) {
		char path[300], name[64];
		int pid = atoi(entry->d_name), parent;
		FILE *f;

		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		if (pid <= 0 || (f = fopen(path, "re")) == NULL)
			continue;
		if (fscanf(f, "%*d (%63[^)]) %*c %d", name, &parent) == 2) {
			parent_of[pid] = parent;
			seen[count++] = pid;
		}
		fclose(f);
	}
	closedir(d);

	for (int i = 0; i < count; i++) {
		pid_t ancestor = parent_of[seen[i]];
		char path[64], line[256];
		size_t length = strlen(field);
		FILE *f;

		while (ancestor > 1 && ancestor != getpid())
			ancestor = parent_of[ancestor];
		snprintf(path, sizeof path, "/proc/%d/%s", seen[i], file);
		if (ancestor != getpid() || (f = fopen(path, "re")) == NULL)
			continue;
		while (fgets(line, sizeof line, f) != NULL)
			if (strncmp(line, field, length) == 0 && line[length] == ':')
				sum += atol(line + length + 1);
		fclose(f);
	}
	return sum;
}

static void settle(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
}

/* KiB of each of count sessions at once that have logged in and are idle. */
static double idle(const struct program *p, int count, const char *field)
{
	int fds[IDLE];
	double sum;

	for (int i = 0; i < count; i++) {
		start(p, &fds[i], -1);
		open_client(&client, p, fds[i]);
		say(&client, ehlo, "250");
	}
	for (int i = 0; i < count; i++)
		send_bytes((client.fd = fds[i], &client), auth, strlen(auth));
	for (int i = 0; i < count; i++)
		expect((client.fd = fds[i], &client), "235", 1);
	settle();
	sum = (double)sum_field("smaps_rollup", field);
	for (int i = 0; i < count; i++) {
		client.fd = fds[i];
		close_client(&client);
	}
	reap(p);
	return sum / count;
}

/* KiB that all processes of a session together had in memory at their most,
 * after a message of this size. */
static long peak(const struct program *p, long size)
{
	struct message m = { text_line, size, 1 };
	long sum;
	int fd;

	start(p, &fd, -1);
	open_client(&client, p, fd);
	login(&client);
	send_message(&client, &m);
	sum = sum_field("status", "VmHWM");
	close_client(&client);
	reap(p);
	return sum;
}

/* ---- tracing ------------------------------------------------------------ */

struct counts {
	long calls, execs, instructions;
};

/* A whole session under ptrace: the system calls and execs of all its
 * processes; or, with step, the user instructions of all of them but the
 * injector, one by one, in the program as it is released. The client is a
 * process of its own, since this one waits for the traced. */
static struct counts trace(const struct program *p, const struct message *m, int step)
{
	struct { pid_t pid; int injector; unsigned long long at; } seen[64];
	struct counts counts = { 1, 1, 0 }; /* the exec that starts it */
	int ends[2], count = 0, alive = 0, status, how = step ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
	pid_t pid, first, talker;
	cpu_set_t one, all; /* traced and tracer share a processor: a step is a switch */

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_getaffinity(0, sizeof all, &all);
	if (step)
		sched_setaffinity(0, sizeof one, &one);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		die("no connection: %s", strerror(errno));
	if ((talker = fork()) == 0) {
		close(ends[1]);
		open_client(&client, p, ends[0]);
		login(&client);
		send_message(&client, m);
		close_client(&client);
		_exit(0);
	}
	if ((first = fork()) == 0) {
		dup2(ends[1], 0);
		dup2(ends[1], 1);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(p->argv[0], p->argv);
		_exit(127);
	}
	close(ends[0]);
	close(ends[1]);

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int i = 0, signal = 0;

		if (!WIFSTOPPED(status)) {
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
				die("%s: wait status %#x while traced", p->name, (unsigned)status);
			if (pid != talker)
				alive--;
			continue;
		}
		while (i < count && seen[i].pid != pid)
			i++;
		if (i == count) { /* a new process: the stop it begins with */
			if (count == 64)
				die("%s: too many processes", p->name);
			seen[count].pid = pid;
			seen[count].injector = 0;
			seen[count++].at = 0;
			alive++;
			if (pid == first)
				ptrace(PTRACE_SETOPTIONS, pid, 0,
				       PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			struct __ptrace_syscall_info info;

			ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
			counts.calls += info.op == PTRACE_SYSCALL_INFO_ENTRY;
		} else if (status >> 16 == PTRACE_EVENT_EXEC) {
			counts.execs++;
			seen[i].injector = 1;
		} else if (status >> 16 != 0) {
			; /* a fork: its child reports for itself */
		} else if (step && WSTOPSIG(status) == SIGTRAP) {
			unsigned long long at = (unsigned long long)ptrace(PTRACE_PEEKUSER, pid,
				offsetof(struct user_regs_struct, rip), 0);

			/* A rep instruction stops once a turn; it is one. */
			counts.instructions += at != seen[i].at;
			seen[i].at = at;
		} else {
			signal = WSTOPSIG(status);
		}
		ptrace(step && seen[i].injector ? PTRACE_CONT : how, pid, 0, signal);
	}
	sched_setaffinity(0, sizeof all, &all);
	return counts;
}

/* ---- the runs ----------------------------------------------------------- */

/* Sessions a second of two clients that do nothing else. */
static double rate(const struct program *p)
{
	long *done = mmap(NULL, 2 * sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double started = now(), seconds;

	for (int i = 0; i < 2; i++)
		if (fork() == 0) {
			prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
			while (now() - started < RATE_SECONDS) {
				session(p, &small, NULL);
				done[i]++;
			}
			_exit(0);
		}
	reap(p);
	seconds = now() - started;
	double sessions = (double)(done[0] + done[1]);
	munmap(done, 2 * sizeof *done);
	return sessions / seconds;
}

static struct samples banner[PROGRAMS], whole[PROGRAMS], rates[PROGRAMS], lines[PROGRAMS],
	lf_lines, dots[PROGRAMS], login_alone[PROGRAMS], recipients[PROGRAMS][5];
static const int many[] = { 1, 1000, 2000, 5000, 10000 }; /* recipients */
static struct memory {
	double one, each_of_many, anonymous;
	long after_1_mb, after_100_mb;
} memory[PROGRAMS];
static struct counts counted[PROGRAMS];

static void run_sessions(void)
{
	for (int round = 0; round < SESSION_ROUNDS; round++)
		for (int i = 0; i < program_count; i++)
			if (has_turn(&programs[i], round, SESSION_ROUNDS)) {
				double seconds;

				add(&whole[i], session(&programs[i], &small, &seconds));
				add(&banner[i], seconds);
			}
	for (int round = 0; round < RATE_ROUNDS; round++)
		for (int i = 0; i < program_count; i++)
			if (is_server(&programs[i]))
				add(&rates[i], rate(&programs[i]));
	for (int round = 0; round < HASH_ROUNDS; round++)
		for (int i = 0; i < program_count; i++)
			if (i == 0 || is_hash(&programs[i]))
				add(&login_alone[i], session(&programs[i], NULL, NULL));
}

static void run_data(void)
{
	struct message m = { text_line, 100 * MEGABYTE, 1 }, n = { dot_line, 50 * MEGABYTE, 1 },
		       lf = { lf_line, 100 * MEGABYTE, 1 };

	for (int round = 0; round < DATA_ROUNDS; round++) {
		for (int i = 0; i < program_count; i++)
			if (is_server(&programs[i]))
				add(&lines[i], session(&programs[i], &m, NULL));
			else if (strcmp(programs[i].name, "cat") == 0)
				add(&lines[i], copy(&programs[i], &m));
		add(&lf_lines, session(&programs[0], &lf, NULL));
	}
	for (int round = 0; round < DATA_ROUNDS; round++)
		for (int i = 0; i < program_count; i++)
			if (is_server(&programs[i]))
				add(&dots[i], session(&programs[i], &n, NULL));
}

static void run_recipients(int who)
{
	for (int round = 0; round < RECIPIENT_ROUNDS; round++)
		for (int n = 0; n < 5; n++) {
			struct message m = { text_line, 1000, many[n] };

			add(&recipients[who][n], session(&programs[who], &m, NULL));
		}
}

/* What one recipient adds, of many[n] in one message, in microseconds. */
static double a_recipient(int who, int n)
{
	return (median(&recipients[who][n]) - median(&recipients[who][0])) * 1e6 / (many[n] - 1);
}

static void run_once(int i)
{
	const struct program *p = &programs[i];

	counted[i] = trace(p, &small, 0);
	memory[i].one = idle(p, 1, "Pss");
	memory[i].anonymous = idle(p, 1, "Pss_Anon");
	memory[i].each_of_many = idle(p, IDLE, "Pss");
	memory[i].after_1_mb = peak(p, MEGABYTE);
	memory[i].after_100_mb = peak(p, 100 * MEGABYTE);
}

/* User instructions a byte: what 100 kB take more than 20 kB. */
static double instructions(const struct program *p, const char *line)
{
	struct message less = { line, 20000, 1 }, more = { line, 100000, 1 };

	return (double)(trace(p, &more, 1).instructions - trace(p, &less, 1).instructions) / 80000;
}

/* ---- the tables --------------------------------------------------------- */

static int index_of(const char *name)
{
	return (int)(find(name) - programs);
}

__attribute__((format(printf, 4, 5)))
static void row(int met, const char *what, const char *target, const char *format, ...)
{
	va_list arguments;

	printf("| %s | %s | ", what, target);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" | %s |\n", met ? "yes" : "**no**");
}

static double ratio(struct samples *all, int other)
{
	return median(&all[0]) / median(&all[other]);
}

static void print_targets(double a_byte, double an_lf_byte)
{
	int floor1 = index_of("floor1"), floor2 = index_of("floor2"), mailfront = index_of("mailfront");
	double to_banner = ratio(banner, floor1), cpu_floor2 = ratio(whole, floor2),
	       cpu_mailfront = ratio(whole, mailfront), speed = ratio(rates, floor2),
	       data_floor1 = ratio(lines, floor1), data_cat = ratio(lines, index_of("cat")),
	       lf_crlf = median(&lf_lines) / median(&lines[0]), dots_floor1 = ratio(dots, floor1), first = a_recipient(0, 1), last = a_recipient(0, 4);

	printf("| what | target | seen | met? |\n|---|---|---|---|\n");
	row(to_banner <= 1.5, "start to banner", "<= 1.5 x floor1; goal 1.15 x", "%.2f x", to_banner);
	row(cpu_floor2 <= 1.25 && cpu_mailfront <= 0.45, "whole session, CPU of all its processes",
	    "<= 1.25 x floor2 and <= 0.45 x mailfront; goal 1.1 x floor2",
	    "%.2f x floor2, %.2f x mailfront", cpu_floor2, cpu_mailfront);
	row(counted[0].calls <= 120 && counted[0].execs == 2,
	    "system calls / execs in a whole session, injector included", "<= 120 / exactly 2",
	    "%ld / %ld", counted[0].calls, counted[0].execs);
	row(speed >= 0.8, "sessions a second, 2 clients", ">= 0.8 x floor2", "%.2f x", speed);
	row(data_floor1 <= 1.25 && data_cat <= 1.6 && a_byte <= 3, "DATA, 100 MB of 72-character lines, CPU",
	    "<= 1.25 x floor1, <= 1.6 x cat, <= 3 user instructions a byte",
	    "%.2f x floor1, %.2f x cat, %.2f instructions", data_floor1, data_cat, a_byte);
	row(lf_crlf <= 1.05 && an_lf_byte <= 3, "DATA, the same lines, ended by LF",
	    "<= 1.05 x the lines with CR LF, <= 3 user instructions a byte", "%.2f x, %.2f instructions", lf_crlf,
	    an_lf_byte);
	row(dots_floor1 <= 1.2, "DATA, all lines `..`", "<= 1.2 x floor1", "%.2f x", dots_floor1);
	row(memory[0].each_of_many <= 100, "idle after login, all processes, PSS", "<= 100 KiB",
	    "%.0f KiB each of %d sessions; %.0f KiB where it is the only one", memory[0].each_of_many,
	    IDLE, memory[0].one);
	row(last <= 0.5 && last <= 1.5 * first, "a recipient, up to 10,000 in one message",
	    "<= 0.5 us, linear", "%.2f us of 10,000, %.2f us of 1000", last, first);
	row(memory[0].after_100_mb <= memory[0].after_1_mb + 64, "memory while 100 MB pass",
	    "constant, beside the spool", "%ld KiB at most; %ld KiB with 1 MB", memory[0].after_100_mb,
	    memory[0].after_1_mb);
}

static void print_figures(void)
{
	printf("\n| program | start to banner, us | session, CPU us | sessions/s, 2 clients | system calls "
	       "| execs | 100 MB of lines, CPU ms | 50 MB of `..`, CPU ms |\n|---|---|---|---|---|---|---|---|\n");
	for (int i = 0; i < program_count; i++)
		if (is_server(&programs[i]))
			printf("| %s | %.0f | %.0f | %.0f | %ld | %ld | %.0f | %.0f |\n", programs[i].name,
			       median(&banner[i]) * 1e6, median(&whole[i]) * 1e6, median(&rates[i]),
			       counted[i].calls, counted[i].execs, median(&lines[i]) * 1e3,
			       median(&dots[i]) * 1e3);
	printf("| cat, then the injector | | | | | | %.0f | |\n", median(&lines[index_of("cat")]) * 1e3);

	printf("\n| program | PSS idle after login, KiB | anonymous part | PSS of each of %d sessions "
	       "| most in memory, 1 MB message | 100 MB message |\n|---|---|---|---|---|---|\n", IDLE);
	for (int i = 0; i < program_count; i++)
		if (is_server(&programs[i]))
			printf("| %s | %.0f | %.0f | %.0f | %ld | %ld |\n", programs[i].name, memory[i].one,
			       memory[i].anonymous, memory[i].each_of_many, memory[i].after_1_mb,
			       memory[i].after_100_mb);

	printf("\n| CPU us a recipient, of | 1000 | 2000 | 5000 | 10,000 |\n|---|---|---|---|---|\n");
	for (int i = 0; i < program_count; i++)
		if (recipients[i][0].count > 0)
			printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", programs[i].name, a_recipient(i, 1),
			       a_recipient(i, 2), a_recipient(i, 3), a_recipient(i, 4));

	printf("\nWhat checking a hash adds to a login, CPU:");
	for (int i = 0, n = 0; i < program_count; i++)
		if (is_hash(&programs[i]))
			printf("%s %s %.2f ms", n++ ? "," : "", programs[i].name + 5,
			       (median(&login_alone[i]) - median(&login_alone[0])) * 1e3);
	printf(".\n");
}

int main(int argc, char **argv)
{
	(void)argc;
	for (char **word = argv + 1; *word != NULL;) {
		struct program *p = &programs[program_count++];

		if (program_count > PROGRAMS || word[1] == NULL)
			die("usage: bench NAME PROGRAM [ARGUMENT...] -- ...");
		p->name = *word++;
		p->argv = word;
		while (*word != NULL && strcmp(*word, "--") != 0)
			word++;
		if (*word != NULL)
			*word++ = NULL;
	}
	if (program_count == 0)
		die("usage: bench NAME PROGRAM [ARGUMENT...] -- ...");
	alarm(900); /* whatever hangs ends with its client */
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

	run_sessions();
	run_data();
	run_recipients(0);
	run_recipients(index_of("floor1"));
	for (int i = 0; i < program_count; i++)
		if (is_server(&programs[i]))
			run_once(i);
	print_targets(instructions(&programs[0], text_line), instructions(&programs[0], lf_line));
	print_figures();
	return 0;
}
