import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { FedmsgError } from "../../errors.ts";
import { type DnsAnswer, type Query, readAnswer } from "./packet.ts";
import type { Server } from "./servers.ts";

/** How long to wait for an answer. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks one server, over UDP, and over TCP where the answer is too long for a datagram. Leaves nothing open.
 *
 * @throws FedmsgError FEDMSG_ABORTED; and an `Error` that says why there is no answer
 */
export async function askServer(server: Server, query: Query, patience: Patience): Promise<DnsAnswer> {
  const answer = await askOverUdp(server, query, patience);
  return answer.truncated ? askOverTcp(server, query, patience) : answer;
}

/** A socket of its own for each question, so that its port is hard to guess. */
function askOverUdp({ host, port }: Server, query: Query, patience: Patience): Promise<DnsAnswer> {
  return bounded(patience, (resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    socket.on("error", reject);
    socket.once("connect", () => {
      const server = socket.remoteAddress();
      socket.on("message", (packet, from) => {
        // What came before the socket was connected may be from anybody.
        if (from.address !== server.address || from.port !== server.port) return;
        const answer = readAnswer(packet, query);
        if (answer) resolve(answer);
      });
      socket.send(query.packet);
    });
    socket.connect(port, host);
    return () => socket.close();
  });
}

/** Messages over TCP begin with their length, in two bytes (RFC 1035 §4.2.2). */
const lengthBytes = 2;

function askOverTcp({ host, port }: Server, query: Query, patience: Patience): Promise<DnsAnswer> {
  return bounded(patience, (resolve, reject) => {
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt16BE(query.packet.byteLength);
    const socket = connect({ host, port }, () => socket.write(Buffer.concat([length, query.packet])));
    let received = Buffer.alloc(0);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("it closed the TCP connection before its answer was complete")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.byteLength < lengthBytes) return;
      const end = lengthBytes + received.readUInt16BE();
      if (received.byteLength < end) return;
      const answer = readAnswer(received.subarray(lengthBytes, end), query);
      if (answer && !answer.truncated) resolve(answer);
      else reject(new Error("its answer over TCP cannot be read"));
    });
    return () => socket.destroy();
  });
}

/** Runs something until it settles, its time is up or the signal fires; in any case, what it returned is called. */
function bounded<T>(
  { timeoutMs, signal }: Patience,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError(signal));
    let stop = () => {};
    const onAbort = () => finish(() => reject(abortedError(signal as AbortSignal)));
    const onTimeout = () => finish(() => reject(new Error("no answer in time")));
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    let isFinished = false;
    const finish = (settle: () => void) => {
      if (isFinished) return;
      isFinished = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      stop();
      settle();
    };
    stop = start(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
  });
}

function abortedError(signal: AbortSignal): FedmsgError {
  return new FedmsgError("FEDMSG_ABORTED", "the caller's signal fired", { cause: signal.reason });
}
