/* All that --check says: what a start here would do, and what is wrong with it. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>

#include "base/config.h"
#include "base/drop.h"
#include "base/peer.h"

/* Seven of our own, a maildir's two, the log's, a child's pipe: better none of them than half a session. */
#define FILES_LEAST 16
#define FILES_FAULT "fewer than 16 open files allowed; raise the limit (ulimit -n)"

/* What main found out on its way to a session. */
struct check {
	struct config *config;
	const struct peer *peer;
	const struct identity *service;
	const char *service_fault;	/* why there is no service account; NULL: there is one */
	bool log_to_syslog;		/* descriptor 2 is the client's connection */
};

/* Says everything on descriptor 1, one "name: value" a line. Returns the exit status: 1 if something is wrong. */
int check_run(const struct check *check);

/* As check_run() where the options themselves could not be read: `why` says which, and the remedy. */
int check_refused(const struct check *check, const char *why);

#endif
