/* Checks one login: the order of the authenticators, and one verdict. */
#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "auth/checker.h"
#include "auth/dovecot.h"
#include "auth/file.h"
#include "auth/program.h"
#include "auth/pwhash.h"
#include "auth/tries.h"
#include "base/apart.h"
#include "base/text.h"

_Static_assert(PASSWORD_MAX == PWHASH_PASSWORD_MAX, "what the monitor lets through is what can be hashed");

#define MECHANISMS_SECONDS 5	/* for all servers together: a client waits for the reply to EHLO */
#define STEPS_MAX 32		/* challenges of one attempt */
#define CRAM_DIGITS 32

/* The attempt that is under way, between its steps. */
static APART _Alignas(4096) struct {
	struct attempt attempt;
	int index;			/* of the authenticator that is asked */
	int steps;
	enum ask_verdict verdict;	/* of those before it */
	bool cram_md5;			/* the client was sent our own challenge */
	char user[USER_MAX + 1], digest[CRAM_DIGITS + 1], challenge[320];	/* of CRAM-MD5 */
	char reason[AUTH_REASON_MAX];
	struct checker checker;
} state;

static const char *
name_fault(const char *user)
{
	return *user == '\0' ? "empty" : strlen(user) > USER_MAX ? "too-long"
	    : text_has_control(user) ? "control-character" : NULL;
}

static bool
is_external(const struct config *config, const char *mechanism)
{
	return (config->mechanisms & MECHANISM_EXTERNAL) != 0 && strcmp(mechanism, "EXTERNAL") == 0;
}

/* Why no authenticator need be asked; NULL: ask. */
static const char *
fault_of(const struct auth_context *context, const struct ask_attempt *asked)
{
	if (is_external(context->config, asked->mechanism))
		return !peer_certified(context->peer) ? "no-certificate" : asked->length > USER_MAX ? "too-long" : NULL;
	if (asked->password == NULL)
		return NULL;
	if (*asked->authzid != '\0' && strcmp(asked->authzid, asked->user) != 0)
		return "authzid";	/* nobody acts for another */
	if (*asked->password == '\0')
		return "empty";
	return strlen(asked->password) > PASSWORD_MAX ? "too-long" : name_fault(asked->user);
}

static bool
is_scram(const struct attempt *attempt)
{
	return strcmp(attempt->mechanism, "SCRAM-SHA-256") == 0;
}

/* Can this authenticator take part in the attempt? The others say no. */
static bool
can_serve(const struct attempt *attempt, int index)
{
	bool external = is_external(attempt->config, attempt->mechanism);

	switch (attempt->config->authenticators[index].kind) {
	case AUTHENTICATOR_FILE:
		return attempt->password != NULL || attempt->digest != NULL || is_scram(attempt) || external;
	case AUTHENTICATOR_PROGRAM:
		return attempt->password != NULL || attempt->digest != NULL;
	default:
		return attempt->digest == NULL && !external;	/* it makes challenges of its own */
	}
}

static bool
is_last(const struct attempt *attempt, int index)
{
	while (++index < attempt->config->authenticator_count)
		if (can_serve(attempt, index))
			return false;
	return true;
}

/* Starts the checker, and hears its first word. */
static enum ask_verdict
start_checker(int (*check)(struct attempt *attempt), struct auth_answer *answer)
{
	if (checker_start(&state.checker, &state.attempt, check, CHECKER_SECONDS))
		return checker_hear(&state.checker, answer);
	strlcpy(answer->reason, strerror(errno), sizeof answer->reason);
	return ASK_TEMPORARY;
}

static enum ask_verdict
ask_one(struct auth_answer *answer)
{
	struct attempt *attempt = &state.attempt;
	struct text reason;

	attempt->authenticator = &attempt->config->authenticators[state.index];
	attempt->last = is_last(attempt, state.index);
	answer->reason[0] = '\0';
	if (!can_serve(attempt, state.index)) {
		strlcpy(answer->reason, "mechanism-refused", sizeof answer->reason);
		return ASK_NO;
	}
	if (attempt->authenticator->kind == AUTHENTICATOR_DOVECOT)
		return start_checker(dovecot_check, answer);
	if (attempt->authenticator->kind == AUTHENTICATOR_FILE)
		return start_checker(file_check, answer);
	text_start(&reason, answer->reason, sizeof answer->reason);
	return program_ask(attempt, &answer->identity, &reason);
}

/* One that cannot tell outweighs those that say no; and of these, one that knows the user outweighs one that does
 * not. */
static void
note_answer(enum ask_verdict verdict, struct auth_answer *answer)
{
	static const char dovecot[] = "refused-by-dovecot";
	struct text reason;
	bool nothing = strcmp(answer->reason, "no-such-user") == 0 || strcmp(answer->reason, "mechanism-refused") == 0;

	if (verdict == ASK_TEMPORARY || state.reason[0] == '\0' || (state.verdict == ASK_NO && !nothing)) {
		text_start(&reason, state.reason, sizeof state.reason);
		text_add(&reason, answer->reason);
		text_add(&reason, verdict == ASK_TEMPORARY ? ": " : "");
		text_add(&reason, verdict == ASK_TEMPORARY ? state.attempt.authenticator->path : "");
	}
	if (verdict == ASK_TEMPORARY)
		state.verdict = ASK_TEMPORARY;
	answer->delayed |= verdict == ASK_NO && strncmp(answer->reason, dovecot, sizeof dovecot - 1) == 0;
}

/* The end of an attempt, whatever it is. */
static enum ask_verdict
finish_attempt(enum ask_verdict verdict, struct auth_answer *answer)
{
	checker_end(&state.checker);
	if (verdict == ASK_YES) {
		tries_forget();
	} else {
		verdict = state.verdict;
		strlcpy(answer->reason, state.reason, sizeof answer->reason);
		if (verdict == ASK_NO && state.attempt.password != NULL)
			tries_add(state.attempt.user, state.attempt.password);
	}
	state.attempt = (struct attempt){ 0 };
	return verdict;
}

/* Each authenticator in turn, from the first. */
static enum ask_verdict
ask_all(struct auth_answer *answer)
{
	for (state.index = 0; state.index < state.attempt.config->authenticator_count; state.index++) {
		enum ask_verdict verdict = ask_one(answer);

		if (verdict == ASK_CHALLENGE) {
			/* What they lead to is wiped after this question. */
			state.attempt.user = "";
			state.attempt.password = state.attempt.response = NULL;
			return ASK_CHALLENGE;
		}
		if (verdict == ASK_YES)
			return finish_attempt(ASK_YES, answer);
		note_answer(verdict, answer);
	}
	return finish_attempt(ASK_NO, answer);
}

/* CRAM-MD5 of our own: of one challenge's answer any authenticator can be asked that is not a Dovecot server. */
static bool
makes_challenge(const struct config *config, const char *mechanism)
{
	if ((config->mechanisms & MECHANISM_CRAM_MD5) == 0 || strcmp(mechanism, "CRAM-MD5") != 0)
		return false;
	for (int i = 0; i < config->authenticator_count; i++)
		if (config->authenticators[i].kind != AUTHENTICATOR_DOVECOT)
			return true;
	return false;
}

/* RFC 2195: <RANDOM.TIME@HOST>, never the same twice. */
static enum ask_verdict
make_challenge(const struct auth_context *context, struct auth_answer *answer)
{
	uint64_t random[2];
	struct text text;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
		strlcpy(state.reason, "no random bytes", sizeof state.reason);
		state.verdict = ASK_TEMPORARY;
		return finish_attempt(ASK_TEMPORARY, answer);
	}
	text_start(&text, state.challenge, sizeof state.challenge);
	text_add_byte(&text, '<');
	text_add_hex(&text, random[0], 16);
	text_add_hex(&text, random[1], 16);
	text_add_byte(&text, '.');
	text_add_number(&text, (uint64_t)time(NULL));
	text_add_byte(&text, '@');
	text_add(&text, context->config->hostname);
	text_add_byte(&text, '>');
	state.cram_md5 = true;
	answer->challenge = state.challenge;
	answer->length = text.used;
	return ASK_CHALLENGE;
}

/* A name, a blank, digits: asked like a password. */
static enum ask_verdict
check_cram_md5(const char *response, size_t length, struct auth_answer *answer)
{
	const char *fault;
	size_t name = length < CRAM_DIGITS + 1 ? 0 : length - CRAM_DIGITS - 1;

	state.cram_md5 = false;
	if (name == 0 || response[name] != ' ' || memchr(response, '\0', length) != NULL) {
		strlcpy(state.reason, "mechanism-refused", sizeof state.reason);
		return finish_attempt(ASK_NO, answer);
	}
	memcpy(state.digest, response + name + 1, CRAM_DIGITS);
	memcpy(state.user, response, name > USER_MAX ? USER_MAX : name);
	state.user[name > USER_MAX ? USER_MAX : name] = '\0';
	strlcpy(answer->login, state.user, sizeof answer->login);
	fault = name > USER_MAX ? "too-long" : name_fault(state.user);
	if (fault != NULL) {
		strlcpy(state.reason, fault, sizeof state.reason);
		return finish_attempt(ASK_NO, answer);
	}
	state.attempt.user = state.user;
	state.attempt.digest = state.digest;
	state.attempt.challenge = state.challenge;
	return ask_all(answer);
}

enum ask_verdict
auth_check(const struct auth_context *context, const struct ask_attempt *asked, struct auth_answer *answer)
{
	const char *fault = fault_of(context, asked);

	checker_end(&state.checker);
	state.steps = 0;
	state.cram_md5 = false;
	state.verdict = ASK_NO;
	state.reason[0] = '\0';
	state.attempt = (struct attempt){
		.config = context->config, .peer = context->peer, .service = context->service, .id = context->id,
		.mechanism = asked->mechanism, .user = asked->user, .password = asked->password,
		.response = asked->response, .length = asked->length,
	};
	answer->delayed = false;
	answer->length = 0;
	strlcpy(answer->login, asked->user, sizeof answer->login);
	if (makes_challenge(context->config, asked->mechanism))
		return make_challenge(context, answer);
	if (fault == NULL)
		return ask_all(answer);
	strlcpy(state.reason, fault, sizeof state.reason);
	return finish_attempt(ASK_NO, answer);
}

enum ask_verdict
auth_step(const char *response, size_t length, struct auth_answer *answer)
{
	enum ask_verdict verdict = ASK_TEMPORARY;

	if (state.cram_md5 && response != NULL)
		return check_cram_md5(response, length, answer);
	strlcpy(answer->reason, "the checker does not listen", sizeof answer->reason);
	if (response == NULL) {
		strlcpy(answer->reason, "cancelled", sizeof answer->reason);
		verdict = ASK_NO;
	} else if (++state.steps > STEPS_MAX) {
		strlcpy(answer->reason, "challenges without end", sizeof answer->reason);
	} else if (checker_tell(&state.checker, response, length)) {
		verdict = checker_hear(&state.checker, answer);
	}
	if (verdict == ASK_CHALLENGE)
		return ASK_CHALLENGE;
	if (verdict != ASK_YES)
		note_answer(verdict, answer);
	return finish_attempt(verdict, answer);
}

bool
auth_tried(const struct ask_attempt *asked)
{
	return asked->password != NULL && tries_known(asked->user, asked->password);
}

const char *
auth_mechanisms(const struct auth_context *context)
{
	static char array[ASK_ANSWER_MAX];
	static bool asked;
	static SELDOM struct auth_answer answer;
	struct attempt attempt = { .config = context->config, .peer = context->peer, .service = context->service,
	    .mechanism = "", .user = "" };
	int64_t left = MECHANISMS_SECONDS * 1000;
	struct text list;

	if (asked)
		return array;
	asked = true;
	text_start(&list, array, sizeof array);
	for (int i = 0; i < context->config->authenticator_count; i++) {
		static struct checker checker;

		attempt.authenticator = &context->config->authenticators[i];
		if (attempt.authenticator->kind != AUTHENTICATOR_DOVECOT ||
		    !checker_start(&checker, &attempt, dovecot_list, 0))
			continue;
		checker.left = left;
		if (checker_hear(&checker, &answer) == ASK_CHALLENGE && list.used + answer.length < list.size)
			text_add_bytes(&list, answer.challenge, answer.length);
		left = checker.left;
		checker_end(&checker);
	}
	return array;
}

/* What is wrong with a path that must be a file which we may use in the way of `mode` (access(2)). NULL: nothing. */
static const char *
path_fault(const char *path, int mode)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return errno == EACCES ? "a directory above it may not be searched; chmod or chown that directory"
		    : errno == ENOENT ? "" : strerror(errno);
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? "is a directory; give the path of a file in it"
		    : "is not a regular file; give the path of one";
	if (access(path, mode) == 0)
		return NULL;
	if (errno != EACCES)
		return strerror(errno);
	return mode == R_OK ? "may not be read by the user that starts this program; chown or chmod it"
	    : "is not executable; chmod +x, or give the program's path";
}

bool
auth_ready(const struct authenticator *authenticator, struct text *why)
{
	bool file = authenticator->kind == AUTHENTICATOR_FILE;
	const char *fault = authenticator->path[0] == '\0' ? "" : path_fault(authenticator->path, file ? R_OK : X_OK);

	if (fault == NULL || authenticator->kind == AUTHENTICATOR_DOVECOT)	/* a server may come later */
		return true;
	text_add(why, file ? "-a " : "-A ");
	text_add_name(why, authenticator->path[0] == '\0' ? authenticator->words[0] : authenticator->path);
	text_add(why, ": ");
	text_add(why, fault);
	if (fault[0] == '\0')
		text_add(why, file ? "there is no such file; make it with ofmipd-passwd, or give the right path"
		    : authenticator->path[0] != '\0' ? "there is no such program; install it, or give the right path"
		    : "there is no such program in the standard directories; install it, or give its absolute path");
	return false;
}
