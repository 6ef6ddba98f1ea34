/* All that --check says: what a start here would do, and what is wrong with it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "auth/checker.h"
#include "auth/file.h"
#include "auth/inspect.h"
#include "auth/passwd.h"
#include "auth/pwhash.h"
#include "base/apart.h"
#include "base/child.h"
#include "base/drop.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/text.h"
#include "check.h"
#include "inject.h"
#include "inject/command.h"
#include "inject/maildir.h"
#include "inject/policy.h"
#include "inject/relay.h"
#include "inject/senders.h"

#define PROGRAM_MEMORY (16 << 20)	/* bytes of addresses, rounded up */
#define CAGE_SECONDS 10
#define ENTRIES_TRIED 100	/* of a password file: who may write to the maildir */
#define ENTRIES_SECONDS 10	/* and no further one is after so long: a directory of accounts may be slow */
#define LEAST_SIZE 65536	/* bytes of a message: RFC 5321 section 4.5.3.1.7 */

static int wrong;	/* how many things are */
static unsigned served;	/* enum config_mechanism: what some authenticator can serve */

/* NAME: PATH: VALUE; `path` may be NULL. */
static void
say_of(const char *name, const char *path, const char *value)
{
	char array[1600];
	struct text line;

	text_start(&line, array, sizeof array);
	text_add(&line, name);
	text_add(&line, ": ");
	text_add(&line, path != NULL ? path : "");
	text_add(&line, path != NULL ? ": " : "");
	text_add(&line, value);
	text_add_byte(&line, '\n');
	if (!io_write_all(STDOUT_FILENO, array, line.used))
		_exit(111);
}

static void
say(const char *name, const char *value)
{
	say_of(name, NULL, value);
}

static void
say_wrong(const char *what)
{
	say("wrong", what);
	wrong++;
}

static void
say_number(const char *name, uint64_t number, const char *unit)
{
	char array[64];
	struct text value;

	text_start(&value, array, sizeof array);
	text_add_number(&value, number);
	text_add(&value, unit);
	say(name, array);
}

static const char *
kind_of(int descriptor)
{
	struct stat status;

	(void)fstat(descriptor, &status);	/* a closed one is /dev/null by now */
	return S_ISSOCK(status.st_mode) ? "socket" : S_ISFIFO(status.st_mode) ? "pipe"
	    : S_ISREG(status.st_mode) ? "file" : S_ISDIR(status.st_mode) ? "directory"
	    : S_ISCHR(status.st_mode) ? "device or terminal" : "something else";
}

static void
say_descriptors(const struct check *check)
{
	say("descriptor 0", kind_of(STDIN_FILENO));
	say("descriptor 1", kind_of(STDOUT_FILENO));
	say("descriptor 2", kind_of(STDERR_FILENO));
	say("log", !check->log_to_syslog ? "descriptor 2" : access("/dev/log", W_OK) == 0
	    ? "syslog, since descriptor 2 is the client's connection"
	    : "nowhere: descriptor 2 is the client's connection and there is no /dev/log");
}

static void
say_mechanisms(const struct config *config)
{
	char array[200];
	struct text list;

	text_start(&list, array, sizeof array);
	for (int i = 0; config_mechanism_names[i] != NULL; i++)
		if ((config->mechanisms & 1u << i) != 0) {
			text_add(&list, list.used > 0 ? " " : "");
			text_add(&list, config_mechanism_names[i]);
		}
	say("AUTH", array);
}

static void
say_connection(const struct config *config, const struct peer *peer)
{
	const char *input = kind_of(STDIN_FILENO);
	bool connection = strcmp(input, "socket") == 0 || strcmp(input, "pipe") == 0;
	const char *safe = peer->tls != TLS_NONE ? peer_tls_name(peer)
	    : config->allow_cleartext ? "--allow-cleartext" : NULL;

	say("client", peer->client);
	say("client address from", peer_source_name(peer));
	say("encrypted", peer_encrypted(peer) ? peer_tls_name(peer) : "no");
	if ((config->mechanisms & MECHANISM_EXTERNAL) != 0)
		say("client certificate", !peer_certified(peer) ? "none that was verified"
		    : peer->certificate[peer->certificate[0][0] == '\0']);
	if (config->starttls == STARTTLS_REQUIRED || (safe == NULL && config->starttls == STARTTLS_OFFERED))
		say("AUTH", "after STARTTLS");
	else if (safe != NULL)
		say_mechanisms(config);
	else if (connection)
		say("AUTH", "not offered: the connection is neither encrypted nor local; if a TLS wrapper is in "
		    "front that does not tell us so, give --behind-tls");
	else
		say("AUTH", "not offered: depends on the connection, and descriptor 0 is no connection; put --check "
		    "into the door's file, see ofmipd-doors(7)");
	if (safe != NULL)
		say("AUTH offered because", safe);
}

/* A password file under examination. */
struct reading {
	const char *path;
	unsigned findings;
};

enum { FINDINGS_MAX = 20 };	/* things of a password file that are named; the rest is counted */

/* What inspect_file() found: "wrong: PATH: line N: WHAT; REMEDY" */
static void
say_finding(void *context, enum inspect_kind kind, const char *text)
{
	struct reading *reading = context;
	bool bad = kind == INSPECT_UNSOUND || kind == INSPECT_WRONG;

	wrong += bad;
	if (reading->findings++ < FINDINGS_MAX)
		say_of(bad ? "wrong" : "warning", reading->path, text);
}

/* What is wrong with the file as such: the word of file_fault(), and what to do. */
static void
say_file_fault(const char *path, const char *fault)
{
	static const struct {
		const char *fault, *remedy;
	} remedies[] = {
		{ "password-file-owner", "its owner is neither root nor the service account; chown root" },
		{ "password-file-writable", "others than its owner can write it; chmod go-w" },
		{ "cleartext-password-file-readable",
		    "it holds clear text that group or others can read; chmod 600" },
	};

	wrong++;
	for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
		if (strcmp(fault, remedies[i].fault) == 0)
			say_of("wrong", path, remedies[i].remedy);
}

static void
say_password_file(const struct check *check, const char *path)
{
	struct reading reading = { .path = path };
	struct inspect inspect;
	char array[1000];
	struct text line;
	struct file file;
	const char *fault;

	/* Where it goes, or changes its mode, after the look that was taken at its path; or nothing more can be
	 * opened. */
	if (!passwd_open(&file, path)) {
		served = ~0u;	/* nobody knows */
		wrong++;
		say_of("wrong", path, "not a regular file that can be read; give the password file's path");
		return;
	}
	if (!inspect_file(&file, say_finding, &reading, &inspect))
		say_wrong("no memory to look for names that stand twice in the password file");
	served |= MECHANISM_PLAIN | MECHANISM_LOGIN | (inspect.scram > 0 ? MECHANISM_SCRAM : 0) |
	    (inspect.cram_md5 > 0 ? MECHANISM_CRAM_MD5 : 0) | (inspect.certificates > 0 ? MECHANISM_EXTERNAL : 0);
	text_start(&line, array, sizeof array);
	text_add(&line, path);
	text_add(&line, ", mode ");
	for (int shift = 9; shift >= 0; shift -= 3)
		text_add_number(&line, (file.status.st_mode >> shift) & 7);
	text_add(&line, ", owner ");
	text_add_number(&line, file.status.st_uid);
	text_add(&line, ", entries ");
	text_add_number(&line, inspect.entries);
	text_add(&line, inspect.cleartext != 0 ? ", clear text in it" : "");
	say("password file", array);
	if (reading.findings > FINDINGS_MAX) {
		text_start(&line, array, sizeof array);
		text_add(&line, "more lines like these: ");
		text_add_number(&line, reading.findings - FINDINGS_MAX);
		say_of("warning", path, array);
	}
	if (!passwd_indexed(&file))
		say_of("warning", path,
		    "it has no index that can be used, so each login reads all of it; ofmipd-passwd --index");
	fault = file_fault(&file.status, &check->service->rights, inspect.cleartext != 0);
	if (fault != NULL)
		say_file_fault(path, fault);
	else if ((file.status.st_mode & (S_IRGRP | S_IROTH)) != 0)
		say("warning", "group or others can read the hashes of the password file; chmod 600");
}

/* What a Dovecot server adds to --mechanisms. */
static void
say_dovecot(const struct check *check, bool alone)
{
	const struct auth_context context = { .config = check->config, .peer = check->peer, .service = check->service,
	    .id = "check" };
	const char *list = auth_mechanisms(&context);

	say("Dovecot's mechanisms", list[0] != '\0' ? list : "unknown");
	if (list[0] == '\0') {
		served = ~0u;
		say("warning", "no Dovecot server answers: its users are told to try again later (454); start it, "
		    "or give the right -D");
	}
	for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		if (text_is(at, length, "PLAIN") || text_is(at, length, "LOGIN"))	/* one for the other */
			served |= MECHANISM_PLAIN | MECHANISM_LOGIN;
		if (text_is(at, length, "SCRAM-SHA-256"))
			served |= MECHANISM_SCRAM;
		if (text_is(at, length, "CRAM-MD5") && alone)	/* else the challenge is ours: it knows its own */
			served |= MECHANISM_CRAM_MD5;
		at += length;
	}
}

static void
say_unserved(const struct config *config)
{
	static const char *const warnings[] = {		/* in the order of enum config_mechanism */
		"nobody serves PLAIN, which is offered: let Dovecot list PLAIN or LOGIN, or give -a or -A",
		"nobody serves LOGIN, which is offered: let Dovecot list PLAIN or LOGIN, or give -a or -A",
		"nobody serves SCRAM-SHA-256, which is offered: it takes an entry of the form {SCRAM-SHA-256}, which "
		    "ofmipd-passwd --scheme scram-sha-256 makes",
		"nobody serves CRAM-MD5, which is offered: it takes an entry in clear text or of the form {CRAM-MD5}, "
		    "a checkpassword program that knows it, or Dovecot alone; or take it out of --mechanisms",
		"nobody serves EXTERNAL, which --mechanisms names: it takes an entry with cert=, see "
		    "ofmipd-authfile(5)",
	};

	for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++)
		if ((config->mechanisms & ~served & 1u << i) != 0)
			say("warning", warnings[i]);
}

static void
say_authenticators(const struct check *check)
{
	int dovecots = 0;

	for (int i = 0; i < check->config->authenticator_count; i++) {
		const struct authenticator *authenticator = &check->config->authenticators[i];
		char array[1000];
		struct text why;

		dovecots += authenticator->kind == AUTHENTICATOR_DOVECOT;
		text_start(&why, array, sizeof array);
		if (authenticator->kind == AUTHENTICATOR_PROGRAM)
			served |= MECHANISM_PLAIN | MECHANISM_LOGIN | MECHANISM_CRAM_MD5;
		if (!auth_ready(authenticator, &why))
			say_wrong(array);
		else if (authenticator->kind == AUTHENTICATOR_DOVECOT)
			say("Dovecot server", authenticator->path);
		else if (authenticator->kind == AUTHENTICATOR_FILE)
			say_password_file(check, authenticator->path);
		else
			say("checkpassword program", authenticator->path);
	}
	if (dovecots > 0)
		say_dovecot(check, dovecots == check->config->authenticator_count);
	say_unserved(check->config);
}

/* Each relay is asked, one after the other. */
static void
say_relays(const struct check *check)
{
	static const char *const names[] = { "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "AUTH", "XCLIENT" };
	const struct config *config = check->config;
	const unsigned wanted = (config->offer_smtputf8 ? RELAY_SMTPUTF8 : 0) | (config->offer_dsn ? RELAY_DSN : 0);
	int count = relay_count(config);

	for (int i = 0; i < count; i++) {
		struct relay_facts facts;
		char array[500];
		struct text line;

		relay_ask(config, check->service, i, &facts);
		text_start(&line, array, sizeof array);
		if (!facts.reached) {
			text_add(&line, "relay ");
			text_add(&line, facts.fault);
			say("warning", array);
			continue;
		}
		text_add(&line, facts.name);
		text_add(&line, " offers");
		for (unsigned offer = 0; offer < sizeof names / sizeof *names; offer++) {
			if ((facts.offers & 1U << offer) == 0)
				continue;
			text_add_byte(&line, ' ');
			text_add(&line, names[offer]);
		}
		text_add(&line, (facts.offers & RELAY_XCLIENT) != 0 ? "; it is told the client and the login" :
		    (facts.offers & RELAY_AUTH) != 0 ? "; it is told the login, not the client (no XCLIENT)" :
		    "; it is told neither the client nor the login (no XCLIENT, no AUTH)");
		say("relay", array);
		if ((wanted & ~facts.offers) == 0)
			continue;
		text_start(&line, array, sizeof array);
		text_add(&line, "--offer: relay ");
		text_add(&line, facts.name);
		text_add(&line, " does not carry");
		text_add(&line, (wanted & ~facts.offers & RELAY_SMTPUTF8) != 0 ? " SMTPUTF8" : "");
		text_add(&line, (wanted & ~facts.offers & RELAY_DSN) != 0 ? " DSN" : "");
		text_add(&line, "; drop that, or give a relay that does");
		say_wrong(array);
	}
}

/* Somebody who has logged in, perhaps. */
struct user {
	const struct check *check;
	struct identity identity;
};

/* As that user. That nobody can be become is said of the cage. */
static int
try_maildir(void *context, int said)
{
	const struct user *user = context;
	const struct rights *rights = &user->identity.rights;
	const char *error;

	if (!drop_become(rights, user->check->config->root) ||
	    maildir_writable(rights->uid == user->check->service->rights.uid))
		return 0;
	error = strerror(errno);
	return !io_write_all(said, error, strlen(error));
}

/* Who would log in with this entry, and why can they not put messages into the maildir? False: nobody, or they can. */
static bool
is_shut_out(const struct file *file, const struct entry *entry, struct user *user, struct child_end *end)
{
	const struct config *config = user->check->config;
	const struct identity *service = user->check->service;
	const struct attempt attempt = { .config = config, .service = service };
	const struct child_job job = { .inside = try_maildir, .context = user, .seconds = ENTRIES_SECONDS };
	const bool own = config->root && entry->fields[UID][0] != '\0';
	struct rights *rights = &user->identity.rights;
	const char *at[2];

	/* A locked one may have other passwords: lines with a label. */
	if (pwhash_verify(entry->fields[PASSWORD], entry->count == 2, NULL) == PWHASH_LOCKED &&
	    passwd_find(file, entry->fields[USER], at, 2) == 1)
		return false;
	user->identity = *service;
	if (own ? !passwd_ids(&user->identity, entry)
	    : !checker_identity_by_name(&attempt, entry->fields[USER], &user->identity))
		return false;
	if (own) {
		rights->groups[0] = rights->gid;
		rights->group_count = 1;
	}
	if (!checker_rights_allowed(config, service, rights))
		return false;
	child_run(&job, end);
	return end->how == CHILD_EXITED && end->length > 0;
}

static void
say_one_shut_out(const struct user *user, const char *why, const char *path)
{
	char array[1200];
	struct text line;

	text_start(&line, array, sizeof array);
	text_add(&line, "-i maildir: user ");
	text_add_visible(&line, user->identity.user, USER_MAX);
	text_add(&line, " is uid ");
	text_add_number(&line, user->identity.rights.uid);
	text_add(&line, " and may not write there (");
	text_add(&line, why);
	if (user->identity.rights.uid == user->check->service->rights.uid) {
		text_add(&line, "), so each mail is answered 451; chown -R the directory to that uid");
	} else {
		text_add(&line, "), so each mail is answered 451; chmod 755 the directory and 1777 its tmp and new, "
		    "or give such users the service account's uid and gid in ");
		text_add(&line, path);
	}
	say_wrong(array);
}

/* The first of a password file's users who cannot put messages into the maildir, if there is one among so many. */
static void
say_shut_out(const struct check *check, const char *path)
{
	const int64_t deadline = io_now() + ENTRIES_SECONDS * 1000;
	struct user user = { .check = check };
	struct child_end end;
	struct entry entry;
	struct file file;
	int left = ENTRIES_TRIED;

	if (!passwd_open(&file, path))
		return;
	for (const char *at = file.bytes; at < file.bytes + file.length && left > 0 && io_now() < deadline;
	    at = passwd_next(&file, at)) {
		if (!passwd_is_entry(&file, at) || !passwd_entry(&file, at, &entry))
			continue;
		left--;
		if (!is_shut_out(&file, &entry, &user, &end))
			continue;
		say_one_shut_out(&user, end.said, path);
		left = 0;
	}
	explicit_bzero(&entry, sizeof entry);
	passwd_close(&file);
}

static void
say_injector(const struct check *check)
{
	const struct config *config = check->config;
	const char *kind = command_kind(config->injector_path);
	char array[700];
	struct text line;
	bool ready, shared;

	text_start(&line, array, sizeof array);
	ready = inject_ready(check->config, check->service, &line);
	if (!ready)
		say_wrong(array);
	text_start(&line, array, sizeof array);
	text_add(&line, config->injector == INJECTOR_SENDMAIL ? "sendmail "
	    : config->injector == INJECTOR_QMAIL ? "qmail-queue " : config->injector == INJECTOR_SMTP ? "smtp relay "
	    : "maildir ");
	text_add(&line, config->injector_path);
	if (config->injector == INJECTOR_SENDMAIL) {
		text_add(&line, ", ");
		text_add(&line, kind != NULL ? kind : "of no kind known here");
	}
	if (config->injector == INJECTOR_MAILDIR && !maildir_exists())
		text_add(&line, ", which the first session makes");
	say("injector", array);
	if (config->injector == INJECTOR_SMTP)
		say_relays(check);
	shared = ready && config->injector == INJECTOR_MAILDIR;
	for (int i = 0; shared && i < config->authenticator_count; i++)
		if (config->authenticators[i].kind == AUTHENTICATOR_FILE)
			say_shut_out(check, config->authenticators[i].path);
	say("SMTPUTF8", config->smtputf8 ? "offered" : "not offered: the injector does not carry it");
}

static const char *senders_path;

static void
say_sender_fault(unsigned number, const char *fault)
{
	char array[1000];
	struct text line;

	wrong++;
	text_start(&line, array, sizeof array);
	text_add(&line, "line ");
	text_add_number(&line, number);
	text_add(&line, ": ");
	text_add(&line, fault);
	say_of("wrong", senders_path, array);
}

static void
say_sender_rule(const struct config *config)
{
	senders_path = config->senders;
	if (config->senders[0] != '\0')
		say("sender rule", config->senders);
	else
		say("sender rule", config->own_address ? "--own-address"
		    : "none: every login may send as any address; give -s FILE or --own-address");
	if (config->fix_sender)
		say("sender rule, header", "From as it is, Sender set to the login's address");
	if (config->senders[0] != '\0' && !senders_check(say_sender_fault))
		say_wrong("-s: the table cannot be read");
}

static void
say_options(const struct config *config)
{
	static const char *const received[] = { "HELO, host name and address", "HELO, host name, address and login",
	    "HELO", "nothing of the client" };
	const char *fault;

	say("hostname", config->hostname);
	say("domain", config->domain);
	if (config->max_size == UINT64_MAX)
		say("max-size", "no limit");
	else
		say_number("max-size", config->max_size, " bytes");
	if (config->max_size < LEAST_SIZE)
		say_wrong("--max-size or DATABYTES: less than the 65536 bytes that every server takes "
		    "(RFC 5321 section 4.5.3.1.7), so ordinary messages are refused; sizes take K, M and G");
	say_number("max-recipients", config->max_recipients, "");
	if (config->argument_room == UINT64_MAX)
		say("room for recipients", "no limit");
	else
		say_number("room for recipients", config->argument_room, " bytes");
	say_number("timeout", config->timeout, " s");
	say_number("login-timeout", config->login_timeout, " s");
	say_number("inject-timeout", config->inject_timeout, " s");
	say_number("min-uid", config->min_uid, "");
	say_sender_rule(config);
	say("Received shows", received[config->received]);
	say("throttle-script", config->throttle[0] == '\0' ? "none" : config->throttle);
	say("policy", config->policy[0] == '\0' ? "none" : config->policy);
	if (config->policy[0] != '\0' && (fault = policy_fault(config)) != NULL)
		say("policy server", fault);
	if (config->proxy_from[0] != '\0')
		say("PROXY header expected from", config->proxy_from);
	say("PROXY header", config->proxy ? "expected" : "no");
	if (config->xclient_from[0] != '\0') {
		say("XCLIENT allowed from", config->xclient_from);
		say("XCLIENT", config->xclient ? "offered" : "no");
	}
	say("STARTTLS", config->starttls == STARTTLS_NONE ? "no (no UCSPI-TLS server in front)"
	    : config->starttls == STARTTLS_REQUIRED ? "required" : "offered");
	if (strchr(config->domain, '.') == NULL)
		say("warning", "the domain has no dot: <user> becomes user@it, and others cannot answer; give "
		    "--hostname and --domain");
}

static void
say_landlock(void)
{
	char array[300];
	struct text line;
	long version = drop_landlock_version();
	int error = errno;

	text_start(&line, array, sizeof array);
	if (version > 0) {
		text_add(&line, "version ");
		text_add_number(&line, (uint64_t)version);
	} else {
		text_add(&line, "none (");
		text_add(&line, error == ENOSYS || error == EOPNOTSUPP ?
		    "the kernel is without it, or it is switched off" : "refused, as container managers do");
		text_add(&line, "): the session's cage holds without it");
	}
	say("Landlock", array);
}

/* The session's cage, closed around a process that does nothing else: what failed, or nothing. */
static int
try_cage(void *context, int said)
{
	const struct check *check = context;
	const struct rights rights = { .uid = check->service->rights.uid, .gid = check->service->rights.gid };
	const struct drop_cage cage = {
		.rights = &rights, .id = "check", .root = check->config->root, .file_size = LEAST_SIZE,
		.files = (unsigned)said + 1, .wall = said, .readable = { -1, -1 }, .writable = { -1, -1, -1 },
	};
	const enum drop_step failed = drop_end_after(CAGE_SECONDS) ? drop_cage(&cage) : DROP_TIMER;
	const char *error = strerror(errno);
	char array[400];
	struct text line;

	if (failed == DROP_DONE)
		return 0;
	text_start(&line, array, sizeof array);
	text_add(&line, drop_faults[failed].name);
	text_add(&line, ": ");
	text_add(&line, error);
	text_add(&line, drop_faults[failed].remedy);
	return !io_write_all(said, array, line.used);
}

static void
say_cage(const struct check *check)
{
	const struct child_job job = { .inside = try_cage, .context = (void *)(uintptr_t)check,
	    .seconds = CAGE_SECONDS };
	struct child_end end;
	char array[600];
	struct text line;

	child_run(&job, &end);
	if (end.how == CHILD_EXITED && end.length == 0) {
		say("cage", "holds");
		return;
	}
	text_start(&line, array, sizeof array);
	text_add(&line, "the session's cage: ");
	text_add(&line, end.length > 0 ? end.said : child_how(&end));
	say_wrong(array);
}

/* What fails only when the first user with such a password logs in, or with the first message. */
static void
say_limits(const struct config *config)
{
	static const int resources[] = { RLIMIT_AS, RLIMIT_DATA };
	struct rlimit limit;
	bool little = false;

	for (int i = 0; i < 2; i++)
		little |= getrlimit(resources[i], &limit) == 0 && limit.rlim_cur < PWHASH_MEMORY + PROGRAM_MEMORY;
	if (little)
		say("warning", "less than 80 MiB of memory are allowed: yescrypt takes 16 MiB for a login, Argon2 "
		    "often 64; raise the limit (ulimit -v, ulimit -d, softlimit -m)");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_LEAST)
		say_wrong(FILES_FAULT);
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < config->max_size)
		say_wrong("files may not grow to --max-size, so larger messages are answered 452; raise the limit "
		    "(ulimit -f, softlimit -f), or lower --max-size");
}

int
check_refused(const struct check *check, const char *why)
{
	say_descriptors(check);
	say_wrong(why);
	return 1;
}

/* Is there room in the directory? Where its file system cannot make a file without a name, nobody knows. */
static bool
has_room(const char *directory)
{
	const char page[4096] = { 0 };
	int file = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	bool written = file >= 0 && io_write_all(file, page, sizeof page) && fsync(file) == 0;
	int error = errno;

	(void)close(file);
	errno = error;
	return written || (error != ENOSPC && error != EDQUOT);
}

/* The files of --state; the first session makes them. */
static void
say_state(const struct config *config)
{
	static SELDOM struct memory memory;
	const bool constant = access(config->state, W_OK) != 0 && errno == EROFS;
	char array[400];
	struct text line;
	int faults;

	if (config->state[0] == '\0')
		return;
	say("state", config->state);
	memory_look(&memory, config->state);
	for (faults = 0;; faults++) {
		text_start(&line, array, sizeof array);
		text_add(&line, "--state ");
		text_add_name(&line, config->state);
		text_add(&line, ": ");
		if (!memory_fault(&memory, &line))
			break;
		text_add(&line, "; nothing of that kind is remembered: ");
		text_add(&line, constant ? "mount its file system for writing, or give another directory"
		    : "make the directory, mode 700, of the user who starts the program");
		say_wrong(array);
	}
	if (faults == 0 && !has_room(config->state)) {
		text_add(&line, strerror(errno));
		text_add(&line, "; nothing new is remembered: make room, or give another directory");
		say_wrong(array);
	}
	if (config->quota_hour > 0)
		say_number("quota", config->quota_hour, " recipients an hour");
	if (config->quota_day > 0)
		say_number("quota", config->quota_day, " recipients a day");
}

int
check_run(const struct check *check)
{
	const struct config *config = check->config;

	say_descriptors(check);
	say_connection(config, check->peer);
	say("started as", config->root ? "root" : "an ordinary user: it can become nobody else");
	if (check->service_fault != NULL)
		say_wrong(check->service_fault);
	else
		say("service account", config->root ? config->user : "whoever starts the program");
	say_landlock();
	if (check->service_fault == NULL)
		say_cage(check);
	say_limits(config);
	if (access("/proc/self/fd", X_OK) != 0)
		say_wrong("/proc is not mounted: no message can be handed over, no checkpassword program asked; "
		    "mount it");
	say_authenticators(check);
	say_injector(check);
	say_state(config);
	say_options(config);
	if (check->log_to_syslog && access("/dev/log", W_OK) != 0)
		say_wrong("nothing can be logged: start a syslog daemon, or log to another descriptor 2");
	return wrong > 0;
}
