/* links: base alone */
/*
 * The monitor against every question in every order: a script in place of the session, stand-ins for what is behind
 * the monitor. All that it does is written down in the order in which it does it, a line for each question.
 */
#include "unit.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The wall's own unpacking, without the crossing. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define ask_receive cross_receive
#define ask_forget cross_forget
#define ask_answer cross_answer
#define ask_answer_starttls cross_answer_starttls
#define ask_answer_challenge cross_answer_challenge
#define ask_answer_spool cross_answer_spool
#include "../../ask.c"
#undef ask_receive
#undef ask_forget
#undef ask_answer
#undef ask_answer_starttls
#undef ask_answer_challenge
#undef ask_answer_spool
int ask_receive(char **body, size_t *length, int64_t deadline);
void ask_forget(void);
void ask_answer(enum ask_verdict verdict, const char *text);
void ask_answer_starttls(const struct peer *peer);
void ask_answer_challenge(const void *challenge, size_t length);
void ask_answer_spool(int spool);

static int64_t test_now(void);
static void test_title(const char *role, const char *client, const char *user, const char *what);
static int test_sleep(const struct timespec *pause, struct timespec *left);
static int test_kill(pid_t pid, int number);
static pid_t test_wait(pid_t pid, int *status, int options);
static time_t test_time(time_t *now);

#define io_now test_now
#define io_title test_title
#define nanosleep test_sleep
#define kill test_kill
#define waitpid test_wait
#define time test_time
#include "../../monitor.c"
#undef io_now
#undef io_title
#undef nanosleep
#undef kill
#undef waitpid
#undef time

/* What the session asks, one after the other, and how it ends. */
struct step {
	int kind;
	const char *body;
	size_t length;
};

#define Q(kind, body) { kind, body, sizeof body - 1 }

static struct {
	const struct step *at;
	int end, error;			/* enum ask_end, and errno */
	int64_t now, took;		/* the clock; what each check of a login takes */
	int spools;			/* that can still be made */
	int spool;			/* the number of the next one */
	bool becomes, tls, alarm;
	int64_t barred;
	bool network;
	int faults;			/* of the state's files, still to be told */
	char fault[300];		/* which */
	int interrupted, status;	/* waitpid(2) */
} world;

static char transcript[1 << 20];
static struct text heard;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
note(const char *format, ...)
{
	char array[20000];
	va_list list;

	va_start(list, format);
	vsnprintf(array, sizeof array, format, list);
	va_end(list);
	text_add(&heard, array);
}

static int64_t
test_now(void)
{
	return world.now;
}

static time_t
test_time(time_t *now)
{
	(void)now;
	return 77;
}

static void
test_title(const char *role, const char *client, const char *user, const char *what)
{
	note(" {%s %s %s %s}", role, client, user, what);
}

static int
test_sleep(const struct timespec *pause, struct timespec *left)
{
	assert_null(left);
	note(" sleep=%ld.%09ld", (long)pause->tv_sec, pause->tv_nsec);
	return -1;	/* cut short: no harm */
}

static int
test_kill(pid_t pid, int number)
{
	note(" kill=%d,%d", (int)pid, number);
	return 0;
}

static pid_t
test_wait(pid_t pid, int *status, int options)
{
	note(" wait=%d,%d", (int)pid, options);
	*status = world.status;
	if (world.interrupted > 0) {
		errno = EINTR;
		world.interrupted--;
		return -1;
	}
	errno = ECHILD;
	return world.status < 0 ? -1 : pid;
}

/* The wall. */

int
ask_receive(char **body, size_t *length, int64_t deadline)
{
	static char copy[ASK_SEND_MAX + 1];

	if (deadline == INT64_MAX)
		note("\n@");
	else
		note("\n@%lld", (long long)(deadline - world.now));
	errno = world.error;
	if (world.at->kind == 0)
		return world.end;
	memcpy(copy, world.at->body, world.at->length);
	copy[world.at->length] = '\0';
	*body = copy;
	*length = world.at->length;
	return world.at++->kind;
}

void
ask_forget(void)
{
	note(" wiped");
}

void
ask_answer(enum ask_verdict verdict, const char *text)
{
	note(" <%c %s>", (char)verdict, text);
}

void
ask_answer_starttls(const struct peer *peer)
{
	note(" <K tls of %s>", peer->client);
}

void
ask_answer_challenge(const void *challenge, size_t length)
{
	note(" <C %.*s>", (int)length, (const char *)challenge);
}

void
ask_answer_spool(int spool)
{
	note(" <K spool %d>", spool);
}

/* The log. */

void
log_open(void)
{
	note("log");
}

void
log_begin(const char *event)
{
	note(" [%s", event);
}

void
log_word(const char *key, const char *value)
{
	note(" %s=%s", key, value);
}

void
log_number(const char *key, uint64_t value)
{
	note(" %s=%llu", key, (unsigned long long)value);
}

void
log_quoted(const char *key, const char *bytes, size_t length)
{
	note(" %s=\"%.*s\"", key, (int)length, bytes);
}

void
log_sentence(const char *key, const char *message)
{
	note(" %s='%s'", key, message);
}

void
log_end(void)
{
	note("]");
}

void
log_drop(void)
{
	note("] dropped");
}

void
log_error(const char *what, int error)
{
	note(" [error %s: %d]", what, error);
}

/* Who may log in: the password, or the response, is what comes of it. "C..." is a challenge, "N..." one that names
 * the login. */

static enum ask_verdict
verdict_of(const char *word, struct auth_answer *answered)
{
	strlcpy(answered->reason, word + (*word != '\0'), sizeof answered->reason);
	answered->challenge = word + (*word != '\0');
	answered->length = strlen(answered->challenge);
	answered->delayed = word[0] == 'd';
	if (word[0] == 'N')
		strcpy(answered->login, strstr(word, "short") != NULL ? "b" : "bob");
	strcpy(answered->identity.user, strstr(word, "account") != NULL ? "robert" : answered->login);
	strcpy(answered->identity.label, strstr(word, "label") != NULL ? "phone" :
	    strstr(word, "letter") != NULL ? "p" : "");
	answered->identity.rights.uid = 1001;
	world.now += world.took;
	return strchr("KDZ", *word) != NULL ? (enum ask_verdict)*word : *word == 'd' ? ASK_NO : ASK_CHALLENGE;
}

enum ask_verdict
auth_check(const struct auth_context *context, const struct ask_attempt *asked, struct auth_answer *answered)
{
	assert_ptr_equal(context->config, state.config);
	assert_ptr_equal(context->peer, state.peer);
	assert_ptr_equal(context->service, state.service);
	assert_string_equal(context->id, "ID");
	*answered = (struct auth_answer){ .login = "" };
	if (asked->password == NULL) {
		note(" check(%s, %s)", asked->mechanism, asked->response);
		return verdict_of(asked->response, answered);
	}
	note(" check(%s, %s, %s)", asked->mechanism, asked->user, asked->password);
	strlcpy(answered->login, asked->user, sizeof answered->login);
	return verdict_of(asked->password, answered);
}

enum ask_verdict
auth_step(const char *response, size_t length, struct auth_answer *answered)
{
	if (response == NULL) {
		assert_int_equal(length, 0);
		note(" step()");
		return verdict_of("Dcancelled", answered);
	}
	note(" step(%.*s)", (int)length, response);
	return verdict_of(response, answered);
}

bool
auth_tried(const struct ask_attempt *asked)
{
	return asked->password != NULL && strstr(asked->password, "again") != NULL;
}

const char *
auth_mechanisms(const struct auth_context *context)
{
	assert_string_equal(context->id, "ID");
	return "XOAUTH2 ";
}

bool
drop_become(const struct rights *rights, bool root)
{
	note(" become=%d,%d", (int)rights->uid, root);
	errno = EPERM;
	return world.becomes;
}

bool
ucspi_start(int control, struct peer *peer, int64_t deadline)
{
	note(" tls=%d,%lld", control, (long long)(deadline - world.now));
	assert_ptr_equal(peer, state.peer);
	return world.tls;
}

/* Hand-overs: the envelope's sender is what comes of it. */

enum ask_verdict
inject_may_send_as(const struct config *config, const struct identity *identity, const char *address,
    struct text *text)
{
	assert_ptr_equal(config, state.config);
	note(" may(%s, %s)", identity->user, address);
	for (int i = 0; *address == 'l' && i < ASK_ANSWER_MAX; i++)
		text_add_byte(text, 'l');
	text_add(text, *address == 'k' || *address == 'l' ? "" : "5.7.1 No");
	assert_false(text->cut);
	return *address == 'k' ? ASK_YES : *address == 'z' ? ASK_TEMPORARY : ASK_NO;
}

enum ask_verdict
inject_own_sender(const struct config *config, const struct identity *identity, struct text *text)
{
	assert_ptr_equal(config, state.config);
	note(" own(%s)", identity->user);
	text_add(text, "own@x.example");
	return ASK_YES;
}

void
inject_send(const struct config *config, const struct peer *peer, struct message *message, struct outcome *outcome)
{
	assert_ptr_equal(config, state.config);
	assert_ptr_equal(peer, state.peer);
	assert_ptr_equal(message->identity, &answer.identity);
	assert_ptr_equal(message->memory, &kept);
	assert_int_equal(message->envelope[message->length], '\0');
	note(" send(%s.%u spool=%d login=%s mechanism=%s helo=%s length=%zu%s%s%s)", message->id, message->number,
	    message->spool, message->login, message->mechanism, message->helo, message->length,
	    message->smtputf8 ? " smtputf8" : "", message->eight_bit ? " eight" : "",
	    message->digest != NULL ? " digest" : "");
	message->sender = message->envelope + 1;
	message->recipients = 2;
	message->size = 33;
	world.faults = message->digest != NULL;
	*outcome = (struct outcome){ .verdict = (enum ask_verdict)message->envelope[1], .text = "2.0.0 Word",
	    .how = "how" };
	if (outcome->verdict == (enum ask_verdict)'X')
		outcome->verdict = (enum ask_verdict)0;
}

int
spool_make(void)
{
	errno = ENOMEM;
	return world.spools-- > 0 ? world.spool++ : -1;
}

void
spool_close(int *spool)
{
	note(" close=%d", *spool);
	*spool = -1;
}

/* What is remembered. */

void
memory_open(struct memory *memory, const char *directory)
{
	note(" open=%s", directory);
	memory->on = true;
}

bool
memory_fault(struct memory *memory, struct text *fault)
{
	assert_ptr_equal(memory, &kept);
	text_add(fault, world.fault);
	assert_false(fault->cut);
	return world.faults-- > 0;
}

int64_t
memory_barred(struct memory *memory, const char *user, const char *address, int64_t now, bool *network)
{
	assert_true(memory->on && now == 77);
	note(" barred?(%s, %s)", user, address);
	*network = world.network;
	return world.barred;
}

void
memory_failed(struct memory *memory, const char *user, const char *password, const char *address, int64_t now)
{
	assert_true(memory == &kept && now == 77);
	note(" failed(%s, %s, %s)", user, password == NULL ? "-" : password, address);
}

bool
memory_succeeded(struct memory *memory, const char *user, const char *address, int64_t now)
{
	assert_true(memory == &kept && now == 77);
	note(" succeeded(%s, %s)", user, address);
	return world.alarm;
}

void
memory_lose(struct memory *memory, const char *user, const unsigned char digest[MEMORY_DIGEST], int64_t now)
{
	assert_true(memory == &kept && now == 77);
	note(" lost(%s, %02x%02x)", user, digest[0], digest[MEMORY_DIGEST - 1]);
	world.faults = 1;
}

static struct config config;
static struct peer peer;

static int
begin(void **state_pointer)
{
	(void)state_pointer;
	config = (struct config){ .login_timeout = 120, .timeout = 300, .tls_control = 9 };
	peer = (struct peer){ .source = PEER_TCPSERVER, .tls = TLS_BEHIND, .address = "192.0.2.1",
	    .client = "192.0.2.1:5" };
	memset(&world, 0, sizeof world);
	world.now = 1000;
	world.becomes = true;
	world.spool = 11;
	strcpy(world.fault, "logins: broken");
	memset(&answer, 0, sizeof answer);
	return 0;
}

/* The whole session: its transcript. */
static const char *
run(const struct step *steps)
{
	static const struct identity service = { .rights = { .uid = 99 }, .user = "ofmipd" };

	world.at = steps;
	memset(&answer, 0, sizeof answer);
	text_start(&heard, transcript, sizeof transcript);
	kept = (struct memory){ .on = false };
	note("=%d", monitor_run(&config, &peer, &service, "ID", 4242));
	assert_false(heard.cut);
	return transcript;
}

#define RUN(...) run((const struct step[]){ __VA_ARGS__, { 0, NULL, 0 } })

#define START "log {monitor 192.0.2.1:5  waiting}\n"
#define GONE "@ kill=4242,9 wait=4242,0"
#define GONE_EARLY "@125000 kill=4242,9 wait=4242,0"
#define REFUSED " kill=4242,9 [end reason=question-refused]=1"
#define AUTH_TITLE " {monitor 192.0.2.1:5  AUTH}"
#define WAITING " {monitor 192.0.2.1:5  waiting}\n"
#define WAITING_BOB " {monitor 192.0.2.1:5 bob waiting}\n"

#define AUTH(word) Q(ASK_AUTH, "PLAIN\0\0bob\0" word "\0")
#define LOGIN AUTH("K")
/* The same without --state. */
#define LOGGED_IN "@125000" AUTH_TITLE " check(PLAIN, bob, K) become=1001,0 <K bob> [login user=\"bob\"" \
	" mechanism=\"PLAIN\"" \
	" uid=99] succeeded(bob, 192.0.2.1) wiped" WAITING_BOB
#define LEFT Q(ASK_LOG, "Eeof\0\0" "3\0" "4\0")
#define END(accepted, refused) "@ [end user=\"bob\" accepted=" accepted " refused=" refused \
	" commands=3 bytes=4 source=tcpserver tls=behind-tls reason=eof] wait=4242,0=0"

static void
a_session_ends(void **state_pointer)
{
	(void)state_pointer;
	assert_string_equal(RUN(LEFT), START "@125000 [end accepted=0 refused=0 commands=3 bytes=4 source=tcpserver "
	    "tls=behind-tls reason=eof]\n" GONE_EARLY "=0");
	world.status = 3 << 8;
	assert_string_equal(RUN(LEFT), START "@125000 [end accepted=0 refused=0 commands=3 bytes=4 source=tcpserver "
	    "tls=behind-tls reason=eof]\n" GONE_EARLY "=3");
	/* In a word of at most forty bytes. */
	assert_non_null(strstr(RUN(Q(ASK_LOG, "Eabcdefghijklmnopqrstuvwxyz-abcdefghijklm\0\0" "3\0" "4\0")),
	    "tls=behind-tls reason=abcdefghijklmnopqrstuvwxyz-abcdefghijklm]\n"));
	assert_string_equal(RUN(Q(ASK_LOG, "Eabcdefghijklmnopqrstuvwxyz-abcdefghijklmn\0\0" "3\0" "4\0")),
	    START "@125000" REFUSED);
	/* Nothing may follow. */
	assert_string_equal(RUN(LEFT, LEFT), START "@125000 [end accepted=0 refused=0 commands=3 bytes=4"
	    " source=tcpserver "
	    "tls=behind-tls reason=eof]\n@125000" REFUSED);
	/* It says nothing of its end, or is killed; waiting for it may be interrupted, or impossible. */
	assert_string_equal(RUN({ 0 }), START GONE_EARLY " [end reason=session-lost]=3");
	world.status = SIGSEGV;
	world.interrupted = 1;
	assert_string_equal(RUN(LEFT), START "@125000 [end accepted=0 refused=0 commands=3 bytes=4 source=tcpserver "
	    "tls=behind-tls reason=eof]\n" GONE_EARLY " wait=4242,0 [end reason=session-killed signal=11]=1");
	world.status = -1;
	assert_string_equal(RUN(LEFT), START "@125000 [end accepted=0 refused=0 commands=3 bytes=4 source=tcpserver "
	    "tls=behind-tls reason=eof]\n" GONE_EARLY "=1");
	/* It was never there. */
	world.status = 1 << 8;
	assert_string_equal(RUN(Q(ASK_LOG, "Xwhy\0\0" "0\0" "0\0")), START "@125000 [start-error error='why']\n"
	    GONE_EARLY "=1");
	assert_string_equal(RUN(Q(ASK_LOG, "Xwhy\0\0" "0\0" "0\0"), LEFT), START "@125000 [start-error error='why']\n"
	    "@125000" REFUSED);
}

static void
the_wall_ends(void **state_pointer)
{
	(void)state_pointer;
	world.end = ASK_SILENT;
	world.error = EIO;	/* of another time */
	assert_string_equal(RUN({ 0 }), START "@125000 kill=4242,9 [end reason=login-timeout]=1");
	world.end = ASK_BROKEN;
	assert_string_equal(RUN({ 0 }), START "@125000 kill=4242,9 [end reason=wall-failed error=\"Input/output error\"]=1");
	world.error = 0;
	assert_string_equal(RUN({ 0 }), START "@125000" REFUSED);
	/* The PROXY header has its time, too. */
	config.login_timeout = 9;
	config.proxy = true;
	assert_string_equal(RUN({ 0 }), START "@15000" REFUSED);
	config.login_timeout = 11;
	assert_string_equal(RUN({ 0 }), START "@16000" REFUSED);
	config.login_timeout = 9;
	config.proxy = false;
	assert_string_equal(RUN({ 0 }), START "@14000" REFUSED);
}

/* Each question where it may not be asked, and bodies that are none. */
static void
out_of_order(void **state_pointer)
{
	static const struct step before[] = {
		Q(ASK_SPOOL, ""), Q(ASK_SENDER, "k@x\0"), Q(ASK_SEND, "\0FK\0Tx\0\0"), Q(ASK_STEP, "=x"),
		    Q('X', ""), Q(1, ""),
		Q(ASK_AUTH, ""), Q(ASK_AUTH, "PLAIN\0"), Q(ASK_PEER, "x"), Q(ASK_STARTTLS, ""), Q(ASK_MECHANISMS, ""),
		Q(ASK_LOG, ""), Q(ASK_LOG, "E"), Q(ASK_LOG, "E\0\0" "0\0" "0\0"), Q(ASK_LOG, "Equit\0\0"
		    "0\0" "0\0x"),
		Q(ASK_LOG, "Equit now\0\0" "0\0" "0\0"), Q(ASK_LOG, "EQuit\0\0" "0\0" "0\0"),
		Q(ASK_LOG, "Eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0" "0\0" "0\0"),	/* 41 */
		Q(ASK_LOG, "TC\0x\0" "0\0" "0\0"), Q(ASK_LOG, "Rno\0x\0" "0\0" "0\0"), Q(ASK_LOG,
		    "Yno\0x\0" "0\0" "0\0"),
		Q(ASK_LOG, "Zno\0x\0" "0\0" "0\0"),
	};
	static const struct step after[] = {
		LOGIN, Q(ASK_STEP, "=x"), Q(ASK_PEER, "x"), Q(ASK_STARTTLS, ""), Q(ASK_MECHANISMS, ""),
		    Q(ASK_SPOOL, ""),
		Q(ASK_SENDER, ""), Q(ASK_SENDER, "k@x\0k@x\0"), Q(ASK_SENDER, "k x@x\0"), Q(ASK_SEND, "\0"),
		    Q(ASK_SEND, "X=1\0\0FK\0\0"),
	};
	char expected[2000];

	(void)state_pointer;
	for (size_t i = 0; i < LENGTH(before); i++) {
		struct step steps[] = { { 0 }, LEFT, { 0 } };
		const char *said = run((steps[0] = before[i], steps));
		bool attempt = before[i].kind == ASK_AUTH;

		snprintf(expected, sizeof expected, START "@125000%s%s", attempt ? AUTH_TITLE " wiped"
		    " {monitor 192.0.2.1:5  waiting}" : "", REFUSED);
		if (strcmp(said, expected) != 0)
			fail_msg("%zu: %s", i, said);
	}
	world.spools = 1;
	for (size_t i = 0; i < LENGTH(after); i++) {
		struct step steps[] = { LOGIN, { 0 }, LEFT, { 0 } };
		const char *said = run((steps[1] = after[i], steps));

		/* An empty envelope reaches inject_send(), which looks at it. */
		if (after[i].length == 1 && after[i].kind == ASK_SEND)
			continue;
		if (strcmp(said, START LOGGED_IN "@" REFUSED) != 0)
			fail_msg("%zu: %s", i, said);
	}
	/* Within an attempt there is nothing but its next step; the log is always open. */
	config.debug = true;
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=C1\0"), Q(ASK_LOG, "TC\0x\0" "0\0" "0\0"),
	    Q(ASK_MECHANISMS, "")), START
	    "@125000" AUTH_TITLE " check(S, C1) <C 1> wiped" WAITING "@125000 [trace C=\"x\"]\n@125000" REFUSED);
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=C1\0"), LOGIN), START "@125000"
	    AUTH_TITLE " check(S, C1) <C 1> wiped" WAITING
	    "@125000" REFUSED);
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=C1\0"), Q(ASK_STEP, "x")), START "@125000" AUTH_TITLE
	    " check(S, C1) <C 1> wiped" WAITING "@125000" AUTH_TITLE " wiped {monitor 192.0.2.1:5  waiting}" REFUSED);
	/* And behind one there is none. */
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=C1\0"), Q(ASK_STEP, "=Dno"), Q(ASK_STEP, "=K")), START
	    "@125000" AUTH_TITLE " check(S, C1) <C 1> wiped" WAITING "@125000"
	    AUTH_TITLE " step(Dno) sleep=0.250000000 <D >"
	    " [login-failed user=\"\" mechanism=\"S\" reason=no failures=1] failed(, -, 192.0.2.1) wiped"
	    WAITING "@125000" REFUSED);
}

#define ASK_TO_LEARN(source, address, port) Q(ASK_PEER, address "\0" port "\0" "0\0" source "\0\0\0\0" "0\0\0")

static void
the_client_is_learned_once(void **state_pointer)
{
	(void)state_pointer;
	config.proxy = true;
	assert_string_equal(RUN(ASK_TO_LEARN("1", "192.0.2.77", "7"), LEFT), START "@125000 <K >\n"
	    "@125000 [end accepted=0 refused=0 commands=3 bytes=4 source=proxy tls=none reason=eof]\n"
	    GONE_EARLY "=0");
	assert_string_equal(peer.address, "192.0.2.77");
	begin(NULL);
	config.proxy = true;
	assert_string_equal(RUN(ASK_TO_LEARN("1", "192.0.2.77", "7"), ASK_TO_LEARN("1", "192.0.2.78", "7")), START
	    "@125000 <K >\n@125000" REFUSED);
	assert_string_equal(peer.address, "192.0.2.77");
	begin(NULL);
	config.proxy = true;
	assert_string_equal(RUN(ASK_TO_LEARN("1", "no address", "7")), START "@125000" REFUSED);
	begin(NULL);
	assert_string_equal(RUN(ASK_TO_LEARN("1", "192.0.2.77", "7")), START "@125000" REFUSED);
	assert_string_equal(RUN(LOGIN, ASK_TO_LEARN("1", "192.0.2.77", "7")), START LOGGED_IN "@" REFUSED);
}

static void
starttls(void **state_pointer)
{
	(void)state_pointer;
	config.starttls = STARTTLS_OFFERED;
	world.tls = true;
	assert_string_equal(RUN(Q(ASK_STARTTLS, ""), LEFT), START "@125000 {monitor 192.0.2.1:5  STARTTLS}"
	    " tls=9,120000"
	    " <K tls of 192.0.2.1:5>" WAITING "@125000 [end accepted=0 refused=0 commands=3 bytes=4 source=tcpserver"
	    " tls=behind-tls reason=eof]\n" GONE_EARLY "=0");
	assert_string_equal(RUN(Q(ASK_STARTTLS, ""), Q(ASK_STARTTLS, "")), START
	    "@125000 {monitor 192.0.2.1:5  STARTTLS} tls=9,120000 <K tls of 192.0.2.1:5>" WAITING "@125000" REFUSED);
	config.timeout = 119;
	world.tls = false;
	assert_string_equal(RUN(Q(ASK_STARTTLS, "")), START "@125000 {monitor 192.0.2.1:5  STARTTLS} tls=9,119000"
	    " <D >" WAITING GONE_EARLY " [end reason=session-lost]=0");
	config.starttls = STARTTLS_NONE;
	assert_string_equal(RUN(Q(ASK_STARTTLS, "")), START "@125000" REFUSED);
}

static void
mechanisms(void **state_pointer)
{
	(void)state_pointer;
	config.dovecot = true;
	assert_string_equal(RUN(Q(ASK_MECHANISMS, "")), START "@125000 <K XOAUTH2 >\n"
	    GONE_EARLY " [end reason=session-lost]=0");
}

#define FAILED(reason, count) " sleep=0.250000000 <D > [login-failed user=\"bob\" mechanism=\"PLAIN\"" \
	" " reason " failures=" count "]"
#define CHECKED(word) "@125000" AUTH_TITLE " check(PLAIN, bob, " word ")"
#define REMEMBERED(word) " failed(bob, " word ", 192.0.2.1) wiped" WAITING

static void
logins(void **state_pointer)
{
	(void)state_pointer;
	assert_string_equal(RUN(LOGIN, LEFT), START LOGGED_IN END("0", "0"));
	config.root = true;
	assert_string_equal(RUN(AUTH("K account label")), START CHECKED("K account label") " become=1001,1 <K bob>"
	    " [login user=\"bob\" mechanism=\"PLAIN\" account=\"robert\" label=\"phone\" uid=1001]"
	    " succeeded(bob, 192.0.2.1) wiped"
	    WAITING_BOB GONE " [end reason=session-lost]=0");
	world.becomes = false;
	assert_string_equal(RUN(LOGIN), START CHECKED("K") " become=1001,1 [error cannot become the user: 1]"
	    " succeeded(bob, 192.0.2.1) wiped {monitor 192.0.2.1:5  waiting}" REFUSED);
	/* Three wrong ones are enough; a fourth is not looked at. */
	assert_string_equal(RUN(AUTH("D1"), AUTH("D2: \"x\""), AUTH("d3"), AUTH("D4")), START
	    CHECKED("D1") FAILED("reason=1", "1") REMEMBERED("D1")
	    CHECKED("D2: \"x\"") FAILED("reason=2 detail=\"\"x\"\"", "2") REMEMBERED("D2: \"x\"")
	    CHECKED("d3") " <D last> [login-failed user=\"bob\" mechanism=\"PLAIN\" reason=3 failures=3]"
	    REMEMBERED("d3")
	    "@125000" AUTH_TITLE " wiped {monitor 192.0.2.1:5  waiting}" REFUSED);
	assert_non_null(strstr(RUN(AUTH("D1"), Q(ASK_AUTH, "PLAIN\0\0ann\0D1 again\0")),
	    "[login-failed user=\"ann\" mechanism=\"PLAIN\" reason=tried-before failures=1]"));
	/* Somebody else's pause is none for the next attempt. */
	assert_string_equal(RUN(AUTH("d1"), AUTH("D1 again")), START
	    CHECKED("d1") " <D > [login-failed user=\"bob\" mechanism=\"PLAIN\" reason=1 failures=1]" REMEMBERED("d1")
	    "@125000" AUTH_TITLE FAILED("reason=tried-before", "1") " wiped" WAITING GONE_EARLY
	    " [end reason=session-lost]=0");
	/* The same again counts once, and is no guess; nor is what nobody looked at. */
	assert_string_equal(RUN(AUTH("D1"), AUTH("D1 again"), AUTH("Dtried-before"), AUTH("Dempty"),
	    AUTH("D1 again")), START
	    CHECKED("D1") FAILED("reason=1", "1") REMEMBERED("D1")
	    "@125000" AUTH_TITLE FAILED("reason=tried-before", "1") " wiped" WAITING
	    CHECKED("Dtried-before") FAILED("reason=tried-before", "2") " wiped" WAITING
	    CHECKED("Dempty") " sleep=0.250000000 <D last> [login-failed user=\"bob\" mechanism=\"PLAIN\""
	    " reason=empty failures=3]"
	    " wiped" WAITING "@125000" AUTH_TITLE " wiped {monitor 192.0.2.1:5  waiting}" REFUSED);
}

static void
attempts_are_counted(void **state_pointer)
{
	struct step steps[AUTH_MAX + 2] = { { 0, NULL, 0 } };
	const char *said;
	int count = 0;

	(void)state_pointer;
	for (int i = 0; i <= AUTH_MAX; i++)
		steps[i] = (struct step)AUTH("Zdown");
	said = run(steps);
	for (const char *at = said; (at = strstr(at, CHECKED("Zdown") " sleep=0.250000000 <Z >"
	    " [login-failed user=\"bob\""
	    " mechanism=\"PLAIN\" reason=backend-down detail=\"down\"] wiped" WAITING)) != NULL; at++)
		count++;
	assert_int_equal(count, 10);
	assert_non_null(strstr(said, "waiting}\n@125000" AUTH_TITLE " wiped {monitor 192.0.2.1:5  waiting}" REFUSED));
}

/* What took longer than is left for a login leaves a little for the goodbye. */
static void
checks_take_their_time(void **state_pointer)
{
	(void)state_pointer;
	world.took = 119999;
	assert_string_equal(RUN(AUTH("Dx"), AUTH("Dx"), AUTH("Dx")), START
	    CHECKED("Dx") FAILED("reason=x", "1") REMEMBERED("Dx") "@5001" AUTH_TITLE " check(PLAIN, bob, Dx)"
	    FAILED("reason=x", "2") REMEMBERED("Dx") "@5000" AUTH_TITLE " check(PLAIN, bob, Dx)"
	    " sleep=0.250000000 <D last>"
	    " [login-failed user=\"bob\" mechanism=\"PLAIN\" reason=x failures=3]"
	    REMEMBERED("Dx") "@5000 kill=4242,9 wait=4242,0"
	    " [end reason=session-lost]=0");
	world.took = 120001;
	assert_string_equal(RUN(AUTH("Dx")), START CHECKED("Dx") FAILED("reason=x", "1") REMEMBERED("Dx")
	    "@5000 kill=4242,9 wait=4242,0 [end reason=session-lost]=0");
}

static void
reasons_that_are_no_guess(void **state_pointer)
{
	static const char *const others[] = { "authzid", "empty", "too-long", "control-character",
	    "mechanism-refused",
	    "cancelled", "tried-before", "no-certificate", "certificate-unknown" };

	(void)state_pointer;
	for (size_t i = 0; i < LENGTH(others); i++) {
		char body[100];
		struct text text;

		text_start(&text, body, sizeof body);
		text_add_bytes(&text, "PLAIN\0\0bob\0D", 12);
		text_add(&text, others[i]);
		text_add_byte(&text, '\0');
		if (strstr(RUN({ ASK_AUTH, body, text.used }), "failed(") != NULL)
			fail_msg("%s", others[i]);
	}
	assert_non_null(strstr(RUN(AUTH("Dauthzid2")), "failed("));
}

static void
attempts_in_steps(void **state_pointer)
{
	(void)state_pointer;
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=N1\0"), Q(ASK_STEP, "=K"), LEFT), START "@125000"
	    AUTH_TITLE " check(S, N1)"
	    " <C 1> wiped" WAITING "@125000" AUTH_TITLE " step(K) become=1001,0 <K bob> [login user=\"bob\""
	    " mechanism=\"S\" uid=99]"
	    " succeeded(bob, 192.0.2.1) wiped" WAITING_BOB END("0", "0"));
	/* A client that gives up does not count. */
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=N1\0"), Q(ASK_STEP, "*")), START "@125000" AUTH_TITLE " check(S, N1)"
	    " <C 1> wiped" WAITING "@125000" AUTH_TITLE " step() sleep=0.250000000 <D > [login-failed"
	    " user=\"bob\" mechanism=\"S\""
	    " reason=cancelled failures=0] wiped" WAITING GONE_EARLY " [end reason=session-lost]=0");
	/* The front's word is on the log, with the name that it gave: one or the other. */
	peer.verified = true;
	strcpy(peer.certificate[0], "Bob");
	strcpy(peer.certificate[1], "bob@x.example");
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "EXTERNAL\0=Naccount\0"), Q(ASK_STEP, "=K")),
	    "mechanism=\"EXTERNAL\" certificate=\"Bob\" uid=99]"));
	peer.certificate[0][0] = '\0';
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "EXTERNAL\0=Naccount\0"), Q(ASK_STEP, "=K")),
	    "mechanism=\"EXTERNAL\" certificate=\"bob@x.example\" uid=99]"));
	assert_non_null(strstr(RUN(LOGIN), "mechanism=\"PLAIN\" uid=99]"));
	peer.verified = false;
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "EXTERNAL\0=Naccount\0"), Q(ASK_STEP, "=K")),
	    "mechanism=\"EXTERNAL\" uid=99]"));
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "S\0=N1\0"), Q(ASK_STEP, "=Kletter")), "<K bob> [login user=\"bob\""
	    " mechanism=\"S\" label=\"p\" uid=99]"));
	assert_int_equal(sizeof state.mechanism, 24);
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "ABCDEFGHIJKLMNOPQRSTUVWXYZ\0=Dx\0")),
	    "mechanism=\"ABCDEFGHIJKLMNOPQRSTUVW\""));
}

#define BARRED(mechanism, why) " <Z > [login-failed user=\"bob\" mechanism=\"" mechanism "\" reason=barred" \
	" detail='too many " why \
	"' seconds=60] wiped"
#define FROM_HERE " from this network"

static void
who_is_barred_is_told_nothing(void **state_pointer)
{
	(void)state_pointer;
	strcpy(config.state, "/state");
	world.alarm = true;
	world.faults = 1;
	assert_string_equal(RUN(LOGIN, LEFT), START "@125000" AUTH_TITLE " open=/state barred?(bob, 192.0.2.1)"
	    " [error what=state error=\"logins: broken\"] check(PLAIN, bob, K) become=1001,0 <K bob> [login"
	    " user=\"bob\""
	    " mechanism=\"PLAIN\" uid=99] succeeded(bob, 192.0.2.1) [alarm user=\"bob\" mechanism=\"PLAIN\""
	    " reason='more than 16 networks in a day'] wiped" WAITING_BOB END("0", "0"));
	world.alarm = false;
	world.barred = 60;
	/* Before the password is looked at. */
	assert_string_equal(RUN(LOGIN, AUTH("D again")), START "@125000"
	    AUTH_TITLE " open=/state barred?(bob, 192.0.2.1)"
	    BARRED("PLAIN", "passwords for this login" FROM_HERE) WAITING "@125000" AUTH_TITLE
	    FAILED("reason=tried-before", "0") " wiped" WAITING GONE_EARLY " [end reason=session-lost]=0");
	world.network = true;
	assert_string_equal(RUN(LOGIN, LOGIN), START "@125000" AUTH_TITLE " open=/state barred?(bob, 192.0.2.1)"
	    BARRED("PLAIN", "logins and passwords" FROM_HERE) WAITING "@125000" AUTH_TITLE " barred?(bob, 192.0.2.1)"
	    BARRED("PLAIN", "logins and passwords" FROM_HERE) WAITING GONE_EARLY " [end reason=session-lost]=0");
	/* Where only the last step names the login: whatever it proved; but not where nobody can tell. */
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=N1\0"), Q(ASK_STEP, "=K")), START "@125000"
	    AUTH_TITLE " check(S, N1) open=/state"
	    " barred?(bob, 192.0.2.1) <Z > [login-failed user=\"bob\" mechanism=\"S\" reason=barred"
	    " detail='too many logins and"
	    " passwords from this network' seconds=60] step() wiped" WAITING "@125000" REFUSED);
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=C1\0"), Q(ASK_STEP, "=C2"), Q(ASK_STEP, "=K"), Q(ASK_STEP,
	    "=")), START "@125000"
	    AUTH_TITLE " check(S, C1) <C 1> wiped" WAITING "@125000" AUTH_TITLE " step(C2) <C 2> wiped"
	    WAITING "@125000" AUTH_TITLE
	    " step(K) open=/state barred?(, 192.0.2.1) <Z > [login-failed user=\"\" mechanism=\"S\""
	    " reason=barred detail='too many"
	    " logins and passwords from this network' seconds=60] wiped" WAITING "@125000" REFUSED);
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "S\0=Nshort\0")),
	    " check(S, Nshort) open=/state barred?(b, 192.0.2.1) <Z >"
	    " [login-failed user=\"b\" mechanism=\"S\" reason=barred detail='too many logins and passwords from this"
	    " network' seconds=60] step() wiped"));
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=Zdown\0")), START "@125000"
	    AUTH_TITLE " check(S, Zdown) sleep=0.250000000 <Z >"
	    " [login-failed user=\"\" mechanism=\"S\" reason=backend-down detail=\"down\"] wiped" WAITING GONE_EARLY
	    " [end reason=session-lost]=0");
	/* Nobody is, and all goes its way; what is wrong with the files is said at once, and no more. */
	world.barred = 0;
	world.faults = 2;
	assert_string_equal(RUN(Q(ASK_AUTH, "S\0=N1\0"), Q(ASK_STEP, "=Dx")), START "@125000"
	    AUTH_TITLE " check(S, N1) open=/state"
	    " barred?(bob, 192.0.2.1) [error what=state error=\"logins: broken\"] [error what=state"
	    " error=\"logins: broken\"]"
	    " <C 1> wiped" WAITING "@125000" AUTH_TITLE " step(Dx) barred?(bob, 192.0.2.1)"
	    " sleep=0.250000000 <D > [login-failed"
	    " user=\"bob\" mechanism=\"S\" reason=x failures=1] failed(bob, -, 192.0.2.1) wiped" WAITING GONE_EARLY
	    " [end reason=session-lost]=0");
	/* A long one is told whole. */
	memset(world.fault, 'f', 199);
	world.faults = 1;
	assert_non_null(strstr(RUN(Q(ASK_AUTH, "S\0=N1\0")), world.fault));
	strcpy(world.fault, "logins: broken");
	/* Told behind a login, too. */
	config.state[0] = '\0';
	world.faults = 1;
	assert_string_equal(RUN(AUTH("Dx")), START CHECKED("Dx") FAILED("reason=x", "1") " failed(bob, Dx, 192.0.2.1)"
	    " [error what=state error=\"logins: broken\"] wiped" WAITING GONE_EARLY " [end reason=session-lost]=0");
}

static void
senders(void **state_pointer)
{
	(void)state_pointer;
	assert_string_equal(RUN(LOGIN, Q(ASK_SENDER, "k@x\0"), Q(ASK_SENDER, "d@x\0"), Q(ASK_SENDER,
	    "z@x\0"), Q(ASK_SENDER, "\0"),
	    LEFT), START LOGGED_IN "@ may(bob, k@x) <K >\n@ may(bob, d@x) <D 5.7.1 No> [sender-refused"
	    " user=\"bob\" address=\"d@x\""
	    " reason=not-own]\n@ may(bob, z@x) <Z 5.7.1 No> [sender-refused user=\"bob\" address=\"z@x\""
	    " reason=table-unreadable]\n"
	    "@ own(bob) <K own@x.example>\n" END("0", "0"));
	/* The longest answer is not cut. */
	assert_non_null(strstr(RUN(LOGIN, Q(ASK_SENDER, "l@x\0")), "may(bob, l@x) <D lll"));
}

#define SEND(verdict) Q(ASK_SEND, "HELO=laptop\0BYTES=20\0\0F" verdict "\0Ta@x\0\0")
#define SENT(number, spool, verdict) "@ {monitor 192.0.2.1:5 bob sending} send(ID." number " spool=" spool \
	" login=bob mechanism=PLAIN helo=laptop length=9) close=" spool " <" verdict " 2.0.0 Word>" \
	    " {monitor 192.0.2.1:5 bob waiting}"
#define LOGGED(event, from, number) " [" event " user=\"bob\" from=\"" from "\" recipients=2 bytes=20" \
	" size=33 message=" number \
	" injector=\"how\"]"

static void
messages(void **state_pointer)
{
	(void)state_pointer;
	world.spools = 4;
	assert_string_equal(RUN(LOGIN, SEND("K"), Q(ASK_SPOOL, ""), SEND("D"), Q(ASK_SPOOL, ""), SEND("Z"),
	    Q(ASK_SPOOL, ""),
	    SEND("L"), Q(ASK_SPOOL, ""), SEND("K"), LEFT), START LOGGED_IN
	    SENT("1", "3", "K") LOGGED("accepted", "K", "1") "\n@ <K spool 11>\n"
	    SENT("2", "11", "D") LOGGED("refused", "D", "2") "\n@ <K spool 12>\n"
	    SENT("3", "12", "Z") LOGGED("deferred", "Z", "3") "\n@ <K spool 13>\n"
	    SENT("4", "13", "L") LOGGED("deferred", "L", "4") "\n@ <K spool 14>\n"
	    SENT("5", "14", "K") LOGGED("accepted", "K", "5") "\n" END("2", "3"));
	/* No message without a spool, and no second spool for it. */
	assert_string_equal(RUN(LOGIN, SEND("K"), SEND("K")), START LOGGED_IN SENT("1", "3",
	    "K") LOGGED("accepted", "K", "1")
	    "\n@" REFUSED);
	assert_string_equal(RUN(LOGIN, Q(ASK_SPOOL, "")), START LOGGED_IN "@" REFUSED);
	world.spools = 1;
	world.spool = 0;	/* where nothing is open, that is a number, too */
	assert_string_equal(RUN(LOGIN, SEND("K"), Q(ASK_SPOOL, ""), Q(ASK_SPOOL, "")),
	    START LOGGED_IN SENT("1", "3", "K")
	    LOGGED("accepted", "K", "1") "\n@ <K spool 0>\n@" REFUSED);
	world.spools = 1;
	world.spool = 0;
	assert_string_equal(RUN(LOGIN, SEND("K"), Q(ASK_SPOOL, ""), SEND("K")), START LOGGED_IN SENT("1", "3", "K")
	    LOGGED("accepted", "K", "1") "\n@ <K spool 0>\n" SENT("2", "0", "K") LOGGED("accepted", "K",
	    "2") "\n" GONE
	    " [end reason=session-lost]=0");
	/* No room for one: said, and asked again. */
	world.spools = 0;
	assert_string_equal(RUN(LOGIN, SEND("K"), Q(ASK_SPOOL, ""), Q(ASK_SPOOL, ""), SEND("K")), START LOGGED_IN
	    SENT("1", "3", "K") LOGGED("accepted", "K", "1") "\n@ [error the spool: 12] <Z >\n@ [error the"
	    " spool: 12] <Z >\n@" REFUSED);
	/* An envelope that lies. */
	assert_string_equal(RUN(LOGIN, SEND("X")), START LOGGED_IN "@ {monitor 192.0.2.1:5 bob sending}"
	    " send(ID.1 spool=3 login=bob"
	    " mechanism=PLAIN helo=laptop length=9) close=3" REFUSED);
	/* All that is said of a message. */
	assert_non_null(strstr(RUN(LOGIN, Q(ASK_SEND, "SMTPUTF8=1\0"
	    "8BITMIME=1\0DIGEST=0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789abcdef\0\0FK\0Ta@x\0\0")), "helo= length=9 smtputf8 eight digest)"
	    " close=3 <K 2.0.0 Word>"
	    " {monitor 192.0.2.1:5 bob waiting} [accepted user=\"bob\" from=\"K\" recipients=2 bytes=0"
	    " size=33 message=1"
	    " injector=\"how\"] [error what=state error=\"logins: broken\"]\n"));
	assert_non_null(strstr(RUN(LOGIN, Q(ASK_SEND, "SMTPUTF8=1\0\0FK\0Ta@x\0\0")), " length=9 smtputf8)"));
	assert_non_null(strstr(RUN(LOGIN, Q(ASK_SEND, "8BITMIME=1\0\0FK\0Ta@x\0\0")), " length=9 eight)"));
}

/* Refused by the session itself: logged, counted, its spool closed. */
static void
messages_that_came_no_further(void **state_pointer)
{
	(void)state_pointer;
	world.spools = 1;
	assert_string_equal(RUN(LOGIN, Q(ASK_LOG, "Rtoo big\0b@x\0" "2\0" "99\0"), Q(ASK_SPOOL, ""),
	    Q(ASK_LOG, "Ylater\0b@x\0" "1\0" "8\0"),
	    LEFT), START LOGGED_IN "@ close=3 [refused user=\"bob\" from=\"b@x\" recipients=2 bytes=99"
	    " reason='too big']\n"
	    "@ <K spool 11>\n@ close=11 [deferred user=\"bob\" from=\"b@x\" recipients=1 bytes=8"
	    " reason='later']\n" END("0", "2"));
	assert_string_equal(RUN(LOGIN, Q(ASK_LOG, "Rtoo big\0b@x\0" "2\0" "99\0"), Q(ASK_LOG,
	    "Rtoo big\0b@x\0" "2\0" "99\0")), START
	    LOGGED_IN "@ close=3 [refused user=\"bob\" from=\"b@x\" recipients=2 bytes=99 reason='too"
	    " big']\n@" REFUSED);
	world.spools = 1;
	world.spool = 0;
	assert_string_equal(RUN(LOGIN, Q(ASK_LOG, "Rno\0b@x\0" "2\0" "9\0"), Q(ASK_SPOOL, ""), Q(ASK_LOG,
	    "Rno\0b@x\0" "2\0" "9\0")), START
	    LOGGED_IN "@ close=3 [refused user=\"bob\" from=\"b@x\" recipients=2 bytes=9 reason='no']\n@ <K"
	    " spool 0>\n"
	    "@ close=0 [refused user=\"bob\" from=\"b@x\" recipients=2 bytes=9 reason='no']\n"
	    GONE " [end reason=session-lost]=0");
}

/* Lines that the session may cause as often as it likes are written ten thousand times. */
static void
lines_without_end_are_dropped(void **state_pointer)
{
	static struct step steps[10010];
	const char *said;
	int written = 0, dropped = 0;

	(void)state_pointer;
	config.debug = true;
	for (int i = 0; i < 10005; i++)
		steps[i] = i % 2 == 0 ? (struct step)Q(ASK_LOG, "TS\0x\0" "0\0"
		    "0\0") : (struct step)Q(ASK_LOG, "TC\0x\0" "0\0" "0\0");
	said = run(steps);
	for (const char *at = said; (at = strstr(at, "=\"x\"]\n")) != NULL; at++)
		written++;
	for (const char *at = said; (at = strstr(at, "=\"x\"] dropped\n")) != NULL; at++)
		dropped++;
	assert_true(written == 10000 && dropped == 5);
	assert_non_null(strstr(said, "@125000 [trace S=\"x\"]\n@125000 [trace C=\"x\"]\n"));
}

/* Addresses that it asks for, and may not send as, are such lines: a session that was taken over asks for ever. */
static void
senders_without_end_are_dropped(void **state_pointer)
{
	static struct step steps[10010];
	const char *said;
	int written = 0, dropped = 0, answered = 0;

	(void)state_pointer;
	steps[0] = (struct step)LOGIN;
	for (int i = 1; i < 10006; i++)
		steps[i] = (struct step)Q(ASK_SENDER, "d@x\0");
	said = run(steps);
	for (const char *at = said; (at = strstr(at, "reason=not-own]\n")) != NULL; at++)
		written++;
	for (const char *at = said; (at = strstr(at, "reason=not-own] dropped\n")) != NULL; at++)
		dropped++;
	for (const char *at = said; (at = strstr(at, "<D 5.7.1 No>")) != NULL; at++)
		answered++;
	assert_true(written == 10000 && dropped == 5 && answered == 10005);
}

#define DIGEST Q(ASK_SEND, "DIGEST=ab00000000000000000000000000000000000000000000000000000000000cd\0\0FK\0Ta@x\0\0")
#define DIGEST_OF(verdict) Q(ASK_SEND, \
	"DIGEST=ab000000000000000000000000000000000000000000000000000000000000cd\0\0F" verdict "\0Ta@x\0\0")
#define LOST_REPLY Q(ASK_LOG, "Ereply-lost\0\0" "3\0" "4\0")

/* Only of a message that was accepted, with a digest, and last. */
static void
replies_that_are_lost(void **state_pointer)
{
	(void)state_pointer;
	world.spools = 9;
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K"), LOST_REPLY), "reason=reply-lost] lost(bob, abcd)"
	    " [error what=state error=\"logins: broken\"] wait="));
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K"), LEFT), "reason=eof] wait="));
	/* The session did not come to say so. */
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K")), "reason=session-lost] lost(bob, abcd)"));
	world.status = SIGKILL;
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K")), "reason=session-killed signal=9] lost(bob, abcd)"));
	assert_null(strstr(RUN(LOGIN, DIGEST_OF("K"), LEFT), "lost(bob"));
	world.status = 0;
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K"), Q('X', "")), "reason=question-refused] lost(bob, abcd)"));
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("Z"), LOST_REPLY), "reason=reply-lost] wait="));
	assert_non_null(strstr(RUN(LOGIN, SEND("K"), LOST_REPLY), "reason=reply-lost] wait="));
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K"), Q(ASK_SPOOL, ""), SEND("K"), LOST_REPLY),
	    "reason=reply-lost] wait="));
	assert_non_null(strstr(RUN(LOGIN, DIGEST_OF("K"), Q(ASK_SPOOL, ""), DIGEST_OF("D"), LOST_REPLY),
	    "reason=reply-lost] wait="));
	assert_string_equal(RUN(LOGIN, DIGEST), START LOGGED_IN "@" REFUSED);	/* one digit less */
}

/* A balancer looks in: nothing on the log, but where somebody is to be told all. */
static void
health_checks(void **state_pointer)
{
	static const struct {
		const char *body;
		bool proxy, told, shown;
	} rows[] = {
		{ "Eeof\0\0" "0\0" "0", false, false, false }, { "Eeof\0\0" "1\0" "0", false, false, true },
		{ "Eclient-does-not-read\0\0" "0\0" "0", false, false, false }, { "Equit\0\0" "0\0" "0",
		    false, false, true },
		{ "Equit\0\0" "1\0" "0", true, false, false }, { "Eeof\0\0" "5\0" "0", true, false, false },
		{ "Eclient-does-not-read\0\0" "5\0" "0", true, false, false }, { "Etimeout\0\0" "0\0" "0",
		    true, false, true },
		{ "Equit\0\0" "1\0" "0", true, true, true }, { "Eeof\0\0" "1\0" "0", true, true, true },
		{ "Eeof\0\0" "0\0" "0", true, true, false }, { "Etimeout\0\0" "0\0" "0", false, false, true },
	};

	(void)state_pointer;
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (int debug = 0; debug < 2; debug++) {
			/* A reason, no text, two numbers. */
			struct step steps[] = { ASK_TO_LEARN("1", "192.0.2.77", "7"),
			    { ASK_LOG, rows[i].body, strlen(rows[i].body) + 5 + 1 }, { 0 } };
			const char *said;

			begin(NULL);
			config.proxy = rows[i].proxy;
			config.debug = debug;
			said = run(rows[i].told ? steps : steps + 1);
			if ((strstr(said, "[end ") != NULL) != (rows[i].shown || debug) || strstr(said,
			    "lost") != NULL)
				fail_msg("row %zu: %s", i, said);
		}
	begin(NULL);
	assert_non_null(strstr(RUN(AUTH("Dx"), Q(ASK_LOG, "Eeof\0\0" "0\0" "0\0")), "[end accepted=0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_session_ends, begin),
		cmocka_unit_test_setup(the_wall_ends, begin),
		cmocka_unit_test_setup(out_of_order, begin),
		cmocka_unit_test_setup(the_client_is_learned_once, begin),
		cmocka_unit_test_setup(starttls, begin),
		cmocka_unit_test_setup(mechanisms, begin),
		cmocka_unit_test_setup(logins, begin),
		cmocka_unit_test_setup(attempts_are_counted, begin),
		cmocka_unit_test_setup(checks_take_their_time, begin),
		cmocka_unit_test_setup(reasons_that_are_no_guess, begin),
		cmocka_unit_test_setup(attempts_in_steps, begin),
		cmocka_unit_test_setup(who_is_barred_is_told_nothing, begin),
		cmocka_unit_test_setup(senders, begin),
		cmocka_unit_test_setup(messages, begin),
		cmocka_unit_test_setup(messages_that_came_no_further, begin),
		cmocka_unit_test_setup(lines_without_end_are_dropped, begin),
		cmocka_unit_test_setup(senders_without_end_are_dropped, begin),
		cmocka_unit_test_setup(replies_that_are_lost, begin),
		cmocka_unit_test_setup(health_checks, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
