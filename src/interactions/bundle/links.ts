/**
 * What the links of a transaction's resources become: references to other entries take the ids that these were given,
 * conditional references the id of the one resource that matches.
 * https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/http.html#cond-refs
 *
 * Invariant: a conditional reference is looked for in the store first, then among what the same transaction stores; none
 * or several are a 412 that names the place.
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import type { Issue, RefusalKind } from '../../fhir/outcome.js';
import { rewriteLinks } from '../../fhir/reference-walk.js';
import type { Context } from '../context.js';
import type { Pace } from '../pace.js';
import type { Resolution } from '../resolution.js';
import { Findings, placeIn } from './findings.js';
import { type Identities, isWritten } from './identities.js';
import { type ConditionalReference, type EntryLink, type EntryLinks, entryLink } from './link-survey.js';
import { OwnResources } from './own-resources.js';

interface Target {
  /** `Patient/1` */
  readonly address: string;
  /** The first version is made here: what a version-specific reference to the entry means. */
  readonly isNew: boolean;
}

export class Links {
  readonly #targets = new Map<string, Target>();
  readonly #conditional = new Map<string, string>();

  constructor(
    identities: Identities,
    private readonly context: Context,
  ) {
    for (const [entry, { ids, how }] of identities) {
      const { fullUrl } = entry.request;
      const [id, ...others] = ids;
      if (fullUrl === undefined || id === undefined || others.length > 0) continue;
      const isNew = typeof how === 'object' || ('freshId' in entry && entry.freshId === id);
      this.#targets.set(fullUrl, { address: `${entry.type}/${id}`, isNew });
    }
  }

  /** Finds what the conditional references mean, or throws all that mean nothing. */
  async resolve(
    references: readonly ConditionalReference[],
    identities: Identities,
    resolution: Resolution,
    pace: Pace,
  ): Promise<void> {
    const findings = new Findings();
    const own = new OwnResources(identities, this.context);
    for (const reference of references) {
      const { text, type, entry } = reference;
      const ids = await findings.attemptAsync(entry, () => matching(reference, own, resolution, pace));
      if (ids === undefined) continue;
      const [id, ...others] = ids;
      if (id === undefined) findings.add('condition-missing', [unmatched(reference)]);
      else if (others.length > 0) findings.add('condition-ambiguous', [severalMatch(reference)]);
      else this.#conditional.set(text, `${type}/${id}`);
      if (pace.due()) await pace.rest();
    }
    findings.refuse();
  }

  rewrite(resource: ResourceObject, { rewritten, base }: EntryLinks): ResourceObject {
    if (!rewritten) return resource;
    return this.rewriteAll(resource, base);
  }

  rewriteAll(resource: ResourceObject, base: string): ResourceObject {
    return rewriteLinks(resource, this.context.knowledge.definitions, (link) => {
      const conditional = link.kind === 'reference' ? this.#conditional.get(link.text) : undefined;
      if (conditional !== undefined) return conditional;
      const found = entryLink(link, base, this.#targets);
      return found === undefined ? undefined : this.#text(found);
    });
  }

  #text({ fullUrl, version, fragment }: EntryLink): string | undefined {
    const target = this.#targets.get(fullUrl);
    if (target === undefined) return undefined;
    const suffix = version === '' ? '' : `/_history/${target.isNew ? '1' : version}`;
    return `${target.address}${suffix}${fragment}`;
  }
}

async function matching(
  { type, where }: ConditionalReference,
  own: OwnResources,
  resolution: Resolution,
  pace: Pace,
): Promise<readonly string[]> {
  const stored = await resolution.resolve(type, where);
  if (stored.length > 0) return stored;
  return own.matching(type, await resolution.evaluable(type, where), pace);
}

/** `Type/id` of all that is stored, for checks of referential integrity. */
export function writtenKeys(identities: Identities): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const [{ kind, type }, identity] of identities) {
    if (kind !== 'delete' && isWritten(identity)) for (const id of identity.ids) keys.add(`${type}/${id}`);
  }
  return keys;
}

function unmatched(reference: ConditionalReference): Issue {
  const text = `No ${reference.type} meets the criteria of this conditional reference: store it first, or in the same transaction.`;
  return issueAt(reference, 'condition-missing', text);
}

function severalMatch(reference: ConditionalReference): Issue {
  const text = `More than one ${reference.type} meets the criteria of this conditional reference: name one of them.`;
  return issueAt(reference, 'condition-ambiguous', text);
}

function issueAt({ entry, path }: ConditionalReference, kind: RefusalKind, text: string): Issue {
  const code = kind === 'condition-ambiguous' ? 'multiple-matches' : 'not-found';
  return { severity: 'error', code, text, expression: [placeIn(entry, path)] };
}
