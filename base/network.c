/* Networks: addresses with or without /BITS. */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/network.h"
#include "base/text.h"

#define SEPARATORS ", \t"

struct network {
	int family;
	unsigned char address[sizeof(struct in6_addr)];
	uint64_t bits;
};

static bool
read_network(const char *string, size_t length, struct network *network)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	char copy[INET6_ADDRSTRLEN + 4], *slash;

	if (length >= sizeof copy)
		return false;
	memcpy(copy, string, length);
	copy[length] = '\0';
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	network->family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
	network->bits = network->family == AF_INET6 ? 128 : 32;
	return (slash == NULL || text_number(slash, network->bits, &network->bits)) &&
	    inet_pton(network->family, copy, network->address) == 1 &&
	    (network->family == AF_INET || memcmp(network->address, mapped, sizeof mapped) != 0);
}

/* The length of the next word at *at; 0: there is none. */
static size_t
next_word(const char **at)
{
	*at += strspn(*at, SEPARATORS);
	return strcspn(*at, SEPARATORS);
}

bool
network_list(const char *list)
{
	struct network network;
	bool fine = false;

	for (size_t length = next_word(&list); length > 0; length = next_word(&list)) {
		fine = read_network(list, length, &network);
		if (!fine)
			break;
		list += length;
	}
	return fine;
}

static bool
same_bits(const unsigned char *one, const unsigned char *other, uint64_t bits)
{
	for (uint64_t i = 0; i < bits; i++)
		if (((one[i / 8] ^ other[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

bool
network_holds(const char *list, const char *address)
{
	struct network network, client;

	if (!read_network(address, strlen(address), &client))
		return false;
	for (size_t length = next_word(&list); length > 0; length = next_word(&list)) {
		if (read_network(list, length, &network) && network.family == client.family &&
		    same_bits(network.address, client.address, network.bits))
			return true;
		list += length;
	}
	return false;
}
