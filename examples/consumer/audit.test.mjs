import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModule } from "fedmsg/plugin";
import { createTestBus } from "fedmsg/testing";

const loaded = await loadModule("./audit.ts", { from: import.meta.dirname });
const { default: audit } = /** @type {typeof import("./audit.ts")} */ (loaded);

test("audit keeps who did what, and when", async (t) => {
  const bus = await createTestBus(); // In this process: no port, no configuration file.
  t.after(() => bus.close());
  const running = await bus.run(audit);
  const push = { topic: "git.receive", username: "ralph", timestamp: 1364418651, msg: { branch: "main" } };
  assert.deepEqual(await running.feed(push), { handled: true, attempts: 1 });
  const row = { at: 1364418651, who: "ralph", topic: "org.fedoraproject.dev.git.receive", msg: '{"branch":"main"}' };
  assert.deepEqual(await running.query("SELECT * FROM audit"), [row]);
});

test("a message that no row can be made of is a dead letter, and keeps no other from being handled", async (t) => {
  const bus = await createTestBus();
  t.after(() => bus.close());
  const running = await bus.run(audit);
  const odd = await running.feed({ topic: "odd.one", username: ["ralph"] });
  assert.equal(odd.handled, false);
  assert.equal((await running.feed({ topic: "even.one" })).handled, true);
});
