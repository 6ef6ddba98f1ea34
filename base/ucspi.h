/* UCSPI-TLS (ucspi-ssl, s6-networking): the server in front is told to begin TLS, and says what came of it. */
#ifndef UCSPI_H
#define UCSPI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/peer.h"

/*
 * Writes `Y` to the control socket and reads the answer: strings NAME=VALUE, each ended by a NUL, a bare NAME for what
 * is unset, and an empty one at the end. Then *peer is safe by STARTTLS, and knows of TLS what was said. False, and
 * *peer is as it was: the handshake failed, or there was no whole answer of at most 64 KiB before `deadline`
 * (io_now()).
 */
bool ucspi_start(int control, struct peer *peer, int64_t deadline);

#endif
