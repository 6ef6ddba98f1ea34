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

/* The domain or address literal at `p`; its length, 0 when there is none. */
static size_t
domain_length(const char *p)
{
	size_t length = 0;
	bool empty_label = true;

	if (*p == '[') {
		char literal[64] = "", address[16];
		const char *close = strchr(p, ']');
		size_t inside = close == NULL ? sizeof literal : (size_t)(close - p - 1);

		if (inside >= sizeof literal)
			return 0;
		memcpy(literal, p + 1, inside);
		if (!(text_is(literal, inside < 5 ? inside : 5, "IPv6:")
		    ? inet_pton(AF_INET6, literal + 5, address) : inet_pton(AF_INET, literal, address)))
			return 0;
		return inside + 2;
	}
	for (; may_stand(p[length], DOMAIN); length++) {
		if (p[length] == '.' && empty_label)
			return 0;
		empty_label = p[length] == '.';
	}
	return empty_label ? 0 : length;
}

/* "..." at *at; what is in it goes to `content` without quotes and escapes (qtextSMTP and quoted-pair). */
static bool
quoted_string(const char **at, struct text *content)
{
	const char *p = *at + 1;

	for (; *p != '"'; p++) {
		bool escaped = *p == '\\';

		p += escaped;
		if ((*p >= 0 && *p < 32) || *p == 127 || (escaped && *p < 0))
			return false;
		text_add_byte(content, *p);
	}
	*at = p + 1;
	return content->used > 0 && !content->cut;
}

/* Writes the local part as an atom or, where it must be, as the shortest quoted string. */
static void
add_local(struct text *out, const char *local, size_t length, bool was_quoted)
{
	bool quote = local[0] == '.' || local[length - 1] == '.';

	if (!was_quoted) {
		text_add_bytes(out, local, length);
		return;
	}
	for (size_t i = 0; i < length && !quote; i++)
		quote = !may_stand(local[i], LOCAL) && (local[i] != '.' || local[i - 1] == '.');
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

/* local[@domain] at *at, up to the first byte that cannot belong to it. */
static bool
mailbox(const char **at, const char *domain, struct text *out)
{
	char array[ADDRESS_MAX + 2];
	struct text local;
	const char *p = *at;
	bool quoted = *p == '"';
	size_t length;

	text_start(&local, array, sizeof array);
	if (quoted) {
		if (!quoted_string(&p, &local))
			return false;
	} else {
		while (may_stand(*p, LOCAL) || *p == '.')
			p++;
		text_add_bytes(&local, *at, (size_t)(p - *at));
		if (local.used == 0 || local.cut || array[0] == '.' || array[local.used - 1] == '.')
			return false;
	}
	add_local(out, array, local.used, quoted);
	if (*p == '@') {
		length = domain_length(p + 1);
		if (length == 0)
			return false;
		text_add_bytes(out, p, length + 1);
		p += length + 1;
	} else if (quoted || strchr(array, '!') == NULL) {
		text_add_byte(out, '@');
		text_add(out, domain);
	}
	*at = p;
	return !out->cut;
}

/* @one,@two: in front of an address: read and forgotten (RFC 5321 section 4.1.1.3). */
static bool
source_route(const char **at)
{
	const char *p = *at;

	while (*p == '@') {
		size_t length = domain_length(p + 1);

		if (length == 0)
			return false;
		p += length + 1;
		if (*p == ':') {
			*at = p + 1;
			return true;
		}
		if (*p++ != ',')
			return false;
	}
	return false;
}

enum address_answer
address_read(const char **at, const char *domain, struct address *address)
{
	const char *start = *at, *p = start;
	bool brackets = *p == '<';
	struct text out;

	address->length = 0;
	address->non_ascii = false;
	text_start(&out, address->text, sizeof address->text);
	p += brackets;
	if (!(brackets && *p == '>')) {
		if (*p == '@' && brackets && !source_route(&p))
			return ADDRESS_MALFORMED;
		if (!mailbox(&p, domain, &out))
			return ADDRESS_MALFORMED;
	}
	if (brackets && *p++ != '>')
		return ADDRESS_MALFORMED;
	if ((*p != ' ' && *p != '\0') || p - start > (brackets ? ADDRESS_MAX + 2 : ADDRESS_MAX))
		return ADDRESS_MALFORMED;
	*at = p;
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
