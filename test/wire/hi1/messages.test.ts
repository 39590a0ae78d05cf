import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromUtf8, utf8 } from '../../../src/bytes/octets.ts';
import { renderHi1Message } from '../../../src/wire/hi1/describe.ts';
import { decodeHi1Message, encodeHi1Message, readHi1Message } from '../../../src/wire/hi1/messages.ts';
import type { Hi1Message } from '../../../src/wire/hi1/messages.ts';
import type { Hi1Object } from '../../../src/wire/hi1/objects.ts';
import { HI1_MOST_ACTIONS, HI1_SIZE_LIMIT } from '../../../src/wire/hi1/names.ts';
import { missingShared, missingTool, sharedPath } from '../../support/shared.ts';
import { HI1_SCHEMA, hi1Message, judged, later } from './support.ts';

const NAMESPACES =
  'xmlns="http://uri.etsi.org/03120/common/2019/10/Core" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:auth="http://uri.etsi.org/03120/common/2020/09/Authorisation"';
const ENDPOINT = '<CountryCode>XX</CountryCode><UniqueIdentifier>ACTOR01</UniqueIdentifier>';
const ID = '7dbbc880-8750-4d3c-abe7-ea4a17646045';

/** A message that creates one authorisation. */
function create({
  prolog = '',
  body = '',
  type = 'auth:AuthorisationObject',
  more = '',
  id = ID,
} = {}): string {
  return `${prolog}<HI1Message ${NAMESPACES}><Header><SenderIdentifier>${ENDPOINT}</SenderIdentifier><ReceiverIdentifier>${ENDPOINT}</ReceiverIdentifier><TransactionIdentifier>c02358b2-76cf-4ba4-a8eb-f6436ccaea2e</TransactionIdentifier><Timestamp>2015-09-01T12:00:00.000001Z</Timestamp><Version><ETSIVersion>V1.12.1</ETSIVersion><NationalProfileOwner>XX</NationalProfileOwner><NationalProfileVersion>v1.0</NationalProfileVersion></Version></Header><Payload><RequestPayload><ActionRequests><ActionRequest><ActionIdentifier>0</ActionIdentifier><CREATE><HI1Object xsi:type="${type}"><ObjectIdentifier>${id}</ObjectIdentifier>${body}</HI1Object></CREATE></ActionRequest>${more}</ActionRequests></RequestPayload></Payload></HI1Message>`;
}

const codeOf = (text: string | Uint8Array): string => {
  const reading = readHi1Message(typeof text === 'string' ? utf8(text) : text);
  return 'error' in reading ? reading.error.code : 'taken';
};

function created(octets: Uint8Array): Hi1Object {
  const { payload } = decodeHi1Message(octets);
  const [action] = payload.kind === 'requests' ? payload.actions : [];
  if (action?.action !== 'CREATE') throw new Error('it creates nothing');
  return action.object;
}

/** The object that a message creates, after having been written and read again. */
function again(text: string): Hi1Object {
  return created(encodeHi1Message(decodeHi1Message(utf8(text))));
}

describe('messages of HI1 (TS 103 120)', () => {
  it('read back as they were written', () => {
    fc.assert(
      fc.property(hi1Message, (message) => {
        expect(decodeHi1Message(encodeHi1Message(message))).toEqual(message);
      }),
    );
  });

  it.skipIf(missingShared(HI1_SCHEMA) || missingTool('xmllint'))(
    'R-91: what is written is valid by the schemas of ETSI, says xmllint',
    () => {
      expect(judged(fc.sample(hi1Message, 300).map(encodeHi1Message))).toBe('');
    },
  );

  it.skipIf(missingShared('cases/hi1'))("R-91: ETSI's examples are read, shown, and written again", () => {
    for (const name of readdirSync(sharedPath('cases/hi1'))) {
      const message = decodeHi1Message(
        new Uint8Array(readFileSync(path.join(sharedPath('cases/hi1'), name))),
      );
      expect(decodeHi1Message(encodeHi1Message(message)), name).toEqual(message);
      expect(renderHi1Message(message), name).toMatch(/^HI1 (request|response) [0-9a-f-]{36}\n/);
    }
    const file = readFileSync(sharedPath('cases/hi1/request1.xml'));
    const shown = renderHi1Message(decodeHi1Message(new Uint8Array(file)));
    expect(shown).toContain('action 1 CREATE\n  LITaskObject 2b36a78b-b628-416d-bd22-404e68a0cd36\n');
    expect(shown).toContain('    DeliveryType: IRIandCC (ETSI TaskDeliveryType)\n');
    expect(shown).toContain('          Value: 442079460223\n');
  });

  it('a message cut off at any octet is refused', () => {
    for (const message of fc.sample(hi1Message, 3)) {
      const octets = encodeHi1Message(message);
      for (let end = 0; end < octets.length; end += 1)
        expect(codeOf(octets.subarray(0, end)), `${end}`).toBe('not-xml');
    }
  });

  it('R-91: members that no schema has, and national ones, come back as they came', () => {
    const national =
      '<auth:NationalAuthorisationParameters xmlns:nat="urn:nat" xsi:type="nat:Parameters"><auth:CountryCode>XX</auth:CountryCode><nat:Case lang="de">a <b xmlns="">c</b> d</nat:Case></auth:NationalAuthorisationParameters>';
    const text = create({
      body: `<auth:AuthorisationReference>W1</auth:AuthorisationReference><auth:NewIn2030><auth:Deep>1</auth:Deep></auth:NewIn2030>${national}`,
    });
    const object = again(text);
    expect(object).toEqual(created(utf8(text)));
    expect(object).toMatchObject({
      kind: 'AuthorisationObject',
      members: {
        AuthorisationReference: 'W1',
        NationalAuthorisationParameters: {
          type: { namespace: 'urn:nat', name: 'Parameters' },
          children: [
            { name: 'CountryCode', text: 'XX' },
            {
              namespace: 'urn:nat',
              attributes: [{ name: 'lang', value: 'de' }],
              mixed: ['a ', { namespace: '', name: 'b', text: 'c' }, ' d'],
            },
          ],
        },
      },
      unknown: [{ after: 'AuthorisationReference', element: { name: 'NewIn2030' } }],
    });
  });

  it('R-91: text and attributes of strangers are escaped when they are written', () => {
    const [message] = fc.sample(hi1Message, 1);
    const object = { kind: 'AuthorisationObject', identifier: ID, members: {}, unknown: [later] };
    const payload = { kind: 'requests', actions: [{ id: '0', action: 'CREATE', object }] };
    const whole = { header: message!.header, payload } as Hi1Message;
    expect(decodeHi1Message(encodeHi1Message(whole))).toEqual(whole);
  });

  it('objects of other types are known by their identifier and kept whole', () => {
    const type = 'd:DeliveryObject" xmlns:d="http://uri.etsi.org/03120/common/2019/10/Delivery';
    const body = '<d:Reference xmlns:d="http://uri.etsi.org/03120/common/2019/10/Delivery">1</d:Reference>';
    expect(again(create({ type, body }))).toMatchObject({
      kind: 'other',
      identifier: ID,
      element: { type: { name: 'DeliveryObject' }, children: [{}, { name: 'Reference', text: '1' }] },
    });
  });

  it('what the schema does not allow is refused, and the header is known', () => {
    expect(codeOf(create())).toBe('taken');
    for (const body of [
      '<auth:AuthorisationReference>1</auth:AuthorisationReference><auth:AuthorisationReference>2</auth:AuthorisationReference>',
      '<auth:AuthorisationReference>1</auth:AuthorisationReference><Generation>1</Generation>',
      '<Generation>-1</Generation>',
      '<CountryCode>xx</CountryCode>',
      '<LastChanged>2015-02-30T00:00:00Z</LastChanged>',
      '<LastChanged>2015-02-03T00:00:00</LastChanged>',
      '<auth:AuthorisationStatus>Active</auth:AuthorisationStatus>',
      '<auth:NationalAuthorisationParameters><auth:CountryCode>XX</auth:CountryCode></auth:NationalAuthorisationParameters>',
      'text',
    ]) {
      const reading = readHi1Message(utf8(create({ body })));
      expect(reading, body).toMatchObject({
        error: { code: 'schema' },
        header: { transaction: 'c02358b2-76cf-4ba4-a8eb-f6436ccaea2e' },
      });
    }
    expect(codeOf(create({ type: 'auth:Nothing" lang="de' }))).toBe('taken');
    expect(codeOf(create({ type: 'auth:AuthorisationObject" lang="de' }))).toBe('schema');
    expect(codeOf(create({ type: 'unbound:AuthorisationObject' }))).toBe('schema');
    expect(codeOf(create({ id: ID.toUpperCase() }))).toBe('schema');
    expect(
      codeOf(create({ more: '<ActionRequest><ActionIdentifier>1</ActionIdentifier></ActionRequest>' })),
    ).toBe('schema');
  });

  it('an external entity (XXE), a billion laughs and other encodings are refused', () => {
    expect(
      codeOf(create({ prolog: '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', body: '&x;' })),
    ).toBe('forbidden-xml');
    expect(codeOf(create({ prolog: '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">' }))).toBe(
      'forbidden-xml',
    );
    expect(codeOf(create({ body: '&x;' }))).toBe('not-xml');
    expect(codeOf(create({ prolog: '<?xml version="1.0" encoding="utf-16"?>' }))).toBe('forbidden-xml');
    expect(codeOf(concat(utf8(create()), new Uint8Array([0xff])))).toBe('not-xml');
  });

  it('octets of a document are base64 as the schema has it, however long', () => {
    const document = (contents: string): string =>
      create({
        type: 'doc:DocumentObject" xmlns:doc="http://uri.etsi.org/03120/common/2020/09/Document',
        body: `<doc:DocumentBody><doc:Contents>${contents}</doc:Contents></doc:DocumentBody>`,
      });
    for (const good of ['', 'AA==', 'A A = =', '\n AAA=\n', 'AAAA'.repeat(500_000)])
      expect(codeOf(document(good)), good.slice(0, 10)).toBe('taken');
    for (const bad of ['A', 'AB==', 'AAB=', 'AA=A', '=AAA', 'AA-_'])
      expect(codeOf(document(bad)), bad).toBe('schema');
  });

  it('size, depth and number of actions are bounded', () => {
    expect(codeOf(create({ body: ' '.repeat(HI1_SIZE_LIMIT) }))).toBe('too-large');
    expect(codeOf(create({ body: '<x>'.repeat(40) + '</x>'.repeat(40) }))).toBe('forbidden-xml');
    const get = `<ActionRequest><ActionIdentifier>1</ActionIdentifier><GET><Identifier>${ID}</Identifier></GET></ActionRequest>`;
    expect(codeOf(create({ more: get.repeat(HI1_MOST_ACTIONS - 1) }))).toBe('taken');
    expect(codeOf(create({ more: get.repeat(HI1_MOST_ACTIONS) }))).toBe('too-large');
  });

  it('what a terminal would obey is not shown', () => {
    const body =
      '<auth:AuthorisationReference>a\u009b31mb&#10;action 1 GET\u202e</auth:AuthorisationReference>';
    expect(renderHi1Message(decodeHi1Message(utf8(create({ body }))))).toContain(
      '    AuthorisationReference: a 31mb action 1 GET\n',
    );
  });

  it('namespaces are declared as ETSI declares them', () => {
    const [message] = fc.sample(hi1Message, 1);
    expect(fromUtf8(encodeHi1Message(message!))).toContain(
      '<HI1Message xmlns="http://uri.etsi.org/03120/common/2019/10/Core"',
    );
  });
});
