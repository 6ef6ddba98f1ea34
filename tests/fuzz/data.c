/* links: session/header session/originator session/data session/line ask */
/* A message in parts comes to what it comes to in one go. tests/unit/data.c says what that is. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "session/data.h"
#include "fuzz.h"

const struct seed seeds[] = {
	SEED("Subject: s\r\n\r\ntext\r\n.\r\nQUIT\r\n"), SEED(".\r\n"), SEED("text\r\n..\r\n.x\r\n.\r\n"),
	SEED("From: a\r\nBcc: b\r\n folded\r\nDate: d\r\nMessage-ID: <x>\r\n\r\nlonger than sixteen bytes are\r\n.\r\n"),
	SEED("x\n.\n\r\n.\r.\r\r\n.\r\n"), SEED("From: a\nBcc: b\n c\n\ntext\n.\n..\nlonger than sixteen bytes are\n\r\n.\r\n"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\r\n"), SEED("\r\n"), SEED("\r"), SEED("\n"), SEED("\n"), SEED("\n."), SEED("."), SEED("\r\n.\r\n"), SEED("\r\n\r\n"), SEED("\0"), SEED("Bcc: "),
	SEED("Received: x\r\n"), SEED("from:"), SEED(" "), SEED("\t"), SEED(":"), SEED("Return-Path: <>\r\n"), SEED("xxxxxxxxxxxxxxxx"),
	{ NULL, 0 }
};

static struct config config = { .hostname = "mail.example", .max_size = 3000 };
static const struct header_origin origin = {
	.config = &config, .from = "client.example", .host = "", .address = "192.0.2.1", .with = "ESMTPA", .tls = "",
	.id = "ID", .number = 1, .sender = "bob@client.example",
};

/* The clock stands still. */
time_t
time(time_t *now)
{
	if (now != NULL)
		*now = 1795232194;
	return 1795232194;
}

struct result {
	size_t taken, length;
	uint64_t size;
	const struct reply *reply;
	bool done;
	char spool[65536];
};

#define SPOOL 1000	/* no descriptor: what is written to it is in here */
static struct result *writing;

ssize_t
write(int descriptor, const void *bytes, size_t size)
{
	if (descriptor != SPOOL)
		return syscall(SYS_write, descriptor, bytes, size);
	MUST(writing->length + size <= sizeof writing->spool);
	memcpy(writing->spool + writing->length, bytes, size);
	writing->length += size;
	return (ssize_t)size;
}

static void
take(struct result *result, const char *bytes, size_t size, size_t part)
{
	static struct data data;
	size_t given = 0;

	*result = (struct result){ 0 };
	writing = result;
	data.origin = NULL;	/* as before the first message: this spool cannot be emptied */
	data_start(&data, &origin, SPOOL);
	while (given < size && !data.done) {
		given += fuzz_part(part, size - given);
		result->taken += data_take(&data, bytes + result->taken, given - result->taken);
		MUST(result->taken <= given && (data.done || given - result->taken <= 1000));
	}
	result->done = data.done;
	result->reply = data.done ? data_finish(&data) : NULL;
	result->size = data.size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct result whole, part;
	size_t parts[] = { size < 2000 ? 1 : 5, 3, 0, 0 };
	char *exact = malloc(size + 1);

	memcpy(exact, bytes, size);
	exact[size] = '\0';
	take(&whole, exact, size, SIZE_MAX);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		take(&part, exact, size, parts[i]);
		MUST(part.done == whole.done && part.reply == whole.reply);
		if (!whole.done)
			continue;
		MUST(part.taken == whole.taken);
		if (whole.reply == NULL)
			MUST(part.size == whole.size && part.length == whole.length &&
			    memcmp(part.spool, whole.spool, whole.length) == 0);
	}
	if (whole.done) {
		MUST(whole.taken >= 3 && memcmp(exact + whole.taken - 3, ".\r\n", 3) == 0);
		MUST(whole.taken == 3 || (whole.taken >= 5 && memcmp(exact + whole.taken - 5, "\r\n", 2) == 0));
	}
	if (whole.done && whole.reply == NULL) {
		MUST(memmem(exact, whole.taken - 3, "\r\n.\r\n", 5) == NULL);
		MUST(memchr(whole.spool, '\r', whole.length) == NULL && memchr(whole.spool, '\0', whole.length) == NULL);
		MUST(whole.spool[whole.length - 1] == '\n');
	}
	free(exact);
	return 0;
}
