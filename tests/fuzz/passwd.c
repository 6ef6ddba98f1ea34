/* links: auth/inspect auth/passwd auth/pwhash */
/* Any bytes as a password file: what is read of it stays within it, and each look at it says the same. */
#include "fuzz.h"
#include "auth/inspect.h"
#include "auth/pwhash.h"
#include "base/text.h"

#define KEY "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="

const struct seed seeds[] = {
	SEED("#secret:YWJj\n\nbob:{SHA256}" KEY ":1:2::/home:/bin/sh:user=x allow_nets=::1/8,10.0.0.0/8\r\nbob:x\n"),
	SEED("a:{SCRAM-SHA-256}4096,eA==," KEY "," KEY "\nb:{PBKDF2}$1$s$1$bb15ddd8b1f7a4d02348b7f2a6071181661f25cd:::\n"),
	SEED("a:{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6\n A :x::::::label=one nologin"),
	SEED("a:{SSHA256.hex}" KEY "::::::label=b expires=2030-12-31\na:{PLAIN.b64}eA==::::::label=c\n:x\nno colon\n"),
	SEED("a:{ARGON2ID}$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAA\nb:$6$x$y:0:-1\nc:_J9..CCCCXBrJUJV154M:"),
	{ NULL, 0 }
};
const struct seed words[] = {
	SEED("\n"), SEED("\r\n"), SEED(":"), SEED("::::::"), SEED("#secret:"), SEED("a:"), SEED("{"), SEED("}"), SEED("$"),
	SEED(","), SEED("="), SEED(" "), SEED(".b64}"), SEED(".hex}"), SEED("{SSHA}"), SEED("{PLAIN}"), SEED("label="),
	SEED("expires="), SEED("allow_nets="), SEED("4294967295"), SEED("2147483648"), SEED("\xc3\xa9"), SEED("\xff"),
	SEED(KEY), SEED("!"), SEED("*"), { NULL, 0 }
};

static uint64_t said[4];

static void
hear(void *context, enum inspect_kind kind, const char *text)
{
	(void)context;
	said[kind]++;
	MUST(text_utf8(text, strlen(text)));
}

/* What can be checked in microseconds is checked, and its fault is the answer. */
static void
judge(const struct entry *entry)
{
	const char *stored = entry->fields[PASSWORD];
	bool two_fields = entry->count == 2, usable = pwhash_fault(stored, two_fields) == NULL;
	struct pwhash_scram scram;

	MUST(!pwhash_scram(stored, &scram) || usable);
	(void)pwhash_cram_md5(stored, two_fields, "challenge", "0123456789abcdef0123456789abcdef");
	MUST(!pwhash_is_cleartext(stored, two_fields) || usable || strlen(stored) > PWHASH_PASSWORD_MAX || *stored == '{');
	if (!pwhash_is_slow(stored, two_fields))
		MUST((pwhash_app_verify(stored, two_fields, "password") != PWHASH_UNUSABLE) == usable);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1);		/* so that a step behind the end is seen */
	struct file file = { .bytes = copy, .length = size };
	unsigned char secret[PASSWD_SECRET_MAX];
	uint64_t entries = 0, mine = 0;
	struct entry entry;
	struct inspect inspect;
	const char *at[2] = { NULL, NULL };

	MUST(copy != NULL);
	file.bytes = copy = realloc(copy, size > 0 ? size : 1);
	memcpy(copy, bytes, size);
	memset(said, 0, sizeof said);
	for (const char *line = copy; line < copy + size; line = passwd_next(&file, line)) {
		bool fine = passwd_entry(&file, line, &entry);

		MUST(!fine || (entry.count >= 1 && entry.count <= FIELDS));
		entries += fine && passwd_is_entry(&file, line);
		mine += (size_t)(copy + size - line) >= 2 && line[0] == 'a' && line[1] == ':';
		if (fine && entry.count >= 2)
			judge(&entry);
	}
	MUST((uint64_t)passwd_find(&file, "a", at, 2) == mine);
	MUST(mine == 0 || memcmp(at[0], "a:", 2) == 0);
	MUST(passwd_secret(&file, secret) <= sizeof secret);
	MUST(inspect_file(&file, hear, NULL, &inspect));
	MUST(inspect.entries == entries && inspect.wrong == said[INSPECT_UNSOUND] + said[INSPECT_WRONG]);
	free(copy);
	return 0;
}
