/* links: session/proxy session/header session/smtp session/sasl session/data session/line */
/*
 * Whole sessions behind a fake wall, one process each; tests/dialogues has the tables, tests/fuzz the rest. Here:
 * what follows a DATA that was refused.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/smtp.h"
#include "../fuzz/fake_ask.c"

static char replies[1 << 16];

/* What a client that says `input` hears. */
static void
converse(const char *input, size_t length)
{
	static const struct config config = {
		.plain = true, .login = true, .hostname = "mail.example", .domain = "d.example", .timeout = 20,
		.login_timeout = 20, .max_recipients = 20, .argument_room = 4000, .max_size = 4000, .behind_tls = true,
		.tls_control = -1, .tls_read = -1, .tls_write = -1,
	};
	static const struct peer peer = { .address = "192.0.2.9", .client = "192.0.2.9", .tls = TLS_BEHIND };
	size_t used = 0;
	int pair[2], status;
	ssize_t got;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	child = fork();
	if (child == 0) {
		int spool = memfd_create("spool", 0), null = open("/dev/null", O_WRONLY);

		dup2(pair[0], STDIN_FILENO);
		dup2(pair[0], STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(pair[1]);
		if (spool != SPOOL_DESCRIPTOR)
			dup2(spool, SPOOL_DESCRIPTOR);
		alarm(20);
		_exit(smtp_session(&config, &peer, "ID"));
	}
	close(pair[0]);
	assert_int_equal(send(pair[1], input, length, MSG_NOSIGNAL), length);
	shutdown(pair[1], SHUT_WR);
	while ((got = read(pair[1], replies + used, sizeof replies - 1 - used)) > 0)
		used += (size_t)got;
	replies[used] = '\0';
	close(pair[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
}

#define LOGIN "EHLO x\r\nAUTH PLAIN AGJvYgBzZXNhbWU=\r\n"
#define EVIL "\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\nDATA\r\nSubject: evil\r\n\r\n.\r\nQUIT\r\n"

static void
a_body_sent_blindly_is_not_obeyed(void **state)
{
	/* DATA refused, by its state or since no recipient was good. */
	static const char *const fronts[] = { LOGIN "RCPT TO:<a@b>\r\nDATA\r\n", LOGIN "MAIL FROM:<a@b>\r\nDATA\r\n",
	    LOGIN "MAIL FROM:<a@b>\r\nRCPT TO:<>\r\nDATA\r\n", "EHLO x\r\nMAIL FROM:<a@b>\r\nDATA\r\n" };
	/* First lines that are no command. */
	static const char *const lines[] = { "Subject: s", "", " folded", "Subject: a bell \a", "Subject:\x7f", ".", "\xc3\xa9",
	    "text", "MAILBOX x", "\tx" };
	static char input[10000];

	(void)state;
	for (size_t i = 0; i < LENGTH(fronts); i++)
		for (size_t k = 0; k <= LENGTH(lines); k++) {
			strcpy(input, fronts[i]);
			if (k < LENGTH(lines))
				strcat(input, lines[k]);
			else
				memset(input + strlen(input), 'x', 5000);	/* longer than a command may be */
			strcat(input, EVIL);
			converse(input, strlen(input));
			if (strstr(replies, "354 ") != NULL || strstr(replies, "Taken") != NULL ||
			    strstr(replies, "closing connection\r\n") == NULL)
				fail_msg("front %zu, line %zu: %s", i, k, replies);
			memset(input, 0, sizeof input);
		}
	/* A command goes on. */
	converse(LOGIN "DATA\r\nNOOP\r\nSubject: s\r\nQUIT\r\n", strlen(LOGIN "DATA\r\nNOOP\r\nSubject: s\r\nQUIT\r\n"));
	assert_non_null(strstr(replies, "503 5.5.1 MAIL first\r\n250 2.0.0 Ok\r\n500 5.5.1 Command not recognized\r\n221 "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_sent_blindly_is_not_obeyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
