/**
 * Finds the PDU that a receiver refuses by closing the connection. Receivers say nothing else, and a connection may end
 * for many reasons, so that it takes experiments, each on a connection that the receiver has shown to work:
 *
 *     sent                                                       a close without acknowledgement says
 *     everything, twice                                          something in it may be refused
 *     1 PDU, then 2, 4, … as each lot is acknowledged            it is in this lot: 1 again
 *     the suspect alone                                          refused once, then twice
 *     at once, what follows the suspect instead (the control)    the receiver may refuse everything
 *     where the control was taken, the suspect once more         it is refused
 *
 * So only what is refused while others are taken is set aside. A receiver that refuses every PDU, or is gone, loses
 * none; silence is not a refusal. Where controls are refused as well they may be of the same kind, so each is tried
 * twice, and then the next.
 */

/** Controls that are tried before it begins with the first again. */
const MOST_CONTROLS = 64;

export class RefusalSearch {
  /** The search ends when all up to here has been taken; `null`: nothing is suspected. */
  #until: number | null = null;
  #window = Infinity;
  #passedOver = 0;
  #refusals = 0;
  /** PDUs before the next control. */
  #before = 1;
  #controlRefused = false;
  #trials = 0;
  /** PDUs at the head that were refused while one that came after them was taken. */
  #contrasted = 0;

  /** Whether something is suspected: the receiver has to show first that it works. */
  get searching(): boolean {
    return this.#until !== null;
  }

  /** How many PDUs may be under way. */
  get window(): number {
    return this.#window;
  }

  /** How many PDUs at the head the next connection passes over: those that the control follows. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** Connections that were refused since something was last taken. */
  get trials(): number {
    return this.#trials;
  }

  /**
   * Everything that was sent on this connection up to a position was taken. Gives whether sending has to begin at the
   * head again: what was passed over is to be refused once more.
   */
  taken(position: number): boolean {
    this.#trials = 0;
    if (this.#until === null) return false;
    if (this.#passedOver > 0) {
      this.#contrasted = this.#passedOver;
      this.#window = 1;
      this.#forgetHead();
      return true;
    }
    this.#forgetHead();
    this.#window *= 2;
    if (this.#contrasted > 0) this.#nextContrasted();
    else if (position >= this.#until) this.#end();
    return false;
  }

  /**
   * The receiver has closed a connection with so many PDUs under way, the last before `position`, of so many that wait
   * in all. `refused`: the first of those that wait is to be set aside; `at-once`: a control follows at once.
   */
  closed(underWay: number, position: number, waiting: number): 'refused' | 'at-once' | 'wait' {
    const wasControl = this.#passedOver > 0;
    this.#passedOver = 0;
    if (underWay === 0) return 'wait';
    this.#trials++;
    if (this.#until === null && this.#trials < 2) return 'wait';
    this.#window = 1;
    const isAlone = this.#until !== null && underWay === 1;
    this.#until = Math.max(position, this.#until ?? 0);
    if (!isAlone) return 'wait';
    if (wasControl) {
      this.#nextControl(waiting);
      return 'wait';
    }
    this.#refusals++;
    if (this.#contrasted === 0) return this.#suspect(waiting);
    this.#nextContrasted();
    this.#forgetHead();
    if (waiting === 1) this.#end();
    return 'refused';
  }

  #suspect(waiting: number): 'at-once' | 'wait' {
    if (this.#refusals < 2 || waiting < 2) return 'wait';
    this.#passedOver = Math.min(this.#before, waiting - 1);
    return 'at-once';
  }

  #end(): void {
    this.#until = null;
    this.#window = Infinity;
    this.#contrasted = 0;
  }

  #nextContrasted(): void {
    this.#contrasted--;
    if (this.#contrasted > 0) this.#window = 1;
  }

  /** Another is at the head. */
  #forgetHead(): void {
    this.#passedOver = 0;
    this.#refusals = 0;
    this.#before = 1;
    this.#controlRefused = false;
  }

  #nextControl(waiting: number): void {
    if (this.#controlRefused) this.#before++;
    if (this.#before >= Math.min(waiting, MOST_CONTROLS)) this.#before = 1;
    this.#controlRefused = !this.#controlRefused;
  }
}
