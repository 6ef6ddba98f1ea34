/* links: session/sasl session/line */
/*
 * One AUTH exchange. The first two bytes are what the monitor says, the first line the mechanism, the others what the
 * client says, in base64 unless they begin with '!'. Whatever it is: the reply goes with the verdict, 235 with a yes
 * alone; the monitor is asked nothing that the mechanism does not send, and is told when an attempt is given up; the
 * client is sent the challenges as they are; nothing of it is left behind.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

/* The wall's own packing, without the crossing. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define ask_auth cross_auth
#define ask_step cross_step
#define ask_cancel cross_cancel
#include "../../ask.c"
#undef ask_auth
#undef ask_step
#undef ask_cancel
bool ask_auth(struct login *login, struct answer *answer);
bool ask_step(struct login *login, size_t length, struct answer *answer);
bool ask_cancel(struct login *login, struct answer *answer);

#include "base/scram.h"
#include "session/sasl.h"

#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define DIGEST "9e95aee09c40a2b84a0c2b3bbae786e5"

const struct seed seeds[] = {
	SEED("\0\0PLAIN\n\0bob\0sesame"), SEED("\0\0LOGIN\nbob\nsesame"), SEED("\0\1LOGIN bob\n!*"),
	SEED("\2\0SCRAM-SHA-256 n,,n=bob,r=x\nc=biws,r=xS,p=" PROOF "\n"),
	SEED("\2\0SCRAM-SHA-256\ny,a=bob,n=bob,r=x,e=f\nc=eSxhPWJvYiw=,r=xS,e=1,p=" PROOF "\nx"),
	SEED("\2\1SCRAM-SHA-256\nn,,n=bob,r=x\nc=biws,r=xS,p=" PROOF "\n!*"),
	SEED("\62\0SCRAM-SHA-256 n,,n=bob,r=x\nc=biws"), SEED("\1\0CRAM-MD5\nbob " DIGEST),
	SEED("\1\2CRAM-MD5 x"),
	SEED("\3\0RELAY a\nb\nc\nd"), SEED("\23\0RELAY\n!====\n"), SEED("\43\3RELAY\n\n\n\n"), SEED("\3\0RELAY !=\nb\n"),
	{ NULL, 0 }
};
const struct seed words[] = {
	SEED("\n"), SEED("!"), SEED("!*\n"), SEED("\0"), SEED(","), SEED("="), SEED("n=bob"), SEED("r=xS"),
	SEED("c=biws"), SEED("p=" PROOF), SEED("a=bob"), SEED("m=x"), SEED("=2C"), SEED(" " DIGEST),
	SEED("SCRAM-SHA-256"), SEED("CRAM-MD5"), SEED("PLAIN"), SEED("LOGIN"), SEED("RELAY"), SEED(" "),
	SEED("\xc3\xbc"), SEED("xxxxxxxxxxxxxxxxxxxxxx"), { NULL, 0 }
};

static struct {
	/* How it answers. */
	int challenges;			/* before the verdict */
	int kind;
	enum ask_verdict verdict;
	bool gone;
	/* What was asked. */
	char mechanism[24];
	int auths, steps, cancels;
	enum ask_verdict said;
	size_t touched;			/* bytes of the question: the client's words */
	struct scram scram;
	char first[ASK_AUTH_MAX], server_first[SCRAM_SERVER_FIRST_MAX + 100];
	/* What the client must have been sent: a line each. */
	char expected[5 * ASK_CHALLENGE_MAX * 2];
	size_t expected_length;
} monitor;

static bool
is_mechanism(const char *name)
{
	return strcmp(monitor.mechanism, name) == 0;
}

/* The next challenge, or the verdict. */
static bool
go_on(struct login *login, struct answer *answer)
{
	struct text text;

	monitor.said = monitor.verdict;
	*answer = (struct answer){ .verdict = monitor.verdict, .text = "bob" };
	if (monitor.steps < monitor.challenges) {
		text_start(&text, login->body, ASK_CHALLENGE_MAX);
		if (monitor.steps == 0 && monitor.kind == 0 && is_mechanism("SCRAM-SHA-256"))
			text_add(&text, monitor.server_first);
		else if (monitor.kind == 1)
			while (text.used < ASK_CHALLENGE_MAX - 1)
				text_add_bytes(&text, "r=\0,", 4);
		else if (monitor.kind != 2)
			text_add(&text, "<1.2@mail.example>");
		monitor.said = answer->verdict = ASK_CHALLENGE;
		answer->length = text.used;
		text_start(&text, monitor.expected + monitor.expected_length,
		    sizeof monitor.expected - monitor.expected_length);
		text_add(&text, "334 ");
		text_add_base64(&text, login->body, answer->length);
		text_add(&text, "\r\n");
		MUST(!text.cut);
		monitor.expected_length += text.used;
	}
	return !monitor.gone;
}

/* What was sent to the monitor is what the mechanism sends. */
bool
ask_auth(struct login *login, struct answer *answer)
{
	struct ask_attempt attempt;
	struct text text;

	MUST(++monitor.auths == 1 && monitor.steps == 0 && monitor.cancels == 0);
	monitor.touched = login->length;
	MUST(ask_read_auth(login->body, login->length, &attempt));
	MUST(strcasecmp(attempt.mechanism, monitor.mechanism) == 0);
	if (is_mechanism("PLAIN") || is_mechanism("LOGIN"))
		MUST(attempt.password != NULL);
	else
		MUST(attempt.password == NULL);
	if (is_mechanism("CRAM-MD5"))
		MUST(attempt.response == NULL);
	if (is_mechanism("SCRAM-SHA-256")) {
		MUST(attempt.response != NULL && attempt.length < sizeof monitor.first);
		memcpy(monitor.first, attempt.response, attempt.length);
		monitor.first[attempt.length] = '\0';
		MUST(scram_first(&monitor.scram, monitor.first, attempt.length, NULL, false) != SCRAM_MALFORMED);
		text_start(&text, monitor.server_first, sizeof monitor.server_first);
		text_add(&text, "r=");
		text_add(&text, monitor.scram.nonce);
		text_add(&text, "S,s=c2FsdA==,i=4096");
	}
	return go_on(login, answer);
}

bool
ask_step(struct login *login, size_t length, struct answer *answer)
{
	static char response[ASK_AUTH_MAX];
	struct scram_final final = { .server_first = monitor.server_first };

	MUST(monitor.said == ASK_CHALLENGE && monitor.cancels == 0 && !monitor.gone && length < sizeof response);
	monitor.touched = length + 1 > monitor.touched ? length + 1 : monitor.touched;
	memcpy(response, ask_step_body(login), length);
	response[length] = '\0';
	if (is_mechanism("SCRAM-SHA-256") && monitor.steps == 0) {
		MUST(monitor.kind == 0);	/* no answer fits to what is no challenge of SCRAM */
		MUST(scram_final(&monitor.scram, response, length, &final) != SCRAM_MALFORMED);
	}
	if (is_mechanism("CRAM-MD5"))
		MUST(length >= 34 && strlen(response) == length && response[length - 33] == ' ' &&
		    strspn(response + length - 32, "0123456789abcdef") == 32);
	monitor.steps++;
	return go_on(login, answer);
}

bool
ask_cancel(struct login *login, struct answer *answer)
{
	(void)login;
	MUST(monitor.said == ASK_CHALLENGE && monitor.cancels++ == 0);
	*answer = (struct answer){ .verdict = ASK_NO };
	return !monitor.gone;
}

#define CLIENT 100	/* /dev/null, for poll(2); what is read from it and written to it stands below */
static struct {
	char input[1 << 18], output[sizeof monitor.expected + 1000];
	size_t at, end, written;
} client;

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	size_t more = client.end - client.at < size ? client.end - client.at : size;

	if (descriptor != CLIENT)
		return syscall(SYS_read, descriptor, bytes, size);
	memcpy(bytes, client.input + client.at, more);
	client.at += more;
	return (ssize_t)more;
}

ssize_t
write(int descriptor, const void *bytes, size_t size)
{
	if (descriptor != CLIENT)
		return syscall(SYS_write, descriptor, bytes, size);
	MUST(client.written + size <= sizeof client.output);
	memcpy(client.output + client.written, bytes, size);
	client.written += size;
	return (ssize_t)size;
}

/* A line, or an initial response, as the client sends it. */
static void
encode(struct text *text, const char *bytes, size_t length)
{
	if (length > 0 && *bytes == '!')
		text_add_bytes(text, bytes + 1, length - 1);
	else
		text_add_base64(text, bytes, length);
}

/* The client's lines, but the first. */
static void
write_input(const char *bytes, size_t size)
{
	struct text text;

	text_start(&text, client.input, sizeof client.input);
	for (const char *end = bytes + size, *next; bytes < end; bytes = next + 1) {
		next = memchr(bytes, '\n', (size_t)(end - bytes));
		next = next == NULL ? end : next;
		encode(&text, bytes, (size_t)(next - bytes));
		text_add(&text, "\r\n");
	}
	client.at = client.written = 0;
	client.end = text.used;
}

static void
check_reply(const struct reply *reply, enum line_event event)
{
	if (reply == NULL) {
		MUST(event != LINE_READ);
		return;
	}
	MUST(event == LINE_READ);
	MUST((reply->code == 235) == (monitor.auths == 1 && monitor.said == ASK_YES && !monitor.gone));
	MUST(reply->code != 535 || (monitor.auths == 1 && monitor.said == ASK_NO));
	MUST(reply->code != 454 || (monitor.auths == 1 && monitor.said == ASK_TEMPORARY));
	MUST(reply->code != 421 || monitor.gone);
	/* Given up: the monitor knows. */
	if (reply->code == 501 || reply->code == 500)
		MUST(monitor.auths == 0 || monitor.cancels == 1);
	else
		MUST(reply->code == 421 || (monitor.auths == 1 && monitor.cancels == 0));
}

/* Nothing is left of what the client said: not in the question, behind the mechanism's name and the sign that says
 * whether there is a response, and not where it was read. Challenges are no secret. */
static void
check_wiped(struct login *login, const char *initial, size_t size)
{
	size_t end = monitor.auths > 0 ? monitor.touched : sizeof login->body;

	for (size_t i = strlen(monitor.mechanism) + 2; i < end; i++)
		MUST(login->body[i] == '\0');
	memset(login->body, 0, sizeof login->body);
	for (size_t i = 0; i < size; i++)
		MUST(initial[i] == '\0');
}

/* What the monitor says this time. */
static void
prepare(const uint8_t *how, const char *name)
{
	static const enum ask_verdict verdicts[] = { ASK_YES, ASK_NO, ASK_TEMPORARY, ASK_YES };
	static const char *const names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5", "RELAY" };

	memset(&monitor, 0, offsetof(__typeof__(monitor), expected));
	monitor.expected_length = 0;
	monitor.challenges = how[0] & 3;
	monitor.kind = how[0] >> 4 & 3;
	monitor.verdict = verdicts[how[1] & 3];
	monitor.gone = (how[1] & 3) == 3;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (text_same(name, names[i]))
			strlcpy(monitor.mechanism, names[i], sizeof monitor.mechanism);
	if (fcntl(CLIENT, F_GETFD) < 0)
		MUST(dup2(open("/dev/null", O_RDWR), CLIENT) == CLIENT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct config config = { .mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN | MECHANISM_SCRAM |
	    MECHANISM_CRAM_MD5 };
	static struct line line;
	static struct login login;
	static char initial[1 << 14];
	const char *first = (const char *)bytes + 2, *end = (const char *)bytes + size, *next, *blank, *sent;
	char name[64] = "";
	const struct sasl_mechanism *mechanism;
	enum line_event event;
	struct answer answer;
	const struct reply *reply;
	struct text text;

	if (size < 3 || size > 60000 || (next = memchr(first, '\n', (size_t)(end - first))) == NULL)
		return 0;
	blank = memchr(first, ' ', (size_t)(next - first));
	if ((blank == NULL ? next : blank) - first >= (long)sizeof name)
		return 0;
	memcpy(name, first, (size_t)((blank == NULL ? next : blank) - first));
	sasl_relay("RELAY LOGIN ");
	mechanism = sasl_find(&config, name);
	if (mechanism == NULL)
		return 0;
	prepare(bytes, name);
	memset(initial, 0, sizeof initial);
	text_start(&text, initial, LINE_AUTH_MAX - 24);		/* what fits in a line */
	if (blank != NULL)
		encode(&text, blank + 1, (size_t)(next - blank - 1));
	if (memchr(initial, '\0', text.used) != NULL || text.cut)
		return 0;
	write_input(next + 1, (size_t)(end - next - 1));
	line_start(&line, CLIENT, CLIENT);
	line_set_patience(&line, 60000);
	line_set_deadline(&line, INT64_MAX);
	reply = sasl_auth(mechanism, &line, blank == NULL ? NULL : initial, &login, &answer, &event);
	line_flush(&line);
	check_reply(reply, event);
	check_wiped(&login, initial, sizeof initial);
	/* Behind prompts of its own it sent the challenges, as they are. */
	sent = client.output + client.written - monitor.expected_length;
	MUST(monitor.gone || (client.written >= monitor.expected_length &&
	    memcmp(sent, monitor.expected, monitor.expected_length) == 0));
	return 0;
}
