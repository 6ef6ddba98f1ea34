/* links: base alone */
/* Networks, one and lists of them. */
#include "unit.h"

#include "base/network.h"

static void
addresses_are_held(void **state)
{
	static const struct {
		const char *address, *network;
		bool within;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true }, { "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "192.0.2.0/24", true }, { "192.0.3.1", "192.0.2.0/24", false },
		{ "192.0.3.1", "192.0.2.0/23", true }, { "192.0.2.1", "192.0.2.255/24", true },
		{ "192.0.2.1", "0.0.0.0/0", true }, { "192.0.2.1", "192.0.2.1/32", true },
		{ "192.0.2.0", "192.0.2.1/32", false }, { "192.0.2.0", "192.0.2.1/31", true },
		{ "127.0.0.1", "128.0.0.0/1", false }, { "128.0.0.1", "128.0.0.0/1", true },
		{ "192.0.2.1", "192.0.2.1/33", false }, { "192.0.2.1", "192.0.2.1/", false },
		{ "192.0.2.1", "192.0.2.1/-1", false }, { "192.0.2.1", "192.0.2.1/24/1", false },
		{ "192.0.2.1", "192.0.2", false }, { "192.0.2.1", "", false }, { "192.0.2.1", "/0", false },
		{ "192.0.2.1", "local", false }, { "192.0.2.1", "::/0", false }, { "192.0.2.1", "192.0.2.1 ", true },
		{ "2001:db8::1", "2001:db8::/32", true }, { "2001:db9::1", "2001:db8::/32", false },
		{ "2001:db8::1", "2001:db8::1", true }, { "2001:db8::1", "2001:db8::1/128", true },
		{ "2001:db8::1", "2001:db8::2/127", false }, { "2001:db8::1", "2001:db8::/129", false },
		{ "2001:db8::1", "::/0", true }, { "2001:db8::1", "0.0.0.0/0", false },
		{ "", "0.0.0.0/0", false }, { "", "::/0", false },
		/* Lists; what is no network holds nothing, and keeps nothing of the others back. */
		{ "192.0.2.1", "10.0.0.0/8,192.0.2.0/24", true }, { "192.0.2.1", " 10.0.0.0/8, ::/0\t192.0.2.1", true },
		{ "192.0.2.1", "x,192.0.2.1", true }, { "192.0.2.1", "10.0.0.0/8 ::/0", false }, { "192.0.2.1", " , ", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", false }, { "192.0.2.1 ", "192.0.2.1", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (network_holds(rows[i].network, rows[i].address) != rows[i].within)
			fail_msg("%s in %s", rows[i].address, rows[i].network);
}

static void
lists_are_lists(void **state)
{
	static const char *const right[] = { "192.0.2.1", "192.0.2.0/24", "::1", "2001:db8::/32, 10.0.0.0/8 127.0.0.1",
	    ",192.0.2.1,,::/0,", "0.0.0.0/0" };
	static const char *const wrong[] = { "", " ", ",", "x", "192.0.2.1;192.0.2.2", "192.0.2.0/33", "192.0.2.0/", "/24",
	    "192.0.2.1,mail.example", "::/129", "2001:db8::/-1", "[::1]", "::ffff:192.0.2.1", "192.0.2", "fe80::1%eth0" };

	(void)state;
	for (size_t i = 0; i < LENGTH(right); i++)
		if (!network_list(right[i]))
			fail_msg("%s", right[i]);
	for (size_t i = 0; i < LENGTH(wrong); i++)
		if (network_list(wrong[i]))
			fail_msg("%s", wrong[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_held), cmocka_unit_test(lists_are_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
