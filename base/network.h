/* Networks: addresses with or without /BITS. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>

/* Is `list` one of networks, at least one, with commas or blanks between them? IPv4 in IPv6 does not count: clients'
 * addresses never have that form. */
bool network_list(const char *list);

/* Is the address (as struct peer has it; "" is in none) in one of the list's networks? What is not a network
 * holds nothing. */
bool network_holds(const char *list, const char *address);

#endif
