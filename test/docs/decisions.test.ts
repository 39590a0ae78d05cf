/** The pages about decisions: complete, of one form, and linked from their index. */
import { describe, expect, it } from 'vitest';
import { page, pages } from './support.ts';

const INDEX = 'docs/decisions/index.md';
const decisions = pages.filter((name) => name.startsWith('docs/decisions/') && name !== INDEX);

describe('decisions', () => {
  it('has an index of every page, each once, by its title', () => {
    const listed = [...page(INDEX).matchAll(/^- \[(.+)\]\((.+)\)$/gm)].map(([, title, file]) => ({
      title,
      file,
    }));
    const written = decisions.map((name) => ({
      title: /^# (.+)$/m.exec(page(name))?.[1],
      file: name.slice('docs/decisions/'.length),
    }));
    const byFile = (a: { file: string | undefined }, b: { file: string | undefined }) =>
      (a.file ?? '').localeCompare(b.file ?? '');
    expect(listed.sort(byFile)).toEqual(written.sort(byFile));
    expect(decisions.length).toBeGreaterThanOrEqual(12);
  });

  it.each(decisions)('%s says what, why, and what else was tried', (name) => {
    const [, ...sections] = page(name).split(/^## /m);
    expect(sections.map((section) => section.split('\n')[0])).toEqual([
      'What',
      'Why',
      'What else was tried or weighed',
    ]);
    for (const section of sections) expect(section.split(/\s+/).length).toBeGreaterThan(20);
  });

  it.each(decisions)('%s names the code that it is about', (name) => {
    expect(page(name)).toMatch(/`(?:src|scripts)\/[\w./-]+`/);
  });
});
