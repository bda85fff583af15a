/**
 * A stranger whose address subscribers have among their `endpoints`: `node attacker.mjs <setup.json>`.
 *
 * `heartbeats` forges those of real journals. `silence` does so too, and always says that there was nothing for anybody. `copies` sends messages with the topic and the `msg_id` of real ones, which
 * reach the subscribers before these do.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Publisher, Request, Subscriber } from "@fedmsg/zmtp";
import { completeConfig } from "fedmsg/config";
import { createSigner } from "fedmsg/crypto";

/**
 * @typedef {object} AttackerSetup
 * @property {"heartbeats" | "silence" | "copies"} attack
 * @property {string} address where it publishes
 * @property {Record<string, string>} replay where journals answer
 * @property {string} victim whose messages it copies
 * @property {string} prefix of the topics of real messages
 * @property {import("fedmsg/config").ConfigInput} config
 */

const roundMs = 50;
/** Asking is limited by host, and this host is everybody's. */
const roundsBetweenQuestions = 40;
const keyBytes = 8;

/** @type {AttackerSetup} */
const setup = JSON.parse(readFileSync(/** @type {string} */ (process.argv[2]), "utf8"));
const publisher = new Publisher();
await publisher.bind(setup.address);
let sent = 0;
process.on("disconnect", () => process.exit(0)); // The runner is gone.
process.on("message", () => process.send?.({ type: "sent", count: sent }));
process.send?.({ type: "ready" });
await (setup.attack === "copies" ? copyMessages() : forgeHeartbeats());

async function forgeHeartbeats() {
  const clients = Object.values(setup.replay).map((address) => {
    const client = new Request();
    client.connect(address);
    return client;
  });
  let journals = await Promise.all(clients.map(askInfo));
  for (let round = 1; ; round++) {
    if (round % roundsBetweenQuestions === 0) journals = await Promise.all(clients.map(askInfo));
    for (const { journal, head } of journals) {
      for (const { from, to, of = journal } of lies(head)) await say(heartbeat(of, from, to));
    }
    await delay(roundMs);
  }
}

/** @param {number} head @returns {{ from: number, to: number, of?: string }[]} */
function lies(head) {
  if (setup.attack === "silence") return [1, 100, 1000].map((ahead) => ({ from: head, to: head + ahead }));
  const far = Number.MAX_SAFE_INTEGER;
  const list = [
    { from: head, to: head + 1000 }, // What was never sent.
    { from: head + 1_000_000, to: head + 1_000_000 }, // A heartbeat was lost, it seems.
    { from: far - 1000, to: far },
    { from: Math.max(0, head - 500), to: head }, // Other keys than the right ones.
    { from: 0, to: 0 }, // The journal begins anew, it seems.
    { from: 0, to: 1000 },
    { from: head, to: head - 1 }, // Nonsense.
    { from: 0, to: 1, of: randomUUID() }, // Of nobody.
  ];
  return list;
}

/** @param {string} journal @param {number} from @param {number} to */
function heartbeat(journal, from, to) {
  const topic = `_heartbeat.${journal}`;
  const count = Math.max(0, to - from);
  const listed = setup.attack === "silence" ? "nobody.asks.for.it" : `${setup.prefix}b.p1`;
  const topics = count > 0 ? { [listed]: randomBytes(keyBytes * count).toString("base64") } : {};
  const msg = { journal, from, to, topics };
  return [
    topic,
    JSON.stringify({ i: 1, msg, msg_id: `2026-${randomUUID()}`, timestamp: now(), topic, username: "me" }),
  ];
}

/** @param {Request} client @returns {Promise<{ journal: string, head: number }>} */
async function askInfo(client) {
  const [answer] = await client.ask('{"info":true}');
  return JSON.parse(String(answer));
}

async function copyMessages() {
  const signer = await createSigner(completeConfig(setup.config));
  const subscriber = new Subscriber();
  subscriber.connect(setup.victim);
  subscriber.subscribe(setup.prefix);
  for await (const [topic, body] of subscriber) {
    const real = JSON.parse(String(body));
    for (const copy of copies(real, signer)) await say([String(topic), copy]);
  }
}

/**
 * Whatever could pass for the real one, or stand in its way.
 *
 * @param {any} real
 * @param {import("fedmsg/crypto").Signer} signer
 * @returns {string[]}
 */
function copies(real, signer) {
  const { crypto: _crypto, certificate: _certificate, signature: _signature, ...unsigned } = real;
  const other = { ...real.msg, p: 9 };
  return [
    JSON.stringify({ ...real, msg: other }), // Its id and signature, another text: refused.
    JSON.stringify({ ...real, certificate: real.certificate.slice(0, -40) }), // Its key, and nobody's certificate.
    JSON.stringify({ ...real, signature: `A${real.signature.slice(1)}` }),
    JSON.stringify({ ...unsigned, msg: other }),
    Buffer.from(signer.encodeSigned({ ...unsigned, msg: other })).toString(), // Valid, and another message.
    ...(real.msg.n % 2 === 0 ? [JSON.stringify(real, null, 1)] : []), // The same one, spaced otherwise: it counts.
  ];
}

/** @param {readonly (string | Uint8Array)[]} frames */
async function say(frames) {
  sent++;
  await publisher.send(/** @type {string[]} */ (frames));
}

function now() {
  return Math.floor(Date.now() / 1000);
}
