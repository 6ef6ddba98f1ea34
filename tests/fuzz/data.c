/* links: session/header session/originator session/data session/line ask */
/*
 * A message in parts comes to what it comes to in one go, without a sender rule and with one: then the same addresses in
 * From and Sender were asked about, and the message has the Sender that it is to have. tests/unit/data.c says the rest.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "session/data.h"
#include "fuzz.h"

const struct seed seeds[] = {
	SEED("Subject: s\r\n\r\ntext\r\n.\r\nQUIT\r\n"), SEED(".\r\n"), SEED("text\r\n..\r\n.x\r\n.\r\n"),
	SEED("From: a\r\nBcc: b\r\n folded\r\nDate: d\r\nMessage-ID: <x>\r\n\r\nlonger than sixteen bytes are\r\n.\r\n"),
	SEED("From: A <a@x>, \"b\"@x (c)\r\nsender: q@y\r\nSENDER: r@x\r\nFrom: s@x\r\n t@x\r\n\r\nFrom: u@y\r\n.\r\n"),
	SEED("x\n.\n\r\n.\r.\r\r\n.\r\n"), SEED("From: a\nBcc: b\n c\n\ntext\n.\n..\nlonger than sixteen bytes are\n\r\n.\r\n"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\r\n"), SEED("\r\n"), SEED("\r"), SEED("\n"), SEED("\n"), SEED("\n."), SEED("."), SEED("\r\n.\r\n"), SEED("\r\n\r\n"), SEED("\0"), SEED("Bcc: "),
	SEED("Sender: "), SEED("From: a@x\r\n"), SEED("b@y"), SEED(","), SEED("<"), SEED(">"),
	SEED("Received: x\r\n"), SEED("from:"), SEED(" "), SEED("\t"), SEED(":"), SEED("Return-Path: <>\r\n"), SEED("xxxxxxxxxxxxxxxx"),
	{ NULL, 0 }
};

static struct config config = { .hostname = "mail.example", .max_size = 3000 };
static uint64_t asked;	/* which addresses */
static const struct reply not_own = { 550, "5.7.1", "Not your own", NULL };

/* Who is logged in owns what is on x. */
static const struct reply *
sender_fault(const char *address)
{
	const char *at = address == NULL ? NULL : strrchr(address, '@');

	MUST(address == NULL || (at != NULL && address_valid(address)));
	for (const char *byte = address; byte != NULL && *byte != '\0'; byte++)
		asked = asked * 31 + (unsigned char)*byte;
	asked = asked * 31 + 7;
	return at != NULL && strcmp(at, "@x") == 0 ? NULL : &not_own;
}

#define ORIGIN .config = &config, .from = "client.example", .host = "", .address = "192.0.2.1", .with = "ESMTPA", \
	.tls = "", .id = "ID", .number = 1, .sender = "bob@client.example"
static const struct header_origin origins[] = {
	{ ORIGIN }, { ORIGIN, .set_sender = "own@x", .sender_fault = sender_fault },
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
	uint64_t asked;
	const struct reply *reply;
	bool done;
	char spool[65536];	/* `length` bytes of it */
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
take(struct result *result, const struct header_origin *origin, const char *bytes, size_t size, size_t part)
{
	static struct data data;
	size_t given = 0;

	memset(result, 0, offsetof(struct result, spool));
	writing = result;
	asked = 0;
	data.origin = NULL;	/* as before the first message: this spool cannot be emptied */
	data_start(&data, origin, SPOOL);
	while (given < size && !data.done) {
		given += fuzz_part(part, size - given);
		result->taken += data_take(&data, bytes + result->taken, given - result->taken);
		MUST(result->taken <= given && (data.done || given - result->taken <= 1000));
	}
	result->done = data.done;
	result->reply = data.done ? data_finish(&data) : NULL;
	result->size = data.size;
	result->asked = asked;
}

/* The header has one Sender, and that is the one. */
static void
has_own_sender(const char *spool, size_t length)
{
	unsigned senders = 0;

	for (const char *line = spool, *end; line < spool + length && *line != '\n'; line = end + 1) {
		end = memchr(line, '\n', (size_t)(spool + length - line));
		if (strncasecmp(line, "Sender", 6) != 0 || strspn(line + 6, " \t:") == 0)
			continue;
		MUST(end - line == 15 && memcmp(line, "Sender: <own@x>", 15) == 0);
		senders++;
	}
	MUST(senders == 1);
}

static void
in_all_parts(const struct header_origin *origin, const char *exact, size_t size)
{
	static struct result whole, part;
	size_t parts[] = { size < 2000 ? 1 : 5, 3, 0, 0 };

	take(&whole, origin, exact, size, SIZE_MAX);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		take(&part, origin, exact, size, parts[i]);
		MUST(part.done == whole.done && part.reply == whole.reply);
		if (!whole.done)
			continue;
		MUST(part.taken == whole.taken && part.asked == whole.asked);
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
		if (origin->set_sender != NULL)
			has_own_sender(whole.spool, whole.length);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *exact = malloc(size + 1);

	memcpy(exact, bytes, size);
	exact[size] = '\0';
	in_all_parts(&origins[0], exact, size);
	in_all_parts(&origins[1], exact, size);
	free(exact);
	return 0;
}
