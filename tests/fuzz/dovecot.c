/* links: base alone */
/*
 * A Dovecot server that says anything at all: yes is only a line OK of our own request, behind a list that came to its
 * end, and as the user that it names; each attempt has one verdict, or none where the client gave up. The first byte is
 * what the attempt is like.
 */
#include <sys/socket.h>

#include "auth/checker.h"
#include "stand_in.h"

#define dial_connect stand_in_connect
#define drop_become(rights, root) ((void)(rights), (void)(root), true)
static ssize_t
say_to(int descriptor, const void *bytes, size_t size, int flags)
{
	MUST((flags & MSG_NOSIGNAL) != 0);
	return write(descriptor, bytes, size);
}
#define send say_to
#include "auth/dovecot.c"
#undef send

const struct seed seeds[] = {
#define LIST "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tXSTEP\nSPID\t1\nCUID\t1\nCOOKIE\tx\nDONE\n"
	SEED("\0" LIST "OK\t1\tuser=bob\n"), SEED("\0" LIST "FAIL\t1\tuser=bob\ttemp\n"), SEED("\1" LIST "CONT\t1\tYQ==\nOK\t1\tuser=bob\tresp=dj0=\n"),
	SEED("\1" LIST "CONT\t1\t\nCONT\t1\tYWJj\nFAIL\t1\tcode=temp_fail\treason=a\0011b\n"),
	SEED("\0VERSION\t1\t0\nMECH\tLOGIN\nDONE\nCONT\t1\tUGFzc3dvcmQ6\nOK\t1\tuser=bob\n"), SEED("\0" LIST "OK\t10\tuser=bob\n"),
	SEED("\0" LIST "OK\t2\tuser=bob\n"), SEED("\0VERSION\t2\t0\n"), SEED("\3" LIST "CONT\t1\tYQ==\n"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\n"), SEED("\t"), SEED("OK\t1\tuser=bob\n"), SEED("OK\t1"), SEED("OK"), SEED("FAIL\t1"), SEED("CONT\t1\t"), SEED("user="),
	SEED("resp="), SEED("DONE\n"), SEED("VERSION\t1\t2\n"), SEED("MECH\tPLAIN\n"), SEED("MECH\tXSTEP\tanonymous\n"), SEED("\0010"), SEED("\001t"), SEED("\001"),
	SEED("\0"), SEED("\r"), SEED("="), SEED("YWJj"), SEED("\xff"), SEED("xxxxxxxxxxxxxxxx"), { NULL, 0 }
};

static struct {
	unsigned words, challenges;
	enum ask_verdict verdict;
	bool gives_up;
	unsigned sum;		/* of all challenges */
	char text[AUTH_REASON_MAX + 1];
} said;

/* Up to where it was read: the line that this is about. */
static const char *
last_line(size_t *length)
{
	const char *end = stand_in.bytes + stand_in.given - (server.end - server.start) - 1, *at = end;

	MUST(end >= stand_in.bytes && *end == '\n');
	while (at > stand_in.bytes && at[-1] != '\n')
		at--;
	*length = (size_t)(end - at);
	return at;
}

int
checker_say_identity(const struct attempt *attempt, const struct identity *identity)
{
	size_t length, name = strlen(identity->user);
	const char *line = last_line(&length), *user = memmem(line, length, "\tuser=", 6);

	(void)attempt;
	MUST(length > 5 && memcmp(line, "OK\t1\t", 5) == 0 && memchr(line, '\0', length) == NULL);
	MUST(user != NULL && name > 0 && name <= USER_MAX && !text_has_control(identity->user));
	/* The name as it stands, but for what an escape hides, which no name may have in it but \001 itself. */
	MUST(memchr(user, 1, length - (size_t)(user - line)) != NULL || memcmp(user + 6, identity->user, name) == 0);
	MUST(memmem(stand_in.bytes, (size_t)(line - stand_in.bytes), "DONE", 4) != NULL);
	MUST(memmem(stand_in.bytes, (size_t)(line - stand_in.bytes), "VERSION\t1", 9) != NULL);
	said.words++;
	said.verdict = ASK_YES;
	snprintf(said.text, sizeof said.text, "%s", identity->user);
	return 0;
}

int
checker_say_reason(const struct attempt *attempt, enum ask_verdict verdict, const char *reason)
{
	(void)attempt;
	MUST((verdict == ASK_NO || verdict == ASK_TEMPORARY) && reason[0] != '\0');
	said.words++;
	said.verdict = verdict;
	snprintf(said.text, sizeof said.text, "%s", reason);
	return 0;
}

long
checker_challenge(const struct attempt *attempt, const void *challenge, size_t length, char *response, size_t size)
{
	const unsigned char *at = challenge;

	MUST(attempt->password == NULL && length <= ASK_CHALLENGE_MAX && said.words == 0);
	for (size_t i = 0; i < length; i++)	/* readable, all of it */
		said.sum = said.sum * 31 + at[i];
	if (said.gives_up && said.challenges++ > 0)
		return -1;
	memset(response, 'r', size < 3 ? size : 3);
	return length % 7 == 0 ? 0 : 3;
}

bool
checker_identity_by_name(const struct attempt *attempt, const char *name, struct identity *identity)
{
	(void)attempt;
	strlcpy(identity->user, name, sizeof identity->user);
	return strcmp(name, "later") != 0;
}

bool
checker_rights_allowed(const struct config *config, const struct identity *service, const struct rights *rights)
{
	(void)config, (void)service, (void)rights;
	return true;
}

static void
run_once(const char *bytes, size_t size, size_t part, uint8_t how)
{
	static const struct config config = { .hostname = "mail.example" };
	static const struct peer peer = { .address = "192.0.2.1", .port = "9" };
	static const struct identity service = { .user = "ofmipd" };
	static const struct authenticator authenticator = { .path = "127.0.0.1:1" };
	struct attempt attempt = {
		.config = &config, .peer = &peer, .service = &service, .authenticator = &authenticator, .id = "ID",
		.mechanism = how & 1 ? "XSTEP" : "PLAIN", .user = how & 1 ? "" : "bob", .password = how & 1 ? NULL : "sesame",
	};

	memset(&said, 0, sizeof said);
	said.gives_up = how & 2;
	server.start = server.end = 0;
	server.fault = NULL;
	server.listed = server.plain = server.login = false;
	stand_in_start(bytes, size, part, NULL);
	(void)dovecot_check(&attempt);
	close(stand_in.descriptor);
	stand_in.descriptor = -1;
	MUST(said.words == 1 || (said.words == 0 && said.gives_up));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t how = size > 0 ? bytes[0] : 0;
	size_t parts[] = { 1, 0 }, used;
	static char heard[sizeof stand_in.heard];
	char *exact = malloc(size + 1), text[sizeof said.text];
	enum ask_verdict verdict;
	unsigned sum;

	size -= size > 0;
	memcpy(exact, bytes + 1, size);
	for (size_t i = 0; i < size; i++)
		exact[i] = exact[i] == STAND_IN_MARK ? '?' : exact[i];	/* it says what it likes when it likes */
	run_once(exact, size, SIZE_MAX, how);
	verdict = said.verdict;
	sum = said.sum;
	strcpy(text, said.text);
	used = stand_in.used;
	memcpy(heard, stand_in.heard, used);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		run_once(exact, size, parts[i], how);
		MUST(said.verdict == verdict && said.sum == sum && strcmp(said.text, text) == 0);
		MUST(stand_in.used == used && memcmp(stand_in.heard, heard, used) == 0);
	}
	free(exact);
	return 0;
}
