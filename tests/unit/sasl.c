/* links: session/sasl session/line */
/* The AUTH dialogues, up to the question; and that nothing is left of a password afterwards. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* The wall's own packing, without the crossing. */
#define ask_auth crossing
#define ask_step step_crossing
#define ask_cancel cancel_crossing
#include "../../ask.c"
#undef ask_auth
#undef ask_step
#undef ask_cancel
bool ask_auth(struct login *login, struct answer *answer);
bool ask_step(struct login *login, size_t length, struct answer *answer);
bool ask_cancel(struct login *login, struct answer *answer);

#include "base/scram.h"
#include "session/sasl.h"

static struct config config = { .mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN };
static struct line line;
static struct login login;

/* What the monitor was asked, and what it says. */
static struct {
	int times;
	char body[ASK_AUTH_MAX];
	size_t length;
	enum ask_verdict verdict;
	bool gone;
	/* A mechanism with steps: the challenges, each with its length, then the verdict; what was answered. */
	int gone_at;		/* the step that it does not live to see; 0: none */
	const char *challenges[4];
	size_t lengths[4];
	int steps, cancelled;
	char said[4][ASK_CHALLENGE_MAX];
	size_t said_lengths[4];
} monitor;

/* The next challenge, or the verdict. */
static bool
go_on(struct login *asked, struct answer *answer)
{
	int step = monitor.steps;

	*answer = (struct answer){ .verdict = monitor.verdict, .text = "bob" };
	if (step < 4 && monitor.challenges[step] != NULL) {
		*answer = (struct answer){ .verdict = ASK_CHALLENGE, .length = monitor.lengths[step] };
		memcpy(asked->body, monitor.challenges[step], monitor.lengths[step]);
	}
	return !monitor.gone;
}

bool
ask_step(struct login *asked, size_t length, struct answer *answer)
{
	memcpy(monitor.said[monitor.steps], ask_step_body(asked), length);
	monitor.said_lengths[monitor.steps++] = length;
	return go_on(asked, answer) && monitor.steps != monitor.gone_at;
}

bool
ask_cancel(struct login *asked, struct answer *answer)
{
	(void)asked;
	monitor.cancelled++;
	*answer = (struct answer){ .verdict = ASK_NO };
	return monitor.gone_at == 0;
}

bool
ask_auth(struct login *asked, struct answer *answer)
{
	monitor.times++;
	monitor.length = asked->length;
	memcpy(monitor.body, asked->body, asked->length);
	monitor.steps = monitor.cancelled = 0;
	return go_on(asked, answer);
}

static char output[50000];	/* what the client was sent */

/* Says what a client says, all of it or `part` bytes at a time, and does what SMTP does with an AUTH line. */
static const struct reply *
converse(const char *input, enum line_event *event)
{
	static const struct reply none = { 0, "", "", false };
	struct answer answer;
	const struct reply *reply;
	char *string, *initial;
	size_t length;
	ssize_t got;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &(int){ 1 << 20 }, sizeof(int)), 0);
	assert_int_equal(send(pair[1], input, strlen(input), 0), strlen(input));
	shutdown(pair[1], SHUT_WR);
	line_start(&line, pair[0], pair[0]);
	line_set_patience(&line, 5000);
	line_set_deadline(&line, INT64_MAX);
	monitor.times = 0;
	assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
	assert_memory_equal(string, "AUTH ", 5);
	initial = strchr(string + 5, ' ');
	if (initial != NULL)
		*initial++ = '\0';
	reply = sasl_auth(sasl_find(&config, string + 5), &line, initial, &login, &answer, event);
	line_flush(&line);
	close(pair[0]);
	got = recv(pair[1], output, sizeof output - 1, 0);
	output[got > 0 ? got : 0] = '\0';
	close(pair[1]);
	if (*event == LINE_READ) {
		assert_non_null(reply);
		return reply;
	}
	assert_null(reply);
	return &none;
}

/* The question was: the mechanism, and authorization identity NUL user NUL password NUL as in `credentials`. */
static void
asked(const char *credentials, size_t length, const char *input)
{
	assert_int_equal(monitor.times, 1);
	assert_int_equal(monitor.length, length + 6);
	assert_memory_equal(monitor.body, (input[5] | 32) == 'p' ? "PLAIN" : "LOGIN", 6);
	assert_memory_equal(monitor.body + 6, credentials, length);
}

#define NAME "334 VXNlcm5hbWU6\r\n"
#define PASSWORD "334 UGFzc3dvcmQ6\r\n"
/* tim, tanstaaftanstaaf: the example of RFC 4616 */
#define TIM "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
#define CREDENTIALS "\0tim\0tanstaaftanstaaf"

static void
all_forms_ask_the_same_question(void **state)
{
	static const struct {
		const char *input, *output;
	} rows[] = {
		{ "AUTH PLAIN " TIM "\r\n", "" },
		{ "AUTH plain " TIM "\r\n", "" },
		{ "AUTH PLAIN\r\n" TIM "\r\n", "334 \r\n" },
		{ "AUTH PLAIN " TIM " \r\n", "" },		/* a blank behind it */
		{ "AUTH PLAIN\r\n" TIM " \r\n", "334 \r\n" },
		{ "AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n", NAME PASSWORD },
		{ "AUTH Login dGlt\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n", PASSWORD },
		{ "AUTH LOGIN dGlt \r\ndGFuc3RhYWZ0YW5zdGFhZg== \r\n", PASSWORD },
	};
	enum line_event event;

	(void)state;
	monitor.verdict = ASK_YES;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct reply *reply = converse(rows[i].input, &event);

		if (reply != &sasl_success)
			fail_msg("%s: %d %s", rows[i].input, reply->code, reply->text);
		assert_string_equal(output, rows[i].output);
		asked(CREDENTIALS, sizeof CREDENTIALS, rows[i].input);
	}
}

/* A reply as the client reads it; and how the session ends. */
static const char *
said(const struct reply *reply)
{
	static char array[300];

	snprintf(array, sizeof array, "%d %s %s%s%s", reply->code, reply->enhanced, reply->text,
	    reply->end != NULL ? " | " : "", reply->end != NULL ? reply->end : "");
	return array;
}

#define CANCELLED "501 5.7.0 Authentication cancelled"
#define NO_BASE64 "501 5.5.2 That is not base64"
#define MALFORMED "501 5.5.2 That is not what the mechanism sends"
#define TOO_LONG "500 5.5.6 Authentication exchange line is too long"
#define REFUSED "535 5.7.8 Authentication credentials invalid"
#define LATER "454 4.7.0 Temporary authentication failure"
#define FAILURE "421 4.3.0 Internal failure, closing connection | internal-failure"
#define SUCCESS "235 2.7.0 Authentication succeeded"

static void
every_other_dialogue(void **state)
{
	static const struct {
		const char *input;
		const char *reply, *output;
		const char *asked;
		size_t length;		/* of `asked`; 0: nobody is asked */
	} rows[] = {
		/* cancelled, and one reply each */
		{ "AUTH PLAIN\r\n*\r\n", CANCELLED, "334 \r\n", NULL, 0 },
		{ "AUTH LOGIN\r\n*\r\n", CANCELLED, NAME, NULL, 0 },
		{ "AUTH LOGIN\r\ndGlt\r\n*\r\n", CANCELLED, NAME PASSWORD, NULL, 0 },
		{ "AUTH LOGIN dGlt\r\n*\r\n", CANCELLED, PASSWORD, NULL, 0 },
		{ "AUTH PLAIN *\r\n", NO_BASE64, "", NULL, 0 },	/* nothing has begun */
		{ "AUTH PLAIN\r\n**\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH LOGIN *\r\n", NO_BASE64, "", NULL, 0 },
		/* no base64, no message of the mechanism */
		{ "AUTH PLAIN =\r\n", MALFORMED, "", NULL, 0 },
		{ "AUTH PLAIN\r\n=\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\n\r\n", MALFORMED, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\nRSET\r\n", MALFORMED, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\nMAIL FROM:<a@b>\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\n " TIM "\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\n" TIM "  \r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\n\x01" TIM "\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\n\xff\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN\r\n \r\n", MALFORMED, "334 \r\n", NULL, 0 },
		{ "AUTH LOGIN\r\n \r\ncA==\r\n", REFUSED, NAME PASSWORD, "\0\0p", 4 },
		{ "AUTH PLAIN\r\n" TIM "\t\r\n", NO_BASE64, "334 \r\n", NULL, 0 },
		{ "AUTH PLAIN " TIM "=\r\n", NO_BASE64, "", NULL, 0 },
		{ "AUTH PLAIN A===\r\n", NO_BASE64, "", NULL, 0 },
		{ "AUTH PLAIN \x80\r\n", NO_BASE64, "", NULL, 0 },
		{ "AUTH PLAIN dQ==\r\n", MALFORMED, "", NULL, 0 },			/* u */
		{ "AUTH PLAIN dQBw\r\n", MALFORMED, "", NULL, 0 },			/* u\0p */
		{ "AUTH PLAIN AA==\r\n", MALFORMED, "", NULL, 0 },			/* \0 */
		{ "AUTH PLAIN AHUAcAA=\r\n", MALFORMED, "", NULL, 0 },		/* \0u\0p\0 */
		{ "AUTH PLAIN AHUAcAB4\r\n", MALFORMED, "", NULL, 0 },		/* \0u\0p\0x */
		{ "AUTH LOGIN dQB1\r\n", MALFORMED, "", NULL, 0 },			/* u\0u */
		{ "AUTH LOGIN dQ==\r\ncABw\r\n", MALFORMED, PASSWORD, NULL, 0 },	/* p\0p */
		/* nobody acts for another: the monitor's to refuse */
		{ "AUTH PLAIN dgB1AHA=\r\n", REFUSED, "", "v\0u\0p", 6 },
		{ "AUTH PLAIN dQAAcA==\r\n", REFUSED, "", "u\0\0p", 5 },
		{ "AUTH PLAIN dXUAdQBw\r\n", REFUSED, "", "uu\0u\0p", 7 },
		{ "AUTH PLAIN dGltAHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", REFUSED, "",
		    "tim\0tim\0tanstaaftanstaaf", 25 },
		/* empty ones are the monitor's to refuse and to count */
		{ "AUTH PLAIN AAA=\r\n", REFUSED, "", "\0\0", 3 },			/* \0\0 */
		{ "AUTH PLAIN AABw\r\n", REFUSED, "", "\0\0p", 4 },			/* \0\0p */
		{ "AUTH PLAIN AHUA\r\n", REFUSED, "", "\0u\0", 4 },			/* \0u\0 */
		{ "AUTH LOGIN =\r\ncA==\r\n", REFUSED, PASSWORD, "\0\0p", 4 },
		{ "AUTH LOGIN\r\n\r\n\r\n", REFUSED, NAME PASSWORD, "\0\0", 3 },
		{ "AUTH LOGIN dQ==\r\n\r\n", REFUSED, PASSWORD, "\0u\0", 4 },
		{ "AUTH PLAIN AHUNCgBwDQo=\r\n", REFUSED, "", "\0u\r\n\0p\r\n", 9 },
	};
	enum line_event event;

	(void)state;
	monitor.verdict = ASK_NO;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct reply *reply = converse(rows[i].input, &event);

		if (strcmp(said(reply), rows[i].reply) != 0 || strcmp(output, rows[i].output) != 0)
			fail_msg("%s: %s, %s", rows[i].input, said(reply), output);
		if (rows[i].length > 0)
			asked(rows[i].asked, rows[i].length, rows[i].input);
		else
			assert_int_equal(monitor.times, 0);
	}
}

/* What stands in front of an empty response is not its end. */
static void
a_blank_before_an_empty_response(void **state)
{
	enum line_event event;
	struct answer answer;
	char initial[] = " =";

	(void)state;
	monitor.times = 0;
	assert_string_equal(said(sasl_auth(sasl_find(&config, "PLAIN"), &line, initial + 1, &login, &answer, &event)),
	    MALFORMED);
	assert_int_equal(monitor.times, 0);
	assert_string_equal(initial, " ");	/* and nothing of it stays */
}

static void
what_the_monitor_says(void **state)
{
	enum line_event event;

	(void)state;
	monitor.verdict = ASK_NO;
	assert_string_equal(said(converse("AUTH PLAIN " TIM "\r\n", &event)), REFUSED);
	monitor.verdict = ASK_TEMPORARY;
	assert_string_equal(said(converse("AUTH PLAIN " TIM "\r\n", &event)), LATER);
	monitor.verdict = (enum ask_verdict)'X';	/* no answer that we know is no yes */
	assert_string_equal(said(converse("AUTH PLAIN " TIM "\r\n", &event)), LATER);
	monitor.verdict = ASK_YES;
	monitor.gone = true;
	assert_string_equal(said(converse("AUTH PLAIN " TIM "\r\n", &event)), FAILURE);
	monitor.gone = false;
}

static void
lines_that_end_otherwise(void **state)
{
	static const struct {
		const char *input;
		enum line_event event;
	} rows[] = {
		{ "AUTH PLAIN\r\n", LINE_GONE }, { "AUTH PLAIN\r\n" TIM, LINE_GONE }, { "AUTH PLAIN\r\n" TIM "\r", LINE_GONE },
		{ "AUTH LOGIN\r\n", LINE_GONE }, { "AUTH LOGIN\r\ndGlt\r\n", LINE_GONE }, { "AUTH LOGIN dGlt\r\n", LINE_GONE },
		{ "AUTH PLAIN\r\n" TIM "\n", LINE_BARE }, { "AUTH LOGIN\r\ndGlt\r\rx\r\n", LINE_BARE },
	};
	enum line_event event;

	(void)state;
	monitor.verdict = ASK_YES;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		converse(rows[i].input, &event);
		assert_int_equal(event, rows[i].event);
		assert_int_equal(monitor.times, 0);
	}
}

static void
find_in(const void *where, size_t size, const char *secret, const char *input)
{
	size_t length = strlen(secret);

	for (size_t i = 0; i + 6 <= length; i++)
		if (memmem(where, size, secret + i, 6) != NULL)
			fail_msg("\"%.6s\" is left of %s", secret + i, input);
}

static void
long_answers(void **state)
{
	static const char *const fronts[] = { "AUTH PLAIN\r\n", "AUTH LOGIN\r\n", "AUTH LOGIN dGlt\r\n" };
	static char input[80000];
	enum line_event event;

	(void)state;
	monitor.verdict = ASK_NO;
	for (size_t i = 0; i < LENGTH(fronts); i++)
		for (size_t length = 12280; length <= 12292; length++) {
			size_t front = strlen(fronts[i]);

			strcpy(input, fronts[i]);
			memset(input + front, 'Q', length);
			/* With its CRLF 12288 bytes are allowed: 12284 of them can be base64. */
			strcpy(input + front + length, i == 1 ? "\r\ncA==\r\n" : "\r\n");
			if (i == 0 && length % 4 == 0)
				memcpy(input + front, "AHUA", 4);
			assert_string_equal(said(converse(input, &event)), length + 2 > 12288 ? TOO_LONG :
			    length % 4 == 0 ? REFUSED : NO_BASE64);
			assert_int_equal(event, LINE_READ);
			find_in(&line, sizeof line, "QQQQQQ", fronts[i]);
		}
	memset(input, 'Q', sizeof input - 1);
	memcpy(input, "AUTH PLAIN\r\n", 12);
	converse(input, &event);
	assert_int_equal(event, LINE_FLOODED);
	/* The longest of both: the credentials take all the room that there is. */
	memset(input, 'Q', sizeof input - 1);
	memcpy(input, "AUTH LOGIN\r\n", 12);
	memcpy(input + 12 + 12284, "\r\n", 2);
	strcpy(input + 14 + 2 * 12284, "\r\n");
	assert_int_equal(converse(input, &event)->code, 535);
	assert_int_equal(monitor.length, 6 + 1 + 2 * (9213 + 1));
}

static void
no_password_is_left(void **state)
{
	static const char *const inputs[] = {
		"AUTH PLAIN " TIM "\r\n", "AUTH PLAIN\r\n" TIM "\r\n", "AUTH PLAIN " TIM "=\r\n", "AUTH PLAIN " TIM "*AAA\r\n",
		"AUTH PLAIN dGltAHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFmAA==\r\n",
		"AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n", "AUTH LOGIN dGlt\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n",
		"AUTH LOGIN\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n\r\n", "AUTH LOGIN\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n*\r\n",
		"AUTH LOGIN\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\nx\r\n", "AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWZ0YW5zdGFhZg\r\n",
		"AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWZ0YW5zdGFhZgA=\r\n",
	};
	enum line_event event;

	(void)state;
	for (size_t i = 0; i < LENGTH(inputs); i++)
		for (int kind = 0; kind < 3; kind++) {
			monitor.verdict = (enum ask_verdict)"KZD"[kind];
			converse(inputs[i], &event);
			find_in(&line, sizeof line, TIM, inputs[i]);
			find_in(&line, sizeof line, "dGFuc3RhYWZ0YW5zdGFhZg", inputs[i]);
			find_in(&login, sizeof login, "tanstaaftanstaaf", inputs[i]);
		}
}

/* Nor of any response, whichever is the longer, nor of one that is no base64 in the end. */
static void
no_response_is_left(void **state)
{
	static const struct {
		const char *before;
		int first;	/* bytes of the secret */
		const char *between;
		int second;
		const char *behind;
	} inputs[] = {
		{ "AUTH XSTEP\r\n", 120, "\r\n", 140, "\r\n" }, { "AUTH XSTEP\r\n", 140, "\r\n", 120, "\r\n" },
		{ "AUTH XSTEP ", 120, "!\r\n", 0, "" }, { "AUTH PLAIN\r\n", 200, "*AAA\r\n", 0, "" },
		{ "AUTH LOGIN ", 4, "\r\n", 4, "\r\n" }, { "AUTH LOGIN ", 4, "\r\n", 160, "!\r\n" },
		{ "AUTH LOGIN ", 160, "\r\n", 4, "\r\n" }, { "AUTH EXTERNAL ", 160, "\r\n", 0, "" },
		{ "AUTH SCRAM-SHA-256 ", 160, "\r\n", 0, "" },
	};
	char secret[201], input[1000];
	enum line_event event;

	(void)state;
	memset(secret, 'Q', 200);
	secret[200] = '\0';
	config.mechanisms |= MECHANISM_EXTERNAL | MECHANISM_SCRAM;
	sasl_relay("XSTEP ");
	for (size_t i = 0; i < LENGTH(inputs); i++) {
		size_t steps = strncmp(inputs[i].before + 5, "XSTEP", 5) == 0 ? 2 : 0;

		monitor.verdict = ASK_NO;
		for (size_t step = 0; step < steps; step++) {
			monitor.challenges[step] = "x";
			monitor.lengths[step] = 1;
		}
		snprintf(input, sizeof input, "%s%.*s%s%.*s%s", inputs[i].before, inputs[i].first, secret,
		    inputs[i].between, inputs[i].second, secret, inputs[i].behind);
		memset(login.body, 0, sizeof login.body);
		converse(input, &event);
		assert_int_equal(event, LINE_READ);
		for (size_t at = 0; at < sizeof login.body; at++)
			if (login.body[at] != '\0')
				fail_msg("%s: at %zu", input, at);
		find_in(&line, sizeof line, "QQQQ", input);
		memset(monitor.challenges, 0, sizeof monitor.challenges);
		memset(monitor.lengths, 0, sizeof monitor.lengths);
	}
	config.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN;
	sasl_relay("");
}

static void
what_is_pipelined_stays(void **state)
{
	enum line_event event;
	char *string;
	size_t length;

	(void)state;
	monitor.verdict = ASK_YES;
	assert_ptr_equal(converse("AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\nMAIL\r\nRCPT\r\n", &event),
	    &sasl_success);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
	assert_string_equal(string, "MAIL");
	/* Cancelled: one reply, and then commands again. */
	assert_int_equal(converse("AUTH LOGIN\r\n*\r\nNOOP\r\n", &event)->code, 501);
	assert_int_equal(line_read(&line, true, &string, &length), LINE_READ);
	assert_string_equal(string, "NOOP");
}

/* RFC 4954 section 4: an initial response that is empty is not one that is missing; challenges of all lengths; "*". */
static void
mechanisms_with_steps(void **state)
{
	static char longest[ASK_CHALLENGE_MAX], encoded[12289], input[13000];
	static const struct {
		const char *input, *body;
		size_t length;
	} starts[] = {
		{ "AUTH XSTEP\r\n", "XSTEP\0-", 7 }, { "AUTH xstep =\r\n", "XSTEP\0=", 7 },
		{ "AUTH XSTEP AGE=\r\n", "XSTEP\0=\0a", 9 }, { "AUTH XSTEP Kg==\r\n", "XSTEP\0=*", 8 },
	};
	static const struct {
		const char *input;
		const char *reply;
		int times, steps, cancelled;
	} ends[] = {
		{ "AUTH XSTEP\r\n*\r\n", CANCELLED, 1, 0, 1 }, { "AUTH XSTEP\r\n!\r\n", NO_BASE64, 1, 0, 1 },
		{ "AUTH XSTEP\r\nQQ==\r\n*\r\n", CANCELLED, 1, 1, 1 }, { "AUTH XSTEP\r\n=\r\n", NO_BASE64, 1, 0, 1 },
		{ "AUTH XSTEP !\r\n", NO_BASE64, 0, 0, 0 }, { "AUTH XSTEP *\r\n", NO_BASE64, 0, 0, 0 },
	};
	enum line_event event;
	struct text text;

	(void)state;
	sasl_relay("XSTEP PLAIN XOTHER ");
	assert_string_equal(sasl_list(&config, false), " PLAIN LOGIN XSTEP XOTHER");
	monitor.verdict = ASK_YES;
	for (size_t i = 0; i < LENGTH(starts); i++) {
		assert_ptr_equal(converse(starts[i].input, &event), &sasl_success);
		assert_int_equal(monitor.length, starts[i].length);
		assert_memory_equal(monitor.body, starts[i].body, starts[i].length);
		assert_string_equal(output, "");
	}
	for (size_t i = 0; i < sizeof longest; i++)
		longest[i] = (char)(i * 7);
	monitor.challenges[0] = "";
	monitor.challenges[1] = "v=x\0y";
	monitor.lengths[1] = 5;
	monitor.challenges[2] = longest;
	monitor.lengths[2] = sizeof longest;
	text_start(&text, encoded, sizeof encoded);
	text_add_base64(&text, longest, sizeof longest);
	assert_ptr_equal(converse("AUTH XSTEP\r\nYQBi\r\n\r\nYWI=\r\n", &event), &sasl_success);
	assert_int_equal(monitor.steps, 3);
	assert_int_equal(monitor.said_lengths[0], 3);
	assert_memory_equal(monitor.said[0], "a\0b", 3);
	assert_int_equal(monitor.said_lengths[1], 0);
	assert_int_equal(monitor.said_lengths[2], 2);
	sprintf(input, "334 \r\n334 dj14AHk=\r\n334 %s\r\n", encoded);
	assert_string_equal(output, input);
	for (size_t i = 0; i < LENGTH(ends); i++) {
		monitor.cancelled = monitor.steps = 0;
		assert_string_equal(said(converse(ends[i].input, &event)), ends[i].reply);
		assert_int_equal(monitor.times, ends[i].times);
		assert_int_equal(monitor.steps, ends[i].steps);
		assert_int_equal(monitor.cancelled, ends[i].cancelled);
	}
	/* Every length around what goes into one write. */
	for (size_t size = 47; size < 100; size++) {
		monitor.lengths[2] = size;
		text_start(&text, encoded, sizeof encoded);
		text_add_base64(&text, longest, size);
		assert_ptr_equal(converse("AUTH XSTEP\r\nYQBi\r\n\r\nYWI=\r\n", &event), &sasl_success);
		sprintf(input, "334 \r\n334 dj14AHk=\r\n334 %s\r\n", encoded);
		assert_string_equal(output, input);
	}
	monitor.lengths[2] = sizeof longest;
	monitor.gone_at = 2;
	assert_string_equal(said(converse("AUTH XSTEP\r\nYQBi\r\n\r\nYWI=\r\n", &event)), FAILURE);
	assert_int_equal(monitor.steps, 2);
	assert_string_equal(said(converse("AUTH XSTEP\r\nQQ==\r\n*\r\n", &event)), FAILURE);
	monitor.gone_at = 0;
	converse("AUTH XSTEP\r\nQQ==\r\n", &event);	/* the client is gone between the steps */
	assert_int_equal(event, LINE_GONE);
	assert_int_equal(monitor.cancelled, 0);
	assert_int_equal(monitor.steps, 1);
	/* The longest response. */
	monitor.challenges[1] = NULL;
	strcpy(input, "AUTH XSTEP\r\n");
	memset(input + 12, 'Q', 12284);
	strcpy(input + 12 + 12284, "\r\n");
	assert_ptr_equal(converse(input, &event), &sasl_success);
	assert_int_equal(monitor.said_lengths[0], 9213);
	memset(monitor.challenges, 0, sizeof monitor.challenges);
	sasl_relay("");
	assert_null(sasl_find(&config, "XSTEP"));
	/* In any case, by its whole name; one of our own that is not offered by us, as we do it. */
	config.mechanisms = MECHANISM_PLAIN;
	sasl_relay("XSTEP LOGIN ");
	assert_non_null(sasl_find(&config, "xstep"));
	assert_null(sasl_find(&config, "XSTE"));
	assert_null(sasl_find(&config, "XSTEPX"));
	assert_null(sasl_find(&config, "XSTEQ"));
	sasl_relay("ABCDEFGHIJKLMNOPQRSTUVW ABCDEFGHIJKLMNOPQRSTUVWX XSTEP LOGIN ");
	assert_non_null(sasl_find(&config, "ABCDEFGHIJKLMNOPQRSTUVW"));
	assert_null(sasl_find(&config, "ABCDEFGHIJKLMNOPQRSTUVWX"));	/* longer than any is */
	assert_non_null(sasl_find(&config, "XSTEP"));
	/* The longest list, behind all of our own; nobody follows its last name with a blank. */
	for (size_t at = 0; at < ASK_ANSWER_MAX; at += 20)
		memcpy(input + at, "XXXXXXXXXXXXXXXXXXX ", 20);
	strcpy(input + ASK_ANSWER_MAX - 1, "Y");
	sasl_relay(input);
	config.mechanisms = ~0u;
	assert_memory_equal(sasl_list(&config, true), " PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5 EXTERNAL XXXX", 49);
	assert_int_equal(strlen(sasl_list(&config, true)), 45 + ASK_ANSWER_MAX);
	assert_non_null(sasl_find(&config, "XXXXXXXXXXXXXXXXXXXY"));
	config.mechanisms = MECHANISM_PLAIN;
	sasl_relay("XSTEP LOGIN ");
	assert_string_equal(sasl_list(&config, false), " PLAIN XSTEP LOGIN");
	assert_ptr_equal(converse("AUTH LOGIN Ym9i\r\ncA==\r\n", &event), &sasl_success);
	assert_memory_equal(monitor.body, "LOGIN\0\0bob\0p", 13);
	config.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN;
	sasl_relay("");
}

/* In base64, for scripts. */
static const char *
encode(const char *string)
{
	static char arrays[4][13000];
	static int used;
	struct text text;

	used = (used + 1) % 4;
	text_start(&text, arrays[used], sizeof arrays[used]);
	text_add_base64(&text, string, strlen(string));
	return arrays[used];
}

#define PROOF ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* RFC 5802: what is malformed the monitor is never shown, or it is told that the attempt is over. */
static void
scram(void **state)
{
	static char long_first[2000] = "r=abcdef,s=AAAA,i=4096,", input[13000];
	static const struct {
		const char *first, *server_first, *final;
		const char *reply;
		int times, steps, cancelled;
	} rows[] = {
		{ "n,,n=bob,r=abc", "r=abcdef,s=AAAA,i=4096", "c=biws,r=abcdef" PROOF, SUCCESS, 1, 1, 0 },
		{ "n,,n=bob", "r=abcdef,s=AAAA,i=4096", "c=biws,r=abcdef" PROOF, MALFORMED, 0, 0, 0 },
		{ "n,,n=bob,r=abc", "r=abcdef,s=AAAA,i=4096", "c=biws", MALFORMED, 1, 0, 1 },
		{ "n,,n=bob,r=abc", "x=abcdef,s=AAAA,i=4096", "c=biws,r=abcdef" PROOF, MALFORMED, 1, 0, 1 },
		{ "n,,n=bob,r=abc", "r", "c=biws,r=abcdef" PROOF, MALFORMED, 1, 0, 1 },
		{ "n,,n=bob,r=abc", "", "c=biws,r=abcdef" PROOF, MALFORMED, 1, 0, 1 },
		{ "n,,n=bob,r=abc", long_first, "c=biws,r=abcdef" PROOF, MALFORMED, 1, 0, 1 },
	};
	enum line_event event;

	(void)state;
	config.mechanisms |= MECHANISM_SCRAM;
	memset(long_first + strlen(long_first), 'x', SCRAM_SERVER_FIRST_MAX - strlen(long_first));
	monitor.verdict = ASK_YES;
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (int initial = 0; initial < 2; initial++) {
			monitor.challenges[0] = rows[i].server_first;
			monitor.lengths[0] = strlen(rows[i].server_first);
			sprintf(input, "AUTH SCRAM-SHA-256%s%s\r\n%s\r\n", initial ? " " : "\r\n", encode(rows[i].first),
			    encode(rows[i].final));
			if (strcmp(said(converse(input, &event)), rows[i].reply) != 0 ||
			    monitor.times != rows[i].times ||
			    (monitor.times > 0 && (monitor.steps != rows[i].steps || monitor.cancelled != rows[i].cancelled)))
				fail_msg("row %zu", i);
			if (monitor.times > 0) {
				assert_int_equal(monitor.length, 15 + strlen(rows[i].first));
				assert_memory_equal(monitor.body, "SCRAM-SHA-256\0=n,,n=bob,r=abc", monitor.length);
			}
		}
	/* The longest one that is kept; one with a NUL in it is none. */
	long_first[SCRAM_SERVER_FIRST_MAX - 1] = '\0';
	monitor.challenges[0] = long_first;
	monitor.lengths[0] = strlen(long_first);
	sprintf(input, "AUTH SCRAM-SHA-256 %s\r\n%s\r\n", encode("n,,n=bob,r=abc"), encode("c=biws,r=abcdef" PROOF));
	assert_int_equal(converse(input, &event)->code, 235);
	monitor.lengths[0]++;
	assert_string_equal(said(converse(input, &event)), MALFORMED);
	monitor.challenges[0] = "r=abcdef,s=AAAA,i=4096\0";
	monitor.lengths[0] = strlen(monitor.challenges[0]) + 1;
	assert_string_equal(said(converse(input, &event)), MALFORMED);
	monitor.times = 0;
	assert_string_equal(said(converse("AUTH SCRAM-SHA-256 !\r\n", &event)), NO_BASE64);
	assert_int_equal(monitor.times, 0);
	/* Far longer than what is kept, too. */
	memset(input + 6000, 'r', 5000);
	monitor.challenges[0] = input + 6000;
	monitor.lengths[0] = 5000;
	assert_string_equal(said(converse(input, &event)), MALFORMED);
	/* The server's last message: an empty answer, and any other is the monitor's to refuse. */
	monitor.challenges[0] = "r=abcdef,s=AAAA,i=4096";
	monitor.lengths[0] = strlen(monitor.challenges[0]);
	monitor.challenges[1] = "v=AAAA";
	monitor.lengths[1] = 6;
	strcat(input, "\r\n");
	assert_int_equal(converse(input, &event)->code, 235);
	assert_int_equal(monitor.steps, 2);
	assert_int_equal(monitor.said_lengths[1], 0);
	/* Gone before the first word, or the second. */
	converse("AUTH SCRAM-SHA-256\r\n", &event);
	assert_int_equal(event, LINE_GONE);
	memset(monitor.challenges, 0, sizeof monitor.challenges);
	config.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN;
}

#define DIGITS "0123456789abcdef0123456789abcdef"

/* RFC 2195: the server speaks first. */
static void
cram_md5(void **state)
{
	static const struct {
		const char *response;
		size_t length;
		const char *reply;
	} rows[] = {
		{ "b " DIGITS, 34, SUCCESS }, { "bob x " DIGITS, 38, SUCCESS }, { " " DIGITS, 33, MALFORMED },
		{ "bob" DIGITS, 35, MALFORMED },
		{ "b\t" DIGITS, 34, MALFORMED }, { "b " DIGITS "0", 35, MALFORMED }, { "b\0b " DIGITS, 36, MALFORMED },
		{ "b g123456789abcdef0123456789abcdef", 34, MALFORMED },
		{ "b 0123456789abcdef0123456789abcdeF", 34, MALFORMED },
	};
	char input[200], array[100];
	enum line_event event;
	struct text text;

	(void)state;
	config.mechanisms |= MECHANISM_CRAM_MD5;
	monitor.verdict = ASK_YES;
	monitor.challenges[0] = "<1@mail.example>";
	monitor.lengths[0] = 16;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		text_start(&text, array, sizeof array);
		text_add_base64(&text, rows[i].response, rows[i].length);
		sprintf(input, "AUTH CRAM-MD5\r\n%s\r\n", array);
		if (strcmp(said(converse(input, &event)), rows[i].reply) != 0 ||
		    monitor.cancelled != (strcmp(rows[i].reply, MALFORMED) == 0))
			fail_msg("row %zu", i);
		assert_string_equal(output, "334 PDFAbWFpbC5leGFtcGxlPg==\r\n");
		assert_memory_equal(monitor.body, "CRAM-MD5\0-", 10);
		assert_int_equal(monitor.length, 10);
	}
	/* What is left of a longer challenge behind it does not matter. */
	monitor.challenges[0] = "<xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@mail.example>";
	monitor.lengths[0] = strlen(monitor.challenges[0]);
	sprintf(input, "AUTH CRAM-MD5\r\n%s\r\n", encode("bob " DIGITS));
	assert_int_equal(converse(input, &event)->code, 235);
	monitor.times = 0;
	assert_string_equal(said(converse("AUTH CRAM-MD5 c2VjcmV0\r\n", &event)), MALFORMED);
	assert_int_equal(monitor.times, 0);
	find_in(&line, sizeof line, "c2VjcmV0", "an initial response of CRAM-MD5");
	memset(monitor.challenges, 0, sizeof monitor.challenges);
	config.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN;
}

/* RFC 4422 appendix A: an empty response, or the name. */
static void
external(void **state)
{
	static const struct {
		const char *input, *asked, *reply;
	} rows[] = {
		{ "AUTH EXTERNAL =\r\n", "=", SUCCESS }, { "AUTH EXTERNAL\r\n\r\n", "=", SUCCESS },
		{ "AUTH EXTERNAL Ym9i\r\n", "=bob", SUCCESS },
		{ "AUTH EXTERNAL\r\nYm9i\r\n", "=bob", SUCCESS }, { "AUTH EXTERNAL YgBi\r\n", NULL, MALFORMED },
		{ "AUTH EXTERNAL !\r\n", NULL, NO_BASE64 },
		{ "AUTH EXTERNAL\r\n*\r\n", NULL, CANCELLED },
	};
	enum line_event event;

	(void)state;
	config.mechanisms |= MECHANISM_EXTERNAL;
	assert_string_equal(sasl_list(&config, false), " PLAIN LOGIN");
	assert_string_equal(sasl_list(&config, true), " PLAIN LOGIN EXTERNAL");
	monitor.verdict = ASK_YES;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		if (strcmp(said(converse(rows[i].input, &event)), rows[i].reply) != 0 ||
		    monitor.times != (rows[i].asked != NULL))
			fail_msg("row %zu", i);
		if (rows[i].asked == NULL)
			continue;
		assert_int_equal(monitor.length, 9 + strlen(rows[i].asked));
		assert_memory_equal(monitor.body + 9, rows[i].asked, strlen(rows[i].asked));
	}
	converse("AUTH EXTERNAL\r\n", &event);
	assert_int_equal(event, LINE_GONE);
	config.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN;
}

static void
mechanisms(void **state)
{
	static const char *const others[] = { "", "PLAI", "PLAINX", "PLAIN-X", "CRAM-MD5", "EXTERNAL", "ANONYMOUS", "\"\"",
	    "SCRAM-SHA-256", "XOAUTH2", "LOGINLOGINLOGINLOGINLOGIN" };

	(void)state;
	for (size_t i = 0; i < LENGTH(others); i++)
		assert_null(sasl_find(&config, others[i]));
	assert_ptr_equal(sasl_find(&config, "pLaIn"), sasl_find(&config, "PLAIN"));
	assert_string_equal(sasl_list(&config, false), " PLAIN LOGIN");
	config.mechanisms = MECHANISM_LOGIN;
	assert_null(sasl_find(&config, "PLAIN"));
	assert_string_equal(sasl_list(&config, false), " LOGIN");
	config = (struct config){ .mechanisms = MECHANISM_PLAIN };
	assert_null(sasl_find(&config, "LOGIN"));
	assert_string_equal(sasl_list(&config, false), " PLAIN");
	config.mechanisms |= MECHANISM_LOGIN;
	/* Names have 1 to 20 bytes (RFC 4422 section 3.1). */
	sasl_relay("X ABCDEFGHIJKLMNOPQRST OTP ");
	assert_string_equal(sasl_list(&config, false), " PLAIN LOGIN X ABCDEFGHIJKLMNOPQRST OTP");
	assert_non_null(sasl_find(&config, "x"));
	assert_non_null(sasl_find(&config, "ABCDEFGHIJKLMNOPQRST"));
	assert_non_null(sasl_find(&config, "OTP"));
	assert_null(sasl_find(&config, "ABCDEFGHIJKLMNOPQRS"));
	assert_null(sasl_find(&config, ""));
	sasl_relay("");
	assert_null(sasl_find(&config, "X"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms_ask_the_same_question),
		cmocka_unit_test(every_other_dialogue),
		cmocka_unit_test(a_blank_before_an_empty_response), cmocka_unit_test(what_the_monitor_says),
		cmocka_unit_test(lines_that_end_otherwise),
		cmocka_unit_test(long_answers),
		cmocka_unit_test(no_password_is_left),
		cmocka_unit_test(no_response_is_left),
		cmocka_unit_test(what_is_pipelined_stays),
		cmocka_unit_test(mechanisms_with_steps),
		cmocka_unit_test(scram),
		cmocka_unit_test(cram_md5),
		cmocka_unit_test(external),
		cmocka_unit_test(mechanisms),
	};

	signal(SIGPIPE, SIG_IGN);	/* write(2) reports, as behind drop_start() */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
