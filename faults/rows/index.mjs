/** Every row, in the order of the table. */

import { attacks } from "./attacks.mjs";
import { clock } from "./clock.mjs";
import { confirming } from "./confirming.mjs";
import { hubs } from "./hub.mjs";
import { journalRows } from "./journal.mjs";
import { kills } from "./kills.mjs";
import { links } from "./links.mjs";
import { power } from "./power.mjs";
import { proxies } from "./proxies.mjs";
import { slow } from "./slow.mjs";
import { stops } from "./stops.mjs";

/** @type {readonly import("../row.mjs").Row[]} */
export const rows = [
  { name: "calm", title: "Nothing" },
  ...kills,
  ...stops,
  ...links,
  ...proxies,
  slow,
  ...power,
  ...journalRows,
  clock,
  ...attacks,
  ...confirming,
  ...hubs,
];
