/* links: session/header session/originator base/address base/text */
/* options: -eva-slevel 0 -eva-slevel-function add_digits:200,add_address:10 */
/* A header: any lines, any text in any pieces, whatever is asked of its senders, and the fields that are added. */
#include "__fc_builtin.h"

#include <netinet/in.h>
#include <time.h>

#include "session/header.h"
#include "session/line.h"

#define CHANCE Frama_C_interval(0, 1)

static char in[LINE_IN_SIZE + 1];	/* the byte behind what has come may be read */
static char host[256], address[INET6_ADDRSTRLEN], word[256], id[33], received[HEADER_RECEIVED_MAX],
    missing[HEADER_MISSING_MAX];
static struct config config;
static struct header header;

/* What text_add_date() makes of it depends on the clock alone. */
time_t
time(time_t *now)
{
	(void)now;
	return 1795000000;
}

static const struct reply *
sender_fault(const char *sender)
{
	static const struct reply no = { 550, "5.7.1", "No", NULL };

	return (sender == NULL || *sender != '\0') && CHANCE ? &no : NULL;
}

static void
say_anything(char *array, size_t size)
{
	Frama_C_make_unknown(array, size - 1);
}

/* Any lines of a header under this rule. */
static void
read_header(struct header_origin *origin, const struct reply *(*rule)(const char *sender))
{
	origin->sender_fault = rule;
	header = (struct header){ .received = 0 };
	originator_start(&header.originator);	/* as header_line() does where addresses count; Eva cannot tie the two */
	while (CHANCE) {
		const char *at = in + Frama_C_unsigned_int_interval(0, LINE_IN_SIZE);
		const char *end = in + Frama_C_unsigned_int_interval(0, LINE_IN_SIZE);

		if (CHANCE)
			header_line(&header, origin, at, end);
		else
			header_text(&header, origin, at, end);
	}
	header_finish(&header, origin);
}

int
main(void)
{
	static const enum received kinds[] = { RECEIVED_FULL, RECEIVED_LOGIN, RECEIVED_NO_ADDRESS, RECEIVED_NONE };
	struct header_origin origin = { .config = &config, .from = word, .host = host, .address = address, .login = word,
	    .with = "UTF8SMTPSA", .tls = word, .id = id, .sender = word,
	    .set_sender = CHANCE ? NULL : word,
	    .number = Frama_C_unsigned_int_interval(0, UINT32_MAX) };
	struct text text;

	/*@ widen_hints global:"all", 62, 63, 254, 255, 260, 261, 1298, 1299, 1498, 1499; */
	Frama_C_make_unknown(in, sizeof in);
	say_anything(host, sizeof host);
	say_anything(address, sizeof address);
	say_anything(word, sizeof word);
	say_anything(id, sizeof id);
	say_anything(config.hostname, sizeof config.hostname);
	config.received = kinds[Frama_C_interval(0, 3)];
	read_header(&origin, NULL);
	read_header(&origin, sender_fault);
	text_start(&text, received, sizeof received);
	header_add_received(&origin, &text);
	text_start(&text, missing, sizeof missing);
	header_add_missing(&header, &origin, &text);
	return text.cut;
}
