/* The log: one event a line. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The log: one event a line, key=value, the session's id and the client's address in front of
 * anything that a client chose. A line is one write(2) of at most LOG_LINE_MAX bytes, so lines of
 * two processes do not mix. Descriptor 2 holds the log: the standard error, or a datagram socket to
 * /dev/log where descriptor 2 was the client's connection.
 *
 * Mail never waits for the log: a line that cannot be written at once is waited for, but no longer than LOG_PATIENCE
 * in the life of the process; then it is lost, and the next line that can be written says how many were
 * (dropped=N).
 */
#define LOG_LINE_MAX 1024
#define LOG_PATIENCE 100	/* milliseconds */

/* Begins to write lines: `to_syslog` puts the RFC 3164 priority in front. `id` and `client` are kept
 * as pointers and shown in every line; either may be NULL. */
void log_start(bool to_syslog, const char *id, const char *client);

/* Looks what descriptor 2 is, with the rights that the process has now; else the first line does so. */
void log_open(void);

void log_begin(const char *event);
void log_word(const char *key, const char *value);			/* our own words */
void log_number(const char *key, uint64_t value);
void log_quoted(const char *key, const char *bytes, size_t length);	/* anybody's bytes */
void log_sentence(const char *key, const char *message);		/* our own sentence, quoted, whole */
void log_end(void);
void log_drop(void);	/* instead of log_end(): the line is not written, but counted as one that was lost */

/* event=error what="..." error="..." (the system's word for `error` unless 0). */
void log_error(const char *what, int error);

#endif
