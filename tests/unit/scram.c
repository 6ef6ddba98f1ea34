/* links: base alone */
/* The messages of SCRAM clients: RFC 7677's own, and every way to get one wrong. */
#include "unit.h"

#include "base/scram.h"
#include "base/text.h"

/* RFC 7677 section 3. */
#define FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SERVER_FIRST "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define WITHOUT_PROOF "c=biws,r=" SERVER_NONCE
#define PROOF "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static struct scram scram;
static struct scram_final final;

static enum scram_answer
first(const char *message, const char *binding, bool plus_offered)
{
	char *copy = exactly(message, strlen(message) + 1);
	enum scram_answer answer = scram_first(&scram, copy, strlen(copy), binding, plus_offered);

	free(copy);
	scram.bare = NULL;	/* it pointed there */
	return answer;
}

static enum scram_answer
last(const char *message)
{
	char *copy = exactly(message, strlen(message));
	enum scram_answer answer = scram_final(&scram, copy, strlen(message), &final);

	free(copy);
	return answer;
}

static void
the_example_of_the_rfc(void **state)
{
	static const char message[] = FIRST;

	(void)state;
	assert_int_equal(scram_first(&scram, message, sizeof message - 1, NULL, false), SCRAM_FINE);
	assert_string_equal(scram.user, "user");
	assert_string_equal(scram.nonce, "rOprNGfwEbeRWgbNEkqO");
	assert_string_equal(scram.bare, "n=user,r=rOprNGfwEbeRWgbNEkqO");
	final = (struct scram_final){ .server_first = SERVER_FIRST };
	assert_int_equal(last(WITHOUT_PROOF "," PROOF), SCRAM_FINE);
	assert_int_equal(final.without_proof, strlen(WITHOUT_PROOF));
	assert_memory_equal(final.proof, "\x74\x7c\xdb\x65\xaa\x56\x22\x4e", 8);
	/* Extensions belong to what the proof is about. */
	assert_int_equal(last(WITHOUT_PROOF ",x=1,Y=2," PROOF), SCRAM_FINE);
	assert_int_equal(final.without_proof, strlen(WITHOUT_PROOF ",x=1,Y=2"));
}

static void
first_messages(void **state)
{
	static const struct {
		const char *message;
		enum scram_answer answer;
		const char *user;
	} rows[] = {
		{ "n,,n=u,r=x", SCRAM_FINE, "u" }, { "y,,n=u,r=x", SCRAM_FINE, "u" }, { "n,a=u,n=u,r=x", SCRAM_FINE, "u" },
		{ "n,,n=u,r=x,e=1,f=2", SCRAM_FINE, "u" }, { "n,,n=a=2Cb=3Dc,r=x", SCRAM_FINE, "a,b=c" },
		{ "n,a==2C,n==2C,r=x", SCRAM_FINE, "," }, { "n,,n=\xc3\xbc,r=x", SCRAM_FINE, "\xc3\xbc" },
		{ "n,,n=u,r=!-~", SCRAM_FINE, "u" },
		{ "n,a=other,n=u,r=x", SCRAM_REFUSED, "u" }, { "p=tls-unique,,n=u,r=x", SCRAM_REFUSED, "u" },
		{ "y,a=frml=2CFFrop,n=u,r=x", SCRAM_REFUSED, "u" },
		{ "", SCRAM_MALFORMED, NULL }, { ",", SCRAM_MALFORMED, NULL }, { ",,", SCRAM_MALFORMED, NULL },
		{ ",,,", SCRAM_MALFORMED, NULL }, { "n", SCRAM_MALFORMED, NULL }, { "n,", SCRAM_MALFORMED, NULL },
		{ "n,,", SCRAM_MALFORMED, NULL }, { "n,,n=", SCRAM_MALFORMED, NULL }, { "n,,n=u", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,", SCRAM_MALFORMED, NULL }, { "n,,n=u,r=", SCRAM_MALFORMED, NULL },
		{ "n,,r=x,n=u", SCRAM_MALFORMED, NULL }, { "n,,n=,r=x", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,r=x,", SCRAM_MALFORMED, NULL }, { "n,,n=u,r=x,e", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,r=x,e=", SCRAM_MALFORMED, NULL }, { "n,,n=u,r=x,1=2", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,x", SCRAM_MALFORMED, NULL }, { "nn,,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "N,,n=u,r=x", SCRAM_MALFORMED, NULL }, { "x,,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "p,,n=u,r=x", SCRAM_MALFORMED, NULL }, { "p=,,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "p.a,,n=u,r=x", SCRAM_MALFORMED, NULL }, { "p=a_b,,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "p=AAAAAA,,,", SCRAM_MALFORMED, NULL }, { "n,a=,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "n,a,n=u,r=x", SCRAM_MALFORMED, NULL }, { "n,b=u,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "n,a=u=,n=u,r=x", SCRAM_MALFORMED, NULL }, { "y,a=frml=FFrop,,", SCRAM_MALFORMED, NULL },
		{ "y,t=frop,,", SCRAM_MALFORMED, NULL }, { "n,,m=ext,n=u,r=x", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,r=x,m=1", SCRAM_MALFORMED, NULL }, { "n,,n=u=2c,r=x", SCRAM_MALFORMED, NULL },
		{ "n,,n=u=3d,r=x", SCRAM_MALFORMED, NULL }, { "n,,n=u=,r=x", SCRAM_MALFORMED, NULL },
		{ "n,,n=u=2,r=x", SCRAM_MALFORMED, NULL }, { "n,,n=u=41,r=x", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,r=a b", SCRAM_MALFORMED, NULL }, { "n,,n=u,r=\x7f", SCRAM_MALFORMED, NULL },
		{ "n,,n=u,r=\x01", SCRAM_MALFORMED, NULL }, { "n,,n=u,r=\xc3\xbc", SCRAM_MALFORMED, NULL },
		{ "a=other,n=u,r=x", SCRAM_MALFORMED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		if (first(rows[i].message, NULL, false) != rows[i].answer)
			fail_msg("%s", rows[i].message);
		if (rows[i].user != NULL)
			assert_string_equal(scram.user, rows[i].user);
	}
	assert_int_equal(scram_first(&scram, "n,,n=u\0v,r=x", 12, NULL, false), SCRAM_MALFORMED);
}

/* What is too long to be kept is refused, and a last message behind it compared with nothing. */
static void
long_headers(void **state)
{
	static char message[SCRAM_GS2_MAX + 20];
	const size_t most = SCRAM_GS2_MAX - 4;	/* of an identity: n,a= and a comma are around it */

	(void)state;
	for (size_t length = most - 1; length <= most; length++) {
		memset(message, 'u', sizeof message);
		memcpy(message, "n,a=", 4);
		strcpy(message + 4 + length, ",n=u,r=x");
		assert_int_equal(first(message, NULL, false), SCRAM_REFUSED);
		assert_int_equal(scram.gs2_length, 0);
	}
	final = (struct scram_final){ .server_first = "r=xy,s=AA==,i=1" };
	assert_int_equal(last("c=biws,r=xy," PROOF), SCRAM_REFUSED);
}

static void
channel_bindings(void **state)
{
	(void)state;
	/* Who says "y" thinks that we have no -PLUS: if we have, somebody took it out of our list. */
	assert_int_equal(first("y,,n=u,r=x", NULL, true), SCRAM_REFUSED);
	assert_int_equal(first("n,,n=u,r=x", NULL, true), SCRAM_FINE);
	assert_int_equal(first("n,,n=u,r=x", "tls-exporter", true), SCRAM_REFUSED);
	assert_int_equal(first("p=tls-unique,,n=u,r=x", "tls-exporter", true), SCRAM_REFUSED);
	assert_int_equal(first("p=tls-exporte,,n=u,r=x", "tls-exporter", true), SCRAM_REFUSED);
	assert_int_equal(first("p=tls-exporter,,n=u,r=x", "tls-exporter", true), SCRAM_FINE);
	final = (struct scram_final){ .server_first = "r=xy,s=AA==,i=1", .binding = "DATA", .binding_length = 4 };
	/* base64 of "p=tls-exporter,,DATA", then of three others */
	assert_int_equal(last("c=cD10bHMtZXhwb3J0ZXIsLERBVEE=,r=xy," PROOF), SCRAM_FINE);
	assert_int_equal(last("c=cD10bHMtZXhwb3J0ZXIsLERBVEI=,r=xy," PROOF), SCRAM_REFUSED);
	assert_int_equal(last("c=cD10bHMtZXhwb3J0ZXIsLA==,r=xy," PROOF), SCRAM_REFUSED);
	assert_int_equal(last("c=biws,r=xy," PROOF), SCRAM_REFUSED);
}

/* The longest gs2-header with the longest binding. */
static void
long_channel_bindings(void **state)
{
	static char message[2000], type[SCRAM_GS2_MAX], bytes[SCRAM_GS2_MAX + 128];
	struct text text;

	(void)state;
	for (size_t length = SCRAM_GS2_MAX - 3; length >= SCRAM_GS2_MAX - 4; length--) {	/* p= and two commas */
		memset(type, 't', length);
		type[length] = '\0';
		snprintf(message, sizeof message, "p=%s,,n=u,r=x", type);
		assert_int_equal(first(message, type, true), length + 4 > SCRAM_GS2_MAX ? SCRAM_REFUSED : SCRAM_FINE);
	}
	assert_int_equal(scram.gs2_length, SCRAM_GS2_MAX);
	memset(bytes, 'b', sizeof bytes);
	memcpy(bytes, message, SCRAM_GS2_MAX);
	final = (struct scram_final){ .server_first = "r=xy,s=AA==,i=1", .binding = bytes + SCRAM_GS2_MAX,
	    .binding_length = 128 };
	text_start(&text, message, sizeof message);
	text_add(&text, "c=");
	text_add_base64(&text, bytes, sizeof bytes);
	text_add(&text, ",r=xy," PROOF);
	assert_int_equal(last(message), SCRAM_FINE);
	final.binding_length--;
	assert_int_equal(last(message), SCRAM_REFUSED);
	memset(message + 2, 'A', sizeof message - 3);
	assert_int_equal(last(message), SCRAM_MALFORMED);
	memcpy(message + sizeof message - 100, ",r=xy," PROOF, sizeof ",r=xy," PROOF);
	assert_int_equal(last(message), SCRAM_MALFORMED);
}

static void
final_messages(void **state)
{
	static const struct {
		const char *message;
		enum scram_answer answer;
	} rows[] = {
		{ WITHOUT_PROOF "," PROOF, SCRAM_FINE },
		{ "c=eSws,r=" SERVER_NONCE "," PROOF, SCRAM_REFUSED }, { "c=biwsbiws,r=" SERVER_NONCE "," PROOF, SCRAM_REFUSED },
		{ "c=biws,r=" SERVER_NONCE "bla," PROOF, SCRAM_REFUSED }, { "c=biws,r=rOprNGfwEbeRWgbNEkqO," PROOF, SCRAM_REFUSED },
		{ "c=biws,r=x," PROOF, SCRAM_REFUSED },
		{ "", SCRAM_MALFORMED }, { ",", SCRAM_MALFORMED }, { "c=", SCRAM_MALFORMED }, { "c=bliep", SCRAM_MALFORMED },
		{ "c=,r=" SERVER_NONCE "," PROOF, SCRAM_MALFORMED }, { "c=biws", SCRAM_MALFORMED },
		{ "c=b!ws,r=" SERVER_NONCE "," PROOF, SCRAM_MALFORMED }, { "c=biws=,r=" SERVER_NONCE "," PROOF, SCRAM_MALFORMED },
		{ "r=" SERVER_NONCE ",c=biws," PROOF, SCRAM_MALFORMED }, { WITHOUT_PROOF, SCRAM_MALFORMED },
		{ "c=biws,r=," PROOF, SCRAM_MALFORMED }, { WITHOUT_PROOF ",", SCRAM_MALFORMED }, { WITHOUT_PROOF ",p", SCRAM_MALFORMED },
		{ WITHOUT_PROOF ",p=", SCRAM_MALFORMED }, { WITHOUT_PROOF ",p.a", SCRAM_MALFORMED },
		{ "c=biws,r=rOprNGfwEbeRWgbNEkqO", SCRAM_MALFORMED }, { WITHOUT_PROOF "," PROOF "AAAA", SCRAM_MALFORMED },
		{ WITHOUT_PROOF ",p=f-r-o-p", SCRAM_MALFORMED }, { WITHOUT_PROOF ",p=ZnJvcA==", SCRAM_MALFORMED },
		{ WITHOUT_PROOF ",q=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", SCRAM_MALFORMED },
		{ WITHOUT_PROOF "," PROOF ",x=1", SCRAM_MALFORMED }, { WITHOUT_PROOF "," PROOF "," PROOF, SCRAM_MALFORMED },
		{ WITHOUT_PROOF "," PROOF ",", SCRAM_MALFORMED }, { WITHOUT_PROOF ",m=1," PROOF, SCRAM_MALFORMED },
		{ WITHOUT_PROOF ",x," PROOF, SCRAM_MALFORMED }, { WITHOUT_PROOF ",x=," PROOF, SCRAM_MALFORMED },
		{ WITHOUT_PROOF ",,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", SCRAM_MALFORMED },
		{ WITHOUT_PROOF ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=", SCRAM_MALFORMED },	/* stray bits */
		{ WITHOUT_PROOF ",P=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", SCRAM_MALFORMED },
	};

	(void)state;
	assert_int_equal(first(FIRST, NULL, false), SCRAM_FINE);
	final = (struct scram_final){ .server_first = SERVER_FIRST };
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (last(rows[i].message) != rows[i].answer)
			fail_msg("%s", rows[i].message);
	assert_int_equal(scram_final(&scram, "c=biws,r=\0," PROOF, 9 + 2 + sizeof PROOF - 1, &final), SCRAM_MALFORMED);
}

static void
lengths_have_limits(void **state)
{
	char message[9000], part[4097];

	(void)state;
	for (int length = 1; length <= 4096; length += length > 500 && length < 520 ? 1 : 37) {
		memset(part, 'r', (size_t)length);
		part[length] = '\0';
		snprintf(message, sizeof message, "n,,n=u,r=%s", part);
		assert_int_equal(first(message, NULL, false), length <= SCRAM_NONCE_MAX ? SCRAM_FINE : SCRAM_MALFORMED);
		snprintf(message, sizeof message, "n,,n=%s,r=x", part);
		assert_int_equal(first(message, NULL, false), length <= USER_MAX ? SCRAM_FINE : SCRAM_REFUSED);
		assert_int_equal(strlen(scram.user), length <= USER_MAX ? length : 0);
		snprintf(message, sizeof message, "n,a=%s,n=u,r=x", part);
		assert_int_equal(first(message, NULL, false), SCRAM_REFUSED);
		snprintf(message, sizeof message, "p=%s,,n=u,r=x", part);
		assert_int_equal(first(message, NULL, false), SCRAM_REFUSED);
	}
	/* The longest name, every byte escaped, twice. */
	for (size_t at = 0; at < 3 * USER_MAX; at += 3)
		memcpy(part + at, "=2C", 3);
	part[3 * USER_MAX] = '\0';
	snprintf(message, sizeof message, "n,a=%s,n=%s,r=x", part, part);
	assert_int_equal(first(message, NULL, false), SCRAM_FINE);
	assert_int_equal(strspn(scram.user, ","), USER_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc), cmocka_unit_test(first_messages), cmocka_unit_test(long_headers), cmocka_unit_test(channel_bindings),
		cmocka_unit_test(long_channel_bindings),
		cmocka_unit_test(final_messages), cmocka_unit_test(lengths_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
