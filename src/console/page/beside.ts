/** What the bridge has beside the officers' interface (`console/beside.ts`); an ADMF that serves the page has nothing of it. */
import type { BridgeAnswer, LaboratoryAnswer } from '../beside.ts';
import { askJson, askLines, sentJson } from './ask.ts';
import type { StatusJson } from './network-watch.ts';

/** Whether a bridge serves the page: its sessions have a path of their own. */
export function isBridged(): boolean {
  return new URL('../', document.baseURI).pathname !== '/';
}

/** @throws AskRefusal */
export function askBridge(): Promise<BridgeAnswer> {
  return askJson<BridgeAnswer>(besideUrl('bridge'));
}

/** What an entity says of itself. @throws AskRefusal */
export function askStatus(name: string): Promise<StatusJson> {
  return askJson<StatusJson>(besideUrl(`watch/${encodeURIComponent(name)}/status`));
}

/** @param name of the entity @param look `metrics`, `audit?from=0` @throws AskRefusal */
export function lookAt(name: string, look: string): Promise<string> {
  return askLines(besideUrl(`watch/${encodeURIComponent(name)}/${look}`));
}

/** @throws AskRefusal */
export function askLaboratory(): Promise<LaboratoryAnswer> {
  return askJson<LaboratoryAnswer>(besideUrl('laboratory'));
}

/** @throws AskRefusal */
export function orderCall(caller: string, callee: string): Promise<LaboratoryAnswer> {
  return askJson<LaboratoryAnswer>(besideUrl('laboratory/calls'), sentJson({ caller, callee }));
}

function besideUrl(path: string): string {
  return new URL(`../${path}`, document.baseURI).href;
}
