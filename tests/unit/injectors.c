/* links: inject inject/message inject/command inject/maildir inject/relay inject/policy inject/senders inject/wire */
/* Sender rules, programs, maildirs and policy servers at the hand-over, and the system calls of it that fail. */
#include "unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "inject.h"
#include "inject/command.h"
#include "inject/maildir.h"
#include "inject/policy.h"

FAULTY(long, sysconf, (int name), (name))
FAULTY(int, memfd_create, (const char *name, unsigned flags), (name, flags))
FAULTY(off_t, lseek, (int file, off_t at, int how), (file, at, how))
FAULTY(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
FAULTY(int, fchown, (int file, uid_t uid, gid_t gid), (file, uid, gid))
FAULTY(int, fsync, (int file), (file))
FAULTY(int, close, (int file), (file))
FAULTY(int, fstat, (int file, struct stat *status), (file, status))
FAULTY(int, fstatat, (int file, const char *path, struct stat *status, int flags), (file, path, status, flags))
FAULTY(int, mkdirat, (int file, const char *path, mode_t mode), (file, path, mode))
FAULTY(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
FAULTY(ssize_t, sendfile, (int to, int from, off_t *at, size_t length), (to, from, at, length))
FAULTY_AS(FILE *, NULL, fdopen, (int file, const char *mode), (file, mode))

static uid_t uid;	/* whom we take ourselves for; 0: who we are */

uid_t
geteuid(void)
{
	return uid != 0 ? uid : (uid_t)syscall(SYS_geteuid);
}

int
openat(int file, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode = 0;

	if (fault_is_due("openat"))
		return -1;
	va_start(list, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return (int)syscall(SYS_openat, file, path, flags, mode);
}

static struct config config;
static struct peer peer;
static struct identity identity;
static struct memory memory;
static struct message message;
static struct outcome outcome;
static char directory[64], why[700];

static int
start(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/unit-injectors.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	memset(&config, 0, sizeof config);
	config.injector = INJECTOR_MAILDIR;
	snprintf(config.injector_path, sizeof config.injector_path, "%s/box", directory);
	strcpy(config.hostname, "mail.example");
	strcpy(config.domain, "d.example");
	config.max_recipients = 3;
	config.inject_timeout = 20;
	identity = (struct identity){ .rights = { .uid = geteuid(), .gid = getegid() }, .user = "bob", .home = "/" };
	peer = (struct peer){ .address = "192.0.2.9", .client = "192.0.2.9" };
	memset(&memory, 0, sizeof memory);
	message = (struct message){ .number = 0 };
	fault("", 0, 0);
	return 0;
}

static int
finish(void **state)
{
	char command[100];

	(void)state;
	fault("", 0, 0);
	snprintf(command, sizeof command, "rm -r %s", directory);
	return system(command);
}

static bool
ready(void)
{
	struct text text;

	text_start(&text, why, sizeof why);
	return inject_ready(&config, &identity, &text);
}

/* Hands a small message over in that envelope; a fault that was asked for comes with it. */
static enum ask_verdict
send_envelope(const char *bytes, size_t length)
{
	const char *name = fault_name;
	char *exact = exactly(bytes, length);
	int left = fault_left, spool;

	fault_left = 0;
	spool = memfd_create("spool", MFD_ALLOW_SEALING);
	assert_int_equal(write(spool, "Subject: s\n\ntext\n", 17), 17);
	message = (struct message){ .id = "ID", .number = message.number + 1, .spool = spool, .login = "bob",
	    .helo = message.helo == NULL ? "client.example" : message.helo, .mechanism = "PLAIN", .identity = &identity,
	    .memory = &memory, .envelope = exact, .length = length };
	memset(&outcome, 0xaa, sizeof outcome);
	fault(name, left, fault_error);
	inject_send(&config, &peer, &message, &outcome);
	close(message.spool);
	free(exact);
	return outcome.verdict;
}

#define ENVELOPE(string) send_envelope(string, sizeof string - 1)
#define SIMPLE ENVELOPE("Fbob@x\0Tann@y\0\0")

/* A file in the directory; its path is static. */
static const char *
make_file(const char *name, const char *content, int mode)
{
	static char path[200];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
	return path;
}

static const char *
content(const char *name)
{
	static char bytes[5000];
	char path[200];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "r");
	if (file == NULL)
		return "";
	bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
	fclose(file);
	return bytes;
}

/* Files in new and tmp of the maildir. */
static int
delivered(const char *part)
{
	char path[200];
	DIR *stream;
	int count = 0;

	snprintf(path, sizeof path, "%s/box/%s", directory, part);
	stream = opendir(path);
	for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;)
		count += entry->d_name[0] != '.';
	if (stream != NULL)
		closedir(stream);
	return count;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Sender rules -------------------------------------------------------------------------------------------------- */

/* A session that was taken over asks for nothing at MAIL, and sends as somebody else. */
static void
rules_hold_at_the_hand_over(void **state)
{
	(void)state;
	config.own_address = true;
	assert_true(ready());
	assert_int_equal(ENVELOPE("Fbob@d.example\0Tann@y\0\0"), ASK_YES);
	assert_int_equal(ENVELOPE("F\0Tann@y\0\0"), ASK_YES);
	assert_int_equal(delivered("new"), 2);
	assert_int_equal(ENVELOPE("Fann@d.example\0Tann@y\0\0"), ASK_NO);
	assert_string_equal(outcome.text, "5.7.1 <ann@d.example> is not an address of login bob");
	assert_string_equal(outcome.how, "sender rule");
	assert_int_equal(delivered("new"), 2);
	/* A login so long that its address cannot be one. */
	memset(identity.user, 'b', USER_MAX);
	assert_int_equal(ENVELOPE("Fbob+x@d.example\0Tann@y\0\0"), ASK_NO);
	memset(config.domain, 'd', sizeof config.domain - 1);
	assert_int_equal(ENVELOPE("Fbob@d.example\0Tann@y\0\0"), ASK_NO);
	assert_int_equal(delivered("new"), 2);
}

static void
expect_no_table(void)
{
	char array[400];
	struct text text;

	assert_int_equal(ENVELOPE("Fbob@d.example\0Tann@y\0\0"), ASK_TEMPORARY);
	assert_string_equal(outcome.text, "4.3.0 Cannot look up now who may send as this address, try again later");
	assert_int_equal(delivered("new"), 0);
	text_start(&text, array, sizeof array);
	assert_int_equal(inject_own_sender(&config, &identity, &text), ASK_TEMPORARY);
	assert_string_equal(array, "4.3.0 Cannot look up now who may send as this address, try again later");
}

/* A table is opened once in a process: each of these has one. The exit status is that of its assertions. */
static void
in_child(void (*test)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
directory_as_table(void)
{
	strcpy(config.senders, directory);
	if (!ready())
		_exit(2);
	fault("fdopen", 1, ENOMEM);
	expect_no_table();
	expect_no_table();
}

static void
pipe_as_table(void)
{
	int ends[2];

	if (pipe(ends) != 0)
		_exit(2);
	sprintf(config.senders, "/dev/fd/%d", ends[0]);
	if (!ready())
		_exit(3);
	expect_no_table();
}

static void
table_with_odd_lines(void)
{
	char array[400];
	struct text text;

	strcpy(config.senders, make_file("table", "\n# none\n\"a b\"@d.example bob\nbad@ bob\n@d.example bob\nx y@d.example bob\n"
	    "\tann\nok@d.example\tann,\n\tbob\n", 0600));
	if (!ready())
		_exit(2);
	if (ENVELOPE("Fok@d.example\0Tann@y\0\0") != ASK_YES || ENVELOPE("F\"(+x\"@e.example\0Tann@y\0\0") != ASK_NO ||
	    ENVELOPE("F+x@e.example\0Tann@y\0\0") != ASK_NO || ENVELOPE("Fx@e.example\0Tann@y\0\0") != ASK_NO)
		_exit(3);
	text_start(&text, array, sizeof array);
	if (inject_own_sender(&config, &identity, &text) != ASK_YES || strcmp(array, "ok@d.example") != 0)
		_exit(4);
}

static void
tables_that_cannot_be_read(void **state)
{
	(void)state;
	in_child(directory_as_table);
	in_child(pipe_as_table);
	in_child(table_with_odd_lines);
}

/* What --fix-sender sets, where a login is its own address. */
static void
own_sender(void **state)
{
	static const struct {
		const char *user, *said;
	} rows[] = {
		{ "bob", "bob@d.example" }, { "bob@e.example", "bob@e.example" }, { "bob x", NULL }, { "bob,", NULL },
		{ "b@", NULL }, { "@", NULL }, { "", NULL }, { "<>", NULL }, { "bob@e.example>", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char array[400], none[400];
		struct text text;
		enum ask_verdict verdict;

		strcpy(identity.user, rows[i].user);
		snprintf(none, sizeof none, "5.7.1 No address is known for Sender of login %s", rows[i].user);
		text_start(&text, array, sizeof array);
		verdict = inject_own_sender(&config, &identity, &text);
		if (verdict != (rows[i].said != NULL ? ASK_YES : ASK_NO) ||
		    strcmp(array, rows[i].said != NULL ? rows[i].said : none) != 0)
			fail_msg("row %zu: %c %s", i, verdict, array);
	}
}

/* Parameters of notifications are taken where they are offered, and looked at again. */
static void
notifications(void **state)
{
	(void)state;
	assert_true(ready());
	assert_int_equal(ENVELOPE("Fa@b\0DRET=HDRS\0Tc@d\0\0"), 0);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0DNOTIFY=NEVER\0\0"), 0);
	config.offer_dsn = true;
	assert_int_equal(ENVELOPE("Fa@b\0DRET=HDRS\0Tc@d\0DNOTIFY=NEVER\0\0"), ASK_YES);
	assert_true(message.dsn);
	assert_int_equal(ENVELOPE("Fa@b\0DNOTIFY=NEVER\0Tc@d\0\0"), 0);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0DRET=HDRS\0\0"), 0);
	assert_int_equal(ENVELOPE("Fa@b\0DRET=HDRS\r\nX\0Tc@d\0\0"), 0);
	assert_int_equal(delivered("new"), 1);
}

/* A quota that cannot be read is a small one. */
static void
quota_that_is_none(void **state)
{
	(void)state;
	assert_true(ready());
	assert_int_equal(mkdir(make_file("x", "", 0600), 0700), -1);
	memory_open(&memory, directory);
	assert_true(memory.on);
	strcpy(identity.quota, "many");
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0Te@f\0\0"), ASK_NO);
	assert_string_equal(outcome.text, "5.7.1 More recipients than the quota of this login ever allows");
	assert_string_equal(outcome.how, "quota");
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), ASK_YES);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), ASK_TEMPORARY);
	assert_true(begins(outcome.text, "450 4.7.1 The quota of this login is used up, try again in "));
	assert_int_equal(delivered("new"), 1);
}

/* Programs ------------------------------------------------------------------------------------------------------ */

static void
kinds_of_sendmail(void **state)
{
	static const struct {
		const char *beside, *kind;
	} rows[] = {
		{ "postdrop", "Postfix" }, { "exim4", "Exim" }, { "exim", "Exim" }, { "smtpctl", "OpenSMTPD" },
		{ "nullmailer-send", "nullmailer" }, { "dma", "dma" }, { "qmail-inject", NULL },
	};
	char path[200], far[800];

	(void)state;
	snprintf(path, sizeof path, "%s/sendmail", directory);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *kind;

		make_file(rows[i].beside, "", 0644);
		assert_null(command_kind(path));	/* no program */
		(void)make_file(rows[i].beside, "", 0755);
		kind = command_kind(path);
		if (rows[i].kind == NULL ? kind != NULL : kind == NULL || strcmp(kind, rows[i].kind) != 0)
			fail_msg("%s: %s", rows[i].beside, kind);
		assert_int_equal(command_is_postfix(path), i == 0);
		unlink(make_file(rows[i].beside, "", 0755));
	}
	assert_null(command_kind("sendmail"));
	memset(far, '/', sizeof far);
	strcpy(far + 700, "sendmail");
	assert_null(command_kind(far));
	assert_in_range(command_room(), 32768, 1 << 30);
	fault("sysconf", 1, EINVAL);
	assert_int_equal(command_room(), 32768);
}

static void
what_a_program_is_told(void **state)
{
	static const struct {
		enum received received;
		const char *host, *address, *said;
	} rows[] = {
		{ RECEIVED_FULL, "client.example", "192.0.2.9", "from client.example ([192.0.2.9]) by mail.example with ESMTPA id ID; " },
		{ RECEIVED_LOGIN, "", "192.0.2.9", "from unknown ([192.0.2.9]) by mail.example " },
		{ RECEIVED_FULL, "client.example", "", "from client.example (unknown) by mail.example " },
		{ RECEIVED_NO_ADDRESS, "client.example", "192.0.2.9", "from unknown (unknown) by mail.example " },
		{ RECEIVED_NONE, "client.example", "192.0.2.9", "from unknown (unknown) by mail.example " },
	};
	char script[300];

	(void)state;
	snprintf(script, sizeof script, "#!/bin/sh\nprintf %%s \"$TMDA_OFMIPD_RECEIVED\" >%s/received\ncat >/dev/null\n", directory);
	strcpy(config.injector_path, make_file("program", script, 0755));
	config.injector = INJECTOR_SENDMAIL;
	assert_true(ready());
	for (size_t i = 0; i < LENGTH(rows); i++) {
		config.received = rows[i].received;
		strcpy(peer.host, rows[i].host);
		strcpy(peer.address, rows[i].address);
		assert_int_equal(SIMPLE, ASK_YES);
		if (!begins(content("received"), rows[i].said))
			fail_msg("row %zu: %s", i, content("received"));
	}
	peer.tls = TLS_ENVIRONMENT;
	assert_int_equal(SIMPLE, ASK_YES);
	assert_non_null(strstr(content("received"), " with ESMTPSA id ID; "));
}

static void
throttle_script(void **state)
{
	char script[300];

	(void)state;
	snprintf(script, sizeof script, "#!/bin/sh\necho $SENDER $RECIPIENTS $SIZE $1 >%s/asked\n", directory);
	strcpy(config.throttle, make_file("throttle", script, 0755));
	assert_true(ready());
	assert_int_equal(ENVELOPE("F\0Tann@y\0Tc@d\0\0"), ASK_YES);
	assert_string_equal(content("asked"), "<> 2 17 bob\n");
	assert_int_equal(SIMPLE, ASK_YES);
	assert_string_equal(content("asked"), "bob@x 1 17 bob\n");
}

static void
words_of_qmail(void **state)
{
	static const struct {
		const char *said;
		enum ask_verdict verdict;
		const char *text;
	} rows[] = {
		{ "D5.1.1 who", ASK_NO, "5.1.1 who" }, { "D5x", ASK_NO, "5.3.0 5x" }, { "D4.0.0 no", ASK_NO, "5.3.0 4.0.0 no" },
		{ "Zlater", ASK_TEMPORARY, "4.3.0 later" }, { "Z4.3.2 later", ASK_TEMPORARY, "4.3.2 later" },
		{ "Done\\nmore", ASK_NO, "5.3.0 one" }, { "Done\\rmore", ASK_NO, "5.3.0 one" },
		{ "Da\\001b\\177c\\351", ASK_NO, "5.3.0 a?b?c?" }, { "D", ASK_TEMPORARY, "4.3.0 The mail system did not" },
		{ "K", ASK_TEMPORARY, "4.3.0 The mail system did not" }, { "Kyes", ASK_TEMPORARY, "4.3.0 The mail system did not" },
		{ "", ASK_TEMPORARY, "4.3.0 The mail system did not" },
	};

	(void)state;
	config.injector = INJECTOR_QMAIL;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char script[300];

		snprintf(script, sizeof script, "#!/bin/sh\ncat >/dev/null; cat <&1 >%s/envelope\nprintf '%s' >&6\nexit 82\n", directory,
		    rows[i].said);
		strcpy(config.injector_path, make_file("program", script, 0755));
		assert_true(ready());
		if (SIMPLE != rows[i].verdict || !begins(outcome.text, rows[i].text))
			fail_msg("row %zu: %c %s", i, outcome.verdict, outcome.text);
	}
}

static void
envelope_that_finds_no_room(void **state)
{
	static const struct {
		const char *name;
		int nth, error;
	} rows[] = {
		{ "memfd_create", 1, EMFILE }, { "memfd_create", 2, ENFILE }, { "write", 1, ENOSPC }, { "lseek", 1, ESPIPE },
	};
	char script[300];

	(void)state;
	config.injector = INJECTOR_QMAIL;
	snprintf(script, sizeof script, "#!/bin/sh\necho run >>%s/run\n", directory);
	strcpy(config.injector_path, make_file("program", script, 0755));
	assert_true(ready());
	for (size_t i = 0; i < LENGTH(rows); i++) {
		fault(rows[i].name, rows[i].nth, rows[i].error);
		assert_int_equal(SIMPLE, ASK_TEMPORARY);
		assert_true(fault_happened());
		assert_string_equal(outcome.text, "4.3.0 No room for the envelope, try again later");
		assert_string_equal(outcome.how, strerror(rows[i].error));
	}
	assert_string_equal(content("run"), "");
	assert_int_equal(SIMPLE, ASK_YES);
	assert_string_equal(content("run"), "run\n");
}

/* Maildirs ------------------------------------------------------------------------------------------------------ */

static void
maildir_calls_that_fail(void **state)
{
	static const struct {
		const char *name;
		int nth, error;
		enum ask_verdict verdict;
	} rows[] = {
		{ "write", 1, ENOSPC, ASK_TEMPORARY }, { "write", 2, EDQUOT, ASK_TEMPORARY }, { "write", 1, EINTR, ASK_YES },
		{ "sendfile", 1, EIO, ASK_TEMPORARY }, { "sendfile", 1, EINTR, ASK_YES }, { "sendfile", 1, 0, ASK_TEMPORARY },
		{ "fsync", 1, EIO, ASK_TEMPORARY }, { "fsync", 2, EIO, ASK_TEMPORARY }, { "close", 2, EIO, ASK_TEMPORARY },
		{ "renameat", 1, EXDEV, ASK_TEMPORARY },
	};
	int wanted = 0;

	(void)state;
	assert_true(ready());
	for (size_t i = 0; i < LENGTH(rows); i++) {
		fault(rows[i].name, rows[i].nth, rows[i].error);
		if (SIMPLE != rows[i].verdict || !fault_happened())
			fail_msg("%s: %c %s", rows[i].name, outcome.verdict, outcome.how);
		wanted += rows[i].verdict == ASK_YES;
		assert_int_equal(delivered("new"), wanted);
		assert_int_equal(delivered("tmp"), 0);
		if (rows[i].verdict != ASK_YES) {
			assert_string_equal(outcome.text, "4.3.0 The message could not be stored, try again later");
			assert_string_equal(outcome.how, strerror(rows[i].error == 0 ? EIO : rows[i].error));
		}
	}
}

/* What could not be written cannot be closed either: the first fault is told. */
static void
maildir_that_is_full(void **state)
{
	struct rlimit before, small;

	(void)state;
	assert_true(ready());
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 20, before.rlim_max };	/* bytes: the message in its spool has fewer */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	fault("close", 2, EIO);
	assert_int_equal(SIMPLE, ASK_TEMPORARY);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(fault_happened());
	assert_string_equal(outcome.how, strerror(EFBIG));
	assert_int_equal(delivered("new") + delivered("tmp"), 0);
}

/* Not root: what is ours is right, what another could have made is not. */
static void
maildirs_of_users(void **state)
{
	char path[200];

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof path, "%s/user", directory);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(config.injector_path, sizeof config.injector_path, "%s/user/box", directory);
	assert_int_equal(chown(path, 1234, 1234), 0);
	identity.rights.uid = uid = 1234;
	assert_true(ready());
	uid = 1235;
	identity.rights.uid = 1235;
	snprintf(config.injector_path, sizeof config.injector_path, "%s/user/other", directory);
	assert_false(ready());
	assert_non_null(strstr(why, "others can change the directory above"));
	uid = 0;
}

static void
maildirs_that_cannot_be_made(void **state)
{
	static const struct {
		const char *name;
		int nth, error;
		bool root, made;	/* is the directory itself there already? */
		const char *said;	/* "": it can be used all the same */
	} rows[] = {
		{ "fstat", 1, EIO, false, false, "Input/output error" }, { "mkdirat", 1, EACCES, false, false, "No such file" },
		{ "mkdirat", 1, EACCES, false, true, "Permission denied" }, { "mkdirat", 2, ENOSPC, false, false, "No space left" },
		{ "mkdirat", 2, EEXIST, false, false, "" }, { "fchown", 1, EIO, true, false, "Input/output error" },
		{ "fchown", 2, EIO, true, false, "Input/output error" }, { "fchown", 3, EIO, true, true, "Input/output error" },
		{ "fstat", 1, EIO, false, true, "Input/output error" }, { "fchown", 9, EIO, true, false, "" },
		{ "fchown", 9, EIO, false, false, "" }, { "openat", 99, EIO, false, false, "" },
		{ "openat", 6, EMFILE, false, false, "Too many open files" }, { "openat", 7, EMFILE, false, false, "Too many open files" },
		{ "openat", 4, EMFILE, false, true, "Too many open files" }, { "openat", 5, EMFILE, false, true, "Too many open files" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char command[200];

		snprintf(command, sizeof command, "rm -rf %s/box", directory);
		assert_int_equal(system(command), 0);
		if (rows[i].made)
			assert_int_equal(mkdir(config.injector_path, 0700), 0);
		config.root = rows[i].root;
		fault(rows[i].name, rows[i].nth, rows[i].error);
		if (ready() != (rows[i].said[0] == '\0') || strstr(why, rows[i].said) == NULL)
			fail_msg("row %zu: %s", i, why);
		if (rows[i].said[0] != '\0')
			assert_non_null(strstr(why, "; make the directory, writable by those who log in, or give its right path"));
	}
}

/* --check looks, and makes nothing. */
static void
maildirs_that_are_looked_at(void **state)
{
	char command[200], path[200];

	(void)state;
	config.check = true;
	assert_true(ready());
	assert_int_equal(access(config.injector_path, F_OK), -1);
	assert_int_equal(mkdir(config.injector_path, 0700), 0);
	assert_true(ready());
	assert_true(maildir_exists());
	snprintf(command, sizeof command, "rmdir %s/box", directory);
	assert_int_equal(system(command), 0);	/* nothing was made in it */
	/* A path of slashes alone, and one that ends with some. */
	strcpy(config.injector_path, "///");
	config.check = true;
	(void)ready();
	config.check = false;
	snprintf(config.injector_path, sizeof config.injector_path, "%s/box///", directory);
	assert_true(ready());
	snprintf(path, sizeof path, "%s/box/new", directory);
	assert_int_equal(access(path, F_OK), 0);
}

static void
links_that_cannot_be_read(void **state)
{
	char target[100], path[200], far[600];

	(void)state;
	snprintf(target, sizeof target, "%s/real", directory);
	snprintf(path, sizeof path, "%s/link", directory);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, path), 0);
	strcpy(config.injector_path, path);
	assert_true(ready());
	for (int nth = 1; nth <= 2; nth++) {
		fault(nth == 1 ? "fstatat" : "fstat", 1, EIO);
		assert_false(ready());
		assert_true(fault_happened());
		assert_non_null(strstr(why, "Input/output error"));
	}
	assert_int_equal(unlink(path), 0);
	memset(far, 'x', 550);
	far[550] = '\0';
	assert_int_equal(symlink(far, path), 0);
	assert_false(ready());
	assert_non_null(strstr(why, "File name too long"));
}

/* Policy servers ------------------------------------------------------------------------------------------------ */

/* One that says this to each question, in a process of its own; what it was asked stands in a file. */
static pid_t
start_server(const char *answer)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *record = fopen(make_file("asked", "", 0600), "w");
	pid_t pid;

	assert_true(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 8) == 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
	sprintf(config.policy, "127.0.0.1:%d", ntohs(name.sin_port));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		FILE *client;
		char line[3000];

		fault("", 0, 0);
		alarm(60);
		client = fdopen(accept(listener, NULL, NULL), "r+");
		while (fgets(line, sizeof line, client) != NULL) {
			fputs(line, record);
			fflush(record);
			if (strcmp(line, "\n") == 0) {
				fputs(answer, client);
				fflush(client);
			}
		}
		_exit(0);
	}
	fclose(record);
	close(listener);
	return pid;
}

static void
stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
answers_of_policy_servers(void **state)
{
	static char far[700] = "action=DUNNO ";
	static const struct {
		const char *answer;
		enum ask_verdict verdict;
		const char *text, *how;
	} rows[] = {
		{ "action=DUNNO\n\n", ASK_YES, "2.0.0", "new/" }, { "action=PERMIT_X\n\n", ASK_YES, "2.0.0", "new/" },
		{ "x=y\naction=OK\nz=\n\n", ASK_YES, "2.0.0", "new/" },
		{ "action=PERM\n\n", ASK_TEMPORARY, "4.3.5 ", "policy: PERM" },
		{ "action=REJECT\n\n", ASK_NO, "554 5.7.1 Refused by policy", "policy: REJECT" },
		{ "action=REJECT 5x\n\n", ASK_NO, "554 5.7.1 5x", "" }, { "action=REJECT 4.0.0 x\n\n", ASK_NO, "554 5.7.1 4.0.0 x", "" },
		{ "action=550 5.1.1 x\n\n", ASK_NO, "554 5.1.1 x", "" }, { "action=450 x\n\n", ASK_TEMPORARY, "450 4.7.1 x", "" },
		{ "action=DEFER\n\n", ASK_TEMPORARY, "450 4.7.1 Not now", "" },
		{ "action=5x0 x\n\n", ASK_TEMPORARY, "4.3.5 ", "" }, { "action=4x0 x\n\n", ASK_TEMPORARY, "4.3.5 ", "" },
		{ "action=350 x\n\n", ASK_TEMPORARY, "4.3.5 ", "" }, { "action=5500 x\n\n", ASK_TEMPORARY, "4.3.5 ", "" },
		{ "action=HOLD\n\n", ASK_TEMPORARY, "4.3.5 ", "policy: HOLD" },
		{ "action=OK\naction=OK\n\n", ASK_TEMPORARY, "4.3.0 The policy server did not answer", "a malformed answer" },
		{ far, ASK_TEMPORARY, "4.3.0 The policy server did not answer", "a malformed answer" },
		{ "OK\n\n", ASK_TEMPORARY, "4.3.0 The policy server did not answer", "a malformed answer" },
	};

	(void)state;
	memset(far + strlen(far), 'x', 600);
	strcpy(far + 613, "\n\n");
	for (size_t i = 0; i < LENGTH(rows); i++) {
		pid_t server = start_server(rows[i].answer);

		assert_true(ready());
		if (SIMPLE != rows[i].verdict || !begins(outcome.text, rows[i].text) || strstr(outcome.how, rows[i].how) == NULL)
			fail_msg("row %zu: %c %s | %s", i, outcome.verdict, outcome.text, outcome.how);
		stop_server(server);
	}
	assert_int_equal(delivered("new"), 3);
}

/* No value makes a line of its own; where there is more to tell than there is room for, nothing is asked. */
static void
questions_to_policy_servers(void **state)
{
	char helo[4000];
	pid_t server = start_server("action=OK\n\n");

	(void)state;
	assert_true(ready());
	message.helo = "a\nb\177c\303\251 ~";
	assert_int_equal(SIMPLE, ASK_YES);
	assert_non_null(strstr(content("asked"), "\nhelo_name=a?b?c\303\251 ~\n"));
	assert_non_null(strstr(content("asked"), "\nclient_name=unknown\n"));
	stop_server(server);
	server = start_server("action=OK\n\n");
	memset(helo, 'x', sizeof helo - 1);
	helo[sizeof helo - 1] = '\0';
	message.helo = helo;
	assert_int_equal(SIMPLE, ASK_TEMPORARY);
	assert_string_equal(outcome.text, "4.3.0 There is more to tell than the policy server takes");
	assert_int_equal(delivered("new"), 1);
	assert_string_equal(content("asked"), "");
	stop_server(server);
	/* --check only calls. */
	server = start_server("");
	assert_null(policy_fault(&config));
	stop_server(server);
	assert_non_null(policy_fault(&config));
	strcpy(config.policy, "localhost:10");
	assert_non_null(policy_fault(&config));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rules_hold_at_the_hand_over, start, finish),
		cmocka_unit_test_setup_teardown(tables_that_cannot_be_read, start, finish),
		cmocka_unit_test_setup_teardown(own_sender, start, finish),
		cmocka_unit_test_setup_teardown(notifications, start, finish),
		cmocka_unit_test_setup_teardown(quota_that_is_none, start, finish),
		cmocka_unit_test_setup_teardown(kinds_of_sendmail, start, finish),
		cmocka_unit_test_setup_teardown(what_a_program_is_told, start, finish),
		cmocka_unit_test_setup_teardown(throttle_script, start, finish),
		cmocka_unit_test_setup_teardown(words_of_qmail, start, finish),
		cmocka_unit_test_setup_teardown(envelope_that_finds_no_room, start, finish),
		cmocka_unit_test_setup_teardown(maildir_calls_that_fail, start, finish),
		cmocka_unit_test_setup_teardown(maildir_that_is_full, start, finish),
		cmocka_unit_test_setup_teardown(maildirs_of_users, start, finish),
		cmocka_unit_test_setup_teardown(maildirs_that_cannot_be_made, start, finish),
		cmocka_unit_test_setup_teardown(maildirs_that_are_looked_at, start, finish),
		cmocka_unit_test_setup_teardown(links_that_cannot_be_read, start, finish),
		cmocka_unit_test_setup_teardown(answers_of_policy_servers, start, finish),
		cmocka_unit_test_setup_teardown(questions_to_policy_servers, start, finish),
	};

	signal(SIGPIPE, SIG_IGN);
	closefrom(3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
