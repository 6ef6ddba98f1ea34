/* Digests of libmd; HMAC (RFC 2104) and PBKDF2 (RFC 8018 section 5.2) over them. */
#ifndef DIGEST_H
#define DIGEST_H

#include <md5.h>
#include <sha1.h>
#include <sha2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DIGEST_MAX SHA512_DIGEST_LENGTH

union digest_state {
	MD5_CTX md5;
	SHA1_CTX sha1;
	SHA2_CTX sha2;
};

struct digest {
	size_t size, block;	/* bytes */
	void (*start)(union digest_state *state);
	void (*add)(union digest_state *state, const void *bytes, size_t length);
	void (*end)(union digest_state *state, uint8_t *out);
};

extern const struct digest digest_md5, digest_sha1, digest_sha256, digest_sha512;

/* The digest of `bytes`, then `more`. */
void digest_of(const struct digest *digest, const void *bytes, size_t length, const void *more, size_t more_length,
    uint8_t *out);

/* A key that has been digested once for all; as secret as the key. */
struct digest_hmac {
	const struct digest *digest;
	union digest_state inner, outer;
};

void digest_hmac_key(struct digest_hmac *hmac, const struct digest *digest, const void *key, size_t length);

/* HMAC(key, bytes); `out` may be `bytes`. */
void digest_hmac(const struct digest_hmac *hmac, const void *bytes, size_t length, uint8_t *out);

/* The first block of PBKDF2 with HMAC: digest->size bytes. At least one iteration. */
void digest_pbkdf2(const struct digest *digest, const char *password, const void *salt, size_t salt_length,
    uint32_t iterations, uint8_t *out);

#endif
