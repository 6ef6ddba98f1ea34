/* Answers the session's questions in their order; becomes the user at the login. */

/*
 * What runs with the rights that the program was started with: ofmipd-session.c with base/config and base/peer up to
 * the fork, this file up to the login, auth.c and auth/ with base/child, inject.c's inject_ready(), base/drop, and of
 * base/ what these call: the log, the files of --state, STARTTLS. What runs as the user: inject.c and inject/, and this
 * file after the login. The session is not trusted: every length, order and address is checked on this side of the
 * wall.
 */
#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "ask.h"
#include "base/address.h"
#include "base/apart.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/spool.h"
#include "base/ucspi.h"
#include "inject.h"
#include "monitor.h"

/* A pause before a failed login is answered, in milliseconds: little for a person, much for a list of words. */
#define FAILURE_PAUSE 250

/* The session keeps the login deadline and says goodbye; this much later we do, and say nothing. Milliseconds. */
#define LOGIN_GRACE 5000

/* Lines that the session alone decides on: many for --debug, too few to fill a disk. */
#define LOG_FRAMES_MAX 10000

static APART struct state {
	const struct config *config;
	struct peer *peer;
	const struct identity *service;
	const char *id;
	bool logged_in;
	int logins, failures, peers, starttls;	/* logins: questions */
	int spool;			/* of the message to come; -1: none was asked for */
	unsigned messages, accepted, refused;
	unsigned told;			/* lines that the session may cause as often as it likes */
	bool ended;			/* the session said that it ends */
	int64_t deadline;		/* for the login */
	bool in_attempt;		/* the client was sent a challenge */
	char mechanism[24];		/* of the attempt */
	char login[USER_MAX + 1];	/* as the client gave it */
	bool has_digest;
	unsigned char digest[MEMORY_DIGEST];	/* of the last message, if it was accepted */
} state;

/* The answer to the last attempt: who it is. Not in the state: what is written at every start should be little. */
static APART struct auth_answer answer;

/* With --state; opened at the first attempt to log in. */
static SELDOM struct memory kept;

static void
set_title(const char *what)
{
	io_title("monitor", state.peer->client, state.login, what);
}

/* Each answers its question; false: it must not be answered, and the session ends. */

static bool
answer_peer(char *body, size_t length)
{
	struct peer told;

	/* Once: after a PROXY header, or XCLIENT with an address. */
	if (state.peers++ > 0 || !ask_read_peer(body, length, &told) || !peer_learn(state.peer, state.config, &told))
		return false;
	ask_answer(ASK_YES, "");
	return true;
}

static bool
answer_starttls(char *body, size_t length)
{
	int64_t patience = io_now() + (int64_t)state.config->timeout * 1000, end = state.deadline - LOGIN_GRACE;

	(void)body, (void)length;
	if (state.config->starttls == STARTTLS_NONE || state.starttls++ > 0)
		return false;
	set_title("STARTTLS");
	if (ucspi_start(state.config->tls_control, state.peer, patience < end ? patience : end))
		ask_answer_starttls(state.peer);
	else
		ask_answer(ASK_NO, "");
	set_title("waiting");
	return true;
}

static struct auth_context
login_context(void)
{
	return (struct auth_context){ state.config, state.peer, state.service, state.id };
}

static bool
answer_mechanisms(char *body, size_t length)
{
	const struct auth_context context = login_context();

	(void)body, (void)length;
	if (!state.config->dovecot)
		return false;
	ask_answer(ASK_YES, auth_mechanisms(&context));
	return true;
}

static void
log_login(const char *event)
{
	log_begin(event);
	log_quoted("user", answer.login, strlen(answer.login));
	log_quoted("mechanism", state.mechanism, strlen(state.mechanism));
}

/* No: the reason is a word of ours, perhaps followed by ": " and more that anybody may have written. */
static void
refuse_login(void)
{
	char *reason = answer.reason, *detail = strchr(reason, ':');

	ask_answer(ASK_NO, state.failures >= LOGINS_MAX ? ASK_LAST : "");
	if (detail != NULL)
		*detail++ = '\0';
	log_login("login-failed");
	log_word("reason", reason);
	if (detail != NULL)
		log_quoted("detail", detail + strspn(detail, " "), strlen(detail + strspn(detail, " ")));
	log_number("failures", (uint64_t)state.failures);
	log_end();
}

/* Which certificate it was, in the words of the TLS front. */
static void
log_certificate(void)
{
	const char *name = state.peer->certificate[state.peer->certificate[0][0] == '\0'];

	if (peer_certified(state.peer))
		log_quoted("certificate", name, strlen(name));
}

static bool
accept_login(void)
{
	const struct identity *identity = &answer.identity;

	/* For good: nothing after this line runs with more than the user's rights. */
	if (!drop_become(&identity->rights, state.config->root)) {
		log_error("cannot become the user", errno);
		return false;
	}
	strlcpy(state.login, answer.login, sizeof state.login);
	state.logged_in = true;
	ask_answer(ASK_YES, state.login);
	log_login("login");
	if (strcmp(state.login, identity->user) != 0)
		log_quoted("account", identity->user, strlen(identity->user));
	if (identity->label[0] != '\0')
		log_quoted("label", identity->label, strlen(identity->label));
	if (strcmp(state.mechanism, "EXTERNAL") == 0)
		log_certificate();
	log_number("uid", state.config->root ? identity->rights.uid : state.service->rights.uid);
	log_end();
	return true;
}

/* What came of an attempt, or of a step of it: the answer, and a line on the log. */
static bool
conclude(enum ask_verdict verdict, bool counts)
{
	const struct timespec pause = { .tv_nsec = FAILURE_PAUSE * 1000000 };

	state.in_attempt = verdict == ASK_CHALLENGE;
	if (verdict == ASK_CHALLENGE) {
		ask_answer_challenge(answer.challenge, answer.length);
		return true;
	}
	if (verdict == ASK_YES)
		return accept_login();
	/* After "cannot tell" too: another authenticator may have said no. Cut short by a signal: no harm. */
	if (!answer.delayed)
		(void)nanosleep(&pause, NULL);
	if (verdict == ASK_NO) {
		state.failures += counts;
		refuse_login();
		return true;
	}
	ask_answer(ASK_TEMPORARY, "");
	log_login("login-failed");
	log_word("reason", "backend-down");
	log_quoted("detail", answer.reason, strlen(answer.reason));
	log_end();
	return true;
}

/* What is wrong with the files of --state: said once, then we go on without them. */
static void
log_memory(void)
{
	char array[200];
	struct text fault;

	for (text_start(&fault, array, sizeof array); memory_fault(&kept, &fault);
	    text_start(&fault, array, sizeof array)) {
		log_begin("error");
		log_word("what", "state");
		log_quoted("error", array, fault.used);
		log_end();
	}
}

/* Were there too many wrong passwords? Then the answer is given here: before any password is looked at, and where only
 * the last step names the login, whatever it proved. */
static bool
is_barred(const char *user)
{
	bool network;
	int64_t wait;

	if (state.config->state[0] == '\0')
		return false;
	if (!kept.on)
		memory_open(&kept, state.config->state);
	wait = memory_barred(&kept, user, state.peer->address, time(NULL), &network);
	log_memory();
	if (wait == 0)
		return false;
	state.in_attempt = false;
	if (user != answer.login)
		strlcpy(answer.login, user, sizeof answer.login);
	ask_answer(ASK_TEMPORARY, "");
	log_login("login-failed");
	log_word("reason", "barred");
	log_sentence("detail", network ? "too many logins and passwords from this network"
	    : "too many passwords for this login from this network");
	log_number("seconds", (uint64_t)wait);
	log_end();
	return true;
}

/* The same, where the attempt itself told whose login it is: as soon as it is known, since what comes last of a
 * challenge may be the proof that the password was right. */
static bool
proves_to_be_barred(enum ask_verdict verdict)
{
	if (verdict == ASK_TEMPORARY || (verdict == ASK_CHALLENGE && answer.login[0] == '\0') ||
	    !is_barred(answer.login))
		return false;
	if (verdict == ASK_CHALLENGE)
		(void)auth_step(NULL, 0, &answer);	/* the checker ends */
	return true;
}

/* Was it a password that might have been right? */
static bool
was_guess(void)
{
	static const char *const others[] = { "authzid", "empty", "too-long", "control-character", "mechanism-refused",
	    "cancelled", "tried-before", "no-certificate", "certificate-unknown" };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(answer.reason, others[i]) == 0)
			return false;
	return true;
}

/* What came of an attempt, for later sessions. It is answered already. */
static void
remember(enum ask_verdict verdict, const char *password)
{
	const char *user = answer.login, *address = state.peer->address;

	if (verdict == ASK_NO && was_guess()) {
		memory_failed(&kept, user, password, address, time(NULL));
	} else if (verdict == ASK_YES && memory_succeeded(&kept, user, address, time(NULL))) {
		log_login("alarm");
		log_sentence("reason", "more than 16 networks in a day");
		log_end();
	}
	log_memory();
}

/* The same password as before: no, without another look. */
static enum ask_verdict
refuse_tried(const struct ask_attempt *asked)
{
	answer.delayed = false;
	strlcpy(answer.login, asked->user, sizeof answer.login);
	strlcpy(answer.reason, "tried-before", sizeof answer.reason);
	return ASK_NO;
}

/* After a question: passwords and responses are wiped. It may have taken longer than was left for a login: the session
 * has its goodbye to say. */
static void
end_question(void)
{
	ask_forget();
	set_title("waiting");
	if (state.deadline < io_now() + LOGIN_GRACE)
		state.deadline = io_now() + LOGIN_GRACE;
}

static bool
answer_auth(char *body, size_t length)
{
	const struct auth_context context = login_context();
	struct ask_attempt asked;
	enum ask_verdict verdict;
	bool answered = false, tried;

	set_title("AUTH");
	if (++state.logins <= AUTH_MAX && state.failures < LOGINS_MAX && ask_read_auth(body, length, &asked)) {
		strlcpy(state.mechanism, asked.mechanism, sizeof state.mechanism);
		tried = auth_tried(&asked);
		answered = !tried && asked.password != NULL && is_barred(asked.user);
		if (!answered) {
			verdict = tried ? refuse_tried(&asked) : auth_check(&context, &asked, &answer);
			answered = asked.password == NULL && proves_to_be_barred(verdict);
		}
		if (!answered) {
			answered = conclude(verdict, !tried);
			remember(verdict, asked.password);
		}
	}
	end_question();
	return answered;
}

static bool
answer_step(char *body, size_t length)
{
	enum ask_verdict verdict;
	const char *response;
	bool answered = false;

	set_title("AUTH");
	if (ask_read_step(body, length, &response, &length)) {
		verdict = auth_step(response, length, &answer);
		answered = proves_to_be_barred(verdict);
		if (!answered) {
			answered = conclude(verdict, response != NULL);
			remember(verdict, NULL);
		}
	}
	end_question();
	return answered;
}

/* Ends a line that the session may cause as often as it likes. */
static void
end_told(void)
{
	if (++state.told > LOG_FRAMES_MAX)
		log_drop();
	else
		log_end();
}

static bool
answer_sender(char *body, size_t length)
{
	const char *address;
	enum ask_verdict verdict;
	char array[ASK_ANSWER_MAX + 1];
	struct text text;

	if (!ask_read_sender(body, length, &address) || (*address != '\0' && !address_valid(address)))
		return false;
	text_start(&text, array, sizeof array);
	verdict = *address == '\0' ? inject_own_sender(state.config, &answer.identity, &text)
	    : inject_may_send_as(state.config, &answer.identity, address, &text);
	ask_answer(verdict, array);
	if (verdict != ASK_YES) {
		log_begin("sender-refused");
		log_quoted("user", state.login, strlen(state.login));
		log_quoted("address", address, strlen(address));
		log_word("reason", verdict == ASK_NO ? "not-own" : "table-unreadable");
		end_told();
	}
	return true;
}

static bool
answer_spool(char *body, size_t length)
{
	(void)body, (void)length;	/* such a frame has no body */
	if (state.spool >= 0)
		return false;	/* it has one */
	state.spool = spool_make();
	if (state.spool >= 0) {
		ask_answer_spool(state.spool);
		return true;
	}
	log_error("the spool", errno);
	ask_answer(ASK_TEMPORARY, "");
	return true;
}

static void
log_message_event(const char *event, const char *from, uint64_t recipients, uint64_t bytes)
{
	log_begin(event);
	log_quoted("user", state.login, strlen(state.login));
	log_quoted("from", from, strlen(from));
	log_number("recipients", recipients);
	log_number("bytes", bytes);
}

static bool
answer_send(char *body, size_t length)
{
	struct message message = { .id = state.id, .number = ++state.messages, .spool = state.spool,
	    .login = state.login, .mechanism = state.mechanism, .identity = &answer.identity,
	    .memory = &kept };
	struct ask_message asked;
	struct outcome outcome;

	if (state.spool < 0 || !ask_read_send(body, length, &asked))
		return false;
	set_title("sending");
	state.spool = -1;
	message.digest = asked.digest;
	message.envelope = asked.envelope;
	message.length = asked.length;
	message.helo = asked.helo;
	message.smtputf8 = asked.smtputf8;
	message.eight_bit = asked.eight_bit;
	inject_send(state.config, state.peer, &message, &outcome);
	/* Whatever still reads it has a descriptor of its own. */
	spool_close(&message.spool);
	if (outcome.verdict == 0)
		return false;
	ask_answer(outcome.verdict, outcome.text);
	set_title("waiting");
	state.has_digest = outcome.verdict == ASK_YES && asked.digest != NULL;
	if (state.has_digest)
		memcpy(state.digest, asked.digest, sizeof state.digest);
	if (outcome.verdict == ASK_YES)
		state.accepted++;
	else
		state.refused++;
	log_message_event(outcome.verdict == ASK_YES ? "accepted" : outcome.verdict == ASK_NO ? "refused" : "deferred",
	    message.sender, message.recipients, asked.bytes);
	log_number("size", message.size);
	log_number("message", message.number);
	log_quoted("injector", outcome.how, strlen(outcome.how));
	log_end();
	log_memory();
	return true;
}

/* A load balancer looks whether we are there: it connects and closes, or says a few words under its own name (PROXY's
 * LOCAL or UNKNOWN). Nobody tried to log in. */
static bool
was_health_check(const struct ask_line *told)
{
	const bool left = strcmp(told->reason, "eof") == 0 || strcmp(told->reason, "client-does-not-read") == 0;

	if (state.logins > 0)
		return false;
	if (state.config->proxy && state.peer->source != PEER_PROXY)
		return left || strcmp(told->reason, "quit") == 0;
	return left && told->count == 0;
}

/* The client may not have heard of the last message, and send it again: once. */
static void
lose_reply(void)
{
	if (!state.has_digest)
		return;
	memory_lose(&kept, state.login, state.digest, time(NULL));
	log_memory();
}

/* The end of the session, in its own word. */
static bool
log_session_end(const struct ask_line *told)
{
	size_t length = strspn(told->reason, "abcdefghijklmnopqrstuvwxyz-");

	if (length == 0 || length > 40 || told->reason[length] != '\0')
		return false;
	state.ended = true;
	if (was_health_check(told) && !state.config->debug)
		return true;	/* there may be one every second */
	log_begin("end");
	if (state.logged_in)
		log_quoted("user", state.login, strlen(state.login));
	log_number("accepted", state.accepted);
	log_number("refused", state.refused);
	log_number("commands", told->count);
	log_number("bytes", told->bytes);
	log_word("source", peer_source_name(state.peer));
	log_word("tls", peer_tls_name(state.peer));
	log_word("reason", told->reason);
	log_end();
	if (strcmp(told->reason, "reply-lost") == 0)
		lose_reply();
	return true;
}

/* What is not answered. A session that was taken over can say what it likes, but not without end, nor in anybody
 * else's name. */
static bool
answer_log(char *body, size_t length)
{
	struct ask_line told;

	if (!ask_read_log(body, length, &told))
		return false;
	switch (told.event) {
	case ASK_END:
		return log_session_end(&told);
	case ASK_REFUSED:
	case ASK_DEFERRED:
		if (!state.logged_in || state.spool < 0)
			return false;
		spool_close(&state.spool);
		state.refused++;
		log_message_event(told.event == ASK_REFUSED ? "refused" : "deferred", told.text, told.count,
		    told.bytes);
		log_sentence("reason", told.reason);
		end_told();
		return true;
	case ASK_TRACE:
		if (!state.config->debug)
			return false;
		log_begin("trace");
		log_quoted(told.reason[0] == 'S' ? "S" : "C", told.text, strlen(told.text));
		end_told();
		return true;
	case ASK_START_ERROR:
		log_begin("start-error");
		log_sentence("error", told.reason);
		log_end();
		state.ended = true;
		return true;
	default:
		return false;
	}
}

static const struct question {
	enum ask_kind kind;
	enum { BEFORE_LOGIN, AFTER_LOGIN, ALWAYS } when;
	bool (*answer)(char *body, size_t length);
} questions[] = {
	{ ASK_PEER, BEFORE_LOGIN, answer_peer },
	{ ASK_STARTTLS, BEFORE_LOGIN, answer_starttls },
	{ ASK_MECHANISMS, BEFORE_LOGIN, answer_mechanisms },
	{ ASK_AUTH, BEFORE_LOGIN, answer_auth },
	{ ASK_STEP, BEFORE_LOGIN, answer_step },
	{ ASK_SENDER, AFTER_LOGIN, answer_sender },
	{ ASK_SPOOL, AFTER_LOGIN, answer_spool },
	{ ASK_SEND, AFTER_LOGIN, answer_send },
	{ ASK_LOG, ALWAYS, answer_log },
};

/* What answers this kind now; NULL: nothing does. Within an attempt there is nothing but its next step. */
static const struct question *
find_question(int kind)
{
	if (kind != ASK_LOG && state.in_attempt != (kind == ASK_STEP))
		return NULL;
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		if ((int)questions[i].kind == kind && !state.ended && (questions[i].when == ALWAYS ||
		    (questions[i].when == AFTER_LOGIN) == state.logged_in))
			return &questions[i];
	return NULL;
}

static void
log_end_reason(const char *reason)
{
	log_begin("end");
	log_word("reason", reason);
}

/* Its exit status, or 1 with a line on the log where it did not end by itself. */
static int
reap_session(pid_t session)
{
	int status;

	while (waitpid(session, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFSIGNALED(status)) {
		log_end_reason("session-killed");
		log_number("signal", (uint64_t)WTERMSIG(status));
		log_end();
	} else if (!state.ended) {
		log_end_reason("session-lost");
		log_end();
	}
	if (!state.ended)	/* who knows what it has told the client */
		lose_reply();
	return WIFSIGNALED(status) ? 1 : WEXITSTATUS(status);
}

/* The session has closed its end of the wall. */
static int
wait_for_session(pid_t session)
{
	/* Mostly it has ended already. One that has only hung up must not live on, unwatched; where we may not end it,
	 * its timer does. One that has not, and waits for an answer, sees us gone. */
	(void)shutdown(ASK_MONITOR, SHUT_RDWR);
	(void)kill(session, SIGKILL);
	return reap_session(session);
}

/* The session is not to be talked to any more: we go, and nobody answers it again. It goes too, if we may say so: it
 * may have been stopped before it saw to that itself. */
static int
give_up(pid_t session, int end, int error)
{
	(void)kill(session, SIGKILL);
	log_end_reason(end == ASK_SILENT ? "login-timeout" : error != 0 ? "wall-failed" : "question-refused");
	if (error != 0)
		log_quoted("error", strerror(error), strlen(strerror(error)));
	log_end();
	lose_reply();
	return 1;
}

int
monitor_run(const struct config *config, struct peer *peer, const struct identity *service, const char *id,
    pid_t session)
{
	uint64_t patience = config->login_timeout;

	if (config->proxy && patience < PROXY_SECONDS)
		patience = PROXY_SECONDS;
	state = (struct state){ .config = config, .peer = peer, .service = service, .id = id,
	    .spool = SPOOL_DESCRIPTOR, .deadline = io_now() + (int64_t)patience * 1000 + LOGIN_GRACE };
	log_open();	/* as whoever we still are: perhaps nobody else may open it */
	set_title("waiting");
	for (;;) {
		const struct question *question;
		char *body;
		size_t length;
		int kind = ask_receive(&body, &length, state.logged_in ? INT64_MAX : state.deadline);

		if (kind == ASK_GONE)
			return wait_for_session(session);
		if (kind < 0)
			return give_up(session, kind, kind == ASK_BROKEN ? errno : 0);
		question = find_question(kind);
		if (question == NULL || !question->answer(body, length))
			return give_up(session, ASK_BROKEN, 0);	/* out of order, malformed, or not to be answered */
		/* It says nothing more, and after a login no deadline of ours runs: one wait less. */
		if (state.ended && state.logged_in)
			return reap_session(session);
	}
}
