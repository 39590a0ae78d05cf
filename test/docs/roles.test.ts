/** What the documentation says of roles and of entities that run has all that there are. */
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { ENTITY_ROLES, PERSON_ROLES } from '../../src/net/tls.ts';
import { page, tableRows } from './support.ts';

const wordsIn = (text: string): string[] => [...text.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);

describe('the documentation', () => {
  it('R-93: has every role that a certificate may bear, and no other', () => {
    const said = tableRows(page('docs/security.md'), 'role').flatMap(([roles = '']) => wordsIn(roles));
    expect(said.sort()).toEqual([...ENTITY_ROLES, ...PERSON_ROLES].sort());
  });

  it('R-93: names every entity that runs as a process of its own', async () => {
    const { commands } = await createProgram([]);
    const entities = commands.filter((each) => each.commands.some((command) => command.name() === 'run'));
    const [, list = ''] = /`ENTITY` is ([^:]+):/.exec(page('README.md')) ?? [];
    expect(wordsIn(list).sort()).toEqual(entities.map((each) => each.name()).sort());
  });
});
