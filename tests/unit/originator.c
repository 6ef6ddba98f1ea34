/* links: session/originator */
/* Whose a From or Sender field is: RFC 5322's own examples, RFC 6854's groups, and what nobody should be able to say. */
#include "unit.h"

#include "session/originator.h"

/* The addresses of a field's body with a blank between them, "?" behind them where it is malformed. */
static const char *
addresses_of(const char *body)
{
	static char found[4096];
	static struct originator originator;
	enum originator_event event = ORIGINATOR_MORE;
	struct text text;

	text_start(&text, found, sizeof found);
	originator_start(&originator);
	for (const char *at = body; ; at++) {
		event = *at == '\0' ? originator_end(&originator) : originator_take(&originator, *at);
		if (event == ORIGINATOR_ADDRESS) {
			assert_true(address_valid(originator.address.text));
			text_add(&text, text.used > 0 ? " " : "");
			text_add(&text, originator.address.text);
		}
		if (*at == '\0' || event == ORIGINATOR_MALFORMED)
			break;
	}
	if (event == ORIGINATOR_MALFORMED) {
		assert_int_equal(originator_take(&originator, 'a'), ORIGINATOR_MALFORMED);
		assert_int_equal(originator_end(&originator), ORIGINATOR_MALFORMED);
		text_add(&text, "?");
	}
	return found;
}

struct row {
	const char *body, *addresses;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(addresses_of(rows[i].body), rows[i].addresses) != 0)
			fail_msg("%s: %s, not %s", rows[i].body, addresses_of(rows[i].body), rows[i].addresses);
}

static void
addresses_are_found(void **state)
{
	static const struct row rows[] = {
		{ " a@x", "a@x" },
		{ "a@x", "a@x" },
		{ " <a@x>", "a@x" },
		{ " a@x, b@y,c@z", "a@x b@y c@z" },
		{ " Joe Q. Public <john.q.public@example.com>", "john.q.public@example.com" },
		{ " \"Joe, Q. Public\" <joe@example.com>", "joe@example.com" },
		{ " \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "sysservices@example.net" },
		{ " Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
		    "mary@x.test jdoe@example.org one@y.test" },
		{ " Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test" },
		{ " (only (a (nested) comment)) a@x (b@y)", "a@x" },
		{ " joe@example.com (Joe, of <example.org>)", "joe@example.com" },
		{ " =?utf-8?Q?J=C3=BCrgen?= <j@x>", "j@x" },
		{ " =?utf-8?B?SsO8cmdlbg==?= =?utf-8?B?IEs=?= <j@x>", "j@x" },
		{ " J\xc3\xbcrgen <j@x>", "j@x" },
		{ " <j\xc3\xbcrgen@\xe2\x82\xac.example>", "j\xc3\xbcrgen@\xe2\x82\xac.example" },
		{ " \"joe smith\"@x", "\"joe smith\"@x" },
		{ " <\"joe\"@x>", "joe@x" },
		{ " <\"a@b\"@x>", "\"a@b\"@x" },
		{ " Joe\r\n <a@x>", "a@x" },
		{ "\n\t\"Joe\n Doe\"\n <a@x>\n", "a@x" },
		{ " a (one) @ (two) x", "a@x" },
		{ " a @ x", "a@x" },
		{ " <a@[192.0.2.1]>, b@[IPv6:2001:db8::1]", "a@[192.0.2.1] b@[IPv6:2001:db8::1]" },
		{ " Joe<a@x>", "a@x" },
		{ " \"Joe\"<a@x>", "a@x" },
		{ " \"Joe\"Doe\"Junior\" <a@x>", "a@x" },
		{ " a@x,", "a@x" },
		{ " ,,a@x,,b@y", "a@x b@y" },
		{ " a@x <b@y>", "a@x b@y" },
		{ " a@x<b@y>", "a@x b@y" },
		{ " Joe Doe \"Junior\" Roe <a@x>", "a@x" },
		{ " \"a@x\" <b@y>", "b@y" },
		{ " ~a@x", "~a@x" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
groups_are_read(void **state)
{
	static const struct row rows[] = {
		{ " A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
		    "c@a.test joe@where.test jdoe@one.test" },
		{ " Undisclosed recipients:;", "?" },
		{ " \"ceo@bank.test\":;", "?" },
		{ " (Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "?" },
		{ " none:;, a@x", "a@x" },
		{ " \"Managing Partners\":ben@x.test,carol@y.test;", "ben@x.test carol@y.test" },
		{ " group : a@x ;", "a@x" },
		{ " \"a\" b:c@x;", "c@x" },
		{ " one:a@x;, two:b@y;, c@z", "a@x b@y c@z" },
		{ " g: A <a@x> ;", "a@x" },
		{ " g: a@x,;", "a@x" },
		{ " g:", "?" },
		{ " g: a@x", "?" },
		{ " g: h: a@x;;", "?" },
		{ " :a@x;", "?" },
		{ " a@x:b@y;", "?" },
		{ " a@x;", "?" },
		{ " g:a@x; b@y", "a@x?" },
		{ " g:a@x;;", "a@x?" },
	};

	(void)state;
	check(rows, LENGTH(rows));
}

static void
doubts_are_refused(void **state)
{
	static const struct row rows[] = {
		{ "", "?" }, { " ", "?" }, { " ()", "?" }, { ",", "?" }, { " joe", "?" }, { " Joe Doe", "?" }, { " <>", "?" },
		{ " <joe>", "?" }, { " @x", "?" }, { " a@", "?" }, { " <a@x", "?" }, { " a@x>", "?" }, { " <<a@x>>", "?" },
		{ " <a@x>b", "a@x?" }, { " <a@x> b", "a@x?" }, { " <a@x> <b@y>", "a@x?" }, { " <a@x>\"b\"", "a@x?" },
		{ " <@a,@b:c@d>", "?" }, { " a@x b@y", "?" }, { " a@x b", "?" }, { " Joe a@x <b@y>", "?" }, { " a b@x", "?" },
		{ " a@b@c", "?" }, { " a@x@y <b@z>", "?" }, { " \"a\"b@x", "?" }, { " a\"b\"@x", "?" }, { " a . b@x", "?" },
		{ " .a@x", "?" }, { " a.@x", "?" }, { " a@.x", "?" }, { " a@x.", "?" }, { " a@x..y", "?" }, { " a@\"x\"", "?" },
		{ " a@[1.2.3]", "?" }, { " a@[x", "?" }, { " a@[192.0.2.1]b", "?" }, { " [192.0.2.1]", "?" }, { " a@x[", "?" },
		{ " \"Joe <a@x>", "?" }, { " (a@x", "?" }, { " a@x)", "?" }, { " a\\@b@x", "?" }, { " a\x01@x", "?" },
		{ " a@x\x7f", "?" }, { " \xff@x", "?" }, { " <\"a\tb\"@x>", "?" }, { " a@x, <b", "a@x?" }, { " a@ <b@y>", "?" },
		{ " <a b@x>", "?" }, { " <\"a\" b@x>", "?" }, { " a<b@y>c@z", "b@y?" }, { " a:b@x;,c", "b@x?" },
		{ " a@[192.0.2\n.1]", "?" }, { " a@(x", "?" }, { " (\\", "?" }, { " \"\\", "?" }, { " \"a\\\n\" <a@x>", "?" },
		{ " \"a\\\n\"\" <a@x>", "?" },
		{ " a@[192.0.2.\\1]", "?" }, { " <a:b@x>", "?" }, { " <g:a@x;>", "?" }, { " <a@x, b@y>", "?" }, { " <a@x;>", "?" },
	};
	/* What some readers take for another address: Python's parseaddr() finds v@y in all that are folded, and a client
	 * that decodes encoded words first finds it in the others. */
	static const struct row shown[] = {
		{ " \"v@y\r\n \" <a@x>", "?" }, { " \"\n v@y\" <a@x>", "?" }, { " (\r\n v@y) <a@x>", "?" },
		{ " (b\r\n <v@y>) a@x", "?" }, { " ((v@y)\n ) a@x", "?" }, { " \"v\\@y\r\n \" <a@x>", "?" },
		{ " \"v@y\" (b\r\n c) <a@x>", "a@x" }, { " (v@y)\r\n \"b\r\n c\" <a@x>", "a@x" },
		{ " =?utf-8?q?v=40y=00?=@x", "?" }, { " B <=?utf-8?b?dkB5AA==?=@x>", "?" }, { " \"=?utf-8?q?v=40y?=\"@x", "?" },
	};
	char deep[64], *at = deep;

	(void)state;
	check(rows, LENGTH(rows));
	check(shown, LENGTH(shown));
	memset(at, '(', 21);
	memset(at + 21, ')', 21);
	strcpy(at + 42, "a@x");
	assert_string_equal(addresses_of(deep), "?");
	assert_string_equal(addresses_of(deep + 1), "?");
	memset(at + 1, '(', 20);
	memset(at + 21, ')', 20);
	strcpy(at + 41, "a@x");
	assert_string_equal(addresses_of(deep + 1), "a@x");
}

/* A field is malformed with the byte that makes it so, before anything behind it is looked at: these end with it. */
static void
doubts_are_seen_at_once(void **state)
{
	static const char *const rows[] = {
		" a\"b\"@", " a@\"", " a@x\"", " a@x \"", " a@x b", " <a b", " <\"a\" b", " <a \"", " [", " a[",
		" a@x[",
		" a@[192.0.2.\\", " a@[192\n", " \"a\\\r", " \"@\n", "\x7f", " a@\x7f", "\x01", " \x1f", " \"\x02",
		" (\x0b", " @", " a @ @",
		" a@x@", " <a@x><", " <a@x>>", " <a@x>[", " <a@x>:", " <a@x>)", " <a@x>\\", " <a@x>@", " <a@x>b",
		" <a@x>\"", " a@<",
		" <<", " :", " a@:", " a@x:", " g:a:", " <a:", " >", " ;", " <,", " <;", " g:<;", " )", " \\",
		" a,", " Joe Doe,", " <>",
		" g:a;", " <a@x>;",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct originator originator;
		const char *at = rows[i];

		originator_start(&originator);
		while (*at != '\0' && originator_take(&originator, *at) != ORIGINATOR_MALFORMED)
			at++;
		if (*at == '\0' || at[1] != '\0')
			fail_msg("%s: at %td", rows[i], at - rows[i]);
	}
	for (int byte = -128; byte < 128; byte++) {
		struct originator originator;
		bool fine = byte < 0 || byte == '\t' || byte == '\n' || byte == '\r' ||
		    (byte >= ' ' && byte != 127 && strchr("@>[];:)\\", byte) == NULL);

		originator_start(&originator);
		assert_int_equal(originator_take(&originator, (char)byte), fine ? ORIGINATOR_MORE :
		    ORIGINATOR_MALFORMED);
	}
}

static void
lengths_have_limits(void **state)
{
	char body[2000], wanted[ADDRESS_MAX + 2];

	(void)state;
	/* A display name may be of any length, an address may not; and nothing is cut. */
	memset(body, 'n', 1500);
	strcpy(body + 1500, " <a@x>");
	assert_string_equal(addresses_of(body), "a@x");
	body[0] = '"';
	body[1499] = '"';
	assert_string_equal(addresses_of(body), "a@x");
	for (int length = ADDRESS_MAX - 3; length <= ADDRESS_MAX + 20; length++) {
		memset(body, 'a', (size_t)length);
		strcpy(body + length - 2, "@x");
		memcpy(wanted, body, length <= ADDRESS_MAX ? (size_t)length + 1 : 0);
		assert_string_equal(addresses_of(body), length <= ADDRESS_MAX ? wanted : "?");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found), cmocka_unit_test(groups_are_read),
		cmocka_unit_test(doubts_are_refused), cmocka_unit_test(doubts_are_seen_at_once),
		cmocka_unit_test(lengths_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
