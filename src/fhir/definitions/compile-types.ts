/**
 * StructureDefinitions → types with their elements.
 * https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
 *
 * Invariant: every element knows its types by name: a data type, a primitive, or the path of a backbone element.
 */
import type { CompiledElement, CompiledType } from './compiled.js';
import type { PrimitiveDefinition } from './definitions.js';

export interface StructureDefinition {
  readonly resourceType: 'StructureDefinition';
  readonly kind: 'primitive-type' | 'complex-type' | 'resource' | 'logical';
  readonly type: string;
  readonly abstract: boolean;
  readonly derivation?: 'specialization' | 'constraint';
  readonly snapshot: { readonly element: readonly SnapshotElement[] };
}

interface SnapshotElement {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly contentReference?: string;
  readonly type?: readonly SnapshotType[];
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
  readonly isSummary?: boolean;
  readonly isModifier?: boolean;
}

interface SnapshotType {
  readonly code: string;
  readonly targetProfile?: readonly string[];
  readonly extension?: readonly {
    readonly url: string;
    readonly valueString?: string;
    readonly valueUrl?: string;
  }[];
}

const SYSTEM_TYPE = 'http://hl7.org/fhirpath/System.';
const REGEX_EXTENSION = 'http://hl7.org/fhir/StructureDefinition/regex';
const NUMBERS = new Set(['integer', 'decimal', 'unsignedInt', 'positiveInt']);
/** Elements whose type the snapshots give as a FHIRPath system type; all others of that kind are element ids. */
const SYSTEM_ELEMENTS: Readonly<Record<string, string>> = { 'Extension.url': 'uri' };
const FLAGS = { choice: 1, summary: 2, modifier: 4 } as const;

/** Base types only: profiles, abstract types and logical models give nothing. */
export function compileTypes(structures: readonly StructureDefinition[]): readonly CompiledType[] {
  return structures
    .filter(({ kind, derivation, abstract }) => {
      const concrete = !abstract && derivation === 'specialization';
      return concrete && (kind === 'resource' || kind === 'complex-type');
    })
    .flatMap(compileStructure);
}

/** Resource and DomainResource: what their search parameters walk, not what anyone stores. */
export function compileAbstractResources(
  structures: readonly StructureDefinition[],
): readonly CompiledType[] {
  return structures.filter(({ kind, abstract }) => abstract && kind === 'resource').flatMap(compileStructure);
}

export function compilePrimitives(
  structures: readonly StructureDefinition[],
): readonly PrimitiveDefinition[] {
  return structures
    .filter(({ kind, derivation }) => kind === 'primitive-type' && derivation !== 'constraint')
    .map(({ type, snapshot }) => {
      const value = snapshot.element.find(({ path }) => path === `${type}.value`);
      const pattern = value?.type?.[0]?.extension?.find(({ url }) => url === REGEX_EXTENSION)?.valueString;
      const json = type === 'boolean' ? 'boolean' : NUMBERS.has(type) ? 'number' : 'string';
      return { name: type, json, ...(pattern === undefined ? {} : { pattern }) };
    });
}

function compileStructure(structure: StructureDefinition): readonly CompiledType[] {
  const elements = new Map<string, CompiledElement[]>([[structure.type, []]]);
  const inlined = new Set(structure.snapshot.element.map(({ path }) => path.slice(0, path.lastIndexOf('.'))));
  for (const element of structure.snapshot.element.slice(1)) {
    const dot = element.path.lastIndexOf('.');
    const parent = element.path.slice(0, dot);
    const siblings = elements.get(parent) ?? [];
    siblings.push(compileElement(element, structure, inlined));
    elements.set(parent, siblings);
  }
  const kind = structure.kind === 'resource' ? 'resource' : 'complex';
  return [...elements].map(([name, own]) => ({
    name,
    kind: name === structure.type ? kind : 'backbone',
    elements: own,
  }));
}

function compileElement(
  element: SnapshotElement,
  structure: StructureDefinition,
  inlined: ReadonlySet<string>,
): CompiledElement {
  const last = element.path.slice(element.path.lastIndexOf('.') + 1);
  const choice = last.endsWith('[x]');
  const flags =
    (choice ? FLAGS.choice : 0) +
    (element.isSummary ? FLAGS.summary : 0) +
    (element.isModifier ? FLAGS.modifier : 0);
  const binding = element.binding?.strength === 'required' ? element.binding.valueSet : undefined;
  return [
    choice ? last.slice(0, -3) : last,
    typesOf(element, structure, inlined),
    element.min,
    element.max === '*' ? -1 : Number(element.max),
    flags,
    binding?.replace(/\|.*$/, '') ?? null,
    targetsOf(element),
  ];
}

function typesOf(
  element: SnapshotElement,
  structure: StructureDefinition,
  inlined: ReadonlySet<string>,
): readonly string[] {
  if (element.contentReference !== undefined) return [element.contentReference.slice(1)];
  if (inlined.has(element.path)) return [element.path];
  return (element.type ?? []).map(({ code }) => {
    if (!code.startsWith(SYSTEM_TYPE)) return code;
    if (structure.kind === 'resource' && element.path === `${structure.type}.id`) return 'id';
    return SYSTEM_ELEMENTS[element.path] ?? 'string';
  });
}

/** Names of resource types; null where any is allowed. */
function targetsOf(element: SnapshotElement): readonly string[] | null {
  const profiles = (element.type ?? []).flatMap(({ targetProfile }) => targetProfile ?? []);
  const names = [...new Set(profiles.map((profile) => profile.slice(profile.lastIndexOf('/') + 1)))];
  return names.length === 0 || names.includes('Resource') ? null : names;
}
