/* Relays a login to a Dovecot authentication server. */

/*
 * What the server says is believed only as far as it is well-formed and answers what was asked: anything else is
 * "cannot tell". A line is a word and fields, with TABs between; within fields \001 hides what would be syntax.
 */
#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/dovecot.h"
#include "base/apart.h"
#include "base/dial.h"
#include "base/io.h"

#define LINE_MAX_DOVECOT 16384	/* Dovecot's own limit */
#define HANDSHAKE_LINES 200	/* of a server that lists mechanisms for ever */
#define STEPS_MAX 32		/* challenges of one attempt: no mechanism has more than a few */
#define FIELDS_MAX 64
#define LIST_MAX 300

struct server {
	struct attempt *attempt;
	int socket;
	int64_t deadline;		/* for what it says next */
	const char *fault;		/* why there is no verdict of its own */
	size_t start, end;		/* in[start..end) is unread */
	char in[LINE_MAX_DOVECOT + 1];
	int count;
	char *fields[FIELDS_MAX];	/* of the line last read */
	bool listed, plain, login;	/* it has the mechanism that was asked for, PLAIN, LOGIN */
	struct text list;
	char array[LIST_MAX];
};

/* Its own waiting is bounded by the monitor, too, over all steps. */
static void
start_waiting(struct server *server)
{
	server->deadline = io_now() + CHECKER_SECONDS * 1000;
}

static bool
fail(struct server *server, const char *fault)
{
	server->fault = fault;
	return false;
}

static bool
send_line(struct server *server, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent;

		if (!io_wait(server->socket, POLLOUT, server->deadline))
			return fail(server, "takes nothing");
		sent = send(server->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return fail(server, "hung up");
		bytes += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
	}
	return true;
}

/* The next line, cut into its fields. */
static bool
read_fields(struct server *server)
{
	char *line, *newline;

	while ((newline = memchr(server->in + server->start, '\n', server->end - server->start)) == NULL) {
		ssize_t got;

		memmove(server->in, server->in + server->start, server->end - server->start);
		server->end -= server->start;
		server->start = 0;
		if (server->end == LINE_MAX_DOVECOT)
			return fail(server, "sent a line that is too long");
		if (!io_wait(server->socket, POLLIN, server->deadline))
			return fail(server, "no answer in time");
		got = io_read(server->socket, server->in + server->end, LINE_MAX_DOVECOT - server->end);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return fail(server, "hung up");
		server->end += got > 0 ? (size_t)got : 0;
	}
	line = server->in + server->start;
	server->start = (size_t)(newline + 1 - server->in);
	*newline = '\0';
	if (strlen(line) != (size_t)(newline - line))
		return fail(server, "sent a NUL");
	for (server->count = 0; line != NULL; server->count++) {
		if (server->count == FIELDS_MAX)
			return fail(server, "sent too many fields");
		server->fields[server->count] = strsep(&line, "\t");
	}
	return true;
}

/* The value of the field NAME=VALUE of the line last read, without its escapes; NULL: there is none. */
static char *
field_value(struct server *server, const char *name)
{
	/* A hidden NUL stays a control character: it must not cut a name. */
	static const char escapes[] = "01trn", plain[] = "\001\001\t\r\n";
	size_t length = strlen(name);

	for (int i = 2; i < server->count; i++) {
		char *value = server->fields[i] + length + 1, *to = value;

		if (strncmp(server->fields[i], name, length) != 0 || server->fields[i][length] != '=')
			continue;
		for (const char *from = value; *from != '\0'; from++) {
			const char *escape = *from == '\001' && from[1] != '\0' ? strchr(escapes, from[1]) : NULL;

			*to++ = escape != NULL ? plain[escape - escapes] : *from;
			from += escape != NULL;
		}
		*to = '\0';
		return value;
	}
	return NULL;
}

static bool
has_flag(const struct server *server, const char *flag)
{
	for (int i = 2; i < server->count; i++)
		if (strcmp(server->fields[i], flag) == 0)
			return true;
	return false;
}

bool
dovecot_is_mechanism(const char *name)
{
	size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return length >= 1 && length <= 20 && name[length] == '\0';
}

/* MECH name flags ...: nothing that lets anybody in, or that the server keeps to itself. */
static void
note_mechanism(struct server *server)
{
	const char *name = server->count > 1 ? server->fields[1] : "";

	if (!dovecot_is_mechanism(name) || has_flag(server, "anonymous") || has_flag(server, "private"))
		return;
	server->listed |= strcmp(name, server->attempt->mechanism) == 0;
	server->plain |= strcmp(name, "PLAIN") == 0;
	server->login |= strcmp(name, "LOGIN") == 0;
	if (server->list.used + strlen(name) + 2 < server->list.size) {
		text_add(&server->list, name);
		text_add_byte(&server->list, ' ');
	}
}

/* We say our version first: a server of 2.4 waits for it. */
static bool
shake_hands(struct server *server)
{
	char array[64];
	struct text text;
	bool version = false;

	text_start(&text, array, sizeof array);
	text_add(&text, "VERSION\t1\t2\nCPID\t");
	text_add_number(&text, (uint64_t)getpid());
	text_add_byte(&text, '\n');
	if (!send_line(server, text.bytes, text.used))
		return false;
	for (int lines = 0; lines < HANDSHAKE_LINES; lines++) {
		if (!read_fields(server))
			return false;
		if (strcmp(server->fields[0], "VERSION") == 0) {
			version = server->count >= 2 && strcmp(server->fields[1], "1") == 0;
			if (!version)
				return fail(server, "speaks another version of the protocol");
		} else if (strcmp(server->fields[0], "MECH") == 0) {
			note_mechanism(server);
		} else if (strcmp(server->fields[0], "DONE") == 0) {
			if (!version)
				return fail(server, "did not say its version");
			return true;
		}
	}
	return fail(server, "does not come to the end of its list");
}

static bool
open_server(struct server *server, struct attempt *attempt)
{
	const char *path = attempt->authenticator->path;
	struct dial dial;

	server->attempt = attempt;
	text_start(&server->list, server->array, sizeof server->array);
	start_waiting(server);
	server->socket = dial_read(path, strlen(path), &dial) ? dial_connect(&dial, server->deadline) : -1;
	if (server->socket < 0)
		return fail(server, strerror(errno));
	/* Only the connection needed more rights than the service account has. */
	if (!drop_become(&attempt->service->rights, attempt->config->root))
		return fail(server, "cannot give rights away");
	return shake_hands(server);
}

static int
say_fault(const struct server *server)
{
	char array[AUTH_REASON_MAX];
	struct text reason;

	text_start(&reason, array, sizeof array);
	text_add(&reason, "Dovecot server: ");
	text_add(&reason, server->fault);
	return checker_say_reason(server->attempt, ASK_TEMPORARY, array);
}

static void
add_parameter(struct text *line, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	text_add_byte(line, '\t');
	text_add(line, name);
	text_add_byte(line, '=');
	text_add(line, value);
}

/* AUTH id mechanism parameters ... resp: none of them is the client's own word. */
static bool
send_request(struct server *server, const char *mechanism, const char *response, size_t length)
{
	const struct attempt *attempt = server->attempt;
	const struct peer *peer = attempt->peer;
	char array[LINE_MAX_DOVECOT];
	struct text line;
	bool sent;

	text_start(&line, array, sizeof array);
	text_add(&line, "AUTH\t1\t");
	text_add(&line, mechanism);
	text_add(&line, "\tservice=smtp\tnologin");
	text_add(&line, peer->tls != TLS_NONE ? "\tsecured" : "");
	add_parameter(&line, "session", attempt->id);
	add_parameter(&line, "rip", peer->address);
	add_parameter(&line, "rport", peer->port);
	add_parameter(&line, "lip", peer->local_address);
	add_parameter(&line, "lport", peer->local_port);
	if (response != NULL) {
		text_add(&line, "\tresp=");
		text_add_base64(&line, response, length);
	}
	text_add_byte(&line, '\n');
	sent = !line.cut ? send_line(server, line.bytes, line.used) : fail(server, "cannot be told so much");
	explicit_bzero(array, line.used);
	return sent;
}

static bool
send_response(struct server *server, const char *response, size_t length)
{
	char array[LINE_MAX_DOVECOT];
	struct text line;
	bool sent;

	text_start(&line, array, sizeof array);
	text_add(&line, "CONT\t1\t");
	text_add_base64(&line, response, length);
	text_add_byte(&line, '\n');
	start_waiting(server);
	sent = send_line(server, line.bytes, line.used);
	explicit_bzero(array, line.used);
	return sent;
}

/* A challenge in base64 to the client, and its response. -1: it gave up; -2: that was no base64. */
static long
ask_client(struct server *server, char *challenge, char *response)
{
	size_t length = strlen(challenge);
	long decoded = length / 4 * 3 > ASK_CHALLENGE_MAX ? -1 : text_base64_decode(challenge, length, challenge);

	if (decoded < 0) {
		fail(server, "sent a challenge that is no base64, or too long");
		return -2;
	}
	return checker_challenge(server->attempt, challenge, (size_t)decoded, response, ASK_CHALLENGE_MAX);
}

/* OK: user= is who it is; resp= is what the client must see before it believes us. */
static int
take_yes(struct server *server)
{
	struct attempt *attempt = server->attempt;
	char response[ASK_CHALLENGE_MAX], *data = field_value(server, "resp"), *user = field_value(server, "user");
	struct identity identity = { 0 };
	long length;

	if (user == NULL || *user == '\0' || strlen(user) > USER_MAX || text_has_control(user)) {
		fail(server, "let somebody in without saying who it is");
		return say_fault(server);
	}
	if (attempt->password == NULL)
		attempt->user = user;
	if (data != NULL && attempt->password == NULL) {
		length = ask_client(server, data, response);
		if (length == -2)
			return say_fault(server);
		if (length != 0)
			return length < 0 ? 0 : checker_say_reason(attempt, ASK_NO, "malformed-response");
	}
	if (!checker_identity_by_name(attempt, user, &identity))
		return checker_say_reason(attempt, ASK_TEMPORARY, "accounts-unavailable");
	if (!attempt->config->root)
		identity.rights = attempt->service->rights;
	if (!checker_rights_allowed(attempt->config, attempt->service, &identity.rights))
		return checker_say_reason(attempt, ASK_NO, "uid-refused");
	return checker_say_identity(attempt, &identity);
}

/* FAIL: no, or not now. */
static int
take_no(struct server *server)
{
	struct attempt *attempt = server->attempt;
	char array[AUTH_REASON_MAX];
	const char *code = field_value(server, "code"), *user, *why;
	bool temporary = has_flag(server, "temp") || (code != NULL && strcmp(code, "temp_fail") == 0);
	struct text reason;

	text_start(&reason, array, sizeof array);
	text_add(&reason, temporary ? "Dovecot server: temporary failure" : "refused-by-dovecot");
	why = field_value(server, "reason");
	why = why == NULL ? code : why;
	if (why != NULL) {
		text_add(&reason, ": ");
		text_add(&reason, why);
	}
	user = field_value(server, "user");
	if (attempt->password == NULL && user != NULL && strlen(user) <= USER_MAX)
		attempt->user = user;
	return checker_say_reason(attempt, temporary ? ASK_TEMPORARY : ASK_NO, array);
}

/* One exchange; where the server has LOGIN and not PLAIN, `password` answers its prompt. */
static int
talk(struct server *server, const char *password)
{
	char response[ASK_CHALLENGE_MAX];

	for (int steps = 0; steps <= STEPS_MAX; steps++) {
		long length;

		if (!read_fields(server))
			return say_fault(server);
		if (server->count < 2 || strcmp(server->fields[1], "1") != 0) {
			fail(server, "answered something that was not asked");
			return say_fault(server);
		}
		if (strcmp(server->fields[0], "OK") == 0)
			return take_yes(server);
		if (strcmp(server->fields[0], "FAIL") == 0)
			return take_no(server);
		if (strcmp(server->fields[0], "CONT") != 0 || (server->attempt->password != NULL && password == NULL))
			break;
		if (password != NULL) {
			length = (long)strlen(password);
			memcpy(response, password, (size_t)length);
			password = NULL;
		} else {
			length = ask_client(server, server->count > 2 ? server->fields[2] : (char[]){ "" }, response);
		}
		if (length == -1)
			return 0;	/* the client gave up: nobody wants to hear a verdict */
		if (length < 0 || !send_response(server, response, (size_t)length))
			return say_fault(server);
		explicit_bzero(response, (size_t)length);
	}
	fail(server, "answered what cannot be an answer here");
	return say_fault(server);
}

static APART struct server server;

/* PLAIN or LOGIN, whichever of them the server has: the password is known. */
static bool
send_password(void)
{
	const struct attempt *attempt = server.attempt;
	char plain[USER_MAX + PASSWORD_MAX + 3];
	struct text text;
	bool sent;

	if (!server.plain)
		return send_request(&server, "LOGIN", attempt->user, strlen(attempt->user));
	text_start(&text, plain, sizeof plain);
	text_add_bytes(&text, "", 1);
	text_add_bytes(&text, attempt->user, strlen(attempt->user) + 1);
	text_add(&text, attempt->password);
	sent = send_request(&server, "PLAIN", plain, text.used);
	explicit_bzero(plain, sizeof plain);
	return sent;
}

int
dovecot_check(struct attempt *attempt)
{
	bool password = attempt->password != NULL;

	if (!open_server(&server, attempt))
		return say_fault(&server);
	if (password ? !server.plain && !server.login : !server.listed)
		return checker_say_reason(attempt, ASK_NO, "mechanism-refused");
	if (password ? !send_password() : !send_request(&server, attempt->mechanism, attempt->response,
	    attempt->length))
		return say_fault(&server);
	return talk(&server, server.plain ? NULL : attempt->password);
}

int
dovecot_list(struct attempt *attempt)
{
	if (!open_server(&server, attempt))
		return say_fault(&server);
	return checker_challenge(attempt, server.list.bytes, server.list.used, server.in, 0) < 0 ? 0 : 111;
}
