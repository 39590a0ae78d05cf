import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../src/bytes/octets.ts';
import {
  decodeX1Request,
  decodeX1Response,
  encodeX1Request,
  encodeX1Response,
} from '../../../src/wire/x1/containers.ts';
import { XmlDocumentError } from '../../../src/wire/xml/errors.ts';
import { X1Schema } from '../../../src/x1/schema.ts';
import { missingShared, missingTool, sharedPath } from '../../support/shared.ts';
import { header, laterTask, request, response, SCHEMA, xmllint } from './support.ts';

const noSchema = missingShared(SCHEMA);

describe('X1 documents', () => {
  it('requests read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (messages) => {
        expect(decodeX1Request(encodeX1Request(messages))).toEqual(messages);
      }),
    );
  });

  it('responses read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(response, { minLength: 1, maxLength: 3 }), (messages) => {
        const written = { kind: 'response' as const, messages };
        expect(decodeX1Response(encodeX1Response(written))).toEqual(written);
      }),
    );
  });

  it('a top-level error reads back as it was written', () => {
    fc.assert(
      fc.property(response, ({ header: { transactionId: _, ...header } }) => {
        const written = { kind: 'top-level-error' as const, header };
        expect(decodeX1Response(encodeX1Response(written))).toEqual(written);
      }),
    );
  });

  it.skipIf(noSchema || missingTool('xmllint'))('are valid by the schema, says xmllint', () => {
    const requests = fc.sample(request, 300).map((message) => encodeX1Request([message]));
    const responses = fc
      .sample(response, 300)
      .map((message) => encodeX1Response({ kind: 'response', messages: [message] }));
    const [first] = fc.sample(response, 1);
    const topLevel = encodeX1Response({ kind: 'top-level-error', header: first!.header });
    expect(xmllint([...requests, ...responses, topLevel])).toBe('');
  });

  it('a document cut off at any octet is refused', () => {
    for (const message of fc.sample(request, 2)) {
      const octets = encodeX1Request([message]);
      for (let end = 0; end < octets.length; end += 1) {
        expect(() => decodeX1Request(octets.subarray(0, end)), `${end}`).toThrow(XmlDocumentError);
      }
    }
    for (const message of fc.sample(response, 2)) {
      const octets = encodeX1Response({ kind: 'response', messages: [message] });
      for (let end = 0; end < octets.length; end += 1) {
        expect(() => decodeX1Response(octets.subarray(0, end)), `${end}`).toThrow(XmlDocumentError);
      }
    }
  });

  it('what X1 cannot carry is not written', () => {
    const [message] = fc.sample(request, 1);
    const bad = (overrides: object) => () =>
      encodeX1Request([{ header: { ...message!.header, ...overrides }, body: { type: 'Ping' } }]);
    expect(bad({})).not.toThrow();
    expect(bad({ transactionId: 'not a UUID' })).toThrow(XmlDocumentError);
    expect(bad({ version: '1.22.1' })).toThrow(XmlDocumentError);
    expect(bad({ admfIdentifier: ' admf' })).toThrow(XmlDocumentError);
    expect(() => encodeX1Request([])).toThrow(XmlDocumentError);
    expect(() =>
      encodeX1Request([
        { header: message!.header, body: { type: 'ReportNEIssue', issue: 'Alert', description: 'a\u0001b' } },
      ]),
    ).toThrow(XmlDocumentError);
  });
});

describe('what v1.23.1 adds', () => {
  const message = fc
    .tuple(header, fc.constantFrom('ActivateTask' as const, 'ModifyTask' as const), laterTask)
    .map(([head, type, task]) => ({ header: head, body: { type, task } }));

  it('IRI policies of a task and of a warrant read back as they were written', () => {
    fc.assert(
      fc.property(message, (written) => {
        expect(decodeX1Request(encodeX1Request([written]))).toEqual([written]);
      }),
    );
  });

  it('they stand at the end of either structure and nowhere else', () => {
    const [made] = fc.sample(message, 1);
    const [mediation] = fc.sample(laterTask, 100).flatMap((task) => task.mediation);
    const iriPolicies = ['3741800e-971b-4aa9-85f4-466d2b1adc7f'];
    const trafficPolicies = ['3741800e-971b-4aa9-85f4-466d2b1adc70'];
    const policies = { trafficPolicies, iriPolicies };
    const task = { ...made!.body.task, mediation: [{ ...mediation!, ...policies }], ...policies };
    const text = fromUtf8(encodeX1Request([{ header: made!.header, body: { type: 'ActivateTask', task } }]));
    const list = /\n +<listOfIRIPolicyReferences>[^]*?<\/listOfIRIPolicyReferences>/g;
    expect(text.match(list)).toHaveLength(2);
    expect(text.replace(list, '').match(/IRIPolicy/g)).toBeNull();
    for (const parent of ['mediationDetails', 'taskDetails']) {
      expect(text).toMatch(new RegExp(`</listOfIRIPolicyReferences>\\s*</${parent}>`));
    }
    const moved = text.replace(
      /(\n +<listOfTrafficPolicyReferences>[^]*?<\/listOfTrafficPolicyReferences>)(\n +<listOfIRI[^]*?<\/listOfIRIPolicyReferences>)/,
      '$2$1',
    );
    expect(decodeX1Request(utf8(text))).toMatchObject([{ body: { task } }]);
    expect(decodeX1Request(utf8(moved))).toMatchObject([
      {
        body: null,
        error: { message: 'mediationDetails: listOfTrafficPolicyReferences is not expected here' },
      },
    ]);
  });
});

describe.skipIf(noSchema)('the decoder against the schema', () => {
  const schema = noSchema ? null : new X1Schema(sharedPath(SCHEMA));

  const judgedBySchema = (octets: Uint8Array): boolean => {
    try {
      schema!.check(octets);
      return true;
    } catch {
      return false;
    }
  };
  const judgedByUs = (octets: Uint8Array): boolean => {
    try {
      return decodeX1Request(octets).every(({ body }) => body !== null);
    } catch (error) {
      if (error instanceof XmlDocumentError) return false;
      throw error;
    }
  };

  /** Small changes to a document: lines dropped, doubled, exchanged; characters of texts altered. */
  const mutation = fc.record({
    kind: fc.constantFrom('drop', 'double', 'swap', 'text', 'empty', 'insert'),
    at: fc.nat(),
    piece: fc.constantFrom(
      'x',
      ' ',
      '0',
      '-',
      '/',
      '%',
      'Ä',
      ':',
      '@',
      '#',
      '?',
      '[',
      ']',
      '%41',
      '&amp;',
      ';',
      '+',
      '\n',
      '&#13;',
      '<Owner/>',
      '<!-- c -->',
      '1',
    ),
  });

  function mutate(
    document: string,
    { kind, at, piece }: { kind: string; at: number; piece: string },
  ): string {
    const lines = document.split('\n');
    const index = 3 + (at % Math.max(1, lines.length - 5));
    const line = lines[index] ?? '';
    if (kind === 'drop') lines.splice(index, 1);
    if (kind === 'double') lines.splice(index, 0, line);
    if (kind === 'swap') lines.splice(index, 2, lines[index + 1] ?? '', line);
    if (kind === 'empty') lines[index] = line.replace(/>[^<]+</, '><');
    if (kind === 'text' || kind === 'insert') {
      const text = />([^<]+)</.exec(line);
      if (text !== null) {
        const from = text.index + 1 + (at % text[1]!.length);
        lines[index] = line.slice(0, from) + piece + line.slice(from + (kind === 'text' ? 1 : 0));
      }
    }
    return lines.join('\n');
  }

  it('takes nothing that the schema refuses, and refuses nothing that the schema takes', () => {
    let refused = 0;
    fc.assert(
      fc.property(request, mutation, (message, change) => {
        const octets = utf8(mutate(new TextDecoder().decode(encodeX1Request([message])), change));
        const [ours, theirs] = [judgedByUs(octets), judgedBySchema(octets)];
        if (!theirs) refused += 1;
        expect(ours, new TextDecoder().decode(octets)).toBe(theirs);
      }),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
