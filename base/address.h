/* Mail addresses: paths of the envelope, read once and written in one form. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Addresses (RFC 5321 section 4.1.2). A path with its brackets has at most 256 octets; there is no
 * separate limit for the local part. Accepted beyond the grammar: empty atoms inside (a..b), leading
 * hyphens, underscores in domains. Never accepted: an unquoted comma, a control character.
 */
#define ADDRESS_MAX 254

struct address {
	char text[ADDRESS_MAX + 1];	/* canonical: source route dropped, no needless quoting; "" for <> */
	size_t length;
	bool non_ascii;			/* needs SMTPUTF8 (RFC 6531) */
};

enum address_answer {
	ADDRESS_FINE,
	ADDRESS_MALFORMED,	/* 501 */
	ADDRESS_NOT_UTF8	/* bytes above 127 that are not UTF-8: 553 */
};

/*
 * Reads the path at *at, which ends at the end of the string or with a blank: <local@domain>,
 * <@route:local@domain>, <local> (completed with `domain`), <> , or without brackets. A bang path
 * (host!user) without a domain is left as it is: it says where it goes. Advances *at past it.
 */
enum address_answer address_read(const char **at, const char *domain, struct address *address);

/* Is it an address as address_read() leaves one (canonical, not empty)? The second look, beyond the wall. */
bool address_valid(const char *string);

#endif
