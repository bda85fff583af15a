import { expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import type { ConsumeContext } from "../plugins/consumer.ts";
import { Trial } from "./trial.ts";

/** What an attempt is given, as far as a trial looks at it. */
function contextOf(attempt: number, commit: () => Promise<undefined> = async () => undefined): ConsumeContext {
  return { attempt, signal: new AbortController().signal, commit } as Partial<ConsumeContext> as ConsumeContext;
}

function trialOf(attemptsMax: number) {
  const calls: string[] = [];
  const trial = new Trial(
    attemptsMax,
    () => calls.push("over"),
    () => calls.push("again"),
  );
  const attempt = async (context: ConsumeContext, consume: (context: ConsumeContext) => unknown) => {
    trial.begin(context.attempt);
    await trial.run(context, consume).catch(() => {});
  };
  return { trial, calls, attempt };
}

test("what the disk refuses is tried beyond the last attempt, as the hub does, and is no dead letter", async () => {
  const { trial, calls, attempt } = trialOf(1);
  const full = () => Promise.reject(new FedmsgError("FEDMSG_JOURNAL", "the disk is full"));
  await attempt(contextOf(1, full), ({ commit }) => commit());
  expect(trial.outcome).toBeUndefined();
  await attempt(contextOf(2), ({ commit }) => commit());
  expect(trial.outcome).toEqual({ handled: true, attempts: 2 });
  expect(calls).toEqual(["over"]);
});

test("what was over is not, where the hub could not write it down and tries again", async () => {
  const { trial, calls, attempt } = trialOf(5);
  await attempt(contextOf(1), () => {});
  await attempt(contextOf(2), () => {});
  expect(trial.outcome).toEqual({ handled: true, attempts: 2 });
  expect(calls).toEqual(["over", "again", "over"]);
});

test("whatever is thrown is an attempt that failed, undefined too", async () => {
  const { trial, attempt } = trialOf(1);
  await attempt(contextOf(1), () => Promise.reject(undefined));
  expect(trial.outcome).toMatchObject({ handled: false, attempts: 1 });
});
