/* Connects to a numeric address and port, or to a unix socket, and waits no longer than it may. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/dial.h"
#include "base/io.h"
#include "base/text.h"

static bool
read_unix_path(const char *string, size_t length, struct dial *dial)
{
	struct sockaddr_un *name = (struct sockaddr_un *)&dial->address;

	if (length >= sizeof name->sun_path || memchr(string, '\0', length) != NULL)
		return false;
	name->sun_family = AF_UNIX;
	memcpy(name->sun_path, string, length);
	dial->length = sizeof *name;
	return true;
}

static bool
read_numbers(const char *host, const char *port, struct dial *dial)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&dial->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&dial->address;
	uint64_t number;

	if (!text_number(port, 65535, &number) || number == 0)
		return false;
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)number);
		dial->length = sizeof *four;
		return true;
	}
	if (host[0] != '[' || inet_pton(AF_INET6, host + 1, &six->sin6_addr) != 1)
		return false;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)number);
	dial->length = sizeof *six;
	return true;
}

bool
dial_read(const char *string, size_t length, struct dial *dial)
{
	char host[sizeof "[" + INET6_ADDRSTRLEN + sizeof "]:65535"], *colon;

	*dial = (struct dial){ 0 };
	if (length > 0 && string[0] == '/')
		return read_unix_path(string, length, dial);
	if (length >= sizeof host)
		return false;
	memcpy(host, string, length);
	host[length] = '\0';
	if (strlen(host) != length || (colon = strrchr(host, ':')) == NULL || colon == host)
		return false;
	if (host[0] == '[') {
		if (colon[-1] != ']')
			return false;
		colon[-1] = '\0';
	}
	*colon = '\0';
	return read_numbers(host, colon + 1, dial);
}

int
dial_connect(const struct dial *dial, int64_t deadline)
{
	int64_t left = deadline - io_now();
	/* connect(2) heeds it, for unix sockets, too: there a full queue cannot be waited for with poll(2). */
	const struct timeval most = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
	int family = dial->address.ss_family, descriptor, error;

	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -1;
	/* TCP_NODELAY: what is written by one call is meant to go at once. */
	if (setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) == 0 &&
	    (family == AF_UNIX || setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0) &&
	    connect(descriptor, (const struct sockaddr *)&dial->address, dial->length) == 0 &&
	    fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
		return descriptor;
	error = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
	(void)close(descriptor);	/* nothing was written */
	errno = error;
	return -1;
}
