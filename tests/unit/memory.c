/* links: base alone */
/* Who is barred and for how long, what a login may still send, and which replies were lost. */
#include "unit.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define START 1800000000	/* seconds since the epoch: a whole half hour */

static char place[40];
static struct memory memory;

static int
fresh(void **state)
{
	(void)state;
	strcpy(place, "/tmp/unit-memory.XXXXXX");
	assert_non_null(mkdtemp(place));
	memory = (struct memory){ 0 };
	memory_open(&memory, place);
	for (int i = 0; i < MEMORY_KINDS; i++)
		assert_null(memory.tables[i].fault);
	return 0;
}

static int
gone(void **state)
{
	int directory = open(place, O_RDONLY | O_DIRECTORY);

	(void)state;
	for (int i = 0; i < MEMORY_KINDS; i++) {
		if (memory.tables[i].file >= 0)
			close(memory.tables[i].file);
		unlinkat(directory, memory_shapes[i].name, 0);
	}
	close(directory);
	assert_int_equal(rmdir(place), 0);
	return 0;
}

static bool no_random;

/* The same each time: of fifty tries, which are kept as two bytes, else two may be alike. */
ssize_t
getrandom(void *bytes, size_t size, unsigned flags)
{
	static unsigned char next;

	(void)flags;
	memset(bytes, ++next, size);
	return no_random ? -1 : (ssize_t)size;
}

static int64_t
barred(const char *user, const char *address, int64_t now)
{
	bool network;

	return memory_barred(&memory, user, address, now, &network);
}

/* `count` wrong passwords, each another one, a second apart from `now` on. */
static void
guess(const char *user, const char *address, int from, int count, int64_t now)
{
	char password[32];

	for (int i = from; i < from + count; i++) {
		snprintf(password, sizeof password, "guess%d", i);
		memory_failed(&memory, user, password, address, now + i);
	}
}

static void
ten_wrong_passwords_bar_a_login_from_there(void **state)
{
	(void)state;
	guess("bob", "192.0.2.7", 0, 9, START);
	assert_int_equal(barred("bob", "192.0.2.7", START + 9), 0);
	guess("bob", "192.0.2.7", 9, 1, START);
	assert_int_equal(barred("bob", "192.0.2.7", START + 9), 60);
	assert_int_equal(barred("BOB", "192.0.2.7", START + 9), 60);
	assert_int_equal(barred("bob", "192.0.2.7", START + 68), 1);
	assert_int_equal(barred("bob", "192.0.2.7", START + 69), 0);
	/* Nobody else, and from nowhere else. */
	assert_int_equal(barred("ann", "192.0.2.7", START + 9), 0);
	assert_int_equal(barred("bob", "192.0.2.8", START + 9), 0);
	assert_int_equal(barred("bob", "", START + 9), 0);
	assert_int_equal(barred("bo", "b192.0.2.7", START + 9), 0);
}

static void
each_further_one_bars_for_twice_as_long(void **state)
{
	static const int64_t bars[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600 };
	int64_t now = START;

	(void)state;
	guess("bob", "192.0.2.7", 0, 9, now);
	now += 10;
	for (size_t i = 0; i < LENGTH(bars); i++) {
		guess("bob", "192.0.2.7", (int)i + 9, 1, now - (int)i - 9);
		assert_int_equal(barred("bob", "192.0.2.7", now), bars[i]);
		now += bars[i];
	}
	/* Two hours in peace, and ten more are free. */
	now += 2 * 3600;
	guess("bob", "192.0.2.7", 100, 9, now - 100);
	assert_int_equal(barred("bob", "192.0.2.7", now + 9), 0);
}

static void
the_same_password_counts_once(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		memory_failed(&memory, "bob", "the old password", "192.0.2.7", START + i);
	assert_int_equal(barred("bob", "192.0.2.7", START + 1000), 0);
	/* One that nobody saw is always another. */
	for (int i = 0; i < 14; i++)
		memory_failed(&memory, "ann", NULL, "192.0.2.7", START);
	assert_true(barred("ann", "192.0.2.7", START + 10) > 0);
	/* Nine an hour are nobody's attack. */
	for (int hour = 0; hour < 5; hour++)
		guess("eve", "192.0.2.9", hour * 9, 9, START + hour * 3700 - hour * 9);
	assert_int_equal(barred("eve", "192.0.2.9", START + 5 * 3700), 0);
}

static void
a_success_clears_and_exempts(void **state)
{
	(void)state;
	guess("bob", "192.0.2.7", 0, 9, START);
	assert_false(memory_succeeded(&memory, "bob", "192.0.2.7", START + 20));
	guess("bob", "192.0.2.7", 20, 200, START);
	assert_int_equal(barred("bob", "192.0.2.7", START + 220), 0);
	assert_true(barred("ann", "192.0.2.7", START + 220) > 0);	/* that network guessed too much */
	assert_int_equal(barred("bob", "192.0.2.7", START + 80 * 86400), 0);
	/* A success says nothing of other networks. */
	guess("bob", "198.51.100.1", 0, 10, START);
	assert_true(barred("bob", "198.51.100.1", START + 10) > 0);
}

static void
fifty_wrong_pairs_bar_a_network(void **state)
{
	char user[16];
	bool network;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(barred("ann", "2001:db8:1:2::5", START + i), 0);
		snprintf(user, sizeof user, "user%d", i);
		memory_failed(&memory, user, "123456", i % 2 ? "2001:db8:1:2::1" : "2001:db8:1:2:ffff::2", START + i);
	}
	assert_int_equal(memory_barred(&memory, "ann", "2001:db8:1:2::5", START + 49, &network), 60);
	assert_true(network);
	assert_int_equal(barred("ann", "2001:db8:1:3::5", START + 49), 0);
	/* This machine is never barred as a network; a login from it is. */
	for (int i = 0; i < 100; i++) {
		snprintf(user, sizeof user, "user%d", i);
		memory_failed(&memory, user, "123456", "127.0.0.1", START + i);
		memory_failed(&memory, user, "123456", "::1", START + i);
		memory_failed(&memory, user, "123456", "", START + i);
	}
	assert_int_equal(barred("ann", "127.0.0.1", START + 100), 0);
	assert_int_equal(barred("ann", "::1", START + 100), 0);
	guess("ann", "127.0.0.1", 0, 10, START);
	assert_true(barred("ann", "127.0.0.1", START + 10) > 0);
}

static void
a_clock_that_goes_back_bars_nobody_for_long(void **state)
{
	(void)state;
	guess("bob", "192.0.2.7", 0, 12, START);
	assert_true(barred("bob", "192.0.2.7", START - 100000) <= MEMORY_BAR_MAX);
	guess("bob", "192.0.2.7", 100, 3, START - 100000);
	assert_true(barred("bob", "192.0.2.7", START - 99000) <= MEMORY_BAR_MAX);
}

/* It was years ahead for a while: what was written then bars nobody, counts for no day, and keeps no alarm back. */
static void
a_clock_that_was_ahead(void **state)
{
	const int64_t ahead = START + 10 * 365 * 86400LL;
	char address[32];

	(void)state;
	guess("bob", "192.0.2.7", 0, 12, ahead);
	assert_true(barred("bob", "192.0.2.7", ahead + 1) > 0);
	assert_int_equal(barred("bob", "192.0.2.7", START), 0);
	guess("bob", "192.0.2.7", 100, 9, START);
	assert_int_equal(barred("bob", "192.0.2.7", START + 1), 0);	/* nor is the next one longer for it */
	guess("bob", "192.0.2.7", 109, 1, START);
	assert_int_equal(barred("bob", "192.0.2.7", START + 109), 60);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i <= MEMORY_NETWORKS; i++) {
			snprintf(address, sizeof address, "198.51.%d.1", i);
			assert_int_equal(memory_succeeded(&memory, "ann", address, round == 0 ? ahead : START),
			    i == MEMORY_NETWORKS);
		}
}

static void
many_networks_are_an_alarm_once(void **state)
{
	char address[32];
	int alarms = 0;

	(void)state;
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 16; i++) {
			snprintf(address, sizeof address, "192.0.2.%d", i);
			alarms += memory_succeeded(&memory, "bob", address, START + round * 100 + i);
		}
	assert_int_equal(alarms, 0);
	alarms += memory_succeeded(&memory, "bob", "2001:db8::1", START + 400);
	assert_int_equal(alarms, 1);
	for (int i = 0; i < 200; i++) {
		snprintf(address, sizeof address, "198.51.100.%d", i);
		alarms += memory_succeeded(&memory, "bob", address, START + 500 + i);
	}
	assert_int_equal(alarms, 1);
	for (int i = 0; i < 17; i++) {	/* two days later it is said again */
		snprintf(address, sizeof address, "203.0.113.%d", i);
		alarms += memory_succeeded(&memory, "bob", address, START + 2 * 86400 + i);
	}
	assert_int_equal(alarms, 2);
	for (int i = 0; i < 100; i++) {	/* one new network a day is a traveller */
		snprintf(address, sizeof address, "192.0.2.%d", i);
		alarms += memory_succeeded(&memory, "ann", address, START + i * 86400);
	}
	assert_int_equal(alarms, 2);
}

static int64_t
take(const char *user, unsigned recipients, int64_t now)
{
	struct memory_taken taken;
	int64_t wait = memory_take(&memory, user, recipients, 200, 1000, now, &taken);

	assert_int_equal(taken.recipients, wait == 0 ? recipients : 0);
	return wait;
}

static void
the_window_slides(void **state)
{
	(void)state;
	assert_int_equal(take("bob", 150, START), 0);
	assert_int_equal(take("Bob", 50, START + 600), 0);
	/* The first 150 are gone when their minute is an hour old. */
	assert_int_equal(take("bob", 1, START + 601), 61 * 60 - 601);
	assert_int_equal(take("bob", 160, START + 601), 71 * 60 - 601);
	assert_int_equal(take("bob", 201, START + 601), -1);
	assert_int_equal(take("ann", 200, START + 601), 0);
	assert_true(take("bob", 1, START + 61 * 60 - 1) > 0);
	assert_int_equal(take("bob", 150, START + 61 * 60), 0);
	assert_true(take("bob", 1, START + 61 * 60) > 0);
	/* The day: what it says is true, and not a second too much. */
	assert_int_equal(take("bob", 200, START + 3 * 3600), 0);
	assert_int_equal(take("bob", 200, START + 5 * 3600), 0);
	assert_int_equal(take("bob", 200, START + 7 * 3600), 0);
	assert_int_equal(take("bob", 51, START + 9 * 3600), 49 * 1800 - 9 * 3600);
	assert_int_equal(take("bob", 51, START + 49 * 1800 - 1), 1);
	assert_int_equal(take("bob", 51, START + 49 * 1800), 0);
}

static void
what_it_says_is_true(void **state)
{
	int64_t now = START, sent[4000];
	int count = 0;

	(void)state;
	/* Whatever is sent when: never more than 200 within 3600 seconds, nor 1000 within 86400. */
	while (now < START + 3 * 86400) {
		int64_t wait = take("bob", 1, now), hour = 0, day = 0;

		if (wait == 0) {
			sent[count++] = now;
			for (int i = 0; i < count; i++) {
				hour += now - sent[i] < 3600;
				day += now - sent[i] < 86400;
			}
			assert_true(hour <= 200 && day <= 1000);
			now += noise_below(10);
		} else {
			assert_true(wait > 0 && wait <= 86400 + 1800);
			assert_true(take("bob", 1, now + wait - 1) > 0);
			now += wait;
			assert_int_equal(take("bob", 1, now), 0);
			sent[count++] = now;
		}
	}
	assert_true(count >= 2900);
}

static void
what_was_not_sent_is_given_back(void **state)
{
	struct memory_taken taken, none;

	(void)state;
	assert_int_equal(memory_take(&memory, "bob", 150, 200, 0, START, &taken), 0);
	assert_true(memory_take(&memory, "bob", 150, 200, 0, START + 200, &none) > 0);
	memory_give_back(&memory, "bob", &none, START + 200);	/* nothing was counted: nothing comes back */
	assert_true(memory_take(&memory, "bob", 150, 200, 0, START + 200, &none) > 0);
	memory_give_back(&memory, "bob", &taken, START + 200);
	assert_int_equal(memory_take(&memory, "bob", 200, 200, 0, START + 200, &none), 0);
	/* Long gone: takes nothing from what was counted since, in the same slot. */
	assert_int_equal(memory_take(&memory, "bob", 200, 200, 0, START + 5 * 61 * 60, &none), 0);
	memory_give_back(&memory, "bob", &taken, START + 5 * 61 * 60);
	assert_true(memory_take(&memory, "bob", 1, 200, 0, START + 5 * 61 * 60, &none) > 0);
	assert_int_equal(memory_take(&memory, "bob", 70000, 0, 0, START, &taken), 0);	/* no limit, no record */
	assert_int_equal(taken.recipients, 0);
	/* The clock goes back: counted still. */
	assert_int_equal(memory_take(&memory, "ann", 200, 200, 0, START, &taken), 0);
	assert_true(memory_take(&memory, "ann", 1, 200, 0, START - 1000, &none) > 0);
	memory_give_back(&memory, "ann", &taken, START - 1000);
	assert_int_equal(memory_take(&memory, "ann", 1, 200, 0, START - 1000, &none), 0);
}

static void
a_lost_reply_is_recalled_once(void **state)
{
	unsigned char one[MEMORY_DIGEST] = "one", two[MEMORY_DIGEST] = "two";
	int64_t now = time(NULL);

	(void)state;
	assert_false(memory_recall(&memory, "bob", one, now));
	memory_lose(&memory, "bob", one, now);
	assert_false(memory_recall(&memory, "bob", two, now));
	assert_false(memory_recall(&memory, "ann", one, now));
	assert_true(memory_recall(&memory, "Bob", one, now + 10));
	assert_false(memory_recall(&memory, "bob", one, now + 10));
	memory_lose(&memory, "bob", one, now);
	assert_false(memory_recall(&memory, "bob", one, now + 86401));	/* a day is over */
}

static void
without_a_directory_nothing_is_remembered(void **state)
{
	struct memory none = { 0 };
	unsigned char digest[MEMORY_DIGEST] = "";
	struct memory_taken taken;
	char array[200];
	struct text fault;
	bool network;

	(void)state;
	for (int pass = 0; pass < 3; pass++) {
		if (pass == 1)
			memory_open(&none, "/no/such/directory");
		if (pass == 2) {
			assert_int_equal(chmod(place, 0777), 0);
			memory_open(&none, place);
		}
		for (int i = 0; i < 100; i++)
			memory_failed(&none, "bob", NULL, "192.0.2.7", START + i);
		assert_int_equal(memory_barred(&none, "bob", "192.0.2.7", START, &network), 0);
		assert_false(memory_succeeded(&none, "bob", "192.0.2.7", START));
		assert_int_equal(memory_take(&none, "bob", 9, 1, 1, START, &taken), 0);
		memory_give_back(&none, "bob", &taken, START);
		memory_lose(&none, "bob", digest, START);
		assert_false(memory_recall(&none, "bob", digest, START));
		memset(none.told, 0, sizeof none.told);
		for (int i = 0; i < (pass > 0 ? MEMORY_KINDS : 0); i++) {
			text_start(&fault, array, sizeof array);
			assert_true(memory_fault(&none, &fault));
			assert_non_null(strstr(array, pass == 1 ? "No such file" : "others may write"));
		}
		text_start(&fault, array, sizeof array);
		assert_false(memory_fault(&none, &fault));	/* each once */
	}
	assert_int_equal(chmod(place, 0700), 0);
}

/* A failure that nobody saw counts without random bytes, too. */
static void
unseen_passwords_without_random_bytes(void **state)
{
	(void)state;
	no_random = true;
	for (int i = 0; i < 12; i++)
		memory_failed(&memory, "ann", NULL, "192.0.2.7", START + i);
	no_random = false;
	assert_true(barred("ann", "192.0.2.7", START + 12) > 0);
}

static void
networks_near_our_own(void **state)
{
	/* Only ::1 is this machine; every other /64 is a network. */
	static const char *const rows[] = { "::2", "::1:0:1", "0:0:1::1", "::1:0:0:1", "0:1::1", "1::1" };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char user[16];

		for (int k = 0; k < 50; k++) {
			snprintf(user, sizeof user, "user%d", k);
			memory_failed(&memory, user, "123456", rows[i], START + k);
		}
		if (barred("ann", rows[i], START + 50) == 0)
			fail_msg("%s", rows[i]);
	}
	assert_false(memory_succeeded(&memory, "ann", "", START));
	assert_false(memory_succeeded(&memory, "ann", "no address", START));
}

/* One limit alone, none, and more than a slot can count. */
static void
quotas_at_their_edges(void **state)
{
	struct memory_taken taken, none = { 0 };

	(void)state;
	assert_int_equal(memory_take(&memory, "a", 100, 0, 0, START, &taken), 0);
	assert_int_equal(taken.recipients, 0);
	assert_int_equal(memory_take(&memory, "a", 5, 0, 10, START, &taken), 0);
	assert_int_equal(memory_take(&memory, "a", 11, 0, 10, START, &taken), -1);
	assert_int_equal(memory_take(&memory, "a", 11, 10, 0, START, &taken), -1);
	assert_int_equal(memory_take(&memory, "a", 11, 10, 10, START, &taken), -1);
	assert_true(memory_take(&memory, "a", 6, 10, 0, START, &taken) > 0);
	assert_true(memory_take(&memory, "a", 6, 0, 10, START, &taken) > 3600);
	assert_true(memory_take(&memory, "a", 6, 10, 10, START, &taken) > 3600);
	for (int i = 0; i < 2; i++)
		assert_int_equal(memory_take(&memory, "b", 60000, 200000, 200000, START, &taken), 0);
	/* It stands still at 65535, and goes back no further than to nothing. */
	assert_true(memory_take(&memory, "b", 1, 65535, 0, START, &taken) > 0);
	assert_int_equal(memory_take(&memory, "b", 1, 65536, 0, START, &taken), 0);
	taken.recipients = 60000;
	memory_give_back(&memory, "b", &taken, START);
	memory_give_back(&memory, "b", &taken, START);
	assert_int_equal(memory_take(&memory, "b", 10, 10, 10, START, &taken), 0);
	/* Nothing was taken, nobody of that name is known, or it was long ago. */
	memory_give_back(&memory, "b", &none, START);
	taken.recipients = 5;
	memory_give_back(&memory, "nobody", &taken, START);
	taken.time = START - 10 * 86400;
	memory_give_back(&memory, "b", &taken, START);
	taken.time = START + 10 * 86400;
	memory_give_back(&memory, "b", &taken, START);
	assert_true(memory_take(&memory, "b", 1, 10, 10, START, &taken) > 0);
}

/* The clock goes back by less than a window, by more, and forward by more. */
static void
clocks_and_quotas(void **state)
{
	struct memory_taken taken;

	(void)state;
	assert_int_equal(memory_take(&memory, "a", 5, 10, 10, START, &taken), 0);
	assert_int_equal(memory_take(&memory, "a", 5, 10, 10, START - 600, &taken), 0);
	assert_true(memory_take(&memory, "a", 1, 10, 10, START - 600, &taken) > 0);
	assert_int_equal(memory_take(&memory, "a", 5, 10, 10, START - 20 * 86400, &taken), 0);
	assert_int_equal(memory_take(&memory, "a", 10, 10, 10, START + 20 * 86400, &taken), 0);
}

/* A failure behind an hour of peace, and a success that is an hour old. */
static void
success_is_written_once_an_hour(void **state)
{
	(void)state;
	assert_false(memory_succeeded(&memory, "bob", "192.0.2.7", START));
	assert_false(memory_succeeded(&memory, "bob", "192.0.2.7", START + 10));
	assert_false(memory_succeeded(&memory, "bob", "192.0.2.7", START + 3700));
	guess("bob", "192.0.2.7", 0, 12, START + 4000);
	assert_int_equal(barred("bob", "192.0.2.7", START + 4100), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
	const struct CMUnitTest tests[] = {
		TEST(ten_wrong_passwords_bar_a_login_from_there), TEST(each_further_one_bars_for_twice_as_long),
		TEST(the_same_password_counts_once), TEST(a_success_clears_and_exempts), TEST(fifty_wrong_pairs_bar_a_network),
		TEST(a_clock_that_goes_back_bars_nobody_for_long), TEST(a_clock_that_was_ahead),
		TEST(many_networks_are_an_alarm_once),
		TEST(the_window_slides), TEST(what_it_says_is_true), TEST(what_was_not_sent_is_given_back),
		TEST(a_lost_reply_is_recalled_once), TEST(without_a_directory_nothing_is_remembered),
		cmocka_unit_test_setup_teardown(unseen_passwords_without_random_bytes, fresh, gone),
		cmocka_unit_test_setup_teardown(networks_near_our_own, fresh, gone),
		cmocka_unit_test_setup_teardown(quotas_at_their_edges, fresh, gone),
		cmocka_unit_test_setup_teardown(clocks_and_quotas, fresh, gone),
		cmocka_unit_test_setup_teardown(success_is_written_once_an_hour, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
