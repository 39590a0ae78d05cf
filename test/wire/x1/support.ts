/** Arbitrary X1 values, and the judges of documents: xmllint and the schema. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { Destination, InterceptTask, MediationDetails } from '../../../src/wire/x1/details.ts';
import type { TargetIdentifier } from '../../../src/wire/x1/target-identifiers.ts';
import type { X1Header } from '../../../src/wire/x1/containers.ts';
import type { X1RequestBody } from '../../../src/wire/x1/requests.ts';
import type { X1ResponseBody } from '../../../src/wire/x1/responses.ts';
import { sharedPath } from '../../support/shared.ts';

export const SCHEMA = 'xsd/all.xsd';

/** Judges documents by `xmllint --schema`; gives its complaints, empty if all are valid. */
export function xmllint(documents: readonly Uint8Array[], schema = sharedPath(SCHEMA)): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'x1-'));
  try {
    const files = documents.map((octets, index) => {
      const file = path.join(folder, `${index}.xml`);
      writeFileSync(file, octets);
      return file;
    });
    const run = spawnSync('xmllint', ['--noout', '--nonet', '--schema', schema, ...files], {
      encoding: 'utf8',
    });
    if (run.status === 0) return '';
    return run.stderr
      .split('\n')
      .filter((line) => !line.endsWith(' validates'))
      .join('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `{ a?: T }`: the key is left out rather than undefined. */
function maybe<K extends string, T>(key: K, arb: fc.Arbitrary<T>): fc.Arbitrary<Partial<Record<K, T>>> {
  return fc.option(arb).map((value): Partial<Record<K, T>> => {
    const made: Partial<Record<string, T>> = value === null ? {} : { [key]: value };
    return made;
  });
}

function all<T extends object[]>(...parts: { [I in keyof T]: fc.Arbitrary<T[I]> }): fc.Arbitrary<Merge<T>> {
  return fc
    .tuple(...(parts as unknown as fc.Arbitrary<object>[]))
    .map((objects) => Object.assign({}, ...objects) as Merge<T>);
}

type Merge<T extends object[]> = T extends [infer H, ...infer R extends object[]] ? H & Merge<R> : unknown;

export const uuid = fc.uuid();
/** Unix milliseconds with microseconds, as the codec yields them. */
export const time = fc
  .tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 999 }))
  .map(([ms, us]) => Math.floor(ms / 1000) * 1000 + ((ms % 1000) * 1000 + us) / 1000);
const xmlText = fc
  .string({ unit: 'grapheme', maxLength: 30 })

  .map((text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, ''));
const token = fc.stringMatching(/^[A-Za-z0-9.äé-]{1,20}( [A-Za-z0-9]{1,9})?$/);
const dids = fc.array(uuid, { maxLength: 3 });
const extensions = maybe(
  'extensions',
  fc.array(fc.record({ owner: xmlText, content: fc.constant([]) }), { minLength: 1, maxLength: 2 }),
);
const serviceTypes = fc.uniqueArray(
  fc.constantFrom('voice', 'data', 'messaging', 'pushToTalk', 'LALS', 'RCS'),
  { minLength: 1 },
);
const port = fc.integer({ min: 2, max: 65535 });

/** Identifiers of every name that can be written. */
const TARGET_VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  e164Number: fc.stringMatching(/^[0-9]{1,15}$/),
  imsi: fc.stringMatching(/^[0-9]{6,15}$/),
  imei: fc.stringMatching(/^[0-9]{14}$/),
  macAddress: fc.constant('00:1b:44:11:3a:b7'),
  ipv4Address: fc.ipV4(),
  ipv6Address: fc.constant('2001:0db8:0000:0000:0000:0000:0000:0001'),
  ipv4Cidr: fc.constantFrom('192.0.2.0/24', '2001:0db8:0000:0000:0000:0000:0000:0000/32'),
  ipv6Cidr: fc.constant('2001:0db8:0000:0000:0000:0000:0000:0000/32'),
  tcpPort: port.map(String),
  tcpPortRange: fc.tuple(port, port).map(([a, b]) => `${a}-${b}`),
  tcpPortList: fc.array(port, { minLength: 1, maxLength: 3 }).map(String),
  udpPort: fc.integer({ min: 0, max: 65535 }).map(String),
  udpPortRange: fc.tuple(port, port).map(([a, b]) => `${a}-${b}`),
  udpPortList: fc.array(port, { minLength: 1, maxLength: 3 }).map(String),
  emailAddress: fc.constantFrom('alice@home1.example', "o'neil+x@a-b.example"),
  internationalizedEmailAddress: fc.constantFrom('jürgen@bücher.example'),
  sipUri: fc.constantFrom('sip:alice@home1.example', 'sips:+1-212-555@home1.example;user=phone', 'sip:%61@h'),
  telUri: fc.constantFrom('tel:+12125550101', 'tel:0101;phone-context=home1.example'),
  h323Uri: fc.constant('h323:alice@home1.example'),
  impu: fc.constantFrom('sip:alice@home1.example', 'tel:+12125550101'),
  impi: xmlText,
  nai: xmlText,
  radiusAttribute: fc.constant('1f00'),
  gtpuTunnelId: fc.integer({ min: 0, max: 4294967296 }).map(String),
  gtpcTunnelId: fc.constant('7'),
  callPartyRole: fc.constantFrom('Originating', 'Terminating', 'Forwarded-To'),
  nonLocalIdentifier: fc.constantFrom('Local', 'NonLocal'),
  supiimsi: fc.stringMatching(/^[0-9]{6,15}$/),
  supinai: xmlText,
  suci: fc.constant('00ff'),
  peiImei: fc.stringMatching(/^[0-9]{14}$/),
  peiImeiCheckDigit: fc.stringMatching(/^[0-9]{15}$/),
  peiImeisv: fc.stringMatching(/^[0-9]{16}$/),
  gpsiMsisdn: fc.stringMatching(/^[0-9]{1,15}$/),
  gpsiNai: xmlText,
  eui64: fc.constant('00:1b:44:11:3a:b7:00:01'),
  serviceAccessIdentifier: xmlText,
  hashedIdentifier: uuid.map((id) => `${id},00ff,a type, with comma`),
  vrf: xmlText,
};

export const targetIdentifier: fc.Arbitrary<TargetIdentifier> = fc.oneof(
  ...Object.entries(TARGET_VALUES).map(([name, values]) => values.map((value) => ({ name, value }))),
);

const scoping = all(
  maybe('serviceTypes', serviceTypes),
  maybe(
    'location',
    fc.oneof(
      fc.constant('doNotReport' as const),
      fc.array(
        all(
          maybe('beginningAndEnd', fc.boolean()),
          maybe('uponChange', fc.boolean()),
          maybe('lals', fc.boolean()),
        ),
        { maxLength: 2 },
      ),
    ),
  ),
  maybe('suspendOnOutboundInternationalRoaming', fc.boolean()),
  maybe('reportPostDialledDigits', fc.boolean()),
);

export const mediation: fc.Arbitrary<MediationDetails> = all(
  fc.record({
    liid: fc.stringMatching(/^([!-~]{1,25}|[0-9a-f]{26,50})$/),
    deliveryType: fc.constantFrom('HI2Only', 'HI3Only', 'HI2andHI3'),
    dids,
  }),
  maybe('startTime', time),
  maybe('endTime', time),
  maybe('scoping', fc.array(scoping, { maxLength: 2 })),
  maybe('trafficPolicies', fc.array(uuid, { maxLength: 2 })),
  maybe('destinationSets', fc.array(uuid, { minLength: 1, maxLength: 2 })),
  extensions,
);

export const task: fc.Arbitrary<InterceptTask> = all(
  fc.record({
    xid: uuid,
    targets: fc.array(targetIdentifier, { minLength: 1, maxLength: 3 }),
    deliveryType: fc.constantFrom('X2Only', 'X3Only', 'X2andX3'),
    dids,
    mediation: fc.array(mediation, { maxLength: 2 }),
  }),
  maybe('correlationId', fc.bigInt({ min: 0n, max: 1n << 64n }).map(String)),
  maybe('implicitDeactivationAllowed', fc.boolean()),
  maybe('productId', uuid),
  maybe('serviceTypes', serviceTypes),
  maybe('trafficPolicies', fc.array(uuid, { maxLength: 2 })),
  maybe('destinationSets', fc.array(uuid, { minLength: 1, maxLength: 2 })),
  extensions,
);

/** Tasks with what v1.23.1 of the schema adds, which the schema at hand does not know. */
export const laterTask: fc.Arbitrary<InterceptTask> = fc
  .tuple(task, fc.array(all(mediation, policies()), { maxLength: 2 }), policies())
  .map(([whole, warrants, added]) => ({ ...whole, mediation: warrants, ...added }));

function policies(): fc.Arbitrary<{ iriPolicies?: string[] }> {
  return maybe('iriPolicies', fc.array(uuid, { maxLength: 2 }));
}

export const destination: fc.Arbitrary<Destination> = all(
  fc.record({
    did: uuid,
    deliveryType: fc.constantFrom('X2Only', 'X3Only', 'X2andX3'),
    address: fc.oneof(
      fc.record({
        kind: fc.constant('ipAddressAndPort' as const),
        address: fc.oneof(fc.ipV4(), fc.constant('2001:0db8:0000:0000:0000:0000:0000:0001')),
        port,
        transport: fc.constantFrom('tcp', 'udp'),
      }),
      fc.record({ kind: fc.constant('uri' as const), value: fc.constant('tls://df.home1.example:7001') }),
      fc.record({ kind: fc.constant('e164Number' as const), value: fc.constant('12125550101') }),
      fc.record({ kind: fc.constant('emailAddress' as const), value: fc.constant('lea@example.org') }),
    ),
  }),
  maybe('friendlyName', xmlText),
  extensions,
);

export const header: fc.Arbitrary<X1Header> = fc.record({
  admfIdentifier: token,
  neIdentifier: token,
  timestamp: time,
  version: fc.tuple(fc.nat(99), fc.nat(9)).map(([minor, patch]) => `v1.${minor}.${patch}`),
  transactionId: uuid,
});

const issueReport = fc.constantFrom(
  'AllClear',
  'Warning',
  'NonTerminatingFault',
  'TerminatingFault',
  'ImplicitDeactivation',
  'FullyActionedAndSuccessful',
  'FullyActionedAndUnsuccessful',
);
const issue = all(fc.record({ report: issueReport }), maybe('code', fc.integer()), maybe('details', xmlText));
const objectType = fc.constant('Q{http://uri.etsi.org/03221/X1/2017/10/HashedID}HashContext');

function of<T extends string, P extends object>(
  types: readonly T[],
  payload: fc.Arbitrary<P>,
): fc.Arbitrary<{ type: T } & P> {
  return all(fc.record({ type: fc.constantFrom(...types) }), payload);
}

export const requestBody = fc.oneof(
  of(['ActivateTask', 'ModifyTask'], fc.record({ task })),
  of(['DeactivateTask', 'GetTaskDetails'], fc.record({ xid: uuid })),
  of(['CreateDestination', 'ModifyDestination'], fc.record({ destination })),
  of(['RemoveDestination', 'GetDestinationDetails'], fc.record({ did: uuid })),
  of(
    [
      'DeactivateAllTasks',
      'RemoveAllDestinations',
      'GetNEStatus',
      'GetAllDetails',
      'GetAllTaskDetails',
      'GetAllDestinationDetails',
      'ListAllDetails',
      'Ping',
      'Keepalive',
      'DeleteAllObjects',
    ],
    fc.record({}),
  ),
  of(['ReportTaskIssue'], all(fc.record({ xid: uuid }), issue, extensions)),
  of(['ReportDestinationIssue'], all(fc.record({ did: uuid }), issue)),
  of(
    ['ReportNEIssue'],
    all(
      fc.record({
        issue: fc.constantFrom('Warning', 'FaultCleared', 'FaultReport', 'Alert'),
        description: xmlText,
      }),
      maybe('code', fc.integer()),
      extensions,
    ),
  ),
  of(['GetObject', 'DeleteObject'], fc.record({ objectId: uuid })),
  of(['ListObjectsOfType'], fc.record({ objectType })),
  of(['GetAllGenericObjectDetails'], maybe('objectType', objectType)),
) as fc.Arbitrary<X1RequestBody>;

const fault = fc.record({ code: fc.integer(), description: xmlText });
const faults = fc.array(fault, { maxLength: 2 });
const taskReport = fc.record({
  task,
  status: all(
    fc.record({ provisioning: fc.constantFrom('awaitingProvisioning', 'failed', 'complete'), faults }),
    maybe('timeOfLastIntercept', time),
    maybe('amountOfX2Data', fc.nat()),
    maybe('amountOfX3Data', fc.nat()),
    maybe('timeOfLastModification', time),
    maybe('numberOfModifications', fc.nat()),
  ),
});
const destinationReport = fc.record({
  destination,
  status: fc.record({ delivery: fc.constantFrom('activeAndWorking', 'deliveryFault'), faults }),
});
const ne = fc.record({ status: fc.constantFrom('OK', 'Faults'), faults });
const tasks = fc.array(taskReport, { maxLength: 2 });
const destinations = fc.array(destinationReport, { maxLength: 2 });

export const responseBody = fc.oneof(
  of(
    ['ActivateTask', 'ModifyTask', 'DeactivateTask', 'DeactivateAllTasks', 'CreateDestination', 'Ping'],
    fc.record({ ok: fc.constantFrom('AcknowledgedAndCompleted', 'Acknowledged') }),
  ),
  of(
    ['ModifyDestination', 'RemoveDestination', 'RemoveAllDestinations', 'Keepalive', 'ReportTaskIssue'],
    fc.record({ ok: fc.constant('AcknowledgedAndCompleted') }),
  ),
  of(['ReportDestinationIssue', 'ReportNEIssue'], fc.record({ ok: fc.constant('AcknowledgedAndCompleted') })),
  of(['GetTaskDetails'], fc.record({ report: taskReport })),
  of(['GetDestinationDetails'], fc.record({ report: destinationReport })),
  of(['GetNEStatus'], fc.record({ ne })),
  of(['GetAllDetails'], fc.record({ ne, tasks, destinations })),
  of(['GetAllTaskDetails'], fc.record({ tasks })),
  of(['GetAllDestinationDetails'], fc.record({ destinations })),
  of(['ListAllDetails'], all(fc.record({ xids: dids, dids }), maybe('objectIds', dids))),
  of(['ListObjectsOfType'], fc.record({ objectIds: dids })),
  of(['GetAllGenericObjectDetails'], fc.record({})),
  of(
    ['Error'],
    fc.record({
      request: fc.constantFrom('ActivateTask', 'Ping', 'ExtendedRequestMessageType'),
      error: fault,
    }),
  ),
) as fc.Arbitrary<X1ResponseBody>;

export const request = fc.record({ header, body: requestBody });
export const response = fc.record({ header, body: responseBody });
