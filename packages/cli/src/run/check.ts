/** What `fedmsg-check` makes of one report of a hub, ours or Python's. */

import { FedmsgError } from "fedmsg";
import { type CommandContext, escapeLine } from "fedmsg/command";
import type { Config } from "fedmsg/config";
import { Float, loads, prettyDumps } from "fedmsg/encoding";
import { createTransport, formatAddress, parseAddress } from "fedmsg/plugin";

interface CheckOptions {
  readonly timeout?: number;
  readonly consumer?: readonly string[];
  readonly producer?: readonly string[];
}

const timeoutDefault = 10;
/** A hub with hundreds of consumers says less than this. */
const reportBytesMax = 16 * 1024 * 1024;
/** Longer than this, a list of names is cut. In characters. */
const namesMax = 1000;

type Report = ReadonlyMap<string, unknown>;

/** Waits for a report, judges and prints it. */
export async function run({ config, options, signal }: CommandContext): Promise<number> {
  const { timeout = timeoutDefault, consumer = [], producer = [] } = options as CheckOptions;
  const address = config["moksha.monitoring.socket"];
  if (address === undefined) {
    const what = "moksha.monitoring.socket is not set; set it here and for the hub, to an address such as";
    throw new FedmsgError("FEDMSG_CONFIG_INVALID", `${what} ipc:///run/fedmsg/monitoring.sock`);
  }
  const from = connectable(address);
  const bytes = await receive(from, { config, timeout, signal });
  if (bytes === undefined) return 1; // A signal came.
  const report = readReport(bytes, from);
  const problems = [...missing(report, "consumer", consumer), ...missing(report, "producer", producer)];
  if (problems.length === 0) {
    process.stdout.write(`${prettyDumps(report)}\n`);
    return 0;
  }
  for (const problem of problems) process.stderr.write(`fedmsg-check: ${escapeLine(problem)}\n`);
  return 1;
}

/** A hub may listen on every interface; this one is there, too. */
function connectable(address: string): string {
  const parsed = parseAddress(address, "bind");
  if (parsed.scheme === "ipc") return address;
  if (parsed.port === "*") {
    const what = `${address} names no port, so nobody can know where the hub listens; write one`;
    throw new FedmsgError("FEDMSG_CONFIG_INVALID", `moksha.monitoring.socket: ${what}`);
  }
  const wildcards: Readonly<Record<string, string>> = { "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1" };
  return formatAddress({ ...parsed, host: wildcards[parsed.host] ?? parsed.host });
}

interface Waiting {
  readonly config: Config;
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** @returns the only frame of the first message, or nothing where a signal came before it */
async function receive(address: string, { config, timeout, signal }: Waiting): Promise<Uint8Array | undefined> {
  const transport = await createTransport(config);
  let isConnected = false;
  let cut: string | undefined;
  const socket = transport.createSubscriber({
    messageBytesMax: reportBytesMax,
    onEvent: (event) => {
      if (event.type === "connected") isConnected = true;
      if (event.type === "cut" || event.type === "unresolved") cut = event.detail;
    },
  });
  let isLate = false;
  const onLate = () => {
    isLate = true;
    void socket.close();
  };
  const onSignal = () => void socket.close();
  const timer = setTimeout(onLate, Math.min(timeout * 1000, 0x7fffffff));
  signal.addEventListener("abort", onSignal, { once: true });
  try {
    socket.subscribe("");
    socket.connect(address);
    const [frames] = signal.aborted ? [] : await socket.receive();
    if (frames?.length === 1) return frames[0];
    if (frames) throw notOne(address, `a message of ${frames.length} frames came; wanted one`);
    if (!isLate) return undefined;
    throw lateError(
      address,
      timeout,
      cut ?? (isConnected ? "somebody listens there, and said nothing" : "nobody listens there"),
    );
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onSignal);
    await socket.close();
  }
}

function lateError(address: string, timeout: number, why: string): FedmsgError {
  const hint = timeout < 6 ? "; a hub reports every 5 s: wait longer (--timeout)" : "; does the hub run?";
  return new FedmsgError("FEDMSG_TIMEOUT", `no report from ${address} in ${timeout} s: ${why}${hint}`);
}

function notOne(address: string, why: string): FedmsgError {
  return new FedmsgError("FEDMSG_DECODE", `what came from ${address} is no report of a hub: ${why}`);
}

/** Reads a report, its keys sorted, its numbers as they were spelt. */
function readReport(bytes: Uint8Array, address: string): Report {
  let report: unknown;
  try {
    report = loads(bytes, { pairs: toSortedMap, float: (token) => new Float(Number(token)) });
  } catch (error) {
    throw notOne(address, (error as Error).message);
  }
  if (report instanceof Map && ["consumers", "producers"].every((key) => Array.isArray(report.get(key)))) return report;
  throw notOne(address, "it is no object with lists of consumers and producers");
}

/** Of two members of the same name the last one counts, as in Python. */
function toSortedMap(pairs: readonly (readonly [string, unknown])[]): Map<string, unknown> {
  return new Map([...new Map(pairs)].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** Which of the named ones are not there, or not ready. */
function missing(report: Report, kind: "consumer" | "producer", names: readonly string[]): readonly string[] {
  const rows = (report.get(`${kind}s`) as readonly unknown[]).filter((row) => row instanceof Map) as readonly Report[];
  return names.flatMap((name) => {
    const found = rows.filter((row) => row.get("name") === name);
    if (found.length === 0) return [`${kind} ${JSON.stringify(name)} is not there; the hub has ${listNames(rows)}`];
    if (found.every((row) => row.get("initialized") === true)) return [];
    return [`${kind} ${JSON.stringify(name)} is not initialized`];
  });
}

function listNames(rows: readonly Report[]): string {
  const names = rows.map((row) => String(row.get("name")));
  return names.length === 0 ? "none" : names.join(", ").slice(0, namesMax);
}
