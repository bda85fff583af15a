/** A stranger who may speak to the subscribers, and lies. */

import { join } from "node:path";
import { pkiFolder } from "@fedmsg/testkit";
import { freePort, prefix } from "../layout.mjs";
import { Meddling } from "../proxy.mjs";
import { killing } from "./kills.mjs";

/** @typedef {import("../row.mjs").Row} Row */

/** Certificates of the vectors. */
const [ours, theirs] = ["shell-vm", "bench-vm"];
const signed = {
  sign_messages: true,
  validate_signatures: true,
  ssldir: pkiFolder,
  certname: ours,
  ca_cert_location: join(pkiFolder, "ca.crt"),
};
const attacksMin = 100;

/** @type {import("../row.mjs").Check} */
async function attacked(rig) {
  const attacker = rig.process("attacker");
  const told = attacker.told("sent", 5000);
  attacker.tell({});
  const { count } = await told;
  return Number(count) >= attacksMin ? [] : [`the stranger sent ${count} messages`];
}

/** @param {"heartbeats" | "silence"} attack @returns {import("../row.mjs").MakeSpecial} */
function forging(attack) {
  return () => ({
    prepare: async (layout) => {
      layout.strangers = { stranger: [`tcp://127.0.0.1:${await freePort()}`] };
    },
    attack: ({ strangers, places, journals }) => {
      const replay = Object.fromEntries(journals.map((name) => [name, places[name].replay]));
      return { attack, address: strangers.stranger?.[0] ?? "", replay, victim: "", prefix, config: {} };
    },
  });
}

/** @type {Row[]} */
export const attacks = [
  {
    name: "forged-heartbeat",
    title: "Forged heartbeats of every journal, 480 a second",
    special: forging("heartbeats"),
    check: attacked,
  },
  {
    name: "forged-silence",
    title: "Heartbeats that say that there was nothing for anybody, and `kill -9` of both subscribers",
    special: forging("silence"),
    fault: killing(["wide", "narrow"]),
    check: attacked,
  },
  {
    name: "suppressing-copy",
    title: "Copies with a real topic and `msg_id` that arrive before the real message; signed and validated",
    special: ({ dice }) => ({
      prepare: async (layout, rig) => {
        layout.strangers = { stranger: [`tcp://127.0.0.1:${await freePort()}`] };
        layout.common = signed;
        const proxy = await Meddling.start(layout.places.one.live, { delayMs: 50 }, dice);
        rig.atEnd(() => proxy.close());
        layout.seen.one.live = proxy.address;
      },
      attack: ({ strangers, places }) => {
        const config = { ...signed, certname: theirs };
        const address = strangers.stranger?.[0] ?? "";
        return { attack: "copies", address, replay: {}, victim: places.one.live, prefix, config };
      },
    }),
    check: async (rig, judge) => {
      const refused = judge.events("wide", "invalid").length;
      return [...((await attacked(rig, judge)) ?? []), ...(refused === 0 ? ["no copy was refused"] : [])];
    },
  },
];
