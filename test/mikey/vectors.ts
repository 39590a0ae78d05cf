/** The exchange vectors, as far as MIKEY itself is concerned. */
import { fromBase64, fromHex } from '../../src/bytes/octets.ts';
import { vectorFile } from '../support/shared.ts';

export interface ExchangeMessage {
  readonly message: string;
  readonly plaintext?: string;
  readonly authKey?: string;
  readonly mac?: string;
}

export interface ExchangeVector {
  readonly csbId: number;
  readonly rand: string;
  readonly curve: number;
  readonly prfFunc: number;
  readonly time: { readonly unix: number; readonly T1: string; readonly T2: string };
  readonly uri: { readonly i: string; readonly r: string };
  readonly spi: { readonly i: string; readonly r: string };
  readonly messages: Readonly<Record<string, ExchangeMessage>>;
  readonly keys: {
    readonly kSession: string;
    readonly mpk: string;
    readonly tgk: string;
    readonly cryptoSessions: readonly {
      readonly csId: number;
      readonly ssrc: number;
      readonly mki: string;
      readonly tek: string;
      readonly salt: string;
    }[];
  };
}

export const FILES = ['exchange-1.json', 'exchange-fork-gcm.json'] as const;

export function exchange(file: string): ExchangeVector {
  return vectorFile(file) as ExchangeVector;
}

/** Name and octets of every message of a set. */
export function messagesOf(vector: ExchangeVector): [string, Uint8Array][] {
  return Object.entries(vector.messages).map(([name, { message }]) => [name, fromBase64(message)]);
}

/** Name and octets of every container plaintext (a chain that begins with IDR). */
export function plaintextsOf(vector: ExchangeVector): [string, Uint8Array][] {
  return Object.entries(vector.messages).flatMap(([name, { plaintext }]) =>
    plaintext === undefined ? [] : [[name, fromHex(plaintext)] as [string, Uint8Array]],
  );
}
