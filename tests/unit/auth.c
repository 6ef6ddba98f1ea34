/* links: auth auth/checker auth/dovecot auth/file auth/challenge auth/accounts auth/passwd auth/program auth/pwhash auth/tries */
/* Password files: which line is found, what is wrong with lines and files, and who we become at a login. */
#include "unit.h"

#include <fcntl.h>
#include <nettle/base64.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.h"
#include "auth/accounts.h"
#include "auth/checker.h"
#include "base/digest.h"
#include "auth/file.h"
#include "auth/passwd.h"
#include "auth/pwhash.h"
#include "auth/tries.h"
#include "faults.h"

FAULTY(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))

static struct config config;
static struct peer peer = { .source = PEER_TCPSERVER, .address = "192.0.2.9", .client = "192.0.2.9" };
static struct identity service, identity;
static char path[32], reason[AUTH_REASON_MAX];
static const char *label = "";	/* of the line that lets somebody in */

static int
start(void **state)
{
	int file;

	(void)state;
	strcpy(path, "/tmp/unit-auth.XXXXXX");
	file = mkstemp(path);
	close(file);
	memset(&config, 0, sizeof config);
	config.authenticator_count = 1;
	config.authenticators[0].kind = AUTHENTICATOR_FILE;
	config.min_uid = 1000;
	strcpy(config.authenticators[0].path, path);
	/* Root's own files are right for any service account, others' only for themselves. */
	service = (struct identity){ .rights = { .uid = geteuid() == 0 ? 65534 : geteuid(), .gid = 65534 },
	    .user = "service", .home = "/service" };
	return file < 0;
}

static int
finish(void **state)
{
	(void)state;
	return unlink(path);
}

static void
write_file(const char *bytes, size_t length)
{
	int file = open(path, O_WRONLY | O_TRUNC);

	assert_int_equal(write(file, bytes, length), length);
	assert_int_equal(fchmod(file, 0600), 0);
	close(file);
}

#define WRITE(string) write_file(string, sizeof string - 1)

static bool
tried(const char *user, const char *password)
{
	const struct ask_attempt asked = { .mechanism = "PLAIN", .authzid = "", .user = user, .password = password };

	return auth_tried(&asked);
}

static enum ask_verdict
check(const char *user, const char *password)
{
	const struct auth_context context = { &config, &peer, &service, "ID" };
	const struct ask_attempt asked = { .mechanism = "PLAIN", .authzid = "", .user = user, .password = password };
	static struct auth_answer answer;
	enum ask_verdict verdict = auth_check(&context, &asked, &answer);

	identity = answer.identity;
	strcpy(reason, answer.reason);
	if (verdict != ASK_YES)
		assert_true(reason[0] != '\0');
	assert_int_equal(strncmp(answer.login, user, USER_MAX), 0);
	assert_string_equal(verdict == ASK_YES ? identity.label : label, label);
	return verdict;
}

/* The login is answered so; `wanted` is what the reason begins with, for ASK_YES the user. */
static void
expect(const char *user, const char *password, enum ask_verdict answer, const char *wanted)
{
	enum ask_verdict got = check(user, password);
	const char *said = got == ASK_YES ? identity.user : reason;

	if (got != answer || strncmp(said, wanted, strlen(wanted)) != 0)
		fail_msg("%.40s, %.40s: %c %s, not %c %s", user, password, got, said, answer, wanted);
}

static void
lines_and_fields(void **state)
{
	static const char file[] =
	    "#secret:x\n"
	    "first:one\n"
	    "ann:{PLAIN}sesame\r\n"
	    "\n"
	    "clear:se:same:\n"
	    "bob:{PLAIN}pa ss ::::::\n"
	    "bobby:{PLAIN}other::::::\n"
	    "locked:*\n"
	    "locked2:!$6$x\n"
	    "empty:\n"
	    "named:{PLAIN}n::::::user=ann\n"
	    "nologin:{PLAIN}n::::::foo=bar nologin\n"
	    "nets:{PLAIN}n::::::allow_nets=10.0.0.0/8,192.0.2.0/24 x=y\n"
	    "nonets:{PLAIN}n::::::allow_nets=10.0.0.0/8,198.51.100.1\n"
	    "emptynets:{PLAIN}n::::::allow_nets=\n"
	    "badnets:{PLAIN}n::::::allow_nets=192.0.2.9/99,x,192.0.2\n"
	    "odd:{NOSUCH}x\n"
	    "hash:notahash::::::\n"
	    "only\n"
	    "Capital:{PLAIN}x\n"
	    "b\xc3\xa9:{PLAIN}utf\n"
	    "\xff:{PLAIN}utf\n"
	    "halfids:{PLAIN}x:1000:::::\n"
	    "badids:{PLAIN}x:-1:100::::\n"
	    "hugeids:{PLAIN}x:4294967295:100::::\n"
	    "last:{PLAIN}without a newline";

	(void)state;
	write_file(file, sizeof file - 1);
	expect("first", "one", ASK_YES, "first");
	assert_string_equal(identity.home, "/service");
	expect("FIRST", "one", ASK_YES, "first");
	expect("ann", "sesame", ASK_YES, "ann");
	expect("ann", "sesame\r", ASK_NO, "wrong-password");
	expect("ann", "", ASK_NO, "empty");
	expect("", "x", ASK_NO, "empty");
	expect("bob", "pa ss ", ASK_YES, "bob");
	expect("bob", "pa ss", ASK_NO, "wrong-password");
	expect("bob", "other", ASK_NO, "wrong-password");
	expect("bobby", "other", ASK_YES, "bobby");
	expect("bo", "pa ss ", ASK_NO, "no-such-user");
	expect("obby", "other", ASK_NO, "no-such-user");
	expect("locked", "*", ASK_NO, "disabled");
	expect("locked2", "x", ASK_NO, "disabled");
	expect("empty", "x", ASK_NO, "disabled");
	expect("named", "n", ASK_YES, "ann");
	expect("nologin", "n", ASK_NO, "disabled");
	expect("nologin", "x", ASK_NO, "wrong-password");
	expect("nets", "n", ASK_YES, "nets");
	expect("nonets", "n", ASK_NO, "network-refused");
	expect("nonets", "x", ASK_NO, "wrong-password");
	expect("emptynets", "n", ASK_NO, "network-refused");
	expect("badnets", "n", ASK_NO, "network-refused");
	expect("odd", "x", ASK_TEMPORARY, "unusable-password-entry");
	expect("only", "x", ASK_NO, "no-such-user");
	expect("capital", "x", ASK_NO, "no-such-user");
	expect("Capital", "x", ASK_NO, "no-such-user");
	expect("b\xc3\xa9", "utf", ASK_YES, "b\xc3\xa9");
	expect("halfids", "x", ASK_TEMPORARY, "malformed-entry");
	expect("badids", "x", ASK_TEMPORARY, "malformed-entry");
	expect("hugeids", "x", ASK_TEMPORARY, "malformed-entry");
	expect("last", "without a newline", ASK_YES, "last");
	/* No name but a whole one, as it stands in front of the colon. */
	expect("#secret", "x", ASK_NO, "no-such-user");
	expect("bob:{PLAIN}pa ss ", "x", ASK_NO, "no-such-user");
	expect("ann\n", "sesame", ASK_NO, "control-character");
	expect("\nann", "sesame", ASK_NO, "control-character");
	expect("x\nann", "sesame", ASK_NO, "control-character");
	expect("ann ", "sesame", ASK_NO, "no-such-user");
	expect(" ann", "sesame", ASK_NO, "no-such-user");
	expect("*", "*", ASK_NO, "no-such-user");
	expect("..", "x", ASK_NO, "no-such-user");
	expect("../../etc/passwd", "x", ASK_NO, "no-such-user");
	expect("%s%n", "x", ASK_NO, "no-such-user");
	expect("b\xc3", "utf", ASK_NO, "no-such-user");
	expect("\xff", "utf", ASK_NO, "no-such-user");
	expect("be\xcc\x81", "utf", ASK_NO, "no-such-user");	/* NFD: other bytes */
}

static void
lines_that_are_none(void **state)
{
	static char file[300000];
	size_t used;

	(void)state;
	/* Twice the same name: nobody can tell, wherever they stand. */
	WRITE("a:{PLAIN}1\nb:{PLAIN}2\na:{PLAIN}1\n");
	expect("a", "1", ASK_TEMPORARY, "duplicate-user");
	expect("b", "2", ASK_YES, "b");
	WRITE("a:{PLAIN}1\na:{PLAIN}2");
	expect("a", "2", ASK_TEMPORARY, "duplicate-user");
	/* A line that is too long, or holds a NUL, hurts nobody but its owner. */
	used = (size_t)sprintf(file, "a:{PLAIN}1\nlong:{PLAIN}");
	memset(file + used, 'x', 100 * 1024);
	used += 100 * 1024;
	used += (size_t)sprintf(file + used, "\nb:{PLAIN}2\n");
	write_file(file, used);
	expect("a", "1", ASK_YES, "a");
	expect("b", "2", ASK_YES, "b");
	expect("long", "x", ASK_TEMPORARY, "malformed-entry");
	expect("nobody-there", "x", ASK_NO, "no-such-user");
	WRITE("a:{PLAIN}1\nz:{PLAIN}1\0002\nb:{PLAIN}2\n");
	expect("z", "1", ASK_TEMPORARY, "malformed-entry");
	expect("b", "2", ASK_YES, "b");
	/* Nothing to compare with. */
	WRITE("");
	expect("a", "x", ASK_NO, "no-such-user");
	WRITE("\n\n#\n");
	expect("a", "x", ASK_NO, "no-such-user");
	WRITE("x");
	expect("x", "x", ASK_NO, "no-such-user");
	WRITE("x:");
	expect("x", "x", ASK_NO, "disabled");
	WRITE(":pw\n");
	expect("x", "pw", ASK_NO, "no-such-user");
	WRITE("l:*\nm:!\n");
	expect("l", "*", ASK_NO, "disabled");
	expect("n", "*", ASK_NO, "no-such-user");
	/* The name before which a long one stands; a long name. */
	memset(file, 'n', 255);
	strcpy(file + 255, ":{PLAIN}x\n");
	write_file(file, strlen(file));
	file[255] = '\0';
	expect(file, "x", ASK_YES, file);
	file[254] = '\0';
	expect(file, "x", ASK_NO, "no-such-user");
}

/* Many names that are not there: their neighbours are looked for at every place of the file. */
static void
neighbours_of_all_names(void **state)
{
	static const char *const files[] = { "a:1\nb:2\nc:3", "a:1\n", "a:1", "a:*\nb:*\nc:3\n", "#a:1\n\n\nb:2\n", "\na:1",
	    "a:{NOSUCH}1\nb:{NOSUCH}2\n", "a\nb\nc\n", "\n" };

	(void)state;
	for (size_t i = 0; i < LENGTH(files); i++) {
		write_file(files[i], strlen(files[i]));
		for (int k = 0; k < 12; k++) {
			char name[20];

			sprintf(name, "user%d", k);
			expect(name, "1", ASK_NO, "no-such-user");
		}
	}
}

static void
files_that_are_wrong(void **state)
{
	(void)state;
	WRITE("a:clear\nh:{SHA256}x\nb:$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcb"
	    "YEdFCoEOfaS35inz1\n");
	expect("b", "Hello world!", ASK_YES, "b");
	assert_int_equal(chmod(path, 0640), 0);
	expect("b", "Hello world!", ASK_YES, "b");		/* a hash may be read */
	expect("a", "clear", ASK_TEMPORARY, "cleartext-password-file-readable");
	assert_int_equal(chmod(path, 0604), 0);
	expect("a", "clear", ASK_TEMPORARY, "cleartext-password-file-readable");
	assert_int_equal(chmod(path, 0602), 0);
	expect("b", "Hello world!", ASK_TEMPORARY, "password-file-writable");
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 0), 0);
		expect("b", "Hello world!", ASK_TEMPORARY, "password-file-owner");
		assert_int_equal(chown(path, 65534, 0), 0);
		expect("b", "Hello world!", ASK_YES, "b");
		/* A group that may write it must be root's or the service account's. */
		assert_int_equal(chown(path, 0, 12345), 0);
		expect("b", "Hello world!", ASK_YES, "b");
		assert_int_equal(chmod(path, 0620), 0);
		expect("b", "Hello world!", ASK_TEMPORARY, "password-file-writable");
		assert_int_equal(chown(path, 0, 65534), 0);
		expect("b", "Hello world!", ASK_YES, "b");
		assert_int_equal(chown(path, 0, 0), 0);
		expect("b", "Hello world!", ASK_YES, "b");
	}
	strcpy(config.authenticators[0].path, "/nonexistent");
	assert_int_equal(check("a", "clear"), ASK_TEMPORARY);
	strcpy(config.authenticators[0].path, "/tmp");
	assert_int_equal(check("a", "clear"), ASK_TEMPORARY);
	strcpy(config.authenticators[0].path, "/dev/null");
	assert_int_equal(check("a", "clear"), ASK_TEMPORARY);
}

static void
several_are_asked_in_order(void **state)
{
	char second[] = "/tmp/unit-auth2.XXXXXX";
	int file = mkstemp(second);

	(void)state;
	WRITE("a:{PLAIN}1\nb:{PLAIN}2\n");
	assert_int_equal(write(file, "a:{PLAIN}3\nc:{PLAIN}4\nz:{NOSUCH}\n", 33), 33);
	close(file);
	config.authenticators[1] = config.authenticators[0];
	strcpy(config.authenticators[1].path, second);
	config.authenticator_count = 2;
	expect("a", "1", ASK_YES, "a");
	expect("a", "3", ASK_YES, "a");
	expect("c", "4", ASK_YES, "c");
	expect("a", "5", ASK_NO, "wrong-password");
	expect("c", "5", ASK_NO, "wrong-password");
	expect("b", "5", ASK_NO, "wrong-password");
	expect("d", "5", ASK_NO, "no-such-user");
	expect("z", "5", ASK_TEMPORARY, "unusable-password-entry");
	/* One that cannot tell outweighs one that says no; not one that says yes. */
	unlink(second);
	expect("a", "1", ASK_YES, "a");
	assert_int_equal(check("d", "5"), ASK_TEMPORARY);
}

static void
what_was_refused_is_remembered(void **state)
{
	(void)state;
	WRITE("a:{PLAIN}1\nz:{NOSUCH}\n");
	tries_forget();
	assert_false(tried("a", "2"));
	expect("z", "2", ASK_TEMPORARY, "unusable");
	assert_false(tried("z", "2"));		/* that was no answer */
	expect("a", "2", ASK_NO, "wrong-password");
	assert_true(tried("a", "2"));
	assert_false(tried("a", "22"));
	assert_false(tried("a", "1"));
	assert_false(tried("b", "2"));
	assert_false(tried("a2", ""));
	expect("b", "2", ASK_NO, "no-such-user");
	expect("c", "2", ASK_NO, "no-such-user");
	expect("d", "2", ASK_NO, "no-such-user");	/* more than a session may try */
	assert_true(tried("a", "2") && tried("b", "2") && tried("c", "2"));
	expect("a", "1", ASK_YES, "a");
	assert_false(tried("a", "2"));		/* nothing is kept behind a login */
	/* The digest of another process is another: nothing can be looked up in it. */
	expect("a", "2", ASK_NO, "wrong-password");
	tries_forget();
	assert_false(tried("a", "2"));
}

static void
what_is_wrong_with_a_path(void **state)
{
	static const struct {
		const char *name;
		int mode;
		const char *said;
	} rows[] = {
		{ "/nonexistent", R_OK, "-a '/nonexistent': there is no such file; make it with ofmipd-passwd" },
		{ "/nonexistent", X_OK, "-A '/nonexistent': there is no such program; install it" },
		{ "/tmp", R_OK, "-a '/tmp': is a directory" },
		{ "/tmp", X_OK, "-A '/tmp': is a directory" },
		{ "/dev/null", R_OK, "-a '/dev/null': is not a regular file" },
		{ "/etc/passwd", X_OK, "-A '/etc/passwd': is not executable; chmod +x" },
		{ "/etc/passwd/x", R_OK, "-a '/etc/passwd/x': Not a directory" },
		{ "", X_OK, "-A 'prog': there is no such program in the standard directories" },
		{ "/etc/passwd", R_OK, NULL },
		{ "/bin/sh", X_OK, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct authenticator authenticator = { .words = { (char[]){ "prog" } } };
		char array[400] = "";
		struct text why;

		text_start(&why, array, sizeof array);
		authenticator.kind = rows[i].mode == R_OK ? AUTHENTICATOR_FILE : AUTHENTICATOR_PROGRAM;
		strcpy(authenticator.path, rows[i].name);
		if (auth_ready(&authenticator, &why) != (rows[i].said == NULL) ||
		    strncmp(array, rows[i].said == NULL ? "" : rows[i].said,
		    rows[i].said == NULL ? 1 : strlen(rows[i].said)) != 0)
			fail_msg("%s: %s", rows[i].name, array);
	}
}

static void
identities(void **state)
{
	static const char file[] =
	    "none:{PLAIN}x\n"
	    "ids:{PLAIN}x:1234:2345::/home/ids:\n"
	    "root:{PLAIN}x\n"
	    "zero:{PLAIN}x:0:0::::\n"
	    "gid0:{PLAIN}x:1234:0::::\n"
	    "low:{PLAIN}x:999:2345::::\n"
	    "nohome:{PLAIN}x:1234:2345::relative::\n"
	    "daemon:{PLAIN}x\n"
	    "sub:{PLAIN}x::::/home/sub::\n"
	    "alias:{PLAIN}x::::::user=daemon\n";

	(void)state;
	config.root = true;
	write_file(file, sizeof file - 1);
	if (geteuid() != 0)	/* then the file's owner is the service account */
		service.rights.uid = geteuid();
	expect("ids", "x", ASK_YES, "ids");
	assert_int_equal(identity.rights.uid, 1234);
	assert_int_equal(identity.rights.gid, 2345);
	assert_int_equal(identity.rights.group_count, 1);
	assert_int_equal(identity.rights.groups[0], 2345);
	assert_string_equal(identity.home, "/home/ids");
	expect("none", "x", ASK_YES, "none");	/* no account of that name: the service account */
	assert_int_equal(identity.rights.uid, service.rights.uid);
	assert_string_equal(identity.home, "/service");
	expect("sub", "x", ASK_YES, "sub");
	assert_string_equal(identity.home, "/home/sub");
	expect("nohome", "x", ASK_YES, "nohome");
	assert_true(identity.home[0] == '/');
	expect("root", "x", ASK_NO, "uid-refused");
	expect("root", "y", ASK_NO, "wrong-password");
	expect("zero", "x", ASK_NO, "uid-refused");
	expect("gid0", "x", ASK_NO, "uid-refused");
	expect("low", "x", ASK_NO, "uid-refused");
	expect("daemon", "x", ASK_NO, "uid-refused");
	expect("alias", "x", ASK_NO, "uid-refused");
	config.min_uid = 999;
	expect("low", "x", ASK_YES, "low");
	/* Not root: whoever started it. */
	config.root = false;
	expect("zero", "x", ASK_YES, "zero");
	assert_int_equal(identity.rights.uid, service.rights.uid);
	assert_int_equal(identity.rights.gid, service.rights.gid);
}

static void
accounts_of_the_machine(void **state)
{
	static const char *const none[] = { "", "-root", "+root", "ro ot", "root:x", "root\n", "no-such-account-here", "root:",
	    ":", "\t" };

	(void)state;
	assert_int_equal(accounts_find("root", true, &identity), ACCOUNTS_FOUND);
	assert_int_equal(identity.rights.uid, 0);
	assert_string_equal(identity.home, "/root");
	assert_int_equal(accounts_find("nobody", false, &identity), ACCOUNTS_FOUND);
	assert_int_equal(identity.rights.uid, 65534);
	for (size_t i = 0; i < LENGTH(none); i++)
		if (accounts_find(none[i], true, &identity) != ACCOUNTS_NONE)
			fail_msg("\"%s\"", none[i]);
}

/* Files in which there is no line to compare with, near or far. */
static void
neighbours_that_are_none(void **state)
{
	static char file[20000];

	(void)state;
	strcpy(file, "a:*\n");
	for (int i = 0; i < 1100; i++)
		strcat(file, "nothing here\n");
	write_file(file, strlen(file));
	expect("bob", "x", ASK_NO, "no-such-user");
	memset(file, 'x', 5000);	/* a line that nobody reads is none */
	strcpy(file + 5000, "\nz:*\n");
	write_file(file, strlen(file));
	for (int i = 0; i < 20; i++) {
		char name[20];

		sprintf(name, "user%d", i);
		expect(name, "x", ASK_NO, "no-such-user");
	}
	/* A locked one costs what a neighbour does, if there is any. */
	WRITE("a:*\n#b:x\n");
	expect("a", "x", ASK_NO, "disabled");
}

#define SLOW(salt) "$6$" salt "$"
#define HELLO SLOW("saltstring") "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define OTHER SLOW("saltsaltxx") "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"

/* Of the slow ones the user's own is tried, wherever it stands, and no more. */
static void
several_lines_of_a_user(void **state)
{
	(void)state;
	WRITE("a:" OTHER "::::::label=x\na:" HELLO "::::::\na:" OTHER "::::::label=y\n");
	expect("a", "Hello world!", ASK_YES, "a");
	expect("a", "x", ASK_NO, "wrong-password");
	WRITE("a:" HELLO "::::::label=x\na:" OTHER "::::::label=y\n");
	label = "x";
	expect("a", "Hello world!", ASK_YES, "a");
	label = "";
	expect("a", "x", ASK_NO, "wrong-password");
	WRITE("a:" OTHER "::::::label=x\na:" HELLO "::::::label=y\n");
	expect("a", "Hello world!", ASK_NO, "wrong-password");
	WRITE("a:{PLAIN}1::::::label=x\na:{PLAIN}2::::::label=x\n");
	expect("a", "1", ASK_TEMPORARY, "duplicate-label");
	WRITE("a:{PLAIN}1::::::label=x\na:{PLAIN}2\na:{PLAIN}3::::::label=y\n");
	expect("a", "2", ASK_YES, "a");
	WRITE("a:*\na:!::::::label=y\n");
	expect("a", "2", ASK_NO, "disabled");
	WRITE("a:{NOSUCH}x\na:*::::::label=y\na:{PLAIN}1::::::label=z\n");
	expect("a", "2", ASK_TEMPORARY, "unusable-password-entry");
}

/* What a line with a label leaves open is as in the user's own, where there is one. */
static void
lines_without_an_own(void **state)
{
	char far[400] = "a:{PLAIN}1::::::user=";

	(void)state;
	label = "x";
	WRITE("a:{PLAIN}1::::::label=x\n");
	expect("a", "1", ASK_YES, "a");
	assert_string_equal(identity.home, "/service");
	assert_string_equal(identity.quota, "");
	WRITE("a:{PLAIN}1:::::: label=x\na:*:1234:2345::/home/a::user=b quota=5/h\n");
	config.root = true;
	expect("a", "1", ASK_YES, "b");
	assert_int_equal(identity.rights.uid, 1234);
	assert_string_equal(identity.home, "/home/a");
	assert_string_equal(identity.quota, "5/h");
	label = "";
	WRITE("a:{PLAIN}1::2345:::: label=x\na:*:1234:2345::/home/a::user=b\n");
	expect("a", "1", ASK_TEMPORARY, "malformed-entry");
	WRITE("a:{PLAIN}1::2345::::\n");
	expect("a", "1", ASK_TEMPORARY, "malformed-entry");
	config.root = false;
	WRITE("a:{PLAIN}1::::::label=x\na:*::::::nologin\n");
	expect("a", "1", ASK_NO, "disabled");
	WRITE("a:{PLAIN}1::::::label=x nologin\n");
	expect("a", "1", ASK_NO, "disabled");
	WRITE("a:{PLAIN}1::::::user=\n");
	expect("a", "1", ASK_YES, "a");
	memset(far + strlen(far), 'u', USER_MAX + 1);
	write_file(far, strlen(far));
	expect("a", "1", ASK_YES, "a");
	WRITE("a:{PLAIN}1::::::quota=1000000/h\n");
	expect("a", "1", ASK_TEMPORARY, "malformed-entry");
	WRITE("a:{PLAIN}1::::::quota=00000000000000001/h\n");
	expect("a", "1", ASK_TEMPORARY, "malformed-entry");
	WRITE("a:{PLAIN}1::::::expires=never\n");
	expect("a", "1", ASK_TEMPORARY, "malformed-entry");
}

/* EXTERNAL: the certificate's line, and no other. */
static void
certificates(void **state)
{
	static char file[6000];
	static const struct {
		const char *content, *name;
		enum ask_verdict verdict;
		const char *said;
	} rows[] = {
		{ "a:*::::::cert=phone\n", "", ASK_YES, "a" }, { "a:*::::::cert=PHONE\n", "A", ASK_YES, "a" },
		{ "a:*::::::cert=phone\n", "b", ASK_NO, "authzid" }, { "a:*::::::cert=phone\n", "ab", ASK_NO, "authzid" },
		{ "a:*::::::cert=p@x.example\n", "", ASK_YES, "a" }, { "a:!::::::cert=phone\n", "", ASK_NO, "disabled" },
		{ "a:*::::::cert=\n", "", ASK_NO, "certificate-unknown: phone p@x.example" },
		{ "#a:*::::::cert=phone\n", "", ASK_NO, "certificate-unknown:" }, { "a:cert=phone\n", "", ASK_NO, "certificate-unknown:" },
		{ "a:*::::::cert=phone\nb:*::::::cert=phone\n", "", ASK_TEMPORARY, "duplicate-certificate" },
		{ "a:{PLAIN}x\na:*::::::label=x cert=phone\n", "", ASK_YES, "a" },
		{ "a:*\na:*\na:*::::::label=x cert=phone\n", "", ASK_TEMPORARY, "duplicate-user" },
		{ file, "", ASK_NO, "certificate-unknown:" }, { file + 5000, "", ASK_TEMPORARY, "malformed-entry" },
	};
	const struct auth_context context = { &config, &peer, &service, "ID" };
	const struct ask_attempt asked = { .mechanism = "EXTERNAL", .authzid = "", .user = "", .response = "" };
	struct auth_answer answer;
	struct peer plain = peer;

	(void)state;
	config.mechanisms = MECHANISM_EXTERNAL;
	peer.tls = TLS_ENVIRONMENT;
	peer.verified = true;
	strcpy(peer.certificate[0], "phone");
	strcpy(peer.certificate[1], "p@x.example");
	memset(file, 'x', sizeof file - 1);	/* lines that are too long, and a name */
	memcpy(file, "a:*::::::cert=phone x=", 22);
	strcpy(file + 4999, "");
	memset(file + 5000, 'n', USER_MAX + 1);
	strcpy(file + 5000 + USER_MAX + 1, ":*::::::cert=phone\n");
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct ask_attempt now = asked;
		enum ask_verdict verdict;

		write_file(rows[i].content, strlen(rows[i].content));
		now.response = rows[i].name;
		now.length = strlen(rows[i].name);
		verdict = auth_check(&context, &now, &answer);
		if (verdict != rows[i].verdict || strncmp(verdict == ASK_YES ? answer.identity.user : answer.reason, rows[i].said,
		    strlen(rows[i].said)) != 0)
			fail_msg("row %zu: %c %s", i, verdict, answer.reason);
	}
	WRITE("a:*::::::cert=phone\nb:*::::::cert=phone\n");
	assert_int_equal(chmod(path, 0602), 0);
	assert_int_equal(auth_check(&context, &asked, &answer), ASK_TEMPORARY);
	assert_int_equal(strncmp(answer.reason, "password-file-writable", 22), 0);
	assert_int_equal(chmod(path, 0600), 0);
	strcpy(config.authenticators[0].path, "/nonexistent");
	assert_int_equal(auth_check(&context, &asked, &answer), ASK_TEMPORARY);
	assert_int_equal(strncmp(answer.reason, "password-file-unreadable", 24), 0);
	peer = plain;
}

/* SCRAM: what a client says that knows the password, or does not. */
static enum ask_verdict
scram(struct checker *checker, struct attempt *asked, const char *user, const char *password, struct auth_answer *answer)
{
	static char first[200];
	char bare[150], server[600], final[800], decoded[200], *salt, *count;
	uint8_t salted[32], client[32], stored[32], signature[32];
	char text[1600], encoded[60];
	struct digest_hmac hmac;
	enum ask_verdict verdict;
	long length;

	snprintf(bare, sizeof bare, "n=%s,r=client", user);
	snprintf(first, sizeof first, "n,,%s", bare);
	asked->response = first;
	asked->length = strlen(first);
	assert_true(checker_start(checker, asked, file_check, 20));
	fault("", 0, 0);
	verdict = checker_hear(checker, answer);
	if (verdict != ASK_CHALLENGE)
		return verdict;
	snprintf(server, sizeof server, "%.*s", (int)answer->length, answer->challenge);
	snprintf(text, sizeof text, "%s", server);
	salt = strstr(text, ",s=") + 3;
	count = strstr(salt, ",i=") + 3;
	count[-3] = '\0';
	length = text_base64_decode(salt, strlen(salt), decoded);
	digest_pbkdf2(&digest_sha256, password, decoded, (size_t)length, (uint32_t)atoi(count), salted);
	digest_hmac_key(&hmac, &digest_sha256, salted, sizeof salted);
	digest_hmac(&hmac, "Client Key", 10, client);
	digest_of(&digest_sha256, client, sizeof client, "", 0, stored);
	length = snprintf(final, sizeof final, "c=biws,r=%.*s", (int)(strstr(server, ",s=") - server - 2), server + 2);
	snprintf(text, sizeof text, "%s,%s,%s", bare, server, final);
	digest_hmac_key(&hmac, &digest_sha256, stored, sizeof stored);
	digest_hmac(&hmac, text, strlen(text), signature);
	for (int i = 0; i < 32; i++)
		client[i] ^= signature[i];
	base64_encode_raw(encoded, sizeof client, client);
	snprintf(final + length, sizeof final - (size_t)length, ",p=%.44s", encoded);
	assert_true(checker_tell(checker, final, strlen(final)));
	return checker_hear(checker, answer);
}

static void
scram_to_its_end(void **state)
{
	static char file[8000];
	struct attempt asked = { .config = &config, .peer = &peer, .service = &service, .id = "ID", .mechanism = "SCRAM-SHA-256",
	    .user = "", .authenticator = config.authenticators, .last = true };
	struct auth_answer answer;
	struct checker checker;
	char made[PWHASH_STORED_SIZE];
	size_t used;
	int status;

	(void)state;
	assert_true(pwhash_make("SCRAM-SHA-256", "sesame", made, sizeof made));
	memset(file, 'x', 5000);	/* one that nobody reads, in front */
	used = 5000 + (size_t)sprintf(file + 5000, "\nann:{PLAIN}x\nbob:%s\n", made);
	write_file(file, used);
	assert_int_equal(scram(&checker, &asked, "bob", "sesame", &answer), ASK_CHALLENGE);
	assert_memory_equal(answer.challenge, "v=", 2);
	assert_true(checker_tell(&checker, "", 0));
	assert_int_equal(checker_hear(&checker, &answer), ASK_YES);
	assert_string_equal(answer.identity.user, "bob");
	assert_int_equal(scram(&checker, &asked, "bob", "wrong", &answer), ASK_NO);
	assert_string_equal(answer.reason, "wrong-password");
	assert_int_equal(scram(&checker, &asked, "eve", "sesame", &answer), ASK_NO);
	assert_string_equal(answer.reason, "no-such-user");
	/* The last word is answered with nothing, or it was for nothing. */
	assert_int_equal(scram(&checker, &asked, "bob", "sesame", &answer), ASK_CHALLENGE);
	assert_true(checker_tell(&checker, "x", 1));
	assert_int_equal(checker_hear(&checker, &answer), ASK_NO);
	assert_string_equal(answer.reason, "mechanism-refused");
	assert_int_equal(scram(&checker, &asked, "bob", "sesame", &answer), ASK_CHALLENGE);
	close(checker.wall);
	assert_int_equal(waitpid(checker.pid, &status, 0), checker.pid);
	assert_int_equal(WEXITSTATUS(status), 111);
	fault("getrandom", 1, EAGAIN);
	assert_int_equal(scram(&checker, &asked, "bob", "sesame", &answer), ASK_TEMPORARY);
	assert_string_equal(answer.reason, "no-challenge");
	asked.response = NULL;
	asked.length = 0;
	assert_true(checker_start(&checker, &asked, file_check, 20));
	assert_int_equal(checker_hear(&checker, &answer), ASK_NO);
	assert_string_equal(answer.reason, "mechanism-refused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_and_fields, start, finish),
		cmocka_unit_test_setup_teardown(lines_that_are_none, start, finish),
		cmocka_unit_test_setup_teardown(neighbours_of_all_names, start, finish),
		cmocka_unit_test_setup_teardown(files_that_are_wrong, start, finish),
		cmocka_unit_test_setup_teardown(several_are_asked_in_order, start, finish),
		cmocka_unit_test_setup_teardown(what_was_refused_is_remembered, start, finish),
		cmocka_unit_test(what_is_wrong_with_a_path),
		cmocka_unit_test_setup_teardown(identities, start, finish),
		cmocka_unit_test(accounts_of_the_machine),
		cmocka_unit_test_setup_teardown(neighbours_that_are_none, start, finish),
		cmocka_unit_test_setup_teardown(several_lines_of_a_user, start, finish),
		cmocka_unit_test_setup_teardown(lines_without_an_own, start, finish),
		cmocka_unit_test_setup_teardown(certificates, start, finish),
		cmocka_unit_test_setup_teardown(scram_to_its_end, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
