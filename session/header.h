/* The header of a message: its fields, and what a submission server adds and removes (RFC 6409 section 8). */
#ifndef HEADER_H
#define HEADER_H

#include "base/config.h"
#include "base/text.h"
#include "session/originator.h"

struct reply;

/* What the header needs to know of the world outside the message. */
struct header_origin {
	const struct config *config;
	const char *from;	/* " from HELO (HOST [ADDRESS])" is made of these three, cleaned */
	const char *host, *address;
	const char *login;
	const char *with;	/* RFC 3848, 6531: ESMTPSA ... */
	const char *tls;	/* protocol and cipher, "" if unknown */
	const char *id;		/* the session's */
	unsigned number;	/* of the message among those handed over, from 1: for its Message-ID */
	const char *sender;	/* From, where the message has none */
	const char *set_sender;	/* --fix-sender: the one Sender that the message is to have; else NULL */
	/* Why the message must not be sent with this address in From or Sender, NULL: it may be; `address` is NULL
	 * where the field cannot be read. Not called once it has refused one. No rule: NULL. */
	const struct reply *(*sender_fault)(const char *address);
};

/* What was seen of a header. All zero before its first line. */
struct header {
	unsigned received;	/* Received fields of the message, ours not counted */
	bool has_field, has_date, has_id, has_from;
	const struct reply *fault;	/* what sender_fault() said */
	unsigned addresses;	/* in From and Sender */
	bool checking, in_body;	/* the field is From or Sender: its addresses count; its colon was seen */
	struct originator originator;
	bool dropping;		/* the field that the last line belongs to must not be passed on */
};

/* What a line of the header is. */
enum header_line {
	HEADER_MORE,	/* cannot be told yet: less than HEADER_NAME_MAX bytes of it are there */
	HEADER_FIELD,	/* begins a field (RFC 5322 section 2.2), or continues one */
	HEADER_END,	/* the empty line */
	HEADER_NONE	/* not a header line: the body begins, without the empty line in front */
};

#define HEADER_NAME_MAX 1000	/* no field name is longer than a line may be (RFC 5322 section 2.1.1) */

#define HEADER_ADDRESSES_MAX 1000	/* in From and Sender, all together: each one is asked about */

/* What the line at `bytes` is, of which everything before `end` has come. CRLF and a bare LF end it alike. */
enum header_line header_line(struct header *header, const struct header_origin *origin, const char *bytes,
    const char *end);

/* The text of the header's lines up to `end`, line ends included, in any pieces; the first one of a field begins where
 * header_line() saw it begin. */
void header_text(struct header *header, const struct header_origin *origin, const char *bytes, const char *end);

/* The header is over, in order or not. */
void header_finish(struct header *header, const struct header_origin *origin);

#define HEADER_RECEIVED_MAX 1500	/* room for header_add_received() */

/* Adds our Received field (RFC 5321 section 4.4), with as much of the client as --received says and without
 * recipients. */
void header_add_received(const struct header_origin *origin, struct text *text);

#define HEADER_MISSING_MAX 1300		/* room for header_add_missing() */

/* Adds those of Date, Message-ID and From that the header lacks, and the Sender that --fix-sender sets. */
void header_add_missing(const struct header *header, const struct header_origin *origin, struct text *text);

#endif
