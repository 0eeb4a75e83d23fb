/*
 * UDP sockets towards other servers, for one JavaScript thread.
 *
 * A hub is a set of sockets, each connected to one server, so that the kernel drops what others send and tells of ports
 * that are closed; and a thread that only waits. When something has come it wakes JavaScript, which takes all that there is with
 * recvmmsg(2) into a slab and then lets the thread wait again: so the thread wakes once a turn of the event loop, not once
 * a datagram, and no two threads ever touch the same data. What JavaScript has to send lies in the same slab.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* What hub.ts says as well: keep them alike. The tables are 32-bit words. */
enum {
    SLOTS = 128,                    /* datagrams that are taken at once */
    SLOT_SIZE = 65536 + 192,        /* the largest datagram; not a power of two, for the processor's caches */
    BATCH = 64,                     /* datagrams that are sent at once */
    RECEIVED = 0,                   /* for each slot: the socket, the length, an error's number */
    RECEIVED_WORDS = 3,
    TO_SEND = RECEIVED + SLOTS * RECEIVED_WORDS,  /* for each datagram: where it is in the output, and its length */
    TO_SEND_WORDS = 2,
    TABLE_BYTES = 4096,
    OUTPUT_SIZE = 65536
};
_Static_assert((TO_SEND + BATCH * TO_SEND_WORDS) * 4 <= TABLE_BYTES, "the tables fit");
#define SLAB_SIZE ((size_t)TABLE_BYTES + OUTPUT_SIZE + (size_t)SLOTS * SLOT_SIZE)

typedef struct {
    int sockets;                    /* an epoll of all sockets */
    int waiting;                    /* the thread's: that one, armed for one event at a time, and the way to end it */
    int ending;
    uint8_t *slab;
    pthread_t thread;
    napi_threadsafe_function notify;
    napi_ref slab_ref;
    int closed;
} hub_t;

void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback);

static int32_t *table_of(hub_t *h) { return (int32_t *)h->slab; }
static uint8_t *output_of(hub_t *h) { return h->slab + TABLE_BYTES; }
static uint8_t *slot_of(hub_t *h, int slot) { return output_of(h) + OUTPUT_SIZE + (size_t)slot * SLOT_SIZE; }

static void *run(void *data) {
    hub_t *h = data;
    for (;;) {
        struct epoll_event event;
        int n = epoll_wait(h->waiting, &event, 1, -1);
        if (n <= 0) continue;
        if (event.data.fd == h->ending) break;
        napi_call_threadsafe_function(h->notify, NULL, napi_tsfn_nonblocking);
    }
    napi_release_threadsafe_function(h->notify, napi_tsfn_release);
    return NULL;
}

/* Lets the thread wake when something comes, or at once where something is there. */
static int arm(hub_t *h, int operation) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = h->sockets};
    return epoll_ctl(h->waiting, operation, h->sockets, &event);
}

static void call_js(napi_env env, napi_value callback, void *context, void *data) {
    (void)context;
    (void)data;
    if (env == NULL || callback == NULL) return;
    napi_value self;
    napi_get_undefined(env, &self);
    napi_call_function(env, self, callback, 0, NULL, NULL);
}

/* ---- Node-API ---- */

static napi_value fail(napi_env env, const char *code, const char *text) {
    napi_throw_error(env, code, text);
    return NULL;
}

static int64_t integer_arg(napi_env env, napi_value value) {
    int64_t n = 0;
    napi_get_value_int64(env, value, &n);
    return n;
}

static napi_value integer(napi_env env, int64_t n) {
    napi_value value;
    napi_create_int64(env, n, &value);
    return value;
}

static hub_t *hub_arg(napi_env env, napi_value value) {
    void *data = NULL;
    napi_get_value_external(env, value, &data);
    return data;
}

static void finalize_hub(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    hub_t *h = data;
    /* A hub that is still open keeps itself: its thread uses it until the process ends. */
    if (h->closed) free(h);
}

static void close_all(hub_t *h) {
    int descriptors[] = {h->sockets, h->waiting, h->ending};
    for (int i = 0; i < 3; i++) {
        if (descriptors[i] >= 0) close(descriptors[i]);
    }
}

/* hubSize(): bytes of a hub's slab. */
static napi_value js_hub_size(napi_env env, napi_callback_info info) {
    (void)info;
    return integer(env, (int64_t)SLAB_SIZE);
}

/* openHub(slab, callback): a hub. */
static napi_value js_open_hub(napi_env env, napi_callback_info info) {
    napi_value argv[2];
    size_t argc = 2;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    void *bytes;
    size_t length;
    napi_get_buffer_info(env, argv[0], &bytes, &length);
    if (length < SLAB_SIZE) return fail(env, "EINVAL", "the slab does not fit");
    hub_t *h = calloc(1, sizeof *h);
    if (h == NULL) return fail(env, "ENOMEM", "out of memory");
    h->slab = bytes;
    h->sockets = epoll_create1(EPOLL_CLOEXEC);
    h->waiting = epoll_create1(EPOLL_CLOEXEC);
    h->ending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = h->ending};
    if (h->sockets < 0 || h->waiting < 0 || h->ending < 0 || epoll_ctl(h->waiting, EPOLL_CTL_ADD, h->ending, &event) < 0 ||
        arm(h, EPOLL_CTL_ADD) < 0) {
        close_all(h);
        free(h);
        return fail(env, "EMFILE", "no more descriptors");
    }
    napi_create_reference(env, argv[0], 1, &h->slab_ref);
    napi_value name, result;
    napi_create_string_utf8(env, "clusterdns.upstream", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env, argv[1], NULL, name, 4, 1, NULL, NULL, h, call_js, &h->notify);
    /* Who waits for a reply has a timer: the hub itself keeps no process running. */
    napi_unref_threadsafe_function(env, h->notify);
    if (pthread_create(&h->thread, NULL, run, h) != 0) {
        napi_release_threadsafe_function(h->notify, napi_tsfn_abort);
        close_all(h);
        return fail(env, "EAGAIN", "no thread could be made");
    }
    napi_create_external(env, h, finalize_hub, NULL, &result);
    return result;
}

static int parse_address(const char *text, int port, struct sockaddr_storage *address, socklen_t *size) {
    struct sockaddr_in *a4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &a4->sin_addr) == 1) {
        a4->sin_family = AF_INET;
        a4->sin_port = htons((uint16_t)port);
        *size = sizeof *a4;
        return AF_INET;
    }
    if (inet_pton(AF_INET6, text, &a6->sin6_addr) != 1) return -1;
    a6->sin6_family = AF_INET6;
    a6->sin6_port = htons((uint16_t)port);
    *size = sizeof *a6;
    return AF_INET6;
}

enum { STAGE_SOCKET, STAGE_BIND, STAGE_CONNECT };

/* [-number, stage]: what the system said, and to which call. */
static napi_value refused(napi_env env, int descriptor, int number, int stage) {
    if (descriptor >= 0) close(descriptor);
    napi_value result;
    napi_create_array_with_length(env, 2, &result);
    napi_set_element(env, result, 0, integer(env, -number));
    napi_set_element(env, result, 1, integer(env, stage));
    return result;
}

/* connectSocket(hub, address, port, source): descriptor, port and address of our end; or what `refused` makes. `source` may be empty. */
static napi_value js_connect(napi_env env, napi_callback_info info) {
    napi_value argv[4];
    size_t argc = 4;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    hub_t *h = hub_arg(env, argv[0]);
    char address[64], source[64];
    size_t length;
    napi_get_value_string_utf8(env, argv[1], address, sizeof address, &length);
    napi_get_value_string_utf8(env, argv[3], source, sizeof source, &length);
    struct sockaddr_storage to, from;
    socklen_t to_size, from_size;
    int family = parse_address(address, (int)integer_arg(env, argv[2]), &to, &to_size);
    if (h == NULL || h->closed || family < 0) return refused(env, -1, EINVAL, STAGE_SOCKET);
    int descriptor = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return refused(env, -1, errno, STAGE_SOCKET);
    int size = 1024 * 1024;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (source[0] != 0) {
        if (parse_address(source, 0, &from, &from_size) != family) return refused(env, descriptor, EINVAL, STAGE_BIND);
        if (bind(descriptor, (struct sockaddr *)&from, from_size) < 0) return refused(env, descriptor, errno, STAGE_BIND);
    }
    /* Without a port so far, the kernel draws one at random. */
    if (connect(descriptor, (struct sockaddr *)&to, to_size) < 0) return refused(env, descriptor, errno, STAGE_CONNECT);
    from_size = sizeof from;
    getsockname(descriptor, (struct sockaddr *)&from, &from_size);

    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(h->sockets, EPOLL_CTL_ADD, descriptor, &event) < 0) return refused(env, descriptor, errno, STAGE_SOCKET);

    char text[64] = "";
    int port;
    if (family == AF_INET) {
        struct sockaddr_in *a4 = (struct sockaddr_in *)&from;
        inet_ntop(AF_INET, &a4->sin_addr, text, sizeof text);
        port = ntohs(a4->sin_port);
    } else {
        struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&from;
        inet_ntop(AF_INET6, &a6->sin6_addr, text, sizeof text);
        port = ntohs(a6->sin6_port);
    }
    napi_value result, value;
    napi_create_array_with_length(env, 3, &result);
    napi_set_element(env, result, 0, integer(env, descriptor));
    napi_set_element(env, result, 1, integer(env, port));
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
    napi_set_element(env, result, 2, value);
    return result;
}

/* takeDatagrams(hub): how many slots were filled; then the thread waits again. Where there is more, it wakes at once. */
static napi_value js_take(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    hub_t *h = hub_arg(env, argv[0]);
    if (h == NULL || h->closed) return integer(env, 0);
    struct epoll_event events[SLOTS];
    int ready = epoll_wait(h->sockets, events, SLOTS, 0);
    int filled = 0;
    for (int i = 0; i < ready && filled < SLOTS; i++) {
        struct mmsghdr messages[SLOTS];
        struct iovec parts[SLOTS];
        /* Each socket that is ready gets its turn. */
        int room = (SLOTS - filled) - (ready - i - 1);
        if (room < 1) room = 1;
        memset(messages, 0, sizeof messages[0] * (size_t)room);
        for (int k = 0; k < room; k++) {
            parts[k].iov_base = slot_of(h, filled + k);
            parts[k].iov_len = SLOT_SIZE;
            messages[k].msg_hdr.msg_iov = &parts[k];
            messages[k].msg_hdr.msg_iovlen = 1;
        }
        int n = recvmmsg(events[i].data.fd, messages, (unsigned)room, MSG_DONTWAIT, NULL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        int entries = n < 0 ? 1 : n;
        for (int k = 0; k < entries; k++, filled++) {
            int32_t *entry = table_of(h) + RECEIVED + filled * RECEIVED_WORDS;
            entry[0] = events[i].data.fd;
            entry[1] = n < 0 ? 0 : (int32_t)messages[k].msg_len;
            entry[2] = n < 0 ? errno : 0;
        }
    }
    arm(h, EPOLL_CTL_MOD);
    return integer(env, filled);
}

/* sendDatagrams(hub, descriptor, count): sends what the table says; 0, or the number of the error that ended it. */
static napi_value js_send(napi_env env, napi_callback_info info) {
    napi_value argv[3];
    size_t argc = 3;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    hub_t *h = hub_arg(env, argv[0]);
    if (h == NULL || h->closed) return integer(env, 0);
    int descriptor = (int)integer_arg(env, argv[1]);
    int count = (int)integer_arg(env, argv[2]);
    if (count < 1 || count > BATCH) return integer(env, 0);
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    for (int i = 0; i < count; i++) {
        int32_t *entry = table_of(h) + TO_SEND + i * TO_SEND_WORDS;
        parts[i].iov_base = output_of(h) + entry[0];
        parts[i].iov_len = (size_t)entry[1];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = 0, tries = 0;
    while (sent < count) {
        int done = sendmmsg(descriptor, messages + sent, (unsigned)(count - sent), MSG_DONTWAIT);
        if (done > 0) {
            sent += done;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != ENOBUFS) return integer(env, errno);
        /* A full buffer gets a moment; what does not fit then is lost, as datagrams may be. */
        if (tries++ == 10) break;
        struct pollfd p = {.fd = descriptor, .events = POLLOUT};
        poll(&p, 1, 1);
    }
    return integer(env, 0);
}

/* closeSocket(descriptor): also takes it out of its hub. */
static napi_value js_close_socket(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    close((int)integer_arg(env, argv[0]));
    return NULL;
}

/* closeHub(hub): ends the thread; the sockets are closed before. */
static napi_value js_close_hub(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    hub_t *h = hub_arg(env, argv[0]);
    if (h == NULL || h->closed) return NULL;
    h->closed = 1;
    uint64_t one = 1;
    if (write(h->ending, &one, sizeof one) < 0) { /* it is on its way already */ }
    pthread_join(h->thread, NULL);
    close_all(h);
    napi_delete_reference(env, h->slab_ref);
    return NULL;
}

void export_upstream(napi_env env, napi_value exports) {
    export_function(env, exports, "hubSize", js_hub_size);
    export_function(env, exports, "openHub", js_open_hub);
    export_function(env, exports, "connectSocket", js_connect);
    export_function(env, exports, "sendDatagrams", js_send);
    export_function(env, exports, "closeSocket", js_close_socket);
    export_function(env, exports, "takeDatagrams", js_take);
    export_function(env, exports, "closeHub", js_close_hub);
}
