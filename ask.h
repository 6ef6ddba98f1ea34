/* The questions that the session asks the monitor: both ends, one frame, its limits. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/config.h"
#include "base/text.h"

/* Descriptors, the same in every session: the spool, which the session writes; the session's end of the wall
 * and the monitor's; the spool once more, which the monitor reads. */
enum { ASK_SPOOL = 3, ASK_WALL = 4, ASK_MONITOR = 5, ASK_SPOOL_READ = 6 };

/* A question is its kind, the length of what follows, and that. Numbers as the machine has them. */
struct ask_head {
	char kind[4];		/* ASK_PEER, ASK_AUTH or ASK_SEND; three NULs */
	uint32_t length;
};

enum { ASK_PEER = 'P', ASK_AUTH = 'A', ASK_SEND = 'S' };

/* Longest bodies: a login is what two AUTH lines decode to at most, and a mechanism; an envelope is F sender
 * NUL, T recipient NUL ..., NUL. */
#define ASK_PEER_MAX 256
#define ASK_AUTH_MAX (2 * 9216 + 2 + 24)
#define ASK_SEND_MAX ((RECIPIENTS_MAX + 1) * (ADDRESS_MAX + 2) + 1)

/* The body stands last: what is not used of it is never touched. */
struct login {
	size_t length;
	struct ask_head head;
	char body[ASK_AUTH_MAX];	/* user NUL password NUL mechanism NUL */
};

struct envelope {
	size_t length;
	struct ask_head head;
	char body[ASK_SEND_MAX];
};

/* What the monitor says: yes; go on with this challenge; cannot tell now, try again; took too long, and end the
 * session; no. And a text for the client that may be empty. None of them is 0: what was never said is no verdict. */
enum ask_verdict { ASK_YES = 'K', ASK_CHALLENGE = 'C', ASK_TEMPORARY = 'Z', ASK_LATE = 'L', ASK_NO = 'D' };

#define ASK_ANSWER_MAX 400

struct answer {
	char kind;
	char text[ASK_ANSWER_MAX + 1];	/* printable ASCII */
};

/* The session's end. Each asks and waits; false: the monitor is gone, the session must end. */
bool ask_peer(const struct text *packed, struct answer *answer);
bool ask_auth(struct login *login, struct answer *answer);
bool ask_send(struct envelope *envelope, struct answer *answer);

/* The monitor's end. The next question: its kind, body in *body, `*length` bytes and a NUL behind them; 0:
 * the session is gone; -1: no question of ours, or too long: end the session. The body is valid until the
 * next call. Waits as long as it takes: an alarm bounds the monitor's whole life. */
int ask_receive(char **body, size_t *length);

/* Wipes the body last received: it may hold a password. */
void ask_forget(void);

/* Sends an answer; control characters in `text` become '?', what is too long is cut. That nobody was there
 * to hear it the next ask_receive() tells. */
void ask_answer(char kind, const char *text);

#endif
