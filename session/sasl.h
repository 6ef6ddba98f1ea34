/* The AUTH dialogues (RFC 4954): PLAIN, LOGIN, SCRAM (RFC 5802), CRAM-MD5 (RFC 2195), EXTERNAL, what is relayed. */
#ifndef SASL_H
#define SASL_H

#include "ask.h"
#include "session/line.h"

/* More mechanisms, each followed by a blank, that others beyond the wall know: they are offered, too. */
void sasl_relay(const char *list);

/* The mechanism of that name (in any case) which `config` offers, or that is relayed; NULL: 504. It is valid until the
 * next call of this or sasl_list(). */
struct sasl_mechanism;
const struct sasl_mechanism *sasl_find(const struct config *config, const char *wanted);

/* What AUTH offers, each with a blank in front: " PLAIN LOGIN". EXTERNAL only to those who showed a certificate. */
const char *sasl_list(const struct config *config, bool certified);

extern const struct reply sasl_success;		/* 235: logged in, as answer->text */

/*
 * One exchange. `initial` is the initial response as it stands in the command ("=" for an empty one), NULL
 * for none. `login` is where the credentials are put together: wiped before and after, as is every line
 * they came in. Returns the reply, or NULL when the line ended: `*event` says how.
 */
const struct reply *sasl_auth(const struct sasl_mechanism *mechanism, struct line *line, char *initial,
    struct login *login, struct answer *answer, enum line_event *event);

#endif
