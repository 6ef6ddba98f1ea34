/* The message: from the client to the spool, its header completed (RFC 6409 section 8). */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "session/data.h"

#define RECEIVED_MAX 100	/* a loop (RFC 5321 section 6.3) */

static const struct reply
	bare_cr_or_nul = { 550, "5.6.0", "Message has a bare CR or a NUL (RFC 5321 section 2.3.8)", NULL },
	too_big = { 552, "5.3.4", "Message is larger than this server takes", NULL },
	loop = { 554, "5.4.6", "Message has 100 Received fields: a loop", NULL },
	no_room = { 452, "4.3.1", "Message could not be stored, try again later", NULL };

static void
flush(struct data *data)
{
	if (!data->spool_failed && !io_write_all(data->spool, data->out, data->out_used))
		data->spool_failed = true;
	data->out_used = 0;
}

/* A line of ours into the header: flat text, for which data_take() has left room. */
static void
add_line(struct data *data, const struct text *line)
{
	memcpy(data->out + data->out_used, line->bytes, line->used);
	data->out_used += line->used;
}

/* The fields that a message must have and this one has not: at the end of its header. */
static void
complete_header(struct data *data)
{
	char array[HEADER_MISSING_MAX];
	struct text text;

	data->in_header = false;
	header_finish(&data->header, data->origin);
	text_start(&text, array, sizeof array);
	header_add_missing(&data->header, data->origin, &text);
	add_line(data, &text);
}

void
data_start(struct data *data, const struct header_origin *origin, int spool)
{
	char array[HEADER_RECEIVED_MAX];
	struct text text;

	memset(data, 0, offsetof(struct data, out));
	data->origin = origin;
	data->spool = spool;
	data->place = DATA_AFTER_CRLF;
	data->in_header = true;
	digest_sha512.start(&data->digest);
	text_start(&text, array, sizeof array);
	header_add_received(origin, &text);
	add_line(data, &text);
}

/* A line of the header begins. False: more of it must be seen first. */
static bool
begin_header_line(struct data *data, const char *bytes, const char *end)
{
	switch (header_line(&data->header, data->origin, bytes, end)) {
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
take_lines(struct data *data, const char *at, const char *end)
{
	int stuffed = data->place == DATA_AFTER_LF ? -1 : '.';	/* what goes, at the start of a line: no byte is -1 */
	char *out = data->out + data->out_used;
	uint64_t dots = 0;

	while (end - at > 9) {
		const char *line = at + ((unsigned char)*at == stuffed), *newline;
		size_t kept = 0;

		while (kept < 8 && (unsigned char)line[kept] > '\r')
			kept++;
		newline = line + kept + 1;
		if (kept < 8 && newline[-1] == '\r' && *newline == '\n') {
			if (kept == 0 && line > at)	/* the end mark */
				break;
			memcpy(out, line, 8);
			stuffed = '.';
		} else if (kept < 8 && newline[-1] == '\n') {
			memcpy(out, line, 8);
			newline--;
			stuffed = -1;
		} else {
			newline = memchr(line, '\n', (size_t)(end - line));
			if (newline == NULL)
				break;
			kept = (size_t)(newline - line);
			stuffed = newline[-1] == '\r' ? '.' : -1;	/* there is one: an LF alone was seen above */
			kept -= stuffed == '.';
			data->blemished |= memchr(line, '\r', kept) != NULL;
			memcpy(out, line, kept);
		}
		out += kept;
		*out++ = '\n';
		dots += (uint64_t)(line - at);
		at = newline + 1;
	}
	data->out_used = (size_t)(out - data->out);
	data->dots += dots;
	data->place = stuffed < 0 ? DATA_AFTER_LF : DATA_AFTER_CRLF;
	return at;
}

/* The beginning of a line: end mark, dot to be removed, header. Returns where what is to be kept of it
 * begins or, with `done`, where the end mark ends; NULL: more of it must be seen first. */
static const char *
begin_line(struct data *data, const char *at, const char *end)
{
	const char *line = at;

	if (*at == '.' && data->place == DATA_AFTER_CRLF) {
		if (end - at < 2 || (at[1] == '\r' && end - at < 3))
			return NULL;
		if (at[1] == '\r' && at[2] == '\n') {
			data->done = true;
			return at + 3;
		}
		line++;
	}
	if (data->in_header && !begin_header_line(data, line, end))
		return NULL;
	data->dots += (uint64_t)(line - at);
	return line;
}

/* The rest of a line, or as much of it as is there; returns where it stopped. A CR at the end of what we have
 * waits for its LF. */
static const char *
take_text(struct data *data, const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline == NULL ? end : newline;
	bool cr = stop > at && stop[-1] == '\r';
	size_t length = (size_t)(stop - at) - cr;

	if (newline == NULL && length == 0)
		return at;
	data->blemished |= memchr(at, '\r', length) != NULL;
	if (data->in_header)
		header_text(&data->header, data->origin, at, at + length + (newline != NULL));
	if (!data->header.dropping) {
		memcpy(data->out + data->out_used, at, length);
		data->out_used += length;
		if (newline != NULL)
			data->out[data->out_used++] = '\n';
	}
	data->place = newline == NULL ? DATA_IN_LINE : cr ? DATA_AFTER_CRLF : DATA_AFTER_LF;
	return newline == NULL ? at + length : newline + 1;
}

size_t
data_take(struct data *data, const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length, *next;

	/* What comes out is never longer than what came in, but for the fields that we add. */
	if (data->out_used + length + 4096 > sizeof data->out)
		flush(data);
	for (; at < end && !data->done; at = next) {
		if (data->place != DATA_IN_LINE && !data->in_header)
			at = take_lines(data, at, end);
		next = at;
		if (at < end && data->place != DATA_IN_LINE)
			next = begin_line(data, at, end);
		if (next != NULL && next < end && !data->done)
			next = take_text(data, next, end);
		if (next == NULL || next == at)
			break;
	}
	length = (size_t)(at - bytes);
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): line_pending() always shows its buffer. */
	data->blemished |= memchr(bytes, '\0', length) != NULL;
	data->consumed += length;
	if (data->origin->config->state[0] != '\0')
		digest_sha512.add(&data->digest, bytes, length);
	data->size = data->consumed - data->dots - (data->done ? 3 : 0);
	/* A message that will be refused is not stored, only read to its end. */
	if (data->size > data->origin->config->max_size || data->blemished)
		data->out_used = 0;
	if (data->done && data->in_header)
		complete_header(data);
	return length;
}

enum line_event
data_read(struct data *data, struct line *line, int64_t patience, int64_t deadline)
{
	int64_t start = io_now() + patience, slowest;
	enum line_event event = LINE_MORE;
	const char *bytes;
	size_t length;

	for (;;) {
		length = line_pending(line, &bytes);
		line_take(line, data_take(data, bytes, length));
		if (data->done)
			break;
		slowest = start + (int64_t)(data->consumed * 1000 / DATA_RATE);
		line_set_deadline(line, slowest < deadline ? slowest : deadline);
		event = line_fill(line);
		if (event != LINE_MORE)
			break;
	}
	line_set_deadline(line, deadline);
	return data->done ? LINE_READ : event;
}

void
data_digest(struct data *data, const char *envelope, size_t length, unsigned char digest[MEMORY_DIGEST])
{
	unsigned char whole[SHA512_DIGEST_LENGTH];

	/* The text ends with its end mark, so there is no doubt where the envelope begins. */
	digest_sha512.add(&data->digest, envelope, length);
	digest_sha512.end(&data->digest, whole);
	memcpy(digest, whole, MEMORY_DIGEST);
}

const struct reply *
data_finish(struct data *data)
{
	if (data->blemished)
		return &bare_cr_or_nul;
	if (data->size > data->origin->config->max_size)
		return &too_big;
	if (data->header.received >= RECEIVED_MAX)
		return &loop;
	if (data->header.fault != NULL)
		return data->header.fault;
	flush(data);
	return data->spool_failed ? &no_room : NULL;
}
