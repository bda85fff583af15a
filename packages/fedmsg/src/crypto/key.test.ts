import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wireOf } from "../../test/pki.ts";
import { dumps, loads } from "../encoding.ts";
import type { Message } from "../wire/envelope.ts";
import { messageKey, messageKeyOf } from "./index.ts";

/** The key by the short way, and by the long one. */
function both(message: unknown, text = dumps(message)) {
  return [messageKeyOf(message as Message, text), messageKey(text)];
}

describe("the key of a message that is known already", () => {
  test.each(["valid", "valid, relay style separators"])("is that of its text: %s", (name) => {
    const text = wireOf(name);
    const [short, long] = both(JSON.parse(text), text);
    expect(short).toEqual(long);
    expect(short).toHaveLength(8);
    expect(messageKeyOf(JSON.parse(text), Buffer.from(text))).toEqual(long);
  });

  test.each([
    { topic: "t", msg_id: "m" },
    { topic: "tést.日本 👩‍🚀", msg_id: '"é"\\\n\u007f' },
    { topic: "t\ud800", msg_id: "\udfff" },
    { topic: "t" },
    { topic: "t", msg_id: 5 },
    { topic: "t", msg_id: null },
    { topic: "t", msg_id: "m", signature: "" },
    { topic: "t", msg_id: "m", signature: "AAAA" },
    { topic: "t", msg_id: "m", signature: "A A\nAA" },
    { topic: "t", msg_id: "m", signature: "AAAAA" },
    { topic: "t", msg_id: "m", signature: "é" },
    { topic: "t", msg_id: "m", signature: null },
    { topic: "t", msg_id: "m", signature: [1.5], certificate: "c" },
    { topic: "x".repeat(5000), msg_id: "m" },
    { topic: ["t"], msg_id: "m" },
  ])("is that of its text: %j", (message) => {
    const [short, long] = both(message);
    expect(short).toEqual(long);
  });

  test("is that of its text, whatever topic, id and signature are", () => {
    const part = fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), fc.jsonValue());
    fc.assert(
      fc.property(fc.record({ topic: part, msg_id: part, signature: part }, { requiredKeys: [] }), (message) => {
        const text = dumps(message);
        const [short, long] = both(loads(text), text);
        expect(short).toEqual(long);
      }),
    );
  });

  test("is zeros where the text is no message after all", () => {
    expect(messageKeyOf({ topic: "t" }, "[]")).toEqual(new Uint8Array(8));
  });
});
