/** What runs inside a hub: consumers and their switches (moksha.hub, datanommer). */

import * as v from "valibot";
import { defaulted, optional } from "../key.ts";
import { address, commaTexts, flag, port, seconds, text, texts, whole, word } from "../values.ts";

const modeWanted = 'octal digits in quotes, such as "0770"';
const fileMode = v.pipe(v.string(modeWanted), v.regex(/^(?:0o?)?[0-7]{3,4}$/, modeWanted));

/** Consumers, producers and the daemons. */
export const hubKeys = {
  consumers: optional(
    texts,
    "Modules with consumers that `fedmsg-hub` runs: names of packages, or paths from the folder of the file that lists them; each " +
      "may end in `:name` to mean one of those that the module holds.",
  ),
  producers: optional(texts, "Modules with producers that `fedmsg-hub` runs, written as `consumers` are."),
  drain_timeout: defaulted(
    seconds,
    30,
    "How long a hub that was told to end waits for what its consumers have in hand. Seconds, 0 or more; then it comes again the " +
      "next time, or is kept as a dead letter.",
  ),
  dead_letters_max_bytes: defaulted(
    whole({ max: Number.MAX_SAFE_INTEGER }),
    1_073_741_824,
    "How much the dead letters of one consumer may be before one more is refused: its message then stays in the consumer's hands, " +
      "and is tried again until there is room. Bytes, 0 or more; 0 lifts this bound. There are never more than 100,000 letters.",
  ),
  "fedmsg.consumers.relay.enabled": optional(flag, "Run the relay in this hub; `fedmsg-relay` sets it."),
  "fedmsg.consumers.gateway.enabled": optional(flag, "Run the gateway in this hub; `fedmsg-gateway` sets it."),
  "fedmsg.consumers.ircbot.enabled": optional(flag, "Run the IRC bot in this hub; `fedmsg-irc` sets it."),
  "fedmsg.consumers.dummy.enabled": optional(flag, "Run a consumer that takes every message and does nothing."),
  "fedmsg.commands.collectd.enabled": optional(flag, "Count messages for collectd; `fedmsg-collectd` sets it."),
  collectd_interval: optional(seconds, "How often counts are printed for collectd. Seconds, 0 or more."),
  explicit_hub_consumers: optional(
    commaTexts,
    "Run these consumers (`module:name`) and no others: a list, or a text with commas.",
  ),
  "moksha.blocking_mode": defaulted(
    flag,
    false,
    "Take the next message only when the consumers are done with the one before.",
  ),
  "moksha.workers_per_consumer": defaulted(
    whole({ min: 1 }),
    1,
    "How many messages one consumer works on at a time. 1 or more.",
  ),
  "moksha.threadpool_size": optional(
    whole({ min: 1 }),
    "How many pieces of work a hub does at a time. 1 or more. Without it: 1, the producers, and the workers of all " +
      "consumers.",
  ),
  "moksha.monitoring.socket": optional(
    address,
    "The address on which a hub reports about its consumers, usually `ipc://` and a path; `fedmsg-check` reads it.",
  ),
  "moksha.monitoring.socket.mode": optional(
    fileMode,
    "Who may open the socket of `moksha.monitoring.socket`: a file mode in octal digits, in quotes.",
  ),
  metrics_port: optional(
    port,
    "The TCP port on which a hub answers `GET /healthz` and `GET /metrics` (Prometheus). 0 to 65535; 0 lets the system " +
      "choose. Without it: none.",
  ),
  metrics_interface: defaulted(
    text,
    "127.0.0.1",
    "The address or name of this host on which `metrics_port` is. Who can reach it can read it: there is no password.",
  ),
  "moksha.livesocket.backend": defaulted(
    word(["amqp", "stomp", "websocket"]),
    "amqp",
    "How a hub reaches browsers; with `websocket` it has a server of its own.",
  ),
  "moksha.livesocket.websocket.port": optional(
    port,
    "The TCP port of a hub's WebSocket server. 0 to 65535; 0 lets the system choose.",
  ),
  "moksha.livesocket.websocket.interface": optional(
    text,
    "The address of this host on which the WebSocket server listens. Without it: all.",
  ),
  "moksha.livesocket.websocket.client2server": defaulted(
    flag,
    false,
    "Let browsers publish on the bus. Anyone who can connect could then speak in this hub's name.",
  ),
  amqp_broker: optional(text, "The AMQP broker of a hub: `host`, or `user/password@host`.", { secret: true }),
  "datanommer.enabled": optional(flag, "Write every message to the history."),
  "datanommer.sqlalchemy.url": optional(text, "The URL of the database that holds the history.", { secret: true }),
  "datanommer.topic": optional(texts, "Which topics are written to the history: a pattern or a list. Without it: all."),
};
