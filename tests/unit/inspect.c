/* links: auth/inspect auth/passwd auth/pwhash */
/* What is wrong with the lines of a password file, the secret in it, dates, and all lines of one name. */
#include "unit.h"

#include "auth/inspect.h"
#include "base/text.h"

#define HASH "{SHA256}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="

static char said[20000];
static const char kinds[] = {
	[INSPECT_UNSOUND] = 'U', [INSPECT_WRONG] = 'W', [INSPECT_UNFOUND] = 'F', [INSPECT_WARNING] = 'w',
};

static void
hear(void *context, enum inspect_kind kind, const char *text)
{
	(void)context;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%c %s\n", kinds[kind], text);
}

static struct inspect
inspect(const char *bytes, size_t length)
{
	const struct file file = { .bytes = bytes, .length = length };
	struct inspect inspect;

	said[0] = '\0';
	assert_true(inspect_file(&file, hear, NULL, &inspect));
	return inspect;
}

/* One line, and how what is said of it begins; "": nothing. */
static void
each_fault(void **state)
{
	static const struct {
		const char *line, *said;
	} rows[] = {
		{ "bob:" HASH, "" }, { "bob:secret", "" }, { "bob:!", "" }, { "bob:", "" }, { "bob:" HASH ":1:2::/:/bin/sh:x=y", "" },
		{ "bob:" HASH "\r", "" }, { "b\xc3\xb6" "b:x", "" }, { "bob:$6$x", "W line 2: user bob: the stored password is not a" },
		{ "bob:" HASH "::::::allow_nets=192.0.2.0/24,::1 expires=2026-12-31 label=x nologin user=a", "" },
		{ "bob:x:1:2", "W line 2: user bob: the stored password is not a crypt(5) hash" },
		{ "bob:{NOSUCH}x", "W line 2: user bob: the scheme of the stored password is not known; " },
		{ "bob:{NOSUCH", "W line 2: user bob: the scheme of the stored password is not known; " },
		{ "bob:{SHA256}x", "W line 2: user bob: the stored password is malformed for its scheme; " },
		{ "bob:" HASH ":0:1", "W line 2: user bob: uid or gid is root's; " },
		{ "bob:" HASH ":1:0", "W line 2: user bob: uid or gid is root's; " },
		{ "bob:" HASH ":abc:1", "W line 2: user bob: uid or gid is not a number; " },
		{ "bob:" HASH ":1:4294967295", "W line 2: user bob: uid or gid is not a number; " },
		{ "bob:" HASH ":1", "W line 2: user bob: there is a uid and no gid; give both, or neither; " },
		{ "bob:" HASH "::1", "W line 2: user bob: there is a gid and no uid; give both, or neither; " },
		{ "b\xc2\x9bm:" HASH, "F line 2: user b??m: " },
		{ "bob:" HASH "::::home", "w line 2: user bob: the home is not used: it is not an absolute path; " },
		{ "Bob:" HASH, "F line 2: user Bob: a name with capital letters is never found; " },
		{ " bob:" HASH, "F line 2: user  bob: a name with blanks around it is never found; " },
		{ "bob :" HASH, "F line 2: user bob : a name with blanks around it is never found; " },
		{ "b ob:" HASH, "w line 2: user b ob: there is a blank in the name; " },
		{ "b\xff" "b:" HASH, "F line 2: user b?b: a name that is not UTF-8" },
		{ "b\x1b[0m:" HASH, "F line 2: user b?[0m: a name that is not UTF-8" },
		{ "bob", "w line 2: there is no colon: not read; " }, { ":x", "w line 2: there is no name: not read; " },
		{ "bob:" HASH "::::::allow_nets=10.0.0.0/33",
		  "W line 2: user bob: allow_nets= holds something that is not a network: '10.0.0.0/33'; " },
		{ "bob:" HASH "::::::allow_nets=::1,x", "W line 2: user bob: allow_nets= holds something that is not a network: '::1,x'; " },
		{ "bob:" HASH "::::::expires=2026-02-29", "W line 2: user bob: expires= is not a date: '2026-02-29'; " },
		{ "bob:" HASH "::::::label=12345678901234567890123456789012345678901234567890123456789012345",
		  "W line 2: user bob: label= has no value, or more than 64 bytes; " },
		{ "bob:" HASH "::::::quota=1/h,2/d", "" }, { "bob:" HASH "::::::quota=x", "W line 2: user bob: quota= is malformed: 'x'; " },
		{ "bob:" HASH "::::::quota=00000000000000200/h", "W line 2: user bob: quota= is malformed: '00000000000000200/h'; " },
		{ "bob:" HASH "::::::label=", "W line 2: user bob: label= has no value, or more than 64 bytes; " },
		{ "bob:*::::::label=x", "" }, { "bob:!$6$x::::::label=x", "" },
		{ "bob:{CRYPT}CCNf8Sbh3HDfQ::::::label=x", "w line 2: user bob: a password with a label is stored in a slow form" },
	};
	char bytes[1000];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		snprintf(bytes, sizeof bytes, "# a comment\n%s\n\n  \nlast:!", rows[i].line);
		inspect(bytes, strlen(bytes));
		if (strncmp(said, rows[i].said, strlen(rows[i].said)) != 0 || (rows[i].said[0] == '\0') != (said[0] == '\0'))
			fail_msg("%s: %s", rows[i].line, said);
		if (said[0] != '\0' && (strstr(said, "; ") == NULL || strchr(said, '\n')[1] != '\0'))
			fail_msg("%s: not one line with a remedy: %s", rows[i].line, said);
		assert_null(strstr(said, "n4bQ"));
	}
}

/* What may be of a password in clear text, its tail behind a colon too, is not shown, and nothing that is no text. */
static void
nothing_of_a_password(void **state)
{
	static const char *const lines[] = { "bob:x:5ecret", "bob:x:1:5ecret", "bob:!:::::5ecret", "bob:{5ecret}x",
	    "bob:{5ecret", "bob:$5ecret", "b\xff:5ecret:5ecret", "b\xff:5ecret\nB\xff:5ecret", "b\xff:!::::::label=b\xff\n"
	    "b\xff:!::::::label=b\xff", "b:!::::::cert=\xff\nc:!::::::cert=\xff", "b:!::::::expires=\xff" };

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		inspect(lines[i], strlen(lines[i]));
		for (char *line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n"))
			if (strstr(line, "5ecret") != NULL || !text_utf8(line, strlen(line)))
				fail_msg("%s: shown: %s", lines[i], line);
	}
}

/* A session reads 32 lines of a name and no more. */
static void
too_many_lines(void **state)
{
	static char bytes[4000];

	(void)state;
	for (int i = 0; i < 33; i++) {
		snprintf(bytes + strlen(bytes), sizeof bytes - strlen(bytes), "bob:" HASH "::::::label=%d\n", i);
		assert_int_equal(inspect(bytes, strlen(bytes)).wrong, i == 32);
	}
	assert_non_null(strstr(said, "W user bob: the name has more than 32 lines, the last one is line 33: no login "));
}

static void
doubles(void **state)
{
	static const char several[] = "a:x\nb:x\nA :x\nc:" HASH "::::::label=one\nc:" HASH "::::::label=two\nc:x\n"
	    "c:" HASH "::::::label=two\n#a:x\nb\n:b\n";
	struct inspect found = inspect(several, sizeof several - 1);

	(void)state;
	assert_non_null(strstr(said, "U lines 1 and 3 are for the same user, a: delete one\n"));
	assert_non_null(strstr(said, "U lines 5 and 7 are for the same user, c, and have the same label, two: delete one\n"));
	assert_int_equal(found.wrong, 2);
	assert_int_equal(found.entries, 7);
	assert_int_equal(found.cleartext, 1);
	found = inspect("a\0b:x\n", 6);
	assert_int_equal(strncmp(said, "U line 1: holds a NUL", 20), 0);
	inspect("", 0);
	assert_string_equal(said, "w no user in it; ofmipd-passwd USER makes one\n");
	inspect("#", 1);
	assert_string_equal(said, "w no user in it; ofmipd-passwd USER makes one\n");
}

static void
long_lines(void **state)
{
	static char bytes[6000];

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes, "bob:", 4);
	memcpy(bytes + 5000, "\nbob:!\n", 7);
	inspect(bytes, 5007);
	assert_non_null(strstr(said, "W line 1: longer than 4095 bytes: not read; shorten it\n"));
	assert_non_null(strstr(said, "U lines 1 and 2 are for the same user, bob: delete one\n"));
	memset(bytes, 'x', 300);
	memcpy(bytes + 300, ":!\n", 3);
	inspect(bytes, 303);
	assert_non_null(strstr(said, "F line 1: user xxx"));
}

static void
all_lines_of_a_name(void **state)
{
	static const char bytes[] = "bob:1\nbobo:2\n bob:3\nBob:4\n#bob:5\nbob:6\nx:bob:7\nbob\nbob:";
	const struct file file = { .bytes = bytes, .length = sizeof bytes - 1 };
	const char *at[2] = { NULL, NULL };

	(void)state;
	assert_int_equal(passwd_find(&file, "bob", at, 2), 3);
	assert_ptr_equal(at[0], bytes);
	assert_memory_equal(at[1], "bob:6", 5);
	assert_int_equal(passwd_find(&file, "bobo", at, 1), 1);
	assert_int_equal(passwd_find(&file, "bo", at, 2), 0);
	assert_int_equal(passwd_find(&file, "x:bob", at, 2), 1);
	assert_int_equal(passwd_find(&(struct file){ .bytes = "" }, "bob", at, 2), 0);
}

static size_t
secret_of(const char *bytes, unsigned char *secret)
{
	return passwd_secret(&(struct file){ .bytes = bytes, .length = strlen(bytes) }, secret);
}

static void
secrets(void **state)
{
	unsigned char secret[PASSWD_SECRET_MAX];

	(void)state;
	assert_int_equal(secret_of("# x\n\n#secret:YWJj\r\nbob:x\n", secret), 3);
	assert_memory_equal(secret, "abc", 3);
	assert_int_equal(secret_of("bob:x\n#secret:YWJj\n", secret), 0);
	assert_int_equal(secret_of("#secret:YWJ\n", secret), 0);
	assert_int_equal(secret_of("#secret:\n", secret), 0);
	assert_int_equal(secret_of("#secretx:YWJj\n", secret), 0);
	assert_int_equal(secret_of("", secret), 0);
}

static void
dates(void **state)
{
	static const char *const none[] = { "", "2026-1-01", "2026-13-01", "2026-00-01", "2026-01-00", "2026-02-29",
	    "2026-01-01x", " 2026-01-01", "2026/01/01", "26-01-2001", "2026-01-1 ", "+026-01-01" };
	int64_t end;

	(void)state;
	for (size_t i = 0; i < LENGTH(none); i++)
		if (passwd_date(none[i], &end))
			fail_msg("\"%s\"", none[i]);
	assert_true(passwd_date("1970-01-01", &end));
	assert_int_equal(end, 86400);
	assert_true(passwd_date("2028-02-29", &end));
	assert_int_equal(end, 1835481600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault),
		cmocka_unit_test(nothing_of_a_password),
		cmocka_unit_test(too_many_lines),
		cmocka_unit_test(doubles),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(all_lines_of_a_name),
		cmocka_unit_test(secrets),
		cmocka_unit_test(dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
