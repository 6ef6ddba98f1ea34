/* links: ask session/sasl base/text */
/* options: -eva-slevel 2 -eva-slevel-function keep_challenge:20,decode_initial:10,decode_line:10,hear_client:10,main:50,try:20,text_base64_decode:20,ask_monitor:10,sasl_find:200,find_own:100,text_after:100,list_name:50,sasl_list:50 */
/* Any name, any initial response, lines and answers of the monitor, in each mechanism of our own and in those that are
 * relayed, whatever list of them came. */
#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/scram.h"
#include "libc.h"
#include "session/sasl.h"

#define BIT Frama_C_interval(0, 1)

static struct config config;
static struct login credentials;
static struct answer answer;
static struct line line;
static char initial[LINE_AUTH_MAX], heard[LINE_FLOOD + 1];	/* nothing behind them */

/* Every byte of it can be read. */
static void
look(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '\n' && BIT)
			return;
}

enum line_event
line_read(struct line *from, bool command, char **string, size_t *length)
{
	(void)from;
	(void)command;
	Frama_C_make_unknown(heard, sizeof heard - 1);
	*string = heard;
	*length = Frama_C_unsigned_long_interval(0, sizeof heard - 1);
	return Frama_C_interval(LINE_READ, LINE_GONE);
}

void
line_wipe(char *string, size_t length)
{
	explicit_bzero(string, length);
}

void
line_write(struct line *to, const char *bytes, size_t length)
{
	(void)to;
	look(bytes, length);
}

void
line_reply(struct line *to, const struct reply *reply)
{
	(void)to;
	look(reply->text, strlen(reply->text));
}

/* ask.c is the real one, behind the wall is anybody. */
bool
io_write_all(int descriptor, const void *bytes, size_t length)
{
	(void)descriptor;
	look(bytes, length);
	return BIT;
}

ssize_t
recvmsg(int descriptor, struct msghdr *message, int flags)
{
	size_t room = message->msg_iov->iov_len;

	(void)descriptor;
	(void)flags;
	errno = Frama_C_interval(1, 133);
	Frama_C_make_unknown(message->msg_control, message->msg_controllen);
	if (BIT)
		return -1;
	Frama_C_make_unknown(message->msg_iov->iov_base, room);
	return Frama_C_long_interval(0, (long)room);
}

enum scram_answer
scram_first(struct scram *scram, const char *message, size_t length, const char *binding, bool plus_offered)
{
	(void)scram;
	(void)binding;
	(void)plus_offered;
	look(message, length);
	return Frama_C_interval(SCRAM_FINE, SCRAM_REFUSED);
}

enum scram_answer
scram_final(const struct scram *scram, const char *message, size_t length, struct scram_final *final)
{
	(void)scram;
	look(final->server_first, strlen(final->server_first));
	look(message, length);
	return Frama_C_interval(SCRAM_FINE, SCRAM_REFUSED);
}

static bool
try(const char *name)
{
	enum line_event event;
	const struct sasl_mechanism *mechanism = sasl_find(&config, name);

	return mechanism != NULL &&
	    sasl_auth(mechanism, &line, BIT ? initial : NULL, &credentials, &answer, &event) == &sasl_success;
}

/* Whatever the monitor lists, whatever the client asks for. */
static bool
try_any(void)
{
	static char list[ASK_ANSWER_MAX + 1], name[LINE_AUTH_MAX];

	Frama_C_make_unknown(list, sizeof list - 1);
	Frama_C_make_unknown(name, sizeof name - 1);
	sasl_relay(list);
	look(sasl_list(&config, BIT), strlen(sasl_list(&config, BIT)));
	return try(name);
}

int
main(void)
{
	/*@ widen_hints global:"all", 95, 96, 1023, 1024, 9213, 9214, 9215, 9216, 12285, 12286, 12287, 12288, 65535, 65536; */
	config.mechanisms = Frama_C_unsigned_int_interval(0, UINT32_MAX);
	Frama_C_make_unknown(initial, sizeof initial - 1);
	switch (Frama_C_interval(0, 5)) {
	case 0: return try("PLAIN");
	case 1: return try("LOGIN");
	case 2: return try("SCRAM-SHA-256");
	case 3: return try("CRAM-MD5");
	case 4: return try("EXTERNAL");
	default: return try_any();
	}
}
