import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { loadModule } from "fedmsg/plugin";
import { createTestBus } from "fedmsg/testing";

const loaded = await loadModule("./load.ts", { from: import.meta.dirname });
const { default: load } = /** @type {typeof import("./load.ts")} */ (loaded);

test("load says how busy this machine is", async (t) => {
  const bus = await createTestBus(); // In this process: no port, no configuration file.
  t.after(() => bus.close());
  const running = await bus.run(load); // Its schedule does not run: the test says when it is due.
  await running.poll();
  const { msg } = await bus.expectPublished("load.measured", ({ minute }) => minute >= 0);
  assert.equal(msg.host, hostname());
  await bus.expectNothingPublished();
});
