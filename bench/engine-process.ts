/**
 * A process that runs nothing but the engine (`ceiling.ts`): its first argument says what it computes, each message how
 * often.
 */
import { utf8 } from '../src/bytes/octets.ts';
import { defaultEngine } from '../src/ibe/default-engine.ts';
import type { EngineWork } from './ceiling.ts';
import { engineAlone, makeQuestions } from './chain/get-keys.ts';
import { benchDistrict } from './operations.ts';

const QUESTIONS = 128;

const WORKS: Readonly<Record<EngineWork, () => () => unknown>> = {
  questions: () => {
    const [answer, questions] = [engineAlone(), makeQuestions(QUESTIONS)];
    let next = 0;
    return () => answer(questions[next++ % questions.length] ?? new Uint8Array());
  },
  'private-keys': () => {
    const [engine, { parameters, masterSecret }] = [defaultEngine(), benchDistrict()];
    let next = 0;
    return () => engine.extract(parameters, masterSecret, utf8(`phone ${next++ % 4}`));
  },
};

const compute = WORKS[process.argv[2] as EngineWork]();
process.once('disconnect', () => process.exit());
process.on('message', (count: number) => void computed(count).then(() => process.send?.(count)));
process.send?.('ready');

async function computed(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await compute();
}
