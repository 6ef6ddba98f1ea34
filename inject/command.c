/* Hands a message over to a program: sendmail, qmail-queue; and asks the throttle script. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/apart.h"
#include "base/child.h"
#include "base/io.h"
#include "base/text.h"
#include "inject/command.h"

static APART const char *sendmail_arguments[RECIPIENTS_MAX + 6];

/* "DIR/NAME exists and is executable": what tells one sendmail command from another. */
static bool
beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char array[600];
	struct text text;

	if (slash == NULL)
		return false;
	text_start(&text, array, sizeof array);
	text_add_bytes(&text, path, (size_t)(slash - path) + 1);
	text_add(&text, name);
	return !text.cut && access(array, X_OK) == 0;
}

/* A quarter of what execve(2) takes, so that nothing that the user's limits or the kernel's count adds can make it too
 * much. */
uint64_t
command_room(void)
{
	long most = sysconf(_SC_ARG_MAX);

	return most < 131072 ? 32768 : (uint64_t)most / 4;
}

bool
command_is_postfix(const char *path)
{
	return beside(path, "postdrop");
}

const char *
command_kind(const char *path)
{
	static const struct {
		const char *beside, *kind;
	} kinds[] = {
		{ "postdrop", "Postfix" }, { "exim4", "Exim" }, { "exim", "Exim" }, { "smtpctl", "OpenSMTPD" },
		{ "nullmailer-send", "nullmailer" }, { "dma", "dma" },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (beside(path, kinds[i].beside))
			return kinds[i].kind;
	return NULL;
}

static void
add_number_variable(struct child_environment *environment, const char *name, uint64_t number)
{
	char array[24];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_number(&text, number);
	child_environment_add(environment, name, array);
}

/* What tmda-ofmipd tells tmda-inject: the Received field as far as this side knows it. */
static void
add_received(struct child_environment *environment, const struct config *config, const struct peer *peer,
    const struct message *message)
{
	bool shown = config->received == RECEIVED_FULL || config->received == RECEIVED_LOGIN;
	char array[700];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, "from ");
	text_add(&text, shown && peer->host[0] != '\0' ? peer->host : "unknown");
	text_add(&text, shown && peer->address[0] != '\0' ? " ([" : " (unknown");
	text_add(&text, shown ? peer->address : "");
	text_add(&text, shown && peer->address[0] != '\0' ? "]) by " : ") by ");
	text_add(&text, config->hostname);
	text_add(&text, peer_encrypted(peer) ? " with ESMTPSA id " : " with ESMTPA id ");
	text_add(&text, message->id);
	text_add(&text, "; ");
	text_add_date(&text, time(NULL));
	child_environment_add(environment, "TMDA_OFMIPD_RECEIVED", array);
}

static void
set_environment(struct child_environment *environment, const struct config *config, const struct peer *peer,
    const struct message *message)
{
	const char *name, *value;

	child_environment_start(environment);
	child_environment_add(environment, "HOME", message->identity->home);
	child_environment_add(environment, "USER", message->identity->user);
	child_environment_add(environment, "LOGNAME", message->identity->user);
	child_environment_add(environment, "LOGIN", message->login);
	child_environment_add(environment, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	child_environment_add(environment, "SHELL", "/bin/sh");
	add_received(environment, config, peer, message);
	for (int i = 0; (name = peer_variable(peer, i, &value)) != NULL; i++)
		child_environment_add(environment, name, value);
}

bool
command_throttle(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome)
{
	const char *const arguments[] = { config->throttle, message->login, NULL };
	struct child_environment environment;
	const struct child_job job = {
		.path = config->throttle, .arguments = arguments, .environment = environment.pointers,
		.descriptors = { STDIN_FILENO, CHILD_SAID, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE }, .seconds = (int)config->inject_timeout,
	};
	struct child_end end;
	struct text how;

	set_environment(&environment, config, peer, message);
	child_environment_add(&environment, "SENDER", *message->sender == '\0' ? "<>" : message->sender);
	add_number_variable(&environment, "RECIPIENTS", message->recipients);
	add_number_variable(&environment, "SIZE", message->size);
	child_run(&job, &end);
	if (end.how == CHILD_EXITED && end.status == 0)
		return true;
	text_start(&how, outcome->how, sizeof outcome->how);
	text_add(&how, "throttle script: ");
	text_add(&how, child_how(&end));
	child_last_words(&end, &how);
	if (end.how != CHILD_NOT_STARTED)
		message_answer(outcome, ASK_TEMPORARY, "4.7.1 Sending limit reached, try again later");
	else
		message_answer(outcome, ASK_TEMPORARY, "4.3.0 Sending limit could not be checked, try again later");
	return false;
}

/* Temporary until an exit status says otherwise. True: there is one. */
static bool
ended(const struct child_end *end, struct outcome *outcome)
{
	if (end->how == CHILD_LATE)
		message_answer(outcome, ASK_LATE, "4.3.2 The mail system did not answer in time, closing connection");
	else
		message_answer(outcome, ASK_TEMPORARY,
		    "4.3.0 The mail system did not take the message, try again later");
	return end->how == CHILD_EXITED;
}

/* sysexits.h, as far as every sendmail command means the same by them; what may be our own mistake, or may
 * pass, is temporary. */
static void
judge_sendmail(const struct child_end *end, struct outcome *outcome)
{
	static const struct {
		int status;
		const char *text;
	} permanent[] = {
		{ 65, "5.6.0 Message refused by the mail system" },		/* EX_DATAERR */
		{ 67, "5.1.1 Recipient refused by the mail system" },		/* EX_NOUSER */
		{ 68, "5.1.2 Recipient's host refused by the mail system" },	/* EX_NOHOST */
		{ 77, "5.7.1 Refused by the mail system: not permitted" },	/* EX_NOPERM */
	};

	if (!ended(end, outcome))
		return;
	if (end->status == 0)
		message_answer(outcome, ASK_YES, "");
	for (size_t i = 0; i < sizeof permanent / sizeof *permanent; i++)
		if (end->status == permanent[i].status)
			message_answer(outcome, ASK_NO, permanent[i].text);
}

void
command_sendmail(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome)
{
	struct child_environment environment;
	const struct child_job job = {
		.path = config->injector_path, .arguments = sendmail_arguments,
		.environment = environment.pointers, .seconds = (int)config->inject_timeout,
		.descriptors = { message->spool, CHILD_SAID, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE },
	};
	struct child_end end;
	struct text how;
	int count = 0;

	sendmail_arguments[count++] = config->injector_path;
	sendmail_arguments[count++] = "-i";	/* a line of one dot does not end the message */
	sendmail_arguments[count++] = "-f";
	/* All but Courier's and dma's take <> for the null sender; not all take an empty argument. */
	sendmail_arguments[count++] = *message->sender == '\0' ? "<>" : message->sender;
	sendmail_arguments[count++] = "--";
	for (const char *to = NULL; (to = message_recipient(message, to)) != NULL;)
		sendmail_arguments[count++] = to;
	sendmail_arguments[count] = NULL;
	set_environment(&environment, config, peer, message);
	child_run(&job, &end);
	text_start(&how, outcome->how, sizeof outcome->how);
	text_add(&how, child_how(&end));
	child_last_words(&end, &how);
	judge_sendmail(&end, outcome);
}

/* "Dtext" or "Ztext" from a queue program that ended with 82: what D and Z mean, and a text with an enhanced
 * code. */
static void
own_words(struct outcome *outcome, const char *said)
{
	char array[320];
	struct text text;
	bool permanent = said[0] == 'D';
	char class = permanent ? '5' : '4';

	text_start(&text, array, sizeof array);
	/* It may bring a code of its own; one of another class would contradict the reply. */
	if (said[1] != class || said[2] != '.')
		text_add(&text, permanent ? "5.3.0 " : "4.3.0 ");
	for (said++; *said != '\0' && *said != '\n' && *said != '\r'; said++)
		text_add_byte(&text, *said > 31 && *said < 127 ? *said : '?');
	message_answer(outcome, permanent ? ASK_NO : ASK_TEMPORARY, array);
}

/* Exit statuses of qmail-queue(8). */
static void
judge_qmail(const struct child_end *end, int words, struct outcome *outcome)
{
	char said[300] = "";

	if (!ended(end, outcome))
		return;
	if (end->status == 0)
		message_answer(outcome, ASK_YES, "");
	else if (end->status == 11 || end->status == 115)
		message_answer(outcome, ASK_NO, "5.1.3 Address refused by the mail system: too long");
	else if (end->status == 31)
		message_answer(outcome, ASK_NO, "5.7.1 Message refused by the mail system");
	else if (end->status >= 11 && end->status <= 40)
		message_answer(outcome, ASK_NO, "5.3.0 Message refused by the mail system");
	else if (end->status == 82 && pread(words, said, sizeof said - 1, 0) > 1 &&
	    (said[0] == 'D' || said[0] == 'Z'))
		own_words(outcome, said);
}

void
command_qmail(const struct config *config, const struct peer *peer, const struct message *message,
    struct outcome *outcome)
{
	const char *const arguments[] = { config->injector_path, NULL };
	struct child_environment environment;
	int envelope = memfd_create("envelope", MFD_CLOEXEC), words = memfd_create("words", MFD_CLOEXEC);
	const struct child_job job = {
		.path = config->injector_path, .arguments = arguments, .environment = environment.pointers,
		.descriptors = { message->spool, envelope, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE, words },
		.seconds = (int)config->inject_timeout,
	};
	struct child_end end;
	struct text how;

	text_start(&how, outcome->how, sizeof outcome->how);
	if (envelope < 0 || words < 0 || !io_write_all(envelope, message->envelope, message->length) ||
	    lseek(envelope, 0, SEEK_SET) != 0) {
		text_add(&how, strerror(errno));
		message_answer(outcome, ASK_TEMPORARY, "4.3.0 No room for the envelope, try again later");
	} else {
		set_environment(&environment, config, peer, message);
		child_run(&job, &end);
		text_add(&how, child_how(&end));
		child_last_words(&end, &how);
		judge_qmail(&end, words, outcome);
	}
	(void)close(envelope);
	(void)close(words);
}

