/** Sockets (`fedmsg/config.py`, "ZeroMQ"). Times in milliseconds and in seconds stand side by side, as they always did. */

import { defaulted, optional } from "../key.ts";
import { commaTexts, flag, seconds, whole, word } from "../values.ts";

/** What goes to the sockets. */
export const zeromqKeys = {
  zmq_enabled: defaulted(
    flag,
    true,
    "Whether messages travel over ZeroMQ. Set it to false only together with another transport, such as STOMP.",
  ),
  zmq_strict: defaulted(
    flag,
    false,
    "Subscribe to whole topics only, so that no pattern and no beginning of a topic selects anything.",
  ),
  io_threads: defaulted(whole(), 1, "How many threads ZeroMQ uses for its sockets. Threads, 0 or more."),
  post_init_sleep: defaulted(
    seconds,
    0.5,
    "For how long after its start a publisher without a journal holds messages back, so that subscribers can connect. " +
      "Seconds, 0 or more, fractions allowed.",
  ),
  high_water_mark: defaulted(
    whole(),
    0,
    "How many messages may wait for one peer. Messages, 0 or more; 0 for any number, within `queueBytesMax`.",
  ),
  zmq_linger: defaulted(
    whole(),
    1000,
    "How long a socket that is closed goes on sending what is waiting. Milliseconds, 0 or more.",
  ),
  zmq_reconnect_ivl: defaulted(whole(), 100, "How long to wait before connecting again. Milliseconds, 0 or more."),
  zmq_reconnect_ivl_max: defaulted(
    whole(),
    1000,
    "The wait before connecting again doubles up to this. Milliseconds, 0 or more; 0 keeps it constant.",
  ),
  zmq_tcp_keepalive: defaulted(
    whole(),
    1,
    "Whether TCP checks connections that are silent: 0 for no, any other number for yes.",
  ),
  zmq_tcp_keepalive_cnt: defaulted(
    whole(),
    3,
    "How many checks may go unanswered before the connection counts as dead. Checks, 0 or more.",
  ),
  zmq_tcp_keepalive_idle: defaulted(
    whole(),
    60,
    "How long a connection is silent before the first check. Seconds, 0 or more.",
  ),
  zmq_tcp_keepalive_intvl: defaulted(whole(), 5, "How much time lies between two checks. Seconds, 0 or more."),
  zmq_publish_endpoints: optional(
    commaTexts,
    "The addresses on which a hub publishes, a list or a text with commas; commands set it.",
  ),
  zmq_subscribe_endpoints: optional(
    commaTexts,
    "The addresses to which a hub subscribes, a list or a text with commas; commands set it.",
  ),
  zmq_subscribe_method: defaulted(
    word(["connect", "bind"]),
    "connect",
    "Whether a hub connects to the addresses it subscribes to, or listens on them as a relay does.",
  ),
};
