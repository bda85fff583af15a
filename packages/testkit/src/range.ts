/** The whole numbers from one to another, both included; none where the second is smaller. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}
