/**
 * Operations: the table of what can be asked with `$name`, and at which level. The router and the CapabilityStatement
 * both read it.
 * https://hl7.org/fhir/R4/operations.html
 *
 * Invariant: what the table has not is refused: 404 where no such operation is at that level, 405 for its methods.
 */
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { BULK_DELETE } from './bulk-delete/bulk-delete.js';
import type { Context } from './context.js';
import { EVERYTHING } from './everything/everything.js';
import { EXPORTS } from './export/export.js';
import { GRAPHQL } from './graphql/operation.js';
import { IMPORT } from './import/import.js';
import { LASTN } from './lastn.js';
import { META_OPERATIONS } from './meta.js';
import { PURGE } from './purge/purge.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import type { OperationTarget } from './target.js';

export type OperationLevel = 'system' | 'type' | 'instance';

export interface Operation {
  /** Without the `$`. */
  readonly name: string;
  /** Another name by which the CapabilityStatement lists it too. */
  readonly alias?: string;
  /** Canonical URL of its OperationDefinition; relative to our own base where it is ours. */
  readonly definition: string;
  readonly levels: readonly OperationLevel[];
  /** Absent: every type. */
  readonly types?: readonly string[];
  readonly methods: readonly ('GET' | 'POST')[];
  readonly run: (request: FhirRequest, target: OperationTarget, context: Context) => Promise<FhirResponse>;
}

export const OPERATIONS: readonly Operation[] = [
  ...EXPORTS,
  IMPORT,
  BULK_DELETE,
  PURGE,
  ...EVERYTHING,
  LASTN,
  ...META_OPERATIONS,
  GRAPHQL,
];

export function runOperation(
  request: FhirRequest,
  target: OperationTarget,
  context: Context,
): Promise<FhirResponse> {
  const operation = OPERATIONS.find((one) => one.name === target.operation && isAt(one, target));
  if (operation === undefined) throw unknown(target);
  const { methods, run } = operation;
  if (methods.some((method) => method === request.method)) return run(request, target, context);
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  throw new Refusal('method-not-allowed', `$${operation.name} is called by ${allow}.`, { allow });
}

function levelOf({ type, id }: OperationTarget): OperationLevel {
  if (type === undefined) return 'system';
  return id === undefined ? 'type' : 'instance';
}

function isAt({ levels, types }: Operation, target: OperationTarget): boolean {
  if (!levels.includes(levelOf(target))) return false;
  return target.type === undefined || types === undefined || types.includes(target.type);
}

function unknown({ operation }: OperationTarget): Refusal {
  const name = serialise(`$${operation}`);
  const places = OPERATIONS.filter(({ name }) => name === operation).map(
    ({ types, levels }) => `on ${types?.join(', ') ?? 'any type'} at the level of ${levels.join(' or ')}`,
  );
  const hint = places.length === 0 ? '/metadata lists what there is' : `it is called ${places.join(', ')}`;
  return new Refusal('unknown-operation', `There is no operation ${name} here: ${hint}.`);
}

/** The operations of a level, for the CapabilityStatement; at a type's those of its instances too. */
export function operationsAt(levels: readonly OperationLevel[], type?: string): readonly Operation[] {
  return OPERATIONS.filter(
    (one) =>
      one.levels.some((level) => levels.includes(level)) &&
      (type === undefined || one.types === undefined || one.types.includes(type)),
  );
}
