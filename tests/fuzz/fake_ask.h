/* What the session asked its fake monitor. */
#ifndef FAKE_ASK_H
#define FAKE_ASK_H

#include <stdbool.h>
#include <stdint.h>

extern struct fake_asked {
	unsigned peers, listed, logins, failed, sends, taken;
	unsigned recipients;	/* of all that was sent */
	bool logged_in, spool_gone, ended;
	uint64_t sum;		/* of every envelope and message */
} fake_asked;

#endif
