/* XCLIENT (Postfix's XCLIENT_README): a trusted client, such as webmail, says whose connection it passes on. */
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "session/xclient.h"

#define VALUE_MAX 255

/* Decodes [at, end), which is xtext: +HH for what may not stand as it is. False: malformed, or not printable. */
static bool
decode_value(const char *at, const char *end, char (*decoded)[VALUE_MAX + 1])
{
	static const char digits[] = "0123456789ABCDEF";
	struct text text;

	text_start(&text, *decoded, sizeof *decoded);
	for (; at < end; at++) {
		char byte = *at;

		if (byte == '+') {
			const char *high, *low;

			if (at + 2 >= end)
				return false;
			high = memchr(digits, at[1], 16);
			low = memchr(digits, at[2], 16);
			if (high == NULL || low == NULL)
				return false;
			byte = (char)((high - digits) * 16 + (low - digits));
			at += 2;
		}
		if ((byte >= 0 && byte <= ' ') || byte == 127)
			return false;
		text_add_byte(&text, byte);
	}
	return text.used > 0 && !text.cut;
}

static bool
set_address(struct xclient *xclient, const char *value)
{
	const char *six = text_after(value, "IPV6:");
	char address[16];

	xclient->address_said = true;
	xclient->address[0] = '\0';
	if (*value == '\0')
		return true;
	if (inet_pton(six != NULL ? AF_INET6 : AF_INET, six != NULL ? six : value, address) != 1)
		return false;
	(void)inet_ntop(six != NULL ? AF_INET6 : AF_INET, address, xclient->address, sizeof xclient->address);
	return true;
}

static bool
set_port(struct xclient *xclient, const char *value)
{
	struct text text;
	uint64_t port;

	text_start(&text, xclient->port, sizeof xclient->port);
	if (*value == '\0')
		return true;
	if (!text_number(value, 65535, &port))
		return false;
	text_add_number(&text, port);
	return true;
}

static bool
set_name(struct xclient *xclient, const char *value)
{
	if (*value != '\0' && !text_hostname(value))
		return false;
	memcpy(xclient->name, value, strlen(value) + 1);
	return true;
}

static bool
set_helo(struct xclient *xclient, const char *value)
{
	memcpy(xclient->helo, value, strlen(value) + 1);
	return true;
}

static const struct attribute {
	const char *name;
	bool (*set)(struct xclient *xclient, const char *value);
} attributes[] = {
	{ "NAME=", set_name }, { "ADDR=", set_address }, { "PORT=", set_port }, { "HELO=", set_helo },
};

#define ATTRIBUTES (sizeof attributes / sizeof *attributes)

/* What follows `name` where [at, end) begins with it, in any case; else NULL. */
static const char *
after(const char *at, const char *end, const char *name)
{
	for (; *name != '\0'; name++, at++)
		if (at >= end || !text_is(at, 1, (const char[]){ *name, '\0' }))
			return NULL;
	return at;
}

bool
xclient_read(const char *argument, struct xclient *xclient)
{
	const char *end = argument + strlen(argument);
	bool seen[ATTRIBUTES] = { false };

	do {
		const char *stop = argument, *said = NULL;
		char value[VALUE_MAX + 1] = "";
		size_t i = 0;

		while (stop < end && *stop != ' ')
			stop++;
		while (i < ATTRIBUTES && (said = after(argument, stop, attributes[i].name)) == NULL)
			i++;
		if (said == NULL || seen[i] || !decode_value(said, stop, &value))
			return false;
		seen[i] = true;
		if (text_same(value, "[UNAVAILABLE]") || text_same(value, "[TEMPUNAVAIL]"))
			value[0] = '\0';
		if (!attributes[i].set(xclient, value))
			return false;
		for (argument = stop; argument < end && *argument == ' '; argument++)
			;
	} while (argument < end);
	return true;
}
