/* PROXY headers, as haproxy and others send them (proxy-protocol.txt): a stranger's bytes. */
#ifndef PROXY_H
#define PROXY_H

#include <stddef.h>

#include "base/config.h"
#include "base/peer.h"

/*
 * Reads a PROXY header, version 1 or 2, at the start of [bytes, bytes + length). Returns its length, 0 while
 * it is not complete, -1 when it is not a PROXY header: close without a word. LOCAL and UNKNOWN leave the
 * peer as it is; anything else replaces address, port and TLS.
 */
long proxy_read(struct peer *peer, const struct config *config, const char *bytes, size_t length);

#endif
