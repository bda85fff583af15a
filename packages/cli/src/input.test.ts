import { expect, test } from "vitest";
import { splitLines } from "./input.ts";

async function* from(...chunks: string[]) {
  yield* chunks;
}

async function linesOf(...chunks: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of splitLines(from(...chunks))) lines.push(line);
  return lines;
}

test.each<[string[], string[]]>([
  [[], []],
  [[""], []],
  [["a"], ["a"]],
  [["a\n"], ["a"]],
  [
    ["a\nb", "c\n\nd"],
    ["a", "bc", "", "d"],
  ],
  [
    ["a\r", "\nb\r\nc\rd\r"],
    ["a", "b", "c", "d"],
  ],
  [
    ["a\r", "b"],
    ["a", "b"],
  ],
  [["\r"], [""]],
  [["a\u2028b\u0085c\x0bd\x0ce"], ["a\u2028b\u0085c\x0bd\x0ce"]],
])("%j is the lines %j", async (chunks, lines) => {
  expect(await linesOf(...chunks)).toEqual(lines);
  expect(await linesOf(...chunks.join(""))).toEqual(lines);
});
