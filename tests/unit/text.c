/* links: base alone */
/* Lines, numbers, dates, base64, UTF-8 and addresses, against tables and slow references. */
#include "unit.h"

#include <time.h>

#include "base/address.h"
#include "base/text.h"

static void
lines_are_cut_and_say_so(void **state)
{
	char array[8];
	struct text text;

	(void)state;
	memset(array, 'x', sizeof array);
	text_start(&text, array, sizeof array);
	assert_string_equal(array, "");
	text_add(&text, "abc");
	text_add_byte(&text, 'd');
	text_add(&text, "efg");
	assert_string_equal(array, "abcdefg");
	assert_false(text.cut);
	text_add(&text, "");
	assert_false(text.cut);
	text_add_byte(&text, 'h');
	assert_true(text.cut);
	assert_string_equal(array, "abcdefg");
	text_start(&text, array, 4);
	text_add(&text, "abcdef");
	assert_string_equal(array, "abc");
	assert_true(text.cut);
	assert_int_equal(text.used, 3);
	text_start(&text, array, 1);
	text_add_number(&text, 1);
	assert_string_equal(array, "");
	assert_true(text.cut);
}

static void
numbers_are_written(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 9, 10, 4096, 0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < LENGTH(numbers); i++)
		for (int digits = 1; digits <= 16; digits += 5) {
			char array[64], wanted[64];
			struct text text;

			text_start(&text, array, sizeof array);
			text_add_number(&text, numbers[i]);
			text_add_byte(&text, ' ');
			text_add_hex(&text, numbers[i], digits);
			snprintf(wanted, sizeof wanted, "%ju %0*jx", (uintmax_t)numbers[i], digits,
			    (uintmax_t)numbers[i]);
			assert_string_equal(array, wanted);
		}
}

static void
numbers_are_read(void **state)
{
	static const struct {
		const char *string;
		uint64_t most;
		bool fine;
		uint64_t number;
	} rows[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "007", 7, true, 7 },
		{ "8", 7, false, 0 },
		{ "65535", 65535, true, 65535 },
		{ "65536", 65535, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "18446744073709551617", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "00000000000000000001", 1, true, 1 },
		{ "000000000000000000001", 1, false, 0 },	/* 21 digits */
		{ "4294967297", 4294967296, false, 0 },
		{ "9223372036854775808", INT64_MAX, false, 0 },
		{ "", 9, false, 0 }, { "-1", 9, false, 0 }, { "+5", 9, false, 0 }, { "0x1", 99, false, 0 },
		{ "1e3", 9999, false, 0 }, { " 5", 9, false, 0 }, { "5 ", 9, false, 0 }, { "5.0", 9, false, 0 },
		{ "\xef\xbc\x95", 9, false, 0 }, { "1:", 99, false, 0 }, { "1/", 99, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint64_t number = 12345;

		if (text_number(rows[i].string, rows[i].most, &number) != rows[i].fine ||
		    number != (rows[i].fine ? rows[i].number : 12345))
			fail_msg("\"%s\" <= %ju", rows[i].string, (uintmax_t)rows[i].most);
	}
}

static void
dates_are_those_of_strftime(void **state)
{
	static const int64_t odd[] = { 0, 1, 59, 60, 3599, 86399, 86400, 68255999, 68256000, 951782399, 951782400,
	    951868799, 951868800, 1709164800, 1709251199, 1795232194, INT32_MAX, 2147483648, 4102444800,
	    4107542399, 4107542400, 4107628800, 7258118400, 253402300799 };

	(void)state;
	for (int i = 0; i < 60000 / SHARE; i++) {
		/* The odd ones; then each day of 1970 to 2106 at a time of its own. */
		int64_t now = i < (int)LENGTH(odd) ? odd[i] : (i - (int64_t)LENGTH(odd)) * SHARE * 86400 + noise_below(86400);
		time_t seconds = (time_t)now;
		char array[64], wanted[64];
		struct text text;

		text_start(&text, array, sizeof array);
		text_add_date(&text, now);
		assert_true(strftime(wanted, sizeof wanted, "%a, %-d %b %Y %H:%M:%S +0000", gmtime(&seconds)) > 0);
		assert_string_equal(array, wanted);
	}
}

static void
clean_text_keeps_no_special(void **state)
{
	char array[300], every[257];
	struct text text;

	(void)state;
	for (int i = 1; i < 256; i++)
		every[i - 1] = (char)i;
	every[255] = '\0';
	text_start(&text, array, sizeof array);
	text_add_clean(&text, every, 255);
	assert_int_equal(text.used, 255);
	for (int i = 1; i < 256; i++) {
		bool plain = i > 32 && i < 127 && strchr("()<>@,;:\\\"", i) == NULL;

		assert_int_equal(array[i - 1], plain ? i : '?');
	}
	text_start(&text, array, sizeof array);
	text_add_clean(&text, "abcdef", 3);
	assert_string_equal(array, "abc");
	text_add_clean(&text, "x", 0);
	assert_string_equal(array, "abc");
	text_start(&text, array, sizeof array);
	text_add_visible(&text, "b\303\266b", 10);
	text_add_visible(&text, " a~\177\n\377\303\266z", 8);
	text_add_visible(&text, "\037", 8);
	assert_string_equal(array, "b\303\266b a~??????");
}

static void
quoted_text_is_unambiguous(void **state)
{
	char array[600], every[256], wanted[600];
	struct text text;
	size_t used = 0;

	(void)state;
	for (int part = 0; part < 2; part++) {	/* 128 bytes are shown at most */
		used = 0;
		wanted[used++] = '"';
		for (int i = 0; i < 128; i++) {
			int byte = part * 128 + i;

			every[i] = (char)byte;
			used += (size_t)snprintf(wanted + used, sizeof wanted - used,
			    byte < 32 || byte > 126 || byte == '"' || byte == '\\' ? "\\x%02x" : "%c", byte);
		}
		strcpy(wanted + used, "\"");
		text_start(&text, array, sizeof array);
		text_add_quoted(&text, every, 128);
		assert_string_equal(array, wanted);
	}
	memset(every, 'a', sizeof every);
	text_start(&text, array, sizeof array);
	text_add_quoted(&text, every, 129);
	assert_int_equal(text.used, 131);
	assert_string_equal(array + 128, "a\"+");
	text_start(&text, array, sizeof array);
	text_add_quoted(&text, "", 0);
	assert_string_equal(array, "\"\"");
}

static void
case_is_that_of_ascii(void **state)
{
	char string[] = "AZaz[@`{\xc4\xe4" "09", *exact;

	(void)state;
	text_lower(string);
	assert_string_equal(string, "azaz[@`{\xc4\xe4" "09");
	assert_true(text_is("NoOp", 4, "NOOP"));
	assert_true(text_is("", 0, ""));
	assert_false(text_is("NOOPX", 5, "NOOP"));
	assert_true(text_is("NOOPX", 4, "NOOP"));
	assert_false(text_is("NOO", 3, "NOOP"));
	assert_false(text_is("@", 1, "`"));	/* 32 apart, and no letters */
	assert_false(text_is("\xc4", 1, "\xe4"));
	assert_false(text_is("NO\0P", 4, "NO"));
	exact = exactly("rcpt", 4);
	assert_false(text_is(exact, 4, "RCPT TO:"));
	free(exact);
}

static size_t
encode(const unsigned char *bytes, size_t length, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t used = 0;

	for (size_t i = 0; i < length; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		group |= i + 1 < length ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= i + 2 < length ? bytes[i + 2] : 0;
		for (int k = 0; k < 4; k++)
			out[used++] = i + (size_t)k > length ? '=' : digits[group >> (18 - 6 * k) & 63];
	}
	return used;
}

/* Valid is what comes out again when what can be made of it is encoded. */
static long
reference_decode(const char *in, size_t length, unsigned char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static char again[8192];
	size_t used = 0;
	uint32_t bits = 0;
	int count = 0;

	for (size_t i = 0; i < length; i++) {
		const char *digit = in[i] == '\0' ? NULL : strchr(digits, in[i]);

		if (digit == NULL)
			continue;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[used++] = (unsigned char)(bits >> count);
		}
	}
	return encode(out, used, again) == length && memcmp(again, in, length) == 0 ? (long)used : -1;
}

static void
check_base64(const char *string, size_t length)
{
	static unsigned char wanted[8192];
	static char out[8192];
	long reference = reference_decode(string, length, wanted), got = text_base64_decode(string, length, out);

	if (got != reference || (got > 0 && memcmp(out, wanted, (size_t)got) != 0))
		fail_msg("\"%.*s\": %ld, not %ld", (int)length, string, got, reference);
}

static void
base64_of_short_strings(void **state)
{
	static const char alphabet[] = { 'A', 'Q', '/', '=', ' ', '\x80', '-', '_', '\0' };

	(void)state;
	for (int length = 0, count = 1; length <= (SHARE > 1 ? 4 : 6); length++, count *= (int)sizeof alphabet)
		for (int i = 0; i < count; i++) {
			char string[6];

			for (int k = 0, rest = i; k < length; k++, rest /= (int)sizeof alphabet)
				string[k] = alphabet[rest % (int)sizeof alphabet];
			check_base64(string, (size_t)length);
		}
	/* Every byte in every place of the last group. */
	for (int place = 0; place < 8; place++)
		for (int byte = 0; byte < 256; byte++) {
			char string[] = "QUJDREVG";

			string[place] = (char)byte;
			check_base64(string, 8);
		}
}

static void
base64_of_all_lengths(void **state)
{
	static unsigned char bytes[3100];
	static char string[4200], spoilt[4200];

	(void)state;
	for (size_t length = 0; length <= 3075 / SHARE; length++) {
		size_t encoded;
		char *exact, *out;

		for (size_t i = 0; i < length; i++)
			bytes[i] = (unsigned char)noise_below(256);
		encoded = encode(bytes, length, string);
		exact = exactly(string, encoded);
		out = exactly(string, encoded / 4 * 3);
		assert_int_equal(text_base64_decode(exact, encoded, out), length);
		assert_memory_equal(out, bytes, length);
		assert_int_equal(text_base64_decode(exact, encoded, exact), length);	/* in place */
		assert_memory_equal(exact, bytes, length);
		free(exact);
		free(out);
		for (size_t more = 0; more < 8; more++) {	/* 4k to 4k+3, none to three = */
			size_t cut = encoded > more % 4 ? encoded - more % 4 : 0;

			memcpy(spoilt, string, cut);
			memcpy(spoilt + cut, "====", more / 2);
			check_base64(spoilt, cut + more / 2);
		}
		if (encoded > 0) {
			memcpy(spoilt, string, encoded);
			spoilt[noise_below((unsigned)encoded)] = "= \t-_\x80."[noise_below(7)];
			check_base64(spoilt, encoded);
		}
	}
}

static void
base64_is_written(void **state)
{
	unsigned char bytes[64];
	char wanted[100], array[100];
	struct text text;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		size_t length = noise_below(sizeof bytes + 1);
		char *exact;

		for (size_t k = 0; k < length; k++)
			bytes[k] = (unsigned char)noise_below(256);
		wanted[encode(bytes, length, wanted)] = '\0';
		exact = exactly(bytes, length);
		text_start(&text, array, sizeof array);
		text_add_base64(&text, exact, length);
		assert_string_equal(array, wanted);
		free(exact);
	}
}

static void
control_characters(void **state)
{
	char string[] = "a?b";

	(void)state;
	assert_false(text_has_control(""));
	for (int byte = 1; byte < 256; byte++) {
		string[1] = (char)byte;
		if (text_has_control(string) != (byte < 32 || byte == 127))
			fail_msg("byte %d", byte);
	}
}

static void
utf8_is_that_of_rfc_3629(void **state)
{
	static const struct {
		const char *string;
		bool fine;
	} rows[] = {
		{ "", true }, { "ascii ~", true }, { "\xc3\xa9", true }, { "\xe2\x82\xac", true },
		{ "\xf0\x9f\x98\x80", true }, { "\xf4\x8f\xbf\xbf", true }, { "\xc2\xa0", true },
		{ "henry\xe2\x85\xa3", true }, { "\xee\x80\x80", true }, { "\xed\x9f\xbf", true },
		{ "\xff", false }, { "\xfe", false }, { "\x80", false }, { "\xbf", false }, { "a\xc3", false },
		{ "\xc3\x28", false }, { "\xe2\x82", false }, { "\xe2\x28\xa1", false }, { "\xf0\x9f\x98", false },
		{ "\xc0\xaf", false }, { "\xc1\xbf", false }, { "\xe0\x80\xaf", false }, { "\xe0\x9f\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false }, { "\xed\xa0\x80", false }, { "\xed\xbf\xbf", false },
		{ "\xf4\x90\x80\x80", false }, { "\xf5\x80\x80\x80", false }, { "\xf8\x88\x80\x80\x80", false },
		{ "\xbf\xbf", false }, { "\xf9\x80\x80\x80", false },	/* what continues, or has no length, does not begin */
		{ "\x01", false }, { "\t", false }, { "\r", false }, { "\x7f", false },
		{ "\xc2\x80", false }, { "\xc2\x85", false }, { "\xc2\x9f", false },	/* C1 controls */
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *exact = exactly(rows[i].string, strlen(rows[i].string));

		if (text_utf8(exact, strlen(rows[i].string)) != rows[i].fine)
			fail_msg("row %zu", i);
		free(exact);
	}
	assert_false(text_utf8("a\0b", 3));
	/* Every code point, encoded by the table of the RFC. */
	for (uint32_t point = 0; point < 0x120000; point += point < 0x1000 ? 1 : SHARE) {
		char bytes[4];
		size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
		bool fine = point >= 32 && (point < 127 || point >= 0xa0) && (point < 0xd800 || point >= 0xe000) &&
		    point < 0x110000;

		for (size_t i = length; i-- > 1; )
			bytes[i] = (char)(0x80 | (point >> 6 * (length - 1 - i) & 63));
		bytes[0] = (char)((length == 1 ? 0 : 0xf00 >> length & 0xff) | point >> 6 * (length - 1));
		if (text_utf8(bytes, length) != fine)
			fail_msg("U+%04X", point);
	}
}

static void
host_names(void **state)
{
	static const char *const fine[] = { "a", "mail.example", "a_b", "[192.0.2.1]", "[IPv6:::1]", "-x", "x." };
	static const char *const wrong[] = { "", "a b", "a,b", "a\n", "a@b", "\xc3\xa9", "a(b)", "a/b", "a;b", "a\"" };
	char long_name[257];

	(void)state;
	for (size_t i = 0; i < LENGTH(fine); i++)
		assert_true(text_hostname(fine[i]));
	for (size_t i = 0; i < LENGTH(wrong); i++)
		assert_false(text_hostname(wrong[i]));
	memset(long_name, 'a', 256);
	long_name[256] = '\0';
	assert_false(text_hostname(long_name));
	assert_true(text_hostname(long_name + 1));
}

/* The path of each row, and what comes of it: the canonical address, or NULL and why not. */
static const struct path {
	const char *path, *address;
	enum address_answer answer;
	const char *rest;
} paths[] = {
	{ "<>", "", ADDRESS_FINE, "" },
	{ "<a@b>", "a@b", ADDRESS_FINE, "" },
	{ "<a@b> SIZE=1", "a@b", ADDRESS_FINE, " SIZE=1" },
	{ "a@b", "a@b", ADDRESS_FINE, "" },
	{ "a@b SIZE=1", "a@b", ADDRESS_FINE, " SIZE=1" },
	{ "<postmaster>", "postmaster@d.example", ADDRESS_FINE, "" },
	{ "<PostMaster>", "PostMaster@d.example", ADDRESS_FINE, "" },
	{ "user", "user@d.example", ADDRESS_FINE, "" },
	{ "<a@b", NULL, ADDRESS_MALFORMED, NULL },
	{ "a@b>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@b>>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<<a@b>>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@b> >", "a@b", ADDRESS_FINE, " >" },	/* the caller finds a malformed parameter */
	{ "<>a@b", NULL, ADDRESS_MALFORMED, NULL },
	{ "< a@b>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@b >", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a b@c>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@b c>", NULL, ADDRESS_MALFORMED, NULL },
	{ "", NULL, ADDRESS_MALFORMED, NULL },
	{ " ", NULL, ADDRESS_MALFORMED, NULL },
	{ "<", NULL, ADDRESS_MALFORMED, NULL },
	{ ">", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<.@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a.@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<.a@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a..b@x>", "a..b@x", ADDRESS_FINE, "" },
	{ "<\"a b\"@x>", "\"a b\"@x", ADDRESS_FINE, "" },
	{ "<\"a@b\"@x>", "\"a@b\"@x", ADDRESS_FINE, "" },
	{ "<\"a\\\"b\"@x>", "\"a\\\"b\"@x", ADDRESS_FINE, "" },
	{ "<\"a\\\\b\"@x>", "\"a\\\\b\"@x", ADDRESS_FINE, "" },
	{ "<\"plain\"@x>", "plain@x", ADDRESS_FINE, "" },
	{ "<\"pl\\ain\"@x>", "plain@x", ADDRESS_FINE, "" },
	{ "<\"a.b\"@x>", "a.b@x", ADDRESS_FINE, "" },
	{ "<\"a..b\"@x>", "\"a..b\"@x", ADDRESS_FINE, "" },
	{ "<\".a\"@x>", "\".a\"@x", ADDRESS_FINE, "" },
	{ "<\"a.\"@x>", "\"a.\"@x", ADDRESS_FINE, "" },
	{ "<\" \"@x>", "\" \"@x", ADDRESS_FINE, "" },
	{ "<\"a,b\"@x>", "\"a,b\"@x", ADDRESS_FINE, "" },
	{ "<\"user\">", "user@d.example", ADDRESS_FINE, "" },
	{ "<\"a!b\">", "a!b@d.example", ADDRESS_FINE, "" },
	{ "<\"\">", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"a>b\"@x>", "\"a>b\"@x", ADDRESS_FINE, "" },
	{ "<\"a\\>b\"@x>", "\"a>b\"@x", ADDRESS_FINE, "" },
	{ "<\"a> SIZE=1\"@x>", "\"a> SIZE=1\"@x", ADDRESS_FINE, "" },
	{ "<\"() { :;}; id\"@x>", "\"() { :;}; id\"@x", ADDRESS_FINE, "" },
	{ "<\"unterminated@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"escaped end\\\"", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"a\\", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"a\"b@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a\"b\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a\\@b@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"a\r\nb\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"\x7f\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a\x7f@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@x\x7f>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"\t\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"\x1f\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\"\\\t\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a\nb@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@x\n>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@x>\t", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a,@b:c@d>", "c@d", ADDRESS_FINE, "" },
	{ "<@a:c@d>", "c@d", ADDRESS_FINE, "" },
	{ "<@[192.0.2.1]:\"c d\"@d>", "\"c d\"@d", ADDRESS_FINE, "" },
	{ "<@a:c>", "c@d.example", ADDRESS_FINE, "" },
	{ "@a:c@d", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a:@b:c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a,:c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a,b:c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a,c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a@b:c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@[x]c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@[1.2.3.4]c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@:c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<:c@d>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<@a:>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[1.2.3.4]>", "a@[1.2.3.4]", ADDRESS_FINE, "" },
	{ "<a@[IPv6:::1]>", "a@[IPv6:::1]", ADDRESS_FINE, "" },
	{ "<a@[ipv6:2001:db8::1]>", "a@[ipv6:2001:db8::1]", ADDRESS_FINE, "" },
	{ "<a@[IPv6:::ffff:192.0.2.1]>", "a@[IPv6:::ffff:192.0.2.1]", ADDRESS_FINE, "" },
	{ "<a@[IPv6:fe80::1%eth0]>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[999.1.1.1]>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[1.2.3]>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[::1]>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[]>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[x]>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[1.2.3.4>", NULL, ADDRESS_MALFORMED, NULL },
	{ "a@[1.2.3.4", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[1.2.3.4]x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[1.2.3.4].x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@[IPv6:", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@b@c>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a%b@c>", "a%b@c", ADDRESS_FINE, "" },
	{ "<a!b>", "a!b", ADDRESS_FINE, "" },
	{ "a!b", "a!b", ADDRESS_FINE, "" },
	{ "<b!a@c>", "b!a@c", ADDRESS_FINE, "" },
	{ "<a@-a.x>", "a@-a.x", ADDRESS_FINE, "" },
	{ "<a@a-.x>", "a@a-.x", ADDRESS_FINE, "" },
	{ "<a@a_b.x>", "a@a_b.x", ADDRESS_FINE, "" },
	{ "<a@x.>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@.x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@a..x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@.>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@1.2.3.4>", "a@1.2.3.4", ADDRESS_FINE, "" },
	{ "<a@localhost>", "a@localhost", ADDRESS_FINE, "" },
	{ "<-x@y>", "-x@y", ADDRESS_FINE, "" },
	{ "<--@y>", "--@y", ADDRESS_FINE, "" },
	{ "<-oQ/tmp@y>", "-oQ/tmp@y", ADDRESS_FINE, "" },
	{ "<|cmd@x>", "|cmd@x", ADDRESS_FINE, "" },
	{ "</etc/passwd@x>", "/etc/passwd@x", ADDRESS_FINE, "" },
	{ "<:include:/x@y>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a;b@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<`a`@x>", "`a`@x", ADDRESS_FINE, "" },
	{ "<$(a)@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<${run{a}}@x>", "${run{a}}@x", ADDRESS_FINE, "" },
	{ "<%n%s@x>", "%n%s@x", ADDRESS_FINE, "" },
	{ "<\xc3\xa9@x>", "\xc3\xa9@x", ADDRESS_FINE, "" },
	{ "<\"\xc3\xa9 \"@x>", "\"\xc3\xa9 \"@x", ADDRESS_FINE, "" },
	{ "<\"\\\xc3\xa9\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@\xc3\xa9.x>", "a@\xc3\xa9.x", ADDRESS_FINE, "" },
	{ "<a@xn--->", "a@xn---", ADDRESS_FINE, "" },
	{ "<\xff@x>", NULL, ADDRESS_NOT_UTF8, NULL },
	{ "<\"\xff\"@x>", NULL, ADDRESS_NOT_UTF8, NULL },
	{ "<\"\\\xff\"@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<\xc0\xaf@x>", NULL, ADDRESS_NOT_UTF8, NULL },
	{ "<\xed\xa0\x80@x>", NULL, ADDRESS_NOT_UTF8, NULL },
	{ "<a@\xff>", NULL, ADDRESS_NOT_UTF8, NULL },
	{ "<\xc2\x85@x>", NULL, ADDRESS_NOT_UTF8, NULL },
	{ "<\xff@>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<henry\xe2\x85\xa3@x>", "henry\xe2\x85\xa3@x", ADDRESS_FINE, "" },
	{ "<a(comment)@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@x(c)>", NULL, ADDRESS_MALFORMED, NULL },
	{ "\"N\" <a@x>", "N@d.example", ADDRESS_FINE, " <a@x>" },	/* and then no parameter */
	{ "N <a@x>", "N@d.example", ADDRESS_FINE, " <a@x>" },
	{ "<a,b@x>", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@x,b@y>", NULL, ADDRESS_MALFORMED, NULL },
	{ "a@x,b@y", NULL, ADDRESS_MALFORMED, NULL },
	{ "<a@x> <b@y>", "a@x", ADDRESS_FINE, " <b@y>" },
	{ "<a@b>SIZE=1", NULL, ADDRESS_MALFORMED, NULL },
};

static void
check_path(const struct path *row)
{
	struct address address;
	const char *at;
	char *exact = exactly(row->path, strlen(row->path) + 1);
	enum address_answer answer;

	at = exact;
	answer = address_read(&at, "d.example", &address);
	if (answer != row->answer)
		fail_msg("%s: answer %d, not %d", row->path, (int)answer, (int)row->answer);
	if (answer == ADDRESS_FINE) {
		bool non_ascii = false;

		for (const char *p = address.text; *p != '\0'; p++)
			non_ascii |= *p < 0;
		if (strcmp(address.text, row->address) != 0 || strcmp(at, row->rest) != 0)
			fail_msg("%s: \"%s\", rest \"%s\"", row->path, address.text, at);
		assert_int_equal(address.length, strlen(address.text));
		assert_int_equal(address.non_ascii, non_ascii);
		/* What one side makes, the other takes: a canonical address stays as it is. */
		if (address_valid(address.text) != (address.length > 0))
			fail_msg("%s: the second look at \"%s\"", row->path, address.text);
	} else if (answer == ADDRESS_MALFORMED) {
		assert_ptr_equal(at, exact);
	}
	free(exact);
}

static void
paths_and_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(paths); i++)
		check_path(&paths[i]);
}

static void
long_paths_are_whole_or_refused(void **state)
{
	(void)state;
	for (int brackets = 0; brackets < 2; brackets++)
		for (size_t length = 60; length < 400; length++)
			for (size_t local = 1; local + 2 <= length; local += 1 + noise_below(20 * SHARE)) {
				char path[512], *p = path;
				struct path row = { path, path + brackets, ADDRESS_FINE, "" };
				char wanted[512];

				if (brackets)
					*p++ = '<';
				memset(p, 'a', length);
				p[local] = '@';
				p += length;
				*p = '\0';
				strcpy(wanted, path + brackets);
				if (brackets)
					strcpy(p, ">");
				row.address = wanted;
				if (length > 254)
					row = (struct path){ path, NULL, ADDRESS_MALFORMED, NULL };
				check_path(&row);
			}
	/* A bang path is a local part alone. */
	for (size_t length = 250; length < 258; length++) {
		char path[300];
		struct path row = { path, path, ADDRESS_FINE, "" };

		memset(path, 'a', sizeof path);
		path[1] = '!';
		path[length] = '\0';
		if (length > 254)
			row = (struct path){ path, NULL, ADDRESS_MALFORMED, NULL };
		check_path(&row);
	}
	/* Quotes count where they were, even if none are needed. */
	for (size_t length = 252; length < 258; length++) {
		char path[300], wanted[300];
		struct path row = { path, wanted, ADDRESS_FINE, "" };

		memset(path, 'a', sizeof path);
		path[0] = '"';
		strcpy(path + length - 3, "\"@x");
		snprintf(wanted, sizeof wanted, "%.*s@x", (int)length - 4, path + 1);
		if (length > 254)
			row = (struct path){ path, NULL, ADDRESS_MALFORMED, NULL };
		check_path(&row);
	}
	/* The domain that is added counts; so does the source route, which is dropped. */
	for (size_t length = 200; length < 260; length++) {
		char path[600], wanted[600];
		struct path row = { path, wanted, ADDRESS_FINE, "" };

		memset(path, 'a', sizeof path);
		path[0] = '<';
		strcpy(path + 1 + length, ">");
		snprintf(wanted, sizeof wanted, "%.*s@d.example", (int)length, path + 1);
		if (strlen(wanted) > 254)
			row = (struct path){ path, NULL, ADDRESS_MALFORMED, NULL };
		check_path(&row);
		path[1] = '@';
		strcpy(path + length - 3, ":b@c>");
		row = (struct path){ path, "b@c", ADDRESS_FINE, "" };
		if (strlen(path) > 256)
			row = (struct path){ path, NULL, ADDRESS_MALFORMED, NULL };
		check_path(&row);
	}
}

static void
no_other_string_is_an_address(void **state)
{
	static const char *const wrong[] = { "", "a", "<a@b>", "a@b ", " a@b", "a@b\n", "\"plain\"@x", "\"pl\\ain\"@x",
	    "@a:c@d", "a@", "@b", "a,b@x", "a@x,b@y", "a\nb@x", "a@b c", "<>", "\"\"@x", "\xff@x", "a@b>", "a@[1.2.3]" };
	char long_address[300];

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		if (address_valid(wrong[i]))
			fail_msg("%s", wrong[i]);
	memset(long_address, 'a', sizeof long_address);
	long_address[1] = '@';
	long_address[254] = '\0';
	assert_true(address_valid(long_address));
	long_address[254] = 'a';
	long_address[255] = '\0';
	assert_false(address_valid(long_address));
}

/* The same to the last byte: neither may go on where the other ends. */
static void
words(void **state)
{
	const char *string = "RCPT to:<a>";

	(void)state;
	assert_true(text_same("eXternal", "EXTERNAL") && text_same("", ""));
	assert_false(text_same("PLAINER", "PLAIN") || text_same("PLAI", "PLAIN") || text_same("PLAIM", "PLAIN"));
	assert_false(text_same("", "PLAIN") || text_same("PLAIN", ""));
	assert_ptr_equal(text_after(string, "rcpt TO:"), string + 8);
	assert_ptr_equal(text_after(string, string), string + 11);
	assert_ptr_equal(text_after(string, ""), string);
	assert_null(text_after("RCPT", "RCPT TO:"));
	assert_null(text_after("MAIL TO:", "RCPT TO:"));
	assert_true(text_between(string, string + 4, "rcpt") && text_is(string, 4, "rcpt"));
	assert_false(text_between(string, string + 4, "rcpt ") || text_between(string, string + 5, "rcpt"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(lines_are_cut_and_say_so),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(dates_are_those_of_strftime),
		cmocka_unit_test(clean_text_keeps_no_special),
		cmocka_unit_test(quoted_text_is_unambiguous),
		cmocka_unit_test(case_is_that_of_ascii),
		cmocka_unit_test(base64_of_short_strings),
		cmocka_unit_test(base64_of_all_lengths),
		cmocka_unit_test(base64_is_written),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(utf8_is_that_of_rfc_3629),
		cmocka_unit_test(host_names),
		cmocka_unit_test(paths_and_addresses),
		cmocka_unit_test(long_paths_are_whole_or_refused),
		cmocka_unit_test(no_other_string_is_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
