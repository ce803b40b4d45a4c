/* A steady UDP load that tells how long answers take, for servers on 127.0.0.1.
 *
 *   pace PORT FILE SECONDS RATE [LOST]   asks what FILE holds RATE times a second, for at most 120 seconds
 *
 * FILE is a row of messages, each behind two octets of length. Questions leave when they are due, never sooner, and never
 * wait for answers: what a server delays shows as delay, not as a lower rate. The client watches its sockets without
 * sleeping. A question without an answer after a second is lost; one that nobody listened for is lost, too. LOST is a file
 * for when each of those was due, in seconds of the monotonic clock. Delays are in microseconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "questions.h"

enum { SOCKETS = 4, BATCH = 32, ROOM = 2048, IDS = 1 << 16, BUFFER = 4 << 20 };
static const double PATIENCE = 1.0;

static int by_size(const void *one, const void *other)
{
    float a = *(const float *)one, b = *(const float *)other;
    return a < b ? -1 : a > b;
}

/* When each question was sent by socket and id; 0 once it is answered. */
static double sent_at[SOCKETS][IDS];

static void lose(double due, FILE *told, uint64_t *lost)
{
    ++*lost;
    if (told)
        fprintf(told, "%.6f\n", due);
}

int main(int words, char **word)
{
    size_t count = 0, next = 0;
    int is_whole = words == 5 || words == 6;
    struct question *questions = is_whole ? read_questions(word[2], &count) : NULL;
    double length = is_whole ? atof(word[3]) : 0, rate = is_whole ? atof(word[4]) : 0;
    FILE *told = words == 6 ? fopen(word[5], "w") : NULL;
    if ((words == 6 && !told) || !count || !questions || length <= 0 || length > 120 || rate < 1 || rate > 1e6) {
        fprintf(stderr, "usage: pace PORT FILE SECONDS RATE [LOST]\n");
        return 2;
    }
    int fds[SOCKETS];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(word[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int s = 0; s < SOCKETS; s++) {
        int size = BUFFER;
        fds[s] = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(fds[s], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (connect(fds[s], (void *)&at, sizeof at)) {
            perror("connect");
            return 1;
        }
    }
    static unsigned char in[BATCH][ROOM];
    struct mmsghdr heard[BATCH];
    struct iovec heard_at[BATCH];
    for (int i = 0; i < BATCH; i++) {
        heard_at[i] = (struct iovec){in[i], ROOM};
        heard[i].msg_hdr = (struct msghdr){.msg_iov = &heard_at[i], .msg_iovlen = 1};
    }
    uint64_t due_in_all = length * rate, asked = 0, answered = 0, bad = 0;
    float *delays = malloc((due_in_all + 1) * sizeof *delays);
    uint16_t ids[SOCKETS] = {0};
    uint64_t lost = 0;
    double start = seconds(), now = start;
    while ((now = seconds()) < start + length + PATIENCE) {
        uint64_t due = (now - start) * rate;
        due = due < due_in_all ? due : due_in_all;
        for (int burst = 0; asked < due && burst < BATCH; burst++) {
            int s = asked % SOCKETS;
            struct question *question = &questions[next++ % count];
            uint16_t id = ids[s]++;
            if (sent_at[s][id] > 0)
                lose(sent_at[s][id], told, &lost);
            question->octets[0] = id >> 8;
            question->octets[1] = id;
            /* From when it was due: a client that is late may not hide a delay. */
            sent_at[s][id] = start + asked / rate;
            /* The first error tells of an earlier question to a port where nobody listened. */
            if (send(fds[s], question->octets, question->len, 0) < 0)
                send(fds[s], question->octets, question->len, 0);
            asked++;
        }
        for (int s = 0; s < SOCKETS; s++) {
            int got = recvmmsg(fds[s], heard, BATCH, MSG_DONTWAIT, NULL);
            double then = got > 0 ? seconds() : 0;
            for (int i = 0; i < got; i++) {
                int id = in[i][0] << 8 | in[i][1];
                if (heard[i].msg_len < 12 || !(in[i][2] & 0x80) || sent_at[s][id] == 0) {
                    bad++;
                    continue;
                }
                delays[answered++] = (then - sent_at[s][id]) * 1e6;
                sent_at[s][id] = 0;
            }
        }
        if (asked == due_in_all && answered + lost + bad >= asked)
            break;
    }
    for (int s = 0; s < SOCKETS; s++)
        for (int id = 0; id < IDS; id++)
            if (sent_at[s][id] > 0)
                lose(sent_at[s][id], told, &lost);
    if (told)
        fclose(told);
    qsort(delays, answered, sizeof *delays, by_size);
#define AT(share) (answered ? delays[(uint64_t)((answered - 1) * (share))] : 0.0)
    printf("{\"asked\": %llu, \"answered\": %llu, \"lost\": %llu, \"bad\": %llu, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
           "\"max\": %.1f}\n",
           (unsigned long long)asked, (unsigned long long)answered, (unsigned long long)lost, (unsigned long long)bad,
           AT(0.5), AT(0.99), AT(0.999), AT(1.0));
    return 0;
}
