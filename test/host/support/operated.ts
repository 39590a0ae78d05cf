/** The entities of a home, each operated as a process of its own is, in one process. */
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { admfConfig } from '../../../src/entities/admf/config.ts';
import { startAdmf } from '../../../src/entities/admf/start.ts';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { startCscf } from '../../../src/entities/cscf/start.ts';
import { dfConfig } from '../../../src/entities/df/config.ts';
import { startDf } from '../../../src/entities/df/start.ts';
import { gatewayConfig } from '../../../src/entities/gateway/config.ts';
import { startGateway } from '../../../src/entities/gateway/start.ts';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { startKms } from '../../../src/entities/kms/start.ts';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import { mailboxConfig } from '../../../src/entities/mailbox/config.ts';
import { startMailbox } from '../../../src/entities/mailbox/start.ts';
import { readConfigFile } from '../../../src/host/config.ts';
import { pinoLogger } from '../../../src/host/log.ts';
import type { LogLevel } from '../../../src/host/log.ts';
import { startOperated } from '../../../src/host/operate.ts';
import type { OperatedRuntime, OperatedSource, RunningOperated } from '../../../src/host/operate.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import type { Service } from '../../../src/lab/network/home.ts';

type Start = (source: OperatedSource, runtime: OperatedRuntime) => Promise<RunningOperated>;

const START: Readonly<Record<Service, Start>> = {
  kms: (...args) => startOperated({ read: kmsConfig, start: startKms }, ...args),
  cscf: (...args) => startOperated({ read: cscfConfig, start: startCscf }, ...args),
  gateway: (...args) => startOperated({ read: gatewayConfig, start: startGateway }, ...args),
  df: (...args) => startOperated({ read: dfConfig, start: startDf }, ...args),
  admf: (...args) => startOperated({ read: admfConfig, start: startAdmf }, ...args),
  lemf: (...args) => startOperated({ read: lemfConfig, start: startLemf }, ...args),
  mailbox: (...args) => startOperated({ read: mailboxConfig, start: startMailbox }, ...args),
};

export interface OperatedEntity extends RunningOperated {
  readonly file: string;
  /** Writes the configuration anew. */
  readonly write: (config: object) => void;
}

/** Starts an entity from a file of its own in `folder`. */
export async function operate(
  entity: Service,
  config: object,
  folder: string,
  { level, clock = systemClock() }: { level?: LogLevel; clock?: OperatedRuntime['clock'] } = {},
): Promise<OperatedEntity> {
  const file = path.join(folder, `${entity}.json`);
  const write = (next: object): void => writeFileSync(file, JSON.stringify(next), { mode: 0o600 });
  write(config);
  const logger = pinoLogger('info', entity, { write: () => undefined });
  const runtime = { clock, random: systemRandom(), logger, level };
  const running = await START[entity]({ file, load: () => readConfigFile(file) }, runtime);
  return Object.assign(running, { file, write });
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** A request at a control socket. */
export function ask(
  socketPath: string | null,
  method: 'GET' | 'POST',
  at: string,
  body?: unknown,
): Promise<Answer> {
  const json = body === undefined ? null : JSON.stringify(body);
  const headers = json === null ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketPath ?? '', method, path: at, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', text }),
      );
    });
    asked.on('error', reject);
    asked.end(json);
  });
}
