/* Options and environment: read once at the start, never changed after the fork. */
#include <bsd/string.h>
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/config.h"
#include "base/dial.h"
#include "base/io.h"
#include "base/network.h"

enum {
	OPTION_BEHIND_TLS = 256, OPTION_ALLOW_CLEARTEXT, OPTION_PROXY, OPTION_HOSTNAME, OPTION_DOMAIN,
	OPTION_MAX_SIZE, OPTION_MAX_RECIPIENTS, OPTION_TIMEOUT, OPTION_LOGIN_TIMEOUT, OPTION_INJECT_TIMEOUT,
	OPTION_MIN_UID, OPTION_MECHANISMS, OPTION_RECEIVED, OPTION_OWN_ADDRESS, OPTION_FIX_SENDER, OPTION_OFFER,
	OPTION_POLICY, OPTION_STATE, OPTION_QUOTA, OPTION_PROXY_FROM, OPTION_XCLIENT_FROM,
	OPTION_IGNORED, OPTION_TMDA	/* the last: OPTION_TMDA + row of tmda[] */
};

/* Every option, in the order of the manual page. One without `help` is accepted, but not shown. */
static const struct row {
	int letter;
	char name[16], argument[16], help[76];	/* no pointers: each would be relocated at every start */
} rows[] = {
	{ 'a', "authfile", "FILE", "password file: Dovecot passwd-file lines, or tmda's user:password" },
	{ 'A', "authprog", "COMMAND", "checkpassword program; words split at blanks, no shell" },
	{ 'm', "pam", "SERVICE", "the same as -A \"ofmipd-checkpam SERVICE\"" },
	{ 'R', "remoteauth", "URL", "the same as -A \"ofmipd-checkremote URL\": ask an IMAP server or another" },
	{ 'D', "authsock", "SOCKET", "Dovecot authentication server: PATH or ADDRESS:PORT" },
	{ 'i', "inject", "KIND[:PATH]", "sendmail (default), qmail, maildir:DIR, smtp:RELAY,..." },
	{ OPTION_OFFER, "offer", "LIST", "what the relay carries: SMTPUTF8, DSN" },
	{ 'u', "user", "USER", "service account (default: ofmipd)" },
	{ OPTION_BEHIND_TLS, "behind-tls", "", "a TLS wrapper is in front: every connection is encrypted" },
	{ OPTION_ALLOW_CLEARTEXT, "allow-cleartext", "", "offer AUTH on unencrypted connections too" },
	{ OPTION_PROXY, "proxy", "", "a PROXY v1 or v2 header comes first" },
	{ OPTION_PROXY_FROM, "proxy-from", "NETS", "the same for connections from these networks only" },
	{ OPTION_XCLIENT_FROM, "xclient-from", "NETS", "these networks may tell the client's address by XCLIENT" },
	{ OPTION_HOSTNAME, "hostname", "NAME", "our name in the banner and in Received" },
	{ OPTION_DOMAIN, "domain", "NAME", "what completes <user> (default: the hostname)" },
	{ OPTION_MAX_SIZE, "max-size", "SIZE", "of a message: bytes, or with K, M, G (default: 50M; 0: no limit)" },
	{ OPTION_MAX_RECIPIENTS, "max-recipients", "N", "of a message (default: 1000; at most 10000)" },
	{ OPTION_TIMEOUT, "timeout", "S", "seconds of each wait for the client (default: 300)" },
	{ OPTION_LOGIN_TIMEOUT, "login-timeout", "S", "seconds to log in (default: 120)" },
	{ OPTION_INJECT_TIMEOUT, "inject-timeout", "S", "seconds of a hand-over (default: 120)" },
	{ OPTION_MIN_UID, "min-uid", "N", "lowest uid that may log in (default: 1000)" },
	{ OPTION_MECHANISMS, "mechanisms", "LIST", "what AUTH offers (default: \"PLAIN LOGIN\")" },
	{ 's', "senders", "FILE", "who may send as which address: lines of ADDRESS LOGIN..." },
	{ OPTION_OWN_ADDRESS, "own-address", "", "a login may send as the address that it is, and no other" },
	{ OPTION_FIX_SENDER, "fix-sender", "", "with either: leave From as it is, and set Sender" },
	{ OPTION_RECEIVED, "received", "WORD", "of the client in Received: full (default), login, no-address, none" },
	{ OPTION_STATE, "state", "DIR", "what is remembered across sessions: failures, counts, lost replies" },
	{ OPTION_QUOTA, "quota", "N/h,N/d", "recipients of a login in an hour, in a day (with --state)" },
	{ 't', "throttle-script", "PROG", "may this user send now? nonzero: 450" },
	{ OPTION_POLICY, "policy", "SERVER", "may this go on? a Postfix policy server: ADDRESS:PORT or /PATH" },
	{ 'n', "check", "", "say what would be done here, and stop; status 1 if something is wrong" },
	{ 'd', "debug", "", "trace on the log, secrets masked" },
	{ 'V', "version", "", "print the version" },
	{ 'h', "help", "", "print this" },
	{ OPTION_IGNORED, "one-session", "", "" },
	{ OPTION_IGNORED, "foreground", "", "" },
	{ OPTION_IGNORED, "pure-proxy", "", "" },
	{ 'u', "username", "USER", "" },
};

/* Options of tmda-ofmipd that mean nothing here, and what to use instead. */
static const struct {
	int letter;
	char name[16];
	bool argument;
	char instead[80];
} tmda[] = {
	{ 'b', "background", false, "the program is started per connection: use tcpserver, systemd or xinetd" },
	{ 'c', "configdir", true, "there is no TMDA configuration: let -i name tmda-inject as its program" },
	{ 'C', "connections", true, "limit connections where they are accepted: tcpserver -c, xinetd instances" },
	{ 'F', "fallback", false, "give -a after -A: they are asked in that order" },
	{ 'L', "log", false, "it always logs: drop the option, or use -d for a trace" },
	{ 'p', "proxyport", true, "it listens on nothing: give the port to tcpserver, systemd or xinetd" },
	{ 'S', "vhome-script", true, "put the home directory into the password file (-a), or use -A" },
	{ 'v', "vdomains-path", true, "put the virtual users into the password file (-a), or use -A" },
	{ 0, "ssl", false, "let stunnel, sslserver or haproxy do TLS in front, see ofmipd-doors(7)" },
	{ 0, "tls", true, "let stunnel or a UCSPI-TLS server do STARTTLS in front" },
	{ 0, "ssl-cert", true, "give the certificate to the TLS wrapper in front" },
	{ 0, "ssl-key", true, "give the key to the TLS wrapper in front" },
};

#define LENGTH(array) ((int)(sizeof (array) / sizeof *(array)))

static void
print(const char *string)
{
	if (!io_write_all(STDOUT_FILENO, string, strlen(string)))
		_exit(111);
}

static void
print_help(void)
{
	print("usage: ofmipd-session [options] -a FILE | -A COMMAND | -D SOCKET | -m SERVICE | -R URL\n"
	    "One SMTP submission session on standard input and output.\n");
	for (int i = 0; i < LENGTH(rows); i++) {
		char array[160];
		struct text line;

		if (rows[i].help[0] == '\0')
			continue;
		text_start(&line, array, sizeof array);
		text_add(&line, rows[i].letter < 256 ? "  -" : "      --");
		if (rows[i].letter < 256) {
			text_add_byte(&line, (char)rows[i].letter);
			text_add(&line, ", --");
		}
		text_add(&line, rows[i].name);
		if (rows[i].argument[0] != '\0') {
			text_add_byte(&line, ' ');
			text_add(&line, rows[i].argument);
		}
		do
			text_add_byte(&line, ' ');
		while (line.used < 34);
		text_add(&line, rows[i].help);
		text_add_byte(&line, '\n');
		print(array);
	}
}

void
config_introduce(void)
{
	print("ofmipd-session: SMTP submission on standard input and output, for one connection.\n"
	    "It is not started by hand: tcpserver, xinetd, inetd, systemd or stunnel start it for each\n"
	    "connection. ofmipd-doors(7) has a ready configuration for each of them.\n\n"
	    "  ofmipd-session --check -a /etc/ofmipd/passwd   what it would do, and what is wrong\n"
	    "  ofmipd-session --help                          the options\n"
	    "  sh demo                                        in the source tree: a whole service to try\n"
	    "  man 8 ofmipd-session, man 7 ofmipd-doors       the manuals\n");
}

/* "WHAT: FAULT". Always CONFIG_WRONG, so that a check is one line. */
static enum config_answer
wrong(struct text *why, const char *what, const char *value, const char *fault)
{
	text_add(why, what);
	if (value != NULL) {
		text_add_byte(why, ' ');
		text_add_name(why, value);
	}
	text_add(why, ": ");
	text_add(why, fault);
	return CONFIG_WRONG;
}

/* Cuts the command at blanks into words. */
static bool
split_words(struct authenticator *authenticator)
{
	int count = 0;

	for (char *word = strtok(authenticator->option, " \t"); word != NULL; word = strtok(NULL, " \t")) {
		if (count == WORDS_MAX - 2)	/* room for the reporter's two */
			return false;
		authenticator->words[count++] = word;
	}
	if (count > 0 && (strcmp(authenticator->words[count - 1], "true") == 0 ||
	    strcmp(authenticator->words[count - 1], "/bin/true") == 0 ||
	    strcmp(authenticator->words[count - 1], "/usr/bin/true") == 0))
		authenticator->words[count - 1] = NULL;	/* our reporter takes its place */
	return authenticator->words[0] != NULL;
}

/* A name without a slash is looked for in our own fixed path: the environment's is anybody's. One that may be run
 * goes before one that may not. Left empty when there is neither, or no absolute path: auth_ready() says so. */
static void
find_program(const char *name, char *path, size_t size)
{
	static const char *const directories[] = { "/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/",
	    "/sbin/", "/bin/" };
	static const int modes[] = { X_OK, F_OK };
	struct text text;

	text_start(&text, path, size);
	text_add(&text, name);
	if (name[0] == '/')
		return;
	for (int i = 0; strchr(name, '/') == NULL && i < LENGTH(modes) * LENGTH(directories); i++) {
		text_start(&text, path, size);
		text_add(&text, directories[i % LENGTH(directories)]);
		text_add(&text, name);
		if (!text.cut && access(path, modes[i / LENGTH(directories)]) == 0)
			return;
	}
	path[0] = '\0';
}

/* Our own checkpassword programs: beside the running program, which may be installed anywhere, or where -A looks. */
static void
find_own_program(const char *name, char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	struct text text = { .bytes = path, .size = size, .used = length < 0 ? 0 : (size_t)length };

	while (text.used > 0 && path[text.used - 1] != '/')
		text.used--;
	text_add(&text, name);
	if (length <= 0 || text.cut || access(path, X_OK) != 0)
		find_program(name, path, size);
}

static enum config_answer
read_authenticator(struct config *config, int letter, char *argument, struct text *why)
{
	struct authenticator *authenticator = &config->authenticators[config->authenticator_count];
	static char own[][20] = { "ofmipd-checkpam", "ofmipd-checkremote" };
	char option[3] = { '-', (char)letter, '\0' }, *program = own[letter == 'R'];
	struct dial dial;

	if (config->authenticator_count++ == AUTHENTICATORS_MAX)
		return wrong(why, option, argument, "more than 8 authenticators; drop one");
	authenticator->kind = letter == 'a' ? AUTHENTICATOR_FILE : AUTHENTICATOR_PROGRAM;
	if (argument[0] == '\0' || strlcpy(authenticator->option, argument, sizeof authenticator->option) >=
	    sizeof authenticator->option)
		return wrong(why, option, argument, "empty, or longer than 511 bytes");
	if (letter == 'a') {
		strlcpy(authenticator->path, argument, sizeof authenticator->path);
	} else if (letter == 'D') {
		authenticator->kind = AUTHENTICATOR_DOVECOT;
		config->dovecot = true;
		strlcpy(authenticator->path, argument, sizeof authenticator->path);
		if (!dial_read(argument, strlen(argument), &dial))
			return wrong(why, "-D", argument, "neither an absolute path nor a numeric ADDRESS:PORT; give "
			    "one, such as /run/dovecot/auth-client");
	} else if (letter == 'A') {
		if (!split_words(authenticator))
			return wrong(why, "-A", argument, "no checkpassword program in it (`true` alone would let "
			    "anybody in); give PROGRAM [ARGUMENT...]");
		find_program(authenticator->words[0], authenticator->path, sizeof authenticator->path);
	} else {
		authenticator->words[0] = program;
		authenticator->words[1] = authenticator->option;	/* one word, whatever is in it */
		find_own_program(program, authenticator->path, sizeof authenticator->path);
	}
	return CONFIG_RUN;
}

static enum config_answer
read_injector(struct config *config, const char *argument, struct text *why)
{
	static const struct {
		const char *name, *path;
	} kinds[] = {
		[INJECTOR_SENDMAIL] = { "sendmail", "/usr/sbin/sendmail" },
		[INJECTOR_QMAIL] = { "qmail", "/var/qmail/bin/qmail-queue" },
		[INJECTOR_MAILDIR] = { "maildir", NULL },
		[INJECTOR_SMTP] = { "smtp", NULL },
	};
	const char *colon = strchr(argument, ':');
	size_t length = colon == NULL ? strlen(argument) : (size_t)(colon - argument);

	for (int i = 0; i < LENGTH(kinds); i++) {
		const char *path = colon == NULL ? kinds[i].path : colon + 1;

		if (!text_is(argument, length, kinds[i].name))
			continue;
		if (path == NULL || (path[0] != '/' && i != INJECTOR_SMTP) ||
		    strlen(path) >= sizeof config->injector_path)
			return wrong(why, "-i", argument, "no absolute path after the colon; give one");
		config->injector = (enum injector_kind)i;
		memcpy(config->injector_path, path, strlen(path) + 1);
		return CONFIG_RUN;
	}
	return wrong(why, "-i", argument, "unknown kind; give sendmail[:PATH], qmail[:PATH], maildir:DIR or "
	    "smtp:RELAY");
}

const char *const config_mechanism_names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5", "EXTERNAL", NULL };

static enum config_answer
read_mechanisms(struct config *config, char *argument, struct text *why)
{
	config->mechanisms = 0;
	for (char *word = strtok(argument, " ,"); word != NULL; word = strtok(NULL, " ,")) {
		int i = 0;

		while (config_mechanism_names[i] != NULL && !text_same(word, config_mechanism_names[i]))
			i++;
		if (config_mechanism_names[i] == NULL)
			return wrong(why, "--mechanisms", word, "not a mechanism this program has; give PLAIN, LOGIN, "
			    "SCRAM-SHA-256, CRAM-MD5 or EXTERNAL");
		config->mechanisms |= 1u << i;
	}
	if (config->mechanisms == 0)
		return wrong(why, "--mechanisms", NULL, "names none; give 'PLAIN LOGIN'");
	return CONFIG_RUN;
}

static enum config_answer
read_offer(struct config *config, char *argument, struct text *why)
{
	config->offer_smtputf8 = config->offer_dsn = false;
	for (char *word = strtok(argument, " ,"); word != NULL; word = strtok(NULL, " ,")) {
		if (text_same(word, "SMTPUTF8"))
			config->offer_smtputf8 = true;
		else if (text_same(word, "DSN"))
			config->offer_dsn = true;
		else
			return wrong(why, "--offer", word, "unknown; give SMTPUTF8, DSN");
	}
	return CONFIG_RUN;
}

static enum config_answer
read_received(struct config *config, const char *argument, struct text *why)
{
	static const char *const words[] = { "full", "login", "no-address", "none" };	/* as in enum received */

	for (int i = 0; i < LENGTH(words); i++)
		if (strcmp(argument, words[i]) == 0) {
			config->received = (enum received)i;
			return CONFIG_RUN;
		}
	return wrong(why, "--received", argument, "give full, login, no-address or none");
}

/* A number and its unit: the next part of a quota. */
static bool
read_part(const char *part, size_t length, uint64_t *hour, uint64_t *day)
{
	uint64_t *number = length > 2 && part[length - 1] == 'h' ? hour : day;
	char digits[8];

	if (length < 3 || length - 2 >= sizeof digits || part[length - 2] != '/' || *number != 0 ||
	    (number == day && part[length - 1] != 'd'))
		return false;
	memcpy(digits, part, length - 2);
	digits[length - 2] = '\0';
	return text_number(digits, QUOTA_MAX, number) && *number > 0;
}

bool
config_quota(const char *quota, uint64_t *hour, uint64_t *day)
{
	const char *comma = strchr(quota, ',');

	*hour = *day = 0;
	if (strcmp(quota, "none") == 0)
		return true;
	if (comma == NULL)
		return read_part(quota, strlen(quota), hour, day);
	return read_part(quota, (size_t)(comma - quota), hour, day) &&
	    read_part(comma + 1, strlen(comma + 1), hour, day);
}

static enum config_answer
read_name(char (*name)[256], const char *option, const char *argument, struct text *why)
{
	if (!text_hostname(argument))
		return wrong(why, option, argument, "not a host name; give letters, digits, dots and hyphens");
	memcpy(*name, argument, strlen(argument) + 1);
	return CONFIG_RUN;
}

static enum config_answer
read_string(char *to, size_t size, const char *option, const char *argument, struct text *why)
{
	if (argument[0] == '\0' || strlcpy(to, argument, size) >= size)
		return wrong(why, option, argument, "empty, or longer than can be right");
	return CONFIG_RUN;
}

/* `fault`, where it is not an absolute path: these are used from another directory. */
static enum config_answer
read_absolute_path(char *to, size_t size, const char *option, const char *argument, const char *fault, struct text *why)
{
	return argument[0] == '/' ? read_string(to, size, option, argument, why) : wrong(why, option, argument, fault);
}

static enum config_answer
read_networks(char (*networks)[512], const char *option, const char *argument, struct text *why)
{
	if (!network_list(argument))
		return wrong(why, option, argument,
		    "not addresses or networks; give a list such as 192.0.2.7,2001:db8::/32");
	return read_string(*networks, sizeof *networks, option, argument, why);
}

static enum config_answer
read_number(uint64_t *number, const char *option, const char *argument, uint64_t least, uint64_t most,
    struct text *why)
{
	if (text_number(argument, most, number) && *number >= least)
		return CONFIG_RUN;
	wrong(why, option, argument, "not a whole number from ");
	text_add_number(why, least);
	text_add(why, " to ");
	text_add_number(why, most);
	return CONFIG_WRONG;
}

/* Bytes, or a number of K, M or G (of 1024); 0 is no limit. */
static enum config_answer
read_size(uint64_t *size, const char *name, const char *argument, const char *remedy, struct text *why)
{
	static const char units[] = "KMG";
	size_t length = strlen(argument);
	const char *unit = length == 0 ? NULL : strchr(units, toupper((unsigned char)argument[length - 1]));
	int shift = unit == NULL ? 0 : 10 * (int)(unit - units + 1);
	char digits[24];
	bool fits = strlcpy(digits, argument, sizeof digits) < sizeof digits;

	if (fits && unit != NULL)
		digits[length - 1] = '\0';
	if (!fits || !text_number(digits, (INT64_MAX / 2) >> shift, size))
		return wrong(why, name, argument, remedy);
	*size <<= shift;
	return CONFIG_RUN;
}

static enum config_answer
read_limit(struct config *config, int option, char *argument, struct text *why)
{
	switch (option) {
	case OPTION_MAX_SIZE:
		return read_size(&config->max_size, "--max-size", argument, "not a size; give bytes, or a "
		    "number followed by K, M or G, such as 50M; 0 is no limit", why);
	case OPTION_MAX_RECIPIENTS:
		return read_number(&config->max_recipients, "--max-recipients", argument, 1, RECIPIENTS_MAX, why);
	case OPTION_TIMEOUT:
		return read_number(&config->timeout, "--timeout", argument, 1, 86400, why);
	case OPTION_LOGIN_TIMEOUT:
		return read_number(&config->login_timeout, "--login-timeout", argument, 1, 86400, why);
	case OPTION_INJECT_TIMEOUT:
		return read_number(&config->inject_timeout, "--inject-timeout", argument, 1, 86400, why);
	case OPTION_MIN_UID:
		return read_number(&config->min_uid, "--min-uid", argument, 1, UINT32_MAX - 1, why);
	default:	/* -1 -f -P of old wrapper lines */
		return CONFIG_RUN;
	}
}

/* What an option without an argument switches on; NULL: it does something else. */
static bool *
find_switch(struct config *config, int option)
{
	switch (option) {
	case 'n': return &config->check;
	case 'd': return &config->debug;
	case OPTION_BEHIND_TLS: return &config->behind_tls;
	case OPTION_ALLOW_CLEARTEXT: return &config->allow_cleartext;
	case OPTION_PROXY: return &config->proxy;
	case OPTION_OWN_ADDRESS: return &config->own_address;
	case OPTION_FIX_SENDER: return &config->fix_sender;
	default: return NULL;
	}
}

static enum config_answer
read_option(struct config *config, int option, char *argument, struct text *why)
{
	bool *on = find_switch(config, option);

	if (on != NULL) {
		*on = true;
		return CONFIG_RUN;
	}
	switch (option) {
	case 'a':
	case 'A':
	case 'D':
	case 'm':
	case 'R':
		return read_authenticator(config, option, argument, why);
	case 'i':
		return read_injector(config, argument, why);
	case 'u':
		return read_string(config->user, sizeof config->user, "-u", argument, why);
	case 't':
		return read_absolute_path(config->throttle, sizeof config->throttle, "-t", argument,
		    "not an absolute path; give the program's", why);
	case 'V':
		print("ofmipd-session " VERSION "\n");
		return CONFIG_PRINTED;
	case 'h':
		print_help();
		return CONFIG_PRINTED;
	case OPTION_HOSTNAME:
		return read_name(&config->hostname, "--hostname", argument, why);
	case OPTION_PROXY_FROM:
		return read_networks(&config->proxy_from, "--proxy-from", argument, why);
	case OPTION_XCLIENT_FROM:
		return read_networks(&config->xclient_from, "--xclient-from", argument, why);
	case OPTION_DOMAIN:
		return read_name(&config->domain, "--domain", argument, why);
	case OPTION_POLICY:
		return read_string(config->policy, sizeof config->policy, "--policy", argument, why);
	case OPTION_OFFER:
		return read_offer(config, argument, why);
	case 's':
		return read_string(config->senders, sizeof config->senders, "-s", argument, why);
	case OPTION_RECEIVED:
		return read_received(config, argument, why);
	case OPTION_STATE:
		return read_absolute_path(config->state, sizeof config->state, "--state", argument,
		    "not an absolute path; give the directory's", why);
	case OPTION_QUOTA:
		if (config_quota(argument, &config->quota_hour, &config->quota_day))
			return CONFIG_RUN;
		return wrong(why, "--quota", argument,
		    "not numbers of recipients; give N/h, N/d or N/h,N/d, N from 1 to 60000");
	case OPTION_MECHANISMS:
		return read_mechanisms(config, argument, why);
	default:
		return read_limit(config, option, argument, why);
	}
}

static enum config_answer
read_options(struct config *config, int argc, char **argv, struct text *why)
{
	struct option longs[LENGTH(rows) + LENGTH(tmda) + 1] = { 0 };
	char letters[80];
	struct text shorts;
	int option;

	text_start(&shorts, letters, sizeof letters);
	text_add(&shorts, ":1fP");
	for (int i = 0; i < LENGTH(rows); i++) {
		longs[i] = (struct option){ rows[i].name, rows[i].argument[0] != '\0', NULL, rows[i].letter };
		if (rows[i].letter < 256) {
			text_add_byte(&shorts, (char)rows[i].letter);
			text_add(&shorts, rows[i].argument[0] != '\0' ? ":" : "");
		}
	}
	for (int i = 0; i < LENGTH(tmda); i++) {
		longs[LENGTH(rows) + i] = (struct option){ tmda[i].name, tmda[i].argument * 2, NULL,
		    OPTION_TMDA + i };
		if (tmda[i].letter != 0) {
			text_add_byte(&shorts, (char)tmda[i].letter);
			text_add(&shorts, tmda[i].argument ? "::" : "");
		}
	}
	opterr = 0;
	while ((option = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		char name[3] = { '-', (char)optopt, '\0' };
		enum config_answer answer;

		for (int i = 0; i < LENGTH(tmda); i++) {
			char letter[3] = { '-', (char)tmda[i].letter, '\0' };

			if (option == OPTION_TMDA + i)
				return wrong(why, argv[optind - 1], NULL, tmda[i].instead);
			if (tmda[i].letter != 0 && option == tmda[i].letter)
				return wrong(why, letter, NULL, tmda[i].instead);
		}
		if (option == ':')
			return wrong(why, argv[optind - 1], NULL, "needs a value; see --help");
		if (option == '?')
			return wrong(why, optopt != 0 && optopt < 256 ? name : argv[optind - 1], NULL,
			    "unknown option; see --help");
		answer = read_option(config, option, optarg, why);
		if (answer != CONFIG_RUN)
			return answer;
	}
	if (optind < argc)
		return wrong(why, argv[optind], NULL, "not an option; put a command of several words in quotes");
	return CONFIG_RUN;
}

/* The descriptor number in an environment variable; -1 when there is none. */
static int
environment_descriptor(const char *name)
{
	const char *value = getenv(name);
	uint64_t number;

	return value != NULL && text_number(value, 65535, &number) && number > 2 ? (int)number : -1;
}

static enum config_answer
read_environment(struct config *config, struct text *why)
{
	const char *databytes = getenv("DATABYTES"), *wish = getenv("UCSPITLS");
	const char *protocol = getenv("SSL_PROTOCOL");

	/* What tcprules says of this client overrides what the options say of all clients. */
	if (databytes != NULL && read_size(&config->max_size, "DATABYTES", databytes, "not a size; correct it in the "
	    "tcprules or in the door's environment: bytes, or a number with K, M or G", why) != CONFIG_RUN)
		return CONFIG_WRONG;
	/* 1 is what some set who mean "yes"; whoever means "required" must not get less. */
	if (wish != NULL && strcmp(wish, "") != 0 && strcmp(wish, "1") != 0 && strcmp(wish, "!") != 0 &&
	    strcmp(wish, "-") != 0)
		return wrong(why, "UCSPITLS", wish,
		    "unknown; set it to ! (STARTTLS is required) or - (not offered), or leave it empty (offered)");
	config->tls_control = environment_descriptor("SSLCTLFD");
	config->tls_read = environment_descriptor("SSLREADFD");
	config->tls_write = environment_descriptor("SSLWRITEFD");
	/* sslserver sets all three also when TLS came first. */
	if ((protocol != NULL && protocol[0] != '\0') || (wish != NULL && strcmp(wish, "-") == 0))
		config->starttls = STARTTLS_NONE;
	else if (config->tls_control >= 0 && config->tls_read >= 0 && config->tls_write >= 0)
		config->starttls = wish != NULL && strcmp(wish, "!") == 0 ? STARTTLS_REQUIRED : STARTTLS_OFFERED;
	else if (wish != NULL && strcmp(wish, "!") == 0)
		return wrong(why, "UCSPITLS", wish, "TLS is required, but SSLCTLFD, SSLREADFD and SSLWRITEFD are "
		    "not set; start the program under a UCSPI-TLS server (sslserver -n, s6-ucspitlsd)");
	return CONFIG_RUN;
}

enum config_answer
config_read(struct config *config, int argc, char **argv, struct text *why)
{
	struct utsname system;
	enum config_answer answer;

	config->injector = INJECTOR_SENDMAIL;
	strlcpy(config->injector_path, "/usr/sbin/sendmail", sizeof config->injector_path);
	strlcpy(config->user, "ofmipd", sizeof config->user);
	config->mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN;
	config->max_size = 52428800;
	config->max_recipients = 1000;
	config->timeout = 300;
	config->login_timeout = 120;
	config->inject_timeout = 120;
	config->min_uid = 1000;
	config->root = getauxval(AT_EUID) == 0;
	/* A check of a configuration that cannot even be read is a check, too. */
	for (int i = 1; i < argc; i++)
		config->check |= strcmp(argv[i], "-n") == 0 || strcmp(argv[i], "--check") == 0;
	answer = read_options(config, argc, argv, why);
	if (answer == CONFIG_RUN)
		answer = read_environment(config, why);
	if (answer != CONFIG_RUN)
		return answer;
	if (config->senders[0] != '\0' && config->own_address)
		return wrong(why, "-s, --own-address", NULL, "two rules for one thing; give one of them");
	if (config->fix_sender && config->senders[0] == '\0' && !config->own_address)
		return wrong(why, "--fix-sender", NULL, "nothing says which address is whose; give -s FILE or "
		    "--own-address with it");
	if (config->proxy && (config->proxy_from[0] != '\0' || config->xclient_from[0] != '\0'))
		return wrong(why, "--proxy", NULL, "it expects a PROXY header from every client, and a client behind "
		    "one may not say XCLIENT; give --proxy-from NETS instead");
	if (config->authenticator_count == 0)
		return wrong(why, "-a, -A, -D, -m, -R", NULL, "nobody could log in; give -a FILE, -A COMMAND, "
		    "-D SOCKET, -m SERVICE or -R URL");
	if ((config->offer_smtputf8 || config->offer_dsn) && config->injector != INJECTOR_SMTP)
		return wrong(why, "--offer", NULL, "it is for what a relay carries; give -i smtp:RELAY, or drop it");
	if (config->quota_hour + config->quota_day > 0 && config->state[0] == '\0')
		return wrong(why, "--quota", NULL, "nothing is counted without --state DIR; give it, too");
	if (config->max_size == 0)
		config->max_size = UINT64_MAX;
	if (config->hostname[0] == '\0') {
		bool named = uname(&system) == 0 && text_hostname(system.nodename);

		strlcpy(config->hostname, named ? system.nodename : "localhost", sizeof config->hostname);
	}
	if (config->domain[0] == '\0')
		memcpy(config->domain, config->hostname, sizeof config->domain);
	return CONFIG_RUN;
}
