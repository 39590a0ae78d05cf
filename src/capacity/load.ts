/** From parameters to what happens in a second of the busiest hour: the traffic that every role has its share of. */
import type { Parameters } from './parameters.ts';

/** A second, in the busiest hour. */
export interface Load {
  readonly calls: number;
  /** SIP messages that CSCFs take or send. */
  readonly sip: number;
  /** Calls that are up, of all and of targets (Little: rate times length). */
  readonly callsUp: number;
  readonly targetCallsUp: number;
  /** Packets through gateways. */
  readonly packets: number;
  readonly x2: number;
  readonly x3: number;
  /** PS-PDUs over HI2 and HI3, to all LEMFs. */
  readonly iri: number;
  readonly cc: number;
  readonly getKeys: number;
  readonly requestKeys: number;
  /** Warrants that begin or end. */
  readonly warrantChanges: number;
}

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3600;
const DIRECTIONS = 2;
/** A warrant begins and ends. */
const CHANGES = 2;

export function loadOf(parameters: Parameters): Load {
  const { callsPerSecond: calls, callSeconds, sipMessages, packetRate, targetShare } = parameters;
  const targetCalls = calls * targetShare;
  const callsUp = calls * callSeconds;
  const targetCallsUp = targetCalls * callSeconds;
  const x2 = targetCalls * parameters.reportedMessages;
  const x3 = targetCallsUp * DIRECTIONS * packetRate;
  const getKeys = targetCalls * parameters.keysPerCall;
  const { destinations } = parameters;
  return {
    calls,
    sip: calls * sipMessages,
    ...{ callsUp, targetCallsUp },
    packets: callsUp * DIRECTIONS * packetRate,
    ...{ x2, x3 },
    iri: (x2 + getKeys * parameters.keyRecords) * destinations,
    cc: x3 * destinations,
    getKeys,
    requestKeys:
      (parameters.subscribers * parameters.keyRequestsPerDay) / (parameters.busyHours * HOUR_SECONDS),
    warrantChanges: (parameters.targets * CHANGES) / (parameters.warrantDays * DAY_SECONDS),
  };
}

/** How many of what happens so often in a second of the busiest hour there are in a day. */
export function ofDay(rate: number, { busyHours }: Parameters): number {
  return rate * busyHours * HOUR_SECONDS;
}
