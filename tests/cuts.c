/*
 * The program with a session that has everything that its client says more than once: whole and, in the same process,
 * once for every place where that can be cut in two, then byte by byte. Whole it has the monitor behind the wall and
 * answers its client; each time after that it is given the answers of the monitor once more, and what it says to client,
 * wall and spool must be the same again. A line that begins with 599 tells the client of the first that is not. In the
 * middle of a line of more than 200 bytes every 997th place will do.
 *
 * Linked in place of session/smtp.o with --wrap for the calls below. The client closes its end when it has said all.
 */
#define smtp_session one_session
#include "session/smtp.c"
#undef smtp_session

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#define MOST (1 << 20)

enum way { NOT_YET, FIRST, AGAIN };
enum { CLIENT_IN, CLIENT_OUT, SPOOL = SPOOL_DESCRIPTOR, WALL = ASK_WALL, TAPES };

static enum way way;
static bool differs;
static struct tape {	/* what was written there the first time; `at`: how far it was written again */
	size_t length, at;
	char bytes[MOST];
} tapes[TAPES];
static struct {		/* what the client says, and how it comes: up to `cut`, then the rest; or in parts */
	size_t length, at, cut, part;
	char bytes[MOST];
} input;
static struct {		/* what the monitor answered, as it was read */
	unsigned count, at;
	struct part { size_t length; bool spool; } parts[4096];
	size_t used, read;
	char bytes[MOST];
} answers;

ssize_t __real_read(int descriptor, void *bytes, size_t size);
ssize_t __real_write(int descriptor, const void *bytes, size_t size);
ssize_t __real_send(int descriptor, const void *bytes, size_t size, int flags);
ssize_t __real_recvmsg(int descriptor, struct msghdr *message, int flags);
int __real_poll(struct pollfd *list, nfds_t count, int timeout);
int __real_close(int descriptor);
time_t __real_time(time_t *now);

static size_t
least(size_t one, size_t other)
{
	return one < other ? one : other;
}

/* Onto the tape, or against it. False: the true one has to take it. */
static bool
played(int descriptor, const void *bytes, size_t size)
{
	struct tape *tape = &tapes[descriptor];

	if (way == AGAIN) {
		differs |= size > tape->length - tape->at || memcmp(tape->bytes + tape->at, bytes, size) != 0;
		tape->at = least(tape->at + size, tape->length);
		return true;
	}
	differs |= size > MOST - tape->length;
	if (differs)
		return true;
	memcpy(tape->bytes + tape->length, bytes, size);
	tape->length += size;
	return descriptor == CLIENT_OUT;
}

ssize_t __wrap_read(int descriptor, void *bytes, size_t size);
ssize_t
__wrap_read(int descriptor, void *bytes, size_t size)
{
	size_t end = input.at < input.cut ? input.cut : input.length;

	if (way == NOT_YET || descriptor != CLIENT_IN)
		return __real_read(descriptor, bytes, size);
	if (input.part > 0)
		end = least(input.at + input.part, input.length);
	size = least(size, end - input.at);
	memcpy(bytes, input.bytes + input.at, size);
	input.at += size;
	return (ssize_t)size;
}

ssize_t __wrap_write(int descriptor, const void *bytes, size_t size);
ssize_t
__wrap_write(int descriptor, const void *bytes, size_t size)
{
	if (way == NOT_YET || descriptor >= TAPES)
		return __real_write(descriptor, bytes, size);
	return played(descriptor, bytes, size) ? (ssize_t)size : __real_write(descriptor, bytes, size);
}

ssize_t __wrap_send(int descriptor, const void *bytes, size_t size, int flags);
ssize_t
__wrap_send(int descriptor, const void *bytes, size_t size, int flags)
{
	return way == NOT_YET ? __real_send(descriptor, bytes, size, flags) : __wrap_write(descriptor, bytes, size);
}

/* From the wall, and perhaps a descriptor with it. */
ssize_t __wrap_recvmsg(int descriptor, struct msghdr *message, int flags);
ssize_t
__wrap_recvmsg(int descriptor, struct msghdr *message, int flags)
{
	struct part *part = &answers.parts[answers.at];
	struct cmsghdr *head = message->msg_control;
	ssize_t got;

	if (way == NOT_YET)
		return __real_recvmsg(descriptor, message, flags);
	if (way == FIRST) {
		got = __real_recvmsg(descriptor, message, flags);
		differs |= answers.at + 1 == sizeof answers.parts / sizeof *part || got > (ssize_t)(MOST - answers.used);
		if (got <= 0 || differs)
			return got;
		*part = (struct part){ (size_t)got, message->msg_controllen > 0 };
		memcpy(answers.bytes + answers.used, message->msg_iov->iov_base, (size_t)got);
		answers.used += (size_t)got;
		answers.count = ++answers.at;
		return got;
	}
	if (answers.at == answers.count || part->length > message->msg_iov->iov_len) {
		differs = true;
		return 0;
	}
	memcpy(message->msg_iov->iov_base, answers.bytes + answers.read, part->length);
	answers.read += part->length;
	answers.at++;
	*head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(head), &(int){ SPOOL_DESCRIPTOR }, sizeof(int));
	message->msg_controllen = part->spool ? CMSG_LEN(sizeof(int)) : 0;
	return (ssize_t)part->length;
}

/* The client is always ready, and has reset nothing. */
int __wrap_poll(struct pollfd *list, nfds_t count, int timeout);
int
__wrap_poll(struct pollfd *list, nfds_t count, int timeout)
{
	if (way == NOT_YET)
		return __real_poll(list, count, timeout);
	list->revents = list->events;
	return list->events != 0;
}

/* The next message's spool is another. */
int __wrap_close(int descriptor);
int
__wrap_close(int descriptor)
{
	return way == AGAIN && descriptor == SPOOL ? 0 : __real_close(descriptor);
}

/* The clock of the header stands still. */
time_t __wrap_time(time_t *now);
time_t
__wrap_time(time_t *now)
{
	static time_t then;

	if (way == NOT_YET || then == 0)
		then = __real_time(NULL);
	if (now != NULL)
		*now = then;
	return then;
}

/* A session that nothing was said to; it keeps only what is never read before it was written. */
static void
begin(void)
{
	explicit_bzero(session.line.in, session.line.end);
	memset(&session, 0, offsetof(struct session, line.in));
	session.xclient = (struct xclient){ .address_said = false };
	memset(&session.data, 0, offsetof(struct data, out));
	session.login.length = session.envelope.length = 0;
	for (int i = 0; i < TAPES; i++)
		tapes[i].at = 0;
	input.at = input.cut = input.part = 0;
	answers.at = 0;
	answers.read = 0;
}

/* Once more; false: something was not as it was, or less of it. */
static bool
same_again(const struct config *config, const struct peer *peer, const char *id, int result)
{
	differs |= one_session(config, peer, id) != result;
	for (int i = 0; i < TAPES; i++)
		differs |= tapes[i].at != tapes[i].length;
	return !differs && answers.at == answers.count;
}

/* In the middle of a long line. */
static bool
is_dull(size_t cut)
{
	const char *start = input.bytes + cut - 100;

	return cut > 100 && cut + 100 < input.length && cut % 997 != 0 && memchr(start, '\n', 200) == NULL &&
	    memchr(start, '\r', 200) == NULL;
}

static void
tell(const char *bytes, size_t length)
{
	for (ssize_t sent = 1; length > 0 && sent > 0; bytes += sent, length -= (size_t)sent)
		sent = __real_write(CLIENT_OUT, bytes, length);
}

int smtp_session(const struct config *config, const struct peer *peer, const char *id);
int
smtp_session(const struct config *config, const struct peer *peer, const char *id)
{
	static char fault[200];
	ssize_t got;
	int result;

	while ((got = __real_read(CLIENT_IN, input.bytes + input.length, MOST - input.length)) > 0)
		input.length += (size_t)got;
	way = FIRST;
	result = one_session(config, peer, id);
	if (differs)
		snprintf(fault, sizeof fault, "599 It is too long\r\n");
	way = AGAIN;
	for (size_t cut = 1; cut <= input.length && fault[0] == '\0'; cut++) {
		if (is_dull(cut))
			continue;
		begin();
		input.cut = cut;
		input.part = cut == input.length;	/* the last time it is byte by byte */
		if (!same_again(config, peer, id, result))
			snprintf(fault, sizeof fault, "599 Cut in two at %zu of %zu it is another session\r\n", cut, input.length);
	}
	way = NOT_YET;
	tell(tapes[CLIENT_OUT].bytes, tapes[CLIENT_OUT].length);
	tell(fault, strlen(fault));
	return result;
}
