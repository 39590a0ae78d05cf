/** Questions to the officers' interface, at the server that the page came from. */
import { plainText } from './format.ts';
import { CONSOLE_TEXTS } from './texts.ts';

/** An answer that is not what was asked for, in words for the reader. */
export class AskRefusal extends Error {
  /** As the interface has it; `unreachable` where there was no answer. */
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** What the reader is told of it. @throws what is not a refusal */
export function refusalText(error: unknown): string {
  if (error instanceof AskRefusal) return plainText(error.message);
  throw error;
}

/** An address of the interface, which is beside the page. @param path below `/v1/` */
export function apiUrl(path: string): string {
  return new URL(`../v1/${path}`, document.baseURI).href;
}

/** @param path below `/v1/` @throws AskRefusal */
export function getJson<T>(path: string): Promise<T> {
  return ask<T>(path, {});
}

/** Octets of a file. @param path below `/v1/` @throws AskRefusal */
export async function getOctets(path: string): Promise<Uint8Array> {
  const answer = await fetched(path, {});
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  throw refusalOf(answer.status, await answer.json().catch(() => null));
}

/** As `getJson`. @param body what is sent as JSON */
export function postJson<T>(path: string, body: object): Promise<T> {
  // No other site can have a browser send these two.
  const headers = { 'content-type': 'application/json', 'x-claviger-console': '1' };
  return ask<T>(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await fetched(path, init);
  const json: unknown = await answer.json().catch(() => null);
  if (answer.ok && json !== null) return json as T;
  throw refusalOf(answer.status, json);
}

function fetched(path: string, init: RequestInit): Promise<Response> {
  return fetch(apiUrl(path), { ...init, cache: 'no-store', redirect: 'error' }).catch(() => {
    throw new AskRefusal('unreachable', 0, CONSOLE_TEXTS.errors.unreachable);
  });
}

function refusalOf(status: number, json: unknown): AskRefusal {
  if (status === 401) return new AskRefusal('closed', status, CONSOLE_TEXTS.errors.closed);
  if (typeof json !== 'object' || json === null || !('detail' in json))
    return new AskRefusal('unreadable', status, CONSOLE_TEXTS.errors.unreadable);
  const code = 'code' in json ? String(json.code) : 'http';
  return new AskRefusal(code, status, String(json.detail));
}
