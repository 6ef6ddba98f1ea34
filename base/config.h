/* Options and environment: read once at the start, never changed after the fork. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

#define VERSION "1.0"

/* Limits that no option moves; the tests build the program with smaller ones. */
#ifndef CHECKER_SECONDS
#define CHECKER_SECONDS 60	/* one password check; then it is "cannot tell": 454 */
#endif
#ifndef SESSION_SECONDS
#define SESSION_SECONDS 7200	/* the whole connection, however busy */
#endif
#ifndef POLICY_SECONDS
#define POLICY_SECONDS 100	/* for all that a policy server is asked about a message; then 451 */
#endif
#define DATA_RATE 500		/* bytes a second that DATA must come with, once --timeout is used up */
#define PROXY_SECONDS 10	/* for the PROXY header to come */
#define LOGINS_MAX 3		/* wrong passwords in a session: the last one is followed by the close */
#define AUTH_MAX 10		/* answers to AUTH in a session, of any kind: likewise */
#define BAD_COMMANDS_MAX 20	/* the last one is answered 421 */
#define IDLE_COMMANDS_MAX 1000	/* commands of any kind but RCPT between two accepted messages */
#define RECIPIENTS_MAX 10000	/* the most that --max-recipients can be: they live in a fixed array */
#define USER_MAX 255		/* bytes of a login name */
#define PASSWORD_MAX 511	/* bytes of a password: what crypt(3) takes */

enum authenticator_kind { AUTHENTICATOR_FILE, AUTHENTICATOR_PROGRAM, AUTHENTICATOR_DOVECOT };

#define AUTHENTICATORS_MAX 8
#define WORDS_MAX 32

struct authenticator {
	enum authenticator_kind kind;
	char option[512];		/* as it was given; a command is cut into words */
	char path[512];			/* of file or program (absolute; "" if there is none); where the server is */
	char *words[WORDS_MAX + 1];	/* of the program's command, without a final `true` */
};

enum injector_kind { INJECTOR_SENDMAIL, INJECTOR_QMAIL, INJECTOR_MAILDIR, INJECTOR_SMTP };

/* What --mechanisms can name, a bit each; config_mechanism_names[] has the names in the same order, ended by NULL. */
enum config_mechanism {
	MECHANISM_PLAIN = 1, MECHANISM_LOGIN = 2, MECHANISM_SCRAM = 4, MECHANISM_CRAM_MD5 = 8,
	MECHANISM_EXTERNAL = 16
};

extern const char *const config_mechanism_names[];

/* What of the client stands in Received. */
enum received {
	RECEIVED_FULL,		/* HELO, host name and address */
	RECEIVED_LOGIN,		/* these and the login */
	RECEIVED_NO_ADDRESS,	/* HELO */
	RECEIVED_NONE
};

enum starttls { STARTTLS_NONE, STARTTLS_OFFERED, STARTTLS_REQUIRED };

struct config {
	enum injector_kind injector;
	char injector_path[512];	/* program, directory of the maildir, or relays with commas between them */
	char user[USER_MAX + 1];	/* service account */
	uint64_t quota_hour, quota_day;	/* recipients of a login; 0: no limit */
	bool behind_tls, allow_cleartext;
	bool proxy, xclient;		/* of this connection: a PROXY header comes first; XCLIENT may be said */
	bool check, debug;
	unsigned mechanisms;		/* enum config_mechanism */
	bool dovecot;			/* -D: it lists more of them */
	enum received received;
	bool own_address, fix_sender;	/* the rule without a table; what is done about Sender */
	bool smtputf8;			/* the injector carries it; set by inject_ready() */
	bool offer_smtputf8, offer_dsn;	/* the relay carries them: the administrator's word */
	char hostname[256], domain[256];
	uint64_t max_size;		/* bytes; UINT64_MAX: no limit */
	uint64_t max_recipients;
	uint64_t argument_room;		/* bytes that all recipients may take in the injector's arguments */
	uint64_t timeout, login_timeout;	/* seconds */
	uint64_t inject_timeout;	/* seconds of one hand-over; then 451 */
	uint64_t min_uid;
	enum starttls starttls;		/* a UCSPI-TLS server is in front */
	int tls_control, tls_read, tls_write;	/* its descriptors, else -1 */
	bool root;			/* started as root */
	int authenticator_count;
	/* The first byte of each is always read. */
	char throttle[512];		/* "", or a program */
	char policy[128];		/* "", or a policy server: ADDRESS:PORT or /PATH */
	char state[256];		/* "", or a directory: base/memory */
	char proxy_from[512], xclient_from[512];	/* "", or networks: base/network */
	char senders[512];		/* "", or the table of who may send as which address */
	/* Last: what is mostly not touched. */
	struct authenticator authenticators[AUTHENTICATORS_MAX];
};

enum config_answer {
	CONFIG_RUN,
	CONFIG_PRINTED,		/* --help, --version: done */
	CONFIG_WRONG		/* `why` says what, where, and the remedy */
};

/*
 * Reads into *config, which is zero, the options (getopt_long; tmda-ofmipd's letters keep their meaning) and
 * the environment variables DATABYTES, UCSPITLS, SSLCTLFD, SSLREADFD and SSLWRITEFD. Keeps nothing of argv.
 * Whether what is named exists is for those to say who use it: auth_ready(), inject_ready().
 */
enum config_answer config_read(struct config *config, int argc, char **argv, struct text *why);

/* Reads "N/h", "N/d", "N/h,N/d" or "none": recipients in an hour and in a day, at most QUOTA_MAX; 0: no limit. */
#define QUOTA_MAX 60000
bool config_quota(const char *quota, uint64_t *hour, uint64_t *day);

/* Tells whoever typed the program's name at a terminal what it is and what to do: a few lines on descriptor 1. */
void config_introduce(void);

#endif
