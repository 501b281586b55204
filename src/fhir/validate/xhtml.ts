/**
 * The narrative's XHTML: one strict scan, without a tree.
 * https://hl7.org/fhir/R4/narrative.html#xhtml, invariants txt-1 and txt-2
 *
 * Invariant: what passes is one well-formed `div` of formatting elements, in which nothing runs, loads a document or
 * reads differently to an XML parser and to a browser (CDATA, comments that HTML would end early).
 */

const NAMESPACE = 'http://www.w3.org/1999/xhtml';

/** Chapters 7 to 11 (without 9.4) and 15 of HTML 4, links and images. */
const ELEMENTS: ReadonlySet<string> = new Set(
  (
    'a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 ' +
    'h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var'
  ).split(' '),
);

const OPENING = /<([A-Za-z][\w:.-]*)/y;
const ATTRIBUTE = /\s+([A-Za-z_:][\w:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const OPENING_END = /\s*(\/?)>/y;
const CLOSING = /<\/([A-Za-z][\w:.-]*)\s*>/y;
const COMMENT = /<!--(?!-?>)(?:(?!--)[\s\S])*-->/y;
const TEXT = /[^<]+/y;
const STRAY_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)/;
const REFERENCE = /&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Beginnings that no browser takes for another scheme. */
const PLAIN_URL = /^(?:https?:|mailto:|[#/.])/;
/** Schemes that run or carry active content; images may be data. */
const ACTIVE_URL = /^(?:javascript:|vbscript:|data:(?!image\/(?:png|gif|jpe?g|webp|bmp)[;,]))/;

/** What is wrong with the text, as the rest of a sentence; undefined = nothing. */
export function xhtmlProblem(text: string): string | undefined {
  return new Scan(text).problem();
}

class Scan {
  private at = 0;
  private readonly open: string[] = [];
  private visible = false;

  constructor(private readonly text: string) {}

  problem(): string | undefined {
    const { text } = this;
    this.take(TEXT_SPACE);
    if (!text.startsWith('<div', this.at)) return 'must be one div element';
    do {
      const problem = text.charCodeAt(this.at) === LESS_THAN ? this.markup() : this.characters();
      if (problem !== undefined) return problem;
    } while (this.open.length > 0 && this.at < text.length);
    if (this.open.length > 0) return `has no end of its element ${this.open.at(-1)}`;
    this.take(TEXT_SPACE);
    if (this.at < text.length) return 'has content after its div element';
    return this.visible ? undefined : 'must have some text or an image';
  }

  private characters(): string | undefined {
    const [run = ''] = this.take(TEXT) ?? [];
    if (STRAY_AMPERSAND.test(run)) return STRAY_AMPERSAND_PROBLEM;
    if (!this.visible && /\S/.test(run)) this.visible = true;
    return undefined;
  }

  private markup(): string | undefined {
    const opened = this.take(OPENING);
    if (opened !== null) return this.element(opened[1] ?? '');
    const closed = this.take(CLOSING);
    if (closed === null) return this.take(COMMENT) === null ? 'is not well-formed XHTML' : undefined;
    return this.open.pop() === closed[1] ? undefined : 'has elements that are not closed in order';
  }

  private element(name: string): string | undefined {
    if (!ELEMENTS.has(name)) return 'has an element that narratives may not have';
    const seen = new Set<string>();
    for (let found = this.take(ATTRIBUTE); found !== null; found = this.take(ATTRIBUTE)) {
      const [, attribute = '', quoted, apostrophed] = found;
      if (seen.has(attribute)) return 'has an element with the same attribute twice';
      seen.add(attribute);
      const problem = attributeProblem(attribute, quoted ?? apostrophed ?? '');
      if (problem !== undefined) return problem;
    }
    const end = this.take(OPENING_END);
    if (end === null) return 'is not well-formed XHTML';
    if (name === 'img') this.visible = true;
    if (end[1] === '') this.open.push(name);
    return undefined;
  }

  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }
}

const LESS_THAN = 0x3c;
const TEXT_SPACE = /\s*/y;
const STRAY_AMPERSAND_PROBLEM =
  'has an "&" that begins no reference of XML (HTML names such as &nbsp; are none: write the character itself)';

function attributeProblem(name: string, value: string): string | undefined {
  if (value.includes('&') && STRAY_AMPERSAND.test(value)) return STRAY_AMPERSAND_PROBLEM;
  const lower = name.toLowerCase();
  if (lower.startsWith('on')) return 'has an event attribute';
  if (lower === 'xmlns') return value === NAMESPACE ? undefined : `must be in the namespace ${NAMESPACE}`;
  if (lower === 'style') {
    return /(?:javascript|expression|behavior|@import)/.test(canonical(value))
      ? 'has active content'
      : undefined;
  }
  if (lower === 'href' || lower === 'src' || lower === 'background' || lower.endsWith(':href')) {
    if (PLAIN_URL.test(value)) return undefined;
    return ACTIVE_URL.test(canonical(value)) ? 'has a link to active content' : undefined;
  }
  return undefined;
}

/** As a browser reads it: references replaced, white space and control characters gone, lower case. */
function canonical(value: string): string {
  const plain = value.replace(REFERENCE, (_all, hex?: string, decimal?: string, named?: string) => {
    if (named !== undefined) return NAMED[named] ?? '';
    const code = hex === undefined ? Number.parseInt(decimal ?? '0', 10) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });
  return [...plain]
    .filter((character) => character > ' ')
    .join('')
    .toLowerCase();
}
