import type { SrvRecord } from "./records.ts";

/**
 * Puts records in the order in which they are to be tried (RFC 2782): by priority, and within a priority by a draw, in
 * which a record is the more likely to be next the larger its weight is.
 *
 * @param random draws a number from 0 up to but not including 1
 */
export function orderRecords(records: readonly SrvRecord[], random: () => number = Math.random): SrvRecord[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((wanted) =>
    drawByWeight(
      records.filter(({ priority }) => priority === wanted),
      random,
    ),
  );
}

function drawByWeight(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  // Those of weight 0 stand in front, where a draw of 0 finds them: rarely, but not never.
  const left = records.toSorted((a, b) => Math.sign(a.weight) - Math.sign(b.weight));
  const drawn: SrvRecord[] = [];
  while (left.length > 0) {
    const sum = left.reduce((total, { weight }) => total + weight, 0);
    let ticket = Math.floor(random() * (sum + 1));
    const index = left.findIndex(({ weight }) => {
      ticket -= weight;
      return ticket <= 0;
    });
    drawn.push(...left.splice(index, 1));
  }
  return drawn;
}
