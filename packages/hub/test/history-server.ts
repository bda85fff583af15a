/** A history service as datagrepper is one: it answers `/raw` from a list of messages. What it does wrong is told to it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A row as the service keeps it. */
export type Row = Readonly<Record<string, unknown>> & { readonly timestamp: number };

type Misdeed = (request: IncomingMessage, response: ServerResponse, answer: () => string) => void;

export class HistoryServer implements AsyncDisposable {
  readonly rows: Row[] = [];
  /** The parameters of each request. */
  readonly asked: Record<string, string>[] = [];
  /** What it does instead of answering, one after the other. */
  readonly misdeeds: Misdeed[] = [];
  /** The headers of the last request. */
  headers: IncomingMessage["headers"] = {};
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(rows: readonly Row[] = []): Promise<HistoryServer> {
    const server = new HistoryServer();
    server.rows.push(...rows);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/raw`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const parameters = Object.fromEntries(new URL(request.url ?? "/", "http://x").searchParams);
    this.asked.push(parameters);
    this.headers = request.headers;
    const misdeed = this.misdeeds.shift();
    if (misdeed) misdeed(request, response, () => this.#answer(parameters));
    else response.setHeader("content-type", "application/json").end(this.#answer(parameters));
  }

  #answer({ start = "0", end = "0", page = "1", rows_per_page: rows = "25" }: Record<string, string>): string {
    const found = this.rows
      .filter(({ timestamp }) => timestamp >= Number(start) && timestamp <= Number(end))
      .sort((a, b) => a.timestamp - b.timestamp);
    const first = (Number(page) - 1) * Number(rows);
    const shown = found.slice(first, first + Number(rows));
    const counts = { total: found.length, pages: Math.ceil(found.length / Number(rows)), count: shown.length };
    return JSON.stringify({ raw_messages: shown, ...counts, arguments: {} });
  }
}

/** A message as the service gives it, sent at a time. */
export function rowOf(n: number, timestamp: number, topic = "org.test.prod.git.push"): Row {
  return {
    i: n,
    msg_id: `2026-${n}`,
    topic,
    timestamp: timestamp + 0.5 - 0.5,
    msg: { n },
    headers: {},
    source_name: "datanommer",
    source_version: "0.9.1",
  };
}
