/** What `api/` says of interfaces over HTTP, against the code that serves them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fromUtf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { IQ_STATUS } from '../../src/entities/gateway/http/iq-server.ts';
import { eventsRoute } from '../../src/entities/admf/http/event-streams.ts';
import { OFFICERS_STATUS } from '../../src/entities/admf/http/officers.ts';
import { systemRoutes } from '../../src/entities/admf/http/system-routes.ts';
import { warrantJson } from '../../src/entities/admf/http/warrant-json.ts';
import { warrantRoutes } from '../../src/entities/admf/http/warrant-routes.ts';
import { watchRoutes } from '../../src/entities/admf/http/watch-routes.ts';
import type { WarrantRecord } from '../../src/entities/admf/warrants.ts';
import { analystEvents, analystRoutes, ANALYSTS_STATUS } from '../../src/entities/lemf/http/analysts.ts';
import { XK_STATUS } from '../../src/entities/kms/http/xk.ts';
import { PERSON_STATUS } from '../../src/net/persons-server.ts';
import { PROBLEM } from '../../src/net/problem.ts';
import {
  ANALYST_SELF,
  ANALYST_TIME_EVENT,
  CALL_EVENT,
  CALL_LIST,
  CALL_VIEWS,
  RECORD_VIEW,
} from '../../src/wire/analysts/calls.ts';
import { IQ_LOSSES_PATH, LOST_SESSIONS } from '../../src/wire/iq/losses.ts';
import {
  ANCHORED,
  encodeAnchored,
  encodeWanted,
  IQ_SESSIONS_PATH,
  WANTED_SESSION,
} from '../../src/wire/iq/sessions.ts';
import type { WantedSession } from '../../src/wire/iq/sessions.ts';
import { SYSTEM_EVENT, TIME_EVENT, WARRANT_EVENT } from '../../src/wire/officers/events.ts';
import {
  ALARM_LIST,
  AUDIT_PAGE,
  DIFFERENCE_LIST,
  ELEMENT_LIST,
  SELF,
  SYSTEM_STATUS,
  WATCH_LIST,
} from '../../src/wire/officers/system.ts';
import { WARRANT_LIID } from '../../src/wire/officers/terms.ts';
import {
  AMENDMENT,
  DECISION,
  ENTRY,
  EXTENSION,
  IMPORT,
  IMPORTED,
  ORDER,
  WARRANT_FILE,
  WARRANT_PAGE,
  WARRANT_VIEW,
} from '../../src/wire/officers/warrants.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../../src/wire/request-key/transport.ts';
import {
  encodeGetKeysRequest,
  encodeGetKeysResponse,
  GET_KEYS_ANSWER,
  GET_KEYS_FAILURE,
  GET_KEYS_PATH,
  GET_KEYS_REQUEST,
} from '../../src/wire/xk/get-keys.ts';
import type { GetKeysAnswer } from '../../src/wire/xk/get-keys.ts';
import { root } from './support.ts';

const generator = path.join(root, 'scripts/docs-openapi.mjs');
const { DESCRIPTIONS, openapi } = (await import(generator)) as {
  DESCRIPTIONS: Record<string, Record<string, string[]>>;
  openapi: (name: string, schemas: TSchema[]) => Promise<string>;
};

interface Description {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses?: object; readonly description?: string }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly required?: string[] }>> };
}

const text = (name: string) => readFileSync(path.join(root, 'api', name), 'utf8');
const described = (name: string) => parse(text(name)) as Description;

const statuses = ({ paths }: Description, at: string, method: string): string[] =>
  Object.keys(paths[at]?.[method]?.responses ?? {});
const sorted = (...all: readonly (string | number)[]) => [...new Set(all.map(String))].sort();

/** Whether JSON is of a form of a description. */
function judge(description: Description, schema: string, json: unknown): boolean {
  const { components } = description;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  return ajv.compile({ components, $ref: `#/components/schemas/${schema}` })(json);
}

const SCHEMAS: Readonly<Record<string, readonly TSchema[]>> = {
  'admf.openapi.yaml': [
    ...[WARRANT_LIID, ENTRY, DECISION, ORDER, AMENDMENT, EXTENSION, IMPORT],
    ...[WARRANT_VIEW, WARRANT_PAGE, WARRANT_FILE, IMPORTED],
    ...[TIME_EVENT, SYSTEM_EVENT, WARRANT_EVENT, SELF],
    ...[SYSTEM_STATUS, ELEMENT_LIST, DIFFERENCE_LIST, ALARM_LIST, AUDIT_PAGE, WATCH_LIST, PROBLEM],
  ],
  'iq.openapi.yaml': [WANTED_SESSION, ANCHORED, LOST_SESSIONS, PROBLEM],
  'kms.openapi.yaml': [PROBLEM],
  'lemf.openapi.yaml': [
    ...[ANALYST_SELF, CALL_LIST, CALL_VIEWS, RECORD_VIEW, ANALYST_TIME_EVENT, CALL_EVENT],
    PROBLEM,
  ],
  'xk.openapi.yaml': [GET_KEYS_REQUEST, GET_KEYS_ANSWER, GET_KEYS_FAILURE, PROBLEM],
};

describe.each(Object.keys(DESCRIPTIONS))('%s', (name) => {
  it('has the schemas that messages are read by, as node scripts/docs-openapi.mjs makes them', async () => {
    expect(text(name)).toBe(await openapi(name, [...(SCHEMAS[name] ?? [])]));
  });

  it('refers to what it has, and has nothing else', () => {
    const { components } = parse(text(name)) as { components: Record<string, Record<string, unknown>> };
    const used = [...text(name).matchAll(/#\/components\/(\w+)\/(\w+)/g)];
    for (const [reference, kind = '', member = ''] of used)
      expect(components[kind], reference).toHaveProperty(member);
    const names = new Set(used.map(([, , member]) => member));
    expect(Object.keys(components['schemas'] ?? {}).filter((schema) => !names.has(schema))).toEqual([]);
  });
});

describe('admf.openapi.yaml', () => {
  const admf = described('admf.openapi.yaml');
  const unused = {} as never;
  const routes = [
    ...warrantRoutes({ admf: unused, desk: unused, clock: unused }),
    ...systemRoutes({
      ...{ admf: unused, desk: unused, issues: unused, audit: unused, pages: unused },
      clock: unused,
      elements: [],
    }),
    ...watchRoutes({ watched: unused, looks: unused, clock: unused }),
    eventsRoute(unused),
  ];
  const called = ({ method, path: at }: { readonly method: string; readonly path: string }) =>
    `${method} ${at.replace(/:(liid|entity)/, '{$1}')}`;

  it('R-93: has every route that there is, and who may call it', () => {
    const operations = Object.entries(admf.paths).flatMap(([at, methods]) =>
      Object.entries(methods)
        .filter(([method]) => method !== 'parameters')
        .map(([method, { description }]) => [`${method.toUpperCase()} ${at}`, description]),
    );
    const expected = routes.map((route) => [called(route), `Roles: ${route.roles.join(', ')}`]);
    expect(operations.sort()).toEqual(expected.sort());
  });

  it('has every status that the code answers with', () => {
    const found = new Set(
      Object.keys(admf.paths).flatMap((at) => [...statuses(admf, at, 'get'), ...statuses(admf, at, 'post')]),
    );
    const own = Object.entries(OFFICERS_STATUS).flatMap(([code, status]) =>
      code === 'provisioning-failed' ? [] : [status],
    );
    expect([...found].sort()).toEqual(sorted(200, 201, 413, 415, 500, ...own));
    for (const code of Object.keys(OFFICERS_STATUS))
      if (code !== 'provisioning-failed') expect(text('admf.openapi.yaml')).toContain(code);
  });

  it('describes what is written', () => {
    const warrant = {
      liid: 'LIID-1',
      targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
      delivery: 'IRI',
      startTime: 0,
      endTime: 1000,
      lemf: { hi2: { host: 'lemf', port: 1 } },
    } as const;
    const pending = { by: 'anna', reason: 'x', at: 5 };
    const record: WarrantRecord = {
      ...{
        warrant,
        xid: 'x',
        state: 'active',
        version: 3,
        from: 0,
        until: null,
        drainUntil: null,
        periods: [],
      },
      ...{
        authors: ['anna'],
        approvals: ['ben'],
        emergency: { lapsesAt: 9 },
        reference: 'r',
        imported: true,
      },
      ...{ pending: null, undo: null, closedAt: null, erased: false },
    } as const;
    for (const change of [
      { kind: 'amend', changes: { endTime: 7, location: true } },
      { kind: 'resume' },
      { kind: 'extend', startTime: null, endTime: 9 },
    ] as const) {
      const json = warrantJson({ ...record, pending: { ...pending, change } }, new Set());
      expect(judge(admf, 'Warrant', json)).toBe(true);
      expect(judge(admf, 'Warrant', { ...json, liid: 'a b' })).toBe(false);
    }
    expect(warrantJson(record, new Set(['LIID-1']))).toMatchObject({
      degraded: true,
      generation: 3,
      covered: [{}],
    });
    expect(warrantJson({ ...record, state: 'submitted' }, new Set())).toMatchObject({
      degraded: false,
      covered: [],
    });
  });
});

describe('lemf.openapi.yaml', () => {
  const lemf = described('lemf.openapi.yaml');
  const unused = {} as never;
  const routes = [
    ...analystRoutes({
      ...{ lemf: '', folder: '', show: unused, exporter: unused, exports: unused },
      clock: unused,
    }),
    analystEvents({ stream: unused }),
  ];

  it('R-93: has every route that there is, who may call it, and every status that the code answers with', () => {
    const operations = Object.entries(lemf.paths).map(([at, { get }]) => [at, get?.description]);
    const expected = routes.map((route) => [
      route.path.replace(/:(\w+)/g, '{$1}'),
      `Roles: ${route.roles.join(', ')}`,
    ]);
    expect(operations.sort()).toEqual(expected.sort());
    const found = new Set(Object.keys(lemf.paths).flatMap((at) => statuses(lemf, at, 'get')));
    const own = [...Object.values(ANALYSTS_STATUS), ...Object.values(PERSON_STATUS)];
    expect([...found].sort()).toEqual(sorted(200, 500, 503, ...own));
    for (const code of [...Object.keys(ANALYSTS_STATUS), ...Object.keys(PERSON_STATUS), 'busy'])
      expect(text('lemf.openapi.yaml')).toContain(code);
  });
});

describe('xk.openapi.yaml', () => {
  const xk = described('xk.openapi.yaml');

  it('has every status that the code answers with', () => {
    expect(statuses(xk, GET_KEYS_PATH, 'post')).toEqual(
      sorted(200, 400, ...Object.values(XK_STATUS), 413, 415, 500),
    );
  });

  it('has the parameters of tables 7B.7.2.1 and 7B.7.2.2 (R-4, R-6)', () => {
    const { GetKeysRequest, CryptoSession } = xk.components.schemas;
    expect(GetKeysRequest?.required).toEqual(['targetKmsIdentity', 'xid', 'iMessage1', 'rMessage1']);
    expect(CryptoSession?.required).toEqual(['csId', 'sessionKey', 'salt', 'ssrc', 'policy', 'cipher']);
  });

  it('describes what is written', () => {
    const octets = (length: number) => new Uint8Array(length).fill(7);
    const messages = { iMessage1: octets(300), rMessage1: octets(1) };
    const request = {
      targetKmsIdentity: 'sip:alice@home1.example',
      xid: 'x',
      ...messages,
      iMessage2: null,
      rMessage2: octets(65_535),
      midCall: true,
    };
    for (const updates of [[], [messages], [messages, messages]]) {
      const json = JSON.parse(encodeGetKeysRequest({ ...request, updates })) as object;
      expect(judge(xk, 'GetKeysRequest', json)).toBe(true);
      expect(judge(xk, 'GetKeysRequest', { ...json, xid: '' })).toBe(false);
    }
    const session = {
      csId: 1,
      sessionKey: Secret.of(octets(32)),
      salt: Secret.of(octets(12)),
      ssrc: 1,
      policy: 1,
      cipher: 'AEAD_AES_256_GCM',
      mki: octets(8),
      deferred: false,
      headerUnverified: true,
    } as const;
    const answer: GetKeysAnswer = {
      verified: true,
      cryptoSessions: [session, { ...session, mki: null, deferred: true, headerUnverified: false }],
    };
    const answered = JSON.parse(fromUtf8(encodeGetKeysResponse(answer).expose())) as object;
    expect(judge(xk, 'GetKeysAnswer', answered)).toBe(true);
    expect(judge(xk, 'GetKeysAnswer', { ...answered, privateKey: '' })).toBe(false);
  });
});

describe('iq.openapi.yaml', () => {
  const iq = described('iq.openapi.yaml');
  const at = `${IQ_SESSIONS_PATH}{id}`;

  it('has every status that the code answers with', () => {
    expect(statuses(iq, at, 'put')).toEqual(sorted(200, 400, 403, 413, 415, ...Object.values(IQ_STATUS)));
    expect(statuses(iq, at, 'delete')).toEqual(['204', '403', '404']);
    expect(statuses(iq, at, 'get')).toEqual(['204', '403', '404']);
    expect(statuses(iq, IQ_LOSSES_PATH, 'get')).toEqual(['200', '400', '403']);
  });

  it('describes what is written', () => {
    const address = { address: '::1', port: 4000 };
    const wanted: WantedSession = {
      correlation: new Uint8Array(8),
      parties: { a: ['sip:alice@home1.example'], b: [] },
      sdps: { a: 'v=0\r\n', b: null },
      streams: [null, { a: { ...address, rtcp: address }, b: null }],
    };
    expect(judge(iq, 'WantedSession', encodeWanted(wanted))).toBe(true);
    expect(judge(iq, 'WantedSession', encodeWanted({ ...wanted, correlation: new Uint8Array(7) }))).toBe(
      false,
    );
    expect(judge(iq, 'Anchored', encodeAnchored([null, { a: address, b: address }]))).toBe(true);
    expect(judge(iq, 'Anchored', { streams: [{ a: address }] })).toBe(false);
  });
});

describe('kms.openapi.yaml', () => {
  const kms = described('kms.openapi.yaml');

  it('has every status that the code answers with', () => {
    expect(statuses(kms, '/.well-known/ibe', 'get')).toEqual(['200', '400', '404', '429', '503']);
    expect(statuses(kms, REQUEST_KEY_PATH, 'post')).toEqual([
      '200',
      '400',
      '413',
      '415',
      '429',
      '500',
      '503',
    ]);
  });

  it('has the media types of the code', () => {
    expect(text('kms.openapi.yaml')).toContain(`${MIKEY_MEDIA_TYPE}:`);
  });
});
