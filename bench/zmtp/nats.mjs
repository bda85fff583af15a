/** nats.js, through a `nats-server` of its own. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { countAll, startWorker } from "./measure.mjs";

/**
 * What is missing to measure it, as Debian's packages.
 *
 * @returns {string | undefined}
 */
export function missingForNats() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.some((folder) => isProgram(join(folder, "nats-server"))) ? undefined : "nats-server";
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Publisher → server → subscriber; bursts end with a `flush()`, which waits for the server.
 *
 * @param {import("./worker.mjs").Size} size
 * @param {"nats" | "nats-json"} role
 */
export async function measureNats(size, role) {
  const server = await startServer();
  const connection = await connect({ servers: server.address });
  const worker = await startWorker({ role, ...size, address: server.address });
  const result = countAll(size.messages, (note) => {
    connection.subscribe("org.>", {
      callback: (_, message) => {
        if (role === "nats" ? message.data.length === 0 : JSON.parse(message.string()).i === undefined) {
          throw new Error("a message is not what was sent");
        }
        note(1);
      },
    });
  });
  await connection.flush();
  worker.child.send("go");
  const received = await result;
  await worker.ended;
  await connection.close();
  await server.stop();
  return received;
}

/** Starts a server on any free port. */
async function startServer() {
  const folder = await mkdtemp(join(tmpdir(), "fedmsg-bench-"));
  const path = `${process.env.PATH}${delimiter}/usr/sbin`;
  const words = ["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder];
  const server = spawn("nats-server", words, { stdio: "ignore", env: { ...process.env, PATH: path } });
  const ended = once(server, "exit");
  const stop = async () => {
    server.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { address: await readAddress(folder), stop };
}

/**
 * @param {string} folder where the server writes its ports, as soon as it listens
 * @returns {Promise<string>}
 */
async function readAddress(folder) {
  for (let tries = 0; tries < 400; tries++) {
    const [file] = await readdir(folder);
    const text = file ? await readFile(join(folder, file), "utf8") : "";
    if (text.trimEnd().endsWith("}")) return JSON.parse(text).nats[0];
    await delay(25);
  }
  throw new Error("nats-server does not start");
}
