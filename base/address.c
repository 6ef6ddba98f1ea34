/* Mail addresses: paths of the envelope, read once and written in one form. */
#include <arpa/inet.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"

/* Where a byte may stand: in an atom of a local part (RFC 5322 section 3.2.3), or in a domain. Bytes above 127
 * by RFC 6531 section 3.3. */
enum { LOCAL = 1, DOMAIN = 2 };

static const unsigned char places[256] = {
	['0' ... '9'] = LOCAL | DOMAIN, ['A' ... 'Z'] = LOCAL | DOMAIN,
	['a' ... 'z'] = LOCAL | DOMAIN, ['-'] = LOCAL | DOMAIN, ['_'] = LOCAL | DOMAIN,
	['.'] = DOMAIN,
	['!'] = LOCAL, ['#'] = LOCAL, ['$'] = LOCAL, ['%'] = LOCAL, ['&'] = LOCAL, ['\''] = LOCAL,
	['*'] = LOCAL, ['+'] = LOCAL, ['/'] = LOCAL, ['='] = LOCAL, ['?'] = LOCAL, ['^'] = LOCAL, ['`'] = LOCAL,
	['{'] = LOCAL, ['|'] = LOCAL, ['}'] = LOCAL, ['~'] = LOCAL,
	[128 ... 255] = LOCAL | DOMAIN,
};

static inline bool
may_stand(char byte, int where)
{
	return (places[(unsigned char)byte] & where) != 0;
}

/* Is the next byte of the string this one? Then it is read. */
static inline bool
take(const char **in, char byte)
{
	if (**in != byte)
		return false;
	(*in)++;
	return true;
}

/* Up to ']': goes to `out` as it stands, with both brackets. */
static bool
address_literal(const char **in, struct text *out)
{
	char array[64] = "", address[16];
	struct text literal;

	text_start(&literal, array, sizeof array);
	for (; **in != '\0' && **in != ']'; (*in)++)
		text_add_byte(&literal, **in);
	if (!take(in, ']'))
		return false;
	text_add_byte(out, '[');
	text_add_bytes(out, array, literal.used);
	text_add_byte(out, ']');
	return !literal.cut && (text_is(array, 5, "IPv6:")
	    ? inet_pton(AF_INET6, array + 5, address) : inet_pton(AF_INET, array, address)) == 1;
}

/* The domain or address literal that comes next: goes to `out`. */
static bool
domain_part(const char **in, struct text *out)
{
	bool empty_label = true;

	if (take(in, '['))
		return address_literal(in, out);
	for (; **in != '\0' && may_stand(**in, DOMAIN); (*in)++) {
		if (**in == '.' && empty_label)
			break;
		empty_label = **in == '.';
		text_add_byte(out, **in);
	}
	return !empty_label;
}

/* Up to the second '"': goes to `content` without quotes and escapes (qtextSMTP and quoted-pair). */
static bool
quoted_string(const char **in, struct text *content)
{
	while (**in != '\0' && **in != '"') {
		bool escaped = take(in, '\\');

		if ((**in >= 0 && **in < 32) || **in == 127 || (escaped && **in < 0))
			break;
		text_add_byte(content, *(*in)++);
	}
	return take(in, '"') && content->used > 0 && !content->cut;
}

/* Writes what stood in quotes as an atom or, where it must be, as the shortest quoted string. */
static void
add_quoted(struct text *out, const char *local, size_t length)
{
	bool quote = false, after_dot = true;

	for (size_t i = 0; i < length; i++) {
		quote |= local[i] == '.' ? after_dot : !may_stand(local[i], LOCAL);
		after_dot = local[i] == '.';
	}
	quote |= after_dot;
	if (quote)
		text_add_byte(out, '"');
	for (size_t i = 0; i < length; i++) {
		if (quote && (local[i] == '"' || local[i] == '\\'))
			text_add_byte(out, '\\');
		text_add_byte(out, local[i]);
	}
	if (quote)
		text_add_byte(out, '"');
}

/* local[@domain], up to the first byte that cannot belong to it. */
static bool
mailbox(const char **in, const char *domain, struct text *out)
{
	char array[ADDRESS_MAX + 1] = "";
	struct text local;
	bool quoted = take(in, '"');

	text_start(&local, array, sizeof array);
	if (quoted) {
		if (!quoted_string(in, &local))
			return false;
		add_quoted(out, array, local.used);
	} else {
		for (; **in != '\0' && (may_stand(**in, LOCAL) || **in == '.'); (*in)++)
			text_add_byte(&local, **in);
		if (local.used == 0 || local.cut || array[0] == '.' || array[local.used - 1] == '.')
			return false;
		text_add_bytes(out, array, local.used);
	}
	if (take(in, '@')) {
		text_add_byte(out, '@');
		if (!domain_part(in, out))
			return false;
	} else if (quoted || strchr(array, '!') == NULL) {
		text_add_byte(out, '@');
		text_add(out, domain);
	}
	return !out->cut;
}

/* @one,@two: in front of an address (RFC 5321 section 4.1.1.3). */
static bool
source_route(const char **in, struct text *out)
{
	while (take(in, '@')) {
		if (!domain_part(in, out))
			return false;
		if (take(in, ':'))
			return true;
		if (!take(in, ','))
			return false;
	}
	return false;
}

enum address_answer
address_read(const char **at, const char *domain, struct address *address)
{
	const char *in = *at;
	bool brackets = take(&in, '<');
	struct text out;

	*address = (struct address){ .length = 0 };
	text_start(&out, address->text, sizeof address->text);
	if (!(brackets && *in == '>')) {
		if (brackets && *in == '@') {
			if (!source_route(&in, &out))
				return ADDRESS_MALFORMED;
			text_start(&out, address->text, sizeof address->text);	/* and forgotten */
		}
		if (!mailbox(&in, domain, &out))
			return ADDRESS_MALFORMED;
	}
	if (brackets && !take(&in, '>'))
		return ADDRESS_MALFORMED;
	if ((*in != ' ' && *in != '\0') || in - *at > (brackets ? ADDRESS_MAX + 2 : ADDRESS_MAX))
		return ADDRESS_MALFORMED;
	*at = in;
	address->length = out.used;
	for (size_t i = 0; i < out.used; i++)
		address->non_ascii |= address->text[i] < 0;
	return !address->non_ascii || text_utf8(address->text, out.used) ? ADDRESS_FINE : ADDRESS_NOT_UTF8;
}

bool
address_valid(const char *string)
{
	struct address address;
	const char *p = string;

	return *p != '<' && address_read(&p, "", &address) == ADDRESS_FINE && *p == '\0' &&
	    strcmp(address.text, string) == 0;
}
