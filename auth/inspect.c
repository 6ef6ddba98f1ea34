/* What is wrong with the lines of a password file. */
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/inspect.h"
#include "auth/pwhash.h"
#include "base/network.h"
#include "base/text.h"

/* As CRAM-MD5 has it: not what anybody's password makes. */
#define NO_DIGEST "--------------------------------"

#define DOUBLES_MAX 100		/* things that stand twice that are named: the number of each line is counted again */
#define NAME_SHOWN USER_MAX	/* bytes of a name that are shown */
#define COLON "a password with a colon in it goes through ofmipd-passwd --import"

struct inspector {
	const struct file *file;
	inspect_function *say;
	void *context;
	struct inspect *inspect;
	uint64_t line;		/* 0: an entry by itself */
	struct entry *entry;
};

/* Looks at two lines that have the same hash. True: they are for the same, and it is said. */
typedef bool compare_function(struct inspector *inspector, const char *x, const char *y);

static void
report(struct inspector *inspector, enum inspect_kind kind, const char *text)
{
	inspector->inspect->wrong += kind == INSPECT_UNSOUND || kind == INSPECT_WRONG;
	inspector->say(inspector->context, kind, text);
}

/* line N: user NAME: WHAT VALUE; REMEDY. The last two may be NULL. No value is shown that may be of a password: what
 * follows a colon in a clear-text one is taken for a uid, a gid, a home. */
static void
say_line(struct inspector *inspector, enum inspect_kind kind, const char *what, const char *value, const char *remedy)
{
	char array[1200];
	struct text text;

	text_start(&text, array, sizeof array);
	if (inspector->line > 0) {
		text_add(&text, "line ");
		text_add_number(&text, inspector->line);
		text_add(&text, ": ");
	}
	if (inspector->entry->count >= 2) {
		text_add(&text, "user ");
		text_add_visible(&text, inspector->entry->fields[USER], NAME_SHOWN);
		text_add(&text, ": ");
	}
	text_add(&text, what);
	if (value != NULL) {
		text_add_byte(&text, ' ');
		text_add_name(&text, value);
	}
	text_add(&text, remedy != NULL ? "; " : "");
	text_add(&text, remedy != NULL ? remedy : "");
	report(inspector, kind, array);
}

const char *
inspect_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return "a name that is empty is no name; give one";
	if (length > USER_MAX)
		return "a name longer than 255 bytes is never found; shorten it";
	if (name[0] == '#' || strchr(name, ':') != NULL)
		return "a name that begins with #, or has a colon in it, cannot stand in the file; give another";
	if (!text_utf8(name, length))
		return "a name that is not UTF-8, or has control characters, is never found; write it in UTF-8";
	if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
		return "a name with capital letters is never found; logins are looked up in lower case, write it so";
	if (name[0] == ' ' || name[length - 1] == ' ')
		return "a name with blanks around it is never found; take the blanks away";
	return NULL;
}

static void
judge_name(struct inspector *inspector)
{
	const char *name = inspector->entry->fields[USER], *fault = inspect_name(name);

	if (fault != NULL)
		say_line(inspector, INSPECT_UNFOUND, fault, NULL, NULL);
	else if (strchr(name, ' ') != NULL)
		say_line(inspector, INSPECT_WARNING, "there is a blank in the name", NULL,
		    "a client must send it, too: take it away if it does not belong to the name");
}

static void
judge_password(struct inspector *inspector)
{
	const char *stored = inspector->entry->fields[PASSWORD], *fault;
	bool two_fields = inspector->entry->count == 2;
	struct pwhash_scram keys;

	if (pwhash_is_cleartext(stored, two_fields) && inspector->inspect->cleartext == 0)
		inspector->inspect->cleartext = inspector->line;
	inspector->inspect->scram += pwhash_scram(stored, &keys);
	inspector->inspect->cram_md5 += pwhash_cram_md5(stored, two_fields, "", NO_DIGEST) == PWHASH_NO;
	explicit_bzero(&keys, sizeof keys);
	fault = pwhash_fault(stored, two_fields);
	if (fault != NULL)
		say_line(inspector, INSPECT_WRONG, fault, NULL,
		    "see ofmipd-authfile(5), or set a new password with ofmipd-passwd");
}

static void
judge_ids(struct inspector *inspector)
{
	const char *uid = inspector->entry->fields[UID], *gid = inspector->entry->fields[GID];
	uint64_t numbers[2];

	if (uid[0] == '\0' && gid[0] == '\0')
		return;
	if (uid[0] == '\0' || gid[0] == '\0')
		say_line(inspector, INSPECT_WRONG, uid[0] == '\0' ? "there is a gid and no uid" :
		    "there is a uid and no gid", NULL, "give both, or neither; " COLON);
	else if (!text_number(uid, UINT32_MAX - 1, &numbers[0]) || !text_number(gid, UINT32_MAX - 1, &numbers[1]))
		say_line(inspector, INSPECT_WRONG, "uid or gid is not a number", NULL,
		    "give numbers from 1 to 4294967294, or neither; " COLON);
	else if (numbers[0] == 0 || numbers[1] == 0)
		say_line(inspector, INSPECT_WRONG, "uid or gid is root's", NULL,
		    "ofmipd-session never becomes root: give another, or none");
}

static void
judge_extra(struct inspector *inspector)
{
	const struct entry *entry = inspector->entry;
	char copy[sizeof entry->line];
	const char *value = passwd_extra(entry, "allow_nets", copy, sizeof copy);
	uint64_t hour, day;
	int64_t end;

	if (value != NULL && !network_list(value))
		say_line(inspector, INSPECT_WRONG, "allow_nets= holds something that is not a network:", value,
		    "write 192.0.2.0/24,2001:db8::/32");
	value = passwd_extra(entry, "expires", copy, sizeof copy);
	if (value != NULL && !passwd_date(value, &end))
		say_line(inspector, INSPECT_WRONG, "expires= is not a date:", value, "write YYYY-MM-DD");
	value = passwd_extra(entry, "quota", copy, sizeof copy);
	if (value != NULL && (strlen(value) > QUOTA_TEXT_MAX || !config_quota(value, &hour, &day)))
		say_line(inspector, INSPECT_WRONG, "quota= is malformed:", value,
		    "write 200/h, 1000/d, 200/h,1000/d or none");
	value = passwd_extra(entry, "cert", copy, sizeof copy);
	inspector->inspect->certificates += value != NULL;
	if (value != NULL && *value == '\0')
		say_line(inspector, INSPECT_WRONG, "cert= has no value", NULL,
		    "write the address or the common name in the user's certificate, or take the word away");
	value = passwd_extra(entry, "label", copy, sizeof copy);
	if (value != NULL && (*value == '\0' || strlen(value) > LABEL_MAX))
		say_line(inspector, INSPECT_WRONG, "label= has no value, or more than 64 bytes", NULL,
		    "give one, or take the word away");
	else if (value != NULL && pwhash_is_slow(entry->fields[PASSWORD], false))
		say_line(inspector, INSPECT_WARNING, "a password with a label is stored in a slow form; of those "
		    "one is tried, the user's own first", NULL, "make one with ofmipd-passwd --app");
}

static void
judge_entry(struct inspector *inspector)
{
	const char *home = inspector->entry->fields[HOME];

	inspector->inspect->entries++;
	judge_name(inspector);
	judge_password(inspector);
	judge_ids(inspector);
	if (home[0] != '\0' && home[0] != '/')
		say_line(inspector, INSPECT_WARNING, "the home is not used: it is not an absolute path", NULL,
		    "give one; " COLON);
	judge_extra(inspector);
}

static void
judge_line(struct inspector *inspector, const char *at, size_t length)
{
	struct entry *entry = inspector->entry;
	bool read = passwd_entry(inspector->file, at, entry), nameless = *at == ':';
	int fields = entry->count;

	if (read && fields >= 2 && *at != '#' && !nameless) {
		judge_entry(inspector);
		return;
	}
	entry->count = 0;	/* nobody's: no name is shown */
	if (!read && memchr(at, '\0', length) != NULL)
		say_line(inspector, INSPECT_UNSOUND, "holds a NUL byte: not a password file", NULL, "take it out");
	else if (!read && *at != '#')
		say_line(inspector, INSPECT_WRONG, "longer than 4095 bytes: not read", NULL, "shorten it");
	else if (read && *at != '#' && (fields > 1 || entry->line[strspn(entry->line, " \t")] != '\0'))
		say_line(inspector, INSPECT_WARNING,
		    nameless ? "there is no name: not read" : "there is no colon: not read", NULL,
		    "write user:password, or # in front of a comment");
}

/* The name without blanks around it, in any case, and the label, if it has one; "" and a length of 0 else. */
static size_t
owner_of(const struct file *file, const char *at, const char **name, char *label, size_t size)
{
	const char *end = memchr(at, ':', (size_t)(file->bytes + file->length - at));
	struct entry entry;
	char copy[sizeof entry.line];
	const char *value = NULL;

	if (passwd_entry(file, at, &entry)) {
		value = passwd_extra(&entry, "label", copy, sizeof copy);
		explicit_bzero(entry.line, (size_t)(passwd_next(file, at) - at));	/* what was copied */
	}
	strlcpy(label, value == NULL ? "" : value, size);
	while (at < end && strchr(" \t\r\f\v", *at) != NULL)
		at++;
	while (at < end && strchr(" \t\r\f\v", end[-1]) != NULL)
		end--;
	*name = at;
	return (size_t)(end - at);
}

static uint64_t
owner_hash(const struct file *file, const char *at)
{
	char label[USER_MAX + 1], lower[USER_MAX + 1];
	const char *name;
	size_t length;

	if (!passwd_is_entry(file, at))
		return 0;
	length = owner_of(file, at, &name, label, sizeof label);
	if (length > USER_MAX)
		length = USER_MAX;
	memcpy(lower, name, length);
	lower[length] = '\0';
	text_lower(lower);
	return passwd_hash(lower, length);
}

static void
add_line(struct inspector *inspector, struct text *text, const char *at)
{
	uint64_t number = 1;

	for (const char *line = inspector->file->bytes; line < at; line = passwd_next(inspector->file, line))
		number++;
	text_add_number(text, number);
}

static void
add_both_lines(struct inspector *inspector, struct text *text, const char *x, const char *y)
{
	text_add(text, "lines ");
	add_line(inspector, text, x);
	text_add(text, " and ");
	add_line(inspector, text, y);
	text_add(text, " are for the same ");
}

/* Two lines for one name and label: which one counts would be anybody's guess. */
static bool
compare_owners(struct inspector *inspector, const char *x, const char *y)
{
	char labels[2][USER_MAX + 1], array[700];
	const char *names[2];
	size_t length = owner_of(inspector->file, x, &names[0], labels[0], sizeof labels[0]);
	struct text text;

	if (owner_of(inspector->file, y, &names[1], labels[1], sizeof labels[1]) != length ||
	    strncasecmp(names[0], names[1], length) != 0 || strcmp(labels[0], labels[1]) != 0)
		return false;
	text_start(&text, array, sizeof array);
	add_both_lines(inspector, &text, x, y);
	text_add(&text, "user, ");
	text_add_visible(&text, names[0], length < NAME_SHOWN ? length : NAME_SHOWN);
	if (labels[0][0] != '\0') {
		text_add(&text, ", and have the same label, ");
		text_add_visible(&text, labels[0], NAME_SHOWN);
	}
	text_add(&text, ": delete one");
	report(inspector, INSPECT_UNSOUND, array);
	return true;
}

/* Which certificate a line is for, in lower case; false: none. */
static bool
certificate_of(const struct file *file, const char *at, char name[sizeof((struct entry *)NULL)->line])
{
	struct entry entry;
	char copy[sizeof entry.line];
	const char *value = NULL;

	if (passwd_is_entry(file, at) && passwd_entry(file, at, &entry)) {
		value = passwd_extra(&entry, "cert", copy, sizeof copy);
		explicit_bzero(entry.line, (size_t)(passwd_next(file, at) - at));
	}
	strlcpy(name, value == NULL ? "" : value, sizeof entry.line);
	text_lower(name);
	return name[0] != '\0';
}

static uint64_t
certificate_hash(const struct file *file, const char *at)
{
	char name[sizeof((struct entry *)NULL)->line];

	return certificate_of(file, at, name) ? passwd_hash(name, strlen(name)) : 0;
}

static bool
compare_certificates(struct inspector *inspector, const char *x, const char *y)
{
	char names[2][sizeof((struct entry *)NULL)->line], array[1200];
	struct text text;

	(void)certificate_of(inspector->file, x, names[0]);
	(void)certificate_of(inspector->file, y, names[1]);
	if (strcmp(names[0], names[1]) != 0)
		return false;
	text_start(&text, array, sizeof array);
	add_both_lines(inspector, &text, x, y);
	text_add(&text, "certificate, cert=");
	text_add_visible(&text, names[0], NAME_SHOWN);
	text_add(&text, ": delete one");
	report(inspector, INSPECT_WRONG, array);
	return true;
}

/* Lines that have the same hash: each is compared with those before it, as far as a session would read them. */
static void
judge_alike(struct inspector *inspector, const struct passwd_place *places, size_t count, compare_function *compare)
{
	const char *bytes = inspector->file->bytes, *name;
	size_t most = count < PASSWD_LINES_MAX ? count : PASSWD_LINES_MAX, length;
	char array[700], label[USER_MAX + 1];
	struct text text;

	for (size_t i = 1; i < most; i++)
		for (size_t j = 0; j < i && !compare(inspector, bytes + places[j].at, bytes + places[i].at); j++)
			;
	if (count == most || compare != compare_owners)
		return;
	length = owner_of(inspector->file, bytes + places->at, &name, label, sizeof label);
	text_start(&text, array, sizeof array);
	text_add(&text, "user ");
	text_add_visible(&text, name, length < NAME_SHOWN ? length : NAME_SHOWN);
	text_add(&text, ": the name has more than 32 lines, the last one is line ");
	add_line(inspector, &text, bytes + places[count - 1].at);
	text_add(&text, ": no login succeeds; delete some, or take passwords away with ofmipd-passwd --revoke");
	report(inspector, INSPECT_WRONG, array);
}

/* Finds what stands in several lines: `hash` of it, 0 for nothing. */
static bool
judge_doubles(struct inspector *inspector, uint64_t (*hash)(const struct file *file, const char *at),
    compare_function *compare)
{
	size_t count, last;
	struct passwd_place *places = passwd_places(inspector->file, hash, &count);
	bool done = places != NULL;

	for (size_t first = 0; done && first < count && inspector->inspect->wrong < DOUBLES_MAX; first = last) {
		for (last = first + 1; last < count && places[last].hash == places[first].hash; last++)
			;
		judge_alike(inspector, &places[first], last - first, compare);
	}
	free(places);
	return done;
}

bool
inspect_file(const struct file *file, inspect_function *say, void *context, struct inspect *inspect)
{
	struct entry entry;
	struct inspector inspector = { .file = file, .say = say, .context = context, .inspect = inspect,
	    .entry = &entry };
	const char *next, *end = file->bytes + file->length;
	unsigned char secret[PASSWD_SECRET_MAX];
	bool done;

	*inspect = (struct inspect){ 0 };
	done = judge_doubles(&inspector, owner_hash, compare_owners);
	if (memmem(file->bytes, file->length, "cert=", 5) != NULL)
		done &= judge_doubles(&inspector, certificate_hash, compare_certificates);
	for (const char *at = file->bytes; at < end; at = next) {
		next = passwd_next(file, at);
		inspector.line++;
		judge_line(&inspector, at, (size_t)(next - at));
	}
	if (inspect->entries == 0)
		report(&inspector, INSPECT_WARNING, "no user in it; ofmipd-passwd USER makes one");
	if (inspect->scram > 0 && passwd_secret(file, secret) == 0)
		report(&inspector, INSPECT_WARNING, "keys for SCRAM-SHA-256, and no line #secret: whoever asks for a "
		    "name before and after the file changes sees whether it is there; ofmipd-passwd writes one with "
		    "any change, see ofmipd-authfile(5)");
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(&entry, sizeof entry);
	return done;
}

void
inspect_entry(struct entry *entry, inspect_function *say, void *context)
{
	struct inspect inspect = { 0 };
	struct inspector inspector = { .say = say, .context = context, .inspect = &inspect, .entry = entry };

	judge_entry(&inspector);
}
