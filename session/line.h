/* Lines in, replies out, and how long we wait for either. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_COMMAND_MAX 4096	/* a command with its CRLF (RFC 5321 section 4.5.3.1.4 asks for 512) */
#define LINE_AUTH_MAX 12288	/* an AUTH command or answer with its CRLF (RFC 4954 section 4) */
#define LINE_FLOOD 65536	/* this much without a CRLF is no line: close */

#define LINE_REPLY_MAX 512	/* a reply with its CRLF (RFC 5321 section 4.5.3.1.5) */

#define LINE_IN_SIZE (128 * 1024)

/*
 * The connection: two descriptors, what was read and not yet used, what was written and not yet sent.
 * There is one, static and zero at first; in[start..end) is unread. Only line.c looks inside. Replies are sent when
 * the output is full or when we are about to wait for input: pipelined commands (RFC 2920) are answered together
 * without other code.
 */
struct line {
	int read_from, write_to;
	bool pipe;			/* write_to is not a socket */
	bool debug;			/* trace replies in the log */
	bool broken;			/* the client takes no more: nothing is written to it again */
	bool reset;			/* reading failed: the connection ended, but not in order */
	int64_t patience, deadline;	/* see line_set_patience(), line_set_deadline() */
	size_t start, end;
	size_t out_used;
	char out[4096];
	char in[LINE_IN_SIZE + 1];	/* one more for the NUL that ends a line */
};

enum line_event {
	LINE_READ,	/* a line, ended by CRLF */
	LINE_MORE,	/* line_fill(): there is more in the buffer */
	LINE_BARE,	/* a CR or LF that is not half of a CRLF, or a NUL: 500 and close */
	LINE_FLOODED,	/* LINE_FLOOD bytes without a CRLF: 500 and close */
	LINE_FOREIGN,	/* the first byte begins no command: a TLS hello, say: 500 and close */
	LINE_LATE,	/* a deadline passed: 421 and close */
	LINE_GONE	/* end of file or an error: the client is gone */
};

/* One reply (RFC 5321 section 4.2): constant, named for its meaning, written in one place. */
struct reply {
	int code;		/* 0: nothing is said */
	const char *enhanced;	/* RFC 3463, or NULL for codes that have none */
	const char *text;
	const char *end;	/* why the session ends after it, a word for the log; NULL: it goes on */
};

/* Takes the connection over and forgets whatever was buffered. Each descriptor is a socket or a pipe, and blocks. */
void line_start(struct line *line, int read_from, int write_to);

/* How long each wait for the client may take, to read or to write: milliseconds. */
void line_set_patience(struct line *line, int64_t milliseconds);

/* No wait for the client goes on past this time (io_now()). */
void line_set_deadline(struct line *line, int64_t deadline);

/* Whether replies are shown in the log. */
void line_set_debug(struct line *line, bool debug);

/* When a wait that begins now ends (io_now()): after the patience, at the deadline at the latest. */
int64_t line_wait_ends(const struct line *line);

/* What was read and not yet used: *bytes, of the returned length, valid until the next call of anything else here; the
 * byte after them can be read. line_take() marks the first `length` of them as used. */
size_t line_pending(struct line *line, const char **bytes);
void line_take(struct line *line, size_t length);

/* The client takes no more replies: it is gone, or did not read in time. Nothing is written to it again. */
bool line_broken(const struct line *line);

/*
 * The next line, without its CRLF and ended by a NUL, of any length up to LINE_FLOOD: what is too long for
 * its kind the caller judges by *length (CRLF not counted). It stays where it is until the next call.
 * `command`: a first byte above 127 or a control character other than TAB is LINE_FOREIGN at once.
 * A last line without a CRLF is no line: LINE_GONE.
 */
enum line_event line_read(struct line *line, bool command, char **string, size_t *length);

/* Wipes a line that line_read() returned: it may hold a password. */
void line_wipe(char *string, size_t length);

/* Sends what is to be sent, then waits for input and adds what is there, at least a byte: LINE_MORE. The
 * unread bytes have moved to the front. More than LINE_FLOOD of them, and a CR, are LINE_FLOODED. */
enum line_event line_fill(struct line *line);

/* Adds to the output; sends it when it is full. */
void line_write(struct line *line, const char *bytes, size_t length);

/* Adds a reply as a line of its own. */
void line_reply(struct line *line, const struct reply *reply);

/* After LINE_GONE: did the client's end throw away what we sent last? That may be known only a moment after the end
 * of file: waits for LINE_RESET_MS. A client that has only closed its own direction has not. */
#define LINE_RESET_MS 200
bool line_was_reset(const struct line *line);

/* Sends all output. False: line_broken(). */
bool line_flush(struct line *line);

#endif
