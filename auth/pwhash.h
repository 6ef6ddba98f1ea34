/* Passwords against their stored form; reads nothing, starts nothing. */
#ifndef PWHASH_H
#define PWHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The longest password, in bytes, that is ever hashed.  crypt(3) takes no more, and what SHA-crypt
 * costs grows with the square of the length.
 */
#define PWHASH_PASSWORD_MAX 511

/* Room for whatever pwhash_make() writes, the final NUL included. */
#define PWHASH_STORED_SIZE 1024

#define PWHASH_MEMORY (64 << 20)	/* bytes: more than yescrypt takes (16 MiB), and Argon2 as Dovecot makes it */

enum pwhash_answer {
	PWHASH_YES,
	PWHASH_NO,
	PWHASH_LOCKED,		/* empty, or begins with '*' or '!': no password fits */
	PWHASH_NO_MEMORY,	/* nobody can tell now: the hash takes more than there is, or than is allowed */
	PWHASH_UNUSABLE		/* unknown scheme or malformed value: nobody can tell, say so */
};

/*
 * Does password fit stored?  stored is the second field of a password file's line as it stands;
 * two_fields is true when the line had no third field: then a value that begins with neither '{'
 * nor '$' is clear text, else it is a crypt(3) hash. An empty password and one longer than
 * PWHASH_PASSWORD_MAX fit nothing and are not hashed: with them only a locked entry (LOCKED) and an
 * unknown scheme (UNUSABLE) are told from all others (NO). The time taken depends on the form of
 * stored, not on how much of the password was right. Leaves no copy of either behind.
 */
enum pwhash_answer pwhash_verify(const char *stored, bool two_fields, const char *password);

/* Why nothing can be checked against stored: a sentence of ours; NULL: it can be, as far as its form tells, or it is
 * locked. Hashes nothing. */
const char *pwhash_fault(const char *stored, bool two_fields);

/* How it is stored, for people: "locked", "cleartext" (in a line of two fields), the scheme's name, or "unknown". */
const char *pwhash_scheme(const char *stored, bool two_fields);

/* True when pwhash_verify() takes milliseconds for it and not microseconds. */
bool pwhash_is_slow(const char *stored, bool two_fields);

/* True when whoever reads stored can read the password off it. */
bool pwhash_is_cleartext(const char *stored, bool two_fields);

#define PWHASH_SCRAM_LEAST 4096	/* iterations: RFC 7677 section 4, and Dovecot */
#define PWHASH_SCRAM_MADE 32768	/* by pwhash_make(): a PLAIN login then costs what one with yescrypt costs */

/* What {SCRAM-SHA-256} holds: iterations, then salt, StoredKey and ServerKey (RFC 5802 section 3) in base64, with
 * commas between, as Dovecot writes it. Passwords are hashed as their bytes are: without SASLprep (RFC 4013). */
struct pwhash_scram {
	uint32_t iterations;	/* PWHASH_SCRAM_LEAST to 2^31 - 1 */
	size_t salt_length;	/* from 1 */
	uint8_t salt[128], stored_key[32], server_key[32];
};

/*
 * CRAM-MD5 (RFC 2195): is `digest`, 32 hexadecimal digits, what somebody who knows the password answers to
 * `challenge`? Only clear text and {CRAM-MD5} can tell: PWHASH_UNUSABLE for any other form.
 */
enum pwhash_answer pwhash_cram_md5(const char *stored, bool two_fields, const char *challenge, const char *digest);

/* False: stored is no {SCRAM-SHA-256}, or not one that can be used. */
bool pwhash_scram(const char *stored, struct pwhash_scram *scram);

/*
 * Writes the stored form of password, with its {SCHEME} in front, to out.  scheme is one of
 * pwhash_schemes; case does not matter. False when the scheme is not among them, when it cannot
 * hold the password (empty; longer than PWHASH_PASSWORD_MAX; for bcrypt longer than 72 bytes, which
 * it would cut) or when size is too small (PWHASH_STORED_SIZE is enough).
 */
bool pwhash_make(const char *scheme, const char *password, char *out, size_t size);

/*
 * Makes a password for one program, 140 random bits as 28 characters in groups of four with hyphens between, and its
 * stored form. Who types it need not mind case, hyphens and blanks, and may take o for 0 and i or l for 1: none of
 * these letters is in it. False: size is too small.
 */
#define PWHASH_APP_SIZE 35	/* bytes, with the hyphens and the NUL */
bool pwhash_app_make(char shown[PWHASH_APP_SIZE], char *out, size_t size);

/* As pwhash_verify(), for a password that pwhash_app_make() may have made, however it was typed. */
enum pwhash_answer pwhash_app_verify(const char *stored, bool two_fields, const char *password);

/* What pwhash_make() can write, the recommended one first, ended by NULL. */
extern const char *const pwhash_schemes[];

#endif
