/* Passwords against their stored form; reads nothing, starts nothing. */
#include <argon2.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <crypt.h>
#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/pwhash.h"
#include "base/digest.h"
#include "base/text.h"

enum encoding { AS_IS, BASE64, HEX, GUESS };

/*
 * Does password fit the value? Where it is NULL: has the value the form that the scheme wants (NO), or not (UNUSABLE)?
 * That hashes nothing.
 */
struct scheme;
typedef enum pwhash_answer verify_function(const struct scheme *, const uint8_t *value,
    size_t length, const char *password);

/* The names are Dovecot's, and so are the default encodings. */
struct scheme {
	const char *name;
	verify_function *verify;
	enum encoding encoding;
	const struct digest *digest;
	bool salted;
};

/* A stored value decoded: a digest with its salt, a crypt(3) hash, or the longest clear text. */
#define VALUE_SIZE 640

#define SALT_SIZE 16	/* what pwhash_make() gives {SSHA256}, {SSHA512} and {SCRAM-SHA-256} */

/* crypt(3) cuts nothing silently but here: bcrypt reads 72 bytes. */
#define BCRYPT_MAX 72
#define BCRYPT_COST 10

static verify_function verify_plain, verify_crypt, verify_digest, verify_cram_md5, verify_pbkdf2, verify_scram,
    verify_argon2;

static const struct scheme schemes[] = {
	{ "CRYPT",         verify_crypt,    AS_IS,  NULL,           false },
	{ "DES-CRYPT",     verify_crypt,    AS_IS,  NULL,           false },
	{ "MD5",           verify_crypt,    AS_IS,  NULL,           false },
	{ "MD5-CRYPT",     verify_crypt,    AS_IS,  NULL,           false },
	{ "SHA256-CRYPT",  verify_crypt,    AS_IS,  NULL,           false },
	{ "SHA512-CRYPT",  verify_crypt,    AS_IS,  NULL,           false },
	{ "BLF-CRYPT",     verify_crypt,    AS_IS,  NULL,           false },
	{ "ARGON2I",       verify_argon2,   AS_IS,  NULL,           false },
	{ "ARGON2ID",      verify_argon2,   AS_IS,  NULL,           false },
	{ "PBKDF2",        verify_pbkdf2,   AS_IS,  &digest_sha1,   false },
	{ "SCRAM-SHA-256", verify_scram,    AS_IS,  &digest_sha256, false },
	{ "PLAIN",         verify_plain,    AS_IS,  NULL,           false },
	{ "CLEAR",         verify_plain,    AS_IS,  NULL,           false },
	{ "CLEARTEXT",     verify_plain,    AS_IS,  NULL,           false },
	{ "CRAM-MD5",      verify_cram_md5, HEX,    NULL,           false },
	{ "HMAC-MD5",      verify_cram_md5, HEX,    NULL,           false },
	{ "PLAIN-MD5",     verify_digest,   GUESS,  &digest_md5,    false },
	{ "LDAP-MD5",      verify_digest,   GUESS,  &digest_md5,    false },
	{ "SHA",           verify_digest,   GUESS,  &digest_sha1,   false },
	{ "SHA1",          verify_digest,   GUESS,  &digest_sha1,   false },
	{ "SHA256",        verify_digest,   GUESS,  &digest_sha256, false },
	{ "SHA512",        verify_digest,   GUESS,  &digest_sha512, false },
	{ "SMD5",          verify_digest,   BASE64, &digest_md5,    true },
	{ "SSHA",          verify_digest,   BASE64, &digest_sha1,   true },
	{ "SSHA256",       verify_digest,   BASE64, &digest_sha256, true },
	{ "SSHA512",       verify_digest,   BASE64, &digest_sha512, true },
	{ NULL, NULL, AS_IS, NULL, false }
};

/* What stands for a value without a {SCHEME}. */
static const struct scheme crypt_scheme = { "CRYPT", verify_crypt, AS_IS, NULL, false };
static const struct scheme plain_scheme = { "cleartext", verify_plain, AS_IS, NULL, false };

/*
 * Both sides are padded to one fixed size, so that neither length nor first difference shows in
 * the time.  memeql_sec() and not memcmp(): its time does not depend on the bytes.
 */
static enum pwhash_answer
verify_plain(const struct scheme *scheme, const uint8_t *value,
    size_t length, const char *password)
{
	uint8_t expected[PWHASH_PASSWORD_MAX + 1] = { 0 };
	uint8_t given[PWHASH_PASSWORD_MAX + 1] = { 0 };
	int same;

	(void)scheme;
	if (length > PWHASH_PASSWORD_MAX || memchr(value, '\0', length) != NULL)
		return PWHASH_UNUSABLE;
	if (password == NULL)
		return PWHASH_NO;
	memcpy(expected, value, length);
	memcpy(given, password, strlen(password));
	same = memeql_sec(expected, given, sizeof(given));
	explicit_bzero(expected, sizeof(expected));
	explicit_bzero(given, sizeof(given));
	return same ? PWHASH_YES : PWHASH_NO;
}

/* Has it the length and the letters of a hash of crypt(5)? An unknown prefix is for crypt_rn() to judge. */
static bool
has_crypt_form(const char *stored)
{
	static const struct {
		const char *prefix;
		size_t digest;		/* characters after the last '$', */
		size_t whole;		/* or of it all */
	} forms[] = {
		{ "$y$", 43, 0 }, { "$gy$", 43, 0 }, { "$7$", 43, 0 }, { "$2", 0, 60 }, { "$6$", 86, 0 },
		{ "$5$", 43, 0 }, { "$sha1$", 28, 0 }, { "$md5", 22, 0 }, { "$1$", 22, 0 }, { "$3$", 32, 0 },
		{ "_", 0, 20 }, { "", 0, 13 },
	};
	static const char letters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *tail = strrchr(stored, '$');
	size_t row = 0;

	while (strncmp(stored, forms[row].prefix, strlen(forms[row].prefix)) != 0)
		row++;
	tail = tail == NULL ? stored + strlen(forms[row].prefix) : tail + 1;
	if (tail[strspn(tail, letters)] != '\0')
		return false;
	return forms[row].whole > 0 ? strlen(stored) == forms[row].whole : strlen(tail) == forms[row].digest;
}

/* crypt_rn() says EINVAL in any case. Could it have had what a hash takes at the most? */
static bool
memory_is_short(void)
{
	char *probe = malloc(PWHASH_MEMORY);

	if (probe == NULL)
		return true;
	*(volatile char *)probe = '\0';	/* used: or the compiler leaves both calls out */
	free(probe);
	return false;
}

/*
 * crypt_rn() says that it cannot use a setting by NULL or, as crypt(3) has always done it, by a
 * text that begins with '*'; no hash does. What it makes of a shorter stored value is no proof
 * of anything: that value was never a whole hash. A function of its own: its 32 KiB of stack would cost those who only
 * ask for the form.
 */
static __attribute__((noinline)) enum pwhash_answer
hash_crypt(const char *stored, const char *password)
{
	struct crypt_data work = { 0 };
	enum pwhash_answer answer = PWHASH_UNUSABLE;
	const char *made = crypt_rn(password, stored, &work, sizeof(work));

	if (made == NULL || made[0] == '*')
		answer = memory_is_short() ? PWHASH_NO_MEMORY : PWHASH_UNUSABLE;
	else if (strlen(made) <= strlen(stored)) {
		answer = PWHASH_NO;
		if (strlen(made) == strlen(stored) && memeql_sec(made, stored, strlen(stored)))
			answer = PWHASH_YES;
	}
	explicit_bzero(&work, sizeof(work));
	return answer;
}

static enum pwhash_answer
verify_crypt(const struct scheme *scheme, const uint8_t *value,
    size_t length, const char *password)
{
	enum pwhash_answer answer;
	char stored[CRYPT_OUTPUT_SIZE];

	(void)scheme;
	if (length >= sizeof(stored) || memchr(value, '\0', length) != NULL)
		return PWHASH_UNUSABLE;
	memcpy(stored, value, length);
	stored[length] = '\0';
	if (password == NULL)
		return has_crypt_form(stored) ? PWHASH_NO : PWHASH_UNUSABLE;
	answer = hash_crypt(stored, password);
	explicit_bzero(stored, sizeof(stored));
	return answer;
}

static enum pwhash_answer
verify_digest(const struct scheme *scheme, const uint8_t *value,
    size_t length, const char *password)
{
	uint8_t digest[DIGEST_MAX];
	size_t size = scheme->digest->size;
	int same;

	if (scheme->salted ? length <= size : length != size)
		return PWHASH_UNUSABLE;
	if (password == NULL)
		return PWHASH_NO;
	digest_of(scheme->digest, password, strlen(password), value + size, length - size, digest);
	same = memeql_sec(digest, value, size);
	explicit_bzero(digest, sizeof(digest));
	return same ? PWHASH_YES : PWHASH_NO;
}

/* The states of MD5 after the outer and the inner key of HMAC, each as four little-endian words: as Dovecot has it. */
static enum pwhash_answer
verify_cram_md5(const struct scheme *scheme, const uint8_t *value, size_t length, const char *password)
{
	struct digest_hmac hmac;
	const uint32_t *states[] = { hmac.outer.md5.state, hmac.inner.md5.state };
	uint8_t made[2 * MD5_DIGEST_LENGTH];
	int same;

	(void)scheme;
	if (length != sizeof(made))
		return PWHASH_UNUSABLE;
	if (password == NULL)
		return PWHASH_NO;
	digest_hmac_key(&hmac, &digest_md5, password, strlen(password));
	for (size_t i = 0; i < sizeof(made); i++)
		made[i] = (uint8_t)(states[i / MD5_DIGEST_LENGTH][i / 4 % 4] >> 8 * (i % 4));
	same = memeql_sec(made, value, length);
	explicit_bzero(&hmac, sizeof(hmac));
	explicit_bzero(made, sizeof(made));
	return same ? PWHASH_YES : PWHASH_NO;
}

/* Each decoder writes at most VALUE_SIZE bytes to value; false: text is malformed or too long. */
static bool
decode_base64(const char *text, uint8_t *value, size_t *length)
{
	struct base64_decode_ctx state;

	if (BASE64_DECODE_LENGTH(strlen(text)) > VALUE_SIZE)
		return false;
	base64_decode_init(&state);
	return base64_decode_update(&state, length, value, strlen(text), text) &&
	    base64_decode_final(&state);
}

static bool
decode_hex(const char *text, uint8_t *value, size_t *length)
{
	struct base16_decode_ctx state;

	if (BASE16_DECODE_LENGTH(strlen(text)) > VALUE_SIZE)
		return false;
	base16_decode_init(&state);
	return base16_decode_update(&state, length, value, strlen(text), text) &&
	    base16_decode_final(&state);
}

static bool
decode_stored(enum encoding encoding, const char *text, uint8_t *value, size_t *length)
{
	if (encoding == BASE64)
		return decode_base64(text, value, length);
	if (encoding == HEX)
		return decode_hex(text, value, length);
	*length = strlen(text);
	if (*length > VALUE_SIZE)
		return false;
	memcpy(value, text, *length);
	return true;
}

/* Finds the encoding by the suffix of the scheme's name; false: there is no such suffix. */
static bool
find_encoding(const char *suffix, size_t length, enum encoding *encoding)
{
	if (length == 0)
		return true;
	if ((length == 4 && strncasecmp(suffix, ".b64", 4) == 0) ||
	    (length == 7 && strncasecmp(suffix, ".base64", 7) == 0)) {
		*encoding = BASE64;
		return true;
	}
	*encoding = HEX;
	return length == 4 && strncasecmp(suffix, ".hex", 4) == 0;
}

/*
 * Parts stored into scheme, encoding and text of the value; NULL when the scheme is unknown.
 * An unsalted digest without a suffix is hex where it has hex's length, as Dovecot guesses.
 */
static const struct scheme *
find_scheme(const char *stored, bool two_fields,
    enum encoding *encoding, const char **text)
{
	const struct scheme *scheme;
	const char *end;
	size_t length;

	*encoding = AS_IS;
	*text = stored;
	if (stored[0] != '{')
		return two_fields && stored[0] != '$' ? &plain_scheme : &crypt_scheme;
	end = strchr(stored, '}');
	if (end == NULL)
		return NULL;
	*text = end + 1;
	length = strcspn(stored + 1, ".}");
	for (scheme = schemes; scheme->name != NULL; scheme++)
		if (strlen(scheme->name) == length &&
		    strncasecmp(scheme->name, stored + 1, length) == 0)
			break;
	if (scheme->name == NULL)
		return NULL;
	*encoding = scheme->encoding;
	if (!find_encoding(stored + 1 + length, (size_t)(end - stored) - 1 - length, encoding))
		return NULL;
	if (*encoding == GUESS)
		*encoding = strlen(*text) == 2 * scheme->digest->size ? HEX : BASE64;
	return scheme;
}

/*
 * Forms of several parts. Dovecot's {PBKDF2}: $1$salt$iterations$ and the hex of the key; the salt is text as it is.
 */
static enum pwhash_answer
verify_pbkdf2(const struct scheme *scheme, const uint8_t *value, size_t length, const char *password)
{
	char text[VALUE_SIZE + 1], *parts[4], *rest = text;
	uint8_t key[VALUE_SIZE], made[DIGEST_MAX];
	uint64_t iterations;
	size_t key_length = sizeof(key);
	bool same;

	if (memchr(value, '\0', length) != NULL)
		return PWHASH_UNUSABLE;
	memcpy(text, value, length);
	text[length] = '\0';
	if (text[0] != '$')
		return PWHASH_UNUSABLE;
	rest = text + 1;
	for (int i = 0; i < 4; i++)
		parts[i] = strsep(&rest, "$");
	if (rest != NULL || parts[3] == NULL || strcmp(parts[0], "1") != 0 || parts[1][0] == '\0' ||
	    !text_number(parts[2], INT32_MAX, &iterations) || iterations == 0 ||
	    !decode_hex(parts[3], key, &key_length) || key_length != scheme->digest->size)
		return PWHASH_UNUSABLE;
	if (password == NULL)
		return PWHASH_NO;
	digest_pbkdf2(scheme->digest, password, parts[1], strlen(parts[1]), (uint32_t)iterations, made);
	same = memeql_sec(made, key, key_length);
	explicit_bzero(made, sizeof(made));
	return same ? PWHASH_YES : PWHASH_NO;
}

static bool
read_scram(const uint8_t *value, size_t length, struct pwhash_scram *scram)
{
	char text[VALUE_SIZE + 1], *parts[4], *rest = text;
	uint8_t *const keys[] = { scram->stored_key, scram->server_key };
	uint8_t decoded[VALUE_SIZE];
	size_t size = sizeof(decoded);
	uint64_t iterations;

	if (memchr(value, '\0', length) != NULL)
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	for (int i = 0; i < 4; i++)
		parts[i] = strsep(&rest, ",");
	if (rest != NULL || parts[3] == NULL || !text_number(parts[0], INT32_MAX, &iterations) ||
	    iterations < PWHASH_SCRAM_LEAST || !decode_base64(parts[1], decoded, &size) || size == 0 ||
	    size > sizeof(scram->salt))
		return false;
	scram->iterations = (uint32_t)iterations;
	scram->salt_length = size;
	memcpy(scram->salt, decoded, size);
	for (int i = 0; i < 2; i++) {
		size = sizeof(decoded);
		if (!decode_base64(parts[2 + i], decoded, &size) || size != sizeof(scram->stored_key))
			return false;
		memcpy(keys[i], decoded, size);
	}
	return true;
}

/* RFC 5802 section 3: from the password to what is stored of it. */
static void
make_scram_keys(const char *password, struct pwhash_scram *scram)
{
	struct digest_hmac hmac;
	uint8_t key[SHA256_DIGEST_LENGTH];

	digest_pbkdf2(&digest_sha256, password, scram->salt, scram->salt_length, scram->iterations, key);
	digest_hmac_key(&hmac, &digest_sha256, key, sizeof(key));
	digest_hmac(&hmac, "Server Key", strlen("Server Key"), scram->server_key);
	digest_hmac(&hmac, "Client Key", strlen("Client Key"), key);
	digest_of(&digest_sha256, key, sizeof(key), "", 0, scram->stored_key);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&hmac, sizeof(hmac));
}

static enum pwhash_answer
verify_scram(const struct scheme *scheme, const uint8_t *value, size_t length, const char *password)
{
	struct pwhash_scram scram, made;
	bool same;

	(void)scheme;
	if (!read_scram(value, length, &scram))
		return PWHASH_UNUSABLE;
	if (password == NULL)
		return PWHASH_NO;
	made = scram;
	make_scram_keys(password, &made);
	same = memeql_sec(made.stored_key, scram.stored_key, sizeof(made.stored_key));
	explicit_bzero(&made, sizeof(made));
	return same ? PWHASH_YES : PWHASH_NO;
}

/* The value says which Argon2 it is, as Dovecot and libargon2 have it: $argon2id$v=19$m=65536,t=3,p=1$salt$key. */
static enum pwhash_answer
verify_argon2(const struct scheme *scheme, const uint8_t *value, size_t length, const char *password)
{
	char text[VALUE_SIZE + 1];
	const char *version;
	argon2_type type;
	int dollars = 0;

	(void)scheme;
	if (memchr(value, '\0', length) != NULL)
		return PWHASH_UNUSABLE;
	memcpy(text, value, length);
	text[length] = '\0';
	type = strncmp(text, "$argon2id$", 10) == 0 ? Argon2_id : Argon2_i;
	if (type == Argon2_i && strncmp(text, "$argon2i$", 9) != 0)
		return PWHASH_UNUSABLE;
	version = text + (type == Argon2_id ? 10 : 9);	/* left out by old encoders */
	for (size_t i = 0; i < length; i++)
		dollars += text[i] == '$';
	if (dollars != (strncmp(version, "v=", 2) == 0 ? 5 : 4) || text[length - 1] == '$')
		return PWHASH_UNUSABLE;
	if (password == NULL)
		return PWHASH_NO;
	switch (argon2_verify(text, password, strlen(password), type)) {
	case ARGON2_OK: return PWHASH_YES;
	case ARGON2_VERIFY_MISMATCH: return PWHASH_NO;
	case ARGON2_MEMORY_ALLOCATION_ERROR: return PWHASH_NO_MEMORY;
	default: return PWHASH_UNUSABLE;
	}
}

static bool
is_locked(const char *text)
{
	return text[0] == '\0' || text[0] == '*' || text[0] == '!';
}

enum pwhash_answer
pwhash_verify(const char *stored, bool two_fields, const char *password)
{
	uint8_t value[VALUE_SIZE];
	const struct scheme *scheme;
	enum pwhash_answer answer = PWHASH_UNUSABLE;
	enum encoding encoding;
	const char *text;
	size_t length = sizeof(value);

	if (is_locked(stored))
		return PWHASH_LOCKED;
	scheme = find_scheme(stored, two_fields, &encoding, &text);
	if (scheme == NULL)
		return PWHASH_UNUSABLE;
	/* {CRYPT}! is how a hash is locked by hand; the password "!" is one like any other. */
	if (text[0] == '\0' || (scheme->verify == verify_crypt && is_locked(text)))
		return PWHASH_LOCKED;
	if (password != NULL && (password[0] == '\0' || strlen(password) > PWHASH_PASSWORD_MAX))
		return PWHASH_NO;
	if (decode_stored(encoding, text, value, &length))
		answer = scheme->verify(scheme, value, length, password);
	explicit_bzero(value, sizeof(value));
	return answer;
}

const char *
pwhash_fault(const char *stored, bool two_fields)
{
	enum encoding encoding;
	const char *text;

	if (pwhash_verify(stored, two_fields, NULL) != PWHASH_UNUSABLE)
		return NULL;
	if (find_scheme(stored, two_fields, &encoding, &text) == NULL)
		return "the scheme of the stored password is not known";
	return stored[0] == '{' ? "the stored password is malformed for its scheme"
	    : "the stored password is not a crypt(5) hash";
}

const char *
pwhash_scheme(const char *stored, bool two_fields)
{
	enum encoding encoding;
	const char *text;
	const struct scheme *scheme = find_scheme(stored, two_fields, &encoding, &text);

	return is_locked(stored) ? "locked" : scheme == NULL ? "unknown" : scheme->name;
}

bool
pwhash_is_slow(const char *stored, bool two_fields)
{
	enum encoding encoding;
	const char *text;
	const struct scheme *scheme = find_scheme(stored, two_fields, &encoding, &text);

	return scheme != NULL && !is_locked(stored) && (scheme->verify == verify_crypt ||
	    scheme->verify == verify_argon2 || scheme->verify == verify_pbkdf2 || scheme->verify == verify_scram);
}

/* The key of HMAC-MD5 from its stored states, or from the password. */
static bool
cram_md5_key(const struct scheme *scheme, const uint8_t *value, size_t length, struct digest_hmac *hmac)
{
	uint32_t *states[2];

	if (scheme->verify == verify_plain) {
		digest_hmac_key(hmac, &digest_md5, value, length);
		return true;
	}
	if (scheme->verify != verify_cram_md5 || length != 2 * MD5_DIGEST_LENGTH)
		return false;
	digest_hmac_key(hmac, &digest_md5, "", 0);	/* the counts of bytes are those of any key */
	states[0] = hmac->outer.md5.state;
	states[1] = hmac->inner.md5.state;
	for (size_t i = 0; i < length; i += 4)
		states[i / MD5_DIGEST_LENGTH][i / 4 % 4] = (uint32_t)value[i] | (uint32_t)value[i + 1] << 8 |
		    (uint32_t)value[i + 2] << 16 | (uint32_t)value[i + 3] << 24;
	return true;
}

enum pwhash_answer
pwhash_cram_md5(const char *stored, bool two_fields, const char *challenge, const char *digest)
{
	uint8_t value[VALUE_SIZE], made[DIGEST_MAX];
	char digits[2 * MD5_DIGEST_LENGTH];
	const struct scheme *scheme;
	struct digest_hmac hmac;
	enum encoding encoding;
	const char *text;
	size_t length = sizeof(value);
	bool same = false, known;

	if (is_locked(stored))
		return PWHASH_LOCKED;
	scheme = find_scheme(stored, two_fields, &encoding, &text);
	if (scheme != NULL && text[0] == '\0')
		return PWHASH_LOCKED;
	known = scheme != NULL && decode_stored(encoding, text, value, &length) &&
	    cram_md5_key(scheme, value, length, &hmac);
	if (known) {
		digest_hmac(&hmac, challenge, strlen(challenge), made);
		base16_encode_update(digits, MD5_DIGEST_LENGTH, made);
		same = memeql_sec(digits, digest, sizeof(digits));
	}
	explicit_bzero(&hmac, sizeof(hmac));
	explicit_bzero(value, sizeof(value));
	return !known ? PWHASH_UNUSABLE : same ? PWHASH_YES : PWHASH_NO;
}

bool
pwhash_scram(const char *stored, struct pwhash_scram *scram)
{
	enum encoding encoding;
	const char *text;
	uint8_t value[VALUE_SIZE];
	size_t length = sizeof(value);
	const struct scheme *scheme = is_locked(stored) ? NULL : find_scheme(stored, false, &encoding, &text);

	return scheme != NULL && scheme->verify == verify_scram && decode_stored(encoding, text, value, &length) &&
	    read_scram(value, length, scram);
}

bool
pwhash_is_cleartext(const char *stored, bool two_fields)
{
	const struct scheme *scheme;
	enum encoding encoding;
	const char *text;

	if (is_locked(stored))
		return false;
	scheme = find_scheme(stored, two_fields, &encoding, &text);
	return scheme != NULL && scheme->verify == verify_plain && text[0] != '\0';
}

/*
 * Making stored forms.
 */
static bool
make_crypt(const char *prefix, unsigned long cost, const char *password, char *out,
    size_t size)
{
	struct crypt_data work = { 0 };
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made = NULL;
	bool ok;

	/* No random bytes given: libxcrypt takes its own from the kernel. */
	if (crypt_gensalt_rn(prefix, cost, NULL, 0, setting, sizeof(setting)) != NULL)
		made = crypt_rn(password, setting, &work, sizeof(work));
	ok = made != NULL && made[0] != '*' && strlcpy(out, made, size) < size;
	explicit_bzero(&work, sizeof(work));
	return ok;
}

static bool
make_base64(const uint8_t *bytes, size_t length, char *out, size_t size)
{
	if (BASE64_ENCODE_RAW_LENGTH(length) >= size)
		return false;
	base64_encode_raw(out, length, bytes);
	out[BASE64_ENCODE_RAW_LENGTH(length)] = '\0';
	return true;
}

static bool
make_salted(const struct digest *digest, const char *password, char *out,
    size_t size)
{
	uint8_t value[DIGEST_MAX + SALT_SIZE];
	uint8_t *salt = value + digest->size;

	arc4random_buf(salt, SALT_SIZE);
	digest_of(digest, password, strlen(password), salt, SALT_SIZE, value);
	return make_base64(value, digest->size + SALT_SIZE, out, size);
}

static bool
make_scram(const char *password, char *out, size_t size)
{
	struct pwhash_scram scram = { .iterations = PWHASH_SCRAM_MADE, .salt_length = SALT_SIZE };
	char salt[BASE64_ENCODE_RAW_LENGTH(SALT_SIZE) + 1];
	char keys[2][BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_LENGTH) + 1];
	int length;

	arc4random_buf(scram.salt, SALT_SIZE);
	make_scram_keys(password, &scram);
	(void)make_base64(scram.salt, SALT_SIZE, salt, sizeof(salt));
	(void)make_base64(scram.stored_key, SHA256_DIGEST_LENGTH, keys[0], sizeof(keys[0]));
	(void)make_base64(scram.server_key, SHA256_DIGEST_LENGTH, keys[1], sizeof(keys[1]));
	length = snprintf(out, size, "{SCRAM-SHA-256}%u,%s,%s,%s", scram.iterations, salt, keys[0], keys[1]);
	explicit_bzero(&scram, sizeof(scram));
	return (size_t)length < size;
}

/* A ':' would end the field, a control character the line: those go in base64. */
static bool
make_plain(const char *password, char *out, size_t size)
{
	const char *c;

	for (c = password; *c != '\0'; c++)
		if (*c == ':' || (unsigned char)*c < ' ' || *c == 0x7f)
			break;
	if (*c != '\0') {
		if (strlcpy(out, "{PLAIN.b64}", size) >= size)
			return false;
		return make_base64((const uint8_t *)password, strlen(password), out + strlen(out),
		    size - strlen(out));
	}
	return (size_t)snprintf(out, size, "{PLAIN}%s", password) < size;
}

const char *const pwhash_schemes[] = {
	"YESCRYPT", "BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "SCRAM-SHA-256", "SSHA512", "SSHA256", "PLAIN",
	NULL
};

bool
pwhash_make(const char *scheme, const char *password, char *out, size_t size)
{
	static const struct maker {
		const char *name, *written;
		const char *prefix;		/* crypt(3)'s, or NULL */
		unsigned long cost;		/* 0: the library's own choice */
		const struct digest *digest;
	} makers[] = {
		{ "YESCRYPT",     "{CRYPT}",        "$y$",  0,           NULL },
		{ "BLF-CRYPT",    "{BLF-CRYPT}",    "$2b$", BCRYPT_COST, NULL },
		{ "SHA512-CRYPT", "{SHA512-CRYPT}", "$6$",  0,           NULL },
		{ "SHA256-CRYPT", "{SHA256-CRYPT}", "$5$",  0,           NULL },
		{ "SSHA512",      "{SSHA512}",      NULL,   0,           &digest_sha512 },
		{ "SSHA256",      "{SSHA256}",      NULL,   0,           &digest_sha256 },
		{ NULL, NULL, NULL, 0, NULL }
	};
	const struct maker *m;
	size_t used;

	if (password[0] == '\0' || strlen(password) > PWHASH_PASSWORD_MAX)
		return false;
	if (strcasecmp(scheme, "PLAIN") == 0)
		return make_plain(password, out, size);
	if (strcasecmp(scheme, "SCRAM-SHA-256") == 0)
		return make_scram(password, out, size);
	for (m = makers; m->name != NULL; m++)
		if (strcasecmp(m->name, scheme) == 0)
			break;
	if (m->name == NULL)
		return false;
	used = strlcpy(out, m->written, size);
	if (used >= size)
		return false;
	if (m->digest != NULL)
		return make_salted(m->digest, password, out + used, size - used);
	if (m->cost == BCRYPT_COST && strlen(password) > BCRYPT_MAX)
		return false;
	return make_crypt(m->prefix, m->cost, password, out + used, size - used);
}

/*
 * Passwords for programs.
 */
#define APP_LENGTH 28
static const char app_letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* What is hashed of what was typed. False: it is not an application password. */
static bool
read_app(const char *typed, char plain[APP_LENGTH + 1])
{
	size_t length = 0;

	for (; *typed != '\0'; typed++) {
		char c = *typed >= 'A' && *typed <= 'Z' ? (char)(*typed - 'A' + 'a') : *typed;

		if (c == ' ' || c == '-')
			continue;
		c = c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
		if (length == APP_LENGTH || strchr(app_letters, c) == NULL)
			return false;
		plain[length++] = c;
	}
	plain[length] = '\0';
	return length == APP_LENGTH;
}

bool
pwhash_app_make(char shown[PWHASH_APP_SIZE], char *out, size_t size)
{
	char plain[APP_LENGTH + 1], *c = shown;
	bool made;

	arc4random_buf(plain, APP_LENGTH);
	for (int i = 0; i < APP_LENGTH; i++) {
		if (i > 0 && i % 4 == 0)
			*c++ = '-';
		*c++ = plain[i] = app_letters[(unsigned char)plain[i] % 32];
	}
	*c = plain[APP_LENGTH] = '\0';
	made = pwhash_make("SSHA256", plain, out, size);
	explicit_bzero(plain, sizeof(plain));
	return made;
}

enum pwhash_answer
pwhash_app_verify(const char *stored, bool two_fields, const char *password)
{
	char plain[APP_LENGTH + 1];
	enum pwhash_answer answer = pwhash_verify(stored, two_fields, password);

	if (answer == PWHASH_NO && !pwhash_is_slow(stored, two_fields) && read_app(password, plain))
		answer = pwhash_verify(stored, two_fields, plain);
	explicit_bzero(plain, sizeof(plain));
	return answer;
}
