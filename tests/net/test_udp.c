/* The socket, and the bad network that tests may ask of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/udp.h"

enum { LOOPBACK = 0x7f000001, SENDS = 200 };

static Udp *open_free(void)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Udp *udp = udp_open((Address){LOOPBACK, 0}, error);
    if (udp == NULL)
        fail_msg("%s", error->str);
    return udp;
}

static int wait_and_receive(Udp *udp, uint8_t bytes[static UDP_BUFFER_BYTES], Address *from)
{
    struct pollfd waiting = {.fd = udp_fd(udp), .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    return udp_receive(udp, bytes, from);
}

/* A socket with no limit of its own. */
static int socket_to(Address to)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(to.ip), .sin_port = htons(to.port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    return fd;
}

static void a_datagram_arrives_with_its_sender(void **state)
{
    (void)state;
    Udp *a = open_free();
    Udp *b = open_free();
    uint8_t bytes[UDP_BUFFER_BYTES];
    Address from;
    assert_int_equal(udp_receive(b, bytes, &from), -EAGAIN);
    assert_int_equal(udp_send(a, udp_address(b), (const uint8_t *)"hello", 5), UDP_SENT);
    assert_int_equal(wait_and_receive(b, bytes, &from), 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_true(address_equal(from, udp_address(a)));
    assert_int_equal(udp_receive(b, bytes, &from), -EAGAIN);
    udp_close(a);
    udp_close(b);
}

static void an_oversize_datagram_can_be_told(void **state)
{
    (void)state;
    Udp *udp = open_free();
    Address to = udp_address(udp);
    uint8_t big[3000] = {0};
    uint8_t bytes[UDP_BUFFER_BYTES];
    struct {
        size_t sent;
        int received;
    } sizes[] = {{0, 0}, {DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX}, {3000, UDP_BUFFER_BYTES}};
    int raw = socket_to(to);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        Address from;
        assert_int_equal(send(raw, big, sizes[i].sent, 0), (ssize_t)sizes[i].sent);
        assert_int_equal(wait_and_receive(udp, bytes, &from), sizes[i].received);
    }
    close(raw);
    udp_close(udp);
}

static void a_taken_port_is_refused_with_its_number(void **state)
{
    (void)state;
    Udp *first = open_free();
    g_autoptr(GString) error = g_string_new(NULL);
    assert_null(udp_open(udp_address(first), error));
    g_autofree char *expected = g_strdup_printf("port %u is taken", udp_address(first).port);
    assert_true(g_str_has_prefix(error->str, expected));
    udp_close(first);
}

static void an_address_of_another_machine_is_refused(void **state)
{
    (void)state;
    g_autoptr(GString) error = g_string_new(NULL);
    assert_null(udp_open((Address){0xc0000201, 0}, error)); /* 192.0.2.1, of RFC 5737 */
    assert_non_null(strstr(error->str, "--bind"));
}

static void an_unreachable_receiver_is_one_more_loss(void **state)
{
    (void)state;
    Udp *a = open_free();
    Udp *b = open_free();
    Address gone = udp_address(b);
    udp_close(b);
    uint8_t bytes[UDP_BUFFER_BYTES];
    Address from;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(udp_send(a, gone, (const uint8_t *)"x", 1), UDP_SENT);
        assert_int_equal(udp_receive(a, bytes, &from), -EAGAIN);
    }
    udp_close(a);
}

/* What becomes of SENDS datagrams from a socket of the given port; the port is used again. */
static void record_sends(Address bind, UdpSent sent[static SENDS])
{
    g_autoptr(GString) error = g_string_new(NULL);
    Udp *udp = udp_open(bind, error);
    assert_non_null(udp);
    Udp *sink = open_free();
    for (int i = 0; i < SENDS; i++)
        sent[i] = udp_send(udp, udp_address(sink), (const uint8_t *)"x", 1);
    udp_close(udp);
    udp_close(sink);
}

static void loss_and_duplication_on_purpose_repeat_with_their_seed(void **state)
{
    (void)state;
    UdpSent first[SENDS];
    UdpSent again[SENDS];
    UdpSent other[SENDS];
    unsigned counts[UDP_UNSENT + 1] = {0};
    Udp *udp = open_free();
    Address bind = udp_address(udp);
    udp_close(udp);
    setenv("COHORT_TEST_LOSS", "20", 1);
    setenv("COHORT_TEST_DUPLICATE", "20", 1);
    setenv("COHORT_TEST_SEED", "7", 1);
    record_sends(bind, first);
    record_sends(bind, again);
    setenv("COHORT_TEST_SEED", "8", 1);
    record_sends(bind, other);
    unsetenv("COHORT_TEST_LOSS");
    unsetenv("COHORT_TEST_DUPLICATE");
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    for (int i = 0; i < SENDS; i++)
        counts[first[i]]++;
    assert_in_range(counts[UDP_LOST], SENDS / 20, SENDS / 2);
    assert_in_range(counts[UDP_SENT_TWICE], SENDS / 20, SENDS / 2);
    assert_int_equal(counts[UDP_UNSENT], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_arrives_with_its_sender),
        cmocka_unit_test(an_oversize_datagram_can_be_told),
        cmocka_unit_test(a_taken_port_is_refused_with_its_number),
        cmocka_unit_test(an_address_of_another_machine_is_refused),
        cmocka_unit_test(an_unreachable_receiver_is_one_more_loss),
        cmocka_unit_test(loss_and_duplication_on_purpose_repeat_with_their_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
