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
    lastTooOld: (through = 0) => age.tooOld(journal, through).through,
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

test("an outbox that is empty at a start with a clock a year ahead drops nothing fresh once the clock is right", async () => {
  const machine = openMachine();
  machine.set(365 * day);
  const age = open(machine);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(3 * day);
  expect(age.lastTooOld()).toBe(0);
  machine.set(-365 * day);
  await machine.append(1);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(week);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(1);
  expect(age.lastTooOld()).toBe(1);
});

test("a clock that was a year ahead for days drops nothing fresh once it is right", async () => {
  const machine = await openFilled();
  const age = open(machine);
  machine.set(365 * day);
  for (let n = 0; n < 2 * 24; n++) {
    machine.pass(hour);
    age.lastTooOld();
  }
  machine.set(-365 * day);
  await machine.append(6);
  machine.pass(hour);
  expect(age.lastTooOld()).toBe(0); // Also of those from before: what was not dropped then is not too old now.
  machine.pass(week - hour);
  expect(age.lastTooOld()).toBe(5);
  machine.pass(1);
  expect(age.lastTooOld()).toBe(6);
});

test("a clock that jumps ahead while nobody looks drops nothing at the next look", async () => {
  const machine = await openFilled();
  const age = open(machine);
  expect(age.lastTooOld()).toBe(0);
  machine.set(365 * day);
  machine.pass(6 * day);
  expect(age.lastTooOld()).toBe(0);
});

test("a message that was stamped with a clock that was behind takes none with it that waits before it", async () => {
  const machine = await openFilled();
  const age = open(machine);
  machine.set(-365 * day);
  await machine.append(6);
  machine.set(365 * day);
  await machine.append(7);
  expect(age.lastTooOld()).toBe(0);
  expect(open(machine).lastTooOld()).toBe(0);
  machine.pass(week - hour + 1);
  expect(age.lastTooOld()).toBe(4);
  machine.pass(hour);
  expect(age.lastTooOld()).toBe(7);
});

test("a message that was stamped with a clock that was ahead keeps those behind it", async () => {
  const machine = openMachine();
  const age = open(machine);
  machine.set(day);
  await machine.append(1);
  machine.set(-day);
  await machine.append(2);
  machine.pass(week + hour);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(day);
  expect(age.lastTooOld()).toBe(2);
});

test("a process that was started with a clock a year behind drops what is too old when the clock has been right for a while", async () => {
  const machine = openMachine();
  machine.set(-365 * day);
  const age = open(machine);
  expect(age.lastTooOld()).toBe(0);
  machine.set(365 * day);
  await machine.append(1);
  for (let n = 0; n < 7 * 24; n++) {
    machine.pass(hour);
    expect(age.lastTooOld()).toBe(0);
  }
  machine.pass(1);
  expect(age.lastTooOld()).toBe(1);
});

test("a message of 1970 at a start does not put the bound out of force", async () => {
  const machine = openMachine();
  const nowMs = machine.clocks.now();
  machine.set(-nowMs);
  await machine.append(1);
  machine.set(nowMs);
  const age = open(machine);
  await machine.append(2);
  machine.pass(week / 10);
  expect(age.lastTooOld()).toBe(0);
  machine.pass(week - week / 10 + 1);
  expect(age.lastTooOld()).toBe(2);
});

test("what is too old is told in pieces", async () => {
  const machine = openMachine();
  const age = open(machine);
  for (let n = 1; n <= 25_000; n++) await machine.append(n);
  machine.pass(week + 1);
  expect([age.lastTooOld(), age.lastTooOld(10_000), age.lastTooOld(20_000)]).toEqual([10_000, 20_000, 25_000]);
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
