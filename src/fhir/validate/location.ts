/**
 * Where a problem is, as FHIRPath says it: names of elements and indexes, without the types of choices.
 * https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
 */
import type { Definitions } from '../definitions/definitions.js';
import { isObject, type JsonValue } from '../format/json.js';
import { propertiesOf } from '../properties.js';

/** `/name/0/_given/1` in a Patient → `Patient.name[0].given[1]`. */
export function expressionOf(definitions: Definitions, resource: JsonValue, path: string): string {
  let value: JsonValue | undefined = resource;
  let type = 'Resource';
  let expression = typeOf(definitions, resource);
  for (const segment of path.split('/').slice(1)) {
    if (Array.isArray(value)) {
      value = value[Number(segment)];
      expression += `[${segment}]`;
      continue;
    }
    const owner = type === 'Resource' ? typeOf(definitions, value) : type;
    const property = propertiesOf(definitions)(owner).get(segment);
    expression += `.${property?.element.name ?? segment}`;
    type = property?.type ?? '';
    value = isObject(value) ? value[segment] : undefined;
  }
  return expression;
}

/** A resource's type, if it names one that is known. */
function typeOf(definitions: Definitions, value: JsonValue | undefined): string {
  const type = isObject(value) ? value.resourceType : undefined;
  return typeof type === 'string' && definitions.resourceTypes.has(type) ? type : 'Resource';
}
