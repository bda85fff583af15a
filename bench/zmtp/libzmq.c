/*
 * What C reaches with libzmq: the limit that no binding can pass. Compiled by libzmq.mjs with `cc -O2 … -lzmq`.
 *
 *   libzmq pub MESSAGES BYTES        binds, prints its address, sends as soon as somebody subscribed
 *   libzmq sub ADDRESS MESSAGES      receives, prints messages a second and how many are missing
 *   libzmq latency-pub MESSAGES BYTES   1,000 messages a second, each with the time at which it was sent
 *   libzmq latency-sub ADDRESS MESSAGES  prints the median and the 99th percentile in ms
 *
 * XPUB with NODROP loses nothing: `zmq_send` waits where a high-water mark is reached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

static const char topic[] = "org.fedoraproject.dev.bench.bench";
static const int mark = 100000;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(1);
}

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void *open_socket(void *context, int type) {
  void *socket = zmq_socket(context, type);
  if (socket == NULL) fail("zmq_socket");
  zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof mark);
  zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof mark);
  if (type == ZMQ_XPUB) {
    int on = 1;
    zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &on, sizeof on);
  }
  return socket;
}

static void bind_socket(void *socket) {
  char address[256];
  size_t size = sizeof address;
  if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0) fail("zmq_bind");
  zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size);
  printf("%s\n", address);
  fflush(stdout);
}

static void await_subscriber(void *socket) {
  char buffer[64];
  if (zmq_recv(socket, buffer, sizeof buffer, 0) < 0) fail("zmq_recv");
}

static void send_message(void *socket, const char *body, size_t bytes) {
  if (zmq_send(socket, topic, sizeof topic - 1, ZMQ_SNDMORE) < 0) fail("zmq_send");
  if (zmq_send(socket, body, bytes, 0) < 0) fail("zmq_send");
}

static void publish(void *context, long messages, size_t bytes, int steady) {
  void *socket = open_socket(context, ZMQ_XPUB);
  char *body = malloc(bytes + 32);
  memset(body, 'x', bytes);
  bind_socket(socket);
  await_subscriber(socket);
  double started = now_ms();
  for (long n = 0; n < messages; n++) {
    if (steady) {
      double wait = started + n - now_ms();
      if (wait > 0) {
        struct timespec pause = {0, (long)(wait * 1e6)};
        nanosleep(&pause, NULL);
      }
      body[snprintf(body, bytes, "%.6f ", now_ms())] = 'x';
    }
    send_message(socket, body, bytes);
  }
  zmq_close(socket);
  free(body);
}

static int compare(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return difference < 0 ? -1 : difference > 0;
}

static void subscribe(void *context, const char *address, long messages, int steady) {
  void *socket = open_socket(context, ZMQ_SUB);
  int patience = 10000;
  double *latencies = steady ? calloc(messages, sizeof(double)) : NULL;
  zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
  zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
  if (zmq_connect(socket, address) != 0) fail("zmq_connect");
  double first = 0;
  long received = 0;
  for (; received < messages; received++) {
    zmq_msg_t frame, body;
    zmq_msg_init(&frame);
    zmq_msg_init(&body);
    if (zmq_msg_recv(&frame, socket, 0) < 0 || zmq_msg_recv(&body, socket, 0) < 0) break;
    if (steady) latencies[received] = now_ms() - atof(zmq_msg_data(&body));
    if (received == 0) first = now_ms();
    zmq_msg_close(&frame);
    zmq_msg_close(&body);
  }
  double seconds = (now_ms() - first) / 1e3;
  if (steady && received > 0) {
    qsort(latencies, received, sizeof(double), compare);
    printf("{\"received\":%ld,\"p50Ms\":%f,\"p99Ms\":%f}\n", received, latencies[received / 2],
           latencies[received * 99 / 100]);
  } else {
    printf("{\"perSecond\":%.0f,\"lost\":%ld}\n", (received - 1) / seconds, messages - received);
  }
  free(latencies);
  zmq_close(socket);
}

int main(int count, char **words) {
  void *context = zmq_ctx_new();
  const char *role = count > 2 ? words[1] : "";
  if (strcmp(role, "pub") == 0 && count == 4) publish(context, atol(words[2]), atol(words[3]), 0);
  else if (strcmp(role, "latency-pub") == 0 && count == 4) publish(context, atol(words[2]), atol(words[3]), 1);
  else if (strcmp(role, "sub") == 0 && count == 4) subscribe(context, words[2], atol(words[3]), 0);
  else if (strcmp(role, "latency-sub") == 0 && count == 4) subscribe(context, words[2], atol(words[3]), 1);
  else {
    fprintf(stderr, "usage: libzmq pub|sub|latency-pub|latency-sub ...\n");
    return 2;
  }
  zmq_ctx_term(context);
  return 0;
}
