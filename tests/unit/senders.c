/* links: inject/senders */
/* Which address belongs to which login: the table as Postfix has it, and what is wrong with one. */
#include "unit.h"

#include <search.h>
#include <unistd.h>

#include "faults.h"
#include "inject/senders.h"

FAULTY_AS(char *, NULL, strdup, (const char *string), (string))
FAULTY_AS(void *, NULL, tsearch, (const void *key, void **root, int (*compare)(const void *, const void *)),
    (key, root, compare))
FAULTY(int, fseek, (FILE *file, long at, int whence), (file, at, whence))

static char path[] = "/tmp/ofmipd-unit-senders.XXXXXX";
static char why[300];

static const char table[] =
    "# who may send as whom\n"
    "\n"
    "Bob@Example.com     bob, carol@example.com\n"
    "dave+lists@x.example dave\n"
    "info@example.com    bob\n"
    "\t# not a comment of its own, but where one may stand\n"
    "                    carol@example.com\r\n"
    "nobody@example.com\n"
    "@example.com        erin\n"
    "sub@example.net,    bob dave\n"
    "*                   root-of-mail\n"
    "info@example.com    mallory\n";

static void
use(const char *content)
{
	FILE *file = fopen(path, "w");
	struct text text;

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
	assert_int_equal(fclose(file), 0);
	text_start(&text, why, sizeof why);
	assert_true(senders_open(path, &text));
}

static void
the_table_decides(void **state)
{
	static const struct {
		const char *login, *address;
		bool own;
	} rows[] = {
		{ "bob", "bob@example.com", true }, { "BOB", "bob@EXAMPLE.com", true },
		{ "bob", "bob+any@example.com", true }, { "carol@example.com", "bob@example.com", true },
		{ "carol", "bob@example.com", false }, { "bo", "bob@example.com", false }, { "bob2", "bob@example.com", false },
		{ "erin", "bob@example.com", false },			/* the more exact entry decides alone */
		{ "erin", "bob+x@example.com", false }, { "erin", "other@example.com", true },
		{ "bob", "other@example.com", false }, { "bob", "info@example.com", true },
		{ "carol@example.com", "info@example.com", true },	/* on the line that goes on */
		{ "mallory", "info@example.com", false },		/* the second entry for it does not count */
		{ "erin", "nobody@example.com", false }, { "bob", "nobody@example.com", false },
		{ "dave", "dave+lists@x.example", true }, { "root-of-mail", "dave+lists@x.example", false },
		{ "dave", "dave@x.example", false }, { "root-of-mail", "dave@x.example", true },
		{ "dave", "dave+other@x.example", false }, { "bob", "sub@example.net", true },
		{ "root-of-mail", "sub@example.net", false }, { "root-of-mail", "any@where.example", true },
		{ "bob", "any@where.example", false }, { "bob", "bob@example.com.evil.example", false },
		{ "#", "bob@example.com", false }, { "erin", "x@sub.example.com", false },
		{ "erin", "+x@example.com", true }, { "bob", "a@b+c", false }, { "root-of-mail", "a@b+c", true }, { "erin", "\"a@b\"@example.com", true },
	};

	(void)state;
	use(table);
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (senders_ask(rows[i].login, rows[i].address) != (rows[i].own ? SENDERS_OWN : SENDERS_FOREIGN))
			fail_msg("%s as %s", rows[i].login, rows[i].address);
}

static void
what_none_names_is_nobodys(void **state)
{
	(void)state;
	use("bob@example.com bob\n");
	assert_int_equal(senders_ask("bob", "rob@example.com"), SENDERS_FOREIGN);
	use("");
	assert_int_equal(senders_ask("bob", "bob@example.com"), SENDERS_FOREIGN);
	use("bob@example.com bob");	/* a last line without an end is a line */
	assert_int_equal(senders_ask("bob", "bob@example.com"), SENDERS_OWN);
}

static void
the_first_exact_address(void **state)
{
	struct address address;

	(void)state;
	use(table);
	assert_int_equal(senders_first("carol@example.com", &address), SENDERS_OWN);
	assert_string_equal(address.text, "Bob@Example.com");
	assert_int_equal(senders_first("dave", &address), SENDERS_OWN);
	assert_string_equal(address.text, "dave+lists@x.example");
	assert_int_equal(senders_first("erin", &address), SENDERS_FOREIGN);
	use("\"a@b\" dave\n<> dave\n");	/* an @ in quotes is no domain */
	assert_int_equal(senders_first("dave", &address), SENDERS_FOREIGN);
	use(table);
	assert_int_equal(senders_first("root-of-mail", &address), SENDERS_FOREIGN);
}

static void
a_table_that_cannot_be_read_is_no_answer(void **state)
{
	struct text text;

	(void)state;
	text_start(&text, why, sizeof why);
	assert_false(senders_open("/nonexistent/senders", &text));
	assert_non_null(strstr(why, "/nonexistent/senders"));
	assert_non_null(strstr(why, "No such file"));
}

static void
own_addresses(void **state)
{
	(void)state;
	assert_true(senders_is_own("bob@x.example", "d.example", "bob@x.example"));
	assert_true(senders_is_own("bob@x.example", "d.example", "BOB+tag@X.example"));
	assert_true(senders_is_own("bob", "d.example", "bob@d.example"));
	assert_false(senders_is_own("bob", "d.example", "bob@x.example"));
	assert_false(senders_is_own("bob@x.example", "d.example", "rob@x.example"));
	assert_false(senders_is_own("bob@x.example", "d.example", "bob@d.example"));
	assert_false(senders_is_own("bob", "d.example", "bob"));
	assert_false(senders_is_own("bob", "d.example", "rob+bob@d.example"));
	assert_true(senders_is_own("bob+tag@x.example", "d.example", "bob+tag@x.example"));
	assert_false(senders_is_own("bob+tag@x.example", "d.example", "bob@x.example"));
}

static char reported[1000];

static void
report(unsigned line, const char *fault)
{
	snprintf(reported + strlen(reported), sizeof reported - strlen(reported), "%u: %.18s\n", line, fault);
}

static void
faults_are_found(void **state)
{
	(void)state;
	use(table);
	assert_true(senders_check(report));
	assert_string_equal(reported, "8: nobody owns it: gi\n12: the same entry sta\n");
	*reported = '\0';
	use(" lost\nbob bob\n@ x\n@-x.example x\na@b@c x\n*\n* y\nA@b x\na@B x\n");
	assert_true(senders_check(report));
	assert_string_equal(reported, "1: begins with a blan\n2: what is owned must\n3: what is owned must\n"
	    "5: what is owned must\n6: nobody owns it: gi\n7: the same entry sta\n9: the same entry sta\n");
	*reported = '\0';
	use("a@b> x\n<a@b>x x\n\"a@b x\na@ x\n<> x\n@<> x\n\"a@b\"@c x\n");
	assert_true(senders_check(report));
	assert_string_equal(reported, "1: what is owned must\n2: what is owned must\n3: what is owned must\n4: what is owned must\n"
	    "5: what is owned must\n6: what is owned must\n");
}

static void
a_domain_without_end(void **state)
{
	char line[600];

	(void)state;
	memset(line, 'd', sizeof line);
	line[0] = '@';
	strcpy(line + 500, " x\n");
	use(line);
	*reported = '\0';
	assert_true(senders_check(report));
	assert_string_equal(reported, "1: what is owned must\n");
}

/* No memory, no table: it is said, and no login gets an address by it. */
static void
calls_that_fail(void **state)
{
	static const char *const names[] = { "strdup", "tsearch" };
	struct address address;

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		use("bob@x.example bob\n");
		*reported = '\0';
		fault(names[i], 1, ENOMEM);
		assert_true(senders_check(report));
		assert_true(fault_happened());
		assert_string_equal(reported, "1: no memory to check\n");
	}
	fault("fseek", 1, EIO);
	assert_false(senders_check(report));
	fault("fseek", 1, EIO);
	assert_int_equal(senders_ask("bob", "bob@x.example"), SENDERS_UNKNOWN);
	fault("fseek", 1, EIO);
	assert_int_equal(senders_first("bob", &address), SENDERS_UNKNOWN);
	assert_int_equal(senders_ask("bob", "bob@x.example"), SENDERS_OWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_decides), cmocka_unit_test(what_none_names_is_nobodys),
		cmocka_unit_test(the_first_exact_address), cmocka_unit_test(a_table_that_cannot_be_read_is_no_answer),
		cmocka_unit_test(own_addresses), cmocka_unit_test(faults_are_found),
		cmocka_unit_test(a_domain_without_end), cmocka_unit_test(calls_that_fail),
	};
	int file = mkstemp(path), failed;

	if (file < 0)
		return 1;
	close(file);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
