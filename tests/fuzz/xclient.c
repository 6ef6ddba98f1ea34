/* links: session/xclient */
/*
 * What an XCLIENT is believed to have said is of its kind, whatever it said: an address that inet_pton(3) reads, a
 * port, a host's name, a HELO without blanks; and said again, it is the same. What one does not name stays as it was.
 */
#include <arpa/inet.h>

#include "base/text.h"
#include "fuzz.h"
#include "session/xclient.h"

const struct seed seeds[] = {
	SEED("NAME=a.example ADDR=192.0.2.1 PORT=25 HELO=h"), SEED("ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE]"),
	SEED("HELO=a+2Bb+3D PORT=65535"), SEED("addr=[TEMPUNAVAIL]  name=x"), SEED("PORT=0"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("NAME="), SEED("ADDR="), SEED("PORT="), SEED("HELO="), SEED("LOGIN=bob"), SEED(" "), SEED("="), SEED("+0A"), SEED("+2B"),
	SEED("+"), SEED("[UNAVAILABLE]"), SEED("IPV6:"), SEED("::1"), SEED("192.0.2.1"), SEED("65536"), SEED("\xc3\xa9"), SEED("xxxxxxxxxxxxxxxx"),
	{ NULL, 0 }
};

static void
check(const struct xclient *xclient)
{
	char address[16];
	uint64_t port;

	MUST(xclient->address[0] == '\0' || (xclient->address_said && (inet_pton(AF_INET, xclient->address, address) == 1 ||
	    inet_pton(AF_INET6, xclient->address, address) == 1)));
	MUST(xclient->port[0] == '\0' || text_number(xclient->port, 65535, &port));
	MUST(xclient->name[0] == '\0' || text_hostname(xclient->name));
	for (const char *at = xclient->helo; *at != '\0'; at++)
		MUST((unsigned char)*at > ' ' && *at != 127);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct xclient before = { .address_said = true, .address = "198.51.100.1", .port = "1", .name = "b", .helo = "b" };
	struct xclient first = { 0 }, second = before, again;
	char *argument = malloc(size + 1);
	bool good;

	memcpy(argument, bytes, size);
	argument[size] = '\0';
	good = xclient_read(argument, &first);
	MUST(xclient_read(argument, &second) == good);
	if (good) {
		check(&first);
		check(&second);
		again = second;
		MUST(xclient_read(argument, &again) && memcmp(&again, &second, sizeof again) == 0);
		MUST(first.address_said || strcmp(second.address, before.address) == 0);
		MUST(strcasestr(argument, "NAME=") != NULL || strcmp(second.name, before.name) == 0);
		MUST(strcasestr(argument, "HELO=") != NULL || strcmp(second.helo, before.helo) == 0);
		MUST(strcasestr(argument, "PORT=") != NULL || strcmp(second.port, before.port) == 0);
	}
	free(argument);
	return 0;
}
