/**
 * The definitions as of now: those of FHIR and the stored SearchParameters that are active, each with how far it is
 * indexed. Looked for whenever another connection has changed the store, so that no process has to be told.
 *
 * Invariant: a pure function of the store at one moment; see parameter-index.ts for what rests on it.
 */
import type { Logger } from '../../base/log.js';
import type { CustomOrigin, Definitions, SearchParameter } from '../../fhir/definitions/definitions.js';
import {
  type CustomParameter,
  readCustomParameter,
  valueSignature,
  withCustomParameters,
} from '../../fhir/search/custom-parameter.js';
import type { Position } from '../../ports/backend.js';
import type { CurrentDefinitions } from '../../ports/current-definitions.js';
import type { ParameterKey } from './messages.js';
import { type Indexer, parseResource } from './moment.js';
import { ACTIVE, definitionsPosition, type Walk, walks } from './parameter-index.js';
import type { View } from './view.js';

export type MakeIndexer = (definitions: Definitions) => Indexer;

/** A parameter on one type whose index is not complete. */
export interface Unfinished {
  readonly key: ParameterKey;
  readonly parameter: SearchParameter;
  /** Absent: it has not started. */
  readonly walk?: Walk;
  readonly definitionsAt: Position;
}

interface Active {
  readonly key: ParameterKey;
  readonly parameter: SearchParameter;
  /** A walk that started here or later stands for it. */
  readonly standsFrom: Position;
}

type ParametersByType = CustomParameter['parameters'];

const TYPE = "(SELECT id FROM type WHERE name = 'SearchParameter')";
/** In the order in which they were first stored: where two should claim one code, the first has it. */
const ACTIVES = `SELECT r.rid, r.position FROM resource r JOIN version v ON v.position = r.position
  WHERE r.type = ${TYPE} AND r.live = 1 AND ${ACTIVE} ORDER BY r.rid`;
const BYTES = 'SELECT bytes FROM version WHERE position = ?';
const VERSIONS_SINCE = 'SELECT bytes FROM version WHERE rid = ? AND position > ?';

export class CustomParameters {
  readonly #view: View;
  readonly #standard: Definitions;
  readonly #makeIndexer: MakeIndexer;
  readonly #log: Logger;
  #seen = -1;
  /** Of the versions that are active, by their position. */
  #compiled: ReadonlyMap<Position, ParametersByType> = new Map();
  #active: readonly Active[] = [];
  #walks: readonly Walk[] = [];
  #progress = '';
  #latest: CurrentDefinitions;

  /** `standard`: the definitions of FHIR alone. */
  constructor(view: View, standard: Definitions, makeIndexer: MakeIndexer, log: Logger) {
    this.#view = view;
    this.#standard = standard;
    this.#makeIndexer = makeIndexer;
    this.#log = log;
    this.#latest = { definitions: standard, index: makeIndexer(standard), at: 0 };
  }

  /** As of now; in one turn of the event loop the store is looked at once. */
  current(): CurrentDefinitions {
    this.#view.refreshOncePerTurn();
    if (this.#view.dataVersion !== this.#seen) this.#view.snapshot(() => this.#look());
    return this.#latest;
  }

  /** As of the last look. */
  get latest(): CurrentDefinitions {
    return this.#latest;
  }

  /** As of now. */
  unfinished(): readonly Unfinished[] {
    const { at } = this.current();
    return this.#active.flatMap((active) => {
      const walk = this.#walkOf(active);
      if (walk?.isComplete) return [];
      const { key, parameter } = active;
      return [{ key, parameter, definitionsAt: at, ...(walk === undefined ? {} : { walk }) }];
    });
  }

  #look(): void {
    const isFirst = this.#seen < 0;
    this.#seen = this.#view.dataVersion;
    const at = definitionsPosition(this.#view.connection);
    const changed = isFirst || at !== this.#latest.at;
    if (!changed && this.#progress === '') return;
    this.#walks = walks(this.#view.connection);
    if (changed) this.#active = this.#readActive(at);
    const progress = this.#active.map((active, place) => progressText(place, this.#walkOf(active))).join('');
    if (!changed && progress === this.#progress) return;
    this.#progress = progress;
    const definitions = withCustomParameters(
      this.#standard,
      this.#active.map((active) => [active.key.type, this.#withProgress(active)]),
    );
    const index = changed ? this.#makeIndexer(definitions) : this.#latest.index;
    this.#latest = { definitions, index, at };
  }

  #readActive(at: Position): readonly Active[] {
    const found = new Map<string, Active>();
    const compiled = new Map<Position, ParametersByType>();
    for (const [rid, position] of this.#view.connection.all<[number, Position]>(ACTIVES)) {
      const parameters = this.#compiled.get(position) ?? this.#compile(position);
      compiled.set(position, parameters);
      for (const [type, parameter] of parameters) {
        const name = `${type} ${parameter.code}`;
        if (!found.has(name)) found.set(name, this.#activeOn(type, parameter, rid, at));
        else this.#log.warn({ name, position }, 'two SearchParameters define this code: the first has it');
      }
    }
    this.#compiled = compiled;
    return [...found.values()];
  }

  #compile(position: Position): ParametersByType {
    const [bytes = null] = this.#view.connection.get<[Buffer | null]>(BYTES, position) ?? [];
    if (bytes === null) return new Map();
    const { parameters, issues } = readCustomParameter(parseResource(bytes), this.#standard);
    if (issues.length > 0) {
      const problems = issues.map(({ text }) => text).join(' ');
      this.#log.warn({ position, problems }, 'a stored SearchParameter cannot be served');
    }
    return parameters;
  }

  #activeOn(type: string, parameter: SearchParameter, rid: number, at: Position): Active {
    const key: ParameterKey = {
      type,
      code: parameter.code,
      parameter: rid,
      signature: valueSignature(parameter),
    };
    const walk = this.#walks.find((one) => isSame(one.key, key));
    const hasStood = walk !== undefined && this.#hasStood(walk);
    return { key, parameter, standsFrom: hasStood ? walk.since : at };
  }

  /** Every version since the walk started finds the same values. */
  #hasStood({ key, since }: Walk): boolean {
    const versions = this.#view.connection.all<[Buffer | null]>(VERSIONS_SINCE, key.parameter, since);
    return versions.every(([bytes]) => {
      if (bytes === null) return false;
      const parameter = readCustomParameter(parseResource(bytes), this.#standard).parameters.get(key.type);
      return parameter?.code === key.code && valueSignature(parameter) === key.signature;
    });
  }

  #walkOf({ key, standsFrom }: Active): Walk | undefined {
    return this.#walks.find((walk) => isSame(walk.key, key) && walk.since >= standsFrom);
  }

  #withProgress(active: Active): SearchParameter {
    const walk = this.#walkOf(active);
    const { parameter } = active;
    if (walk?.isComplete || parameter.custom === undefined) return parameter;
    const { done, total } = walk ?? { done: 0, total: 0 };
    const custom: CustomOrigin = { ...parameter.custom, indexing: { done, total } };
    return { ...parameter, custom };
  }
}

/** The same parameter, finding the same values. */
export function isSame(one: ParameterKey, other: ParameterKey): boolean {
  return (
    one.type === other.type &&
    one.code === other.code &&
    one.parameter === other.parameter &&
    one.signature === other.signature
  );
}

/** Whole percents: each change makes new definitions, and tables are derived from those. '' = complete. */
function progressText(place: number, walk: Walk | undefined): string {
  if (walk === undefined) return `${place}:-;`;
  if (walk.isComplete) return '';
  return `${place}:${Math.floor((100 * walk.done) / Math.max(1, walk.total))};`;
}
