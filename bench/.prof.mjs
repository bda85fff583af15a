import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tailMessages } from "fedmsg";

const sync = process.argv[2],
  messages = Number(process.argv[3]),
  prof = process.argv[4];
const dir = mkdtempSync("/tmp/fedmsg-prof-");
const w = fork("bench/journalled-worker.mjs", [dir + "/{name}.db", sync, String(messages)], {
  execArgv: prof ? ["--cpu-prof", "--cpu-prof-dir=/tmp/cpuprof", "--cpu-prof-interval=200"] : [],
});
const [r] = await once(w, "message");
const it = (async () => {
  let n = 0,
    t = 0;
  for await (const { topic } of tailMessages({ endpoints: { bench: [r.address] }, validate_signatures: false })) {
    if (topic.startsWith("_heart")) continue;
    if (n++ === 0) t = performance.now();
    if (n === messages) break;
  }
  return ((n - 1) / (performance.now() - t)) * 1000;
})();
w.send("go");
const [d] = await once(w, "message");
console.log(sync, Math.round(await it), d);
await once(w, "exit");
