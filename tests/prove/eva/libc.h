/* Of the C library, for Eva, what Frama-C says too little of: it does what the function does, byte by byte, so that the
 * arguments are judged; or gives any answer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "__fc_builtin.h"

void *
memmem(const void *bytes, size_t length, const void *part, size_t part_length)
{
	const char *start = bytes;

	for (size_t i = 0; i < length; i++)
		if (length - i >= part_length && memcmp(start + i, part, part_length) == 0)
			return (void *)(start + i);
	return NULL;
}

size_t
strcspn(const char *string, const char *stops)
{
	size_t i = 0;

	while (string[i] != '\0' && strchr(stops, string[i]) == NULL)
		i++;
	return i;
}

size_t
strspn(const char *string, const char *accepted)
{
	size_t i = 0;

	while (string[i] != '\0' && strchr(accepted, string[i]) != NULL)
		i++;
	return i;
}

char *
strpbrk(const char *string, const char *stops)
{
	string += strcspn(string, stops);
	return *string == '\0' ? NULL : (char *)string;
}

/* Any string that fits; what is behind its NUL counts as written. */
size_t
strlcpy(char *to, const char *from, size_t size)
{
	if (size > 0) {
		Frama_C_make_unknown(to, size - 1);
		to[size - 1] = '\0';
	}
	return strlen(from);
}

/* Any string is an address, or none. */
int
inet_pton(int family, const char *string, void *address)
{
	if (strlen(string) == 0 || Frama_C_interval(0, 1))
		return 0;
	Frama_C_make_unknown(address, family == AF_INET ? 4 : 16);
	return 1;
}

/* Any string: in the room that is asked for every address has it. */
const char *
inet_ntop(int family, const void *address, char *string, socklen_t size)
{
	const char *bytes = address;
	int sum = 0;

	for (int i = 0; i < (family == AF_INET ? 4 : 16); i++)
		sum += bytes[i] == '\0';
	if (size < INET6_ADDRSTRLEN || sum > 16)
		return NULL;
	Frama_C_make_unknown(string, size - 1);
	string[size - 1] = '\0';
	return string;
}
