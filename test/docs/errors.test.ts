/** docs/errors.md is what the sources say. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fences, page, prose, root, tableRows } from './support.ts';

const generator = path.join(root, 'scripts/docs-errors.mjs');
const { errorsPage } = (await import(generator)) as { errorsPage: (base?: string) => Promise<string> };

describe('docs/errors.md', () => {
  const text = page('docs/errors.md');

  it('is what node scripts/docs-errors.mjs makes', async () => {
    expect(text).toBe(await errorsPage());
  });

  it('says what every code means', () => {
    const rows = tableRows(text, 'code');
    expect(rows.length).toBeGreaterThan(80);
    expect(rows.filter(([, meaning]) => meaning === '')).toEqual([]);
  });

  it('has a section for every domain', () => {
    expect(fences(text)).toEqual([]);
    for (const name of ['BytesError', 'IbeError', 'MikeyError', 'SipError', 'KmsError', 'Refusal']) {
      expect(prose(text)).toContain(`\n## ${name}\n`);
    }
  });
});
