/* Shows and clears what the sessions remember with --state. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/drop.h"
#include "base/memory.h"
#include "base/text.h"

/* Exit statuses; 100 and 111 as in all programs run by tcpserver. */
enum { DONE = 0, NOTHING = 1, WRONG_USE = 100, FAILED = 111 };

/* One walk through the tables. */
struct walk {
	const char *name;		/* of a login or a network; NULL: all of them */
	enum memory_kind kind;
	int64_t now;
	bool quiet;			/* only collect */
	uint64_t count, room;
	struct found {
		enum memory_kind kind;
		unsigned char key[TABLE_KEY];
	} *found;
};

static const char *
date(int64_t seconds)
{
	static char array[48];
	struct text text;

	text_start(&text, array, sizeof array);
	text_add_date(&text, seconds);
	return array;
}

/* A name from a file: whatever is in it, quoted. Two at a time. */
static const char *
quoted(const char *name, size_t size)
{
	static char arrays[2][300];
	static int turn;
	struct text text;

	turn = !turn;
	text_start(&text, arrays[turn], sizeof arrays[turn]);
	text_add_quoted(&text, name, strnlen(name, size));
	return arrays[turn];
}

static void
print_bar(int64_t now, uint32_t last, uint16_t level)
{
	int64_t end = memory_bar(last, level, now);

	if (end > now)
		printf(", barred for %lld s until %s", (long long)(end - now), date(end));
}

static void
print_network(const struct memory_network *record, int64_t now)
{
	printf("network %s: %d wrong pairs of login and password in the last day", quoted(record->network,
	    sizeof record->network), memory_tries(record->tries, 60, now, 1440));
	print_bar(now, record->last, record->level);
	printf("\n");
}

static void
print_login(const struct memory_login *record, int64_t now)
{
	printf("login %s from %s: ", quoted(record->user, sizeof record->user),
	    quoted(record->network, sizeof record->network));
	if (record->been != 0)
		printf("was in on %s, never barred from there", date(record->been));
	else
		printf("%d wrong passwords in the last hour", memory_tries(record->tries, 16, now, 60));
	if (record->been == 0)
		print_bar(now, record->last, record->level);
	printf("\n");
}

static void
print_count(const struct memory_count *record, int64_t now)
{
	struct memory_count count = *record;
	uint64_t hour, day;
	int networks = 0;

	memory_sums(&count, now, &hour, &day);
	for (size_t i = 0; i < sizeof count.networks / sizeof *count.networks; i++)
		networks += count.networks[i].hash != 0 && llabs(now - count.networks[i].seen) < 86400;
	printf("login %s: %llu recipients in the last hour, %llu in the last day; "
	    "used from %d networks in the last day",
	    quoted(count.user, sizeof count.user), (unsigned long long)hour, (unsigned long long)day, networks);
	if (count.alarmed != 0)
		printf(", alarm on %s", date(count.alarmed));
	printf("\n");
}

static void
collect(struct walk *walk, const unsigned char key[TABLE_KEY])
{
	if (walk->count == walk->room) {
		walk->room = walk->room * 2 + 64;
		walk->found = reallocarray(walk->found, walk->room, sizeof *walk->found);
		if (walk->found == NULL)
			err(FAILED, NULL);
	}
	walk->found[walk->count].kind = walk->kind;
	memcpy(walk->found[walk->count++].key, key, TABLE_KEY);
}

/* Is that the name that was asked for? Names in the files are cut. */
static bool
is_name(const struct walk *walk, const char *name, size_t size)
{
	return strncasecmp(walk->name, name, size - 1) == 0;
}

/* Is the record of the name that was asked for? */
static bool
is_wanted(const struct walk *walk, const void *payload)
{
	const struct memory_network *network = payload;
	const struct memory_login *login = payload;
	const struct memory_count *count = payload;
	const struct memory_lost *lost = payload;

	if (walk->name == NULL)
		return true;
	switch (walk->kind) {
	case MEMORY_NETWORK:
		return is_name(walk, network->network, sizeof network->network);
	case MEMORY_LOGIN:
		return is_name(walk, login->user, sizeof login->user) ||
		    is_name(walk, login->network, sizeof login->network);
	case MEMORY_COUNT:
		return is_name(walk, count->user, sizeof count->user);
	default:
		return is_name(walk, lost->user, sizeof lost->user);
	}
}

static void
look(void *context, const unsigned char key[TABLE_KEY], const void *payload, int64_t changed)
{
	const struct memory_lost *lost = payload;
	struct walk *walk = context;

	if (!is_wanted(walk, payload))
		return;
	collect(walk, key);
	if (walk->quiet)
		return;
	if (walk->kind == MEMORY_NETWORK)
		print_network(payload, walk->now);
	else if (walk->kind == MEMORY_LOGIN)
		print_login(payload, walk->now);
	else if (walk->kind == MEMORY_COUNT)
		print_count(payload, walk->now);
	else
		printf("lost reply of %s on %s\n", quoted(lost->user, sizeof lost->user), date(changed));
}

/* An address stands for its network. */
static const char *
network_name(const char *name)
{
	static char array[INET6_ADDRSTRLEN + 4];
	struct in6_addr six;

	if (inet_pton(AF_INET6, name, &six) != 1)
		return name;
	if (!IN6_IS_ADDR_LOOPBACK(&six))
		memset(six.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &six, array, INET6_ADDRSTRLEN);
	return strcat(array, "/64");
}

/* Opens the files that are there; makes none. */
static void
open_memory(struct memory *memory, const char *directory)
{
	char array[200];
	struct text fault;
	struct stat status;
	int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool any = false;

	if (at < 0)
		err(FAILED, "%s", directory);
	for (int i = 0; i < MEMORY_KINDS; i++)
		any |= fstatat(at, memory_shapes[i].name, &status, AT_SYMLINK_NOFOLLOW) == 0;
	(void)close(at);
	if (!any)
		errx(FAILED, "%s: holds none of the files that ofmipd-session --state makes", directory);
	memory_look(memory, directory);
	text_start(&fault, array, sizeof array);
	if (memory_fault(memory, &fault))
		errx(FAILED, "%s/%s", directory, array);
}

static void
clear(struct memory *memory, const struct walk *walk)
{
	for (uint64_t i = 0; i < walk->count; i++) {
		struct table *table = &memory->tables[walk->found[i].kind];

		/* Gone in the meantime: good. */
		if (table_find(table, walk->found[i].key, walk->now, false) != NULL)
			table_done(table, TABLE_REMOVE, walk->now);
		if (table->fault != NULL)
			errx(FAILED, "%s: %s", table->shape->name, table->fault);
	}
	printf("%llu cleared\n", (unsigned long long)walk->count);
}

/* What a login from there would meet now. */
static void
explain(struct memory *memory, const char *user, const char *address, int64_t now)
{
	bool network;
	int64_t wait = memory_barred(memory, user, address, now, &network);

	if (wait == 0)
		printf("a login of %s from %s is let through to its password\n", quoted(user, 255),
		    quoted(address, 255));
	else
		printf("a login of %s from %s is answered 454 for %lld s: %s\n", quoted(user, 255),
		    quoted(address, 255),
		    (long long)wait, network ? "that network tried too many logins and passwords"
		    : "too many different passwords were tried for it from there");
}

#define USAGE \
"usage: ofmipd-state DIRECTORY [list [LOGIN | ADDRESS]]\n" \
"       ofmipd-state DIRECTORY explain LOGIN ADDRESS\n" \
"       ofmipd-state DIRECTORY clear [LOGIN | ADDRESS]\n"

/* What there is to say of the program itself; NULL: that is no such option. */
static const char *
about(const char *option)
{
	if (strcmp(option, "-h") == 0 || strcmp(option, "--help") == 0)
		return USAGE "\n"
"Shows and clears what sessions with --state DIRECTORY remember.\n\n"
"  list            one line for each record; the default\n"
"  explain         would a login from there be answered 454 now, and why?\n"
"  clear           forget the records\n"
"  -h, --help      show this\n"
"  -V, --version   show the version\n\n"
"Exit status: 0 done; 1 there is no record of that login or address; 100 wrong\n"
"use; 111 the files cannot be read or changed.\n";
	return strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0 ? "ofmipd-state " VERSION "\n" : NULL;
}

int
main(int argc, char **argv)
{
	struct walk walk = { .now = time(NULL) };
	struct memory memory = { 0 };
	const char *verb = argc > 2 ? argv[2] : "list";
	bool clearing = strcmp(verb, "clear") == 0, explaining = strcmp(verb, "explain") == 0;
	struct in6_addr address;
	uint64_t damaged = 0;

	if (argc == 2 && about(argv[1]) != NULL)
		return fputs(about(argv[1]), stdout) >= 0 && fflush(stdout) == 0 ? DONE : FAILED;
	if (argc < 2 || argv[1][0] == '-' || (explaining ? argc != 5 : argc > 4) ||
	    (strcmp(verb, "list") != 0 && !clearing && !explaining)) {
		fputs(USAGE, stderr);
		return WRONG_USE;
	}
	/* One of the networks that are listed is none, and would be let through. */
	if (explaining && inet_pton(AF_INET, argv[4], &address) != 1 && inet_pton(AF_INET6, argv[4], &address) != 1)
		errx(WRONG_USE, "%s: not an IP address", argv[4]);
	if (!drop_fill_standard())	/* or what is said goes into a file */
		err(FAILED, "/dev/null");
	open_memory(&memory, argv[1]);
	if (explaining) {
		explain(&memory, argv[3], argv[4], walk.now);
		return fflush(stdout) == 0 ? DONE : FAILED;
	}
	walk.name = argc == 4 ? network_name(argv[3]) : NULL;
	walk.quiet = clearing;
	for (walk.kind = 0; walk.kind < MEMORY_KINDS; walk.kind++)
		damaged += table_each(&memory.tables[walk.kind], walk.now, look, &walk);
	if (clearing)
		clear(&memory, &walk);
	if (damaged > 0)
		printf("damaged records, which are not used: %llu\n", (unsigned long long)damaged);
	if (fflush(stdout) != 0)
		err(FAILED, NULL);
	free(walk.found);
	return walk.count > 0 || walk.name == NULL ? DONE : NOTHING;
}
