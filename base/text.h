/* Text and numbers: builds lines, reads numbers and base64; touches nothing else. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A line under construction in the caller's array. Adding to a full one adds nothing and sets
 * `cut`; bytes[used] is always NUL, so bytes is a string at any time. Nothing is allocated.
 */
struct text {
	char *bytes;
	size_t size;		/* of the array, the NUL included */
	size_t used;
	bool cut;
};

void text_start(struct text *text, char *array, size_t size);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_add(struct text *text, const char *string);
static inline void
text_add_byte(struct text *text, char byte)
{
	if (text->used < text->size - 1) {
		text->bytes[text->used++] = byte;
		text->bytes[text->used] = '\0';
	} else {
		text->cut = true;
	}
}
void text_add_number(struct text *text, uint64_t number);

/* Adds `number` in base 16, at least `digits` of them, lower case. */
void text_add_hex(struct text *text, uint64_t number, int digits);

/* Adds at most `most` bytes; everything outside 33-126 and each of ()<>@,;:\" becomes '?'. For names
 * that others chose (EHLO, ident, reverse DNS) in a header (RFC 5322 section 3.2.3) or a title. */
void text_add_clean(struct text *text, const char *string, size_t most);

/* Adds '...' around an administrator's word, with \xNN for what is not printable ASCII; at most 200 bytes
 * are shown. */
void text_add_name(struct text *text, const char *string);

/* Adds at most `most` bytes as they may be shown on a terminal: '?' for control characters and, where they are not
 * UTF-8, for all beyond ASCII. */
void text_add_visible(struct text *text, const char *string, size_t most);

/* Adds "..." with \xNN for everything that is not printable ASCII, and for " and \; at most 128 bytes
 * are shown, then `"+`. For the log. */
void text_add_quoted(struct text *text, const char *bytes, size_t length);

/* Adds the date as RFC 5322 section 3.3 has it, in UTC: Sat, 21 Nov 2026 03:36:34 +0000. Seconds since
 * the epoch; no time zone file is read. */
void text_add_date(struct text *text, int64_t seconds);

/* ASCII letters only, in place. */
void text_lower(char *string);

/* Both equal without regard to ASCII case: the bytes, so many or up to `end`, or a string, and the whole string. */
bool text_is(const char *bytes, size_t length, const char *string);
bool text_same(const char *string, const char *other);
bool text_between(const char *bytes, const char *end, const char *string);

/* What follows `word` in `string`, which begins with it without regard to ASCII case; NULL: it does not. */
const char *text_after(const char *string, const char *word);

/* The whole string is a decimal number <= most, 1 to 20 digits, no sign, no blank; else false. */
bool text_number(const char *string, uint64_t most, uint64_t *number);

/*
 * RFC 4648 section 4, strictly: groups of four, padding only at the end, unused bits zero, no blanks.
 * `out` may be `in`. Returns the length of the decoded bytes (<= length / 4 * 3), or -1.
 */
long text_base64_decode(const char *in, size_t length, char *out);

/* Adds the bytes in base64. */
void text_add_base64(struct text *text, const void *bytes, size_t length);

/* Nothing but UTF-8 as RFC 3629 has it: no overlong forms, no surrogates; and no control characters. */
bool text_utf8(const char *bytes, size_t length);

/* Is there a control character (0x01 to 0x1f, 0x7f) in it? */
bool text_has_control(const char *string);

/* Printable ASCII that can name a host in a banner or a header: letters, digits, - . _ : [ ], 1 to 255. */
bool text_hostname(const char *string);

#endif
