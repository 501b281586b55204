/**
 * What a resource says, apart from what a server may change: its id, its meta, and how its references are written.
 * Two populations are the same when, type by type, they hold the same contents whose references lead to the same
 * contents.
 *
 * Invariant: references are compared by the content of their targets, so a reference rewritten to the wrong resource
 * shows, unless that resource is equal in content.
 */
import { createHash } from 'node:crypto';
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from '#src/fhir/format/json.js';
import { serialise } from '#src/fhir/format/serialise.js';

/** A reference as written → the content of its target, or undefined where it leads out of the population. */
export type Resolve = (reference: string) => string | undefined;

/** A link within a population, as bundles and servers write it. */
const LINK = /^(urn:uuid:|[A-Z][A-Za-z]+\/[A-Za-z0-9.-]+$|[A-Z][A-Za-z]+\?)/;

/** The members that hold links: elsewhere (an identifier's value) the same text is just text. */
const LINKS = new Set(['reference', 'url', 'uri', 'valueUri', 'valueUrl']);

function strip(value: JsonValue, resolve: Resolve): JsonValue {
  if (Array.isArray(value)) return value.map((item) => strip(item, resolve));
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value).sort()) {
    const member = value[key] as JsonValue; // its own key
    const link = typeof member === 'string' && LINKS.has(key) ? resolve(member) : undefined;
    result[key] = link ?? strip(member, resolve);
  }
  return result;
}

/** A hash of the resource without id and meta, with its references resolved. */
export function content(resource: ResourceObject, resolve: Resolve): string {
  const { id: _id, meta: _meta, ...rest } = resource;
  return createHash('sha256')
    .update(serialise(strip(rest, resolve)))
    .digest('base64url');
}

export interface Member {
  readonly resource: ResourceObject;
  /** The texts by which others may refer to it: `urn:uuid:…`, `Patient/1`. */
  readonly names: readonly string[];
}

/** Contents of all members, references resolved two steps deep. `find` resolves conditional references. */
export function contents(
  members: readonly Member[],
  find: (condition: string) => Member | undefined,
): Map<Member, string> {
  const byName = new Map(members.flatMap((member) => member.names.map((name) => [name, member] as const)));
  let current = new Map(
    members.map((member) => [
      member,
      content(member.resource, (link) => (LINK.test(link) ? '(link)' : undefined)),
    ]),
  );
  for (let depth = 0; depth < 2; depth++) {
    const known = current;
    const resolve: Resolve = (reference) => {
      const target = reference.includes('?') ? find(reference) : byName.get(reference);
      return target === undefined ? undefined : known.get(target);
    };
    current = new Map(members.map((member) => [member, content(member.resource, resolve)]));
  }
  return current;
}
