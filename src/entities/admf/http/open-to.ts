/** Who may do what about a warrant, and what of it is open to one person now. */
import { present } from '../../../bytes/present.ts';
import type { Person } from '../../../net/persons.ts';
import type { PersonRole } from '../../../net/tls.ts';
import type { OpenAct, OpenActName } from '../open-acts.ts';

/** One of these roles is needed. */
export const ACTORS: Readonly<Record<OpenActName, readonly PersonRole[]>> = {
  submit: ['officer'],
  approve: ['approver'],
  reject: ['approver'],
  amend: ['officer'],
  extend: ['officer'],
  suspend: ['officer'],
  resume: ['officer'],
  withdraw: ['officer'],
};

/** As the interface has it: who lacks the role is told so, before all that the record says. */
export function openTo({ roles }: Pick<Person, 'roles'>, acts: readonly OpenAct[]): object[] {
  return acts.map(({ act, refusal }) => {
    const needed = ACTORS[act];
    const lacking = { code: 'role', why: `this takes the role ${needed.join(' or ')}` };
    const why = needed.some((role) => roles.includes(role)) ? refusal : lacking;
    return { act, may: why === null, ...present({ code: why?.code, why: why?.why }) };
  });
}
