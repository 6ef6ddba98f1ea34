/* The questions that the session asks the monitor: both ends, frames and bodies, their limits. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/config.h"
#include "base/dsn.h"
#include "base/memory.h"
#include "base/peer.h"
#include "base/spool.h"

/* Descriptors, the same in every session: its end of the wall, and the monitor's. The spool's is below them: the
 * lowest that is ever free. */
enum { ASK_WALL = SPOOL_DESCRIPTOR + 1, ASK_MONITOR };

/* A frame is its kind, the length of what follows, and that. Numbers as the machine has them. */
struct ask_head {
	char kind[4];		/* enum ask_kind, or an answer's enum ask_verdict; three NULs */
	uint32_t length;
};

/* What the session sends. Each is a question, answered by one verdict and a text, but ASK_LOG. */
enum ask_kind {
	ASK_PEER = 'P',		/* what a PROXY header or XCLIENT says of its client */
	ASK_STARTTLS = 'T',	/* the client was told to go ahead: begin TLS */
	ASK_AUTH = 'A',		/* an attempt to log in */
	ASK_STEP = 'C',		/* the client's next response within it */
	ASK_MECHANISMS = 'M',	/* what may EHLO list? */
	ASK_SENDER = 'F',	/* is this address the login's? */
	ASK_SPOOL = 'N',	/* a spool for one more message: the answer carries its descriptor */
	ASK_SEND = 'S',		/* the message is complete: send it */
	ASK_LOG = 'L'		/* something for the log; not answered, and another frame may follow at once */
};

/* How a question ended; the one set of verdicts, for back ends and injectors too. None of them is 0. */
enum ask_verdict {
	ASK_YES = 'K',
	ASK_CHALLENGE = 'C',	/* go on: the text is for the client, who answers with a step */
	ASK_TEMPORARY = 'Z',	/* nobody can tell now: try again later */
	ASK_LATE = 'L',		/* no answer in time, what was asked may still be at work: the session ends */
	ASK_NO = 'D'
};

/* Longest bodies: a login is a mechanism and what two AUTH lines decode to at most. */
#define ASK_PEER_MAX 1024
#define ASK_CHALLENGE_MAX 9216	/* bytes of a challenge or a response: as many as an AUTH line holds in base64 */
#define ASK_AUTH_MAX (2 * ASK_CHALLENGE_MAX + 4 + 24)
#define ASK_FIELDS_MAX 512
#define ASK_HELO_MAX 255
#define ASK_SEND_MAX (ASK_FIELDS_MAX + (RECIPIENTS_MAX + 1) * (ADDRESS_MAX + 2) + DSN_MAX + 2 + 1)
#define ASK_LOG_MAX 1024

/*
 * ASK_AUTH: for PLAIN and LOGIN mechanism NUL authorization identity NUL user NUL password NUL; for any other mechanism
 * its name, NUL, and '=' followed by the initial response, or '-' where the client sent none. ASK_STEP: '=' followed by
 * the response, or '*' where the client gave up. The body stands last, and is added to at `length`: what is not used of
 * it is never touched. A challenge in answer stands there, too: `length` bytes.
 */
struct login {
	size_t length;
	struct ask_head head;
	char body[ASK_AUTH_MAX];
};

struct ask_attempt {
	const char *mechanism, *authzid, *user;	/* authzid: mostly "" */
	const char *password;			/* NULL: another mechanism; the name is "", and what counts is: */
	const char *response;			/* NULL: there is none; it may hold NULs */
	size_t length;				/* of the response */
};

/* ASK_SEND: fields NAME=VALUE NUL ..., NUL, then the envelope: F sender NUL, T recipient NUL ..., NUL; after each
 * address, where DSN is offered, perhaps D parameters NUL. */
struct envelope {
	size_t length;
	char front[sizeof(struct ask_head) + ASK_FIELDS_MAX];	/* head and fields, at its end */
	char body[ASK_SEND_MAX - ASK_FIELDS_MAX];
};

struct ask_message {
	const char *helo;		/* no blank, no control character; at most ASK_HELO_MAX bytes */
	uint64_t bytes;			/* as the client counts them */
	bool smtputf8, eight_bit;	/* parameters of MAIL */
	const unsigned char *digest;	/* of text and envelope: MEMORY_DIGEST bytes; or NULL, without --state */
	const char *envelope;		/* the monitor's end: from F on, not looked at yet */
	size_t length;
};

/* ASK_LOG: what the session has to say. Anything but the reason of an ASK_END may be a stranger's words. */
enum ask_event {
	ASK_END = 'E',			/* the session ends; nothing may follow */
	ASK_REFUSED = 'R',		/* a whole message, for good; it never was handed over, its spool is closed */
	ASK_DEFERRED = 'Y',		/* the same, for now */
	ASK_TRACE = 'T',		/* for --debug */
	ASK_START_ERROR = 'X'		/* there will be no session; nothing may follow */
};

struct ask_line {
	enum ask_event event;
	const char *reason;	/* ASK_END: a word; a message: the reply; ASK_TRACE: "C" or "S"; else a sentence */
	const char *text;	/* a message: its sender; ASK_TRACE: the line */
	uint64_t count;		/* ASK_END: commands; a message: recipients */
	uint64_t bytes;		/* that came in DATA: in all; of this message */
};

#define ASK_ANSWER_MAX 400

/* The text of an answer to ASK_AUTH or ASK_STEP that is not yes: the session must end after its reply. */
#define ASK_LAST "last"

/* What the monitor says; the text is for the client, and may be empty. */
struct answer {
	enum ask_verdict verdict;
	size_t length;			/* of a challenge, which stands where the question stood; no text */
	char text[ASK_ANSWER_MAX + 1];	/* printable ASCII */
};

/* The session's end. Each question is asked and its answer awaited; false: the monitor is gone, end the session. */
bool ask_peer(const struct peer *peer, struct answer *answer);

/* ASK_YES: TLS has begun, and *peer knows. */
bool ask_starttls(struct peer *peer, struct answer *answer);

/* A login begins with its mechanism; each field is written to login->body + login->length and added with its
 * length. */
void ask_auth_start(struct login *login, const char *mechanism);
void ask_auth_add(struct login *login, size_t length);
bool ask_auth(struct login *login, struct answer *answer);

/* After a challenge: the response of `length` bytes stands at ask_step_body(login). Or the client gave up: then the
 * answer does not matter. */
char *ask_step_body(struct login *login);
bool ask_step(struct login *login, size_t length, struct answer *answer);
bool ask_cancel(struct login *login, struct answer *answer);

/* What Dovecot servers list: names, each followed by a blank, in answer->text. */
bool ask_mechanisms(struct answer *answer);

/* Asks for an empty spool, which is there only after ASK_YES: on SPOOL_DESCRIPTOR, the lowest number that is free. */
bool ask_spool(struct answer *answer);

/*
 * May the login send as this address? ASK_NO and ASK_TEMPORARY come with a text for the reply.
 * An empty address asks for the login's first one: the text of ASK_YES.
 */
bool ask_sender(const char *address, struct answer *answer);

/* 'F' begins an envelope, 'T' adds to it; 'D' adds DSN parameters to the address before, where DSN is offered. */
void ask_send_add(struct envelope *envelope, char kind, const char *string);
bool ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer);

/* Not a question: whether the monitor is gone shows at the next one. Long words are cut. */
void ask_log(const struct ask_line *log);

/* What ask_receive() returns when there is no question. */
enum ask_end {
	ASK_GONE = 0,		/* the session has closed its end, or is dead */
	ASK_BROKEN = -1,	/* no question of ours, too long, late (ASK_PATIENCE): errno is 0; or an error */
	ASK_SILENT = -2		/* the deadline has passed */
};

#define ASK_PATIENCE 2000	/* milliseconds: a frame is written at once */

/* The monitor's end. The next question: its kind, body in *body, `*length` bytes and then a NUL; or an
 * enum ask_end. The body is valid until the next call. Waits until `deadline` (as io_now(); INT64_MAX: for ever). */
int ask_receive(char **body, size_t *length, int64_t deadline);

/* What the bodies hold; all pointers lead into them. False: malformed, the session is not to be trusted. */
bool ask_read_peer(const char *body, size_t length, struct peer *told);
bool ask_read_auth(const char *body, size_t length, struct ask_attempt *attempt);
bool ask_read_step(const char *body, size_t length, const char **response, size_t *response_length);
bool ask_read_sender(const char *body, size_t length, const char **address);
bool ask_read_send(const char *body, size_t length, struct ask_message *message);
bool ask_read_log(const char *body, size_t length, struct ask_line *log);

/* Wipes the body last received: it may hold a password. */
void ask_forget(void);

/* Sends an answer; control characters in `text` become '?', what is too long is cut. If it could not be sent, the
 * next ask_receive() says so. */
void ask_answer(enum ask_verdict verdict, const char *text);

/* Answers ASK_STARTTLS with yes, and what *peer knows of TLS. */
void ask_answer_starttls(const struct peer *peer);

/* Answers ASK_AUTH or ASK_STEP with a challenge of at most ASK_CHALLENGE_MAX bytes. */
void ask_answer_challenge(const void *challenge, size_t length);

/* Answers ASK_SPOOL with a descriptor for the session. */
void ask_answer_spool(int spool);

#endif
