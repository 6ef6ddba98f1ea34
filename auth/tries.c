/* The wrong passwords of this session: none is checked, or counted, twice. */

/*
 * Mail programs try PLAIN and then LOGIN with the same password, and the same once more when they are told to try
 * again. Nothing that a password could be read from stays here: whoever gets hold of the digests without the key
 * cannot even try passwords against them.
 */
#include <nettle/memops.h>
#include <string.h>
#include <sys/random.h>

#include "auth/tries.h"
#include "base/config.h"
#include "base/digest.h"

static struct {
	int count;
	unsigned char key[SHA256_DIGEST_LENGTH];
	unsigned char digests[LOGINS_MAX][SHA256_DIGEST_LENGTH];
} tries;

/* The key goes first, and no digest ever leaves this process: a plain hash of key and text will do. */
static void
digest_attempt(const char *user, const char *password, unsigned char digest[static SHA256_DIGEST_LENGTH])
{
	union digest_state state;

	digest_sha256.start(&state);
	digest_sha256.add(&state, tries.key, sizeof tries.key);
	digest_sha256.add(&state, user, strlen(user) + 1);
	digest_sha256.add(&state, password, strlen(password));
	digest_sha256.end(&state, digest);
	explicit_bzero(&state, sizeof state);
}

bool
tries_known(const char *user, const char *password)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	bool known = false;

	if (tries.count == 0)
		return false;
	digest_attempt(user, password, digest);
	for (int i = 0; i < tries.count; i++)
		known |= memeql_sec(digest, tries.digests[i], sizeof digest) != 0;
	return known;
}

void
tries_add(const char *user, const char *password)
{
	/* Without a key nothing is remembered: then the same password counts again. */
	if (tries.count == LOGINS_MAX || (tries.count == 0 &&
	    getrandom(tries.key, sizeof tries.key, 0) != (ssize_t)sizeof tries.key))
		return;
	digest_attempt(user, password, tries.digests[tries.count++]);
}

void
tries_forget(void)
{
	if (tries.count > 0)	/* else nothing was ever written there */
		explicit_bzero(&tries, sizeof tries);
}
