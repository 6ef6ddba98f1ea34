/* Text and numbers: builds lines, reads numbers and base64; touches nothing else. */
#include <string.h>

#include "base/text.h"

void
text_start(struct text *text, char *array, size_t size)
{
	*text = (struct text){ .bytes = array, .size = size };
	array[0] = '\0';
}

void
text_add_bytes(struct text *text, const void *bytes, size_t length)
{
	const char *at = bytes;

	for (size_t i = 0; i < length; i++)
		text_add_byte(text, at[i]);
}

void
text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

static void
add_digits(struct text *text, uint64_t number, unsigned base, int digits)
{
	char reversed[20];
	int used = 0;

	do {
		reversed[used++] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number != 0 || used < digits);
	while (used > 0)
		text_add_byte(text, reversed[--used]);
}

void
text_add_number(struct text *text, uint64_t number)
{
	add_digits(text, number, 10, 1);
}

void
text_add_hex(struct text *text, uint64_t number, int digits)
{
	add_digits(text, number, 16, digits);
}

void
text_add_clean(struct text *text, const char *string, size_t most)
{
	for (; *string != '\0' && most > 0; string++, most--)
		text_add_byte(text, *string > 32 && *string < 127 && strchr("()<>@,;:\\\"", *string) == NULL
		    ? *string : '?');
}

void
text_add_visible(struct text *text, const char *string, size_t most)
{
	size_t length = strnlen(string, most);
	bool clean = text_utf8(string, length);

	for (size_t i = 0; i < length; i++)
		text_add_byte(text, clean || (string[i] >= 32 && string[i] < 127) ? string[i] : '?');
}

static void
add_printable(struct text *text, char byte, bool plain)
{
	if (plain && byte >= 32 && byte < 127) {
		text_add_byte(text, byte);
	} else {
		text_add(text, "\\x");
		text_add_hex(text, (unsigned char)byte, 2);
	}
}

void
text_add_name(struct text *text, const char *string)
{
	text_add_byte(text, '\'');
	for (int shown = 0; *string != '\0' && shown < 200; string++, shown++)
		add_printable(text, *string, *string != '\'' && *string != '"' && *string != '\\');
	text_add(text, *string == '\0' ? "'" : "'...");
}

void
text_add_quoted(struct text *text, const char *bytes, size_t length)
{
	size_t shown = length > 128 ? 128 : length;

	text_add_byte(text, '"');
	for (size_t i = 0; i < shown; i++)
		add_printable(text, bytes[i], bytes[i] != '"' && bytes[i] != '\\');
	text_add(text, shown < length ? "\"+" : "\"");
}

void
text_add_date(struct text *text, int64_t seconds)
{
	static const char days[] = "Thu\0Fri\0Sat\0Sun\0Mon\0Tue\0Wed";
	static const char months[] = "Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec\0Jan\0Feb";
	int64_t day = seconds / 86400, rest = seconds % 86400;
	/* The civil calendar from a day count: years begin in March, so that a leap day is the last of
	 * its year, and 400 years have 146097 days. 719468 days lie between 0000-03-01 and 1970-01-01. */
	int64_t shifted = day + 719468, era = shifted / 146097, of_era = shifted % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	int parts[3] = { (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60) };

	text_add(text, days + day % 7 * 4);
	text_add(text, ", ");
	text_add_number(text, (uint64_t)(of_year - (153 * month + 2) / 5 + 1));
	text_add_byte(text, ' ');
	text_add(text, months + month * 4);
	text_add_byte(text, ' ');
	text_add_number(text, (uint64_t)(year + era * 400 + (month >= 10)));
	for (int i = 0; i < 3; i++) {
		text_add_byte(text, i == 0 ? ' ' : ':');
		add_digits(text, (uint64_t)parts[i], 10, 2);
	}
	text_add(text, " +0000");
}

static char
lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

void
text_lower(char *string)
{
	for (; *string != '\0'; string++)
		*string = lower(*string);
}

bool
text_is(const char *bytes, size_t length, const char *string)
{
	return text_between(bytes, bytes + length, string);
}

bool
text_between(const char *bytes, const char *end, const char *string)
{
	for (; bytes < end && *string != '\0' && lower(*bytes) == lower(*string); bytes++)
		string++;
	return bytes == end && *string == '\0';
}

const char *
text_after(const char *string, const char *word)
{
	for (; *string != '\0' && *word != '\0' && lower(*string) == lower(*word); string++)
		word++;
	return *word == '\0' ? string : NULL;
}

bool
text_same(const char *string, const char *other)
{
	const char *rest = text_after(string, other);

	return rest != NULL && *rest == '\0';
}

bool
text_number(const char *string, uint64_t most, uint64_t *number)
{
	uint64_t value = 0;
	int digits = 0;

	for (; *string >= '0' && *string <= '9'; string++)
		if (++digits > 20 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*string - '0'), &value) || value > most)
			return false;
	if (digits == 0 || *string != '\0')
		return false;
	*number = value;
	return true;
}

static int
sextet(char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

long
text_base64_decode(const char *in, size_t length, char *out)
{
	int padding = 0;

	if (length % 4 != 0)
		return -1;
	for (size_t i = 0; i < length; i += 4) {
		uint32_t group = 0;

		if (i + 4 == length)
			padding = in[i + 3] != '=' ? 0 : in[i + 2] != '=' ? 1 : 2;
		for (int k = 0; k < 4; k++) {
			int value = k >= 4 - padding ? 0 : sextet(in[i + (size_t)k]);

			if (value < 0)
				return -1;
			group = group << 6 | (uint32_t)value;
		}
		if ((padding == 1 && group & 0xff) || (padding == 2 && group & 0xffff))
			return -1;	/* bits that nobody meant: two texts for the same bytes */
		for (int k = 0; k < 3 - padding; k++)
			out[i / 4 * 3 + (size_t)k] = (char)(group >> (16 - 8 * k));
	}
	return (long)(length / 4 * 3) - padding;
}

void
text_add_base64(struct text *text, const void *bytes, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i += 3) {
		uint32_t group = (uint32_t)at[i] << 16 | (i + 1 < length ? (uint32_t)at[i + 1] << 8 : 0) |
		    (i + 2 < length ? at[i + 2] : 0);

		text_add_byte(text, digits[group >> 18]);
		text_add_byte(text, digits[group >> 12 & 63]);
		text_add_byte(text, i + 1 < length ? digits[group >> 6 & 63] : '=');
		text_add_byte(text, i + 2 < length ? digits[group & 63] : '=');
	}
}

bool
text_utf8(const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes, *end = p + length;

	while (p < end) {
		unsigned char first = *p++;
		uint32_t point;
		int more;

		if (first < 32 || first == 127)
			return false;
		if (first < 128)
			continue;
		if (first < 0xc2 || first > 0xf4)
			return false;
		more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
		point = first & (0x3fu >> more);
		for (int i = 0; i < more; i++, p++) {
			if (p >= end || (*p & 0xc0) != 0x80)
				return false;
			point = point << 6 | (*p & 0x3f);
		}
		if (point < 0xa0 || (more == 2 && point < 0x800) || (more == 3 && point < 0x10000) ||
		    (point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
			return false;
	}
	return true;
}

bool
text_has_control(const char *string)
{
	for (; *string != '\0'; string++)
		if ((*string > 0 && *string < 32) || *string == 127)
			return true;
	return false;
}

bool
text_hostname(const char *string)
{
	size_t length = strlen(string);

	return length >= 1 && length <= 255 && string[strspn(string, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]")] == '\0';
}
