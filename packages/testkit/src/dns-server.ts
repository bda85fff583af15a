import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server as TcpServer, type Socket as TcpSocket } from "node:net";
import { type Answer, decode, encode, type SrvAnswer } from "dns-packet";
import { eventually } from "./waiting.ts";

/** What a {@link DnsServer} says to one query. By default it succeeds and holds no records. */
export interface DnsReply {
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  /** RCODE: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. Default 0. */
  readonly rcode?: number;
  /** Says nothing. */
  readonly silent?: true;
  /** Over UDP, sends no records and sets the TC bit. */
  readonly truncated?: true;
  /** Over TCP, closes in the middle of the answer. */
  readonly cut?: true;
  /** Waits for this before it answers. */
  readonly after?: Promise<unknown>;
  /** Datagrams to send first, made from the answer; `elsewhere` sends them from another port. */
  readonly spoofs?: readonly { readonly packet: (answer: Buffer) => Buffer; readonly elsewhere?: true }[];
  /** Changes the finished packet. */
  readonly mangle?: (answer: Buffer) => Buffer;
}

/** What a {@link DnsServer} was asked. */
export interface DnsQuery {
  readonly name: string;
  readonly type: string;
  readonly over: "udp" | "tcp";
  readonly edns: boolean;
  readonly id: number;
  /** The port that it came from. */
  readonly port: number;
}

/** An SRV record. */
export function srvRecord(name: string, data: SrvAnswer["data"], ttl = 60): Answer {
  return { type: "SRV", name, ttl, data };
}

/** A DNS server on 127.0.0.1, over UDP and TCP on one free port, that says what it is told to. */
export class DnsServer implements AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** What it was asked so far. */
  readonly queries: DnsQuery[] = [];
  readonly #udp: UdpSocket;
  readonly #tcp: TcpServer;
  readonly #connections = new Set<TcpSocket>();
  readonly #replies = new Map<string, DnsReply[]>();
  #closed = false;

  private constructor(udp: UdpSocket, tcp: TcpServer) {
    const { address, port } = udp.address();
    this.address = `${address}:${port}`;
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on("message", (packet, from) => void this.#answerUdp(packet, from));
    tcp.on("connection", (socket) => this.#serveTcp(socket));
  }

  static async start(): Promise<DnsServer> {
    for (;;) {
      const udp = createSocket("udp4").bind(0, "127.0.0.1");
      await once(udp, "listening");
      const tcp = createServer().listen(udp.address().port, "127.0.0.1");
      try {
        await once(tcp, "listening");
        return new DnsServer(udp, tcp);
      } catch {
        udp.close(); // Somebody uses that port for TCP.
      }
    }
  }

  /** From now on answers queries for a name so: each with the next reply, and all others with the last. */
  reply(name: string, ...replies: readonly DnsReply[]): void {
    this.#replies.set(name.toLowerCase(), [...replies]);
  }

  /** Resolves when it was asked `n` times in all. */
  async asked(n: number): Promise<void> {
    await eventually(() => this.queries.length >= n, `DNS query ${n}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const socket of this.#connections) socket.destroy();
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, "close");
  }

  #replyTo(packet: Buffer, over: "udp" | "tcp", port: number): DnsReply {
    const { id = 0, questions: [question] = [], additionals = [] } = decode(packet);
    const { name = "", type = "" } = question ?? {};
    this.queries.push({ name, type, over, id, port, edns: additionals.some((record) => record.type === "OPT") });
    const replies = this.#replies.get(name.toLowerCase()) ?? [{ rcode: 5 }];
    return (replies.length > 1 ? replies.shift() : replies[0]) ?? {};
  }

  async #answerUdp(packet: Buffer, from: RemoteInfo): Promise<void> {
    const reply = this.#replyTo(packet, "udp", from.port);
    if (reply.silent) return;
    await reply.after;
    if (this.#closed) return;
    const answer = toPacket(packet, reply, reply.truncated ?? false);
    for (const { packet: spoof, elsewhere } of reply.spoofs ?? []) {
      if (elsewhere) await sendFromElsewhere(spoof(answer), from);
      else this.#udp.send(spoof(answer), from.port, from.address);
    }
    this.#udp.send(answer, from.port, from.address);
  }

  #serveTcp(socket: TcpSocket): void {
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", async (chunk) => {
      // A query is so short that it comes in one piece.
      const query = chunk.subarray(2);
      const reply = this.#replyTo(query, "tcp", socket.remotePort ?? 0);
      if (reply.silent) return;
      await reply.after;
      const answer = toPacket(query, reply, false);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.byteLength);
      if (reply.cut) socket.end(Buffer.concat([length, answer.subarray(0, answer.byteLength / 2)]));
      else socket.write(Buffer.concat([length, answer]));
    });
  }
}

const truncatedFlag = 0x0200;

function toPacket(query: Buffer, reply: DnsReply, truncated: boolean): Buffer {
  const { id = 0, questions = [] } = decode(query);
  const answer = encode({
    type: "response",
    id,
    flags: (reply.rcode ?? 0) | (truncated ? truncatedFlag : 0),
    questions,
    answers: truncated ? [] : [...(reply.answers ?? [])],
    authorities: truncated ? [] : [...(reply.authorities ?? [])],
  });
  return reply.mangle ? reply.mangle(answer) : answer;
}

async function sendFromElsewhere(packet: Buffer, to: RemoteInfo): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.send(packet, to.port, to.address, resolve));
  socket.close();
}
