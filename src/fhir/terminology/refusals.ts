/**
 * What a search by terminology is refused for. All of them are 400: the client named what is not here, or what cannot
 * be worked out from what is here; none of them is an empty page.
 */
import { type IssueCode, Refusal } from '../outcome.js';

/** `usedBy`: the value set that draws on it. */
export function valueSetNotLoaded(canonical: string, usedBy?: string): Refusal {
  const way = 'store it as a ValueSet resource whose url is that, with a complete expansion or a compose';
  return notLoaded(`The value set ${shown(canonical)}`, usedBy, way);
}

export function codeSystemNotLoaded(canonical: string, usedBy?: string): Refusal {
  const way = 'store it as a CodeSystem resource whose url is that, with its concepts';
  const other = usedBy === undefined ? '' : ', or the value set with a complete expansion';
  return notLoaded(`The code system ${shown(canonical)}`, usedBy, way + other);
}

function notLoaded(what: string, usedBy: string | undefined, way: string): Refusal {
  const use = usedBy === undefined ? '' : `, on which the value set ${shown(usedBy)} draws,`;
  return refused('not-found', `${what}${use} is not loaded: ${way}.`);
}

export function unknownCode(system: string): Refusal {
  return refused('code-invalid', `The code system ${shown(system)}, as it is loaded, has no such code.`);
}

/** `reason` goes on from "The value set x". */
export function cannotExpand(canonical: string, reason: string, code: IssueCode = 'not-supported'): Refusal {
  return refused(code, `The value set ${shown(canonical)} ${reason}.`);
}

export function tooManyCodes(canonical: string, limit: number): Refusal {
  const reason = `has more than the ${limit} codes that a search can ask for: name a narrower one`;
  return cannotExpand(canonical, reason, 'too-costly');
}

export function refused(code: IssueCode, text: string): Refusal {
  return new Refusal('invalid-parameter', [{ severity: 'error', code, text }]);
}

const MAX_NAME = 200;

/** Names come from the client or from a stored resource; a longer one is cut. */
function shown(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
}
