/* Checks one login: the order of the authenticators, and one verdict. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "auth/checker.h"
#include "auth/file.h"
#include "auth/program.h"
#include "auth/pwhash.h"
#include "auth/tries.h"
#include "base/text.h"

_Static_assert(PASSWORD_MAX == PWHASH_PASSWORD_MAX, "what the monitor lets through is what can be hashed");

/* What no authenticator need be asked for; NULL: ask. */
static const char *
fault_of(const char *user, const char *password)
{
	if (*user == '\0' || *password == '\0')
		return "empty";
	if (strlen(user) > USER_MAX || strlen(password) > PASSWORD_MAX)
		return "too-long";
	return text_has_control(user) ? "control-character" : NULL;
}

/* Asks one after the other until one says yes. */
static enum ask_verdict
ask_all(struct attempt *attempt, struct identity *identity, struct text *reason)
{
	const struct config *config = attempt->config;
	enum ask_verdict answer = ASK_NO;
	char array[AUTH_REASON_MAX];
	struct text now;

	for (int i = 0; i < config->authenticator_count; i++) {
		enum ask_verdict verdict;

		attempt->authenticator = &config->authenticators[i];
		text_start(&now, array, sizeof array);
		verdict = attempt->authenticator->kind == AUTHENTICATOR_FILE ? file_ask(attempt, identity, &now)
		    : program_ask(attempt, identity, &now);
		if (verdict == ASK_YES)
			return ASK_YES;
		/* One that cannot tell outweighs those that say no; a known user outweighs an unknown one. */
		if (i == 0 || verdict == ASK_TEMPORARY ||
		    (answer == ASK_NO && strcmp(array, "no-such-user") != 0)) {
			text_start(reason, reason->bytes, reason->size);
			text_add(reason, array);
			text_add(reason, verdict == ASK_TEMPORARY ? ": " : "");
			text_add(reason, verdict == ASK_TEMPORARY ? attempt->authenticator->path : "");
		}
		if (verdict == ASK_TEMPORARY)
			answer = ASK_TEMPORARY;
	}
	return answer;
}

enum ask_verdict
auth_check(const struct config *config, const struct peer *peer, const struct identity *service,
    const char *user, const char *password, struct identity *identity, struct text *reason)
{
	struct attempt attempt = { .config = config, .peer = peer, .service = service, .user = user,
	    .password = password };
	const char *fault = fault_of(user, password);
	enum ask_verdict verdict = ASK_NO;

	if (fault != NULL)
		text_add(reason, fault);
	else
		verdict = ask_all(&attempt, identity, reason);
	if (verdict == ASK_NO)
		tries_add(user, password);
	if (verdict == ASK_YES)
		tries_forget();
	return verdict;
}

bool
auth_tried(const char *user, const char *password)
{
	return tries_known(user, password);
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
		    : "is no regular file; give the path of one";
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

	if (fault == NULL)
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
