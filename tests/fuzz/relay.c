/* links: inject/message */
/*
 * A relay that says anything at all: a message counts as taken only if it was sent whole, once, after every recipient
 * was taken, and the relay said 250 behind the final dot; in whatever parts it says so. The first byte is what the
 * message is like.
 */
#include <sys/mman.h>

#include "base/drop.h"
#include "stand_in.h"

#define dial_connect stand_in_connect
#define drop_cage(cage) ((void)(cage), DROP_DONE)
#define drop_end_after(seconds) ((void)(seconds), true)
#include "inject/wire.c"
#include "inject/relay.c"
#undef LENGTH

const struct seed seeds[] = {
#define HELLO "220 r ESMTP\r\n\037250-r\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8\r\n"
#define GOOD "\037250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n251 Will forward\r\n"
#define PLAIN "220 r\r\n\037250 r\r\n\037250 Ok\r\n\037250 Ok\r\n\037250 Ok\r\n"
	SEED("\0" HELLO GOOD "\037354 Go\r\n\037250 2.0.0 Ok: queued as 1\r\n221 Bye\r\n"),
	SEED("\7" HELLO GOOD "\037354 Go\r\n\037250-2.0.0 Ok\r\n250 queued\r\n"),
	SEED("\0" PLAIN "\037354\r\n\037451 4.3.0 later\r\n"), SEED("\10" PLAIN "\037354 x\r\n250 early\r\n"),
	SEED("\0" HELLO "\037250 Ok\r\n250 Ok\r\n550 5.1.1 who?\r\n\037354 Go\r\n\037250 Ok\r\n"),
	SEED("\20220 r\r\n\037250-r\r\n250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN\r\n250 AUTH PLAIN\r\n\037220 r\r\n\037250 r\r\n"
	    "\037250 Ok\r\n\037250 Ok\r\n\037250 Ok\r\n\037354 Go\r\n\037250 Ok\r\n"),
	SEED("\0554 no\r\n"), SEED("\0" "220 r\r\n\037500 what\r\n"), SEED("\0" PLAIN "250 Ok\r\n\037354 Go\r\n\037250 Ok\r\n"),
	{ NULL, 0 }
};
const struct seed words[] = {
	SEED("\037"), SEED("\r\n"), SEED("\n"), SEED("250 Ok\r\n"), SEED("250-"), SEED("354 Go\r\n"), SEED("550 5.7.1 no\r\n"),
	SEED("421 4.3.2 bye\r\n"), SEED("250 PIPELINING\r\n"), SEED("250-SIZE 99999999999999999999\r\n"), SEED("\0"), SEED("\xff"), SEED("250"),
	SEED("25"), SEED("-"), SEED(" "), SEED("xxxxxxxxxxxxxxxx"), SEED("\037354 Go\r\n\037"), { NULL, 0 }
};

static const char *const texts[] = { "Subject: a\n\n.\n..b\nlast\n", "Subject: a\n\n\xc3\xa9\n" };
static const char *const sent_as[] = { "Subject: a\r\n\r\n..\r\n...b\r\nlast\r\n.\r\n", "Subject: a\r\n\r\n\xc3\xa9\r\n.\r\n" };

static struct {
	const char *expected;
	size_t mail_at, dot_at;		/* what had been said; dot_at 0: there was no final dot */
} seen;

/* No reply between there and here but of a recipient, or sender, that was taken. */
static void
all_were_taken(size_t at)
{
	char line[4] = "";
	size_t used = 0;

	for (; at < stand_in.given; at++) {
		char byte = stand_in.bytes[at];

		if (byte == '\n') {
			MUST(memcmp(line, "250", 3) == 0 || memcmp(line, "251", 3) == 0);
			used = 0;
		} else if (byte != STAND_IN_MARK && used < sizeof line) {
			line[used++] = byte;
		}
	}
	MUST(used == 0);
}

static void
hear(const char *bytes, size_t size)
{
	const char *at = stand_in.heard, *data;
	size_t length, unread;

	if (size > 4 && memcmp(bytes, "MAIL", 4) == 0) {	/* what was said and not read yet may be its answer */
		seen.mail_at = stand_in.given;
		for (unread = talk.wire.in_end - talk.wire.in_start; unread > 0; seen.mail_at--)
			unread -= stand_in.bytes[seen.mail_at - 1] != STAND_IN_MARK;
	}
	if (size > 4 && memcmp(bytes, "DATA", 4) == 0)
		all_were_taken(seen.mail_at);
	data = memmem(at, stand_in.used, "DATA\r\n", 6);
	if (data == NULL || data + 6 == at + stand_in.used || seen.dot_at > 0)
		return;
	/* The message and its end, at one stroke; or, where DATA was refused, a goodbye. */
	data += 6;
	length = (size_t)(at + stand_in.used - data);
	if (memcmp(data, "RSET\r\n", 6) == 0 || memcmp(data, "QUIT\r\n", 6) == 0)
		return;
	MUST(length >= strlen(seen.expected) && memcmp(data, seen.expected, strlen(seen.expected)) == 0);
	seen.dot_at = stand_in.given;
}

/* The first reply behind the final dot, which must be there: 250. */
static void
said_yes(void)
{
	size_t at = seen.dot_at;

	MUST(at > 0);
	while (at < stand_in.size && stand_in.bytes[at] == STAND_IN_MARK)
		at++;
	MUST(at + 5 <= stand_in.given && memcmp(stand_in.bytes + at, "250", 3) == 0);
	MUST(memmem(stand_in.bytes + at, stand_in.given - at, "\r\n", 2) != NULL);
}

static void
run_once(const struct config *config, const struct peer *peer, const struct message *message, const void *bytes,
    size_t size, size_t part)
{
	static int null = -1;
	const struct outcome *outcome = &talk.word.outcome;

	if (null < 0)
		null = open("/dev/null", O_WRONLY);
	seen.mail_at = seen.dot_at = 0;
	stand_in_start(bytes, size, part, hear);
	talk.word = (struct word){ 0 };
	talk.config = config;
	talk.peer = peer;
	talk.message = message;
	talk.name = "relay";
	talk.offers = talk.attributes = 0;
	talk.in_message = false;
	talk.deadline = io_now() + 600000;
	MUST(send_here(&talk, null) == 0);
	munmap((void *)(uintptr_t)talk.bytes, message->size);
	close(stand_in.descriptor);
	stand_in.descriptor = -1;
	if (outcome->verdict == ASK_YES)
		said_yes();
	MUST(outcome->text[0] == (outcome->verdict == ASK_YES ? '2' : outcome->verdict == ASK_NO ? '5' : '4'));
	MUST(outcome->verdict == ASK_YES || outcome->verdict == ASK_NO || outcome->verdict == ASK_TEMPORARY);
	for (const char *at = outcome->text; *at != '\0'; at++)
		MUST(*at >= 32 && *at < 127);
	MUST(outcome->how[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char plain[] = "Fa@x\0Tb@y\0Tc@z\0", notified[] = "Fa@x\0DRET=HDRS\0Tb@y\0DNOTIFY=NEVER\0Tc@z\0";
	static const struct identity identity = { .user = "bob" };
	static int spools[2];
	static struct memory memory;
	const uint8_t how = size > 0 ? bytes[0] : 0;
	const char *text = texts[how >> 1 & 1], *envelope = how & 4 ? notified : plain;
	const struct config config = { .hostname = "mail.example", .domain = "d.example" };
	struct peer peer = { .address = "192.0.2.1", .port = "9", .host = "h.example" };
	struct message message = {
		.id = "ID", .number = 1, .spool = spools[how >> 1 & 1], .login = "bob", .mechanism = "PLAIN",
		.helo = "client", .identity = &identity, .memory = &memory, .envelope = envelope,
		.sender = envelope + 1, .recipients = 2, .size = strlen(text), .smtputf8 = how & 8, .dsn = how & 4, .eight_bit = how & 1,
	};
	size_t parts[] = { 1, 0 }, used;
	struct outcome outcome;
	char *exact = malloc(size + 1);
	static char heard[sizeof stand_in.heard];

	if (spools[0] == 0)
		for (int i = 0; i < 2; i++) {
			spools[i] = memfd_create("spool", 0);
			MUST(write(spools[i], texts[i], strlen(texts[i])) == (ssize_t)strlen(texts[i]));
		}
	if (how & 16)
		strcpy(peer.address, "2001:db8::1");
	message.spool = spools[how >> 1 & 1];
	seen.expected = sent_as[how >> 1 & 1];
	size -= size > 0;
	memcpy(exact, bytes + 1, size);
	run_once(&config, &peer, &message, exact, size, SIZE_MAX);
	outcome = talk.word.outcome;
	used = stand_in.used;
	memcpy(heard, stand_in.heard, used);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		run_once(&config, &peer, &message, exact, size, parts[i]);
		MUST(outcome.verdict == talk.word.outcome.verdict && strcmp(outcome.text, talk.word.outcome.text) == 0);
		MUST(used == stand_in.used && memcmp(heard, stand_in.heard, used) == 0);
	}
	free(exact);
	return 0;
}
