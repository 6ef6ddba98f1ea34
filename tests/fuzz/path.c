/* links: text */
/* An address that text_path() takes is one for text_address() too, and in one piece; twice read it is the same. */
#include "fuzz.h"
#include "text.h"

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
	text_address(string);
	text_utf8(string, size);
	text_hostname(string);
	if (text_path(&at, "d.example", &address) == ADDRESS_FINE) {
		MUST(at > string && at - string <= 256 && (*at == ' ' || *at == '\0'));
		MUST(address.length == strlen(address.text) && address.length <= ADDRESS_MAX);
		MUST(text_utf8(address.text, address.length));
		for (size_t i = 0; i < address.length; i++)
			MUST(address.text[i] < 0 || (address.text[i] >= 32 && address.text[i] != 127));
		MUST(address.length == 0 || text_address(address.text));
		snprintf(bracketed, sizeof bracketed, "<%s>", address.text);
		second = bracketed;
		MUST(text_path(&second, "other.example", &again) == ADDRESS_FINE && *second == '\0');
		MUST(strcmp(again.text, address.text) == 0 && again.non_ascii == address.non_ascii);
	}
	free(string);
	return 0;
}
