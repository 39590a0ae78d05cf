/** asn1-oracle of the shared folder: Erlang's ASN.1, whose modules are compiled when it runs for the first time. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { oneAtATime } from './one-at-a-time.ts';
import { missingShared, missingTool, sharedPath } from './shared.ts';

const command = sharedPath('tools/asn1-oracle');

/** Whether tests that ask it have to be left out; with `CI=true` a missing one is an error. */
export const withoutOracle = (): boolean =>
  [missingShared('tools/asn1-oracle'), missingTool('erlc'), missingTool('escript')].includes(true);

/** Compiling takes a minute of computing, and longer beside other tests. */
export const TIME_TO_COMPILE = 400_000;

/** For `beforeAll`, with {@link TIME_TO_COMPILE}: no test is to pay for it. */
export function compileOracle(): Promise<void> {
  // It compiles before it sees that there is nothing in the file.
  return oneAtATime('oracle', async () => {
    await once(spawn(command, ['ps-pdu', '/dev/null'], { stdio: 'ignore' }), 'exit');
  });
}

/** Every PS-PDU of a file, or one EpsIRIsContent, as the lines of JSON that the oracle prints. */
export function askOracle(
  file: string,
  kind: 'ps-pdu' | 'eps-iri' = 'ps-pdu',
): { status: number | null; stderr: string; pdus: string[] } {
  const { status, stdout, stderr } = spawnSync(command, [kind, file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, stderr, pdus: stdout.split('\n').filter((line) => line !== '') };
}
