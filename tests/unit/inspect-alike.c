/* links: auth/passwd auth/pwhash */
/* Password files in which all names have one hash: none is taken for another by that. */
#include "unit.h"

#include "auth/passwd.h"

#define passwd_hash(name, length) ((void)(name), (void)(length), (uint64_t)1)
#include "auth/inspect.c"

static char said[2000];

static void
hear(void *context, enum inspect_kind kind, const char *text)
{
	(void)context;
	(void)kind;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static void
inspect(const char *bytes)
{
	const struct file file = { .bytes = bytes, .length = strlen(bytes) };
	struct inspect found;

	said[0] = '\0';
	assert_true(inspect_file(&file, hear, NULL, &found));
}

static void
names(void **state)
{
	(void)state;
	inspect("ann:!\nbob:!\nanna:!\nann:!::::::label=x\nann:!::::::label=y\n");
	assert_string_equal(said, "");
	inspect("ann:!\nbob:!\nann:!\n");
	assert_string_equal(said, "lines 1 and 3 are for the same user, ann: delete one\n");
}

static void
certificates(void **state)
{
	static char far[5100];

	(void)state;
	inspect("ann:!::::::cert=a\n# bob:!::::::cert=a\nbob:!::::::cert=b\neve:!\ncert=a\n");
	assert_string_equal(said, "line 5: there is no colon: not read; write user:password, or # in front of a comment\n");
	inspect("ann:!::::::cert=a\nbob:!::::::cert=b\neve:!::::::cert=A\n");
	assert_string_equal(said, "lines 1 and 3 are for the same certificate, cert=a: delete one\n");
	/* A line that nobody reads is no user's. */
	strcpy(far, "ann:!::::::cert=a\nbob:!::::::cert=a x=");
	memset(far + strlen(far), 'x', 5000);
	inspect(far);
	assert_string_equal(said, "line 2: longer than 4095 bytes: not read; shorten it\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(certificates) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
