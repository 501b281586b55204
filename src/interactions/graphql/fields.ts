/**
 * What a selection can stand on, and the fields that it then has: FHIR's elements by their JSON names, and what GraphQL
 * adds to them.
 * https://hl7.org/fhir/R4/graphql.html#fields, #references, #searching, #reverse
 *
 *   the system             Patient(id)  PatientList(…)  PatientConnection(…)
 *   a resource             its elements, resourceType; ObservationList(_reference: …), ObservationConnection(…)
 *   a Reference            its elements, resource
 *   a connection           count offset pagesize first previous next last edges
 *   an edge of it          mode score resource
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import { derived } from '../../fhir/derived.js';
import { propertiesOf } from '../../fhir/properties.js';

export type Focus =
  /** `only`: asked on a type, which has nothing but what is about it. */
  | { readonly kind: 'system'; readonly only?: string }
  | { readonly kind: 'resource'; readonly type: string }
  /** A data type, a backbone element (`Patient.contact`), or what stands beside a primitive (`_birthDate`). */
  | { readonly kind: 'element'; readonly type: string; readonly targets?: readonly string[] }
  | { readonly kind: 'connection' | 'edge'; readonly type: string };

export type Field =
  | { readonly kind: 'leaf'; readonly type: string; readonly list: boolean }
  | { readonly kind: 'object'; readonly focus: Focus; readonly list: boolean }
  /** A resource that stands where others do; absent `types`: any. */
  | { readonly kind: 'resource'; readonly types?: readonly string[]; readonly list: boolean }
  | { readonly kind: 'resolve'; readonly types?: readonly string[] }
  | { readonly kind: 'read' | 'list' | 'connection'; readonly type: string };

const text = (type: string): Field => ({ kind: 'leaf', type, list: false });

const CONNECTION: Readonly<Record<string, Field>> = {
  count: text('integer'),
  offset: text('integer'),
  pagesize: text('integer'),
  first: text('string'),
  previous: text('string'),
  next: text('string'),
  last: text('string'),
};

const EDGE: Readonly<Record<string, Field>> = { mode: text('code'), score: text('decimal') };

/** The field of that name, undefined where the focus has none. */
export function fieldOf(focus: Focus, name: string, definitions: Definitions): Field | undefined {
  switch (focus.kind) {
    case 'system': {
      const field = definitions.resourceTypes.has(name)
        ? ({ kind: 'read', type: name } as const)
        : searchField(name, definitions);
      return focus.only === undefined || field?.type === focus.only ? field : undefined;
    }
    case 'resource':
      if (name === 'resourceType') return text('code');
      return elementField(focus.type, name, definitions) ?? searchField(name, definitions);
    case 'element':
      if (name === 'resource' && focus.type === 'Reference') {
        return { kind: 'resolve', ...(focus.targets === undefined ? {} : { types: focus.targets }) };
      }
      return elementField(focus.type, name, definitions);
    case 'connection':
      if (name === 'edges') return { kind: 'object', focus: { kind: 'edge', type: focus.type }, list: true };
      return Object.hasOwn(CONNECTION, name) ? CONNECTION[name] : undefined;
    case 'edge':
      if (name === 'resource') return { kind: 'resource', types: [focus.type], list: false };
      return Object.hasOwn(EDGE, name) ? EDGE[name] : undefined;
  }
}

function searchField(name: string, { resourceTypes }: Definitions): SearchField | undefined {
  for (const [kind, ending] of SEARCHES) {
    const type = name.slice(0, -ending.length);
    if (name.endsWith(ending) && resourceTypes.has(type)) return { kind, type };
  }
  return undefined;
}

type SearchField = { readonly kind: 'list' | 'connection'; readonly type: string };

const SEARCHES = [
  ['list', 'List'],
  ['connection', 'Connection'],
] as const;

function elementField(owner: string, name: string, definitions: Definitions): Field | undefined {
  const property = propertiesOf(definitions)(owner).get(name);
  if (property === undefined) return undefined;
  const { type, primitive, sibling, element } = property;
  const list = element.max > 1;
  if (primitive && !sibling) return { kind: 'leaf', type, list };
  if (type === 'Resource') return { kind: 'resource', list };
  const targets = type === 'Reference' && element.targets !== undefined ? { targets: element.targets } : {};
  return { kind: 'object', focus: { kind: 'element', type, ...targets }, list };
}

/** What a name could have been meant for. */
export function fieldNames(focus: Focus, definitions: Definitions): readonly string[] {
  const types =
    focus.kind === 'system' && focus.only !== undefined
      ? [focus.only]
      : [...definitions.resourceTypes.keys()];
  const searches = types.flatMap((type) => SEARCHES.map(([, ending]) => `${type}${ending}`));
  switch (focus.kind) {
    case 'system':
      return [...types, ...searches];
    case 'resource':
      return [...propertiesOf(definitions)(focus.type).keys(), 'resourceType', ...searches];
    case 'element':
      return [
        ...propertiesOf(definitions)(focus.type).keys(),
        ...(focus.type === 'Reference' ? ['resource'] : []),
      ];
    case 'connection':
      return [...Object.keys(CONNECTION), 'edges'];
    case 'edge':
      return [...Object.keys(EDGE), 'resource'];
  }
}

/** As `__typename` and type conditions have it: `Patient`, `HumanName`, `PatientContact` for the path Patient.contact. */
export function typeName(focus: Focus, definitions: Definitions): string {
  switch (focus.kind) {
    case 'system':
      return 'Query';
    case 'resource':
      return focus.type;
    case 'element':
      return definitions.primitives.has(focus.type) ? 'ElementBase' : nameOfPath(focus.type);
    case 'connection':
      return `${focus.type}Connection`;
    case 'edge':
      return `${focus.type}Edge`;
  }
}

function nameOfPath(path: string): string {
  return path
    .split('.')
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`)
    .join('');
}

/** Resources that have neither text nor contained resources. */
const PLAIN_RESOURCES: ReadonlySet<string> = new Set(['Bundle', 'Binary', 'Parameters']);

/** Whether a type condition takes in what a selection stands on. */
export function isA(focus: Focus, condition: string, definitions: Definitions): boolean {
  if (typeName(focus, definitions) === condition) return true;
  if (focus.kind === 'element') return condition === 'Element';
  if (focus.kind !== 'resource') return false;
  return condition === 'Resource' || (condition === 'DomainResource' && !PLAIN_RESOURCES.has(focus.type));
}

/** Every name that a type condition can have. */
export const conditionNames = derived(({ resourceTypes, dataTypes }): ReadonlySet<string> => {
  const searches = [...resourceTypes.keys()].flatMap((type) => [`${type}Connection`, `${type}Edge`]);
  const elements = [...dataTypes.keys()].map(nameOfPath);
  return new Set([...resourceTypes.keys(), ...elements, ...searches, ...ABSTRACT]);
});

const ABSTRACT = ['Query', 'Resource', 'DomainResource', 'Element', 'ElementBase'];
