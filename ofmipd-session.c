/* The process that was started: reads its world, forks the session, becomes the monitor. */

/*
 *           client 0,1                                            log 2
 *               |                                                   |
 *  +------------+-------------+  ask: PEER AUTH SPOOL  +------------+--------------+
 *  | SESSION   caged          |<-----  SEND, LOG  ---->| MONITOR  root -> the user |
 *  | line > smtp > sasl, data |    one socketpair      | monitor > auth, inject    |
 *  +------------+-------------+                        +-----+---------------+-----+
 *               |                                            | stdin         | fd 3
 *               +-- spool 3: one memfd a message, sealed ----+               |
 *                   by the monitor at SEND             injector (as user)  checker (one shot)
 *
 *  Descriptors    session                          monitor
 *  0, 1           the client                       /dev/null
 *  2              /dev/null                        the log
 *  3              SPOOL_DESCRIPTOR, to write       the first spool
 *  4, 5           4 ASK_WALL, its end of the wall  5 ASK_MONITOR, its end of the wall
 *  above          UCSPI-TLS's two pipes, if any    its control socket, a maildir, files, if any; all close-on-exec
 */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "auth.h"
#include "auth/accounts.h"
#include "auth/program.h"
#include "base/apart.h"
#include "base/child.h"
#include "base/config.h"
#include "base/drop.h"
#include "base/io.h"
#include "base/log.h"
#include "base/network.h"
#include "base/peer.h"
#include "base/spool.h"
#include "check.h"
#include "inject.h"
#include "monitor.h"
#include "session/smtp.h"

enum { EXIT_USAGE = 100, EXIT_TEMPORARY = 111 };

extern char **environ;

static APART _Alignas(4096) struct config config;
static struct peer peer;
static struct identity service;
static char id[40];
static bool log_to_syslog;
static int null;		/* /dev/null, above all numbers that are ours */

/* There will be no session: tells the client, if there is one. */
static void
say_goodbye(void)
{
	static const char goodbye[] = "421 4.3.0 Service not available, closing connection\r\n";
	struct stat client;

	if (fstat(STDOUT_FILENO, &client) == 0 && (S_ISSOCK(client.st_mode) || S_ISFIFO(client.st_mode)))
		io_write_all(STDOUT_FILENO, goodbye, sizeof goodbye - 1);
}

/* Says why there will be no session: to the log and, where somebody is there, to the client. */
static int
start_error(int status, const char *why)
{
	log_begin("start-error");
	log_sentence("error", why);
	log_end();
	say_goodbye();
	return status;
}

/* `what`, the system's word for errno, and the remedy, which may be "". Static. */
static const char *
explain(const char *what, const char *remedy)
{
	static char array[400];
	struct text text;
	int error = errno;

	text_start(&text, array, sizeof array);
	text_add(&text, what);
	text_add(&text, ": ");
	text_add(&text, strerror(error));
	text_add(&text, remedy);
	return array;
}

static const char *
with_error(const char *what)
{
	return explain(what, "");
}

static const char *
with_remedy(enum drop_step failed)
{
	return explain(drop_faults[failed].name, drop_faults[failed].remedy);
}

static int
system_error(const char *what)
{
	return start_error(EXIT_TEMPORARY, with_error(what));
}

static bool
same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* /dev/null on a descriptor that is closed, all lower ones being open. */
static bool
open_null_as(int descriptor, struct stat *status)
{
	return open("/dev/null", O_RDWR) == descriptor && fstat(descriptor, status) == 0;
}

/* Descriptor 2 becomes a datagram socket to the syslog daemon; without one, /dev/null. */
static bool
open_syslog(void)
{
	static const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there = descriptor >= 0 && connect(descriptor, (const struct sockaddr *)&name, sizeof name) == 0;

	if (!there) {
		(void)close(descriptor);
		descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC);
	}
	if (descriptor < 0 || dup2(descriptor, STDERR_FILENO) < 0)
		return false;
	(void)close(descriptor);
	return true;
}

/* The client is on 0 and 1, each a pipe or a socket; the log on 2 or, where that is the client, in syslog.
 * NULL: fine. */
static const char *
check_descriptors(void)
{
	struct stat in, out, log;

	/* Closed ones become /dev/null: what we open later must not become the client, nor the log. */
	if ((fstat(STDIN_FILENO, &in) != 0 && !open_null_as(STDIN_FILENO, &in)) ||
	    (fstat(STDOUT_FILENO, &out) != 0 && !open_null_as(STDOUT_FILENO, &out)) ||
	    (fstat(STDERR_FILENO, &log) != 0 && !open_null_as(STDERR_FILENO, &log)))
		return "a descriptor of 0, 1 and 2 is closed, and /dev/null cannot be opened in its place";
	/* At a terminal somebody wants to read what is wrong; and --check may be run where there is no client. */
	if ((same_file(&log, &in) || same_file(&log, &out)) && !isatty(STDERR_FILENO) &&
	    (!config.check || S_ISSOCK(in.st_mode) || S_ISFIFO(in.st_mode))) {
		log_to_syslog = true;
		if (!config.check && !open_syslog()) {
			(void)close(STDERR_FILENO);	/* the client gets no line of the log */
			return "no descriptor for the log";
		}
		log_start(true, id, NULL);
	}
	if (config.check)
		return NULL;
	if ((!S_ISSOCK(in.st_mode) && !S_ISFIFO(in.st_mode)) || (!S_ISSOCK(out.st_mode) && !S_ISFIFO(out.st_mode)))
		return "descriptors 0 and 1 must be a connection: a socket or pipes; start the program from "
		    "tcpserver, xinetd, inetd, systemd or stunnel, or use --check";
	if (S_ISFIFO(out.st_mode) && (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return "descriptor 1 cannot be written";
	if (S_ISFIFO(in.st_mode) && (fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return "descriptor 0 cannot be read";
	return NULL;
}

/* Who we are when nobody has logged in. 0: found; else the exit status, and *why. */
static int
find_service(struct text *why)
{
	const char *home = getenv("HOME");
	enum accounts_answer answer;

	if (!config.root) {
		service.rights.uid = geteuid();
		service.rights.gid = getegid();
		strlcpy(service.home, home != NULL && home[0] == '/' ? home : "/", sizeof service.home);
		return 0;
	}
	answer = accounts_find(config.user, false, &service);
	if (answer == ACCOUNTS_FOUND && service.rights.uid != 0 && service.rights.gid != 0)
		return 0;
	text_add(why, "-u ");
	text_add_name(why, config.user);
	text_add(why, answer == ACCOUNTS_CANNOT_TELL ?
	    ": the directory of accounts does not answer, see nsswitch.conf(5); try getent passwd, "
	    "or give an account of /etc/passwd" : ": no such account that is not root; "
	    "adduser --system --group --no-create-home ofmipd, or give -u USER");
	return answer == ACCOUNTS_CANNOT_TELL ? EXIT_TEMPORARY : EXIT_USAGE;
}

/* Who the other end of the connection is, and so what it may tell of the client. Whoever comes through a proxy is not
 * the other end: their XCLIENT would be anybody's. */
static void
find_peer(void)
{
	peer_from_environment(&peer, &config);
	config.proxy |= network_holds(config.proxy_from, peer.address);
	config.xclient = !config.proxy && network_holds(config.xclient_from, peer.address);
}

/* Time, process and random bytes: no two sessions share it, not even after a restart. */
static bool
make_id(void)
{
	uint32_t random;
	struct text text;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	text_start(&text, id, sizeof id);
	text_add_hex(&text, (uint64_t)time(NULL), 8);
	text_add_byte(&text, '.');
	text_add_hex(&text, (uint64_t)getpid(), 1);
	text_add_byte(&text, '.');
	text_add_hex(&text, random, 8);
	return true;
}

/* --check: everything that a start would look at. `why`: the options could not be read. Returns the exit status. */
static int
run_check(const char *why)
{
	struct check check = { &config, &peer, &service, NULL, log_to_syslog };
	char array[700];
	struct text fault;

	if (why != NULL)
		return check_refused(&check, why);
	text_start(&fault, array, sizeof array);
	if (find_service(&fault) != 0)
		check.service_fault = array;
	return check_run(&check);
}

/* What a start needs and --check would have told. 0: all there; else the exit status, and *why. */
static int
find_all(struct text *why)
{
	int status = find_service(why);

	for (int i = 0; status == 0 && i < config.authenticator_count; i++)
		if (!auth_ready(&config.authenticators[i], why))
			status = EXIT_USAGE;
	return status == 0 && !inject_ready(&config, &service, why) ? EXIT_USAGE : status;
}

/* Longer than anything that is in order: the session keeps its own deadlines and says goodbye. The last question
 * may come at the end of its time: a login with every authenticator, or the throttle script, the policy server and
 * the injector. */
static unsigned
life_seconds(void)
{
	return SESSION_SECONDS + AUTHENTICATORS_MAX * CHECKER_SECONDS + 2 * (unsigned)config.inject_timeout +
	    POLICY_SECONDS;
}

/* The session's whole life: the cage, then the client. */
static int
session(void)
{
	const struct rights rights = { .uid = service.rights.uid, .gid = service.rights.gid };
	const struct drop_cage cage = {
		.rights = &rights, .id = id, .root = config.root,
		.file_size = config.max_size > INT64_MAX / 4 ? INT64_MAX : config.max_size + 65536,
		.files = SPOOL_DESCRIPTOR + 1, .wall = ASK_WALL,
		.readable = { STDIN_FILENO, config.tls_read },
		.writable = { STDOUT_FILENO, SPOOL_DESCRIPTOR, config.tls_write },
	};
	/* First of all, so that it ends even if it is stopped at once. */
	enum drop_step failed = drop_end_after(life_seconds()) ? DROP_DONE : DROP_TIMER;

#ifndef NOCAGE	/* a sanitizer has something to say there */
	if (dup2(null, STDERR_FILENO) < 0)
		return EXIT_TEMPORARY;
#endif
	if (failed == DROP_DONE)
		failed = drop_cage(&cage);
	if (failed == DROP_DONE)
		return smtp_session(&config, &peer, id);
	ask_log(&(struct ask_line){ .event = ASK_START_ERROR, .reason = with_remedy(failed) });
	say_goodbye();
	return EXIT_TEMPORARY;
}

/* UCSPI-TLS's descriptors stay, above those whose numbers are ours. */
static bool
keep_descriptors(int kept[3])
{
	int *const tls[] = { &config.tls_control, &config.tls_read, &config.tls_write };

	for (int i = 0; i < 3; i++) {
		/* The control socket is kept by the monitor, wanted or not: sslserver takes its end for ours. */
		if (config.starttls == STARTTLS_NONE && (i > 0 || *tls[i] < 0 || fcntl(*tls[i], F_GETFD) < 0))
			*tls[i] = -1;
		else if (*tls[i] <= ASK_MONITOR)
			*tls[i] = fcntl(*tls[i], F_DUPFD_CLOEXEC, ASK_MONITOR + 1);
		kept[i] = *tls[i];
		if ((kept[i] < 0 && config.starttls != STARTTLS_NONE) ||
		    (kept[i] >= 0 && fcntl(kept[i], F_SETFD, FD_CLOEXEC) != 0))
			return false;
	}
	return true;
}

/* The monitor never touches the client's connection: it has /dev/null there. Nor does it keep
 * the session's end of the wall: it must see the session go. */
static bool
leave_client(void)
{
	const int tls[] = { config.tls_read, config.tls_write };

	for (int i = 0; i < 2; i++)
		if (tls[i] >= 0 && close(tls[i]) != 0 && errno != EBADF)	/* two may be one */
			return false;
	/* sslserver's word that the connection is over: the session sees that by itself, and what is under
	 * way here ends in order. */
	if (config.tls_control >= 0 && !drop_block_signals(true))
		return false;
	return close(ASK_WALL) == 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO &&
	    dup2(null, STDOUT_FILENO) == STDOUT_FILENO;
}

/* All that the session and the monitor hold, by their numbers. NULL: there; else why not. */
static const char *
make_descriptors(void)
{
	struct rlimit files;
	int wall[2] = { -1, -1 }, kept[3];

	if (!keep_descriptors(kept))
		return with_error("descriptors (are SSLCTLFD, SSLREADFD and SSLWRITEFD open?)");
	if (!drop_descriptors(kept, 3))		/* all others above 2 go */
		return with_remedy(DROP_DESCRIPTORS);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < FILES_LEAST)
		return FILES_FAULT;
	/* In this order they get the numbers that ask.h has for them: nothing above 2 was open. */
	if (spool_make() != SPOOL_DESCRIPTOR)
		return with_error("the spool");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wall) != 0 || wall[1] != ASK_MONITOR)
		return with_error("socketpair");
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return with_error("/dev/null");
	return NULL;
}

int
main(int argc, char **argv)
{
	static char *nothing[] = { NULL };
	char **environment = environ, array[700];
	pid_t child;
	enum config_answer answer;
	const char *fault;
	struct text why;
	int status;

	/* unreachable: since Linux 5.18 who is given no argument at all gets an empty one */
	if (argc < 1)
		return EXIT_USAGE;
	if (argc == 3 && strcmp(argv[1], "--report") == 0)
		return program_report(argv[2]);
	if (argc == 1 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		config_introduce();
		return EXIT_USAGE;
	}
	log_start(false, id, NULL);
	if (!make_id())
		return system_error("getrandom");
	text_start(&why, array, sizeof array);
	answer = config_read(&config, argc, argv, &why);
	if (answer == CONFIG_PRINTED)
		return 0;
	fault = check_descriptors();
	if (answer == CONFIG_WRONG)
		return config.check ? run_check(array) : start_error(EXIT_USAGE, array);
	if (fault != NULL)
		return start_error(EXIT_USAGE, fault);
	find_peer();
	if (!drop_start(life_seconds()) && !config.check)	/* --check says so of the cage */
		return start_error(EXIT_TEMPORARY, with_remedy(DROP_TIMER));
	if (config.check)
		return run_check(NULL);
	fault = make_descriptors();
	if (fault != NULL)
		return start_error(EXIT_TEMPORARY, fault);
	status = find_all(&why);
	if (status != 0)
		return start_error(status, array);
	/* From here on the environment is gone: what we need of it is copied, our children get their own. */
	environ = nothing;
	io_title_start(argc, argv, environment);
	if (!drop_hide())
		return system_error("prctl(PR_SET_DUMPABLE)");
	log_start(log_to_syslog, id, peer.client);
	child = child_fork();
	if (child < 0)
		return system_error("fork");
	if (child == 0)
		_exit(session());
	if (!leave_client()) {
		log_error("descriptors of the monitor", errno);
		return 1;	/* the session sees us gone */
	}
	_exit(monitor_run(&config, &peer, &service, id, child));
}
