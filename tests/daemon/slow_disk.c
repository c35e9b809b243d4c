/* A slow disk, for one process and one folder: LD_PRELOAD this into `faild`.
 *
 *     SLOW_DISK=/path/of/the/state/folder
 *     SLOW_DISK_MS=/path/of/a/file        how long each sync of a file below the folder takes, in ms; none: not a moment longer
 *
 * fsync and fdatasync are where a disk makes `faild` wait, so they are made to wait before they do what they always do. The wait
 * is in small pieces, and the file is read before each: a disk can be made slow, fast, or to stand still, while `faild` runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MS 5

static long wanted_ms(void)
{
    char text[16] = "";
    const char *path = getenv("SLOW_DISK_MS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? atol(text) : 0;
}

static int is_on_it(int fd)
{
    char link[32], path[4096];
    const char *folder = getenv("SLOW_DISK");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!folder || length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0 && path[strlen(folder)] == '/';
}

static void wait_for_it(int fd)
{
    struct timespec piece = {0, PIECE_MS * 1000000L};
    if (is_on_it(fd))
        for (long waited_ms = 0; waited_ms < wanted_ms(); waited_ms += PIECE_MS)
            nanosleep(&piece, NULL);
}

int fsync(int fd)
{
    wait_for_it(fd);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
    wait_for_it(fd);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
