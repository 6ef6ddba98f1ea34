/* links: session/proxy session/header session/originator session/sasl session/data session/line session/xclient */
/*
 * Whole sessions behind a fake wall, one process each; tests/dialogues has the tables, tests/fuzz the rest. Here:
 * what follows a DATA that was refused, and what is left of a password.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its one session is static. */
#include "session/smtp.c"
#include "../fuzz/fake_ask.c"

static char replies[1 << 16];

static const char *secret;	/* must not be found in what a session leaves */

/* What a client that says `input` hears. */
static void
talk(const char *input, size_t length)
{
	static const struct config config = {
		.mechanisms = MECHANISM_PLAIN | MECHANISM_LOGIN, .hostname = "mail.example", .domain = "d.example", .timeout = 20,
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
		smtp_session(&config, &peer, "ID");
		_exit(secret != NULL && memmem(&session, offsetof(struct session, login) + sizeof session.login, secret,
		    strlen(secret)) != NULL);
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
	if (WEXITSTATUS(status) != 0)
		fail_msg("%s is left of %s", secret, input);
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
			talk(input, strlen(input));
			if (strstr(replies, "354 ") != NULL || strstr(replies, "Taken") != NULL ||
			    strstr(replies, "closing connection\r\n") == NULL)
				fail_msg("front %zu, line %zu: %s", i, k, replies);
			memset(input, 0, sizeof input);
		}
	/* A command goes on. */
	talk(LOGIN "DATA\r\nNOOP\r\nSubject: s\r\nQUIT\r\n", strlen(LOGIN "DATA\r\nNOOP\r\nSubject: s\r\nQUIT\r\n"));
	assert_non_null(strstr(replies, "503 5.5.1 MAIL first\r\n250 2.0.0 Ok\r\n500 5.5.1 Command not recognized\r\n221 "));
}

/* Whatever the client sent it in, and whatever the reply was. */
static void
no_password_is_left(void **state)
{
	static const char *const inputs[] = {
		"AUTH PLAIN SECRETSECRET\r\n", "AUTH PLAIN =\r\nSECRETSECRET\r\n",
		/* 503, 504, 501: no AUTH, and what was to be its answers are lines of their own. */
		"AUTH LOGIN SECRETSECRET\r\n", "EHLO x\r\nAUTH FOO SECRETSECRET\r\n",
		"EHLO x\r\nAUTH FOO\r\nSECRETSECRET\r\nNOOP\r\n", "EHLO x\r\nAUTH PLAIN x SECRETSECRET\r\n",
		"EHLO x\r\nAUTH PLAIN\r\n*\r\nSECRETSECRET\r\n", "EHLO x\r\nAUTH PLAIN\r\nSECRETSECRE=\r\n",
		"EHLO x\r\nAUTH PLAIN\r\nSECRETSECRETx\r\nSECRETSECRET\r\n",
		/* 500: no command. */
		"SECRETSECRET\r\nNOOP\r\n", "AUTHPLAIN SECRETSECRET\r\n", "x SECRETSECRET    \r\n", " SECRETSECRET\r\n",
		"\tSECRETSECRET\x01\r\n", "AUTH PLAIN SECRETSECRET\x01\r\n", "EXPN SECRETSECRET\r\n", "VRFY\r\nSECRETSECRET\r\n",
		/* A login, its password, and another one behind it. */
		"EHLO x\r\nAUTH LOGIN\r\nU0VDUkVUU0VDUkVU\r\nU0VDUkVUU0VDUkVU\r\n",
		LOGIN "AUTH PLAIN SECRETSECRET\r\n", LOGIN "SECRETSECRET\r\n",
	};
	static char input[12400];

	(void)state;
	secret = "SECRETSECRE";
	for (size_t i = 0; i < LENGTH(inputs); i++)
		talk(inputs[i], strlen(inputs[i]));
	/* Too long for any line of AUTH, or for a command. */
	for (size_t length = 4090; length < sizeof input; length += 8190) {
		strcpy(input, "AUTH PLAIN SECRETSECRET");
		memset(input + strlen(input), 'A', length - strlen(input));
		strcpy(input + length, "\r\nNOOP\r\n");
		talk(input, strlen(input));
		talk(input + 5, strlen(input + 5));
	}
	secret = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_sent_blindly_is_not_obeyed),
		cmocka_unit_test(no_password_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
