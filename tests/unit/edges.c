/* links: base alone */
/* What stands at the very edge of what base/ takes: one byte more, another letter, another kind of address. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/dial.h"
#include "base/dsn.h"
#include "base/io.h"
#include "base/network.h"
#include "base/peer.h"
#include "base/scram.h"
#include "base/text.h"

static void
names_that_are_shown(void **state)
{
	char array[100];
	struct text text;

	(void)state;
	text_start(&text, array, sizeof array);
	text_add_name(&text, "a'b\"c\\d e\177f\303");
	assert_string_equal(array, "'a\\x27b\\x22c\\x5cd e\\x7ff\\xc3'");
	for (size_t length = 200; length <= 201; length++) {
		char name[202] = "", shown[300];

		memset(name, 'n', length);
		text_start(&text, shown, sizeof shown);
		text_add_name(&text, name);
		assert_int_equal(text.used, length == 200 ? 202 : 205);
		assert_string_equal(shown + 200, length == 200 ? "n'" : "n'...");
	}
}

static void
long_parts_of_addresses(void **state)
{
	char array[1000];
	struct address address;
	const char *at = array;

	(void)state;
	memset(array, 'a', sizeof array);
	array[0] = '"';
	strcpy(array + 600, "\"@x.example");
	assert_int_not_equal(address_read(&at, "", &address), ADDRESS_FINE);
	memset(array, 'a', sizeof array);
	memcpy(array, "a@[", 3);
	strcpy(array + 600, "]");
	at = array;
	assert_int_not_equal(address_read(&at, "", &address), ADDRESS_FINE);
	at = "\"a\\\0\"@x.example";	/* nothing behind the end of the string is read */
	assert_int_not_equal(address_read(&at, "", &address), ADDRESS_FINE);
	at = "\"\"@x.example";
	assert_int_not_equal(address_read(&at, "", &address), ADDRESS_FINE);
}

static void
xtext(void **state)
{
	static const char *const wrong[] = { "a\177b", "a\200b", "a=b", "+G0", "+0G", "+0", "+", "+1F", "+7F", "+80", "" };

	(void)state;
	assert_true(dsn_valid(true, "ENVID=a+3Db+20c!~+7E"));
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		char array[50];

		snprintf(array, sizeof array, "ENVID=%s", wrong[i]);
		if (dsn_valid(true, array))
			fail_msg("%s", array);
		snprintf(array, sizeof array, "ORCPT=rfc822;%s", wrong[i]);
		if (dsn_valid(false, array))
			fail_msg("%s", array);
	}
	assert_true(dsn_valid(false, "ORCPT=rfc822;bob@x"));
	assert_false(dsn_valid(false, "ORCPT=rfc\1778;bob@x"));
	assert_false(dsn_valid(false, "ORCPT=rfc\2008;bob@x"));
	assert_false(dsn_valid(false, "ORCPT=rfc 8;bob@x"));
}

static void
words_of_networks(void **state)
{
	(void)state;
	assert_false(network_holds("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", "192.0.2.1"));
	assert_true(network_holds("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc 192.0.2.1", "192.0.2.1"));
	assert_false(network_holds("192.0.2.1", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"));
}

/* Only ::ffff:0:0/96 is IPv4. */
static void
addresses_like_mapped_ones(void **state)
{
	static const char *const rows[][2] = {
		{ "::ffff:192.0.2.1", "192.0.2.1" }, { "::ffff:0:192.0.2.1", "::ffff:0:c000:201" }, { "::fffe:192.0.2.1", "::fffe:c000:201" },
		{ "::1:0:ffff:192.0.2.1", "::1:0:ffff:c000:201" }, { "1::ffff:192.0.2.1", "1::ffff:c000:201" },
		{ "0:1::ffff:192.0.2.1", "0:1::ffff:c000:201" }, { "0:0:1::ffff:192.0.2.1", "::1:0:0:ffff:c000:201" },
		{ "::192.0.2.1", "::192.0.2.1" },
	};
	static const struct config config;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct peer peer = { .tls = TLS_NONE };

		assert_true(peer_proxied(&peer, &config, &(struct peer_proxied){ .address = rows[i][0], .port = "25" }));
		assert_string_equal(peer.address, rows[i][1]);
	}
}

/* PROTO is whatever the environment has. */
static void
prefix_of_variables(void **state)
{
	static const struct config config;
	struct peer peer = { .tls = TLS_NONE };

	(void)state;
	setenv("PROTO", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ", 1);
	setenv("TCPREMOTEIP", "192.0.2.1", 1);
	peer_from_environment(&peer, &config);
	assert_string_equal(peer.address, "192.0.2.1");
	unsetenv("PROTO");
	unsetenv("TCPREMOTEIP");
}

/* Of what the session tells nothing is looked at but what was expected of it. */
static void
what_the_session_may_tell(void **state)
{
	struct config config = { .xclient = true };
	struct peer peer = { .address = "192.0.2.1" }, told = { .source = PEER_PROXY, .address = "192.0.2.2" };

	(void)state;
	assert_false(peer_learn(&peer, &config, &told));
	assert_string_equal(peer.address, "192.0.2.1");
	told.source = PEER_XCLIENT;
	strcpy(told.host, "not a host");
	assert_false(peer_learn(&peer, &config, &told));
	memset(told.host, 'h', 255);
	assert_true(peer_learn(&peer, &config, &told));
	assert_string_equal(peer.address, "192.0.2.2");
	assert_int_equal(strlen(peer.host), 255);
	config.xclient = false;
	assert_false(peer_learn(&peer, &config, &told));
}

/* Whom descriptor 0 leads to, as stunnel's `exec` leaves it, and as nobody else should make it look. */
static enum peer_tls
tls_of(int family, const char *from, const char *to, bool connected)
{
	static const struct config config;
	struct peer peer;
	struct sockaddr_in four = { .sin_family = AF_INET }, end = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	socklen_t size = sizeof end;
	int listener = -1, client = -1, server, input = dup(STDIN_FILENO);

	if (family == AF_INET6) {
		server = socket(AF_INET6, SOCK_STREAM, 0);
		assert_true(bind(server, (struct sockaddr *)&six, sizeof six) == 0);
	} else if (!connected) {
		server = socket(AF_INET, SOCK_STREAM, 0);
	} else {
		listener = socket(AF_INET, SOCK_STREAM, 0);
		client = socket(AF_INET, SOCK_STREAM, 0);
		inet_pton(AF_INET, to, &four.sin_addr);
		inet_pton(AF_INET, from, &end.sin_addr);
		assert_true(bind(listener, (struct sockaddr *)&four, sizeof four) == 0 && listen(listener, 1) == 0);
		assert_true(bind(client, (struct sockaddr *)&end, sizeof end) == 0);
		assert_int_equal(getsockname(listener, (struct sockaddr *)&four, &size), 0);
		assert_int_equal(connect(client, (struct sockaddr *)&four, sizeof four), 0);
		server = accept(listener, NULL, NULL);
	}
	assert_int_equal(dup2(server, STDIN_FILENO), STDIN_FILENO);
	peer_from_environment(&peer, &config);
	dup2(input, STDIN_FILENO);
	close(input);
	close(server);
	close(listener);
	close(client);
	return peer.tls;
}

static void
pairs_like_those_of_stunnel(void **state)
{
	(void)state;
	setenv("REMOTE_HOST", "192.0.2.1", 1);
	setenv("REMOTE_PORT", "7", 1);
	assert_int_equal(tls_of(AF_INET, "127.0.0.1", "127.0.0.1", true), TLS_STUNNEL);
	assert_int_equal(tls_of(AF_INET, "127.0.0.2", "127.0.0.1", true), TLS_NONE);
	assert_int_equal(tls_of(AF_INET, "127.0.0.1", "127.0.0.2", true), TLS_NONE);
	assert_int_equal(tls_of(AF_INET, "", "", false), TLS_NONE);
	assert_int_equal(tls_of(AF_INET6, "", "", false), TLS_NONE);
	setenv("REMOTE_PORT", "seven", 1);
	assert_int_equal(tls_of(AF_INET, "127.0.0.1", "127.0.0.1", true), TLS_NONE);
	unsetenv("REMOTE_HOST");
	unsetenv("REMOTE_PORT");
}

static void
long_names_of_servers(void **state)
{
	char name[200];
	struct dial dial;

	(void)state;
	memset(name, '1', sizeof name);
	assert_false(dial_read(name, sizeof name, &dial));
	assert_false(dial_read(name, 60, &dial));
}

/* What ps(1) shows is printable, whatever the client called itself. */
static void
the_title(void **state)
{
	char room[200], *argv[] = { room, NULL }, *environment[] = { NULL };

	(void)state;
	memset(room, 'x', sizeof room);
	room[sizeof room - 1] = '\0';
	io_title_start(1, argv, environment);
	io_title("monitor", "192.0.2.1", "b\177\033\351~b", "idle");
	assert_string_equal(room, "ofmipd-session: monitor 192.0.2.1 b???~b idle");
}

static enum scram_answer
first(const char *message, const char *binding, bool plus)
{
	static struct scram scram;

	return scram_first(&scram, message, strlen(message), binding, plus);
}

static void
messages_of_scram(void **state)
{
	static const struct {
		const char *message, *binding;
		bool plus;
		enum scram_answer answer;
	} rows[] = {
		{ "n,,n=u,r=c,a=x", NULL, false, SCRAM_FINE }, { "n,,n=u,r=c,z=x", NULL, false, SCRAM_FINE },
		{ "n,,n=u,r=c,A=x", NULL, false, SCRAM_FINE }, { "n,,n=u,r=c,Z=x", NULL, false, SCRAM_FINE },
		{ "n,,n=u,r=c,@=x", NULL, false, SCRAM_MALFORMED }, { "n,,n=u,r=c,[=x", NULL, false, SCRAM_MALFORMED },
		{ "n,,n=u,r=c,`=x", NULL, false, SCRAM_MALFORMED }, { "n,,n=u,r=c,{=x", NULL, false, SCRAM_MALFORMED },
		{ "n,,n=u,r=c,m=x", NULL, false, SCRAM_MALFORMED }, { "n,,n=u,r=c,p=x", NULL, false, SCRAM_MALFORMED },
		{ "n,,n=u,r=c,a-x", NULL, false, SCRAM_MALFORMED }, { "n,,n=u,r=c,a=", NULL, false, SCRAM_MALFORMED },
		{ "y,,n=u,r=c", NULL, false, SCRAM_FINE }, { "y,,n=u,r=c", NULL, true, SCRAM_REFUSED },
		{ "y,,n=u,r=c", "tls-exporter", false, SCRAM_REFUSED }, { "n,,n=u,r=c", "tls-exporter", false, SCRAM_REFUSED },
		{ "p=tls-exporter,,n=u,r=c", "tls-exporter", true, SCRAM_FINE }, { "p=tls-exportex,,n=u,r=c", "tls-exporter", true, SCRAM_REFUSED },
		{ "p=tls,,n=u,r=c", "tls-exporter", true, SCRAM_REFUSED }, { "p=tls,,n=u,r=c", NULL, true, SCRAM_REFUSED },
		{ "", NULL, false, SCRAM_MALFORMED }, { "n", NULL, false, SCRAM_MALFORMED },
	};
	struct scram scram;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (first(rows[i].message, rows[i].binding, rows[i].plus) != rows[i].answer)
			fail_msg("row %zu: %s", i, rows[i].message);
	assert_int_equal(scram_first(&scram, "n,,n=u\0,r=c", 11, NULL, false), SCRAM_MALFORMED);
}

static void
last_messages_of_scram(void **state)
{
	static char message[3000];
	struct scram_final final = { .server_first = "r=cs,s=x,i=1" };
	struct scram scram;

	(void)state;
	assert_int_equal(scram_first(&scram, "n,,n=u,r=c", 10, NULL, false), SCRAM_FINE);
	assert_int_equal(scram_final(&scram, "", 0, &final), SCRAM_MALFORMED);
	assert_int_equal(scram_final(&scram, "c=biws\0,r=cs,p=x", 16, &final), SCRAM_MALFORMED);
	memset(message, 'A', sizeof message);
	memcpy(message, "c=", 2);
	strcpy(message + 2900, ",r=cs,p=x");
	assert_int_equal(scram_final(&scram, message, strlen(message), &final), SCRAM_MALFORMED);
	strcpy(message, "c=biws,r=cs,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	assert_int_equal(scram_final(&scram, message, strlen(message), &final), SCRAM_FINE);
	message[8] = 'x';
	assert_int_equal(scram_final(&scram, message, strlen(message), &final), SCRAM_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_shown), cmocka_unit_test(long_parts_of_addresses), cmocka_unit_test(xtext),
		cmocka_unit_test(words_of_networks), cmocka_unit_test(addresses_like_mapped_ones),
		cmocka_unit_test(prefix_of_variables), cmocka_unit_test(what_the_session_may_tell),
		cmocka_unit_test(pairs_like_those_of_stunnel), cmocka_unit_test(long_names_of_servers), cmocka_unit_test(the_title),
		cmocka_unit_test(messages_of_scram), cmocka_unit_test(last_messages_of_scram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
