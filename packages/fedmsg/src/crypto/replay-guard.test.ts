import { describe, expect, test } from "vitest";
import { wireOf } from "../../test/pki.ts";
import { canonicalize } from "../encoding.ts";
import { createReplayGuard, messageKey } from "./index.ts";

const start = 1_800_000_000;

function guard(options: { windowSeconds?: number; entriesMax?: number } = {}) {
  const state = { now: start };
  const shrunk: number[] = [];
  const made = createReplayGuard({
    ...{ windowSeconds: 100, now: () => state.now * 1000, onShrink: (left) => shrunk.push(left) },
    ...options,
  });
  return {
    state,
    shrunk,
    made,
    admit: (timestamp: unknown, id: unknown = "x") => made.admit({ topic: "t", timestamp, msg_id: id }),
  };
}

describe("the guard", () => {
  test("admits a message once while it lies in the window, and never behind it", () => {
    const { state, admit } = guard();
    expect([admit(start), admit(start), admit(start, "y"), admit(start - 100), admit(start - 101)]).toEqual([
      ...["fresh", "duplicate", "fresh", "fresh", "too-old"],
    ]);
    expect([admit(start + 100), admit(start + 101), admit(start + 0.5, "z"), admit(start + 0.5, "z")]).toEqual([
      ...["fresh", "too-new", "fresh", "duplicate"],
    ]);
    state.now += 100;
    expect([admit(start), admit(start + 100)]).toEqual(["duplicate", "duplicate"]);
    state.now += 1;
    expect([admit(start), admit(start, "new"), admit(start + 100)]).toEqual(["too-old", "too-old", "duplicate"]);
    state.now -= 50; // a clock that was set back brings nothing back
    expect([admit(start), admit(start + 0.9)]).toEqual(["too-old", "too-old"]);
  });

  test("with a window of broken seconds forgets nothing that it would take", () => {
    const { state, admit } = guard({ windowSeconds: 1.5 });
    expect([admit(start - 1.2), admit(start - 0.5)]).toEqual(["too-old", "fresh"]);
    state.now += 1;
    expect(admit(start - 0.5)).toBe("too-old");
  });

  test("refuses what tells no time, and what is no message", () => {
    const { made, admit } = guard();
    for (const timestamp of [undefined, null, "1800000000", true, [start], Number.NaN]) {
      if (timestamp !== undefined) expect(admit(timestamp)).toBe("too-old");
    }
    expect([made.admit("{}"), made.admit("no json"), made.admit([]), admit(Number.POSITIVE_INFINITY)]).toEqual(
      Array(4).fill("too-old"),
    );
    expect(admit(Number.NEGATIVE_INFINITY)).toBe("too-old");
  });

  test("that is off lets everything pass and remembers nothing", () => {
    const { made, admit } = guard({ windowSeconds: 0 });
    expect([admit(1), admit(1), made.admit("?")]).toEqual(["fresh", "fresh", "fresh"]);
    expect(made.size).toBe(0);
  });

  test("keeps no more keys than it may: the window shrinks, and nothing gets through twice", () => {
    const { state, shrunk, made, admit } = guard({ entriesMax: 50 });
    for (let n = 0; n < 100; n++) {
      state.now = start + n;
      expect([admit(state.now), admit(state.now, "y")]).toEqual(["fresh", "fresh"]);
      expect(made.size).toBeLessThanOrEqual(50);
    }
    expect(shrunk.at(-1)).toBeLessThan(26);
    for (let n = 0; n < 100; n++) expect(admit(start + n)).toMatch(/^(duplicate|too-old)$/);
    expect(admit(start + 99, "z")).toBe("fresh");
  });
});

describe("the key of a message", () => {
  const good = wireOf("valid");
  const message = JSON.parse(good) as Record<string, string>;

  test("stays through respacing, and through other spellings of the signature", () => {
    const key = messageKey(good);
    expect(key).toHaveLength(8);
    expect(messageKey(wireOf("valid, relay style separators"))).toBeDefined();
    expect(messageKey(Buffer.from(good))).toEqual(key);
    expect(messageKey(JSON.stringify(message, null, 2))).toEqual(key);
    expect(messageKey({ ...message, signature: message.signature?.replaceAll("\n", " *\n") })).toEqual(key);
    expect(messageKey({ ...message, certificate: "another spelling" })).toEqual(key);
  });

  test("is another one for another topic, id or signature", () => {
    const keys = [good, { ...message, topic: "a" }, { ...message, msg_id: "b" }, { ...message, signature: "AAAA" }].map(
      messageKey,
    );
    expect(new Set(keys.map((key) => Buffer.from(key as Uint8Array).toString("hex"))).size).toBe(4);
  });

  test("takes the text where there is no id", () => {
    const { msg_id: _, ...without } = message;
    expect(messageKey(without)).toEqual(messageKey(canonicalize(JSON.stringify(without))));
    expect(messageKey(without)).not.toEqual(messageKey({ ...without, i: 5 }));
    expect(messageKey({ topic: "ab", msg_id: "c" })).not.toEqual(messageKey({ topic: "a", msg_id: "bc" }));
  });

  test("is the one that the layout says", () => {
    // SHA-256 of 00000003 "t" 00000003 "m" 00000003 000000
    expect(Buffer.from(messageKey({ topic: "t", msg_id: "m", signature: "AAAA" }) as Uint8Array).toString("hex")).toBe(
      "6952a03db698bfec",
    );
    expect(messageKey("[]")).toBeUndefined();
  });
});
