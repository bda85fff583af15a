/** What is in force of one file or URL, and the events about it. The last good content stays until a better one comes. */

import { type CryptoEventSink, emitSafely, type TrustEvent } from "../events.ts";
import { wordsOf } from "../reasons.ts";
import { date, type Trusted } from "../x509/trust.ts";

/** An expiry is announced again after a day. */
const announceEveryMs = 86_400_000;

/** What a {@link Slot} holds and how it is read. */
export interface SlotOptions<Value> {
  readonly what: TrustEvent["what"];
  readonly location: string;
  /** Throws an `Error` in words where the text holds nothing that could be in force. */
  readonly parse: (text: string) => Value;
  /** The first moment at which the value is no longer valid, in milliseconds; infinite where there is none. */
  readonly expiresAt: (value: Value) => number;
  readonly onEvent: CryptoEventSink | undefined;
}

/** A slot of any kind, as whoever fills it sees it. */
export type AnySlot = Pick<Slot<unknown>, "accept" | "confirm" | "fail" | "expiresAt"> & { readonly value: unknown };

/** Holds the certificate of the authority, or its list. */
export class Slot<Value> implements Trusted<Value> {
  readonly location: string;
  value: Value | undefined;
  problem = "it was not read yet";
  readonly #options: SlotOptions<Value>;
  #text: string | undefined;
  #failure: string | undefined;
  #announced: { readonly state: TrustEvent["state"]; readonly at: number } | undefined;

  constructor(options: SlotOptions<Value>) {
    this.#options = options;
    // Whoever configures a password in a URL finds it in no log.
    this.location = options.location.replace(/^(\w+:\/\/)[^/?#]*@/, "$1…@");
  }

  /** The first moment at which what is in force is no longer valid; infinite also where nothing is. */
  get expiresAt(): number {
    return this.value === undefined ? Number.POSITIVE_INFINITY : this.#options.expiresAt(this.value);
  }

  /** Puts a text in force, if it can be read. Whether it can. */
  accept(text: string, from = ""): boolean {
    if (text === this.#text) {
      this.confirm();
      return true;
    }
    try {
      this.value = this.#options.parse(text);
    } catch (error) {
      this.fail(wordsOf(error));
      return false;
    }
    this.#text = text;
    this.#failure = undefined;
    this.#announced = undefined;
    this.#emit("loaded", from || "read");
    return true;
  }

  /** What is in force was found again unchanged; tells so only where it could not be read before. */
  confirm(): void {
    if (this.#failure === undefined || this.value === undefined) return;
    this.#failure = undefined;
    this.#emit("loaded", "it can be read again, and has not changed");
  }

  /** Tells that nothing could be read, once for each detail; what is in force stays. */
  fail(detail: string): void {
    if (this.value === undefined) this.problem = detail;
    if (detail === this.#failure) return;
    this.#failure = detail;
    this.#emit("failed", this.value === undefined ? detail : `${detail}; the one read before stays in force`);
  }

  /** Tells that the end is near, or past, when that is so. */
  announce(now: number, warnMs: number): void {
    const left = this.expiresAt - now;
    if (left > warnMs) return;
    const state = left > 0 ? "expires" : "expired";
    const last = this.#announced;
    if (last?.state === state && now - last.at < announceEveryMs) return;
    this.#announced = { state, at: now };
    const end = date(this.expiresAt);
    this.#emit(state, left > 0 ? `on ${end}` : `on ${end}; no message is accepted until there is another`);
  }

  #emit(state: TrustEvent["state"], detail: string): void {
    const { what, onEvent } = this.#options;
    const expires = Number.isFinite(this.expiresAt) ? { expiresAt: this.expiresAt } : {};
    emitSafely(onEvent, { type: "trust", what, state, location: this.location, detail, ...expires });
  }
}
