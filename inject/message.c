/* A message that lies complete in its spool, and what became of it. */
#include <bsd/string.h>
#include <string.h>

#include "inject/message.h"

const char *
message_recipient(const struct message *message, const char *last)
{
	const char *at = last == NULL ? message->sender : last;

	at += strlen(at) + 1;
	if (*at == 'D')
		at += strlen(at) + 1;
	return *at == 'T' ? at + 1 : NULL;
}

const char *
message_dsn(const char *address)
{
	const char *at = address + strlen(address) + 1;

	return *at == 'D' ? at + 1 : "";
}

void
message_answer(struct outcome *outcome, enum ask_verdict verdict, const char *text)
{
	outcome->verdict = verdict;
	strlcpy(outcome->text, text, sizeof outcome->text);
}
