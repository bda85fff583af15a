import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startGateway, startRelay } from "@fedmsg/hub";
import { FedmsgError } from "fedmsg";
import type { CommandContext } from "fedmsg/command";
import { type Config, completeConfig, configOrigin } from "fedmsg/config";
import { stateFolder } from "fedmsg/plugin";
import { createReporter, formatCounts } from "../daemon.ts";
import { aborted } from "../signals.ts";

const interfaceKey = "fedmsg.consumers.gateway.interface";

/** Runs a relay and a gateway until a signal comes. */
export async function run({ config: given, log, signal }: CommandContext): Promise<number> {
  const config = withConfirming(withJournal(withLocalGateway(given)));
  const reporter = createReporter(log);
  const { onEvent } = reporter;
  const daemons: Daemon[] = [];
  try {
    const relay = await startRelay({ config, onEvent, processName: "fedmsg-up" });
    daemons.push(relay);
    const gateway = await startGateway({ config: withRelay(config, relay), onEvent });
    daemons.push(gateway);
    process.stdout.write(`${banner(relay, gateway, config)}\n`);
    await Promise.race([aborted(signal), relay.done, gateway.done]);
  } finally {
    // In this order: what the relay still sends shall reach the gateway's listeners.
    for (const daemon of daemons) await daemon.drain();
    reporter.stop();
  }
  const [relay, gateway] = daemons as [Daemon, Daemon];
  process.stdout.write(`\nStopped. Relay: ${formatCounts(relay.counts)}. Gateway: ${formatCounts(gateway.counts)}.\n`);
  return 0;
}

/** A gateway is public by nature; one that is only tried out must not be. */
function withLocalGateway(config: Config): Config {
  const origin = configOrigin(config, interfaceKey);
  if (origin !== undefined && origin !== "default") return config;
  return completeConfig({ [interfaceKey]: "127.0.0.1" }, config);
}

/** What goes through the relay is kept, unless `persistent_store` is null, and can be asked for. */
function withJournal(config: Config): Config {
  const origin = configOrigin(config, "persistent_store");
  const isDefault = origin === undefined || origin === "default";
  const persistent_store = isDefault ? defaultStore() : config.persistent_store;
  if (persistent_store === null) return config;
  const replay_endpoints = { relay_outbound: "tcp://127.0.0.1:*", ...config.replay_endpoints };
  return completeConfig({ persistent_store, replay_endpoints }, config);
}

/** The relay confirms what it takes, unless `relay_confirm` is an empty list. */
function withConfirming(config: Config): Config {
  const origin = configOrigin(config, "relay_confirm");
  if (origin !== undefined && origin !== "default") return config;
  return completeConfig({ relay_confirm: "tcp://127.0.0.1:*" }, config);
}

/** A file in the user's state folder (XDG Base Directory Specification). */
function defaultStore(): string {
  let folder = "";
  try {
    folder = stateFolder();
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    const { message } = FedmsgError.from(cause);
    const detail = `no place for the journal: ${message}; set persistent_store to sqlite:/path/{name}-{port}.db, or to null for none`;
    throw new FedmsgError("FEDMSG_JOURNAL", detail, { cause });
  }
  return `sqlite:${join(folder, "{name}-{port}.db")}`;
}

/** The relay may have taken the second address of its list, or any free port. */
function withRelay(config: Config, { outbound, replay }: Daemon): Config {
  const reachable = (address: string) => address.replace("//0.0.0.0:", "//127.0.0.1:");
  const endpoints = { ...config.endpoints, relay_outbound: [reachable(outbound)] };
  if (replay === undefined) return completeConfig({ endpoints }, config);
  const replay_endpoints = { ...config.replay_endpoints, relay_outbound: reachable(replay) };
  return completeConfig({ endpoints, replay_endpoints }, config);
}

function banner(relay: Daemon, gateway: Daemon, { validate_signatures, sign_messages }: Config): string {
  // Signatures are validated unless somebody says otherwise; but who only tries this out has no certificates.
  const unsigned = validate_signatures && !sign_messages ? " --no-validate" : "";
  return [
    "The bus is up.",
    "",
    `  relay, in      ${relay.inbound.join(", ")}   for programs that publish through it`,
    ...(relay.confirm ?? []).map(
      (address) => `  confirm        ${address}   the same, for programs that want to be sure`,
    ),
    `  relay, out     ${relay.outbound}   for subscribers`,
    ...(relay.replay ? [`  replay         ${relay.replay}   what the relay sent, for those who missed it`] : []),
    `  gateway        ${gateway.outbound}   the same, for subscribers from outside`,
    "",
    "In a second terminal, listen:",
    "",
    `  npx fedmsg-tail --really-pretty${unsigned}`,
    "",
    "In a third, say something:",
    "",
    '  echo "Hello world" | npx fedmsg-logger',
    "",
    "Ctrl-C stops it.",
  ].join("\n");
}
