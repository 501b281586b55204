/**
 * Published CodeSystems and ValueSets → the compiled terminology. Value sets that come without a complete expansion are
 * expanded from their rules; those for which that cannot be done (they draw on SNOMED CT, say) are left out, and so are
 * very large ones.
 *
 * Invariant: the same input in any order gives the same output.
 */
import type { JsonObject } from '../format/json.js';
import { Refusal } from '../outcome.js';
import { parseCanonical } from '../reference.js';
import type { CompiledTerminology, CompiledValueSet } from './base-terminology.js';
import { type CodeSystem, type CodeSystemContent, codeSystemOf, readCodeSystem } from './code-system.js';
import { expandValueSet, type Library } from './expand.js';
import { readValueSet, type SystemCodes, type ValueSet } from './value-set.js';

export interface PublishedTerminology {
  readonly codeSystems: readonly JsonObject[];
  /** With their rules, and expanded; where a url is in both, the expansion is preferred. */
  readonly valueSets: readonly JsonObject[];
  readonly expanded: readonly JsonObject[];
}

const LARGEST = 5_000;

/** Those of HL7; the packages also hold examples of other publishers. */
const PUBLISHED = /^http:\/\/(hl7\.org\/fhir|terminology\.hl7\.org)\/(?!.*example)/;

export function compileTerminology(published: PublishedTerminology): CompiledTerminology {
  const codeSystems = publishedCodeSystems(published.codeSystems);
  const valueSets = publishedValueSets(published);
  const library = libraryOf(codeSystems, valueSets);
  const systems = new Map<string, number>();
  const compiled = [...valueSets.keys()].sort().flatMap((url): readonly CompiledValueSet[] => {
    const codes = expansionOf(url, library);
    if (codes === undefined) return [];
    return [[url, valueSets.get(url)?.version ?? null, numbered(codes, systems)]];
  });
  return { systems: [...systems.keys()], valueSets: compiled, codeSystems };
}

function publishedCodeSystems(resources: readonly JsonObject[]): readonly CodeSystemContent[] {
  return resources
    .filter(({ content }) => content === 'complete')
    .map(readCodeSystem)
    .filter((content) => content !== undefined && PUBLISHED.test(content.url))
    .map((content) => content as CodeSystemContent) // just filtered
    .filter(({ codes }) => codes.length > 0)
    .sort((left, right) => (left.url < right.url ? -1 : 1));
}

function publishedValueSets({ valueSets, expanded }: PublishedTerminology): ReadonlyMap<string, ValueSet> {
  const rules = valueSets.map(readValueSet).map(({ expansion: _, ...rest }): ValueSet => rest);
  const complete = expanded.map(readValueSet).filter(({ expansion }) => expansion !== undefined);
  const all = [...rules, ...complete].filter(({ url }) => PUBLISHED.test(url));
  return new Map(all.map((valueSet) => [valueSet.url, valueSet]));
}

function libraryOf(
  contents: readonly CodeSystemContent[],
  valueSets: ReadonlyMap<string, ValueSet>,
): Library {
  const codeSystems = new Map<string, CodeSystem>(contents.map((one) => [one.url, codeSystemOf(one)]));
  return {
    valueSet: (canonical) => valueSets.get(parseCanonical(canonical).url),
    codeSystem: (canonical) => codeSystems.get(parseCanonical(canonical).url),
  };
}

/** Undefined: not to be had from what is published, empty, or too large. */
function expansionOf(url: string, library: Library): readonly SystemCodes[] | undefined {
  try {
    const codes = expandValueSet(url, library);
    const size = codes.reduce((sum, one) => sum + one.codes.length, 0);
    return size === 0 || size > LARGEST ? undefined : codes;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function numbered(codes: readonly SystemCodes[], systems: Map<string, number>): CompiledValueSet[2] {
  return codes.map(({ system, codes: members }) => {
    const place = systems.get(system) ?? systems.size;
    systems.set(system, place);
    return [place, members];
  });
}
