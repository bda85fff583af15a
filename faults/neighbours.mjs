/** The consumers of a hub that fail: what each has in the end, and what it should have. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openDeadLetters } from "@fedmsg/store";
import { doesFail } from "./failing.mjs";
import { messageNumber, numberOf, Rows } from "./tally.mjs";

/** @typedef {import("./layout.mjs").Layout} Layout */

export const neighbourNames = /** @type {const} */ (["throwing", "hanging", "failing"]);
/** @typedef {typeof neighbourNames[number]} NeighbourName */

const pollMs = 250;
const lettersAtOnce = 1000;

/** Whether it should handle a message; else it should have it as a dead letter. @param {NeighbourName} name @param {number} message */
const handles = (name, message) => name !== "failing" || !doesFail(numberOf(message));

/** Follows them. */
export class Neighbours {
  #layout;
  #rows;

  /** @param {Layout} layout */
  constructor(layout) {
    this.#layout = layout;
    this.#rows = new Map(neighbourNames.map((name) => [name, new Rows(layout, name)]));
  }

  /**
   * Waits until each has done something with all of these messages, or nothing more came for so long.
   *
   * @param {number} messages
   * @param {number} quietMs
   */
  async settle(messages, quietMs) {
    let lastAt = performance.now();
    while (performance.now() - lastAt < quietMs) {
      const came = [...this.#rows.values()].reduce((sum, rows) => sum + rows.read(), 0);
      if (came > 0) lastAt = performance.now();
      const done = await Promise.all(
        [...this.#rows].map(async ([name, rows]) => rows.messages.size + (await this.#count(name))),
      );
      if (done.every((count) => count >= messages)) return;
      await delay(pollMs);
    }
  }

  /** @param {NeighbourName} name */
  async #count(name) {
    return await this.#look(name, (box) => box.count(), 0);
  }

  /** The messages that are dead letters. @param {NeighbourName} name @returns {Promise<number[]>} */
  async deadLetters(name) {
    return await this.#look(name, readAll, []);
  }

  /**
   * @template T
   * @param {NeighbourName} name
   * @param {(box: import("@fedmsg/store").DeadLetterBox) => T} work
   * @param {T} nothing where there is no file
   */
  async #look(name, work, nothing) {
    const file = join(this.#layout.folder, "cursors", `${name}.db`);
    if (!existsSync(file)) return nothing;
    const box = await openDeadLetters(file);
    try {
      return work(box);
    } finally {
      box.close();
    }
  }

  /** What they should have, and have not, or have twice. @param {readonly number[]} messages @returns {Promise<string[]>} */
  async brokenMarks(messages) {
    const each = neighbourNames.map(async (name) => {
      const rows = /** @type {Rows} */ (this.#rows.get(name));
      rows.read();
      const [handled, dead] = [true, false].map((wanted) =>
        messages.filter((message) => handles(name, message) === wanted),
      );
      return [
        ...compare(name, handled ?? [], [...rows.messages, ...rows.twice]),
        ...compare(`dead letters of ${name}`, dead ?? [], await this.deadLetters(name)),
      ];
    });
    return (await Promise.all(each)).flat();
  }
}

/** @param {import("@fedmsg/store").DeadLetterBox} box */
function readAll(box) {
  /** @type {number[]} */
  const found = [];
  for (let after = 0; ; ) {
    const letters = box.list({ after, limit: lettersAtOnce });
    for (const { body } of letters) {
      const { msg } = JSON.parse(Buffer.from(body).toString());
      found.push(messageNumber(msg.p, msg.n));
    }
    const last = letters.at(-1);
    if (!last) return found;
    after = last.id;
  }
}

/** Each exactly once, and no other. @param {string} what @param {readonly number[]} wanted @param {readonly number[]} found */
function compare(what, wanted, found) {
  const [expected, there] = [new Set(wanted), new Set(found)];
  const missing = wanted.filter((message) => !there.has(message));
  const strange = [...there].filter((message) => !expected.has(message));
  const twice = found.length - there.size;
  return [
    ...(missing.length > 0 ? [`${what}: ${missing.length} missing, such as ${missing.slice(0, 5)}`] : []),
    ...(strange.length > 0 ? [`${what}: ${strange.length} too many, such as ${strange.slice(0, 5)}`] : []),
    ...(twice > 0 ? [`${what}: ${twice} twice`] : []),
  ];
}
