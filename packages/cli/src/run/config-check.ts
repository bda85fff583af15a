import type { CommandContext } from "fedmsg/command";
import { type Config, configKeys, configOrigin, configSources } from "fedmsg/config";
import { parseAddress } from "fedmsg/plugin";
import { resolveHandler } from "../log/handlers.ts";
import { type Members, membersOf, resolveLogger } from "../log/settings.ts";

/** Checks what a schema cannot: whether addresses make sense, alone and together. Wrong values have failed before. */
export async function run({ options, config, log }: CommandContext): Promise<number> {
  const problems = addressProblems(config);
  const doubts = [
    ...duplicateAddresses(config),
    ...identityDoubts(config),
    ...outboxDoubts(config),
    ...loggingDoubts(config),
  ];
  for (const text of problems) log.error(text);
  for (const text of doubts) log.warn(text);
  const unknown = Object.keys(config).filter((key) => !Object.hasOwn(configKeys, key));
  const looks = doubts.length + unknown.length; // Unknown keys were warned about when the files were read.
  const sources = configSources(config);
  const files = sources.length === 1 ? `1 source (${sources[0]})` : `${sources.length} sources`;
  const strict = (options as { strict?: boolean }).strict === true;
  const failed = problems.length > 0 || (strict && looks > 0);
  process.stdout.write(`${files}, ${count(problems.length, "problem")}, ${count(looks, "warning")}\n`);
  return failed ? 1 : 0;
}

function count(number: number, what: string): string {
  return `${number || "no"} ${what}${number === 1 ? "" : "s"}`;
}

type Listed = readonly [path: string, address: string, origin: string];

function listAddresses(config: Config): readonly Listed[] {
  const endpoints = Object.entries(config.endpoints).flatMap(([name, addresses]) =>
    addresses.map((address, n): Listed => {
      const origin = configOrigin(config, "endpoints", name, n) ?? "";
      return [`endpoints[${JSON.stringify(name)}][${n}]`, address, origin];
    }),
  );
  const inbound = config.relay_inbound.map((address, n): Listed => {
    return [`relay_inbound[${n}]`, address, configOrigin(config, "relay_inbound", n) ?? ""];
  });
  const confirm = config.relay_confirm.map((address, n): Listed => {
    return [`relay_confirm[${n}]`, address, configOrigin(config, "relay_confirm", n) ?? ""];
  });
  return [...endpoints, ...inbound, ...confirm];
}

function addressProblems(config: Config): readonly string[] {
  return listAddresses(config).flatMap(([path, address, origin]) => {
    try {
      parseAddress(address, "bind"); // A name's address is one to listen on for somebody.
      return [];
    } catch (error) {
      return [`${origin}: ${path}: ${(error as Error).message}`];
    }
  });
}

/** Two services cannot both listen on one address, except that the relay may stand in `endpoints`, too. */
function duplicateAddresses(config: Config): readonly string[] {
  const first = new Map<string, Listed>();
  return listAddresses(config).flatMap((listed) => {
    const [path, address, origin] = listed;
    const before = first.get(address);
    first.set(address, before ?? listed);
    if (!before || path.startsWith("relay_inbound") || address.endsWith(":*")) return [];
    return [`${origin}: ${path}: ${address} stands at ${before[0]} already (${before[2]}); only one can listen there`];
  });
}

function identityDoubts(config: Config): readonly string[] {
  const { name, active, endpoints } = config;
  if (name === undefined || active || (endpoints[name] ?? []).length > 0) return [];
  const origin = configOrigin(config, "name");
  return [`${origin}: name: ${JSON.stringify(name)} has no address in endpoints, so nothing can be published under it`];
}

/** Commands that publish are active whatever it says; a hub, or a program of one's own, is not. */
function outboxDoubts(config: Config): readonly string[] {
  if (config.outbox === null || config.active) return [];
  const text =
    "outbox: is used only where active is true, which it is not: a hub keeps nothing there, only commands do";
  return [`${configOrigin(config, "outbox")}: ${text}`];
}

/** What our log makes of `logging` otherwise than Python did. */
function loggingDoubts(config: Config): readonly string[] {
  const logging = config.logging as Members | null;
  if (logging === null) return [];
  const doubts: string[] = [];
  const warn = (text: string) => void doubts.push(text);
  const names = Object.keys(membersOf(logging.loggers, "logging.loggers", () => {}));
  const handlers = names.flatMap((name) => resolveLogger(name, logging, warn).handlers);
  for (const handler of new Set(handlers)) resolveHandler(handler, logging, warn);
  return [...new Set(doubts)];
}
