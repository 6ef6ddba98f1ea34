/* Reads the clear-text file of tmda-ofmipd into a password file. */
#ifndef IMPORT_H
#define IMPORT_H

/* Adds the users of `source` to `path`, their passwords hashed by `scheme`; where both are the same file it is
 * converted in place. Says what it does. The exit status. */
int import_file(const char *path, const char *source, const char *scheme);

#endif
