/* links: auth/accounts auth/passwd auth/pwhash */
/* Accounts of the machine, wherever it keeps them: no account is an answer, everything else that is wrong is none. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/passwd.h"
#include "faults.h"

static char directory[64];
static bool redirected;		/* /etc and getent(1) are in the directory */
static int hurry = 1;		/* so many times faster goes the clock */
static struct identity identity;

static const char *
place_of(const char *path)
{
	static char place[200];

	if (!redirected || (strncmp(path, "/etc/", 5) != 0 && strcmp(path, "/usr/bin/getent") != 0))
		return path;
	snprintf(place, sizeof place, "%s%s", directory, strrchr(path, '/'));
	return place;
}

int
open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode = 0;

	if (fault_is_due(path))
		return -1;
	va_start(list, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return (int)syscall(SYS_openat, AT_FDCWD, place_of(path), flags, mode);
}

int
execve(const char *path, char *const *arguments, char *const *environment)
{
	return (int)syscall(SYS_execve, place_of(path), arguments, environment);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int said = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec *= hurry;	/* whole seconds are enough */
	return said;
}

int
poll(struct pollfd *pollers, nfds_t count, int patience)
{
	const struct timespec most = { .tv_sec = patience / hurry / 1000, .tv_nsec = patience / hurry % 1000 * 1000000L };

	return (int)syscall(SYS_ppoll, pollers, count, patience < 0 ? NULL : &most, NULL, 8);
}

static void
put(const char *name, const char *content, int mode)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	unlink(path);
	if (content == NULL)
		return;
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
}

static int
start(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/unit-accounts.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	redirected = true;
	put("passwd", "ann:x:1001:1001::/home/ann:/bin/sh\n", 0644);
	put("group", "", 0644);
	put("nsswitch.conf", "passwd: files systemd\n", 0644);
	fault("", 0, 0);
	return 0;
}

static int
finish(void **state)
{
	char command[100];

	(void)state;
	redirected = false;
	hurry = 1;
	fault("", 0, 0);
	snprintf(command, sizeof command, "rm -r %s", directory);
	return system(command);
}

static char long_line[6000], long_comment[6000], broken[6000];

static void
local_accounts(void **state)
{
	static const struct {
		const char *content;
		enum accounts_answer answer;
	} rows[] = {
		{ "ann:x:1001:1001::/home/ann:/bin/sh\n", ACCOUNTS_FOUND }, { "", ACCOUNTS_NONE }, { NULL, ACCOUNTS_NONE },
		{ "anne:x:1:1::/:\nan:x:1:1::/:\n", ACCOUNTS_NONE }, { "ann:x:-1:1001::/:\n", ACCOUNTS_CANNOT_TELL },
		{ "ann:x:1001:::/:\n", ACCOUNTS_CANNOT_TELL }, { "ann:x\n", ACCOUNTS_CANNOT_TELL },
		{ long_line, ACCOUNTS_CANNOT_TELL }, { "ann:x:1001:1001::/:\nann:x:2:2::/:\n", ACCOUNTS_CANNOT_TELL },
	};
	char name[USER_MAX + 2];

	(void)state;
	memset(long_line, 'x', sizeof long_line - 1);
	memcpy(long_line, "ann:", 4);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum accounts_answer answer;

		put("passwd", rows[i].content, 0644);
		answer = accounts_find("ann", true, &identity);
		if (answer != rows[i].answer)
			fail_msg("row %zu: %d", i, answer);
	}
	put("passwd", "ann:x:1001:1001::relative:/bin/sh\n", 0644);
	assert_int_equal(accounts_find("ann", false, &identity), ACCOUNTS_FOUND);
	assert_string_equal(identity.home, "/");
	fault("/etc/passwd", 1, EACCES);
	assert_int_equal(accounts_find("ann", true, &identity), ACCOUNTS_CANNOT_TELL);
	fault("/etc/passwd", 1, EMFILE);
	assert_int_equal(accounts_find("nobody-there", true, &identity), ACCOUNTS_CANNOT_TELL);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(accounts_find(name, true, &identity), ACCOUNTS_NONE);
}

static void
groups_of_the_machine(void **state)
{
	char many[4000] = "";

	(void)state;
	put("group", "nothing\none:x\ntwo:x:5\nbad:x:abc:ann\nlong:x:123456789012:ann\nown:x:1001:ann\nnone:x:6:\n"
	    "other:x:7:bob,anne,an,xnn\nfirst:x:8:ann,bob\nlast:x:9:bob,ann\nend:x:10:bob,ann", 0644);
	assert_int_equal(accounts_find("ann", true, &identity), ACCOUNTS_FOUND);
	assert_int_equal(identity.rights.group_count, 4);
	assert_int_equal(identity.rights.groups[0], 1001);
	assert_int_equal(identity.rights.groups[1], 8);
	assert_int_equal(identity.rights.groups[2], 9);
	assert_int_equal(identity.rights.groups[3], 10);
	for (int i = 0; i < GROUPS_MAX + 20; i++)
		sprintf(many + strlen(many), "g%d:x:%d:ann\n", i, 2000 + i);
	put("group", many, 0644);
	assert_int_equal(accounts_find("ann", true, &identity), ACCOUNTS_FOUND);
	assert_int_equal(identity.rights.group_count, GROUPS_MAX);
	assert_int_equal(identity.rights.groups[GROUPS_MAX - 1], 2000 + GROUPS_MAX - 2);
	put("group", NULL, 0);
	assert_int_equal(accounts_find("ann", true, &identity), ACCOUNTS_FOUND);
	assert_int_equal(identity.rights.group_count, 1);
}

/* nsswitch.conf(5): is there a directory to ask? getent(1) says no, where it is asked. */
static void
where_accounts_are_kept(void **state)
{
	static const struct {
		const char *content;
		enum accounts_answer answer;
	} rows[] = {
		{ "passwd: files\n", ACCOUNTS_NONE }, { "passwd:\tcompat systemd # ldap\n", ACCOUNTS_NONE }, { NULL, ACCOUNTS_NONE },
		{ "", ACCOUNTS_NONE }, { "group: ldap\n", ACCOUNTS_NONE }, { "passwd:\n", ACCOUNTS_NONE }, { long_comment, ACCOUNTS_NONE },
		{ "passwd: ldap\ngroup: files\n", ACCOUNTS_FOUND }, { broken, ACCOUNTS_CANNOT_TELL },
		{ " \t passwd: files ldap\n", ACCOUNTS_FOUND }, { "group: files\npasswd : ldap\n", ACCOUNTS_FOUND },
		{ "passwd: files\npasswd_x: ldap\n #passwd: ldap\n", ACCOUNTS_NONE },
		{ "passwd: files ldap\n", ACCOUNTS_FOUND }, { "passwd: sss", ACCOUNTS_FOUND }, { long_line, ACCOUNTS_CANNOT_TELL },
	};

	(void)state;
	memset(long_line, 'x', sizeof long_line - 1);
	memcpy(long_line, "passwd:", 7);
	memset(long_comment, '#', sizeof long_comment - 1);
	memset(broken, 'x', 5000);
	strcpy(broken + 5000, "\npasswd: ldap\n");	/* whatever stands behind it */
	put("getent", "#!/bin/sh\necho eve:x:1002:1002::/home/eve:\n", 0755);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum accounts_answer answer;

		put("nsswitch.conf", rows[i].content, 0644);
		answer = accounts_find("eve", false, &identity);
		if (answer != rows[i].answer)
			fail_msg("row %zu: %d", i, answer);
	}
	fault("/etc/nsswitch.conf", 1, EACCES);
	assert_int_equal(accounts_find("eve", false, &identity), ACCOUNTS_CANNOT_TELL);
}

static void
answers_of_getent(void **state)
{
	static const struct {
		const char *script;
		enum accounts_answer answer;
		int groups;
	} rows[] = {
		{ "[ $1 = passwd ] && echo eve:x:1002:1003::/home/eve: || echo eve 1003 8 9", ACCOUNTS_FOUND, 3 },
		{ "[ $1 = passwd ] && echo eve:x:1002:1003::/home/eve: || echo eve", ACCOUNTS_FOUND, 1 },
		{ "[ $1 = passwd ] && echo eve:x:1002:1003::/home/eve: || echo eve $(seq 2000 2080) x", ACCOUNTS_FOUND, GROUPS_MAX },
		{ "[ $1 = passwd ] && echo eve:x:1002:1003::/home/eve: || exit 2", ACCOUNTS_CANNOT_TELL, 0 },
		{ "[ $1 = passwd ] && echo eve:x:1002:1003::/home/eve: || exit 1", ACCOUNTS_CANNOT_TELL, 0 },
		{ "exit 2", ACCOUNTS_NONE, 0 }, { "exit 1", ACCOUNTS_CANNOT_TELL, 0 }, { "exit 3", ACCOUNTS_CANNOT_TELL, 0 },
		{ "kill -9 $$", ACCOUNTS_CANNOT_TELL, 0 }, { "exit 0", ACCOUNTS_CANNOT_TELL, 0 },
		{ "echo bob:x:1002:1003::/home/eve:", ACCOUNTS_CANNOT_TELL, 0 }, { "echo eve:x:x:1003::/:", ACCOUNTS_CANNOT_TELL, 0 },
		{ "printf 'eve:x\\0:1002:1003::/:\\n'", ACCOUNTS_CANNOT_TELL, 0 },
	};

	(void)state;
	put("nsswitch.conf", "passwd: files ldap\n", 0644);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char script[200];
		enum accounts_answer answer;

		snprintf(script, sizeof script, "#!/bin/sh\n%s\n", rows[i].script);
		put("getent", script, 0755);
		answer = accounts_find("eve", true, &identity);
		if (answer != rows[i].answer || (answer == ACCOUNTS_FOUND && (identity.rights.uid != 1002 ||
		    identity.rights.gid != 1003 || identity.rights.group_count != rows[i].groups)))
			fail_msg("row %zu: %d, %d groups", i, answer, identity.rights.group_count);
	}
	put("getent", NULL, 0);
	assert_int_equal(accounts_find("eve", true, &identity), ACCOUNTS_CANNOT_TELL);
	fault("/dev/null", 1, ENXIO);
	assert_int_equal(accounts_find("eve", true, &identity), ACCOUNTS_CANNOT_TELL);
	/* A directory that hangs is waited for, half a minute; nobody is taken for the service account meanwhile. */
	put("getent", "#!/bin/sh\nexec sleep 60\n", 0755);
	hurry = 20;
	assert_int_equal(accounts_find("eve", true, &identity), ACCOUNTS_CANNOT_TELL);
}

/* Files ---------------------------------------------------------------------------------------------------------- */

static void
dates(void **state)
{
	static const char *const none[] = { "", "2024-1-01", "2024/01-01", "2024-01/01", "x024-01-01", "2024-x1-01", "2024-01-x1",
	    "2024-0a-01", "2024-01-1a", "2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "2024-01-32", "2024-04-31",
	    "2024-01-011", "9999-99-99" };
	int64_t end;

	(void)state;
	assert_true(passwd_date("2024-02-29", &end));
	assert_int_equal(end, 1709251200);
	assert_true(passwd_date("1970-01-01", &end));
	assert_int_equal(end, 86400);
	assert_true(passwd_date("2000-02-29", &end));
	assert_false(passwd_date("1900-02-29", &end));
	assert_false(passwd_date("2100-02-29", &end));
	for (size_t i = 0; i < LENGTH(none); i++)
		if (passwd_date(none[i], &end))
			fail_msg("%s", none[i]);
}

static struct file
in_memory(const char *content)
{
	return (struct file){ .path = "none", .bytes = content, .length = strlen(content) };
}

static void
secrets_of_files(void **state)
{
	unsigned char secret[PASSWD_SECRET_MAX];
	char content[6000] = "#secret:";
	struct file file = in_memory("#other:YQ==\n#secret:YWJj\nann:x\n");

	(void)state;
	assert_int_equal(passwd_secret(&file, secret), 3);
	assert_memory_equal(secret, "abc", 3);
	file = in_memory("ann:x\n#secret:YWJj\n");	/* below the first user it is none */
	assert_int_equal(passwd_secret(&file, secret), 0);
	file = in_memory("#secret:*\n");
	assert_int_equal(passwd_secret(&file, secret), 0);
	file = in_memory("#secret:\n");
	assert_int_equal(passwd_secret(&file, secret), 0);
	memset(content + 8, 'A', 256);
	file = in_memory(content);	/* longer than one may be */
	assert_int_equal(passwd_secret(&file, secret), 0);
	content[8 + PASSWD_SECRET_MAX] = '\0';
	file = in_memory(content);
	assert_int_equal(passwd_secret(&file, secret), PASSWD_SECRET_MAX / 4 * 3);
	memset(content + 8, 'A', 5000);
	strcpy(content + 5008, "\n#secret:YWJj\n");
	file = in_memory(content);	/* a line that nobody reads is not one */
	assert_int_equal(passwd_secret(&file, secret), 3);
}

/* An index that lies finds nobody; one that is another's, or of another state of the file, is not looked at. */
static void
indexes(void **state)
{
	static struct {
		struct passwd_index head;
		struct passwd_place places[6];
	} index;
	const char *at[4];
	char path[100], name[100];
	struct file file;
	FILE *stream;

	(void)state;
	snprintf(path, sizeof path, "%s/passwords", directory);
	snprintf(name, sizeof name, "%s/passwords.index", directory);
	stream = fopen(path, "w");
	fputs("ann:one\nbob:two\nann:three\n", stream);
	for (int i = 0; i < PASSWD_INDEXED / 16 + 1; i++)
		fputs("#23456789012345\n", stream);
	fclose(stream);
	assert_true(passwd_open(&file, path));
	passwd_index_start(&index.head, &file.status, 5000);
	for (int i = 0; i < 6; i++)	/* another's line, the middle of one, behind the end, and three times the right one */
		index.places[i] = (struct passwd_place){ passwd_hash("ann", 3), (const uint64_t[]){ 8, 17, 1 << 30, 0, 16, 16 }[i] };
	stream = fopen(name, "w");
	assert_int_equal(fwrite(&index, sizeof index, 1, stream), 1);
	fclose(stream);
	assert_int_equal(chmod(name, 0600), 0);
	/* Bytes whose FNV-1a hash is 0, which in an index would say that nothing stands there. */
	assert_int_equal(passwd_hash("\xd5\x6b\xb9\x53\x42\x87\x08\x36", 8), 1);
	assert_int_equal(passwd_find(&file, "ann", at, 4), 3);
	assert_ptr_equal(at[0], file.bytes);
	assert_ptr_equal(at[1], file.bytes + 16);
	assert_int_equal(passwd_find(&file, "ann", at, 1), 3);
	assert_int_equal(passwd_find(&file, "bob", at, 4), 0);		/* it is not in the index: it is believed */
	assert_int_equal(passwd_rounds(&file), 5000);
	file.path = "/nonexistent/passwords";
	assert_int_equal(passwd_find(&file, "bob", at, 4), 1);
	file.path = path;
	assert_int_equal(chmod(name, 0620), 0);
	assert_int_equal(passwd_find(&file, "bob", at, 4), 1);
	assert_int_equal(passwd_rounds(&file), 0);
	assert_int_equal(chmod(name, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(name, 1234, 0), 0);
		assert_int_equal(passwd_find(&file, "bob", at, 4), 1);
		file.status.st_uid = 1234;	/* the same one's as the file */
		assert_int_equal(passwd_find(&file, "bob", at, 4), 0);
		assert_int_equal(chown(name, 0, 0), 0);
	}
	file.status.st_mtim.tv_nsec++;
	assert_int_equal(passwd_find(&file, "bob", at, 4), 1);
	assert_int_equal(truncate(name, 20), 0);
	assert_int_equal(passwd_find(&file, "bob", at, 4), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(local_accounts, start, finish),
		cmocka_unit_test_setup_teardown(groups_of_the_machine, start, finish),
		cmocka_unit_test_setup_teardown(where_accounts_are_kept, start, finish),
		cmocka_unit_test_setup_teardown(answers_of_getent, start, finish),
		cmocka_unit_test(dates),
		cmocka_unit_test(secrets_of_files),
		cmocka_unit_test_setup_teardown(indexes, start, finish),
	};

	closefrom(3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
