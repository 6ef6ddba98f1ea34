/* links: base alone */
/* Addresses to connect to: what is one, and that a connection is waited for no longer than it may. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/dial.h"
#include "base/io.h"

static bool
reads(const char *string, struct dial *dial)
{
	char *exact = exactly(string, strlen(string));
	bool fine = dial_read(exact, strlen(string), dial);

	free(exact);
	return fine;
}

static void
addresses(void **state)
{
	static const char *const wrong[] = {
		"", ":", ":25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+25", "127.0.0.1:25 ",
		" 127.0.0.1:25", "127.1:25", "localhost:25", "127.0.0.256:25", "::1:25", "[::1]25", "[::1]", "[::1]:", "[::1:25",
		"[]:25", "[127.0.0.1]:25", "::1]:25", "[[::1]]:25", "[::1]x:25", "[fe80::1%lo]:25", "127.0.0.1:smtp", "relative",
		"127.0.0.1:00000000000000000000025", "[1111:2222:3333:4444:5555:6666:7777:8888:9999]:25",
	};
	char path[200];
	struct dial dial;
	struct sockaddr_in *four = (struct sockaddr_in *)&dial.address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&dial.address;
	struct sockaddr_un *name = (struct sockaddr_un *)&dial.address;

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		if (reads(wrong[i], &dial))
			fail_msg("%s is an address", wrong[i]);
	assert_false(dial_read("127.0.0.1\0:25", 13, &dial));
	assert_false(dial_read("/run\0x", 6, &dial));
	assert_true(reads("127.0.0.1:25", &dial));
	assert_int_equal(four->sin_family, AF_INET);
	assert_int_equal(ntohs(four->sin_port), 25);
	assert_int_equal(ntohl(four->sin_addr.s_addr), 0x7f000001);
	assert_true(reads("[1111:2222:3333:4444:5555:6666:7777:8888]:65535", &dial));
	assert_int_equal(six->sin6_family, AF_INET6);
	assert_int_equal(ntohs(six->sin6_port), 65535);
	assert_int_equal(six->sin6_addr.s6_addr[15], 0x88);
	assert_true(reads("[::ffff:192.0.2.1]:587", &dial));
	assert_true(reads("/run/relay", &dial));
	assert_int_equal(name->sun_family, AF_UNIX);
	assert_string_equal(name->sun_path, "/run/relay");
	memset(path, 'x', sizeof path);
	path[0] = '/';
	assert_true(dial_read(path, sizeof name->sun_path - 1, &dial));
	assert_false(dial_read(path, sizeof name->sun_path, &dial));
}

/* A server's socket on 127.0.0.1 that takes no more than it must; where it is. */
static int
server(struct dial *dial)
{
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in *name = (struct sockaddr_in *)&dial->address;

	*dial = (struct dial){ .length = sizeof *name };
	name->sin_family = AF_INET;
	name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(descriptor, (struct sockaddr *)name, sizeof *name), 0);
	assert_int_equal(getsockname(descriptor, (struct sockaddr *)name, &dial->length), 0);
	assert_int_equal(listen(descriptor, 0), 0);
	return descriptor;
}

static void
connections(void **state)
{
	struct dial dial;
	int listener = server(&dial), connected[8], descriptor, error;
	int64_t before;

	(void)state;
	descriptor = dial_connect(&dial, io_now() + 5000);
	assert_true(descriptor >= 0);
	assert_int_equal(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
	close(descriptor);
	assert_int_equal(dial_connect(&dial, io_now()), -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* A full queue: nobody answers. */
	for (size_t i = 0; i < LENGTH(connected); i++) {
		before = io_now();
		connected[i] = dial_connect(&dial, before + 300);
		error = errno;
		assert_in_range(io_now() - before, 0, 5000);
		if (connected[i] < 0)
			assert_int_equal(error, ETIMEDOUT);
	}
	assert_int_equal(connected[LENGTH(connected) - 1], -1);
	for (size_t i = 0; i < LENGTH(connected); i++)
		close(connected[i]);
	close(listener);
	assert_int_equal(dial_connect(&dial, io_now() + 5000), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

static void
unix_sockets(void **state)
{
	char path[] = "/tmp/unit-dial.XXXXXX";
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), connected[4];
	struct dial dial;
	int64_t before = io_now();

	(void)state;
	close(mkstemp(path));
	assert_true(reads(path, &dial));
	assert_int_equal(dial_connect(&dial, io_now() + 5000), -1);
	assert_int_equal(errno, ECONNREFUSED);
	unlink(path);
	assert_int_equal(dial_connect(&dial, io_now() + 5000), -1);
	assert_int_equal(errno, ENOENT);
	strcpy(name.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < LENGTH(connected); i++)
		connected[i] = dial_connect(&dial, io_now() + 300);
	assert_true(connected[0] >= 0);
	assert_int_equal(connected[LENGTH(connected) - 1], -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_in_range(io_now() - before, 300, 10000);
	for (size_t i = 0; i < LENGTH(connected); i++)
		close(connected[i]);
	close(listener);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(connections), cmocka_unit_test(unix_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
