/* links: session/proxy ask */
/*
 * A PROXY header is taken once it is whole, and not before or otherwise; what follows it changes nothing; what
 * is learned from it crosses the wall unchanged. The same bytes are also what a session might say there.
 */
#include "fuzz.h"
#include "base/peer.h"
#include "ask.h"
#include "session/proxy.h"

const struct seed seeds[] = {
	SEED("PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n"), SEED("PROXY TCP6 2001:db8::1 ::1 1 2\r\nEHLO x\r\n"),
	SEED("PROXY UNKNOWN x\r\n"),
	SEED("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2"),
	SEED("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2"),
	SEED("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x24\1\2\3\4\5\6\7\x08\0\1\0\2\x20\0\x15\1\0\0\0\0\x21\0\7TLSv1.3\x23\0\3AES"),
	SEED("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), SEED("192.0.2.1\0001\0005\0001\0a\0b\0h\0001\0bob\0"),
	SEED("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1a\1\2\3\4\5\6\7\x08\0\1\0\2\x20\0\x0b\3\0\0\0\0\x22\0\3bob"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\r\n"), SEED(" "), SEED("\0"), SEED("PROXY "), SEED("TCP4"), SEED("192.0.2.1"), SEED("::ffff:1.2.3.4"), SEED("fe80::1%e"),
	SEED("65535"), SEED("65536"), SEED("0"), SEED("\x20\0\5\1\0\0\0\0"), SEED("\x21\xff\xff"), SEED("\x04\0\1x"), SEED("\xff"), { NULL, 0 }
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct config config = { .proxy = true };
	const struct peer before = { .source = PEER_TCPSERVER, .address = "198.51.100.1", .client = "198.51.100.1" };
	struct peer peer = before, cut = before, other = before;
	char *exact = malloc(size + 1);
	long length;

	memcpy(exact, bytes, size);
	length = proxy_read(&peer, &config, exact, size);
	MUST(length >= -1 && (length < 0 || (size_t)length <= size));
	if (length > 0) {
		for (long i = 0; i < length; i += i < 300 || length - i < 300 ? 1 : 97)
			MUST(proxy_read(&cut, &config, exact, (size_t)i) == 0);
		MUST(proxy_read(&cut, &config, exact, (size_t)length) == length);
		MUST(memcmp(&cut, &peer, sizeof peer) == 0);
		MUST(peer.source == PEER_PROXY || strcmp(peer.address, "198.51.100.1") == 0);
		MUST(peer_learn(&other, &config, &peer));
		MUST(strcmp(other.client, peer.client) == 0 && other.tls == peer.tls);
		MUST(other.verified == peer.verified && strcmp(other.certificate[0], peer.certificate[0]) == 0);
		MUST(!peer_certified(&peer) || peer.tls == TLS_PROXY);
		for (const char *p = peer.client; *p != '\0'; p++)
			MUST(strchr("0123456789abcdef.:[]", *p) != NULL);
	}
	if (ask_read_peer(exact, size, &cut) && peer_learn(&other, &config, &cut))
		MUST(peer_tls_name(&other) != NULL && peer_source_name(&other) != NULL);
	free(exact);
	return 0;
}
