/** What the judge of a subscription tells, besides its judgement. */
import { signedConfig } from "@fedmsg/testkit";
import { afterEach, expect, test, vi } from "vitest";
import { createReplayGuard, createSigner } from "../crypto/index.ts";
import { decodeMessage } from "../wire/frames.ts";
import type { StatusEvent } from "./status.ts";
import { guardEvents, type Memo, Trust } from "./trust.ts";

afterEach(() => void vi.useRealTimers());

function listen() {
  const events: StatusEvent[] = [];
  return { events, status: { emit: (event: StatusEvent) => void events.push(event) } };
}

test("a clock that falls back behind what was accepted is told as a warning", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const start = Date.now();
  const { events, status } = listen();
  using closing = { closed: new AbortController(), [Symbol.dispose]: () => closing.closed.abort() };
  const config = signedConfig({ replay_window: 60 });
  const judge = await (await Trust.open(config, status, closing.closed.signal)).createJudge();
  const signer = await createSigner(signedConfig());
  const ask = (i: number) => {
    const body = Buffer.from(signer.encodeSigned({ topic: "t", i, timestamp: Math.floor(Date.now() / 1000) }));
    const decoded = decodeMessage([Buffer.from("t"), body]);
    return decoded.valid ? judge.judge(decoded) : expect.unreachable();
  };
  vi.setSystemTime(start + 1_000_000);
  expect([ask(1), ask(2)]).toMatchObject([{ accepted: true }, { accepted: true }]);
  vi.setSystemTime(start);
  for (let i = 3; i < 10; i++) expect(ask(i)).toMatchObject({ accepted: false, reason: "too-old" });
  expect(events.filter(({ type }) => type === "warning")).toEqual([
    { type: "warning", name: "replay_window", detail: expect.stringMatching(/clock is 9[34]\d s behind/) },
  ]);
});

test("what one judge found about a message another one takes over, also where that took time", async () => {
  const { status } = listen();
  using closing = { closed: new AbortController(), [Symbol.dispose]: () => closing.closed.abort() };
  const trust = await Trust.open(signedConfig(), status, closing.closed.signal);
  const [first, second] = [await trust.createJudge(), await trust.createJudge({ allowUnsigned: ["t"] })];
  const blind = await trust.createJudge({ validateSignatures: false });
  const body = Buffer.from((await createSigner(signedConfig())).encodeSigned({ topic: "t" }));
  const decoded = decodeMessage([Buffer.from("t"), body]);
  if (!decoded.valid) expect.unreachable();
  const memo: Memo = { finding: undefined };
  expect(first.judge(decoded, "recent", memo)).toMatchObject({ accepted: true, trust: "signed" });
  const found = memo.finding;
  expect(second.judge(decoded, "recent", memo)).toMatchObject({ accepted: true, trust: "signed" });
  expect(memo.finding).toBe(found);
  memo.finding = Promise.resolve({ validation: { valid: false, reason: "unsigned", detail: "so it was found" } });
  expect(await first.judge(decoded, "recent", memo)).toMatchObject({ accepted: false, detail: "so it was found" });
  expect(await second.judge(decoded, "recent", memo)).toEqual({ accepted: true, trust: "unsigned" });
  expect(blind.judge(decoded, "recent", memo)).toEqual({ accepted: true, trust: "unchecked" });
});

test("a memory that is full is told as a warning, with the name of who filled it", () => {
  const { events, status } = listen();
  const guard = createReplayGuard({ windowSeconds: 1000, entriesMax: 10, ...guardEvents(status) });
  const now = Math.floor(Date.now() / 1000);
  const send = (n: number, name: string) =>
    guard.admit({ topic: "t", timestamp: now - 900 + n, msg_id: n }, { valid: true, signer: name, backend: "x509" });
  for (let n = 0; n < 20; n++) send(n, "bodhi\n");
  expect(events).toEqual([
    { type: "warning", name: "replay_window", detail: expect.stringMatching(/of "bodhi\\n", who .* 89\d s back/) },
  ]);
});
