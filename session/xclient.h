/* XCLIENT (Postfix's XCLIENT_README): a trusted client, such as webmail, says whose connection it passes on. */
#ifndef XCLIENT_H
#define XCLIENT_H

#include <netinet/in.h>
#include <stdbool.h>

/* What EHLO lists. LOGIN is not among them: nobody logs in without a proof. */
#define XCLIENT_ATTRIBUTES "XCLIENT NAME ADDR PORT HELO"

/* What was said; "" for what was not, and for [UNAVAILABLE] and [TEMPUNAVAIL]. */
struct xclient {
	bool address_said;			/* then an empty address means: unknown from now on */
	char address[INET6_ADDRSTRLEN];		/* as inet_ntop(3) writes it */
	char port[6];				/* decimal */
	char name[256];				/* text_hostname() */
	char helo[256];				/* printable ASCII without blanks */
};

/*
 * Reads the command's argument: NAME=VALUE, one or more, with blanks between them, each at most once; values in
 * xtext (RFC 3461 section 4). What an earlier command said in *xclient stays. False: malformed, unknown, or not a
 * value of its kind: 501, and *xclient is not to be used.
 */
bool xclient_read(const char *argument, struct xclient *xclient);

#endif
