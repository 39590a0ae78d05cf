/**
 * Reads the MIKEY messages in a SIP message or session description: `read-mikey.js FILE`.
 *
 * Doors: `claviger/sip` finds them, `claviger/mikey` decodes them.
 */
import { readFileSync } from 'node:fs';
import { describeMessage, renderMessage } from 'claviger/mikey/describe';
import { decodeMessage } from 'claviger/mikey/message';
import { keyManagementIn } from 'claviger/sip/key-management';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('read-mikey.js FILE');
const attributes = readFileSync(file, 'latin1')
  .split(/\r?\n/)
  .flatMap((line) => (line.startsWith('a=') ? [line.slice(2)] : []));

for (const { protocol, data } of keyManagementIn(attributes)) {
  if (protocol === 'mikey') console.log(renderMessage(describeMessage(decodeMessage(data), data.length)));
}
