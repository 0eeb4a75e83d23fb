/*
 * Open sockets from process to process, over abstract unix sockets (unix(7)): these belong to a network namespace, as the
 * sockets that are handed over do, so that two containers of one node need no common folder. They have no file mode:
 * who is on the other side the kernel says (SO_PEERCRED), and only root and our own user are talked to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The kernel's own limit for one message (SCM_MAX_FD). */
#define MAX_DESCRIPTORS 253
#define MAX_TEXT 65536

void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback);

static napi_value fail(napi_env env, int number) {
    const char *code = number == EADDRINUSE ? "EADDRINUSE" : number == ECONNREFUSED ? "ECONNREFUSED" : number == EPERM ? "EPERM" : number == ETIMEDOUT ? "ETIMEDOUT" : "EIO";
    napi_throw_error(env, code, strerror(number));
    return NULL;
}

static napi_value integer(napi_env env, int n) {
    napi_value value;
    napi_create_int32(env, n, &value);
    return value;
}

/* A socket, and the abstract address of this name. */
static int unix_socket(napi_env env, napi_value name, struct sockaddr_un *address, socklen_t *size) {
    size_t length;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    napi_get_value_string_utf8(env, name, address->sun_path + 1, sizeof address->sun_path - 1, &length);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int is_trusted(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return 0;
    return peer.uid == 0 || peer.uid == geteuid();
}

/* Closes, and keeps the error that there was. */
static int closed_with(int fd, int number) {
    close(fd);
    return number;
}

/* listenUnix(name): a descriptor that listens. */
static napi_value js_listen_unix(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct sockaddr_un address;
    socklen_t size;
    int fd = unix_socket(env, argv[0], &address, &size);
    if (fd < 0) return fail(env, errno);
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 8) < 0) return fail(env, closed_with(fd, errno));
    return integer(env, fd);
}

/* A connection to whoever listens there, if that is root or our user; or -1, and errno. */
static int connect_unix(napi_env env, napi_value name) {
    struct sockaddr_un address;
    socklen_t size;
    int fd = unix_socket(env, name, &address, &size);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&address, size) < 0) {
        errno = closed_with(fd, errno);
        return -1;
    }
    if (!is_trusted(fd)) {
        errno = closed_with(fd, EPERM);
        return -1;
    }
    return fd;
}

/* connectUnix(name): a connected descriptor. */
static napi_value js_connect_unix(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    int fd = connect_unix(env, argv[0]);
    return fd < 0 ? fail(env, errno) : integer(env, fd);
}

/* give(name, text, descriptors): one message to whoever listens there. The descriptors stay ours as well. */
static napi_value js_give(napi_env env, napi_callback_info info) {
    napi_value argv[3];
    size_t argc = 3;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    static char text[MAX_TEXT];
    size_t length;
    napi_get_value_string_utf8(env, argv[1], text, sizeof text, &length);
    uint32_t count = 0;
    napi_get_array_length(env, argv[2], &count);
    if (count > MAX_DESCRIPTORS || length + 1 >= sizeof text) return fail(env, E2BIG);
    int descriptors[MAX_DESCRIPTORS];
    for (uint32_t i = 0; i < count; i++) {
        napi_value value;
        napi_get_element(env, argv[2], i, &value);
        napi_get_value_int32(env, value, &descriptors[i]);
    }
    int fd = connect_unix(env, argv[0]);
    if (fd < 0) return fail(env, errno);

    char control[CMSG_SPACE(sizeof descriptors)] __attribute__((aligned(8)));
    memset(control, 0, sizeof control);
    struct iovec part = {.iov_base = text, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), descriptors, count * sizeof(int));
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) != (ssize_t)length) return fail(env, closed_with(fd, errno));
    close(fd);
    return NULL;
}

/* Milliseconds of a clock that nobody sets. */
static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_readable(int fd, int64_t until) {
    for (;;) {
        int64_t left = until - now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = left <= 0 ? 0 : poll(&p, 1, (int)left);
        if (ready > 0) return 1;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return 0;
        }
        if (errno != EINTR) return 0;
    }
}

/*
 * take(listening, milliseconds): what somebody gives within that time, [text, descriptors], to a socket of listenUnix, which
 * is closed afterwards in any case. Waits: it is for a process that does nothing else yet.
 */
static napi_value js_take(napi_env env, napi_callback_info info) {
    napi_value argv[2];
    size_t argc = 2;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    int listening = -1, patience = 0;
    napi_get_value_int32(env, argv[0], &listening);
    napi_get_value_int32(env, argv[1], &patience);
    int64_t until = now_ms() + patience;
    int fd = -1;
    while (fd < 0) {
        if (!wait_readable(listening, until)) return fail(env, closed_with(listening, errno));
        fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && !is_trusted(fd)) {
            close(fd);
            fd = -1;
        }
    }
    close(listening);

    static char text[MAX_TEXT];
    int descriptors[MAX_DESCRIPTORS];
    size_t length = 0, count = 0;
    /* A stream: the descriptors come with its first byte, the text perhaps in pieces, and then its end. */
    for (;;) {
        if (!wait_readable(fd, until)) break;
        char control[CMSG_SPACE(sizeof descriptors)] __attribute__((aligned(8)));
        struct iovec part = {.iov_base = text + length, .iov_len = sizeof text - length};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        length += (size_t)n;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
            size_t n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            if (count + n_fds > MAX_DESCRIPTORS) n_fds = MAX_DESCRIPTORS - count;
            memcpy(descriptors + count, CMSG_DATA(c), n_fds * sizeof(int));
            count += n_fds;
        }
    }
    close(fd);

    napi_value result, value, list;
    napi_create_array_with_length(env, 2, &result);
    napi_create_string_utf8(env, text, length, &value);
    napi_set_element(env, result, 0, value);
    napi_create_array_with_length(env, count, &list);
    for (size_t i = 0; i < count; i++) napi_set_element(env, list, (uint32_t)i, integer(env, descriptors[i]));
    napi_set_element(env, result, 1, list);
    return result;
}

void export_handover(napi_env env, napi_value exports) {
    export_function(env, exports, "listenUnix", js_listen_unix);
    export_function(env, exports, "connectUnix", js_connect_unix);
    export_function(env, exports, "give", js_give);
    export_function(env, exports, "take", js_take);
}
