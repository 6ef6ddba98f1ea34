/* What a client says in SCRAM (RFC 5802, RFC 7677): parsed strictly, on both sides of the wall. */
#include <string.h>

#include "base/scram.h"
#include "base/text.h"

#define BINDING_MAX 128		/* bytes: tls-exporter has 32, tls-server-end-point at most a SHA-512 */

/* Bytes of a message, up to `end`. */
struct part {
	const char *at, *end;
};

/* Do the next bytes make this word? Then they are read. */
static bool
take(struct part *in, const char *word)
{
	const char *at = in->at;

	for (; *word != '\0'; word++, at++)
		if (at >= in->end || *at != *word)
			return false;
	in->at = at;
	return true;
}

static bool
is(struct part part, const char *word)
{
	return take(&part, word) && part.at == part.end;
}

static bool
same(struct part one, struct part other)
{
	for (; one.at < one.end && other.at < other.end && *one.at == *other.at; one.at++)
		other.at++;
	return one.at == one.end && other.at == other.end;
}

/* The next attribute, up to a comma or the end; rest->at == NULL is after the last one. False: there is none. */
static bool
next(struct part *rest, struct part *attribute)
{
	if (rest->at == NULL)
		return false;
	*attribute = *rest;
	while (rest->at < rest->end && *rest->at != ',')
		rest->at++;
	attribute->end = rest->at;
	rest->at = rest->at < rest->end ? rest->at + 1 : NULL;
	return true;
}

/* The same, where it must be one of this name ("n=") with a value, which is what comes out. */
static bool
next_value(struct part *rest, const char *name, struct part *value)
{
	return next(rest, value) && take(value, name) && value->at < value->end;
}

/* saslname: every comma and equals sign is =2C or =3D. False: malformed. `name` is "" where it is too long. */
static bool
sasl_name(struct part value, char (*name)[USER_MAX + 1])
{
	struct text text;

	text_start(&text, *name, sizeof *name);
	while (value.at < value.end) {
		if (*value.at != '=')
			text_add_byte(&text, *value.at++);
		else if (take(&value, "=2C"))
			text_add_byte(&text, ',');
		else if (take(&value, "=3D"))
			text_add_byte(&text, '=');
		else
			return false;
	}
	if (text.cut)
		(*name)[0] = '\0';
	return true;
}

/* Decodes base64 by way of `array`, which holds only zeros. Returns as text_base64_decode() does. */
static long
decode(struct part value, char *array, size_t size)
{
	struct text text;

	text_start(&text, array, size);
	while (value.at < value.end)
		text_add_byte(&text, *value.at++);
	return text.cut ? -1 : text_base64_decode(array, text.used, array);
}

/* A letter, '=', and something (attr-val), that an extension may be: not one that must be understood (m), nor the
 * proof, which has its place. */
static bool
extension(struct part attribute)
{
	char letter = attribute.at < attribute.end ? *attribute.at++ : '\0';

	return ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) && letter != 'm' &&
	    letter != 'p' && take(&attribute, "=") && attribute.at < attribute.end;
}

/* gs2-cbind-flag: n, y, or p=TYPE. */
static enum scram_answer
channel_flag(struct part flag, const char *binding, bool plus_offered)
{
	if (is(flag, "n"))
		return binding == NULL ? SCRAM_FINE : SCRAM_REFUSED;
	if (is(flag, "y"))
		return binding == NULL && !plus_offered ? SCRAM_FINE : SCRAM_REFUSED;
	if (!take(&flag, "p=") || flag.at == flag.end)
		return SCRAM_MALFORMED;
	for (const char *at = flag.at; at < flag.end; at++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", *at) == NULL)
			return SCRAM_MALFORMED;
	return binding != NULL && is(flag, binding) ? SCRAM_FINE : SCRAM_REFUSED;
}

enum scram_answer
scram_first(struct scram *scram, const char *message, size_t length, const char *binding, bool plus_offered)
{
	struct part rest = { message, message + length }, attribute, value;
	char authzid[USER_MAX + 1] = "";
	bool acts_for_another;
	enum scram_answer answer;
	struct text nonce;
	size_t size;

	*scram = (struct scram){ 0 };
	if (memchr(message, '\0', length) != NULL)
		return SCRAM_MALFORMED;
	(void)next(&rest, &attribute);		/* there is always a first one, empty perhaps */
	answer = channel_flag(attribute, binding, plus_offered);
	if (answer == SCRAM_MALFORMED || !next(&rest, &attribute))
		return SCRAM_MALFORMED;
	acts_for_another = attribute.at < attribute.end;	/* unless it is the same name, see below */
	if (acts_for_another && (!take(&attribute, "a=") || attribute.at == attribute.end ||
	    !sasl_name(attribute, &authzid)))
		return SCRAM_MALFORMED;
	scram->bare = rest.at;
	if (scram->bare == NULL || !next_value(&rest, "n=", &value) || !sasl_name(value, &scram->user) ||
	    !next_value(&rest, "r=", &value))
		return SCRAM_MALFORMED;
	text_start(&nonce, scram->nonce, sizeof scram->nonce);
	for (; value.at < value.end; value.at++) {
		if (*value.at < 33 || *value.at > 126)
			return SCRAM_MALFORMED;
		text_add_byte(&nonce, *value.at);
	}
	if (nonce.cut)
		return SCRAM_MALFORMED;
	while (next(&rest, &attribute))
		if (!extension(attribute))
			return SCRAM_MALFORMED;
	size = (size_t)(scram->bare - message);
	if (scram->user[0] == '\0' || size > sizeof scram->gs2 ||
	    (acts_for_another && strcmp(authzid, scram->user) != 0))
		return SCRAM_REFUSED;
	memcpy(scram->gs2, message, size);
	scram->gs2_length = size;
	return answer;
}

/* c=: base64 of the gs2-header and, with channel binding, of what names the channel. */
static enum scram_answer
channel_binding(const struct scram *scram, struct part value, const struct scram_final *final)
{
	char said[(SCRAM_GS2_MAX + BINDING_MAX + 2) / 3 * 4 + 1] = "";
	long decoded = decode(value, said, sizeof said);

	if (decoded < 0)
		return SCRAM_MALFORMED;
	return (size_t)decoded == scram->gs2_length + final->binding_length &&
	    memcmp(said, scram->gs2, scram->gs2_length) == 0 && (final->binding_length == 0 ||
	    memcmp(said + scram->gs2_length, final->binding, final->binding_length) == 0) ? SCRAM_FINE : SCRAM_REFUSED;
}

enum scram_answer
scram_final(const struct scram *scram, const char *message, size_t length, struct scram_final *final)
{
	struct part rest = { message, message + length }, attribute, value, nonce;
	struct part server = { final->server_first + 2, final->server_first + strlen(final->server_first) };
	char proof[(SCRAM_PROOF + 2) / 3 * 4 + 1] = "";
	enum scram_answer answer;

	if (memchr(message, '\0', length) != NULL || !next_value(&rest, "c=", &value))
		return SCRAM_MALFORMED;
	answer = channel_binding(scram, value, final);
	if (answer == SCRAM_MALFORMED || !next_value(&rest, "r=", &value))
		return SCRAM_MALFORMED;
	(void)next(&server, &nonce);
	if (!same(value, nonce))
		answer = SCRAM_REFUSED;
	do
		if (!next(&rest, &attribute))
			return SCRAM_MALFORMED;		/* no proof */
	while (extension(attribute));
	/* The proof is what comes last, whole. */
	value = attribute;
	if (rest.at != NULL || !take(&value, "p=") || decode(value, proof, sizeof proof) != SCRAM_PROOF)
		return SCRAM_MALFORMED;
	memcpy(final->proof, proof, SCRAM_PROOF);
	final->without_proof = (size_t)(attribute.at - 1 - message);
	return answer;
}
