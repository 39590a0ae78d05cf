/**
 * State machines as tables: `docs/mikey-ibake/states.md` says what happens in every state on every event, and a test drives
 * the machine itself through all of them. A cell that a machine can reach is in the page, and nothing else is.
 */
import { expect, it } from 'vitest';
import { page } from '../docs/support.ts';

/** What an event led to: the state after it, what was done, and the code of the error or of the silence. */
export interface Transition {
  readonly next: string;
  readonly action: string;
  readonly error: string;
}

export interface StateMachine<S> {
  /** How the page calls its section. */
  readonly section: string;
  /** A fresh machine in each state. */
  readonly states: Readonly<Record<string, () => S | Promise<S>>>;
  /** What an event does to one in a state. */
  readonly events: Readonly<Record<string, StateEvent<S>>>;
}

export interface StateEvent<S> {
  /** The states in which it can come; absent: all. */
  readonly states?: readonly string[];
  readonly apply: (machine: S, state: string) => Transition | Promise<Transition>;
}

/** The rows of a section's table, by state and event; a row may speak of several states. */
export function statedTransitions(markdown: string, section: string): Map<string, Transition> {
  const [, text = ''] = markdown.split(new RegExp(`^## ${section}$`, 'm'));
  const [own = ''] = text.split(/^## /m);
  const rows = own.split('\n').filter((line) => line.startsWith('|'));
  const stated = new Map<string, Transition>();
  // The first two are heading and rule.
  for (const row of rows.slice(2)) {
    const cells = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const [states = '', event = '', next = '', action = '', error = ''] = cells;
    for (const state of states.split(', ')) {
      const key = keyOf(state, event);
      if (cells.length !== 5 || stated.has(key)) throw new Error(`not one row of five cells: ${row}`);
      stated.set(key, { next: next === 'stays' ? state : next, action, error });
    }
  }
  return stated;
}

/** Drives a machine through every state and event, and compares with the page. */
export function expectStated<S>(file: string, { section, states, events }: StateMachine<S>): void {
  const stated = statedTransitions(page(file), section);

  it('every state and event of the page is one of the machine', () => {
    const known = Object.entries(events).flatMap(([event, { states: own = Object.keys(states) }]) =>
      own.map((state) => keyOf(state, event)),
    );
    expect([...stated.keys()].sort()).toEqual(known.sort());
  });

  for (const [state, make] of Object.entries(states))
    it(`in “${state}”, every event does what the page says`, async () => {
      const rows: Record<'said' | 'done', string[]> = { said: [], done: [] };
      for (const [event, { states: own, apply }] of Object.entries(events)) {
        if (own?.includes(state) === false) continue;
        rows.done.push(rowOf(state, event, await apply(await make(), state)));
        rows.said.push(rowOf(state, event, stated.get(keyOf(state, event))));
      }
      expect(rows.done).toEqual(rows.said);
    });
}

/* ---------------------------------------------------------------- helpers */

function keyOf(state: string, event: string): string {
  return `${state} | ${event}`;
}

function rowOf(state: string, event: string, transition: Transition | undefined): string {
  const { next = '', action = '', error = '' } = transition ?? {};
  return `| ${[state, event, next, action, error].join(' | ')} |`;
}
