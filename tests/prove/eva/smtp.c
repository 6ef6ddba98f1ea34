/* links: session/smtp base/address base/dsn base/text tests/prove/eva/bsd/string */
/* options: -eva-slevel 0 -eva-widening-delay 1 -eva-widening-period 1 */
/* options: -eva-slevel-function add_digits:200,run_command:100,find_command:100,read_address_path:20,mail:20 */
/* options: -eva-slevel-function recipient:20,ask_to_send:20,xtext:20,read_proxy_header:20 */
/* options: -eva-split-return-function find_command:full,text_after:0,read_address_path:0 */
/*
 * A whole session: any number of lines of any bytes and any length, any answers behind the wall, any configuration.
 * What has a driver of its own stands in here with what its header promises.
 */
#include "__fc_builtin.h"

#include <string.h>

#include "ask.h"
#include "base/io.h"
#include "session/data.h"
#include "session/line.h"
#include "session/proxy.h"
#include "session/sasl.h"
#include "session/smtp.h"
#include "session/xclient.h"

#define CHANCE Frama_C_interval(0, 1)
#define NUMBER Frama_C_unsigned_long_interval(0, UINT64_MAX)

static struct config config;
static struct peer peer;
static char line[LINE_FLOOD + 1], id[32];

/* Any string that fits. */
static void
say_anything(char *array, size_t size)
{
	Frama_C_make_unknown(array, size - 1);
	array[size - 1] = '\0';
}

/* Whoever is given a string reads it; NULL: there is none. */
static void
read_string(const char *string)
{
	if (string != NULL)
		(void)strlen(string);
}

static void
read_bytes(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == 'x')
			Frama_C_interval(0, 1);
}

/* session/line */

static enum line_event
any_event(void)
{
	static const enum line_event events[] = { LINE_READ, LINE_BARE, LINE_FLOODED, LINE_FOREIGN, LINE_LATE, LINE_GONE };

	return events[Frama_C_interval(0, 5)];
}

enum line_event
line_read(struct line *connection, bool command, char **string, size_t *length)
{
	(void)connection, (void)command;
	*length = Frama_C_unsigned_long_interval(0, LINE_FLOOD);
	say_anything(line, sizeof line);
	*string = line;
	return any_event();
}

enum line_event
line_fill(struct line *connection)
{
	(void)connection;
	return CHANCE ? LINE_MORE : any_event();
}

size_t
line_pending(struct line *connection, const char **bytes)
{
	(void)connection;
	say_anything(line, sizeof line);
	*bytes = line;
	return Frama_C_unsigned_long_interval(0, LINE_FLOOD);
}

void
line_reply(struct line *connection, const struct reply *reply)
{
	(void)connection;
	read_string(reply->enhanced);
	read_string(reply->text);
}

void
line_write(struct line *connection, const char *bytes, size_t length)
{
	(void)connection;
	read_bytes(bytes, length);
}

void
line_wipe(char *string, size_t length)
{
	(void)length;
	for (; *string != '\0'; string++)
		*string = '\0';
}

bool line_flush(struct line *connection) { (void)connection; return CHANCE; }
bool line_broken(const struct line *connection) { (void)connection; return CHANCE; }
bool line_was_reset(const struct line *connection) { (void)connection; return CHANCE; }
void line_start(struct line *connection, int from, int to) { (void)connection, (void)from, (void)to; }
void line_set_patience(struct line *connection, int64_t patience) { (void)connection, (void)patience; }
void line_set_deadline(struct line *connection, int64_t deadline) { (void)connection, (void)deadline; }
void line_set_debug(struct line *connection, bool debug) { (void)connection, (void)debug; }
void line_take(struct line *connection, size_t length) { (void)connection, (void)length; }

/* ask: what puts an envelope together is the real one, what crosses the wall is not. */

#define ask_peer crossing_peer
#define ask_starttls crossing_starttls
#define ask_sender crossing_sender
#define ask_send crossing_send
#define ask_log crossing_log
#define ask_mechanisms crossing_mechanisms
#define ask_spool crossing_spool
#include "ask.c"
#undef ask_peer
#undef ask_starttls
#undef ask_sender
#undef ask_send
#undef ask_log
#undef ask_mechanisms
#undef ask_spool

static bool
any_answer(struct answer *answer)
{
	static const enum ask_verdict verdicts[] = { ASK_YES, ASK_CHALLENGE, ASK_TEMPORARY, ASK_LATE, ASK_NO };

	answer->verdict = verdicts[Frama_C_interval(0, 4)];
	answer->length = Frama_C_unsigned_long_interval(0, ASK_CHALLENGE_MAX);
	say_anything(answer->text, sizeof answer->text);
	return CHANCE;
}

static void
any_peer(struct peer *client)
{
	static const enum peer_source sources[] = { PEER_UNKNOWN, PEER_PROXY, PEER_XCLIENT };
	static const enum peer_tls kinds[] = { TLS_NONE, TLS_LOOPBACK, TLS_STARTTLS, TLS_PROXY };

	client->source = sources[Frama_C_interval(0, 2)];
	client->tls = kinds[Frama_C_interval(0, 3)];
	say_anything(client->address, sizeof client->address);
	say_anything(client->port, sizeof client->port);
	say_anything(client->host, sizeof client->host);
	say_anything(client->info, sizeof client->info);
	say_anything(client->tls_protocol, sizeof client->tls_protocol);
	say_anything(client->tls_cipher, sizeof client->tls_cipher);
	client->verified = CHANCE;
	say_anything(client->certificate[0], sizeof client->certificate[0]);
	say_anything(client->certificate[1], sizeof client->certificate[1]);
	say_anything(client->client, sizeof client->client);
}

bool
ask_starttls(struct peer *client, struct answer *answer)
{
	any_peer(client);
	return any_answer(answer);
}

bool
ask_sender(const char *address, struct answer *answer)
{
	read_string(address);
	return any_answer(answer);
}

bool
ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer)
{
	(void)envelope;
	read_string(message->helo);
	if (message->digest != NULL)
		read_bytes((const char *)message->digest, MEMORY_DIGEST);
	return any_answer(answer);
}

void
ask_log(const struct ask_line *said)
{
	read_string(said->reason);
	read_string(said->text);
}

bool ask_peer(const struct peer *client, struct answer *answer) { (void)client; return any_answer(answer); }
bool ask_mechanisms(struct answer *answer) { return any_answer(answer); }
bool ask_spool(struct answer *answer) { return any_answer(answer); }

/* session/sasl, session/xclient, session/proxy */

struct sasl_mechanism {
	int number;
};

const struct reply sasl_success = { 235, "2.7.0", "Authenticated", NULL };

const struct sasl_mechanism *
sasl_find(const struct config *given, const char *wanted)
{
	static const struct sasl_mechanism mechanism;

	(void)given;
	read_string(wanted);
	return CHANCE ? &mechanism : NULL;
}

const struct reply *
sasl_auth(const struct sasl_mechanism *mechanism, struct line *connection, char *initial, struct login *login,
    struct answer *answer, enum line_event *event)
{
	static const struct reply no = { 535, "5.7.8", "No", NULL }, malformed = { 501, "5.5.2", "Malformed", NULL },
	    end = { 421, "4.3.0", "Bye", "internal-failure" };
	static const struct reply *const replies[] = { &sasl_success, &no, &malformed, &end, NULL };

	(void)mechanism, (void)connection;
	for (; initial != NULL && *initial != '\0'; initial++)	/* decoded in place */
		*initial = (char)Frama_C_interval(-128, 127);
	login->length = 0;
	*event = any_event();
	(void)any_answer(answer);
	return replies[Frama_C_interval(0, 4)];
}

const char *
sasl_list(const struct config *given, bool certified)
{
	static char list[512];

	(void)given, (void)certified;
	say_anything(list, sizeof list);
	return list;
}

void sasl_relay(const char *list) { read_string(list); }

bool
xclient_read(const char *argument, struct xclient *said)
{
	read_string(argument);
	said->address_said = CHANCE;
	say_anything(said->address, sizeof said->address);
	say_anything(said->port, sizeof said->port);
	say_anything(said->name, sizeof said->name);
	say_anything(said->helo, sizeof said->helo);
	return CHANCE;
}

long
proxy_read(struct peer *client, const struct config *given, const char *bytes, size_t length)
{
	(void)given;
	read_bytes(bytes, length);
	any_peer(client);
	return Frama_C_long_interval(-1, LINE_FLOOD);
}

/* session/data */

static const struct reply *(*fault_of)(const char *address);

void
data_start(struct data *data, const struct header_origin *given, int spool)
{
	(void)spool;
	data->size = 0;
	fault_of = given->sender_fault;
	read_string(given->from);
	read_string(given->host);
	read_string(given->address);
	read_string(given->login);
	read_string(given->with);
	read_string(given->tls);
	read_string(given->id);
	read_string(given->sender);
	read_string(given->set_sender);
}

enum line_event
data_read(struct data *data, struct line *connection, int64_t patience, int64_t deadline)
{
	static char address[ADDRESS_MAX + 1];

	(void)connection, (void)patience, (void)deadline;
	say_anything(address, sizeof address);
	data->size = NUMBER;
	data->header.has_id = CHANCE;
	data->header.fault = fault_of != NULL && CHANCE ? fault_of(CHANCE ? address : NULL) : NULL;
	return any_event();
}

const struct reply *
data_finish(struct data *data)
{
	static const struct reply no = { 550, "5.6.0", "No", NULL }, later = { 452, "4.3.1", "Later", NULL };

	return data->header.fault != NULL ? data->header.fault : CHANCE ? NULL : CHANCE ? &no : &later;
}

void
data_digest(struct data *data, const char *envelope, size_t length, unsigned char digest[MEMORY_DIGEST])
{
	(void)data;
	for (size_t i = 0; i < length && i < sizeof ((struct envelope *)NULL)->body; i++)
		(void)envelope[i];
	Frama_C_make_unknown((char *)digest, MEMORY_DIGEST);
}

/* base/peer, base/io */

bool
peer_replaced(struct peer *client, const char *address, const char *port, const char *host)
{
	read_string(address);
	read_string(port);
	read_string(host);
	any_peer(client);
	return CHANCE;
}

bool peer_certified(const struct peer *client) { return client->verified && CHANCE; }
bool peer_encrypted(const struct peer *client) { return client->tls != TLS_NONE && CHANCE; }

bool
peer_safe(const struct peer *client, const struct config *given)
{
	return client->tls != TLS_NONE || given->allow_cleartext;
}

int64_t io_now(void) { return Frama_C_long_interval(0, INT64_MAX / 2); }

void
io_title(const char *role, const char *client, const char *user, const char *what)
{
	read_string(role);
	read_string(client);
	read_string(user);
	read_string(what);
}

int
main(void)
{
	static const enum starttls kinds[] = { STARTTLS_NONE, STARTTLS_OFFERED, STARTTLS_REQUIRED };

	/*@ widen_hints global:"all", 62, 63, 254, 255, 510, 511, 639, 640; */
	Frama_C_make_unknown((char *)&config, sizeof config);
	config.starttls = kinds[Frama_C_interval(0, 2)];
	say_anything(config.state, sizeof config.state);
	say_anything(config.xclient_from, sizeof config.xclient_from);
	say_anything(config.senders, sizeof config.senders);
	say_anything(config.hostname, sizeof config.hostname);
	say_anything(config.domain, sizeof config.domain);
	config.behind_tls = CHANCE;
	config.allow_cleartext = CHANCE;
	config.proxy = CHANCE;
	config.xclient = CHANCE;
	config.debug = CHANCE;
	config.dovecot = CHANCE;
	config.own_address = CHANCE;
	config.fix_sender = CHANCE;
	config.smtputf8 = CHANCE;
	config.offer_dsn = CHANCE;
	config.max_recipients = Frama_C_unsigned_long_interval(1, RECIPIENTS_MAX);
	config.timeout = Frama_C_unsigned_long_interval(1, 86400);
	config.login_timeout = Frama_C_unsigned_long_interval(1, 86400);
	any_peer(&peer);
	say_anything(id, sizeof id);
	return smtp_session(&config, &peer, id);
}
