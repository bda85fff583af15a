import { describe, expect, test } from "vitest";
import { wireOf } from "../../test/pki.ts";
import { canonicalize } from "../encoding.ts";
import { AcceptedMessage } from "./accepted.ts";
import { type Accepted, createReplayGuard, messageKey } from "./index.ts";

const start = 1_800_000_000;

function guard(options: { windowSeconds?: number; entriesMax?: number } = {}) {
  /** What the machine's clock says, and how far it is from one that nobody sets. */
  const state = { now: start, wrongBy: 0 };
  const shrunk: [seconds: number, signer: string | undefined][] = [];
  const behind: number[] = [];
  const made = createReplayGuard({
    windowSeconds: 100,
    now: () => (state.now + state.wrongBy) * 1000,
    monotonicNow: () => (state.now - start) * 1000,
    onShrink: (left, signer) => shrunk.push([left, signer]),
    onClockBehind: (seconds) => behind.push(seconds),
    ...options,
  });
  const admit = (timestamp: unknown, id: unknown = "x", accepted?: Accepted) =>
    made.admit({ topic: "t", timestamp, msg_id: id }, accepted);
  return { state, shrunk, behind, made, admit };
}

function by(signer: string): Accepted {
  return { valid: true, signer, backend: "x509" };
}

describe("the guard", () => {
  test("admits a message once while it lies in the window, and never behind it", () => {
    const { state, admit } = guard();
    expect([admit(start), admit(start), admit(start, "y"), admit(start - 100), admit(start - 101)]).toEqual([
      ...["fresh", "duplicate", "fresh", "fresh", "too-old"],
    ]);
    expect([admit(start + 60), admit(start + 61), admit(start + 0.5, "z"), admit(start + 0.5, "z")]).toEqual([
      ...["fresh", "too-new", "fresh", "duplicate"],
    ]);
    state.now += 100;
    expect([admit(start), admit(start + 60)]).toEqual(["duplicate", "duplicate"]);
    state.now += 1;
    expect([admit(start), admit(start, "new"), admit(start + 60)]).toEqual(["too-old", "too-old", "duplicate"]);
    state.wrongBy -= 50; // a clock that was set back brings nothing back
    expect([admit(start), admit(start + 0.9)]).toEqual(["too-old", "too-old"]);
  });

  test("with a window of broken seconds forgets nothing that it would take", () => {
    const { state, admit } = guard({ windowSeconds: 1.5 });
    expect([admit(start - 1.2), admit(start - 0.5)]).toEqual(["too-old", "fresh"]);
    expect([admit(start + 1.5), admit(start + 1.6)]).toEqual(["fresh", "too-new"]);
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
});

describe("a guard that is full", () => {
  test("shrinks the window, and nothing gets through twice", () => {
    const { state, shrunk, made, admit } = guard({ windowSeconds: 10_000, entriesMax: 50 });
    for (let n = 0; n < 100; n++) {
      state.now = start + n * 10;
      expect([admit(state.now), admit(state.now, "y")]).toEqual(["fresh", "fresh"]);
      expect(made.size).toBeLessThanOrEqual(50);
    }
    expect(shrunk[0]?.[0]).toBeLessThan(260);
    expect(shrunk.length).toBeLessThan(15); // told once a minute
    for (let n = 0; n < 100; n++) expect(admit(start + n * 10)).toMatch(/^(duplicate|too-old)$/);
    expect(admit(state.now, "z")).toBe("fresh");
  });

  test("of one signer, however far ahead he writes, takes the messages of another", () => {
    for (const ahead of [60, 0, -30, -5000]) {
      const { shrunk, made, admit } = guard({ windowSeconds: 10_000, entriesMax: 1000 });
      expect(admit(start - 9000, "early", by("honest"))).toBe("fresh");
      const flood = (id: number) => admit(start + ahead, `${id}`, by("mallory"));
      for (let n = 0; n < 3000; n++) {
        expect(flood(n)).toMatch(ahead > -60 && n >= 999 ? /^too-many$/ : /^(fresh|too-old)$/);
      }
      for (let n = 0; n < 400; n++) {
        expect(admit(start - 9000 + n * 20, "honest", by("honest"))).toBe("fresh");
        expect(made.size).toBeLessThanOrEqual(1000);
      }
      expect(admit(start - 9000, "early", by("honest"))).toBe("duplicate");
      for (let n = 0; n < 3000; n += 7) expect(flood(n)).toMatch(/^(duplicate|too-old|too-many)$/);
      expect(shrunk.map(([, signer]) => signer)).toEqual(["mallory"]);
    }
  });

  test("of two signers refuses what it cannot remember, and takes messages again as soon as a minute is past", () => {
    const { state, made, admit } = guard({ windowSeconds: 10_000, entriesMax: 1000 });
    for (let n = 0; n < 600; n++) for (const name of ["mallory", "trudy"]) admit(start + 60, `${name}${n}`, by(name));
    expect([made.size, admit(start, "a", by("honest")), admit(start + 60, "b", by("honest"))]).toEqual([
      ...[1000, "too-many", "too-many"],
    ]);
    state.now += 121;
    expect(admit(start + 121, "a", by("honest"))).toBe("fresh");
    expect(admit(start + 61, "b", by("honest"))).toBe("fresh"); // later ones of a minute are, whatever was sent
    expect(admit(start + 60, "mallory0", by("mallory"))).toBe("too-old");
  });

  test("of a busy signer shrinks his window only", () => {
    const { state, shrunk, admit } = guard({ windowSeconds: 10_000, entriesMax: 1000 });
    for (let n = 0; n < 3000; n++) {
      state.now = start + n;
      expect(admit(state.now, n, by("relay"))).toBe("fresh");
    }
    expect(shrunk[0]).toEqual([expect.any(Number), "relay"]);
    expect(admit(start + 500, "late", by("relay"))).toBe("too-old");
    expect(admit(start + 500, "late", by("other"))).toBe("fresh");
  });
});

test("a message does not come again under another name that its key has a certificate in", () => {
  const { admit } = guard({ windowSeconds: 10_000, entriesMax: 100 });
  const [mallory, trudy] = ["mallory", "trudy"].map((name) => new AcceptedMessage(name, "x509", "one key"));
  for (let n = 0; n < 300; n++) admit(start - 5000 + n, n, mallory);
  for (let n = 0; n < 300; n++) expect(admit(start - 5000 + n, n, trudy)).toMatch(/^(duplicate|too-old)$/);
});

describe("a clock", () => {
  const year = 31_536_000;

  test("that is a year ahead for a moment closes nothing", () => {
    const { state, behind, admit } = guard();
    expect(admit(start)).toBe("fresh");
    state.wrongBy = year;
    for (let n = 0; n < 1000; n++) expect(admit(start, n)).toBe("too-old");
    state.now += 1;
    expect(admit(start, "a")).toBe("too-old");
    state.wrongBy = 0;
    expect([admit(start + 1), admit(start), admit(start - 30, "b")]).toEqual(["fresh", "duplicate", "fresh"]);
    expect(admit(start - 60, "c")).toBe("too-old"); // the minute that the clock may jump
    expect(behind).toEqual([]);
  });

  test("that is wrong when the guard is made closes nothing either", () => {
    const { state, admit } = guard();
    state.wrongBy = year;
    expect(admit(start)).toBe("too-old");
    state.wrongBy = 0;
    expect(admit(start)).toBe("fresh");
  });

  test("that was ahead for long, and comes back, is told of, once a minute", () => {
    const { state, behind, admit } = guard();
    state.wrongBy = 1000;
    expect([admit(start + 1000), admit(start + 1000)]).toEqual(["fresh", "duplicate"]);
    state.wrongBy = 0;
    for (let n = 0; n < 119; n++) {
      state.now = start + n;
      expect(admit(state.now)).toBe("too-old");
    }
    expect(behind).toEqual([900, 840]);
    state.now = start + 900;
    expect(admit(state.now)).toBe("fresh");
  });

  test("that is right to be ahead, after a sleep, is followed", () => {
    const { state, made, admit } = guard();
    expect(admit(start)).toBe("fresh");
    state.wrongBy = 3600;
    expect([admit(start, "a"), admit(start + 3600)]).toEqual(["too-old", "fresh"]);
    expect(made.size).toBe(2);
    for (let n = 0; n < 3600; n += 30) {
      state.now = start + n;
      admit(start, "b");
    }
    expect(made.size).toBe(0);
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
