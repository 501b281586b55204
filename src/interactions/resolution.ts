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
import { permit } from './permit.js';
import { predicateResolver, type ResolvePredicate } from './resolve-query.js';

export interface Resolution {
  readonly conditions: readonly Condition[];
  readonly resolvedAt: Position;
  /** Criteria with the members of the sets that they name: what backends and `matches` can evaluate. */
  readonly evaluable: ResolvePredicate;
  /** Ids of at most two matches: none, the one, or several; of what may be searched, or `by` reading, read. */
  resolve(type: string, where: Predicate, by?: Condition['by']): Promise<readonly string[]>;
}

/** Conditions find what their asker could find by a search, and so does the commit that looks again. */
export async function beginResolution(context: Context): Promise<Resolution> {
  const { backend, access } = context;
  const resolvedAt = await backend.position();
  const conditions: Condition[] = [];
  const known = new Map<string, Promise<readonly string[]>>();

  const evaluable = predicateResolver(context);

  const ask = async (type: string, where: Predicate, by: Condition['by']): Promise<readonly string[]> => {
    permit(context, type, by);
    const plain = await evaluable(type, where);
    const ids = await backend.resolve(type, plain, access[by], 2);
    conditions.push({ type, where: plain, by, ids });
    return ids;
  };

  return {
    conditions,
    resolvedAt,
    evaluable,
    resolve(type, where, by = 'search') {
      const key = `${by} ${canonicalCondition(type, where)}`;
      const answered = known.get(key) ?? ask(type, where, by);
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
