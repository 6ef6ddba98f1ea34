/* The parameters of delivery status notifications (RFC 3461 section 4): which ones are right. */
#include <string.h>

#include "base/dsn.h"
#include "base/text.h"

/* 1 to `most` bytes of xtext whose meaning is printable ASCII or a blank. */
static bool
is_xtext(const char *value, size_t most)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length = strlen(value);

	if (length < 1 || length > most)
		return false;
	for (; *value != '\0'; value++) {
		const char *high, *low;
		long byte = *value;

		if (byte < 33 || byte > 126 || byte == '=')
			return false;
		if (byte != '+')
			continue;
		if (value[1] == '\0' || value[2] == '\0')
			return false;
		high = strchr(digits, value[1]);
		low = strchr(digits, value[2]);
		if (high == NULL || low == NULL)
			return false;
		byte = (high - digits) * 16 + (low - digits);
		if (byte < 32 || byte > 126)
			return false;
		value += 2;
	}
	return true;
}

/* NEVER alone, or each of the others at most once. */
static bool
is_notify(const char *value)
{
	static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
	unsigned seen = 0;

	if (text_same(value, "NEVER"))
		return true;
	for (;; value++) {
		const char *rest = NULL;
		int i = 0;

		while (i < 3 && (rest = text_after(value, words[i])) == NULL)
			i++;
		if (rest == NULL || (*rest != ',' && *rest != '\0') || (seen & 1U << i) != 0)
			return false;
		seen |= 1U << i;
		value = rest;
		if (*value == '\0')
			return true;
	}
}

/* TYPE;ADDRESS: an atom (RFC 5322 section 3.2.3), and xtext. */
static bool
is_orcpt(const char *value)
{
	const char *at = value;

	for (; *at != ';'; at++)
		if (*at < 33 || *at > 126 || strchr("()<>@,:\\\".[]+=", *at) != NULL)
			return false;
	return at != value && strlen(value) <= 500 && is_xtext(at + 1, 500);
}

enum dsn_parameter
dsn_read(bool of_mail, const char *keyword, const char *value)
{
	const char *const names[2][2] = { { "NOTIFY", "ORCPT" }, { "RET", "ENVID" } };
	bool right;

	if (text_same(keyword, names[of_mail][0]))
		right = value != NULL && (of_mail ? text_same(value, "FULL") || text_same(value, "HDRS")
		    : is_notify(value));
	else if (text_same(keyword, names[of_mail][1]))
		right = value != NULL && (of_mail ? is_xtext(value, 100) : is_orcpt(value));
	else
		return DSN_NONE;
	if (!right)
		return DSN_WRONG;
	return text_same(keyword, names[of_mail][0]) ? DSN_FIRST : DSN_SECOND;
}

bool
dsn_valid(bool of_mail, const char *parameters)
{
	char array[DSN_MAX + 1], *word = array, *next, *value;
	unsigned seen = 0;

	if (strlen(parameters) > DSN_MAX)
		return false;
	strcpy(array, parameters);
	for (; word != NULL; word = next) {
		enum dsn_parameter what;

		if ((next = strchr(word, ' ')) != NULL)
			*next++ = '\0';
		if ((value = strchr(word, '=')) != NULL)
			*value++ = '\0';
		what = dsn_read(of_mail, word, value);
		if ((what != DSN_FIRST && what != DSN_SECOND) || (seen & what) != 0)
			return false;
		seen |= what;
	}
	return true;
}
