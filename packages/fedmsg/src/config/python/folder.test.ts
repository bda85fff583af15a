/** A folder as an old installation had it, file by file. */

import { describe, expect, test } from "vitest";
import { readPython } from "./index.ts";

const around = { env: { HOME: "/home/bus" }, cwd: "/srv", home: "/home/bus", hostname: "app01.iad.example.org" };

const files: Record<string, { readonly source: string; readonly config: unknown }> = {
  "base.py": {
    source: `
# The settings that every program of the bus shares.
config = dict(
    # Whose bus this is, and which of its environments.
    topic_prefix="org.example",
    environment="stg",

    # 0 is without a limit.
    high_water_mark=0,
    io_threads=1,

    ## Seconds; smaller values lose the first messages.
    post_init_sleep=0.5,
    zmq_linger=1000,

    status_directory="/var/run/fedmsg/status",
    datagrepper_url=None,
)
`,
    config: {
      topic_prefix: "org.example",
      environment: "stg",
      high_water_mark: 0,
      io_threads: 1,
      post_init_sleep: 0.5,
      zmq_linger: 1000,
      status_directory: "/var/run/fedmsg/status",
      datagrepper_url: null,
    },
  },
  "endpoints.py": {
    source: `
import socket

fqdn = socket.getfqdn()
hostname = socket.gethostname().split('.', 1)[0]
suffix = '.'.join(fqdn.split('.')[1:])

config = dict(
    endpoints={
        # Four processes on this host.
        "bodhi.%s" % hostname: ["tcp://%s:300%i" % (fqdn, i) for i in range(4)],
        "relay_outbound": [
            "tcp://" + fqdn + ":4001",
        ],
    },
    srv_endpoints=[suffix],
)

for n, service in enumerate(["wiki", "planet"]):
    config['endpoints']['{0}.{1}'.format(service, hostname)] = [
        "tcp://{host}:{port}".format(host=fqdn, port=5000 + 10 * n + i) for i in range(2)
    ]
`,
    config: {
      endpoints: {
        "bodhi.app01": [0, 1, 2, 3].map((n) => `tcp://app01.iad.example.org:300${n}`),
        relay_outbound: ["tcp://app01.iad.example.org:4001"],
        "wiki.app01": ["tcp://app01.iad.example.org:5000", "tcp://app01.iad.example.org:5001"],
        "planet.app01": ["tcp://app01.iad.example.org:5010", "tcp://app01.iad.example.org:5011"],
      },
      srv_endpoints: ["iad.example.org"],
    },
  },
  "ssl.py": {
    source: `
import os
import socket

SEP = os.path.sep
here = os.getcwd()
hostname = socket.gethostname().split('.')[0]
services = ("bodhi", "wiki", "shell")

config = dict(
    sign_messages=False,
    validate_signatures=True,
    ssldir=SEP.join([here, 'test_certs', 'keys']),
    crl_location="https://certs.%s/crl.pem" % "example.org",
    crl_cache=os.path.join("/var/run", "fedmsg", "crl.pem"),
    crl_cache_expiry=60 * 60,
    certnames=dict([
        ("%s.%s" % (service, hostname), "%s-%s" % (service, socket.gethostname())) for service in services
        if service != "shell"
    ]),
    routing_policy={
        "org.example.stg.bodhi.buildroot_override.untag": [
            "bodhi-app0%d.example.org" % n for n in range(1, 3)
        ],
    },
    routing_nitpicky=not True,
)
`,
    config: {
      sign_messages: false,
      validate_signatures: true,
      ssldir: "/srv/test_certs/keys",
      crl_location: "https://certs.example.org/crl.pem",
      crl_cache: "/var/run/fedmsg/crl.pem",
      crl_cache_expiry: 3600,
      certnames: {
        "bodhi.app01": "bodhi-app01.iad.example.org",
        "wiki.app01": "wiki-app01.iad.example.org",
      },
      routing_policy: {
        "org.example.stg.bodhi.buildroot_override.untag": ["bodhi-app01.example.org", "bodhi-app02.example.org"],
      },
      routing_nitpicky: false,
    },
  },
  "relay.py": {
    source: `
config = dict(
    endpoints={
        "relay_outbound": [
            "tcp://hostA:4001",
        ],
    },
    relay_inbound=[
        "tcp://hostA:2003",
    ],
)
config["fedmsg.consumers.relay.enabled"] = True
config.update({"fedmsg.consumers.gateway.port": 9940})
`,
    config: {
      endpoints: { relay_outbound: ["tcp://hostA:4001"] },
      relay_inbound: ["tcp://hostA:2003"],
      "fedmsg.consumers.relay.enabled": true,
      "fedmsg.consumers.gateway.port": 9940,
    },
  },
  "logging.py": {
    source: `
# The dict of logging.config.dictConfig.
bare_format = "[%(asctime)s][%(name)10s %(levelname)7s] %(message)s"

config = dict(
    logging=dict(
        version=1,
        formatters=dict(
            bare={"datefmt": "%Y-%m-%d %H:%M:%S", "format": bare_format},
        ),
        handlers=dict(
            console={"class": "logging.StreamHandler", "formatter": "bare", "level": "INFO",
                     "stream": "ext://sys.stdout"},
        ),
        loggers={name: {"level": "INFO", "propagate": False, "handlers": ["console"]}
                 for name in ("fedmsg", "moksha")},
    ),
)
`,
    config: {
      logging: {
        version: 1,
        formatters: {
          bare: {
            datefmt: "%Y-%m-%d %H:%M:%S",
            format: "[%(asctime)s][%(name)10s %(levelname)7s] %(message)s",
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
    },
  },
  "ircbot.py": {
    source: `
bot = dict(network='irc.example.net', port=6667, nickname='bus-dev', channel='bus-firehose', timeout=120)

config = dict(
    irc=[
        dict(bot, make_pretty=True, make_terse=True, make_short=True,
             filters=dict(topic=['koji'], body=['ralph'])),
    ],
    irc_color_lookup={
        "fas": "light blue",
        "git": "red",
    },
    irc_method='msg',  # or 'notice'
)
config["irc"].append(dict(bot, channel=bot["channel"] + "-terse"))
config["irc"][1]["filters"] = {}
`,
    config: {
      irc: [
        {
          network: "irc.example.net",
          port: 6667,
          nickname: "bus-dev",
          channel: "bus-firehose",
          timeout: 120,
          make_pretty: true,
          make_terse: true,
          make_short: true,
          filters: { topic: ["koji"], body: ["ralph"] },
        },
        {
          network: "irc.example.net",
          port: 6667,
          nickname: "bus-dev",
          channel: "bus-firehose-terse",
          timeout: 120,
          filters: {},
        },
      ],
      irc_color_lookup: { fas: "light blue", git: "red" },
      irc_method: "msg",
    },
  },
};

describe("an old fedmsg.d", () => {
  test.each(Object.entries(files))("%s", async (name, { source, config }) => {
    const { value, lines } = await readPython(`/etc/fedmsg.d/${name}`, source, around);
    expect(value).toEqual(config);
    for (const [key, { line }] of lines!.members!) expect(source.split("\n")[line - 1]).toContain(`${key}`.slice(0, 5));
  });

  test("a function as `make_short` is told with its line", async () => {
    const source = files["ircbot.py"]!.source.replace("make_short=True", "make_short=lambda url: shorten(url)");
    await expect(readPython("ircbot.py", source, around)).rejects.toThrow(
      "ircbot.py:6:65: lambda url: shorten(url): a function is code",
    );
  });
});
