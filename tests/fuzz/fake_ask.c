/*
 * The wall without a monitor behind it: bob's password is sesame, later's cannot be told; a message is taken, or
 * not, by its size. What was asked is written down in fake_asked, for the target to look at.
 */
#include <unistd.h>

#include "ask.h"
#include "fake_ask.h"
#include "fuzz.h"

struct fake_asked fake_asked;

bool
ask_peer(const struct text *packed, struct answer *answer)
{
	MUST(!packed->cut && packed->used <= ASK_PEER_MAX);
	MUST(fake_asked.peers++ == 0);
	*answer = (struct answer){ .verdict = ASK_YES };
	return true;
}

bool
ask_auth(struct login *login, struct answer *answer)
{
	const char *fields[4], *at = login->body, *end = at + login->length;

	for (int i = 0; i < 4; i++) {	/* mechanism, authorization identity, user, password */
		fields[i] = at;
		at = memchr(at, '\0', (size_t)(end - at));
		MUST(at != NULL);
		at++;
	}
	MUST(at == end);
	MUST(strcmp(fields[0], "PLAIN") == 0 || strcmp(fields[0], "LOGIN") == 0);
	MUST(++fake_asked.logins <= AUTH_MAX);
	MUST(!fake_asked.logged_in && fake_asked.failed < LOGINS_MAX);
	*answer = (struct answer){ .verdict = ASK_NO };
	if (strcmp(fields[2], "later") == 0)
		answer->verdict = ASK_TEMPORARY;
	if (strcmp(fields[2], "bob") == 0 && strcmp(fields[3], "sesame") == 0) {
		*answer = (struct answer){ .verdict = ASK_YES, .text = "bob" };
		fake_asked.logged_in = true;
	}
	fake_asked.failed += answer->verdict == ASK_NO;
	if (fake_asked.failed >= LOGINS_MAX)
		strcpy(answer->text, ASK_LAST);
	return true;
}

static void
note(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		fake_asked.sum = fake_asked.sum * 31 + at[i] + 1;
}

bool
ask_send(struct envelope *envelope, struct answer *answer)
{
	static char spool[1 << 20];
	const char *at = envelope->body, *end = at + envelope->length;
	ssize_t got = pread(SPOOL_DESCRIPTOR, spool, sizeof spool, 0);

	MUST(fake_asked.logged_in);
	/* F sender NUL, T recipient NUL ..., NUL; every address fit to be an argument. */
	MUST(*at == 'F' && (at[1] == '\0' || address_valid(at + 1)));
	for (at += strlen(at) + 1; *at == 'T'; at += strlen(at) + 1) {
		MUST(at < end && address_valid(at + 1));
		MUST(strpbrk(at + 1, "\r\n") == NULL);
	}
	MUST(*at == '\0' && at + 1 == end);
	MUST(at > envelope->body + strlen(envelope->body) + 1);	/* and there is one */
	/* Lines that end in LF and in nothing else, after a field of ours. */
	MUST(got > 10 && got < (ssize_t)sizeof spool && memcmp(spool, "Received: ", 10) == 0);
	MUST(spool[got - 1] == '\n' && memchr(spool, '\r', (size_t)got) == NULL);
	MUST(memchr(spool, '\0', (size_t)got) == NULL);
	note(envelope->body, envelope->length);
	note(spool, (size_t)got);
	*answer = (struct answer){ .verdict = (enum ask_verdict)"KKKZD"[got % 5] };
	strcpy(answer->text, answer->verdict == ASK_YES ? "2.0.0 Taken" : answer->verdict == ASK_NO ? "5.3.0 Not taken"
	    : got % 2 == 0 ? "4.7.1 Not now" : "4.3.0 Not taken now");
	fake_asked.sends++;
	fake_asked.taken += answer->verdict == ASK_YES;
	return true;
}
