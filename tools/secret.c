/* Takes passwords from a terminal or a script. */
#include <bsd/readpassphrase.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "tools/secret.h"

/* One line, byte by byte: the next line may be for the next program of the script. */
static bool
read_line(char password[SECRET_SIZE])
{
	size_t length;

	setvbuf(stdin, NULL, _IONBF, 0);
	password[0] = '\0';
	if (fgets(password, SECRET_SIZE, stdin) == NULL && ferror(stdin)) {
		warn("standard input");
		return false;
	}
	length = strcspn(password, "\n");
	if (length < SECRET_SIZE - 1 && password[length] == '\0' && !feof(stdin)) {
		warnx("the password holds a NUL byte");
		return false;
	}
	password[length] = '\0';
	return true;
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
	warn("no terminal to ask for the password; --stdin reads it from standard input");
	return false;
}

int
secret_ask_new(const char *user, bool from_stdin, char password[SECRET_SIZE])
{
	char again[SECRET_SIZE];
	int status = 0;

	if (!secret_ask("New password for", user, from_stdin, password))
		return 111;
	if (password[0] == '\0' || strlen(password) > PWHASH_PASSWORD_MAX || strchr(password, '\r') != NULL) {
		warnx("the password is %s", password[0] == '\0' ? "empty" : strchr(password, '\r') == NULL ?
		    "longer than 511 bytes" : "not one line: it holds a carriage return");
		return 100;
	}
	if (from_stdin)
		return 0;
	if (!secret_ask("Again, the new password for", user, false, again)) {
		status = 111;
	} else if (strcmp(password, again) != 0) {
		warnx("the two differ; nothing changed");
		status = 1;
	}
	explicit_bzero(again, sizeof again);
	return status;
}
