#include "__fc_builtin.h"
#include "base/address.h"
int main(void)
{
	static char bytes[4096];
	const char *at = bytes;
	static struct address a;
	/*@ widen_hints global:"all", 62, 63, 254, 255; */
	Frama_C_make_unknown(bytes, sizeof bytes - 1);
	if (Frama_C_interval(0, 1))
		return address_valid(bytes);
	return address_read(&at, "domain.example", &a) == ADDRESS_FINE && *at;
}
