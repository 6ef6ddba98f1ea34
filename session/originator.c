/* The addresses in an originator field, From or Sender (RFC 5322 section 3.6.2, RFC 6854), byte by byte. */
#include <string.h>

#include "session/originator.h"

#define COMMENT_DEPTH_MAX 20	/* real mail nests two or three */

/* A new element of the list, or the inside of <>. */
static void
restart_spec(struct originator *originator)
{
	originator->spec = SPEC_EMPTY;
	text_start(&originator->text, originator->array, sizeof originator->array);
}

void
originator_start(struct originator *originator)
{
	memset(originator, 0, sizeof *originator);
	restart_spec(originator);
}

static enum originator_event
call_malformed(struct originator *originator)
{
	originator->malformed = true;
	return ORIGINATOR_MALFORMED;
}

/* What was collected must be one whole address, with a domain of its own. */
static enum originator_event
finish_address(struct originator *originator)
{
	const char *at = originator->array;

	if ((originator->spec != SPEC_DOMAIN && originator->spec != SPEC_DOMAIN_END) || originator->text.cut ||
	    strstr(at, "=?") != NULL || address_read(&at, "", &originator->address) != ADDRESS_FINE)
		return call_malformed(originator);
	/* unreachable: something follows it; blanks are inside quotes alone */
	if (*at != '\0')
		return call_malformed(originator);
	originator->named = true;
	return ORIGINATOR_ADDRESS;
}

/* Blanks, folding and comments end a word (CFWS, section 3.2.2). */
static void
end_word(struct originator *originator)
{
	if (originator->spec == SPEC_LOCAL)
		originator->spec = SPEC_LOCAL_END;
	if (originator->spec == SPEC_DOMAIN)
		originator->spec = SPEC_DOMAIN_END;
}

/* A byte of an atom, or the start of a quoted string. False: an address cannot go on like this. */
static bool
add_word(struct originator *originator, char byte)
{
	bool quote = byte == '"';

	if (originator->spec == SPEC_EMPTY) {
		originator->spec = SPEC_LOCAL;
	} else if (originator->spec == SPEC_LOCAL_END || (originator->spec == SPEC_LOCAL && quote)) {
		originator->spec = SPEC_PHRASE;		/* a second word: a display name, or the name of a group */
	} else if (originator->spec == SPEC_AT && !quote) {
		originator->spec = SPEC_DOMAIN;
	} else if (quote ? originator->spec != SPEC_PHRASE : originator->spec == SPEC_DOMAIN_END) {
		return false;
	}
	if (originator->spec != SPEC_PHRASE)
		text_add_byte(&originator->text, byte);
	else if (originator->place == ORIGINATOR_ANGLE)
		return false;
	return true;
}

static enum originator_event
take_at(struct originator *originator)
{
	if (originator->spec != SPEC_LOCAL && originator->spec != SPEC_LOCAL_END)
		return call_malformed(originator);
	originator->spec = SPEC_AT;
	text_add_byte(&originator->text, '@');
	return ORIGINATOR_MORE;
}

/* < : a display name or nothing stood before it; or an address, which then is one of the field's. */
static enum originator_event
take_open(struct originator *originator)
{
	enum originator_event event = ORIGINATOR_MORE;

	if (originator->spec == SPEC_AT || originator->place != ORIGINATOR_LIST)
		return call_malformed(originator);
	if (originator->spec == SPEC_DOMAIN || originator->spec == SPEC_DOMAIN_END)
		event = finish_address(originator);
	originator->place = ORIGINATOR_ANGLE;
	restart_spec(originator);
	return event;
}

/* > , ; and the end of the field. An empty element between commas is harmless (section 4.4). */
static enum originator_event
end_element(struct originator *originator)
{
	enum originator_event event = ORIGINATOR_MORE;

	if (originator->place == ORIGINATOR_ANGLE ||
	    (originator->place == ORIGINATOR_LIST && originator->spec != SPEC_EMPTY))
		event = finish_address(originator);
	restart_spec(originator);
	return event;
}

static void
start_token(struct originator *originator, char byte)
{
	originator->token = byte == '"' ? TOKEN_QUOTED : byte == '(' ? TOKEN_COMMENT : TOKEN_LITERAL;
	originator->depth = 1;
	originator->folded = originator->at = false;
}

static enum originator_event
take_special(struct originator *originator, char byte)
{
	bool angle = originator->place == ORIGINATOR_ANGLE;
	enum originator_event event;

	switch (byte) {
	case '@':
		return take_at(originator);
	case '<':
		return take_open(originator);
	case '[':
		if (originator->spec != SPEC_AT)
			return call_malformed(originator);
		start_token(originator, byte);
		text_add_byte(&originator->text, '[');
		return ORIGINATOR_MORE;
	case ':':	/* not a display name, but the name of a group */
		if (originator->place != ORIGINATOR_LIST || originator->in_group || (originator->spec != SPEC_LOCAL &&
		    originator->spec != SPEC_LOCAL_END && originator->spec != SPEC_PHRASE))
			return call_malformed(originator);
		originator->in_group = true;
		restart_spec(originator);
		return ORIGINATOR_MORE;
	case '>':
		if (!angle)
			return call_malformed(originator);
		event = end_element(originator);
		originator->place = ORIGINATOR_CLOSED;
		return event;
	case ';':
	case ',':
		if (angle || (byte == ';' && !originator->in_group))
			return call_malformed(originator);
		event = end_element(originator);
		originator->place = byte == ';' ? ORIGINATOR_CLOSED : ORIGINATOR_LIST;
		originator->in_group &= byte == ',';
		return event;
	default:
		return call_malformed(originator);
	}
}

/* Inside "...", [...] or (...). */
static enum originator_event
take_inside(struct originator *originator, char byte)
{
	bool comment = originator->token == TOKEN_COMMENT;
	bool kept = !comment && originator->spec != SPEC_PHRASE;

	originator->folded |= byte == '\r' || byte == '\n';
	originator->at |= byte == '@';
	if (originator->folded && (originator->at || originator->token == TOKEN_LITERAL))
		return call_malformed(originator);
	if (byte == '\r' || byte == '\n')	/* a fold is nothing by itself: the blank after it stays */
		return originator->escaped ? call_malformed(originator) : ORIGINATOR_MORE;
	if (kept)
		text_add_byte(&originator->text, byte);
	if (originator->escaped) {
		originator->escaped = false;
	} else if (byte == '\\') {
		if (originator->token == TOKEN_LITERAL)
			return call_malformed(originator);
		originator->escaped = true;
	} else if (originator->token == TOKEN_QUOTED && byte == '"') {
		originator->token = TOKEN_PLAIN;
	} else if (originator->token == TOKEN_LITERAL && byte == ']') {
		originator->token = TOKEN_PLAIN;
		originator->spec = SPEC_DOMAIN_END;
	} else if (comment && byte == '(') {
		if (++originator->depth > COMMENT_DEPTH_MAX)
			return call_malformed(originator);
	} else if (comment && byte == ')' && --originator->depth == 0) {
		originator->token = TOKEN_PLAIN;
	}
	return ORIGINATOR_MORE;
}

enum originator_event
originator_take(struct originator *originator, char byte)
{
	bool blank = byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';

	if (originator->malformed || (byte >= 0 && byte < ' ' && !blank) || byte == 127)
		return call_malformed(originator);
	if (originator->token != TOKEN_PLAIN)
		return take_inside(originator, byte);
	if (blank || byte == '(') {
		end_word(originator);
		if (byte == '(')
			start_token(originator, byte);
		return ORIGINATOR_MORE;
	}
	if (strchr("@<>[],;:)\\", byte) != NULL)
		return take_special(originator, byte);
	if (originator->place == ORIGINATOR_CLOSED || !add_word(originator, byte))
		return call_malformed(originator);
	if (byte == '"')
		start_token(originator, byte);
	return ORIGINATOR_MORE;
}

enum originator_event
originator_end(struct originator *originator)
{
	enum originator_event event;

	if (originator->malformed || originator->token != TOKEN_PLAIN || originator->place == ORIGINATOR_ANGLE ||
	    originator->in_group)
		return call_malformed(originator);
	event = end_element(originator);
	return event == ORIGINATOR_MORE && !originator->named ? call_malformed(originator) : event;
}
