/**
 * The operator's own copy of the X1 schema, where a setting names it: what passes between ADMF and NE is then judged
 * by it as well, besides our decoder. The schema's files are read once, from its folder alone; afterwards nothing that
 * the XML library is given can make it open a file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  xmlCleanupInputProvider,
  XmlBufferInputProvider,
  XmlDocument,
  XmlError,
  xmlRegisterInputProvider,
  XsdValidator,
} from 'libxml2-wasm';
import { ClavigerError } from '../bytes/errors.ts';
import { XmlDocumentError } from '../wire/xml/errors.ts';
import { withDocument } from '../wire/xml/document.ts';

export type X1SchemaErrorCode =
  /** It cannot be read, or does not compile. */
  'unusable-schema';

/** The setting names a file that is not a schema. */
export class X1SchemaError extends ClavigerError<X1SchemaErrorCode> {}

export class X1Schema {
  readonly #validator: XsdValidator;

  /** @param file the schema that imports the others, which stand beside it. @throws X1SchemaError */
  constructor(file: string) {
    this.#validator = load(path.resolve(file));
  }

  /** @param octets bounded by whoever received them @throws XmlDocumentError `schema` if the document is not valid */
  check(octets: Uint8Array): void {
    withDocument(octets, (document) => {
      try {
        this.#validator.validate(document);
      } catch (cause) {
        if (cause instanceof XmlError)
          throw new XmlDocumentError('schema', 'not valid by the schema', { cause });
        throw cause;
      }
    });
  }

  close(): void {
    this.#validator.dispose();
  }
}

function load(file: string): XsdValidator {
  try {
    const folder = path.dirname(file);
    const names = readdirSync(folder).filter((name) => name.endsWith('.xsd'));
    const files = names.map((name) => [path.join(folder, name), readFileSync(path.join(folder, name))]);
    xmlRegisterInputProvider(
      new XmlBufferInputProvider(Object.fromEntries(files) as Record<string, Uint8Array>),
    );
    const document = XmlDocument.fromBuffer(readFileSync(file), { url: file });
    try {
      return XsdValidator.fromDoc(document);
    } finally {
      document.dispose();
    }
  } catch (cause) {
    throw new X1SchemaError('unusable-schema', `cannot use ${file} as schema`, { cause });
  } finally {
    xmlCleanupInputProvider();
  }
}
