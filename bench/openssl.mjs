import { execFileSync } from "node:child_process";

/** What one process of `openssl` does with a key of 2048 bits in a second. */
export function opensslSpeed() {
  const text = execFileSync("openssl", ["speed", "-seconds", "1", "rsa2048"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const words = (text.trim().split("\n").at(-1) ?? "").trim().split(/\s+/);
  const [sign = Number.NaN, verify = Number.NaN] = words.slice(-2).map(Number);
  return { sign, verify };
}
