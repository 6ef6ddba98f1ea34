/* Takes passwords from a terminal or a script, and makes those for programs. */
#include <bsd/readpassphrase.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/io.h"
#include "tools/secret.h"

/* One line, byte by byte: the next line may be for the next program of the script. */
static bool
read_line(char password[SECRET_SIZE])
{
	size_t length = 0;
	ssize_t got;
	char c;

	while ((got = io_read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (c == '\0') {
			warnx("the password holds a NUL byte");
			return false;
		}
		if (length < SECRET_SIZE - 1)
			password[length++] = c;
	}
	if (got < 0)
		warn("standard input");
	password[length] = '\0';
	return got >= 0;
}

bool
secret_ask(const char *prompt, const char *user, bool from_stdin, char password[SECRET_SIZE])
{
	char line[USER_MAX + 64];

	if (from_stdin)
		return read_line(password);
	snprintf(line, sizeof line, "%s %s: ", prompt, user);
	if (readpassphrase(line, password, SECRET_SIZE, RPP_ECHO_OFF | RPP_REQUIRE_TTY) != NULL)
		return true;
	if (errno == ENOTTY || errno == ENXIO)
		warnx("no terminal to ask for the password; --stdin reads it from standard input");
	else
		warn("terminal");
	return false;
}

static bool
acceptable(const char *password)
{
	const char *fault = NULL;

	if (password[0] == '\0')
		fault = "is empty";
	else if (strlen(password) > PWHASH_PASSWORD_MAX)
		fault = "is longer than 511 bytes";
	else if (strchr(password, '\r') != NULL)
		fault = "holds a carriage return";
	if (fault != NULL)
		warnx("the password %s", fault);
	return fault == NULL;
}

int
secret_ask_new(const char *user, bool from_stdin, char password[SECRET_SIZE])
{
	char again[SECRET_SIZE];
	bool fine, same;

	if (!secret_ask("New password for", user, from_stdin, password))
		return 111;
	if (!acceptable(password))
		return 100;
	if (from_stdin)
		return 0;
	fine = secret_ask("Again, the new password for", user, false, again);
	same = fine && strcmp(password, again) == 0;
	explicit_bzero(again, sizeof again);
	if (fine && !same)
		warnx("the two differ; nothing changed");
	return !fine ? 111 : same ? 0 : 1;
}
