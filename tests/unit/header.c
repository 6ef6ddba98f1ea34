/* links: session/header session/originator */
/* Our Received field: as much of the client as the administrator wants, and nothing that could be another field. */
#include "unit.h"

#include <time.h>

#include "session/header.h"

/* The clock stands still. */
time_t
time(time_t *now)
{
	if (now != NULL)
		*now = 1795232194;
	return 1795232194;
}

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
	assert_string_equal(strchr(array, ';'), "; Sat, 21 Nov 2026 03:36:34 +0000\n");
	*strchr(array, ';') = '\0';
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

/* Names are shown to 255 bytes. */
static void
names_are_cut(void **state)
{
	char name[258], wanted[1000];

	(void)state;
	memset(name, 'n', sizeof name);
	for (size_t length = 254; length <= 257; length++) {
		int shown = length < 255 ? (int)length : 255;

		name[length] = '\0';
		snprintf(wanted, sizeof wanted,
		    "Received: from %.*s (%.*s [192.0.2.1])\n\tby mail.example with ESMTPSA\n\tid ID",
		    shown, name, shown, name);
		assert_string_equal(received(RECEIVED_FULL, name, name, "192.0.2.1", "bob"), wanted);
		name[length] = 'n';
	}
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
		{ "\x7f:", HEADER_NONE, HEADER_NONE }, { "a  :", HEADER_FIELD, HEADER_FIELD },
		{ "a\t\t:", HEADER_FIELD, HEADER_FIELD },
	};
	static const char cut[] = "ab  : ";
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
	/* What stands behind the end is not looked at. */
	for (size_t length = 0; length < sizeof cut - 1; length++)
		for (size_t start = 0; start <= length; start += 5) {
			struct header header = { .has_field = true };

			assert_int_equal(header_line(&header, &origin, cut + start, cut + length),
			    length < 5 || start == 5 ? HEADER_MORE : HEADER_FIELD);
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

static char asked[20000];	/* what the sender rule was asked, with a blank behind each */

static const struct reply *
sender_fault(const char *address)
{
	static const char *const fault = "refused";

	strcat(strcat(asked, address == NULL ? "?" : address), " ");
	return address == NULL || strcmp(address, "eve@x") == 0 ? (const struct reply *)fault : NULL;
}

/* The lines of a header, each whole. */
static const struct header *
header_of(const char *text, bool rule)
{
	static struct header header;
	const struct header_origin origin = { .config = &config, .sender_fault = rule ? sender_fault : NULL };

	header = (struct header){ .received = 0 };
	asked[0] = '\0';
	while (*text != '\0') {
		size_t length = strcspn(text, "\n") + 1;

		if (header_line(&header, &origin, text, text + length) != HEADER_FIELD)
			break;
		header_text(&header, &origin, text, text + length);
		text += length;
	}
	header_finish(&header, &origin);
	return &header;
}

static void
originators_are_asked_about(void **state)
{
	static char many[20000] = "From: ";
	const struct header *header;

	(void)state;
	header = header_of("Subject: x\nReceived: y\nFROM: a@x,\n b@x\nTo: c@x\nsender : d@x\nReceived: z\n\n", true);
	assert_string_equal(asked, "a@x b@x d@x ");
	assert_true(header->fault == NULL && header->received == 2 && header->has_from && !header->has_date && !header->has_id);
	header = header_of("From: a@x\nDate: x\nMessage-ID: y\nBcc: z\n", false);
	assert_string_equal(asked, "");
	assert_true(header->has_date && header->has_id && !header->dropping && header->fault == NULL);
	assert_null(header_of("From:a@x\nSender:b@x\n", true)->fault);
	assert_string_equal(asked, "a@x b@x ");
	/* The first fault is the last question. */
	assert_non_null(header_of("From: a@x, eve@x, b@x\nSender: c@x\n", true)->fault);
	assert_string_equal(asked, "a@x eve@x ");
	assert_non_null(header_of("From: a@x b@x\nSender: c@x\n", true)->fault);
	assert_string_equal(asked, "? ");
	assert_non_null(header_of("From: a@x\nSender: (\n", true)->fault);
	assert_string_equal(asked, "a@x ? ");
	assert_non_null(header_of("From:\n", true)->fault);
	assert_string_equal(asked, "? ");
	/* A thousand addresses in all of them, and no more. */
	for (int i = 0; i < 999; i++)
		strcat(many, "a@x,");
	strcpy(many + strlen(many) - 1, "\nSender: b@x\n");
	assert_null(header_of(many, true)->fault);
	assert_int_equal(strlen(asked), 4 * 1000);
	strcpy(many + strlen(many) - 1, ",c@x\n");
	assert_non_null(header_of(many, true)->fault);
	assert_string_equal(asked + 4 * 1000, "? ");
}

static void
fields_that_are_missing(void **state)
{
	static const char *const fields[] = { "Date: Sat, 21 Nov 2026 03:36:34 +0000\n", "Message-ID: <ID.7@mail.example>\n",
	    "From: <bob@x>\n", "Sender: <own@x>\n" };
	char array[HEADER_MISSING_MAX], wanted[HEADER_MISSING_MAX];
	struct text text;

	(void)state;
	for (unsigned set = 0; set < 16; set++) {
		const struct header_origin origin = { .config = &config, .id = "ID", .number = 7, .sender = "bob@x",
		    .set_sender = (set & 8) != 0 ? "own@x" : NULL };
		const struct header header = { .has_date = (set & 1) == 0, .has_id = (set & 2) == 0, .has_from = (set & 4) == 0 };

		wanted[0] = '\0';
		for (unsigned i = 0; i < 4; i++)
			strcat(wanted, (set & 1u << i) != 0 ? fields[i] : "");
		text_start(&text, array, sizeof array);
		header_add_missing(&header, &origin, &text);
		assert_string_equal(array, wanted);
	}
}

static void
fields_that_are_dropped(void **state)
{
	static const struct {
		const char *name;
		bool dropped, with_sender;	/* the latter: where we set one */
	} rows[] = {
		{ "Bcc:", true, true }, { "RESENT-BCC:", true, true }, { "return-path :", true, true }, { "Sender:", false, true },
		{ "From:", false, false }, { "Bcc2:", false, false }, { "Resent-Sender:", false, false }, { "X:", false, false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (int set = 0; set < 2; set++) {
			const struct header_origin origin = { .config = &config, .set_sender = set ? "a@x" : NULL };
			struct header header = { .received = 0 };

			assert_int_equal(header_line(&header, &origin, rows[i].name, rows[i].name + strlen(rows[i].name)), HEADER_FIELD);
			if (header.dropping != (set ? rows[i].with_sender : rows[i].dropped))
				fail_msg("%s, %d", rows[i].name, set);
			header_finish(&header, &origin);
			assert_false(header.dropping);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_much_as_is_wanted), cmocka_unit_test(no_word_is_another_field),
		cmocka_unit_test(names_are_cut),
		cmocka_unit_test(lines_are_told_apart), cmocka_unit_test(originators_are_asked_about),
		cmocka_unit_test(fields_that_are_missing), cmocka_unit_test(fields_that_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
