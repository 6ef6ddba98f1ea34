/* links: session/header session/originator */
/* Our Received field: as much of the client as the administrator wants, and nothing that could be another field. */
#include "unit.h"

#include "session/header.h"

static struct config config = { .hostname = "mail.example" };

static const char *
received(enum received shown, const char *from, const char *host, const char *address, const char *login)
{
	static char array[HEADER_RECEIVED_MAX];
	const struct header_origin origin = { .config = &config, .from = from, .host = host, .address = address,
	    .login = login, .with = "ESMTPSA", .tls = "", .id = "ID" };
	struct text text;

	config.received = shown;
	text_start(&text, array, sizeof array);
	header_add_received(&origin, &text);
	assert_false(text.cut);
	*strchr(array, ';') = '\0';	/* the date is another's test */
	return array;
}

static void
as_much_as_is_wanted(void **state)
{
	(void)state;
	assert_string_equal(received(RECEIVED_FULL, "laptop", "host.example", "192.0.2.1", "bob"),
	    "Received: from laptop (host.example [192.0.2.1])\n\tby mail.example with ESMTPSA\n\tid ID");
	assert_string_equal(received(RECEIVED_FULL, "laptop", "", "2001:db8::1", "bob"),
	    "Received: from laptop ([IPv6:2001:db8::1])\n\tby mail.example with ESMTPSA\n\tid ID");
	assert_string_equal(received(RECEIVED_FULL, "laptop", "", "", "bob"),
	    "Received: from laptop (unknown)\n\tby mail.example with ESMTPSA\n\tid ID");
	assert_string_equal(received(RECEIVED_LOGIN, "laptop", "", "192.0.2.1", "bob@example.com"),
	    "Received: from laptop ([192.0.2.1])\n\t(authenticated as bob@example.com)\n"
	    "\tby mail.example with ESMTPSA\n\tid ID");
	assert_string_equal(received(RECEIVED_NO_ADDRESS, "laptop", "host.example", "192.0.2.1", "bob"),
	    "Received: from laptop\n\tby mail.example with ESMTPSA\n\tid ID");
	assert_string_equal(received(RECEIVED_NONE, "laptop", "host.example", "192.0.2.1", "bob"),
	    "Received: by mail.example with ESMTPSA\n\tid ID");
}

static void
no_word_is_another_field(void **state)
{
	char longest[USER_MAX + 1], name[256];

	(void)state;
	assert_string_equal(received(RECEIVED_LOGIN, "x\r\ny", "", "192.0.2.1", "a)\nBcc: b(\\\x80"),
	    "Received: from x??y ([192.0.2.1])\n\t(authenticated as a?\?Bcc: b?\?\?)\n\tby mail.example with ESMTPSA\n\tid ID");
	memset(longest, 'u', USER_MAX);
	longest[USER_MAX] = '\0';
	memset(name, 'n', 255);
	name[255] = '\0';
	memcpy(config.hostname, name, 256);
	assert_true(strlen(received(RECEIVED_LOGIN, name, name, "2001:db8:1111:2222:3333:4444:5555:6666", longest)) > 1000);
	strcpy(config.hostname, "mail.example");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_much_as_is_wanted), cmocka_unit_test(no_word_is_another_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
