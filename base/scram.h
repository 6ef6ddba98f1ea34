/* What a client says in SCRAM (RFC 5802, RFC 7677): parsed strictly, on both sides of the wall. */
#ifndef SCRAM_H
#define SCRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"

#define SCRAM_NONCE_MAX 512	/* of a client: real ones have 24 to 64 bytes */
#define SCRAM_GS2_MAX 1024	/* flag, authorization identity with every byte escaped, two commas */
#define SCRAM_SERVER_FIRST_MAX 1024	/* of a server's first message and its NUL */
#define SCRAM_PROOF 32		/* bytes: SHA-256 */

enum scram_answer {
	SCRAM_FINE,
	SCRAM_MALFORMED,	/* not a message of RFC 5802 section 7, or an extension that we must know: 501 */
	SCRAM_REFUSED		/* well-formed, and wrong: another's identity, another channel, another nonce: 535 */
};

/* One exchange. Zero before scram_first(). */
struct scram {
	char gs2[SCRAM_GS2_MAX];	/* the client's gs2-header: it comes back in c= */
	size_t gs2_length;
	char user[USER_MAX + 1];	/* decoded; also where the answer is SCRAM_REFUSED, for the log */
	const char *bare;		/* client-first-message-bare, inside the message that was given */
	char nonce[SCRAM_NONCE_MAX + 1];	/* the client's part of it */
};

/*
 * client-first-message, `length` bytes and then a NUL, none of them a NUL. `binding` is the type of channel
 * binding that is to be used ("tls-exporter", "tls-server-end-point": the mechanism is a -PLUS one), NULL for none.
 * `plus_offered`: a client that says it thinks we had no -PLUS ("y") was lied to. Sets all of *scram. A name of
 * more than USER_MAX bytes is SCRAM_REFUSED with an empty user.
 */
enum scram_answer scram_first(struct scram *scram, const char *message, size_t length, const char *binding,
    bool plus_offered);

/* What a client-final-message must be checked against, and what verification needs of it. */
struct scram_final {
	const char *server_first;	/* in: what the monitor answered: r=NONCE,s=SALT,i=COUNT */
	const char *binding;		/* in: the channel-binding data, `binding_length` bytes */
	size_t binding_length;
	size_t without_proof;		/* out: length of client-final-message-without-proof */
	char proof[SCRAM_PROOF];	/* out */
};

/* client-final-message, as above. */
enum scram_answer scram_final(const struct scram *scram, const char *message, size_t length,
    struct scram_final *final);

#endif
