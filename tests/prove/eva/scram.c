/* links: base/scram base/text */
/* options: -eva-split-return auto */
/* Any response of a client: the first, and the last after any first one and any first message of the server. */
#include "__fc_builtin.h"

#include "base/scram.h"

#define MOST 9216		/* bytes that an AUTH line decodes to */

static char message[MOST];	/* all of it unknown, NULs included, and nothing behind it */
static char server_first[SCRAM_SERVER_FIRST_MAX] = "r=", binding[128 + 1];
static struct scram scram;

int
main(void)
{
	size_t length = Frama_C_unsigned_long_interval(0, MOST);
	struct scram_final final = { .server_first = server_first };

	/*@ widen_hints global:"all", 62, 63, 44, 254, 255, 1536; */
	Frama_C_make_unknown(message, MOST);
	Frama_C_make_unknown(server_first + 2, sizeof server_first - 3);
	Frama_C_make_unknown(binding, sizeof binding - 1);
	scram_first(&scram, message, length, Frama_C_interval(0, 1) ? binding : NULL, Frama_C_interval(0, 1));
	Frama_C_make_unknown(message, MOST);
	length = Frama_C_unsigned_long_interval(0, MOST);
	final.binding = binding;
	final.binding_length = Frama_C_unsigned_long_interval(0, sizeof binding - 1);
	return scram_final(&scram, message, length, &final);
}
