/** The files of a new consumer or producer: short, and doing something from the start. */

import type { Config } from "fedmsg/config";
import { importModule, type NewModule } from "./write-module.ts";

/** The consumer: keeps what the logger says in a table. */
export function consumerFile({ name, isTypescript }: NewModule, config: Config): string {
  return `${isTypescript ? "" : "// @ts-check\n"}import { defineConsumer } from "fedmsg/plugin";

/** Keeps what \`fedmsg-logger\` says in a table of its own: each message once, whatever happens. */
export default defineConsumer({
  name: "${name}",
  topics: [${JSON.stringify(`${config.topic_prefix}.*.logger.#`)}],
  durable: true, // Remembers what it handled, and gets what came while it was not there, where a journal has it.
  async consume({ topic, message }, { commit, log }) {
    const text = JSON.stringify(message.msg ?? null); // From a stranger: it may be anything.
    await commit((db) => {
      db.run("CREATE TABLE IF NOT EXISTS heard (topic TEXT, at REAL, msg TEXT)");
      db.run("INSERT INTO heard VALUES (?, ?, ?)", topic, message.timestamp ?? null, text);
    });
    log.info(\`kept \${topic}\`);
  },
});
`;
}

/** Its test. */
export function consumerTestFile(module: NewModule, config: Config): string {
  const topic = (rest: string) => JSON.stringify(`${config.topic_prefix}.prod.${rest}`);
  return `import assert from "node:assert/strict";
import { test } from "node:test";
${loaderImport(module)}import { createTestBus } from "fedmsg/testing";
${importModule("consumer", module)}
test("${module.name} keeps what the logger says, and nothing else", async (t) => {
  const bus = await createTestBus(); // In this process: no port, no configuration file.
  t.after(() => bus.close());
  const running = await bus.run(consumer);
  const outcome = await running.feed({ topic: ${topic("logger.log")}, msg: { log: "hello" } });
  assert.deepEqual(outcome, { handled: true, attempts: 1 });
  await running.feed({ topic: ${topic("git.receive")}, msg: { commit: "c0ffee" } });
  assert.deepEqual(await running.query("SELECT msg FROM heard"), [{ msg: '{"log":"hello"}' }]);
});
`;
}

/** The producer: says that the machine is there. */
export function producerFile({ name, isTypescript }: NewModule): string {
  return `${isTypescript ? "" : "// @ts-check\n"}import { hostname, uptime } from "node:os";
import { defineProducer } from "fedmsg/plugin";

/** Says every minute that this machine is there; through a relay with \`active: true\`, else on an address in \`endpoints\`. */
export default defineProducer({
  name: "${name}",
  every: 60, // Seconds. Or, instead: cron: "0 3 * * *"
  now: true, // And once at the start.
  async poll({ bus, log }) {
    const msg = { host: hostname(), uptime: Math.round(uptime()) };
    const { topic } = await bus.publish({ modname: "${name}", topic: "alive", msg });
    log.info(\`published \${topic}\`);
  },
});
`;
}

/** Its test. */
export function producerTestFile(module: NewModule): string {
  return `import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
${loaderImport(module)}import { createTestBus } from "fedmsg/testing";
${importModule("producer", module)}
test("${module.name} says that this machine is there", async (t) => {
  const bus = await createTestBus(); // In this process: no port, no configuration file.
  t.after(() => bus.close());
  const running = await bus.run(producer); // Its schedule does not run: the test says when it is due.
  await running.poll();
  const { msg } = await bus.expectPublished("${module.name}.alive");
  assert.equal(msg.host, hostname());
});
`;
}

function loaderImport({ isTypescript }: NewModule): string {
  return isTypescript ? 'import { loadModule } from "fedmsg/plugin";\n' : "";
}
