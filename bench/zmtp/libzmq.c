/*
 * What C reaches with libzmq: the limit that no binding can pass. Compiled by native.mjs with `cc -O2 … -lzmq`.
 *
 *   libzmq pub MESSAGES BYTES [ADDRESS]    binds, or connects to ADDRESS; sends as soon as somebody subscribed
 *   libzmq sub ADDRESS MESSAGES            receives
 *   libzmq forwarder                       binds twice, forwards what comes in until it is killed
 *   libzmq latency-pub MESSAGES BYTES      1,000 messages a second, each with the time at which it was sent
 *   libzmq latency-sub ADDRESS MESSAGES
 *   libzmq many SUBSCRIBERS TOPICS MESSAGES BYTES   binds; one publisher for many subscribers
 *
 * Each prints a line of JSON with its address or addresses at the start, and one with its result at the end. `many` prints
 * `{"ready":true}` when all are there, then awaits a line ("go") and, when it has sent everything, another ("done").
 *
 * XPUB with NODROP loses nothing: a send waits where a high-water mark is reached. Tried besides, and not faster: marks of
 * 0 (no mark), 1,000 and 100,000, and zmq_send, which copies. What is sent never changes here, so it may be sent from where
 * it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

static const char topic[] = "org.fedoraproject.dev.bench.bench";

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void say(const char *line) {
  printf("%s\n", line);
  fflush(stdout);
}

static void *open_socket(void *context, int type) {
  void *socket = zmq_socket(context, type);
  int mark = 10000, on = 1;
  if (socket == NULL) fail("zmq_socket");
  zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof mark);
  zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof mark);
  if (type == ZMQ_XPUB && zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &on, sizeof on) != 0) fail("ZMQ_XPUB_NODROP");
  return socket;
}

static void bind_socket(void *socket, char address[256]) {
  size_t size = 256;
  if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0) fail("zmq_bind");
  zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size);
}

static void bind_and_say(void *socket) {
  char address[256], line[300];
  bind_socket(socket, address);
  snprintf(line, sizeof line, "{\"addresses\":[\"%s\"]}", address);
  say(line);
}

/* Awaits so many subscriptions to prefixes that begin with `prefix`. */
static void await_subscribers(void *socket, const char *prefix, long count) {
  size_t length = strlen(prefix);
  while (count > 0) {
    char buffer[256];
    int size = zmq_recv(socket, buffer, sizeof buffer, 0);
    if (size < 0) fail("zmq_recv");
    if (size > (int)length && buffer[0] == 1 && memcmp(buffer + 1, prefix, length) == 0) count--;
  }
}

static void send_const(void *socket, const char *name, size_t name_bytes, const char *body, size_t bytes) {
  if (zmq_send_const(socket, name, name_bytes, ZMQ_SNDMORE) < 0) fail("zmq_send_const");
  if (zmq_send_const(socket, body, bytes, 0) < 0) fail("zmq_send_const");
}

static char *make_body(size_t bytes) {
  char *body = malloc(bytes);
  memset(body, 'x', bytes);
  return body;
}

static void publish(void *context, long messages, size_t bytes, const char *address) {
  void *socket = open_socket(context, ZMQ_XPUB);
  char *body = make_body(bytes);
  if (address == NULL) bind_and_say(socket);
  else {
    if (zmq_connect(socket, address) != 0) fail("zmq_connect");
    say("{\"addresses\":[]}");
  }
  await_subscribers(socket, "", 1);
  for (long n = 0; n < messages; n++) send_const(socket, topic, sizeof topic - 1, body, bytes);
  zmq_close(socket);
  zmq_ctx_term(context); /* Lingers: the body is needed until all is sent. */
  free(body);
}

static void publish_steadily(void *context, long messages, size_t bytes) {
  void *socket = open_socket(context, ZMQ_XPUB);
  char *body = make_body(bytes);
  bind_and_say(socket);
  await_subscribers(socket, "", 1);
  int64_t started = now_ns();
  for (long n = 0; n < messages; n++) {
    int64_t due = started + n * INT64_C(1000000), wait = due - now_ns();
    struct timespec pause = {0, wait};
    if (wait > 0) nanosleep(&pause, NULL);
    int64_t at = now_ns();
    memcpy(body, &at, sizeof at);
    if (zmq_send_const(socket, topic, sizeof topic - 1, ZMQ_SNDMORE) < 0) fail("zmq_send_const");
    if (zmq_send(socket, body, bytes, 0) < 0) fail("zmq_send");
  }
  zmq_close(socket);
  free(body);
}

static int compare(const void *one, const void *other) {
  int64_t left = *(const int64_t *)one, right = *(const int64_t *)other;
  return left < right ? -1 : left > right;
}

static void report(long messages, long received, int64_t first, int64_t *latencies) {
  double seconds = (now_ns() - first) / 1e9;
  printf("{\"received\":%ld,\"lost\":%ld", received, messages - received);
  if (latencies == NULL) printf(",\"perSecond\":%.0f}\n", (received - 1) / seconds);
  else {
    qsort(latencies, received, sizeof *latencies, compare);
    printf(",\"p50Ms\":%f,\"p99Ms\":%f}\n", latencies[received / 2] / 1e6, latencies[received * 99 / 100] / 1e6);
  }
}

static void subscribe(void *context, const char *address, long messages, int steady) {
  void *socket = open_socket(context, ZMQ_SUB);
  int patience = 10000;
  int64_t *latencies = steady ? calloc(messages, sizeof *latencies) : NULL;
  zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
  zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
  if (zmq_connect(socket, address) != 0) fail("zmq_connect");
  zmq_msg_t name, body;
  zmq_msg_init(&name);
  zmq_msg_init(&body);
  int64_t first = 0, at;
  long received = 0;
  for (; received < messages; received++) {
    if (zmq_msg_recv(&name, socket, 0) < 0 || zmq_msg_recv(&body, socket, 0) < 0) break;
    if (zmq_msg_size(&name) == 0 || zmq_msg_size(&body) < sizeof at) break;
    memcpy(&at, zmq_msg_data(&body), sizeof at);
    if (steady) latencies[received] = now_ns() - at;
    if (received == 0) first = now_ns();
  }
  report(messages, received, first, latencies);
  zmq_msg_close(&name);
  zmq_msg_close(&body);
  free(latencies);
  zmq_close(socket);
}

static void forward(void *context) {
  void *input = open_socket(context, ZMQ_SUB), *output = open_socket(context, ZMQ_XPUB);
  char inbound[256], outbound[256], line[600];
  bind_socket(input, inbound);
  bind_socket(output, outbound);
  snprintf(line, sizeof line, "{\"addresses\":[\"%s\",\"%s\"]}", inbound, outbound);
  say(line);
  await_subscribers(output, "", 1); /* Only now do publishers see a subscriber: nothing is lost. */
  zmq_setsockopt(input, ZMQ_SUBSCRIBE, "", 0);
  zmq_msg_t frame;
  zmq_msg_init(&frame);
  for (;;) {
    if (zmq_msg_recv(&frame, input, 0) < 0) fail("zmq_msg_recv");
    int more = zmq_msg_more(&frame);
    if (zmq_msg_send(&frame, output, more ? ZMQ_SNDMORE : 0) < 0) fail("zmq_msg_send");
  }
}

static double cpu_ms(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void await_word(void) {
  char line[64];
  if (fgets(line, sizeof line, stdin) == NULL) exit(1);
}

static void publish_to_many(void *context, long subscribers, long topics, long messages, size_t bytes) {
  void *socket = open_socket(context, ZMQ_XPUB);
  char *body = make_body(bytes);
  char(*names)[64] = calloc(topics, sizeof *names);
  for (long n = 0; n < topics; n++) snprintf(names[n], sizeof names[n], "%s.%ld.", topic, n);
  bind_and_say(socket);
  await_subscribers(socket, "ready.", subscribers);
  say("{\"ready\":true}");
  await_word();
  double before = cpu_ms();
  for (long n = 1; n <= messages; n++) {
    const char *name = names[n % topics];
    send_const(socket, name, strlen(name), body, bytes);
  }
  await_word();
  printf("{\"cpuMs\":%f}\n", cpu_ms() - before);
  zmq_close(socket);
  zmq_ctx_term(context);
  free(names);
  free(body);
}

int main(int count, char **words) {
  void *context = zmq_ctx_new();
  const char *role = count > 1 ? words[1] : "";
  long numbers[6] = {0};
  for (int n = 2; n < count && n < 6; n++) numbers[n] = atol(words[n]);
  if (strcmp(role, "pub") == 0 && count >= 4) publish(context, numbers[2], numbers[3], count > 4 ? words[4] : NULL);
  else if (strcmp(role, "sub") == 0 && count == 4) subscribe(context, words[2], numbers[3], 0);
  else if (strcmp(role, "forwarder") == 0) forward(context);
  else if (strcmp(role, "latency-pub") == 0 && count == 4) publish_steadily(context, numbers[2], numbers[3]);
  else if (strcmp(role, "latency-sub") == 0 && count == 4) subscribe(context, words[2], numbers[3], 1);
  else if (strcmp(role, "many") == 0 && count == 6) publish_to_many(context, numbers[2], numbers[3], numbers[4], numbers[5]);
  else {
    fprintf(stderr, "usage: libzmq pub|sub|forwarder|latency-pub|latency-sub|many …\n");
    return 2;
  }
  if (strcmp(role, "pub") != 0 && strcmp(role, "many") != 0) zmq_ctx_term(context);
  return 0;
}
