/* Who is calling, how we know, and whether the connection is encrypted. */
#include <arpa/inet.h>
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/peer.h"

/* Parses `address` and writes it back in canonical form; "" and false when it is not an address. */
static bool
set_address(char (*canonical)[INET6_ADDRSTRLEN], const char *address)
{
	struct in6_addr six;
	struct in_addr four;
	char copy[INET6_ADDRSTRLEN + 32];

	(*canonical)[0] = '\0';
	if (address == NULL || strlcpy(copy, address, sizeof copy) >= sizeof copy)
		return false;
	copy[strcspn(copy, "%")] = '\0';	/* fe80::1%eth0: the scope is ours, not the client's */
	if (inet_pton(AF_INET, copy, &four) == 1)	/* as inet_ntop(3) would write it, with printf(3) */
		return strlcpy(*canonical, copy, sizeof *canonical) < sizeof *canonical;
	if (inet_pton(AF_INET6, copy, &six) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&six))
		return inet_ntop(AF_INET, six.s6_addr + 12, *canonical, sizeof *canonical) != NULL;
	return inet_ntop(AF_INET6, &six, *canonical, sizeof *canonical) != NULL;
}

static void
set_port(char (*port)[6], const char *value)
{
	uint64_t number;
	struct text text;

	text_start(&text, *port, sizeof *port);
	if (value != NULL && text_number(value, 65535, &number))
		text_add_number(&text, number);
}

static void
set_clean(char *to, size_t size, const char *value)
{
	struct text text;

	text_start(&text, to, size);
	if (value != NULL)
		text_add_clean(&text, value, size - 1);
}

static void
forget_certificate(struct peer *peer)
{
	peer->verified = false;
	peer->certificate[0][0] = peer->certificate[1][0] = '\0';
}

/* A name in a certificate: whole and printable, or none. */
static void
set_name(char (*name)[256], const char *value, size_t length)
{
	(*name)[0] = '\0';
	if (length >= sizeof *name || !text_utf8(value, length))
		return;
	memcpy(*name, value, length);
	(*name)[length] = '\0';
}

static void
set_verified(struct peer *peer, const char *value)
{
	peer->verified = strcmp(value, "SUCCESS") == 0;
}

static void
set_common_name(struct peer *peer, const char *value)
{
	set_name(&peer->certificate[0], value, strlen(value));
}

static void
set_email(struct peer *peer, const char *value)
{
	set_name(&peer->certificate[1], value, strlen(value));
}

/* A whole subject on one line, as stunnel has it: "C=PL, CN=x". What could be read in two ways names nobody: quotes and
 * escapes, the form with slashes, several values in one place, a common name or an address twice. */
static void
set_subject(struct peer *peer, const char *value)
{
	unsigned seen[2] = { 0, 0 };

	if (strpbrk(value, "\"\\/+;<>#") != NULL)
		return;
	for (const char *at = value; *at != '\0'; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ","), key = strcspn(at, "=");
		int i = text_is(at, key, "CN") ? 0 : text_is(at, key, "emailAddress") ? 1 : -1;

		if (i >= 0 && seen[i]++ == 0 && key < length)
			set_name(&peer->certificate[i], at + key + 1, length - key - 1);
		at += length;
	}
	for (int i = 0; i < 2; i++)
		if (seen[i] > 1)
			peer->certificate[i][0] = '\0';
}

/* What fronts say of the client's certificate. In the environment a later row replaces an earlier one; of what a
 * UCSPI-TLS server sends, what it says last counts. */
static const struct {
	const char *name;
	void (*set)(struct peer *peer, const char *value);
} certificate_variables[] = {
	{ "SSL_CLIENT_VERIFY", set_verified },
	{ "SSL_CLIENT_DN", set_subject },
	{ "SSL_CLIENT_S_DN", set_subject },
	{ "SSL_CLIENT_S_DN_CN", set_common_name },
	{ "SSL_CLIENT_S_DN_Email", set_email },
};

/* PREFIX + SUFFIX from the environment; a prefix has at most eight letters. */
static const char *
variable(const char *prefix, const char *suffix)
{
	char array[32];
	struct text name;

	text_start(&name, array, sizeof array);
	text_add(&name, prefix);
	text_add(&name, suffix);
	return getenv(array);
}

static bool
loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* Once address or port changed. */
static void
name_client(struct peer *peer)
{
	bool six = strchr(peer->address, ':') != NULL;
	struct text client;

	text_start(&client, peer->client, sizeof peer->client);
	text_add(&client, peer->address[0] == '\0' ? "unknown" : six && peer->port[0] != '\0' ? "[" : "");
	text_add(&client, peer->address);
	if (peer->address[0] != '\0' && peer->port[0] != '\0') {
		text_add(&client, six ? "]:" : ":");
		text_add(&client, peer->port);
	}
}

/* Once the connection changed: its other end, or TLS. */
static void
settle(struct peer *peer, const struct config *config)
{
	name_client(peer);
	if (peer->tls == TLS_NONE && config->behind_tls)
		peer->tls = TLS_BEHIND;
	if (peer->tls == TLS_NONE && loopback(peer->address))
		peer->tls = TLS_LOOPBACK;
}

/*
 * stunnel's `exec` leaves one end of a pair of its own on descriptor 0: nameless AF_UNIX or, as Debian
 * builds it, a TCP connection between two ports of 127.0.0.1, of which neither is the client's: with that
 * port it would be a client on this machine, and no stunnel. Nobody elsewhere can make both ends 127.0.0.1.
 */
static bool
stunnel_pair(const char *client_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_un local;
	} here = { .any = { 0 } }, there = { .any = { 0 } };
	socklen_t size = sizeof here, there_size = sizeof there;
	uint64_t port;

	if (getsockname(STDIN_FILENO, &here.any, &size) != 0)
		return false;
	if (here.any.sa_family == AF_UNIX)
		return size <= sizeof here.local.sun_family;
	return here.any.sa_family == AF_INET &&
	    getpeername(STDIN_FILENO, &there.any, &there_size) == 0 &&
	    here.four.sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
	    there.four.sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
	    text_number(client_port, 65535, &port) && ntohs(there.four.sin_port) != port;
}

static void
from_socket(struct peer *peer)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} name = { .any = { 0 } };
	socklen_t size = sizeof name;
	char address[INET6_ADDRSTRLEN] = "", port[6];
	struct text text;

	if (getpeername(STDIN_FILENO, &name.any, &size) != 0 ||
	    (name.any.sa_family != AF_INET && name.any.sa_family != AF_INET6))
		return;
	if (name.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &name.four.sin_addr, address, sizeof address);
	else
		inet_ntop(AF_INET6, &name.six.sin6_addr, address, sizeof address);
	text_start(&text, port, sizeof port);	/* sin_port and sin6_port stand in the same place */
	text_add_number(&text, ntohs(name.four.sin_port));
	set_address(&peer->address, address);
	peer->source = PEER_SOCKET;
	set_port(&peer->port, port);
}

void
peer_from_environment(struct peer *peer, const struct config *config)
{
	const char *proto = getenv("PROTO"), *host = getenv("REMOTE_HOST"), *port = getenv("REMOTE_PORT");
	const char *protocol = getenv("SSL_PROTOCOL");
	char prefix[9] = "TCP";

	*peer = (struct peer){ 0 };
	if (proto != NULL && strlen(proto) < sizeof prefix && variable(proto, "REMOTEIP") != NULL)
		strlcpy(prefix, proto, sizeof prefix);
	if (set_address(&peer->address, variable(prefix, "REMOTEIP")) ||
	    set_address(&peer->address, getenv("TCPREMOTEIP"))) {
		peer->source = PEER_TCPSERVER;
		set_port(&peer->port, variable(prefix, "REMOTEPORT"));
		if (peer->port[0] == '\0')
			set_port(&peer->port, getenv("TCPREMOTEPORT"));
	} else if (set_address(&peer->address, host)) {
		peer->source = port != NULL && stunnel_pair(port) ? PEER_STUNNEL : PEER_XINETD;
		set_port(&peer->port, port);
	} else if (set_address(&peer->address, getenv("REMOTE_ADDR"))) {
		peer->source = PEER_SYSTEMD;
		set_port(&peer->port, port);
	} else {
		from_socket(peer);
	}
	if (peer->source == PEER_TCPSERVER) {
		const char *name = variable(prefix, "REMOTEHOST");

		if (name != NULL && text_hostname(name))
			strlcpy(peer->host, name, sizeof peer->host);
		set_clean(peer->info, sizeof peer->info, variable(prefix, "REMOTEINFO"));
		set_address(&peer->local_address, variable(prefix, "LOCALIP"));
		set_port(&peer->local_port, variable(prefix, "LOCALPORT"));
		name = variable(prefix, "LOCALHOST");
		if (name != NULL && text_hostname(name))
			strlcpy(peer->local_host, name, sizeof peer->local_host);
	}
	if (protocol != NULL && *protocol != '\0') {
		peer->tls = TLS_ENVIRONMENT;
		set_clean(peer->tls_protocol, sizeof peer->tls_protocol, protocol);
		set_clean(peer->tls_cipher, sizeof peer->tls_cipher, getenv("SSL_CIPHER"));
	} else if (host != NULL && port != NULL && (peer->source == PEER_STUNNEL || stunnel_pair(port))) {
		peer->tls = TLS_STUNNEL;
	}
	for (size_t i = 0; i < sizeof certificate_variables / sizeof *certificate_variables; i++)
		if (getenv(certificate_variables[i].name) != NULL)
			certificate_variables[i].set(peer, getenv(certificate_variables[i].name));
	settle(peer, config);
}

bool
peer_proxied(struct peer *peer, const struct config *config, const struct peer_proxied *said)
{
	if (!set_address(&peer->address, said->address))
		return false;
	set_port(&peer->port, said->port);
	peer->host[0] = peer->info[0] = '\0';
	set_clean(peer->tls_protocol, sizeof peer->tls_protocol, said->tls_protocol);
	set_clean(peer->tls_cipher, sizeof peer->tls_cipher, said->tls_cipher);
	peer->tls = said->tls ? TLS_PROXY : TLS_NONE;
	forget_certificate(peer);
	if (said->tls && said->certificate != NULL) {
		peer->verified = true;
		set_common_name(peer, said->certificate);
	}
	peer->source = PEER_PROXY;
	settle(peer, config);
	return true;
}

bool
peer_replaced(struct peer *peer, const char *address, const char *port, const char *host)
{
	if ((!set_address(&peer->address, address) && *address != '\0') || (*host != '\0' && !text_hostname(host)))
		return false;
	strlcpy(peer->host, host, sizeof peer->host);
	set_port(&peer->port, port);
	peer->info[0] = '\0';
	peer->source = PEER_XCLIENT;
	name_client(peer);	/* the way to us stays as safe as it was, wherever the client is */
	return true;
}

void
peer_start_tls(struct peer *peer)
{
	peer->tls = TLS_STARTTLS;
	peer->tls_protocol[0] = peer->tls_cipher[0] = '\0';
	forget_certificate(peer);
}

void
peer_from_starttls(struct peer *peer, const char *variable)
{
	if (strncmp(variable, "SSL_PROTOCOL=", 13) == 0)
		set_clean(peer->tls_protocol, sizeof peer->tls_protocol, variable + 13);
	if (strncmp(variable, "SSL_CIPHER=", 11) == 0)
		set_clean(peer->tls_cipher, sizeof peer->tls_cipher, variable + 11);
	for (size_t i = 0; i < sizeof certificate_variables / sizeof *certificate_variables; i++) {
		size_t length = strlen(certificate_variables[i].name);

		if (strncmp(variable, certificate_variables[i].name, length) == 0 && variable[length] == '=')
			certificate_variables[i].set(peer, variable + length + 1);
	}
}

bool
peer_certified(const struct peer *peer)
{
	return peer->verified && peer_encrypted(peer) &&
	    (peer->certificate[0][0] != '\0' || peer->certificate[1][0] != '\0');
}

bool
peer_learn(struct peer *peer, const struct config *config, const struct peer *told)
{
	if (config->xclient)
		return told->source == PEER_XCLIENT && peer_replaced(peer, told->address, told->port, told->host);
	if (!config->proxy)
		return false;
	if (told->source == PEER_PROXY)
		return peer_proxied(peer, config, &(struct peer_proxied){ .address = told->address, .port = told->port,
		    .tls = told->tls == TLS_PROXY, .tls_protocol = told->tls_protocol, .tls_cipher = told->tls_cipher,
		    .certificate = told->verified ? told->certificate[0] : NULL });
	return told->source == peer->source;	/* LOCAL, UNKNOWN: all is as it was */
}

const char *
peer_source_name(const struct peer *peer)
{
	static const char *const names[] = { "none", "proxy", "tcpserver", "stunnel", "xinetd", "systemd",
	    "getpeername", "xclient" };

	return names[peer->source];
}

const char *
peer_tls_name(const struct peer *peer)
{
	static const char *const names[] = { "none", "loopback", "environment", "stunnel", "starttls", "proxy",
	    "behind-tls" };

	return names[peer->tls];
}

bool
peer_encrypted(const struct peer *peer)
{
	return peer->tls != TLS_NONE && peer->tls != TLS_LOOPBACK;
}

bool
peer_safe(const struct peer *peer, const struct config *config)
{
	return peer->tls != TLS_NONE || config->allow_cleartext;
}

const char *
peer_variable(const struct peer *peer, int index, const char **value)
{
	const struct {
		const char *name, *value;
	} variables[] = {
		{ "TCPREMOTEIP", peer->address },
		{ "TCPREMOTEPORT", peer->port },
		{ "TCPREMOTEHOST", peer->host },
		{ "TCPREMOTEINFO", peer->info },
		{ "TCPLOCALIP", peer->local_address },
		{ "TCPLOCALPORT", peer->local_port },
		{ "TCPLOCALHOST", peer->local_host },
	};

	if (index >= (int)(sizeof variables / sizeof *variables))
		return NULL;
	*value = variables[index].value;
	return variables[index].name;
}
