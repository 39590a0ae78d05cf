/** `claviger demo --console`: the demo's network stays up, with a console for each of its people. */
import { officerConfig } from '../entities/admf/config-officer.ts';
import { pinoLogger } from '../host/log.ts';
import type { StayingNetwork } from '../lab/scenarios/demo.ts';
import type { Bridge } from '../console/bridge.ts';
import { untilTold } from './commands/run.ts';
import { openConsole } from './console-link.ts';

/** Prints the links, and resolves at SIGINT or SIGTERM. */
export async function stayWithConsole({ people, calls }: StayingNetwork): Promise<void> {
  const logger = pinoLogger('warn', 'console');
  const stopped = untilTold(logger);
  const open: { readonly name: string; readonly bridge: Bridge }[] = [];
  try {
    for (const { name, config } of people) {
      const more = { logger, port: 0, laboratory: calls };
      open.push({ name, bridge: await openConsole(officerConfig(config), more) });
    }
    process.stdout.write(linksText(open.map(({ name, bridge }) => [name, bridge.link])));
    await stopped;
  } finally {
    for (const { bridge } of open) await bridge.close();
  }
}

function linksText(links: readonly (readonly [string, string])[]): string {
  return [
    ...['', 'The network stays up until Ctrl-C. Its consoles, each link for one browser, once'],
    ...links.map(([name, link]) => `  ${name}\n    ${link}`),
    '',
    'Enter a warrant as officer-1, approve it as officer-2 in a private window, call again',
    ...['(view Laboratory), then see and hear it as analyst, and its keys as auditor', '', ''],
  ].join('\n');
}
