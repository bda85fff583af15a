/** When a connection was heard of, and when it counts as lost (ZMTP 3.1, RFC 37 "Connection Heartbeating"). Times in ms. */
export class Pulse {
  heardAt: number;
  /** Silence after which the peer wants the connection to count as lost; 0: it told no such wish. */
  ttlMs = 0;
  #lastPingAt: number;
  /** When the first PING was sent since something was heard. */
  #pingedAt = 0;

  constructor(now: number) {
    this.heardAt = now;
    this.#lastPingAt = now;
  }

  heard(now: number): void {
    this.heardAt = now;
  }

  /** Whether a PING was not answered in time, by whatever, or the silence is too long for the peer. */
  isLost(now: number, timeoutMs: number): boolean {
    const isUnanswered = this.#pingedAt > this.heardAt && now - this.#pingedAt >= timeoutMs;
    return isUnanswered || (this.ttlMs > 0 && now - this.heardAt >= this.ttlMs);
  }

  /** Whether a PING is due: it is to be sent then. */
  beat(now: number, everyMs: number): boolean {
    if (now - this.#lastPingAt < everyMs) return false;
    this.#lastPingAt = now;
    if (this.#pingedAt <= this.heardAt) this.#pingedAt = now;
    return true;
  }
}
