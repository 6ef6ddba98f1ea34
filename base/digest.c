/* Digests of libmd; HMAC (RFC 2104) and PBKDF2 (RFC 8018 section 5.2) over them. */
#include <string.h>

#include "base/digest.h"

/*
 * libmd's digests and not nettle's, which asks the processor what it can at every start of the program: in a virtual
 * machine that costs more than a whole login. nettle's HMAC and PBKDF2 bring the same with them: no room uses any of
 * these (tests/layers).
 */
#define DIGEST(name, member, Name, SIZE, BLOCK) \
	static void name##_start(union digest_state *state) { Name##Init(&state->member); } \
	static void name##_add(union digest_state *state, const void *bytes, size_t length) \
	{ Name##Update(&state->member, bytes, length); } \
	static void name##_end(union digest_state *state, uint8_t *out) { Name##Final(out, &state->member); } \
	const struct digest digest_##name = { SIZE, BLOCK, name##_start, name##_add, name##_end }

DIGEST(md5, md5, MD5, MD5_DIGEST_LENGTH, MD5_BLOCK_LENGTH);
DIGEST(sha1, sha1, SHA1, SHA1_DIGEST_LENGTH, SHA1_BLOCK_LENGTH);
DIGEST(sha256, sha2, SHA256, SHA256_DIGEST_LENGTH, SHA256_BLOCK_LENGTH);
DIGEST(sha512, sha2, SHA512, SHA512_DIGEST_LENGTH, SHA512_BLOCK_LENGTH);

void
digest_of(const struct digest *digest, const void *bytes, size_t length, const void *more, size_t more_length,
    uint8_t *out)
{
	union digest_state state;

	digest->start(&state);
	digest->add(&state, bytes, length);
	digest->add(&state, more, more_length);
	digest->end(&state, out);
	explicit_bzero(&state, sizeof state);
}

void
digest_hmac_key(struct digest_hmac *hmac, const struct digest *digest, const void *key, size_t length)
{
	uint8_t block[SHA512_BLOCK_LENGTH] = { 0 };

	hmac->digest = digest;
	if (length > digest->block)
		digest_of(digest, key, length, "", 0, block);
	else
		memcpy(block, key, length);
	for (size_t i = 0; i < digest->block; i++)
		block[i] ^= 0x36;
	digest->start(&hmac->inner);
	digest->add(&hmac->inner, block, digest->block);
	for (size_t i = 0; i < digest->block; i++)
		block[i] ^= 0x36 ^ 0x5c;
	digest->start(&hmac->outer);
	digest->add(&hmac->outer, block, digest->block);
	explicit_bzero(block, sizeof block);
}

void
digest_hmac(const struct digest_hmac *hmac, const void *bytes, size_t length, uint8_t *out)
{
	union digest_state state = hmac->inner;

	hmac->digest->add(&state, bytes, length);
	hmac->digest->end(&state, out);
	state = hmac->outer;
	hmac->digest->add(&state, out, hmac->digest->size);
	hmac->digest->end(&state, out);
	explicit_bzero(&state, sizeof state);
}

void
digest_pbkdf2(const struct digest *digest, const char *password, const void *salt, size_t salt_length,
    uint32_t iterations, uint8_t *out)
{
	static const uint8_t first_block[4] = { 0, 0, 0, 1 };
	struct digest_hmac hmac, first;
	uint8_t round[DIGEST_MAX];

	digest_hmac_key(&hmac, digest, password, strlen(password));
	first = hmac;
	digest->add(&first.inner, salt, salt_length);
	digest_hmac(&first, first_block, sizeof first_block, round);
	memcpy(out, round, digest->size);
	for (uint32_t i = 1; i < iterations; i++) {
		digest_hmac(&hmac, round, digest->size, round);
		for (size_t j = 0; j < digest->size; j++)
			out[j] ^= round[j];
	}
	explicit_bzero(round, sizeof round);
	explicit_bzero(&hmac, sizeof hmac);
	explicit_bzero(&first, sizeof first);
}
