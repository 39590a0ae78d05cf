/** Questions to the server that the page came from: to the officers' interface, and to what there is beside it. */
import { AskRefusal } from './ask-refusal.ts';
import { CONSOLE_TEXTS } from './texts.ts';

/** An address of the interface, which is beside the page. @param path below `/v1/` */
export function apiUrl(path: string): string {
  return new URL(`../v1/${path}`, document.baseURI).href;
}

/** @param path below `/v1/` @throws AskRefusal */
export function getJson<T>(path: string): Promise<T> {
  return askJson<T>(apiUrl(path));
}

/** Octets of a file. @param path below `/v1/` @throws AskRefusal */
export async function getOctets(path: string): Promise<Uint8Array> {
  const answer = await asked(apiUrl(path), {});
  if (!answer.ok) throw refusalOf(answer.status, await answer.json().catch(() => null));
  return new Uint8Array(await answer.arrayBuffer().catch(brokenOff));
}

/** As `getJson`. @param body what is sent as JSON */
export function postJson<T>(path: string, body: object): Promise<T> {
  return askJson<T>(apiUrl(path), sentJson(body));
}

/** A POST of JSON. */
export function sentJson(body: object): RequestInit {
  // No other site can have a browser send these two.
  const headers = { 'content-type': 'application/json', 'x-claviger-console': '1' };
  return { method: 'POST', headers, body: JSON.stringify(body) };
}

/** @throws AskRefusal */
export async function askJson<T>(url: string, init: RequestInit = {}): Promise<T> {
  const answer = await asked(url, init);
  const json: unknown = await answer.json().catch(() => null);
  if (answer.ok && json !== null) return json as T;
  throw refusalOf(answer.status, json);
}

/** @throws AskRefusal */
export async function askLines(url: string): Promise<string> {
  const answer = await asked(url, {});
  if (!answer.ok) throw refusalOf(answer.status, await answer.json().catch(() => null));
  return answer.text().catch(brokenOff);
}

function asked(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, { ...init, cache: 'no-store', redirect: 'error' }).catch(brokenOff);
}

function brokenOff(): never {
  throw new AskRefusal('unreachable', 0, CONSOLE_TEXTS.errors.unreachable);
}

function refusalOf(status: number, json: unknown): AskRefusal {
  if (status === 401) return new AskRefusal('closed', status, CONSOLE_TEXTS.errors.closed);
  if (typeof json !== 'object' || json === null || !('detail' in json))
    return new AskRefusal('unreadable', status, CONSOLE_TEXTS.errors.unreadable);
  const code = 'code' in json ? String(json.code) : 'http';
  return new AskRefusal(code, status, String(json.detail));
}
