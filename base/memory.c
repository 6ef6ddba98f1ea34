/* What is remembered across sessions: failed logins, how much a login sends, replies that were lost (--state). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define HOUR 3600
#define DAY 86400
#define LENGTH(array) ((int)(sizeof (array) / sizeof *(array)))

/* About 5, 3, 2 and 0.1 MB when they are full. */
const struct table_shape memory_shapes[MEMORY_KINDS] = {
	[MEMORY_NETWORK] = { "networks", 1, sizeof (struct memory_network), 2048, DAY },
	[MEMORY_LOGIN] = { "logins", 1, sizeof (struct memory_login), 2048, 90 * DAY },
	[MEMORY_COUNT] = { "counts", 1, sizeof (struct memory_count), 512, 2 * DAY },
	[MEMORY_LOST] = { "lost", 1, sizeof (struct memory_lost), 128, DAY },
};

_Static_assert(sizeof (struct memory_count) <= TABLE_PAYLOAD_MAX, "the largest payload");

static void
open_tables(struct memory *memory, const char *directory, bool make)
{
	struct stat status;
	const char *fault = NULL;
	int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memory->on = true;
	if (at < 0 || fstat(at, &status) != 0)
		fault = strerror(errno);
	else if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		fault = "its directory is not ours, or others may write to it";
	else if (faccessat(at, ".", W_OK | X_OK, 0) != 0)
		fault = strerror(errno);
	for (int i = 0; i < MEMORY_KINDS; i++) {
		memory->tables[i] = (struct table){ .shape = &memory_shapes[i], .fault = fault, .file = -1 };
		if (fault == NULL && (make || fstatat(at, memory_shapes[i].name, &status, AT_SYMLINK_NOFOLLOW) == 0))
			table_open(&memory->tables[i], at, &memory_shapes[i]);
	}
	if (at >= 0)
		(void)close(at);
}

void
memory_open(struct memory *memory, const char *directory)
{
	open_tables(memory, directory, true);
}

void
memory_look(struct memory *memory, const char *directory)
{
	open_tables(memory, directory, false);
}

bool
memory_fault(struct memory *memory, struct text *fault)
{
	for (int i = 0; memory->on && i < MEMORY_KINDS; i++) {
		const struct table *table = &memory->tables[i];

		if (memory->told[i] || (table->fault == NULL && !table->unlocked))
			continue;
		memory->told[i] = true;
		text_add(fault, memory->tables[i].shape->name);
		text_add(fault, ": ");
		text_add(fault, table->fault != NULL ? table->fault
		    : "locked by another process for 100 ms, used without");
		return true;
	}
	return false;
}

static void *
find_record(struct memory *memory, enum memory_kind kind, const void *bytes, size_t length, int64_t now, bool make)
{
	unsigned char key[TABLE_KEY];

	if (!memory->on)
		return NULL;
	table_key(&memory->tables[kind], bytes, length, key);
	return table_find(&memory->tables[kind], key, now, make);
}

static void
done(struct memory *memory, enum memory_kind kind, enum table_change change, int64_t now)
{
	table_done(&memory->tables[kind], change, now);
}

/* A name that is shown, cut. */
static void
copy_name(char *array, size_t size, const char *name)
{
	size_t length = strnlen(name, size - 1);

	memcpy(array, name, length);
	array[length] = '\0';
}

/* The login as it is compared: most password files do not tell capital letters apart. NUL-ended fields in `array`. */
static void
start_key(struct text *key, char *array, size_t size, const char *user)
{
	text_start(key, array, size);
	text_add(key, user);
	text_lower(array);
	text_add_byte(key, '\0');
}

/* "192.0.2.1", "2001:db8:0:1::/64"; "" for no address. */
static void
network_of(const char *address, char network[48])
{
	struct in6_addr six;
	struct in_addr four;

	network[0] = '\0';
	if (inet_pton(AF_INET, address, &four) == 1) {
		copy_name(network, 48, address);
	} else if (inet_pton(AF_INET6, address, &six) == 1) {
		if (!IN6_IS_ADDR_LOOPBACK(&six))
			memset(six.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &six, network, 44);
		memcpy(network + strlen(network), "/64", 4);
	}
}

static bool
is_loopback(const char *network)
{
	return strncmp(network, "127.", 4) == 0 || strcmp(network, "::1/64") == 0;
}

int
memory_tries(const struct memory_try *tries, int room, int64_t now, int minutes)
{
	uint16_t minute = (uint16_t)(now / 60);
	int count = 0;

	for (int i = 0; i < room; i++)
		count += tries[i].hash != 0 && (uint16_t)(minute - tries[i].minute) <= minutes;
	return count;
}

int64_t
memory_bar(uint32_t last, uint16_t level, int64_t now)
{
	/* A clock that was wrong, for a moment perhaps, bars nobody until it is that late again. */
	if (level == 0 || last > now + MEMORY_BAR_MAX)
		return 0;
	return (int64_t)last + (level > 6 ? MEMORY_BAR_MAX : 60 << (level - 1));
}

int64_t
memory_barred(struct memory *memory, const char *user, const char *address, int64_t now, bool *network)
{
	char array[400], from[48];
	const struct memory_network *of_network;
	const struct memory_login *of_login;
	int64_t end = 0, wait;	/* of the bar */
	struct text key;
	bool been = false;

	*network = false;
	network_of(address, from);
	if (!memory->on || from[0] == '\0')
		return 0;
	start_key(&key, array, sizeof array, user);
	text_add(&key, from);
	of_login = find_record(memory, MEMORY_LOGIN, array, key.used, now, false);
	if (of_login != NULL) {
		been = of_login->been != 0;
		end = memory_bar(of_login->last, of_login->level, now);
		done(memory, MEMORY_LOGIN, TABLE_KEEP, now);
	}
	if (been)
		return 0;
	if (end <= now) {
		of_network = find_record(memory, MEMORY_NETWORK, from, strlen(from), now, false);
		if (of_network != NULL) {
			end = memory_bar(of_network->last, of_network->level, now);
			*network = true;
			done(memory, MEMORY_NETWORK, TABLE_KEEP, now);
		}
	}
	/* No longer than the longest bar, wherever the clock was when it began. */
	wait = end - now > MEMORY_BAR_MAX ? MEMORY_BAR_MAX : end - now;
	return wait > 0 ? wait : 0;
}

/* Adds a try, in place of the oldest. False: that password was tried before, and counts no more than once. */
static bool
add_try(struct memory_try *tries, int room, uint16_t hash, int64_t now, int minutes)
{
	uint16_t minute = (uint16_t)(now / 60);
	int best = 0, oldest = -1;

	for (int i = 0; i < room; i++) {
		uint16_t old = (uint16_t)(minute - tries[i].minute);
		bool valid = tries[i].hash != 0 && old <= minutes;

		if (valid && tries[i].hash == hash)
			return false;
		if ((valid ? old : 65536) > oldest) {
			oldest = valid ? old : 65536;
			best = i;
		}
	}
	tries[best] = (struct memory_try){ hash, minute };
	return true;
}

/* The next bar is longer as long as they follow one another; two hours without a failure end that. */
static uint16_t
next_level(uint16_t level, uint32_t last, int64_t now, bool too_many)
{
	if (level > 0 && llabs(now - last) <= 2 * MEMORY_BAR_MAX)
		return level < 100 ? level + 1 : level;
	return too_many;
}

/* Counts a try, unless it was counted before (false): `most` of them within so many minutes are a bar. */
static bool
count_try(struct memory_try *tries, int room, uint16_t hash, int64_t now, int minutes, int most, uint16_t *level,
    uint32_t *last)
{
	if (!add_try(tries, room, hash, now, minutes))
		return false;
	*level = next_level(*level, *last, now, memory_tries(tries, room, now, minutes) >= most);
	*last = (uint32_t)now;
	return true;
}

void
memory_failed(struct memory *memory, const char *user, const char *password, const char *address, int64_t now)
{
	char array[1100], from[48];
	struct memory_network *of_network;
	struct memory_login *of_login;
	unsigned char sum[TABLE_KEY];
	struct text key;
	uint16_t hash;

	network_of(address, from);
	if (!memory->on || from[0] == '\0')
		return;
	start_key(&key, array, sizeof array, user);
	text_add_byte(&key, 'p');	/* not the key of a record */
	text_add(&key, password == NULL ? "" : password);
	table_key(&memory->tables[MEMORY_LOGIN], array, key.used, sum);
	memcpy(&hash, sum, sizeof hash);
	if (password == NULL && getrandom(&hash, sizeof hash, 0) != (ssize_t)sizeof hash)
		hash = (uint16_t)now;
	hash = hash == 0 ? 1 : hash;
	explicit_bzero(array, sizeof array);
	start_key(&key, array, sizeof array, user);
	text_add(&key, from);
	of_login = find_record(memory, MEMORY_LOGIN, array, key.used, now, true);
	if (of_login != NULL) {
		copy_name(of_login->user, sizeof of_login->user, array);
		copy_name(of_login->network, sizeof of_login->network, from);
		done(memory, MEMORY_LOGIN, count_try(of_login->tries, LENGTH(of_login->tries), hash, now, HOUR / 60,
		    MEMORY_LOGIN_TRIES, &of_login->level, &of_login->last) ? TABLE_WRITE : TABLE_KEEP, now);
	}
	if (is_loopback(from))
		return;
	of_network = find_record(memory, MEMORY_NETWORK, from, strlen(from), now, true);
	if (of_network != NULL) {
		copy_name(of_network->network, sizeof of_network->network, from);
		done(memory, MEMORY_NETWORK, count_try(of_network->tries, LENGTH(of_network->tries), hash, now,
		    DAY / 60, MEMORY_NETWORK_TRIES, &of_network->level, &of_network->last) ? TABLE_WRITE :
		    TABLE_KEEP, now);
	}
}

/* Was this network seen within a day; or is it one too many, for the first time in a day? */
static bool
add_network(struct memory_count *count, uint32_t hash, int64_t now)
{
	uint32_t oldest = UINT32_MAX;
	int best = 0, recent = 0;

	for (int i = 0; i < LENGTH(count->networks); i++) {
		uint32_t seen = count->networks[i].seen;
		bool today = count->networks[i].hash != 0 && llabs(now - seen) < DAY;

		if (today && count->networks[i].hash == hash) {
			count->networks[i].seen = (uint32_t)now;
			return false;
		}
		recent += today;
		if (!today)
			seen = 0;
		if (seen < oldest) {
			oldest = seen;
			best = i;
		}
	}
	count->networks[best].hash = hash;
	count->networks[best].seen = (uint32_t)now;
	if (recent < MEMORY_NETWORKS || llabs(now - count->alarmed) < DAY)
		return false;
	count->alarmed = (uint32_t)now;
	return true;
}

bool
memory_succeeded(struct memory *memory, const char *user, const char *address, int64_t now)
{
	char array[400], from[48];
	struct memory_login *of_login;
	struct memory_count *count;
	unsigned char sum[TABLE_KEY];
	struct text key;
	uint32_t hash;
	size_t length;
	bool alarm = false;

	network_of(address, from);
	if (!memory->on || from[0] == '\0')
		return false;
	start_key(&key, array, sizeof array, user);
	length = key.used;
	text_add(&key, from);
	of_login = find_record(memory, MEMORY_LOGIN, array, key.used, now, true);
	if (of_login != NULL) {
		/* Nothing to clear, and it is known: once an hour is enough. */
		bool new = of_login->last != 0 || now - of_login->been > HOUR;

		*of_login = (struct memory_login){ .been = (uint32_t)now };
		copy_name(of_login->user, sizeof of_login->user, array);
		copy_name(of_login->network, sizeof of_login->network, from);
		done(memory, MEMORY_LOGIN, new ? TABLE_WRITE : TABLE_KEEP, now);
	}
	table_key(&memory->tables[MEMORY_COUNT], from, strlen(from), sum);
	memcpy(&hash, sum, sizeof hash);
	count = find_record(memory, MEMORY_COUNT, array, length, now, true);
	if (count != NULL) {
		copy_name(count->user, sizeof count->user, array);
		alarm = add_network(count, hash + (hash == 0), now);
		done(memory, MEMORY_COUNT, TABLE_WRITE, now);
	}
	return alarm;
}

/* Empties the slots between the newest and `to`; returns what `to` is then, which never goes back: the clock does,
 * and what was counted stays counted, unless it is so far ahead that nobody could wait for it. */
static uint32_t
advance(uint16_t *slots, int room, uint32_t newest, int64_t to)
{
	if (to <= newest && newest - to < room)
		return newest;
	if (to < newest || to - newest >= room)
		memset(slots, 0, (size_t)room * sizeof *slots);
	else
		for (int64_t slot = (int64_t)newest + 1; slot <= to; slot++)
			slots[slot % room] = 0;
	return (uint32_t)to;
}

static uint64_t
sum_of(const uint16_t *slots, int room)
{
	uint64_t sum = 0;

	for (int i = 0; i < room; i++)
		sum += slots[i];
	return sum;
}

void
memory_sums(struct memory_count *count, int64_t now, uint64_t *hour, uint64_t *day)
{
	count->minute = advance(count->minutes, MEMORY_MINUTES, count->minute, now / 60);
	count->half = advance(count->halves, MEMORY_HALVES, count->half, now / 1800);
	*hour = sum_of(count->minutes, MEMORY_MINUTES);
	*day = sum_of(count->halves, MEMORY_HALVES);
}

/* Seconds until `more` fits below `limit`: the oldest slots go first. 0: it fits. */
static int64_t
until_room(const uint16_t *slots, int room, uint32_t newest, int unit, uint64_t more, uint64_t limit, int64_t now)
{
	uint64_t sum = sum_of(slots, room) + more;

	if (limit == 0 || sum <= limit)
		return 0;
	if (more > limit)
		return -1;
	/* When the last of them has gone there is room. */
	for (int64_t slot = (int64_t)newest - room + 1;; slot++) {
		sum -= slots[((slot % room) + room) % room];
		if (sum <= limit) {
			int64_t wait = (slot + room) * unit - now;

			return wait > 0 ? wait : 1;
		}
	}
}

static void
add_to(uint16_t *slot, uint64_t number)
{
	*slot = *slot + number > UINT16_MAX ? UINT16_MAX : (uint16_t)(*slot + number);
}

int64_t
memory_take(struct memory *memory, const char *user, uint64_t recipients, uint64_t hour, uint64_t day, int64_t now,
    struct memory_taken *taken)
{
	struct memory_count *count;
	uint64_t this_hour, this_day;
	int64_t wait, longer;
	struct text key;
	char array[300];

	*taken = (struct memory_taken){ .time = now };
	if (!memory->on || (hour == 0 && day == 0))
		return 0;
	start_key(&key, array, sizeof array, user);
	count = find_record(memory, MEMORY_COUNT, array, key.used, now, true);
	if (count == NULL)
		return 0;
	copy_name(count->user, sizeof count->user, array);
	memory_sums(count, now, &this_hour, &this_day);
	wait = until_room(count->minutes, MEMORY_MINUTES, count->minute, 60, recipients, hour, now);
	longer = until_room(count->halves, MEMORY_HALVES, count->half, 1800, recipients, day, now);
	if (wait == 0 && longer == 0) {
		taken->recipients = recipients;
		add_to(&count->minutes[count->minute % MEMORY_MINUTES], recipients);
		add_to(&count->halves[count->half % MEMORY_HALVES], recipients);
		done(memory, MEMORY_COUNT, TABLE_WRITE, now);
		return 0;
	}
	done(memory, MEMORY_COUNT, TABLE_KEEP, now);
	return wait < 0 || longer < 0 ? -1 : wait > longer ? wait : longer;
}

/* From the slot in which it was counted, if that is still one of the last. */
static void
take_from(uint16_t *slots, int room, uint32_t newest, int64_t slot, uint64_t number)
{
	if (slot <= newest && newest - slot < room)
		slots[slot % room] = slots[slot % room] < number ? 0 : (uint16_t)(slots[slot % room] - number);
}

void
memory_give_back(struct memory *memory, const char *user, const struct memory_taken *taken, int64_t now)
{
	struct memory_count *count;
	uint64_t hour, day;
	struct text key;
	char array[300];

	if (!memory->on || taken->recipients == 0)
		return;
	start_key(&key, array, sizeof array, user);
	count = find_record(memory, MEMORY_COUNT, array, key.used, now, false);
	if (count == NULL)
		return;
	memory_sums(count, now, &hour, &day);
	take_from(count->minutes, MEMORY_MINUTES, count->minute, taken->time / 60, taken->recipients);
	take_from(count->halves, MEMORY_HALVES, count->half, taken->time / 1800, taken->recipients);
	done(memory, MEMORY_COUNT, TABLE_WRITE, now);
}

/* Of a login: no other can ask for it. */
static struct memory_lost *
find_lost(struct memory *memory, const char *user, const unsigned char digest[MEMORY_DIGEST], int64_t now, bool make)
{
	struct text key;
	char array[300];

	start_key(&key, array, sizeof array, user);
	text_add_bytes(&key, digest, MEMORY_DIGEST);
	return find_record(memory, MEMORY_LOST, array, key.used, now, make);
}

void
memory_lose(struct memory *memory, const char *user, const unsigned char digest[MEMORY_DIGEST], int64_t now)
{
	struct memory_lost *lost = find_lost(memory, user, digest, now, true);

	if (lost == NULL)
		return;
	copy_name(lost->user, sizeof lost->user, user);
	done(memory, MEMORY_LOST, TABLE_WRITE, now);
}

bool
memory_recall(struct memory *memory, const char *user, const unsigned char digest[MEMORY_DIGEST], int64_t now)
{
	if (!memory->on || !table_changed_since(&memory->tables[MEMORY_LOST], now - DAY) ||
	    find_lost(memory, user, digest, now, false) == NULL)
		return false;
	done(memory, MEMORY_LOST, TABLE_REMOVE, now);
	/* One that is not forgotten would be answered again and again. */
	return memory->tables[MEMORY_LOST].fault == NULL;
}
