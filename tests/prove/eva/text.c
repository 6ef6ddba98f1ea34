#include "__fc_builtin.h"
#include "base/text.h"
#define MOST 65540
static char in[MOST], out[MOST];
static char array[512];
int main(void)
{
	struct text text;
	size_t length = Frama_C_unsigned_long_interval(0, MOST - 1);
	uint64_t number;
	Frama_C_make_unknown(in, MOST - 1);
	/*@ widen_hints global:"all", 511, 65539; */
	text_start(&text, array, Frama_C_unsigned_long_interval(1, sizeof array));
	while (Frama_C_interval(0, 1)) {
		switch (Frama_C_interval(0, 8)) {
		case 0: text_add_bytes(&text, in, length); break;
		case 1: text_add(&text, in); break;
		case 2: text_add_byte(&text, (char)Frama_C_interval(-128, 127)); break;
		case 3: text_add_number(&text, Frama_C_unsigned_long_long_interval(0, UINT64_MAX)); break;
		case 4: text_add_hex(&text, Frama_C_unsigned_long_long_interval(0, UINT64_MAX), Frama_C_interval(1, 16)); break;
		case 5: text_add_clean(&text, in, Frama_C_unsigned_long_interval(0, SIZE_MAX)); break;
		case 6: text_add_name(&text, in); break;
		case 7: text_add_quoted(&text, in, length); break;
		case 8: text_add_base64(&text, in, length); break;
		}
	}
	switch (Frama_C_interval(0, 8)) {
	case 0: text_lower(in); break;
	case 1: return text_is(in, length, "WORD");
	case 2: return text_number(in, Frama_C_unsigned_long_long_interval(0, UINT64_MAX), &number);
	case 3: return text_base64_decode(in, length, out) > 0;
	case 4: return text_base64_decode(in, length, in) > 0;
	case 5: return text_utf8(in, length);
	case 6: return text_has_control(in);
	case 7: return text_hostname(in);
	}
	return 0;
}
