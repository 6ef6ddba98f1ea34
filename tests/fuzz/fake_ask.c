/*
 * The wall without a monitor behind it: bob's password is sesame, later's cannot be told; a message is taken, or
 * not, by its size. What was asked is written down in fake_asked, for the target to look at.
 */
#include <sys/mman.h>
#include <unistd.h>

/* The wall's own packing and unpacking, without the crossing. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define ask_peer cross_peer
#define ask_starttls cross_starttls
#define ask_auth cross_auth
#define ask_step cross_step
#define ask_cancel cross_cancel
#define ask_mechanisms cross_mechanisms
#define ask_spool cross_spool
#define ask_sender cross_sender
#define ask_send cross_send
#define ask_log cross_log
#include "../../ask.c"
#undef ask_peer
#undef ask_starttls
#undef ask_auth
#undef ask_step
#undef ask_cancel
#undef ask_mechanisms
#undef ask_spool
#undef ask_sender
#undef ask_send
#undef ask_log

bool ask_peer(const struct peer *peer, struct answer *answer);
bool ask_starttls(struct peer *peer, struct answer *answer);
bool ask_auth(struct login *login, struct answer *answer);
bool ask_step(struct login *login, size_t length, struct answer *answer);
bool ask_cancel(struct login *login, struct answer *answer);
bool ask_mechanisms(struct answer *answer);
bool ask_spool(struct answer *answer);
bool ask_sender(const char *address, struct answer *answer);
bool ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer);
void ask_log(const struct ask_line *log);

#include "fake_ask.h"
#include "fuzz.h"

struct fake_asked fake_asked;

bool
ask_peer(const struct peer *peer, struct answer *answer)
{
	(void)peer;
	MUST(fake_asked.peers++ == 0);
	*answer = (struct answer){ .verdict = ASK_YES };
	return true;
}

bool
ask_starttls(struct peer *peer, struct answer *answer)
{
	(void)peer, (void)answer;
	MUST(!"no UCSPI-TLS server is in front");
	return false;
}

bool
ask_auth(struct login *login, struct answer *answer)
{
	struct ask_attempt attempt;

	MUST(ask_read_auth(login->body, login->length, &attempt));
	MUST(++fake_asked.logins <= AUTH_MAX);
	MUST(!fake_asked.logged_in && fake_asked.failed < LOGINS_MAX);
	*answer = (struct answer){ .verdict = ASK_NO };
	if (strcmp(attempt.mechanism, "RELAY") == 0) {
		memset(login->body, 'c', ASK_CHALLENGE_MAX);
		*answer = (struct answer){ .verdict = ASK_CHALLENGE,
		    .length = attempt.response == NULL ? 0 : attempt.length > ASK_CHALLENGE_MAX / 2 ? ASK_CHALLENGE_MAX
		    : attempt.length };
		return true;
	}
	MUST(strcmp(attempt.mechanism, "PLAIN") == 0 || strcmp(attempt.mechanism, "LOGIN") == 0);
	if (strcmp(attempt.user, "later") == 0)
		answer->verdict = ASK_TEMPORARY;
	if (strcmp(attempt.user, "bob") == 0 && strcmp(attempt.password, "sesame") == 0) {
		*answer = (struct answer){ .verdict = ASK_YES, .text = "bob" };
		fake_asked.logged_in = true;
	}
	fake_asked.failed += answer->verdict == ASK_NO;
	if (fake_asked.failed >= LOGINS_MAX)
		strcpy(answer->text, ASK_LAST);
	return true;
}

/* Takes "yes", goes on after a response that begins with 'c'. */
bool
ask_step(struct login *login, size_t length, struct answer *answer)
{
	const char *response = ask_step_body(login);

	MUST(!fake_asked.logged_in && length <= ASK_CHALLENGE_MAX);
	*answer = (struct answer){ .verdict = ASK_NO };
	if (length == 3 && memcmp(response, "yes", 3) == 0) {
		*answer = (struct answer){ .verdict = ASK_YES, .text = "bob" };
		fake_asked.logged_in = true;
	} else if (length > 0 && *response == 'c') {
		*answer = (struct answer){ .verdict = ASK_CHALLENGE, .length = length };
	}
	fake_asked.failed += answer->verdict == ASK_NO;
	if (fake_asked.failed >= LOGINS_MAX)
		strcpy(answer->text, ASK_LAST);
	return true;
}

bool
ask_cancel(struct login *login, struct answer *answer)
{
	(void)login;
	*answer = (struct answer){ .verdict = ASK_NO };
	return true;
}

bool
ask_mechanisms(struct answer *answer)
{
	MUST(fake_asked.listed++ == 0);
	*answer = (struct answer){ .verdict = ASK_YES, .text = "RELAY LOGIN " };
	return true;
}

bool
ask_spool(struct answer *answer)
{
	MUST(fake_asked.logged_in && fake_asked.spool_gone);
	fake_asked.spool_gone = false;
	MUST(memfd_create("spool", 0) == SPOOL_DESCRIPTOR);
	*answer = (struct answer){ .verdict = ASK_YES };
	return true;
}

/* Who is logged in owns what is on x. */
bool
ask_sender(const char *address, struct answer *answer)
{
	const char *at = strrchr(address, '@');

	MUST(fake_asked.logged_in && address_valid(address));
	*answer = (struct answer){ .verdict = at != NULL && strcmp(at, "@x") == 0 ? ASK_YES : ASK_NO, .text = "5.7.1 No" };
	return true;
}

void
ask_log(const struct ask_line *log)
{
	MUST(!fake_asked.ended && log->reason != NULL);
	fake_asked.ended = log->event == ASK_END;
	if (log->event == ASK_REFUSED || log->event == ASK_DEFERRED) {
		MUST(fake_asked.logged_in && !fake_asked.spool_gone);
		fake_asked.spool_gone = true;
	}
}

static void
note(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		fake_asked.sum = fake_asked.sum * 31 + at[i] + 1;
}

bool
ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer)
{
	static char spool[1 << 20];
	const char *at = envelope->body, *end = at + envelope->length + 1;
	ssize_t got = pread(SPOOL_DESCRIPTOR, spool, sizeof spool, 0);

	(void)message;
	MUST(fake_asked.logged_in && !fake_asked.spool_gone);
	fake_asked.spool_gone = true;
	envelope->body[envelope->length++] = '\0';
	/* F sender NUL, T recipient NUL ..., NUL; every address fit to be an argument. */
	MUST(*at == 'F' && (at[1] == '\0' || address_valid(at + 1)));
	for (at += strlen(at) + 1; *at == 'T'; at += strlen(at) + 1) {
		MUST(at < end && address_valid(at + 1));
		MUST(strpbrk(at + 1, "\r\n") == NULL);
		fake_asked.recipients++;
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
