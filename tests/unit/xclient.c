/* links: session/xclient */
/* XCLIENT as Postfix's XCLIENT_README has it, and as nobody should say it. */
#include "unit.h"

#include "session/xclient.h"

static struct xclient xclient;

static bool
xclient_of(const char *argument)
{
	char *copy = exactly(argument, strlen(argument) + 1);
	bool read;

	xclient = (struct xclient){ .address_said = false };
	read = xclient_read(copy, &xclient);

	free(copy);
	return read;
}

static void
what_is_said_is_read(void **state)
{
	(void)state;
	assert_true(xclient_of("NAME=spike.porcupine.org ADDR=168.100.189.2"));
	assert_string_equal(xclient.name, "spike.porcupine.org");
	assert_string_equal(xclient.address, "168.100.189.2");
	assert_true(xclient.address_said);
	assert_string_equal(xclient.port, "");
	assert_true(xclient_of("helo=laptop port=65535  Addr=ipv6:2001:DB8:0::1 "));
	assert_string_equal(xclient.address, "2001:db8::1");
	assert_string_equal(xclient.port, "65535");
	assert_string_equal(xclient.helo, "laptop");
	assert_true(xclient_of("HELO=a+2Bb+28\xc3\xbc"));
	assert_string_equal(xclient.helo, "a+b(\xc3\xbc");
	assert_true(xclient_of("HELO=+F0+9F+98+80+FF"));
	assert_string_equal(xclient.helo, "\xf0\x9f\x98\x80\xff");
	assert_false(xclient.address_said);
	assert_true(xclient_of("NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL] PORT=[unavailable] HELO=[UNAVAILABLE]"));
	assert_true(xclient.address_said);
	assert_string_equal(xclient.address, "");
	assert_string_equal(xclient.name, "");
	assert_string_equal(xclient.helo, "");
	assert_true(xclient_of("NAME=+5BUNAVAILABLE+5D"));
	assert_string_equal(xclient.name, "");
	/* One command after the other. */
	assert_true(xclient_of("NAME=a.example PORT=1 HELO=one"));
	assert_true(xclient_read("ADDR=192.0.2.1 HELO=two", &xclient));
	assert_string_equal(xclient.name, "a.example");
	assert_string_equal(xclient.helo, "two");
	assert_string_equal(xclient.port, "1");
	assert_true(xclient_read("HELO=x NAME=b", &xclient));
	assert_string_equal(xclient.helo, "x");
	assert_string_equal(xclient.name, "b");
	assert_true(xclient_read("ADDR=[UNAVAILABLE]", &xclient));
	assert_string_equal(xclient.address, "");
}

static void
anything_else_is_malformed(void **state)
{
	static const char *const wrong[] = {
		"", " ", "ADDR", "ADDR=", "ADDR =1.2.3.4", "=1.2.3.4", "ADDR=1.2.3", "ADDR=1.2.3.4.5", "ADDR=2001:db8::1",
		"ADDR=IPV6:1.2.3.4", "ADDR=IPV6:", "ADDR=IPV6:fe80::1%eth0", "ADDR=1.2.3.4 ADDR=1.2.3.4", "ADDR=1.2.3.4 x",
		"LOGIN=bob", "PROTO=ESMTP", "DESTADDR=1.2.3.4", "ADDR=1.2.3.4 LOGIN=bob", "PORT=65536", "PORT=-1", "PORT=+31x",
		"PORT=0x1", "NAME=a(b", "NAME=a+0Ab", "HELO=a+0D+0Ab", "HELO=+20", "HELO=+", "HELO=+2", "HELO=+2b", "HELO=+G1",
		"HELO=+00", "HELO=\x7f", "HELO=\t", "NAMES=x", "NAM=x", "HELO=x\x01",
		"ADDRX1.2.3.4", "ADDR 1.2.3.4", "HELO=a+ PORT=1", "HELO=a+2 PORT=1",
	};
	char longest[300] = "HELO=", *name = longest;

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		if (xclient_of(wrong[i]))
			fail_msg("%s", wrong[i]);
	memset(longest + 5, 'h', 256);
	longest[5 + 255] = '\0';
	assert_true(xclient_of(longest));
	longest[5 + 255] = 'h';
	longest[5 + 256] = '\0';
	assert_false(xclient_of(longest));
	/* A name, too; and nothing behind it is written. */
	memset(longest + 5, 'n', 255);
	memcpy(name, "NAME=", 5);
	for (int dot = 63; dot < 255; dot += 64)
		longest[5 + dot] = '.';
	longest[5 + 253] = '\0';
	memset(&xclient, 'x', sizeof xclient);
	assert_true(xclient_read(name, &xclient));
	assert_string_equal(xclient.name, name + 5);
	assert_int_equal(xclient.name[254], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_read), cmocka_unit_test(anything_else_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
