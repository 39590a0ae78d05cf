import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../../src/bytes/octets.ts';
import { decodeX1Request, decodeX1Response } from '../../../src/wire/x1/containers.ts';
import { XmlDocumentError } from '../../../src/wire/xml/errors.ts';
import { X1_SIZE_LIMIT } from '../../../src/wire/x1/names.ts';

const NAMESPACES =
  'xmlns="http://uri.etsi.org/03221/X1/2017/10" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';

const HEADER = `<admfIdentifier>admf</admfIdentifier><neIdentifier>ne</neIdentifier>
  <messageTimestamp>2026-01-01T00:00:00.000000Z</messageTimestamp><version>v1.22.1</version>
  <x1TransactionId>3741800e-971b-4aa9-85f4-466d2b1adc7f</x1TransactionId>`;

function ping({
  prolog = '',
  type = 'PingRequest',
  header = HEADER,
  body = '',
  attributes = '',
} = {}): Uint8Array {
  return utf8(
    `${prolog}<X1Request ${NAMESPACES}><x1RequestMessage xsi:type="${type}" ${attributes}>${header}${body}</x1RequestMessage></X1Request>`,
  );
}

const codeOf = (octets: Uint8Array): string => {
  try {
    const [message] = decodeX1Request(octets);
    return message?.body === null ? `message: ${message.error.code}` : 'taken';
  } catch (error) {
    if (error instanceof XmlDocumentError) return error.code;
    throw error;
  }
};

describe('X1 documents made to harm', () => {
  it('a harmless one is taken', () => {
    expect(codeOf(ping())).toBe('taken');
    expect(codeOf(ping({ prolog: '\uFEFF<?xml version="1.0" encoding="utf-8"?>' }))).toBe('taken');
    expect(codeOf(ping({ body: '<!-- a comment -->' }))).toBe('taken');
  });

  it('an external entity (XXE) is refused', () => {
    const prolog = '<!DOCTYPE X1Request [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
    const header = HEADER.replace('<neIdentifier>ne', '<neIdentifier>&x;');
    expect(codeOf(ping({ prolog, header }))).toBe('forbidden-xml');
    expect(codeOf(ping({ prolog: '<!DOCTYPE X1Request SYSTEM "http://127.0.0.1:9/x.dtd">' }))).toBe(
      'forbidden-xml',
    );
    expect(codeOf(ping({ header }))).toBe('not-xml');
  });

  it('a billion laughs are refused', () => {
    const entities = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`);
    const prolog = `<!DOCTYPE X1Request [<!ENTITY l0 "ha">${entities.join('')}]>`;
    const header = HEADER.replace('<neIdentifier>ne', '<neIdentifier>&l9;');
    expect(codeOf(ping({ prolog, header }))).toBe('forbidden-xml');
  });

  it('a document type hidden in another encoding is refused', () => {
    const prolog = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE X1Request [<!ENTITY x "y">]>';
    const utf16 = new Uint8Array(Buffer.from(`\uFEFF${prolog}`, 'utf16le'));
    expect(codeOf(utf16)).toBe('not-xml');
    expect(codeOf(ping({ prolog: '<?xml version="1.0" encoding="UTF-7"?>' }))).toBe('forbidden-xml');
    expect(codeOf(ping({ prolog: '<?xml version="1.0" encoding="ISO-8859-1"?>' }))).toBe('forbidden-xml');
    expect(codeOf(concat(utf8('<a>'), Uint8Array.of(0xff), utf8('</a>')))).toBe('not-xml');
  });

  it('an oversized document is refused before it is parsed', () => {
    expect(codeOf(new Uint8Array(X1_SIZE_LIMIT + 1).fill(0x3c))).toBe('too-large');
  });

  it('a deep one is refused', () => {
    const body = '<a>'.repeat(200) + '</a>'.repeat(200);
    expect(codeOf(ping({ body }))).toBe('forbidden-xml');
  });

  it('attributes, processing instructions and nil are refused', () => {
    expect(codeOf(ping({ attributes: 'role="admin"' }))).toBe('schema');
    expect(codeOf(ping({ attributes: 'xsi:nil="true"' }))).toBe('schema');
    expect(codeOf(ping({ body: '<?php x?>' }))).toBe('forbidden-xml');
  });

  it('hints where a schema may be found are ignored', () => {
    expect(codeOf(ping({ attributes: 'xsi:schemaLocation="urn:x http://127.0.0.1:9/x.xsd"' }))).toBe('taken');
  });

  it('an unknown type or element is answered under its transaction', () => {
    expect(codeOf(ping({ type: 'RebootRequest' }))).toBe('message: unknown-request');
    expect(codeOf(ping({ type: 'PingResponse' }))).toBe('message: schema');
    expect(codeOf(ping({ type: 'toString' }))).toBe('message: schema');
    expect(codeOf(ping({ body: '<more/>' }))).toBe('message: schema');
    expect(codeOf(ping({ type: 'undeclared:PingRequest' }))).toBe('schema');
  });

  it('a foreign namespace is refused', () => {
    expect(codeOf(utf8('<X1Request><x1RequestMessage/></X1Request>'))).toBe('schema');
    expect(codeOf(ping({ body: '<x xmlns="urn:other"/>' }))).toBe('message: schema');
  });

  it('a response is no request and the other way round', () => {
    expect(() => decodeX1Response(ping())).toThrow(XmlDocumentError);
  });
});
