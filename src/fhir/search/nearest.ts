/**
 * The known names that come nearest to one that is not known: what a refusal offers as the way out.
 *
 * Invariant: only names that a slip of the pen could have meant are offered; none is better than a wild guess.
 */

/** At most `limit` candidates, the nearest first; equally near ones in the order of the alphabet. */
export function nearest(name: string, candidates: Iterable<string>, limit = 3): readonly string[] {
  const wanted = name.slice(0, MAX_LENGTH).toLowerCase();
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const distance = distanceOf(wanted, candidate.toLowerCase());
    if (distance !== undefined) found.push({ candidate, distance });
  }
  found.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  return found.slice(0, limit).map(({ candidate }) => candidate);
}

/** Names are short; a longer one is no slip, and would only cost time. */
const MAX_LENGTH = 64;

/** A third of the letters may be wrong. A name that the other begins with counts as one slip. */
function distanceOf(wanted: string, candidate: string): number | undefined {
  const allowed = Math.max(1, Math.floor(Math.min(wanted.length, candidate.length) / 3));
  const begins = wanted.length >= 3 && (candidate.startsWith(wanted) || wanted.startsWith(candidate));
  if (begins && candidate.length >= 3) return 1;
  if (Math.abs(wanted.length - candidate.length) > allowed) return undefined;
  const distance = edits(wanted, candidate);
  return distance <= allowed ? distance : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
        swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
