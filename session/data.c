/* The message: from the client to the spool, its header completed (RFC 6409 section 8). */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "session/data.h"
#include "base/io.h"
#include "base/text.h"

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

/* The fields that a message must have and this one has not: at the end of its header. */
static void
complete_header(struct data *data)
{
	char array[HEADER_MISSING_MAX];
	struct text text;

	data->in_header = data->header.dropping = false;
	text_start(&text, array, sizeof array);
	header_add_missing(&data->header, data->origin, &text);
	add(data, &text);
}

void
data_start(struct data *data, const struct header_origin *origin, int spool)
{
	bool again = data->origin != NULL;
	char array[HEADER_RECEIVED_MAX];
	struct text text;

	memset(data, 0, offsetof(struct data, out));
	data->origin = origin;
	data->spool = spool;
	data->line_start = data->in_header = true;
	if (again && (ftruncate(spool, 0) != 0 || lseek(spool, 0, SEEK_SET) != 0))
		data->spool_failed = true;
	text_start(&text, array, sizeof array);
	header_add_received(origin, &text);
	add(data, &text);
}

/* A start of a line in the header: false when more must be seen first. */
static bool
header(struct data *data, const char *bytes, const char *end)
{
	switch (header_line(&data->header, bytes, end)) {
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
		if (!data->header.dropping) {
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
	if (data->header.received >= RECEIVED_MAX)
		return &loop;
	flush(data);
	return data->spool_failed ? &no_room : NULL;
}
