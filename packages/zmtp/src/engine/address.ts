import { networkInterfaces } from "node:os";
import { ZmtpError } from "../errors.ts";

/** An address that a socket can bind or connect to, taken apart. */
export type Address =
  | {
      readonly scheme: "tcp";
      /** A name, an IPv4 address, an IPv6 address without its brackets, or `*` for every interface. */
      readonly host: string;
      /** `*` stands for any free port. */
      readonly port: number | "*";
    }
  | { readonly scheme: "ipc"; readonly path: string };

/** What an address is wanted for: only a bound one may leave its host or port open. */
export type AddressUse = "bind" | "connect";

const tcp = /^tcp:\/\/(\[[0-9A-Fa-f:.%\w]+\]|\*|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?):(\*|[0-9]+)$/;
/** `sun_path` of Linux, without its NUL. */
const ipcPathBytesMax = 107;

/**
 * Takes an address apart.
 *
 * @throws ZmtpError ZMTP_ADDRESS_INVALID naming the part that is wrong
 */
export function parseAddress(address: string, use: AddressUse): Address {
  if (address.startsWith("ipc://")) return parseIpc(address);
  const match = tcp.exec(address);
  if (!match) throw invalid(address, "it must be tcp://HOST:PORT (an IPv6 address in brackets) or ipc://PATH");
  const [, host, portText] = match as unknown as [string, string, string];
  const port = portText === "*" || portText === "0" ? "*" : Number(portText);
  if (port !== "*" && port > 65535) throw invalid(address, `the port is ${portText}, it must be from 1 to 65535`);
  if (use === "connect" && (host === "*" || port === "*")) {
    throw invalid(address, "to connect, both host and port must be given; `*` is for sockets that listen");
  }
  return { scheme: "tcp", host: host.replace(/^\[|\]$/g, ""), port };
}

function parseIpc(address: string): Address {
  const path = address.slice("ipc://".length);
  const length = Buffer.byteLength(path);
  if (length === 0 || length > ipcPathBytesMax) {
    throw invalid(address, `the path is ${length} bytes long, it must be from 1 to ${ipcPathBytesMax}`);
  }
  if (path.includes("\0")) throw invalid(address, "the path holds a NUL");
  return { scheme: "ipc", path };
}

function invalid(address: unknown, what: string): ZmtpError {
  return new ZmtpError("ZMTP_ADDRESS_INVALID", `${JSON.stringify(address)}: ${what}`);
}

/** Puts an address together again. */
export function formatAddress(address: Address): string {
  if (address.scheme === "ipc") return `ipc://${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}

/** What a host means to somebody who listens: `*` is every IPv4 interface, an interface's name its first address. */
export function hostToListenOn(host: string): string {
  if (host === "*") return "0.0.0.0";
  const addresses = networkInterfaces()[host];
  const found = addresses?.find(({ family }) => family === "IPv4") ?? addresses?.[0];
  return found?.address ?? host;
}
