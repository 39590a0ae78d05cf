/**
 * REQUEST_KEY with a certificate, made by hand from the RFCs' diagrams, and the certificates of a laboratory's authority for
 * it: no codec and no protection of the product.
 */
import { constants, createHash, createPrivateKey, publicEncrypt, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { LabAuthority } from '../../../../src/lab/pki/authority.ts';
import type { IssuedPem, Subject } from '../../../../src/lab/pki/authority.ts';
import { ntp } from './client.ts';

const DAY_MS = 86_400_000;

export interface Holder {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export function holderOf({ certificate, privateKey }: IssuedPem): Holder {
  return { certificate: new X509Certificate(certificate), privateKey: createPrivateKey(privateKey) };
}

/** An authority, and what it issues, in force a day around `now` (Unix seconds). */
export async function authorityAt(now: number) {
  const around = { from: now * 1000 - DAY_MS, to: now * 1000 + DAY_MS };
  const authority = await LabAuthority.create('Operator', { from: 0, to: now * 1000 + 365 * DAY_MS });
  const issue = (subject: Partial<Subject>): Promise<IssuedPem> =>
    authority.issue({ commonName: 'a', dnsNames: [], roles: [], ...subject }, around);
  return { authority, around, issue };
}

export interface CertifiedRequest {
  readonly by: Holder;
  readonly kms: X509Certificate;
  readonly uris: readonly string[];
  readonly district: string;
  /** Unix seconds. */
  readonly time: number;
  readonly rand: string;
  readonly csbId?: string;
  readonly prfFunc?: 0 | 1;
  readonly envelope: Uint8Array;
  /** Payloads in place of the usual ones, each type and octets after the next-payload field; before they are signed. */
  readonly change?: (payloads: [number, Buffer][]) => [number, Buffer][];
  /** The signature in place of the right one. */
  readonly signed?: (covered: Buffer) => Buffer;
  readonly signType?: number;
  readonly dataType?: number;
}

export const TYPE = { kemac: 1, pke: 2, sign: 4, t: 5, cert: 7, chash: 8, v: 9, rand: 11, idr: 14 } as const;

/** HDR, T, RAND, (IDRi), {CERT}, IDRkms, CHASH, PKE, SIGN. */
export function certifiedRequest(options: CertifiedRequest): Uint8Array {
  const { by, kms, uris, district, time, rand, csbId = '0badcafe', prfFunc = 1 } = options;
  const pke = encrypted(options.envelope, kms);
  const usual: [number, Buffer][] = [
    [TYPE.t, Buffer.concat([Buffer.from([0]), ntp(time)])],
    [TYPE.rand, Buffer.concat([Buffer.from([rand.length / 2]), Buffer.from(rand, 'hex')])],
    ...uris.map((uri) => idr(1, Buffer.from(uri))),
    cert(by.certificate),
    idr(3, Buffer.from(district)),
    chash(2, createHash('sha256').update(kms.raw).digest()),
    [TYPE.pke, Buffer.concat([u16(pke.length), pke])],
  ];
  const payloads = options.change?.(usual) ?? usual;
  const chain = payloads.map(([, body], at) =>
    Buffer.concat([Buffer.from([payloads[at + 1]?.[0] ?? TYPE.sign]), body]),
  );
  const header = Buffer.concat([
    Buffer.from([1, options.dataType ?? 20, payloads[0]![0], 0x80 | prfFunc]),
    Buffer.from(csbId, 'hex'),
    Buffer.from([0, 1]),
  ]);
  const message = Buffer.concat([header, ...chain, u16(((options.signType ?? 1) << 12) | 256)]);
  const covered = Buffer.concat([message, ...[...uris, district].map((uri) => Buffer.from(uri))]);
  const signature = options.signed?.(covered) ?? signedBy(by.privateKey)(covered);
  return new Uint8Array(Buffer.concat([message, signature]));
}

export function signedBy(key: KeyObject) {
  return (covered: Buffer): Buffer =>
    sign('sha256', covered, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
}

export function idr(role: number, data: Buffer): [number, Buffer] {
  return [TYPE.idr, Buffer.concat([Buffer.from([role, 1]), u16(data.length), data])];
}

export function cert({ raw }: X509Certificate, type = 0): [number, Buffer] {
  return [TYPE.cert, Buffer.concat([Buffer.from([type]), u16(raw.length), raw])];
}

export function chash(hashFunc: number, hash: Buffer): [number, Buffer] {
  return [TYPE.chash, Buffer.concat([Buffer.from([hashFunc]), hash])];
}

/** Without the payloads of a type, or with others in their place. */
export function replacing(type: number, ...by: [number, Buffer][]) {
  return (payloads: [number, Buffer][]): [number, Buffer][] => {
    const at = payloads.findIndex(([each]) => each === type);
    const others = payloads.filter(([each]) => each !== type);
    return [...others.slice(0, at), ...by, ...others.slice(at)];
  };
}

function encrypted(envelope: Uint8Array, { publicKey }: X509Certificate): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, envelope);
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
