/** Real processes for tests: started with a configuration of their own, heard line by line, ended by their process id. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

/** The top of the repository. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));
const bin = fileURLToPath(new URL("../bin", import.meta.url));

/** How long anything may take, in ms: much longer than it does, as other work may slow the machine down. */
export const patienceMs = 20_000;

/** Commands that are run in this package under their own names. */
export type BinName =
  | "fedmsg"
  | "fedmsg-tail"
  | "fedmsg-logger"
  | "fedmsg-relay"
  | "fedmsg-gateway"
  | "fedmsg-hub"
  | "fedmsg-config"
  | "fedmsg-signing-relay"
  | "fedmsg-announce"
  | "fedmsg-collectd"
  | "fedmsg-check";

/** Where and how a program runs. */
export interface ProgramOptions {
  /** Becomes a file that `FEDMSG_CONFIG` names; signatures are not validated unless it says so. */
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it reads, to the end; without it stdin stays open and empty. */
  readonly stdin?: string;
}

/** An entry of a program's log. */
export interface Logged {
  readonly level: string;
  readonly name: string;
  readonly msg: string;
}

/** The entries of a log that is no terminal's: all of the text must be lines of JSON. */
export function logOf(text: string): readonly Logged[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => {
    const { level, name, msg } = JSON.parse(line) as Logged;
    return { level, name, msg };
  });
}

/** What a program that has ended leaves behind. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<Program>();

afterEach(async () => {
  const left = [...running];
  for (const program of left) await program.kill();
  if (left.length > 0) throw new Error(`the test left processes behind: ${left.map(({ title }) => title).join(", ")}`);
});

/** A process and its descendants. Disposing of it ends it, and fails where one of them stays. */
export class Program implements AsyncDisposable {
  readonly title: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  readonly #text = { stdout: "", stderr: "" };
  readonly #wakes = new Set<() => void>();
  #over = false;

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    const { config, cwd = tempDir(), env, stdin } = options;
    this.title = [command, ...args].join(" ");
    // A process group of its own, so that what it starts can be found, and signalled as a terminal does it.
    const configured = config && { FEDMSG_CONFIG: writeConfig({ validate_signatures: false, ...config }) };
    this.#child = spawn(command, args, { cwd, detached: true, env: { ...cleanEnv(), ...configured, ...env } });
    running.add(this);
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this.#text[name] += text;
        this.#wake();
      });
    }
    this.#child.stdin?.on("error", () => {}); // It need not read what it is given.
    if (stdin !== undefined) this.#child.stdin?.end(stdin);
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        this.#over = true;
        this.#wake();
        resolve({ code, signal, ...this.#text });
      });
    });
    this.#ended.catch(() => {});
  }

  get stdout(): string {
    return this.#text.stdout;
  }

  get stderr(): string {
    return this.#text.stderr;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Writes to its stdin, which stays open. Resolves when there is room for all of it, or nobody who reads it. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#child.stdin?.write(text, () => resolve()));
  }

  /** Stops reading one of its streams, as a reader does who goes away. */
  closeStream(stream: "stdout" | "stderr"): void {
    this.#child[stream]?.destroy();
  }

  /** Resolves when what it has written to one of its streams contains `pattern`; rejects if it ends before. */
  async until(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const found = pattern.exec(this.#text[stream]);
      if (found) return found;
      if (this.#over) throw new Error(`${this.title} ended without ${pattern}${this.#describe()}`);
      if (performance.now() > deadline) throw new Error(`${this.title}: no ${pattern}${this.#describe()}`);
      await this.#change(deadline);
    }
  }

  /** Resolves when there is an entry in its log, on stderr, whose text contains `pattern`; rejects if it ends before. */
  async untilLogged(pattern: RegExp): Promise<RegExpExecArray> {
    for (let seen = 0; ; seen++) {
      await this.until("stderr", new RegExp(`^(?:.*\n){${seen + 1}}`));
      const found = pattern.exec(logOf(this.stderr)[seen]?.msg ?? "");
      if (found) return found;
    }
  }

  /** Resolves when it has started so many processes. */
  async untilChildren(count: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (groupMembers(this.pid).length <= count) {
      if (this.#over || performance.now() > deadline) throw new Error(`${this.title}: no ${count} children`);
      await delay(10);
    }
  }

  /** Sends a signal to the process alone. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Sends a signal to it and all its descendants, as Ctrl-C does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** Resolves when it has ended by itself; rejects when that takes too long, or a descendant is left. */
  async ended(): Promise<Ended> {
    const late = new AbortController();
    const tooLong = delay(patienceMs, undefined, { signal: late.signal }).then(async () => {
      const seen = this.#describe();
      await this.kill();
      throw new Error(`${this.title} did not end${seen}`);
    });
    tooLong.catch(() => {});
    const ended = await Promise.race([this.#ended, tooLong]);
    late.abort();
    if (await this.#isGroupLeft()) {
      await this.kill();
      throw new Error(`${this.title} ended, but left processes behind`);
    }
    running.delete(this);
    return ended;
  }

  /** Ends it, and whatever it started, at once. */
  async kill(): Promise<void> {
    running.delete(this);
    if (isGroupAlive(this.pid)) this.signalGroup("SIGKILL");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!running.has(this)) return;
    if (isGroupAlive(this.pid)) this.signalGroup("SIGTERM");
    await this.ended();
  }

  /** Descendants may outlive the process for a moment. */
  async #isGroupLeft(): Promise<boolean> {
    for (let tries = 0; tries < 100 && isGroupAlive(this.pid); tries++) await delay(20);
    return isGroupAlive(this.pid);
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }

  async #change(deadline: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, deadline - performance.now()));
      this.#wakes.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #describe(): string {
    return `\nstdout: ${this.stdout.slice(-2000)}\nstderr: ${this.stderr.slice(-2000)}`;
  }
}

/** The members of a process group that run; one that has ended and waits for its parent to notice does not. */
function groupMembers(group: number): string[] {
  const isMember = (pid: string) => {
    try {
      const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ");
      return Number(pgrp) === group && state !== "Z" && state !== "X";
    } catch {
      return false; // It ended since it was listed.
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isMember(name));
}

function isGroupAlive(group: number): boolean {
  return groupMembers(group).length > 0;
}

/** Starts one of our commands. */
export function start(name: BinName, args: readonly string[] = [], options: ProgramOptions = {}): Program {
  return new Program(process.execPath, [join(bin, `${name}.js`), ...args], options);
}

/** Runs one of our commands to its end. */
export async function run(name: BinName, args: readonly string[] = [], options: ProgramOptions = {}): Promise<Ended> {
  await using program = start(name, args, { stdin: "", ...options });
  return await program.ended(); // Awaited here, or it would be disposed of before.
}

/** Starts a shell; our commands are found by their names. */
export function startShell(script: string, options: ProgramOptions = {}): Program {
  const env = { ...options.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH}` };
  return new Program("/bin/sh", ["-c", script], { ...options, env });
}

/** Makes a folder that is removed when the test is over. */
export function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-cli-"));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Writes a configuration file and returns its path. */
export function writeConfig(config: object | string, name = "fedmsg.yaml"): string {
  const file = join(tempDir(), name);
  writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config)); // All JSON is YAML.
  return file;
}

/**
 * A port that nobody listened on a moment ago, for what must know its address beforehand. None of those that the system
 * gives to whoever asks for any (32768 and up): other tests do so all the time.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** A configuration for a relay and a gateway on free ports of this machine. */
export async function freeBus() {
  const inbound = `tcp://127.0.0.1:${await freePort()}`;
  const outbound = `tcp://127.0.0.1:${await freePort()}`;
  return {
    relay_inbound: [inbound],
    endpoints: { relay_outbound: [outbound] },
    "fedmsg.consumers.gateway.port": await freePort(),
    "fedmsg.consumers.gateway.interface": "127.0.0.1",
  };
}

/** The environment without what would change how our programs behave. */
function cleanEnv(): NodeJS.ProcessEnv {
  const home = tempDir();
  return { PATH: process.env.PATH, HOME: home, LOGNAME: "tester", LANG: "C.UTF-8", TZ: "UTC" };
}
