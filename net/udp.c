#include "net/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/panic.h"
#include "core/random.h"

/* Room for the burst that a whole cohort sends at once; the system may grant less. */
enum { RECEIVE_BUFFER_BYTES = 4 << 20 };

struct Udp {
    int fd;
    Address address;
    /* The bad network of tests. */
    uint64_t loss_percent;
    uint64_t duplicate_percent;
    uint64_t random;
};

static struct sockaddr_in socket_address(Address address)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(address.ip),
                                .sin_port = htons(address.port)};
}

static Address address_of(const struct sockaddr_in *in)
{
    return (Address){.ip = ntohl(in->sin_addr.s_addr), .port = ntohs(in->sin_port)};
}

static void explain(int code, Address bind, GString *error)
{
    char at[ADDRESS_TEXT_MAX];
    address_text(bind, at);
    switch (code) {
    case EADDRINUSE:
        g_string_printf(
            error, "port %u is taken (%s): stop the program that has it, or choose another port",
            bind.port, at);
        break;
    case EADDRNOTAVAIL:
        g_string_printf(error, "%s is no address of this machine: choose another with --bind", at);
        break;
    case EACCES:
        g_string_printf(error, "port %u may not be used by this user (%s): choose another port",
                        bind.port, at);
        break;
    default:
        g_string_printf(error, "cannot open a UDP socket on %s: %s", at, g_strerror(code));
    }
}

static uint64_t environment_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t number;
    return text != NULL && number_parse(text, &number) ? number : otherwise;
}

Udp *udp_open(Address bind_to, GString *error)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = socket_address(bind_to);
    socklen_t in_length = sizeof in;
    /* SO_REUSEADDR stays off: on a UDP socket it would let two processes share the port. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) < 0 ||
        getsockname(fd, (struct sockaddr *)&in, &in_length) < 0) {
        explain(errno, bind_to, error);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    int bytes = RECEIVE_BUFFER_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); /* less is slower, not wrong */

    Udp *udp = g_new0(Udp, 1);
    udp->fd = fd;
    udp->address = address_of(&in);
    udp->loss_percent = environment_number("COHORT_TEST_LOSS", 0);
    udp->duplicate_percent = environment_number("COHORT_TEST_DUPLICATE", 0);
    udp->random = (environment_number("COHORT_TEST_SEED", 1) << 16) + udp->address.port;
    return udp;
}

void udp_close(Udp *udp)
{
    if (udp == NULL)
        return;
    close(udp->fd);
    g_free(udp);
}

int udp_fd(const Udp *udp)
{
    return udp->fd;
}

Address udp_address(const Udp *udp)
{
    return udp->address;
}

int udp_receive(Udp *udp, uint8_t bytes[static UDP_BUFFER_BYTES], Address *from)
{
    struct sockaddr_in in;
    socklen_t in_length = sizeof in;
    ssize_t length =
        recvfrom(udp->fd, bytes, UDP_BUFFER_BYTES, 0, (struct sockaddr *)&in, &in_length);
    if (length < 0)
        return -EAGAIN; /* nothing there, or an error of an earlier send that concerns nobody */
    *from = address_of(&in);
    return (int)length;
}

static bool sent(const Udp *udp, Address to, const uint8_t *bytes, size_t length)
{
    struct sockaddr_in in = socket_address(to);
    return sendto(udp->fd, bytes, length, 0, (const struct sockaddr *)&in, sizeof in) >= 0;
}

static bool chance(Udp *udp, uint64_t percent)
{
    return percent > 0 && random_below(&udp->random, 100) < percent;
}

UdpSent udp_send(Udp *udp, Address to, const uint8_t *bytes, size_t length)
{
    INVARIANT_THAT(length, <=, (size_t)DATAGRAM_BYTES_MAX);
    if (chance(udp, udp->loss_percent))
        return UDP_LOST;
    if (!sent(udp, to, bytes, length))
        return UDP_UNSENT;
    return chance(udp, udp->duplicate_percent) && sent(udp, to, bytes, length) ? UDP_SENT_TWICE
                                                                               : UDP_SENT;
}
