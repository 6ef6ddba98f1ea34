/* links: base/address base/text */
/* Any string as a path, and as an address behind the wall. */
#include "__fc_builtin.h"

#include "base/address.h"

static char bytes[65537];	/* more than a line can be long: all of it unknown, NULs included */
static struct address address;

int
main(void)
{
	const char *at = bytes + Frama_C_unsigned_long_interval(0, sizeof bytes - 1);

	/* The sizes of the arrays that text is added to, less one and less two: bounds that Eva is to try. */
	/*@ widen_hints global:"all", 62, 63, 254, 255; */
	Frama_C_make_unknown(bytes, sizeof bytes - 1);
	if (Frama_C_interval(0, 1))
		return address_valid(at);
	return address_read(&at, "domain.example", &address) == ADDRESS_FINE && *at;
}
