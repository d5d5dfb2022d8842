// SPDX-License-Identifier: Apache-2.0
// Makes system calls for a trace: with "die" it ends by a wrong access, with "wait" in a call that never returns.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void on_signal(int number) { (void)number; }

static void* other_thread(void* argument) {
    (void)argument;
    struct timespec brief = {0, 20000000};
    nanosleep(&brief, NULL);
    return NULL;
}

static void use_files(void) {
    if (open("/not/there", O_RDONLY) != -1 || errno != ENOENT) _exit(10);
    int fd = open("/tmp/traced", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (write(fd, "tab\there, and more than the thirty-two bytes that are shown", 58) != 58) _exit(11);
    char bytes[16];
    if (pread(fd, bytes, sizeof bytes, 4) != sizeof bytes) _exit(12);
    struct stat facts;
    if (fstat(fd, &facts) != 0 || facts.st_size != 58) _exit(13);
    close(fd);
}

static void use_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0) _exit(14);
    close(fd);
}

int main(int count, char** words) {
    use_files();
    use_socket();
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    pthread_t thread;
    pthread_create(&thread, NULL, other_thread, NULL);
    pthread_join(thread, NULL);
    if (count > 1 && strcmp(words[1], "die") == 0) {
        int* volatile nowhere = (int*)16;
        *nowhere = 1;
    }
    if (count > 1 && strcmp(words[1], "wait") == 0) pause();
    puts("done");
    return 3;
}
