/**
 * The codes of a value set, worked out from its rules and the code systems and value sets that they name.
 * https://hl7.org/fhir/R4/valueset.html#expansion
 *
 *   include   codes of the system: all, those listed, or those that meet every filter; and in every value set named
 *   exclude   the same, taken away from what all includes give
 *
 * Invariant: all codes, or a refusal that names what is missing; never a part. What is drawn on is handed in, so that
 * whoever looks it up decides who may see it.
 */
import { parseCanonical } from '../reference.js';
import type { CodeSystem } from './code-system.js';
import { filterTest, isInactive } from './filters.js';
import { cannotExpand, codeSystemNotLoaded, tooManyCodes, valueSetNotLoaded } from './refusals.js';
import { bySystem, type Compose, type Selection, type SystemCodes, type ValueSet } from './value-set.js';

/** What is loaded, by canonical (`url` or `url|version`). */
export interface Library {
  valueSet(canonical: string): ValueSet | undefined;
  codeSystem(canonical: string): CodeSystem | undefined;
}

export interface Needs {
  readonly valueSets: readonly string[];
  readonly codeSystems: readonly string[];
}

/** So many codes a search can ask for. */
const MAX_CODES = 20_000;

/** By system. */
type Codes = Map<string, Set<string>>;

/** What the rules of one value set name; what is listed needs nothing. */
export function needsOf({ expansion, compose }: ValueSet): Needs {
  if (expansion !== undefined || compose === undefined) return { valueSets: [], codeSystems: [] };
  const selections = [...compose.include, ...compose.exclude];
  return {
    valueSets: [...new Set(selections.flatMap(({ valueSets }) => valueSets))],
    codeSystems: [
      ...new Set(
        selections.flatMap((selection) =>
          selection.system === undefined || isListed(selection, compose) ? [] : [selection.system],
        ),
      ),
    ],
  };
}

/** Throws a Refusal where something is not loaded, not understood or too much. */
export function expandValueSet(canonical: string, library: Library): readonly SystemCodes[] {
  const valueSet = library.valueSet(canonical);
  if (valueSet === undefined) throw valueSetNotLoaded(canonical);
  const codes = new Expanding(library).codesOf(canonical, valueSet);
  const members = [...codes].flatMap(([system, own]) => [...own].map((code) => [system, code] as const));
  if (members.length > MAX_CODES) throw tooManyCodes(canonical, MAX_CODES);
  return bySystem(members);
}

class Expanding {
  readonly #known = new Map<string, Codes>();
  readonly #underWay = new Set<string>();

  constructor(private readonly library: Library) {}

  codesOf(canonical: string, valueSet: ValueSet): Codes {
    const known = this.#known.get(canonical);
    if (known !== undefined) return known;
    if (this.#underWay.has(canonical)) throw cannotExpand(canonical, 'draws on itself', 'processing');
    this.#underWay.add(canonical);
    const codes = this.#worked(canonical, valueSet);
    this.#underWay.delete(canonical);
    this.#known.set(canonical, codes);
    return codes;
  }

  #worked(canonical: string, { expansion, compose }: ValueSet): Codes {
    if (expansion !== undefined)
      return new Map(expansion.map(({ system, codes }) => [system, new Set(codes)]));
    if (compose === undefined) {
      throw cannotExpand(canonical, 'is stored without a complete expansion and without a compose');
    }
    const codes: Codes = new Map();
    for (const selection of compose.include) unite(codes, this.#selected(canonical, selection, compose));
    for (const selection of compose.exclude) subtract(codes, this.#selected(canonical, selection, compose));
    return codes;
  }

  #selected(canonical: string, selection: Selection, compose: Compose): Codes {
    const imported = selection.valueSets.map((name) => {
      const valueSet = this.library.valueSet(name);
      if (valueSet === undefined) throw valueSetNotLoaded(name, canonical);
      return this.codesOf(name, valueSet);
    });
    const own = selection.system === undefined ? [] : [this.#ofSystem(canonical, selection, compose)];
    const [first, ...others] = [...own, ...imported];
    if (first === undefined) throw cannotExpand(canonical, 'has a rule with neither system nor value set');
    return others.reduce(intersection, first);
  }

  #ofSystem(canonical: string, selection: Selection, compose: Compose): Codes {
    const { system = '', codes, filters } = selection;
    const { url } = parseCanonical(system);
    if (isListed(selection, compose)) return new Map([[url, new Set(codes)]]);
    const loaded = this.library.codeSystem(system);
    if (loaded === undefined) throw codeSystemNotLoaded(system, canonical);
    const listed = codes === undefined ? undefined : new Set(codes);
    const tests = filters.map((filter) => {
      const test = filterTest(filter, loaded);
      if (typeof test === 'string') throw cannotExpand(canonical, test);
      return test;
    });
    const found = [...loaded.concepts.values()].filter(
      (concept) =>
        (listed === undefined || listed.has(concept.code)) &&
        !(compose.activeOnly && isInactive(concept)) &&
        tests.every((test) => test(concept)),
    );
    return new Map([[url, new Set(found.map(({ code }) => code))]]);
  }
}

/** Codes that need no look into their system. */
function isListed({ codes, filters }: Selection, { activeOnly }: Compose): boolean {
  return codes !== undefined && filters.length === 0 && !activeOnly;
}

function unite(codes: Codes, added: Codes): void {
  for (const [system, more] of added) {
    const own = codes.get(system) ?? new Set();
    for (const code of more) own.add(code);
    codes.set(system, own);
  }
}

function subtract(codes: Codes, removed: Codes): void {
  for (const [system, less] of removed) for (const code of less) codes.get(system)?.delete(code);
}

function intersection(left: Codes, right: Codes): Codes {
  const both: Codes = new Map();
  for (const [system, codes] of left) {
    const other = right.get(system);
    if (other !== undefined) both.set(system, new Set([...codes].filter((code) => other.has(code))));
  }
  return both;
}
