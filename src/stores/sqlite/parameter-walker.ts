/**
 * Indexes what was stored before a custom search parameter: goes over the live resources of its type in order of
 * position, a step at a time through the writer, so that other writes go in between. See parameter-index.ts.
 *
 * Several processes may hear of a parameter; the one whose step goes in goes on, and the others look again after a while,
 * so that the walk goes on when the process that led it ends.
 *
 * Invariant: where the walk is stands in the store alone; whatever this process forgets is read there.
 */
import type { Logger } from '../../base/log.js';
import type { Definitions, SearchParameter } from '../../fhir/definitions/definitions.js';
import { Refusal } from '../../fhir/outcome.js';
import { onlyParameter } from '../../fhir/search/custom-parameter.js';
import type { Position } from '../../ports/backend.js';
import type { CurrentDefinitions } from '../../ports/current-definitions.js';
import { type CustomParameters, isSame, type MakeIndexer, type Unfinished } from './custom-parameters.js';
import type { IndexedResource } from './messages.js';
import { parseResource } from './moment.js';
import type { Walk } from './parameter-index.js';
import type { View } from './view.js';
import { valueLines } from './wire-values.js';
import type { Writer } from './writer.js';

const NEXT = `SELECT r.rid, r.position, v.bytes FROM resource r JOIN version v ON v.position = r.position
  WHERE r.type = ? AND r.live = 1 AND r.position > ? AND r.position <= ? ORDER BY r.position LIMIT ?`;

/** Of one transaction: other commits wait for it some ten milliseconds. */
const STEP = 1_000;
/** Resources that are read and indexed before other work of the process has its turn. */
const SLICE = 50;
/** Another process leads, or the store cannot be written: so long until the next look. */
const PATIENCE_MILLISECONDS = 1_000;

export interface WalkerParts {
  readonly view: View;
  readonly writer: Writer;
  readonly parameters: CustomParameters;
  /** Of FHIR alone. */
  readonly definitions: Definitions;
  readonly makeIndexer: MakeIndexer;
  readonly log: Logger;
}

export interface WalkerOptions {
  readonly walkPace?: () => Promise<void>;
  readonly walkStep?: number;
}

interface Step {
  readonly walk: Walk;
  readonly from: Position;
  readonly to: Position;
  readonly isLast: boolean;
  readonly resources: readonly IndexedResource[];
}

type NextRow = readonly [rid: number, position: number, bytes: Buffer];

export class ParameterWalker {
  readonly #parts: WalkerParts;
  readonly #pace: () => Promise<void>;
  readonly #size: number;
  #running: Promise<void> | undefined;
  #stopped = false;
  #wokenFor: CurrentDefinitions | undefined;
  #ahead: Step | undefined;
  #endRest: (() => void) | undefined;

  constructor(parts: WalkerParts, { walkPace, walkStep }: WalkerOptions) {
    this.#parts = parts;
    this.#pace = walkPace ?? nextTurn;
    this.#size = walkStep ?? STEP;
  }

  /** There may be a parameter that is not indexed yet. */
  wake(): void {
    if (this.#stopped) return;
    this.#running ??= this.#run();
  }

  /** The same, once for each value. */
  wakeFor(current: CurrentDefinitions): void {
    if (current === this.#wokenFor) return;
    this.#wokenFor = current;
    this.wake();
  }

  /** Resolves when nothing is left to be indexed. */
  async done(): Promise<void> {
    while (!this.#stopped && this.#parts.parameters.unfinished().length > 0) {
      this.wake();
      await this.#running;
    }
  }

  /** Lets the step that is under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endRest?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { parameters, log } = this.#parts;
    for (;;) {
      await this.#pace();
      let next: Unfinished | undefined;
      try {
        [next] = this.#stopped ? [] : parameters.unfinished();
        if (next === undefined) {
          this.#running = undefined; // whoever wakes it from here on starts it anew
          return;
        }
        if (await this.#advance(next)) continue;
      } catch (error) {
        if (this.#stopped) return;
        // What the writer refuses it may take later (a full disk); anything else is said, and tried again as well.
        const problem = error instanceof Refusal ? error.kind : String(error);
        log.error({ parameter: next?.key.code, type: next?.key.type, problem }, 'a step of indexing failed');
      }
      await this.#rest();
    }
  }

  /** False: another process was faster. */
  async #advance(unfinished: Unfinished): Promise<boolean> {
    const { writer, view, log } = this.#parts;
    const { key, walk, definitionsAt } = unfinished;
    if (walk === undefined) {
      const isOurs = await writer.index({ kind: 'indexing-start', key, definitionsAt });
      view.expire();
      if (isOurs) log.info({ type: key.type, parameter: key.code }, 'indexing by a new search parameter');
      return isOurs;
    }
    const ahead = this.#ahead;
    const isNext = ahead !== undefined && beginsAt(ahead, walk);
    const step = isNext ? ahead : await this.#read(walk, walk.builtTo, unfinished.parameter);
    return this.#send(step, unfinished.parameter);
  }

  /** The next step is read while the writer takes this one: where it begins is known. */
  async #send(step: Step, parameter: SearchParameter): Promise<boolean> {
    const { writer, view, log } = this.#parts;
    const { walk, from, to, isLast, resources } = step;
    const { key, since } = walk;
    const codes = [key.code, ...(parameter.type === 'reference' ? [`${key.code}:identifier`] : [])];
    const [isOurs, ahead] = await Promise.all([
      writer.index({ kind: 'indexing-step', key, since, from, to, isLast, codes, resources }),
      isLast ? undefined : this.#read(walk, to, parameter),
    ]);
    view.expire();
    this.#ahead = ahead;
    if (isOurs && isLast)
      log.info({ type: key.type, parameter: key.code }, 'a new search parameter is ready');
    return isOurs;
  }

  /** What was written since cannot be among the resources, and what is written from now on the writer leaves out. */
  async #read(walk: Walk, from: Position, parameter: SearchParameter): Promise<Step> {
    const { view, definitions, makeIndexer } = this.#parts;
    const { key, since } = walk;
    const type = view.catalogue.type(key.type);
    const rows = type === undefined ? [] : view.connection.all<NextRow>(NEXT, type, from, since, this.#size);
    const index = makeIndexer(onlyParameter(definitions, key.type, parameter));
    const resources: IndexedResource[] = [];
    for (const [at, [rid, position, bytes]] of rows.entries()) {
      resources.push({ rid, position, values: valueLines(index(parseResource(bytes))) });
      if (at % SLICE === SLICE - 1) await nextTurn();
    }
    return { walk, from, to: rows.at(-1)?.[1] ?? since, isLast: rows.length < this.#size, resources };
  }

  #rest(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endRest?.(), PATIENCE_MILLISECONDS).unref();
      this.#endRest = () => {
        clearTimeout(timer);
        this.#endRest = undefined;
        resolve();
      };
    });
  }
}

/** The step was read for this walk, as far as it has come. */
function beginsAt({ walk, from }: Step, { key, since, builtTo }: Walk): boolean {
  return isSame(walk.key, key) && walk.since === since && from === builtTo;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
