/** The files of a new command: short, and doing something from the start. */

import { importModule, type NewModule } from "./write-module.ts";

/** The command: publishes one message through the relay. */
export function commandFile({ name, isTypescript }: NewModule): string {
  return `${isTypescript ? "" : "// @ts-check\n"}import { connect } from "fedmsg";
import { defineCommand } from "fedmsg/command";
import { completeConfig } from "fedmsg/config";

/** \`fedmsg ${name}\`: publishes a greeting through the relay. */
export default defineCommand({
  name: "${name}",
  description: "Publishes a greeting.",
  options: [{ flags: "--to <name>", description: "whom to greet", default: "world" }],
  examples: [["fedmsg ${name} --to Fedora", "one message; its topic ends in ${name}.greeting"]],
  async run({ options, config, log, signal }) {
    const bus = await connect({ config: completeConfig({ active: true }, config), signal });
    try {
      const msg = { text: \`Hello \${options.to}\` };
      const { topic } = await bus.publish({ modname: "${name}", topic: "greeting", msg });
      log.info(\`published \${topic}\`);
    } finally {
      await bus.drain();
    }
  },
});
`;
}

/** Its test. It is JavaScript in any case, so that \`node --test\` runs it with every Node. */
export function testFile(command: NewModule): string {
  const { name } = command;
  return `import assert from "node:assert/strict";
import { test } from "node:test";
import { completeConfig } from "fedmsg/config";
import { createTransport, decodeMessage${command.isTypescript ? ", loadModule" : ""} } from "fedmsg/plugin";
${importModule("command", command)}
// Everything stays in this process: no port, no configuration file.
const config = completeConfig({ transport: "memory", relay_inbound: ["tcp://127.0.0.1:2003"] });

test("${name} greets whom it is told to", async () => {
  const relay = (await createTransport(config)).createSubscriber(); // Takes what a relay would.
  relay.subscribe("");
  await relay.bind("tcp://127.0.0.1:2003");
  const context = { config, arguments: [], log: console, signal: new AbortController().signal };
  await command.run({ ...context, options: { to: "Fedora" } });
  const [frames] = await relay.receive();
  const { topic, message } = decodeMessage(frames);
  await relay.close();
  assert.match(topic, /\\.${name}\\.greeting$/);
  assert.deepEqual(message.msg, { text: "Hello Fedora" });
});
`;
}
