/**
 * The fields of a MIKEY message as the decoders read it: every read names its field, so that what reads the messages says
 * where each field stands. Nothing of the forms is known here but which octets hold more than one field.
 */

/**
 * @typedef {object} Field
 * @property {string} name as the decoder calls it, without its payload's name
 * @property {number} bits
 * @property {number} at octet of the message, or of the plaintext, in which it begins
 * @property {Uint8Array} octets those that it stands in
 * @property {number} value of what is no longer than 48 bits
 */

/**
 * @typedef {object} Part the header, or a payload
 * @property {string} name
 * @property {number} at
 * @property {number} octets
 * @property {readonly Field[]} fields
 */

/** @typedef {typeof import('../../src/mikey/registry.ts')} Registries */
/** The registries by name. @typedef {{ [K in keyof Registries]: Registries[K] extends import('../../src/mikey/registry.ts').Registry ? K : never }[keyof Registries]} RegistryName */

/**
 * What reads messages: `src/` in tests, `dist/` where the pages are made.
 * @typedef {object} Product
 * @property {typeof import('../../src/bytes/reader.ts').Reader} Reader
 * @property {typeof import('../../src/mikey/header.ts').readHeader} readHeader
 * @property {typeof import('../../src/mikey/message.ts').decodeMessage} decodeMessage
 * @property {typeof import('../../src/mikey/chain.ts').decodeChain} decodeChain
 * @property {typeof import('../../src/mikey/chain.ts').payloadType} payloadType
 * @property {typeof import('../../src/mikey/payloads/all.ts').PAYLOADS} PAYLOADS
 * @property {Registries} registry
 * @property {typeof import('../../src/mikey/describe-values.ts').ntpName} ntpName
 */

/** Fields that the decoders read at once, by what they call them: each with its bits. @type {Record<string, [string, number][]>} */
const SHARED = {
  'HDR V and PRF func': [
    ['V', 1],
    ['PRF func', 7],
  ],
  'SK Type and KV': [
    ['Type', 4],
    ['KV', 4],
  ],
  'Key data Type and KV': [
    ['Type', 4],
    ['KV', 4],
  ],
  'ECCPT KV': [
    ['Reserv', 4],
    ['KV', 4],
  ],
  'PKE C and Data len': [
    ['C', 2],
    ['Data len', 14],
  ],
  'SIGN S type and Signature len': [
    ['S type', 4],
    ['Signature len', 12],
  ],
};

const KINDS = /^(?:HDR|SRTP-ID|IBAKE|ESK|ECCPT|SK|IDR|CHASH|KEMAC|PKE|SIGN|EXT|ERR|SP|TR|T|V)(?= )/;

/** The header and the payloads of a message. @param {Product} product @param {Uint8Array} message @returns {Part[]} */
export function messageParts(product, message) {
  const log = newLog();
  const reader = tracing(product, message, 0, log);
  product.readHeader(reader);
  const header = { name: 'HDR', at: 0, octets: reader.offset, fields: fieldsOf(log) };
  return [header, ...product.decodeMessage(message).payloads.map(partOf(product, message))];
}

/** The sub-payloads of a plaintext, whose first is IDR. @param {Product} product @param {Uint8Array} plaintext @returns {Part[]} */
export function plaintextParts(product, plaintext) {
  return product.decodeChain(product.registry.PAYLOAD_TYPE.IDR, plaintext).map(partOf(product, plaintext));
}

/**
 * @param {Product} product @param {Uint8Array} octets
 * @returns {(payload: import('../../src/mikey/payload.ts').LocatedPayload) => Part}
 */
function partOf(product, octets) {
  const { nameOf, PAYLOAD_TYPE } = product.registry;
  return (payload) => {
    const type = product.payloadType(payload);
    const codec = product.PAYLOADS.find((each) => each.type === type);
    if (codec === undefined) throw new Error(`no form of a payload of type ${type}`);
    const log = newLog();
    const reader = tracing(product, octets, payload.offset, log);
    if (!('endsChain' in codec)) reader.u8('next payload');
    codec.decode(reader);
    return {
      name: nameOf(PAYLOAD_TYPE, type) ?? String(type),
      at: payload.offset,
      octets: payload.length,
      fields: fieldsOf(log),
    };
  };
}

/** @typedef {{ name: string, at: number, octets: Uint8Array }[]} Log */

/** @returns {Log} */
function newLog() {
  return [];
}

/** A reader that notes what is read. @param {Product} product @param {Uint8Array} octets @param {number} start @param {Log} log */
function tracing({ Reader }, octets, start, log) {
  class Tracing extends Reader {
    /** @override @param {number} length @param {string} field */
    view(length, field) {
      const at = this.offset;
      const view = super.view(length, field);
      if (length > 0) log.push({ name: field, at, octets: view });
      return view;
    }

    /** Numbers are read without a view. @override @param {number} length @param {string} field */
    uint(length, field) {
      const at = this.offset;
      const value = super.uint(length, field);
      log.push({ name: field, at, octets: octets.subarray(at, at + length) });
      return value;
    }

    /** @override @param {number} length @param {string} field */
    sub(length, field) {
      const at = this.offset;
      super.view(length, field);
      return new Tracing(octets, at, at + length);
    }
  }
  return new Tracing(octets, start);
}

/** @param {Log} log @returns {Field[]} */
function fieldsOf(log) {
  return log.flatMap(({ name, at, octets }) => {
    const whole = octets.length > 6 ? 0 : octets.reduce((value, octet) => value * 256 + octet, 0);
    const shared = SHARED[name];
    if (shared === undefined)
      return [{ name: name.replace(KINDS, '').trim(), bits: 8 * octets.length, at, octets, value: whole }];
    let below = 8 * octets.length;
    return shared.map(([each, bits]) => {
      below -= bits;
      return { name: each, bits, at, octets, value: (whole >> below) & (2 ** bits - 1) };
    });
  });
}
