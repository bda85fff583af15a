/** Until when something is valid without which nothing is signed, or no message accepted. */
export interface Expiry {
  /** What it is: the name of our own certificate, the path or URL of the authority's or of its list. */
  readonly name: string;
  /** The first moment at which it is no longer valid, in milliseconds since the epoch. */
  readonly notAfter: number;
}
