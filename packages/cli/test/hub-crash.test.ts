/** A hub that is killed while its consumer works and commits: each message is handled once, in the consumer's own table. */

import { join } from "node:path";
import { openDeadLetters } from "@fedmsg/store";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";
import { expect, test } from "vitest";
import { freePort, logOf, start, tempDir, writeConfig } from "./support.ts";

const messages = 3000;

/** Its table takes each message once. Some are committed at once, some behind a pause. */
const consumer = `
import { setTimeout as delay } from "node:timers/promises";

const insert = (n) => (db) => {
  db.run("CREATE TABLE IF NOT EXISTS own (n INTEGER PRIMARY KEY)");
  db.run("INSERT INTO own VALUES (?)", n);
  return db.get("SELECT count(*) AS rows FROM own").rows;
};

export default {
  name: "once",
  durable: true,
  from: "first",
  concurrency: 20,
  retry: { attempts: 1 },
  async consume({ message }, { commit, log }) {
    const { n } = message.msg;
    if (n % 3 === 0) await delay(n % 7);
    const rows = await commit(insert(n));
    if (rows % 100 === 0 || rows > ${messages}) log.info("rows " + rows);
    if (n % 5 === 0) await delay(1);
  },
};
`;

test("a hub that is killed again and again, inside consume and inside commit, handles every message once", async () => {
  const folder = tempDir();
  const file = join(folder, "once.db");
  const [endpoint, replay] = [`tcp://127.0.0.1:${await freePort()}`, `tcp://127.0.0.1:${await freePort()}`];
  const keys = { endpoints: { me: [endpoint] }, replay_endpoints: { me: replay }, validate_signatures: false };
  const own = { persistent_store: `sqlite:${join(folder, "journal.db")}`, journal_sync: "normal" as const };
  const publisher = await connect({ name: "me", config: completeConfig({ ...keys, ...own, post_init_sleep: 0 }) });
  try {
    const module = writeConfig(consumer, "once.mjs");
    const cursor_store = `sqlite:${join(folder, "{name}.db")}`;
    const config = { ...keys, cursor_store, journal_sync: "normal", consumers: [module] };
    const said = say();
    for (const rows of [300, 800, 1500]) {
      await using hub = start("fedmsg-hub", [], { config });
      await hub.untilLogged(new RegExp(`^once: rows ${rows}$`));
      await hub.kill();
    }
    await said;
    await using hub = start("fedmsg-hub", [], { config });
    await hub.untilLogged(/^runs /);
    await publisher.publish({ topic: "t", modname: "m", msg: { n: messages + 1 } });
    await hub.untilLogged(new RegExp(`^once: rows ${messages + 1}$`));
    hub.signal("SIGTERM");
    const { code, stderr } = await hub.ended();
    expect({ code, errors: logOf(stderr).filter(({ level }) => level === "error") }).toEqual({ code: 0, errors: [] });
    expect(await deadLetters(file)).toBe(0); // A second handling would break the table's key, and be one.
  } finally {
    await publisher.close();
  }

  async function say(): Promise<void> {
    for (let n = 1; n <= messages; n++) await publisher.publish({ topic: "t", modname: "m", msg: { n } });
  }
});

async function deadLetters(file: string): Promise<number> {
  const box = await openDeadLetters(file);
  const count = box.count();
  await box.close();
  return count;
}
