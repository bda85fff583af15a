/** Which messages of an outbox are done with, confirmed or given up: all up to one, and some behind it. */
export class OutboxProgress {
  #through = 0;
  /** Positions behind `through`. */
  readonly #early = new Set<number>();

  /** Everything up to here is done with. */
  get through(): number {
    return this.#through;
  }

  /**
   * Begins with a journal.
   *
   * @param vouched what was done with up to here still is, as it is the same journal again; 0 for another one
   * @returns everything up to here is done with
   */
  begin(first: number, vouched: number): number {
    this.#through = Math.max(first - 1, Math.min(this.#through, vouched));
    for (const position of this.#early) {
      if (position <= this.#through || position > vouched) this.#early.delete(position);
    }
    this.#advance();
    return this.#through;
  }

  has(position: number): boolean {
    return position <= this.#through || this.#early.has(position);
  }

  done(position: number): void {
    if (position === this.#through + 1) this.#through++;
    else if (position > this.#through) this.#early.add(position);
    this.#advance();
  }

  /** How many up to `head` are not done with. */
  countLeft(head: number): number {
    return head - this.#through - this.#early.size;
  }

  /** How many of these lie behind a position. */
  countLeftBehind(position: number, head: number): number {
    const early = [...this.#early].filter((each) => each > position).length;
    return Math.max(0, head - Math.max(position, this.#through) - early);
  }

  /** Those behind `after`, up to `through`, that are not done with. */
  listLeft(after: number, through: number): number[] {
    const left: number[] = [];
    for (let position = after + 1; position <= through; position++) if (!this.has(position)) left.push(position);
    return left;
  }

  #advance(): void {
    while (this.#early.delete(this.#through + 1)) this.#through++;
  }
}
