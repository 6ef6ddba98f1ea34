/* links: session/proxy session/header session/originator session/sasl session/data session/line session/xclient */
/*
 * Usage: commands [LENGTH]: every sequence of up to LENGTH (4) of twelve commands, right and wrong ones, from the
 * start and after a login, through a whole session in this process, against a model of the states in RFC 5321 section 4.1.4, RFC 4954 and RFC 6409: the code of
 * every reply, what is handed over, and when the session ends.
 */
#include "../fuzz/smtp.c"

enum { EHLO, AUTH, MAIL, BAD_MAIL, RCPT, BAD_RCPT, DATA, BAD_DATA, RSET, NOOP, UNKNOWN, QUIT, COMMANDS };

static const char *const commands[COMMANDS] = {
	"EHLO x\r\n", "AUTH PLAIN AGJvYgBzZXNhbWU=\r\n", "MAIL FROM:<bob@x.example>\r\n", "MAIL FROM:<a b@x>\r\n",
	"RCPT TO:<ann@x.example>\r\n", "RCPT TO:<>\r\n", "DATA\r\n", "DATA now\r\n", "RSET\r\n", "NOOP\r\n", "XXXX\r\n", "QUIT\r\n"
};

static const char text[] = "From: x\r\n\r\ntext\r\n.\r\n";

/* What the client may expect. */
static struct model {
	bool greeted, logged_in, open, refused;		/* refused: a recipient was */
	bool data_refused;				/* by the last command: its text may follow */
	bool ended;
	unsigned recipients, sends, sent_recipients;
	int codes[3 * 16];
	int count;
} model;

static void
expect(int code)
{
	model.codes[model.count++] = code;
}

static void
expect_mail(bool right)
{
	expect(!model.logged_in ? 530 : model.open ? 503 : right ? 250 : 501);
	if (model.logged_in && !model.open && right) {
		model.open = true;
		model.refused = false;
		model.recipients = 0;
	}
}

static void
expect_rcpt(bool right)
{
	expect(!model.logged_in ? 530 : !model.open ? 503 : right ? 250 : 501);
	if (model.logged_in && model.open) {
		model.recipients += right;
		model.refused |= !right;
	}
}

/* True: 354, and the text belongs into the dialogue. */
static bool
expect_data(bool right)
{
	int code = !model.logged_in ? 530 : !right ? 501 : !model.open ? 503 : model.recipients > 0 ? 354
	    : model.refused ? 554 : 503;

	expect(code);
	model.data_refused = code != 354;
	if (code != 354)
		return false;
	expect(0);	/* whatever became of it */
	model.sends++;
	model.sent_recipients += model.recipients;
	model.open = false;
	return true;
}

/* One command; returns whether the text follows it. */
static bool
expect_command(int command)
{
	bool data_refused = model.data_refused;

	model.data_refused = false;
	switch (command) {
	case EHLO:
		expect(250);
		model.greeted = true;
		model.open = false;
		return false;
	case AUTH:
		expect(model.logged_in || !model.greeted ? 503 : 235);
		model.logged_in |= model.greeted;
		return false;
	case MAIL:
	case BAD_MAIL:
		expect_mail(command == MAIL);
		return false;
	case RCPT:
	case BAD_RCPT:
		expect_rcpt(command == RCPT);
		return false;
	case DATA:
	case BAD_DATA:
		return expect_data(command == DATA);
	case RSET:
		model.open = false;
		/* fall through */
	case NOOP:
		expect(250);
		return false;
	case UNKNOWN:
		expect(500);
		model.ended = data_refused;	/* the first line of a text that was sent blindly */
		return false;
	default:
		expect(221);
		model.ended = true;
		return false;
	}
}

/* The codes of the replies, the greeting's left out; false: not those of the model. */
static bool
replies_match(void)
{
	const char *at = client.replies, *end = at + client.used;
	int count = -1;

	while (at < end) {
		const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
		int code = atoi(at);

		if (at[3] == ' ') {
			if (count >= 0 && (count >= model.count || (model.codes[count] != code && model.codes[count] != 0)))
				return false;
			count++;
		}
		at = line_end + 2;
	}
	return count == model.count;
}

static bool
differs(const int *sequence, int length, bool logged_in)
{
	static const struct config config = {
		.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN, .hostname = "mail.example", .domain = "d.example",
		.timeout = 300, .login_timeout = 120, .max_recipients = 20, .argument_room = 4000, .max_size = 4000,
		.behind_tls = true, .tls_control = -1, .tls_read = -1, .tls_write = -1,
	};
	char bytes[1024] = "";
	char *to = bytes;

	memset(&model, 0, sizeof model);
	for (int command = EHLO; logged_in && command <= AUTH; command++) {
		to = stpcpy(to, commands[command]);
		expect_command(command);
	}
	for (int i = 0; i < length && !model.ended; i++) {
		to = stpcpy(to, commands[sequence[i]]);
		if (expect_command(sequence[i]))
			to = stpcpy(to, text);
	}
	to = stpcpy(to, model.ended ? "MAIL FROM:<behind@the.end>\r\n" : "");
	run(&config, bytes, (size_t)(to - bytes), SIZE_MAX);
	return !replies_match() || fake_asked.sends != model.sends || fake_asked.recipients != model.sent_recipients ||
	    fake_asked.logged_in != model.logged_in || (client.left > 0 && !model.ended);
}

int
main(int argc, char **argv)
{
	int most = argc > 1 ? atoi(argv[1]) : 4;
	unsigned long long sequences = 0, differences = 0;

	prepare();
	for (int length = 0; length <= most && length < 16; length++) {
		int sequence[16] = { 0 }, carry;

		do {
			for (int logged_in = 0; logged_in < 2; logged_in++) {
				sequences++;
				if (!differs(sequence, length, logged_in))
					continue;
				printf("# another answer, %s:", logged_in ? "after a login" : "from the start");
				for (int i = 0; i < length; i++)
					printf(" %.*s", (int)strcspn(commands[sequence[i]], "\r"), commands[sequence[i]]);
				printf("\n");
				differences++;
			}
			for (carry = 0; carry < length && ++sequence[carry] == COMMANDS; carry++)
				sequence[carry] = 0;
		} while (carry < length);
	}
	printf("%sok 1 - %llu sequences of up to %d commands, %llu differences\n1..1\n", differences == 0 ? "" : "not ",
	    sequences, most, differences);
	return differences != 0;
}
