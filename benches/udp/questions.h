/* What both loads share: a clock, and questions from a file of messages, each behind two octets of length. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { QUESTION_MAX = 512 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

struct question {
    uint16_t len;
    unsigned char octets[QUESTION_MAX];
};

static struct question *read_questions(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    struct question *all = NULL;
    unsigned char head[2];
    *count = 0;
    while (file && fread(head, 1, 2, file) == 2) {
        size_t len = head[0] << 8 | head[1];
        if (len < 12 || len > QUESTION_MAX)
            return NULL;
        if ((*count & (*count - 1)) == 0)
            all = realloc(all, (*count ? *count * 2 : 1) * sizeof *all);
        all[*count].len = len;
        if (fread(all[*count].octets, 1, len, file) != len)
            return NULL;
        ++*count;
    }
    if (file)
        fclose(file);
    return all;
}
