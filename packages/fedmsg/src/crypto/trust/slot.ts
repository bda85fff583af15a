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
  /** Why a value must not take the place of the one in force, if it must not. Default: it may. */
  readonly problemWith?: (next: Value, inForce: Value) => string | undefined;
  /** What is weak about a value, if anything is. Default: nothing. */
  readonly weaknessOf?: (value: Value) => string | undefined;
  /** Hears that another value is in force. */
  readonly onLoaded?: () => void;
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
  /** The last text that could be read and was not put in force. */
  #refused: string | undefined;
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

  /** Puts a text in force, if it can be read and may take the place of what is there. Whether it is in force. */
  accept(text: string, from = ""): boolean {
    this.#refused = undefined;
    if (text === this.#text) {
      this.confirm();
      return true;
    }
    const next = this.#read(text);
    if (next === undefined) return false;
    this.value = next;
    this.#text = text;
    this.#failure = undefined;
    this.#announced = undefined;
    this.#emit("loaded", from || "read");
    const weakness = this.#options.weaknessOf?.(next);
    if (weakness !== undefined) this.#emit("warning", weakness);
    this.#options.onLoaded?.();
    return true;
  }

  /** Looks once more at a text that was refused because of what was in force elsewhere, as that is another by now. */
  reconsider(): void {
    if (this.#refused !== undefined) this.accept(this.#refused);
  }

  #read(text: string): Value | undefined {
    try {
      const next = this.#options.parse(text);
      const problem = this.value === undefined ? undefined : this.#options.problemWith?.(next, this.value);
      if (problem === undefined) return next;
      this.#refused = text;
      this.fail(problem);
    } catch (error) {
      this.fail(wordsOf(error));
    }
    return undefined;
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
