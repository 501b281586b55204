/**
 * The terminology that is loaded: what is stored in this server first, then what FHIR R4 itself publishes.
 *
 * Invariant: everything that an answer rests on is looked up through the access filter each time; an answer that was
 * worked out before is given again only where it rests on the same versions.
 */

import { parseCanonical } from '../../fhir/reference.js';
import { tokenCode } from '../../fhir/search/token-code.js';
import {
  type CodeSystem,
  closure,
  codeSystemOf,
  conceptOf,
  readCodeSystem,
} from '../../fhir/terminology/code-system.js';
import { expandValueSet, type Library, needsOf } from '../../fhir/terminology/expand.js';
import { cannotExpand, codeSystemNotLoaded, unknownCode } from '../../fhir/terminology/refusals.js';
import { readValueSet, type SystemCodes, type ValueSet } from '../../fhir/terminology/value-set.js';
import type { AccessFilter } from '../../ports/access-filter.js';
import type { Backend } from '../../ports/backend.js';
import type { Terminology } from '../../ports/terminology.js';
import { type Edition, Shelf } from './shelf.js';
import { WeighedCache } from './weighed-cache.js';

/** Value sets and code systems that one value set may draw on, directly and by others. */
const MAX_RESOURCES = 100;
/** Codes of expansions that are kept. */
const MAX_KEPT = 200_000;

const OWN_VALUE_SET = /^ValueSet\/([A-Za-z0-9\-.]{1,64})$/;

/** `base`: what FHIR publishes, which is read only where it is needed. */
export function loadedTerminology(backend: Backend, base: () => Library): Terminology {
  const shelves: Shelves = {
    valueSets: new Shelf('ValueSet', backend, (resource) => {
      const content = readValueSet(resource);
      return { content, weight: weightOf(content) };
    }),
    codeSystems: new Shelf('CodeSystem', backend, (resource) => {
      const content = readCodeSystem(resource);
      return content && { content: codeSystemOf(content), weight: content.codes.length };
    }),
    base,
  };
  const expansions = new WeighedCache<readonly SystemCodes[]>(MAX_KEPT);

  const related = async (
    direction: 'above' | 'below',
    system: string,
    code: string,
    access: AccessFilter,
  ): Promise<SystemCodes> => {
    const found = await codeSystem(system, access, shelves);
    if (found === undefined) throw codeSystemNotLoaded(system);
    const { url } = parseCanonical(system);
    const concept = conceptOf(found.content, code, (one) => tokenCode(url, one, 'Coding'));
    if (concept === undefined) throw unknownCode(system);
    return { system: url, codes: closure(concept, direction) };
  };

  return {
    async expand(valueSet, access) {
      const gathering = new Gathering(shelves, access);
      await gathering.take(valueSet);
      const key = gathering.key();
      const known = expansions.get(key);
      if (known !== undefined) return known;
      const codes = expandValueSet(valueSet, gathering);
      expansions.set(
        key,
        codes,
        codes.reduce((sum, one) => sum + one.codes.length, 1),
      );
      return codes;
    },
    below: (system, code, access) => related('below', system, code, access),
    above: (system, code, access) => related('above', system, code, access),
  };
}

interface Shelves {
  readonly valueSets: Shelf<ValueSet>;
  readonly codeSystems: Shelf<CodeSystem>;
  readonly base: () => Library;
}

async function valueSet(
  canonical: string,
  access: AccessFilter,
  { valueSets, base }: Shelves,
): Promise<Edition<ValueSet> | undefined> {
  const id = OWN_VALUE_SET.exec(canonical)?.[1];
  if (id !== undefined) return valueSets.byId(id, access);
  return (await valueSets.byCanonical(canonical, access)) ?? ofBase(base().valueSet(canonical));
}

async function codeSystem(
  canonical: string,
  access: AccessFilter,
  { codeSystems, base }: Shelves,
): Promise<Edition<CodeSystem> | undefined> {
  return (await codeSystems.byCanonical(canonical, access)) ?? ofBase(base().codeSystem(canonical));
}

function ofBase<T>(content: T | undefined): Edition<T> | undefined {
  return content === undefined ? undefined : { name: 'R4', content };
}

/** All that a value set draws on, gathered before it is expanded. */
class Gathering implements Library {
  readonly #valueSets = new Map<string, Edition<ValueSet> | undefined>();
  readonly #codeSystems = new Map<string, Edition<CodeSystem> | undefined>();

  constructor(
    private readonly shelves: Shelves,
    private readonly access: AccessFilter,
  ) {}

  async take(canonical: string): Promise<void> {
    const waiting = [canonical];
    for (const name of waiting) {
      if (this.#valueSets.has(name)) continue;
      const found = await valueSet(name, this.access, this.shelves);
      this.#valueSets.set(name, found);
      if (found === undefined) continue;
      const needs = needsOf(found.content);
      waiting.push(...needs.valueSets);
      for (const system of needs.codeSystems) {
        if (this.#codeSystems.has(system)) continue;
        this.#codeSystems.set(system, await codeSystem(system, this.access, this.shelves));
      }
      if (this.#valueSets.size + this.#codeSystems.size > MAX_RESOURCES) {
        throw cannotExpand(canonical, `draws on more than ${MAX_RESOURCES} others`, 'too-costly');
      }
    }
  }

  /** What the expansion is made of: the same text, the same codes. */
  key(): string {
    return [...this.#valueSets, ...this.#codeSystems]
      .map(([canonical, edition]) => `${canonical} ${edition?.name ?? ''}`)
      .join('\n');
  }

  valueSet(canonical: string): ValueSet | undefined {
    return this.#valueSets.get(canonical)?.content;
  }

  codeSystem(canonical: string): CodeSystem | undefined {
    return this.#codeSystems.get(canonical)?.content;
  }
}

function weightOf({ expansion = [], compose }: ValueSet): number {
  const selections = compose === undefined ? [] : [...compose.include, ...compose.exclude];
  return (
    1 +
    expansion.reduce((sum, { codes }) => sum + codes.length, 0) +
    selections.reduce((sum, { codes = [] }) => sum + codes.length + 1, 0)
  );
}
