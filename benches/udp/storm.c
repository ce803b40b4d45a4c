/* A UDP load and its floor, for servers on 127.0.0.1.
 *
 *   storm ask PORT FILE SECONDS [SOCKETS]   asks what FILE holds, over and over, for at most 60 seconds
 *   storm echo PORT                         sends everything back with QR set, until it is ended
 *
 * FILE is a row of messages, each behind two octets of length. The client never sleeps: it keeps 32 questions a socket in
 * flight, 512 in all, so that the server's core is as busy as it gets and batches are full. It checks QR, counts response
 * codes, and calls questions lost that stay without an answer while their socket is silent for 200 ms. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "questions.h"

enum { BATCH = 32, SOCKETS_MAX = 64, ROOM = 2048, BUFFER = 1 << 20 };

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static int open_socket(void)
{
    int size = BUFFER, fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

/* Batched both ways: what a server pays that looks at nothing. */
static int echo(int port)
{
    static unsigned char room[BATCH][ROOM];
    static struct sockaddr_in from[BATCH];
    static struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_in at = loopback(port);
    int fd = open_socket();
    if (bind(fd, (void *)&at, sizeof at)) {
        perror("bind");
        return 1;
    }
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){room[i], ROOM};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++) {
            room[i][2] |= 0x80;
            vectors[i].iov_len = messages[i].msg_len;
        }
        for (int sent = 0; sent < count;) {
            int more = sendmmsg(fd, messages + sent, count - sent, 0);
            if (more <= 0)
                break;
            sent += more;
        }
    }
}

static int ask(int port, const char *path, double length, int sockets)
{
    size_t count, next = 0;
    struct question *questions = read_questions(path, &count);
    if (!count || !questions || length <= 0 || length > 60 || sockets < 1 || sockets > SOCKETS_MAX)
        return 2;
    static unsigned char out[BATCH][QUESTION_MAX], in[BATCH][ROOM];
    static struct mmsghdr asked[BATCH], heard[BATCH];
    struct iovec asked_at[BATCH], heard_at[BATCH];
    for (int i = 0; i < BATCH; i++) {
        asked_at[i] = (struct iovec){out[i], 0};
        heard_at[i] = (struct iovec){in[i], ROOM};
        asked[i].msg_hdr = (struct msghdr){.msg_iov = &asked_at[i], .msg_iovlen = 1};
        heard[i].msg_hdr = (struct msghdr){.msg_iov = &heard_at[i], .msg_iovlen = 1};
    }
    int fds[SOCKETS_MAX], flying[SOCKETS_MAX] = {0};
    double heard_when[SOCKETS_MAX];
    uint16_t id = 0;
    struct sockaddr_in at = loopback(port);
    double start = seconds(), now = start;
    for (int s = 0; s < sockets; s++) {
        fds[s] = open_socket();
        if (connect(fds[s], (void *)&at, sizeof at))
            return 1;
        heard_when[s] = start;
    }
    uint64_t answered = 0, lost = 0, bad = 0, octets = 0, rcodes[16] = {0};
    while ((now = seconds()) < start + length) {
        for (int s = 0; s < sockets; s++) {
            int got = recvmmsg(fds[s], heard, BATCH, MSG_DONTWAIT, NULL);
            for (int i = 0; i < got; i++) {
                if (heard[i].msg_len < 12 || !(in[i][2] & 0x80)) {
                    bad++;
                    continue;
                }
                answered++;
                octets += heard[i].msg_len;
                rcodes[in[i][3] & 15]++;
                flying[s] -= flying[s] > 0;
            }
            if (got > 0) {
                heard_when[s] = now;
            } else if (flying[s] && now - heard_when[s] > 0.2) {
                lost += flying[s];
                flying[s] = 0;
            }
            int room = BATCH - flying[s];
            if (room < 8)
                continue;
            for (int i = 0; i < room; i++) {
                struct question *question = &questions[next++ % count];
                memcpy(out[i], question->octets, question->len);
                out[i][0] = ++id >> 8;
                out[i][1] = id;
                asked_at[i].iov_len = question->len;
            }
            if (!flying[s])
                heard_when[s] = now;
            int sent = sendmmsg(fds[s], asked, room, 0);
            flying[s] += sent > 0 ? sent : 0;
        }
    }
    printf("{\"answered\": %llu, \"lost\": %llu, \"bad\": %llu, \"seconds\": %.4f, \"octets\": %.1f, \"rcodes\": {",
           (unsigned long long)answered, (unsigned long long)lost, (unsigned long long)bad, now - start,
           answered ? (double)octets / answered : 0.0);
    const char *comma = "";
    for (int i = 0; i < 16; i++)
        if (rcodes[i]) {
            printf("%s\"%d\": %llu", comma, i, (unsigned long long)rcodes[i]);
            comma = ", ";
        }
    puts("}}");
    return 0;
}

int main(int count, char **words)
{
    if (count >= 3 && !strcmp(words[1], "echo"))
        return echo(atoi(words[2]));
    if (count >= 5 && !strcmp(words[1], "ask"))
        return ask(atoi(words[2]), words[3], atof(words[4]), count > 5 ? atoi(words[5]) : 16);
    fprintf(stderr, "usage: storm ask PORT FILE SECONDS [SOCKETS] | storm echo PORT\n");
    return 2;
}
