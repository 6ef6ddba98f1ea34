/* links: session/proxy base/peer base/text */
/* options: -eva-split-return-function set_address:0,text_number:0,inet_pton:0 -eva-slevel-function version_2:60 -eva-auto-loop-unroll 6 */
/* Any bytes of any length, with nothing behind them where a header may end. */
#include "libc.h"
#include "session/proxy.h"

static char none[1], word[6], signature[12], version[13], fixed[16], four[28], six[52], named[52 + 3 + 5], line[107],
    local[16 + 216], longest[16 + 4096], more[1024 * 1024];
static struct config config;
static struct peer peer;

static long
read_header(char *bytes, size_t size)
{
	Frama_C_make_unknown(bytes, size);
	return proxy_read(&peer, &config, bytes, Frama_C_unsigned_long_interval(0, size));
}

int
main(void)
{
	/*@ widen_hints global:"all", 5, 6, 15, 16, 31, 32, 45, 46, 62, 63, 64, 77, 78, 106, 107, 108, 254, 255, 4096, 4112; */
	config.behind_tls = Frama_C_interval(0, 1);
	switch (Frama_C_interval(0, 11)) {
	case 0: return read_header(none, 0) > 0;
	case 1: return read_header(word, sizeof word) > 0;
	case 2: return read_header(signature, sizeof signature) > 0;
	case 3: return read_header(version, sizeof version) > 0;
	case 4: return read_header(fixed, sizeof fixed) > 0;
	case 5: return read_header(four, sizeof four) > 0;
	case 6: return read_header(six, sizeof six) > 0;
	case 7: return read_header(named, sizeof named) > 0;
	case 8: return read_header(line, sizeof line) > 0;
	case 9: return read_header(local, sizeof local) > 0;
	case 10: return read_header(longest, sizeof longest) > 0;
	default: return read_header(more, sizeof more) > 0;
	}
}
