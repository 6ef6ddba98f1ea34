/* Hands one whole message to the mail system as the user: sendmail, qmail-queue, maildir, SMTP relay. */
#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/dsn.h"
#include "base/spool.h"
#include "base/text.h"
#include "inject.h"
#include "inject/command.h"
#include "inject/maildir.h"
#include "inject/policy.h"
#include "inject/relay.h"
#include "inject/senders.h"

/* *why says which option names what, what is wrong with it, and the remedy. */
static bool
not_ready(struct text *why, const char *option, const char *path, const char *fault, const char *remedy)
{
	text_add(why, option);
	text_add_name(why, path);
	text_add(why, ": ");
	text_add(why, fault);
	text_add(why, remedy);
	return false;
}

bool
inject_ready(struct config *config, const struct identity *service, struct text *why)
{
	static const char install[] = "; install the program, or give its right path";
	const char *path = config->injector_path, *fault;
	char array[128];
	struct text reason;

	text_start(&reason, array, sizeof array);
	config->argument_room = config->injector == INJECTOR_SENDMAIL ? command_room() : UINT64_MAX;
	if (config->injector == INJECTOR_MAILDIR) {
		config->smtputf8 = true;
		if ((fault = maildir_open(config, service)) != NULL)
			return not_ready(why, "-i ", path, fault,
			    "; make the directory, writable by those who log in, or give its right path");
	} else if (config->injector == INJECTOR_SMTP) {
		config->smtputf8 = config->offer_smtputf8;
		if (relay_count(config) == 0)
			return not_ready(why, "-i smtp:", path, "not a list of at most 8 relays",
			    "; give ADDRESS:PORT, [IPv6]:PORT or /PATH, with commas between them, and no names");
	} else if (access(path, X_OK) != 0) {
		return not_ready(why, "-i ", path, strerror(errno), install);
	}
	/* Postfix alone takes such mail from its sendmail command without being told. */
	if (config->injector == INJECTOR_SENDMAIL)
		config->smtputf8 = command_is_postfix(path);
	if (config->senders[0] != '\0' && !senders_open(config->senders, &reason))
		return not_ready(why, "-s ", config->senders, array, "; make the table, or give its right path");
	if (config->throttle[0] != '\0' && access(config->throttle, X_OK) != 0)
		return not_ready(why, "-t ", config->throttle, strerror(errno), install);
	if (config->policy[0] != '\0' && !policy_valid(config))
		return not_ready(why, "--policy ", config->policy, "not the address of a server",
		    "; give ADDRESS:PORT, [IPv6]:PORT or /PATH, no name");
	return true;
}

static enum ask_verdict
no_table(struct text *text)
{
	text_add(text, "4.3.0 Cannot look up now who may send as this address, try again later");
	return ASK_TEMPORARY;
}

enum ask_verdict
inject_may_send_as(const struct config *config, const struct identity *identity, const char *address,
    struct text *text)
{
	enum senders_answer answer = SENDERS_OWN;

	if (*address != '\0' && config->senders[0] != '\0')
		answer = senders_ask(identity->user, address);
	else if (*address != '\0' && config->own_address && !senders_is_own(identity->user, config->domain, address))
		answer = SENDERS_FOREIGN;
	if (answer == SENDERS_OWN)
		return ASK_YES;
	if (answer == SENDERS_UNKNOWN)
		return no_table(text);
	text_add(text, "5.7.1 <");
	text_add(text, address);
	text_add(text, "> is not an address of login ");
	text_add(text, identity->user);
	return ASK_NO;
}

enum ask_verdict
inject_own_sender(const struct config *config, const struct identity *identity, struct text *text)
{
	const char *login = identity->user, *at = login;
	struct address address;
	enum senders_answer answer;

	if (config->senders[0] != '\0')
		answer = senders_first(login, &address);
	else
		answer = address_read(&at, config->domain, &address) == ADDRESS_FINE && *at == '\0' &&
		    address.length > 0 ? SENDERS_OWN : SENDERS_FOREIGN;
	if (answer == SENDERS_UNKNOWN)
		return no_table(text);
	text_add(text, answer == SENDERS_OWN ? address.text : "5.7.1 No address is known for Sender of login ");
	text_add(text, answer == SENDERS_OWN ? "" : login);
	return answer == SENDERS_OWN ? ASK_YES : ASK_NO;
}

/* Steps over the DSN parameters after an address, if they may be there. False: malformed. */
static bool
skip_dsn(const struct config *config, struct message *message, const char **at)
{
	const bool of_mail = message->recipients == 0;

	*at += strlen(*at) + 1;
	if (**at != 'D')
		return true;
	if (!config->offer_dsn || !dsn_valid(of_mail, *at + 1))
		return false;
	message->dsn = true;
	*at += strlen(*at) + 1;
	return true;
}

/* F sender NUL, T recipient NUL ..., NUL, and every address as address_read() leaves one; after each, D parameters NUL
 * where DSN is offered. */
static bool
read_envelope(const struct config *config, struct message *message)
{
	const char *at = message->envelope, *end = at + message->length;
	uint64_t arguments = 0;

	if (message->length < 3 || end[-1] != '\0' || end[-2] != '\0' || *at++ != 'F')
		return false;
	message->sender = at;
	message->recipients = 0;
	if (*at != '\0' && !address_valid(at))
		return false;
	for (const char *byte = at; byte < end; byte++)
		message->smtputf8 |= *byte < 0;
	if (!skip_dsn(config, message, &at))
		return false;
	while (*at == 'T') {
		at++;
		if (!address_valid(at))
			return false;
		message->recipients++;
		arguments += strlen(at) + 1 + sizeof(char *);
		if (!skip_dsn(config, message, &at))
			return false;
	}
	return at == end - 1 && message->recipients > 0 && message->recipients <= config->max_recipients &&
	    arguments <= config->argument_room;
}

static void
hand_over(const struct config *config, const struct peer *peer, const struct message *message, struct outcome *outcome)
{
	char warning[sizeof outcome->how];
	struct text text;

	strlcpy(warning, outcome->how, sizeof warning);
	if (config->injector == INJECTOR_SENDMAIL)
		command_sendmail(config, peer, message, outcome);
	else if (config->injector == INJECTOR_QMAIL)
		command_qmail(config, peer, message, outcome);
	else if (config->injector == INJECTOR_MAILDIR)
		maildir_send(config, message, outcome);
	else
		relay_send(config, peer, message, outcome);
	if (warning[0] != '\0') {
		text = (struct text){ outcome->how, sizeof outcome->how, strlen(outcome->how), false };
		text_add(&text, "; ");
		text_add(&text, warning);
	}
	if (outcome->verdict == ASK_YES && outcome->text[0] == '\0') {
		text_start(&text, outcome->text, sizeof outcome->text);
		text_add(&text, "2.0.0 Message accepted, id ");
		text_add(&text, message->id);
		text_add_byte(&text, '.');
		text_add_number(&text, message->number);
	}
}

/* Counts the recipients, before anything is handed over. False: they are too many now, and that is the answer. */
static bool
within_quota(const struct config *config, const struct message *message, struct memory_taken *taken,
    struct outcome *outcome)
{
	uint64_t hour = config->quota_hour, day = config->quota_day;
	char array[160];
	struct text text;
	int64_t wait;

	*taken = (struct memory_taken){ 0 };
	if (message->memory == NULL || !message->memory->on)
		return true;
	if (message->identity->quota[0] != '\0' && !config_quota(message->identity->quota, &hour, &day))
		hour = day = 1;	/* the checker would not have let that in */
	wait = memory_take(message->memory, message->login, message->recipients, hour, day, time(NULL), taken);
	if (wait == 0)
		return true;
	strlcpy(outcome->how, "quota", sizeof outcome->how);
	if (wait < 0) {
		message_answer(outcome, ASK_NO, "5.7.1 More recipients than the quota of this login ever allows");
		return false;
	}
	text_start(&text, array, sizeof array);
	text_add(&text, "450 4.7.1 The quota of this login is used up, try again in ");
	text_add_number(&text, (uint64_t)(wait + 59) / 60);
	text_add(&text, " minutes");
	message_answer(outcome, ASK_TEMPORARY, array);
	return false;
}

void
inject_send(const struct config *config, const struct peer *peer, struct message *message,
    struct outcome *outcome)
{
	struct memory_taken taken;
	struct text text;

	*outcome = (struct outcome){ .text = "" };
	if (!read_envelope(config, message))
		return;
	/* The session asked at MAIL; it is not to be trusted, and the table may have changed. */
	text_start(&text, outcome->text, sizeof outcome->text);
	outcome->verdict = inject_may_send_as(config, message->identity, message->sender, &text);
	if (outcome->verdict != ASK_YES) {
		strlcpy(outcome->how, "sender rule", sizeof outcome->how);
		return;
	}
	*outcome = (struct outcome){ .text = "" };
	if (message->digest != NULL && memory_recall(message->memory, message->login, message->digest, time(NULL))) {
		strlcpy(outcome->how, "already accepted", sizeof outcome->how);
		message_answer(outcome, ASK_YES, "2.0.0 Message already accepted; its reply was lost");
		return;
	}
	if (!spool_seal(&message->spool, &message->size)) {
		/* It is opened again there, for reading only. */
		strlcpy(outcome->how, errno == ENOENT ? "/proc is not mounted" : strerror(errno), sizeof outcome->how);
		message_answer(outcome, ASK_TEMPORARY, "4.3.0 The message cannot be sealed, try again later");
		return;
	}
	if (config->throttle[0] != '\0' && !command_throttle(config, peer, message, outcome))
		return;
	if ((config->policy[0] != '\0' && !policy_allows(config, peer, message, outcome)) ||
	    !within_quota(config, message, &taken, outcome))
		return;
	hand_over(config, peer, message, outcome);
	if (outcome->verdict != ASK_YES && taken.recipients > 0)
		memory_give_back(message->memory, message->login, &taken, time(NULL));
}
