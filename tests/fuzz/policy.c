/* links: inject/message */
/*
 * A policy server that says anything at all: a message goes on only if each question had an action of its own for an
 * answer, and that said so; in whatever parts it was said.
 */
#include "stand_in.h"

#define dial_connect stand_in_connect
#include "inject/wire.c"
#include "inject/policy.c"

const struct seed seeds[] = {
	SEED("\037action=DUNNO\n\n\037action=OK\n\n\037action=permit_sasl_authenticated\n\n"),
	SEED("\037action=dunno\n\n\037action=reject 5.7.1 go away\n\n"), SEED("\037x=y\naction=warn careful\nz=\n\n\037action=info\n\n\037action=\n\n"),
	SEED("\037action=450 4.7.1 greylisted\n\n"), SEED("\037action=defer_if_permit\n\n"), SEED("\037action=HOLD\n\n"),
	SEED("\037action=DUNNO\n\naction=DUNNO\n\naction=DUNNO\n\n"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\037"), SEED("\n"), SEED("\n\n"), SEED("action="), SEED("action=DUNNO\n\n"), SEED("OK"), SEED("permit"), SEED("554 no"),
	SEED("DEFER"), SEED("REJECT"), SEED("="), SEED(" "), SEED("\r"), SEED("\0"), SEED("\xff"), SEED("xxxxxxxxxxxxxxxx"), { NULL, 0 }
};

/* The first so many actions of all that was said let it go on. */
static void
all_said_yes(const char *bytes, size_t size, int count)
{
	static const char *const fine[] = { "ok", "dunno", "defer_if_reject", "warn", "info" };
	char line[600];
	size_t used = 0;

	for (size_t i = 0; i < size && count > 0; i++) {
		bool good = false;

		if (bytes[i] != '\n') {
			if (bytes[i] != STAND_IN_MARK && used < sizeof line - 1)
				line[used++] = bytes[i];
			continue;
		}
		line[used] = '\0';
		used = 0;
		if (strncmp(line, "action=", 7) != 0)
			continue;
		line[7 + strcspn(line + 7, " \t")] = '\0';
		for (size_t j = 0; j < sizeof fine / sizeof *fine; j++)
			good |= strcasecmp(line + 7, fine[j]) == 0;
		MUST(good || strncasecmp(line + 7, "permit", 6) == 0);
		count--;
	}
	MUST(count == 0);
}

static bool
run_once(const struct message *message, const char *bytes, size_t size, size_t part, struct outcome *outcome)
{
	static const struct config config = { .policy = "127.0.0.1:1" };
	static const struct peer peer = { .address = "192.0.2.1", .host = "h.example" };
	bool allowed;

	*outcome = (struct outcome){ 0 };
	stand_in_start(bytes, size, part, NULL);
	allowed = policy_allows(&config, &peer, message, outcome);
	stand_in.descriptor = -1;
	if (allowed) {
		all_said_yes(bytes, stand_in.given, 3);
		return true;
	}
	MUST(outcome->verdict == ASK_NO || outcome->verdict == ASK_TEMPORARY);
	MUST(outcome->text[0] == (outcome->verdict == ASK_NO ? '5' : '4') && outcome->how[0] != '\0');
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char envelope[] = "Fa@x\0Tb@y\0Tc@z\0";
	static const struct identity identity = { .user = "bob" };
	static const struct message message = {
		.id = "ID", .number = 1, .login = "bob", .mechanism = "PLAIN", .helo = "client", .identity = &identity,
		.envelope = envelope, .sender = envelope + 1, .recipients = 2, .size = 100,
	};
	static char heard[sizeof stand_in.heard];
	struct outcome whole, part;
	size_t parts[] = { 1, 0 }, used;
	char *exact = malloc(size + 1);
	bool allowed;

	memcpy(exact, bytes, size);
	allowed = run_once(&message, exact, size, SIZE_MAX, &whole);
	used = stand_in.used;
	memcpy(heard, stand_in.heard, used);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		MUST(run_once(&message, exact, size, parts[i], &part) == allowed);
		MUST(part.verdict == whole.verdict && strcmp(part.text, whole.text) == 0 && strcmp(part.how, whole.how) == 0);
		MUST(stand_in.used == used && memcmp(stand_in.heard, heard, used) == 0);
	}
	free(exact);
	return 0;
}
