/* Of libbsd's, what the parsers take: Frama-C's C library has the rest. */
#include <string.h>
#include <strings.h>

/*@ assigns ((char *)bytes)[0 .. length - 1] \from \nothing; */
void explicit_bzero(void *bytes, size_t length);
