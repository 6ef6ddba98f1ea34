/* The header of a message: its fields, and what a submission server adds and removes (RFC 6409 section 8). */
#include <string.h>
#include <time.h>

#include "session/header.h"

/* Anybody's word in a comment (RFC 5322 section 3.2.2). */
static void
add_comment(struct text *text, const char *string)
{
	for (; *string != '\0'; string++)
		text_add_byte(text, *string < 32 || *string > 126 || strchr("()\\", *string) != NULL ? '?' : *string);
}

/* (HOST [ADDRESS]) */
static void
add_address(const struct header_origin *origin, struct text *text)
{
	text_add(text, " (");
	if (origin->host[0] != '\0') {
		text_add_clean(text, origin->host, 255);
		text_add_byte(text, ' ');
	}
	if (origin->address[0] == '\0') {
		text_add(text, "unknown");
	} else {
		text_add(text, strchr(origin->address, ':') != NULL ? "[IPv6:" : "[");
		text_add(text, origin->address);
		text_add_byte(text, ']');
	}
	text_add_byte(text, ')');
}

void
header_add_received(const struct header_origin *origin, struct text *text)
{
	enum received received = origin->config->received;

	text_add(text, "Received: ");
	if (received != RECEIVED_NONE) {
		text_add(text, "from ");
		text_add_clean(text, origin->from, 255);
		if (received != RECEIVED_NO_ADDRESS)
			add_address(origin, text);
		text_add(text, "\n\t");
	}
	if (received == RECEIVED_LOGIN) {
		text_add(text, "(authenticated as ");
		add_comment(text, origin->login);
		text_add(text, ")\n\t");
	}
	text_add(text, "by ");
	text_add(text, origin->config->hostname);
	text_add(text, " with ");
	text_add(text, origin->with);
	if (origin->tls[0] != '\0') {
		text_add(text, " (");
		text_add(text, origin->tls);
		text_add_byte(text, ')');
	}
	text_add(text, "\n\tid ");
	text_add(text, origin->id);
	text_add(text, "; ");
	text_add_date(text, time(NULL));
	text_add_byte(text, '\n');
}

void
header_add_missing(const struct header *header, const struct header_origin *origin, struct text *text)
{
	if (!header->has_date) {
		text_add(text, "Date: ");
		text_add_date(text, time(NULL));
		text_add_byte(text, '\n');
	}
	if (!header->has_id) {
		text_add(text, "Message-ID: <");
		text_add(text, origin->id);
		text_add_byte(text, '.');
		text_add_number(text, origin->number);
		text_add_byte(text, '@');
		text_add(text, origin->config->hostname);
		text_add(text, ">\n");
	}
	if (!header->has_from) {
		text_add(text, "From: <");
		text_add(text, origin->sender);
		text_add(text, ">\n");
	}
	if (origin->set_sender != NULL) {
		text_add(text, "Sender: <");
		text_add(text, origin->set_sender);
		text_add(text, ">\n");
	}
}

/* What a byte of a From or Sender field, or its end, came to. */
static void
check_address(struct header *header, const struct header_origin *origin, enum originator_event event)
{
	if (event == ORIGINATOR_MORE || header->fault != NULL)
		return;
	if (event == ORIGINATOR_ADDRESS && ++header->addresses <= HEADER_ADDRESSES_MAX)
		header->fault = origin->sender_fault(header->originator.address.text);
	else
		header->fault = origin->sender_fault(NULL);
}

static void
finish_field(struct header *header, const struct header_origin *origin)
{
	if (header->checking)
		check_address(header, origin, originator_end(&header->originator));
}

void
header_text(struct header *header, const struct header_origin *origin, const char *bytes, size_t length)
{
	const char *end = bytes + length;

	if (!header->checking)
		return;
	if (!header->in_body) {
		bytes = (const char *)memchr(bytes, ':', length) + 1;
		header->in_body = true;
		originator_start(&header->originator);
	}
	while (bytes < end && header->fault == NULL)
		check_address(header, origin, originator_take(&header->originator, *bytes++));
}

void
header_finish(struct header *header, const struct header_origin *origin)
{
	finish_field(header, origin);
	header->dropping = false;
}

/* A field of that name begins. */
static void
note_field(struct header *header, const struct header_origin *origin, const char *name, size_t length)
{
	bool from = text_is(name, length, "from"), sender = text_is(name, length, "sender");

	finish_field(header, origin);
	header->has_field = true;
	header->received += text_is(name, length, "received");
	header->has_date |= text_is(name, length, "date");
	header->has_id |= text_is(name, length, "message-id");
	header->has_from |= from;
	/* Blind copies stay blind (RFC 5322 section 3.6.3); Return-Path is the last server's (RFC 5321 section 4.4). */
	header->dropping = text_is(name, length, "bcc") || text_is(name, length, "resent-bcc") ||
	    text_is(name, length, "return-path") || (sender && origin->set_sender != NULL);
	header->checking = origin->sender_fault != NULL && (from || sender);
	header->in_body = false;
}

enum header_line
header_line(struct header *header, const struct header_origin *origin, const char *bytes, const char *end)
{
	size_t name = 0, blanks = 0;

	if (bytes < end && (*bytes == ' ' || *bytes == '\t'))
		return header->has_field ? HEADER_FIELD : HEADER_NONE;
	while (bytes + name < end && bytes[name] > 32 && bytes[name] < 127 && bytes[name] != ':')
		name++;
	while (bytes + name + blanks < end && (bytes[name + blanks] == ' ' || bytes[name + blanks] == '\t'))
		blanks++;
	if (name + blanks >= HEADER_NAME_MAX)
		return HEADER_NONE;
	if (bytes + name + blanks == end || (end - bytes == 1 && *bytes == '\r'))
		return HEADER_MORE;
	if (name == 0)
		return *bytes == '\n' || (*bytes == '\r' && bytes[1] == '\n') ? HEADER_END : HEADER_NONE;
	if (bytes[name + blanks] != ':')
		return HEADER_NONE;
	note_field(header, origin, bytes, name);
	return HEADER_FIELD;
}
