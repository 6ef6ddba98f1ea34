/* links: base alone */
/* What scram_first() and scram_final() take is what RFC 5802 section 7 calls it, and stays within its arrays. */
#include "fuzz.h"
#include "base/scram.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

const struct seed seeds[] = {
	SEED("n,,n=user,r=rOprNGfwEbeRWgbNEkqO\nc=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	SEED("y,a=u,n=u,r=x,e=1\nc=eSxhPXUs,r=" NONCE ",e=1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	SEED("p=tls-exporter,,n=a=2Cb=3D,r=x\nc=cD10bHMtZXhwb3J0ZXIsLA==,r=" NONCE ",p=AAAA"), { NULL, 0 }
};
const struct seed words[] = {
	SEED(","), SEED("="), SEED("n="), SEED("r="), SEED("p="), SEED("c="), SEED("a="), SEED("m="), SEED("=2C"), SEED("=3D"),
	SEED("\n"), SEED(NONCE), SEED("biws"), SEED("\xc3\xbc"), SEED("y"), SEED("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	{ NULL, 0 }
};

/* The client's first message, a line end, its final message. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *newline = memchr(bytes, '\n', size);
	size_t first_size = newline == NULL ? size : (size_t)(newline - bytes);
	size_t last_size = newline == NULL ? 0 : size - first_size - 1;
	char *first = calloc(1, first_size + 1), *last = calloc(1, last_size + 1);
	static struct scram scram;
	struct scram_final final = { .server_first = "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096" };

	memcpy(first, bytes, first_size);
	if (last_size > 0)
		memcpy(last, newline + 1, last_size);
	if (scram_first(&scram, first, first_size, NULL, false) == SCRAM_FINE) {
		MUST(strlen(first) == first_size && *scram.user != '\0' && *scram.nonce != '\0');
		MUST(scram.bare == first + scram.gs2_length && memcmp(scram.gs2, first, scram.gs2_length) == 0);
		MUST(strncmp(scram.bare, "n=", 2) == 0 && strstr(scram.bare, scram.nonce) != NULL);
		MUST(first[0] == 'n' || first[0] == 'y');
		if (scram_final(&scram, last, last_size, &final) == SCRAM_FINE) {
			MUST(strlen(last) == last_size && final.without_proof < last_size);
			MUST(strncmp(last + final.without_proof, ",p=", 3) == 0);
			MUST(memmem(last, final.without_proof, ",r=" NONCE, strlen(",r=" NONCE)) != NULL);
		}
	}
	free(first);
	free(last);
	return 0;
}
