/* The wrong passwords of this session: none is checked, or counted, twice. */
#ifndef TRIES_H
#define TRIES_H

#include <stdbool.h>

/* Was this pair refused before? */
bool tries_known(const char *user, const char *password);

/* Remembers it: a digest, under a key that only this process ever had. At most LOGINS_MAX of them. */
void tries_add(const char *user, const char *password);

/* Wipes key and digests. */
void tries_forget(void);

#endif
