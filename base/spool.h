/* The file of one message: in memory, without a name, and sealed before anybody reads it. */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>
#include <stdint.h>

/* Its number in every session, where it is the lowest that is ever free: what the monitor sends lands here. */
enum { SPOOL_DESCRIPTOR = 3 };

/* An empty one: its descriptor, close-on-exec; -1: errno. */
int spool_make(void);

/*
 * Nobody can write to it any more, nor change its size, whoever holds a descriptor; then measures it, and puts in
 * place of *spool a descriptor that can only be read, from an offset of its own: the beginning. What is sealed is
 * what is delivered: an injector that gets it reads *size bytes, or fewer and knows it; what it leaves running
 * cannot see another message in it. False: errno; nothing may be handed over.
 */
bool spool_seal(int *spool, uint64_t *size);

/* Closes *spool and sets it to -1; nothing if it is -1. The memory is free once the last that holds it is gone. */
void spool_close(int *spool);

#endif
