import { expect, test } from "vitest";
import { escapeControls, escapeLine, toLine } from "./escape.ts";

const hostile = "a\tb\n\u001b[2J\r\u007f\u009b\u200f\u202e\u2028\u2069";
const escaped = "\\x1b[2J\\x0d\\x7f\\x9b\\u200f\\u202e\\u2028\\u2069";

test("nothing is left that a terminal obeys; line feeds and tabs stay where they may", () => {
  expect(escapeControls(hostile)).toBe(`a\tb\n${escaped}`);
  expect(escapeLine(hostile)).toBe(`a\tb\\n${escaped}`);
  expect(toLine(hostile, 100)).toBe(`a\\x09b\\n${escaped}`);
});

test("what a terminal only shows stays as it is", () => {
  const text = 'größe 日本語 🎉 \\ "';
  expect([escapeControls(text), escapeLine(text), toLine(text, 100)]).toEqual([text, text, text]);
});

test("a line is cut at its length, and says so", () => {
  expect(toLine("x".repeat(11), 10)).toBe(`${"x".repeat(10)}…`);
  expect(toLine("x".repeat(10), 10)).toBe("x".repeat(10));
  expect(toLine("\n".repeat(11), 10)).toBe(`${"\\n".repeat(10)}…`);
});
