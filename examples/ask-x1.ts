/**
 * Asks an element under interception for its status over X1 (TS 103 221-1), as its ADMF:
 * `ask-x1.js URL ADMF-IDENTIFIER NE-IDENTIFIER CERTIFICATE PRIVATE-KEY AUTHORITIES`, the last three PEM files. With
 * the variable ADDRESS the connection goes there, and the certificate is still judged by the URL's host.
 *
 * Door: `claviger/wire/x1` has both directions of every message; the connection is Node's.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { decodeX1Response, encodeX1Request } from 'claviger/wire/x1/containers';
import { X1_VERSION } from 'claviger/wire/x1/versions';

const [url, admfIdentifier, neIdentifier, certificate, privateKey, authorities] = process.argv.slice(2);
if (url === undefined || admfIdentifier === undefined || neIdentifier === undefined)
  throw new Error('ask-x1.js URL ADMF-IDENTIFIER NE-IDENTIFIER CERTIFICATE PRIVATE-KEY AUTHORITIES');

const request = encodeX1Request([
  {
    header: {
      admfIdentifier,
      neIdentifier,
      timestamp: Date.now(),
      version: X1_VERSION,
      transactionId: randomUUID(),
    },
    body: { type: 'GetNEStatus' },
  },
]);
const pem = (file = '') => readFileSync(file);
const address = process.env['ADDRESS'];
const response = decodeX1Response(
  await post(
    new URL(url),
    {
      cert: pem(certificate),
      key: pem(privateKey),
      ca: pem(authorities),
      ...(address && { hostname: address }),
    },
    request,
  ),
);

if (response.kind === 'top-level-error') throw new Error(`${neIdentifier} does not accept the request`);
for (const { body } of response.messages) {
  if (body.type === 'Error') console.log(`error ${body.error.code}: ${body.error.description}`);
  if (body.type === 'GetNEStatus') console.log(`${neIdentifier}: ${body.ne.status}`);
}

function post(to: URL, options: https.RequestOptions, octets: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/xml', host: to.host };
    const call = https.request(
      to,
      { ...options, servername: to.hostname, headers, method: 'POST' },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(Buffer.concat(parts));
          else reject(new Error(`HTTP ${answer.statusCode ?? 'without status'}`));
        });
        answer.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(octets);
  });
}
