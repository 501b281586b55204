/**
 * Expanded ValueSets → the codes of required bindings.
 * https://hl7.org/fhir/R4/valueset.html#expansion
 *
 * Invariant: a set is complete or absent: an expansion that is cut off, filtered or large gives none.
 */
import type { CompiledType } from './compiled.js';

export interface ExpandedValueSet {
  readonly resourceType: 'ValueSet';
  readonly url: string;
  readonly expansion?: {
    readonly total?: number;
    readonly parameter?: readonly { readonly name: string }[];
    readonly contains?: readonly Contained[];
  };
}

interface Contained {
  readonly system?: string;
  readonly code?: string;
  readonly abstract?: boolean;
  readonly contains?: readonly Contained[];
}

const LARGEST = 500;

export interface CodeSet {
  readonly codes: readonly string[];
  readonly systems: readonly string[];
}

/** By canonical URL, for the bindings that the types have. */
export function compileCodeSets(
  types: readonly CompiledType[],
  valueSets: readonly ExpandedValueSet[],
): ReadonlyMap<string, CodeSet> {
  const bound = new Set(
    types.flatMap(({ elements }) => elements.flatMap(([, , , , , binding]) => binding ?? [])),
  );
  const sets = new Map<string, CodeSet>();
  for (const { url, expansion } of valueSets) {
    if (!bound.has(url) || expansion?.contains === undefined) continue;
    const members = flatten(expansion.contains);
    const complete = expansion.total === undefined || expansion.total <= members.length;
    if (!complete || members.length === 0 || members.length > LARGEST) continue;
    sets.set(url, {
      codes: [...new Set(members.flatMap(({ code }) => code ?? []))],
      systems: [...new Set(members.flatMap(({ system }) => system ?? []))],
    });
  }
  return sets;
}

function flatten(contains: readonly Contained[]): readonly Contained[] {
  return contains.flatMap((member) => [
    ...(member.abstract ? [] : [member]),
    ...flatten(member.contains ?? []),
  ]);
}
