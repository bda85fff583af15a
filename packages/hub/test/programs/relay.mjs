/**
 * A relay with a journal that confirms, until it is killed: `relay.mjs FOLDER CONFIRM OUTBOUND REPLAY`. It says where it listens,
 * in that order.
 */

import { writeSync } from "node:fs";
import { startRelay } from "@fedmsg/hub";
import { completeConfig } from "fedmsg/config";

const [folder = "", confirm = "", outbound = "", replay = ""] = process.argv.slice(2);
const config = completeConfig({
  endpoints: { relay_outbound: [outbound] },
  relay_inbound: ["tcp://127.0.0.1:*"],
  relay_confirm: [confirm],
  replay_endpoints: { relay_outbound: replay },
  persistent_store: `sqlite:${folder}/{name}.db`,
});
const relay = await startRelay({ config });
writeSync(1, `${relay.confirm?.[0]} ${relay.outbound} ${relay.replay}\n`);
