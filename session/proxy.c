/* PROXY headers, as haproxy and others send them (proxy-protocol.txt): a stranger's bytes. */
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "session/proxy.h"

#define LENGTH_1 107	/* of a header of version 1, with its CRLF */
#define LENGTH_2 4096	/* of version 2, after its first 16 bytes: far more than addresses and every known field */

enum { LOCAL = 0x20, PROXY = 0x21 };	/* version 2 and its commands */

/* Fields of version 2 (section 2.2), and what is in that of TLS (2.2.5). */
enum { FIELD_TLS = 0x20, FIELD_TLS_VERSION = 0x21, FIELD_TLS_NAME = 0x22, FIELD_TLS_CIPHER = 0x23 };

/* The word at *at up to a blank or the end, as a string; advances past the blank. */
static char *
word(char **at)
{
	char *start = *at, *blank = strchr(start, ' ');

	*at = blank == NULL ? NULL : blank + 1;
	if (blank != NULL)
		*blank = '\0';
	return start;
}

/* A port of version 1: no sign, no leading zero. */
static bool
port_1(const char *value)
{
	uint64_t number;

	return text_number(value, 65535, &number) && (value[0] != '0' || value[1] == '\0');
}

/* Section 2.1 of the protocol: one line of at most 107 bytes, single blanks; its first word has been seen. */
static long
version_1(struct peer *peer, const struct config *config, const char *bytes, size_t length)
{
	char line[LENGTH_1 + 1] = "", address[16], *at = line, *words[6];
	const char *newline = memchr(bytes + 6, '\n', (length < LENGTH_1 ? length : LENGTH_1) - 6);
	size_t size;
	int family;

	if (newline == NULL)
		return length < LENGTH_1 ? 0 : -1;
	size = (size_t)(newline - bytes) - 1;
	memcpy(line, bytes, size);
	if (bytes[size] != '\r' || strlen(line) != size || strchr(line, '\r') != NULL)
		return -1;
	if (strncmp(line, "PROXY UNKNOWN", 13) == 0 && (line[13] == ' ' || line[13] == '\0'))
		return (long)size + 2;
	for (int i = 0; i < 6; i++) {
		if (at == NULL)
			return -1;
		words[i] = word(&at);
	}
	if (at != NULL)
		return -1;
	family = strcmp(words[1], "TCP4") == 0 ? AF_INET : strcmp(words[1], "TCP6") == 0 ? AF_INET6 : 0;
	if (family == 0 || inet_pton(family, words[2], address) != 1 ||
	    inet_pton(family, words[3], address) != 1 || !port_1(words[4]) || !port_1(words[5]))
		return -1;
	return peer_proxied(peer, config, &(struct peer_proxied){ .address = words[2], .port = words[4] })
	    ? (long)size + 2 : -1;	/* unreachable: -1, inet_pton(3) has taken it for an address */
}

/* Where the field of version 2 ends that begins at bytes[at]: type, length in two bytes, value. 0: it does not fit. */
static size_t
field_end(const unsigned char *bytes, size_t at, size_t end)
{
	size_t next;

	if (at + 3 > end)
		return 0;
	next = at + 3 + (size_t)(bytes[at + 1] << 8 | bytes[at + 2]);
	return next > end ? 0 : next;
}

/* What is in bytes[at..end) as a string; cut. */
static void
keep(char *to, size_t size, const unsigned char *bytes, size_t at, size_t end)
{
	size_t used = 0;

	for (; at < end && used < size - 1; at++)
		to[used++] = (char)bytes[at];
	to[used] = '\0';
}

/* What the field of TLS tells, as strings; longer than what is kept of them. */
struct tls {
	bool encrypted, verified;	/* verified: the client has a certificate, and it is good */
	char protocol[64], cipher[64];
	char name[256];			/* the common name in it; "" if there is none, or it cannot be one */
};

/* The field of TLS, in bytes[at..end): client bits, four bytes of verification, then fields within. */
static bool
read_tls(struct tls *tls, const unsigned char *bytes, size_t at, size_t end)
{
	size_t next;

	if (at + 5 > end)
		return false;
	if ((bytes[at] & 1) == 0)
		return true;
	tls->encrypted = true;
	tls->verified = (bytes[at] & 6) != 0 && (bytes[at + 1] | bytes[at + 2] | bytes[at + 3] | bytes[at + 4]) == 0;
	for (at += 5; at < end; at = next) {
		next = field_end(bytes, at, end);
		if (next == 0)
			return false;
		switch (bytes[at]) {
		case FIELD_TLS_VERSION:
			keep(tls->protocol, sizeof tls->protocol, bytes, at + 3, next);
			break;
		case FIELD_TLS_CIPHER:
			keep(tls->cipher, sizeof tls->cipher, bytes, at + 3, next);
			break;
		case FIELD_TLS_NAME:
			keep(tls->name, sizeof tls->name, bytes, at + 3, next);
			if (strlen(tls->name) != next - (at + 3))	/* cut, or there is a NUL in it */
				tls->name[0] = '\0';
			break;
		default:
			break;
		}
	}
	return true;
}

/* Section 2.2: signature, version and command, family, length, addresses, fields. */
static long
version_2(struct peer *peer, const struct config *config, const char *bytes, size_t length)
{
	const unsigned char *header = (const unsigned char *)bytes, *number;
	size_t size, addresses, next;
	char source[INET6_ADDRSTRLEN], port[6] = "";
	struct text text;
	struct tls tls = { 0 };

	if (length >= 13 && header[12] != LOCAL && header[12] != PROXY)
		return -1;
	if (length < 16)
		return 0;
	size = (size_t)(header[14] << 8 | header[15]);
	addresses = header[13] == 0x11 ? 12 : header[13] == 0x21 ? 36 : header[13] == 0x31 ? 216 : 0;
	if (header[12] == PROXY && ((addresses == 0 && header[13] != 0) || size < addresses))
		return -1;	/* neither a stream over IPv4, IPv6 or AF_UNIX nor "unspecified" */
	if (size > LENGTH_2)
		return -1;
	if (length < 16 + size)
		return 0;
	if (header[12] == LOCAL || header[13] == 0 || header[13] == 0x31)
		return (long)(16 + size);	/* LOCAL, or no address that means anything here */
	number = header + 16 + addresses - 4;	/* the client's port; the server's follows it */
	text_start(&text, port, sizeof port);
	text_add_number(&text, (uint64_t)(number[0] << 8 | number[1]));
	for (size_t at = 16 + addresses; at < 16 + size; at = next) {
		next = field_end(header, at, 16 + size);
		if (next == 0 || (header[at] == FIELD_TLS && !read_tls(&tls, header, at + 3, next)))
			return -1;
	}
	(void)inet_ntop(addresses == 12 ? AF_INET : AF_INET6, header + 16, source, sizeof source);
	return peer_proxied(peer, config, &(struct peer_proxied){ .address = source, .port = port,
	    .tls = tls.encrypted, .tls_protocol = tls.protocol, .tls_cipher = tls.cipher,
	    .certificate = tls.verified ? tls.name : NULL })
	    ? (long)(16 + size) : -1;	/* unreachable: -1, inet_ntop(3) wrote the address */
}

long
proxy_read(struct peer *peer, const struct config *config, const char *bytes, size_t length)
{
	static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

	if (memcmp(bytes, signature, length < 12 ? length : 12) == 0)
		return version_2(peer, config, bytes, length);
	if (memcmp(bytes, "PROXY ", length < 6 ? length : 6) == 0)
		return length < 6 ? 0 : version_1(peer, config, bytes, length);
	return -1;
}
