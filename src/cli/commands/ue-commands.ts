/** What a phone on the command line is told in a call, a line each on standard input. */
import { createInterface } from 'node:readline';
import { messageOf } from '../../bytes/errors.ts';
import type { PhoneCall } from '../../entities/ue/call.ts';
import type { UserEquipment } from '../../entities/ue/user-equipment.ts';
import { EndpointError } from '../../endpoint/errors.ts';

/** The call that the lines are about, and the second one that somebody is consulted by. */
interface Obeying {
  readonly ue: UserEquipment;
  readonly call: PhoneCall;
  second: PhoneCall | null;
  /** Whether the other end of the first call was held already when somebody was consulted. */
  wasHeld: boolean;
}

interface PhoneCommand {
  /** What follows the word, as help says it; absent: nothing. */
  readonly operand?: string;
  /** Gives what is printed. */
  readonly run: (obeying: Obeying, operand: string) => Promise<string>;
}

const COMMANDS: Readonly<Record<string, PhoneCommand>> = {
  rekey: {
    run: async ({ call }) => {
      await call.rekey();
      return 'the keys are replaced';
    },
  },
  hold: {
    run: async ({ call }) => {
      await call.hold();
      return 'the other end is held';
    },
  },
  resume: {
    run: async ({ call }) => {
      await call.resume();
      return 'the other end is not held any more';
    },
  },
  video: {
    run: async ({ call }) => {
      await call.addVideo();
      return 'the call has video';
    },
  },
  offer: {
    run: async ({ call }) => {
      await call.askForOffer();
      return 'the other end has described its media anew';
    },
  },
  transfer: {
    operand: 'URI',
    run: async ({ ue, call }, target) => {
      await ue.transfer(call, target);
      return `transferred: the other end speaks with ${target}`;
    },
  },
  consult: { operand: 'URI', run: consult },
  complete: {
    run: async (obeying) => {
      const { ue, call } = obeying;
      const second = consulted(obeying);
      await ue.join(call, second);
      obeying.second = null;
      return `transferred: ${call.peer ?? 'the other end'} speaks with ${second.peer ?? 'who was consulted'}`;
    },
  },
  back: { run: back },
  hangup: {
    run: async ({ call }) => {
      await call.hangUp();
      return 'hung up';
    },
  },
};

export const COMMAND_WORDS = Object.entries(COMMANDS)
  .map(([word, { operand }]) => (operand === undefined ? word : `${word} ${operand}`))
  .join(', ');

/**
 * Carries out one line after the other. Resolves when the call has ended, or there are no more lines; what cannot be done
 * is said, and changes nothing.
 */
export async function obey(
  ue: UserEquipment,
  call: PhoneCall,
  input: NodeJS.ReadableStream,
  say: (line: string) => void,
): Promise<void> {
  const obeying: Obeying = { ue, call, second: null, wasHeld: false };
  const lines = createInterface({ input });
  void call.ended.then(() => lines.close());
  try {
    for await (const line of lines) {
      if (line.trim() !== '') say(await carriedOut(obeying, line.trim()));
      if (call.state === 'ended') return;
    }
  } finally {
    await obeying.second?.hangUp();
  }
}

async function carriedOut(obeying: Obeying, line: string): Promise<string> {
  const [word = '', ...operands] = line.split(/\s+/);
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (command === undefined) return `no such command: ${JSON.stringify(word)}; there are ${COMMAND_WORDS}`;
  const { operand, run } = command;
  if (operands.length !== (operand === undefined ? 0 : 1))
    return `${word}: expected ${operand === undefined ? 'nothing after it' : `one ${operand} after it`}`;
  try {
    return await run(obeying, operands[0] ?? '');
  } catch (error) {
    return `${word}: ${messageOf(error)}`;
  }
}

/** Holds the other end and calls somebody; where nobody answers there, the call goes on as it was. */
async function consult(obeying: Obeying, target: string): Promise<string> {
  const { ue, call } = obeying;
  if (obeying.second !== null && obeying.second.state !== 'ended')
    throw new EndpointError('state', 'somebody is consulted already: `complete` or `back` comes first');
  // Of who was consulted before and has hung up, the hold is still there.
  const wasHeld = call.isHeld && (obeying.second === null || obeying.wasHeld);
  obeying.second = null;
  if (!call.isHeld) await call.hold();
  try {
    const second = await ue.call(target, { video: false });
    await second.established;
    Object.assign(obeying, { second, wasHeld });
    return `consulting ${second.peer ?? 'unknown'}, read aloud: ${second.sas ?? 'none'}; the other end is held`;
  } catch (cause) {
    if (!wasHeld && call.isHeld) await call.resume();
    throw cause;
  }
}

/** The consultation is over, if whoever was consulted has not ended it already; the first call goes on as it was before. */
async function back(obeying: Obeying): Promise<string> {
  const { call, second, wasHeld } = obeying;
  if (second === null) throw nobodyConsulted();
  await second.hangUp();
  obeying.second = null;
  if (wasHeld && call.isHeld) return 'the other end is held, as before';
  if (call.isHeld) await call.resume();
  return 'the other end is not held any more';
}

/** @throws EndpointError `state`: nobody is */
function consulted({ second }: Obeying): PhoneCall {
  if (second?.state === 'established') return second;
  throw nobodyConsulted();
}

function nobodyConsulted(): EndpointError {
  return new EndpointError('state', 'nobody is consulted: `consult URI` comes first');
}
