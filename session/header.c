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
header_text(struct header *header, const struct header_origin *origin, const char *bytes, const char *end)
{
	if (!header->checking)
		return;
	for (; !header->in_body && bytes < end; bytes++)	/* unreachable: the end, before the colon */
		header->in_body = *bytes == ':';
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
note_field(struct header *header, const struct header_origin *origin, const char *name, const char *end)
{
	bool from = text_between(name, end, "from"), sender = text_between(name, end, "sender");

	finish_field(header, origin);
	header->has_field = true;
	header->received += text_between(name, end, "received");
	header->has_date |= text_between(name, end, "date");
	header->has_id |= text_between(name, end, "message-id");
	header->has_from |= from;
	/* Blind copies stay blind (RFC 5322 section 3.6.3); Return-Path is the last server's (RFC 5321 section 4.4). */
	header->dropping = text_between(name, end, "bcc") || text_between(name, end, "resent-bcc") ||
	    text_between(name, end, "return-path") || (sender && origin->set_sender != NULL);
	header->checking = origin->sender_fault != NULL && (from || sender);
	header->in_body = false;
	if (header->checking)
		originator_start(&header->originator);
}

enum header_line
header_line(struct header *header, const struct header_origin *origin, const char *bytes, const char *end)
{
	const char *at = bytes, *name_end;

	if (bytes < end && (*bytes == ' ' || *bytes == '\t'))
		return header->has_field ? HEADER_FIELD : HEADER_NONE;
	while (at < end && *at > 32 && *at < 127 && *at != ':')
		at++;
	name_end = at;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	if (at - bytes >= HEADER_NAME_MAX)
		return HEADER_NONE;
	if (at >= end || (end - bytes == 1 && *bytes == '\r'))
		return HEADER_MORE;
	if (name_end == bytes)
		return *at == '\n' || (*at == '\r' && at[1] == '\n') ? HEADER_END : HEADER_NONE;
	if (*at != ':')
		return HEADER_NONE;
	note_field(header, origin, bytes, name_end);
	return HEADER_FIELD;
}
