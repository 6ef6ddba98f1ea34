/* links: base alone */
/*
 * The monitor, and a session that was taken over and says anything at all: frames in any order, of any kind, or no
 * frames. Nothing is handed over but after a login and with a spool; no login after a login, no more attempts than
 * there may be; whatever is said, the log has whole lines. The first byte says what follows: frames as the wall has
 * them, or, where it is odd, bodies without their heads: a kind, and what stands up to the next \377.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/spool.h"
#include "base/ucspi.h"
#include "fuzz.h"

#define waitpid(pid, status, flags) ((void)(pid), *(status) = 0, 1)
#define nanosleep(pause, left) ((void)(pause), (void)(left), 0)
#define spool_make make_spool
#define spool_close close_spool
#define ucspi_start start_tls
#define drop_become(rights, root) ((void)(rights), (void)(root), heard.becomes++, heard.may_become)
int make_spool(void);
void close_spool(int *spool);
bool start_tls(int control, struct peer *peer, int64_t deadline);

/* What the monitor did. */
static struct {
	unsigned checks, steps, yes, becomes, sends, spools, answers, lines;
	bool may_become, in_attempt;
	uint64_t sum;
} heard;

#include "ask.c"
#include "monitor.c"

const struct seed seeds[] = {
	SEED("\1APLAIN\0\0bob\0sesame\0\377Fa@x\0\377SHELO=x\0BYTES=9\0\0Fa@x\0Tb@y\0\0\377LEquit\0\0" "9\0" "9\0"),
	SEED("\1P192.0.2.1\0001\0000\0001\0a\0b\0c\0\377M\377AXSTEP\0=abc\377C=x\377C=yes\377N\377N\377SHELO=x\0\0Fa@x\0Tb@y\0\0"),
	SEED("\1T\377AXSTEP\0-\377C*\377APLAIN\0\0x\0y\0\377APLAIN\0\0x\0z\0\377ALOGIN\0\0later\0y\0\377APLAIN\0\0bob\0sesame\0"),
	SEED("\1APLAIN\0\0bob\0sesame\0\377LR550 no\0a@x\0001\0002\0\377LTC\0x\0000\0000\0\377SHELO=x\0DIGEST="
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\0\0Fa@x\0Tb@y\0\0\377LEreply-lost\0\0001\0001\0"),
	SEED("\0A\0\0\0\27\0\0\0PLAIN\0\0bob\0sesame\0xx"), SEED("\0N\0\0\0\0\0\0\0L\0\0\0\4\0\0\0LX\0\0"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\377"), SEED("\0"), SEED("\377S"), SEED("\377N"), SEED("\377C="), SEED("\377APLAIN\0\0bob\0sesame\0"), SEED("\377AXSTEP\0-"),
	SEED("\377LE"), SEED("\377LR"), SEED("HELO="), SEED("BYTES="), SEED("SMTPUTF8=1\0"), SEED("DIGEST="), SEED("F"), SEED("Ta@b\0"),
	SEED("\xff\xff\xff\xff"), SEED("\n"), SEED("18446744073709551616"), SEED("xxxxxxxxxxxxxxxx"), { NULL, 0 }
};

static struct {
	const char *bytes;
	size_t left, part;
	bool bodies;		/* without heads */
	char frame[32768];	/* else: the one that is being said */
	size_t used, said;
} taken_over;

/* The next body gets its head: only once the last frame was read, as a session waits for its answer. */
static void
next_frame(void)
{
	const char *end = memchr(taken_over.bytes, '\377', taken_over.left);
	size_t length = end != NULL ? (size_t)(end - taken_over.bytes) : taken_over.left;
	struct ask_head head = { .kind = { taken_over.bytes[0] }, .length = (uint32_t)(length > 0 ? length - 1 : 0) };

	memcpy(taken_over.frame, &head, sizeof head);
	if (length > 0)
		memcpy(taken_over.frame + sizeof head, taken_over.bytes + 1, length - 1);
	taken_over.used = sizeof head + head.length;
	taken_over.said = 0;
	length += end != NULL;
	taken_over.bytes += length;
	taken_over.left -= length;
}

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	size_t more;

	if (descriptor != ASK_MONITOR || state.config == NULL)
		return syscall(SYS_read, descriptor, bytes, size);
	if (!taken_over.bodies) {
		more = fuzz_part(taken_over.part, taken_over.left < size ? taken_over.left : size);
		memcpy(bytes, taken_over.bytes, more);
		taken_over.bytes += more;
		taken_over.left -= more;
		return (ssize_t)more;
	}
	if (taken_over.said == taken_over.used && taken_over.left == 0)
		return 0;
	if (taken_over.said == taken_over.used)
		next_frame();
	more = taken_over.used - taken_over.said;
	more = fuzz_part(taken_over.part, more < size ? more : size);
	memcpy(bytes, taken_over.frame + taken_over.said, more);
	taken_over.said += more;
	return (ssize_t)more;
}

static void
note(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		heard.sum = heard.sum * 31 + at[i] + 1;
}

/* An answer, or a line of the log. */
ssize_t
write(int descriptor, const void *bytes, size_t size)
{
	const char *at = bytes;
	struct ask_head head;

	if (state.config == NULL || (descriptor != ASK_MONITOR && descriptor != STDERR_FILENO))
		return syscall(SYS_write, descriptor, bytes, size);
	note(bytes, size);
	if (descriptor == ASK_MONITOR) {
		MUST(size >= sizeof head);
		memcpy(&head, bytes, sizeof head);
		MUST(head.length == size - sizeof head && strchr("KCZLD", head.kind[0]) != NULL);
		heard.answers++;
		return (ssize_t)size;
	}
	heard.lines++;
	MUST(size > 0 && at[size - 1] == '\n');
	for (size_t i = 0; i < size - 1; i++)
		MUST(at[i] >= 32 && at[i] < 127);
	return (ssize_t)size;
}

ssize_t
sendmsg(int descriptor, const struct msghdr *message, int flags)
{
	(void)flags;
	MUST(descriptor == ASK_MONITOR && message->msg_iovlen == 1);
	heard.answers++;
	return (ssize_t)message->msg_iov[0].iov_len;
}

int
make_spool(void)
{
	MUST(state.logged_in);
	heard.spools++;
	return 1000;
}

void
close_spool(int *spool)
{
	*spool = -1;
}

bool
start_tls(int control, struct peer *peer, int64_t deadline)
{
	(void)control, (void)deadline;
	MUST(!state.logged_in);
	peer->tls = TLS_STARTTLS;
	return true;
}

/* bob's password is sesame; later's cannot be told; XSTEP takes steps. */
enum ask_verdict
auth_check(const struct auth_context *context, const struct ask_attempt *asked, struct auth_answer *told)
{
	static char challenge[ASK_CHALLENGE_MAX];

	(void)context;
	MUST(!state.logged_in && !heard.in_attempt && heard.yes == 0);
	MUST(++heard.checks <= AUTH_MAX && asked->mechanism != NULL && asked->authzid != NULL && asked->user != NULL);
	note(asked->mechanism, strlen(asked->mechanism));
	told->delayed = false;
	strlcpy(told->login, asked->user, sizeof told->login);
	strcpy(told->reason, "wrong-password: \n\r\377");
	told->length = 0;
	if (asked->password == NULL) {
		note(asked->response, asked->length);
		heard.in_attempt = true;
		told->length = asked->length;
		memset(challenge, 'c', sizeof challenge);
		told->challenge = challenge;
		return ASK_CHALLENGE;
	}
	heard.yes = strcmp(asked->user, "bob") == 0 && strcmp(asked->password, "sesame") == 0;
	strlcpy(told->identity.user, asked->user, sizeof told->identity.user);
	return heard.yes ? ASK_YES : strcmp(asked->user, "later") == 0 ? ASK_TEMPORARY : ASK_NO;
}

enum ask_verdict
auth_step(const char *response, size_t length, struct auth_answer *told)
{
	MUST(heard.in_attempt && !state.logged_in);
	heard.steps++;
	note(response, response == NULL ? 0 : length);
	if (response != NULL && length > 0 && *response == 'x') {
		told->length = length;
		return ASK_CHALLENGE;
	}
	heard.in_attempt = false;
	heard.yes = response != NULL && length == 3 && memcmp(response, "yes", 3) == 0;
	strcpy(told->login, "bob");
	strcpy(told->identity.user, "bob");
	return heard.yes ? ASK_YES : ASK_NO;
}

bool
auth_tried(const struct ask_attempt *asked)
{
	return asked->password != NULL && strcmp(asked->password, "again") == 0;
}

const char *
auth_mechanisms(const struct auth_context *context)
{
	(void)context;
	MUST(!state.logged_in);
	return "XSTEP ";
}

enum ask_verdict
inject_may_send_as(const struct config *config, const struct identity *identity, const char *address, struct text *text)
{
	(void)config;
	MUST(heard.yes && strcmp(identity->user, "bob") == 0 && address_valid(address));
	text_add(text, "5.7.1 No");
	return strstr(address, "@x") != NULL ? ASK_YES : ASK_NO;
}

enum ask_verdict
inject_own_sender(const struct config *config, const struct identity *identity, struct text *text)
{
	(void)config, (void)identity;
	MUST(heard.yes);
	text_add(text, "bob@x");
	return ASK_YES;
}

/* The envelope is the injectors' to look at: here, that every byte of it is there. */
void
inject_send(const struct config *config, const struct peer *peer, struct message *message, struct outcome *outcome)
{
	(void)config, (void)peer;
	MUST(heard.yes && heard.becomes == 1 && heard.may_become && strcmp(message->identity->user, "bob") == 0);
	MUST(message->spool >= 0 && ++heard.sends <= heard.spools + 1);
	MUST(message->helo != NULL && strpbrk(message->helo, " \r\n\t") == NULL);
	note(message->envelope, message->length);
	message->sender = "a@x";
	*outcome = (struct outcome){ .verdict = (enum ask_verdict)"KZDL\0"[message->length % 5], .text = "2.0.0 x", .how = "x" };
}

static void
run_once(const struct config *config, const char *bytes, size_t size, size_t part, bool bodies, bool may_become)
{
	static const struct identity service = { .user = "ofmipd" };
	struct peer peer = { .source = PEER_TCPSERVER, .address = "192.0.2.9", .port = "9", .client = "192.0.2.9:9" };
	int status;

	memset(&heard, 0, sizeof heard);
	heard.may_become = may_become;
	received.got = received.used = 0;
	received.failed = 0;
	taken_over.bytes = bytes;
	taken_over.left = size;
	taken_over.part = part;
	taken_over.bodies = bodies;
	taken_over.used = taken_over.said = 0;
	log_start(false, "ID", "192.0.2.9:9");
	state.config = config;
	status = monitor_run(config, &peer, &service, "ID", 1);
	MUST(status == 0 || status == 1);
	MUST(heard.becomes <= 1 && state.accepted + state.refused <= heard.lines + 1);
	MUST(state.logged_in == (heard.becomes == 1 && may_become));
	state.config = NULL;
}

static void
prepare(void)
{
	int null = open("/dev/null", O_RDWR);

	/* Always ready, for poll(2): read() above does the rest. */
	MUST(null >= 0 && dup2(null, ASK_MONITOR) == ASK_MONITOR);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool prepared;
	const uint8_t how = size > 0 ? bytes[0] : 0;
	const struct config config = {
		.hostname = "mail.example", .timeout = 300, .login_timeout = 120, .dovecot = !(how & 2), .debug = !(how & 4),
		.starttls = how & 8 ? STARTTLS_NONE : STARTTLS_OFFERED, .tls_control = -1,
	};
	size_t parts[] = { size <= 600 ? 1 : 5, 0 };
	unsigned answers;
	uint64_t sum;
	char *exact = malloc(size + 1);

	if (!prepared)
		prepare();
	prepared = true;
	size -= size > 0;
	memcpy(exact, bytes + 1, size);
	run_once(&config, exact, size, SIZE_MAX, how & 1, !(how & 16));
	answers = heard.answers;
	sum = heard.sum;
	/* Whoever says two things at a time is found out only if they come at a time. */
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		run_once(&config, exact, size, parts[i], how & 1, !(how & 16));
		MUST((how & 1) == 0 || (answers == heard.answers && sum == heard.sum));
	}
	free(exact);
	return 0;
}
