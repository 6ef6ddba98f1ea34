/* links: base alone */
/* Parameters of delivery status notifications: which are right. */
#include "unit.h"

#include "base/dsn.h"

static void
parameters(void **state)
{
	static const struct {
		bool of_mail;
		const char *keyword, *value;
		enum dsn_parameter what;
	} rows[] = {
		{ true, "RET", "FULL", DSN_FIRST }, { true, "ret", "hdrs", DSN_FIRST }, { true, "RET", "HDR", DSN_WRONG },
		{ true, "RET", NULL, DSN_WRONG }, { true, "RET", "FULL,HDRS", DSN_WRONG }, { true, "NOTIFY", "NEVER", DSN_NONE },
		{ true, "ORCPT", "rfc822;a@b", DSN_NONE }, { true, "RETX", "FULL", DSN_NONE }, { true, "RE", "FULL", DSN_NONE },
		{ true, "ENVID", "QQ314159", DSN_SECOND }, { true, "ENVID", "a+20b+2B+3D", DSN_SECOND }, { true, "ENVID", "", DSN_WRONG },
		{ true, "ENVID", NULL, DSN_WRONG }, { true, "ENVID", "a+0Ab", DSN_WRONG }, { true, "ENVID", "a+7F", DSN_WRONG },
		{ true, "ENVID", "a+80", DSN_WRONG }, { true, "ENVID", "a+2b", DSN_WRONG }, { true, "ENVID", "a+2", DSN_WRONG },
		{ true, "ENVID", "a+", DSN_WRONG }, { true, "ENVID", "a=b", DSN_WRONG }, { true, "ENVID", "a b", DSN_WRONG },
		{ true, "ENVID", "\xc3\xa9", DSN_WRONG }, { true, "ENVID", "a\r\nRCPT TO:<x@y>", DSN_WRONG },
		{ false, "NOTIFY", "NEVER", DSN_FIRST }, { false, "notify", "success,Failure,DELAY", DSN_FIRST },
		{ false, "NOTIFY", "DELAY", DSN_FIRST }, { false, "NOTIFY", "NEVER,DELAY", DSN_WRONG },
		{ false, "NOTIFY", "DELAY,DELAY", DSN_WRONG }, { false, "NOTIFY", "DELAY,", DSN_WRONG },
		{ false, "NOTIFY", ",DELAY", DSN_WRONG }, { false, "NOTIFY", "", DSN_WRONG }, { false, "NOTIFY", NULL, DSN_WRONG },
		{ false, "NOTIFY", "DELAYS", DSN_WRONG }, { false, "NOTIFY", "DELAY, SUCCESS", DSN_WRONG },
		{ false, "RET", "FULL", DSN_NONE }, { false, "ENVID", "x", DSN_NONE },
		{ false, "ORCPT", "rfc822;bob@example.net", DSN_SECOND }, { false, "orcpt", "utf-8;b+2Bx@example.net", DSN_SECOND },
		{ false, "ORCPT", "!~;x", DSN_SECOND }, { false, "ORCPT", "rfc822;", DSN_WRONG }, { false, "ORCPT", ";bob@example.net", DSN_WRONG },
		{ false, "ORCPT", "bob@example.net", DSN_WRONG }, { false, "ORCPT", "rfc 822;x", DSN_WRONG },
		{ false, "ORCPT", "rfc822;a b", DSN_WRONG }, { false, "ORCPT", "rfc(822);x", DSN_WRONG },
		{ false, "ORCPT", "rfc822;a+0D+0A", DSN_WRONG }, { false, "ORCPT", NULL, DSN_WRONG }, { false, "", "x", DSN_NONE },
	};
	char long_one[600];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (dsn_read(rows[i].of_mail, rows[i].keyword, rows[i].value) != rows[i].what)
			fail_msg("row %zu: %s=%s", i, rows[i].keyword, rows[i].value != NULL ? rows[i].value : "(none)");
	memset(long_one, 'x', sizeof long_one);
	long_one[101] = '\0';
	assert_int_equal(dsn_read(true, "ENVID", long_one), DSN_WRONG);
	assert_int_equal(dsn_read(true, "ENVID", long_one + 1), DSN_SECOND);
	long_one[101] = 'x';
	long_one[3] = ';';
	long_one[501] = '\0';
	assert_int_equal(dsn_read(false, "ORCPT", long_one), DSN_WRONG);
	long_one[500] = '\0';
	assert_int_equal(dsn_read(false, "ORCPT", long_one), DSN_SECOND);
}

static void
a_second_look(void **state)
{
	char long_one[DSN_MAX + 100];

	(void)state;
	assert_true(dsn_valid(true, "RET=FULL"));
	assert_true(dsn_valid(true, "ENVID=x RET=HDRS"));
	assert_true(dsn_valid(false, "NOTIFY=NEVER ORCPT=rfc822;a@b"));
	assert_false(dsn_valid(true, ""));
	assert_false(dsn_valid(true, "RET=FULL RET=FULL"));
	assert_false(dsn_valid(true, "RET=FULL  ENVID=x"));
	assert_false(dsn_valid(true, " RET=FULL"));
	assert_false(dsn_valid(true, "RET=FULL "));
	assert_false(dsn_valid(true, "RET"));
	assert_false(dsn_valid(true, "AUTH=root"));
	assert_false(dsn_valid(true, "RET=FULL AUTH=root"));
	assert_false(dsn_valid(true, "ENVID=x\r\nDATA"));
	assert_false(dsn_valid(false, "RET=FULL"));
	assert_false(dsn_valid(true, "NOTIFY=NEVER"));
	memset(long_one, 'x', sizeof long_one);
	for (size_t length = sizeof long_one - 1; length >= DSN_MAX; length--) {
		long_one[length] = '\0';
		assert_false(dsn_valid(true, long_one));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters), cmocka_unit_test(a_second_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
