/**
 * Rules on contained resources and on references to them; they belong to the resource that contains.
 * https://hl7.org/fhir/R4/domainresource.html#invs (dom-2, dom-4, dom-5), https://hl7.org/fhir/R4/references.html#contained (ref-1)
 *
 * Invariant: bad structure gives no problem here; the schemas report it.
 */
import type { Definitions } from '../definitions/definitions.js';
import { isObject, type JsonObject, type ResourceObject } from '../format/json.js';
import { rewriteLinks } from '../reference-walk.js';
import type { ContainedRule, Problem } from './problem.js';

export function containedProblems(resource: JsonObject): readonly Problem[] {
  const problems: Problem[] = [];
  const ids = new Set<unknown>();
  for (const [index, contained] of listOf(resource).entries()) {
    if (!isObject(contained)) continue;
    const broken = (rule: ContainedRule, below: string): void => {
      problems.push({ path: `/contained/${index}${below}`, finding: { kind: 'contained', rule } });
    };
    if (contained.contained !== undefined) broken('nested', '/contained');
    if (contained.id !== undefined && ids.has(contained.id)) broken('same-id', '/id');
    ids.add(contained.id);
    if (!isObject(contained.meta)) continue;
    if (contained.meta.versionId !== undefined) broken('version', '/meta/versionId');
    if (contained.meta.lastUpdated !== undefined) broken('version', '/meta/lastUpdated');
    if (contained.meta.security !== undefined) broken('security', '/meta/security');
  }
  return problems;
}

/** References `#id` that lead to no contained resource; `#` alone is the containing resource itself. */
export function fragmentProblems(resource: ResourceObject, definitions: Definitions): readonly Problem[] {
  const ids = new Set(listOf(resource).map((contained) => (isObject(contained) ? contained.id : undefined)));
  const problems: Problem[] = [];
  rewriteLinks(resource, definitions, ({ kind, text, path }) => {
    if (kind === 'reference' && text.startsWith('#') && text.length > 1 && !ids.has(text.slice(1))) {
      const below = path.slice(path.indexOf('.') + 1);
      problems.push({ path: '', finding: { kind: 'contained', rule: 'reference', below } });
    }
    return undefined;
  });
  return problems;
}

function listOf({ contained }: JsonObject): JsonObject[keyof JsonObject][] {
  return Array.isArray(contained) ? contained : [];
}
