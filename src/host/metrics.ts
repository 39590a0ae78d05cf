/**
 * An operation's metrics as Prometheus reads them: what all entities have in common, made from their state, and the
 * meters that each has of its own. Each entity has a registry of its own, so that several may run in one process.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Meter, Reading } from './operation.ts';
import type { Status } from './status.ts';

/** The media type of what `exposition` gives. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** What all entities have. */
const COMMON: readonly (Omit<Meter, 'read'> & { readonly read: (status: Status) => readonly Reading[] })[] = [
  gauge('info', 'Always 1; what runs is in the labels.', ['entity', 'version'], (status) => [
    { labels: { entity: status.entity, version: status.version }, value: 1 },
  ]),
  gauge('ready', '1 if the entity can do its work, else 0.', [], ({ ready }) => one(ready ? 1 : 0)),
  gauge('start_time_seconds', 'When the entity was started, Unix seconds.', [], ({ started }) =>
    one(Date.parse(started) / 1000),
  ),
  gauge('tasks', 'Tasks in force; of an ADMF, warrants that are active.', [], ({ tasks }) => one(tasks)),
  gauge('destinations', 'Destinations in force.', [], ({ destinations }) => one(destinations)),
  gauge('queue_entries', 'What waits, over all destinations.', ['queue'], ({ queues }) =>
    byName(queues, ({ entries }) => entries, sum),
  ),
  gauge(
    'queue_octets',
    'Octets that wait, over all destinations, where they are counted.',
    ['queue'],
    (status) =>
      byName(
        status.queues.filter(({ octets }) => octets !== null),
        ({ octets }) => octets ?? 0,
        sum,
      ),
  ),
  gauge('queue_oldest_seconds', 'Age of the oldest entry; 0: nothing waits.', ['queue'], (status) => {
    const now = Date.parse(status.started) + status.uptimeSeconds * 1000;
    const age = (oldest: string | null): number =>
      oldest === null ? 0 : Math.max(0, (now - Date.parse(oldest)) / 1000);
    return byName(status.queues, ({ oldest }) => age(oldest), Math.max);
  }),
  gauge('peers', 'Peers by role and state.', ['role', 'state'], ({ peers }) =>
    counted(peers, ['role', 'state']),
  ),
  gauge('alarms', 'Alarms that are raised, by name and severity.', ['name', 'severity'], ({ alarms }) =>
    counted(alarms, ['name', 'severity']),
  ),
  gauge(
    'audit_writable',
    '1 if the audit log can be written, else 0; absent where there is none.',
    [],
    (status) => (status.auditWritable === null ? [] : one(status.auditWritable ? 1 : 0)),
  ),
];

/** @param statusOf read once for each exposition */
export function registryOf(
  meters: readonly Meter[],
  statusOf: () => Promise<Status>,
): { exposition(): Promise<string> } {
  const registry = new Registry();
  const now: { status: Status | null } = { status: null };
  for (const meter of COMMON)
    enter(registry, { ...meter, read: () => (now.status === null ? [] : meter.read(now.status)) });
  for (const meter of meters) enter(registry, meter);
  return {
    exposition: async () => {
      now.status = await statusOf();
      return registry.metrics();
    },
  };
}

/** prom-client keeps what it is told; here it is told at each exposition what the entity has. */
function enter(registry: Registry, { name, help, kind, labels = [], read }: Meter): void {
  const options = { name: `claviger_${name}`, help, labelNames: [...labels], registers: [registry] };
  const readings = (): readonly Reading[] => {
    const value = read();
    return typeof value === 'number' ? one(value) : value;
  };
  if (kind === 'gauge') {
    const metric = new Gauge({
      ...options,
      collect: () => {
        metric.reset();
        if (labels.length === 0) metric.remove();
        for (const reading of readings()) metric.set({ ...reading.labels }, reading.value);
      },
    });
    return;
  }
  const metric = new Counter({
    ...options,
    collect: () => {
      metric.reset();
      for (const reading of readings()) metric.inc({ ...reading.labels }, reading.value);
    },
  });
}

function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  read: (status: Status) => readonly Reading[],
): Omit<Meter, 'read'> & { readonly read: (status: Status) => readonly Reading[] } {
  return { name, help, kind: 'gauge', labels, read };
}

function one(value: number): readonly Reading[] {
  return [{ labels: {}, value }];
}

function sum(a: number, b: number): number {
  return a + b;
}

function byName<T extends { readonly name: string }>(
  items: readonly T[],
  valueOf: (item: T) => number,
  together: (a: number, b: number) => number,
): Reading[] {
  const values = new Map<string, number>();
  for (const item of items) values.set(item.name, together(values.get(item.name) ?? 0, valueOf(item)));
  return [...values].map(([queue, value]) => ({ labels: { queue }, value }));
}

function counted<K extends string>(
  items: readonly Readonly<Record<K, string>>[],
  keys: readonly K[],
): Reading[] {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const item of items) {
    const labels = Object.fromEntries(keys.map((key) => [key, item[key]]));
    const key = JSON.stringify(labels);
    counts.set(key, { labels, value: (counts.get(key)?.value ?? 0) + 1 });
  }
  return [...counts.values()];
}
