/** Who speaks, where, and what a message is called (`fedmsg/config.py`, "General configuration"). */

import * as v from "valibot";
import { defaulted, optional } from "../key.ts";
import {
  address,
  addresses,
  flag,
  mapping,
  members,
  port,
  seconds,
  text,
  textOrNull,
  texts,
  whole,
  word,
} from "../values.ts";

const prefixWanted = "words of a topic with dots between them, such as org.fedoraproject";
const topicPrefix = v.pipe(v.string(prefixWanted), v.regex(/^[^\s.*#]+(?:\.[^\s.*#]+)*$/, prefixWanted));

const environmentWanted = "letters and digits only, such as dev, stg or prod";
const environment = v.pipe(v.string(environmentWanted), v.regex(/^[A-Za-z0-9]+$/, environmentWanted));

const outboxWanted = "sqlite: and a path, such as sqlite:/var/lib/fedmsg/outbox-{name}.db";
const outbox = v.nullable(v.pipe(v.string(outboxWanted), v.regex(/^sqlite:./, outboxWanted)));

const endpoints = mapping(addresses, "a mapping of service names to addresses");

/** Names, addresses, and what every publisher and subscriber needs. */
export const busKeys = {
  topic_prefix: defaulted(
    topicPrefix,
    "org.fedoraproject",
    "The first words of every topic sent; they tell one organisation's messages from another's.",
  ),
  environment: defaulted(
    environment,
    "dev",
    "The word of a topic behind the prefix: which of several buses side by side this is. Letters and digits.",
  ),
  name: optional(
    text,
    "The name to publish under, looked up in `endpoints`. Without it: the program's name, a dot and the short host name.",
  ),
  active: defaulted(
    flag,
    false,
    "Connect to a relay (`relay_inbound`) and publish through it, instead of listening on an address of one's own.",
  ),
  endpoints: defaulted(
    endpoints,
    { relay_outbound: ["tcp://127.0.0.1:4001"] },
    "Service names and their addresses. A publisher listens on the first free address of its name; a subscriber " +
      "connects to all addresses of all names. List as many for a name as it has processes.",
  ),
  relay_inbound: defaulted(
    addresses,
    ["tcp://127.0.0.1:2003"],
    "Where the relay listens for publishers that are `active`. One address or a list.",
  ),
  relay_confirm: defaulted(
    addresses,
    [],
    "Where the relay takes messages that it confirms: `publish` of a publisher that is `active` then resolves when the relay " +
      "has the message. One address or a list; empty for none. Where several relays are listed, one is used at a time.",
  ),
  relay_outbound: optional(
    addresses,
    "Where the relay sends what it received: the same as `endpoints.relay_outbound`, which wins where one file has " +
      "both. One address or a list.",
  ),
  srv_endpoints: optional(
    texts,
    "Domains whose endpoints are looked up in the DNS, in SRV records of `_fedmsg._tcp.<domain>`.",
  ),
  srv_servers: optional(
    texts,
    "The DNS servers to ask for `srv_endpoints` instead of those of the system: IP addresses, with `:port` where it is not 53.",
  ),
  replay_endpoints: optional(
    mapping(address, "a mapping of service names to one address each"),
    "Service names and the one address at which each answers requests for messages that a subscriber missed.",
  ),
  replay_upstream: optional(
    mapping(address, "a mapping of service names to one address each"),
    "For a gateway: service names of `replay_endpoints`, and the address at which the gateway takes requests for each and passes " +
      "them on, for subscribers who cannot reach the service themselves.",
  ),
  persistent_store: defaulted(
    textOrNull,
    null,
    "The journal that keeps what is published, so that subscribers can ask for it again: `sqlite:/path/{name}-{port}.db`, " +
      "where `{name}` and `{port}` are the publisher's or relay's own, as each needs one of its own; null for none.",
    { secret: true },
  ),
  journal_sync: defaulted(
    word(["full", "normal"]),
    "full",
    "What `publish` waits for where there is a journal: `full` until the disk has it, `normal` until the system has it, " +
      "which survives the end of the process but not a power cut.",
  ),
  journal_max_age: defaulted(
    seconds,
    1_209_600,
    "How long a journal keeps what was published. Seconds, 0 or more; 0 keeps it without limit.",
  ),
  journalBytesMax: defaulted(
    whole({ max: Number.MAX_SAFE_INTEGER }),
    10_737_418_240,
    "How much a journal keeps before the oldest goes. Bytes, 0 or more; 0 lifts this bound.",
  ),
  outbox: defaulted(
    outbox,
    null,
    "Where a publisher that is `active` keeps what the relay has not confirmed yet, over restarts of either: " +
      "`sqlite:/path/{name}.db`, a file for each process, where `{name}` is what the process is called (`name`; of all commands it is " +
      "the same); null for nowhere. A relative path counts from the folder in which the process was started, as it does in " +
      "`persistent_store` and `cursor_store`. Needs `relay_confirm`.",
    { secret: true },
  ),
  outbox_max_age: defaulted(
    seconds,
    604_800,
    "What waited in the outbox for longer is dropped, which is told; after a start it may take a fifth longer, as the clock may " +
      "be wrong. Seconds, 0 or more; 0 keeps it without limit. Not more than the `replay_window` of those who shall get it.",
  ),
  outbox_max_bytes: defaulted(
    whole({ max: Number.MAX_SAFE_INTEGER }),
    1_073_741_824,
    "How much may wait in the outbox before `publish` refuses. Bytes, 0 or more; 0 lifts this bound.",
  ),
  cursor_store: defaulted(
    textOrNull,
    null,
    "Where subscriptions with a name keep how far they are: `sqlite:/path/{name}.db`; null for `fedmsg/cursors/{name}.db` " +
      "in the user's state folder ($XDG_STATE_HOME, ~/.local/state).",
    { secret: true },
  ),
  mute: optional(flag, "Never open a socket to publish on; for programs that only listen."),
  publish_endpoint: optional(address, "Publish on this address, whatever `endpoints` says."),
  publish_timeout: defaulted(
    seconds,
    30,
    "How long `publish` of an active publisher waits for room in the queue, or for the relay that confirms. Seconds, 0 or more; " +
      "0 waits without limit.",
  ),
  transport: defaulted(
    word(["zmtp", "libzmq", "memory"]),
    "zmtp",
    "How messages travel: `zmtp` over ZeroMQ's protocol; `libzmq` the same through the package `zeromq`, which must be installed; `memory` inside this process, for tests.",
  ),
  bodyBytesMax: defaulted(
    whole({ min: 1 }),
    16_777_216,
    "The longest message body that is sent or taken. Bytes, 1 to 2147483647.",
  ),
  queueBytesMax: defaulted(
    whole({ min: 1 }),
    67_108_864,
    "How much may wait for one peer. Bytes, 1 to 2147483647, in addition to the count in `high_water_mark`.",
  ),
  peersMax: defaulted(
    whole({ min: 1 }),
    10_000,
    "Connections that one socket takes from others; further ones are refused. 1 to 2147483647. Only with `transport: zmtp`.",
  ),
  subscriptionsMax: defaulted(
    whole({ min: 1 }),
    100_000,
    "Prefixes that one subscriber may ask for before it is cut. 1 to 2147483647. Only with `transport: zmtp`.",
  ),
  timeout: defaulted(
    seconds,
    2,
    "How long a command waits for an operation on the bus. Seconds, 0 or more, fractions allowed.",
  ),
  print_config: defaulted(flag, false, "Commands print the configuration they would use as JSON, and end."),
  topic_prefix_re: optional(
    text,
    "A regular expression for the beginning of topics that have a wording for humans. Without it: `topic_prefix`, " +
      "a dot and a word of letters and digits.",
  ),
  datagrepper_url: defaulted(
    textOrNull,
    null,
    "Where consumers fetch the messages they missed while they were down: the URL of a history service; null for none.",
  ),
  status_directory: optional(
    text,
    "The folder in which each consumer notes its last message, so that it can catch up from `datagrepper_url`.",
  ),
  skip_last_message: defaulted(
    flag,
    false,
    "When catching up, also pass over the message that was being worked on when the consumer went down.",
  ),
  commands: optional(
    texts,
    "Modules with commands of one's own for `fedmsg`: names of packages, or paths from the folder of the file that lists " +
      "them (from the current one where no file does).",
  ),
  logging: defaulted(
    v.nullable(members({}, "a mapping")),
    {
      version: 1,
      formatters: {
        bare: {
          format: "[%(asctime)s][%(name)10s %(levelname)7s] %(message)s",
          datefmt: "%Y-%m-%d %H:%M:%S",
        },
      },
      handlers: {
        console: { class: "logging.StreamHandler", formatter: "bare", level: "INFO", stream: "ext://sys.stdout" },
      },
      loggers: {
        fedmsg: { level: "INFO", propagate: false, handlers: ["console"] },
        moksha: { level: "INFO", propagate: false, handlers: ["console"] },
      },
    },
    "What commands write to their log, in the form of Python's `logging.config.dictConfig`; null for nothing.",
  ),
  "fedmsg.consumers.gateway.port": defaulted(
    port,
    9940,
    "The TCP port on which the gateway offers the bus to the outside. 0 to 65535; 0 lets the system choose.",
  ),
  "fedmsg.consumers.gateway.interface": defaulted(
    text,
    "*",
    "The address of this host on which the gateway listens; `*` for all.",
  ),
  "fedmsg.consumers.gateway.high_water_mark": defaulted(
    whole(),
    1000,
    "How many messages may wait for one subscriber of the gateway. Messages, 0 or more; 0 for any number.",
  ),
};
