import { lookup } from "node:dns/promises";
import { lstat, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket as Stream } from "node:net";
import { ZmtpError } from "../errors.ts";
import type { Settings } from "../options.ts";
import { type Address, formatAddress, hostToListenOn } from "./address.ts";

/** What a listener tells. */
export interface ListenerOwner {
  readonly settings: Settings;
  accepted(stream: Stream, address: string): void;
  acceptFailed(address: string, detail: string): void;
}

/** A bound address. */
export class Listener {
  /** With the port that was taken. */
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server, address: string, owner: ListenerOwner) {
    this.#server = server;
    this.address = address;
    server.on("connection", (stream) => owner.accepted(stream, address));
    server.on("error", (error) => owner.acceptFailed(address, error.message));
  }

  /**
   * Listens.
   *
   * @throws ZmtpError ZMTP_ADDRESS_IN_USE, ZMTP_ADDRESS_NOT_AVAILABLE, ZMTP_NETWORK
   */
  static async open(parsed: Address, given: string, owner: ListenerOwner): Promise<Listener> {
    try {
      const server = await listen(parsed, owner.settings);
      return new Listener(server, formatAddress(boundAddress(server, parsed)), owner);
    } catch (cause) {
      throw bindError(given, cause);
    }
  }

  ref(isRef: boolean): void {
    if (isRef) this.#server.ref();
    else this.#server.unref();
  }

  /** Stops listening: the address is free at once. Who came stays. */
  close(): void {
    this.#server.close();
  }
}

async function listen(parsed: Address, settings: Settings): Promise<Server> {
  if (parsed.scheme === "tcp") {
    const host = await resolveHost(hostToListenOn(parsed.host));
    return start(settings, { host, port: parsed.port === "*" ? 0 : parsed.port, backlog: settings.backlog });
  }
  const where = { path: parsed.path, backlog: settings.backlog };
  try {
    return await start(settings, where);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE" || (await answers(parsed.path))) throw error;
    if (!(await lstat(parsed.path)).isSocket()) throw error; // Somebody's file.
    await unlink(parsed.path); // Left behind by a process that is gone.
    return await start(settings, where);
  }
}

/** A name that stands for both is served where most clients look first. */
async function resolveHost(host: string): Promise<string> {
  const found = await lookup(host, { all: true });
  return (found.find(({ family }) => family === 4) ?? found[0])?.address ?? host;
}

function start(settings: Settings, where: { host?: string; port?: number; path?: string; backlog: number }) {
  const { keepAlive } = settings;
  const server = createServer({
    noDelay: true,
    ...(keepAlive && { keepAlive: true, keepAliveInitialDelay: keepAlive.idleS * 1000 }),
  });
  return new Promise<Server>((resolve, reject) => {
    server.once("error", reject);
    // In a process of a cluster, Node would share the address with the others.
    server.listen({ ...where, exclusive: true }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

/** Whether somebody listens on a path. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = connect({ path });
    stream.once("connect", () => {
      resolve(true);
      stream.destroy();
    });
    stream.once("error", (error) => resolve(codeOf(error) !== "ECONNREFUSED"));
  });
}

function boundAddress(server: Server, parsed: Address): Address {
  const bound = server.address();
  if (parsed.scheme === "ipc" || bound === null || typeof bound === "string") return parsed;
  return { scheme: "tcp", host: bound.address, port: bound.port };
}

function bindError(given: string, cause: unknown): ZmtpError {
  const code = codeOf(cause);
  if (code === "EADDRINUSE") {
    return new ZmtpError("ZMTP_ADDRESS_IN_USE", `${given} is in use by another socket`, { cause });
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new ZmtpError("ZMTP_ADDRESS_NOT_AVAILABLE", `${given} is no address of this machine (${code})`, { cause });
  }
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new ZmtpError("ZMTP_NETWORK", `cannot listen on ${given}: ${detail}`, { cause });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
