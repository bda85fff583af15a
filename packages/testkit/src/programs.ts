import { execFileSync } from "node:child_process";

/** A program that a test needs, and the Debian package that brings it. */
export interface Program {
  readonly debianPackage: string;
  /** A command that succeeds where the program is there. */
  readonly check: readonly [command: string, ...args: string[]];
}

/**
 * Makes sure that a program is there: uses what is installed, installs Debian's package where it may, and otherwise
 * fails naming the package. A test that needs a program is never skipped in silence.
 */
export function ensureProgram({ debianPackage, check }: Program): void {
  if (succeeds(check)) return;
  if (process.getuid?.() === 0 && succeeds(["apt-get", "--version"])) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", debianPackage], {
      env,
      stdio: "ignore",
    });
  }
  if (!succeeds(check)) {
    throw new Error(`this test needs Debian's package ${debianPackage}: apt-get install ${debianPackage}`);
  }
}

function succeeds([command, ...args]: Program["check"]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
