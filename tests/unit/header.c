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
	assert_string_equal(received(RECEIVED_LOGIN, "x", "", "", "\x1f ~\x7f"),
	    "Received: from x (unknown)\n\t(authenticated as ? ~?)\n\tby mail.example with ESMTPSA\n\tid ID");
	memset(longest, 'u', USER_MAX);
	longest[USER_MAX] = '\0';
	memset(name, 'n', 255);
	name[255] = '\0';
	memcpy(config.hostname, name, 256);
	assert_true(strlen(received(RECEIVED_LOGIN, name, name, "2001:db8:1111:2222:3333:4444:5555:6666", longest)) > 1000);
	strcpy(config.hostname, "mail.example");
}

static void
lines_are_told_apart(void **state)
{
	static const struct {
		const char *bytes;
		enum header_line first, later;	/* where no field was before it; behind one */
	} rows[] = {
		{ "", HEADER_MORE, HEADER_MORE }, { "\r", HEADER_MORE, HEADER_MORE }, { "\r\n", HEADER_END, HEADER_END },
		{ "\n", HEADER_END, HEADER_END }, { "\rx", HEADER_NONE, HEADER_NONE }, { ":", HEADER_NONE, HEADER_NONE },
		{ "a", HEADER_MORE, HEADER_MORE }, { "a \t", HEADER_MORE, HEADER_MORE }, { "a:", HEADER_FIELD, HEADER_FIELD },
		{ "a \t:", HEADER_FIELD, HEADER_FIELD }, { "a b:", HEADER_NONE, HEADER_NONE }, { "a\n", HEADER_NONE, HEADER_NONE },
		{ " ", HEADER_NONE, HEADER_FIELD }, { "\ta:", HEADER_NONE, HEADER_FIELD }, { "!~:", HEADER_FIELD, HEADER_FIELD },
		{ "a\x7f:", HEADER_NONE, HEADER_NONE }, { "a\x80:", HEADER_NONE, HEADER_NONE }, { "\x01:", HEADER_NONE, HEADER_NONE },
		{ "\x7f:", HEADER_NONE, HEADER_NONE },
	};
	static const struct header_origin origin = { .config = &config };
	char name[HEADER_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (int later = 0; later < 2; later++) {
			struct header header = { .has_field = later };
			char *exact = exactly(rows[i].bytes, strlen(rows[i].bytes));
			enum header_line seen = header_line(&header, &origin, exact, exact + strlen(rows[i].bytes));

			if (seen != (later ? rows[i].later : rows[i].first))
				fail_msg("row %zu, %d: %d", i, later, (int)seen);
			free(exact);
		}
	/* A name and its blanks have room in a line. */
	for (int length = HEADER_NAME_MAX - 2; length <= HEADER_NAME_MAX; length++)
		for (int blanks = 0; blanks < 2; blanks++) {
			struct header header = { .has_field = false };

			memset(name, 'n', sizeof name);
			name[length] = ':';
			if (blanks)
				name[length - 1] = ' ';
			assert_int_equal(header_line(&header, &origin, name, name + length + 1),
			    length < HEADER_NAME_MAX ? HEADER_FIELD : HEADER_NONE);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_much_as_is_wanted), cmocka_unit_test(no_word_is_another_field),
		cmocka_unit_test(lines_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
