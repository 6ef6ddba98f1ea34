/* The message: from the client to the spool, its header completed (RFC 6409 section 8). */
#ifndef DATA_H
#define DATA_H

#include "base/config.h"
#include "base/digest.h"
#include "base/memory.h"
#include "session/header.h"
#include "session/line.h"

#define DATA_OUT_SIZE (LINE_IN_SIZE + 8192)

/* What came last. A dot is removed, and an end mark found, after CRLF alone: a bare LF ends a line of the text
 * and nothing else, so that no two servers disagree on where a message ends. */
enum data_place { DATA_IN_LINE, DATA_AFTER_LF, DATA_AFTER_CRLF };

/* One message on its way; static, since it is large. */
struct data {
	const struct header_origin *origin;
	int spool;
	uint64_t size;		/* bytes as the client counts them: with each CR, without the dots that it added */
	uint64_t consumed;	/* bytes that came */
	uint64_t dots;		/* how many dots were added by the client and removed here */
	enum data_place place;
	bool in_header;
	struct header header;
	bool blemished;		/* a bare CR or a NUL was in it */
	bool done;		/* CRLF.CRLF came */
	bool spool_failed;
	union digest_state digest;	/* with --state: of all that the client sent */
	size_t out_used;
	char out[DATA_OUT_SIZE];
};

/* Writes our Received field to the spool, which is empty; `origin` is used until data_finish(). */
void data_start(struct data *data, const struct header_origin *origin, int spool);

/*
 * Takes bytes from [bytes, bytes + length), at most LINE_IN_SIZE, and returns how many: all but a few that must be
 * seen together with the next ones (at most 1000). bytes[length] must be readable. The end mark (CRLF.CRLF and
 * nothing else, RFC 5321 section 4.1.1.4) sets `done`; nothing after it is taken. However the message is cut into
 * calls, the result is the same.
 */
size_t data_take(struct data *data, const char *bytes, size_t length);

/*
 * Reads the message from the connection to its end: LINE_READ; else how the connection ended. What was sent after the
 * message stays in the line. A client that drips is given up: it has `patience` milliseconds, and the time that
 * the bytes that came take at DATA_RATE; `deadline` (io_now()) is the session's, and the line's afterwards.
 */
enum line_event data_read(struct data *data, struct line *line, int64_t patience, int64_t deadline);

/* With --state, once the message is whole: what tells this message with this envelope from all others (the first
 * half of a SHA-512). */
void data_digest(struct data *data, const char *envelope, size_t length, unsigned char digest[MEMORY_DIGEST]);

/* Writes out the rest. NULL when the message may be sent, else why not. */
const struct reply *data_finish(struct data *data);

#endif
