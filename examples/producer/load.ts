import { hostname, loadavg } from "node:os";
import { defineProducer } from "fedmsg/plugin";

/** How busy this machine is, every minute. */
export default defineProducer({
  name: "load",
  every: 60,
  now: true, // And once at the start.
  async poll({ bus }) {
    const [minute] = loadavg();
    await bus.publish({ modname: "load", topic: "measured", msg: { host: hostname(), minute } });
  },
});
