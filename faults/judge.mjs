/** Waits until a row has settled, counts, and says which of its marks do not hold. */

import { setTimeout as delay } from "node:timers/promises";
import { journalNames, subscriberNames } from "./layout.mjs";
import { isFor, JournalContents, publisherOf, Rows, readEvents } from "./tally.mjs";

/**
 * @typedef {import("./rig.mjs").Rig} Rig
 * @typedef {import("./layout.mjs").SubscriberName} SubscriberName
 *
 * @typedef {object} Counted What is known of a subscriber.
 * @property {number} received distinct messages that were for it
 * @property {number[]} lost acknowledged, for it, and not received
 * @property {number} twice
 * @property {{ type: string, [key: string]: unknown }[]} gaps
 * @property {number} replayed messages that were fetched
 *
 * @typedef {object} Result
 * @property {number} acknowledged
 * @property {number} queuedOnly of the publisher behind the relay: its bus took them, and no journal has them
 * @property {Record<SubscriberName, Counted>} subscribers
 * @property {string[]} broken marks that do not hold
 */

const pollMs = 250;

/** Follows everything that a row counts. */
export class Judge {
  #rig;
  /** @type {Record<SubscriberName, Rows>} */
  rows;
  /** @type {Record<import("./layout.mjs").JournalName, JournalContents>} */
  journals;

  /** @param {Rig} rig */
  constructor(rig) {
    this.#rig = rig;
    this.rows = { wide: new Rows(rig.layout, "wide"), narrow: new Rows(rig.layout, "narrow") };
    const contents = rig.layout.journals.map((name) => [name, new JournalContents(rig.layout, name)]);
    this.journals = Object.fromEntries(contents);
  }

  /**
   * Waits until both subscribers have everything that can still be had, and have told of what cannot, or until nothing more
   * came for so long.
   *
   * @param {number} quietMs
   * @returns {Promise<string[]>} what does not hold where that was so
   */
  async settle(quietMs) {
    let lastAt = performance.now();
    while (performance.now() - lastAt < quietMs) {
      const came = subscriberNames.reduce((sum, name) => sum + this.rows[name].read(), 0);
      if (came > 0) lastAt = performance.now();
      await this.#readJournals();
      const acknowledged = this.acknowledged();
      if (subscriberNames.every((name) => this.#isSettled(name, acknowledged))) return [];
      await delay(pollMs);
    }
    return [`something was missing, or not told, when nothing more had come for ${quietMs / 1000} s`];
  }

  /** Waits until a subscriber has everything that was promised, for so long at most. @param {SubscriberName} name @param {number} patienceMs */
  async until(name, patienceMs) {
    const deadline = performance.now() + patienceMs;
    do {
      this.rows[name].read();
      await this.#readJournals();
      if (this.#lost(name).length === 0) return;
      await delay(pollMs);
    } while (performance.now() < deadline);
  }

  /** @param {SubscriberName} name @param {ReadonlySet<number>} acknowledged */
  #isSettled(name, acknowledged) {
    const lost = this.#lost(name, acknowledged);
    if (lost.length === 0) return true;
    const there = this.inJournals();
    return lost.every((message) => !there.has(message)) && unlessTold(lost, this.events(name, "gap")).length === 0;
  }

  async #readJournals() {
    for (const name of this.#rig.layout.journals) await this.journals[name].read();
  }

  /** Everything that is in some journal. */
  inJournals() {
    return union(this.#rig.layout.journals.map((name) => this.journals[name].messages));
  }

  /** What was promised on disk. Of the one behind the relay, where nobody confirms: what the relay's journal has. */
  acknowledged() {
    const { records, layout } = this.#rig;
    const third = layout.confirming ? records[3].read().acknowledged : this.journals.relay_outbound.messages;
    return union([records[1].read().acknowledged, records[2].read().acknowledged, third]);
  }

  /** @param {SubscriberName} name @param {ReadonlySet<number>} [acknowledged] */
  #lost(name, acknowledged = this.acknowledged()) {
    const { messages } = this.rows[name];
    return [...acknowledged].filter((message) => isFor(name, message) && !messages.has(message));
  }

  /** @param {import("./rig.mjs").Role} role @param {string} type */
  events(role, type) {
    return readEvents(this.#rig.events(role)).filter((event) => event.type === type);
  }

  /**
   * @param {{ readonly mayLose?: boolean, readonly mayTell?: boolean }} row
   * @returns {Promise<Result>}
   */
  async count({ mayLose = false, mayTell = mayLose }) {
    await this.#readJournals();
    for (const name of subscriberNames) this.rows[name].read();
    const subscribers = { wide: this.#count("wide"), narrow: this.#count("narrow") };
    const acknowledged = this.acknowledged();
    const queued = [...this.#rig.records[3].read().acknowledged];
    const broken = subscriberNames.flatMap((name) => this.#brokenMarks(name, subscribers[name], { mayLose, mayTell }));
    return {
      acknowledged: acknowledged.size,
      queuedOnly: queued.filter((message) => !acknowledged.has(message)).length,
      subscribers,
      broken: [...broken, ...this.#brokenPromises(), ...this.#rig.faults],
    };
  }

  /** @param {SubscriberName} name @returns {Counted} */
  #count(name) {
    const { messages, twice } = this.rows[name];
    const received = [...messages].filter((message) => message < 4e9 && isFor(name, message)).length;
    const replayed = this.events(name, "replayed").reduce((sum, { count }) => sum + Number(count), 0);
    return { received, lost: this.#lost(name), twice: twice.length, gaps: this.events(name, "gap"), replayed };
  }

  /** @param {SubscriberName} name @param {Counted} counted @param {{ mayLose: boolean, mayTell: boolean }} may */
  #brokenMarks(name, { lost, twice, gaps }, { mayLose, mayTell }) {
    const there = this.inJournals();
    const atHand = lost.filter((message) => there.has(message));
    const failed = this.events(name, "commit-failed");
    const untold = unlessTold(lost, gaps);
    return [
      ...(twice > 0 ? [`${name}: ${twice} handled twice, such as ${this.rows[name].twice.slice(0, 5)}`] : []),
      ...(atHand.length > 0
        ? [`${name}: ${atHand.length} lost that a journal has, such as ${atHand.slice(0, 5)}`]
        : []),
      ...(lost.length > atHand.length && !mayLose
        ? [`${name}: ${lost.length - atHand.length} lost that no journal has`]
        : []),
      ...untold.map(
        (journal) => `${name}: messages of ${journal} are lost, such as ${lost.slice(0, 5)}, and no gap told`,
      ),
      ...(gaps.length > 0 && !mayTell
        ? [`${name}: a gap told where nothing is missing: ${JSON.stringify(gaps[0])}`]
        : []),
      ...(failed.length > 0 ? [`${name}: ${failed.length} commits failed: ${failed[0]?.detail}`] : []),
    ];
  }

  /** What publishers promised, held against what journals and subscribers have. */
  #brokenPromises() {
    const { records } = this.#rig;
    const received = union(subscriberNames.map((name) => this.rows[name].messages));
    const refused = [1, 2].flatMap((p) => [...records[/** @type {1 | 2} */ (p)].read().refused]);
    const sent = refused.filter((message) => received.has(message));
    const twice = this.#rig.layout.journals.filter((name) => this.journals[name].twice > 0);
    return [
      ...(sent.length > 0 ? [`${sent.length} messages were refused and sent, such as ${sent.slice(0, 5)}`] : []),
      ...twice.map((name) => `${name}'s journal has ${this.journals[name].twice} messages twice`),
    ];
  }
}

/**
 * The journals that had what is lost, and of which no gap was told.
 *
 * @param {readonly number[]} lost
 * @param {Counted["gaps"]} gaps
 */
function unlessTold(lost, gaps) {
  const told = new Set(gaps.map(({ name }) => name));
  const owners = new Set(lost.map((message) => journalNames[publisherOf(message) - 1]));
  return [...owners].filter((name) => !told.has(name));
}

/** @param {readonly Set<number>[]} sets */
function union(sets) {
  const all = new Set();
  for (const set of sets) for (const each of set) all.add(each);
  return /** @type {Set<number>} */ (all);
}
