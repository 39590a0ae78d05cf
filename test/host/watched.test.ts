/** Looks at admin listeners for a person: what is asked, and what of the answer a browser gets. */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { auditLookQuery, readAuditLook } from '../../src/host/audit-look.ts';
import { WatchedEntities } from '../../src/host/watched.ts';
import { HttpsError } from '../../src/net/https.ts';
import type { HttpsAnswer } from '../../src/net/https.ts';

const NAME = 'kms.home1.example';

/** One entity that answers so, and what it was asked. */
function watching(answer: Partial<HttpsAnswer> | HttpsError): {
  readonly watched: WatchedEntities;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const whole = { status: 200, contentType: '', link: '', retryAfter: '', date: null, body: utf8('x') };
  const client = {
    request: (method: string, url: string) => {
      asked.push(`${method} ${url}`);
      return answer instanceof HttpsError ? Promise.reject(answer) : Promise.resolve({ ...whole, ...answer });
    },
  };
  const watched = new WatchedEntities([{ kind: 'kms', url: `https://${NAME}:9464` }], client);
  return { watched, asked };
}

describe('R-93: looks at an entity', () => {
  it('go to its admin listener, and to no other place', async () => {
    const { watched, asked } = watching({});
    expect(watched.names).toEqual([{ name: NAME, kind: 'kms' }]);
    await watched.look(NAME, 'status');
    await watched.look(NAME, 'audit', 'from=1&most=2');
    for (const name of ['df.home1.example', '', `${NAME}:9464`, `${NAME}/..`])
      await expect(watched.look(name, 'status')).rejects.toMatchObject({ code: 'not-watched' });
    expect(asked).toEqual([
      `GET https://${NAME}:9464/status`,
      `GET https://${NAME}:9464/audit?from=1&most=2`,
    ]);
  });

  it('show text of the type that was asked for: an entity that answers with a page gives a browser none', async () => {
    const { watched } = watching({ contentType: 'text/html', body: utf8('<script>a()</script>') });
    expect((await watched.look(NAME, 'status')).type).toBe('application/json');
    expect((await watched.look(NAME, 'metrics')).type).toBe('text/plain; charset=utf-8');
    expect((await watched.look(NAME, 'audit')).type).toBe('application/jsonl');
  });

  it.each([
    [400, 'bad-look'],
    [403, 'not-shown'],
    [404, 'absent'],
    [503, 'unreachable'],
    [302, 'unreachable'],
  ])('that are answered with status %d are refused: %s', async (status, code) => {
    const told = watching({ status, body: utf8(JSON.stringify({ detail: 'so it is' })) });
    await expect(told.watched.look(NAME, 'status')).rejects.toMatchObject({
      code,
      message: `${NAME}: so it is`,
    });
    const untold = watching({ status, body: utf8('<html>') });
    await expect(untold.watched.look(NAME, 'status')).rejects.toMatchObject({
      code,
      message: `${NAME}: it answers with status ${status}`,
    });
  });

  it('that get no answer say whose', async () => {
    const { watched } = watching(new HttpsError('timeout', 'no answer'));
    await expect(watched.look(NAME, 'status')).rejects.toMatchObject({
      code: 'unreachable',
      message: `${NAME} does not answer`,
    });
  });
});

describe('R-93: looks at an audit log', () => {
  it.each([
    { from: 0, most: 1000, for: null },
    { from: 123, most: 0, for: 'cleo' },
    { from: 1, most: 1, for: 'a&from=0 #é?%' },
  ])('are read as they are written: %o', (look) => {
    expect(readAuditLook(Object.fromEntries(new URLSearchParams(auditLookQuery(look))))).toEqual(look);
  });

  it.each([
    { from: '-1' },
    { from: '01' },
    { most: '1001' },
    { for: '' },
    { for: 'x'.repeat(257) },
    { other: '1' },
  ])('are refused in words where they are otherwise: %o', (query) =>
    expect(readAuditLook(query)).toEqual(expect.any(String)),
  );
});
