import { getServers } from "node:dns";
import { isIP } from "node:net";

/** Where a DNS server answers. */
export interface Server {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

const dnsPort = 53;

/** The servers that this host is set up to ask (`/etc/resolv.conf`, as it was when the process began). */
export function systemServers(): readonly string[] {
  return getServers();
}

/**
 * Takes `192.0.2.53:53`, `[2001:db8::53]:53`, or an IP address alone, apart. Nothing for anything else: a server's name
 * would have to be looked up first.
 */
export function parseServer(text: string): Server | undefined {
  if (isIP(text)) return { host: text, port: dnsPort };
  const { v6, v4, port: digits } = /^(?:\[(?<v6>.+)\]|(?<v4>[0-9.]+)):(?<port>[0-9]{1,5})$/.exec(text)?.groups ?? {};
  const host = v6 ?? v4 ?? "";
  const port = Number(digits);
  return isIP(host) && port > 0 && port < 0x10000 ? { host, port } : undefined;
}
