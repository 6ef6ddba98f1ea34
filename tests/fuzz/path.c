/* links: base alone */
/* An address that address_read() takes is one for address_valid() too, and in one piece; twice read it is the same. */
#include "fuzz.h"
#include "base/address.h"
#include "base/text.h"

const struct seed seeds[] = {
	SEED("<a@b>"), SEED("<>"), SEED("<@a,@b:c@d> SIZE=1"), SEED("<\"a \\\" b\"@[IPv6:2001:db8::1]>"), SEED("user"),
	SEED("host!user"), SEED("<\xc3\xa9@\xe2\x82\xac.example>"), SEED("<a@[192.0.2.1]>"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("<"), SEED(">"), SEED("@"), SEED("\""), SEED("\\"), SEED(","), SEED(":"), SEED("."), SEED(" "), SEED("[IPv6:::1]"),
	SEED("[192.0.2.1]"), SEED("\xc3\xa9"), SEED("\xff"), SEED("\r\n"), SEED("\x7f"), SEED("!"), SEED("aaaaaaaaaaaaaaaa"), { NULL, 0 }
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *string = malloc(size + 1);
	struct address address, again;
	const char *at = string, *second;
	char bracketed[ADDRESS_MAX + 3];

	memcpy(string, bytes, size);
	string[size] = '\0';
	address_valid(string);
	text_utf8(string, size);
	text_hostname(string);
	if (address_read(&at, "d.example", &address) == ADDRESS_FINE) {
		MUST(at > string && at - string <= 256 && (*at == ' ' || *at == '\0'));
		MUST(address.length == strlen(address.text) && address.length <= ADDRESS_MAX);
		MUST(text_utf8(address.text, address.length));
		for (size_t i = 0; i < address.length; i++)
			MUST(address.text[i] < 0 || (address.text[i] >= 32 && address.text[i] != 127));
		MUST(address.length == 0 || address_valid(address.text));
		snprintf(bracketed, sizeof bracketed, "<%s>", address.text);
		second = bracketed;
		MUST(address_read(&second, "other.example", &again) == ADDRESS_FINE && *second == '\0');
		MUST(strcmp(again.text, address.text) == 0 && again.non_ascii == address.non_ascii);
	}
	free(string);
	return 0;
}
