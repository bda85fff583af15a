/** The results of rows as a table, and its place in docs/reliability.md. */

import { readFile, writeFile } from "node:fs/promises";
import { rows } from "./rows/index.mjs";

/** @typedef {import("./row.mjs").RowResult} RowResult */

const page = new URL("../docs/reliability.md", import.meta.url);
const begin = "<!-- faults: begin -->";
const end = "<!-- faults: end -->";
const head = [
  "| What is done | Row | Acknowledged | Received: wide, narrow | Lost | Handled twice | `gap` told | Marks |",
  "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
];

/** @param {readonly RowResult[]} results */
export function asTable(results) {
  return [...head, ...results.map(asRow)].join("\n");
}

/** @param {RowResult} result */
function asRow({ row, acknowledged, queuedOnly, subscribers, skipped, broken }) {
  const { wide, narrow } = subscribers;
  const title = rows.find(({ name }) => name === row)?.title ?? row;
  if (skipped) return `| ${title} | \`${row}\` | | | | | | skipped: ${skipped} |`;
  const cells = [
    title,
    `\`${row}\``,
    count(acknowledged) + (queuedOnly > 0 ? ` (+ ${count(queuedOnly)} queued)` : ""),
    `${count(wide.received)}, ${count(narrow.received)}`,
    count(wide.lost.length + narrow.lost.length),
    count(wide.twice + narrow.twice),
    count(wide.gaps.length + narrow.gaps.length),
    broken.length === 0 ? "hold" : "**broken**",
  ];
  return `| ${cells.join(" | ")} |`;
}

/** @param {number} n */
function count(n) {
  return n.toLocaleString("en");
}

/**
 * Puts the results into the table of docs/reliability.md; rows that did not run stay as they are.
 *
 * @param {readonly RowResult[]} results
 * @param {{ readonly messages: number, readonly seed: number }} options
 */
export async function updateDocs(results, { messages, seed }) {
  const text = await readFile(page, "utf8");
  const [before, rest] = text.split(begin);
  const [table, after] = rest?.split(end) ?? [];
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error(`${page.pathname} has no ${begin} … ${end}`);
  }
  const lines = rows.flatMap(({ name }) => {
    const result = results.find(({ row }) => row === name);
    return result ? asRow(result) : table.split("\n").filter((line) => line.includes(`| \`${name}\` |`));
  });
  const command = `npm run test:faults -- --messages ${messages} --seed ${seed}`;
  const found = [begin, `What \`${command}\` found:`, "", ...head, ...lines, end].join("\n");
  await writeFile(page, before + found + after);
}
