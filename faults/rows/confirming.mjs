/** Publisher three hears from its relay: the relay is away, its answers are lost, or there are two of them. */

import { setTimeout as delay } from "node:timers/promises";
import { Meddling } from "../proxy.mjs";
import { killOne } from "./kills.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../rig.mjs").Rig} Rig
 * @typedef {import("../rig.mjs").Relay} Relay
 * @typedef {import("../row.mjs").Plan} Plan
 * @typedef {import("../managed-process.mjs").ManagedProcess} ManagedProcess
 * @typedef {import("../judge.mjs").Judge} Judge
 */

/** A publisher goes to the next relay where one is silent for 2 s. */
const stoppedMs = 3000;
/** Where there is only one, it begins a new connection after 5 s, and somewhat more where much is on its way. */
const silenceMs = 15_000;
const downMs = 500;
/** For an answer, or a promise, that somebody is to be killed at. */
const nextMs = 2000;

/** Whatever `publish` promised is in a journal of a relay; that it is there once is a mark of every row. @param {Judge} judge */
function missing(judge) {
  const there = judge.inJournals();
  const promised = [...judge.acknowledged()];
  const lost = promised.filter((message) => !there.has(message));
  return lost.length > 0 ? [`${lost.length} messages were confirmed, and no relay has them: ${lost.slice(0, 5)}`] : [];
}

/**
 * Puts a proxy before the place where the relay confirms, that holds back or drops what comes from there.
 *
 * @param {Rig} rig
 * @param {import("../proxy.mjs").ProxyFaults} faults
 * @param {Plan} plan
 */
async function proxyBefore(rig, faults, { dice }) {
  const { relay_outbound: door } = rig.layout.doors;
  const proxy = await Meddling.start(door.confirm, faults, dice);
  rig.atEnd(() => proxy.close());
  door.confirmSeen = proxy.address;
  return proxy;
}

/** `kill -9` of the relay at the moment when its next answer has left it. @param {Meddling} proxy @param {ManagedProcess} relay */
async function killAsItAnswers(proxy, relay) {
  proxy.onNext = () => relay.signal("SIGKILL");
  await holds(() => proxy.onNext === undefined, nextMs);
  proxy.onNext = undefined;
  await relay.kill();
}

/** `kill -9` of a publisher at the moment when it was promised something. @param {ManagedProcess} publisher */
async function killAsItIsPromised(publisher) {
  await publisher.dieOf({ type: "die" }, nextMs);
}

/** @returns {Row} */
function relayDown() {
  /** @type {Meddling} */
  let proxy;
  return {
    name: "relay-down",
    title:
      "The relay killed, and away for a third of the time; a publisher with an outbox goes on, and is killed meanwhile",
    special: (plan) => ({
      confirming: "outbox",
      prepare: async (_layout, rig) => {
        proxy = await proxyBefore(rig, { delayMs: 50 }, plan); // So that the relay has more than the publisher knows of.
      },
    }),
    run: async (rig, plan) => {
      const third = Math.ceil(plan.messages / 3);
      const some = { ...plan, kills: Math.ceil(plan.kills / 2), seconds: plan.seconds / 3 };
      const publishThrough = async (/** @type {Promise<void>[]} */ ...faults) => {
        await Promise.all([rig.publish(third, some.seconds), ...faults]);
      };
      const killPublisher = () => killOne(rig, some, "publisher3", killAsItIsPromised);
      const killRelay = () => killOne(rig, some, "relay", (process) => killAsItAnswers(proxy, process));
      await publishThrough(killPublisher(), killRelay());
      await rig.process("relay").kill();
      await publishThrough(killPublisher());
      await rig.restart("relay");
      await publishThrough(killPublisher(), killRelay());
      return undefined;
    },
    check: (_rig, judge) => missing(judge),
  };
}

/** @returns {Row} */
function confirmLost() {
  /** @type {Meddling} */
  let proxy;
  const faults = { drops: 0 };
  return {
    name: "confirm-lost",
    title:
      "A relay whose confirmations get lost: some, all of them, with the connection; and that is killed as it confirms",
    lasts: true,
    special: (plan) => ({
      confirming: "at once",
      prepare: async (_layout, rig) => {
        proxy = await proxyBefore(rig, faults, plan);
      },
    }),
    fault: async (rig, { seconds, dice }) => {
      const endsAt = performance.now() + seconds * 1000;
      let beganAnew = 0;
      do {
        await killAsItAnswers(proxy, rig.process("relay"));
        await rig.restart("relay");
        faults.drops = 0.05;
        await delay(500 + dice.below(1000));
        proxy.cut();
        faults.drops = 1;
        if (await beginsAnew(proxy)) beganAnew++;
        faults.drops = 0;
      } while (performance.now() < endsAt);
      rig.notes = { beganAnew, answersLost: proxy.counts.dropped };
    },
    check: ({ notes }, judge) => [
      ...missing(judge),
      ...(Number(notes.beganAnew) > 0 ? [] : ["the publisher never began a connection anew of itself"]),
      ...(Number(notes.answersLost) > 0 ? [] : ["the proxy lost nothing"]),
    ],
  };
}

/** Whether a publisher that hears nothing from its relay tries once more, besides now. @param {Meddling} proxy */
async function beginsAnew({ counts }) {
  const { connections } = counts;
  return await holds(() => counts.connections > connections + 1, silenceMs);
}

/** Whether something comes true in time. @param {() => boolean} condition @param {number} patienceMs */
async function holds(condition, patienceMs) {
  const deadline = performance.now() + patienceMs;
  while (!condition() && performance.now() < deadline) await delay(50);
  return condition();
}

/** @param {Rig} rig @param {Relay} role */
async function stop(rig, role) {
  rig.process(role).signal("SIGSTOP");
  await delay(stoppedMs);
  rig.process(role).signal("SIGCONT");
}

/** @param {Rig} rig @param {Relay} role */
async function killOnce(rig, role) {
  await rig.process(role).kill();
  await delay(downMs);
  await rig.restart(role);
}

/** @type {Row} */
const twoRelays = {
  name: "two-relays",
  title:
    "A publisher that may go to either of two relays, which are stopped and killed in turns: both have some messages",
  special: () => ({ confirming: "at once", secondRelay: true }),
  lasts: true,
  fault: async (rig, { seconds }) => {
    const endsAt = performance.now() + seconds * 1000 - stoppedMs;
    for (let turn = 0; turn < 2 || performance.now() < endsAt; turn++) {
      const role = turn % 2 === 0 ? "relay" : "relay2"; // Where the publisher is: from the other it was driven away.
      await delay(downMs);
      if (turn % 4 < 2) await stop(rig, role);
      else await killOnce(rig, role);
    }
  },
  check: (rig, judge) => {
    const { relay_outbound: first, relay_two: second } = judge.journals;
    const both = [...first.messages].filter((message) => second.messages.has(message)).length;
    rig.notes = { first: first.messages.size, second: second.messages.size, both };
    return [...missing(judge), ...(both > 0 ? [] : ["no message got to both relays"])];
  },
};

export const confirming = [relayDown(), confirmLost(), twoRelays];
