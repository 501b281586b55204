/** Links in narratives: found in tags alone, replaced without touching the rest. */
import { describe, expect, it } from 'vitest';
import { rewriteNarrative } from './narrative-links.js';

const DIV = '<div xmlns="http://www.w3.org/1999/xhtml">';

describe('rewriteNarrative', () => {
  it('is given every href and src, unescaped, and nothing else', () => {
    const seen: string[] = [];
    const div = `${DIV}<a class="x" href="urn:uuid:1">a</a> href="text" <img alt="src='no'"\n src = 'b?c=1&amp;d=2'/><p data-src="no"/></div>`;

    const result = rewriteNarrative(div, (link) => {
      seen.push(link);
      return undefined;
    });

    expect(seen).toEqual(['urn:uuid:1', 'b?c=1&d=2']);
    expect(result).toBe(div);
  });

  it('puts the replacement in place, escaped', () => {
    const result = rewriteNarrative(
      `${DIV}<a href='urn:uuid:1' id="a">a</a><a href="#b">b</a></div>`,
      (link) => (link.startsWith('urn:') ? 'Patient/1?a="1"&b' : undefined),
    );

    expect(result).toBe(
      `${DIV}<a href="Patient/1?a=&quot;1&quot;&amp;b" id="a">a</a><a href="#b">b</a></div>`,
    );
  });

  it('takes broken markup as it is', () => {
    const div = `${DIV}<a href="x <a href='y ${'<a '.repeat(10_000)}`;

    expect(rewriteNarrative(div, () => 'z')).toBe(div);
  });
});
