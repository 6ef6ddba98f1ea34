/* links: session/header session/originator session/data session/line ask */
/*
 * Usage: end-of-data [LENGTH]: every text of up to LENGTH bytes (7) over CR, LF, '.', NUL and 'a', at the start of DATA
 * and behind a header, then CRLF.CRLF: does data_take() end it where RFC 5321 says, refuse what it must, and keep
 * exactly the text? Whole, and byte by byte. Against a model of a few lines, written from RFC 5321 section 4.1.1.4 and
 * 4.5.2 and from the one decision of our own: a bare LF ends a line of the text and nothing else.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/data.h"

static const char alphabet[] = { '\r', '\n', '.', '\0', 'a' };
static const char ending[] = "\r\n.\r\n", behind[] = ".\r\nQUIT\r\n";

#define LETTERS (sizeof alphabet)
#define MOST 64

static struct config config = { .hostname = "h", .domain = "d", .max_size = UINT64_MAX };
static const struct header_origin origin = { .config = &config, .from = "f", .host = "", .address = "", .login = "",
    .with = "ESMTPA", .tls = "", .id = "i", .number = 1, .sender = "s@d" };
static struct data data;

/* What the text of a message comes to. */
struct model {
	size_t end;		/* of the end mark */
	bool refused;
	char stored[MOST];
	size_t length, size;
};

static void
understand(const char *bytes, size_t length, struct model *model)
{
	size_t at = 0;

	/* CRLF.CRLF, where the CRLF in front may be DATA's own. */
	while (!(length - at >= 3 && memcmp(bytes + at, ".\r\n", 3) == 0 &&
	    (at == 0 || (at >= 2 && memcmp(bytes + at - 2, "\r\n", 2) == 0))))
		at++;
	*model = (struct model){ .end = at + 3, .size = at };
	for (size_t i = 0; i < at; i++) {
		bool first = i == 0 || (i >= 2 && memcmp(bytes + i - 2, "\r\n", 2) == 0);

		model->refused |= bytes[i] == '\0' || (bytes[i] == '\r' && bytes[i + 1] != '\n');
		if (bytes[i] == '.' && first)
			model->size--;
		else if (bytes[i] != '\r')
			model->stored[model->length++] = bytes[i];
	}
}

/* Gives the bytes in pieces of `part`, and behind each piece something else than what follows; returns how many were
 * taken. */
static size_t
take(const char *header, const char *bytes, size_t length, size_t part)
{
	char piece[MOST + 2];
	size_t taken = 0, given = 0;

	data_start(&data, &origin, -1);
	if (header[0] != '\0' && data_take(&data, header, strlen(header)) != strlen(header))
		abort();
	while (!data.done && given < length) {
		given = length - given < part ? length : given + part;
		memcpy(piece, bytes + taken, given - taken);
		piece[given - taken] = given < length && bytes[given] == '\n' ? 'z' : '\n';
		taken += data_take(&data, piece, given - taken);
	}
	return taken;
}

static bool
differs(const char *header, const char *bytes, size_t length, size_t part)
{
	static const char *known;	/* the header for which `front` was measured */
	static size_t front;		/* bytes of our own in front of the text */
	struct model model;
	size_t taken, text;

	if (known != header) {
		take(header, ".\r\n", 3, 3);
		front = data.out_used;
		known = header;
	}
	understand(bytes, length, &model);
	taken = take(header, bytes, length, part);
	if (!data.done || taken != model.end || data.blemished != model.refused ||
	    data.size != model.size + strlen(header))
		return true;
	if (model.refused)
		return data_finish(&data) == NULL;
	/* Text that begins in what was to be the header gets the empty line that it lacks. */
	text = front + (header[0] == '\0' && model.length > 0 && model.stored[0] != '\n');
	return data.out_used != text + model.length ||
	    memcmp(data.out + text, model.stored, model.length) != 0;
}

static unsigned long long
try(const char *text, size_t length)
{
	static const char *const headers[] = { "", "x: y\r\n\r\n" };
	char bytes[MOST];
	unsigned long long differences = 0;

	memcpy(bytes, text, length);
	memcpy(bytes + length, ending, sizeof ending - 1);
	memcpy(bytes + length + sizeof ending - 1, behind, sizeof behind);
	length += sizeof ending - 1 + sizeof behind - 1;
	for (int i = 0; i < 2; i++)
		for (size_t part = 1; part <= length; part += length - 1) {
			if (!differs(headers[i], bytes, length, part))
				continue;
			differences++;
			printf("# %s, %zu bytes at a time:", i == 0 ? "at the start" : "behind a header", part);
			for (size_t at = 0; at + sizeof behind - 1 < length; at++)
				printf(" %02x", (unsigned char)bytes[at]);
			printf("\n");
		}
	return differences;
}

int
main(int argc, char **argv)
{
	size_t most = argc > 1 ? (size_t)atoi(argv[1]) : 7;
	unsigned long long texts = 0, differences = 0;

	for (size_t length = 0; length <= most && length < 20; length++) {
		unsigned digits[20] = { 0 };
		char text[20];
		size_t carry;

		do {
			for (size_t i = 0; i < length; i++)
				text[i] = alphabet[digits[i]];
			differences += try(text, length);
			texts++;
			for (carry = 0; carry < length && ++digits[carry] == LETTERS; carry++)
				digits[carry] = 0;
		} while (carry < length);
	}
	printf("%sok 1 - %llu texts of up to %zu bytes, %llu differences\n1..1\n", differences == 0 ? "" : "not ", texts, most,
	    differences);
	return differences != 0;
}
