/**
 * Referential integrity, where the setting asks for it: what a resource refers to in this store has to be there.
 * https://hl7.org/fhir/R4/http.html#transactional-integrity
 *
 * Invariant: that a target is there is a condition of the commit, so a simultaneous delete cannot slip in between.
 */
import type { ResourceObject } from '../fhir/format/json.js';
import { type Issue, Refusal } from '../fhir/outcome.js';
import { parseReference } from '../fhir/reference.js';
import { rewriteLinks } from '../fhir/reference-walk.js';
import type { ResourceKey } from '../ports/backend.js';
import type { Context } from './context.js';
import type { Resolution } from './resolution.js';

const NONE: ReadonlySet<string> = new Set();

/** `written`: `Type/id` of what the same commit writes. */
export async function checkReferences(
  resource: ResourceObject,
  resolution: Resolution,
  context: Context,
  written: ReadonlySet<string> = NONE,
): Promise<void> {
  if (!context.settings.checkReferences) return;
  const issues: Issue[] = [];
  for (const { type, id, path } of localReferences(resource, context)) {
    if (written.has(`${type}/${id}`) || (type === resource.resourceType && id === resource.id)) continue;
    const found = await resolution.resolve(type, { op: 'id', ids: [id] }, 'read');
    if (found.length === 0) issues.push(missing(type, path));
  }
  if (issues.length > 0) throw new Refusal('reference-missing', issues);
}

function localReferences(
  resource: ResourceObject,
  context: Context,
): readonly (ResourceKey & { readonly path: string })[] {
  const found: (ResourceKey & { readonly path: string })[] = [];
  rewriteLinks(resource, context.knowledge.definitions, ({ text, kind, path }) => {
    const reference = kind === 'reference' ? parseReference(text, context.baseUrl) : undefined;
    if (reference?.kind === 'local') found.push({ type: reference.type, id: reference.id, path });
    return undefined;
  });
  return found;
}

function missing(type: string, path: string): Issue {
  return {
    severity: 'error',
    code: 'not-found',
    text: `The ${type} referred to at ${path} is not in this store: store it first, or both in one transaction.`,
    expression: [path],
  };
}
