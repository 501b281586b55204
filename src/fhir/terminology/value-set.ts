/**
 * A value set as searches need it: codes listed, or rules that say which.
 * https://hl7.org/fhir/R4/valueset.html
 *
 * Invariant: an expansion that is cut off is no expansion: the rules hold then, where there are any.
 */
import { isNumber, isObject, type JsonObject, type JsonValue, numberOf } from '../format/json.js';

/** Codes of one system; '' = codes without a system. */
export interface SystemCodes {
  readonly system: string;
  readonly codes: readonly string[];
}

export interface ValueSet {
  readonly url: string;
  readonly version?: string;
  /** Neither of the two: nothing is known of its codes. */
  readonly expansion?: readonly SystemCodes[];
  readonly compose?: Compose;
}

/** https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose */
export interface Compose {
  readonly include: readonly Selection[];
  readonly exclude: readonly Selection[];
  /** Codes that are no longer active do not belong to it. */
  readonly activeOnly: boolean;
}

/** Codes of the system that meet all filters and are in all value sets; without a system, those in the value sets. */
export interface Selection {
  /** Canonical: `url` or `url|version`. */
  readonly system?: string;
  readonly codes?: readonly string[];
  readonly filters: readonly Filter[];
  readonly valueSets: readonly string[];
}

export interface Filter {
  readonly property: string;
  readonly op: string;
  readonly value: string;
}

export function readValueSet(resource: JsonObject): ValueSet {
  const { url, version } = resource;
  const expansion = readExpansion(resource.expansion);
  const compose = readCompose(resource.compose);
  return {
    url: textOf(url),
    ...(typeof version === 'string' ? { version } : {}),
    ...(expansion === undefined ? {} : { expansion }),
    ...(compose === undefined ? {} : { compose }),
  };
}

/** How an expansion says that it is not the whole. */
const CUT_OFF: ReadonlySet<string> = new Set([
  'http://hl7.org/fhir/StructureDefinition/valueset-toocostly',
  'http://hl7.org/fhir/StructureDefinition/valueset-unclosed',
]);
const CUTTING: ReadonlySet<string> = new Set(['limitedExpansion', 'filter']);

function readExpansion(expansion: JsonValue | undefined): readonly SystemCodes[] | undefined {
  if (!isObject(expansion)) return undefined;
  const members: (readonly [system: string, code: string])[] = [];
  takeContained(expansion.contains, members);
  const { total, offset } = expansion;
  // An expansion without members that does not say so is one that was left out.
  const whole =
    (members.length > 0 || total === 0) &&
    (!isNumber(total) || numberOf(total) <= members.length) &&
    (!isNumber(offset) || numberOf(offset) === 0) &&
    !objectsIn(expansion.extension).some(({ url }) => CUT_OFF.has(textOf(url))) &&
    !objectsIn(expansion.parameter).some(
      ({ name, valueBoolean }) => CUTTING.has(textOf(name)) && valueBoolean !== false,
    );
  return whole ? bySystem(members) : undefined;
}

function takeContained(contains: JsonValue | undefined, members: (readonly [string, string])[]): void {
  for (const member of objectsIn(contains)) {
    const code = textOf(member.code);
    if (code !== '' && member.abstract !== true) members.push([textOf(member.system), code]);
    takeContained(member.contains, members);
  }
}

function readCompose(compose: JsonValue | undefined): Compose | undefined {
  if (!isObject(compose)) return undefined;
  return {
    include: objectsIn(compose.include).map(readSelection),
    exclude: objectsIn(compose.exclude).map(readSelection),
    activeOnly: compose.inactive === false,
  };
}

function readSelection(selection: JsonObject): Selection {
  const { system, version, concept, valueSet } = selection;
  const canonical = typeof version === 'string' ? `${textOf(system)}|${version}` : textOf(system);
  return {
    ...(typeof system === 'string' ? { system: canonical } : {}),
    ...(Array.isArray(concept)
      ? { codes: objectsIn(concept).flatMap(({ code }) => (typeof code === 'string' ? [code] : [])) }
      : {}),
    filters: objectsIn(selection.filter).map(({ property, op, value }) => ({
      property: textOf(property),
      op: textOf(op),
      value: textOf(value),
    })),
    valueSets: Array.isArray(valueSet) ? valueSet.filter((one) => typeof one === 'string') : [],
  };
}

/** Each code once, systems and codes in order: equal sets are equal values. */
export function bySystem(members: Iterable<readonly [system: string, code: string]>): readonly SystemCodes[] {
  const systems = new Map<string, Set<string>>();
  for (const [system, code] of members) {
    const codes = systems.get(system);
    if (codes === undefined) systems.set(system, new Set([code]));
    else codes.add(code);
  }
  return [...systems]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([system, codes]) => ({ system, codes: [...codes].sort() }));
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
