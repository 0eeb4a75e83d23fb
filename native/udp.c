/*
 * UDP in batches for one JavaScript thread.
 *
 * A group is a set of sockets and one receiving thread. The thread takes datagrams with recvmmsg(2) into a batch, a
 * fixed piece of a slab that it shares with JavaScript, and puts the batch's number into a ring. JavaScript reads the
 * packets where they lie, writes its replies into the same batch, and calls submit(), which sends them with
 * sendmmsg(2) and gives the batch back. When all batches are away the thread stops reading: the kernel's buffer
 * fills, and what it drops the kernel counts.
 *
 * Only Node-API and POSIX with Linux's *mmsg calls: one binary serves every version of Node.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What JavaScript's layout.ts says as well: keep them alike. */
enum {
    PACKETS = 64,      /* of a batch */
    PEER_SIZE = 28,    /* struct sockaddr_in6 */
    LOCAL_SIZE = 20,   /* address of 16 bytes (IPv4 mapped), interface of 4 */
    HEAD_WORDS = 16,   /* the group's head, in 32-bit words */
    WORD_READY = 0,    /* batches that the thread has put into the ring, ever */
    WORD_TAKEN = 1,    /* of these, those that JavaScript has taken */
    WORD_DROPPED = 2,  /* replies that the kernel did not take */
    RING = 64          /* words behind the head: the ring of batch numbers */
};

/* A batch's table, in 32-bit words, before its packets. */
enum {
    TABLE_COUNT = 0,
    TABLE_SOCKET = 1,
    TABLE_IN = 16,
    TABLE_OUT = TABLE_IN + PACKETS,       /* where the reply is, counted from the batch's output */
    TABLE_LENGTH = TABLE_OUT + PACKETS,   /* of the reply; 0: none */
    TABLE_WORDS = TABLE_LENGTH + PACKETS
};

#define MAX_SOCKETS 64
#define CONTROL_SIZE 64

typedef struct {
    int sockets[MAX_SOCKETS];
    int socket_count;
    int batch_count;
    int packet_size;
    int output_size;
    size_t batch_size;
    uint8_t *slab;
    _Atomic int32_t *head;
    int32_t *ring;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int free_batches[RING];
    int free_count;
    atomic_int stopping;
    atomic_int notified;
    int wake[2];
    int with_local;

    napi_threadsafe_function notify;
    napi_ref slab_ref;
    int closed;
} group_t;

static int32_t *table_of(group_t *g, int batch) {
    return (int32_t *)(g->slab + (HEAD_WORDS + RING) * 4 + g->batch_size * (size_t)batch);
}
static uint8_t *peers_of(int32_t *table) { return (uint8_t *)(table + TABLE_WORDS); }
static uint8_t *locals_of(int32_t *table) { return peers_of(table) + PACKETS * PEER_SIZE; }
static uint8_t *input_of(int32_t *table) { return locals_of(table) + PACKETS * LOCAL_SIZE; }
static uint8_t *output_of(group_t *g, int32_t *table) { return input_of(table) + (size_t)PACKETS * (size_t)g->packet_size; }

static size_t batch_bytes(int packet_size, int output_size) {
    size_t n = TABLE_WORDS * 4 + PACKETS * (PEER_SIZE + LOCAL_SIZE) + (size_t)PACKETS * (size_t)packet_size + (size_t)output_size;
    return (n + 63) & ~(size_t)63;
}

/* The address that a datagram was sent to, as an IPv6 address and an interface. */
static void read_local(struct msghdr *message, uint8_t *local) {
    memset(local, 0, LOCAL_SIZE);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            local[10] = local[11] = 0xff;
            /* ipi_spec_dst is the local address that a reply should come from: for a broadcast not the one asked. */
            memcpy(local + 12, &info.ipi_spec_dst, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(local, &info.ipi6_addr, 16);
            /* Only a link-local reply needs its interface; for others routing decides. */
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) memcpy(local + 16, &info.ipi6_ifindex, 4);
        }
    }
}

/* The control message that makes a reply leave from the address that the query came to. Returns its length. */
static size_t write_local(const uint8_t *local, int family, uint8_t *control) {
    static const uint8_t none[LOCAL_SIZE];
    if (memcmp(local, none, LOCAL_SIZE) == 0) return 0;
    struct cmsghdr *c = (struct cmsghdr *)control;
    if (family == AF_INET) {
        struct in_pktinfo info;
        memset(&info, 0, sizeof info);
        memcpy(&info.ipi_spec_dst, local + 12, 4);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    struct in6_pktinfo info;
    memset(&info, 0, sizeof info);
    memcpy(&info.ipi6_addr, local, 16);
    memcpy(&info.ipi6_ifindex, local + 16, 4);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

static socklen_t peer_length(const uint8_t *peer) {
    return ((const struct sockaddr *)peer)->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int receive(group_t *g, int socket, int32_t *table) {
    struct mmsghdr messages[PACKETS];
    struct iovec parts[PACKETS];
    uint8_t control[PACKETS][CONTROL_SIZE] __attribute__((aligned(8)));
    uint8_t *peers = peers_of(table), *input = input_of(table), *locals = locals_of(table);
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < PACKETS; i++) {
        parts[i].iov_base = input + (size_t)i * (size_t)g->packet_size;
        parts[i].iov_len = (size_t)g->packet_size;
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = peers + i * PEER_SIZE;
        messages[i].msg_hdr.msg_namelen = PEER_SIZE;
        if (g->with_local) {
            messages[i].msg_hdr.msg_control = control[i];
            messages[i].msg_hdr.msg_controllen = CONTROL_SIZE;
        }
    }
    int n = recvmmsg(socket, messages, PACKETS, MSG_WAITFORONE, NULL);
    if (n <= 0) return n;
    for (int i = 0; i < n; i++) {
        table[TABLE_IN + i] = (int32_t)messages[i].msg_len;
        if (g->with_local) read_local(&messages[i].msg_hdr, locals + i * LOCAL_SIZE);
        else memset(locals + i * LOCAL_SIZE, 0, LOCAL_SIZE);
    }
    return n;
}

/* A socket of the group that has something, or -1. With one socket recvmmsg itself waits. */
static int wait_readable(group_t *g, int *last) {
    if (g->socket_count == 1) return 0;
    struct pollfd polled[MAX_SOCKETS + 1];
    for (int i = 0; i < g->socket_count; i++) {
        polled[i].fd = g->sockets[i];
        polled[i].events = POLLIN;
    }
    polled[g->socket_count].fd = g->wake[0];
    polled[g->socket_count].events = POLLIN;
    if (poll(polled, (nfds_t)g->socket_count + 1, -1) <= 0) return -1;
    /* Go on behind the one that was served last, so that none waits for ever. */
    for (int k = 1; k <= g->socket_count; k++) {
        int i = (*last + k) % g->socket_count;
        if (polled[i].revents != 0) return *last = i;
    }
    return -1;
}

static int take_free(group_t *g) {
    pthread_mutex_lock(&g->lock);
    while (g->free_count == 0 && !atomic_load(&g->stopping)) pthread_cond_wait(&g->freed, &g->lock);
    int batch = g->free_count == 0 ? -1 : g->free_batches[--g->free_count];
    pthread_mutex_unlock(&g->lock);
    return batch;
}

static void *run(void *data) {
    group_t *g = data;
    int last = 0, batch = -1;
    while (!atomic_load(&g->stopping)) {
        if (batch < 0 && (batch = take_free(g)) < 0) break;
        int which = wait_readable(g, &last);
        if (which < 0) continue;
        int32_t *table = table_of(g, batch);
        int n = receive(g, g->sockets[which], table);
        if (n <= 0) {
            /* An ICMP refusal of an earlier datagram, or an interrupted call: the end comes so. */
            if (n < 0 && errno != EINTR && errno != ECONNREFUSED && errno != EAGAIN && !atomic_load(&g->stopping)) usleep(1000);
            continue;
        }
        table[TABLE_COUNT] = n;
        table[TABLE_SOCKET] = which;
        int32_t ready = atomic_load_explicit(&g->head[WORD_READY], memory_order_relaxed);
        g->ring[(uint32_t)ready % RING] = batch;
        atomic_store_explicit(&g->head[WORD_READY], ready + 1, memory_order_seq_cst);
        batch = -1;
        if (!atomic_exchange(&g->notified, 1)) napi_call_threadsafe_function(g->notify, NULL, napi_tsfn_nonblocking);
    }
    napi_release_threadsafe_function(g->notify, napi_tsfn_release);
    return NULL;
}

static void call_js(napi_env env, napi_value callback, void *context, void *data) {
    (void)data;
    group_t *g = context;
    if (env == NULL || callback == NULL) return;
    /* Cleared before JavaScript looks into the ring: what comes from now on notifies again. */
    atomic_store(&g->notified, 0);
    napi_value self;
    napi_get_undefined(env, &self);
    napi_call_function(env, self, callback, 0, NULL, NULL);
}

static int send_table(group_t *g, int socket, int32_t *table, int count) {
    struct mmsghdr messages[PACKETS];
    struct iovec parts[PACKETS];
    uint8_t control[PACKETS][CONTROL_SIZE] __attribute__((aligned(8)));
    uint8_t *peers = peers_of(table), *locals = locals_of(table), *output = output_of(g, table);
    int n = 0;
    for (int i = 0; i < count; i++) {
        int32_t length = table[TABLE_LENGTH + i];
        if (length <= 0) continue;
        uint8_t *peer = peers + i * PEER_SIZE;
        struct msghdr *m = &messages[n].msg_hdr;
        memset(m, 0, sizeof *m);
        parts[n].iov_base = output + table[TABLE_OUT + i];
        parts[n].iov_len = (size_t)length;
        m->msg_iov = &parts[n];
        m->msg_iovlen = 1;
        m->msg_name = peer;
        m->msg_namelen = peer_length(peer);
        if (g->with_local) {
            size_t size = write_local(locals + i * LOCAL_SIZE, ((struct sockaddr *)peer)->sa_family, control[n]);
            if (size > 0) {
                m->msg_control = control[n];
                m->msg_controllen = size;
            }
        }
        n++;
    }
    int sent = 0, tries = 0;
    while (sent < n) {
        int done = sendmmsg(socket, messages + sent, (unsigned)(n - sent), MSG_DONTWAIT);
        if (done > 0) {
            sent += done;
            continue;
        }
        if (errno == EINTR) continue;
        /* A full buffer gets a moment; a datagram that can't be sent (too long, no route) is left out. */
        if ((errno == EAGAIN || errno == ENOBUFS) && tries++ < 10) {
            struct pollfd p = {.fd = socket, .events = POLLOUT};
            poll(&p, 1, 1);
            continue;
        }
        atomic_fetch_add(&g->head[WORD_DROPPED], 1);
        sent++;
    }
    return n;
}

/* ---- Node-API ---- */

static napi_value fail(napi_env env, const char *code, const char *text) {
    napi_throw_error(env, code, text);
    return NULL;
}

static const char *error_code(int number) {
    switch (number) {
    case EADDRINUSE: return "EADDRINUSE";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    case EACCES: return "EACCES";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    default: return "EIO";
    }
}

static int32_t int_arg(napi_env env, napi_value value) {
    int32_t n = 0;
    napi_get_value_int32(env, value, &n);
    return n;
}

/* bind(address, port, family, stream): a socket for UDP, or for TCP (bound, not listening yet); [descriptor, port]. */
static napi_value js_bind(napi_env env, napi_callback_info info) {
    napi_value argv[4];
    size_t argc = 4;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    char text[128];
    size_t length;
    napi_get_value_string_utf8(env, argv[0], text, sizeof text, &length);
    int port = int_arg(env, argv[1]);
    int v6 = int_arg(env, argv[2]) == 6;
    int stream = int_arg(env, argv[3]);

    struct sockaddr_in6 a6;
    struct sockaddr_in a4;
    memset(&a6, 0, sizeof a6);
    memset(&a4, 0, sizeof a4);
    char *zone = strchr(text, '%');
    if (zone != NULL) *zone++ = 0;
    a6.sin6_family = AF_INET6;
    a6.sin6_port = htons((uint16_t)port);
    a4.sin_family = AF_INET;
    a4.sin_port = htons((uint16_t)port);
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, v6 ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr) != 1)
        return fail(env, "EINVAL", "not an address");
    if (zone != NULL) a6.sin6_scope_id = (uint32_t)atoi(zone);

    int fd = socket(v6 ? AF_INET6 : AF_INET, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(env, error_code(errno), strerror(errno));
    int on = 1, off = 0, size = 4 * 1024 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (stream) {
        /* Connections of an earlier process that linger in TIME_WAIT keep nobody from listening. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    } else {
        /* Who may administer the network gets the whole of it; for others net.core.rmem_max is the limit. */
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        else setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    }
    struct sockaddr *address = v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    socklen_t size_of = v6 ? sizeof a6 : sizeof a4;
    if (bind(fd, address, size_of) < 0 || getsockname(fd, address, &size_of) < 0) {
        int number = errno;
        close(fd);
        return fail(env, error_code(number), strerror(number));
    }
    napi_value result, value;
    napi_create_array_with_length(env, 2, &result);
    napi_create_int32(env, fd, &value);
    napi_set_element(env, result, 0, value);
    napi_create_int32(env, ntohs(v6 ? a6.sin6_port : a4.sin_port), &value);
    napi_set_element(env, result, 1, value);
    return result;
}

/* slabSize(batches, packetSize, outputSize): bytes. */
static napi_value js_slab_size(napi_env env, napi_callback_info info) {
    napi_value argv[3], result;
    size_t argc = 3;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    size_t size = (HEAD_WORDS + RING) * 4 + (size_t)int_arg(env, argv[0]) * batch_bytes(int_arg(env, argv[1]), int_arg(env, argv[2]));
    napi_create_int64(env, (int64_t)size, &result);
    return result;
}

static void finalize_group(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    group_t *g = data;
    /* A group that is still open keeps itself: its thread uses it until the process ends. */
    if (!g->closed) return;
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->freed);
    free(g);
}

/* start(descriptors, slab, batches, packetSize, outputSize, withLocal, sendOnly, callback): a group. */
static napi_value js_start(napi_env env, napi_callback_info info) {
    napi_value argv[8];
    size_t argc = 8;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    group_t *g = calloc(1, sizeof *g);
    if (g == NULL) return fail(env, "ENOMEM", "out of memory");
    uint32_t count = 0;
    napi_get_array_length(env, argv[0], &count);
    if (count < 1 || count > MAX_SOCKETS) {
        free(g);
        return fail(env, "EINVAL", "1 to 64 sockets");
    }
    for (uint32_t i = 0; i < count; i++) {
        napi_value value;
        napi_get_element(env, argv[0], i, &value);
        g->sockets[i] = int_arg(env, value);
    }
    g->socket_count = (int)count;
    void *bytes;
    size_t length;
    napi_get_buffer_info(env, argv[1], &bytes, &length);
    g->slab = bytes;
    g->batch_count = int_arg(env, argv[2]);
    g->packet_size = int_arg(env, argv[3]);
    g->output_size = int_arg(env, argv[4]);
    g->with_local = int_arg(env, argv[5]);
    int spare = int_arg(env, argv[6]);
    g->batch_size = batch_bytes(g->packet_size, g->output_size);
    if (g->batch_count < 1 || g->batch_count > RING || length < (HEAD_WORDS + RING) * 4 + g->batch_size * (size_t)g->batch_count) {
        free(g);
        return fail(env, "EINVAL", "the slab does not fit");
    }
    memset(g->slab, 0, (HEAD_WORDS + RING) * 4);
    g->head = (_Atomic int32_t *)g->slab;
    g->ring = (int32_t *)g->slab + HEAD_WORDS;
    /* The last `spare` batches are JavaScript's own, for replies that come later. */
    for (int i = g->batch_count - spare - 1; i >= 0; i--) g->free_batches[g->free_count++] = i;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->freed, NULL);
    if (pipe2(g->wake, O_CLOEXEC | O_NONBLOCK) < 0) {
        free(g);
        return fail(env, "EMFILE", strerror(errno));
    }
    napi_create_reference(env, argv[1], 1, &g->slab_ref);
    napi_value name, result;
    napi_create_string_utf8(env, "clusterdns.udp", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env, argv[7], NULL, name, 4, 1, NULL, NULL, g, call_js, &g->notify);
    if (pthread_create(&g->thread, NULL, run, g) != 0) {
        napi_release_threadsafe_function(g->notify, napi_tsfn_abort);
        return fail(env, "EAGAIN", "no thread could be made");
    }
    napi_create_external(env, g, finalize_group, NULL, &result);
    return result;
}

static group_t *group_arg(napi_env env, napi_value value) {
    void *data = NULL;
    napi_get_value_external(env, value, &data);
    return data;
}

/* submit(group, batch): sends the replies of a batch and gives it back. */
static napi_value js_submit(napi_env env, napi_callback_info info) {
    napi_value argv[2];
    size_t argc = 2;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    group_t *g = group_arg(env, argv[0]);
    int batch = int_arg(env, argv[1]);
    if (g == NULL || g->closed || batch < 0 || batch >= g->batch_count) return NULL;
    int32_t *table = table_of(g, batch);
    send_table(g, g->sockets[table[TABLE_SOCKET]], table, table[TABLE_COUNT]);
    pthread_mutex_lock(&g->lock);
    g->free_batches[g->free_count++] = batch;
    if (g->free_count == 1) pthread_cond_signal(&g->freed);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* send(group, batch): sends what JavaScript put into a spare batch, which stays its own. */
static napi_value js_send(napi_env env, napi_callback_info info) {
    napi_value argv[2];
    size_t argc = 2;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    group_t *g = group_arg(env, argv[0]);
    int batch = int_arg(env, argv[1]);
    if (g == NULL || g->closed || batch < 0 || batch >= g->batch_count) return NULL;
    int32_t *table = table_of(g, batch);
    send_table(g, g->sockets[table[TABLE_SOCKET]], table, table[TABLE_COUNT]);
    return NULL;
}

static void on_interrupt(int number) { (void)number; }

/*
 * Wakes a thread that waits in recvmmsg(2), and waits for its end. By a signal, since shutdown(2) acts on the socket
 * itself: another process that it was handed over to could read no more.
 */
static void interrupt_and_join(pthread_t thread) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGRTMAX, &action, NULL);
    for (;;) {
        /* Again and again: a signal that comes before the thread waits is lost. */
        pthread_kill(thread, SIGRTMAX);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (pthread_timedjoin_np(thread, NULL, &until) != ETIMEDOUT) return;
    }
}

/* stop(group): ends the thread. What it had received is in the ring; replies can still be sent. */
static napi_value js_stop(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    group_t *g = group_arg(env, argv[0]);
    if (g == NULL || atomic_exchange(&g->stopping, 1)) return NULL;
    if (write(g->wake[1], "", 1) < 0) { /* full: it wakes in any case */ }
    pthread_mutex_lock(&g->lock);
    pthread_cond_broadcast(&g->freed);
    pthread_mutex_unlock(&g->lock);
    interrupt_and_join(g->thread);
    return NULL;
}

/* close(group): after stop; closes the sockets. */
static napi_value js_close(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    size_t argc = 1;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    group_t *g = group_arg(env, argv[0]);
    if (g == NULL || g->closed) return NULL;
    g->closed = 1;
    for (int i = 0; i < g->socket_count; i++) close(g->sockets[i]);
    close(g->wake[0]);
    close(g->wake[1]);
    napi_delete_reference(env, g->slab_ref);
    return NULL;
}

void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
    napi_set_named_property(env, exports, name, function);
}

/* In handover.c and upstream.c. */
void export_handover(napi_env env, napi_value exports);
void export_upstream(napi_env env, napi_value exports);

NAPI_MODULE_INIT() {
    export_function(env, exports, "bind", js_bind);
    export_function(env, exports, "slabSize", js_slab_size);
    export_function(env, exports, "start", js_start);
    export_function(env, exports, "submit", js_submit);
    export_function(env, exports, "send", js_send);
    export_function(env, exports, "stop", js_stop);
    export_function(env, exports, "close", js_close);
    export_handover(env, exports);
    export_upstream(env, exports);
    return exports;
}
