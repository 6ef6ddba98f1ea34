/* links: auth/challenge auth/pwhash */
/* The server's half of SCRAM, against the example of RFC 7677 section 3. */
#include "unit.h"

#include <sys/random.h>

#include "auth/challenge.h"
#include "faults.h"

FAULTY(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))

#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define STORED "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

/* dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ= */
static const char proof[] = "\x74\x7c\xdb\x65\xaa\x56\x22\x4e\x23\x52\x13\x7e\x52\xd7\xbd\xca\xd6\xa0\xf7\x38\xdf\x30"
    "\x78\x2c\xaa\x69\xa2\xcf\xb0\x27\x75\x54";
static const char without_proof[] = "c=biws,r=" NONCE;

static struct pwhash_scram record;
static char array[CHALLENGE_FIRST_MAX];

static bool
proved(const char *bare, const char *server_first, const char *end, const char *shown)
{
	const struct challenge_said said = { .client_first_bare = bare, .server_first = server_first,
	    .without_proof = end, .length = strlen(end), .proof = shown };
	struct text text;

	text_start(&text, array, sizeof array);
	return challenge_proved(&record, &said, &text);
}

static void
the_example_of_the_rfc(void **state)
{
	static const char bare[] = "n=user,r=rOprNGfwEbeRWgbNEkqO", first[] = "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
	char changed[sizeof proof];

	(void)state;
	assert_true(pwhash_scram(STORED, &record));
	assert_true(proved(bare, first, without_proof, proof));
	assert_string_equal(array, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	for (size_t bit = 0; bit < SCRAM_PROOF * 8; bit += 7) {
		memcpy(changed, proof, sizeof proof);
		changed[bit / 8] ^= (char)(1 << bit % 8);
		assert_false(proved(bare, first, without_proof, changed));
		assert_string_equal(array, "");
	}
	assert_false(proved("n=user,r=rOprNGfwEbeRWgbNEkqP", first, without_proof, proof));
	assert_false(proved("n=user,r=rOprNGfwEbeRWgbNEkqO,x=1", first, without_proof, proof));
	assert_false(proved(bare, "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4097", without_proof, proof));
	assert_false(proved(bare, first, "c=biws,r=" NONCE ",x=1", proof));
	assert_false(proved(bare, first, "", proof));
}

static void
long_messages_are_refused(void **state)
{
	static char bare[5000];

	(void)state;
	assert_true(pwhash_scram(STORED, &record));
	memset(bare, 'x', sizeof bare - 1);
	assert_false(proved(bare, "r=x", without_proof, proof));
}

/* The value of a letter in a server-first-message. */
static const char *
value(const char *message, const char *letter)
{
	static char found[3][CHALLENGE_FIRST_MAX];
	static int turn;
	const char *at = strstr(message, letter);

	assert_non_null(at);
	turn = (turn + 1) % 3;
	snprintf(found[turn], sizeof found[turn], "%.*s", (int)strcspn(at + 2, ","), at + 2);
	return found[turn];
}

static void
unknown_logins_look_like_others(void **state)
{
	char first[CHALLENGE_FIRST_MAX], again[CHALLENGE_FIRST_MAX], other[CHALLENGE_FIRST_MAX], secret[CHALLENGE_FIRST_MAX];
	const struct {
		const char *secret, *login;
		char *said;
	} rows[] = { { "s", "bob", first }, { "s", "bob", again }, { "s", "bop", other }, { "t", "bob", secret } };
	struct text text;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		challenge_unknown(rows[i].secret, 1, rows[i].login, 32768, &record);
		text_start(&text, rows[i].said, CHALLENGE_FIRST_MAX);
		assert_true(challenge_first(&record, "client", &text));
		assert_int_equal(strncmp(rows[i].said, "r=client", 8), 0);
		assert_int_equal(strlen(value(rows[i].said, "r=")), 6 + 24);
		assert_int_equal(strlen(value(rows[i].said, "s=")), 24);
		assert_string_equal(value(rows[i].said, "i="), "32768");
	}
	assert_string_equal(value(first, "s="), value(again, "s="));
	assert_string_not_equal(value(first, "s="), value(other, "s="));
	assert_string_not_equal(value(first, "s="), value(secret, "s="));
	assert_string_not_equal(value(first, "r="), value(again, "r="));	/* a nonce is never used twice */
	assert_false(proved("n=bob,r=client", first, without_proof, proof));
	text_start(&text, array, 40);
	assert_false(challenge_first(&record, "client", &text));
	text_start(&text, array, sizeof array);
	fault("getrandom", 1, EAGAIN);		/* no nonce but a new one */
	assert_false(challenge_first(&record, "client", &text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc), cmocka_unit_test(long_messages_are_refused),
		cmocka_unit_test(unknown_logins_look_like_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
