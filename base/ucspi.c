/* UCSPI-TLS (ucspi-ssl, s6-networking): the server in front is told to begin TLS, and says what came of it. */
#include <poll.h>

#include "base/io.h"
#include "base/text.h"
#include "base/ucspi.h"

#define ANSWER_MAX 65536	/* bytes: certificates may be among them */

/* The variable that is coming, as far as it came. */
struct coming {
	char array[1024];
	struct text text;
};

/* Takes [bytes, bytes + length) in. True: that was the end, and what follows it does not matter. */
static bool
read_variables(struct coming *coming, struct peer *peer, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\0') {
			text_add_byte(&coming->text, bytes[i]);
			continue;
		}
		if (coming->text.used == 0)
			return true;
		if (!coming->text.cut)	/* nothing that we look for is so long */
			peer_from_starttls(peer, coming->array);
		text_start(&coming->text, coming->array, sizeof coming->array);
	}
	return false;
}

bool
ucspi_start(int control, struct peer *peer, int64_t deadline)
{
	struct coming coming;
	struct peer told = *peer;
	char bytes[4096];
	size_t whole = 0;
	ssize_t got;

	peer_start_tls(&told);
	text_start(&coming.text, coming.array, sizeof coming.array);
	if (!io_write_all(control, "Y", 1))
		return false;
	do {
		if (whole >= ANSWER_MAX || !io_wait(control, POLLIN, deadline))
			return false;
		got = io_read(control, bytes, sizeof bytes);
		if (got <= 0)
			return false;
		whole += (size_t)got;
	} while (!read_variables(&coming, &told, bytes, (size_t)got));
	*peer = told;
	return true;
}
