/* links: auth/pwhash */
/*
 * Passwords against their stored forms. The stored forms are published ones, made by others: the
 * specifications of the hashes, FIPS 180-4, and the examples of Dovecot, Openwall and hashcat.
 */
#include "auth/pwhash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>

#include <crypt.h>

#include "faults.h"

static char star[] = "*0";
FAULTY_AS(char *, star, crypt_rn, (const char *phrase, const char *setting, void *data, int size),
    (phrase, setting, data, size))
FAULTY_AS(char *, NULL, crypt_gensalt_rn, (const char *prefix, unsigned long count, const char *bytes, int bytes_size,
    char *output, int output_size), (prefix, count, bytes, bytes_size, output, output_size))

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const answers[] = { "YES", "NO", "LOCKED", "NO_MEMORY", "UNUSABLE" };

static void
expect(const char *stored, bool two_fields, const char *password,
    enum pwhash_answer wanted)
{
	enum pwhash_answer got = pwhash_verify(stored, two_fields, password);

	if (got != wanted)
		fail_msg("'%s' (%s fields), password '%.40s': %s, not %s", stored,
		    two_fields ? "two" : "more", password, answers[got], answers[wanted]);
}

struct vector {
	const char *stored, *password;
};

/* What crypt(3) knows, with nothing in front. */
static const struct vector hashes[] = {
	/* yescrypt, TESTS-OK of the reference implementation; John the Ripper */
	{ "$y$jD5.7$LdJMENpBABJJ3hIHjB1Bi.$HboGM6qPrsK.StKYGt6KErmUYtioHreJd98oIugoNB6",
	  "pleaseletmein" },
	{ "$y$j9T$AAt9R641xPvCI9nXw1HHW/$cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0A", "openwall" },
	/* scrypt, the same */
	{ "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
	  "pleaseletmein" },
	/* bcrypt, crypt_blowfish's wrapper.c; the second password is one byte above 0x7f */
	{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
	{ "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "\xa3" },
	/* SHA-crypt, its specification */
	{ "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCo"
	  "EOfaS35inz1", "Hello world!" },
	{ "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!" },
	/* MD5 and DES, John the Ripper and Dovecot */
	{ "$1$12345678$aIccj83HRDBo6ux1bVx7D1", "0123456789ABCDE" },
	{ "$1$GgvxyNz8$OjZhLh4P.gF1lxYEbLZ3e/", "test" },
	{ "CCNf8Sbh3HDfQ", "U*U*U*U*" },
	{ "_J9..CCCCXBrJUJV154M", "U*U*U*U*" },
};

static const struct vector schemes[] = {
	{ "{CRYPT}//EsnG9FLTKjo", "test" },
	{ "{DES-CRYPT}CCNf8Sbh3HDfQ", "U*U*U*U*" },
	{ "{MD5-CRYPT}$1$GgvxyNz8$OjZhLh4P.gF1lxYEbLZ3e/", "test" },
	{ "{BLF-CRYPT}$2y$05$11ipvo5dR6CwkzwmhwM26OXgzXwhV2PyPuLV.Qi31ILcRcThQpEiW", "test" },
	{ "{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!" },
	{ "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4O"
	  "TLiBFdcbYEdFCoEOfaS35inz1", "Hello world!" },
	{ "{CRYPT}$y$j9T$AAt9R641xPvCI9nXw1HHW/$cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0A",
	  "openwall" },
	{ "{PLAIN}test", "test" },
	{ "{CLEAR}te:st", "te:st" },
	{ "{CLEARTEXT} blanks ", " blanks " },
	{ "{PLAIN}!", "!" },
	{ "{PLAIN}{PLAIN}x", "{PLAIN}x" },
	{ "{PLAIN.b64}dGU6c3Q=", "te:st" },
	{ "{PLAIN.base64}dGU6c3Q=", "te:st" },
	{ "{PLAIN.hex}74653a7374", "te:st" },
	/* SHA-1, -256, -512: of "abc", FIPS 180-4; of "test", Dovecot's tests */
	{ "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "abc" },
	{ "{SHA1}a9993e364706816aba3e25717850c26c9cd0d89d", "abc" },
	{ "{SHA1.HEX}A9993E364706816ABA3E25717850C26C9CD0D89D", "abc" },
	{ "{SHA1}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "test" },
	{ "{SHA256}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "test" },
	{ "{SHA256.b64}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "test" },
	{ "{SHA256}ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc" },
	{ "{SHA512}7iaw3Ur350mqGo7jwQrpkj9hiYB3Lkc/iBml1JQODbJ6wYX4oOHV+E+IvIh/1nsUNzLDBMxfqa2Ob1f1A"
	  "Cio/w==", "test" },
	{ "{SHA512}ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a83"
	  "6ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", "abc" },
	/* the same digests with salt: "a" with the salt "bc", whose hex is 6263 */
	{ "{SSHA.hex}a9993e364706816aba3e25717850c26c9cd0d89d6263", "a" },
	{ "{SSHA256.hex}ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad6263", "a" },
	/* Dovecot's tests and manual; hashcat's examples */
	{ "{SSHA}H/zrDv8FXUu1JmwvVYijfrYEF34jVZcO", "test" },
	{ "{SSHA256.hex}4a847fefc4f9ab450f16783c5025d64313942a1ceb2599707cdb65940ba901e513fa442f",
	  "pass" },
	{ "{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==", "hashcat" },
	{ "{SSHA256}OZiz0cnQ5hgyel3Emh7NCbhBRCQ+HVBwYplQunHYnER7TLuV", "hashcat" },
	{ "{SSHA512}ALtwKGBdRgD+U0fPAy31C28RyKYx7+a8kmfksccsOeLknLHv2DBXYI7TDnTolQMBuPkWDISgZr2cHfnNP"
	  "FjGZTEyNDU4OTkw", "hashcat" },
	/* RFC 7677 section 3: salt and iterations of its example, keys as in its exchange */
	{ "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
	  "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", "pencil" },
	/* made by doveadm pw 2.3.19 */
	{ "{SCRAM-SHA-256}4096,MvGBGE2Y2WgD8TaIo5Rqrg==,qzcfGljZziH5zYH093ZvQy5FkZ0k681eVAjlrM+7+co=,"
	  "gAC5EgSmoaW4oh04lNH/Q1CFx60lOAZu36BYiB736oI=", "test" },
	{ "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$9PDMoPgjTqfEdcM/2vmqMA$oZVvNXyd2Ikpl0rpII/k/rFhTsCwUJiE6"
	  "Zn/4xrqCXQ", "test" },
	{ "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$6icIzRIMGaZ+DdPevLzMSA$g6nRoTMmPF9mifBTPBBqE8F4om0gqmdH+W+l"
	  "DoeOxQM", "test" },
	{ "{PBKDF2}$1$KVgL08Qa/BBbryn4$5000$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd", "test" },
	{ "{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6", "test" },
	{ "{HMAC-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6", "test" },
	{ "{SMD5}jTzhyjgKWeBGKBvfcbMcLefDrtQ=", "test" },
	{ "{PLAIN-MD5}098f6bcd4621d373cade4e832627b4f6", "test" },
	{ "{LDAP-MD5}CY9rzUYh03PK3k6DJie09g==", "test" },
	{ "{MD5}$1$3RDzioCk$J2I0ReD1MyukUK/..P8oA0", "test" },
};

static void
check_vector(const struct vector *v)
{
	char longer[600], other[600];

	snprintf(longer, sizeof(longer), "%s ", v->password);
	snprintf(other, sizeof(other), "%s", v->password);
	other[0] ^= 1;
	expect(v->stored, false, v->password, PWHASH_YES);
	expect(v->stored, false, other, PWHASH_NO);
	expect(v->stored, false, "", PWHASH_NO);
	if (strlen(v->password) != 8)		/* DES reads no further than 8 */
		expect(v->stored, false, longer, PWHASH_NO);
}

static void
published_crypt_hashes(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(hashes); i++)
		check_vector(&hashes[i]);
}

static void
published_scheme_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(schemes); i++) {
		check_vector(&schemes[i]);
		expect(schemes[i].stored, true, schemes[i].password, PWHASH_YES);
	}
}

static void
scheme_names_have_no_case(void **state)
{
	(void)state;
	expect("{plain}x", false, "x", PWHASH_YES);
	expect("{Ssha256}OZiz0cnQ5hgyel3Emh7NCbhBRCQ+HVBwYplQunHYnER7TLuV", false, "hashcat", PWHASH_YES);
	expect("{sha1.Hex}a9993e364706816aba3e25717850c26c9cd0d89d", false, "abc", PWHASH_YES);
	expect("{sha256.B64}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", false, "test", PWHASH_YES);
}

static void
two_fields_are_clear_text(void **state)
{
	(void)state;
	expect("hello", true, "hello", PWHASH_YES);
	expect("hello", true, "Hello", PWHASH_NO);
	expect("hello", true, "hell", PWHASH_NO);
	expect("hello", true, "hello ", PWHASH_NO);
	expect("CCNf8Sbh3HDfQ", true, "CCNf8Sbh3HDfQ", PWHASH_YES);
	expect("CCNf8Sbh3HDfQ", true, "U*U*U*U*", PWHASH_NO);
	expect(hashes[1].stored, true, hashes[1].password, PWHASH_YES);
	/* with a third field the same text is a hash, and none that could be one */
	expect("hello", false, "hello", PWHASH_UNUSABLE);
}

/* What has locked an account since there are password files, and crypt(3)'s own error marks. */
static void
locked(void **state)
{
	static const char *const stored[] = { "", "*", "!", "!!", "*0", "*1", "*LK*", "!$6$saltstring$x",
		"*hello", "{CRYPT}", "{CRYPT}!", "{CRYPT}*", "{CRYPT}!$1$GgvxyNz8$OjZhLh4P.gF1lxYEbLZ3e/",
		"{CRYPT}*0", "{PLAIN}", "{SHA256}", "{PLAIN.b64}" };
	static const char *const passwords[] = { "x", "*", "!", "!!", "*0", "*1", "hello", "test" };

	(void)state;
	for (size_t i = 0; i < LENGTH(stored); i++)
		for (size_t j = 0; j < LENGTH(passwords); j++) {
			expect(stored[i], false, passwords[j], PWHASH_LOCKED);
			expect(stored[i], true, passwords[j], PWHASH_LOCKED);
			assert_false(pwhash_is_cleartext(stored[i], true));
			/* the empty password asks for nothing else */
			expect(stored[i], false, "", PWHASH_LOCKED);
		}
	expect("{NOSUCH}x", false, "", PWHASH_UNUSABLE);
	expect("{PLAIN}x", false, "", PWHASH_NO);
}

#define KEY "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="

/* Forms of several parts, one of them broken. */
static const char *const broken[] = {
	"{SCRAM-SHA-256}x", "{SCRAM-SHA-256}4096", "{SCRAM-SHA-256}4096,eA==", "{SCRAM-SHA-256}4096,eA==," KEY,
	"{SCRAM-SHA-256}4096,eA==," KEY "," KEY ",", "{SCRAM-SHA-256}4096,eA==," KEY "," KEY "," KEY,
	"{SCRAM-SHA-256}0,eA==," KEY "," KEY, "{SCRAM-SHA-256}1,eA==," KEY "," KEY,
	"{SCRAM-SHA-256}4095,eA==," KEY "," KEY, "{SCRAM-SHA-256}2147483648,eA==," KEY "," KEY,
	"{SCRAM-SHA-256}18446744073709555712,eA==," KEY "," KEY, "{SCRAM-SHA-256}-4096,eA==," KEY "," KEY,
	"{SCRAM-SHA-256}abc,eA==," KEY "," KEY, "{SCRAM-SHA-256}4096x,eA==," KEY "," KEY,
	"{SCRAM-SHA-256} 4096,eA==," KEY "," KEY, "{SCRAM-SHA-256},eA==," KEY "," KEY,
	"{SCRAM-SHA-256}4096,," KEY "," KEY, "{SCRAM-SHA-256}4096,eA," KEY "," KEY,
	"{SCRAM-SHA-256}4096,eA==,eA==," KEY, "{SCRAM-SHA-256}4096,eA==," KEY ",eA==",
	"{SCRAM-SHA-256}4096,eA==," KEY ",", "{SCRAM-SHA-256}4096,eA==,," KEY,
	"{SCRAM-SHA-256}4096,eA==,AA" KEY "," KEY, "{SCRAM-SHA-256}4096,eA==," KEY "," KEY "A",
	"{SCRAM-SHA-256}$4096$eA==$" KEY "$" KEY,
	"{PBKDF2}x", "{PBKDF2}$1$salt$5000", "{PBKDF2}$1$salt$0$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{PBKDF2}$1$salt$x$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{PBKDF2}$1$salt$2147483648$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{PBKDF2}$1$$5000$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{PBKDF2}$2$salt$5000$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{PBKDF2}$1$salt$5000$bb15ddd8b1f7a4d02348b7f2a6071181661f25",
	"{PBKDF2}$1$salt$5000$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd$",
	"{PBKDF2}$1$salt$5000$zb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{PBKDF2}1$salt$5000$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd",
	"{ARGON2ID}x", "{ARGON2ID}$argon2id$", "{ARGON2ID}$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAA",
	"{ARGON2ID}$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ", "{ARGON2ID}$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$",
	"{CRAM-MD5}x", "{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2c",
	"{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6f6", "{SMD5}CY9rzUYh03PK3k6DJie09g==",
	"{PLAIN-MD5}098f6bcd4621d373cade4e832627b4", "{LDAP-MD5}x",
};

static void
broken_parts(void **state)
{
	struct pwhash_scram scram;

	(void)state;
	for (size_t i = 0; i < LENGTH(broken); i++) {
		expect(broken[i], false, "x", PWHASH_UNUSABLE);
		expect(broken[i], true, "test", PWHASH_UNUSABLE);
		if (pwhash_fault(broken[i], false) == NULL)
			fail_msg("%s: nothing wrong?", broken[i]);
		assert_false(pwhash_scram(broken[i], &scram));
	}
	/* libargon2 alone sees these: the form is right. */
	expect("{ARGON2ID}$argon2id$v=19$m=0,t=0,p=0$c2FsdHNhbHQ$AAAAAAAAAAA", false, "x", PWHASH_UNUSABLE);
}

/* What is said of a form without hashing: right ones, and each one shortened. */
static void
faults_are_seen(void **state)
{
	char cut[300];

	(void)state;
	for (size_t i = 0; i < LENGTH(hashes) + LENGTH(schemes); i++) {
		const char *stored = i < LENGTH(hashes) ? hashes[i].stored : schemes[i - LENGTH(hashes)].stored;

		if (pwhash_fault(stored, false) != NULL)
			fail_msg("%s: %s", stored, pwhash_fault(stored, false));
		strcpy(cut, stored);
		cut[strlen(cut) - 1] = '\0';
		/* Salts and clear text may be of any length. */
		if (strncmp(stored, "{C", 2) != 0 && strncmp(stored, "{P", 2) != 0 && strncmp(stored, "{S", 2) != 0 &&
		    strncmp(stored, "{ARGON", 6) != 0 && pwhash_fault(cut, false) == NULL)
			fail_msg("%s: nothing wrong?", cut);
	}
	assert_null(pwhash_fault("hello", true));
	assert_null(pwhash_fault("", false));
	assert_null(pwhash_fault("!", false));
	assert_null(pwhash_fault("{CRYPT}!", false));
	assert_string_equal(pwhash_fault("hello", false), "the stored password is not a crypt(5) hash");
	assert_string_equal(pwhash_fault("x", false), "the stored password is not a crypt(5) hash");
	assert_string_equal(pwhash_fault("$6$abc", true), "the stored password is not a crypt(5) hash");
	assert_string_equal(pwhash_fault("{NOSUCH}x", false), "the scheme of the stored password is not known");
	assert_string_equal(pwhash_fault("{PLAIN", false), "the scheme of the stored password is not known");
	assert_string_equal(pwhash_fault("{CRYPT}$6$abc", false), "the stored password is malformed for its scheme");
}

static void
slow_ones_are_known(void **state)
{
	(void)state;
	assert_true(pwhash_is_slow(hashes[0].stored, false));
	assert_true(pwhash_is_slow("{crypt}x", false));
	assert_true(pwhash_is_slow("{ARGON2I}x", false));
	assert_true(pwhash_is_slow("{PBKDF2}x", false));
	assert_true(pwhash_is_slow("{SCRAM-SHA-256}x", false));
	assert_false(pwhash_is_slow("{SSHA256}x", false));
	assert_false(pwhash_is_slow("{PLAIN}x", false));
	assert_false(pwhash_is_slow("hello", true));
	assert_true(pwhash_is_slow("hello", false));
	assert_false(pwhash_is_slow("{CRAM-MD5}x", false));
	assert_false(pwhash_is_slow("{NOSUCH}x", false));
}

static void
scram_parts(void **state)
{
	struct pwhash_scram scram;

	(void)state;
	assert_true(pwhash_scram("{scram-sha-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
	    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", &scram));
	assert_int_equal(scram.iterations, 4096);
	assert_int_equal(scram.salt_length, 16);
	assert_memory_equal(scram.salt, "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81", 16);
	assert_int_equal(scram.stored_key[0], 0x58);
	assert_int_equal(scram.server_key[31], 0xd5);
	assert_true(pwhash_scram("{SCRAM-SHA-256}2147483647,eA==," KEY "," KEY, &scram));
	assert_int_equal(scram.iterations, 2147483647);
	assert_false(pwhash_scram("", &scram));
	assert_false(pwhash_scram("!", &scram));
	assert_false(pwhash_scram("{PLAIN}x", &scram));
	assert_false(pwhash_scram("hello", &scram));
}

/* The example of RFC 2195 section 2, against clear text and what doveadm makes of it. */
static void
cram_md5(void **state)
{
	static const char challenge[] = "<1896.697170952@postoffice.reston.mci.net>";
	static const char digest[] = "b913a602c7eda7a495b4e6e7334d3890";
	static const char *const stored[] = { "{PLAIN}tanstaaftanstaaf", "tanstaaftanstaaf",
		"{CRAM-MD5}d06d4e1b26fccaa4b0b61801132340a354b21152711fb604ca3e035e7015116b" };

	(void)state;
	for (size_t i = 0; i < LENGTH(stored); i++) {
		char other[sizeof digest];

		assert_int_equal(pwhash_cram_md5(stored[i], true, challenge, digest), PWHASH_YES);
		assert_int_equal(pwhash_cram_md5(stored[i], true, "<x>", digest), PWHASH_NO);
		memcpy(other, digest, sizeof(other));
		other[31] ^= 1;
		assert_int_equal(pwhash_cram_md5(stored[i], true, challenge, other), PWHASH_NO);
	}
	assert_int_equal(pwhash_cram_md5("{PLAIN}tanstaaftanstaa", false, challenge, digest), PWHASH_NO);
	assert_int_equal(pwhash_cram_md5("", false, challenge, digest), PWHASH_LOCKED);
	assert_int_equal(pwhash_cram_md5("{PLAIN}", false, challenge, digest), PWHASH_LOCKED);
	assert_int_equal(pwhash_cram_md5("tanstaaftanstaaf", false, challenge, digest), PWHASH_UNUSABLE);
	assert_int_equal(pwhash_cram_md5(hashes[0].stored, false, challenge, digest), PWHASH_UNUSABLE);
	assert_int_equal(pwhash_cram_md5("{CRAM-MD5}e02d", false, challenge, digest), PWHASH_UNUSABLE);
	assert_int_equal(pwhash_cram_md5("{SHA256}x", false, challenge, digest), PWHASH_UNUSABLE);
	assert_int_equal(pwhash_cram_md5("{NOSUCH}x", false, challenge, digest), PWHASH_UNUSABLE);
}

/* crypt(3) answers these with NULL, "*0" or "*1", or with a hash where there was only a salt. */
static void
unusable(void **state)
{
	static const char *const stored[] = { "x", "ab", "$", "$$", "$6$", "$5$", "$1$", "$y$", "$7$",
		"$9$x$", "$2a$05$", "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$6$saltstring", "$6$saltstring$", "$y$j9T$AAt9R641xPvCI9nXw1HHW/", "$y$j9T$",
		"$argon2id$v=19$m=65536,t=3,p=1$vBb99oJ12p3WAdYlaMHz1A$jtFOtbo/sYV9OSlTxDo/nVNq3uArHd5GJS"
		"Ex0ty85Cc", "{CRYPT}x", "{CRYPT}$6$", "{SHA512-CRYPT}hello",
		"{", "{}", "{}x", "{PLAIN", "{PLAIN.}x", "{PLAIN.b65}x", "{PLAIN.b64.b64}eA==", "{.b64}eA==",
		"{PLAIN }x", "{ PLAIN}x", "{PLAI}x", "{PLAINX}x", "{MD4}x", "{SCRAM-SHA-1}x",
		"{SHA256.b64", "{PLAIN.hex}7", "{PLAIN.hex}zz", "{PLAIN.b64}a", "{PLAIN.b64}=",
		"{PLAIN.b64}AA=A", "{PLAIN.b64}eA", "{PLAIN.b64}AA==", "{PLAIN.hex}6100", "{CRYPT.hex}6100",
		"{SHA1}x", "{SHA1}qUqP5cyxm6YcTAhz05Hph5gvu9", "{SHA1.hex}a9993e364706816aba3e25717850c26c",
		"{SHA256}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "{SHA512}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
		"{SSHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "{SSHA}AAAA",
		"{SSHA256}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
		"{SSHA512}7iaw3Ur350mqGo7jwQrpkj9hiYB3Lkc/iBml1JQODbJ6wYX4oOHV+E+IvIh/1nsUNzLDBMxfqa2Ob1f1A"
		"Cio/w==" };
	static const char *const passwords[] = { "x", "*0", "*1", "$6$", "hello", "test" };

	(void)state;
	for (size_t i = 0; i < LENGTH(stored); i++)
		for (size_t j = 0; j < LENGTH(passwords); j++)
			expect(stored[i], false, passwords[j], PWHASH_UNUSABLE);
}

static void
overlong_values(void **state)
{
	static const char *const starts[] = { "", "$6$", "$y$", "$y$j9T$", "$1$", "$2b$05$", "_J9..",
		"{CRYPT}", "{PLAIN}", "{SCRAM-SHA-256}", "{PBKDF2}$1$", "{ARGON2ID}$argon2id$",
		"{PLAIN.b64}", "{PLAIN.hex}", "{SHA256}", "{SHA256.hex}", "{SSHA512}",
		"{", "{AAA" };
	char stored[70000];

	(void)state;
	for (size_t i = 0; i < LENGTH(starts); i++)
		for (size_t length = 1600; length < sizeof(stored); length = length * 5 / 2) {
			strcpy(stored, starts[i]);
			memset(stored + strlen(stored), 'A', length);
			stored[strlen(starts[i]) + length] = '\0';
			expect(stored, false, "A", PWHASH_UNUSABLE);
			expect(stored, false, "x", PWHASH_UNUSABLE);
			pwhash_is_cleartext(stored, true);
		}
}

/* No shortened hash may fit, whatever crypt(3) makes of it (yescrypt and scrypt take too long). */
static void
cut_hashes_never_fit(void **state)
{
	char stored[200];

	(void)state;
	for (size_t i = 3; i < LENGTH(hashes); i++) {
		for (size_t length = 0; length < strlen(hashes[i].stored); length++) {
			snprintf(stored, sizeof(stored), "%.*s", (int)length, hashes[i].stored);
			if (pwhash_verify(stored, false, hashes[i].password) == PWHASH_YES)
				fail_msg("'%s' fits '%s'", stored, hashes[i].password);
		}
		snprintf(stored, sizeof(stored), "%s$", hashes[i].stored);
		if (pwhash_verify(stored, false, hashes[i].password) == PWHASH_YES)
			fail_msg("'%s' fits '%s'", stored, hashes[i].password);
	}
}

static const char *const odd_passwords[] = { "a", "1", " ", " leading", "trailing ", "with:colon",
	":", "tab\there", "\r", "new\nline", "\x01", "\x7f", "p\xc3\xa4ssw\xc3\xb6rt", "\xff\xfe\x80",
	"%s%n", "{PLAIN}x", "$6$", "*", "!", "*0" };

static void
round_trip(const char *scheme, const char *password)
{
	char stored[PWHASH_STORED_SIZE], other[600];

	if (!pwhash_make(scheme, password, stored, sizeof(stored)))
		fail_msg("%s cannot store a password of %zu bytes", scheme, strlen(password));
	assert_null(strpbrk(stored, ":\r\n\t\x01\x7f"));
	expect(stored, false, password, PWHASH_YES);
	assert_int_equal(pwhash_is_cleartext(stored, true), strcmp(scheme, "PLAIN") == 0);
	strcpy(other, password);
	other[strlen(other) - 1] ^= 1;
	if (other[strlen(password) - 1] != '\0')
		expect(stored, false, other, PWHASH_NO);
}

static void
odd_passwords_work(void **state)
{
	(void)state;
	for (size_t i = 0; pwhash_schemes[i] != NULL; i++)
		if (strcmp(pwhash_schemes[i], "BLF-CRYPT") != 0)	/* slow; the next test has it */
			for (size_t j = 0; j < LENGTH(odd_passwords); j++)
				round_trip(pwhash_schemes[i], odd_passwords[j]);
}

static void
long_passwords_work(void **state)
{
	static const size_t lengths[] = { 1, 2, 72, 255, 256, 510, 511 };
	char password[600];

	(void)state;
	for (size_t i = 0; pwhash_schemes[i] != NULL; i++)
		for (size_t j = 0; j < LENGTH(lengths); j++) {
			memset(password, 'p', lengths[j]);
			password[lengths[j]] = '\0';
			if (lengths[j] > 72 && strcmp(pwhash_schemes[i], "BLF-CRYPT") == 0) {
				char stored[PWHASH_STORED_SIZE];

				assert_false(pwhash_make("BLF-CRYPT", password, stored, sizeof(stored)));
			} else
				round_trip(pwhash_schemes[i], password);
		}
}

static void
passwords_of_programs(void **state)
{
	char shown[2][PWHASH_APP_SIZE], stored[PWHASH_STORED_SIZE], typed[100] = "", *t = typed;

	(void)state;
	assert_true(pwhash_app_make(shown[0], stored, sizeof(stored)));
	assert_true(pwhash_app_make(shown[1], stored, sizeof(stored)));
	assert_int_equal(strlen(shown[1]), 34);
	assert_string_not_equal(shown[0], shown[1]);
	assert_int_equal(pwhash_app_verify(stored, false, shown[1]), PWHASH_YES);
	assert_int_equal(pwhash_app_verify(stored, false, shown[0]), PWHASH_NO);
	assert_int_equal(pwhash_verify(stored, false, shown[1]), PWHASH_NO);
	for (const char *c = shown[1]; *c != '\0'; c++) {
		if (*c == '-')
			continue;
		*t++ = ' ';
		*t++ = *c == '0' ? 'O' : *c == '1' ? 'l' : *c >= 'a' ? (char)(*c - 32) : *c;
	}
	assert_int_equal(pwhash_app_verify(stored, false, typed), PWHASH_YES);
	strcpy(t, "2");
	assert_int_equal(pwhash_app_verify(stored, false, typed), PWHASH_NO);
	t[-2] = '\0';
	assert_int_equal(pwhash_app_verify(stored, false, typed), PWHASH_NO);
	/* Any other password is itself. */
	assert_int_equal(pwhash_app_verify("{PLAIN}A-b c", false, "A-b c"), PWHASH_YES);
	assert_int_equal(pwhash_app_verify("{PLAIN}A-b c", false, "abc"), PWHASH_NO);
	assert_int_equal(pwhash_app_verify("{PLAIN}A-b c", false, ""), PWHASH_NO);
	assert_int_equal(pwhash_app_verify("!", false, shown[1]), PWHASH_LOCKED);
	assert_int_equal(pwhash_app_verify("{NOSUCH}x", false, shown[1]), PWHASH_UNUSABLE);
	assert_false(pwhash_app_make(shown[0], stored, 10));
}

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
overlong_passwords_are_not_hashed(void **state)
{
	static char password[1 << 20];
	char stored[PWHASH_STORED_SIZE];
	double start;

	(void)state;
	memset(password, 'p', 512);
	for (size_t i = 0; pwhash_schemes[i] != NULL; i++)
		assert_false(pwhash_make(pwhash_schemes[i], password, stored, sizeof(stored)));
	snprintf(stored, sizeof(stored), "{PLAIN}%.512s", password);
	expect(stored, false, password, PWHASH_NO);
	memset(password, 'p', sizeof(password) - 1);
	start = cpu_seconds();
	for (size_t i = 0; i < LENGTH(hashes); i++)
		expect(hashes[i].stored, false, password, PWHASH_NO);
	assert_true(cpu_seconds() - start < 0.005);
}

static void
schemes_are_made_as_named(void **state)
{
	static const struct vector starts[] = { { "YESCRYPT", "{CRYPT}$y$" },
		{ "blf-crypt", "{BLF-CRYPT}$2b$10$" }, { "SHA512-CRYPT", "{SHA512-CRYPT}$6$" },
		{ "sha256-crypt", "{SHA256-CRYPT}$5$" }, { "SSHA512", "{SSHA512}" },
		{ "scram-sha-256", "{SCRAM-SHA-256}32768," }, { "SSHA256", "{SSHA256}" }, { "plain", "{PLAIN}pw" } };
	char one[PWHASH_STORED_SIZE], two[PWHASH_STORED_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(starts); i++) {
		assert_true(pwhash_make(starts[i].stored, "pw", one, sizeof(one)));
		assert_memory_equal(one, starts[i].password, strlen(starts[i].password));
		assert_true(pwhash_make(starts[i].stored, "pw", two, sizeof(two)));
		/* a salt each: no two alike */
		assert_int_equal(strcmp(one, two) == 0, strcasecmp(starts[i].stored, "PLAIN") == 0);
	}
	assert_string_equal(pwhash_schemes[0], "YESCRYPT");
	for (size_t i = 0; pwhash_schemes[i] != NULL; i++) {
		assert_true(pwhash_make(pwhash_schemes[i], "pw", one, sizeof(one)));
		assert_false(pwhash_make(pwhash_schemes[i], "", one, sizeof(one)));
		for (size_t size = 1; size < strlen(one) && size < 9; size++)
			assert_false(pwhash_make(pwhash_schemes[i], "password", two, size));
	}
	assert_false(pwhash_make("", "pw", one, sizeof(one)));
	assert_false(pwhash_make("CRAM-MD5", "pw", one, sizeof(one)));
	assert_false(pwhash_make("PLAINX", "pw", one, sizeof(one)));
}

static void
clear_text_is_known(void **state)
{
	(void)state;
	assert_true(pwhash_is_cleartext("hello", true));
	assert_false(pwhash_is_cleartext("hello", false));
	assert_true(pwhash_is_cleartext("{PLAIN}x", false));
	assert_true(pwhash_is_cleartext("{clear}x", true));
	assert_true(pwhash_is_cleartext("{CLEARTEXT.b64}eA==", true));
	assert_false(pwhash_is_cleartext("{SHA256}x", true));
	assert_false(pwhash_is_cleartext("{UNKNOWN}x", true));
	assert_false(pwhash_is_cleartext("{PLAIN", true));
	assert_false(pwhash_is_cleartext("$6$x", true));
}

/*
 * The time must tell nothing about how much of a password was right. Clear text has the cheapest
 * comparison and so shows it most: the fastest of many rounds, right but for the last byte against
 * wrong from the first.
 */
static double
fastest(const char *stored, const char *password)
{
	double best = 1;

	for (int round = 0; round < 2000; round++) {
		struct timespec a, b;
		double took;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < 20; i++)
			(void)!pwhash_verify(stored, false, password);
		clock_gettime(CLOCK_MONOTONIC, &b);
		took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
		if (took < best)
			best = took;
	}
	return best;
}

static void
comparison_takes_the_same_time(void **state)
{
	char stored[600] = "{PLAIN}", near[600], far[600];
	double ratio;

	(void)state;
	memset(near, 'p', 500);
	near[500] = '\0';
	strcpy(far, near);
	strcat(stored, near);
	near[499] = 'q';
	far[0] = 'q';
	ratio = fastest(stored, near) / fastest(stored, far);
	print_message("# right but for the last byte / wrong from the first: %.3f\n", ratio);
	assert_true(ratio > 0.9 && ratio < 1.1);
}

/* What the C library refuses proves nothing, and makes no password. */
static void
crypt_that_refuses(void **state)
{
	static const char hash[] = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcb"
	    "YEdFCoEOfaS35inz1";
	char made[PWHASH_STORED_SIZE];

	(void)state;
	for (int way = 0; way < 2; way++) {	/* "*0" and NULL */
		fault("crypt_rn", 1, way == 0 ? EINVAL : 0);
		expect(hash, false, "Hello world!", PWHASH_UNUSABLE);
		fault("crypt_rn", 1, way == 0 ? EINVAL : 0);
		assert_false(pwhash_make("SHA512-CRYPT", "sesame", made, sizeof made));
	}
	fault("crypt_gensalt_rn", 1, EINVAL);
	assert_false(pwhash_make("SHA512-CRYPT", "sesame", made, sizeof made));
	expect(hash, false, "Hello world!", PWHASH_YES);
}

static void
no_room_for_what_is_made(void **state)
{
	static const char *const names[] = { "YESCRYPT", "SHA512-CRYPT", "SCRAM-SHA-256", "SSHA256", "PLAIN" };
	char made[PWHASH_STORED_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++)
		for (size_t size = 1; size < 20; size++)
			assert_false(pwhash_make(names[i], "a: password of more than that", made, size));
}

static void
values_with_odd_bytes(void **state)
{
	static const char *const stored[] = {
		"{PLAIN.base32}YQ==", "{PBKDF2.b64}JDEkYQAk", "{ARGON2ID.b64}JGFyZ29uMmlkAA==", "{SCRAM-SHA-256.b64}NDA5NgA=",
		"{SCRAM-SHA-256.b64}*", "{SCRAM-SHA-256.base64}*",
	};
	char far[600] = "{SCRAM-SHA-256}4096,";
	struct pwhash_scram keys;

	(void)state;
	for (size_t i = 0; i < LENGTH(stored); i++) {
		expect(stored[i], false, "a", PWHASH_UNUSABLE);
		assert_false(pwhash_scram(stored[i], &keys));
	}
	expect("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35in!1", false, "a",
	    PWHASH_UNUSABLE);
	memset(far + strlen(far), 'A', 200);	/* a salt of 150 bytes */
	strcat(far, ",WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
	expect(far, false, "a", PWHASH_UNUSABLE);
	assert_false(pwhash_scram(far, &keys));
}

/* Letters that look like others are taken for them, where the form is a fast one. */
static void
passwords_of_programs_as_they_are_typed(void **state)
{
	static const char hash[] = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcb"
	    "YEdFCoEOfaS35inz1";
	char made[PWHASH_STORED_SIZE];

	(void)state;
	assert_true(pwhash_make("SSHA256", "0110aaaabbbbccccddddeeeeffff", made, sizeof made));
	assert_int_equal(pwhash_app_verify(made, false, "oliO-AAAA bbbb-cccc-dddd-eeee-ffff"), PWHASH_YES);
	assert_int_equal(pwhash_app_verify(made, false, "oliO-AAAA bbbb-cccc-dddd-eeee-fff"), PWHASH_NO);
	assert_int_equal(pwhash_app_verify(made, false, "oliO-AAAA bbbb-cccc-dddd-eeee-ffffa"), PWHASH_NO);
	assert_int_equal(pwhash_app_verify(made, false, "oliO-AAAA bbbb-cccc-dddd-eeee-fff!"), PWHASH_NO);
	assert_int_equal(pwhash_app_verify(hash, false, "0110aaaabbbbccccddddeeeeffff"), PWHASH_NO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_crypt_hashes),
		cmocka_unit_test(published_scheme_values),
		cmocka_unit_test(scheme_names_have_no_case),
		cmocka_unit_test(two_fields_are_clear_text),
		cmocka_unit_test(locked),
		cmocka_unit_test(unusable),
		cmocka_unit_test(broken_parts),
		cmocka_unit_test(faults_are_seen),
		cmocka_unit_test(slow_ones_are_known),
		cmocka_unit_test(scram_parts),
		cmocka_unit_test(cram_md5),
		cmocka_unit_test(overlong_values),
		cmocka_unit_test(cut_hashes_never_fit),
		cmocka_unit_test(odd_passwords_work),
		cmocka_unit_test(long_passwords_work),
		cmocka_unit_test(overlong_passwords_are_not_hashed),
		cmocka_unit_test(passwords_of_programs),
		cmocka_unit_test(schemes_are_made_as_named),
		cmocka_unit_test(clear_text_is_known),
		cmocka_unit_test(crypt_that_refuses),
		cmocka_unit_test(no_room_for_what_is_made),
		cmocka_unit_test(values_with_odd_bytes),
		cmocka_unit_test(passwords_of_programs_as_they_are_typed),
		cmocka_unit_test(comparison_takes_the_same_time),
	};

	(void)crypt_checksalt("$6$");	/* else nothing of the library would be needed, and it were not there */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
