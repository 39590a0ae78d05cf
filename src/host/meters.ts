/** Meters that entities have in common, made from what counts below them. */
import type { ConnectionGuard } from '../net/connections.ts';
import type { Meter, Reading } from './operation.ts';

/** A meter without labels. A counter's name ends in `_total`. */
export function meter(name: string, help: string, read: () => number): Meter {
  return { name, help, kind: kindOf(name), read };
}

/** A meter with one label. */
export function meterBy(
  label: string,
  name: string,
  help: string,
  read: () => Readonly<Record<string, number>>,
): Meter {
  const readings = (): Reading[] =>
    Object.entries(read()).map(([key, value]) => ({ labels: { [label]: key }, value }));
  return { name, help, kind: kindOf(name), labels: [label], read: readings };
}

/** Connections of an entity's listeners, by the listener's name, and what their bounds have cut. */
export function connectionMeters(listeners: Readonly<Record<string, ConnectionGuard>>): Meter[] {
  return [
    meterBy('listener', 'connections', 'Connections that are open.', () =>
      Object.fromEntries(Object.entries(listeners).map(([name, guard]) => [name, guard.open])),
    ),
    {
      name: 'connections_cut_total',
      help: 'Connections that were cut or refused, by reason.',
      kind: 'counter',
      labels: ['listener', 'reason'],
      read: () =>
        Object.entries(listeners).flatMap(([listener, { cuts }]) =>
          Object.entries(cuts).map(([reason, value]) => ({ labels: { listener, reason }, value })),
        ),
    },
  ];
}

function kindOf(name: string): Meter['kind'] {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}
