/** What the bridge has beside the officers' interface (`console/beside.ts`); an ADMF that serves the page has nothing of it. */
import type { BridgeAnswer, LaboratoryAnswer } from '../beside.ts';
import { askJson, sentJson } from './ask.ts';

/** Whether a bridge serves the page: its sessions have a path of their own. */
export function isBridged(): boolean {
  return new URL('../', document.baseURI).pathname !== '/';
}

/** @throws AskRefusal */
export function askBridge(): Promise<BridgeAnswer> {
  return askJson<BridgeAnswer>(besideUrl('bridge'));
}

/** @throws AskRefusal */
export function askLaboratory(): Promise<LaboratoryAnswer> {
  return askJson<LaboratoryAnswer>(besideUrl('laboratory'));
}

/** @throws AskRefusal */
export function orderCall(caller: string, callee: string): Promise<LaboratoryAnswer> {
  return askJson<LaboratoryAnswer>(besideUrl('laboratory/calls'), sentJson({ caller, callee }));
}

/** An address there. */
export function besideUrl(path: string): string {
  return new URL(`../${path}`, document.baseURI).href;
}
