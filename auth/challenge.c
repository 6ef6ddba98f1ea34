/* The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677): nonces, salts and proofs; in the checker alone. */
#include <bsd/string.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <string.h>
#include <sys/random.h>

#include "auth/challenge.h"
#include "base/digest.h"

#define NONCE_BYTES 18	/* 24 letters of base64, none of them a comma */
#define SALT_BYTES 16	/* what other servers use, and ofmipd-passwd writes */

_Static_assert(SCRAM_PROOF == SHA256_DIGEST_LENGTH, "a proof is as long as the digest");

static void
add_base64(struct text *text, const void *bytes, size_t length)
{
	char encoded[BASE64_ENCODE_RAW_LENGTH(sizeof ((struct pwhash_scram *)NULL)->salt)];

	base64_encode_raw(encoded, length, bytes);
	text_add_bytes(text, encoded, BASE64_ENCODE_RAW_LENGTH(length));
}

void
challenge_unknown(const void *secret, size_t length, const char *login, uint32_t iterations,
    struct pwhash_scram *record)
{
	struct digest_hmac hmac;
	uint8_t salt[SHA256_DIGEST_LENGTH];

	digest_hmac_key(&hmac, &digest_sha256, secret, length);
	digest_hmac(&hmac, login, strlen(login), salt);
	*record = (struct pwhash_scram){ .iterations = iterations, .salt_length = SALT_BYTES };
	memcpy(record->salt, salt, SALT_BYTES);
	/* A StoredKey of zeros: nobody knows what SHA-256 makes that of. */
	explicit_bzero(&hmac, sizeof hmac);
}

bool
challenge_first(const struct pwhash_scram *record, const char *client_nonce, struct text *text)
{
	uint8_t nonce[NONCE_BYTES];

	if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
		return false;
	text_add(text, "r=");
	text_add(text, client_nonce);
	add_base64(text, nonce, sizeof nonce);
	text_add(text, ",s=");
	add_base64(text, record->salt, record->salt_length);
	text_add(text, ",i=");
	text_add_number(text, record->iterations);
	return !text->cut;
}

/* HMAC over AuthMessage: the three messages with commas between them (RFC 5802 section 3). False: longer than any
 * that an honest client makes. */
static bool
sign(const void *key, const struct challenge_said *said, uint8_t *signature)
{
	char message[4096];
	struct digest_hmac hmac;
	struct text text;

	text_start(&text, message, sizeof message);
	text_add(&text, said->client_first_bare);
	text_add_byte(&text, ',');
	text_add(&text, said->server_first);
	text_add_byte(&text, ',');
	text_add_bytes(&text, said->without_proof, said->length);
	digest_hmac_key(&hmac, &digest_sha256, key, SHA256_DIGEST_LENGTH);
	digest_hmac(&hmac, message, text.used, signature);
	explicit_bzero(&hmac, sizeof hmac);
	return !text.cut;
}

bool
challenge_proved(const struct pwhash_scram *record, const struct challenge_said *said, struct text *text)
{
	uint8_t key[SHA256_DIGEST_LENGTH], signature[SHA256_DIGEST_LENGTH];
	bool proved;

	/* ClientKey = ClientProof XOR ClientSignature; StoredKey = H(ClientKey). */
	if (!sign(record->stored_key, said, signature))
		return false;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = signature[i] ^ (uint8_t)said->proof[i];
	digest_of(&digest_sha256, key, sizeof key, "", 0, key);
	proved = memeql_sec(key, record->stored_key, sizeof key);
	explicit_bzero(key, sizeof key);
	if (!proved)
		return false;
	(void)sign(record->server_key, said, signature);	/* there was room for the same words above */
	text_add(text, "v=");
	add_base64(text, signature, sizeof signature);
	return !text->cut;
}
