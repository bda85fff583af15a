/** A process of a row: started, killed, stopped and started again; never left behind. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {object} ProcessOptions
 * @property {string} name in what is reported
 * @property {readonly string[]} command a Node program and its arguments
 * @property {string} log where its output goes
 * @property {Readonly<Record<string, string>>} [env]
 * @property {readonly string[]} [wrapper] a command that runs another one: `ip netns exec …`
 *
 * @typedef {{ readonly type: string, readonly [key: string]: unknown }} Told What it tells the runner.
 */

const startMs = 30_000;
const endMs = 20_000;

export class ManagedProcess {
  #options;
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child;
  /** @type {((told: Told) => void)[]} */
  #listeners = [];
  /** Ends that nobody asked for. @type {string[]} */
  faults = [];
  #endsOnPurpose = false;
  starts = 0;

  /** @param {ProcessOptions} options */
  constructor(options) {
    this.#options = options;
  }

  get name() {
    return this.#options.name;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Hears what it tells. @param {(told: Told) => void} listener */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** The next thing of this type that it tells. @param {string} type @param {number} patienceMs @returns {Promise<Told>} */
  async told(type, patienceMs) {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${this.name}: no "${type}" within ${patienceMs} ms\n${this.#lastLines()}`));
      const timer = setTimeout(late, patienceMs);
      this.listen((told) => {
        if (told.type !== type) return;
        clearTimeout(timer);
        resolve(told);
      });
    });
  }

  /** Starts it. @param {{ readonly untilReady?: boolean }} [options] whether to wait until it says that it is ready */
  async start({ untilReady = true } = {}) {
    const { command, env = {}, wrapper = [], log } = this.#options;
    const output = openSync(log, "a");
    const [program = "", ...args] = [...wrapper, process.execPath, ...command];
    const child = spawn(program, args, {
      env: { ...process.env, NODE_OPTIONS: "", ...env },
      stdio: ["ignore", output, output, "ipc"],
    });
    closeSync(output);
    this.#child = child;
    this.#endsOnPurpose = false;
    this.starts++;
    child.on("message", (told) => {
      for (const listener of this.#listeners) listener(/** @type {Told} */ (told));
    });
    child.on("error", () => {}); // It has an end, too.
    child.once("exit", (code, signal) => {
      if (!this.#endsOnPurpose) this.faults.push(`${this.name} ended (${signal ?? code}): ${this.#lastLines()}`);
    });
    if (untilReady) await this.told("ready", startMs);
  }

  /** Tells it something. @param {object} message */
  tell(message) {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    if (signal === "SIGKILL" || signal === "SIGTERM") this.#endsOnPurpose = true;
    this.#child?.kill(signal);
  }

  /** `kill -9`, and waits until it is gone. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /**
   * Tells it something that it dies of by its own hand; `kill -9` where it does not in time.
   *
   * @param {object} message
   * @param {number} patienceMs
   * @returns {Promise<boolean>} whether it did
   */
  async dieOf(message, patienceMs) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return false;
    this.#endsOnPurpose = true;
    const exit = once(child, "exit");
    this.tell(message);
    const died = await Promise.race([exit.then(() => true), delay(patienceMs, false)]);
    if (!died) await this.kill();
    return died;
  }

  /** Asks it to end; kills it where it does not. */
  async end() {
    await this.#end("SIGTERM");
  }

  /** @param {"SIGKILL" | "SIGTERM"} signal */
  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    const timer = setTimeout(() => {
      this.faults.push(`${this.name} did not end within ${endMs} ms of ${signal}`);
      child.kill("SIGKILL");
    }, endMs);
    this.signal(signal);
    await exit;
    clearTimeout(timer);
  }

  /** Resident memory in MiB; 0 where it does not run. */
  rssMiB() {
    try {
      const pages = /^\S+ (\d+)/.exec(readFileSync(`/proc/${this.pid}/statm`, "utf8"))?.[1];
      return (Number(pages) * 4096) / 2 ** 20;
    } catch {
      return 0;
    }
  }

  #lastLines() {
    const { log } = this.#options;
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-8).join("\n") : "";
  }
}
