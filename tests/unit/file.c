/* links: auth/file auth/passwd auth/challenge */
/* A name that is not in the password file goes through the very steps that one goes through that is: what of
 * auth/pwhash is called, in which order, is written down. */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/file.h"
#include "auth/pwhash.h"

/* Stand-ins: a stored form is a letter, S for keys, H for a hash, C for clear text, and the password. Each attempt is
 * made in a process of its own, as in the program, and what came of it is written down in memory that is shared. */
static struct {
	char steps[400], reason[400], first[400];
	bool in;
} *seen;

static void
step(char letter)
{
	size_t length = strlen(seen->steps);

	if (length + 1 < sizeof seen->steps)
		seen->steps[length] = letter;
}

enum pwhash_answer
pwhash_verify(const char *stored, bool two_fields, const char *password)
{
	(void)two_fields;
	step(password == NULL ? 'f' : 'v');
	if (stored[0] == 'U' && password != NULL)	/* crypt(3) does not like what has the form of a hash */
		return PWHASH_UNUSABLE;
	return stored[0] == '*' ? PWHASH_LOCKED : password != NULL && strcmp(stored + 1, password) == 0 ? PWHASH_YES :
	    PWHASH_NO;
}

enum pwhash_answer
pwhash_app_verify(const char *stored, bool two_fields, const char *password)
{
	return pwhash_verify(stored, two_fields, password);
}

const char *
pwhash_fault(const char *stored, bool two_fields)
{
	(void)stored;
	(void)two_fields;
	step('F');
	return NULL;
}

bool
pwhash_is_slow(const char *stored, bool two_fields)
{
	(void)two_fields;
	return stored[0] != 'C';
}

bool
pwhash_is_cleartext(const char *stored, bool two_fields)
{
	(void)two_fields;
	return stored[0] == 'C';
}

bool
pwhash_scram(const char *stored, struct pwhash_scram *scram)
{
	step('s');
	*scram = (struct pwhash_scram){ .iterations = 5000, .salt_length = 16 };
	return stored[0] == 'S';
}

enum pwhash_answer
pwhash_cram_md5(const char *stored, bool two_fields, const char *challenge, const char *digest)
{
	(void)two_fields;
	(void)challenge;
	step('c');
	return stored[0] != 'C' ? PWHASH_UNUSABLE : strcmp(stored + 1, digest) == 0 ? PWHASH_YES : PWHASH_NO;
}

int
checker_say_identity(const struct attempt *attempt, const struct identity *identity)
{
	(void)attempt;
	(void)identity;
	seen->in = true;
	return 0;
}

int
checker_say_reason(const struct attempt *attempt, enum ask_verdict verdict, const char *why)
{
	(void)attempt;
	snprintf(seen->reason, sizeof seen->reason, "%c %s", verdict, why);
	return 0;
}

/* The client answers with a proof of zeros. */
long
checker_challenge(const struct attempt *attempt, const void *challenge, size_t length, char *response, size_t size)
{
	const char *comma = memchr(challenge, ',', length);

	(void)attempt;
	step('!');
	snprintf(seen->first, sizeof seen->first, "%.*s", (int)length, (const char *)challenge);
	return snprintf(response, size, "c=biws,%.*s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	    (int)(comma - (const char *)challenge), (const char *)challenge);
}

bool
checker_identity_by_name(const struct attempt *attempt, const char *name, struct identity *identity)
{
	(void)attempt;
	(void)name;
	*identity = (struct identity){ .home = "/" };
	return true;
}

bool
checker_rights_allowed(const struct config *config, const struct identity *service, const struct rights *rights)
{
	(void)config;
	(void)service;
	(void)rights;
	return true;
}

static char path[] = "/tmp/unit-file.XXXXXX";

static void
write_file(const char *bytes, size_t length)
{
	int file = open(path, O_WRONLY | O_TRUNC);

	assert_int_equal(write(file, bytes, length), length);
	close(file);
}

static void
try_login(const char *mechanism, const char *user, const char *password)
{
	static struct config config;
	static const struct peer peer = { .address = "192.0.2.9" };
	struct identity service = { .rights = { .uid = geteuid(), .gid = getegid() } };
	struct authenticator authenticator = { .kind = AUTHENTICATOR_FILE };
	char message[300];
	int status;
	struct attempt attempt = { .config = &config, .peer = &peer, .service = &service,
	    .authenticator = &authenticator, .mechanism = mechanism, .user = user, .last = true, .wall = -1 };

	strcpy(authenticator.path, path);
	if (strcmp(mechanism, "PLAIN") == 0) {
		attempt.password = password;
	} else if (strcmp(mechanism, "CRAM-MD5") == 0) {
		attempt.challenge = "<1@x>";
		attempt.digest = password;
	} else {
		attempt.length = (size_t)snprintf(message, sizeof message, "n,,n=%s,r=abcdefgh", user);
		attempt.response = message;
	}
	memset(seen->steps, 0, sizeof seen->steps);
	seen->reason[0] = seen->first[0] = '\0';
	seen->in = false;
	if (fork() == 0)
		_exit(file_check(&attempt));
	assert_true(wait(&status) > 0 && status == 0);
}

static void
the_same_steps(void **state)
{
	static const char *const mechanisms[] = { "PLAIN", "CRAM-MD5", "SCRAM-SHA-256" }, forms[] = "SHC";
	char file[200], known[sizeof seen->steps];

	(void)state;
	for (size_t i = 0; i < 3 * LENGTH(mechanisms); i++) {
		snprintf(file, sizeof file, "#secret:AAAA\nann:%cx:::\nbob:%cx:::\n", forms[i / 3], forms[i / 3]);
		write_file(file, strlen(file));
		try_login(mechanisms[i % 3], "bob", "wrong");
		memcpy(known, seen->steps, sizeof known);
		for (const char *name = "carol\0dave\0erin\0x\0\303\266\0"; *name != '\0'; name += strlen(name) + 1) {
			try_login(mechanisms[i % 3], name, "wrong");
			if (strcmp(seen->steps, known) != 0)
				fail_msg("%s, %c: %s, but %s for a name that is there", mechanisms[i % 3],
				    forms[i / 3], seen->steps, known);
			assert_string_equal(seen->reason, "D no-such-user");
		}
	}
}

/* The neighbour's password, or all that looks like it, is not nobody's. */
static void
nobody_gets_in(void **state)
{
	static const char *const files[] = { "ann:Cx:::\n", "ann:Hx:::\n", "ann:Sx:::\n", "ann:*:::\n", "ann:Ux:::\n", "", "# x\n" };

	(void)state;
	for (size_t i = 0; i < LENGTH(files); i++) {
		write_file(files[i], strlen(files[i]));
		for (const char *m = "PLAIN\0CRAM-MD5\0SCRAM-SHA-256\0"; *m != '\0'; m += strlen(m) + 1) {
			try_login(m, "nobody", "x");
			assert_string_equal(seen->reason, "D no-such-user");
			assert_false(seen->in);
			assert_int_equal(seen->first[0] != '\0', m[0] == 'S');
		}
	}
	write_file(files[0], strlen(files[0]));
	try_login("PLAIN", "ann", "x");
	assert_true(seen->in);
}

/* The salt and the count of a name that is not there, where the file has no secret. */
static void
from_the_front(void **state)
{
	static char bytes[3 << 20];
	char salt[sizeof seen->first];

	(void)state;
	for (size_t i = 0; i + 10 <= sizeof bytes; i += 10)
		memcpy(bytes + i, "ann0:Hx::\n", 10);
	memcpy(bytes + sizeof bytes - 30, "\nlast:S{SCRAM-SHA-256}:\n#x\n\n\n", 30);
	write_file(bytes, sizeof bytes);
	try_login("SCRAM-SHA-256", "nobody", NULL);
	strcpy(salt, strstr(seen->first, ",s="));
	assert_non_null(strstr(salt, ",i=5000"));	/* wherever the keys are */
	bytes[sizeof bytes - 2] = '#';
	write_file(bytes, sizeof bytes);
	try_login("SCRAM-SHA-256", "nobody", NULL);
	assert_string_equal(strstr(seen->first, ",s="), salt);
	bytes[sizeof bytes - 29] = '#';			/* nobody has keys */
	write_file(bytes, sizeof bytes);
	try_login("SCRAM-SHA-256", "nobody", NULL);
	assert_non_null(strstr(seen->first, ",i=32768"));
	*strstr(salt, ",i=") = '\0';
	assert_memory_equal(strstr(seen->first, ",s="), salt, strlen(salt));
	try_login("SCRAM-SHA-256", "other", NULL);
	assert_memory_not_equal(strstr(seen->first, ",s="), salt, strlen(salt));
	memcpy(bytes, "last:S{Scram-Sha-256}:\n", 23);
	write_file(bytes, sizeof bytes);
	try_login("SCRAM-SHA-256", "nobody", NULL);
	assert_non_null(strstr(seen->first, ",i=5000"));
	assert_memory_not_equal(strstr(seen->first, ",s="), salt, strlen(salt));
}

static int
start(void **state)
{
	int file = mkstemp(path);

	(void)state;
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return file < 0 || close(file) != 0;
}

static int
finish(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_steps),
		cmocka_unit_test(nobody_gets_in),
		cmocka_unit_test(from_the_front),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
