import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { formatAddress, parseAddress } from "../address.ts";
import { type SocketEvent, type SocketOptions, socketDefaults } from "../transport.ts";

/** What a connector needs of a socket. */
interface ConnectingSocket {
  ipv6: boolean;
  readonly events: {
    on(type: "connect:retry" | "disconnect", listener: (event: { readonly address: string }) => void): void;
  };
  connect(address: string): void;
  disconnect(address: string): void;
}

/**
 * Connects a socket to addresses whose names may not resolve yet: such a name is asked for again, with growing pauses.
 * Once it resolved, libzmq gets the name, not the address, and so follows it when it moves.
 */
export class Connector {
  readonly #socket: ConnectingSocket;
  readonly #onEvent: ((event: SocketEvent) => void) | undefined;
  readonly #pauseMs: number;
  readonly #pauseMaxMs: number;
  /** By address: a timer while its name does not resolve, `resolving`, or `connected` once libzmq has it. */
  readonly #states = new Map<string, NodeJS.Timeout | "resolving" | "connected">();
  /** By address: when to come back to a peer that libzmq may have given up. */
  readonly #returns = new Map<string, NodeJS.Timeout>();

  constructor(socket: ConnectingSocket, options: SocketOptions) {
    this.#socket = socket;
    this.#onEvent = options.onEvent;
    this.#pauseMs = Math.max(1, options.reconnectMs ?? socketDefaults.reconnectMs);
    this.#pauseMaxMs = Math.max(this.#pauseMs, options.reconnectMaxMs ?? socketDefaults.reconnectMaxMs);
  }

  /** Connects now or as soon as the name resolves. Throws FEDMSG_ADDRESS_INVALID. */
  connect(address: string): void {
    const parsed = parseAddress(address, "connect");
    if (this.#states.has(address)) return;
    if (parsed.scheme === "ipc" || isIP(parsed.host)) {
      if (parsed.scheme === "tcp" && isIP(parsed.host) === 6) this.#socket.ipv6 = true;
      this.#socket.connect(formatAddress(parsed));
      this.#states.set(address, "connected");
    } else void this.#resolve(address, parsed.host, this.#pauseMs);
  }

  /**
   * Sees to it that the socket comes back after every loss. libzmq tries again by itself, and says so at once, except
   * where it cut the peer for breaking a rule, such as a message over `messageBytesMax`. For sockets that are watched
   * anyway, see `forwardEvents`.
   */
  returnAfterCuts(): void {
    const { events } = this.#socket;
    events.on("connect:retry", ({ address }) => clearTimeout(this.#returns.get(address)));
    events.on("disconnect", ({ address }) => {
      if (this.#states.get(address) !== "connected") return; // A peer that came to us comes again by itself.
      clearTimeout(this.#returns.get(address));
      const comeBack = () => {
        this.disconnect(address);
        this.connect(address);
      };
      this.#returns.set(address, setTimeout(comeBack, this.#pauseMaxMs));
    });
  }

  /** Gives an address up, whatever became of it. */
  disconnect(address: string): void {
    clearTimeout(this.#returns.get(address));
    this.#returns.delete(address);
    const state = this.#states.get(address);
    this.#states.delete(address);
    if (state === "connected") this.#socket.disconnect(formatAddress(parseAddress(address, "connect")));
    else if (typeof state === "object") clearTimeout(state);
  }

  /** Stops asking for names and coming back. */
  close(): void {
    for (const timer of this.#returns.values()) clearTimeout(timer);
    this.#returns.clear();
    for (const state of this.#states.values()) if (typeof state === "object") clearTimeout(state);
    this.#states.clear();
  }

  /** Must not reject. */
  async #resolve(address: string, host: string, pauseMs: number): Promise<void> {
    this.#states.set(address, "resolving");
    try {
      const found = await lookup(host, { all: true });
      if (this.#states.get(address) !== "resolving") return;
      // With IPv6 on, libzmq would try that first, also where a name such as `localhost` is served by IPv4 alone.
      if (!found.some(({ family }) => family === 4)) this.#socket.ipv6 = true;
      this.#socket.connect(address);
      this.#states.set(address, "connected");
    } catch (error) {
      if (this.#states.get(address) !== "resolving") return;
      this.#onEvent?.({ type: "unresolved", address, detail: error instanceof Error ? error.message : String(error) });
      const again = () => void this.#resolve(address, host, Math.min(pauseMs * 2, this.#pauseMaxMs));
      // Whoever waits for messages keeps the process alive; asking for names alone does not.
      this.#states.set(address, setTimeout(again, pauseMs).unref());
    }
  }
}
