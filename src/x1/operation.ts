/** What an element under X1 says to its operator of its tasks, its destinations and its ADMF. */
import type { Meter } from '../host/operation.ts';
import type { Alarm, EntityState } from '../host/status.ts';
import { connectionMeters, meter } from '../host/meters.ts';
import type { ConnectionGuard } from '../net/connections.ts';
import type { RunningX1Ne } from './ne.ts';

/** @param admf the identifier of the ADMF */
export function neState({ table, reporter }: RunningX1Ne, admf: string): EntityState {
  return {
    tasks: table.size,
    destinations: table.destinations().length,
    queues: [{ name: 'reports', to: '', entries: reporter.waiting, octets: null, oldest: null }],
    peers: [{ name: admf, role: 'admf', state: reporter.admf }],
    alarms: reporter.faults().map(({ about, id, description, since }): Alarm => ({
      name: `${about}-fault`,
      severity: about === 'destination' ? 'critical' : 'warning',
      about: id,
      // What is said of a task may quote what was intercepted.
      text: about === 'task' ? 'something about this task went wrong; the ADMF knows what' : description,
      since: new Date(since).toISOString(),
    })),
  };
}

export function neMeters(
  x1: RunningX1Ne,
  listeners: Readonly<Record<string, ConnectionGuard>> = {},
): Meter[] {
  return [
    ...connectionMeters({ x1: x1.connections, ...listeners }),
    meter(
      'x1_reports_dropped_total',
      'Reports to the ADMF that gave way to newer ones.',
      () => x1.reporter.dropped,
    ),
  ];
}
