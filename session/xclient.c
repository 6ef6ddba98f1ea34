/* XCLIENT (Postfix's XCLIENT_README): a trusted client, such as webmail, says whose connection it passes on. */
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "session/xclient.h"

#define VALUE_MAX 255

/* Decodes xtext up to a blank or the end: +HH for what may not stand as it is. False: malformed, or not printable. */
static bool
decode_value(const char *value, size_t length, char (*decoded)[VALUE_MAX + 1])
{
	static const char digits[] = "0123456789ABCDEF";
	struct text text;

	text_start(&text, *decoded, sizeof *decoded);
	for (size_t i = 0; i < length; i++) {
		char byte = value[i];

		if (byte == '+') {
			const char *high = length - i < 3 ? NULL : memchr(digits, value[i + 1], 16);
			const char *low = length - i < 3 ? NULL : memchr(digits, value[i + 2], 16);

			if (high == NULL || low == NULL)
				return false;
			byte = (char)((high - digits) * 16 + (low - digits));
			i += 2;
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
	bool six = text_is(value, strlen(value) < 5 ? strlen(value) : 5, "IPV6:");
	char address[16];

	xclient->address_said = true;
	xclient->address[0] = '\0';
	if (*value == '\0')
		return true;
	if (inet_pton(six ? AF_INET6 : AF_INET, value + (six ? 5 : 0), address) != 1)
		return false;
	(void)inet_ntop(six ? AF_INET6 : AF_INET, address, xclient->address, sizeof xclient->address);
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
	{ "NAME", set_name }, { "ADDR", set_address }, { "PORT", set_port }, { "HELO", set_helo },
};

#define ATTRIBUTES (sizeof attributes / sizeof *attributes)

bool
xclient_read(const char *argument, struct xclient *xclient)
{
	bool seen[ATTRIBUTES] = { false };

	do {
		size_t name = strcspn(argument, "= "), i = 0, length;
		char value[VALUE_MAX + 1];

		while (i < ATTRIBUTES && !text_is(argument, name, attributes[i].name))
			i++;
		if (argument[name] != '=' || i == ATTRIBUTES || seen[i])
			return false;
		seen[i] = true;
		argument += name + 1;
		length = strcspn(argument, " ");
		if (!decode_value(argument, length, &value))
			return false;
		if (text_is(value, strlen(value), "[UNAVAILABLE]") || text_is(value, strlen(value), "[TEMPUNAVAIL]"))
			value[0] = '\0';
		if (!attributes[i].set(xclient, value))
			return false;
		argument += length;
		argument += strspn(argument, " ");
	} while (*argument != '\0');
	return true;
}
