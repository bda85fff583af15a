/** Why a relay did not take a message: its own word, `cut-off` where it ends the connection instead, `other` for a word that nobody knows. */
export const confirmRefusals = ["invalid", "too-large", "cut-off", "busy", "journal", "version", "other"] as const;

/** One of {@link confirmRefusals}. */
export type ConfirmRefusal = (typeof confirmRefusals)[number];

/** What became of the messages of a publisher that wants to be sure. All counts only grow. */
export class ConfirmCounts {
  confirmed = 0;
  /** Messages that were sent once more, as their answer did not come or was `busy`, `journal` or `version`. */
  retried = 0;
  /** Answers of relays that were no confirmation. */
  readonly refused: Record<ConfirmRefusal, number>;

  constructor() {
    this.refused = Object.fromEntries(confirmRefusals.map((word) => [word, 0])) as Record<ConfirmRefusal, number>;
  }

  /** @param word what the relay said */
  refuse(word: string): void {
    this.refused[confirmRefusals.find((known) => known === word) ?? "other"]++;
  }
}
