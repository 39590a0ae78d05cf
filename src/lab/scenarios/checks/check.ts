/** A check that the demo makes at its end, and what checks are made from. */
import type { Course } from '../course.ts';
import type { Recordings, Scenario } from '../scenario.ts';

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What was measured. */
  readonly detail: string;
}

export interface CheckParts {
  readonly scenario: Scenario;
  readonly course: Course;
  /** What each user speaks, as whoever decodes it must hear it. */
  readonly voices: Recordings;
  /** Folder of the entities' state. */
  readonly state: string;
}

/** `1 question`, `2 questions`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
