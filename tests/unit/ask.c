/* links: ask */
/* The wall: questions and answers in one process, then frames that nobody should send. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"

static int
make_wall(void **state)
{
	int pair[2];

	(void)state;
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

static void
questions_arrive_as_they_were_asked(void **state)
{
	struct answer answer;
	struct text packed;
	char array[ASK_PEER_MAX + 8] = "", *body;
	size_t length;

	(void)state;
	/* The answer is there before the question: one process asks and answers. */
	ask_answer(ASK_YES, "bob");
	login.length = 8;
	memcpy(login.body, "bob\0pass", 8);
	login.body[login.length++] = '\0';
	assert_true(ask_auth(&login, &answer));
	assert_int_equal(answer.verdict, ASK_YES);
	assert_string_equal(answer.text, "bob");
	assert_int_equal(ask_receive(&body, &length), ASK_AUTH);
	assert_int_equal(length, 9);
	assert_memory_equal(body, "bob\0pass\0\0", 10);
	ask_forget();
	assert_memory_equal(body, "\0\0\0\0\0\0\0\0\0\0", 10);
	ask_answer(ASK_NO, "");
	text_start(&packed, array, sizeof array);
	text_add_bytes(&packed, "1\0002\0", 4);
	assert_true(ask_peer(&packed, &answer));
	assert_int_equal(answer.verdict, ASK_NO);
	assert_string_equal(answer.text, "");
	assert_int_equal(ask_receive(&body, &length), ASK_PEER);
	assert_memory_equal(body, "1\0002\0\0", 5);
	assert_int_equal(length, 4);
	ask_answer(ASK_TEMPORARY, "4.3.0 Later");
	envelope.length = 100000;	/* as much as the wall holds: nobody reads meanwhile */
	memset(envelope.body, 'x', envelope.length);
	assert_true(ask_send(&envelope, &answer));
	assert_int_equal(answer.verdict, ASK_TEMPORARY);
	assert_string_equal(answer.text, "4.3.0 Later");
	assert_int_equal(ask_receive(&body, &length), ASK_SEND);
	assert_int_equal(length, 100000);
	assert_memory_equal(body, envelope.body, length);
	/* What cannot be packed is not asked. */
	text_start(&packed, array, 4);
	text_add(&packed, "too long");
	assert_false(ask_peer(&packed, &answer));
	text_start(&packed, array, sizeof array);
	for (int i = 0; i <= ASK_PEER_MAX; i++)
		text_add_byte(&packed, 'x');
	assert_false(ask_peer(&packed, &answer));
}

static void
frames_may_come_in_pieces(void **state)
{
	char *body, bytes[64];
	struct ask_head head = { .kind = { ASK_AUTH }, .length = 8 };
	size_t length;
	pid_t child;

	(void)state;
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
	assert_int_equal(ask_receive(&body, &length), ASK_AUTH);
	assert_int_equal(length, 8);
	assert_memory_equal(body, "bob\0pas\0\0", 9);
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
		assert_int_equal(ask_receive(&body, &length), cut == 0 ? 0 : -1);
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
		{ ASK_SEND, 0, 0, true }, { ASK_SEND, ASK_SEND_MAX + 8, 100, false },
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
		kind = ask_receive(&got, &length);
		if (rows[i].fine ? kind != rows[i].kind || length != rows[i].length : kind != -1)
			fail_msg("row %zu: %d", i, kind);
	}
}

static void
two_questions_at_once_are_none(void **state)
{
	char *body;
	size_t length;

	(void)state;
	send_frame(ASK_WALL, ASK_AUTH, 4, "a\0b\0", 4);
	send_frame(ASK_WALL, ASK_SEND, 8, "Fa\0Tb\0\0", 8);
	assert_int_equal(ask_receive(&body, &length), -1);
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
	struct answer answer;

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
	/* The monitor is gone. */
	close_wall(NULL);
	assert_int_equal(make_wall(NULL), 0);
	close(ASK_MONITOR);
	assert_false(ask_auth(&login, &answer));
	ask_answer(ASK_YES, "");	/* nobody to hear it; nor any harm */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(questions_arrive_as_they_were_asked, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(frames_may_come_in_pieces, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(an_end_is_told_from_a_cut, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(no_other_frame_is_taken, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(two_questions_at_once_are_none, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(answers_are_printable_and_short, make_wall, close_wall),
		cmocka_unit_test_setup_teardown(answers_that_are_none, make_wall, close_wall),
	};

	signal(SIGPIPE, SIG_IGN);	/* as drop_start() does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
