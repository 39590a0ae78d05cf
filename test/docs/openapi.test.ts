/** What `api/` says of the KMS's interfaces, against the code that serves them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAILURE_INDICATIONS, GET_KEYS_PATH, XK_CIPHERS } from '../../src/wire/xk/get-keys.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../../src/wire/request-key/transport.ts';
import { STATUS } from '../../src/entities/kms/http/xk.ts';

const text = (name: string) => readFileSync(path.join(import.meta.dirname, '../../api', name), 'utf8');

/** The items of the block sequence under the first `key:` after `from`. */
function items(yaml: string, from: string, key: string): string[] {
  const lines = yaml.slice(yaml.indexOf(from)).split('\n');
  const start = lines.findIndex((line) => line.trim() === `${key}:`);
  const end = lines.findIndex((line, i) => i > start && !line.trim().startsWith('- '));
  return lines.slice(start + 1, end).map((line) => line.trim().slice(2));
}

/** HTTP statuses that a description has for an operation, and those that the code and fastify answer with. */
function statuses(yaml: string, path: string): string[] {
  const [, rest = ''] = yaml.split(`\n  ${path}:\n`);
  const [operation = ''] = rest.split(/\n(?: {2})?[/a-z]/);
  return [...operation.matchAll(/^ {8}'([0-9]{3})':/gm)].map(([, status = '']) => status);
}

describe('xk.openapi.yaml', () => {
  const yaml = text('xk.openapi.yaml');

  it('has every status that the code answers with', () => {
    const ofFailures = Object.values(STATUS).map(String);
    const all = new Set(['200', '400', ...ofFailures, '413', '415', '500']);
    expect(statuses(yaml, GET_KEYS_PATH)).toEqual([...all].sort());
  });

  it('has the path, the closed list of failures and the ciphers of the code', () => {
    expect(yaml).toContain(`\n  ${GET_KEYS_PATH}:\n    post:`);
    expect(items(yaml, '    Failure:\n      allOf', 'enum')).toEqual(FAILURE_INDICATIONS);
    expect(items(yaml, '        cipher:', 'enum')).toEqual(XK_CIPHERS);
  });

  it('has the parameters of tables 7B.7.2.1 and 7B.7.2.2 (R-4, R-6)', () => {
    expect(yaml).toContain('required: [targetKmsIdentity, xid, iMessage1, rMessage1]');
    expect(yaml).toContain('required: [csId, sessionKey, salt, ssrc, cipher]');
  });
});

describe('kms.openapi.yaml', () => {
  const yaml = text('kms.openapi.yaml');

  it('has every status that the code answers with', () => {
    expect(statuses(yaml, '/.well-known/ibe')).toEqual(['200', '400', '404', '503']);
    expect(statuses(yaml, REQUEST_KEY_PATH)).toEqual(['200', '400', '413', '415', '500', '503']);
  });

  it('has the paths and media types of the code', () => {
    expect(yaml).toContain(`\n  ${REQUEST_KEY_PATH}:\n    post:`);
    expect(yaml).toContain(`${MIKEY_MEDIA_TYPE}:`);
    expect(yaml).toContain('\n  /.well-known/ibe:\n    get:');
  });
});
