/**
 * Conditions of one plan: what was asked of the store (If-None-Exist, conditional references, `PUT Type?…`) and what it
 * answered, so that the commit can be made to depend on the answers.
 * https://hl7.org/fhir/R4/http.html#ccreate
 *
 * Invariant: the position is taken before the first question, so that no commit can slip in between; equal conditions
 * are asked once per plan.
 */
import { canonicalCondition } from '../fhir/search/canonical-condition.js';
import type { Predicate } from '../fhir/search/query.js';
import type { Condition, Position } from '../ports/backend.js';
import type { Context } from './context.js';
import { predicateResolver, type ResolvePredicate } from './resolve-query.js';

export interface Resolution {
  readonly conditions: readonly Condition[];
  readonly resolvedAt: Position;
  /** Criteria with the members of the sets that they name: what backends and `matches` can evaluate. */
  readonly evaluable: ResolvePredicate;
  /** Ids of at most two matches: none, the one, or several. */
  resolve(type: string, where: Predicate): Promise<readonly string[]>;
}

/** Whoever writes must find what it may write: conditions see through the write filter, as the commit does. */
export async function beginResolution(context: Context): Promise<Resolution> {
  const { backend, access } = context;
  const resolvedAt = await backend.position();
  const conditions: Condition[] = [];
  const known = new Map<string, Promise<readonly string[]>>();

  const evaluable = predicateResolver(context);

  const ask = async (type: string, where: Predicate): Promise<readonly string[]> => {
    const plain = await evaluable(type, where);
    const ids = await backend.resolve(type, plain, access.write, 2);
    conditions.push({ type, where: plain, ids });
    return ids;
  };

  return {
    conditions,
    resolvedAt,
    evaluable,
    resolve(type, where) {
      const key = canonicalCondition(type, where);
      const answered = known.get(key) ?? ask(type, where);
      known.set(key, answered);
      return answered;
    },
  };
}

/** What a plan takes from its resolution, once all was asked. */
export function resolved({ conditions, resolvedAt }: Resolution): Resolved {
  return { conditions, resolvedAt };
}

type Resolved = Pick<Resolution, 'conditions' | 'resolvedAt'>;

/** For plans that asked nothing. */
export const UNCONDITIONAL: Resolved = { conditions: [], resolvedAt: 0 };
