/* links: session/xclient base/text */
/* options: -eva-slevel-function add_digits:200 -eva-split-return-function text_number:0,inet_pton:0 -eva-auto-loop-unroll 6 */
/* Any argument, after any other. */
#include "libc.h"
#include "session/xclient.h"

static char argument[65537];	/* more than a line can be long: all of it unknown, NULs included */
static struct xclient xclient;

int
main(void)
{
	/*@ widen_hints global:"all", 4, 5, 6, 45, 46, 254, 255, 256, 65535, 65536; */
	Frama_C_make_unknown(argument, sizeof argument - 1);
	Frama_C_make_unknown(xclient.address, sizeof xclient.address - 1);
	Frama_C_make_unknown(xclient.port, sizeof xclient.port - 1);
	Frama_C_make_unknown(xclient.name, sizeof xclient.name - 1);
	Frama_C_make_unknown(xclient.helo, sizeof xclient.helo - 1);
	return xclient_read(argument, &xclient);
}
