/* links: session/proxy session/header session/originator session/sasl session/data session/line session/xclient */
/*
 * A whole session: the first byte is how it is configured, the others are what the client sends. Whatever it
 * is: replies are well formed; the same bytes in other parts get the same replies and hand over the same
 * messages; nothing is handed over but by CRLF.CRLF, once, after a login.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/* Its one session is static: each run begins with a new one. */
#include "session/smtp.c"
#include "fake_ask.c"

const struct seed seeds[] = {
#define HELLO "\0EHLO client.example\r\nAUTH PLAIN AGJvYgBzZXNhbWU=\r\n"
#define ENVELOPE "MAIL FROM:<bob@x.example> SIZE=100\r\nRCPT TO:<ann@x.example>\r\nDATA\r\n"
	SEED(HELLO ENVELOPE "Subject: s\r\n\r\ntext\r\n.\r\nQUIT\r\n"),
	SEED(HELLO ENVELOPE ".\r\n" ENVELOPE "..\r\n.\n.\r\n.\r\n" ENVELOPE "From: x\r\nBcc: y\r\n z\r\n\r\n..dot\r\n.\r\n"),
	SEED("\2EHLO [192.0.2.1]\r\nAUTH LOGIN\r\nYm9i\r\nc2VzYW1l\r\nMAIL FROM:<b\xc3\xa9@x> SMTPUTF8 BODY=8BITMIME\r\n"
	    "RCPT TO:<\"a b\"@[IPv6:::1]>\r\nRCPT TO:<@a,@b:c@d>\r\nDATA\r\nx\r\n.\r\nRSET\r\nNOOP\r\n"),
	SEED(HELLO "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<bad>bad>\r\nDATA\r\nx\r\r\n.\r\nRCPT TO:<a@b>\r\nDATA\r\n"),
	SEED(HELLO "MAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<>\r\nDATA\r\nRCPT TO:<a@b>\r\nRSET\r\nDATA\r\nx\r\n.\r\n"),
	SEED("\4HELO x\r\nEHLO x\r\nAUTH LOGIN bGF0ZXI=\r\neA==\r\nAUTH PLAIN\r\n*\r\nAUTH LOGIN =\r\n\r\nAUTH PLAIN AHgAeA==\r\n"
	    "AUTH PLAIN AHgAeA==\r\nMAIL FROM:<a@b>\r\n"),
	SEED("\0EHLO x\r\nAUTH RELAY\r\nY2M=\r\n*\r\nAUTH relay =\r\n!\r\nAUTH RELAY Y2M=\r\nY2M=\r\neWVz\r\nMAIL FROM:<a@b>\r\n"),
	SEED("\1EHLO x\r\nAUTH PLAIN AGJvYgBzZXNhbWU=\r\nSTARTTLS\r\nVRFY x\r\nHELP\r\nEXPN x\r\nBDAT 3 LAST\r\nGET / HTTP/1.1\r\n"),
	SEED("\20EHLO x\r\nXCLIENT NAME=a.example HELO=h\r\nXCLIENT ADDR=192.0.2.1 PORT=1\r\nXCLIENT ADDR=192.0.2.1\r\nEHLO x\r\nAUTH PLAIN AGJvYgBzZXNhbWU=\r\n"
	    "XCLIENT HELO=x\r\n"),
	SEED("\10PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nEHLO x\r\nQUIT\r\n"),
	SEED("\10\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2EHLO x\r\nQUIT\r\n"),
	SEED(HELLO "RCPT TO:<a@b>\r\nDATA\r\nSubject: blind\r\n\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\n"),
	{ NULL, 0 }
};

const struct seed words[] = {
	SEED("\r\n"), SEED("\r\n"), SEED("\r"), SEED("\n"), SEED("\0"), SEED("."), SEED("\r\n.\r\n"), SEED("\n.\n"), SEED("\r\n.\n"),
	SEED("\r.\r\n"), SEED("DATA\r\n"), SEED("RSET\r\n"), SEED("EHLO x\r\n"), SEED("HELO x\r\n"), SEED("NOOP\r\n"),
	SEED("MAIL FROM:<a@b>\r\n"), SEED("RCPT TO:<a@b>\r\n"), SEED("RCPT TO:<>\r\n"), SEED("AUTH PLAIN AGJvYgBzZXNhbWU=\r\n"), SEED("AUTH RELAY Y2M=\r\n"), SEED(ENVELOPE), SEED("\x80"),
	SEED(" "), SEED("<"), SEED(">"), SEED("\""), SEED("\\"), SEED("@"), SEED("="), SEED("+0A"), SEED(","), SEED(":"), SEED("*\r\n"),
	SEED("SIZE=18446744073709551617"), SEED("BODY=8BITMIME"), SEED("AUTH=<>"), SEED("SMTPUTF8"), SEED("QUIT\r\n"), SEED("xxxxxxxx"),
	SEED("Received: x\r\n"), SEED("Bcc: x\r\n"), SEED("\r\n\r\n"), SEED("\xff\xfe"), SEED("\x16\x03\x01"),
	{ NULL, 0 }
};

/* The clock of the header stands still. */
time_t
time(time_t *now)
{
	if (now != NULL)
		*now = 1795232194;
	return 1795232194;
}

static struct {
	const char *bytes;
	size_t left, part;
	char replies[1 << 18];
	size_t used;
} client;

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	size_t more;

	if (descriptor != STDIN_FILENO)
		return syscall(SYS_read, descriptor, bytes, size);
	more = fuzz_part(client.part, client.left < size ? client.left : size);
	memcpy(bytes, client.bytes, more);
	client.bytes += more;
	client.left -= more;
	return (ssize_t)more;
}

ssize_t
write(int descriptor, const void *bytes, size_t size)
{
	if (descriptor != STDOUT_FILENO || session.config == NULL)
		return syscall(SYS_write, descriptor, bytes, size);
	MUST(client.used + size <= sizeof client.replies);
	memcpy(client.replies + client.used, bytes, size);
	client.used += size;
	return (ssize_t)size;
}

/* Lines of three digits, a blank or hyphen and printable ASCII (RFC 5321 section 4.2); challenges may be longer than
 * other replies (RFC 4954 section 4). */
static void
check_replies(void)
{
	const char *at = client.replies, *end = at + client.used;
	unsigned taken = 0;

	while (at < end) {
		const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);

		MUST(line_end != NULL && line_end - at >= 4);
		MUST(line_end - at <= (memcmp(at, "334 ", 4) == 0 ? LINE_AUTH_MAX : LINE_REPLY_MAX) - 2);
		MUST(at[0] >= '2' && at[0] <= '5' && at[1] >= '0' && at[1] <= '5' && at[2] >= '0' && at[2] <= '9');
		MUST(at[3] == ' ' || at[3] == '-');
		for (const char *p = at; p < line_end; p++)
			MUST(*p >= 32 && *p < 127);
		taken += line_end - at == 15 && memcmp(at, "250 2.0.0 Taken", 15) == 0;
		at = line_end + 2;
	}
	MUST(taken == fake_asked.taken);	/* no 250 but by the monitor's word */
}

/* The whole session's hand-overs happen at an end mark, which stands in front of what is not read yet. */
static unsigned
end_marks(const char *bytes, size_t length)
{
	unsigned marks = 0;

	for (size_t i = 2; i < length; i++)
		marks += memcmp(bytes + i - 2, ".\r\n", 3) == 0 && (i < 4 || memcmp(bytes + i - 4, "\r\n", 2) == 0);
	return marks;
}

static void
run(const struct config *config, const char *bytes, size_t length, size_t part)
{
	struct peer peer = { .source = PEER_TCPSERVER, .address = "192.0.2.9", .port = "9", .host = "h.example",
	    .client = "192.0.2.9:9", .tls = config->behind_tls ? TLS_BEHIND : TLS_NONE };
	int result, spool;

	/* The envelope is megabytes, and nothing of it is read that was not written. */
	memset(&session, 0, offsetof(struct session, envelope));
	session.envelope.length = 0;
	fake_asked = (struct fake_asked){ 0 };
	client.bytes = bytes;
	client.left = length;
	client.part = part;
	client.used = 0;
	spool = memfd_create("spool", 0);
	if (spool != SPOOL_DESCRIPTOR)
		MUST(dup2(spool, SPOOL_DESCRIPTOR) == SPOOL_DESCRIPTOR && close(spool) == 0);
	result = smtp_session(config, &peer, "ID");
	MUST(result == 0 || result == 1);
	MUST(session.end != NULL && fake_asked.ended);
	MUST(fake_asked.sends <= end_marks(bytes, length));
	check_replies();
	session.config = NULL;
}

static void
prepare(void)
{
	int null = open("/dev/null", O_RDWR);

	/* Always ready, for poll(2): read() and write() above do the rest. */
	MUST(null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool prepared;
	static char whole[sizeof client.replies];
	const uint8_t how = size > 0 ? bytes[0] : 0;
	struct config config = {
		.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN, .dovecot = true, .hostname = "mail.example", .domain = "d.example", .timeout = 300,
		.login_timeout = 120, .max_recipients = 20, .argument_room = 4000, .max_size = 4000,
		.behind_tls = !(how & 1), .smtputf8 = how & 2, .debug = how & 4, .proxy = how & 8,
		.xclient = (how & 24) == 16, .xclient_from = "192.0.2.9",
		.tls_control = -1, .tls_read = -1, .tls_write = -1,
	};
	const char *input = (const char *)bytes + (size > 0);
	size_t parts[] = { size <= 600 ? 1 : 3, 0, 0 }, used;
	struct fake_asked asked;

	size -= size > 0;
	if (!prepared)
		prepare();
	prepared = true;
	run(&config, input, size, SIZE_MAX);
	used = client.used;
	asked = fake_asked;
	memcpy(whole, client.replies, used);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		run(&config, input, size, parts[i]);
		MUST(client.used == used && memcmp(client.replies, whole, used) == 0);
		MUST(fake_asked.sends == asked.sends && fake_asked.taken == asked.taken && fake_asked.sum == asked.sum);
		MUST(fake_asked.logged_in == asked.logged_in && fake_asked.failed == asked.failed);
	}
	return 0;
}
