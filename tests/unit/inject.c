/* links: inject inject/message inject/command inject/maildir inject/relay inject/policy inject/senders inject/wire */
/* Handing over: no envelope but a right one, whoever sends it; what a maildir gets. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inject.h"

static struct config config;
static const struct peer peer = { .address = "192.0.2.9", .client = "192.0.2.9" };
static struct identity identity;
static char directory[64];
static int spool;
static struct outcome outcome;
static struct message message;

static int
start(void **state)
{
	char array[600];
	struct text why;

	(void)state;
	strcpy(directory, "/tmp/unit-inject.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	memset(&config, 0, sizeof config);
	config.injector = INJECTOR_MAILDIR;
	snprintf(config.injector_path, sizeof config.injector_path, "%s/box", directory);
	strcpy(config.hostname, "mail.example");
	config.max_recipients = 3;
	identity = (struct identity){ .rights = { .uid = geteuid(), .gid = getegid() }, .user = "bob", .home = "/" };
	text_start(&why, array, sizeof array);
	spool = memfd_create("spool", MFD_ALLOW_SEALING);
	return !inject_ready(&config, &identity, &why) || spool < 0 || write(spool, "Subject: s\n\ntext\n", 17) != 17;
}

static int
finish(void **state)
{
	char command[100];

	(void)state;
	close(spool);
	snprintf(command, sizeof command, "rm -r %s", directory);
	return system(command);
}

/* Sends with that envelope, which stands in just as much memory, and a NUL behind it, as the wall gives it. */
static enum ask_verdict
send_envelope(const char *bytes, size_t length)
{
	char *exact = exactly(bytes, length + 1);

	exact[length] = '\0';
	message.id = "ID";
	message.number++;
	if (spool >= 0) {	/* each message has one of its own, which is sealed in the end */
		close(spool);
		spool = memfd_create("spool", MFD_ALLOW_SEALING);
		assert_int_equal(write(spool, "Subject: s\n\ntext\n", 17), 17);
	}
	message.spool = spool;
	message.login = "bob";
	message.helo = "client.example";
	message.mechanism = "PLAIN";
	message.identity = &identity;
	message.envelope = exact;
	message.length = length;
	memset(&outcome, 0xaa, sizeof outcome);
	inject_send(&config, &peer, &message, &outcome);
	free(exact);
	return outcome.verdict;
}

/* Files in the part of the maildir; the name of the last. */
static int
count(const char *part, char *name, size_t size)
{
	char path[400];
	DIR *directory_stream;
	struct dirent *entry;
	int files = 0;

	snprintf(path, sizeof path, "%s/box/%s", directory, part);
	directory_stream = opendir(path);
	assert_non_null(directory_stream);
	while ((entry = readdir(directory_stream)) != NULL)
		if (entry->d_name[0] != '.') {
			files++;
			snprintf(name, size, "%s/%s", path, entry->d_name);
		}
	closedir(directory_stream);
	return files;
}

#define ENVELOPE(string) send_envelope(string, sizeof string - 1)

static void
one_delivery(void **state)
{
	char name[700] = "", bytes[2000] = "";
	struct stat status;
	int file;

	(void)state;
	assert_int_equal(ENVELOPE("Fbob@x\0Tann@y\0T-oQ/tmp@y\0\0"), ASK_YES);
	assert_memory_equal(outcome.text, "2.0.0 ", 6);
	assert_int_equal(message.recipients, 2);
	assert_int_equal(message.size, 17);
	assert_int_equal(count("tmp", name, sizeof name), 0);
	assert_int_equal(count("new", name, sizeof name), 1);
	file = open(name, O_RDONLY);
	assert_true(file >= 0 && read(file, bytes, sizeof bytes - 1) > 0);
	assert_string_equal(bytes, "Return-Path: <bob@x>\nX-Envelope-To: <ann@y>\nX-Envelope-To: <-oQ/tmp@y>\n"
	    "Subject: s\n\ntext\n");
	assert_int_equal(fstat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	close(file);
	/* The null sender; the same message once more, and a file of its own. */
	assert_int_equal(ENVELOPE("F\0Tann@y\0\0"), ASK_YES);
	assert_int_equal(count("new", name, sizeof name), 2);
}

static void
envelopes_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} rows[] = {
#define ROW(string) { string, sizeof string - 1 }
		ROW(""), ROW("\0"), ROW("\0\0"), ROW("\0\0\0"), ROW("F"), ROW("F\0"), ROW("F\0\0"), ROW("Fa@b\0\0"), ROW("Ta@b\0\0"),
		ROW("Fa@b\0Tc@d\0"),			/* without its end */
		ROW("Fa@b\0Tc@d"), ROW("Fa@b"), ROW("Fa@bTc@d\0\0"),
		ROW("Fa@b\0Tc@d\0\0\0"), ROW("Fa@b\0Tc@d\0\0Te@f\0\0"), ROW("Fa@b\0\0Tc@d\0\0"), ROW("Fa@b\0Tc@d\0x\0"),
		ROW("Fa@b\0Tc@d\0x\0\0"), ROW("Fa@b\0Tc@d\0Fe@f\0\0"), ROW("fa@b\0Tc@d\0\0"), ROW("Fa@b\0tc@d\0\0"),
		ROW("Fa@b\0T\0\0"), ROW("Fa@b\0T\0"), ROW("Fa@b\0Tc\0\0"), ROW("Fa\0Tc@d\0\0"),
		ROW("F<a@b>\0Tc@d\0\0"), ROW("F<>\0Tc@d\0\0"), ROW("Fa@b\0T<c@d>\0\0"), ROW("F-f\0Tc@d\0\0"), ROW("Fa@b\0T-t\0\0"),
		ROW("Fa@b\0T--\0\0"), ROW("Fa@b\nX: y\0Tc@d\0\0"), ROW("Fa@b\0Tc@d\nX: y\0\0"), ROW("Fa@b\0Tc@d,e@f\0\0"),
		ROW("Fa@b\0Tc@d e@f\0\0"), ROW("Fa@b\0T\"c\"@d\0\0"), ROW("Fa@b\0T\"c\r\"@d\0\0"), ROW("Fa@b\0T\xff@d\0\0"),
		ROW("Fa@b\0T@x:c@d\0\0"), ROW("Fa@b\0T|c\0\0"), ROW("Fa@b\0Tc@d\0Te@f\0Tg@h\0Ti@j\0\0"),	/* four */
	};
	char name[700];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (send_envelope(rows[i].bytes, rows[i].length) != 0)
			fail_msg("row %zu is an envelope", i);
	assert_int_equal(count("new", name, sizeof name) + count("tmp", name, sizeof name), 0);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0Te@f\0Tg@h\0\0"), ASK_YES);
	/* More than the injector's arguments hold. */
	config.argument_room = 4 + sizeof(char *);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), ASK_YES);
	config.argument_room--;
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), 0);
}

static void
random_envelopes(void **state)
{
	static const char *const pieces[] = { "F", "T", "a@b", "\0", "\0", "\0T", "c@d", "x", "<>", "-", "\n", "Fa@b", "Tc@d",
	    "Fa@b\0Tc@d\0\0" };
	static const size_t lengths[] = { 1, 1, 3, 1, 1, 2, 3, 1, 2, 1, 1, 4, 4, 11 };

	int taken = 0;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		char bytes[200];
		size_t used = 0;

		for (unsigned i = noise_below(9); i > 0; i--) {
			unsigned piece = noise_below(LENGTH(pieces));

			memcpy(bytes + used, pieces[piece], lengths[piece]);
			used += lengths[piece];
		}
		/* Nothing but F sender NUL (T recipient NUL)+ NUL is one, by a look at its pieces. */
		if (send_envelope(bytes, used) != 0) {
			const char *at = bytes, *end = bytes + used;
			bool fine = used > 2 && *at == 'F' && end[-1] == '\0';

			for (at += strlen(at) + 1; fine && at < end - 1; at += strlen(at) + 1)
				fine = *at == 'T' && strchr(at, '@') != NULL && strpbrk(at, "<>\n") == NULL;
			if (!fine || at != end - 1 || outcome.verdict != ASK_YES)
				fail_msg("round %d", round);
			taken++;
		}
	}
	assert_true(taken > 10);
}

static void
a_maildir_that_cannot_be_written(void **state)
{
	char name[700], command[200];

	(void)state;
	snprintf(command, sizeof command, "rmdir %s/box/tmp", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), ASK_TEMPORARY);
	assert_memory_equal(outcome.text, "4.3.0 ", 6);
	snprintf(command, sizeof command, "mkdir %s/box/tmp && rmdir %s/box/new", directory, directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), ASK_TEMPORARY);
	assert_int_equal(count("tmp", name, sizeof name), 0);
	close(spool);
	spool = -1;
	assert_int_equal(ENVELOPE("Fa@b\0Tc@d\0\0"), ASK_TEMPORARY);
	spool = memfd_create("spool", MFD_ALLOW_SEALING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_delivery, start, finish),
		cmocka_unit_test_setup_teardown(envelopes_that_are_none, start, finish),
		cmocka_unit_test_setup_teardown(random_envelopes, start, finish),
		cmocka_unit_test_setup_teardown(a_maildir_that_cannot_be_written, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
