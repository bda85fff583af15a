/**
 * Publishes the numbers from one to another through a relay that confirms, and prints each once `publish` has resolved:
 * `publisher.mjs CONFIRM FROM TO [OUTBOX]`. At its end it waits until the outbox is empty, and says `done`.
 */

import { writeSync } from "node:fs";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";

const [confirm = "", from = "1", to = "1", outbox] = process.argv.slice(2);
const config = completeConfig({
  active: true,
  relay_confirm: [confirm],
  outbox: outbox === undefined ? null : `sqlite:${outbox}`,
});
const bus = await connect({ name: "app", config });
let next = Number(from);
const work = async () => {
  while (next <= Number(to)) {
    const n = next++;
    await bus.publish({ topic: "t", modname: "m", msg: { n } });
    writeSync(1, `${n}\n`);
  }
};
await Promise.all(Array.from({ length: 200 }, work));
await bus.drain();
writeSync(1, "done\n");
