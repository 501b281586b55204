/**
 * Links in the XHTML of a narrative: the values of `href` and `src`.
 * https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/http.html#trules
 *
 * Invariant: whatever is not replaced stays byte for byte; text between tags is never taken for an attribute.
 */

// A `<` ends every attempt, so that broken markup costs no more than one pass.
const TAG = /<[A-Za-z](?:[^<>"']|"[^"<]*"|'[^'<]*')*>/g;
const LINK = /(\s(?:href|src)\s*=\s*)("[^"]*"|'[^']*')/g;
const ENTITY = /&(amp|lt|gt|quot|apos);/g;
const TO_ESCAPE = /[&<>"']/g;

const CHARACTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const ENTITIES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(CHARACTERS).map(([name, character]) => [character, `&${name};`]),
);

/** Calls `rewrite` with every link; a text that it returns takes the link's place. */
export function rewriteNarrative(div: string, rewrite: (link: string) => string | undefined): string {
  if (!div.includes('href') && !div.includes('src')) return div;
  return div.replace(TAG, (tag) =>
    tag.replace(LINK, (attribute: string, name: string, quoted: string) => {
      const replacement = rewrite(unescapeXml(quoted.slice(1, -1)));
      return replacement === undefined ? attribute : `${name}"${escapeXml(replacement)}"`;
    }),
  );
}

function unescapeXml(text: string): string {
  return text.replace(ENTITY, (_entity, name: string) => CHARACTERS[name] ?? '');
}

function escapeXml(text: string): string {
  return text.replace(TO_ESCAPE, (character) => ENTITIES[character] ?? '');
}
