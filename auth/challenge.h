/* The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677): nonces, salts and proofs; in the checker alone. */
#ifndef CHALLENGE_H
#define CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/pwhash.h"
#include "base/scram.h"
#include "base/text.h"

#define CHALLENGE_FIRST_MAX SCRAM_SERVER_FIRST_MAX	/* room for a server-first-message: nonces, salt, count */
#define CHALLENGE_FINAL_MAX 64		/* room for a server-final-message */

/*
 * For a login that has no entry: a record that no password fits, with a salt that stays the same as long as `secret`
 * and the login do, and with the count that others have: the client learns nothing from either.
 */
void challenge_unknown(const void *secret, size_t length, const char *login, uint32_t iterations,
    struct pwhash_scram *record);

/* server-first-message: the client's nonce followed by 18 random bytes of ours, salt and count. False: no random
 * bytes, or no room in `text`. */
bool challenge_first(const struct pwhash_scram *record, const char *client_nonce, struct text *text);

/* What was said in an exchange. */
struct challenge_said {
	const char *client_first_bare, *server_first;
	const char *without_proof;	/* client-final-message-without-proof, not ended by a NUL */
	size_t length;			/* of it */
	const char *proof;		/* SCRAM_PROOF bytes */
};

/* Does the proof show that the client knows the password? Then the server-final-message, "v=...", is in *text. The
 * time does not depend on the proof's bytes. */
bool challenge_proved(const struct pwhash_scram *record, const struct challenge_said *said, struct text *text);

#endif
