/* The questions that the session asks the monitor: both ends, one frame, its limits. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/config.h"
#include "base/spool.h"
#include "base/text.h"

/* Descriptors, the same in every session: its end of the wall, and the monitor's; there the spool once more, to read. The session's spool is below them
 * (base/spool.h). */
enum { ASK_WALL = SPOOL_DESCRIPTOR + 1, ASK_MONITOR, ASK_SPOOL_READ };

/* A frame is its kind, the length of what follows, and that. Numbers as the machine has them. */
struct ask_head {
	char kind[4];		/* enum ask_kind, or an answer's enum ask_verdict; three NULs */
	uint32_t length;
};

/* What the session sends. Each is a question, answered by one verdict and a text, but ASK_LOG. */
enum ask_kind {
	ASK_PEER = 'P',		/* what it learned about its client */
	ASK_AUTH = 'A',		/* an attempt to log in */
	ASK_STEP = 'C',		/* the client's next response within it */
	ASK_MECHANISMS = 'M',	/* what may EHLO list? */
	ASK_SENDER = 'F',	/* is this address the login's? */
	ASK_SPOOL = 'N',	/* a spool for one more message: the answer carries its descriptor */
	ASK_SEND = 'S',		/* the message is complete: send it */
	ASK_LOG = 'L'		/* something for the log; not answered */
};

/* How a question ended; the one set of verdicts, for back ends and injectors too. None of them is 0. */
enum ask_verdict {
	ASK_YES = 'K',
	ASK_CHALLENGE = 'C',	/* go on: the text is for the client, who answers with a step */
	ASK_TEMPORARY = 'Z',	/* nobody can tell now: try again later */
	ASK_LATE = 'L',		/* no answer in time, what was asked may still be at work: the session ends */
	ASK_NO = 'D'
};

/* Longest bodies: a login is a mechanism, and what two AUTH lines decode to at most; an envelope is F sender
 * NUL, T recipient NUL ..., NUL. */
#define ASK_PEER_MAX 256
#define ASK_AUTH_MAX (24 + 2 * 9216 + 3)
#define ASK_SEND_MAX ((RECIPIENTS_MAX + 1) * (ADDRESS_MAX + 2) + 1)

/* The body stands last: what is not used of it is never touched. */
struct login {
	size_t length;
	struct ask_head head;
	char body[ASK_AUTH_MAX];	/* mechanism NUL authorization identity NUL user NUL password NUL */
};

struct envelope {
	size_t length;
	struct ask_head head;
	char body[ASK_SEND_MAX];
};

#define ASK_ANSWER_MAX 400

/* The text of an answer to ASK_AUTH other than yes where the session must end behind its reply. */
#define ASK_LAST "last"

/* What the monitor says; the text is for the client, and may be empty. */
struct answer {
	enum ask_verdict verdict;
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
void ask_answer(enum ask_verdict verdict, const char *text);

#endif
