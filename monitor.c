/* Answers the session's questions in their order; becomes the user at the login. */

/*
 * What runs with the rights that the program was started with: ofmipd-session.c, config.c and peer.c up to the
 * fork, this file up to the login, auth.c with passwd.c, secret.c and child.c, inject.c's inject_ready(), drop.c. What runs as the user: inject.c,
 * and this file after the login. The session is not trusted: every length, order and address is checked
 * on this side of the wall.
 */
#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "ask.h"
#include "inject.h"
#include "base/io.h"
#include "base/log.h"
#include "monitor.h"

/* A pause before a failed login is answered, in milliseconds: little for a person, much for a list of words. */
#define FAILURE_PAUSE 250

static struct state {
	const struct config *config;
	struct peer *peer;
	const struct identity *service;
	const char *id;
	bool logged_in;
	int logins, failures, peers;	/* logins: questions */
	unsigned messages;
	char login[USER_MAX + 1];	/* as the client gave it */
	struct identity identity;
} state;

static void
set_title(const char *what)
{
	io_title("monitor", state.peer->client, state.login, what);
}

/* Each answers its question; false: it was none that may be answered, and the session ends. */

static bool
answer_peer(char *body, size_t length)
{
	/* Once with --proxy, once after STARTTLS. */
	if (++state.peers > state.config->proxy + (state.config->starttls != STARTTLS_NONE) ||
	    !peer_unpack(state.peer, state.config, body, length))
		return false;
	ask_answer(ASK_YES, "");
	return true;
}

/* One attempt: what the client gave, in the session's words. */
struct attempt {
	const char *mechanism, *authorization, *user, *password;
};

static void
log_login(const char *event, const struct attempt *attempt)
{
	log_begin(event);
	log_quoted("user", attempt->user, strlen(attempt->user));
	log_quoted("mechanism", attempt->mechanism, strlen(attempt->mechanism));
}

/* No: *reason is a word of ours, perhaps with ": " and more behind it that anybody may have written. */
static void
refuse_login(const struct attempt *attempt, char *reason)
{
	char *detail = strchr(reason, ':');

	if (detail != NULL)
		*detail = '\0';
	log_login("login-failed", attempt);
	log_word("reason", reason);
	if (detail != NULL)
		log_quoted("detail", detail + 2, strlen(detail + 2));
	log_number("failures", (uint64_t)state.failures);
	log_end();
	ask_answer(ASK_NO, state.failures >= LOGINS_MAX ? ASK_LAST : "");
}

static bool
accept_login(const struct attempt *attempt)
{
	const struct rights *rights = &state.identity.rights;

	/* For good: nothing after this line runs with more than the user's rights. */
	if (!drop_become(rights, state.config->root)) {
		log_error("cannot become the user", errno);
		return false;
	}
	strlcpy(state.login, attempt->user, sizeof state.login);
	log_login("login", attempt);
	if (strcmp(attempt->user, state.identity.user) != 0)
		log_quoted("account", state.identity.user, strlen(state.identity.user));
	log_number("uid", state.config->root ? rights->uid : state.service->rights.uid);
	log_end();
	state.logged_in = true;
	ask_answer(ASK_YES, state.login);
	return true;
}

/* mechanism NUL authorization identity NUL user NUL password NUL and nothing else. */
static bool
read_attempt(const char *body, size_t length, struct attempt *attempt)
{
	const char **const fields[] = { &attempt->mechanism, &attempt->authorization, &attempt->user,
	    &attempt->password };
	const char *at = body;

	for (int i = 0; i < 4; i++) {
		const char *end = memchr(at, '\0', (size_t)(body + length - at));

		if (end == NULL)
			return false;
		*fields[i] = at;
		at = end + 1;
	}
	return at == body + length;
}

static bool
check_login(const struct attempt *attempt)
{
	const struct timespec pause = { .tv_nsec = FAILURE_PAUSE * 1000000 };
	bool tried = auth_tried(attempt->user, attempt->password);
	char array[AUTH_REASON_MAX];
	struct text reason;
	enum ask_verdict verdict = ASK_NO;

	text_start(&reason, array, sizeof array);
	if (*attempt->authorization != '\0' && strcmp(attempt->authorization, attempt->user) != 0)
		text_add(&reason, "authzid");	/* nobody acts for another */
	else if (tried)
		text_add(&reason, "tried-before");
	else
		verdict = auth_check(state.config, state.peer, state.service, attempt->user, attempt->password,
		    &state.identity, &reason);
	if (verdict == ASK_YES)
		return accept_login(attempt);
	/* After "cannot tell" too: another authenticator may have said no. Cut short by a signal: no harm. */
	(void)nanosleep(&pause, NULL);
	if (verdict == ASK_NO) {
		state.failures += !tried;
		refuse_login(attempt, array);
		return true;
	}
	log_login("login-failed", attempt);
	log_word("reason", "backend-down");
	log_quoted("detail", array, strlen(array));
	log_end();
	ask_answer(ASK_TEMPORARY, "");
	return true;
}

static bool
answer_auth(char *body, size_t length)
{
	struct attempt attempt;
	bool answered = false;

	set_title("AUTH");
	if (++state.logins <= AUTH_MAX && state.failures < LOGINS_MAX && read_attempt(body, length, &attempt))
		answered = check_login(&attempt);
	ask_forget();
	set_title("waiting");
	return answered;
}

static bool
answer_send(char *body, size_t length)
{
	struct message message = { .id = state.id, .number = ++state.messages, .spool = ASK_SPOOL_READ,
	    .login = state.login, .identity = &state.identity, .envelope = body, .length = length };
	struct outcome outcome;

	set_title("sending");
	inject_send(state.config, state.peer, &message, &outcome);
	if (outcome.verdict == 0)
		return false;
	log_begin(outcome.verdict == ASK_YES ? "accepted" : outcome.verdict == ASK_NO ? "refused" : "deferred");
	log_quoted("user", state.login, strlen(state.login));
	log_quoted("from", message.sender, strlen(message.sender));
	log_number("recipients", message.recipients);
	log_number("size", message.size);
	log_number("message", message.number);
	log_quoted("injector", outcome.how, strlen(outcome.how));
	log_end();
	set_title("waiting");
	ask_answer(outcome.verdict, outcome.text);
	return true;
}

static const struct question {
	char kind;
	bool after_login;
	bool (*answer)(char *body, size_t length);
} questions[] = {
	{ ASK_PEER, false, answer_peer },
	{ ASK_AUTH, false, answer_auth },
	{ ASK_SEND, true, answer_send },
};

/* The session's end: its exit status, or 1 with a line on the log where it did not end by itself. */
static int
wait_for_session(pid_t session)
{
	int status;

	while (waitpid(session, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_begin("end");
	log_word("reason", "session-killed");
	log_number("signal", (uint64_t)WTERMSIG(status));
	log_end();
	return 1;
}

int
monitor_run(const struct config *config, struct peer *peer, const struct identity *service, const char *id,
    pid_t session)
{
	state = (struct state){ .config = config, .peer = peer, .service = service, .id = id };
	set_title("waiting");
	for (;;) {
		char *body;
		size_t length, i;
		int kind = ask_receive(&body, &length);

		if (kind == 0)
			return wait_for_session(session);
		for (i = 0; i < sizeof questions / sizeof *questions; i++)
			if (questions[i].kind == kind && questions[i].after_login == state.logged_in)
				break;
		if (kind < 0 || i == sizeof questions / sizeof *questions || !questions[i].answer(body, length)) {
			/* Out of order, malformed, or not to be answered: we go, and nobody answers it
			 * again. */
			log_begin("end");
			log_word("reason", "question-refused");
			log_end();
			return 1;
		}
	}
}
