import type { Received } from "fedmsg";
import { expect, test } from "vitest";
import { formatPretty, formatQuery, formatReallyPretty } from "./format.ts";

function received(body: string): Received {
  return { name: "", endpoint: "", topic: "t", message: JSON.parse(body), body: Buffer.from(body), trust: "unchecked" };
}

test("keys, texts, numbers and words have a colour each, and the text is the same without", () => {
  const message = received('{"a": "x: \\"1\\" true", "b": [1.5, -2, true, null], "c": {}}');
  const coloured = formatReallyPretty(true)(message);
  expect(coloured).toContain('\x1b[34m"a"\x1b[39m: \x1b[32m"x: \\"1\\" true"\x1b[39m');
  expect(coloured).toContain("\x1b[36m1.5\x1b[39m");
  expect(coloured).toContain("\x1b[36m-2\x1b[39m");
  expect(coloured).toContain("\x1b[35mnull\x1b[39m");
  expect(coloured.replace(/\x1b\[\d+m/g, "")).toBe(formatReallyPretty(false)(message));
});

test.each([
  ["0", "Thu Jan  1 "],
  ["1344438000.75", "Wed Aug  8 "],
  ["-1e11", " -1199"],
  ["1e300", "1e+300"],
  ["null", "null"],
  ["true", "true"],
  ['"Thu Aug  9 2012"', '"Thu Aug  9 2012"'],
])("--pretty: the timestamp %s is %s", (timestamp, expected) => {
  expect(formatPretty(received(`{"timestamp": ${timestamp}}`))).toContain(expected);
});

test("--query: nothing of JavaScript's own is found in a message", () => {
  const message = received('{"a": [1, 2], "__proto__": {"b": 1}}');
  const query = formatQuery("a.length,constructor,toString,__proto__.b,a.-1,a.01,a,");
  expect(query(message)).toBe("None, None, None, 1, None, 2, [1, 2], None");
});

test("--query: what holds other things is on one line", () => {
  expect(formatQuery("m")(received('{"m": {"a": [], "b": {"c": [1, "x,\\n y"]}}}'))).toBe(
    '{"a": [], "b": {"c": [1, "x,\\n y"]}}',
  );
});

test("what is let through without a signature is marked for people", () => {
  const unsigned: Received = { ...received('{"a": 1}'), trust: "unsigned" };
  for (const format of [formatPretty, formatReallyPretty(false)]) {
    expect(format(unsigned)).toBe(`(unsigned)\n${format(received('{"a": 1}'))}`);
  }
});
