/* Who is calling, how we know, and whether the connection is encrypted. */
#ifndef PEER_H
#define PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/text.h"

/* Where the client's address was found, in the order in which it is looked for. */
enum peer_source {
	PEER_UNKNOWN,		/* nothing told us: shown as "unknown" */
	PEER_PROXY,		/* PROXY header, with --proxy */
	PEER_TCPSERVER,		/* ${PROTO}REMOTEIP, TCPREMOTEIP */
	PEER_STUNNEL,		/* REMOTE_HOST and REMOTE_PORT, descriptor 0 one end of a pair */
	PEER_XINETD,		/* REMOTE_HOST */
	PEER_SYSTEMD,		/* REMOTE_ADDR and REMOTE_PORT */
	PEER_SOCKET,		/* getpeername(2) */
	PEER_XCLIENT		/* XCLIENT, with --xclient-from: from a connection of one of these */
};

/* Why the way to the client counts as safe. */
enum peer_tls {
	TLS_NONE,		/* it does not: AUTH is not offered */
	TLS_LOOPBACK,		/* not encrypted, but it does not leave this machine */
	TLS_ENVIRONMENT,	/* SSL_PROTOCOL */
	TLS_STUNNEL,		/* stunnel's `exec`: it hands over nothing that was not encrypted */
	TLS_STARTTLS,		/* our own, through a UCSPI-TLS server */
	TLS_PROXY,		/* the TLS field of a PROXY v2 header */
	TLS_BEHIND		/* the administrator's word: --behind-tls */
};

struct peer {
	enum peer_source source;
	enum peer_tls tls;
	char address[INET6_ADDRSTRLEN];	/* canonical text; IPv4-mapped as IPv4, no scope; "" if unknown */
	char port[6];			/* "" if unknown */
	char host[256];			/* TCPREMOTEHOST, or XCLIENT's NAME, if it can be a host name, else "" */
	char info[64];			/* TCPREMOTEINFO, cleaned, else "" */
	char local_address[INET6_ADDRSTRLEN], local_port[6], local_host[256];
	char tls_protocol[32], tls_cipher[64];	/* cleaned, "" if unknown */
	bool verified;			/* the front says that it verified the client's certificate */
	char certificate[2][256];	/* the common name and the address in it; "" for what it has not; printable */
	char client[64];		/* "ADDRESS:PORT", "[ADDRESS]:PORT", "ADDRESS" or "unknown": for log and ps */
};

/* Reads the environment and, where it says nothing, descriptor 0. Opens nothing. */
void peer_from_environment(struct peer *peer, const struct config *config);

/* What a PROXY header says of the client: text of any kind, NULL for nothing. */
struct peer_proxied {
	const char *address, *port;
	bool tls;
	const char *tls_protocol, *tls_cipher;
	const char *certificate;	/* the common name in the client's verified certificate */
};

/* The client is the one that a proxy told us of: replaces address, port and TLS; what was known of the proxy
 * itself goes. False, and nothing changed but the address, when that is not an address. */
bool peer_proxied(struct peer *peer, const struct config *config, const struct peer_proxied *said);

/* The client is the one that XCLIENT names: replaces address, port and host, "" for each that is unknown; what proves
 * that the connection is safe stays, whatever the address. False, and *peer is not to be used: no address, or no
 * name. */
bool peer_replaced(struct peer *peer, const char *address, const char *port, const char *host);

/* STARTTLS is done, and what was known of TLS before is void; then each "NAME=VALUE" that came from the UCSPI-TLS
 * server: protocol, cipher and whose certificate it is are kept. */
void peer_start_tls(struct peer *peer);
void peer_from_starttls(struct peer *peer, const char *variable);

/* Did the client show a certificate that was verified, on an encrypted connection, and is there a name in it? */
bool peer_certified(const struct peer *peer);

/*
 * Takes over what the session learned about its client: with --proxy what a PROXY header said of address, port and TLS,
 * or that it said nothing; where XCLIENT is allowed address, port and host. Nothing else of `told` is looked at. False
 * when it cannot be: the session is not trusted.
 */
bool peer_learn(struct peer *peer, const struct config *config, const struct peer *told);

const char *peer_source_name(const struct peer *peer);
const char *peer_tls_name(const struct peer *peer);

/* Is it encrypted: `with ESMTPSA` (RFC 3848)? Loopback is safe, and not encrypted. */
bool peer_encrypted(const struct peer *peer);

/* May passwords cross here: encrypted, local, or allowed by --allow-cleartext? */
bool peer_safe(const struct peer *peer, const struct config *config);

/* The TCP* variables that are known: the name of number `index`, from 0, and *value; NULL when there are no
 * more. An unknown one has the value "". */
const char *peer_variable(const struct peer *peer, int index, const char **value);

#endif
