/* links: ask session/proxy */
/* Who is calling: environment, descriptor 0, PROXY header; and what crosses the wall about it. */
#include "unit.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "base/peer.h"
#include "session/proxy.h"

static struct config config;

static const char *const variables[] = { "PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO",
    "TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST", "TCP6REMOTEIP", "TCP6REMOTEPORT", "TCP6REMOTEHOST", "TCP6LOCALIP",
    "SSLREMOTEIP", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_ADDR", "SSL_PROTOCOL", "SSL_CIPHER", "SSL_CLIENT_VERIFY",
    "SSL_CLIENT_DN", "SSL_CLIENT_S_DN", "SSL_CLIENT_S_DN_CN", "SSL_CLIENT_S_DN_Email" };

/* The peer of an environment that is "NAME=VALUE\nNAME=VALUE..." and nothing else. */
static struct peer
environment(const char *settings)
{
	char copy[8000];
	struct peer peer;

	for (size_t i = 0; i < LENGTH(variables); i++)
		unsetenv(variables[i]);
	strcpy(copy, settings);
	for (char *word = strtok(copy, "\n"); word != NULL; word = strtok(NULL, "\n")) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		setenv(word, value, 1);
	}
	memset(&peer, 0xaa, sizeof peer);
	peer_from_environment(&peer, &config);
	return peer;
}

/* Descriptor 0 becomes `descriptor`. */
static void
set_input(int descriptor)
{
	assert_int_equal(dup2(descriptor, 0), 0);
	close(descriptor);
}

static void
pipe_as_input(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	set_input(ends[0]);
	close(ends[1]);
}

static void
sources_and_their_order(void **state)
{
	static const struct {
		const char *settings;
		enum peer_source source;
		const char *client;
	} rows[] = {
		{ "", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=192.0.2.1", PEER_TCPSERVER, "192.0.2.1" },
		{ "TCPREMOTEIP=192.0.2.1\nTCPREMOTEPORT=4711", PEER_TCPSERVER, "192.0.2.1:4711" },
		{ "PROTO=TCP\nTCPREMOTEIP=192.0.2.1\nTCPREMOTEPORT=1", PEER_TCPSERVER, "192.0.2.1:1" },
		{ "PROTO=TCP6\nTCP6REMOTEIP=2001:db8::1\nTCP6REMOTEPORT=25", PEER_TCPSERVER, "[2001:db8::1]:25" },
		{ "PROTO=TCP6\nTCP6REMOTEIP=2001:db8::1\nTCPREMOTEIP=192.0.2.1", PEER_TCPSERVER, "2001:db8::1" },
		{ "PROTO=TCP6\nTCPREMOTEIP=192.0.2.1\nTCPREMOTEPORT=9", PEER_TCPSERVER, "192.0.2.1:9" },
		{ "PROTO=TCP6\nTCP6REMOTEIP=x\nTCPREMOTEIP=192.0.2.1", PEER_TCPSERVER, "192.0.2.1" },
		{ "PROTO=\nTCPREMOTEIP=192.0.2.1", PEER_TCPSERVER, "192.0.2.1" },
		{ "PROTO=AVERYLONGPROTOCOLNAMEINDEED\nTCPREMOTEIP=192.0.2.1", PEER_TCPSERVER, "192.0.2.1" },
		{ "TCPREMOTEIP=192.0.2.1\nREMOTE_HOST=192.0.2.2\nREMOTE_ADDR=192.0.2.3", PEER_TCPSERVER, "192.0.2.1" },
		{ "REMOTE_HOST=192.0.2.2\nREMOTE_ADDR=192.0.2.3", PEER_XINETD, "192.0.2.2" },
		{ "REMOTE_HOST=192.0.2.2\nREMOTE_PORT=5", PEER_XINETD, "192.0.2.2:5" },
		{ "REMOTE_HOST=::ffff:192.0.2.2", PEER_XINETD, "192.0.2.2" },
		{ "REMOTE_HOST=<no address>", PEER_UNKNOWN, "unknown" },
		{ "REMOTE_ADDR=192.0.2.3\nREMOTE_PORT=5", PEER_SYSTEMD, "192.0.2.3:5" },
		{ "REMOTE_ADDR=2001:DB8:0::3\nREMOTE_PORT=5", PEER_SYSTEMD, "[2001:db8::3]:5" },
		{ "TCPREMOTEIP=x\nREMOTE_ADDR=192.0.2.3", PEER_SYSTEMD, "192.0.2.3" },
		/* Addresses or nothing. */
		{ "TCPREMOTEIP=", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=1.2.3", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=1.2.3.4.5", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=1.2.3.256", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP= 1.2.3.4", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=1.2.3.4 event=accepted", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=1.2.3.4\t", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=:::1", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=mail.example", PEER_UNKNOWN, "unknown" },
		{ "TCPREMOTEIP=::ffff:1.2.3.4", PEER_TCPSERVER, "1.2.3.4" },
		{ "TCPREMOTEIP=fe80::1%eth0\nTCPREMOTEPORT=5", PEER_TCPSERVER, "[fe80::1]:5" },
		{ "TCPREMOTEIP=1.2.3.4\nTCPREMOTEPORT=65536", PEER_TCPSERVER, "1.2.3.4" },
		{ "TCPREMOTEIP=1.2.3.4\nTCPREMOTEPORT=-1", PEER_TCPSERVER, "1.2.3.4" },
		{ "TCPREMOTEIP=1.2.3.4\nTCPREMOTEPORT=smtp", PEER_TCPSERVER, "1.2.3.4" },
		{ "TCPREMOTEPORT=25", PEER_UNKNOWN, "unknown" },
	};
	char long_value[400] = "TCPREMOTEIP=";

	(void)state;
	pipe_as_input();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct peer peer = environment(rows[i].settings);

		if (peer.source != rows[i].source || strcmp(peer.client, rows[i].client) != 0)
			fail_msg("%s: %s, source %s", rows[i].settings, peer.client, peer_source_name(&peer));
	}
	memset(long_value + strlen(long_value), '1', 300);
	assert_string_equal(environment(long_value).client, "unknown");
}

static void
strangers_words_are_cleaned(void **state)
{
	struct peer peer;
	char settings[6000] = "TCPREMOTEIP=192.0.2.1\nTCPREMOTEINFO=";

	(void)state;
	peer = environment("TCPREMOTEIP=192.0.2.1\nTCPREMOTEHOST=h.example\nTCPREMOTEINFO=bob\nTCPLOCALIP=192.0.2.9\n"
	    "TCPLOCALPORT=587\nTCPLOCALHOST=m.example");
	assert_string_equal(peer.host, "h.example");
	assert_string_equal(peer.info, "bob");
	assert_string_equal(peer.local_address, "192.0.2.9");
	assert_string_equal(peer.local_port, "587");
	assert_string_equal(peer.local_host, "m.example");
	peer = environment("TCPREMOTEIP=192.0.2.1\nTCPREMOTEHOST=h)\r(X: y\nTCPREMOTEINFO=() { :;}\x80\rX:\nTCPLOCALIP=x\n"
	    "TCPLOCALPORT=x\nTCPLOCALHOST=a b");
	assert_string_equal(peer.host, "");
	assert_string_equal(peer.info, "???{???}??X?");
	assert_string_equal(peer.local_address, "");
	assert_string_equal(peer.local_port, "");
	assert_string_equal(peer.local_host, "");
	memset(settings + strlen(settings), 'x', 5000);
	peer = environment(settings);
	assert_int_equal(strlen(peer.info), sizeof peer.info - 1);
	/* They belong to tcpserver's address, and to no other. */
	peer = environment("REMOTE_HOST=192.0.2.1\nTCPREMOTEHOST=h.example\nTCPREMOTEINFO=bob");
	assert_string_equal(peer.host, "");
	assert_string_equal(peer.info, "");
}

static void
sockets_are_asked_last(void **state)
{
	struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in name4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *const names[] = { (struct sockaddr *)&name4, (struct sockaddr *)&name };
	socklen_t sizes[] = { sizeof name4, sizeof name };

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		int listening = socket(names[i]->sa_family, SOCK_STREAM, 0), client, accepted;
		char wanted[64];
		struct peer peer;

		if (listening < 0 || bind(listening, names[i], sizes[i]) != 0) {
			assert_int_equal(i, 1);		/* a machine without IPv6 */
			close(listening);
			break;
		}
		assert_int_equal(listen(listening, 1), 0);
		assert_int_equal(getsockname(listening, names[i], &sizes[i]), 0);
		client = socket(names[i]->sa_family, SOCK_STREAM, 0);
		assert_int_equal(connect(client, names[i], sizes[i]), 0);
		accepted = accept(listening, NULL, NULL);
		assert_int_equal(getsockname(client, names[i], &sizes[i]), 0);
		set_input(accepted);
		snprintf(wanted, sizeof wanted, i == 0 ? "127.0.0.1:%u" : "[::1]:%u",
		    ntohs(i == 0 ? name4.sin_port : name.sin6_port));
		peer = environment("");
		assert_int_equal(peer.source, PEER_SOCKET);
		assert_string_equal(peer.client, wanted);
		assert_int_equal(peer.tls, TLS_LOOPBACK);
		assert_int_equal(environment("TCPREMOTEIP=192.0.2.1").source, PEER_TCPSERVER);
		close(client);
		close(listening);
	}
	pipe_as_input();
}

static void
encryption_is_proved(void **state)
{
	int pair[2];
	struct peer peer;

	(void)state;
	peer = environment("TCPREMOTEIP=192.0.2.1");
	assert_int_equal(peer.tls, TLS_NONE);
	assert_false(peer_encrypted(&peer));
	assert_false(peer_safe(&peer, &config));
	config.allow_cleartext = true;
	assert_true(peer_safe(&peer, &config));
	config.allow_cleartext = false;
	peer = environment("TCPREMOTEIP=192.0.2.1\nSSL_PROTOCOL=");
	assert_int_equal(peer.tls, TLS_NONE);
	peer = environment("TCPREMOTEIP=192.0.2.1\nSSL_PROTOCOL=TLSv1.3\nSSL_CIPHER=TLS_AES(\x01");
	assert_int_equal(peer.tls, TLS_ENVIRONMENT);
	assert_string_equal(peer.tls_protocol, "TLSv1.3");
	assert_string_equal(peer.tls_cipher, "TLS_AES??");
	assert_true(peer_encrypted(&peer));
	peer = environment("TCPREMOTEIP=127.0.0.1");
	assert_int_equal(peer.tls, TLS_LOOPBACK);
	assert_false(peer_encrypted(&peer));
	assert_true(peer_safe(&peer, &config));
	assert_int_equal(environment("TCPREMOTEIP=127.255.0.9").tls, TLS_LOOPBACK);
	assert_int_equal(environment("TCPREMOTEIP=::1").tls, TLS_LOOPBACK);
	assert_int_equal(environment("TCPREMOTEIP=::ffff:127.0.0.1").tls, TLS_LOOPBACK);
	assert_int_equal(environment("TCPREMOTEIP=128.0.0.1").tls, TLS_NONE);
	assert_int_equal(environment("TCPREMOTEIP=::127.0.0.1").tls, TLS_NONE);
	assert_int_equal(environment("").tls, TLS_NONE);
	config.behind_tls = true;
	assert_int_equal(environment("TCPREMOTEIP=192.0.2.1").tls, TLS_BEHIND);
	assert_int_equal(environment("").tls, TLS_BEHIND);
	config.behind_tls = false;
	/* stunnel: a pipe is not its mark, nor is a pair that has a name, nor one without a port. */
	assert_int_equal(environment("REMOTE_HOST=192.0.2.1\nREMOTE_PORT=5").tls, TLS_NONE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	set_input(pair[0]);
	peer = environment("REMOTE_HOST=192.0.2.1\nREMOTE_PORT=5");
	assert_int_equal(peer.tls, TLS_STUNNEL);
	assert_int_equal(peer.source, PEER_STUNNEL);
	assert_int_equal(environment("REMOTE_HOST=192.0.2.1").tls, TLS_NONE);
	assert_int_equal(environment("REMOTE_ADDR=192.0.2.1\nREMOTE_PORT=5").tls, TLS_NONE);
	close(pair[1]);
	pipe_as_input();
}

/* What becomes of `bytes`; the peer was 198.51.100.1:7, over TLS by the environment's word. */
static long
proxy(const char *bytes, size_t length, struct peer *peer)
{
	char *exact = exactly(bytes, length);
	long result;

	*peer = (struct peer){ .source = PEER_TCPSERVER, .tls = TLS_ENVIRONMENT, .address = "198.51.100.1", .port = "7",
	    .host = "proxy.example", .info = "proxy", .client = "198.51.100.1:7" };
	result = proxy_read(peer, &config, exact, length);
	free(exact);
	if (result <= 0)	/* nothing said: nothing changed */
		assert_string_equal(peer->client, "198.51.100.1:7");
	return result;
}

static void
check_proxy(const char *bytes, size_t length, const char *client)
{
	struct peer peer;
	char *more = malloc(length + 20);

	if (proxy(bytes, length, &peer) != (long)length || strcmp(peer.client, client) != 0)
		fail_msg("%.120s: %s", bytes, peer.client);
	if (strcmp(client, "198.51.100.1:7") == 0) {
		assert_int_equal(peer.tls, TLS_ENVIRONMENT);
		assert_string_equal(peer.host, "proxy.example");
	} else {
		assert_int_equal(peer.source, PEER_PROXY);
		assert_string_equal(peer.host, "");
		assert_string_equal(peer.info, "");
	}
	for (size_t i = 0; i < length; i++)	/* not whole yet, whereever it is cut */
		if (proxy(bytes, i, &peer) != 0)
			fail_msg("%.120s: the first %zu bytes", bytes, i);
	memcpy(more, bytes, length);
	memcpy(more + length, "EHLO x\r\nPROXY TCP4 ", 19);
	assert_int_equal(proxy(more, length + 19, &peer), length);
	assert_string_equal(peer.client, client);
	free(more);
}

static void
proxy_version_1(void **state)
{
	static const struct {
		const char *line, *client;
	} rows[] = {
		{ "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "1.2.3.4:1" },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535" },
		{ "PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", "1.2.3.4:0" },
		{ "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "[2001:db8::1]:1" },
		{ "PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::1 1 2\r\n", "[2001:db8::1]:1" },
		{ "PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", "1.2.3.4:1" },
		{ "PROXY UNKNOWN\r\n", "198.51.100.1:7" },
		{ "PROXY UNKNOWN x\r\n", "198.51.100.1:7" },
		{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535"
		    "\r\n", "198.51.100.1:7" },
	};
	static const char *const wrong[] = {
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY UNKNOWN\n", "PROXY\r\n", "PROXY \r\n",
		"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1  2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
		" PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
		"proxy tcp4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 02501 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 0x1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", "PROXY TCP4 1.2.3.4 5.6.7.8\r\n", "PROXY TCP4 1.2.3.4\r\n",
		"PROXY TCP4\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 ::1 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.4.5 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7 1 2\r\n", "PROXY TCP4 1.2.3.999 5.6.7.8 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY TCP6 [::1] [::1] 1 2\r\n", "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY UNKNOWNX\r\n", "PROXY UNKNOWX\r\n", "PROXY UNKNOWX x\r\n",
		"PROXY TCP5 ::1 ::1 1 2\r\n", "PROXYX TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r \n",
		"PROXY TCP4 1.2.3.4 5.6.7.8\r1 2\r\n", "PROXY TCP4 1.2.3.4\n5.6.7.8 1 2\r\n", "PROXY UNKNOWN \n\r\n",
		"PROXY UNKNOWN \r\r\n", "EHLO x\r\n", "P\r\n", "PROXX", "\x16\x03\x01", "\n",
	};
	struct peer peer;
	char line[300];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		check_proxy(rows[i].line, strlen(rows[i].line), rows[i].client);
	for (size_t i = 0; i < LENGTH(wrong); i++)
		if (proxy(wrong[i], strlen(wrong[i]), &peer) != -1)
			fail_msg("%s is taken", wrong[i]);
	assert_int_equal(proxy("PROXY TCP4 1.2.3.4 5.6.7.8 1\0 2\r\n", 34, &peer), -1);
	assert_int_equal(proxy("PROXY UNKNOWN\0\r\n", 16, &peer), -1);
	/* At most 107 bytes, the CRLF among them. */
	for (size_t length = 100; length < 120; length++) {
		memset(line, 'x', sizeof line);
		memcpy(line, "PROXY UNKNOWN ", 14);
		memcpy(line + length - 2, "\r\n", 2);
		assert_int_equal(proxy(line, length, &peer), length <= 107 ? (long)length : -1);
		memset(line + length - 2, 'x', 2);
		assert_int_equal(proxy(line, length, &peer), length < 107 ? 0 : -1);
	}
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* A header of version 2 in `bytes`; returns its length. */
static size_t
version_2(char *bytes, int command, int family, const void *rest, size_t length)
{
	memcpy(bytes, SIGNATURE, 12);
	bytes[12] = (char)command;
	bytes[13] = (char)family;
	bytes[14] = (char)(length >> 8);
	bytes[15] = (char)length;
	memcpy(bytes + 16, rest, length);
	return 16 + length;
}

#define FOUR "\1\2\3\4\5\6\7\x08\x12\x34\0\x19"
#define SIX "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x12\x34\0\x19"
/* TLS, "TLSv1.3", "AES" */
#define TLS "\x20\0\x15\1\0\0\0\0\x21\0\7TLSv1.3\x23\0\3AES"

static void
proxy_version_2(void **state)
{
	static const struct {
		int command, family;
		const char *rest;
		size_t length;
		const char *client;	/* NULL: close */
	} rows[] = {
#define REST(string) string, sizeof string - 1
		{ 0x21, 0x11, REST(FOUR), "1.2.3.4:4660" },
		{ 0x21, 0x21, REST(SIX), "[2001:db8::1]:4660" },
		{ 0x21, 0x31, REST(""), NULL },
		{ 0x20, 0x00, REST(""), "198.51.100.1:7" },
		{ 0x20, 0x11, REST(FOUR), "198.51.100.1:7" },
		{ 0x20, 0x11, REST(""), "198.51.100.1:7" },
		{ 0x21, 0x00, REST(""), "198.51.100.1:7" },
		{ 0x21, 0x00, REST("anything"), "198.51.100.1:7" },
		{ 0x11, 0x11, REST(FOUR), NULL }, { 0x31, 0x11, REST(FOUR), NULL }, { 0x01, 0x11, REST(FOUR), NULL },
		{ 0x22, 0x11, REST(FOUR), NULL }, { 0x2f, 0x11, REST(FOUR), NULL },
		{ 0x21, 0x12, REST(FOUR), NULL }, { 0x21, 0x22, REST(SIX), NULL }, { 0x21, 0x10, REST(FOUR), NULL },
		{ 0x21, 0x12, REST(""), NULL }, { 0x21, 0x41, REST(""), NULL }, { 0x21, 0x12, REST("\4\0\0"), NULL },
		{ 0x21, 0x11, REST("\1\2\3\4\5\6\7\x08\xff\xff\0\x19"), "1.2.3.4:65535" },
		{ 0x21, 0x41, REST(FOUR), NULL }, { 0x21, 0xff, REST(FOUR), NULL },
		{ 0x21, 0x11, REST(""), NULL }, { 0x21, 0x11, FOUR, 11, NULL }, { 0x21, 0x21, SIX, 35, NULL },
		{ 0x21, 0x21, REST(FOUR), NULL },
		{ 0x21, 0x11, REST(FOUR "\4\0\0"), "1.2.3.4:4660" },
		{ 0x21, 0x11, REST(FOUR "\4\0\3abc\xee\0\1x"), "1.2.3.4:4660" },
		{ 0x21, 0x11, REST(FOUR "\4"), NULL }, { 0x21, 0x11, REST(FOUR "\4\0"), NULL },
		{ 0x21, 0x11, REST(FOUR "\4\0\1"), NULL }, { 0x21, 0x11, REST(FOUR "\4\xff\xffx"), NULL },
		{ 0x21, 0x11, REST(FOUR "\4\0\3abc\4"), NULL },
		{ 0x21, 0x11, REST(FOUR TLS), "1.2.3.4:4660" },
		{ 0x21, 0x21, REST(SIX TLS "\4\0\0"), "[2001:db8::1]:4660" },
		{ 0x21, 0x11, REST(FOUR "\x20\0\4\1\0\0\0"), NULL },
		{ 0x21, 0x11, REST(FOUR "\x20\0\6\1\0\0\0\0\x21"), NULL },
		{ 0x21, 0x11, REST(FOUR "\x20\0\x09\1\0\0\0\0\x21\0\2T"), NULL },
		{ 0x21, 0x11, REST(FOUR "\x20\0\x08\1\0\0\0\0\x21\xff\xff"), NULL },
		{ 0x21, 0x11, REST(FOUR "\x20\0\5\0\0\0\0\0"), "1.2.3.4:4660" },
	};
	static char bytes[70000], rest[70000];
	struct peer peer;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		size_t length = version_2(bytes, rows[i].command, rows[i].family, rows[i].rest, rows[i].length);

		if (rows[i].client != NULL)
			check_proxy(bytes, length, rows[i].client);
		else if (proxy(bytes, length, &peer) != -1)
			fail_msg("version 2, row %zu is taken", i);
	}
	memset(rest, 'u', 216);		/* AF_UNIX: no address that means anything here */
	check_proxy(bytes, version_2(bytes, 0x21, 0x31, rest, 216), "198.51.100.1:7");
	assert_int_equal(proxy(bytes, version_2(bytes, 0x21, 0x31, rest, 215), &peer), -1);
	/* The longest field that fits; far too much. */
	memset(rest, 0, sizeof rest);
	memcpy(rest, FOUR "\4\x0f\xf1", 15);
	assert_int_equal(proxy(bytes, version_2(bytes, 0x21, 0x11, rest, 4096), &peer), 16 + 4096);
	memcpy(rest, FOUR "\4\x0f\xf2", 15);
	assert_int_equal(proxy(bytes, version_2(bytes, 0x21, 0x11, rest, 4097), &peer), -1);
	assert_int_equal(proxy(bytes, version_2(bytes, 0x21, 0x11, rest, 65535), &peer), -1);
	/* Two bytes are left that are no field; a reader that began anew at the second byte would find some to the end. */
	memcpy(rest, FOUR "\4\x0d\x48", 15);
	memcpy(rest + 3342 - 16, "\4\0\x58", 3);
	assert_int_equal(proxy(bytes, version_2(bytes, 0x21, 0x11, rest, 17 + 3400), &peer), -1);
	/* A version or a command of another kind is seen at once. */
	version_2(bytes, 0x11, 0x11, FOUR, 12);
	assert_int_equal(proxy(bytes, 13, &peer), -1);
	version_2(bytes, 0x22, 0x11, FOUR, 12);
	assert_int_equal(proxy(bytes, 13, &peer), -1);
	assert_int_equal(proxy(bytes, 12, &peer), 0);
	version_2(bytes, 0x20, 0, rest, 65535);
	assert_int_equal(proxy(bytes, 16, &peer), -1);
	/* Each byte of the signature counts. */
	for (size_t i = 0; i < 12; i++) {
		version_2(bytes, 0x21, 0x11, FOUR, 12);
		bytes[i] ^= 1;
		assert_int_equal(proxy(bytes, 28, &peer), -1);
		assert_int_equal(proxy(bytes, i + 1, &peer), -1);
	}
}

static void
proxy_says_whether_there_is_tls(void **state)
{
	char bytes[100];
	struct peer peer;

	(void)state;
	assert_int_equal(proxy("PROXY TCP4 192.0.2.1 5.6.7.8 1 2\r\n", 34, &peer), 34);
	assert_int_equal(peer.tls, TLS_NONE);
	assert_int_equal(proxy("PROXY TCP4 127.0.0.1 5.6.7.8 1 2\r\n", 34, &peer), 34);
	assert_int_equal(peer.tls, TLS_LOOPBACK);
	proxy(bytes, version_2(bytes, 0x21, 0x11, FOUR, 12), &peer);
	assert_int_equal(peer.tls, TLS_NONE);
	proxy(bytes, version_2(bytes, 0x21, 0x11, FOUR TLS, 12 + sizeof TLS - 1), &peer);
	assert_int_equal(peer.tls, TLS_PROXY);
	assert_string_equal(peer.tls_protocol, "TLSv1.3");
	assert_string_equal(peer.tls_cipher, "AES");
	assert_true(peer_encrypted(&peer));
	/* Another field is neither of them; the last of a kind counts. */
#define MORE_TLS FOUR "\x20\0\x23\1\0\0\0\0\x21\0\7TLSv1.3\x23\0\3AES\x25\0\3RSA\x21\0\1x\x23\0\1y"
	proxy(bytes, version_2(bytes, 0x21, 0x11, MORE_TLS, sizeof MORE_TLS - 1), &peer);
	assert_string_equal(peer.tls_protocol, "x");
	assert_string_equal(peer.tls_cipher, "y");
	proxy(bytes, version_2(bytes, 0x21, 0x11, FOUR "\x20\0\x0d\1\0\0\0\0\x24\0\5other", 28), &peer);
	assert_int_equal(peer.tls, TLS_PROXY);
	assert_true(peer.tls_protocol[0] == '\0' && peer.tls_cipher[0] == '\0');
	proxy(bytes, version_2(bytes, 0x21, 0x11, FOUR "\x20\0\5\0\0\0\0\0", 20), &peer);
	assert_int_equal(peer.tls, TLS_NONE);
	config.behind_tls = true;
	proxy(bytes, version_2(bytes, 0x21, 0x11, FOUR, 12), &peer);
	assert_int_equal(peer.tls, TLS_BEHIND);
	config.behind_tls = false;
	peer_from_starttls(&peer, "SSL_PROTOCOL=TLSv1.2");
	peer_from_starttls(&peer, "SSL_CIPHER=a b(\r\n");
	peer_from_starttls(&peer, "SSL_CIPHER");
	peer_from_starttls(&peer, "SSL_CIPHER_USEKEYSIZE=128");
	peer_from_starttls(&peer, "");
	assert_string_equal(peer.tls_protocol, "TLSv1.2");
	assert_string_equal(peer.tls_cipher, "a?b???");
}

/* As the monitor does with what crossed the wall. */
static bool
cross(struct peer *peer, const char *body, size_t length)
{
	struct peer told;

	return ask_read_peer(body, length, &told) && peer_learn(peer, &config, &told);
}

static void
peers_cross_the_wall(void **state)
{
	static const struct peer_proxied told[] = { { .address = "192.0.2.1" }, { .address = "2001:db8::1", .port = "25" },
	    { .address = "127.0.0.1", .port = "1" },
	    { .address = "192.0.2.1", .tls = true, .tls_protocol = "TLSv1.3", .tls_cipher = "AES" },
	    { .address = "192.0.2.1", .tls = true, .certificate = "bob@example.org" } };

	(void)state;
	for (size_t i = 0; i <= LENGTH(told); i++) {
		char array[256];
		struct text packed;
		const struct peer before = environment("TCPREMOTEIP=203.0.113.9\nTCPREMOTEHOST=h\nSSL_PROTOCOL=x\nSSL_CLIENT_VERIFY=SUCCESS\n"
		    "SSL_CLIENT_S_DN_CN=front");
		struct peer peer = before, other = before;

		/* At last a header that says nothing. */
		assert_true(i == LENGTH(told) || peer_proxied(&peer, &config, &told[i]));
		const char tls[2] = { (char)('0' + peer.tls), '\0' }, source[2] = { (char)('0' + peer.source), '\0' };
		const char *const fields[] = { peer.address, peer.port, tls, source, peer.tls_protocol, peer.tls_cipher,
		    peer.host, peer.verified ? "1" : "0", peer.certificate[0] };

		text_start(&packed, array, sizeof array);
		for (size_t k = 0; k < LENGTH(fields); k++)
			text_add_bytes(&packed, fields[k], strlen(fields[k]) + 1);
		assert_false(packed.cut);
		/* Without --proxy the session has nothing to say. */
		assert_false(cross(&other, array, packed.used));
		assert_memory_equal(&other, &before, sizeof other);
		config.proxy = true;
		assert_true(cross(&other, array, packed.used));
		assert_memory_equal(&other, &peer, sizeof other);
		for (size_t length = 0; length < packed.used; length++) {
			char *exact = exactly(array, length);

			assert_false(cross(&other, exact, length));
			free(exact);
		}
		config.proxy = false;
	}
}

static void
hostile_peers_do_not_cross(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool fine;
	} rows[] = {
		{ REST("192.0.2.1\0001\0000\0001\0\0\0\0000\0\0"), true },
		{ REST("192.0.2.1\0001\0000\0001\0\0\0\0000\0"), false },		/* eight fields */
		{ REST("192.0.2.1\0001\0000\0001\0\0\0\0000\0\0\0"), false },		/* ten */
		{ REST("192.0.2.1\0001\0000\0001\0\0\0\0000\0x"), false },		/* without an end */
		{ REST("192.0.2.1\n\0001\0000\0001\0\0\0\0000\0\0"), false },
		{ REST("mail.example\0001\0000\0001\0\0\0\0000\0\0"), false },
		{ REST("192.0.2.1\0001\0007\0001\0\0\0\0000\0\0"), false },
		{ REST("192.0.2.1\0001\000/\0001\0\0\0\0000\0\0"), false },
		{ REST("192.0.2.1\0001\0000\0007\0\0\0\0000\0\0"), false },		/* XCLIENT, which is not allowed */
		{ REST("192.0.2.1\0001\0000\0008\0\0\0\0000\0\0"), false },
		{ REST("192.0.2.1\0001\000\0001\0\0\0\0000\0\0"), false },
		{ REST("192.0.2.1\0001\0000\000\xff\0\0\0\0000\0\0"), false },
		{ REST("192.0.2.1\0001\0005\0001\0\0\0\0002\0x\0"), false },
		{ REST("\0001\0000\0001\0\0\0\0000\0\0"), false },			/* a header without an address */
		{ REST("192.0.2.1\0001\0006\0000\0x\0x\0\0001\0bob\0"), true },	/* one that says nothing, nor does the rest */
		{ REST("192.0.2.1\0001\0000\0002\0\0\0\0000\0\0"), false },		/* another source */
	};
	/* The longest of each, and one byte more. */
	static const size_t longest[] = { 45, 5, 0, 0, 31, 63, 255, 0, 255 };
	struct peer peer = { 0 };

	(void)state;
	config.proxy = true;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *exact = exactly(rows[i].bytes, rows[i].length);

		peer = (struct peer){ 0 };
		if (cross(&peer, exact, rows[i].length) != rows[i].fine)
			fail_msg("row %zu", i);
		free(exact);
	}
	for (size_t field = 0; field < LENGTH(longest); field++)
		for (size_t more = 0; more < 2 && longest[field] > 0; more++) {
			static const char *const fields[] = { "192.0.2.1", "1", "0", "1", "", "", "", "0", "" };
			char bytes[1024], *to = bytes;
			struct peer told;

			for (size_t i = 0; i < LENGTH(fields); i++) {
				size_t length = i == field ? longest[field] + more : strlen(fields[i]);

				memset(to, '1', length);
				memcpy(to, fields[i], i == field ? 0 : length);
				to += length;
				*to++ = '\0';
			}
			if (ask_read_peer(bytes, (size_t)(to - bytes), &told) != (more == 0))
				fail_msg("field %zu, %zu", field, longest[field] + more);
		}
	assert_true(cross(&peer, REST("192.0.2.1\0002\n5\0000\0001\0a\r\n\0b\xff(\0\0000\0\0")));
	assert_string_equal(peer.port, "");
	assert_string_equal(peer.tls_protocol, "a??");
	assert_string_equal(peer.tls_cipher, "b??");
	for (int round = 0; round < 20000; round++) {
		char bytes[64];
		size_t length = noise_below(sizeof bytes);
		char *exact;

		for (size_t i = 0; i < length; i++)
			bytes[i] = noise_below(3) == 0 ? '\0' : "0123456:.af\xff"[noise_below(12)];
		exact = exactly(bytes, length);
		if (cross(&peer, exact, length)) {
			assert_non_null(peer_tls_name(&peer));
			assert_non_null(peer_source_name(&peer));
		}
		free(exact);
	}
	config.proxy = false;
}

static void
certificates_name_their_owner(void **state)
{
#define VERIFIED "SSL_PROTOCOL=TLSv1.3\nSSL_CLIENT_VERIFY=SUCCESS\n"
	static const struct {
		const char *settings, *name, *address;	/* name NULL: no certificate that counts */
	} rows[] = {
		{ VERIFIED "SSL_CLIENT_S_DN_CN=bob", "bob", "" },
		{ VERIFIED "SSL_CLIENT_S_DN_CN=Bob B.\nSSL_CLIENT_S_DN_Email=bob@x.example", "Bob B.", "bob@x.example" },
		{ VERIFIED "SSL_CLIENT_S_DN_Email=bob@x.example", "", "bob@x.example" },
		{ VERIFIED "SSL_CLIENT_DN=C=PL, CN=bob", "bob", "" },
		{ VERIFIED "SSL_CLIENT_S_DN=CN=bob,emailAddress=b@x,O=y", "bob", "b@x" },
		{ VERIFIED "SSL_CLIENT_S_DN=CN=eve\nSSL_CLIENT_S_DN_CN=bob", "bob", "" },
		/* Read in two ways, it names nobody. */
		{ VERIFIED "SSL_CLIENT_DN=C=PL, CN=bob, CN=eve", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_DN=O=\"x, CN=bob\", C=PL", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_DN=O=x\\, CN=bob", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN=/C=PL/CN=bob", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN=OU=x + CN=bob", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN=XCN=bob", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN=CN", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN=O=a,CN", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN_CN=", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN_CN=b\tb", NULL, NULL },
		{ VERIFIED "SSL_CLIENT_S_DN_CN=b\xff", NULL, NULL },
		{ VERIFIED, NULL, NULL },
		/* Not verified, or not encrypted. */
		{ "SSL_PROTOCOL=TLSv1.3\nSSL_CLIENT_VERIFY=NONE\nSSL_CLIENT_S_DN_CN=bob", NULL, NULL },
		{ "SSL_PROTOCOL=TLSv1.3\nSSL_CLIENT_VERIFY=GENEROUS\nSSL_CLIENT_S_DN_CN=bob", NULL, NULL },
		{ "SSL_PROTOCOL=TLSv1.3\nSSL_CLIENT_VERIFY=FAILED:x\nSSL_CLIENT_S_DN_CN=bob", NULL, NULL },
		{ "SSL_PROTOCOL=TLSv1.3\nSSL_CLIENT_S_DN_CN=bob", NULL, NULL },
		{ "SSL_CLIENT_VERIFY=SUCCESS\nSSL_CLIENT_S_DN_CN=bob\nTCPREMOTEIP=127.0.0.1", NULL, NULL },
	};
	char longest[400] = "SSL_CLIENT_S_DN_CN=";
	struct peer peer;

	(void)state;
	pipe_as_input();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		peer = environment(rows[i].settings);
		if (peer_certified(&peer) != (rows[i].name != NULL))
			fail_msg("%s", rows[i].settings);
		if (rows[i].name == NULL)
			continue;
		assert_string_equal(peer.certificate[0], rows[i].name);
		assert_string_equal(peer.certificate[1], rows[i].address);
	}
	/* STARTTLS: what was before is void; in any order. */
	peer = environment(VERIFIED "SSL_CLIENT_S_DN_CN=eve");
	peer_start_tls(&peer);
	assert_false(peer_certified(&peer));
	peer_from_starttls(&peer, "SSL_CLIENT_S_DN_CN=bob");
	assert_false(peer_certified(&peer));
	peer_from_starttls(&peer, "SSL_CLIENT_VERIFY=SUCCESS");
	peer_from_starttls(&peer, "SSL_CLIENT_S_DN_CNX=eve");
	peer_from_starttls(&peer, "SSL_CLIENT_S_DN_CN");
	assert_true(peer_certified(&peer));
	assert_string_equal(peer.certificate[0], "bob");
	/* A name that would be cut is none. */
	memset(longest + strlen(longest), 'x', 255);
	peer_from_starttls(&peer, longest);
	assert_int_equal(strlen(peer.certificate[0]), 255);
	longest[strlen(longest)] = 'x';
	peer_from_starttls(&peer, longest);
	assert_false(peer_certified(&peer));
	/* A proxy's own goes with its connection. */
	peer = environment(VERIFIED "SSL_CLIENT_S_DN_CN=front");
	assert_true(peer_proxied(&peer, &config, &(const struct peer_proxied){ .address = "192.0.2.1", .tls = true }));
	assert_false(peer_certified(&peer));
	assert_true(peer_proxied(&peer, &config, &(const struct peer_proxied){ .address = "192.0.2.1", .certificate = "b" }));
	assert_false(peer_certified(&peer));
}

static void
proxies_tell_whose_certificate_it_is(void **state)
{
#define NAMED(client, verify, name) "\x20\0\x0b" client verify "\x22\0\3" name
	static const struct {
		const char *bytes;
		size_t length;
		const char *name;
	} rows[] = {
		{ REST(FOUR NAMED("\3", "\0\0\0\0", "bob")), "bob" }, { REST(FOUR NAMED("\5", "\0\0\0\0", "bob")), "bob" },
		{ REST(FOUR NAMED("\7", "\0\0\0\0", "bob")), "bob" }, { REST(FOUR NAMED("\1", "\0\0\0\0", "bob")), NULL },
		{ REST(FOUR NAMED("\6", "\0\0\0\0", "bob")), NULL }, { REST(FOUR NAMED("\3", "\0\0\0\1", "bob")), NULL },
		{ REST(FOUR NAMED("\3", "\1\0\0\0", "bob")), NULL },
		{ REST(FOUR NAMED("\3", "\0\1\0\0", "bob")), NULL }, { REST(FOUR NAMED("\3", "\0\0\1\0", "bob")), NULL },
		 { REST(FOUR NAMED("\3", "\0\0\0\0", "b\0b")), NULL },
		{ REST(FOUR "\x20\0\x11\3\0\0\0\0\x22\0\3bob\x22\0\3b\0b"), NULL },
		{ REST(FOUR "\x20\0\x10\3\0\0\0\0\x22\0\3bob\x22\0\2al"), "al" },
		{ REST(FOUR NAMED("\3", "\0\0\0\0", "b\nb")), NULL }, { REST(FOUR "\x20\0\x08\3\0\0\0\0\x22\0\0"), NULL },
		{ REST(FOUR "\x20\0\5\3\0\0\0\0"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char bytes[4200];
		struct peer peer;

		assert_true(proxy(bytes, version_2(bytes, 0x21, 0x11, rows[i].bytes, rows[i].length), &peer) > 0);
		if (peer_certified(&peer) != (rows[i].name != NULL))
			fail_msg("row %zu", i);
		if (rows[i].name != NULL)
			assert_string_equal(peer.certificate[0], rows[i].name);
	}
	/* A protocol that is too long is cut, and is nothing else. */
	{
		char bytes[4200], body[200] = FOUR "\x20\0\x6c\1\0\0\0\0\x21\0\x64";
		struct peer peer;

		memset(body + 23, 'v', 100);
		assert_true(proxy(bytes, version_2(bytes, 0x21, 0x11, body, 123), &peer) > 0);
		assert_string_equal(peer.tls_protocol, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
		assert_string_equal(peer.tls_cipher, "");
	}
	/* One that is too long is none. */
	for (unsigned length = 254; length < 258; length++) {
		char bytes[4200], body[400] = FOUR "\x20\0\0\3\0\0\0\0\x22";
		struct peer peer;

		memset(body + 23, 'n', length);
		body[13] = (char)((length + 8) >> 8);
		body[14] = (char)(length + 8);
		body[21] = (char)(length >> 8);
		body[22] = (char)length;
		assert_true(proxy(bytes, version_2(bytes, 0x21, 0x11, body, 23 + length), &peer) > 0);
		assert_true(peer_certified(&peer) == (length < 256));
	}
}

static void
xclient_replaces_the_client(void **state)
{
	struct peer peer = { .source = PEER_SOCKET, .tls = TLS_LOOPBACK, .address = "127.0.0.1", .port = "25", .info = "i",
	    .client = "127.0.0.1:25" };
	const char told[] = "2001:db8::9\0004711\0006\0007\0x\0y\0client.example\0001\0eve\0";

	(void)state;
	/* Only who may: not without --xclient-from, nor where a PROXY header is expected. */
	assert_false(cross(&peer, REST(told)));
	config.proxy = true;
	assert_false(cross(&peer, REST(told)));
	config.proxy = false;
	config.xclient = true;
	assert_true(cross(&peer, REST(told)));
	assert_int_equal(peer.source, PEER_XCLIENT);
	assert_string_equal(peer_source_name(&peer), "xclient");
	assert_string_equal(peer.client, "[2001:db8::9]:4711");
	assert_string_equal(peer.host, "client.example");
	assert_string_equal(peer.info, "");
	/* What was said of TLS is not listened to, and the address makes nothing safe or unsafe. */
	assert_int_equal(peer.tls, TLS_LOOPBACK);
	assert_string_equal(peer.tls_protocol, "");
	assert_false(peer.verified);
	peer = (struct peer){ .source = PEER_SOCKET, .tls = TLS_NONE, .address = "192.0.2.1" };
	assert_true(peer_replaced(&peer, "127.0.0.1", "", ""));
	assert_int_equal(peer.tls, TLS_NONE);
	assert_string_equal(peer.client, "127.0.0.1");
	assert_true(peer_replaced(&peer, "", "1", ""));
	assert_string_equal(peer.client, "unknown");
	assert_false(peer_replaced(&peer, "localhost", "", ""));
	assert_false(peer_replaced(&peer, "192.0.2.1", "", "a b"));
	config.xclient = false;
}

static void
variables_for_programs(void **state)
{
	static const char *const wanted[][2] = { { "TCPREMOTEIP", "192.0.2.1" }, { "TCPREMOTEPORT", "5" },
	    { "TCPREMOTEHOST", "h" }, { "TCPREMOTEINFO", "i" }, { "TCPLOCALIP", "192.0.2.2" }, { "TCPLOCALPORT", "6" },
	    { "TCPLOCALHOST", "l" } };
	const char *name, *value;
	struct peer peer;
	int count;

	(void)state;
	peer = environment("TCPREMOTEIP=192.0.2.1\nTCPREMOTEPORT=5\nTCPREMOTEHOST=h\nTCPREMOTEINFO=i\nTCPLOCALIP=192.0.2.2\n"
	    "TCPLOCALPORT=6\nTCPLOCALHOST=l");
	for (count = 0; (name = peer_variable(&peer, count, &value)) != NULL; count++) {
		assert_in_range(count, 0, LENGTH(wanted) - 1);
		assert_string_equal(name, wanted[count][0]);
		assert_string_equal(value, wanted[count][1]);
	}
	assert_int_equal(count, LENGTH(wanted));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_and_their_order),
		cmocka_unit_test(strangers_words_are_cleaned),
		cmocka_unit_test(sockets_are_asked_last),
		cmocka_unit_test(encryption_is_proved),
		cmocka_unit_test(proxy_version_1),
		cmocka_unit_test(proxy_version_2),
		cmocka_unit_test(proxy_says_whether_there_is_tls),
		cmocka_unit_test(peers_cross_the_wall),
		cmocka_unit_test(hostile_peers_do_not_cross),
		cmocka_unit_test(xclient_replaces_the_client),
		cmocka_unit_test(certificates_name_their_owner),
		cmocka_unit_test(proxies_tell_whose_certificate_it_is),
		cmocka_unit_test(variables_for_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
