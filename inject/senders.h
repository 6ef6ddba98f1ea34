/* Who may send as which address: the table of --senders, or the rule of --own-address. */
#ifndef SENDERS_H
#define SENDERS_H

#include <stdbool.h>

#include "base/address.h"
#include "base/text.h"

/*
 * The table is a text file as Postfix's smtpd_sender_login_maps has them: on each line what is owned, then its
 * owners, separated by blanks and commas. Lines that begin with # and empty lines are comments; a line that begins with
 * a blank continues the one above. What is owned is an address, @domain, or * for everything; upper and lower
 * case are the same, in logins too.
 *
 * Of the entries for an address, for the address without its +extension, for its @domain, and for *, the first one
 * that is in the table decides alone. What no entry names belongs to nobody. Of two entries for
 * the same thing the first counts; senders_check() finds them.
 */
enum senders_answer {
	SENDERS_OWN,		/* the address is the login's */
	SENDERS_FOREIGN,	/* it is somebody else's, or nobody's */
	SENDERS_UNKNOWN		/* the table cannot be read now: errno */
};

/* Opens the table, with the rights the program was started with: users need not be able to read it. False:
 * *why has the path and the reason. Kept open for the life of the process. */
bool senders_open(const char *path, struct text *why);

/* May `login` send as `address` (canonical, not empty)? Asks the table. */
enum senders_answer senders_ask(const char *login, const char *address);

/* The first exact address in the table that `login` owns, into *address; SENDERS_FOREIGN: there is none. */
enum senders_answer senders_first(const char *login, struct address *address);

/* --own-address: a login owns the address that it is, and the +extensions of that. A login without a domain
 * stands for login@domain. */
bool senders_is_own(const char *login, const char *domain, const char *address);

/* Calls report() for each line of the table that is wrong, counted from 1, with what is wrong with it and how to
 * put it right. False: the table cannot be read (errno). For --check: it takes memory. */
bool senders_check(void (*report)(unsigned line, const char *fault));

#endif
