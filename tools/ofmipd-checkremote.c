/* A checkpassword program that tries the password at an IMAP, POP3, SMTP or LDAP server. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "tools/checkpassword.h"

#ifndef CHECKREMOTE_SECONDS
#define CHECKREMOTE_SECONDS 40	/* the session waits 60 for a checkpassword program */
#endif
#ifndef CONNECT_SECONDS
#define CONNECT_SECONDS 10
#endif

/* PLAIN and LOGIN prove this password. What libcurl would choose else may prove something of this machine: where a
 * server offers GSSAPI, root's own Kerberos ticket. */
#define PASSWORD_ONLY "AUTH=PLAIN;AUTH=LOGIN"

enum kind { IMAP, POP3, APOP, SMTP, LDAP };

static const struct scheme {
	const char *name, *curl;	/* in our URL, in libcurl's */
	enum kind kind;
	bool tls;			/* from the first byte */
} schemes[] = {
	{ "imap://", "imap://", IMAP, false }, { "imaps://", "imaps://", IMAP, true },
	{ "pop3://", "pop3://", POP3, false }, { "pop3s://", "pop3s://", POP3, true },
	{ "apop://", "pop3://", APOP, false }, { "smtp://", "smtp://", SMTP, false },
	{ "smtps://", "smtps://", SMTP, true }, { "ldap://", "ldap://", LDAP, false },
	{ "ldaps://", "ldaps://", LDAP, true },
};

struct server {
	const struct scheme *scheme;
	const char *cafile;		/* or NULL: the system's certificates */
	const char *name;		/* LDAP: what follows the host's slash, %s in it */
	bool cleartext;			/* no STARTTLS: it is this machine, or the administrator says so */
	char url[300];
};

/* What was said on the connection. */
struct dialogue {
	enum kind kind;
	bool offered;			/* we: login and password, or the first part of them */
	char last[256];			/* the server: its last line, cut */
};

/* Is HOST or HOST:PORT on this machine, by its form alone? An IPv6 address has brackets. */
static bool
is_local(const char *given, size_t length)
{
	char name[256];
	struct in_addr address;
	struct text text;
	size_t host;

	text_start(&text, name, sizeof name);
	text_add_bytes(&text, given, length);
	host = name[0] == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":");
	if (text.cut || host > text.used || (host < text.used && name[host] != ':'))
		return false;
	name[host] = '\0';
	return strcmp(name, "[::1]") == 0 || strcasecmp(name, "localhost") == 0 ||
	    (inet_pton(AF_INET, name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* SCHEME://HOST[:PORT][/NAME]; what is wrong with it, or NULL. */
static const char *
read_url(const char *given, struct server *server)
{
	const char *host;
	struct text url;
	size_t length;

	for (size_t i = 0; server->scheme == NULL && i < sizeof schemes / sizeof *schemes; i++)
		if (strncasecmp(given, schemes[i].name, strlen(schemes[i].name)) == 0)
			server->scheme = &schemes[i];
	if (server->scheme == NULL)
		return "not a URL of imap, imaps, pop3, pop3s, apop, smtp, smtps, ldap or ldaps";
	host = given + strlen(server->scheme->name);
	length = strcspn(host, "/");
	if (length == 0 ||
	    strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]") < length)
		return "no host[:port] after the scheme";
	text_start(&url, server->url, sizeof server->url);
	text_add(&url, server->scheme->curl);
	text_add_bytes(&url, host, length);
	text_add_byte(&url, '/');
	if (url.cut)
		return "longer than can be right";
	server->name = host + length + (host[length] == '/');
	server->cleartext |= is_local(host, length);
	if (server->scheme->kind != LDAP)
		return server->name[0] == '\0' ? NULL : "something after the host: only LDAP has names";
	/* libcurl 7.87 to 8.5 says STARTTLS to an LDAP server, and goes on in clear text. */
	if (!server->scheme->tls && !server->cleartext)
		return "the password would go to another machine in clear text; give ldaps, or --allow-cleartext";
	return strstr(server->name, "%s") == NULL ? "no %s in the name: everybody would log in as the same entry"
	    : NULL;
}

/* Adds the login to a distinguished name (RFC 4514): what could mean anything there becomes \XX. */
static void
add_escaped(struct text *text, const char *login)
{
	for (; *login != '\0'; login++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@", *login) != NULL) {
			text_add_byte(text, *login);
		} else {
			text_add_byte(text, '\\');
			text_add_hex(text, (unsigned char)*login, 2);
		}
	}
}

/* The name with %s as the login and %XX (RFC 3986) as that byte. False: another %, a NUL, or too long. */
static bool
make_name(const char *template, const char *login, char *array, size_t size)
{
	struct text name;

	text_start(&name, array, size);
	for (; *template != '\0'; template++) {
		char digits[3] = "", *end;
		long byte;

		if (*template != '%') {
			text_add_byte(&name, *template);
		} else if (template[1] == 's') {
			add_escaped(&name, login);
			template++;
		} else {
			memcpy(digits, template + 1, strnlen(template + 1, 2));
			byte = strtol(digits, &end, 16);
			if (end != digits + 2 || byte == 0 || strspn(digits, "0123456789abcdefABCDEF") != 2)
				return false;
			text_add_byte(&name, (char)byte);
			template += 2;
		}
	}
	return !name.cut;
}

/* CURLOPT_DEBUGFUNCTION: each line of an IMAP, POP3 or SMTP dialogue. Without it nobody could tell that the password
 * was asked for at all: libcurl is content with a server that has no AUTH, or that lets it in unasked (PREAUTH). */
static int
hear_line(CURL *curl, curl_infotype type, char *bytes, size_t length, void *context)
{
	struct dialogue *dialogue = context;
	const char *word;
	char array[256];
	struct text line;

	(void)curl;
	if (type != CURLINFO_HEADER_IN && type != CURLINFO_HEADER_OUT)
		return 0;
	text_start(&line, array, sizeof array);
	for (size_t i = 0; i < length && bytes[i] != '\r' && bytes[i] != '\n'; i++)
		text_add_byte(&line, bytes[i] == '\0' ? '?' : bytes[i]);
	if (type == CURLINFO_HEADER_IN) {
		memcpy(dialogue->last, array, line.used + 1);
		return 0;
	}
	word = dialogue->kind == IMAP ? strchr(array, ' ') : array;	/* after the tag */
	word += word != NULL && *word == ' ';
	dialogue->offered |= word != NULL && (strncasecmp(word, "AUTH", 4) == 0 || strncasecmp(word, "PASS ", 5) == 0 ||
	    strncasecmp(word, "APOP ", 5) == 0);
	explicit_bzero(array, sizeof array);
	return 0;
}

/* Is the last line the server's word that login and password are wrong? It says no for other reasons, too: response
 * codes (RFC 5530, RFC 3206), SMTP's 454. */
static bool
says_no(enum kind kind, const char *line)
{
	static const char *const codes[] = { "[AUTHENTICATIONFAILED]", "[AUTHORIZATIONFAILED]", "[EXPIRED]", "[AUTH]" };
	const char *word = strchr(line, ' ');

	switch (kind) {
	case LDAP:
		return true;	/* libcurl says it of invalidCredentials (49) alone */
	case SMTP:
		return strncmp(line, "535", 3) == 0 || strncmp(line, "525", 3) == 0;	/* RFC 4954, RFC 7372 */
	case IMAP:
		if (word == NULL || line[0] == '*' || line[0] == '+' || strncasecmp(word, " NO", 3) != 0 ||
		    (word[3] != ' ' && word[3] != '\0'))
			return false;
		word = strchr(word + 1, ' ');
		break;
	default:
		if (strncasecmp(line, "-ERR", 4) != 0)
			return false;
		break;
	}
	if (word == NULL || word[1] != '[')
		return true;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strncasecmp(word + 1, codes[i], strlen(codes[i])) == 0)
			return true;
	return false;
}

/* One connection. CURLOPT_CONNECT_ONLY: the login belongs to it, and nothing else is asked of the server. */
static CURLcode
try_login(const struct server *server, const char *user, const char *password, const char *mechanisms,
    struct dialogue *dialogue, char *error)
{
	CURL *curl = curl_easy_init();
	CURLcode result = curl == NULL ? CURLE_OUT_OF_MEMORY : CURLE_OK;
	bool clear = server->cleartext && !server->scheme->tls;

#define SET(option, value) do if (result == CURLE_OK) result = curl_easy_setopt(curl, option, value); while (0)
	SET(CURLOPT_ERRORBUFFER, error);
	SET(CURLOPT_URL, server->url);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	SET(CURLOPT_TIMEOUT, (long)CHECKREMOTE_SECONDS - 5);
	SET(CURLOPT_USE_SSL, (long)(clear ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (server->cafile != NULL) {
		SET(CURLOPT_CAINFO, server->cafile);
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_USERNAME, user);
	SET(CURLOPT_PASSWORD, password);
	if (mechanisms != NULL)
		SET(CURLOPT_LOGIN_OPTIONS, mechanisms);
	SET(CURLOPT_VERBOSE, 1L);
	SET(CURLOPT_DEBUGFUNCTION, hear_line);
	SET(CURLOPT_DEBUGDATA, dialogue);
	SET(CURLOPT_CONNECT_ONLY, 1L);
#undef SET
	return result == CURLE_OK ? curl_easy_perform(curl) : result;
}

static int
check_at_server(const struct checkpassword *credentials, const void *context, void *answer)
{
	const struct server *server = context;
	enum kind kind = server->scheme->kind;
	const char *user = credentials->user, *password = credentials->password;
	char error[CURL_ERROR_SIZE] = "", name[2048];
	struct dialogue dialogue = { .kind = kind };
	CURLcode result;
	bool offered;

	(void)answer;
	(void)signal(SIGPIPE, SIG_IGN);	/* a server that is gone is an error: CURLOPT_NOSIGNAL leaves it to us */
	if (kind == LDAP) {
		if (!make_name(server->name, user, name, sizeof name))
			return checkpassword_say(CHECKPASSWORD_MISUSED,
			    "the name in the URL has a % with neither s nor two hexadecimal digits after it, "
			    "or is too long", server->name);
		user = name;
	}
	/* No ticket and no key of this machine proves anything. */
	if (setenv("KRB5CCNAME", "MEMORY:none", 1) != 0 || setenv("KRB5_CLIENT_KTNAME", "/dev/null", 1) != 0 ||
	    curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "libcurl cannot start", NULL);
	result = try_login(server, user, password, kind == LDAP ? NULL : kind == APOP ? "AUTH=+APOP" : PASSWORD_ONLY,
	    &dialogue, error);
	/* A server that has no SASL has USER and PASS: libcurl takes them only where it may take anything. */
	if (kind == POP3 && result == CURLE_LOGIN_DENIED && !dialogue.offered)
		result = try_login(server, user, password, NULL, &dialogue, error);
	offered = kind == LDAP || dialogue.offered;
	if (result == CURLE_OK && offered)
		return CHECKPASSWORD_YES;
	if (result == CURLE_LOGIN_DENIED && offered && says_no(kind, dialogue.last))
		return checkpassword_say(CHECKPASSWORD_NO, "the server said no", dialogue.last);
	return checkpassword_say(CHECKPASSWORD_TEMPORARY,
	    result == CURLE_OK ? "the server asked for no password" : curl_easy_strerror(result),
	    error[0] != '\0' ? error : dialogue.last);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cafile", 1, NULL, 'c' }, { "allow-cleartext", 0, NULL, 'a' }, { NULL, 0, NULL, 0 },
	};
	static struct checkpassword credentials;
	struct server server = { 0 };
	const char *wrong;
	char nothing = 0;
	int option, status;

	checkpassword_start("ofmipd-checkremote");
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'c')
			server.cafile = optarg;
		else if (option == 'a')
			server.cleartext = true;
		else
			optind = argc;
	}
	if (argc - optind < 2)
		return checkpassword_say(CHECKPASSWORD_MISUSED, "usage: ofmipd-checkremote [--cafile FILE] "
		    "[--allow-cleartext] URL PROGRAM [ARGUMENT...]; login and password come on descriptor 3", NULL);
	wrong = read_url(argv[optind], &server);
	if (wrong != NULL)
		return checkpassword_say(CHECKPASSWORD_MISUSED, wrong, argv[optind]);
	checkpassword_read(&credentials);
	if (strpbrk(credentials.password, "\r\n") != NULL)
		return checkpassword_say(CHECKPASSWORD_NO, "line end in the password", NULL);
	if (setenv("USER", credentials.user, 1) != 0)
		return checkpassword_say(CHECKPASSWORD_TEMPORARY, "cannot set USER", strerror(errno));
	status = checkpassword_ask(&credentials, check_at_server, &server, &nothing, sizeof nothing,
	    CHECKREMOTE_SECONDS);
	if (status != CHECKPASSWORD_YES)
		return status;
	checkpassword_run(argv + optind + 1);
}
