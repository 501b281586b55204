/**
 * Which element types a search expression can yield, whether it can yield several, and where its references may lead:
 * a walk of the expression over the types, without evaluating anything.
 * https://hl7.org/fhir/R4/fhirpath.html
 *
 * Invariant: only what search parameters use is understood; a step that is unknown yields no types.
 */
import type { CompiledElement, CompiledType } from './compiled.js';

export interface Yield {
  readonly types: readonly string[];
  readonly repeats: boolean;
  /** Target types of the last reference element; null = any. */
  readonly targets: readonly string[] | null;
  /** Binding of the last element. */
  readonly binding: string | null;
}

const NOTHING: Yield = { types: [], repeats: false, targets: null, binding: null };
/** A step of a path: a name with an optional function call in brackets, which may hold brackets itself. */
const STEP = /^\.?([A-Za-z]+)(\((?:[^()']|'[^']*'|\([^()]*\))*\))?(\[\d+\])?/;

export type TypesByName = ReadonlyMap<string, CompiledType>;

/** One member of a union: `Observation.value as Quantity`, `(Patient.deceased.exists() and …)`. */
export function elementYield(member: string, types: TypesByName): Yield {
  let text = member.trim();
  while (text.startsWith('(') && text.endsWith(')')) text = text.slice(1, -1).trim();
  if (/ and |\.exists\(\)\s*$/.test(text)) return { ...NOTHING, types: ['boolean'] };
  const cast = / as ([A-Za-z]+)\)?(\..*)?$/.exec(text);
  if (cast?.[1] !== undefined) {
    const path = text.slice(0, cast.index).replace(/^\(/, '');
    text = `${path}.ofType(${cast[1]})${cast[2] ?? ''}`;
  }
  return walk(text, types);
}

function walk(path: string, types: TypesByName): Yield {
  const root = /^[A-Za-z]+/.exec(path)?.[0] ?? '';
  let current: Yield = { ...NOTHING, types: [root] };
  let rest = path.slice(root.length);
  while (rest !== '') {
    const step = STEP.exec(rest);
    if (step?.[1] === undefined) return NOTHING;
    current =
      step[2] === undefined
        ? child(current, step[1], types)
        : applied(current, step[1], step[2].slice(1, -1));
    if (step[3] !== undefined) current = { ...current, repeats: false };
    rest = rest.slice(step[0].length);
  }
  return current;
}

function applied(current: Yield, name: string, argument: string): Yield {
  if (name === 'as' || name === 'ofType') return { ...current, types: [argument] };
  if (name === 'extension') return { ...NOTHING, types: ['Extension'], repeats: true };
  if (name === 'exists' || name === 'hasExtension') return { ...NOTHING, types: ['boolean'] };
  if (name !== 'where') return NOTHING;
  const target = /^resolve\(\) is ([A-Za-z]+)$/.exec(argument)?.[1];
  return target === undefined ? current : { ...current, targets: [target] };
}

function child(current: Yield, name: string, types: TypesByName): Yield {
  const found = current.types
    .map((type) => elementOf(types.get(type), name))
    .filter((element) => element !== undefined);
  if (found.length === 0) return NOTHING;
  const targets = found.map(([, , , , , , allowed]) => allowed);
  return {
    types: [...new Set(found.flatMap(([, elementTypes]) => elementTypes))],
    repeats: current.repeats || found.some(([, , , max]) => max !== 1),
    targets: targets.includes(null) ? null : [...new Set(targets.flatMap((allowed) => allowed ?? []))],
    binding: found[0]?.[5] ?? null,
  };
}

function elementOf(type: CompiledType | undefined, name: string): CompiledElement | undefined {
  return type?.elements.find(([own]) => own === name);
}
