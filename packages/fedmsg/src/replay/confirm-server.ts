/**
 * The side of a relay that confirms what it takes (docs/wire.md, "Confirming").
 *
 * ```
 *            n as expected?        is it a message?       taken before?         on the disk
 * PUB ──▶ line ───────────▶ accept ───────────▶ key ───────────▶ journal ───────────▶ OK n position
 *           │ no              │ no                │ yes             │ failed
 *           ▼                 ▼                   ▼                 ▼
 *        the end         ERR invalid        OK, the old       ERR n journal: n is expected again, and
 *                        ERR too-large      position          what is behind it on its way is passed over
 * ```
 *
 * An answer is given when the message is committed, or, where there is no journal, queued for all subscribers; never before.
 * A message that came on a connection which ended is taken all the same; when it comes again on the next one while the first is
 * not committed yet, both wait for the one commit.
 *
 * Rejected: one answer for all up to n. It would be shorter, and a message that is refused would need another protocol.
 *
 * Strangers may come, so everything is bounded: unanswered messages of a connection, bytes in hand of one and of all (beyond
 * that nothing more is read), answers that nobody takes.
 */

import type { Batch, MonitorEvent, SocketOptions } from "@fedmsg/zmtp";
import { FedmsgError } from "../errors.ts";
import { type Frames, type Publisher, sentAtOnce } from "../transport/transport.ts";
import { bindSocket } from "../transport/zmtp/sockets.ts";
import type { InvalidReason } from "../wire/frames.ts";
import { Item, Line, nameOf } from "./confirm-item.ts";
import { ConfirmRouter } from "./confirm-router.ts";
import {
  type ConfirmCode,
  codeFrames,
  confirmVersion,
  confirmWords,
  formatCount,
  isFrame,
  outstandingMax,
  parseCount,
} from "./confirm-wire.ts";
import type { JournalledPublisher, Kept } from "./journalled.ts";
import { describeKept } from "./keepable.ts";
import { KnownKeys, knownAs, TurnKeys, takenBefore, takenNow } from "./known-keys.ts";

/** Parts of a server. */
export interface ConfirmServerOptions {
  readonly socket: SocketOptions;
  /** What goes out for what came in, or why nothing does. Must not throw. */
  readonly accept: (frames: Frames) => Frames | { readonly reason: InvalidReason };
  /** Keeps and sends; a mere publisher only sends. */
  readonly output: JournalledPublisher | Publisher;
  /** Hears of each message that is taken. */
  readonly onTaken?: (() => void) | undefined;
  /** Hears what somebody should look at, once in a second at most. Must not throw. */
  readonly onWarning?: ((detail: string) => void) | undefined;
}

/** Bytes of messages of one connection that are in hand, beyond which no more is read from it. */
const lineBytesMax = 4 * 1024 * 1024;
/** The same of all connections. */
const allBytesMax = 64 * 1024 * 1024;
/** Answers that wait for one peer: a thousand of them have less. */
const answerBytesMax = 128 * 1024;
/** How long the end waits for what is in hand, in ms. */
const endMs = 2000;
const warnMs = 1000;

/** Thrown for what lies behind a message that was refused. */
const passedOver = new FedmsgError("FEDMSG_QUEUE_FULL", "a message before this one was refused");

/** Takes messages and confirms them, until it is closed. */
export class ConfirmServer {
  readonly #options: ConfirmServerOptions;
  readonly #router: ConfirmRouter<Line>;
  readonly #known = new KnownKeys();
  readonly #turns = new TurnKeys(this.#known);
  /** By key. */
  readonly #items = new Map<string, Item>();
  readonly #paused = new Set<Line>();
  readonly #journalled: JournalledPublisher | undefined;
  #bytes = 0;
  #inHand = 0;
  #warnings = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #onIdle = () => {};
  #closing: Promise<void> | undefined;

  /** Learns what the journal has, so that it knows it again. */
  static async open(options: ConfirmServerOptions): Promise<ConfirmServer> {
    const server = new ConfirmServer(options);
    if (server.#journalled) await server.#known.load(server.#journalled.journal);
    return server;
  }

  private constructor(options: ConfirmServerOptions) {
    this.#options = options;
    if ("keep" in options.output) this.#journalled = options.output;
    if (this.#journalled) {
      this.#journalled.onKept = this.#committed;
      this.#journalled.onTurn = (kept) => this.#turns.take(nameOf(kept));
      this.#journalled.onRefused = () => this.#turns.end();
    }
    const onEvent = (event: MonitorEvent) => this.#hear(event);
    const socket = { ...options.socket, sendBytesMax: answerBytesMax, sendMessagesMax: 0, onEvent };
    this.#router = new ConfirmRouter(socket, Line, (line, batch) => this.#take(line, batch));
  }

  /** Messages that are taken, and neither confirmed nor refused. */
  get inHand(): number {
    return this.#inHand;
  }

  /**
   * Listens on one more address.
   *
   * @returns the address with its real port
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  bind(address: string): Promise<string> {
    return bindSocket(this.#router, address);
  }

  /** Takes nothing more, answers what it has, and ends. Idempotent. What it puts things into stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#items.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        timer = setTimeout(resolve, endMs);
      });
      clearTimeout(timer);
    }
    for (const line of this.#paused) line.resume?.();
    await this.#router.close();
  }

  #take(line: Line, batch: Batch): void | Promise<void> {
    if (this.#closing) return;
    let messages: Buffer[][] | undefined;
    for (let at = 0; at < batch.length && !line.isGone; at++) {
      const n = this.#checkNumber(line, batch, at);
      if (n === undefined) continue;
      messages ??= batch.keep();
      const message = messages[at] as Buffer[];
      this.#takeOne(line, n, [message[4] as Buffer, message[5] as Buffer]);
    }
    if (line.bytes < lineBytesMax && this.#bytes < allBytesMax) return;
    this.#paused.add(line);
    return new Promise((resolve) => {
      line.resume = resolve;
    });
  }

  /** The number of a message that is to be taken; nothing where it is not. Ends a line that does not keep to the protocol. */
  #checkNumber(line: Line, batch: Batch, at: number): number | undefined {
    const frames = batch.frameCount(at); // The first is the name of the line.
    const n = frames > 3 ? parseCount(batch.frame(at, 3)) : undefined;
    if (frames < 2 || !isFrame(batch.frame(at, 1), confirmVersion)) {
      this.#refuse(line, n ?? 0, "version");
      return undefined;
    }
    if (frames !== 6 || !isFrame(batch.frame(at, 2), confirmWords.publish) || n === undefined) {
      this.#cut(line, "what it says is not in the protocol");
      return undefined;
    }
    const isAgain = line.expected < line.coming && n === line.expected;
    if (!isAgain && n !== line.coming) {
      this.#cut(line, `number ${n} came, and ${line.coming} was next`);
      return undefined;
    }
    if (n === line.coming) line.coming++;
    if (line.coming - line.expected > outstandingMax + 1 || line.inHand >= outstandingMax) {
      this.#cut(line, `it has more than ${outstandingMax} messages without an answer`);
      return undefined;
    }
    if (n !== line.expected) return undefined; // On its way when one before it was refused.
    line.expected++;
    return n;
  }

  #takeOne(line: Line, n: number, frames: Frames): void {
    const accepted = this.#options.accept(frames);
    if ("reason" in accepted) {
      this.#refuse(line, n, accepted.reason.endsWith("too-large") ? "too-large" : "invalid");
      return;
    }
    const kept = describeKept(accepted);
    const came = accepted === frames ? kept : describeKept(frames);
    if (!kept || !came) {
      this.#refuse(line, n, "invalid");
      return;
    }
    const key = knownAs(kept);
    const cameAs = came === kept ? key : knownAs(came); // A signature may be made in many ways.
    if (this.#isTaken(line, n, key) || (cameAs !== key && this.#isTaken(line, n, cameAs))) return;
    const item = new Item(kept, key, cameAs, line, n);
    this.#items.set(key, item);
    if (cameAs !== key) this.#items.set(cameAs, item);
    line.inHand++;
    line.bytes += item.bytes;
    this.#inHand++;
    this.#bytes += item.bytes;
    this.#put(item);
  }

  /** Whether a message was taken before: then it is answered, or will be. */
  #isTaken(line: Line, n: number, key: string): boolean {
    const position = this.#known.find(key);
    if (position !== undefined) {
      this.#answer(line, [confirmVersion, confirmWords.ok, formatCount(n), formatCount(position)]);
      return true;
    }
    const item = this.#items.get(key);
    if (!item) return false;
    item.others ??= [];
    item.others.push({ line, n });
    line.inHand++;
    return true;
  }

  #put(item: Item): void {
    const failed = (error: unknown) => this.#failed(item, error);
    const journalled = this.#journalled;
    if (journalled) {
      const build = () => {
        if (item.isPassedOver) throw passedOver;
        return item;
      };
      journalled.keep(build).then(this.#release, failed);
      return;
    }
    const sent = (this.#options.output as Publisher).send(item.frames);
    const done = () => {
      this.#known.add(item.knownAs, 0);
      this.#confirm(item, 0);
      this.#release(item);
    };
    if (sent === sentAtOnce) done();
    else sent.then(done, failed);
  }

  /** Something is committed, whoever it came from. */
  readonly #committed = (kept: Kept, position: number): void => {
    this.#turns.end();
    this.#known.add(nameOf(kept), position);
    if (kept instanceof Item) this.#confirm(kept, position);
  };

  #confirm(item: Item, position: number): void {
    this.#options.onTaken?.();
    this.#answerAll(item, position);
  }

  #answerAll(item: Item, position: number): void {
    this.#inHand--;
    this.#items.delete(item.knownAs);
    if (item.cameAs !== item.knownAs) {
      this.#items.delete(item.cameAs);
      this.#known.add(item.cameAs, position);
    }
    const at = formatCount(position);
    this.#answer(item.line, [confirmVersion, confirmWords.ok, formatCount(item.n), at]);
    item.line.inHand--;
    if (!item.others) return;
    for (const { line, n } of item.others) {
      line.inHand--;
      this.#answer(line, [confirmVersion, confirmWords.ok, formatCount(n), at]);
    }
  }

  #failed(item: Item, error: unknown): void {
    if (error === takenBefore || error === takenNow) {
      // It came by the other door too: that one is committed now, or was not kept.
      const position = this.#known.find(item.knownAs);
      if (position === undefined) this.#put(item);
      else {
        this.#answerAll(item, position);
        this.#release(item);
      }
      return;
    }
    this.#inHand--;
    this.#items.delete(item.knownAs);
    this.#items.delete(item.cameAs);
    const { code, message } = FedmsgError.from(error);
    const answer = code === "FEDMSG_JOURNAL" ? "journal" : "busy";
    if (answer === "journal") this.#warn(`nothing is confirmed at the moment: ${message}`);
    item.line.inHand--;
    if (!item.isPassedOver) this.#refuse(item.line, item.n, answer);
    for (const { line, n } of item.others ?? []) {
      line.inHand--;
      this.#refuse(line, n, answer);
    }
    this.#release(item);
  }

  /** Says that a message is not taken. Where it may come again, nothing behind it is taken before that. */
  #refuse(line: Line, n: number, code: ConfirmCode): void {
    const isForNow = code === "busy" || code === "journal";
    if (isForNow && n >= line.expected) return; // One before it was refused already.
    if (isForNow) {
      line.expected = n;
      line.refusals++;
    }
    this.#answer(line, [confirmVersion, confirmWords.error, formatCount(n), codeFrames[code]]);
  }

  #answer(line: Line, frames: readonly Uint8Array[]): void {
    if (!line.send(frames) && !this.#router.closed) this.#cut(line, "it does not take its answers");
  }

  readonly #release = ({ line, bytes }: Item): void => {
    line.bytes -= bytes;
    this.#bytes -= bytes;
    if (this.#items.size === 0) this.#onIdle();
    if (this.#paused.size > 0 && this.#bytes <= allBytesMax / 2) {
      for (const paused of this.#paused) {
        if (paused.bytes > lineBytesMax / 2) continue;
        this.#paused.delete(paused);
        paused.resume?.();
      }
    }
  };

  #cut(line: Line, detail: string): void {
    line.end();
    this.#warn(`the connection from ${line.host} was ended: ${detail}`);
  }

  #hear(event: MonitorEvent): void {
    if (event.type === "cut") this.#warn(`a connection was ended (${event.reason}): ${event.detail}`);
    else if (event.type === "accept-failed") this.#warn(`no connection can be accepted: ${event.detail}`);
  }

  #warn(detail: string): void {
    this.#warnings++;
    const now = performance.now();
    if (now - this.#warnedAt < warnMs) return;
    const more = this.#warnings > 1 ? `; ${this.#warnings - 1} more since this was last told` : "";
    this.#warnings = 0;
    this.#warnedAt = now;
    this.#options.onWarning?.(`${detail}${more}`);
  }
}
