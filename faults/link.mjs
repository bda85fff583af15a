/**
 * A link between this machine and a network namespace, that can be cut one way or both: a pair of veth.
 *
 * A way is cut by giving its sender a wrong hardware address for the other end: packets leave, and nobody takes them. That is
 * what a broken cable is to TCP; a rule that refuses packets would be told to the sender.
 */

import { execFileSync, spawnSync } from "node:child_process";

/** @typedef {"out" | "in"} Way From the namespace to us, or from us to it. */

const nobody = "02:00:00:00:00:99";
let links = 0;

/** Why links cannot be had here. @returns {string | undefined} */
export function unableToLink() {
  if (process.getuid?.() !== 0) return "only root may make network namespaces";
  const name = `faults-try-${process.pid}`;
  const made = spawnSync("ip", ["link", "add", name.slice(0, 15), "type", "veth"], { encoding: "utf8" });
  if (made.status !== 0) return `no veth here: ${made.stderr?.trim() || made.error?.message}`;
  ip("link", "del", name.slice(0, 15));
  const namespaced = spawnSync("ip", ["netns", "exec", "", "true"], { encoding: "utf8" });
  return namespaced.error ? "no ip netns here" : undefined;
}

export class Link {
  #namespace;
  #device;
  #network;

  constructor() {
    const number = ++links;
    this.#namespace = `faults-${process.pid}-${number}`;
    this.#device = `fv${process.pid % 100_000}n${number}`;
    this.#network = `10.${200 + (process.pid % 50)}.${number}`;
    try {
      this.#make();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #make() {
    const [namespace, device] = [this.#namespace, this.#device];
    ip("netns", "add", namespace);
    ip("link", "add", device, "type", "veth", "peer", "name", "link0", "netns", namespace);
    ip("addr", "add", `${this.#network}.1/24`, "dev", device);
    ip("link", "set", device, "up");
    ip("-n", namespace, "addr", "add", `${this.host}/24`, "dev", "link0");
    ip("-n", namespace, "link", "set", "link0", "up");
    ip("-n", namespace, "link", "set", "lo", "up");
  }

  /** The address of whoever is in the namespace. */
  get host() {
    return `${this.#network}.2`;
  }

  /** Runs a command in the namespace. */
  get wrapper() {
    return ["ip", "netns", "exec", this.#namespace];
  }

  /** @param {Way} way */
  cut(way) {
    const [where, device, other] = this.#sender(way);
    ip(...where, "neigh", "replace", other, "lladdr", nobody, "dev", device, "nud", "permanent");
  }

  /** @param {Way} way */
  mend(way) {
    const [where, device, other] = this.#sender(way);
    ip(...where, "neigh", "del", other, "dev", device);
  }

  /** @param {Way} way @returns {[string[], string, string]} */
  #sender(way) {
    return way === "out" ? [["-n", this.#namespace], "link0", `${this.#network}.1`] : [[], this.#device, this.host];
  }

  remove() {
    spawnSync("ip", ["link", "del", this.#device]);
    spawnSync("ip", ["netns", "del", this.#namespace]);
  }
}

/** @param {readonly string[]} args */
function ip(...args) {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
