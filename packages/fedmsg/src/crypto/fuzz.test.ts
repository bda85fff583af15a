/** Mutated bodies: nothing throws, and memory stays flat. `FEDMSG_FUZZ_RUNS=100000` for the long run. */

import { join } from "node:path";
import { expect, test } from "vitest";
import { pkiFolder, randomNumbers, trustingConfig, vectors } from "../../test/pki.ts";
import { createReplayGuard, createValidator, fixDatagrepperMessage, messageKey, validationReasons } from "./index.ts";

const runs = Number(process.env.FEDMSG_FUZZ_RUNS ?? 5000);
const fragments = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\\u0000",
  "\\ud800",
  "null",
  "1e999",
  "NaN",
  "-",
  "=",
  "LS0t",
  "é",
  "\u0000",
  "__proto__",
];

function mutate(body: Buffer, other: Buffer, random: (below: number) => number): Buffer {
  let mutated = Buffer.from(body);
  for (let n = random(4); n >= 0; n--) {
    const at = random(mutated.length + 1);
    const rest = mutated.subarray(at + random(4));
    switch (random(7)) {
      case 0:
        mutated[at] = random(256);
        break;
      case 1:
        mutated = mutated.subarray(0, at);
        break;
      case 2:
        mutated = Buffer.concat([
          mutated.subarray(0, at),
          Buffer.from(fragments[random(fragments.length)] as string),
          rest,
        ]);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), other.subarray(random(other.length)), rest]);
        break;
      case 4:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(random(at + 1))]);
        break;
      default:
        mutated = Buffer.concat([mutated.subarray(0, at), rest]);
    }
  }
  return mutated;
}

test(`${runs} mutated bodies throw nothing, and leak nothing`, { timeout: 60_000 + runs * 10 }, async () => {
  const random = randomNumbers(4);
  const bodies = vectors.cases.map(({ wire }) => Buffer.from(wire));
  const pick = () => bodies[random(bodies.length)] as Buffer;
  const validator = await createValidator(trustingConfig({ crl_location: join(pkiFolder, "crl.pem") }));
  const guard = createReplayGuard({ windowSeconds: 1e9, entriesMax: 1000 });
  const seen = new Set<string>();
  let middle = 0;
  for (let n = 0; n < runs; n++) {
    const body = mutate(pick(), pick(), random);
    const result = await validator.validate(random(2) ? body : body.toString());
    seen.add(result.valid ? "valid" : result.reason);
    if (!result.valid) expect(validationReasons[result.reason]).toBeDefined();
    messageKey(body);
    guard.admit(body);
    if (n % 10 === 0) {
      expect((await validator.explain(body)).every(({ ok }) => ok)).toBe(result.valid);
      await validator.validate(fixDatagrepperMessage(body));
    }
    if (n === Math.floor(runs / 2)) middle = process.memoryUsage().rss;
  }
  validator.close();
  expect(seen).not.toContain("internal");
  expect(seen.size).toBeGreaterThan(8);
  expect(process.memoryUsage().rss - middle).toBeLessThan(100 * 1024 * 1024);
});
