/** The alarms and alerts that docs/operations.md tells operators of are those that there are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { crowdedAlarms } from '../../src/entities/kms/start-operation.ts';
import { page, root } from './support.ts';

/** Names of alarms as sources write them: beside a severity, or to whatever makes one. */
function raisedNames(): Set<string> {
  const texts = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?:operation|operate|entity-status|validity)\.ts$/.test(file))
    .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'));
  const found = texts.flatMap((text) => [
    ...text.matchAll(/name: ['`]([^'`]+)['`],\s*severity/g),
    ...text.matchAll(/(?<![.\w])(?:alarm|warn)\(\s*'([^']+)'/g),
  ]);
  // What X1 has reports about.
  const about = [
    'task',
    'destination',
    ...(found.some(([, name]) => name === '${about}-issue') ? ['element'] : []),
  ];
  return new Set(
    found.flatMap(([, name = '']) =>
      name.startsWith('${about}') ? about.map((of) => name.replace('${about}', of)) : [name],
    ),
  );
}

it('R-92: has what to do about each alarm that there is, and about no other', () => {
  const section = /^## Alarms\n([^]*?)^## /m.exec(page('docs/operations.md'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| (`.+?) +\|/gm)].map(([, cell = '']) => cell);
  const documented = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
  const raised = raisedNames();
  expect(raised.size).toBeGreaterThan(15);
  expect([...documented].sort()).toEqual([...raised].sort());
});

it('R-92: has what to do about each alert that ships, and about no other', () => {
  const shipped = [...page('assets/prometheus/alerts.yaml').matchAll(/- alert: (\w+)/g)].map(
    ([, name]) => name,
  );
  const told = [...page('docs/operations.md').matchAll(/`(Claviger[A-Z]\w+)`/g)].map(([, name]) => name);
  expect([...new Set(told)].sort()).toEqual(shipped.sort());
});

it('R-92: a KMS raises an alarm where half of the room for private keys is taken', () => {
  expect(crowdedAlarms(127, 256)).toEqual([]);
  expect(crowdedAlarms(128, 256)).toMatchObject([
    { name: 'private-keys', severity: 'warning', text: '128 private keys for phones wait, of 256 that may' },
  ]);
});
