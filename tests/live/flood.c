/* Sends hostile datagrams, and counts what comes back.
 *
 *     flood COUNT PER_SECOND SEED SEALED CAPTURE PORT...
 *
 * To these ports of 127.0.0.1, from many addresses. CAPTURE holds real datagrams to spoil, each
 * behind its length in two bytes, big-endian. A datagram sent is random bytes; or a real one: cut,
 * lengthened, with bytes changed, or as it was. SEALED 1: all of them have their checksum made good
 * again, so that they are read on. PER_SECOND 0: as fast as it goes.
 *
 * The last line on stdout: datagrams sent, answers received, the bytes of the longest answer, and
 * the most bytes that any source received beyond what it had sent (0: none did). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    SOURCES = 200,
    BATCH = 32,
    DATAGRAM_MAX = 1500,
    REAL_MAX = 4096,
    CHECKSUM_AT = 4,
    SUMMED_FROM = 12,
    LATE_MS = 3000 /* answers, repeated ones too, are awaited that long in the end */
};

typedef struct Datagram {
    uint16_t length;
    uint8_t bytes[DATAGRAM_MAX];
} Datagram;

typedef struct Source {
    int fd;
    uint64_t sent_bytes;
    uint64_t received_bytes;
} Source;

static Datagram real[REAL_MAX];
static size_t real_count;
static Source sources[SOURCES];
static uint64_t answers;
static size_t longest;
static uint64_t excess;
static uint64_t seed;
static bool sealed;

static void die(const char *what)
{
    perror(what);
    exit(4);
}

static uint64_t draw(uint64_t below)
{
    seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static void draw_bytes(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)draw(256);
}

static void read_capture(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t head[2];
    if (file == NULL)
        die(path);
    while (real_count < REAL_MAX && fread(head, sizeof head, 1, file) == 1) {
        Datagram *datagram = &real[real_count++];
        datagram->length = (uint16_t)(head[0] << 8 | head[1]);
        if (datagram->length > DATAGRAM_MAX ||
            fread(datagram->bytes, 1, datagram->length, file) != datagram->length)
            die("capture");
    }
    fclose(file);
    if (real_count == 0)
        die("an empty capture");
}

static void open_sources(void)
{
    for (unsigned i = 0; i < SOURCES; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl((127U << 24) + 2 + i)};
        sources[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (sources[i].fd < 0 || bind(sources[i].fd, (struct sockaddr *)&in, sizeof in) < 0)
            die("a source");
    }
}

static void seal(Datagram *datagram)
{
    if (datagram->length < SUMMED_FROM)
        return;
    XXH64_hash_t sum =
        XXH3_64bits(datagram->bytes + SUMMED_FROM, datagram->length - (size_t)SUMMED_FROM);
    for (int i = 0; i < 8; i++)
        datagram->bytes[CHECKSUM_AT + i] = (uint8_t)(sum >> (56 - 8 * i));
}

static void spoil(Datagram *datagram)
{
    uint64_t kind = draw(6);
    if (kind == 0) {
        datagram->length = (uint16_t)draw(DATAGRAM_MAX);
        draw_bytes(datagram->bytes, datagram->length);
        return;
    }
    *datagram = real[draw(real_count)];
    if (kind == 1) {
        datagram->length = (uint16_t)draw(datagram->length + 1U);
    } else if (kind == 2) {
        uint16_t more = (uint16_t)draw(DATAGRAM_MAX - datagram->length + 1U);
        draw_bytes(datagram->bytes + datagram->length, more);
        datagram->length = (uint16_t)(datagram->length + more);
    } else if (kind != 3) {
        for (uint64_t changes = 1 + draw(8); changes > 0 && datagram->length > 0; changes--)
            datagram->bytes[draw(datagram->length)] = (uint8_t)draw(256);
    }
}

static void listen_at(Source *source)
{
    uint8_t bytes[65536];
    ssize_t length;
    while ((length = recv(source->fd, bytes, sizeof bytes, 0)) >= 0) {
        answers++;
        source->received_bytes += (uint64_t)length;
        if ((size_t)length > longest)
            longest = (size_t)length;
        if (source->received_bytes > source->sent_bytes &&
            source->received_bytes - source->sent_bytes > excess)
            excess = source->received_bytes - source->sent_bytes;
    }
}

static void send_batch(Source *source, unsigned count, const uint16_t *ports, size_t port_count)
{
    static Datagram datagrams[BATCH];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in to[BATCH];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < count; i++) {
        spoil(&datagrams[i]);
        if (sealed)
            seal(&datagrams[i]);
        to[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                     .sin_port = htons(ports[draw(port_count)])};
        parts[i] = (struct iovec){datagrams[i].bytes, datagrams[i].length};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &parts[i], .msg_iovlen = 1};
        source->sent_bytes += datagrams[i].length;
    }
    /* What a full queue refuses is as good as lost. */
    (void)!sendmmsg(source->fd, messages, count, 0);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    uint16_t ports[64];
    size_t port_count = 0;
    if (argc < 7 || argc > 6 + 64)
        return 2;
    uint64_t count = strtoull(argv[1], NULL, 10);
    uint64_t per_second = strtoull(argv[2], NULL, 10);
    seed = strtoull(argv[3], NULL, 10);
    sealed = atoi(argv[4]) != 0;
    read_capture(argv[5]);
    for (int i = 6; i < argc; i++)
        ports[port_count++] = (uint16_t)atoi(argv[i]);
    open_sources();

    uint64_t began_ns = now_ns();
    for (uint64_t done = 0; done < count;) {
        Source *source = &sources[(done / BATCH) % SOURCES];
        unsigned batch = count - done < BATCH ? (unsigned)(count - done) : BATCH;
        send_batch(source, batch, ports, port_count);
        listen_at(source);
        done += batch;
        while (per_second > 0 && (now_ns() - began_ns) / 1000 * per_second < done * 1000000U)
            usleep(200);
    }
    for (int ms = 0; ms < LATE_MS; ms += 50) {
        for (int i = 0; i < SOURCES; i++)
            listen_at(&sources[i]);
        usleep(50000);
    }
    printf("%llu %llu %zu %llu\n", (unsigned long long)count, (unsigned long long)answers, longest,
           (unsigned long long)excess);
}
