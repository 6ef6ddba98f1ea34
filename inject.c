/* Hands one whole message to the mail system as the user: sendmail, qmail-queue, maildir. */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "inject.h"
#include "base/io.h"
#include "base/address.h"
#include "base/text.h"

static int maildir = -1;	/* the directory, opened at the start */

static const char *sendmail_arguments[RECIPIENTS_MAX + 6];

static void
answer(struct outcome *outcome, char letter, const char *text)
{
	outcome->letter = letter;
	strlcpy(outcome->text, text, sizeof outcome->text);
}

/* "DIR/NAME exists and is executable": what tells one sendmail command from another. */
static bool
beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char array[600];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_bytes(&text, path, (size_t)(slash - path) + 1);
	text_add(&text, name);
	return !text.cut && access(array, X_OK) == 0;
}

/* Could DIR be made? */
static bool
may_make(const char *path)
{
	char parent[sizeof ((struct config *)NULL)->injector_path];
	char *slash;

	strlcpy(parent, path, sizeof parent);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	return access(parent, W_OK) == 0;
}

/* The directory that was just made becomes the service account's. It is open, and no symbolic link: its parent's
 * owner may have put anything in its place. */
static bool
give(int directory, const struct identity *service)
{
	bool given = directory >= 0 && fchown(directory, service->rights.uid, service->rights.gid) == 0;

	close(directory);
	return given;
}

/* Opens DIR. Where it is missing it is made, with its three parts, for the service account; but a check only
 * looks. */
static bool
open_maildir(const struct config *config, const struct identity *service)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	const char *path = config->injector_path;
	bool made = !config->check && mkdir(path, 0700) == 0;

	maildir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
	if (maildir < 0)
		return config->check && errno == ENOENT && may_make(path);
	for (int i = 0; i < 3 && !config->check; i++) {
		if (mkdirat(maildir, parts[i], 0700) != 0) {
			if (errno != EEXIST)
				return false;
		} else if (config->root && !give(openat(maildir, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC), service)) {
			return false;
		}
	}
	return !made || !config->root || fchown(maildir, service->rights.uid, service->rights.gid) == 0;
}

/* The bytes of recipients that fit beside the environment into what execve(2) takes: a quarter of it, so
 * that nothing that the user's limits or the kernel's count adds can make it too much. */
static uint64_t
argument_room(void)
{
	long most = sysconf(_SC_ARG_MAX);

	return most < 131072 ? 32768 : (uint64_t)most / 4;
}

bool
inject_ready(struct config *config, const struct identity *service, struct text *why)
{
	const char *path = config->injector_path;
	bool fine;

	config->argument_room = config->injector == INJECTOR_SENDMAIL ? argument_room() : UINT64_MAX;
	if (config->injector == INJECTOR_MAILDIR) {
		config->smtputf8 = true;
		fine = open_maildir(config, service);
	} else {
		fine = access(path, X_OK) == 0;
		/* Postfix alone takes such mail from its sendmail command without being told. */
		config->smtputf8 = config->injector == INJECTOR_SENDMAIL && fine && beside(path, "postdrop");
	}
	if (fine && config->throttle[0] != '\0' && access(config->throttle, X_OK) != 0) {
		text_add(why, "-t ");
		path = config->throttle;
		fine = false;
	} else if (!fine) {
		text_add(why, "-i ");
	}
	if (fine)
		return true;
	text_add_name(why, path);
	text_add(why, ": ");
	text_add(why, strerror(errno));
	text_add(why, config->injector == INJECTOR_MAILDIR && path == config->injector_path
	    ? "; make the directory, writable for who logs in, or give its right path"
	    : "; install the program, or give its right path");
	return false;
}

static const char *
sendmail_kind(const char *path)
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
	return "of no kind known here";
}

void
inject_print(const struct config *config)
{
	char array[700];
	struct text line;

	text_start(&line, array, sizeof array);
	text_add(&line, config->injector == INJECTOR_SENDMAIL ? "sendmail "
	    : config->injector == INJECTOR_QMAIL ? "qmail-queue " : "maildir ");
	text_add(&line, config->injector_path);
	if (config->injector == INJECTOR_SENDMAIL) {
		text_add(&line, ", ");
		text_add(&line, sendmail_kind(config->injector_path));
	}
	if (config->injector == INJECTOR_MAILDIR && maildir < 0)
		text_add(&line, ", which the first session makes");
	config_say("injector", array);
}

/* F sender NUL, T recipient NUL ..., NUL, and every address as address_read() leaves one. */
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
	for (at += strlen(at) + 1; *at == 'T'; at += strlen(at) + 1) {
		at++;
		if (!address_valid(at))
			return false;
		message->recipients++;
		arguments += strlen(at) + 1 + sizeof(char *);
	}
	return at == end - 1 && message->recipients > 0 && message->recipients <= config->max_recipients &&
	    arguments <= config->argument_room;
}

static void
add_number(struct child_environment *environment, const char *name, uint64_t number)
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
	char array[700];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, "from ");
	text_add(&text, peer->host[0] != '\0' ? peer->host : "unknown");
	text_add(&text, peer->address[0] == '\0' ? " (unknown" : " ([");
	text_add(&text, peer->address);
	text_add(&text, peer->address[0] == '\0' ? ") by " : "]) by ");
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

/* --throttle-script: may this user send this now? */
static bool
throttle(const struct config *config, struct child_environment *environment, const struct message *message,
    struct outcome *outcome)
{
	const char *const arguments[] = { config->throttle, message->login, NULL };
	const struct child_job job = {
		.path = config->throttle, .arguments = arguments, .environment = environment->pointers,
		.descriptors = { STDIN_FILENO, CHILD_SAID, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE }, .seconds = INJECTOR_SECONDS,
	};
	struct child_end end;
	struct text how;

	child_environment_add(environment, "SENDER", *message->sender == '\0' ? "<>" : message->sender);
	add_number(environment, "RECIPIENTS", message->recipients);
	add_number(environment, "SIZE", message->size);
	child_run(&job, &end);
	if (end.how == CHILD_EXITED && end.status == 0)
		return true;
	text_start(&how, outcome->how, sizeof outcome->how);
	text_add(&how, "throttle script: ");
	text_add(&how, child_how(&end));
	child_last_words(&end, &how);
	if (end.how != CHILD_NOT_STARTED)
		answer(outcome, 'Z', "4.7.1 Sending limit reached, try again later");
	else
		answer(outcome, 'Z', "4.3.0 Sending limit could not be checked, try again later");
	return false;
}

/* Temporary until an exit status says otherwise. True: there is one. */
static bool
ended(const struct child_end *end, struct outcome *outcome)
{
	answer(outcome, 'Z', end->how == CHILD_LATE
	    ? LATE_CODE "The mail system did not answer in time, closing connection"
	    : "4.3.0 The mail system did not take the message, try again later");
	return end->how == CHILD_EXITED;
}

/* sysexits.h, as far as every sendmail command means the same by them; what may be our own mistake or pass
 * by is temporary. */
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
		answer(outcome, 'K', "");
	for (size_t i = 0; i < sizeof permanent / sizeof *permanent; i++)
		if (end->status == permanent[i].status)
			answer(outcome, 'D', permanent[i].text);
}

static void
send_sendmail(const struct config *config, struct child_environment *environment, const struct message *message,
    struct outcome *outcome)
{
	const struct child_job job = {
		.path = config->injector_path, .arguments = sendmail_arguments,
		.environment = environment->pointers, .seconds = INJECTOR_SECONDS,
		.descriptors = { message->spool, CHILD_SAID, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE,
		    CHILD_NONE },
	};
	struct child_end end;
	struct text how;
	int count = 0;

	sendmail_arguments[count++] = config->injector_path;
	sendmail_arguments[count++] = "-i";	/* a line of one dot does not end the message */
	sendmail_arguments[count++] = "-f";
	/* Every sendmail command takes <> for the null sender; only some take an empty argument. */
	sendmail_arguments[count++] = *message->sender == '\0' ? "<>" : message->sender;
	sendmail_arguments[count++] = "--";
	for (const char *at = message->sender + strlen(message->sender) + 1; *at == 'T'; at += strlen(at) + 1)
		sendmail_arguments[count++] = ++at;
	sendmail_arguments[count] = NULL;
	child_run(&job, &end);
	text_start(&how, outcome->how, sizeof outcome->how);
	text_add(&how, child_how(&end));
	child_last_words(&end, &how);
	judge_sendmail(&end, outcome);
}

/* "Dtext" or "Ztext" from a queue program that ended with 82: its letter, and a text with an enhanced code. */
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
	answer(outcome, permanent ? 'D' : 'Z', array);
}

/* Exit statuses of qmail-queue(8). */
static void
judge_qmail(const struct child_end *end, int words, struct outcome *outcome)
{
	char said[300] = "";

	if (!ended(end, outcome))
		return;
	if (end->status == 0)
		answer(outcome, 'K', "");
	else if (end->status == 11 || end->status == 115)
		answer(outcome, 'D', "5.1.3 Address refused by the mail system: too long");
	else if (end->status == 31)
		answer(outcome, 'D', "5.7.1 Message refused by the mail system");
	else if (end->status >= 11 && end->status <= 40)
		answer(outcome, 'D', "5.3.0 Message refused by the mail system");
	else if (end->status == 82 && pread(words, said, sizeof said - 1, 0) > 1 &&
	    (said[0] == 'D' || said[0] == 'Z'))
		own_words(outcome, said);
}

static void
send_qmail(const struct config *config, struct child_environment *environment, const struct message *message,
    struct outcome *outcome)
{
	const char *const arguments[] = { config->injector_path, NULL };
	int envelope = memfd_create("envelope", MFD_CLOEXEC), words = memfd_create("words", MFD_CLOEXEC);
	const struct child_job job = {
		.path = config->injector_path, .arguments = arguments, .environment = environment->pointers,
		.descriptors = { message->spool, envelope, CHILD_SAID, CHILD_NONE, CHILD_NONE, CHILD_NONE, words },
		.seconds = INJECTOR_SECONDS,
	};
	struct child_end end;
	struct text how;

	text_start(&how, outcome->how, sizeof outcome->how);
	if (envelope < 0 || words < 0 || !io_write_all(envelope, message->envelope, message->length) ||
	    lseek(envelope, 0, SEEK_SET) != 0) {
		text_add(&how, strerror(errno));
		answer(outcome, 'Z', "4.3.0 No room for the envelope, try again later");
	} else {
		child_run(&job, &end);
		text_add(&how, child_how(&end));
		child_last_words(&end, &how);
		judge_qmail(&end, words, outcome);
	}
	close(envelope);
	close(words);
}

/* Writes the message with its envelope in front into the open file. */
static bool
write_delivery(int file, const struct message *message)
{
	char array[ADDRESS_MAX + 32];
	struct text line;
	off_t at = 0;

	text_start(&line, array, sizeof array);
	text_add(&line, "Return-Path: <");
	text_add(&line, message->sender);
	text_add(&line, ">\n");
	if (!io_write_all(file, array, line.used))
		return false;
	for (const char *to = message->sender + strlen(message->sender) + 1; *to == 'T'; to += strlen(to) + 1) {
		text_start(&line, array, sizeof array);
		text_add(&line, "X-Envelope-To: <");
		text_add(&line, ++to);
		text_add(&line, ">\n");
		if (!io_write_all(file, array, line.used))
			return false;
	}
	while ((uint64_t)at < message->size) {
		ssize_t sent = sendfile(file, message->spool, &at, message->size - (uint64_t)at);

		if (sent == 0)
			errno = EIO;	/* shorter than it was: not the message that was asked for */
		if (sent == 0 || (sent < 0 && errno != EINTR))
			return false;
	}
	return fsync(file) == 0;
}

/* maildir(5): a file of its own in tmp, on the disk, then by one rename in new, and that on the disk too. */
static void
send_maildir(const struct config *config, const struct message *message, struct outcome *outcome)
{
	char temporary[128], final[128];
	struct text name;
	int file, directory, error;
	bool written = false, renamed = false;

	text_start(&name, temporary, sizeof temporary);
	text_add(&name, "tmp/");
	text_add_number(&name, (uint64_t)time(NULL));
	text_add_byte(&name, '.');
	text_add(&name, message->id);
	text_add_byte(&name, '_');
	text_add_number(&name, message->number);
	text_add_byte(&name, '.');
	text_add_clean(&name, config->hostname, 60);
	strlcpy(final, temporary, sizeof final);
	memcpy(final, "new/", 4);
	file = openat(maildir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	error = errno;
	if (file >= 0) {
		written = write_delivery(file, message);
		if (close(file) != 0)
			written = false;
		directory = openat(maildir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (written && directory >= 0 && renameat(maildir, temporary, maildir, final) == 0)
			renamed = fsync(directory) == 0 || unlinkat(maildir, final, 0) != 0;
		error = errno;
		if (!renamed)
			unlinkat(maildir, temporary, 0);
		if (directory >= 0)
			close(directory);
	}
	if (renamed) {
		strlcpy(outcome->how, final, sizeof outcome->how);
		answer(outcome, 'K', "");
	} else {
		strlcpy(outcome->how, strerror(error), sizeof outcome->how);
		answer(outcome, 'Z', "4.3.0 The message could not be stored, try again later");
	}
}

/* The spool from its beginning with an offset of its own: what an earlier injector left running reads on from
 * the old one. */
static bool
open_again(int spool)
{
	char array[40];
	struct text path;
	int fresh;
	bool fine;

	text_start(&path, array, sizeof array);
	text_add(&path, "/proc/self/fd/");
	text_add_number(&path, (uint64_t)spool);
	fresh = open(array, O_RDONLY | O_CLOEXEC);
	fine = fresh >= 0 && dup3(fresh, spool, O_CLOEXEC) == spool;
	close(fresh);
	return fine;
}

void
inject_send(const struct config *config, const struct peer *peer, struct message *message,
    struct outcome *outcome)
{
	struct child_environment environment;
	struct stat status;

	*outcome = (struct outcome){ 0 };
	if (!read_envelope(config, message))
		return;
	/* The offset is ours alone, and moved only by the injector of an earlier message. */
	if (fstat(message->spool, &status) != 0 ||
	    (message->number > 1 && !open_again(message->spool))) {
		strlcpy(outcome->how, strerror(errno), sizeof outcome->how);
		answer(outcome, 'Z', "4.3.0 The spool cannot be read, try again later");
		return;
	}
	message->size = (uint64_t)status.st_size;
	set_environment(&environment, config, peer, message);
	if (config->throttle[0] != '\0') {
		if (!throttle(config, &environment, message, outcome))
			return;
		set_environment(&environment, config, peer, message);
	}
	if (config->injector == INJECTOR_SENDMAIL)
		send_sendmail(config, &environment, message, outcome);
	else if (config->injector == INJECTOR_QMAIL)
		send_qmail(config, &environment, message, outcome);
	else
		send_maildir(config, message, outcome);
	if (outcome->letter == 'K') {
		struct text text;

		text_start(&text, outcome->text, sizeof outcome->text);
		text_add(&text, "2.0.0 Message accepted, id ");
		text_add(&text, message->id);
		text_add_byte(&text, '.');
		text_add_number(&text, message->number);
	}
}
