/* links: session/line base/io base/text */
/* options: -eva-slevel-function add_digits:200 -eva-domains-function gauges:move -eva-slevel-function line_fill:500,io_read:100 -eva-split-return-function io_now:9223372036854775807,line_read:0 */
/* Whatever is in the buffers, any call leaves them as any call may find them: any bytes in packets of any size, replies of
 * any length, a client that stops to read or goes away. */
#include <stdint.h>

#include "ask.h"
#include "session/line.h"
#include "system.h"

#define MOST (1024 * 1024)
#define NUMBER(least, most) Frama_C_long_interval(least, most)
#define BIT Frama_C_interval(0, 1)

static struct line line;
static char bytes[MOST];

void
ask_log(const struct ask_line *log)
{
	(void)log;
}

/* As a call finds it: `start` may even be behind `end`, which no caller makes it. */
static void
begin(void)
{
	line.read_from = line.write_to = (int)NUMBER(0, 1000);
	line.pipe = BIT;
	line.debug = BIT;
	line.broken = BIT;
	line.reset = BIT;
	line.patience = NUMBER(1, INT64_MAX / 2);
	line.deadline = NUMBER(0, INT64_MAX);
	line.start = (size_t)NUMBER(0, LINE_IN_SIZE);
	line.end = (size_t)NUMBER(0, LINE_IN_SIZE);
	line.out_used = (size_t)NUMBER(0, sizeof line.out - 1);
	Frama_C_make_unknown(line.in, sizeof line.in);
	Frama_C_make_unknown(line.out, sizeof line.out);
}

static void
reply(void)
{
	static char enhanced[32];

	Frama_C_make_unknown(enhanced, sizeof enhanced - 1);
	line_reply(&line, &(struct reply){ (int)NUMBER(0, INT32_MAX), BIT ? enhanced : NULL, bytes, NULL });
}

/* All that is pending can be read. */
static void
pending(void)
{
	const char *at, *end = line.in + line.end;

	for (line_pending(&line, &at); at < end && *at != '\0'; at++)
		;
}

static void
hear(void)
{
	char *string = NULL;
	size_t length;

	if (line_read(&line, BIT, &string, &length) == LINE_READ)
		string[0] = '\0';
}

int
main(void)
{
	/*@ widen_hints global:"all", 509, 510, 4095, 4096, 65536, 65537, 131071, 131072; */
	begin();
	Frama_C_make_unknown(bytes, sizeof bytes - 1);
	switch (Frama_C_interval(0, 10)) {
	case 0: line_start(&line, 0, 1); break;
	case 1: line_set_patience(&line, NUMBER(1, INT64_MAX / 2)); break;
	case 2: line_set_deadline(&line, NUMBER(0, INT64_MAX)); break;
	case 3: line_set_debug(&line, BIT); break;
	case 4: line_write(&line, bytes, (size_t)NUMBER(0, sizeof bytes)); break;
	case 5: reply(); break;
	case 6: line_flush(&line); break;
	case 7: line_fill(&line); break;
	case 8: pending(); break;
	case 9: return line_was_reset(&line) + line_broken(&line);
	default: hear();
	}
	/*@ assert line.start <= LINE_IN_SIZE && line.end <= LINE_IN_SIZE && line.out_used < sizeof(line.out); */
	/*@ assert line.patience >= 1 && line.deadline >= 0; */
	return 0;
}
