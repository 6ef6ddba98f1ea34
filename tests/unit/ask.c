/* links: base alone */
/* The wall: questions and answers in one process, then frames that nobody should send. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "base/io.h"

/* How the next calls go: in small parts, interrupted, or not at all. */
static struct {
	size_t part;			/* bytes that one recvmsg(2) gives at most; 0: any */
	int interrupted;		/* calls */
	int error;			/* of the next call, once; 0: none */
	int is_short;			/* sendmsg(2) sends so many bytes less than all, once */
	int level, type;		/* of what came with the bytes, in place of the true ones; 0: these */
	int64_t now;			/* the clock; a deadline that is waited for in vain comes at once */
	int waits;			/* that there were; the last one's */
	int64_t deadline;
	bool in_pieces;			/* more comes when nothing is there */
	void (*then)(void);		/* what the other side does while it is waited for, once */
	void *room;			/* where the last read went, and how much there was */
	size_t size;
} calls;

static bool
fails(void)
{
	errno = calls.error;
	if (calls.interrupted > 0) {
		calls.interrupted--;
		errno = EINTR;
		return true;
	}
	calls.error = 0;
	return errno != 0;
}

static ssize_t
test_recvmsg(int descriptor, struct msghdr *message, int flags)
{
	struct cmsghdr *head;
	ssize_t got;

	if (fails())
		return -1;
	calls.room = message->msg_iov->iov_base;
	calls.size = message->msg_iov->iov_len;
	if (calls.part > 0 && message->msg_iov->iov_len > calls.part)
		message->msg_iov->iov_len = calls.part;
	got = recvmsg(descriptor, message, flags | MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		fail_msg("waits for what nobody will say");
	if (got >= 0)
		errno = EINTR;	/* of another call: it says nothing where one went well */
	head = got > 0 ? CMSG_FIRSTHDR(message) : NULL;
	if (head != NULL && calls.level != 0)
		head->cmsg_level = calls.level;
	if (head != NULL && calls.type != 0)
		head->cmsg_type = calls.type;
	return got;
}

static ssize_t
test_sendmsg(int descriptor, const struct msghdr *message, int flags)
{
	if (fails())
		return -1;
	if (calls.is_short) {
		int less = calls.is_short;

		calls.is_short = 0;
		errno = EINTR;	/* of another call */
		return (ssize_t)message->msg_iov->iov_len - less;
	}
	return sendmsg(descriptor, message, flags);
}

static bool
test_write(int descriptor, const void *bytes, size_t length)
{
	return !fails() && io_write_all(descriptor, bytes, length);
}

static int64_t
test_now(void)
{
	return calls.now;
}

static bool
test_wait(int descriptor, short events, int64_t deadline)
{
	struct pollfd poller = { .fd = descriptor, .events = events };

	assert_int_equal(descriptor, ASK_MONITOR);
	assert_int_equal(events, POLLIN);
	calls.waits++;
	calls.deadline = deadline;
	if (calls.then != NULL) {
		calls.then();
		calls.then = NULL;
	}
	if (deadline > calls.now && poll(&poller, 1, calls.in_pieces ? 10000 : 0) > 0)
		return true;
	calls.now = deadline;
	return false;
}

static ssize_t
test_read(int descriptor, void *bytes, size_t size)
{
	struct pollfd poller = { .fd = descriptor, .events = POLLIN };
	ssize_t got;

	calls.room = bytes;
	calls.size = size;
	if (poll(&poller, 1, calls.in_pieces ? 10000 : 0) == 0)
		fail_msg("waits for what nobody will say");
	if (fails())
		return -1;
	got = io_read(descriptor, bytes, size);
	if (got >= 0)
		errno = ECONNRESET;	/* of another call */
	return got;
}

/* What was received before is static: each test begins anew. */
#define recvmsg test_recvmsg
#define sendmsg test_sendmsg
#define io_write_all test_write
#define io_read test_read
#define io_now test_now
#define io_wait test_wait
#include "../../ask.c"
#undef recvmsg
#undef sendmsg
#undef io_write_all
#undef io_read
#undef io_now
#undef io_wait

static int
make_wall(void **state)
{
	int pair[2];

	(void)state;
	received.got = received.used = 0;
	received.failed = 0;
	memset(&calls, 0, sizeof calls);
	calls.now = 1000;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	for (int i = 0; i < 2; i++)
		pair[i] = fcntl(pair[i], F_DUPFD, 20);
	return dup2(pair[0], ASK_WALL) < 0 || dup2(pair[1], ASK_MONITOR) < 0 || close(pair[0]) != 0 ||
	    close(pair[1]) != 0;
}

static int
close_wall(void **state)
{
	(void)state;
	close(ASK_WALL);
	close(ASK_MONITOR);
	return 0;
}

/* What stands in the wall on the monitor's side, as the session would send it. */
static void
send_raw(int wall, const void *bytes, size_t length)
{
	assert_int_equal(send(wall, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL), length);
}

static void
send_frame(int wall, char kind, uint32_t claimed, const void *body, size_t length)
{
	struct ask_head head = { .kind = { kind }, .length = claimed };

	send_raw(wall, &head, sizeof head);
	if (length > 0)
		send_raw(wall, body, length);
}

static struct login login;
static struct envelope envelope;

/* The next frame, for which nobody waits. */
static int
receive(char **body, size_t *length)
{
	return ask_receive(body, length, INT64_MAX);
}

static void
questions_arrive_as_they_were_asked(void **state)
{
	const struct peer peer = { .address = "192.0.2.1", .port = "25", .tls = TLS_PROXY, .source = PEER_PROXY,
	    .tls_protocol = "TLSv1.3", .tls_cipher = "AES", .host = "client.example", .verified = true,
	    .certificate = { "eve" } };
	struct answer answer;
	struct ask_attempt attempt;
	struct ask_message message = { .helo = "client.example", .bytes = 1234, .smtputf8 = true }, read;
	struct peer told;
	char *body;
	size_t length;

	(void)state;
	/* The answer is there before the question: one process asks and answers. */
	ask_answer(ASK_YES, "bob");
	ask_auth_start(&login, "LOGIN");
	ask_auth_add(&login, 0);
	memcpy(login.body + login.length, "bob\0pass", 8);
	ask_auth_add(&login, 8);
	assert_true(ask_auth(&login, &answer));
	assert_int_equal(answer.verdict, ASK_YES);
	assert_string_equal(answer.text, "bob");
	assert_int_equal(receive(&body, &length), ASK_AUTH);
	assert_true(ask_read_auth(body, length, &attempt));
	assert_string_equal(attempt.mechanism, "LOGIN");
	assert_string_equal(attempt.authzid, "");
	assert_string_equal(attempt.user, "bob");
	assert_string_equal(attempt.password, "pass");
	ask_forget();
	for (size_t i = 0; i < length; i++)
		assert_int_equal(body[i], 0);
	ask_answer(ASK_NO, "");
	assert_true(ask_peer(&peer, &answer));
	assert_int_equal(answer.verdict, ASK_NO);
	assert_string_equal(answer.text, "");
	assert_int_equal(receive(&body, &length), ASK_PEER);
	assert_true(ask_read_peer(body, length, &told));
	assert_memory_equal(&told, &peer, sizeof peer);
	ask_answer_starttls(&peer);
	told = (struct peer){ .tls_cipher = "old" };
	assert_true(ask_starttls(&told, &answer));
	assert_int_equal(receive(&body, &length), ASK_STARTTLS);
	assert_int_equal(told.tls, TLS_STARTTLS);
	assert_string_equal(told.tls_protocol, "TLSv1.3");
	assert_string_equal(told.tls_cipher, "AES");
	ask_answer_starttls(&(const struct peer){ .tls_cipher = "AES" });
	assert_true(ask_starttls(&told, &answer));
	assert_int_equal(receive(&body, &length), ASK_STARTTLS);
	assert_string_equal(told.tls_protocol, "");
	assert_string_equal(told.tls_cipher, "AES");
	ask_answer(ASK_NO, "");
	told = (struct peer){ .tls_cipher = "old" };
	assert_true(ask_starttls(&told, &answer));
	assert_int_equal(receive(&body, &length), ASK_STARTTLS);
	assert_true(told.tls == TLS_NONE && strcmp(told.tls_cipher, "old") == 0);
	ask_answer(ASK_TEMPORARY, "4.3.0 Later");
	ask_send_add(&envelope, 'F', "a@b.example");
	for (int i = 0; i < 4000; i++)	/* as much as the wall holds: nobody reads meanwhile */
		ask_send_add(&envelope, 'T', "recipient@b.example");
	assert_true(ask_send(&envelope, &message, &answer));
	assert_int_equal(answer.verdict, ASK_TEMPORARY);
	assert_string_equal(answer.text, "4.3.0 Later");
	assert_int_equal(receive(&body, &length), ASK_SEND);
	assert_true(ask_read_send(body, length, &read));
	assert_string_equal(read.helo, "client.example");
	assert_int_equal(read.bytes, 1234);
	assert_true(read.smtputf8 && !read.eight_bit);
	assert_int_equal(read.length, envelope.length);
	assert_memory_equal(read.envelope, envelope.body, read.length);
	assert_string_equal(read.envelope + read.length - 22, "Trecipient@b.example");
}

static void
what_is_said_is_not_answered(void **state)
{
	struct ask_line read;
	char *body, long_text[3000];
	size_t length;

	(void)state;
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	/* Several at a time, and a question behind them. */
	ask_log(&(struct ask_line){ .event = ASK_TRACE, .reason = "C", .text = "NOOP" });
	ask_log(&(struct ask_line){ .event = ASK_REFUSED, .reason = long_text, .text = long_text, .count = 3,
	    .bytes = UINT64_MAX });
	ask_answer(ASK_TEMPORARY, "");
	assert_true(ask_spool(&(struct answer){ 0 }));
	assert_int_equal(receive(&body, &length), ASK_LOG);
	assert_true(ask_read_log(body, length, &read));
	assert_true(read.event == ASK_TRACE && read.count == 0 && read.bytes == 0);
	assert_string_equal(read.reason, "C");
	assert_string_equal(read.text, "NOOP");
	assert_int_equal(receive(&body, &length), ASK_LOG);
	assert_true(ask_read_log(body, length, &read));
	assert_true(read.event == ASK_REFUSED && read.count == 3 && read.bytes == UINT64_MAX);
	assert_int_equal(strlen(read.reason), 400);
	assert_int_equal(strlen(read.text), ADDRESS_MAX);
	assert_int_equal(receive(&body, &length), ASK_SPOOL);
	assert_int_equal(length, 0);
}

static void
a_spool_takes_its_number(void **state)
{
	struct answer answer;
	int spool = memfd_create("spool", 0), null = open("/dev/null", O_RDWR), high;

	(void)state;
	/* Three descriptors below, and it is free. */
	high = fcntl(spool, F_DUPFD, 30);
	assert_true(high >= 30);
	if (spool != SPOOL_DESCRIPTOR)
		close(spool);
	close(SPOOL_DESCRIPTOR);
	if (null != SPOOL_DESCRIPTOR)
		close(null);
	ask_answer_spool(high);
	assert_true(ask_spool(&answer));
	assert_int_equal(answer.verdict, ASK_YES);
	assert_int_equal(write(SPOOL_DESCRIPTOR, "x", 1), 1);
	assert_int_equal(lseek(high, 0, SEEK_END), 1);
	/* Not on any other number. */
	ask_answer_spool(high);
	assert_false(ask_spool(&answer));
	/* Nor with another answer, nor none at all. */
	close(SPOOL_DESCRIPTOR);
	ask_answer(ASK_YES, "");
	assert_false(ask_spool(&answer));
	ask_answer_spool(high);
	assert_false(ask_auth(&login, &answer));
	close(SPOOL_DESCRIPTOR);
	close(high);
}

/* Attempts of several steps: what is absent, what is empty, and challenges of any length where the question stood. */
static void
challenges_and_responses(void **state)
{
	static char challenge[ASK_CHALLENGE_MAX];
	static const size_t lengths[] = { 0, 1, ASK_ANSWER_MAX - 1, ASK_ANSWER_MAX, ASK_ANSWER_MAX + 1, ASK_CHALLENGE_MAX };
	const struct peer peer = { .address = "" };
	struct answer answer;
	struct ask_attempt attempt;
	const char *response;
	char *body;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof challenge; i++)
		challenge[i] = (char)(i * 3);
	for (size_t i = 0; i < LENGTH(lengths); i++) {
		ask_answer_challenge(challenge, lengths[i]);
		ask_auth_start(&login, "XSTEP");
		login.body[login.length++] = i % 2 == 0 ? '=' : '-';
		assert_true(ask_auth(&login, &answer));
		assert_int_equal(answer.verdict, ASK_CHALLENGE);
		assert_int_equal(answer.length, lengths[i]);
		assert_memory_equal(login.body, challenge, lengths[i]);
		assert_int_equal(receive(&body, &length), ASK_AUTH);
		assert_true(ask_read_auth(body, length, &attempt));
		assert_string_equal(attempt.mechanism, "XSTEP");
		assert_true(attempt.password == NULL && attempt.length == 0 && (attempt.response != NULL) == (i % 2 == 0));

		memcpy(ask_step_body(&login), challenge, lengths[i]);
		ask_answer(ASK_YES, "bob");
		assert_true(ask_step(&login, lengths[i], &answer));
		assert_int_equal(answer.verdict, ASK_YES);
		assert_string_equal(answer.text, "bob");
		assert_int_equal(receive(&body, &length), ASK_STEP);
		assert_true(ask_read_step(body, length, &response, &length));
		assert_int_equal(length, lengths[i]);
		assert_memory_equal(response, challenge, length);
	}
	ask_answer(ASK_NO, "");
	assert_true(ask_cancel(&login, &answer));
	assert_int_equal(receive(&body, &length), ASK_STEP);
	assert_true(ask_read_step(body, length, &response, &length) && response == NULL);
	ask_answer(ASK_YES, "XSTEP ");
	assert_true(ask_mechanisms(&answer));
	assert_string_equal(answer.text, "XSTEP ");
	assert_int_equal(receive(&body, &length), ASK_MECHANISMS);
	/* To a question that has no challenges it is no answer. */
	ask_answer_challenge(challenge, sizeof challenge);
	assert_false(ask_peer(&peer, &answer));
}

#define HEX_BUT_ONE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
#define HEX HEX_BUT_ONE "f"

static char long_helo[5 + ASK_HELO_MAX + 1 + 2] = "HELO=";

static void
bodies_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} attempts[] = { { "", 0 }, { "PLAIN", 6 }, { "PLAIN\0\0bob\0pass", 15 }, { "PLAIN\0\0bob\0pass\0", 17 },
		{ "\0\0\0", 3 }, { "\0\0\0\0\0", 5 }, { "X", 1 }, { "X\0", 2 }, { "X\0*", 3 }, { "X\0-a", 4 }, { "X\0a", 3 } },
	steps[] = { { "", 0 }, { "=", 0 }, { "*", 0 }, { "-", 1 }, { "*a", 2 }, { "a", 1 }, { "\0", 1 } },
	messages[] = { { "", 0 }, { "HELO=x", 7 }, { "HELO=x", 6 }, { "HELO=a b\0", 10 }, { "HELO=a\r\0", 9 }, { "helo=x\0", 8 },
		{ "BYTES=\0", 8 }, { "BYTES=-1\0", 10 }, { "BYTES=18446744073709551616\0", 28 }, { "SMTPUTF8\0", 10 },
		{ "Fa@b\0Tc@d\0\0", 11 }, { long_helo, sizeof long_helo }, { "HELO=a\x7f\0", 9 }, { "8BITMIME=0\0", 12 },
		{ "DIGEST=" HEX "0\0", 74 }, { "DIGEST=" HEX_BUT_ONE "\0", 72 }, { "DIGEST=" HEX_BUT_ONE "g\0", 73 },
		{ "DIGEST=" HEX_BUT_ONE "A\0", 73 }, { "DIGEST=\0", 9 }, { "DIGEST:" HEX "\0", 73 }, { "HELO:x\0", 8 },
		{ "BYTES:1\0", 9 }, { "HELO=a\0BYTES=1", 15 }, { "HELO=a", 6 } },
	logs[] = { { "", 0 }, { "E", 1 }, { "Equit\0\0001\0002", 10 }, { "Equit\0\0001\0x", 11 }, { "Equit\0\0001\0002\0\0", 12 },
		{ "Equit\0\0\0\0", 9 } };
	static char longest[2 + 1 + ASK_CHALLENGE_MAX + 1] = "X\0=";
	struct ask_attempt attempt;
	struct ask_message message;
	struct ask_line log;
	const char *response;
	char *body;
	size_t length;

	(void)state;
	assert_true(ask_read_auth(longest, sizeof longest - 1, &attempt));
	assert_true(attempt.length == ASK_CHALLENGE_MAX && attempt.response == longest + 3);
	assert_false(ask_read_auth(longest, sizeof longest, &attempt));
	assert_true(ask_read_send("BYTES=18446744073709551615\0\0", 28, &message));
	assert_true(message.bytes == UINT64_MAX && message.helo[0] == '\0' && message.length == 0);
	assert_true(ask_read_log("Equit\0text\00018446744073709551615\00018446744073709551615\0", 53, &log));
	assert_true(log.event == ASK_END && log.count == UINT64_MAX && log.bytes == UINT64_MAX);
	body = exactly("E", 1);
	assert_false(ask_read_log(body, 0, &log));
	assert_false(ask_read_log(body, 1, &log));
	free(body);
	memset(long_helo + 5, 'x', ASK_HELO_MAX);
	assert_true(ask_read_send(long_helo, sizeof long_helo - 1, &message));
	long_helo[5 + ASK_HELO_MAX] = 'x';
	for (size_t i = 0; i < LENGTH(attempts); i++)
		if (ask_read_auth(attempts[i].bytes, attempts[i].length, &attempt))
			fail_msg("attempt %zu", i);
	for (size_t i = 0; i < LENGTH(steps); i++)
		if (ask_read_step(steps[i].bytes, steps[i].length, &response, &length))
			fail_msg("step %zu", i);
	for (size_t i = 0; i < LENGTH(messages); i++)
		if (ask_read_send(messages[i].bytes, messages[i].length, &message))
			fail_msg("message %zu", i);
	for (size_t i = 0; i < LENGTH(logs); i++)
		if (ask_read_log(logs[i].bytes, logs[i].length, &log))
			fail_msg("log %zu", i);
	assert_true(ask_read_send("\0Fa", 3, &message));
	assert_memory_equal(message.envelope, "Fa", message.length);
	assert_true(ask_read_send("8BITMIME=1\0DIGEST=" HEX "\0\0", 84, &message));
	assert_true(message.eight_bit && !message.smtputf8 && message.digest[0] == 1 && message.digest[31] == 0xef);
	assert_int_equal(message.length, 0);
	assert_true(ask_read_send("HELO=!\xff~\0\0", 10, &message));
	assert_string_equal(message.helo, "!\xff~");
}

/* What a message may bring with it arrives; the reply to STARTTLS tells whether there was a certificate, and no more. */
static void
all_of_a_question_arrives(void **state)
{
	unsigned char digest[MEMORY_DIGEST];
	struct ask_message message = { .helo = "h", .eight_bit = true, .digest = digest }, read;
	struct peer peer = { .tls = TLS_STARTTLS, .tls_protocol = "TLSv1.3", .tls_cipher = "AES", .verified = true,
	    .certificate = { "eve", "" } }, told;
	struct ask_line line;
	const char *address;
	struct answer answer;
	char *body, long_address[ADDRESS_MAX + 2];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof digest; i++)
		digest[i] = (unsigned char)(i * 9);
	ask_answer(ASK_YES, "");
	ask_send_add(&envelope, 'F', "");
	ask_send_add(&envelope, 'T', "a@b");
	ask_send_add(&envelope, 'D', "NOTIFY=NEVER");
	assert_true(ask_send(&envelope, &message, &answer));
	assert_int_equal(receive(&body, &length), ASK_SEND);
	assert_true(ask_read_send(body, length, &read));
	assert_true(read.eight_bit && !read.smtputf8);
	assert_memory_equal(read.digest, digest, sizeof digest);
	assert_int_equal(read.length, 22);
	assert_memory_equal(read.envelope, "F\0Ta@b\0DNOTIFY=NEVER\0", 22);
	ask_answer_starttls(&peer);
	assert_true(ask_starttls(&peer, &answer));
	assert_int_equal(receive(&body, &length), ASK_STARTTLS);
	assert_true(peer.verified && strcmp(peer.certificate[0], "?") == 0 && strcmp(peer.tls_cipher, "AES") == 0);
	peer.verified = false;
	ask_answer_starttls(&peer);
	assert_true(ask_starttls(&peer, &answer));
	assert_int_equal(receive(&body, &length), ASK_STARTTLS);
	assert_true(!peer.verified && peer.certificate[0][0] == '\0');
	/* The longest words. */
	memset(peer.tls_protocol, 'p', sizeof peer.tls_protocol - 1);
	memset(peer.tls_cipher, 'c', sizeof peer.tls_cipher - 1);
	peer.verified = true;
	peer.certificate[0][0] = 'e';
	ask_answer_starttls(&peer);
	told = (struct peer){ .tls = TLS_NONE };
	assert_true(ask_starttls(&told, &answer));
	assert_int_equal(receive(&body, &length), ASK_STARTTLS);
	assert_string_equal(told.tls_protocol, peer.tls_protocol);
	assert_string_equal(told.tls_cipher, peer.tls_cipher);
	assert_true(told.verified);
	ask_answer(ASK_NO, "5.7.1 No");
	memset(long_address, 'a', sizeof long_address);
	long_address[ADDRESS_MAX] = '\0';
	assert_true(ask_sender(long_address, &answer));
	assert_string_equal(answer.text, "5.7.1 No");
	assert_int_equal(receive(&body, &length), ASK_SENDER);
	assert_true(ask_read_sender(body, length, &address));
	assert_string_equal(address, long_address);
	assert_false(ask_read_sender("a\0b\0", 4, &address));
	assert_false(ask_read_sender("a", 1, &address));
	long_address[ADDRESS_MAX] = 'a';
	long_address[ADDRESS_MAX + 1] = '\0';
	assert_false(ask_sender(long_address, &answer));
	ask_log(&(struct ask_line){ .event = ASK_END, .reason = "quit", .count = 1, .bytes = 2 });
	assert_int_equal(ask_receive(&body, &length, 6000), ASK_LOG);
	assert_true(ask_read_log(body, length, &line));
	assert_true(line.event == ASK_END && line.count == 1 && line.bytes == 2);
	assert_string_equal(line.reason, "quit");
	assert_string_equal(line.text, "");
}

/* Calls that are interrupted are made again; others that fail are the end. */
static void
calls_that_fail(void **state)
{
	struct answer answer;
	struct peer peer = { .address = "" };
	char *body, bytes[2 * ASK_CHALLENGE_MAX];
	int spool = fcntl(memfd_create("spool", 0), F_DUPFD, 30);
	size_t length;

	(void)state;
	close(SPOOL_DESCRIPTOR);
	calls.interrupted = 3;
	ask_answer_spool(spool);
	assert_int_equal(calls.interrupted, 0);
	/* A byte at a time, and interrupted. */
	calls.part = 1;
	send_frame(ASK_WALL, ASK_SPOOL, 0, NULL, 0);
	assert_true(receive_answer(ASK_SPOOL, bytes, &answer));
	assert_int_equal(receive(&body, &length), ASK_SPOOL);
	ask_answer(ASK_NO, "no");
	calls.interrupted = 2;
	assert_true(receive_answer(ASK_AUTH, bytes, &answer));
	assert_true(answer.verdict == ASK_NO && strcmp(answer.text, "no") == 0);
	ask_answer_challenge("challenge", 9);
	assert_true(receive_answer(ASK_AUTH, bytes, &answer));
	assert_memory_equal(bytes, "challenge", 9);
	assert_true(calls.room == bytes + 8 && calls.size == ASK_CHALLENGE_MAX);
	ask_answer(ASK_YES, "");
	assert_true(receive_answer(ASK_AUTH, bytes, &answer));
	assert_int_equal(calls.size, sizeof(struct ask_head) + ASK_ANSWER_MAX);
	/* The head alone at first: of a challenge, and of what is too long for an answer. */
	calls.part = sizeof(struct ask_head);
	memset(bytes, 'c', sizeof bytes);
	ask_answer_challenge(bytes, ASK_ANSWER_MAX + 1);
	bytes[0] = 'x';
	assert_true(receive_answer(ASK_STEP, bytes, &answer));
	assert_true(answer.verdict == ASK_CHALLENGE && answer.length == ASK_ANSWER_MAX + 1 && bytes[0] == 'c');
	send_frame(ASK_MONITOR, ASK_YES, ASK_ANSWER_MAX + 1, NULL, 0);
	assert_false(receive_answer(ASK_AUTH, bytes, &answer));
	/* An answer that is cut, with every error. */
	calls.part = 0;
	send_frame(ASK_MONITOR, ASK_CHALLENGE, 9, "chall", 5);
	shutdown(ASK_MONITOR, SHUT_WR);
	assert_false(receive_answer(ASK_STEP, bytes, &answer));
	calls.error = EIO;
	assert_false(ask_starttls(&peer, &answer));
	calls.error = EIO;
	assert_false(ask_sender("a@b", &answer));
	calls.error = EIO;
	assert_false(receive_answer(ASK_AUTH, bytes, &answer));
	/* Answers that could not be sent: the next question is none. */
	for (int i = 0; i < 5; i++) {
		close_wall(NULL);
		assert_int_equal(make_wall(NULL), 0);
		calls.error = i >= 3 ? 0 : EIO;
		calls.is_short = i == 3 ? 1 : i == 4 ? (int)sizeof(struct ask_head) : 0;
		if (i == 0)
			ask_answer(ASK_YES, "");
		else if (i == 1)
			ask_answer_challenge("x", 1);
		else
			ask_answer_spool(spool);
		send_frame(ASK_WALL, ASK_SPOOL, 0, NULL, 0);
		errno = 0;
		assert_int_equal(receive(&body, &length), ASK_BROKEN);
		assert_int_equal(errno, EIO);
	}
	/* But where nobody is left to hear them, that is how it ends. */
	for (int i = 0; i < 2; i++) {
		close_wall(NULL);
		assert_int_equal(make_wall(NULL), 0);
		close(ASK_WALL);
		if (i == 0)
			ask_answer(ASK_YES, "");
		else
			ask_answer_spool(spool);
		assert_int_equal(receive(&body, &length), ASK_GONE);
	}
	/* Reading fails; ECONNRESET is an end, but not in the middle of a frame. */
	for (int i = 0; i < 3; i++) {
		close_wall(NULL);
		assert_int_equal(make_wall(NULL), 0);
		calls.error = i == 0 ? EIO : ECONNRESET;
		received.got = i == 2;
		send_raw(ASK_WALL, "x", 1);
		assert_int_equal(receive(&body, &length), i == 1 ? ASK_GONE : ASK_BROKEN);
		assert_int_equal(errno, i == 0 ? EIO : ECONNRESET);
	}
	close(spool);
}

/* What comes with an answer is one descriptor, or nothing. */
static void
what_is_no_descriptor(void **state)
{
	int pair[2] = { fcntl(memfd_create("spool", 0), F_DUPFD, 30), fcntl(0, F_DUPFD, 30) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof pair)];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof pair), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct ask_head head = { .kind = { ASK_YES } };
	struct iovec vector = { .iov_base = &head, .iov_len = sizeof head };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	struct answer answer;

	(void)state;
	/* Two of them. */
	close(SPOOL_DESCRIPTOR);
	memcpy(CMSG_DATA(&control.head), pair, sizeof pair);
	assert_int_equal(sendmsg(ASK_MONITOR, &message, 0), sizeof head);
	assert_false(ask_spool(&answer));
	close(SPOOL_DESCRIPTOR);
	calls.level = SOL_SOCKET + 1;
	ask_answer_spool(pair[0]);
	assert_false(ask_spool(&answer));
	close(SPOOL_DESCRIPTOR);
	calls.level = 0;
	calls.type = SCM_CREDENTIALS;
	ask_answer_spool(pair[0]);
	assert_false(ask_spool(&answer));
	close(SPOOL_DESCRIPTOR);
	calls.type = 0;
	/* One with a challenge, at its beginning or later. */
	head = (struct ask_head){ .kind = { ASK_CHALLENGE }, .length = sizeof head };
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	message.msg_controllen = CMSG_SPACE(sizeof(int));
	assert_int_equal(sendmsg(ASK_MONITOR, &message, 0), sizeof head);
	send_raw(ASK_MONITOR, "12345678", sizeof head);
	ask_auth_start(&login, "X");
	assert_false(ask_auth(&login, &answer));
	close(SPOOL_DESCRIPTOR);
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	close(SPOOL_DESCRIPTOR);
	send_raw(ASK_MONITOR, &head, sizeof head);
	calls.part = sizeof head;
	assert_int_equal(sendmsg(ASK_MONITOR, &message, 0), sizeof head);
	assert_false(ask_auth(&login, &answer));
	close(SPOOL_DESCRIPTOR);
	/* A challenge that is longer than one may be, or that has more behind it. */
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_CHALLENGE, ASK_CHALLENGE_MAX + 1, envelope.body, ASK_CHALLENGE_MAX + 1);
	assert_false(ask_auth(&login, &answer));
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_CHALLENGE, 2, "abc", 3);
	assert_false(ask_auth(&login, &answer));
	close(pair[0]);
	close(pair[1]);
}

static void
say_a_byte(void)
{
	send_raw(ASK_WALL, "F", 1);
}

static void
nobody_is_waited_for_longer(void **state)
{
	char *body;
	size_t length;

	(void)state;
	send_frame(ASK_WALL, ASK_SENDER, 4, "a@b", 4);
	assert_int_equal(ask_receive(&body, &length, 6000), ASK_SENDER);
	assert_true(calls.waits == 1 && calls.deadline == 6000);
	assert_int_equal(ask_receive(&body, &length, 1020), ASK_SILENT);
	assert_true(calls.now == 1020 && calls.waits == 2);
	/* Asked later than it was waited for, it is a question like others; for ever is not a deadline. */
	send_frame(ASK_WALL, ASK_SENDER, 4, "c@d", 4);
	assert_int_equal(receive(&body, &length), ASK_SENDER);
	assert_string_equal(body, "c@d");
	assert_int_equal(calls.waits, 2);
	assert_int_equal(ask_receive(&body, &length, 1040), ASK_SILENT);
	/* The rest of a frame has two seconds from its first byte on, whatever the deadline; each wait has the same. */
	send_raw(ASK_WALL, "F", 1);
	assert_int_equal(receive(&body, &length), ASK_BROKEN);
	assert_int_equal(errno, 0);
	assert_true(calls.now == 1040 + 2000 && calls.waits == 4);
	received.got = 0;
	send_raw(ASK_WALL, "F", 1);
	assert_int_equal(ask_receive(&body, &length, 3050), ASK_BROKEN);
	assert_true(calls.now == 3040 + 2000 && calls.waits == 6);
	received.got = 0;
	send_raw(ASK_WALL, "F", 1);
	calls.then = say_a_byte;
	calls.now = 10000;
	assert_int_equal(receive(&body, &length), ASK_BROKEN);
	assert_true(calls.now == 12000 && calls.waits == 8 && received.got == 2);
}

/* Behind what is not answered another frame may have begun: it is not waited for longer than any. */
static void
what_is_behind_a_log_line_comes_next(void **state)
{
	static const struct ask_line line = { .event = ASK_END, .reason = "eof" };
	struct ask_line told;
	char *body;
	size_t length;

	(void)state;
	ask_log(&line);
	send_raw(ASK_WALL, "F\0\0\0", 4);
	assert_int_equal(ask_receive(&body, &length, 6000), ASK_LOG);
	assert_true(ask_read_log(body, length, &told));
	assert_int_equal(received.got, sizeof(struct ask_head) + length + 4);
	assert_true(calls.room == &received.frame && calls.size == sizeof received.frame);
	/* The rest comes, and then it does not. */
	send_raw(ASK_WALL, "\4\0\0\0a@b", 8);
	assert_int_equal(ask_receive(&body, &length, 1000), ASK_SENDER);
	assert_true(length == 4 && strcmp(body, "a@b") == 0 && calls.deadline == 1000 + ASK_PATIENCE);
	assert_true(calls.room == (char *)&received.frame + 4 && calls.size == sizeof received.frame - 4);
	ask_log(&line);
	send_raw(ASK_WALL, "F", 1);
	assert_int_equal(ask_receive(&body, &length, 6000), ASK_LOG);
	assert_int_equal(ask_receive(&body, &length, 6000), ASK_BROKEN);
	assert_int_equal(calls.now, 1000 + ASK_PATIENCE);
}

static void
frames_may_come_in_pieces(void **state)
{
	char *body, bytes[64];
	struct ask_head head = { .kind = { ASK_AUTH }, .length = 8 };
	size_t length;
	pid_t child;

	(void)state;
	calls.in_pieces = true;
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, "bob\0pas\0", 8);
	child = fork();
	if (child == 0) {
		for (size_t i = 0; i < sizeof head + 8; i++) {
			if (send(ASK_WALL, bytes + i, 1, MSG_NOSIGNAL) != 1)
				_exit(1);
			usleep(2000);
		}
		_exit(0);
	}
	assert_int_equal(receive(&body, &length), ASK_AUTH);
	assert_int_equal(length, 8);
	assert_memory_equal(body, "bob\0pas\0", 8);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void
an_end_is_told_from_a_cut(void **state)
{
	static const char frame[16] = { ASK_AUTH, 0, 0, 0, 8, 0, 0, 0, 'b', 0, 'p', 0 };

	(void)state;
	for (size_t cut = 0; cut < sizeof frame; cut++) {
		char *body;
		size_t length;

		close_wall(NULL);
		assert_int_equal(make_wall(NULL), 0);
		if (cut > 0)
			send_raw(ASK_WALL, frame, cut);
		close(ASK_WALL);
		assert_int_equal(receive(&body, &length), cut == 0 ? 0 : -1);
		assert_true(cut == 0 || errno == 0);
	}
}

static void
no_other_frame_is_taken(void **state)
{
	static const struct {
		char kind;
		uint32_t claimed, length;
		bool fine;
	} rows[] = {
		{ ASK_PEER, ASK_PEER_MAX, ASK_PEER_MAX, true }, { ASK_PEER, ASK_PEER_MAX + 1, ASK_PEER_MAX + 1, false },
		{ ASK_AUTH, ASK_AUTH_MAX, ASK_AUTH_MAX, true }, { ASK_AUTH, ASK_AUTH_MAX + 1, ASK_AUTH_MAX + 1, false },
		{ ASK_SEND, 0, 0, true }, { ASK_SPOOL, 0, 0, true }, { ASK_SPOOL, 1, 1, false },
		{ ASK_LOG, ASK_LOG_MAX, ASK_LOG_MAX, true }, { ASK_LOG, ASK_LOG_MAX + 1, ASK_LOG_MAX + 1, false }, { 0, 0, 0, false }, { ASK_SEND, ASK_SEND_MAX + 8, 100, false },
		{ ASK_SEND, UINT32_MAX, 100, false }, { ASK_SEND, UINT32_MAX - 7, 100, false },
		{ ASK_SEND, INT32_MAX, 100, false }, { ASK_AUTH, 0x80000000, 100, false },
		{ 0, 1, 1, false }, { 'X', 1, 1, false }, { 'p', 1, 1, false }, { 'K', 1, 1, false },
		{ ASK_AUTH, 4, 8, false },	/* more than it says: two questions at a time */
	};
	static char body[ASK_AUTH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *got;
		size_t length;
		int kind;

		close_wall(NULL);
		assert_int_equal(make_wall(NULL), 0);
		send_frame(ASK_WALL, rows[i].kind, rows[i].claimed, body, rows[i].length);
		kind = receive(&got, &length);
		if (rows[i].fine ? kind != rows[i].kind || length != rows[i].length : kind != -1)
			fail_msg("row %zu: %d", i, kind);
	}
}

/* The longest body of each kind, to the byte. */
static void
bodies_have_limits(void **state)
{
	static const struct {
		char kind;
		uint32_t longest;
	} rows[] = { { ASK_PEER, ASK_PEER_MAX }, { ASK_AUTH, ASK_AUTH_MAX }, { ASK_STEP, 1 + ASK_CHALLENGE_MAX },
		{ ASK_SENDER, ADDRESS_MAX + 1 }, { ASK_SEND, ASK_SEND_MAX }, { ASK_LOG, ASK_LOG_MAX } };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (uint32_t more = 0; more < 2; more++) {
			received.frame.head = (struct ask_head){ .kind = { rows[i].kind }, .length = rows[i].longest + more };
			received.got = sizeof received.frame.head;
			assert_int_equal(complete(), more == 0 ? 0 : -1);
		}
	received.got = 0;
}

static void
two_questions_at_once_are_none(void **state)
{
	char *body;
	size_t length;

	(void)state;
	send_frame(ASK_WALL, ASK_AUTH, 4, "a\0b\0", 4);
	send_frame(ASK_WALL, ASK_SEND, 8, "Fa\0Tb\0\0", 8);
	assert_int_equal(receive(&body, &length), -1);
	assert_true(errno == 0 && calls.now == 1000);	/* at once */
}

static void
answers_are_printable_and_short(void **state)
{
	struct answer answer;
	char every[256], long_text[2000];

	(void)state;
	for (int i = 1; i < 256; i++)
		every[i - 1] = (char)i;
	every[255] = '\0';
	ask_answer(ASK_NO, every);
	login.length = 0;
	assert_true(ask_auth(&login, &answer));
	assert_int_equal(strlen(answer.text), 255);
	for (int i = 1; i < 256; i++)
		assert_int_equal(answer.text[i - 1], i < 32 || i > 126 ? '?' : i);
	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = '\0';
	ask_answer(ASK_YES, long_text);
	assert_true(ask_auth(&login, &answer));
	assert_int_equal(strlen(answer.text), ASK_ANSWER_MAX);
}

static void
answers_that_are_none(void **state)
{
	struct peer peer = { .tls_protocol = "" };
	struct answer answer;
	char text[ASK_ANSWER_MAX];

	(void)state;
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_YES, ASK_ANSWER_MAX + 1, login.body, ASK_ANSWER_MAX + 1);
	assert_false(ask_auth(&login, &answer));
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_YES, UINT32_MAX, "x", 1);
	assert_false(ask_auth(&login, &answer));
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_YES, 0, NULL, 0);
	send_frame(ASK_MONITOR, ASK_YES, 0, NULL, 0);
	assert_false(ask_auth(&login, &answer));
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_YES, 5, "cut", 3);
	shutdown(ASK_MONITOR, SHUT_WR);
	assert_false(ask_auth(&login, &answer));
	/* TLS has begun, but not which. */
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	memset(text, 'x', ASK_ANSWER_MAX);
	send_frame(ASK_MONITOR, ASK_YES, ASK_ANSWER_MAX, text, ASK_ANSWER_MAX);
	assert_false(ask_starttls(&peer, &answer));
	assert_string_equal(peer.tls_protocol, "");
	/* More than was said: behind all but a byte of the longest answer, and behind a challenge. */
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	calls.part = sizeof(struct ask_head) + ASK_ANSWER_MAX - 1;
	send_frame(ASK_MONITOR, ASK_YES, ASK_ANSWER_MAX, login.body, 3 * ASK_ANSWER_MAX);
	assert_false(ask_auth(&login, &answer));
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	calls.part = sizeof(struct ask_head);
	send_frame(ASK_MONITOR, ASK_CHALLENGE, 9, "challenge, and more", 19);
	assert_false(ask_auth(&login, &answer));
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	send_frame(ASK_MONITOR, ASK_CHALLENGE, ASK_CHALLENGE_MAX, login.body, 2 * ASK_CHALLENGE_MAX);
	assert_false(ask_auth(&login, &answer));
	/* The monitor is gone. */
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	close(ASK_MONITOR);
	assert_false(ask_auth(&login, &answer));
	ask_answer(ASK_YES, "");	/* nobody to hear it; nor any harm */
}

/* Neither side waits for what the other will never have: an answer that is lost ends the session. */
static void
an_answer_that_is_lost(void **state)
{
	static const int errors[] = { EPIPE, EIO, ENOBUFS };
	const struct peer peer = { .tls_protocol = "TLSv1.3" };
	struct answer answer;

	for (size_t i = 0; i < 4 * LENGTH(errors); i++) {
		int error = errors[i / 4];
		char byte, *body;
		size_t length;

		assert_int_equal(make_wall(state), 0);
		calls.error = error;
		switch (i % 4) {
		case 0: ask_answer(ASK_YES, "text"); break;
		case 1: ask_answer_challenge("text", 4); break;
		case 2: ask_answer_starttls(&peer); break;
		default: ask_answer_spool(STDERR_FILENO);
		}
		assert_int_equal(calls.error, 0);
		/* The session sees that there is none, tells its end and goes. */
		assert_int_equal(recv(ASK_WALL, &byte, 1, MSG_DONTWAIT), 0);
		ask_log(&(struct ask_line){ .event = ASK_END, .reason = "internal-failure" });
		assert_int_equal(shutdown(ASK_WALL, SHUT_WR), 0);
		if (error == EPIPE) {
			assert_int_equal(ask_receive(&body, &length, INT64_MAX), ASK_LOG);
			assert_int_equal(ask_receive(&body, &length, INT64_MAX), ASK_GONE);
		} else {
			assert_int_equal(ask_receive(&body, &length, INT64_MAX), ASK_BROKEN);
			assert_int_equal(errno, error);
		}
	}
	/* A question that is lost: the session ends by itself. */
	assert_int_equal(make_wall(state), 0);
	calls.error = EPIPE;
	assert_false(ask_mechanisms(&answer));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(questions_arrive_as_they_were_asked, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(what_is_said_is_not_answered, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(a_spool_takes_its_number, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(challenges_and_responses, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(bodies_that_are_none, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(all_of_a_question_arrives, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(calls_that_fail, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(what_is_no_descriptor, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(nobody_is_waited_for_longer, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(what_is_behind_a_log_line_comes_next, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(frames_may_come_in_pieces, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(an_end_is_told_from_a_cut, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(no_other_frame_is_taken, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(bodies_have_limits, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(two_questions_at_once_are_none, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(answers_are_printable_and_short, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(answers_that_are_none, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(an_answer_that_is_lost, make_wall, close_wall),
	};

	signal(SIGPIPE, SIG_IGN);	/* write(2) reports, as behind drop_start() */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
