/* The addresses in an originator field, From or Sender (RFC 5322 section 3.6.2, RFC 6854), byte by byte. */
#ifndef ORIGINATOR_H
#define ORIGINATOR_H

#include <stdbool.h>

#include "base/address.h"
#include "base/text.h"

/*
 * A push parser for the body of one field. It knows display names, quoted strings, comments, folding, encoded words
 * (which are atoms to it), domain literals and groups. It reports every address that a reader could take for the
 * author's, and where a reader could be of two minds it says that the field is malformed: obsolete routes,
 * blanks inside a dot-atom, names without a domain, text after an address; encoded words in an address, which some
 * readers decode first; an @ in a quoted string or a comment that is folded, which for Python's email.utils ends at
 * the fold; no address at all, only the name of a group. One thing beyond the grammar is common enough to be read: an
 * address as an unquoted display name (`a@x <b@y>`) counts as an address, too.
 */
struct originator {
	enum { ORIGINATOR_LIST, ORIGINATOR_ANGLE, ORIGINATOR_CLOSED } place;
	enum { SPEC_EMPTY, SPEC_LOCAL, SPEC_LOCAL_END, SPEC_AT, SPEC_DOMAIN, SPEC_DOMAIN_END, SPEC_PHRASE } spec;
	enum { TOKEN_PLAIN, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_COMMENT } token;
	unsigned depth;			/* of nested comments */
	bool escaped;			/* after a backslash in a quoted string or a comment */
	bool folded, at;		/* a quoted string or a comment is; there is an @ in it */
	bool in_group, named;		/* named: an address was there */
	bool malformed;			/* for good */
	struct text text;		/* the address so far, as it was written */
	char array[ADDRESS_MAX + 8];
	struct address address;		/* of the last ORIGINATOR_ADDRESS: canonical, never empty */
};

enum originator_event {
	ORIGINATOR_MORE,		/* nothing to say yet; at the end: that was all */
	ORIGINATOR_ADDRESS,		/* `address` is one of the field's */
	ORIGINATOR_MALFORMED		/* it cannot be said whose field this is: said again for every further byte */
};

void originator_start(struct originator *originator);

/* The next byte of the field's body, after the colon. CR and LF of a folded line are blanks. */
enum originator_event originator_take(struct originator *originator, char byte);

/* The field is over: its last address, if that had no end of its own. Malformed: there was none. */
enum originator_event originator_end(struct originator *originator);

#endif
