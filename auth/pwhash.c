/* Passwords against their stored form; reads nothing, starts nothing. */
#include <bsd/string.h>
#include <crypt.h>
#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <sha1.h>
#include <sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/pwhash.h"

enum encoding { AS_IS, BASE64, HEX, GUESS };

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

#define SALT_SIZE 16	/* what pwhash_make() gives {SSHA256} and {SSHA512} */

/* crypt(3) cuts nothing silently but here: bcrypt reads 72 bytes. */
#define BCRYPT_MAX 72
#define BCRYPT_COST 10

/*
 * The digest of password, then salt. libmd's and not nettle's, which asks the processor what it can at every
 * start of the program: in a virtual machine that costs more than a whole login.
 */
struct digest {
	size_t size;
	void (*make)(const char *password, const uint8_t *salt, size_t salt_size, uint8_t *out);
};

static void
make_sha1(const char *password, const uint8_t *salt, size_t salt_size, uint8_t *out)
{
	SHA1_CTX state;

	SHA1Init(&state);
	SHA1Update(&state, (const uint8_t *)password, strlen(password));
	SHA1Update(&state, salt, salt_size);
	SHA1Final(out, &state);
	explicit_bzero(&state, sizeof(state));
}

static void
make_sha256(const char *password, const uint8_t *salt, size_t salt_size, uint8_t *out)
{
	SHA2_CTX state;

	SHA256Init(&state);
	SHA256Update(&state, (const uint8_t *)password, strlen(password));
	SHA256Update(&state, salt, salt_size);
	SHA256Final(out, &state);
	explicit_bzero(&state, sizeof(state));
}

static void
make_sha512(const char *password, const uint8_t *salt, size_t salt_size, uint8_t *out)
{
	SHA2_CTX state;

	SHA512Init(&state);
	SHA512Update(&state, (const uint8_t *)password, strlen(password));
	SHA512Update(&state, salt, salt_size);
	SHA512Final(out, &state);
	explicit_bzero(&state, sizeof(state));
}

static const struct digest sha1 = { SHA1_DIGEST_LENGTH, make_sha1 };
static const struct digest sha256 = { SHA256_DIGEST_LENGTH, make_sha256 };
static const struct digest sha512 = { SHA512_DIGEST_LENGTH, make_sha512 };

static verify_function verify_plain, verify_crypt, verify_digest;

static const struct scheme schemes[] = {
	{ "CRYPT",        verify_crypt,  AS_IS,  NULL,           false },
	{ "DES-CRYPT",    verify_crypt,  AS_IS,  NULL,           false },
	{ "MD5-CRYPT",    verify_crypt,  AS_IS,  NULL,           false },
	{ "SHA256-CRYPT", verify_crypt,  AS_IS,  NULL,           false },
	{ "SHA512-CRYPT", verify_crypt,  AS_IS,  NULL,           false },
	{ "BLF-CRYPT",    verify_crypt,  AS_IS,  NULL,           false },
	{ "PLAIN",        verify_plain,  AS_IS,  NULL,           false },
	{ "CLEAR",        verify_plain,  AS_IS,  NULL,           false },
	{ "CLEARTEXT",    verify_plain,  AS_IS,  NULL,           false },
	{ "SHA",          verify_digest, GUESS,  &sha1,   false },
	{ "SHA1",         verify_digest, GUESS,  &sha1,   false },
	{ "SHA256",       verify_digest, GUESS,  &sha256, false },
	{ "SHA512",       verify_digest, GUESS,  &sha512, false },
	{ "SSHA",         verify_digest, BASE64, &sha1,   true },
	{ "SSHA256",      verify_digest, BASE64, &sha256, true },
	{ "SSHA512",      verify_digest, BASE64, &sha512, true },
	{ NULL, NULL, AS_IS, NULL, false }
};
static const struct scheme *const crypt_scheme = &schemes[0];
static const struct scheme *const plain_scheme = &schemes[6];

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
	memcpy(expected, value, length);
	memcpy(given, password, strlen(password));
	same = memeql_sec(expected, given, sizeof(given));
	explicit_bzero(expected, sizeof(expected));
	explicit_bzero(given, sizeof(given));
	return same ? PWHASH_YES : PWHASH_NO;
}

/*
 * crypt_rn() says that it cannot use a setting by NULL or, as crypt(3) has always done it, by a
 * text that begins with '*'; no hash does. What it makes of a shorter stored value is no proof
 * of anything: that value was never a whole hash.
 */
static enum pwhash_answer
verify_crypt(const struct scheme *scheme, const uint8_t *value,
    size_t length, const char *password)
{
	struct crypt_data work = { 0 };
	enum pwhash_answer answer = PWHASH_UNUSABLE;
	char stored[CRYPT_OUTPUT_SIZE];
	char *made;

	(void)scheme;
	if (length >= sizeof(stored) || memchr(value, '\0', length) != NULL)
		return PWHASH_UNUSABLE;
	memcpy(stored, value, length);
	stored[length] = '\0';
	made = crypt_rn(password, stored, &work, sizeof(work));
	if (made != NULL && made[0] != '*' && strlen(made) <= length) {
		answer = PWHASH_NO;
		if (strlen(made) == length && memeql_sec(made, stored, length))
			answer = PWHASH_YES;
	}
	explicit_bzero(&work, sizeof(work));
	explicit_bzero(stored, sizeof(stored));
	return answer;
}

static enum pwhash_answer
verify_digest(const struct scheme *scheme, const uint8_t *value,
    size_t length, const char *password)
{
	uint8_t digest[SHA512_DIGEST_LENGTH];
	size_t size = scheme->digest->size;
	int same;

	if (scheme->salted ? length <= size : length != size)
		return PWHASH_UNUSABLE;
	scheme->digest->make(password, value + size, length - size, digest);
	same = memeql_sec(digest, value, size);
	explicit_bzero(digest, sizeof(digest));
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
decode(enum encoding encoding, const char *text, uint8_t *value, size_t *length)
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

/* Finds the encoding by the suffix behind the scheme's name; false: there is no such suffix. */
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
		return two_fields && stored[0] != '$' ? plain_scheme : crypt_scheme;
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
	if (password[0] == '\0' || strlen(password) > PWHASH_PASSWORD_MAX)
		return PWHASH_NO;
	if (decode(encoding, text, value, &length))
		answer = scheme->verify(scheme, value, length, password);
	explicit_bzero(value, sizeof(value));
	return answer;
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
make_digest(const struct digest *digest, const char *password, char *out,
    size_t size)
{
	uint8_t value[SHA512_DIGEST_LENGTH + SALT_SIZE];
	uint8_t *salt = value + digest->size;

	arc4random_buf(salt, SALT_SIZE);
	digest->make(password, salt, SALT_SIZE, value);
	return make_base64(value, digest->size + SALT_SIZE, out, size);
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
	"YESCRYPT", "BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "SSHA512", "SSHA256", "PLAIN", NULL
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
		{ "SSHA512",      "{SSHA512}",      NULL,   0,           &sha512 },
		{ "SSHA256",      "{SSHA256}",      NULL,   0,           &sha256 },
		{ NULL, NULL, NULL, 0, NULL }
	};
	const struct maker *m;
	size_t used;

	if (password[0] == '\0' || strlen(password) > PWHASH_PASSWORD_MAX)
		return false;
	if (strcasecmp(scheme, "PLAIN") == 0)
		return make_plain(password, out, size);
	for (m = makers; m->name != NULL; m++)
		if (strcasecmp(m->name, scheme) == 0)
			break;
	if (m->name == NULL)
		return false;
	used = strlcpy(out, m->written, size);
	if (used >= size)
		return false;
	if (m->digest != NULL)
		return make_digest(m->digest, password, out + used, size - used);
	if (m->cost == BCRYPT_COST && strlen(password) > BCRYPT_MAX)
		return false;
	return make_crypt(m->prefix, m->cost, password, out + used, size - used);
}
