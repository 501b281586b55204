/**
 * The fields that selections choose of one thing: fragments put in their place, equal fields made one.
 * https://spec.graphql.org/October2021/#CollectFields(), https://spec.graphql.org/October2021/#sec-Field-Selection-Merging
 *
 * Invariant: what is skipped is looked at like the rest, so that a document is right or wrong whatever its variables say.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type InlineFragmentNode,
  Kind,
  print,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Definitions } from '../../fhir/definitions/definitions.js';
import { nearest } from '../../fhir/search/nearest.js';
import { isIncluded } from './directives.js';
import { conditionNames, type Focus, isA, typeName } from './fields.js';
import { hint, type Problems } from './problems.js';
import type { Variables } from './values.js';

/** The same field, chosen once or more: what is selected of it is put together. */
export interface Chosen {
  readonly key: string;
  readonly nodes: readonly [FieldNode, ...FieldNode[]];
  /** False: only to be found right or wrong. */
  readonly included: boolean;
}

export interface Source {
  readonly definitions: Definitions;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Variables;
}

interface Group {
  readonly key: string;
  /** Name, arguments and directives. */
  readonly text: string;
  readonly nodes: [FieldNode, ...FieldNode[]];
}

export function collect(
  focus: Focus,
  sets: readonly SelectionSetNode[],
  source: Source,
  problems: Problems,
): readonly Chosen[] {
  const groups = new Map<string, Group[]>();
  const skipped: Chosen[] = [];

  const take = (node: SelectionNode, wanted: boolean): void => {
    const included = isIncluded(node, source.variables, problems) && wanted;
    if (node.kind === Kind.FIELD) {
      if (included) addTo(groups, node, focus, problems);
      else skipped.push({ key: keyOf(node), nodes: [node], included });
      return;
    }
    const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : source.fragments.get(node.name.value);
    if (fragment === undefined || !applies(fragment, focus, source.definitions, problems)) return;
    for (const selection of fragment.selectionSet.selections) take(selection, included);
  };

  for (const { selections } of sets) for (const selection of selections) take(selection, true);
  const chosen = [...groups.values()].flat().map(({ key, nodes }) => ({ key, nodes, included: true }));
  return [...chosen, ...skipped];
}

function keyOf({ alias, name }: FieldNode): string {
  return alias?.value ?? name.value;
}

function addTo(groups: Map<string, Group[]>, node: FieldNode, focus: Focus, problems: Problems): void {
  const key = keyOf(node);
  const text = textOf(node);
  const others = groups.get(key) ?? [];
  groups.set(key, others);
  const same = others.find((group) => group.text === text);
  if (same !== undefined) {
    same.nodes.push(node);
    return;
  }
  if (others.some(({ nodes: [other] }) => !isResolving(other, focus) || !isResolving(node, focus))) {
    problems.add(node, `${key} stands for two different things here: give one of them an alias.`);
  }
  others.push({ key, text, nodes: [node] });
}

/** `resource(type: Patient) { … } resource(type: Group) { … }`: at most one of them yields anything. */
function isResolving({ name, arguments: given = [] }: FieldNode, focus: Focus): boolean {
  const named = given.some((argument) => argument.name.value === 'type');
  return focus.kind === 'element' && focus.type === 'Reference' && name.value === 'resource' && named;
}

function textOf({ name, arguments: given = [], directives = [] }: FieldNode): string {
  const parts = [...given, ...directives.filter(({ name }) => !/^(skip|include)$/.test(name.value))];
  return [name.value, ...parts.map(print).sort()].join(' ');
}

function applies(
  fragment: InlineFragmentNode | FragmentDefinitionNode,
  focus: Focus,
  definitions: Definitions,
  problems: Problems,
): boolean {
  const { typeCondition } = fragment;
  const name = typeCondition?.name.value;
  if (typeCondition === undefined || name === undefined || isA(focus, name, definitions)) {
    problems.accept(fragment);
    return true;
  }
  const names = conditionNames(definitions);
  problems.add(fragment, () => {
    if (names.has(name)) {
      return `a fragment on ${name} never applies here, where a ${typeName(focus, definitions)} stands.`;
    }
    const near = hint(nearest(name, names), 'types are named as in FHIR R4, such as Patient.');
    return `there is no type ${name}: ${near}`;
  });
  return false;
}
