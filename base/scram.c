/* What a client says in SCRAM (RFC 5802, RFC 7677): parsed strictly, on both sides of the wall. */
#include <string.h>

#include "base/scram.h"
#include "base/text.h"

#define BINDING_MAX 128		/* bytes: tls-exporter has 32, tls-server-end-point at most a SHA-512 */

/* The message, cut at its commas one attribute at a time. */
struct cursor {
	const char *at, *end;	/* at == NULL: behind the last attribute */
};

/* The next attribute, up to a comma or the end. False: there is none. */
static bool
next(struct cursor *cursor, const char **attribute, size_t *length)
{
	const char *comma;

	if (cursor->at == NULL)
		return false;
	comma = memchr(cursor->at, ',', (size_t)(cursor->end - cursor->at));
	*attribute = cursor->at;
	*length = (size_t)((comma == NULL ? cursor->end : comma) - cursor->at);
	cursor->at = comma == NULL ? NULL : comma + 1;
	return true;
}

/* The value of an attribute that must be `letter`, not empty; NULL: it is another, or none. */
static const char *
value_of(const char *attribute, size_t length, char letter, size_t *value_length)
{
	if (length < 3 || attribute[0] != letter || attribute[1] != '=')
		return NULL;
	*value_length = length - 2;
	return attribute + 2;
}

/* saslname: every comma and equals sign is =2C or =3D. False: malformed. `name` is "" where it is too long. */
static bool
sasl_name(const char *value, size_t length, char (*name)[USER_MAX + 1])
{
	struct text text;

	text_start(&text, *name, sizeof *name);
	for (size_t i = 0; i < length; i++) {
		bool comma = length - i >= 3 && memcmp(value + i, "=2C", 3) == 0;

		if (value[i] == '=' && !comma && (length - i < 3 || memcmp(value + i, "=3D", 3) != 0))
			return false;
		text_add_byte(&text, comma ? ',' : value[i]);
		i += value[i] == '=' ? 2 : 0;
	}
	if (text.cut)
		(*name)[0] = '\0';
	return true;
}

/* A letter, '=', and something (attr-val), that an extension may be: not one that must be understood (m), nor the
 * proof, which has its place. */
static bool
extension(const char *attribute, size_t length)
{
	char letter = length > 2 ? attribute[0] : '\0';

	return ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) && letter != 'm' &&
	    letter != 'p' && attribute[1] == '=';
}

/* gs2-cbind-flag: n, y, or p=TYPE. */
static enum scram_answer
channel_flag(const char *flag, size_t length, const char *binding, bool plus_offered)
{
	if (length == 1 && *flag == 'n')
		return binding == NULL ? SCRAM_FINE : SCRAM_REFUSED;
	if (length == 1 && *flag == 'y')
		return binding == NULL && !plus_offered ? SCRAM_FINE : SCRAM_REFUSED;
	if (length < 3 || memcmp(flag, "p=", 2) != 0)
		return SCRAM_MALFORMED;
	for (size_t i = 2; i < length; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", flag[i]) == NULL)
			return SCRAM_MALFORMED;
	return binding != NULL && strlen(binding) == length - 2 && memcmp(binding, flag + 2, length - 2) == 0
	    ? SCRAM_FINE : SCRAM_REFUSED;
}

enum scram_answer
scram_first(struct scram *scram, const char *message, size_t length, const char *binding, bool plus_offered)
{
	struct cursor cursor = { message, message + length };
	const char *attribute, *value;
	char authzid[USER_MAX + 1] = "";
	bool acts_for_another = false;
	size_t size, value_size;
	enum scram_answer answer;

	*scram = (struct scram){ 0 };
	if (memchr(message, '\0', length) != NULL)
		return SCRAM_MALFORMED;
	(void)next(&cursor, &attribute, &size);		/* there is always a first one, empty perhaps */
	answer = channel_flag(attribute, size, binding, plus_offered);
	if (answer == SCRAM_MALFORMED || !next(&cursor, &attribute, &size))
		return SCRAM_MALFORMED;
	if (size > 0) {
		value = value_of(attribute, size, 'a', &value_size);
		if (value == NULL || !sasl_name(value, value_size, &authzid))
			return SCRAM_MALFORMED;
		acts_for_another = true;	/* unless it is the same name, see below */
	}
	scram->bare = cursor.at;
	if (!next(&cursor, &attribute, &size) || (value = value_of(attribute, size, 'n', &value_size)) == NULL ||
	    !sasl_name(value, value_size, &scram->user))
		return SCRAM_MALFORMED;
	if (!next(&cursor, &attribute, &size) || (value = value_of(attribute, size, 'r', &value_size)) == NULL ||
	    value_size > SCRAM_NONCE_MAX)
		return SCRAM_MALFORMED;
	for (size_t i = 0; i < value_size; i++)
		if (value[i] < 33 || value[i] > 126)
			return SCRAM_MALFORMED;
	memcpy(scram->nonce, value, value_size);
	while (next(&cursor, &attribute, &size))
		if (!extension(attribute, size))
			return SCRAM_MALFORMED;
	scram->gs2_length = (size_t)(scram->bare - message);
	if (scram->user[0] == '\0' || scram->gs2_length > sizeof scram->gs2 ||
	    (acts_for_another && strcmp(authzid, scram->user) != 0))
		return SCRAM_REFUSED;
	memcpy(scram->gs2, message, scram->gs2_length);
	return answer;
}

/* c=: base64 of the gs2-header and, with channel binding, of what names the channel. */
static enum scram_answer
channel_binding(const struct scram *scram, const char *value, size_t length, const struct scram_final *final)
{
	char said[(SCRAM_GS2_MAX + BINDING_MAX + 2) / 3 * 4];
	long decoded = length > sizeof said ? -1 : text_base64_decode(value, length, said);

	if (decoded < 0)
		return SCRAM_MALFORMED;
	return (size_t)decoded == scram->gs2_length + final->binding_length &&
	    memcmp(said, scram->gs2, scram->gs2_length) == 0 && (final->binding_length == 0 ||
	    memcmp(said + scram->gs2_length, final->binding, final->binding_length) == 0) ? SCRAM_FINE : SCRAM_REFUSED;
}

enum scram_answer
scram_final(const struct scram *scram, const char *message, size_t length, struct scram_final *final)
{
	struct cursor cursor = { message, message + length };
	const char *attribute, *value, *nonce = final->server_first + 2;
	char proof[(SCRAM_PROOF + 2) / 3 * 4];
	size_t size, value_size;
	enum scram_answer answer;

	if (memchr(message, '\0', length) != NULL)
		return SCRAM_MALFORMED;
	(void)next(&cursor, &attribute, &size);
	if ((value = value_of(attribute, size, 'c', &value_size)) == NULL)
		return SCRAM_MALFORMED;
	answer = channel_binding(scram, value, value_size, final);
	if (answer == SCRAM_MALFORMED || !next(&cursor, &attribute, &size) ||
	    (value = value_of(attribute, size, 'r', &value_size)) == NULL)
		return SCRAM_MALFORMED;
	if (value_size != strcspn(nonce, ",") || memcmp(value, nonce, value_size) != 0)
		answer = SCRAM_REFUSED;
	do
		if (!next(&cursor, &attribute, &size))
			return SCRAM_MALFORMED;		/* no proof */
	while (extension(attribute, size));
	/* The proof is what comes last, whole. */
	value = value_of(attribute, size, 'p', &value_size);
	if (value == NULL || cursor.at != NULL || value_size != sizeof proof ||
	    text_base64_decode(value, value_size, proof) != SCRAM_PROOF)
		return SCRAM_MALFORMED;
	memcpy(final->proof, proof, SCRAM_PROOF);
	final->without_proof = (size_t)(attribute - 1 - message);
	return answer;
}
