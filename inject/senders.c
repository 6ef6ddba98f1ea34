/* Who may send as which address: the table of --senders, or the rule of --own-address. */
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "inject/senders.h"

/* What separates owners from each other and from what they own. */
#define SEPARATORS " \t\r\n,"

static int descriptor = -1;
static FILE *table;		/* over `descriptor`, from the first question on */

/* A line of the table being read, with what continues it. */
struct reader {
	char *line;		/* getline(3)'s: lives until the last one was read */
	size_t size;
	unsigned number;	/* of the line, from 1 */
};

bool
senders_open(const char *path, struct text *why)
{
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor >= 0)
		return true;
	text_add_name(why, path);
	text_add(why, ": ");
	text_add(why, strerror(errno));
	return false;
}

/* Back to the first line. */
static bool
rewind_table(void)
{
	if (table == NULL && (table = fdopen(descriptor, "r")) == NULL)
		return false;
	clearerr(table);
	return fseek(table, 0, SEEK_SET) == 0;
}

static enum senders_answer
end_of_table(struct reader *reader, enum senders_answer answer)
{
	int error = errno;

	free(reader->line);
	if (!ferror(table))
		return answer;
	errno = error;
	return SENDERS_UNKNOWN;
}

/* The next line that is no comment; false at the end. `*key` is what is owned; NULL in a line that goes on with the
 * owners of the last one. `*owners` is the rest, to be cut up with strtok(3). */
static bool
next_line(struct reader *reader, char **key, char **owners)
{
	while (getline(&reader->line, &reader->size, table) >= 0) {
		char *line = reader->line;
		size_t blanks = strspn(line, SEPARATORS), length;

		reader->number++;
		if (line[blanks] == '\0' || line[blanks] == '#')
			continue;
		*key = NULL;
		*owners = line;
		if (line[0] == ' ' || line[0] == '\t')
			return true;
		length = strcspn(line, SEPARATORS);
		*key = line;
		*owners = line + length + (line[length] != '\0');
		line[length] = '\0';
		return true;
	}
	return false;
}

static bool
lists(char *owners, const char *login)
{
	for (char *owner = strtok(owners, SEPARATORS); owner != NULL; owner = strtok(NULL, SEPARATORS))
		if (text_same(owner, login))
			return true;
	return false;
}

/* Is it an address with a domain of its own? */
static bool
exact(const char *key, struct address *address)
{
	const char *at = key;

	/* There is no blank in it, at which the reading would end; nor is "<>" one of these, the only empty one. */
	return strchr(key, '@') != NULL && address_read(&at, "", address) == ADDRESS_FINE &&
	    address->text[address->length - 1] != '@';
}

/* `address` without its +extension; false: it has none. */
static bool
without_extension(const char *address, char (*plain)[ADDRESS_MAX + 1])
{
	const char *at = strrchr(address, '@'), *plus = strchr(address, '+');
	struct text text;

	if (at == NULL || plus == NULL || plus > at || plus == address || *address == '"')
		return false;
	text_start(&text, *plain, sizeof *plain);
	text_add_bytes(&text, address, (size_t)(plus - address));
	text_add(&text, at);
	return true;
}

enum senders_answer
senders_ask(const char *login, const char *address)
{
	char plain[ADDRESS_MAX + 1];
	bool extended = without_extension(address, &plain);
	const char *domain = strrchr(address, '@');
	const char *const keys[] = { address, extended ? plain : NULL, domain, "*" };
	const int count = sizeof keys / sizeof *keys;
	struct reader reader = { 0 };
	char *key, *owners;
	int best = count, now = count;	/* the lower its place in `keys`, the more an entry counts */
	bool own = false;

	if (!rewind_table())
		return SENDERS_UNKNOWN;
	while (next_line(&reader, &key, &owners)) {
		if (key != NULL) {
			for (now = 0; now < best; now++)
				if (keys[now] != NULL && text_same(key, keys[now]))
					break;
			if (now == best) {
				now = count;	/* another's, one that counts less, or a second one */
				continue;
			}
			best = now;
			own = false;
		}
		if (now < count)
			own |= lists(owners, login);
	}
	return end_of_table(&reader, own ? SENDERS_OWN : SENDERS_FOREIGN);
}

enum senders_answer
senders_first(const char *login, struct address *address)
{
	struct reader reader = { 0 };
	char *key, *owners;
	bool own = false, found = false;

	if (!rewind_table())
		return SENDERS_UNKNOWN;
	while (!found && next_line(&reader, &key, &owners)) {
		if (key != NULL)
			own = exact(key, address);
		found = own && lists(owners, login);
	}
	return end_of_table(&reader, found ? SENDERS_OWN : SENDERS_FOREIGN);
}

bool
senders_is_own(const char *login, const char *domain, const char *address)
{
	char array[ADDRESS_MAX + 1], plain[ADDRESS_MAX + 1];
	struct text own;

	text_start(&own, array, sizeof array);
	text_add(&own, login);
	if (strchr(login, '@') == NULL) {
		text_add_byte(&own, '@');
		text_add(&own, domain);
	}
	return !own.cut && (text_same(address, array) ||
	    (without_extension(address, &plain) && text_same(plain, array)));
}

static int
compare_keys(const void *one, const void *other)
{
	return strcasecmp(one, other);
}

/* What is wrong with a line that begins with `key`; NULL: nothing. `seen` has the keys above. */
static const char *
line_fault(const char *key, char *owners, void **seen)
{
	char array[ADDRESS_MAX + 3] = "x";
	struct address address;
	const char *at = key;
	char *copy = strdup(key);
	const char **node = copy == NULL ? NULL : tsearch(key, seen, compare_keys);

	if (node == NULL || *node != key) {
		free(copy);
		return node == NULL ? "no memory to check the table"
		    : "the same entry stands above, and only that one counts: put all owners there";
	}
	*node = copy;	/* the key itself does not outlive its line */
	if (*key == '@' && strlen(key) < sizeof array - 1)	/* @domain: an address with any name in front */
		at = strcat(array, key);
	if (strcmp(key, "*") != 0 && !exact(at, &address))
		return "what is owned must be an address, @domain or *";
	return strtok(owners, SEPARATORS) == NULL ? "nobody owns it: give logins after it, or drop the line" : NULL;
}

bool
senders_check(void (*report)(unsigned line, const char *fault))
{
	struct reader reader = { 0 };
	void *seen = NULL;
	char *key, *owners;
	bool first = true;

	if (!rewind_table())
		return false;
	while (next_line(&reader, &key, &owners)) {
		const char *fault = key != NULL ? line_fault(key, owners, &seen)
		    : first ? "begins with a blank, but there is no line above that it could continue" : NULL;

		first = false;
		if (fault != NULL)
			report(reader.number, fault);
	}
	tdestroy(seen, free);
	return end_of_table(&reader, SENDERS_OWN) == SENDERS_OWN;
}
