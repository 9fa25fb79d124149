/* A bound, non-blocking UDP socket. IPv4 only.
 *
 * Everything the network may do to a datagram may also happen here: a send that the system
 * refuses (buffer full, no route) is one more lost datagram.
 *
 * For tests, a socket can be as bad as the worst network. With COHORT_TEST_LOSS=20 it drops 20 %
 * of what it is told to send, with COHORT_TEST_DUPLICATE=20 it sends 20 % twice. The choice comes
 * from COHORT_TEST_SEED (default 1) and the port, so that it can be repeated. */
#ifndef COHORT_UDP_H
#define COHORT_UDP_H

#include <glib.h>

#include "core/types.h"

typedef struct Udp Udp;

/* Binds; port 0 takes a free one. Returns NULL and says in `error` why, and what to do. */
Udp *udp_open(Address bind, GString *error);
void udp_close(Udp *udp); /* NULL is fine */

int udp_fd(const Udp *udp); /* to wait for: readable when something came in */
Address udp_address(const Udp *udp);

/* One datagram that has come in: its length, or -EAGAIN when there is none. What is longer than
 * DATAGRAM_BYTES_MAX arrives cut to one byte more than that, and so can be told. */
enum { UDP_BUFFER_BYTES = DATAGRAM_BYTES_MAX + 1 };
int udp_receive(Udp *udp, uint8_t bytes[static UDP_BUFFER_BYTES], Address *from);

typedef enum UdpSent {
    UDP_SENT,
    UDP_SENT_TWICE, /* on purpose */
    UDP_LOST,       /* on purpose */
    UDP_UNSENT      /* the system refused */
} UdpSent;
UdpSent udp_send(Udp *udp, Address to, const uint8_t *bytes, size_t length);

#endif
