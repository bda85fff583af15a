import { expect, test } from "vitest";
import { createMemoryJournal } from "../replay/memory-journal.ts";
import { OutboxAge } from "./outbox-age.ts";

const hour = 3_600_000;
const day = 24 * hour;
const week = 7 * day;

/** A journal and the clocks of a machine. `pass` lets time pass, `set` sets the clock that can be set. */
function openMachine() {
  let nowMs = 1_700_000_000_000;
  let monotonicMs = 5000;
  const journal = createMemoryJournal({ now: () => nowMs });
  return {
    journal,
    clocks: { now: () => nowMs, monotonicNow: () => monotonicMs },
    append: (n: number) => journal.append(() => ({ topic: "t", msgId: `${n}`, body: Buffer.from("{}") })),
    pass: (ms: number) => {
      nowMs += ms;
      monotonicMs += ms;
    },
    set: (ms: number) => {
      nowMs += ms;
    },
  };
}

/** A machine with messages 1 to 5, an hour apart, of which the newest was published just now. */
async function openFilled() {
  const machine = openMachine();
  for (let n = 1; n <= 5; n++) {
    if (n > 1) machine.pass(hour);
    await machine.append(n);
  }
  return machine;
}

function open({ journal, clocks }: Pick<ReturnType<typeof openMachine>, "journal" | "clocks">, maxAgeMs = week) {
  const age = new OutboxAge(maxAgeMs, clocks);
  age.begin(journal, journal.info.first - 1);
  return {
    lastTooOld: () => age.lastTooOld(journal),
    oldestSeconds: (through = 0) => age.oldestSeconds(journal, through),
  };
}

test("with a clock that is right messages are too old when their time is over, and not before", async () => {
  const machine = openMachine();
  const age = open(machine);
  await machine.append(1);
  machine.pass(hour);
  await machine.append(2);
  machine.pass(week - hour);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(1);
  expect(age.lastTooOld()).toBe(1);
  machine.pass(hour);
  expect(age.lastTooOld()).toBe(2);
});

test("a clock that is a year ahead at a start makes nothing too old for a tenth of the time allowed", async () => {
  const machine = await openFilled();
  machine.set(365 * day);
  const age = open(machine);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(week / 10);
  expect(age.lastTooOld()).toBe(0);
  machine.set(-365 * day); // Somebody has set it right.
  machine.pass(hour);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(week - week / 10 - 5 * hour + 1); // The first one is a week old now.
  expect(age.lastTooOld()).toBe(1);
});

test("what waited while the machine was off for a month is too old in the end, one after the other", async () => {
  const machine = await openFilled();
  machine.pass(30 * day);
  const age = open(machine);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(week / 10 + 1);
  expect(age.lastTooOld()).toBe(1);
  machine.pass(hour / 10);
  expect(age.lastTooOld()).toBe(2);
  machine.pass(hour);
  expect(age.lastTooOld()).toBe(5);
});

test("starts with a wrong clock, one behind the other, make nothing too old, also where something was published meanwhile", async () => {
  const machine = await openFilled();
  machine.set(365 * day);
  await machine.append(6);
  for (let n = 0; n < 10; n++) {
    const age = open(machine);
    machine.pass(hour);
    expect(age.lastTooOld()).toBe(0);
  }
});

test("a clock that jumps a year ahead while messages wait, and back, makes nothing too old", async () => {
  const machine = await openFilled();
  const age = open(machine);
  machine.set(365 * day);
  machine.pass(hour);
  expect(age.lastTooOld()).toBe(0);
  machine.set(-365 * day);
  machine.pass(day);
  expect(age.lastTooOld()).toBe(0);
});

test("without a bound nothing is too old", async () => {
  const machine = await openFilled();
  const age = open(machine, 0);
  machine.pass(10 * 365 * day);
  expect(age.lastTooOld()).toBe(0);
});

test("how long the oldest has waited is told; not less than nothing where a clock was set back", async () => {
  const machine = await openFilled();
  const age = open(machine);
  expect(age.oldestSeconds()).toBe((4 * hour) / 1000);
  expect(age.oldestSeconds(3)).toBe(hour / 1000);
  machine.set(-day);
  expect(age.oldestSeconds(3)).toBe(0);
  expect(age.oldestSeconds(5)).toBe(0);
  await machine.journal.close();
  expect(age.oldestSeconds(4)).toBeUndefined();
});
