/* links: base alone */
/* What is taken is the one encoding of its bytes: encoded again it is the same. */
#include "fuzz.h"
#include "base/text.h"

const struct seed seeds[] = {
	SEED(""), SEED("QQ=="), SEED("QUI="), SEED("QUJD"), SEED("AHRpbQB0YW5zdGFhZnRhbnN0YWFm"), SEED("++//"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("="), SEED("=="), SEED("A"), SEED("/"), SEED("+"), SEED("-"), SEED(" "), SEED("\0"), SEED("\x80"), SEED("QUJD"), { NULL, 0 }
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *in = malloc(size + 1), *out = malloc(size / 4 * 3 + 1);
	long length;

	memcpy(in, bytes, size);
	length = text_base64_decode(in, size, out);
	MUST(length >= -1 && (length < 0 || (size_t)length <= size / 4 * 3));
	for (size_t i = 0; length >= 0 && i < size; i++) {
		/* Sextet i of the bytes, which go on with zero bits. */
		size_t bit = i * 6, byte = bit / 8;
		unsigned two = byte < (size_t)length ? (unsigned char)out[byte] << 8 : 0;

		two |= byte + 1 < (size_t)length ? (unsigned char)out[byte + 1] : 0;
		MUST(in[i] == (byte >= (size_t)length ? '=' : digits[two >> (10 - bit % 8) & 63]));
	}
	MUST(text_base64_decode(in, size, in) == length && (length < 0 || memcmp(in, out, (size_t)length) == 0));
	free(in);
	free(out);
	return 0;
}
