/**
 * An operation and its variables → a plan, or all that is wrong with it.
 * https://hl7.org/fhir/R4/graphql.html, https://spec.graphql.org/October2021/#sec-Validation
 *
 * Where any of several types can stand, a selection is read once for each of them, and is wrong only if it is wrong for
 * all. What was read is kept by type and selection, so that the work grows with the document and not with its depth.
 */
import type { FieldNode, SelectionSetNode } from 'graphql';
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';
import { nearest } from '../../fhir/search/nearest.js';
import type { Context } from '../context.js';
import { type Chosen, collect, type Source } from './collect.js';
import { readDirectives } from './directives.js';
import { type Field, type Focus, fieldNames, fieldOf, typeName } from './fields.js';
import { tooCostly } from './limits.js';
import { readPick } from './pick.js';
import type { Plan, PlannedField, PlanOf, Shape } from './plan.js';
import { hint, Problems } from './problems.js';
import { type Argument, readSearchPlan } from './search-plan.js';
import { readValue } from './values.js';

/** A plan, and what was wrong on the way to it. */
interface Reading {
  readonly plan: Plan;
  readonly problems: Problems;
}

/** What is selected of the fields below, and where its problems are told. */
interface Below {
  readonly sets: readonly SelectionSetNode[];
  readonly problems: Problems;
}

/** Fields read for the types that they can stand on: more than any query has that stays below the other limits. */
const MAX_READ = 50_000;

const NO_PLAN: Plan = { fields: [] };

/** Throws a Refusal with all problems of the document. */
export function compile(
  focus: Focus,
  selectionSet: SelectionSetNode,
  source: Source,
  context: Context,
  problems: Problems,
): Plan {
  const { plan, problems: found } = new Compiler(source, context).read(focus, [selectionSet]);
  problems.include(found);
  problems.throwIfAny();
  return plan;
}

class Compiler {
  readonly #definitions: Definitions;
  readonly #known = new Map<string, Reading>();
  readonly #numbers = new Map<SelectionSetNode, number>();
  #read = 0;

  constructor(
    private readonly source: Source,
    private readonly context: Context,
  ) {
    this.#definitions = source.definitions;
  }

  read(focus: Focus, sets: readonly SelectionSetNode[]): Reading {
    const key = `${placeOf(focus)} ${sets.map((set) => this.#numberOf(set)).join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const problems = new Problems();
    const fields: PlannedField[] = [];
    for (const chosen of collect(focus, sets, this.source, problems)) {
      const planned = this.#field(focus, chosen, problems);
      if (planned !== undefined && chosen.included) fields.push(planned);
    }
    const reading: Reading = { plan: { fields }, problems };
    this.#known.set(key, reading);
    return reading;
  }

  #numberOf(set: SelectionSetNode): number {
    const number = this.#numbers.get(set) ?? this.#numbers.size;
    this.#numbers.set(set, number);
    return number;
  }

  #field(focus: Focus, chosen: Chosen, problems: Problems): PlannedField | undefined {
    if (++this.#read > MAX_READ)
      throw tooCostly('has too many fields on references that can lead to any type');
    const { key, nodes } = chosen;
    const [node] = nodes;
    const name = node.name.value;
    const directives = readDirectives(node, this.source.variables, this.#definitions, problems);
    const field: Field | undefined =
      name === '__typename' ? TYPENAME : fieldOf(focus, name, this.#definitions);
    if (field === undefined) {
      for (const each of nodes) problems.add(each, () => this.#unknown(focus, name));
      return undefined;
    }
    const given = this.#arguments(node, problems);
    const shape: Shape = {
      key,
      ...directives,
      type: shownType(field, this.#definitions),
      source: sourceOf(field),
    };
    const planned = this.#planned(focus, field, shape, nodes, given, problems);
    for (const each of nodes) problems.accept(each);
    return planned;
  }

  #planned(
    focus: Focus,
    field: Field,
    shape: Shape,
    nodes: Chosen['nodes'],
    given: readonly Argument[],
    problems: Problems,
  ): PlannedField | undefined {
    const [node] = nodes;
    const name = node.name.value;
    if (field.kind === 'leaf') {
      refuseBelowLeaf(nodes, shape, given, problems);
      if (name === '__typename')
        return { ...shape, kind: 'typename', type: typeName(focus, this.#definitions) };
      return { ...shape, kind: 'leaf', property: name, list: field.list };
    }
    const sets = nodes.flatMap(({ selectionSet }) => (selectionSet === undefined ? [] : [selectionSet]));
    if (sets.length === 0) {
      problems.add(node, `choose fields of ${name}, as in ${name} { … }.`);
      return undefined;
    }
    return this.#composite(focus, field, shape, node, given, { sets, problems });
  }

  #composite(
    focus: Focus,
    field: Exclude<Field, { kind: 'leaf' }>,
    shape: Shape,
    node: FieldNode,
    given: readonly Argument[],
    below: Below,
  ): PlannedField | undefined {
    const { problems } = below;
    const property = node.name.value;
    switch (field.kind) {
      case 'object': {
        const choice = readPick(shape.source, given, this.#definitions, problems);
        return {
          ...shape,
          kind: 'object',
          property,
          list: field.list,
          ...choice,
          below: this.#one(field.focus, below),
        };
      }
      case 'resource': {
        const choice = readPick('Resource', given, this.#definitions, problems);
        const planOf = this.#any(field.types, below);
        return { ...shape, kind: 'object', property, list: field.list, ...choice, below: planOf };
      }
      case 'resolve':
        return this.#resolve(field, shape, given, below);
      case 'read': {
        const id = idOf(node, given, problems);
        return {
          ...shape,
          kind: 'read',
          id,
          below: this.#one({ kind: 'resource', type: field.type }, below),
        };
      }
      case 'list':
      case 'connection':
        return this.#search(focus, field.kind, field.type, shape, node, given, below);
    }
  }

  #search(
    focus: Focus,
    kind: 'list' | 'connection',
    type: string,
    shape: Shape,
    node: FieldNode,
    given: readonly Argument[],
    below: Below,
  ): PlannedField | undefined {
    const target: Focus = kind === 'list' ? { kind: 'resource', type } : { kind: 'connection', type };
    const reading = this.read(target, below.sets);
    below.problems.include(reading.problems);
    const wantsTotal = reading.plan.fields.some((one) => one.kind === 'leaf' && one.property === 'count');
    const of = { node, kind, type, wantsTotal, ...(focus.kind === 'resource' ? { focus: focus.type } : {}) };
    const search = readSearchPlan(of, given, this.context, below.problems);
    return search && { ...shape, kind, search, below: () => reading.plan };
  }

  #resolve(
    { types }: Extract<Field, { kind: 'resolve' }>,
    shape: Shape,
    given: readonly Argument[],
    below: Below,
  ): PlannedField {
    let optional = false;
    let only: readonly string[] | undefined;
    for (const { node, name, value } of given) {
      if (name === 'optional' && typeof value === 'boolean') optional = value;
      else if (name === 'optional') below.problems.add(node, 'the argument optional is true or false.');
      else if (name === 'type') only = this.#types(value, node, below.problems);
      else below.problems.add(node, `resource takes the arguments optional and type, not ${name}.`);
    }
    const planOf = this.#any(only ?? types, below);
    return {
      ...shape,
      kind: 'resolve',
      optional,
      ...(only === undefined ? {} : { only: new Set(only) }),
      below: planOf,
    };
  }

  #types(value: JsonValue, node: Argument['node'], problems: Problems): readonly string[] {
    const names = Array.isArray(value) ? value : [value];
    const types = names.filter((name): name is string => typeof name === 'string');
    const { resourceTypes } = this.#definitions;
    for (const name of types.filter((one) => !resourceTypes.has(one))) {
      const near = hint(
        nearest(name, resourceTypes.keys()),
        'types are named as in FHIR R4, such as Patient.',
      );
      problems.add(node, `there is no resource type of the name that type gives: ${near}`);
    }
    if (types.length < names.length) problems.add(node, 'the argument type is the name of a resource type.');
    return types;
  }

  #one(focus: Focus, { sets, problems }: Below): PlanOf {
    const reading = this.read(focus, sets);
    problems.include(reading.problems);
    return () => reading.plan;
  }

  /** What stands there says which type it is; a type that was not foreseen is read when it is met. */
  #any(types: readonly string[] | undefined, { sets, problems }: Below): PlanOf {
    const candidates = types ?? [...this.#definitions.resourceTypes.keys()];
    const readings = candidates.map((type) => this.read({ kind: 'resource', type }, sets).problems);
    problems.include(Problems.common(readings));
    return ({ resourceType: type }: JsonObject) =>
      typeof type === 'string' && this.#definitions.resourceTypes.has(type)
        ? this.read({ kind: 'resource', type }, sets).plan
        : NO_PLAN;
  }

  /** Those that have a value; null is as absent. */
  #arguments({ arguments: given = [] }: FieldNode, problems: Problems): readonly Argument[] {
    const found = new Map<string, Argument>();
    for (const node of given) {
      const name = node.name.value;
      const value = readValue(node.value, this.source.variables, problems);
      if (found.has(name)) problems.add(node, `the argument ${name} stands here twice.`);
      else if (value !== undefined && value !== null) found.set(name, { node, name, value });
    }
    return [...found.values()];
  }

  #unknown(focus: Focus, name: string): string {
    if (name.startsWith('__')) return `${name} is not served: types and fields are those of FHIR R4.`;
    const type = typeName(focus, this.#definitions);
    // What stands beside a primitive is meant by who writes its underscore.
    const names = fieldNames(focus, this.#definitions).filter(
      (one) => one.startsWith('_') === name.startsWith('_'),
    );
    const near = nearest(name, names);
    const manner =
      focus.kind === 'system' ? 'a resource type, or it with List or Connection.' : 'as in FHIR R4.';
    return `${type} has no field ${name}: ${hint(near, `fields are named ${manner}`)}`;
  }
}

const TYPENAME: Field = { kind: 'leaf', type: 'string', list: false };

function placeOf(focus: Focus): string {
  switch (focus.kind) {
    case 'system':
      return `system ${focus.only ?? ''}`;
    case 'element':
      return `element ${focus.type} ${focus.targets?.join() ?? ''}`;
    default:
      return `${focus.kind} ${focus.type}`;
  }
}

function shownType(field: Field, definitions: Definitions): string {
  if (field.kind === 'object') return typeName(field.focus, definitions);
  return field.kind === 'resource' || field.kind === 'resolve' ? 'Resource' : field.type;
}

function sourceOf(field: Field): string {
  if (field.kind === 'resource' || field.kind === 'resolve') return 'Resource';
  return field.kind === 'object' ? (field.focus.kind === 'system' ? '' : field.focus.type) : field.type;
}

function refuseBelowLeaf(
  nodes: Chosen['nodes'],
  { flatten }: Shape,
  given: readonly Argument[],
  problems: Problems,
): void {
  if (flatten)
    problems.add(nodes[0], `${nodes[0].name.value} is a simple value: there is nothing to flatten.`);
  for (const node of nodes.filter(({ selectionSet }) => selectionSet !== undefined)) {
    problems.add(node, `${node.name.value} is a simple value: it has no fields.`);
  }
  for (const { name } of given) {
    problems.add(nodes[0], `${nodes[0].name.value} is a simple value: it takes no argument ${name}.`);
  }
}

function idOf(node: FieldNode, given: readonly Argument[], problems: Problems): string {
  let id = '';
  for (const { node: argument, name, value } of given) {
    if (name !== 'id') {
      const type = node.name.value;
      problems.add(argument, `${type} takes the argument id alone: use ${type}List to search.`);
    } else if (typeof value === 'string' || typeof value === 'number') id = String(value);
    else problems.add(argument, 'the argument id is a string.');
  }
  const needed = `${node.name.value} needs the argument id, which says the one that is wanted.`;
  if (id === '') problems.add(node, needed, 'required');
  return id;
}
