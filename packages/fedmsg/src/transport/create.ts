import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { SocketOptions, Transport } from "./transport.ts";

/**
 * The transport that the configuration asks for (`transport`). Implementations are loaded when they are needed.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED where `zeromq` is asked for and not installed, and where `zmq_enabled` is false: other ways to a broker come with their packages
 */
export async function createTransport(config: Config): Promise<Transport> {
  if (config.transport === "memory") {
    const { createMemoryTransport, processNetwork } = await import("./memory/index.ts");
    return createMemoryTransport(processNetwork);
  }
  if (config.transport === "libzmq") {
    const { createLibzmqTransport } = await importLibzmq();
    return createLibzmqTransport({ ioThreads: config.io_threads });
  }
  const { createZmtpTransport } = await import("./zmtp/index.ts");
  return createZmtpTransport();
}

async function importLibzmq(): Promise<typeof import("./libzmq/index.ts")> {
  try {
    return await import("./libzmq/index.ts");
  } catch (cause) {
    const what = 'transport: "libzmq" needs the package zeromq, which cannot be loaded';
    throw new FedmsgError("FEDMSG_UNSUPPORTED", `${what}; install it (npm install zeromq), or use "zmtp"`, { cause });
  }
}

/** What the configuration says about every socket. */
export function socketOptions(config: Config) {
  return {
    highWaterMark: config.high_water_mark,
    queueBytesMax: config.queueBytesMax,
    peersMax: config.peersMax,
    subscriptionsMax: config.subscriptionsMax,
    lingerMs: config.zmq_linger,
    reconnectMs: config.zmq_reconnect_ivl,
    reconnectMaxMs: config.zmq_reconnect_ivl_max,
    // A body over the bound is refused and counted; only one that is larger by far costs its sender the connection.
    messageBytesMax: config.bodyBytesMax * 4,
    ...(config.zmq_tcp_keepalive > 0 && {
      keepAlive: {
        count: config.zmq_tcp_keepalive_cnt,
        idleS: config.zmq_tcp_keepalive_idle,
        intervalS: config.zmq_tcp_keepalive_intvl,
      },
    }),
  } satisfies SocketOptions;
}
