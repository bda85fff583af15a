import type { Config } from "fedmsg/config";
import { listen, type Publisher, parseAddress, type Transport } from "fedmsg/plugin";
import { nameKey } from "../addresses.ts";
import type { HubStats } from "../stats.ts";
import { type BoundFile, bindFile } from "./bind-file.ts";
import { Reporter } from "./report.ts";

const key = "moksha.monitoring.socket";
const modeKey = "moksha.monitoring.socket.mode";

/**
 * Whoever reads reports gets them, or loses them: nobody is waited for, and what is kept for each is bounded. Nothing that
 * they send is of use here, except what they subscribe to.
 */
const socketLimits = {
  highWaterMark: 10,
  queueBytesMax: 16 * 1024 * 1024,
  peersMax: 100,
  subscriptionsMax: 100,
  messageBytesMax: 64 * 1024,
  stallMs: 0,
  lingerMs: 0,
} as const;

/** What a monitoring socket is opened with. */
export interface ReportSocketOptions {
  readonly config: Config;
  readonly transport: Transport;
  readonly stats: () => HubStats;
  readonly onWarning: (detail: string) => void;
  /** Seconds from one report to the next. */
  readonly seconds: number;
}

/** An open monitoring socket. */
export interface ReportSocket {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Listens on `moksha.monitoring.socket` and publishes reports, each a single frame, until it is closed. The
 * file of an `ipc://` address has the mode of `moksha.monitoring.socket.mode` before anybody can connect.
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, each naming the key
 */
export async function openReportSocket(address: string, options: ReportSocketOptions): Promise<ReportSocket> {
  const { config, transport } = options;
  const socket = transport.createPublisher(socketLimits);
  try {
    const { bound, file } = await bind(socket, address, options);
    const stop = publishReports(socket, options);
    const close = async () => {
      stop();
      await file?.remove();
      await socket.close();
    };
    return { address: bound, close };
  } catch (error) {
    await socket.close();
    throw nameKey(error, [key], config);
  }
}

async function bind(
  socket: Publisher,
  address: string,
  { config, transport, onWarning }: ReportSocketOptions,
): Promise<{ readonly bound: string; readonly file?: BoundFile }> {
  const mode = config[modeKey];
  const parsed = parseAddress(address, "bind");
  const isFile = parsed.scheme === "ipc" && transport.name !== "memory";
  if (mode !== undefined && isFile) {
    return { bound: address, file: await bindFile(socket, parsed.path, Number.parseInt(mode.replace("o", ""), 8)) };
  }
  if (mode !== undefined) onWarning(`${modeKey}: ${address} is no file, so ${mode} has no effect`);
  return { bound: (await listen(socket, address, "refuse")).endpoint };
}

/** @returns what stops it */
function publishReports(socket: Publisher, { stats, onWarning, seconds }: ReportSocketOptions): () => void {
  const reporter = new Reporter(seconds);
  let isSending = false;
  let isOver = false;
  let told: string | undefined;
  const failed = ({ message }: Error) => {
    if (!isOver && message !== told) onWarning(`${key}: no report was sent: ${message}`);
    told = message;
  };
  const report = async () => {
    if (isSending) return; // Somebody does not read, and libzmq waits for him a while.
    isSending = true;
    try {
      await socket.send([Buffer.from(reporter.write(stats()))]);
    } catch (error) {
      failed(error as Error);
    } finally {
      isSending = false;
    }
  };
  const timer = setInterval(() => void report(), seconds * 1000).unref();
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}
