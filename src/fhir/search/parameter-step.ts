/**
 * One search parameter on one resource type, compiled: the step that walks from the resource to the parameter's values.
 * https://hl7.org/fhir/R4/searchparameter.html
 */
import type { Definitions, SearchParameter, SearchParameterType } from '../definitions/definitions.js';
import type { IndexValue } from './index-value.js';
import { compileExpression, type Finish, type Scope } from './path/compile.js';
import type { Elements } from './path/elements.js';
import { parseExpression } from './path/expression.js';
import { DATE_VALUES } from './values/date-values.js';
import { type Extract, type Extraction, maker, type ValueTable } from './values/extraction.js';
import { NUMBER_VALUES, QUANTITY_VALUES } from './values/number-values.js';
import { POSITION_VALUES } from './values/position-values.js';
import { type ReferenceParameter, type ReferenceReader, referenceValues } from './values/reference-values.js';
import { STRING_VALUES } from './values/string-values.js';
import { TOKEN_VALUES } from './values/token-values.js';
import { URI_VALUES } from './values/uri-values.js';

/** What all parameters of an indexer share. */
export interface Room {
  readonly definitions: Definitions;
  readonly elements: Elements;
  readonly references: ReferenceReader;
}

/** Where a walk begins: the resource itself, or the root of a composite. */
interface Start {
  readonly resourceType: string;
  readonly focus: string;
}

/** undefined: the parameter has no values in a resource (`_text`, `_filter` …). */
export function parameterStep(
  parameter: SearchParameter,
  resourceType: string,
  compartments: readonly string[],
  room: Room,
): Extract | undefined {
  if (parameter.expression === undefined) return undefined;
  const start: Start = { resourceType, focus: resourceType };
  if (parameter.type === 'composite') return compositeStep(parameter, parameter.expression, start, room);
  const { code, targets } = parameter;
  return stepOf(
    parameter.expression,
    start,
    room,
    valueStep(parameter.type, { code, targets, compartments }, room),
  );
}

/** Element types from which a parameter that is no composite takes values. */
export function valueTypes(
  { expression, type, code, targets }: SearchParameter,
  resourceType: string,
  room: Room,
): readonly string[] {
  if (expression === undefined || type === 'composite') return [];
  const types = new Set<string>();
  const valuesOf = valueStep(type, { code, targets, compartments: [] }, room);
  stepOf(expression, { resourceType, focus: resourceType }, room, (elementType) => {
    const step = valuesOf(elementType);
    if (step !== undefined) types.add(elementType);
    return step;
  });
  return [...types];
}

function stepOf(expression: string, start: Start, room: Room, then: Finish<Extraction>): Extract | undefined {
  const scope: Scope = {
    ...start,
    elements: room.elements,
    resolvesTo: room.references.resolvesTo,
    text: expression,
  };
  return compileExpression(parseExpression(expression), scope, throughExtensions(scope, then));
}

/** An expression that ends at an extension means its value. */
function throughExtensions(scope: Scope, then: Finish<Extraction>): Finish<Extraction> {
  return (type) =>
    type === 'Extension'
      ? compileExpression(parseExpression('value'), { ...scope, focus: type }, then)
      : then(type);
}

const TABLES: Readonly<Partial<Record<SearchParameterType, ValueTable>>> = {
  token: TOKEN_VALUES,
  string: STRING_VALUES,
  date: DATE_VALUES,
  number: NUMBER_VALUES,
  quantity: QUANTITY_VALUES,
  uri: URI_VALUES,
  special: POSITION_VALUES,
};

function valueStep(type: SearchParameterType, parameter: ReferenceParameter, room: Room): Finish<Extraction> {
  const table = TABLES[type];
  if (table !== undefined) return (elementType) => maker(table, elementType)?.(parameter.code);
  return (elementType) => referenceValues(elementType, parameter, room.references);
}

/**
 * One value per root; a root that lacks a component can never match and has none: nor have those of a type where no
 * such component can be. Components are looked at from the last
 * on: the first is mostly a code that is always there, the last a value of one of many types.
 */
function compositeStep(
  { code, components = [] }: SearchParameter,
  root: string,
  start: Start,
  room: Room,
): Extract | undefined {
  return stepOf(root, start, room, (focus) => {
    const parts = components
      .map(({ type, expression }) => {
        const inner = { resourceType: start.resourceType, focus };
        return stepOf(expression, inner, room, valueStep(type, COMPONENT, room));
      })
      .reverse();
    if (parts.includes(undefined)) return undefined;
    return (value, walk) => {
      const found: (readonly IndexValue[])[] = [];
      for (const part of parts) {
        const inner: Extraction = { ...walk, values: [], memberships: [] };
        part?.(value, inner);
        if (inner.values.length === 0) return;
        found.push(inner.values);
      }
      walk.values.push({ kind: 'composite', param: code, components: found.reverse() });
    };
  });
}

/** Values inside a composite belong to no parameter of their own. */
const COMPONENT: ReferenceParameter = { code: '', targets: [], compartments: [] };
