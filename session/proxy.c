/* PROXY headers, as haproxy and others send them (proxy-protocol.txt): a stranger's bytes. */
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "session/proxy.h"

#define LENGTH_1 107	/* of a header of version 1, with its CRLF */
#define LENGTH_2 4096	/* of version 2, behind its first 16 bytes: far more than addresses and every known field */

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
	char line[LENGTH_1 + 1], address[16], *at = line, *words[6];
	const char *end = memmem(bytes, length < LENGTH_1 ? length : LENGTH_1, "\r\n", 2);
	const char *newline = memchr(bytes, '\n', length < LENGTH_1 ? length : LENGTH_1);
	size_t size = end == NULL ? 0 : (size_t)(end - bytes);
	int family;

	if (newline != NULL && newline != (end == NULL ? NULL : end + 1))
		return -1;
	if (end == NULL)
		return length < LENGTH_1 ? 0 : -1;
	memcpy(line, bytes, size);
	line[size] = '\0';
	if (strlen(line) != size || strpbrk(line, "\r\n") != NULL)
		return -1;
	if (strncmp(line, "PROXY UNKNOWN", 13) == 0 && (line[13] == ' ' || line[13] == '\0'))
		return (long)size + 2;
	for (int i = 0; i < 6; i++)
		words[i] = at == NULL ? NULL : word(&at);
	if (words[5] == NULL || at != NULL)
		return -1;
	family = strcmp(words[1], "TCP4") == 0 ? AF_INET : strcmp(words[1], "TCP6") == 0 ? AF_INET6 : 0;
	if (family == 0 || inet_pton(family, words[2], address) != 1 ||
	    inet_pton(family, words[3], address) != 1 || !port_1(words[4]) || !port_1(words[5]))
		return -1;
	return peer_proxied(peer, config, &(struct peer_proxied){ .address = words[2], .port = words[4] })
	    ? (long)size + 2 : -1;	/* unreachable: -1, inet_pton(3) has taken it for an address */
}

/* A field of version 2: type, length in two bytes, value. What is left goes down by it; false: it does not fit. */
static bool
next_field(const unsigned char **at, size_t *left, const unsigned char **value, size_t *length)
{
	if (*left < 3)
		return false;
	*length = (size_t)((*at)[1] << 8 | (*at)[2]);
	if (*length > *left - 3)
		return false;
	*value = *at + 3;
	*at += 3 + *length;
	*left -= 3 + *length;
	return true;
}

/* What the field of TLS tells, as strings; longer than what is kept of them. */
struct tls {
	bool encrypted, verified;	/* verified: the client has a certificate, and it is good */
	char protocol[64], cipher[64];
	char name[256];			/* the common name in it; "" if there is none, or it cannot be one */
};

/* The field of TLS: client bits, four bytes of verification, then fields within. */
static bool
read_tls(struct tls *tls, const unsigned char *at, size_t left)
{
	if (left < 5)
		return false;
	if ((at[0] & 1) == 0)
		return true;
	tls->encrypted = true;
	tls->verified = (at[0] & 6) != 0 && (at[1] | at[2] | at[3] | at[4]) == 0;
	at += 5;
	left -= 5;
	while (left > 0) {
		int type = at[0];
		const unsigned char *value;
		size_t length;
		char *to = type == FIELD_TLS_VERSION ? tls->protocol : type == FIELD_TLS_CIPHER ? tls->cipher : NULL;

		if (!next_field(&at, &left, &value, &length))
			return false;
		if (type == FIELD_TLS_NAME) {
			bool fits = length < sizeof tls->name && memchr(value, '\0', length) == NULL;

			memcpy(tls->name, value, fits ? length : 0);
			tls->name[fits ? length : 0] = '\0';
		}
		if (to != NULL) {
			memset(to, 0, sizeof tls->protocol);
			memcpy(to, value, length < sizeof tls->protocol ? length : sizeof tls->protocol - 1);
		}
	}
	return true;
}

/* Section 2.2: signature, version and command, family, length, addresses, fields. */
static long
version_2(struct peer *peer, const struct config *config, const char *bytes, size_t length)
{
	const unsigned char *header = (const unsigned char *)bytes, *at;
	size_t size, addresses, left;
	char source[INET6_ADDRSTRLEN], port[6];
	struct text text;
	struct tls tls = { 0 };

	if (length >= 13 && (header[12] >> 4 != 2 || (header[12] & 15) > 1))
		return -1;
	if (length < 16)
		return 0;
	size = (size_t)(header[14] << 8 | header[15]);
	addresses = header[13] == 0x11 ? 12 : header[13] == 0x21 ? 36 : header[13] == 0x31 ? 216 : 0;
	if ((header[12] & 15) == 1 && (addresses == 0 ? header[13] != 0 : size < addresses))
		return -1;	/* neither a stream over IPv4, IPv6 or AF_UNIX nor "unspecified" */
	if (size > LENGTH_2)
		return -1;
	if (length < 16 + size)
		return 0;
	if ((header[12] & 15) == 0 || header[13] == 0 || header[13] == 0x31)
		return (long)(16 + size);	/* LOCAL, or no address that means anything here */
	at = header + 16 + addresses;
	left = size - addresses;
	while (left > 0) {
		int type = at[0];
		const unsigned char *value;

		if (!next_field(&at, &left, &value, &length) || (type == FIELD_TLS && !read_tls(&tls, value, length)))
			return -1;
	}
	at = header + (addresses == 12 ? 24 : 48);
	text_start(&text, port, sizeof port);
	text_add_number(&text, (uint64_t)(at[0] << 8 | at[1]));
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
		return version_1(peer, config, bytes, length);
	return -1;
}
