/* The questions that the session asks the monitor: both ends, frames and bodies, their limits. */
#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "ask.h"
#include "base/apart.h"
#include "base/io.h"
#include "base/text.h"

struct answer_frame {
	struct ask_head head;
	char body[ASK_ANSWER_MAX];
};

/* Room for one descriptor beside a frame. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

/*
 * Reads from the wall into [bytes, bytes + room), and a descriptor that may come with it, as SPOOL_DESCRIPTOR; any
 * other cannot arrive: no other number is free. Returns what read(2) does.
 */
static ssize_t
read_wall(void *bytes, size_t room, bool *spool)
{
	union control control;
	struct iovec vector = { .iov_base = bytes, .iov_len = room };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
	    .msg_controllen = sizeof control };
	const struct cmsghdr *head;
	ssize_t got;

	do
		got = recvmsg(ASK_WALL, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int))) {
		int descriptor;

		memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
		*spool = descriptor == SPOOL_DESCRIPTOR;
	}
	return got;
}

/* An answer as it comes in: after any part of one there is room for whatever may be there. */
struct received_answer {
	struct ask_head head;
	char body[2 * ASK_ANSWER_MAX + sizeof(struct ask_head)];
};

/* The rest of a challenge, of which `got` bytes are in the frame, to where the question stood: it has room for two. */
static bool
receive_challenge(const struct received_answer *frame, size_t got, char *to, struct answer *answer)
{
	bool spool = false;

	if (frame->head.length > ASK_CHALLENGE_MAX || got > frame->head.length)
		return false;
	*answer = (struct answer){ .verdict = ASK_CHALLENGE, .length = frame->head.length };
	memcpy(to, frame->body, got);
	while (got < answer->length) {
		ssize_t size = read_wall(to + got, ASK_CHALLENGE_MAX, &spool);

		if (size <= 0)
			return false;
		got += (size_t)size;
	}
	return got == answer->length && !spool;
}

/* Reads the answer: as a rule in one go. False: nobody there, not an answer, or it brings a spool and is not
 * ASK_YES to `kind` ASK_SPOOL, or the other way round. */
static bool
receive_answer(enum ask_kind kind, char *question, struct answer *answer)
{
	struct received_answer frame = { 0 };
	size_t got = 0, whole = sizeof frame.head;
	bool spool = false;

	while (got < whole) {
		ssize_t size = read_wall((char *)&frame + got, sizeof(struct answer_frame), &spool);

		if (size <= 0)
			return false;
		got += (size_t)size;
		if (got < sizeof frame.head)
			continue;
		if (frame.head.kind[0] == ASK_CHALLENGE && !spool && (kind == ASK_AUTH || kind == ASK_STEP))
			return receive_challenge(&frame, got - sizeof frame.head, question, answer);
		if (frame.head.length > ASK_ANSWER_MAX)
			return false;
		whole = sizeof frame.head + frame.head.length;
	}
	if (got != whole)
		return false;
	*answer = (struct answer){ .verdict = (enum ask_verdict)frame.head.kind[0] };
	memcpy(answer->text, frame.body, whole - sizeof frame.head);
	return spool == (kind == ASK_SPOOL && answer->verdict == ASK_YES);
}

static struct ask_head
head_of(enum ask_kind kind, size_t length)
{
	return (struct ask_head){ .kind = { (char)kind }, .length = (uint32_t)length };
}

/* In front of the body is room for the head: one write. The monitor keeps its own deadlines: its answer is waited
 * for as long as it takes. */
static bool
ask(void *frame, enum ask_kind kind, size_t length, struct answer *answer)
{
	struct ask_head head = head_of(kind, length);

	memcpy(frame, &head, sizeof head);
	return io_write_all(ASK_WALL, frame, sizeof head + length) &&
	    receive_answer(kind, (char *)frame + sizeof head, answer);
}

/* A field of a body: the string and its NUL. */
static void
add_field(struct text *body, const char *string)
{
	text_add_bytes(body, string, strlen(string) + 1);
}

static void
add_number_field(struct text *body, uint64_t number)
{
	text_add_number(body, number);
	text_add_byte(body, '\0');
}

bool
ask_peer(const struct peer *peer, struct answer *answer)
{
	struct {
		struct ask_head head;
		char body[ASK_PEER_MAX + 1];
	} question;
	struct text body;

	text_start(&body, question.body, sizeof question.body);
	add_field(&body, peer->address);
	add_field(&body, peer->port);
	add_number_field(&body, peer->tls);
	add_number_field(&body, peer->source);
	add_field(&body, peer->tls_protocol);
	add_field(&body, peer->tls_cipher);
	add_field(&body, peer->host);
	add_number_field(&body, peer->verified);
	add_field(&body, peer->certificate[0]);
	return ask(&question, ASK_PEER, body.used, answer);	/* struct peer holds less than ASK_PEER_MAX */
}

bool
ask_starttls(struct peer *peer, struct answer *answer)
{
	struct ask_head head;
	char *cipher, *certified;

	if (!ask(&head, ASK_STARTTLS, 0, answer))
		return false;
	if (answer->verdict != ASK_YES)
		return true;
	cipher = strchr(answer->text, ' ');
	if (cipher == NULL)
		return false;
	*cipher++ = '\0';
	certified = strchr(cipher, ' ');
	if (certified != NULL)
		*certified = '\0';
	peer_start_tls(peer);
	strlcpy(peer->tls_protocol, answer->text, sizeof peer->tls_protocol);
	strlcpy(peer->tls_cipher, cipher, sizeof peer->tls_cipher);
	peer->verified = certified != NULL;
	strlcpy(peer->certificate[0], peer->verified ? "?" : "", sizeof peer->certificate[0]);	/* not for us */
	return true;
}

void
ask_auth_start(struct login *login, const char *mechanism)
{
	login->length = strlcpy(login->body, mechanism, sizeof login->body) + 1;
}

void
ask_auth_add(struct login *login, size_t length)
{
	login->length += length;
	login->body[login->length++] = '\0';
}

bool
ask_auth(struct login *login, struct answer *answer)
{
	return ask(&login->head, ASK_AUTH, login->length, answer);
}

char *
ask_step_body(struct login *login)
{
	return login->body + 1;
}

bool
ask_step(struct login *login, size_t length, struct answer *answer)
{
	login->body[0] = '=';
	return ask(&login->head, ASK_STEP, length + 1, answer);
}

bool
ask_cancel(struct login *login, struct answer *answer)
{
	login->body[0] = '*';
	return ask(&login->head, ASK_STEP, 1, answer);
}

bool
ask_mechanisms(struct answer *answer)
{
	struct ask_head head;

	return ask(&head, ASK_MECHANISMS, 0, answer);
}

bool
ask_spool(struct answer *answer)
{
	struct ask_head head;

	return ask(&head, ASK_SPOOL, 0, answer);
}

bool
ask_sender(const char *address, struct answer *answer)
{
	struct {
		struct ask_head head;
		char body[ADDRESS_MAX + 1];
	} question;
	size_t length = strlcpy(question.body, address, sizeof question.body) + 1;

	return length <= sizeof question.body && ask(&question, ASK_SENDER, length, answer);
}

void
ask_send_add(struct envelope *envelope, char kind, const char *string)
{
	size_t length = strlen(string) + 1;

	if (kind == 'F')
		envelope->length = 0;
	envelope->body[envelope->length] = kind;
	memcpy(envelope->body + envelope->length + 1, string, length);
	envelope->length += length + 1;
}

bool
ask_send(struct envelope *envelope, const struct ask_message *message, struct answer *answer)
{
	char array[ASK_FIELDS_MAX];
	struct text fields;

	text_start(&fields, array, sizeof array);
	text_add(&fields, "HELO=");
	add_field(&fields, message->helo);
	text_add(&fields, "BYTES=");
	add_number_field(&fields, message->bytes);
	if (message->smtputf8)
		add_field(&fields, "SMTPUTF8=1");
	if (message->eight_bit)
		add_field(&fields, "8BITMIME=1");
	if (message->digest != NULL) {
		text_add(&fields, "DIGEST=");
		for (int i = 0; i < MEMORY_DIGEST; i++)
			text_add_hex(&fields, message->digest[i], 2);
		text_add_byte(&fields, '\0');
	}
	text_add_byte(&fields, '\0');
	memcpy(envelope->body - fields.used, array, fields.used);
	envelope->body[envelope->length++] = '\0';
	return ask(envelope->body - fields.used - sizeof(struct ask_head), ASK_SEND, fields.used + envelope->length,
	    answer);
}

/* At most `most` bytes of a string. */
static void
add_cut(struct text *body, const char *string, size_t most)
{
	text_add_bytes(body, string, strnlen(string, most));
	text_add_byte(body, '\0');
}

void
ask_log(const struct ask_line *log)
{
	struct {
		struct ask_head head;
		char body[ASK_LOG_MAX + 1];
	} frame;
	struct text body;

	text_start(&body, frame.body, sizeof frame.body);
	text_add_byte(&body, (char)log->event);
	add_cut(&body, log->reason, 400);
	add_cut(&body, log->text == NULL ? "" : log->text, ADDRESS_MAX);
	add_number_field(&body, log->count);
	add_number_field(&body, log->bytes);
	frame.head = head_of(ASK_LOG, body.used);
	(void)!io_write_all(ASK_WALL, &frame, sizeof frame.head + body.used);	/* the next question tells */
}

/* Untouched, its pages cost nothing: only an envelope of that size would touch them. What follows the frame that was
 * asked for is the beginning of the next one. */
static APART struct {
	size_t got, used;	/* bytes from the head on; of the last frame that was returned */
	int failed;		/* errno: an answer could not be sent, though there was somebody to send it to */
	struct {
		struct ask_head head;
		char body[ASK_SEND_MAX];
	} frame;
} received;

/* The longest body of a kind; -1: there is no such kind. */
static int64_t
longest(char kind)
{
	switch (kind) {
	case ASK_PEER:
		return ASK_PEER_MAX;
	case ASK_AUTH:
		return ASK_AUTH_MAX;
	case ASK_STEP:
		return 1 + ASK_CHALLENGE_MAX;
	case ASK_SENDER:
		return ADDRESS_MAX + 1;
	case ASK_STARTTLS:
	case ASK_MECHANISMS:
	case ASK_SPOOL:
		return 0;
	case ASK_SEND:
		return ASK_SEND_MAX;
	case ASK_LOG:
		return ASK_LOG_MAX;
	default:
		return -1;
	}
}

/* The frame in front, if it is complete: 1. 0: more is to come; -1: not a frame, or somebody asks two questions
 * at a time. */
static int
complete(void)
{
	size_t whole = sizeof received.frame.head + received.frame.head.length;
	int64_t most;

	if (received.got < sizeof received.frame.head)
		return 0;
	most = longest(received.frame.head.kind[0]);
	if (most < 0 || received.frame.head.length > most)
		return -1;
	if (received.got > whole && received.frame.head.kind[0] != ASK_LOG)
		return -1;
	return received.got >= whole;
}

/* What follows the last frame comes to the front. */
static void
forget_last(void)
{
	received.got -= received.used;
	memmove(&received.frame, (char *)&received.frame + received.used, received.got);
	received.used = 0;
}

int
ask_receive(char **body, size_t *length, int64_t deadline)
{
	int state;

	errno = received.failed;
	if (received.failed != 0)
		return ASK_BROKEN;
	forget_last();
	state = complete();
	if (state == 0 && received.got == 0 && deadline != INT64_MAX && !io_wait(ASK_MONITOR, POLLIN, deadline))
		return ASK_SILENT;
	deadline = received.got > 0 ? io_now() + ASK_PATIENCE : INT64_MAX;
	while (state == 0) {
		ssize_t size;

		/* The first part of a frame is waited for here, the rest not as long. */
		if (received.got > 0 && !io_wait(ASK_MONITOR, POLLIN, deadline)) {
			state = -1;
			break;
		}
		size = io_read(ASK_MONITOR, (char *)&received.frame + received.got,
		    sizeof received.frame - received.got);
		/* ECONNRESET: our answer was not read. */
		if (received.got == 0 && (size == 0 || (size < 0 && errno == ECONNRESET)))
			return ASK_GONE;
		if (size < 0)
			return ASK_BROKEN;
		if (received.got == 0)
			deadline = io_now() + ASK_PATIENCE;
		received.got += (size_t)size;
		state = size == 0 ? -1 : complete();
	}
	errno = 0;
	if (state < 0)
		return ASK_BROKEN;
	*body = received.frame.body;
	*length = received.frame.head.length;
	received.used = sizeof received.frame.head + *length;
	return received.frame.head.kind[0];
}

void
ask_forget(void)
{
	explicit_bzero(received.frame.body, received.frame.head.length);
}

/* Cuts a body into as many fields as there are pointers up to NULL, each ended by a NUL, and nothing else. */
static bool
split(const char *body, size_t length, const char **const *fields)
{
	const char *end = body + length;

	for (; *fields != NULL; fields++) {
		const char *nul = memchr(body, '\0', (size_t)(end - body));

		if (nul == NULL)
			return false;
		**fields = body;
		body = nul + 1;
	}
	return body == end;
}

#define SPLIT(body, length, ...) split(body, length, (const char **const[]){ __VA_ARGS__, NULL })

bool
ask_read_peer(const char *body, size_t length, struct peer *told)
{
	const char *address = "", *port = "", *tls = "", *source = "", *protocol = "", *cipher = "", *host = "";
	const char *verified = "", *name = "";
	uint64_t source_number, tls_number, verified_number;

	if (!SPLIT(body, length, &address, &port, &tls, &source, &protocol, &cipher, &host, &verified, &name) ||
	    !text_number(verified, 1, &verified_number) || !text_number(source, PEER_XCLIENT, &source_number) ||
	    !text_number(tls, TLS_BEHIND, &tls_number))
		return false;
	*told = (struct peer){ .source = (enum peer_source)source_number, .tls = (enum peer_tls)tls_number,
	    .verified = verified_number == 1 };
	return strlcpy(told->address, address, sizeof told->address) < sizeof told->address &&
	    strlcpy(told->port, port, sizeof told->port) < sizeof told->port &&
	    strlcpy(told->tls_protocol, protocol, sizeof told->tls_protocol) < sizeof told->tls_protocol &&
	    strlcpy(told->tls_cipher, cipher, sizeof told->tls_cipher) < sizeof told->tls_cipher &&
	    strlcpy(told->host, host, sizeof told->host) < sizeof told->host &&
	    strlcpy(told->certificate[0], name, sizeof told->certificate[0]) < sizeof told->certificate[0];
}

bool
ask_read_auth(const char *body, size_t length, struct ask_attempt *attempt)
{
	const char *rest = memchr(body, '\0', length);

	*attempt = (struct ask_attempt){ .mechanism = body, .authzid = "", .user = "" };
	if (rest == NULL || rest + 1 == body + length)
		return false;
	if (strcmp(body, "PLAIN") == 0 || strcmp(body, "LOGIN") == 0)
		return SPLIT(body, length, &attempt->mechanism, &attempt->authzid, &attempt->user, &attempt->password);
	rest++;
	attempt->length = (size_t)(body + length - rest) - 1;
	attempt->response = *rest == '=' ? rest + 1 : NULL;
	return *rest == '=' ? attempt->length <= ASK_CHALLENGE_MAX : *rest == '-' && attempt->length == 0;
}

bool
ask_read_step(const char *body, size_t length, const char **response, size_t *response_length)
{
	if (length == 0 || (*body != '=' && (*body != '*' || length > 1)))
		return false;
	*response = *body == '=' ? body + 1 : NULL;
	*response_length = length - 1;
	return true;
}

bool
ask_read_sender(const char *body, size_t length, const char **address)
{
	return SPLIT(body, length, address);
}

/* The digest of a message: hexadecimal, small letters. */
static bool
read_digest(const char *hex, struct ask_message *message)
{
	static const char digits[] = "0123456789abcdef";
	static unsigned char digest[MEMORY_DIGEST];

	if (strlen(hex) != 2 * MEMORY_DIGEST || strspn(hex, digits) != 2 * MEMORY_DIGEST)
		return false;
	for (int i = 0; i < MEMORY_DIGEST; i++)
		digest[i] = (unsigned char)((strchr(digits, hex[2 * i]) - digits) << 4 |
		    (strchr(digits, hex[2 * i + 1]) - digits));
	message->digest = digest;
	return true;
}

/* One field of a message. */
static bool
read_field(const char *field, struct ask_message *message)
{
	for (const char *p = field; *p != '\0'; p++)
		if ((*p >= 0 && *p <= ' ') || *p == 127)
			return false;
	if (strncmp(field, "HELO=", 5) == 0)
		return strlen(message->helo = field + 5) <= ASK_HELO_MAX;
	else if (strncmp(field, "BYTES=", 6) == 0)
		return text_number(field + 6, UINT64_MAX, &message->bytes);
	else if (strcmp(field, "SMTPUTF8=1") == 0)
		message->smtputf8 = true;
	else if (strcmp(field, "8BITMIME=1") == 0)
		message->eight_bit = true;
	else if (strncmp(field, "DIGEST=", 7) == 0)
		return read_digest(field + 7, message);
	else
		return false;
	return true;
}

bool
ask_read_send(const char *body, size_t length, struct ask_message *message)
{
	const char *end = body + length;

	*message = (struct ask_message){ .helo = "" };
	for (;;) {
		const char *nul = memchr(body, '\0', (size_t)(end - body));

		if (nul == NULL || (nul > body && !read_field(body, message)))
			return false;
		if (nul == body)
			break;
		body = nul + 1;
	}
	message->envelope = body + 1;
	message->length = (size_t)(end - message->envelope);
	return true;
}

bool
ask_read_log(const char *body, size_t length, struct ask_line *log)
{
	const char *count = "", *bytes = "";

	if (length < 1)
		return false;
	log->event = (enum ask_event)body[0];
	return SPLIT(body + 1, length - 1, &log->reason, &log->text, &count, &bytes) &&
	    text_number(count, UINT64_MAX, &log->count) && text_number(bytes, UINT64_MAX, &log->bytes);
}

/* An answer could not be sent. Whoever still waits for it sees the end of the wall, and ends; the next ask_receive()
 * sees that it is gone, after what it had said before. */
static void
lose_answer(int error)
{
	received.failed = error == EPIPE ? 0 : error;
	(void)shutdown(ASK_MONITOR, SHUT_WR);
}

static void
send_answer(const void *frame, size_t length)
{
	if (!io_write_all(ASK_MONITOR, frame, length))
		lose_answer(errno);
}

void
ask_answer(enum ask_verdict verdict, const char *text)
{
	struct answer_frame answer = { .head = { .kind = { (char)verdict } } };

	while (answer.head.length < sizeof answer.body && text[answer.head.length] != '\0') {
		char byte = text[answer.head.length];

		answer.body[answer.head.length++] = byte < 32 || byte == 127 ? '?' : byte;
	}
	send_answer(&answer, sizeof answer.head + answer.head.length);
}

void
ask_answer_starttls(const struct peer *peer)
{
	char array[sizeof peer->tls_protocol + sizeof peer->tls_cipher + 20];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add(&text, peer->tls_protocol);
	text_add_byte(&text, ' ');	/* neither has one */
	text_add(&text, peer->tls_cipher);
	text_add(&text, peer_certified(peer) ? " certified" : "");
	ask_answer(ASK_YES, array);
}

void
ask_answer_challenge(const void *challenge, size_t length)
{
	struct {
		struct ask_head head;
		char body[ASK_CHALLENGE_MAX];
	} answer = { .head = { .kind = { ASK_CHALLENGE }, .length = (uint32_t)length } };

	memcpy(answer.body, challenge, length);
	send_answer(&answer, sizeof answer.head + length);
}

void
ask_answer_spool(int spool)
{
	struct ask_head answer = { .kind = { ASK_YES } };
	union control control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS } };
	struct iovec vector = { .iov_base = &answer, .iov_len = sizeof answer };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
	    .msg_controllen = sizeof control };
	ssize_t sent;

	memcpy(CMSG_DATA(&control.head), &spool, sizeof spool);
	do
		sent = sendmsg(ASK_MONITOR, &message, 0);
	while (sent < 0 && errno == EINTR);
	if (sent != (ssize_t)sizeof answer)	/* there is always room for so little */
		lose_answer(sent >= 0 ? EIO : errno);
}
