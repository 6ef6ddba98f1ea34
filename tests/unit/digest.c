/* links: base alone */
/* Digests, HMAC and PBKDF2: the results of Python's hashlib and hmac. */
#include "unit.h"

#include "base/digest.h"

static const struct row {
	const struct digest *digest;
	size_t size, block;
	const char *abc;	/* of "abc" */
	/* The digest of all the HMACs with a key of 0 to block + 2 bytes 'k' of as many bytes 'm', one after the other;
	 * and of PBKDF2 of "password" and "salt" with 1 to 5 iterations. */
	const char *hmac, *pbkdf2;
} rows[] = {
	{ &digest_md5, 16, 64,
	    "900150983cd24fb0d6963f7d28e17f72",
	    "fd1f8535e7b21ace5a2065eef9b70b07",
	    "b1f5ff653791cbc9f8c3be1177430b33" },
	{ &digest_sha1, 20, 64,
	    "a9993e364706816aba3e25717850c26c9cd0d89d",
	    "058251f8665efcf2f464ab30c95ea60df0d1043e",
	    "7577e8cc9d4e24ebae6a1133d8c7baf729b21b92" },
	{ &digest_sha256, 32, 64,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "a2e5feca06fab82a980cfda9bfb9d3899b391e8c2f33c4354361dc9d34ea8e0d",
	    "771007118c193187669273640cfe32da9b0ba3a10643b7ee59fc63d719492ce7" },
	{ &digest_sha512, 64, 128,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	    "63c118efbb01a51d91a129ebe8aa7f4d3ade273b46a06a81fee0bd398352e892"
	    "1124c9585ab0256365dd74c66df4da24bd7083fd502dfcd51956183e366ca6b3",
	    "de8641e90a27c4120da40b3b234314f7cb6c106cb6f9c43af76aa35dd4b2e692"
	    "5214e85853d417e602e02a8e9d8199550c9e1cbbb5599cb9ad3533aa5bc2b9db" },
};

/* How many bytes were wiped, under both names that a C library may have for it. */
static size_t wiped;

void __explicit_bzero_chk(void *bytes, size_t length, size_t room);

void
explicit_bzero(void *bytes, size_t length)
{
	memset(bytes, 0, length);
	wiped += length;
}

void
__explicit_bzero_chk(void *bytes, size_t length, size_t room)
{
	(void)room;
	explicit_bzero(bytes, length);
}

static void
check(const struct row *row, const char *what, const uint8_t *seen, const char *wanted)
{
	char hex[2 * DIGEST_MAX + 1];

	for (size_t i = 0; i < row->size; i++)
		snprintf(hex + 2 * i, 3, "%02x", seen[i]);
	if (strcmp(hex, wanted) != 0)
		fail_msg("row %td, %s: %s, not %s", row - rows, what, hex, wanted);
}

static void
known_results(void **state)
{
	(void)state;
	for (const struct row *row = rows; row < rows + LENGTH(rows); row++) {
		const struct digest *digest = row->digest;
		uint8_t *out = malloc(row->size);
		union digest_state all;

		assert_int_equal(digest->size, row->size);
		assert_int_equal(digest->block, row->block);
		digest_of(digest, "abx", 2, "cx", 1, out);
		check(row, "digest", out, row->abc);
		digest->start(&all);
		for (size_t length = 0; length < row->block + 3; length++) {
			char bytes[200], key[200];
			struct digest_hmac hmac;

			memset(bytes, 'm', sizeof bytes);
			memset(key, 'k', sizeof key);
			digest_hmac_key(&hmac, digest, key, length);
			digest_hmac(&hmac, bytes, length, out);
			/* The key is good for more than one, and for bytes that become the result. */
			digest_hmac(&hmac, bytes, length, (uint8_t *)bytes);
			assert_memory_equal(bytes, out, row->size);
			digest->add(&all, out, row->size);
		}
		digest->end(&all, out);
		check(row, "HMAC", out, row->hmac);
		digest->start(&all);
		for (uint32_t iterations = 1; iterations < 6; iterations++) {
			digest_pbkdf2(digest, "password", "salt and more", 4, iterations, out);
			digest->add(&all, out, row->size);
		}
		digest->end(&all, out);
		check(row, "PBKDF2", out, row->pbkdf2);
		free(out);
	}
}

/* What was made of a key is wiped where it lay, and no byte beside it. */
static void
secrets_are_wiped(void **state)
{
	const size_t one = sizeof(union digest_state);
	struct digest_hmac hmac;
	uint8_t out[DIGEST_MAX];

	(void)state;
	wiped = 0;
	digest_of(&digest_sha256, "a", 1, "b", 1, out);
	assert_int_equal(wiped, one);
	wiped = 0;
	digest_hmac_key(&hmac, &digest_sha256, "key", 3);
	assert_int_equal(wiped, SHA512_BLOCK_LENGTH);
	wiped = 0;
	digest_hmac(&hmac, "bytes", 5, out);
	assert_int_equal(wiped, one);
	wiped = 0;
	digest_pbkdf2(&digest_sha256, "password", "salt", 4, 3, out);
	assert_int_equal(wiped, SHA512_BLOCK_LENGTH + 3 * one + DIGEST_MAX + 2 * sizeof hmac);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_results), cmocka_unit_test(secrets_are_wiped) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
