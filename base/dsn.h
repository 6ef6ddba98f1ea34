/* The parameters of delivery status notifications (RFC 3461 section 4): which ones are right. */
#ifndef DSN_H
#define DSN_H

#include <stdbool.h>

/* Bytes that the parameters of MAIL, or of one RCPT, take at most, with a blank between them. */
#define DSN_MAX 640

enum dsn_parameter {
	DSN_NONE = 0,		/* not one of these */
	DSN_FIRST = 1,		/* RET of MAIL, NOTIFY of RCPT */
	DSN_SECOND = 2,		/* ENVID of MAIL, ORCPT of RCPT */
	DSN_WRONG = 4		/* one of these, with a malformed value */
};

/* What KEYWORD=VALUE after MAIL, or RCPT, is; `value` is NULL where there is none. */
enum dsn_parameter dsn_read(bool of_mail, const char *keyword, const char *value);

/* The second look, beyond the wall: nothing but right parameters, each once, with one blank between them. */
bool dsn_valid(bool of_mail, const char *parameters);

#endif
