/* A checkpassword program that asks PAM: authentication, account management, and the rights of the account. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/text.h"
#include "tools/checkpassword.h"

#ifndef CHECKPAM_SECONDS
#define CHECKPAM_SECONDS 50	/* the session waits 60 for a checkpassword program */
#endif

/* What the check finds out. */
struct account {
	struct rights rights;
	char user[256], home[1024], shell[256];
};

struct conversation {
	const char *password;
	bool asked;		/* for the password: it is given once */
	bool more;		/* for anything else, or again */
};

static void
forget(struct pam_response *answers, int count)
{
	for (int i = 0; i < count; i++) {
		if (answers[i].resp != NULL)
			explicit_bzero(answers[i].resp, strlen(answers[i].resp));
		free(answers[i].resp);
	}
	free(answers);
}

/* pam_conv(3): the password to the first question that is not echoed; messages are not passed on. */
static int
answer_pam(int count, const struct pam_message **messages, struct pam_response **responses, void *context)
{
	struct conversation *conversation = context;
	struct pam_response *answers;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	answers = calloc((size_t)count, sizeof *answers);
	for (int i = 0; answers != NULL && i < count; i++) {
		if (messages[i]->msg_style == PAM_TEXT_INFO || messages[i]->msg_style == PAM_ERROR_MSG)
			continue;
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF && !conversation->asked) {
			conversation->asked = true;
			answers[i].resp = strdup(conversation->password);
			if (answers[i].resp != NULL)
				continue;
		}
		conversation->more = true;
		forget(answers, i);
		return PAM_CONV_ERR;
	}
	*responses = answers;
	return answers == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

/* Which ends of PAM are a plain no; any other failure is not known to be the user's. */
static bool
is_refusal(int status)
{
	static const int refusals[] = { PAM_AUTH_ERR, PAM_USER_UNKNOWN, PAM_MAXTRIES, PAM_PERM_DENIED,
	    PAM_ACCT_EXPIRED, PAM_NEW_AUTHTOK_REQD, PAM_AUTHTOK_EXPIRED, PAM_CRED_EXPIRED };

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (status == refusals[i])
			return true;
	return false;
}

/* The system account of that name. Nobody is root by a password over the network. */
static int
find_account(const char *user, struct account *account)
{
	struct rights *rights = &account->rights;
	const struct passwd *entry;
	struct text text;

	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL && errno != 0 && errno != ENOENT && errno != ESRCH)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "cannot look for the account", strerror(errno));
	if (entry == NULL)
		return checkpassword_say(CHECKPASSWORD_NO, "there is no account of that name here", NULL);
	rights->uid = entry->pw_uid;
	rights->gid = entry->pw_gid;
	if (rights->uid == 0 || rights->gid == 0)
		return checkpassword_say(CHECKPASSWORD_NO, "an account with uid or gid 0", NULL);
	rights->group_count = GROUPS_MAX;
	if (getgrouplist(user, entry->pw_gid, rights->groups, &rights->group_count) < 0)
		rights->group_count = GROUPS_MAX;	/* there are more: the first ones */
	text_start(&text, account->home, sizeof account->home);
	text_add(&text, entry->pw_dir[0] == '\0' ? "/" : entry->pw_dir);
	if (!text.cut) {
		text_start(&text, account->shell, sizeof account->shell);
		text_add(&text, entry->pw_shell[0] == '\0' ? "/bin/sh" : entry->pw_shell);
	}
	if (!text.cut) {
		text_start(&text, account->user, sizeof account->user);
		text_add(&text, user);
	}
	return text.cut ? checkpassword_say(CHECKPASSWORD_TEMPORARY, "name, home or shell too long", NULL)
	    : CHECKPASSWORD_YES;
}

/* PAM_RUSER stays unset: nobody vouches for what the other end calls its user. PAM_TTY is what modules want that
 * cannot do without one; it is no terminal's name. */
static int
authenticate(pam_handle_t *handle)
{
	const char *client = getenv("TCPREMOTEIP");
	int status = pam_set_item(handle, PAM_TTY, "ofmipd");

	if (status == PAM_SUCCESS && client != NULL)
		status = pam_set_item(handle, PAM_RHOST, client);
	if (status == PAM_SUCCESS)
		status = pam_authenticate(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (status == PAM_SUCCESS)
		status = pam_acct_mgmt(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	return status;
}

static int
check_with_pam(const struct checkpassword *credentials, const void *context, void *answer)
{
	struct conversation conversation = { .password = credentials->password };
	const struct pam_conv pam_conversation = { answer_pam, &conversation };
	const void *user = NULL;
	pam_handle_t *handle;
	int status = pam_start(context, credentials->user, &pam_conversation, &handle);

	if (status != PAM_SUCCESS)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "PAM cannot start", NULL);
	status = authenticate(handle);
	if (conversation.more)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY,
		    "PAM asks for more than a password; this service cannot be used here", context);
	if (status != PAM_SUCCESS)
		return checkpassword_say(is_refusal(status) ? CHECKPASSWORD_NO : CHECKPASSWORD_TEMPORARY,
		    "PAM said no", pam_strerror(handle, status));
	/* A module may have found another name for the user. */
	if (pam_get_item(handle, PAM_USER, &user) != PAM_SUCCESS || user == NULL)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "PAM names no user", NULL);
	status = find_account(user, answer);
	pam_end(handle, PAM_SUCCESS);
	return status;
}

/* PAM answers for a service that it does not know with the rules of `other`: a no that looks like a wrong password. */
static bool
known_service(const char *service)
{
	static const char *const directories[] = { "/etc/pam.d/", "/usr/lib/pam.d/" };
	char path[256];
	struct text text;

	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		text_start(&text, path, sizeof path);
		text_add(&text, directories[i]);
		text_add(&text, service);
		if (!text.cut && service[0] != '\0' && service[0] != '.' && strchr(service, '/') == NULL &&
		    access(path, F_OK) == 0)
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	static struct checkpassword credentials;
	static struct account account;
	int status;

	checkpassword_start("ofmipd-checkpam");
	if (argc < 3)
		return checkpassword_say(CHECKPASSWORD_MISUSED, "usage: ofmipd-checkpam SERVICE PROGRAM [ARGUMENT...]; "
		    "login and password come on descriptor 3", NULL);
	if (!known_service(argv[1]))
		return checkpassword_say(CHECKPASSWORD_MISUSED, "no such file in /etc/pam.d; make it", argv[1]);
	checkpassword_read(&credentials);
	status = checkpassword_ask(&credentials, check_with_pam, argv[1], &account, sizeof account, CHECKPAM_SECONDS);
	if (status != CHECKPASSWORD_YES)
		return status;
	if (setenv("USER", account.user, 1) != 0 || setenv("HOME", account.home, 1) != 0 ||
	    setenv("SHELL", account.shell, 1) != 0 || !drop_become(&account.rights, geteuid() == 0))
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "cannot become the user", strerror(errno));
	checkpassword_run(argv + 2);
}
