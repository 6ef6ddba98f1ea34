/* links: session/originator */
/* An address that originator_take() reports is one, and stands in the field; what is malformed stays so. */
#include "fuzz.h"
#include "session/originator.h"

const struct seed seeds[] = {
	SEED(" Joe Q. Public <joe@example.com>, \"a, b\" <c@d>"), SEED(" A Group:Ed <c@a.test>,joe@where.test;"),
	SEED(" Pete(A nice \\) chap) <pete(his account)@silly.test>"), SEED(" a@[192.0.2.1], <\"a b\"@x> (c)"),
	SEED(" =?utf-8?Q?J=C3=BCrgen?=\r\n <j@x>"), SEED(" g:;"), SEED(" a@x <b@y>"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("<"), SEED(">"), SEED("@"), SEED("\""), SEED("\\"), SEED(","), SEED(":"), SEED(";"), SEED("("), SEED(")"),
	SEED(" "), SEED("\n "), SEED("."), SEED("["), SEED("]"), SEED("[IPv6:::1]"), SEED("a@x"), SEED("\xc3\xa9"),
	SEED("\xff"), SEED("aaaaaaaaaaaaaaaa"), { NULL, 0 }
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct originator originator;
	enum originator_event event;
	bool malformed = false;

	originator_start(&originator);
	for (size_t i = 0; i <= size; i++) {
		event = i < size ? originator_take(&originator, (char)bytes[i]) : originator_end(&originator);
		MUST(!malformed || event == ORIGINATOR_MALFORMED);
		malformed = event == ORIGINATOR_MALFORMED;
		if (event != ORIGINATOR_ADDRESS)
			continue;
		MUST(address_valid(originator.address.text) && strchr(originator.address.text, '@') != NULL);
		/* Every byte of it was there: nobody else's address was made of it. */
		for (const char *at = originator.address.text; *at != '\0'; at++)
			MUST(memchr(bytes, *at, i < size ? i + 1 : size) != NULL);
	}
	return 0;
}
