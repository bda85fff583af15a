import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "@fedmsg/testkit";
import type { Impl } from "./adapters.ts";
import type { Room } from "./room.ts";

const script = fileURLToPath(new URL("./peer-process.mjs", import.meta.url));

/** What a process does, and what it tells when that works. */
export const milestones = { publish: "bound", subscribe: "heard", ask: "answered" } as const;

/** A peer that can be killed and stopped. It runs what `npm run build` made. */
export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #role: keyof typeof milestones;
  #said = "";
  #errors = "";

  constructor(room: Room, impl: Impl, role: keyof typeof milestones, address: string) {
    this.#role = role;
    this.#child = spawn(process.execPath, [script, impl, role, address], { stdio: "pipe" });
    this.#child.stdout?.on("data", (text: Buffer) => {
      this.#said += text;
    });
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#errors += text;
    });
    room.keep(this);
  }

  /** Resolves when what it does works for the first time. */
  async works(): Promise<void> {
    const wanted = milestones[this.#role];
    await eventually(() => {
      if (this.#isOver) throw new Error(`the peer's process has ended: ${this.#errors}`);
      return this.#said.includes(wanted);
    }, `a process to ${this.#role}`);
  }

  /** Stops it, or lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  /** Kills it. Resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    const gone = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await gone;
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
