/* The questions that the session asks the monitor: both ends, one frame, its limits. */
#include <bsd/string.h>
#include <string.h>

#include "ask.h"
#include "base/io.h"

/*
 * Reads one frame into `frame`: head, then body, at most `room` bytes. A frame is whole or worthless and
 * nobody sends two at a time, so one read is mostly enough. 1: read; 0: nobody there; -1: not a frame.
 */
static int
receive(int wall, void *frame, size_t room)
{
	struct ask_head *head = frame;
	size_t got = 0, whole = sizeof *head;

	while (got < whole) {
		ssize_t size = io_read(wall, (char *)frame + got, room - got);

		if (size <= 0)
			return got == 0 ? 0 : -1;
		got += (size_t)size;
		if (got >= sizeof *head)
			whole = sizeof *head + head->length;
		if (whole > room)
			return -1;
	}
	return got == whole ? 1 : -1;
}

/* `head` and the body stand behind one another: one write. The monitor keeps its own deadlines: its
 * answer is waited for as long as it takes. */
static bool
ask(struct ask_head *head, char kind, size_t length, struct answer *answer)
{
	struct {
		struct ask_head head;
		char body[ASK_ANSWER_MAX];
	} frame;

	*head = (struct ask_head){ .kind = { kind }, .length = (uint32_t)length };
	if (!io_write_all(ASK_WALL, head, sizeof *head + length) ||
	    receive(ASK_WALL, &frame, sizeof frame) != 1)
		return false;
	*answer = (struct answer){ .verdict = (enum ask_verdict)frame.head.kind[0] };
	memcpy(answer->text, frame.body, frame.head.length);
	return true;
}

bool
ask_peer(const struct text *packed, struct answer *answer)
{
	struct {
		struct ask_head head;
		char body[ASK_PEER_MAX];
	} question;

	if (packed->cut || packed->used > sizeof question.body)
		return false;
	memcpy(question.body, packed->bytes, packed->used);
	return ask(&question.head, ASK_PEER, packed->used, answer);
}

bool
ask_auth(struct login *login, struct answer *answer)
{
	return ask(&login->head, ASK_AUTH, login->length, answer);
}

bool
ask_send(struct envelope *envelope, struct answer *answer)
{
	return ask(&envelope->head, ASK_SEND, envelope->length, answer);
}

/* Untouched, its pages cost nothing: only an envelope of that size would touch them. */
static struct {
	struct ask_head head;
	char body[ASK_SEND_MAX + 1];
} received;

int
ask_receive(char **body, size_t *length)
{
	int answer = receive(ASK_MONITOR, &received, sizeof received - 1);
	char kind = received.head.kind[0];

	if (answer != 1)
		return answer;
	if (received.head.length > (kind == ASK_PEER ? ASK_PEER_MAX : kind == ASK_AUTH ? ASK_AUTH_MAX
	    : kind == ASK_SEND ? ASK_SEND_MAX : 0))
		return -1;
	*body = received.body;
	*length = received.head.length;
	received.body[*length] = '\0';
	return kind;
}

void
ask_forget(void)
{
	explicit_bzero(received.body, received.head.length);
}

void
ask_answer(enum ask_verdict verdict, const char *text)
{
	struct {
		struct ask_head head;
		char body[ASK_ANSWER_MAX];
	} answer = { .head = { .kind = { (char)verdict } } };

	while (answer.head.length < sizeof answer.body && text[answer.head.length] != '\0') {
		char byte = text[answer.head.length];

		answer.body[answer.head.length++] = byte < 32 || byte == 127 ? '?' : byte;
	}
	if (!io_write_all(ASK_MONITOR, &answer, sizeof answer.head + answer.head.length))
		return;
}
