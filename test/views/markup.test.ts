/** Markup: what is put into a template is text, wherever it stands. */
import { describe, expect, it } from 'vitest';
import { cut, markup, Markup, rawText, visible, visibleLines } from '../../src/views/markup.ts';

describe('markup', () => {
  it('R-93: a value is text, in an element and in an attribute', () => {
    const value = `<b a="1" b='2'>&amp;</b>`;
    expect(markup`<p title="${value}">${value}</p>`.toString()).toBe(
      '<p title="&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;">&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;</p>',
    );
  });

  it('takes markup, lists of it, numbers and nothing', () => {
    const items = ['a', '<'].map((text) => markup`<li>${text}</li>`);
    expect(markup`<ul>${items}</ul>${3.5}${null}${markup`<br/>`}`.toString()).toBe(
      '<ul><li>a</li><li>&lt;</li></ul>3.5<br/>',
    );
  });

  it('R-93: shows what is not printed, so that nothing turns a line or speaks to a terminal', () => {
    const hostile = 'a\u0000b\u001b[1mc\u007fd\u202ee\u200ff\u2066g\u2028h\ufeffi\udc00j';
    const shown = 'a\ufffdb\ufffd[1mc\ufffdd\ufffde\ufffdf\ufffdg\ufffdh\ufffdi\ufffdj';
    expect(visible(hostile)).toBe(shown);
    expect(markup`<p>${hostile}</p>`.toString()).toBe(`<p>${shown}</p>`);
    expect(visible('a\nb')).toBe('a\ufffdb');
    expect(visibleLines('a\r\nb\tc\rd\n')).toBe('a\nb    c\nd\n');
  });

  it('cuts by characters, not by halves of them', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('😀😀😀', 2)).toBe('😀…');
  });

  it('cannot be made of text by anybody else', () => {
    expect(() => new Markup(Symbol('markup') as never, '<script>')).toThrow(TypeError);
  });

  it('keeps a style sheet as it is, and refuses what would end it', () => {
    expect(rawText('a > b { content: "&" }').toString()).toBe('a > b { content: "&" }');
    for (const text of ['a</style>', '<!-- a']) expect(() => rawText(text)).toThrow(RangeError);
  });
});
