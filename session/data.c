/* The message: from the client to the spool, its header completed (RFC 6409 section 8). */
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "session/data.h"
#include "base/io.h"
#include "base/text.h"

#define NAME_MAX_SEEN 1000	/* no field name is longer than a line may be (RFC 5322 section 2.1.1) */
#define RECEIVED_MAX 100	/* a loop (RFC 5321 section 6.3) */

static const struct reply
	not_a_line = { 550, "5.6.0", "Message has a bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8)", false },
	too_big = { 552, "5.3.4", "Message is larger than this server takes", false },
	loop = { 554, "5.4.6", "Message has 100 Received fields: a loop", false },
	no_room = { 452, "4.3.1", "Message could not be stored, try again later", false };

static void
flush(struct data *data)
{
	if (!data->spool_failed && !io_write_all(data->spool, data->out, data->out_used))
		data->spool_failed = true;
	data->out_used = 0;
}

/* A line of ours into the header: flat text. */
static void
add(struct data *data, const struct text *line)
{
	if (data->out_used + line->used > sizeof data->out)
		flush(data);
	memcpy(data->out + data->out_used, line->bytes, line->used);
	data->out_used += line->used;
}

/* RFC 5321 section 4.4. Neither the login nor a recipient is shown. */
static void
add_received(struct data *data)
{
	const struct data_origin *origin = data->origin;
	char array[1200];
	struct text line;

	text_start(&line, array, sizeof array);
	text_add(&line, "Received: from ");
	text_add_clean(&line, origin->from, 255);
	text_add(&line, " (");
	if (origin->host[0] != '\0') {
		text_add_clean(&line, origin->host, 255);
		text_add_byte(&line, ' ');
	}
	if (origin->address[0] == '\0') {
		text_add(&line, "unknown");
	} else {
		text_add(&line, strchr(origin->address, ':') != NULL ? "[IPv6:" : "[");
		text_add(&line, origin->address);
		text_add_byte(&line, ']');
	}
	text_add(&line, ")\n\tby ");
	text_add(&line, origin->config->hostname);
	text_add(&line, " with ");
	text_add(&line, origin->with);
	if (origin->tls[0] != '\0') {
		text_add(&line, " (");
		text_add(&line, origin->tls);
		text_add_byte(&line, ')');
	}
	text_add(&line, "\n\tid ");
	text_add(&line, origin->id);
	text_add(&line, "; ");
	text_add_date(&line, time(NULL));
	text_add_byte(&line, '\n');
	add(data, &line);
}

/* The fields that a message must have and this one has not: at the end of its header. */
static void
complete_header(struct data *data)
{
	const struct data_origin *origin = data->origin;
	char array[1000];
	struct text line;

	data->in_header = data->dropping = false;
	text_start(&line, array, sizeof array);
	if (!data->has_date) {
		text_add(&line, "Date: ");
		text_add_date(&line, time(NULL));
		text_add_byte(&line, '\n');
	}
	if (!data->has_id) {
		text_add(&line, "Message-ID: <");
		text_add(&line, origin->id);
		text_add_byte(&line, '.');
		text_add_number(&line, origin->number);
		text_add_byte(&line, '@');
		text_add(&line, origin->config->hostname);
		text_add(&line, ">\n");
	}
	if (!data->has_from) {
		text_add(&line, "From: <");
		text_add(&line, origin->sender);
		text_add(&line, ">\n");
	}
	add(data, &line);
}

void
data_start(struct data *data, const struct data_origin *origin, int spool)
{
	bool again = data->origin != NULL;

	memset(data, 0, offsetof(struct data, out));
	data->origin = origin;
	data->spool = spool;
	data->line_start = data->in_header = true;
	if (again && (ftruncate(spool, 0) != 0 || lseek(spool, 0, SEEK_SET) != 0))
		data->spool_failed = true;
	add_received(data);
}

enum header_line { HEADER_MORE, HEADER_FIELD, HEADER_FOLDED, HEADER_END, HEADER_NONE };

/*
 * What begins at `bytes`, the start of a line in the header: a field (RFC 5322 section 2.2), a folded
 * line of the last one, the empty line, or something that shows that the header is over. HEADER_MORE:
 * it cannot be said yet.
 */
static enum header_line
header_line(struct data *data, const char *bytes, const char *end)
{
	static const char *const known[] = { "received", "date", "message-id", "from", "bcc", "return-path" };
	size_t name = 0, blanks = 0;

	if (bytes < end && (*bytes == ' ' || *bytes == '\t'))
		return data->has_field ? HEADER_FOLDED : HEADER_NONE;
	while (bytes + name < end && bytes[name] > 32 && bytes[name] < 127 && bytes[name] != ':')
		name++;
	while (bytes + name + blanks < end && (bytes[name + blanks] == ' ' || bytes[name + blanks] == '\t'))
		blanks++;
	if (name + blanks >= NAME_MAX_SEEN)
		return HEADER_NONE;
	if (bytes + name + blanks == end || (end - bytes == 1 && *bytes == '\r'))
		return HEADER_MORE;
	if (name == 0)
		return bytes[0] == '\r' && bytes[1] == '\n' ? HEADER_END : HEADER_NONE;
	if (bytes[name + blanks] != ':')
		return HEADER_NONE;
	data->has_field = true;
	data->dropping = false;
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
		if (!text_is(bytes, name, known[i]))
			continue;
		data->received += i == 0;
		data->has_date |= i == 1;
		data->has_id |= i == 2;
		data->has_from |= i == 3;
		data->dropping = i >= 4;
	}
	return HEADER_FIELD;
}

/* A start of a line in the header: false when more must be seen first. */
static bool
header(struct data *data, const char *bytes, const char *end)
{
	switch (header_line(data, bytes, end)) {
	case HEADER_MORE:
		return false;
	case HEADER_END:
		complete_header(data);
		return true;
	case HEADER_NONE:	/* text without the empty line in front: it gets one, and is the body */
		complete_header(data);
		data->out[data->out_used++] = '\n';
		return true;
	default:
		return true;
	}
}

/*
 * Whole lines of the body, from the start of one, as long as there is nothing to decide; returns where it
 * stopped. Most of a message goes through here: all in locals, short lines copied without a call. What is
 * copied too far stays inside both buffers and is overwritten by the next line.
 */
static const char *
take_lines(struct data *data, const char *at, const char *end, uint64_t *dots)
{
	char *out = data->out + data->out_used;

	while (end - at > 9) {
		const char *line = at + (*at == '.'), *newline;
		size_t kept = 0;

		while (kept < 8 && (unsigned char)line[kept] > '\r')
			kept++;
		newline = line + kept + 1;
		if (kept < 8 && newline[-1] == '\r' && *newline == '\n') {
			memcpy(out, line, 8);
		} else {
			newline = memchr(line, '\n', (size_t)(end - line));
			if (newline == NULL || newline == line || newline[-1] != '\r')
				break;
			kept = (size_t)(newline - line) - 1;
			data->blemished |= memchr(line, '\r', kept) != NULL;
			memcpy(out, line, kept);
		}
		if (kept == 0 && line > at)
			break;
		out += kept;
		*out++ = '\n';
		*dots += (uint64_t)(line - at);
		at = newline + 1;
	}
	data->out_used = (size_t)(out - data->out);
	return at;
}

size_t
data_take(struct data *data, const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length;
	uint64_t dots = 0;

	/* What is in the buffer now can only become shorter on the way, but for the fields that we add. */
	if (data->out_used + length + 4096 > sizeof data->out)
		flush(data);
	while (at < end) {
		const char *line = at, *newline;
		size_t copied, text;

		if (data->line_start && !data->in_header) {
			line = at = take_lines(data, at, end, &dots);
			if (at == end)
				break;
		}
		if (data->line_start) {
			if (*line == '.') {
				if (end - line < 2 || (line[1] == '\r' && end - line < 3))
					break;
				if (line[1] == '\r' && line[2] == '\n') {
					at += 3;
					data->done = true;
					break;
				}
				line++;
			}
			if (data->in_header && !header(data, line, end))
				break;
			dots += (uint64_t)(line - at);
			at = line;
		}
		/* Up to the LF; what stands before it tells whether that ends a line. A CR at the end of
		 * what we have waits for its LF. */
		newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL) {
			text = copied = (size_t)(end - at) - (end[-1] == '\r');
			if (copied == 0)
				break;
			data->line_start = false;
		} else {
			copied = (size_t)(newline - at);
			data->line_start = copied > 0 && newline[-1] == '\r';
			data->blemished |= !data->line_start;
			text = copied - data->line_start;
		}
		data->blemished |= memchr(at, '\r', text) != NULL;
		if (!data->dropping) {
			memcpy(data->out + data->out_used, at, text);
			data->out_used += text;
			if (newline != NULL)
				data->out[data->out_used++] = '\n';
		}
		at += copied + (newline != NULL);
	}
	length = (size_t)(at - bytes);
	data->blemished |= memchr(bytes, '\0', length) != NULL;
	data->consumed += length;
	data->size += length - dots - (data->done ? 3 : 0);
	/* A message that is refused anyway needs no room: it is only read to its end. */
	if (data->size > data->origin->config->max_size || data->blemished)
		data->out_used = 0;
	if (data->done && data->in_header)
		complete_header(data);
	return length;
}

enum line_event
data_read(struct data *data, struct line *line, int64_t until)
{
	int64_t start = io_now();

	while (!data->done) {
		enum line_event event;

		line->start += data_take(data, line->in + line->start, line->end - line->start);
		if (data->done)
			break;
		/* A client that drips is given up: --timeout, then at least DATA_RATE on the average. */
		line->until = start + line->wait + (int64_t)(data->consumed * 1000 / DATA_RATE);
		if (line->until > until)
			line->until = until;
		event = line_fill(line);
		if (event != LINE_MORE)
			return event;
	}
	line->until = until;
	return LINE_READ;
}

const struct reply *
data_finish(struct data *data)
{
	if (data->blemished)
		return &not_a_line;
	if (data->size > data->origin->config->max_size)
		return &too_big;
	if (data->received >= RECEIVED_MAX)
		return &loop;
	flush(data);
	return data->spool_failed ? &no_room : NULL;
}
