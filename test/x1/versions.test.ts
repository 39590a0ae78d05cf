/** X1 with ends of other versions. */
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/host/runtime.ts';
import { decodeX1Request, encodeX1Response } from '../../src/wire/x1/containers.ts';
import type { X1ResponseMessage } from '../../src/wire/x1/containers.ts';
import { X1_ERRORS } from '../../src/wire/x1/error-codes.ts';
import { isOlderX1Version, isSpokenX1Version } from '../../src/wire/x1/versions.ts';
import { X1ExchangeError, X1Requester } from '../../src/x1/requester.ts';
import { ADMF, NE, task, XID } from '../poi/support.ts';
import { NOW } from './element.ts';

/** An element that speaks versions up to `newest`. @param says the version of its refusals, if not its own */
function element(newest: string, says = newest) {
  const asked: string[] = [];
  const done: unknown[] = [];
  const state = { newest, up: true };
  const transport = (octets: Uint8Array): Promise<Uint8Array> => {
    if (!state.up) return Promise.reject(new X1ExchangeError('no-answer', 'away'));
    const messages = decodeX1Request(octets).map(({ header, body }): X1ResponseMessage => {
      asked.push(header.version);
      const type = body!.type as 'Ping' | 'ActivateTask';
      const { code, description } = X1_ERRORS.unsupportedVersion;
      if (isOlderX1Version(state.newest, header.version))
        return {
          header: { ...header, version: says },
          body: { type: 'Error', request: type, error: { code, description } },
        };
      done.push(body);
      return {
        header,
        body: { type, ok: type === 'Ping' ? 'AcknowledgedAndCompleted' : 'AcknowledgedAndCompleted' },
      };
    });
    return Promise.resolve(encodeX1Response({ kind: 'response', messages }));
  };
  return { asked, done, state, transport };
}

function requester(transport: (octets: Uint8Array) => Promise<Uint8Array>, version?: string): X1Requester {
  return new X1Requester({
    ...{ side: 'admf', admfIdentifier: ADMF, neIdentifier: NE, transport, random: systemRandom() },
    ...(version === undefined ? {} : { version }),
    clock: { now: () => NOW, after: () => ({ cancel: () => undefined }) },
  });
}

describe('R-95: whoever asks', () => {
  it('speaks the version in which an older element refuses, and goes on in it', async () => {
    const { transport, asked, done } = element('v1.15.1');
    const admf = requester(transport);
    await admf.request({ type: 'Ping' });
    await admf.request({ type: 'ActivateTask', task });
    expect(asked).toEqual(['v1.23.1', 'v1.15.1', 'v1.15.1']);
    expect(done).toHaveLength(2);
    expect(admf.version).toBe('v1.15.1');
  });

  it.each(['v1.23.1', 'v1.6.1', 'v1.99.1'])(
    'speaks the oldest one where the refusal is under %s',
    async (says) => {
      const { transport, asked } = element('v1.13.1', says);
      await requester(transport).request({ type: 'Ping' });
      expect(asked).toEqual(['v1.23.1', 'v1.13.1']);
    },
  );

  it('gives up at an element that is older than all', async () => {
    const { transport, asked } = element('v1.6.1');
    await expect(requester(transport).request({ type: 'Ping' })).rejects.toMatchObject({
      ...{ code: 'refused', error: { code: 1020 } },
    });
    expect(asked).toEqual(['v1.23.1', 'v1.13.1']);
  });

  it('learns from any answer, and begins anew with an element that was away', async () => {
    const { transport, asked, state } = element('v1.23.1');
    const older = async (octets: Uint8Array): Promise<Uint8Array> => {
      const messages = decodeX1Request(octets).map(({ header }): X1ResponseMessage => {
        asked.push(header.version);
        return {
          header: { ...header, version: 'v1.18.1' },
          body: { type: 'Ping', ok: 'AcknowledgedAndCompleted' },
        };
      });
      return state.up ? encodeX1Response({ kind: 'response', messages }) : transport(octets);
    };
    const admf = requester(older);
    await admf.request({ type: 'Ping' });
    await admf.request({ type: 'Ping' });
    expect(asked).toEqual(['v1.23.1', 'v1.18.1']);
    state.up = false;
    await expect(admf.request({ type: 'Ping' })).rejects.toMatchObject({ code: 'no-answer' });
    expect(admf.version).toBe('v1.23.1');
  });

  it('speaks the version of the setting and no other', async () => {
    const { transport, asked } = element('v1.23.1');
    const admf = requester(transport, 'v1.14.1');
    await admf.request({ type: 'Ping' });
    expect(asked).toEqual(['v1.14.1']);
    const lower = (octets: Uint8Array): Promise<Uint8Array> => {
      const messages = decodeX1Request(octets).map(({ header }): X1ResponseMessage => ({
        header: { ...header, version: 'v1.13.1' },
        body: { type: 'Ping', ok: 'AcknowledgedAndCompleted' },
      }));
      return Promise.resolve(encodeX1Response({ kind: 'response', messages }));
    };
    const fixed = requester(lower, 'v1.14.1');
    await fixed.request({ type: 'Ping' });
    expect(fixed.version).toBe('v1.14.1');
    const older = element('v1.13.1');
    await expect(requester(older.transport, 'v1.14.1').request({ type: 'Ping' })).rejects.toThrow(/1020/);
    expect(older.asked).toEqual(['v1.14.1']);
  });

  it('sends no older element what came later, and the rest all the same', async () => {
    const { transport, done } = element('v1.22.1');
    const admf = requester(transport, 'v1.22.1');
    const later = { ...task, iriPolicies: [XID] };
    const results = await admf.requestAll([
      { type: 'ActivateTask', task: later },
      { type: 'ActivateTask', task },
      {
        type: 'ActivateTask',
        task: { ...task, mediation: [{ liid: 'L', deliveryType: 'HI2Only', dids: [], iriPolicies: [XID] }] },
      },
    ]);
    expect(results.map((result) => (result instanceof X1ExchangeError ? result.code : 'done'))).toEqual([
      ...['beyond-version', 'done', 'beyond-version'],
    ]);
    expect(done).toEqual([{ type: 'ActivateTask', task }]);
    const newest = element('v1.23.1');
    await requester(newest.transport).request({ type: 'ActivateTask', task: later });
    expect(newest.done).toHaveLength(1);
  });

  it('orders versions by their numbers', () => {
    expect(isOlderX1Version('v1.9.9', 'v1.13.1') && isOlderX1Version('v1.13.1', 'v1.13.2')).toBe(true);
    expect(['v1.13.1', 'v1.20.7', 'v1.23.1'].every(isSpokenX1Version)).toBe(true);
    expect(['v1.13.0', 'v1.23.2', 'v2.13.1', '1.20.1', ''].some(isSpokenX1Version)).toBe(false);
  });
});
