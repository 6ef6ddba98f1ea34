/* What is remembered across sessions: failed logins, how much a login sends, replies that were lost (--state). */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "base/text.h"

/* A network is what one client may have to itself: an IPv4 address, a /64 of IPv6. */
#define MEMORY_LOGIN_TRIES 10		/* different wrong passwords for a login from a network within an hour */
#define MEMORY_NETWORK_TRIES 50		/* different wrong pairs of login and password from a network within a day */
#define MEMORY_BAR_MAX 3600		/* seconds; the first bar is a minute, each further one twice as long */
#define MEMORY_NETWORKS 16		/* of a login within a day; one more is an alarm */
#define MEMORY_DIGEST 32		/* bytes: what session/data makes of a message */

enum memory_kind { MEMORY_NETWORK, MEMORY_LOGIN, MEMORY_COUNT, MEMORY_LOST, MEMORY_KINDS };

extern const struct table_shape memory_shapes[MEMORY_KINDS];

/* The payloads, for ofmipd-state. Names are cut to fit; the key stands for the whole. */
struct memory_try {
	uint16_t hash;		/* of login and password, keyed and cut: it proves nothing to whoever has the file */
	uint16_t minute;	/* since the epoch, cut */
};

struct memory_network {
	char network[48];
	uint32_t last;		/* failure, in seconds since the epoch */
	uint16_t level, unused;	/* how many bars there were: 0, none */
	struct memory_try tries[60];
};

struct memory_login {
	char user[64], network[48];
	uint32_t last, been;	/* been: the last success of this login from this network; 0, none */
	uint16_t level, unused;
	struct memory_try tries[16];
};

#define MEMORY_MINUTES 61	/* slots of a minute: an hour, however the first one was cut */
#define MEMORY_HALVES 49	/* slots of half an hour: a day */

struct memory_count {
	char user[64];
	uint32_t minute, half, alarmed;	/* the newest slot of each, since the epoch; seconds */
	uint16_t minutes[MEMORY_MINUTES], halves[MEMORY_HALVES];	/* recipients */
	struct {
		uint32_t hash, seen;
	} networks[MEMORY_NETWORKS + 1];
};

struct memory_lost {
	char user[64];
};

/* Four tables below one directory. All zero, nothing is remembered, and every call says so in no time. */
struct memory {
	bool on, told[MEMORY_KINDS];
	struct table tables[MEMORY_KINDS];
};

/* Opens or makes the files in `directory`, which is to be ours, and writable by nobody else. */
void memory_open(struct memory *memory, const char *directory);

/* The same, to look: a file that is not there is not made, and counts as empty, not as a fault. */
void memory_look(struct memory *memory, const char *directory);

/* What is wrong and was not told yet, as "FILE: FAULT" for the log: each file once. False: nothing. */
bool memory_fault(struct memory *memory, struct text *fault);

/*
 * May this login be tried from this address now? 0, or the seconds until it may: no password is to be looked at.
 * *network says why: true, the network tried too many logins; false, too many passwords for this one. A network that
 * the login has been in from is never barred for it. An address of "" is unknown: never barred; nor is loopback as a
 * network. `now` is in seconds since the epoch, here and below.
 */
int64_t memory_barred(struct memory *memory, const char *user, const char *address, int64_t now, bool *network);

/* A wrong password, or NULL where it was not seen (SCRAM): that one is always another than before. */
void memory_failed(struct memory *memory, const char *user, const char *password, const char *address, int64_t now);

/* A login. True: it has now been used from more than MEMORY_NETWORKS networks in a day; said once a day. */
bool memory_succeeded(struct memory *memory, const char *user, const char *address, int64_t now);

/* Recipients that were counted, to be given back. */
struct memory_taken {
	uint64_t recipients;
	int64_t time;
};

/*
 * Counts `recipients` for the login if they keep it within `hour` and `day` (0: no limit); 0: done, and *taken is what
 * memory_give_back() wants. Else the seconds after which they will be within it, or -1: never, they are too many.
 */
int64_t memory_take(struct memory *memory, const char *user, uint64_t recipients, uint64_t hour, uint64_t day,
    int64_t now, struct memory_taken *taken);
void memory_give_back(struct memory *memory, const char *user, const struct memory_taken *taken, int64_t now);

/* A message was accepted, and the client does not know. */
void memory_lose(struct memory *memory, const char *user, const unsigned char digest[MEMORY_DIGEST], int64_t now);

/* Was it? Once: then it is forgotten. Where nothing was lost for a day: one fstat(2). */
bool memory_recall(struct memory *memory, const char *user, const unsigned char digest[MEMORY_DIGEST], int64_t now);

/* How many of the tries are not older than `minutes`, and so count; 60 for a login's, 1440 for a network's. */
int memory_tries(const struct memory_try *tries, int room, int64_t now, int minutes);

/* The second until which a bar lasts; 0: there is none, or it was written under a clock that was far ahead. */
int64_t memory_bar(uint32_t last, uint16_t level, int64_t now);

/* Recipients in the last hour and day. */
void memory_sums(struct memory_count *count, int64_t now, uint64_t *hour, uint64_t *day);

#endif
