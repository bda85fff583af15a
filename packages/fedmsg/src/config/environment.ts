/**
 * What the library reads from the process and the host it runs on. No other file of it does, so that everything else
 * can be run with values of one's own.
 */

import { homedir, hostname, networkInterfaces, userInfo } from "node:os";
import { join } from "node:path";

/** Where a process finds its configuration. */
export interface Surroundings {
  /** Environment variables. */
  readonly env: NodeJS.ProcessEnv;
  /** The current folder. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly home: string;
  /** The host's name, as the system gives it. */
  readonly hostname: string;
}

/** The surroundings of this process, with what the caller knows better in their place. */
export function surroundings(known: Partial<Surroundings> = {}): Surroundings {
  const env = known.env ?? process.env;
  return {
    env,
    cwd: known.cwd ?? process.cwd(),
    home: known.home ?? homeOf(env),
    hostname: known.hostname ?? hostname(),
  };
}

/** A user without a name, as containers have them, has no home. */
function homeOf(env: NodeJS.ProcessEnv): string {
  if (env.HOME) return env.HOME;
  try {
    return homedir();
  } catch {
    return "/";
  }
}

/** The host's name up to the first dot, as it stands in the keys of `endpoints` and `certnames`. */
export function shortHostname(): string {
  return hostname().split(".", 1)[0]!;
}

/**
 * The name of the user this process runs as, which goes into every message as `username`: LOGNAME, USER, LNAME or
 * USERNAME of the environment, the first that is set, and else what the system says (Python's `getpass.getuser`).
 * Where that fails too, as for a container's arbitrary user, it is `uid` and the number. Never throws.
 */
export function loginName(env: NodeJS.ProcessEnv = process.env): string {
  const name = env.LOGNAME || env.USER || env.LNAME || env.USERNAME;
  if (name) return name;
  try {
    return userInfo().username;
  } catch {
    return `uid${process.getuid?.() ?? ""}`;
  }
}

const wildcards = new Set(["*", "0.0.0.0", "::"]);

/**
 * The address to listen on for a host name, if this is the host: its first IP address that belongs to one of our
 * interfaces, or is a loopback address. `*`, `0.0.0.0` and `::` come back as they are. `undefined` for another host
 * and for a name that cannot be resolved.
 */
export async function localAddressFor(host: string): Promise<string | undefined> {
  const name = host.replace(/^\[(.*)\]$/, "$1");
  if (wildcards.has(name)) return name;
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(name, { all: true }).catch(() => []);
  const ours = interfaceAddresses();
  return found.map(({ address }) => address).find((address) => isLoopback(address) || ours.has(address));
}

function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\./i.test(address) || address === "::1";
}

function interfaceAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => address));
}

/** Where this user's programs keep what they must not lose (XDG Base Directory Specification): a folder of ours in it. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_STATE_HOME || join(homeOf(env), ".local", "state"), "fedmsg");
}
