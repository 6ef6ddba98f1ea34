/* The log: one event a line. */
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

static struct {
	bool syslog;
	uint64_t pid;		/* of the monitor, for both: getpid() is not in the cage */
	const char *id, *client;
	char array[LOG_LINE_MAX];
	struct text line;
} log_state;

void
log_start(bool to_syslog, const char *id, const char *client)
{
	if (to_syslog && log_state.pid == 0)
		log_state.pid = (uint64_t)getpid();
	log_state.syslog = to_syslog;
	log_state.id = id;
	log_state.client = client;
}

void
log_client(const char *client)
{
	log_state.client = client;
}

void
log_begin(const char *event)
{
	struct text *line = &log_state.line;

	/* One byte is kept for the line's end: a cut line is still a line. */
	text_start(line, log_state.array, sizeof log_state.array - 1);
	if (log_state.syslog) {
		text_add(line, "<22>ofmipd-session[");	/* mail.info */
		text_add_number(line, log_state.pid);
		text_add(line, "]: ");
	} else {
		text_add(line, "ofmipd-session: ");
	}
	if (log_state.id != NULL) {
		text_add(line, "id=");
		text_add(line, log_state.id);
		text_add_byte(line, ' ');
	}
	if (log_state.client != NULL) {
		text_add(line, "client=");
		text_add(line, log_state.client);
		text_add_byte(line, ' ');
	}
	text_add(line, "event=");
	text_add(line, event);
}

static void
add_key(const char *key)
{
	text_add_byte(&log_state.line, ' ');
	text_add(&log_state.line, key);
	text_add_byte(&log_state.line, '=');
}

void
log_word(const char *key, const char *value)
{
	add_key(key);
	text_add(&log_state.line, value);
}

void
log_number(const char *key, uint64_t value)
{
	add_key(key);
	text_add_number(&log_state.line, value);
}

void
log_quoted(const char *key, const char *bytes, size_t length)
{
	add_key(key);
	text_add_quoted(&log_state.line, bytes, length);
}

void
log_message(const char *key, const char *message)
{
	add_key(key);
	text_add_byte(&log_state.line, '"');
	for (; *message != '\0'; message++)
		text_add_byte(&log_state.line, *message == '"' || *message < 32 ? '\'' : *message);
	text_add_byte(&log_state.line, '"');
}

void
log_end(void)
{
	struct text *line = &log_state.line;

	line->bytes[line->used] = '\n';
	if (!io_write_all(STDERR_FILENO, line->bytes, line->used + !log_state.syslog))
		return;	/* there is nowhere to say it */
}

void
log_error(const char *what, int error)
{
	log_begin("error");
	log_quoted("what", what, strlen(what));
	if (error != 0)
		log_quoted("error", strerror(error), strlen(strerror(error)));
	log_end();
}

void
log_trace(const char *direction, const char *bytes, size_t length)
{
	log_begin("trace");
	log_quoted(direction, bytes, length);
	log_end();
}
