/** What was promised, what arrived, and what follows. A message is a number: `p · 10⁹ + n`. */

import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { openJournalReader } from "@fedmsg/store";
import { DatabaseSync } from "@photostructure/sqlite";
import { filters, journalFile } from "./layout.mjs";

/**
 * @typedef {import("./layout.mjs").Layout} Layout
 * @typedef {import("./layout.mjs").SubscriberName} SubscriberName
 * @typedef {import("./layout.mjs").JournalName} JournalName
 */

const perPublisher = 1e9;

/** @param {number} p @param {number} n */
export const messageNumber = (p, n) => p * perPublisher + n;
/** @param {number} message */
export const publisherOf = (message) => Math.floor(message / perPublisher);
/** Its number with that publisher. @param {number} message */
export const numberOf = (message) => message % perPublisher;
/** @param {SubscriberName} subscriber @param {number} message */
export const isFor = (subscriber, message) => filters[subscriber].wants(numberOf(message));

/** Follows the record of a publisher. */
export class PublisherRecord {
  #file;
  #p;
  #read = 0;
  /** @type {Set<number>} */
  acknowledged = new Set();
  /** @type {Set<number>} */
  refused = new Set();

  /** @param {string} file @param {number} p */
  constructor(file, p) {
    this.#file = file;
    this.#p = p;
  }

  /** Reads on, as far as lines are whole. */
  read() {
    if (!existsSync(this.#file)) return this;
    const text = readFrom(this.#file, this.#read);
    const whole = text.lastIndexOf("\n") + 1;
    for (const [, what, n] of text.slice(0, whole).matchAll(/^([ax]) (\d+)/gm)) {
      (what === "a" ? this.acknowledged : this.refused).add(messageNumber(this.#p, Number(n)));
    }
    this.#read += whole;
    return this;
  }
}

/** The text of a file behind some byte. @param {string} file @param {number} from */
function readFrom(file, from) {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - from));
    return bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, bytes.length, from));
  } finally {
    closeSync(descriptor);
  }
}

/** Follows what is in a journal. */
export class JournalContents {
  #layout;
  #name;
  #after = 0;
  #uuid = "";
  /** @type {Set<number>} */
  messages = new Set();
  /** Messages that are there more than once. */
  twice = 0;

  /** @param {Layout} layout @param {JournalName} name */
  constructor(layout, name) {
    this.#layout = layout;
    this.#name = name;
  }

  /** Reads on, or anew where it is another one. */
  async read() {
    const file = journalFile(this.#layout, this.#name);
    if (!existsSync(file)) return this.messages;
    const reader = await openJournalReader(file);
    try {
      const { uuid, head, first } = reader.info;
      if (uuid !== this.#uuid || head < this.#after) this.#begin(uuid, first);
      while (this.#after < head) this.#readPage(reader);
    } finally {
      reader.close();
    }
    return this.messages;
  }

  /** @param {string} uuid @param {number} first */
  #begin(uuid, first) {
    this.#uuid = uuid;
    this.#after = first - 1;
    this.messages = new Set();
    this.twice = 0;
  }

  /** @param {import("@fedmsg/store").JournalReader} reader */
  #readPage(reader) {
    const { entries, through } = reader.page({ after: this.#after, limit: 10_000, bytesMax: 2 ** 26 });
    for (const { body } of entries) {
      const { msg } = JSON.parse(Buffer.from(body).toString());
      const message = messageNumber(msg.p, msg.n);
      if (this.messages.has(message)) this.twice++;
      this.messages.add(message);
    }
    this.#after = through > this.#after ? through : this.#after + 1;
  }
}

/** Follows the rows that a subscriber writes, or a consumer. */
export class Rows {
  #file;
  #after = 0;
  /** @type {Set<number>} */
  messages = new Set();
  /** @type {number[]} */
  twice = [];
  /** When each was written, in ms since the epoch. @type {number[]} */
  times = [];

  /** @param {Layout} layout @param {string} name */
  constructor({ folder }, name) {
    this.#file = join(folder, "cursors", `${name}.db`);
  }

  /** Reads on. @returns {number} how many came */
  read() {
    if (!existsSync(this.#file)) return 0;
    const db = new DatabaseSync(this.#file, { readOnly: true, timeout: 5000 });
    try {
      if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'got'").get()) return 0;
      const rows = db.prepare("SELECT rowid, p, n, at FROM got WHERE rowid > ? ORDER BY rowid").all(this.#after);
      for (const { rowid, p, n, at } of rows) {
        const message = messageNumber(p, n);
        if (this.messages.has(message)) this.twice.push(message);
        this.messages.add(message);
        this.times.push(at);
        this.#after = rowid;
      }
      return rows.length;
    } finally {
      db.close();
    }
  }
}

/** The status events that a process kept. @param {string} file @returns {{ type: string, [key: string]: unknown }[]} */
export function readEvents(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line));
}
