/** When a producer is polled. */

import { FedmsgError } from "fedmsg";
import type { ProducerDefinition } from "fedmsg/plugin";
import { show } from "../plugins/text.ts";

/** Says when the next poll is due. */
export interface Schedule {
  /** The first time after `ms` that a poll is due, in ms of the same clock; `undefined` where there is none. */
  next(ms: number): number | undefined;
}

/**
 * Reads a definition's times.
 *
 * @param startMs what `every` counts from
 * @throws FedmsgError FEDMSG_CONFIG_INVALID for a cron expression that is none
 */
export async function createSchedule({ every, cron }: ProducerDefinition, startMs: number): Promise<Schedule> {
  return cron === undefined ? everySchedule(every * 1000, startMs) : cronSchedule(cron);
}

/** On a grid that begins at the start, so that it does not drift; times that have passed are left out. */
function everySchedule(everyMs: number, startMs: number): Schedule {
  return { next: (ms) => startMs + (Math.floor((ms - startMs) / everyMs) + 1) * everyMs };
}

async function cronSchedule(expression: string): Promise<Schedule> {
  const { Cron } = await import("croner");
  try {
    if (!/^\s*\S+(?:\s+\S+){4,5}\s*$/.test(expression)) throw new Error("its fields are not five, and not six");
    const cron = new Cron(expression, { paused: true, mode: "5-or-6-parts" });
    return { next: (ms) => cron.nextRun(new Date(ms))?.getTime() };
  } catch (cause) {
    const { message } = FedmsgError.from(cause);
    throw new FedmsgError(
      "FEDMSG_CONFIG_INVALID",
      `cron: found ${show(expression)}: ${message}; wanted five fields, or six with seconds: 0 3 * * *`,
      { cause },
    );
  }
}
