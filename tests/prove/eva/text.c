/* links: base/text */
/* options: -eva-slevel-function add_digits:200 */
/* Any bytes in everything that reads or adds text but text_add_date(), which is given the clock alone. */
#include "__fc_builtin.h"

#include "base/text.h"

#define MOST 65540		/* more than a line can be long */
#define NUMBER Frama_C_unsigned_long_long_interval(0, UINT64_MAX)

static char in[MOST], string[MOST + 1], out[MOST], array[512];	/* `in` has no NUL behind it */

static void
add(struct text *text, size_t length)
{
	switch (Frama_C_interval(0, 8)) {
	case 0: text_add_bytes(text, in, length); break;
	case 1: text_add(text, string); break;
	case 2: text_add_byte(text, (char)Frama_C_interval(-128, 127)); break;
	case 3: text_add_number(text, NUMBER); break;
	case 4: text_add_hex(text, NUMBER, Frama_C_interval(1, 16)); break;
	case 5: text_add_clean(text, string, Frama_C_unsigned_long_interval(0, SIZE_MAX)); break;
	case 6: text_add_name(text, string); break;
	case 7: text_add_quoted(text, in, length); break;
	default: text_add_base64(text, in, length);
	}
}

int
main(void)
{
	size_t length = Frama_C_unsigned_long_interval(0, MOST);
	struct text text;
	uint64_t number;

	/*@ widen_hints global:"all", 511, 65540; */
	Frama_C_make_unknown(in, MOST);
	Frama_C_make_unknown(string, MOST);
	text_start(&text, array, Frama_C_unsigned_long_interval(1, sizeof array));
	while (Frama_C_interval(0, 1))
		add(&text, length);
	switch (Frama_C_interval(0, 7)) {
	case 0: text_lower(string); return 0;
	case 1: return text_is(in, length, "WORD");
	case 2: return text_number(string, NUMBER, &number);
	case 3: return text_base64_decode(in, length, out) > 0;
	case 4: return text_base64_decode(in, length, in) > 0;
	case 5: return text_utf8(in, length);
	case 6: return text_has_control(string);
	default: return text_hostname(string);
	}
}
