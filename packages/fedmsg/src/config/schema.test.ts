import { type GenericSchema, parse } from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { completeConfig } from "./complete.ts";
import type { ConfigKey } from "./key.ts";
import { type Config, type ConfigInput, configKeys, configSchema } from "./schema.ts";

/** `reference/behaviour.md` 9.2 and 9.3, with what decision 12 of the design changes, and our own keys. */
const derived = { topic_prefix_re: "org\\.fedoraproject\\.[A-Za-z0-9]+" };
const expectedDefaults = {
  topic_prefix: "org.fedoraproject",
  environment: "dev",
  io_threads: 1,
  post_init_sleep: 0.5,
  timeout: 2,
  print_config: false,
  high_water_mark: 0,
  zmq_linger: 1000,
  zmq_enabled: true,
  zmq_strict: false,
  zmq_tcp_keepalive: 1,
  zmq_tcp_keepalive_cnt: 3,
  zmq_tcp_keepalive_idle: 60,
  zmq_tcp_keepalive_intvl: 5,
  zmq_reconnect_ivl: 100,
  zmq_reconnect_ivl_max: 1000,
  endpoints: { relay_outbound: ["tcp://127.0.0.1:4001"] },
  relay_inbound: ["tcp://127.0.0.1:2003"],
  "fedmsg.consumers.gateway.port": 9940,
  "fedmsg.consumers.gateway.interface": "*",
  "fedmsg.consumers.gateway.high_water_mark": 1000,
  allow_unsigned: [],
  replay_window: 0,
  crl_warn: 604_800,
  sign_messages: false,
  validate_signatures: true,
  crypto_backend: "x509",
  crypto_validate_backends: ["x509"],
  ssldir: "/etc/pki/fedmsg",
  crl_location: null,
  crl_cache: null,
  crl_cache_expiry: 3600,
  ca_cert_location: "/etc/pki/fedmsg/ca.crt",
  ca_cert_cache: null,
  ca_cert_cache_expiry: 0,
  certnames: {},
  routing_policy: {},
  routing_nitpicky: false,
  irc: [
    {
      network: "irc.freenode.net",
      port: 6667,
      ssl: false,
      nickname: "fedmsg-dev",
      channel: "my-fedmsg-channel",
      timeout: 120,
      make_pretty: true,
      make_terse: true,
      make_short: true,
      line_rate: 0.9,
      filters: { topic: [], body: ["lub-dub"] },
    },
  ],
  irc_color_lookup: {
    fas: "light blue",
    bodhi: "green",
    git: "red",
    tagger: "brown",
    wiki: "purple",
    logger: "orange",
    pkgdb: "teal",
    buildsys: "yellow",
    planet: "light green",
  },
  irc_default_color: "light grey",
  irc_method: "notice",
  active: false,
  persistent_store: null,
  journal_sync: "full",
  journal_max_age: 1_209_600,
  journalBytesMax: 10_737_418_240,
  relay_confirm: [],
  outbox: null,
  outbox_max_age: 604_800,
  outbox_max_bytes: 1_073_741_824,
  cursor_store: null,
  logging: expect.objectContaining({ version: 1 }),
  stomp_uri: null,
  stomp_user: null,
  stomp_pass: null,
  stomp_ssl_crt: null,
  stomp_ssl_key: null,
  datagrepper_url: null,
  skip_last_message: false,
  publish_timeout: 30,
  transport: "zmtp",
  bodyBytesMax: 16_777_216,
  queueBytesMax: 67_108_864,
  peersMax: 10_000,
  subscriptionsMax: 100_000,
  "moksha.blocking_mode": false,
  "moksha.workers_per_consumer": 1,
  metrics_interface: "127.0.0.1",
  drain_timeout: 30,
  dead_letters_max_bytes: 1_073_741_824,
  "moksha.livesocket.backend": "amqp",
  "moksha.livesocket.websocket.client2server": false,
  zmq_subscribe_method: "connect",
  stomp_port: 61_613,
  stomp_delay: 0.1,
  stomp_heartbeat: 0,
  stomp_ack_mode: "auto",
  stomp_send_explicit_nacks: true,
  stomp_unescape_headers: true,
};

const optionalNames = [
  ...["name", "cert_prefix", "certname", "gpg_home", "gpg_signing_key", "gpg_keys", "mute", "publish_endpoint"],
  ...["status_directory", "srv_endpoints", "replay_endpoints", "replay_upstream", "relay_outbound", "topic_prefix_re"],
  ...["srv_servers", "commands", "metrics_port", "consumers", "producers"],
  ...["relay", "gateway", "ircbot", "dummy"].map((consumer) => `fedmsg.consumers.${consumer}.enabled`),
  ...["fedmsg.commands.collectd.enabled", "collectd_interval", "explicit_hub_consumers", "moksha.threadpool_size"],
  ...["moksha.monitoring.socket", "moksha.monitoring.socket.mode", "moksha.livesocket.websocket.port"],
  ...["moksha.livesocket.websocket.interface", "zmq_publish_endpoints", "zmq_subscribe_endpoints"],
  ...["stomp_broker", "stomp_queue", "amqp_broker"],
  ...["datanommer.enabled", "datanommer.sqlalchemy.url", "datanommer.topic"],
];

describe("the table of keys", () => {
  test("has the defaults that were promised, and no others", () => {
    expect(completeConfig({})).toEqual({ ...expectedDefaults, ...derived });
  });

  test("lists exactly the keys of the reference", () => {
    expect(Object.keys(configKeys).sort()).toEqual([...Object.keys(expectedDefaults), ...optionalNames].sort());
  });

  test.each(Object.entries<ConfigKey>(configKeys))("%s has a default that its own schema leaves as it is", (_, key) => {
    if ("default" in key) expect(parse(key.schema as GenericSchema, key.default)).toEqual(key.default);
  });

  test.each(Object.entries<ConfigKey>(configKeys))("%s is described in a sentence", (_, key) => {
    expect(key.description).toMatch(/^[A-Za-z`].{10,}\.$/s);
  });

  test("cannot be changed through a configuration", () => {
    expect(() => Object.assign(completeConfig({}).endpoints, { x: [] })).toThrow(TypeError);
  });
});

test("the schema of the whole gives the same as the checks, key by key", () => {
  expect({ ...parse(configSchema, {}), ...derived }).toEqual(completeConfig({}));
  expect(parse(configSchema, { relay_inbound: "tcp://a:1", own: 1 })).toMatchObject({
    relay_inbound: ["tcp://a:1"],
    own: 1,
  });
});

describe("values", () => {
  const read = (config: Record<string, unknown>) => completeConfig(config);

  test.each(["true", "True", "TRUE"])("the word %s is true", (word) => {
    expect(read({ active: word }).active).toBe(true);
  });

  test.each(["false", "False", "FALSE"])("the word %s is false", (word) => {
    expect(read({ validate_signatures: word }).validate_signatures).toBe(false);
  });

  test("a single text is no list of certificate names: in Python it matched every name inside it", () => {
    const policy = { routing_policy: { "org.x": "zzcertzz" } } as unknown as ConfigInput;
    expect(() => completeConfig(policy)).toThrow(
      /routing_policy\["org\.x"\]: found "zzcertzz"; wanted a list of certificate/,
    );
  });

  test("single values become lists where a list is wanted", () => {
    const config = read({
      endpoints: { a: "tcp://a:1", b: ["tcp://b:1", "tcp://b:2"] },
      relay_inbound: "tcp://r:1",
      crypto_validate_backends: "gpg",
      zmq_subscribe_endpoints: "tcp://a:1, tcp://b:1",
    });
    expect(config.endpoints).toEqual({ a: ["tcp://a:1"], b: ["tcp://b:1", "tcp://b:2"] });
    expect(config.relay_inbound).toEqual(["tcp://r:1"]);
    expect(config.crypto_validate_backends).toEqual(["gpg"]);
    expect(config.zmq_subscribe_endpoints).toEqual(["tcp://a:1", "tcp://b:1"]);
  });

  test("digits as text are numbers, as Python's validators take them", () => {
    expect(read({ io_threads: "4", post_init_sleep: "0.25" })).toMatchObject({ io_threads: 4, post_init_sleep: 0.25 });
    expect(read({ journalBytesMax: "107374182400" })).toMatchObject({ journalBytesMax: 107_374_182_400 });
  });

  test("null means nothing given, except where it has a meaning", () => {
    const config = read({ topic_prefix: null, name: null, certnames: null, irc: null, logging: null });
    expect(config.topic_prefix).toBe("org.fedoraproject");
    expect("name" in config).toBe(false);
    expect(config.certnames).toEqual({});
    expect(config.irc).toEqual([]);
    expect(config.logging).toBeNull();
  });

  test("an entry of the bot needs a channel only", () => {
    const [entry] = read({ irc: [{ channel: "fedora", filters: { topic: "koji" }, own: 1 }] }).irc;
    expect(entry).toEqual({
      network: "irc.freenode.net",
      port: 6667,
      ssl: false,
      nickname: "fedmsg-bot",
      channel: "fedora",
      timeout: 120,
      make_pretty: false,
      make_terse: false,
      make_short: false,
      line_rate: 1,
      filters: { topic: ["koji"], body: [] },
      own: 1,
    });
  });

  test.each<[string, unknown, string]>([
    ["environment", "pro d", 'environment: found "pro d"; wanted letters and digits only, such as dev, stg or prod'],
    ["environment", "", 'environment: found ""; wanted letters'],
    ["topic_prefix", "org.*", 'topic_prefix: found "org.*"; wanted words of a topic'],
    ["topic_prefix", 7, "topic_prefix: found 7; wanted words of a topic"],
    ["active", "yes", 'active: found "yes"; wanted true or false'],
    ["active", 1, "active: found 1; wanted true or false"],
    ["journal_sync", "half", 'journal_sync: found "half"; wanted one of full, normal'],
    ["io_threads", -1, "io_threads: found -1; wanted a whole number from 0 to 2147483647"],
    ["io_threads", 1.5, "io_threads: found 1.5; wanted a whole number"],
    ["io_threads", "99999999999", 'io_threads: found "99999999999"; wanted a whole number'],
    ["post_init_sleep", Number.NaN, "post_init_sleep: found NaN; wanted a number of seconds"],
    ["post_init_sleep", Number.POSITIVE_INFINITY, "post_init_sleep: found Infinity; wanted a number of seconds"],
    ["fedmsg.consumers.gateway.port", 70_000, "fedmsg.consumers.gateway.port: found 70000; wanted a whole number"],
    ["bodyBytesMax", 0, "bodyBytesMax: found 0; wanted a whole number from 1"],
    ["transport", "tcp", 'transport: found "tcp"; wanted one of zmtp, libzmq, memory'],
    ["irc_method", "shout", 'irc_method: found "shout"; wanted one of notice, msg'],
    ["relay_inbound", "localhost", 'relay_inbound: found "localhost"; wanted an address such as tcp://host:port'],
    ["relay_inbound", ["tcp://a:1", "b"], 'relay_inbound[1]: found "b"; wanted an address such as tcp://host:port'],
    ["endpoints", ["tcp://a:1"], "endpoints: found a list; wanted a mapping of service names to addresses"],
    [
      "endpoints",
      { "bodhi.app01": 5 },
      'endpoints["bodhi.app01"]: found 5; wanted an address such as tcp://host:port, or',
    ],
    ["irc", [{ port: 1 }], "irc[0].channel: found nothing; wanted a mapping that names at least a channel"],
    ["irc", [{ channel: "a", filters: ["b"] }], "irc[0].filters: found a list; wanted a mapping with the lists"],
    ["logging", () => {}, "logging: found a function; wanted a mapping"],
    ["moksha.monitoring.socket.mode", 770, "moksha.monitoring.socket.mode: found 770; wanted octal digits in quotes"],
  ])("%s refuses %j", (name, value, message) => {
    expect(() => read({ [name]: value })).toThrow(`option: ${message}`);
  });

  test("a value that may be a password is not repeated", () => {
    expect(() => read({ stomp_pass: 12345 })).toThrow(/^option: stomp_pass: found a number; wanted text/);
  });
});

test("types follow from the table", () => {
  expectTypeOf<Config["endpoints"]>().toEqualTypeOf<{ readonly [name: string]: readonly string[] }>();
  expectTypeOf<Config["publish_timeout"]>().toEqualTypeOf<number>();
  expectTypeOf<Config["transport"]>().toEqualTypeOf<"zmtp" | "libzmq" | "memory">();
  expectTypeOf<Config["name"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Config["irc"][0]["filters"]["topic"]>().toEqualTypeOf<readonly string[]>();
  expectTypeOf<Config>().toExtend<Readonly<Record<string, unknown>>>();
  expectTypeOf<Config>().toExtend<ConfigInput>();
  expectTypeOf<ConfigInput["relay_inbound"]>().toEqualTypeOf<string | readonly string[] | null | undefined>();
});
