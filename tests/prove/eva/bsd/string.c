/* What Frama-C knows too little of: arguments are judged, results are any that they allow. */
#include "__fc_builtin.h"

#include <string.h>

size_t
strlcpy(char *restrict to, const char *restrict from, size_t size)
{
	size_t length = strlen(from), used = length < size ? length : size - 1;

	Frama_C_make_unknown(to, used);
	to[used] = '\0';
	return length;
}

size_t
strspn(const char *string, const char *accept)
{
	(void)strlen(accept);
	return Frama_C_unsigned_long_interval(0, strlen(string));
}
