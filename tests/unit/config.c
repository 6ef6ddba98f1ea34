/* links: base alone */
/* Every option, every value that is wrong: the message names the option and says what to do. */
#include "unit.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config.h"

static const char *program;		/* where /proc/self/exe leads, if not NULL; "" for nowhere */
static const char *nodename;		/* what the machine calls itself, if not NULL; "" for a failure */

ssize_t
readlink(const char *path, char *to, size_t size)
{
	size_t length = program == NULL ? 0 : strlen(program);

	if (program == NULL)
		return syscall(SYS_readlinkat, AT_FDCWD, path, to, size);
	memcpy(to, program, length < size ? length : size);
	return length == 0 ? -1 : (ssize_t)(length < size ? length : size);
}

int
uname(struct utsname *system)
{
	int said = (int)syscall(SYS_uname, system);

	if (nodename != NULL)
		strcpy(system->nodename, nodename);
	return nodename != NULL && *nodename == '\0' ? -1 : said;
}

static struct config config;
static char why[4096];

/* Reads "-a FILE --option VALUE ...": words split at blanks, '_' in a word for a blank. */
static enum config_answer
read_line(const char *string)
{
	static char copy[70000];
	char *argv[200] = { (char[]){ "ofmipd-session" } };
	struct text text;
	int argc = 1;

	strcpy(copy, string);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
		argv[argc++] = word;
		for (; *word != '\0'; word++)
			if (*word == '_')
				*word = ' ';
	}
	memset(&config, 0, sizeof config);
	text_start(&text, why, sizeof why);
	optind = 0;	/* getopt(3) begins anew */
	return config_read(&config, argc, argv, &text);
}

static void
defaults(void **state)
{
	(void)state;
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_int_equal(config.authenticator_count, 1);
	assert_int_equal(config.authenticators[0].kind, AUTHENTICATOR_FILE);
	assert_string_equal(config.authenticators[0].path, "/f");
	assert_int_equal(config.injector, INJECTOR_SENDMAIL);
	assert_string_equal(config.injector_path, "/usr/sbin/sendmail");
	assert_string_equal(config.user, "ofmipd");
	assert_string_equal(config.throttle, "");
	assert_false(config.behind_tls || config.allow_cleartext || config.proxy || config.check || config.debug);
	assert_int_equal(config.mechanisms, MECHANISM_PLAIN | MECHANISM_LOGIN);
	assert_int_equal(config.max_size, 52428800);
	assert_int_equal(config.max_recipients, 1000);
	assert_int_equal(config.timeout, 300);
	assert_int_equal(config.login_timeout, 120);
	assert_int_equal(config.min_uid, 1000);
	assert_int_equal(config.starttls, STARTTLS_NONE);
	assert_int_equal(config.tls_control, -1);
	assert_int_equal(config.tls_read, -1);
	assert_int_equal(config.tls_write, -1);
	assert_true(config.hostname[0] != '\0');
	assert_string_equal(config.domain, config.hostname);
	assert_int_equal(config.root, geteuid() == 0);
}

static void
dovecot_servers(void **state)
{
	static const char *const fine[] = { "/run/dovecot/auth-client", "127.0.0.1:12345", "[::1]:12345" },
	    *const wrong[] = { "run/dovecot", "localhost:12345", "127.0.0.1", "127.0.0.1:0", "::1:12345", "127.0.0.1:65536" };
	char line[200];

	(void)state;
	for (size_t i = 0; i < LENGTH(fine); i++) {
		snprintf(line, sizeof line, "-a /f -D %s", fine[i]);
		assert_int_equal(read_line(line), CONFIG_RUN);
		assert_true(config.dovecot && config.authenticator_count == 2);
		assert_int_equal(config.authenticators[1].kind, AUTHENTICATOR_DOVECOT);
		assert_string_equal(config.authenticators[1].path, fine[i]);
	}
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		snprintf(line, sizeof line, "--authsock %s", wrong[i]);
		assert_int_equal(read_line(line), CONFIG_WRONG);
	}
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_false(config.dovecot);
}

static void
every_option(void **state)
{
	(void)state;
	assert_int_equal(read_line("-a /f -A /bin/sh_-c_x -a /g -i qmail -u svc -t /bin/sh -n -d --behind-tls --allow-cleartext "
	    "--proxy --hostname mail.example --domain d.example --max-size 10 --max-recipients 10000 --timeout 1 "
	    "--login-timeout 86400 --inject-timeout 86400 --min-uid 1 --mechanisms login"), CONFIG_RUN);
	assert_int_equal(config.authenticator_count, 3);
	assert_int_equal(config.authenticators[1].kind, AUTHENTICATOR_PROGRAM);
	assert_string_equal(config.authenticators[1].path, "/bin/sh");
	assert_string_equal(config.authenticators[1].words[2], "x");
	assert_null(config.authenticators[1].words[3]);
	assert_string_equal(config.authenticators[2].path, "/g");
	assert_int_equal(config.injector, INJECTOR_QMAIL);
	assert_string_equal(config.injector_path, "/var/qmail/bin/qmail-queue");
	assert_string_equal(config.user, "svc");
	assert_string_equal(config.throttle, "/bin/sh");
	assert_true(config.behind_tls && config.allow_cleartext && config.proxy && config.check && config.debug);
	assert_string_equal(config.hostname, "mail.example");
	assert_string_equal(config.domain, "d.example");
	assert_int_equal(config.max_size, 10);
	assert_int_equal(config.max_recipients, 10000);
	assert_int_equal(config.timeout, 1);
	assert_int_equal(config.login_timeout, 86400);
	assert_int_equal(config.inject_timeout, 86400);
	assert_int_equal(config.min_uid, 1);
	assert_int_equal(config.mechanisms, MECHANISM_LOGIN);
	/* The long names; the order of options does not matter; what has no limit. */
	assert_int_equal(read_line("--check --debug --throttle-script=/t --user=x --inject=maildir:/d --authfile=/f "
	    "--authprog=/bin/sh --max-size=0 --mechanisms=plain,Login"), CONFIG_RUN);
	assert_true(config.check && config.debug &&
	    config.mechanisms == (MECHANISM_PLAIN | MECHANISM_LOGIN));
	assert_int_equal(config.injector, INJECTOR_MAILDIR);
	assert_string_equal(config.injector_path, "/d");
	assert_true(config.max_size == UINT64_MAX);
	assert_int_equal(read_line("-a /f --proxy-from 192.0.2.1,::/0 --xclient-from 10.0.0.0/8"), CONFIG_RUN);
	assert_string_equal(config.proxy_from, "192.0.2.1,::/0");
	assert_string_equal(config.xclient_from, "10.0.0.0/8");
	assert_false(config.proxy || config.xclient);
	assert_int_equal(read_line("-a /f --domain=d.example"), CONFIG_RUN);
	assert_string_equal(config.domain, "d.example");
	assert_string_not_equal(config.hostname, "d.example");
	assert_int_equal(read_line("-i sendmail:/opt/send:mail -afile -SENDMAIL"), CONFIG_WRONG);
	assert_int_equal(read_line("-i SendMail:/opt/send:mail -afile"), CONFIG_RUN);
	assert_string_equal(config.injector_path, "/opt/send:mail");
	assert_string_equal(config.authenticators[0].path, "file");
}

static void
old_wrapper_lines(void **state)
{
	(void)state;
	assert_int_equal(read_line("-f -A sh_-s_system-auth_--_/bin/true -1"), CONFIG_RUN);
	assert_string_equal(config.authenticators[0].words[0], "sh");
	assert_string_equal(config.authenticators[0].words[3], "--");
	assert_null(config.authenticators[0].words[4]);		/* our reporter takes its place */
	assert_true(config.authenticators[0].path[0] == '/');
	assert_int_equal(read_line("-1fP -a /f --one-session --foreground --pure-proxy --username x"), CONFIG_RUN);
	assert_string_equal(config.user, "x");
	assert_int_equal(read_line("-A no.such.program"), CONFIG_RUN);	/* auth_ready() says so */
	assert_string_equal(config.authenticators[0].path, "");
	assert_int_equal(read_line("-A relative/sh"), CONFIG_RUN);
	assert_string_equal(config.authenticators[0].path, "");
}

static void
quotas(void **state)
{
	uint64_t hour, day;

	(void)state;
	assert_int_equal(read_line("-a /f --state /d --quota 200/h,1000/d"), CONFIG_RUN);
	assert_int_equal(config.quota_hour, 200);
	assert_int_equal(config.quota_day, 1000);
	assert_true(config_quota("60000/d,1/h", &hour, &day));
	assert_true(hour == 1 && day == 60000);
	assert_true(config_quota("7/d", &hour, &day));
	assert_true(hour == 0 && day == 7);
	assert_true(config_quota("none", &hour, &day));
	assert_true(hour == 0 && day == 0);
	assert_false(config_quota("", &hour, &day));
}

static void
our_own_checkpassword_programs(void **state)
{
	(void)state;
	assert_int_equal(read_line("-m system-auth -R ldap://127.0.0.1/cn=%s,ou=My_People"), CONFIG_RUN);
	assert_int_equal(config.authenticator_count, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(config.authenticators[i].kind, AUTHENTICATOR_PROGRAM);
	assert_string_equal(config.authenticators[0].words[0], "ofmipd-checkpam");
	assert_string_equal(config.authenticators[0].words[1], "system-auth");
	assert_string_equal(config.authenticators[1].words[0], "ofmipd-checkremote");
	/* One word, blanks and all. */
	assert_string_equal(config.authenticators[1].words[1], "ldap://127.0.0.1/cn=%s,ou=My People");
	assert_null(config.authenticators[1].words[2]);
}

static void
what_is_wrong_is_named(void **state)
{
	/* The line, and what the message must have in it: the option, the value, the remedy. */
	static const char *const rows[][4] = {
		{ "", "-a", "-R", "nobody could log in" },
		{ "-1", "-a", "-A", "give" },
		{ "-a", "-a", "needs a value", NULL },
		{ "-a /f --hostname", "--hostname", "needs a value", NULL },
		{ "-a /f -i", "-i", "needs a value", NULL },
		{ "-a /f -x", "-x", "unknown option", "--help" },
		{ "-a /f -1x", "-x", "unknown option", "--help" },
		{ "-a /f --frobnicate", "--frobnicate", "unknown option", "--help" },
		{ "-a /f --behind-tls=x", "--behind-tls", NULL, NULL },
		{ "-a /f word", "word", "quotes", NULL },
		{ "-a /f -- word", "word", "quotes", NULL },
		{ "-A checkpassword /bin/true", "/bin/true", "quotes", NULL },
		{ "-A true", "-A", "true", "PROGRAM" },
		{ "-A /bin/true", "-A", "/bin/true", "PROGRAM" },
		{ "-A /usr/bin/true", "-A", "/usr/bin/true", "PROGRAM" },
		{ "-A _", "-A", "PROGRAM", NULL },
		{ "-A 1_2_3_4_5_6_7_8_9_10_11_12_13_14_15_16_17_18_19_20_21_22_23_24_25_26_27_28_29_30_31_32", "-A", "1 2", NULL },
		{ "-a /1 -a /2 -a /3 -a /4 -a /5 -a /6 -a /7 -a /8 -a /9", "-a", "/9", "drop one" },
		{ "-a /f -i lmtp", "-i", "lmtp", "sendmail[:PATH]" },
		{ "-a /f -i sendmailx", "-i", "sendmailx", "maildir:DIR" },
		{ "-a /f -i sendmail:", "-i", "absolute path", NULL },
		{ "-a /f -i sendmail:relative", "-i", "relative", "absolute path" },
		{ "-a /f -i maildir", "-i", "maildir", "absolute path" },
		{ "-a /f -i maildir:d", "-i", "maildir:d", "absolute path" },
		{ "-a /f -i :/x", "-i", ":/x", NULL },
		{ "-a /f -t prog", "-t", "prog", "absolute path" },
		{ "-a /f --hostname a_b", "--hostname", "a b", "letters" },
		{ "-a /f --hostname a\nb", "--hostname", "letters", NULL },
		{ "-a /f --domain \xc3\xa9.example", "--domain", "letters", NULL },
		{ "-a /f --max-size -1", "--max-size", "-1", "K, M or G" },
		{ "-a /f --max-size 10T", "--max-size", "10T", "50M" },
		{ "-a /f --max-size 99999999999999999999", "--max-size", "9999", "50M" },
		{ "-a /f --max-recipients 0", "--max-recipients", "'0'", "1 to 10000" },
		{ "-a /f --max-recipients 10001", "--max-recipients", "10001", "1 to 10000" },
		{ "-a /f --timeout 0", "--timeout", "'0'", "1 to 86400" },
		{ "-a /f --timeout 86401", "--timeout", "86401", "1 to 86400" },
		{ "-a /f --login-timeout x", "--login-timeout", "'x'", "1 to 86400" },
		{ "-a /f -i smtp", "-i", "'smtp'", "colon" },
		{ "-a /f --offer DSN", "--offer", "smtp:", NULL },
		{ "-a /f -i smtp:/x --offer SIZE", "--offer", "'SIZE'", "DSN" },
		{ "-a /f --inject-timeout 0", "--inject-timeout", "'0'", "1 to 86400" },
		{ "-a /f --min-uid 0", "--min-uid", "'0'", "1 to 4294967294" },
		{ "-a /f --min-uid 4294967295", "--min-uid", "4294967295", "1 to 4294967294" },
		{ "-a /f --state dir", "--state", "dir", "absolute path" },
		{ "-a /f --quota 1/h", "--quota", "--state", NULL },
		{ "-a /f --state /d --quota 1", "--quota", "'1'", "N/h" },
		{ "-a /f --state /d --quota 0/h", "--quota", "0/h", "1 to 60000" },
		{ "-a /f --state /d --quota 60001/h", "--quota", "60001/h", "1 to 60000" },
		{ "-a /f --state /d --quota 1/h,2/h", "--quota", "1/h,2/h", "N/d" },
		{ "-a /f --state /d --quota 1/h,", "--quota", "1/h,", "N/d" },
		{ "-a /f --state /d --quota /h", "--quota", "/h", "N/d" },
		{ "-a /f --state /d --quota 1/w", "--quota", "1/w", "N/d" },
		{ "-a /f --state /d --quota 1/h,2/d,3/d", "--quota", "3/d", "N/d" },
		{ "-a /f --mechanisms DIGEST-MD5", "--mechanisms", "CRAM-MD5", "PLAIN" },
		{ "-a /f --proxy-from mail.example", "--proxy-from", "mail.example", "192.0.2.7" },
		{ "-a /f --xclient-from 192.0.2.1/33", "--xclient-from", "192.0.2.1/33", "192.0.2.7" },
		{ "-a /f --xclient-from=", "--xclient-from", "networks", "192.0.2.7" },
		{ "-a /f --proxy --proxy-from ::1", "--proxy", "every client", "--proxy-from" },
		{ "-a /f --proxy --xclient-from ::1", "--proxy", "XCLIENT", "--proxy-from" },
		{ "-a /f --mechanisms PLAIN,XOAUTH2", "--mechanisms", "XOAUTH2", "PLAIN" },
		{ "-a /f --mechanisms _", "--mechanisms", "PLAIN", NULL },
		/* tmda-ofmipd's, and what to use instead */
		{ "-a /f -b", "-b", "per connection", NULL },
		{ "-a /f --background", "--background", "per connection", NULL },
		{ "-a /f -c /dir", "-c", "-i", NULL },
		{ "-a /f --configdir=/dir", "--configdir", "-i", NULL },
		{ "-a /f -C 20", "-C", "tcpserver -c", NULL },
		{ "-a /f -F", "-F", "-a after -A", NULL },
		{ "-a /f -L", "-L", "-d", NULL },
		{ "-a /f -p 127.0.0.1:8025", "-p", "port", NULL },
		{ "-R imap://h1 -R imap://h2 -R imap://h3 -R imap://h4 -m a -m b -m c -m d -m e", "-m", "'e'", "drop one" },
		{ "-a /f -S /script", "-S", "home", NULL },
		{ "-a /f -v /virtualdomains", "-v", "virtual", NULL },
		{ "-a /f --ssl", "--ssl", "ofmipd-doors", NULL },
		{ "-a /f --tls=on", "--tls", "STARTTLS", NULL },
		{ "-a /f --ssl-cert=/c", "--ssl-cert", "wrapper", NULL },
		{ "-a /f --ssl-key /k", "--ssl-key", "wrapper", NULL },
		{ "-1b -a /f", "b", "per connection", NULL },
		{ "-a /f -s /t --own-address", "-s", "--own-address", "two rules" },
		{ "-a /f --fix-sender", "--fix-sender", "--own-address", NULL },
		{ "-a /f --offer SMTPUTF8", "--offer", "smtp:RELAY", NULL },
		{ "-a /f --offer DSN", "--offer", "smtp:RELAY", NULL },
		{ "-b1 -a /f", "b", "per connection", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		if (read_line(rows[i][0]) != CONFIG_WRONG)
			fail_msg("%s: is taken", rows[i][0]);
		for (int k = 1; k < 4 && rows[i][k] != NULL; k++)
			if (strstr(why, rows[i][k]) == NULL)
				fail_msg("%s: \"%s\" does not say \"%s\"", rows[i][0], why, rows[i][k]);
		if (strpbrk(why, "\r\n\x1b") != NULL || strlen(why) < 20 || strncmp(why, "ofmipd-session", 14) == 0)
			fail_msg("%s: \"%s\"", rows[i][0], why);
	}
}

static void
long_values(void **state)
{
	static const char *const options[] = { "-a ", "-A ", "-i sendmail:", "-u ", "-t /", "--hostname ", "--domain ",
	    "--mechanisms ", "--max-size ", "-R", "--" };
	static char line[66000];

	(void)state;
	for (size_t i = 0; i < LENGTH(options); i++)
		for (size_t length = 200; length < 65000; length = length < 600 ? length + 1 : length * 2) {
			enum config_answer answer;

			strcpy(line, "-a /f ");
			strcat(line, options[i]);
			memset(line + strlen(line) + 1, 0, 1);
			memset(line + strlen(line), 'x', length);
			line[6 + strlen(options[i]) + length] = '\0';
			answer = read_line(line);
			if (length > 600)
				assert_int_equal(answer, CONFIG_WRONG);
			assert_true(strlen(config.hostname) < sizeof config.hostname);
			assert_true(strlen(config.injector_path) < sizeof config.injector_path);
			if (answer == CONFIG_RUN && i == 2)
				assert_int_equal(strlen(config.injector_path), length);
		}
}

static void
sizes_have_units(void **state)
{
	static const struct {
		const char *line;
		uint64_t size;	/* 0: refused */
	} rows[] = {
		{ "-a /f --max-size 1K", 1024 }, { "-a /f --max-size 1k", 1024 }, { "-a /f --max-size 50M", 52428800 },
		{ "-a /f --max-size 3g", 3221225472 }, { "-a /f --max-size 70000", 70000 },
		{ "-a /f --max-size 0M", UINT64_MAX }, { "-a /f --max-size 4294967295G", UINT64_C(4294967295) << 30 },
		{ "-a /f --max-size 4294967296G", 0 }, { "-a /f --max-size 99999999999999999999G", 0 },
		{ "-a /f --max-size 00000000000000000000001K", 0 }, { "-a /f --max-size K", 0 },
		{ "-a /f --max-size=", 0 }, { "-a /f --max-size 1KB", 0 }, { "-a /f --max-size 1_K", 0 },
		{ "-a /f --max-size 1_", 0 }, { "-a /f --max-size 1T", 0 }, { "-a /f --max-size 1.5M", 0 },
		{ "-a /f --max-size 1MM", 0 }, { "-a /f --max-size +1", 0 }, { "-a /f --max-size 1\v", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum config_answer answer = read_line(rows[i].line);

		if (answer != (rows[i].size == 0 ? CONFIG_WRONG : CONFIG_RUN))
			fail_msg("%s: %d %s", rows[i].line, answer, why);
		if (answer == CONFIG_RUN)
			assert_true(config.max_size == rows[i].size);
		else
			assert_non_null(strstr(why, "--max-size"));
	}
}

static void
a_check_is_one_even_of_what_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(read_line("--frobnicate -n"), CONFIG_WRONG);
	assert_true(config.check);
	assert_int_equal(read_line("-t x --check"), CONFIG_WRONG);
	assert_true(config.check);
}

static void
sizes_of_the_environment(void **state)
{
	(void)state;
	setenv("DATABYTES", "1000", 1);
	assert_int_equal(read_line("-a /f --max-size 5"), CONFIG_RUN);
	assert_int_equal(config.max_size, 1000);
	setenv("DATABYTES", "0", 1);
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_true(config.max_size == UINT64_MAX);
	setenv("DATABYTES", "10k", 1);
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_int_equal(config.max_size, 10240);
	setenv("DATABYTES", "10 ", 1);
	assert_int_equal(read_line("-a /f"), CONFIG_WRONG);
	assert_non_null(strstr(why, "DATABYTES"));
	assert_non_null(strstr(why, "10 "));
	assert_non_null(strstr(why, "tcprules"));
	setenv("DATABYTES", "", 1);
	assert_int_equal(read_line("-a /f"), CONFIG_WRONG);
	unsetenv("DATABYTES");
}

static void
starttls_by_the_server_in_front(void **state)
{
	static const struct {
		const char *wish, *control, *input, *output, *protocol;
		enum config_answer answer;
		enum starttls starttls;
	} rows[] = {
		{ NULL, "3", "4", "5", NULL, CONFIG_RUN, STARTTLS_OFFERED },
		{ "", "3", "4", "5", NULL, CONFIG_RUN, STARTTLS_OFFERED },
		{ "1", "3", "4", "5", NULL, CONFIG_RUN, STARTTLS_OFFERED },
		{ "!", "3", "4", "5", NULL, CONFIG_RUN, STARTTLS_REQUIRED },
		{ "-", "3", "4", "5", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ "required", "3", "4", "5", NULL, CONFIG_WRONG, STARTTLS_NONE },
		{ "!!", "3", "4", "5", NULL, CONFIG_WRONG, STARTTLS_NONE },
		{ "-", NULL, NULL, NULL, NULL, CONFIG_RUN, STARTTLS_NONE },
		{ "", NULL, NULL, NULL, NULL, CONFIG_RUN, STARTTLS_NONE },
		{ "!", NULL, NULL, NULL, NULL, CONFIG_WRONG, STARTTLS_NONE },
		{ "!", "3", NULL, "5", NULL, CONFIG_WRONG, STARTTLS_NONE },
		{ NULL, "3", "4", NULL, NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "0", "4", "5", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "2", "4", "5", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "-1", "4", "5", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "3", "x", "5", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "3", "4", "99999999999", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "3", "4", "", NULL, CONFIG_RUN, STARTTLS_NONE },
		{ NULL, "3", "4", "5", "TLSv1.3", CONFIG_RUN, STARTTLS_NONE },	/* TLS came first */
		{ NULL, "3", "4", "5", "", CONFIG_RUN, STARTTLS_OFFERED },
	};
	static const char *const names[] = { "UCSPITLS", "SSLCTLFD", "SSLREADFD", "SSLWRITEFD", "SSL_PROTOCOL" };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *const values[] = { rows[i].wish, rows[i].control, rows[i].input, rows[i].output,
		    rows[i].protocol };

		for (size_t k = 0; k < LENGTH(names); k++)
			if (values[k] != NULL)
				setenv(names[k], values[k], 1);
			else
				unsetenv(names[k]);
		if (read_line("-a /f") != rows[i].answer || (rows[i].answer == CONFIG_RUN &&
		    config.starttls != rows[i].starttls))
			fail_msg("row %zu: %s", i, why);
		if (rows[i].answer == CONFIG_WRONG)
			assert_non_null(strstr(why, "UCSPITLS"));
	}
	for (size_t k = 0; k < LENGTH(names); k++)
		unsetenv(names[k]);
}

/* What an option prints, and how the process ends, when descriptor 1 leads to `out`. */
static int
print_to(const char *line, int out)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		_exit(read_line(line) == CONFIG_PRINTED ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
what_is_printed(void **state)
{
	static const char *const lines[] = { "--help", "-h", "--version", "-V" };
	static char printed[20000];
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);

		assert_int_equal(print_to(lines[i], file), 0);
		printed[pread(file, printed, sizeof printed - 1, 0)] = '\0';
		close(file);
		if (i < 2) {
			assert_memory_equal(printed, "usage: ofmipd-session ", 22);
			assert_non_null(strstr(printed, "\n  -a, --authfile FILE "));
			assert_non_null(strstr(printed, "\n      --received "));
			for (char *one = strtok(printed, "\n"); one != NULL; one = strtok(NULL, "\n"))
				assert_true(strlen(one) < 110);
		} else {
			assert_string_equal(printed, "ofmipd-session " VERSION "\n");
		}
		assert_int_equal(print_to(lines[i], full), 111);
	}
	close(full);
}

static void
what_of_the_client_is_shown(void **state)
{
	static const char *const words[] = { "full", "login", "no-address", "none" };
	char line[60];

	(void)state;
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_int_equal(config.received, RECEIVED_FULL);
	for (int i = 0; i < 4; i++) {
		sprintf(line, "-a /f --received %s", words[i]);
		assert_int_equal(read_line(line), CONFIG_RUN);
		assert_int_equal(config.received, i);
	}
	assert_int_equal(read_line("-a /f --received no"), CONFIG_WRONG);
	assert_non_null(strstr(why, "--received 'no': give full, login, no-address or none"));
}

static void
programs_beside_our_own(void **state)
{
	char directory[] = "/tmp/unit-config.XXXXXX", path[100], self[100];
	static char far[600];

	(void)state;
	assert_non_null(mkdtemp(directory));
	sprintf(path, "%s/ofmipd-checkpam", directory);
	sprintf(self, "%s/ofmipd-session", directory);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0755)), 0);
	program = self;
	assert_int_equal(read_line("-m x"), CONFIG_RUN);
	assert_string_equal(config.authenticators[0].path, path);
	assert_int_equal(chmod(path, 0644), 0);		/* not to be run: then where -A looks */
	assert_int_equal(read_line("-m x"), CONFIG_RUN);
	assert_string_not_equal(config.authenticators[0].path, path);
	memset(far, '/', sizeof far - 1);
	program = far;
	assert_int_equal(read_line("-m x"), CONFIG_RUN);
	assert_string_not_equal(config.authenticators[0].path, far);
	program = "ofmipd-session";
	assert_int_equal(read_line("-m x"), CONFIG_RUN);
	program = "";
	assert_int_equal(read_line("-m x"), CONFIG_RUN);
	program = NULL;
	unlink(path);
	rmdir(directory);
}

static void
odd_values(void **state)
{
	static const char *const quotas[] = { "1-h", "123456789/h", "1/h,1/h", "x,1/d", "1/d,x", "5/x", "/h", "0/h", "60001/h", "1/d,1/d" };
	static char line[1000];
	uint64_t hour, day;

	(void)state;
	for (size_t i = 0; i < LENGTH(quotas); i++)
		if (config_quota(quotas[i], &hour, &day))
			fail_msg("%s", quotas[i]);
	strcpy(line, "-a /f -i sendmail:");
	memset(line + strlen(line), '/', 600);
	assert_int_equal(read_line(line), CONFIG_WRONG);
	strcpy(line, "-a /f --senders ");
	memset(line + strlen(line), 's', 600);
	assert_int_equal(read_line(line), CONFIG_WRONG);
	assert_non_null(strstr(why, "empty, or longer than can be right"));
	assert_int_equal(read_line("-a /f --senders="), CONFIG_WRONG);
	nodename = "not a host name";
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_string_equal(config.hostname, "localhost");
	nodename = "";
	assert_int_equal(read_line("-a /f"), CONFIG_RUN);
	assert_string_equal(config.hostname, "localhost");
	nodename = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option),
		cmocka_unit_test(dovecot_servers),
		cmocka_unit_test(old_wrapper_lines),
		cmocka_unit_test(quotas), cmocka_unit_test(our_own_checkpassword_programs),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(long_values),
		cmocka_unit_test(a_check_is_one_even_of_what_cannot_be_read),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(sizes_of_the_environment),
		cmocka_unit_test(starttls_by_the_server_in_front),
		cmocka_unit_test(what_is_printed),
		cmocka_unit_test(what_of_the_client_is_shown),
		cmocka_unit_test(programs_beside_our_own),
		cmocka_unit_test(odd_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
