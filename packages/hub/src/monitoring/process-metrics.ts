/**
 * Numbers about the process, under the names that dashboards for Node know. Rejected: `collectDefaultMetrics` of prom-client,
 * which never stops its observers.
 */

import { readdir } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

/** How exactly the delay of the event loop is measured, in ms: an idle hub wakes up so often. */
const resolutionMs = 50;

/** @returns what stops measuring */
export function registerProcessMetrics(registry: Registry): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>) => {
    const collect = async function (this: Gauge) {
      this.set(await read());
    };
    new Gauge({ name, help, registers, collect });
  };
  const cpu = function (this: Counter) {
    const { user, system } = process.cpuUsage();
    this.reset();
    this.inc((user + system) / 1e6);
  };
  new Counter({ name: "process_cpu_seconds_total", help: "Seconds of processor time.", registers, collect: cpu });
  gauge("process_resident_memory_bytes", "Memory in use.", () => process.memoryUsage.rss());
  gauge("nodejs_heap_size_used_bytes", "Memory in use for JavaScript.", () => process.memoryUsage().heapUsed);
  const startedAt = Date.now() / 1000 - process.uptime();
  gauge("process_start_time_seconds", "When the process began, since the epoch.", () => startedAt);
  if (process.platform === "linux") gauge("process_open_fds", "Open files and connections.", openDescriptors);
  return registerLag(registry);
}

function registerLag(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const seconds = (nanoseconds: number) => Math.max(0, (nanoseconds || 0) / 1e9 - resolutionMs / 1000);
  const gauge = (name: string, help: string, read: () => number) => {
    const collect = function (this: Gauge) {
      this.set(seconds(read()));
    };
    new Gauge({ name, help, registers: [registry], collect });
  };
  const since = "since this was asked before.";
  gauge("nodejs_eventloop_lag_p99_seconds", `How late timers were, in 99 of 100 cases at most, ${since}`, () =>
    delay.percentile(99),
  );
  gauge("nodejs_eventloop_lag_max_seconds", `How late a timer was at most ${since}`, () => {
    const { max } = delay;
    delay.reset(); // It is asked last.
    return max;
  });
  return () => {
    delay.disable();
  };
}

async function openDescriptors(): Promise<number> {
  return (await readdir("/proc/self/fd")).length - 1; // One is the folder itself.
}
