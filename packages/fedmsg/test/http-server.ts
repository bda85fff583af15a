/** An HTTP server for the tests of what is fetched. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a server does with a request. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server whose answer can be exchanged (`state.answer`), on a free port. It keeps the requests that came. */
export async function startServer(answer: Answer) {
  const requests: IncomingMessage[] = [];
  const state = { answer };
  const server = createServer((request, response) => {
    requests.push(request);
    state.answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  const url = `http://${host}/file`;
  return { host, url, state, requests, [Symbol.asyncDispose]: async () => void (await stop()) };
}

/** Answers with a text. */
export const serve =
  (text: string, headers = {}): Answer =>
  (response) =>
    void response.writeHead(200, headers).end(text);

/** Answers with a status other than 200. */
export const status =
  (code: number, headers = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end("no");
