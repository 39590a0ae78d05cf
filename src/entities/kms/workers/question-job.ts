/** What a KMS and its workers for questions of delivery functions say to each other. */
import { Secret } from '../../../bytes/secret.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../../wire/xk/get-keys.ts';
import type { LiRootState, SerialRecord } from '../ports.ts';
import type { ReadQuestion } from '../asked-question.ts';

/** `T` where octets that are secret stand bare, since a `Secret` does not go from thread to thread. */
export type Bare<T> = T extends Secret
  ? { readonly bareSecret: Uint8Array<ArrayBuffer> }
  : T extends Uint8Array | string | number | boolean | bigint | null
    ? T
    : { [K in keyof T]: Bare<T[K]> };

export type QuestionTask =
  | { readonly kind: 'read'; readonly text: string }
  | {
      readonly kind: 'answer';
      readonly request: GetKeysRequest;
      readonly covered: ReadonlySet<string>;
      /** Records that it most likely needs; what it needs besides it asks for. */
      readonly records: readonly GivenRecord[];
    };

/** What a worker asks of the KMS's records. */
export type RecordQuery =
  | { readonly kind: 'seed'; readonly uri: string; readonly period: number }
  | { readonly kind: 'root'; readonly period: number };

/** A record, given before it is asked for. */
export interface GivenRecord {
  readonly of: RecordQuery;
  readonly answer: RecordAnswer;
}

export type RecordAnswer = { readonly serial: number } | Bare<LiRootState> | null;

/** To a worker. */
export type QuestionOrder =
  /** The first of all. */
  | {
      readonly kind: 'district';
      readonly district: string;
      readonly keyLifetime: number;
      readonly serials: Bare<readonly SerialRecord[]>;
    }
  | { readonly kind: 'task'; readonly number: number; readonly task: QuestionTask }
  | {
      readonly kind: 'record';
      readonly query: number;
      readonly answer: RecordAnswer | { readonly failed: true };
    }
  /** Overwrite what is secret, and end. */
  | { readonly kind: 'end' };

export type QuestionResult =
  | { readonly kind: 'read'; readonly question: ReadQuestion | null }
  | { readonly kind: 'answered'; readonly response: Bare<GetKeysResponse> }
  | { readonly kind: 'failed'; readonly why: string };

/** From a worker, beside its replies. */
export interface RecordQuestion {
  readonly query: number;
  readonly of: RecordQuery;
}

/** The value with its secrets bare, in copies that are moved to another thread: `moved` is given their buffers. */
export function bare<T>(value: T, moved: ArrayBuffer[]): Bare<T> {
  return mapped(value, (each) => {
    if (!(each instanceof Secret)) return undefined;
    const octets = each.expose().slice();
    moved.push(octets.buffer);
    return { bareSecret: octets };
  }) as Bare<T>;
}

/** What `bare` was made of. */
export function clothed<T>(value: Bare<T>): T {
  return mapped(value, (each) =>
    typeof each === 'object' && each !== null && 'bareSecret' in each && each.bareSecret instanceof Uint8Array
      ? Secret.of(each.bareSecret)
      : undefined,
  ) as T;
}

/** A copy of plain objects and lists, in which `leaf` says what becomes of some values. */
function mapped(value: unknown, leaf: (value: unknown) => unknown): unknown {
  const replaced = leaf(value);
  if (replaced !== undefined) return replaced;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((each) => mapped(each, leaf));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapped(each, leaf)]));
}
